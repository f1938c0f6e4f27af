#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections of every manner of closing over a network that loses, overtakes, repeats and damages:
# on each interface of a client, a router and a server, each fault in namespaces of its own, all of
# them together in another three. At rest every end is its socket's, the forwarded ones too as far as
# a router can tell, and the router's flows drain.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# All of it within the minute that TIME_WAIT lasts.
SECONDS_OF_TRAFFIC=8
DIALLERS=2	# at a time, of each family
[ "${SCALE:-}" != long ] || { SECONDS_OF_TRAFFIC=20 DIALLERS=8; }
ALL="order copies loss damage all"

declare -A FAULTS=(
	[loss]="loss 5%"
	[order]="delay 5ms reorder 25%"
	[copies]="duplicate 5%"
	[damage]="corrupt 1%"
	[all]="delay 5ms reorder 25% loss 5% duplicate 5% corrupt 1%"
)

# What shows that the fault was there: counters of sockets, see shows.
declare -A EVIDENCE=(
	[loss]="TcpRetransSegs"
	[order]="TcpExtTCPOFOQueue"
	[copies]="TcpExtTCPDSACKOldSent"
	[damage]="TcpInCsumErrors"
	[all]="TcpRetransSegs TcpExtTCPOFOQueue TcpExtTCPDSACKOldSent TcpInCsumErrors"
)

names() {
	CLIENT=client_$1-$$ ROUTER=router_$1-$$ SERVER=server_$1-$$
}

# Known for good: a damaged answer would teach a wrong one.
keep_neighbours() {
	in_ns $CLIENT ping -qc 1 -W 5 10.0.2.2 && in_ns $CLIENT ping -qc 1 -W 5 fd00:2::2 || return 1
	for ns in $CLIENT $ROUTER $SERVER; do
		ip -n $ns neigh | awk '$4 == "lladdr" {
			print "neigh replace", $1, "dev", $3, "lladdr", $5, "nud permanent"
		}' >"$TMP/neighbours"
		ip -n $ns -batch "$TMP/neighbours" || return 1
	done
}

# each_interface COMMAND...: of the three namespaces, as NETNS DEVICE.
each_interface() {
	"$@" $CLIENT ${ROUTER%-*} && "$@" $ROUTER ${CLIENT%-*} && "$@" $ROUTER ${SERVER%-*} &&
		"$@" $SERVER ${ROUTER%-*}
}

impair() {
	in_ns $1 tc qdisc add dev $2 root netem ${FAULTS[$fault]}
}

repair() {
	in_ns $1 tc qdisc del dev $2 root
}

# Traffic in the background; what it says goes to a file.
traffic() {
	local port=5000 i

	for ((i = 0; i < DIALLERS; i++)); do
		dialler 10.0.2.2 $((port + i))
		dialler fd00:2::2 $((port + i))
	done
}

dialler() {
	churn -k -t $SECONDS_OF_TRAFFIC -c $CLIENT -s $SERVER $1 $2 >>"$TMP/$fault.churned" 2>&1 &
	CHILDREN[$!]=1
	DIALLED+=($!)
}

# told_off: how often an end was told that its packet could not be delivered. No checksum covers the
# header of IPv6: where its hop limit or next header is damaged the next host says so, and that ends
# a connection whose SYN it was (tcp_v6_err).
told_off() {
	{
		in_ns $CLIENT nstat -asz Icmp6InTimeExcds Icmp6InParmProblems
		in_ns $SERVER nstat -asz Icmp6InTimeExcds Icmp6InParmProblems
	} | awk '!/^#/ { n += $2 } END { print n + 0 }'
}

# churned: no connection failed but by such a word, and there were some of each manner.
churned() {
	local told

	told=$(told_off)
	cat "$TMP/$fault.churned"
	echo "told off: $told"
	awk -v diallers=$((2 * DIALLERS)) -v told=$told '
	/^churn: [0-9]+ connections, [0-9]+ errors$/ {
		ended++
		connections += $2
		errors += $4
		if ($2 > most)
			most = $2
	}
	END {
		exit ended != diallers || connections < 6 * diallers || most < 6 || errors > told
	}' "$TMP/$fault.churned"
}

# shows COUNTER...: each has grown at one of the ends.
shows() {
	{
		in_ns $CLIENT nstat -asz "$@"
		in_ns $SERVER nstat -asz "$@"
	} | awk '
	/^#/ { next }
	{ n[$1] += $2 }
	END {
		for (counter in n)
			if (!n[counter]) {
				print counter " is 0"
				failed = 1
			}
		exit failed || !NR
	}'
}

