#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules between the ends: one segment of a connection dropped at each hook that it passes, and sent
# again when the rule goes; resets that a rule sends at FORWARD and OUTPUT; addresses translated,
# proxied, synproxied and not tracked.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Each part has namespaces of its own.
network() {
	PARTS=$((PARTS + 1))
	CLIENT=client$PARTS-$$ ROUTER=router$PARTS-$$ SERVER=server$PARTS-$$
	route $CLIENT $ROUTER $SERVER
}

# --- drops: a connection for each kind of segment, hook and family ---

# The port of the end that sends the segment tells its kind: KIND PLACE FAMILY, a digit or two each.
KINDS=(syn synack ack data fin last_ack)
HOOKS="prerouting input forward output postrouting"

# The hooks that a segment of the client passes, and one of the server.
FROM_CLIENT="client.output client.postrouting router.prerouting router.forward router.postrouting \
server.prerouting server.input"
FROM_SERVER="server.output server.postrouting router.prerouting router.forward router.postrouting \
client.prerouting client.input"

# The two ends' states while it is dropped.
declare -A PARKED=(
	[syn]="syn_sent none"
	[synack]="syn_sent syn_recv"
	[ack]="established syn_recv"
	[data]="established established"
	[fin]="fin_wait1 established"
	[last_ack]="time_wait last_ack"
)
# And when it has come at last.
declare -A FINAL=(
	[syn]="established established"
	[synack]="established established"
	[ack]="established established"
	[data]="established established"
	[fin]="fin_wait2 close_wait"
	[last_ack]="time_wait none"
)

# Each hook has a set of ports; what comes from there and is of the port's kind is dropped.
drop_tables() {
	local hook

	{
		echo "table inet drops {
			chain kinds {
				tcp sport 21000-21999 tcp flags & (syn | ack) == syn drop
				tcp sport 22000-22999 tcp flags & (syn | ack) == syn | ack drop
				tcp sport 23000-23999 tcp flags & (syn | fin | rst | psh | ack) == ack drop
				tcp sport 24000-24999 tcp flags & (fin | psh) == psh drop
				tcp sport 25000-25999 tcp flags & fin == fin drop
				tcp sport 26000-26999 tcp flags & (syn | fin | rst | psh | ack) == ack drop
			}"
		for hook in $HOOKS; do
			echo "set $hook { type inet_service; }
			chain $hook {
				type filter hook $hook priority 0;
				tcp sport @$hook jump kinds
			}"
		done
		echo "}"
	} | rules $1
}

# each_cell COMMAND: with kind, cell (a name), place, family, and the ends' addresses and ports.
each_cell() {
	local kind cell place family client server from to i j places

	for family in 4 6; do
		case $family in
		4)	client=10.0.1.1 server=10.0.2.2 ;;
		6)	client=fd00:1::1 server=fd00:2::2 ;;
		esac
		for i in "${!KINDS[@]}"; do
			kind=${KINDS[i]}
			places=$FROM_CLIENT
			[ $kind != synack ] || places=$FROM_SERVER
			j=0
			for place in $places; do
				j=$((j + 1))
				cell=$kind.$place.v$family
				from=$((21000 + i * 1000 + j * 10 + family)) to=$((from + 10000))
				[ $kind != synack ] || { to=$from from=$((from + 10000)); }
				"$1"
			done
		done
	done
}

# Until then its segments pass.
block_cell() {
	local port=$from

	[ $kind != synack ] || port=$to
	echo "add element inet drops ${place#*.} { $port }" >>"$TMP/${place%.*}.block"
}

block_late() {
	[ $kind != last_ack ] || block_cell
}

block_early() {
	case $kind in
	syn | synack | ack)	block_cell ;;
	esac
}

block_open() {
	case $kind in
	data | fin)	block_cell ;;
	esac
}

