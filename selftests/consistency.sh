#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# At rest, all ways to read say the same: /proc, netlink and the reader byte for byte; the flows,
# added up, are the counters; and each local end of a flow is a line of ss.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

# rendered NETNS FILE: the family's answer in the form of the file.
rendered() {
	in_ns $1 ask counters-get | awk -v file=$2 -v states="$STATES" '
	BEGIN {
		n = split(states, state, " ")
		kinds = "local remote forwarded_initiator forwarded_responder"
		split("states pairs transitions stat", nests, " ")
		nest = file == "counters" ? "states." : file "."
		header["counters"] = "local local_initiator remote forwarded_initiator " \
			"forwarded_responder entered_local entered_remote " \
			"entered_forwarded_initiator entered_forwarded_responder"
		header["transitions"] = kinds
		columns = split(header[file], column, " ")
	}
	# Rows by their first words, whatever their order.
	index($1, nest) == 1 {
		key = ""
		for (i = 1; i <= NF; i++) {
			split(substr($i, length(nest) + 1), pair, "=")
			if (pair[1] ~ /^(state|path|peer_state|from|to)$/)
				key = key (key == "" ? "" : " ") pair[2]
			else
				value[key, pair[1]] = pair[2]
			if (file == "stat")
				stat[++rows] = pair[1] " " pair[2]
		}
	}
	function row(key,	i, line)
	{
		line = key
		for (i = 1; i <= columns; i++)
			line = line " " ((key, column[i]) in value ? value[key, column[i]] : 0)
		print line
	}
	END {
		if (file == "counters") {
			print "state " header[file]
			for (i = 1; i <= n; i++)
				row(state[i])
		} else if (file == "transitions") {
			print "from to " header[file]
			for (i = 1; i <= n; i++)
				for (j = 1; j <= n; j++)
					row(state[i] " " state[j])
		} else if (file == "pairs") {
			print "path state " states
			split("local loopback forwarded", path, " ")
			for (p = 1; p <= 3; p++)
				for (i = 1; i <= n; i++) {
					line = path[p] " " state[i]
					for (j = 1; j <= n; j++)
						line = line " " value[path[p] " " state[i] " " \
								      state[j], "flows"] + 0
					print line
				}
		} else {
			print "name value"
			for (i = 1; i <= rows; i++)
				print stat[i]
		}
	}'
}

same() {
	read_mirror $1 $2 >"$TMP/proc" && rendered $1 $2 >"$TMP/netlink" &&
		tcpstate -N $1 $2 | tr -s ' ' >"$TMP/reader" || return 1
	diff "$TMP/proc" "$TMP/netlink" && diff "$TMP/proc" "$TMP/reader"
}

# complete NETNS: the attribute says what the file says.
complete() {
	diff <(in_ns $1 ask counters-get tables=pairs | sed -n 's/^complete=\(.\) $/\1/p') \
		<(mirror $1 stat complete value)
}

# adds_up NETNS: its flows are its gauges and pairs.
adds_up() {
	in_ns $1 sh -c "ask -d flow-get && cat $MIRROR/pairs $MIRROR/counters" | awk '
	/^id=/ {
		delete f
		for (i = 1; i <= NF; i++) {
			split($i, pair, "=")
			f[pair[1]] = pair[2]
		}
		self = f["src.ipv4"] f["src.ipv6"] == f["dst.ipv4"] f["dst.ipv6"] &&
		       f["src.port"] == f["dst.port"]
		cell[f["path"], f["src.state"], f["dst.state"]]++
		if (f["path"] == "forwarded") {
			gauge[f["src.state"], "forwarded_initiator"]++
			gauge[f["dst.state"], "forwarded_responder"]++
			next
		}
		gauge[f["src.state"], "local"]++
		if (f["role"] == "initiator")
			gauge[f["src.state"], "local_initiator"]++
		if (f["path"] == "local")
			gauge[f["dst.state"], "remote"]++
		else if (!self)
			gauge[f["dst.state"], "local"]++
		next
	}
	$1 == "path" || $1 == "state" {
		file = $1
		for (i = 1; i <= NF; i++)
			name[i] = $i
		next
	}
	file == "path" {
		for (i = 3; i <= NF; i++)
			equal($1 " " $2 " " name[i], $i, cell[$1, $2, name[i]])
		next
	}
	$1 != "listen" {
		for (i = 2; i <= 6; i++)
			equal($1 " " name[i], $i, gauge[$1, name[i]])
	}
	function equal(what, shown, counted)
	{
		cells++
		if (shown != counted + 0) {
			print what " is " shown ", the flows say " counted + 0
			failed = 1
		}
	}
	END { exit failed || cells != 33 * 11 + 10 * 5 }'
}