bad_checksums() {
	[ "$(read_mirror $ROUTER debug | awk '$1 == "bad_checksum" { print $4 }')" -gt 0 ]
}

# forwarded_equal: what the router knows from its first SYN on is as ss shows the sockets. A segment
# that was overtaken by a RST begins a flow of its own: one direction of it was heard, no more. And a
# repeated last ACK is answered by a RST, which ends TIME_WAIT, but for an end that enters it just
# then: its mirror counts that, and the router cannot know.
forwarded_equal() {
	{
		in_ns $ROUTER tcpstate -H flows provenance handshake | sed 's/^/flow /'
		observe $CLIENT ""
		observe $SERVER ""
		for ns in $CLIENT $SERVER; do
			read_mirror $ns debug | sed -n "s/^withheld_backlog time_wait/withheld $ns/p"
		done
	} | awk -v client=$CLIENT -v server=$SERVER -v states="$STATES" '
	$1 == "flow" {
		sub(/\?$/, "", $4)
		sub(/\?$/, "", $6)
		mirror[client, $4]++
		mirror[server, $6]++
	}
	$1 == "ss" { sockets[$2, $5]++ }
	$1 == "withheld" { sockets[$2, "time_wait"] -= $NF }
	function compare(netns, state)
	{
		if (mirror[netns, state] + 0 != sockets[netns, state] + 0) {
			print netns ": " mirror[netns, state] + 0 " in " state " in the router, " \
				sockets[netns, state] + 0 " in ss"
			failed = 1
		}
	}
	END {
		n = split(states, state, " ")
		for (i = 1; i <= n; i++)
			if (state[i] != "close" && state[i] != "listen") {
				compare(client, state[i])
				compare(server, state[i])
			}
		exit failed
	}' && return
	in_ns $ROUTER tcpstate -H flows not state time_wait and not peer-state time_wait
	return 1
}

# all_over: where a segment was lost before the router, it cannot tell which end closed first, or
# whether an ACK that came with a FIN has arrived. Both ends are at their last states all the same.
all_over() {
	in_ns $ROUTER tcpstate -H flows provenance handshake | awk '
	{ sub(/\?$/, "", $3); sub(/\?$/, "", $5) }
	$3 !~ /^(time_wait|close|closing|last_ack)$/ || $5 !~ /^(time_wait|close|closing|last_ack)$/ {
		print
		failed = 1
	}
	END { exit failed }'
}

# What was met in the middle was heard from one side alone.
only_halves() {
	local n

	n=$(in_ns $ROUTER tcpstate count provenance midstream) || return 1
	mirror_is $ROUTER stat embryonic value $n && return
	in_ns $ROUTER tcpstate -H flows provenance midstream
	return 1
}

only_time_wait() {
	in_ns $1 ss -tanH | awk '$1 != "TIME-WAIT" { print; found = 1 } END { exit found }'
}

drained() {
	mirror_is $ROUTER stat flows value 0
}

DIALLED=()
for fault in $ALL; do
	names $fault
	route $CLIENT $ROUTER $SERVER
	keep_neighbours >"$TMP/neighbourhood" || die "no neighbours"
	each_interface impair || die "no netem"
done
for fault in $ALL; do
	names $fault
	traffic
done
wait "${DIALLED[@]}"
for child in "${DIALLED[@]}"; do
	unset "CHILDREN[$child]"
done
for fault in $ALL; do
	names $fault
	each_interface repair || die "netem stays"
done
for fault in $ALL; do
	names $fault
	check "$fault: no connection failed" churned
	# shellcheck disable=SC2086
	check "$fault: it was there" shows ${EVIDENCE[$fault]}
	for ns in $CLIENT $SERVER; do
		check "$fault: the sockets of the ${ns%_*} come to rest" wait_until 30 only_time_wait $ns
	done
	all_equal $fault $CLIENT $ROUTER $SERVER
	case $fault in
	order | copies)
		check "$fault: each forwarded end is its socket's" settled forwarded_equal
		;;
	*)
		check "$fault: each forwarded end is closed, as its socket" settled all_over
		;;
	esac
	check "$fault: but for what was half-heard" settled only_halves
done
names damage
check "damage: the router noticed" bad_checksums
for fault in $ALL; do
	names $fault
	tcpstate -N $ROUTER config timeout_time_wait=1 timeout_last_ack=1 \
		timeout_fin_wait=1 timeout_one_sided=1 >"$TMP/config"
done
for fault in $ALL; do
	names $fault
	check "$fault: the router's flows drain" wait_until 10 drained
done
finish