# block FUNCTION: the rules that it wants, in all three namespaces.
block() {
	local place

	rm -f "$TMP"/*.block
	each_cell $1
	for place in client router server; do
		rules $place$PARTS-$$ <"$TMP/$place.block"
	done
}

lift() {
	local hook ns

	for ns in $CLIENT $ROUTER $SERVER; do
		for hook in $HOOKS; do
			echo "flush set inet drops $hook"
		done | rules $ns
	done
}

listen_cell() {
	s listen l.$cell $server $to
}

dial_cell() {
	s connect c.$cell $server $to $client $from
}

accept_cell() {
	s accept l.$cell s.$cell
}

accept_opened() {
	case $kind in
	data | fin | last_ack)	accept_cell ;;
	esac
}

accept_late() {
	case $kind in
	syn | synack | ack)	accept_cell ;;
	esac
}

# The client closes first, with or without data before it.
act_cell() {
	case $kind in
	data)	s send c.$cell 100 ;;
	fin | last_ack)	s shutdown c.$cell ;;
	esac
}

answer_cell() {
	[ $kind = last_ack ] || return 0
	s wait s.$cell close_wait
	s wait c.$cell fin_wait2
}

close_cell() {
	[ $kind != last_ack ] || s shutdown s.$cell
}

expect_cell() {
	read -r end far <<<"${EXPECTED[$kind]}"
	echo "$CLIENT $from $to $end $cell"
	echo "$SERVER $to $from $far $cell"
}

# cells_are: each end is in ss as expected, and the mirror equals ss.
cells_are() {
	each_cell expect_cell >"$TMP/expected"
	{
		observe $CLIENT ""
		observe $SERVER ""
	} | awk '
	FNR == NR { expected[$1, $2, $3] = $4; name[$1, $2, $3] = $5; next }
	($2, $3, $4) in expected { found[$2, $3, $4] = $5 }
	END {
		for (end in expected)
			if ((found[end] == "" ? "none" : found[end]) != expected[end]) {
				print name[end] ": " found[end] ", not " expected[end]
				failed = 1
			}
		exit failed
	}' "$TMP/expected" -
}

drops() {
	declare -A EXPECTED
	local key ns

	network
	for ns in $CLIENT $ROUTER $SERVER; do
		drop_tables $ns
	done
	s netns $SERVER
	each_cell listen_cell
	s netns $CLIENT
	block block_early
	each_cell dial_cell
	each_cell accept_opened
	block block_open
	each_cell act_cell
	each_cell answer_cell
	block block_late
	each_cell close_cell
	for key in "${!PARKED[@]}"; do EXPECTED[$key]=${PARKED[$key]}; done
	check "each segment is dropped at each hook" wait_until 20 cells_are
	# Not at rest: a server that cannot send its SYN-ACK forgets the request until the next SYN.
	check "and what it moved equals ss" wait_until 10 compare_ss $CLIENT $SERVER
	lift
	each_cell accept_late
	for key in "${!FINAL[@]}"; do EXPECTED[$key]=${FINAL[$key]}; done
	check "sent again, it arrives" wait_until 40 cells_are
	check "nothing is under way" wait_until 10 at_rest $CLIENT $SERVER
	all_equal "drops" $CLIENT $ROUTER $SERVER
	check "each forwarded end is its socket's" settled ends_equal $ROUTER $CLIENT $SERVER
	s close '*'
}

# --- rules that answer with a reset ---

flows_are() {
	mirror_is $ROUTER pairs forwarded,$1 $2 $3
}

# reject NETNS HOOK
reject() {
	rules $1 <<-END
		table inet rejects {
			chain $2 {
				type filter hook $2 priority 0;
				tcp sport $from reject with tcp reset
			}
		}
	END
}

accept() {
	in_ns $1 nft delete table inet rejects
}

# socket_is NETNS STATE PORT PEER
socket_is() {
	wait_until 10 look "$@"
}

# rejected NETNS HOOK: the client sends, and is reset; the server does not know.
rejected() {
	from=$((from + 1))
	connection $2.$family $CLIENT $SERVER $server 6000 $client $from
	s close l.$2.$family
	reject $1 $2
	s send c.$2.$family 10
	s wait c.$2.$family close
	check "$family reset at $2: the client's end" socket_is $CLIENT none $from 6000
	check "$family reset at $2: not the server's" socket_is $SERVER established 6000 $from
}

resets() {
	network
	from=5000
	for family in v4 v6; do
		case $family in
		v4)	client=10.0.1.1 server=10.0.2.2 ;;
		v6)	client=fd00:1::1 server=fd00:2::2 ;;
		esac
		rejected $ROUTER forward
		check "$family and so does the router" settled flows_are close established 1
		accept $ROUTER
		s send s.forward.$family 10
		s wait s.forward.$family close
		check "$family the client's own reset ends it" settled flows_are close established 0

		rejected $CLIENT output
		accept $CLIENT
		check "$family the router did not see it" flows_are established established 1
		s send s.output.$family 10
		s wait s.output.$family close
		check "$family until the client is asked" settled flows_are established established 0

		from=$((from + 1))
		reject $ROUTER forward
		s netns $CLIENT
		s connect c.refused.$family $server 6000 $client $from
		s wait c.refused.$family close
		check "$family a SYN refused at forward" socket_is $CLIENT none $from 6000
		accept $ROUTER
		check "$family leaves nothing" settled mirror_is $ROUTER stat embryonic value 0
		s close '*'
	done
	all_equal "resets" $CLIENT $ROUTER $SERVER
}

# --- translated, proxied ---

# states_of NAME: connections NAME.0 to NAME.2 in three states; s.NAME.* have accepted.
states_of() {
	s wait "c.$1.*" established
	s shutdown c.$1.1
	s wait s.$1.1 close_wait
	s shutdown s.$1.2
	s wait c.$1.2 close_wait
}

# talk NAME CLIENT ADDRESS PORT LISTENER: three connections, in three states, with data both ways.
talk() {
	local i

	s netns $2
	for i in 0 1 2; do
		s connect c.$1.$i $3 $4
		s accept $5 s.$1.$i
	done
	s wait "c.$1.*" established
	s send "c.$1.*" 2000
	s read "s.$1.*" 2000
	s send "s.$1.*" 2000
	s read "c.$1.*" 2000
	states_of $1
}

servers() {
	case $family in
	v4)	server=10.0.2.2 any=0.0.0.0 ;;
	v6)	server=fd00:2::2 any=:: ;;
	esac
}

# The rules of one family: ip or ip6, with its addresses.
translations() {
	rules $ROUTER <<-END
		table $1 nat {
			chain postrouting {
				type nat hook postrouting priority 100;
				oifname "server$PARTS" tcp dport 8000 masquerade
			}
		}
		table $1 raw {
			chain prerouting {
				type filter hook prerouting priority -300;
				tcp dport 8001 notrack
				tcp sport 8001 notrack
			}
		}
		table $1 mangle {
			chain prerouting {
				type filter hook prerouting priority -150;
				iifname "client$PARTS" tcp dport 8002 tproxy to :9000 meta mark set 1 accept
			}
		}
	END
	rules $CLIENT <<-END
		table $1 nat {
			chain output {
				type nat hook output priority -100;
				tcp dport 8003 redirect to :9001
				tcp dport 8004 dnat to $2:9002
			}
		}
	END
}

translated() {
	network
	translations ip 10.0.2.2
	translations ip6 "[fd00:2::2]"
	ip -n $ROUTER rule add fwmark 1 lookup 100
	ip -n $ROUTER route add local default dev lo table 100
	ip -n $ROUTER -6 rule add fwmark 1 lookup 100
	ip -n $ROUTER -6 route add local default dev lo table 100
	for family in v4 v6; do
		servers
		s netns $SERVER
		s listen masquerade.$family $server 8000
		s listen notrack.$family $server 8001
		talk masquerade.$family $CLIENT $server 8000 masquerade.$family
		talk notrack.$family $CLIENT $server 8001 notrack.$family
		check "$family masquerade, notrack: each end is its socket's" \
			settled ends_equal $ROUTER $CLIENT $SERVER
		s close "[cs].masquerade.$family.*"
		s close "[cs].notrack.$family.*"
	done
	for family in v4 v6; do
		servers
		s netns $SERVER
		s listen dnat.$family $server 9002
		s netns $ROUTER
		s bind tproxy.$family $any 9000
		s set tproxy.$family transparent 1
		s listen tproxy.$family $any 9000
		s netns $CLIENT
		s listen redirect.$family $any 9001

		talk dnat.$family $CLIENT $server 8004 dnat.$family
		check "$family DNAT at output" settled flows_are established established 1
		s close "[cs].dnat.$family.*"

		talk tproxy.$family $CLIENT $server 8002 tproxy.$family
		check "$family TPROXY: the router answers" settled \
			mirror_is $ROUTER pairs local,established established 1
		check "$family TPROXY: the initiator closes" settled \
			mirror_is $ROUTER pairs local,close_wait fin_wait2 1
		check "$family TPROXY: the responder closes" settled \
			mirror_is $ROUTER pairs local,fin_wait2 close_wait 1
		s close "[cs].tproxy.$family.*"

		# The two sockets do not know each other's names: two flows.
		talk redirect.$family $CLIENT $server 8003 redirect.$family
		check "$family REDIRECT at output: two flows" settled \
			mirror_is $CLIENT pairs local,established established 2
		check "$family REDIRECT at output: one dialled" \
			mirror_is $CLIENT counters established local_initiator 1
		check "$family REDIRECT at output: half-closed" settled \
			mirror_is $CLIENT pairs local,fin_wait2 close_wait 2
		check "$family REDIRECT at output: the other way" settled \
			mirror_is $CLIENT pairs local,close_wait fin_wait2 2
		s close "[cs].redirect.$family.*"
		s close "*.$family"
	done
	check "translated: nothing is under way" wait_until 10 at_rest $CLIENT $ROUTER $SERVER
	all_equal "translated" $CLIENT $ROUTER $SERVER
}

# synproxy NETNS HOOK
synproxy() {
	in_ns $1 sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
	rules $1 <<-END
		table inet proxied {
			chain prerouting {
				type filter hook prerouting priority -300;
				tcp dport 8000 tcp flags & (syn | ack) == syn notrack
			}
			chain $2 {
				type filter hook $2 priority 0;
				tcp dport 8000 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
				ct state invalid drop
			}
		}
	END
}

# A proxy answers the SYN itself, and opens the connection again when the ACK was right.
synproxied() {
	network
	synproxy $1$PARTS-$$ $2
	for family in v4 v6; do
		servers
		s netns $SERVER
		s listen synproxy.$2.$family $server 8000
		talk synproxy.$2.$family $CLIENT $server 8000 synproxy.$2.$family
	done
	check "SYNPROXY at $2: the ends have met" mirrors $CLIENT $SERVER
	s close '*'
	check "SYNPROXY at $2: nothing is under way" wait_until 10 at_rest $CLIENT $SERVER
	all_equal "SYNPROXY at $2" $CLIENT $ROUTER $SERVER
}

modprobe nf_conntrack || die "no conntrack"
PARTS=0
start_sockets
drops
resets
translated
synproxied server input
synproxied router forward
finish