# sockets_of NETNS: STATE ADDRESS PORT PEER PORT of each connection, by ss, and by the flows.
sockets_of() {
	in_ns $1 ss -tanH | awk '
	$1 != "LISTEN" && $1 != "UNCONN" {
		state = tolower($1)
		sub(/^estab$/, "established", state)
		gsub(/-/, "_", state)
		sub(/wait_/, "wait", state)
		for (i = 4; i <= 5; i++) {
			gsub(/[][]/, "", $i)
			sub(/:[0-9]+$/, " &", $i)
			sub(/ :/, " ", $i)
		}
		print state, $4, $5
	}' | sort
}

local_ends() {
	in_ns $1 ask -d flow-get | awk '
	function end(this, other)
	{
		if (f[this ".local"] && f[this ".state"] != "close")
			print f[this ".state"], f[this ".ipv4"] f[this ".ipv6"], f[this ".port"],
				f[other ".ipv4"] f[other ".ipv6"], f[other ".port"]
	}
	{
		delete f
		for (i = 1; i <= NF; i++) {
			split($i, pair, "=")
			f[pair[1]] = pair[2]
		}
		end("src", "dst")
		end("dst", "src")
	}' | sort -u
}

each_in_ss() {
	diff <(sockets_of $1) <(local_ends $1)
}

# all_flows NETNS CONDITION: awk's condition holds for each, and there is one.
all_flows() {
	in_ns $1 ask -d flow-get | awk '{
		delete f
		for (i = 1; i <= NF; i++) {
			split($i, pair, "=")
			f[pair[1]] = pair[2]
		}
		n++
		if (!('"$2"')) {
			print
			failed = 1
		}
	}
	END { exit failed || !n }'
}

# field NETNS NAME [PORT PORT]: of the flow between these ports.
field() {
	in_ns $1 ask flow-get src.ipv4=10.0.1.1 src.port=${3:-5999} \
		dst.ipv4=10.0.2.2 dst.port=${4:-6999} | tr ' ' '\n' | sed -n "s/^$2=//p"
}

older_than() {
	[ "$(field $1 $2)" -gt $3 ]
}

# The age in a state begins anew with it; that of the flow goes on.
ages() {
	local ns age=()

	connection aged $CLIENT $SERVER 10.0.2.2 6999 10.0.1.1 5999
	for ns in $CLIENT $ROUTER $SERVER; do
		wait_until 10 older_than $ns src.age 1000 && wait_until 10 older_than $ns dst.age 1000 ||
			return 1
		age[${#age[@]}]=$(field $ns age)
	done
	s shutdown c.aged
	s wait s.aged close_wait
	for ns in $CLIENT $ROUTER $SERVER; do
		wait_until 5 grows_anew $ns ${age[0]} || return 1
		age=("${age[@]:1}")
	done
}

# grows_anew NETNS AGE: the flow is older, its ends are new in their states.
grows_anew() {
	local flow src dst

	flow=$(field $1 age) src=$(field $1 src.age) dst=$(field $1 dst.age)
	echo "flow $flow, src $src, dst $dst, before $2"
	[ $flow -ge $2 ] && [ $src -lt $flow ] && [ $dst -lt $flow ] &&
		[ $((flow - src)) -ge 900 ] && [ $((flow - dst)) -ge 900 ]
}

# A flow that is dropped is known again when its socket goes to close_wait, as another one.
forgotten() {
	local before

	connection dropped $CLIENT $SERVER 10.0.2.2 6994 10.0.1.1 5994
	before=$(field $CLIENT id 5994 6994)
	in_ns $CLIENT ask flow-del src.ipv4=10.0.1.1 src.port=5994 dst.ipv4=10.0.2.2 dst.port=6994 ||
		return 1
	s shutdown s.dropped
	wait_until 5 midstream && [ "$(field $CLIENT id 5994 6994)" != "$before" ]
}

midstream() {
	[ "$(field $CLIENT provenance 5994 6994)" = midstream ] &&
		[ "$(field $CLIENT src.state 5994 6994)" = close_wait ]
}

route $CLIENT $ROUTER $SERVER
drop_table $CLIENT
drop_table $SERVER
start_sockets
for family in v4 v6; do
	case $family in
	v4)	client=10.0.1.1 router=10.0.1.2 server=10.0.2.2 self=127.0.0.1 port=6000 ;;
	v6)	client=fd00:1::1 router=fd00:1::2 server=fd00:2::2 self=::1 port=6200 ;;
	esac
	for name in established fin_wait2 close_wait time_wait fin_wait1 last_ack closing; do
		port=$((port + 1))
		connection $name.$family $CLIENT $SERVER $server $port $client $((port - 1000))
		c=c.$name.$family sv=s.$name.$family
		case $name in
		fin_wait2)
			s shutdown $c
			s wait $sv close_wait
			;;
		close_wait)
			s shutdown $sv
			s wait $c close_wait
			;;
		time_wait)
			s shutdown $c
			s wait $sv close_wait
			s shutdown $sv
			;;
		fin_wait1)
			drop $SERVER fins $((port - 1000))
			s shutdown $c
			;;
		last_ack)
			drop $CLIENT fins $port
			s shutdown $c
			s wait $sv close_wait
			s shutdown $sv
			;;
		closing)
			drop $SERVER fins $((port - 1000))
			s shutdown $c
			s shutdown $sv
			;;
		esac
	done
	s netns $CLIENT
	drop $SERVER syns $((port - 999))
	s connect c.syn_sent.$family $server 7000 $client $((port - 999))
	s netns $SERVER
	s listen l.syn_recv.$family $server $((port + 100))
	drop $CLIENT synacks $((port + 100))
	s netns $CLIENT
	s connect c.syn_recv.$family $server $((port + 100))
	connection router.$family $CLIENT $ROUTER $router 6999
	s shutdown s.router.$family
	connection out.$family $ROUTER $SERVER $server 6998
	connection loop.$family $ROUTER $ROUTER $self 6997
	connection half.$family $ROUTER $ROUTER $self 6996
	s shutdown c.half.$family
	s wait s.half.$family close_wait
	s netns $CLIENT
	s bind self.$family $self 6995
	s connect self.$family $self 6995
	s wait self.$family established
done
wait_until 10 ss_is $CLIENT time_wait 2 || die "no time_wait"
wait_until 10 ss_is $SERVER syn_recv 2 || die "no syn_recv"

for ns in $CLIENT $ROUTER $SERVER; do
	name=${ns%-*}
	check "$name equals ss" mirrors $ns
	for file in counters pairs transitions stat; do
		check "$name: $file of /proc, netlink and reader" settled same $ns $file
	done
	check "$name: complete" complete $ns
	check "$name: the flows add up" settled adds_up $ns
	check "$name: each local end is a socket's" settled each_in_ss $ns
	check "$name: all known by their handshakes" all_flows $ns 'f["provenance"] == "handshake"'
	check "$name: local ends as their path says" all_flows $ns \
		'f["src.local"] == (f["path"] != "forwarded") && f["dst.local"] == (f["path"] == "loopback")'
	if grep -qx 1 /sys/module/tcpstate/parameters/witness; then
		check "$name: local ends are known" all_flows $ns \
			'!(f["src.local"] && f["src.inferred"]) && !(f["dst.local"] && f["dst.inferred"])'
	fi
done
check "the client has dialled all" all_flows $CLIENT \
	'f["role"] == "initiator" && (f["path"] == "local" || f["src.port"] == 6995)'
check "the server has accepted all" all_flows $SERVER 'f["role"] == "responder" && f["path"] == "local"'
check "the router has dialled, and not accepted" all_flows $ROUTER \
	'(f["role"] == "responder") == (f["path"] == "local" && f["src.port"] == 6999)'
check "the router: which path" all_flows $ROUTER 'f["path"] == (f["dst.port"] ~ /^699[67]$/ ? \
	"loopback" : f["src.port"] == 6999 || f["dst.port"] == 6998 ? "local" : "forwarded")'
check "the router: forwarded from the client" all_flows $ROUTER 'f["path"] != "forwarded" || \
	f["src.ipv4"] f["src.ipv6"] ~ /^(10\.0\.1\.1|fd00:1::1)$/'
check "ages" ages
check "a flow that was dropped is known midstream" forgotten
finish
