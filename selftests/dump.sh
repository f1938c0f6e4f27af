#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Dumps: each flow that lived throughout exactly once, whatever happens to the others; unfinished
# ones, across all that takes flows away; filters and counts; ids.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

A=a-$$ B=b-$$ L=l-$$ CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$
PARKED=400
DUMPS=24
READERS=16

# dump NETNS FILE ARGUMENT...: within 20 s; the status is that of ask.
dump() {
	in_ns $1 timeout 20 ask -d "${@:3}" flow-get >"$2"
}

# --- while connections come and go ---

# parked_once FILE [FIRST]: each connection to port 6000 once, no id twice; each with the same id as
# in the first dump.
parked_once() {
	awk -v parked=$PARKED '
	{
		delete f
		for (i = 1; i <= NF; i++)
			if (split($i, pair, "=") == 2)
				f[pair[1]] = pair[2]
		key = f["src.ipv4"] f["src.ipv6"] " " f["src.port"] " " f["dst.port"]
		if (seen[FILENAME, $1]++) { print "twice: " $0; failed = 1 }
		if (f["dst.port"] != 6000)
			next
		n[FILENAME]++
		if (key in id && id[key] != $1) { print "another id: " $0; failed = 1 }
		id[key] = $1
	}
	END {
		for (i = 1; i < ARGC; i++)
			if (n[ARGV[i]] != parked) {
				print ARGV[i] ": " n[ARGV[i]] " parked"
				failed = 1
			}
		exit failed
	}' "$@"
}

many_dumps() {
	local i

	for ((i = 0; i < DUMPS; i++)); do
		dump $A "$TMP/dump.$i" -s $((i % 2 ? 4096 : 65536)) || {
			echo "dump $i: status $?"
			return 1
		}
	done
	parked_once "$TMP"/dump.*
}

many_readers() {
	local reader readers=() failed=0 i

	for ((i = 0; i < READERS; i++)); do
		dump $A "$TMP/reader.$i" -s 4096 &
		readers+=($!)
	done
	for reader in "${readers[@]}"; do
		wait $reader || failed=1
	done
	[ $failed = 0 ] && parked_once "$TMP"/reader.*
}

# other_flows FILE...: those that came and went.
other_flows() {
	cat "$@" | grep -v 'dst.port=6000 ' | cut -d ' ' -f 1 | sort -u | wc -l
}

# --- unfinished dumps ---

# hold NETNS [N]: a dump that waits after N messages (1); sets HELD.
hold() {
	mkfifo "$TMP/go"
	nsenter --net=/run/netns/$1 ask -d -s 4096 -p ${2:-1} flow-get <"$TMP/go" >"$TMP/held" &
	HELD=$!
	CHILDREN[$HELD]=1
	exec 6>"$TMP/go"
	rm "$TMP/go"
	wait_until 10 grep -qx held "$TMP/held"
}

# go_on: to the end; the status is that of ask.
go_on() {
	echo >&6
	exec 6>&-
	unset "CHILDREN[$HELD]"
	wait $HELD
}

# abandon: kills the reader.
abandon() {
	exec 6>&-
	unset "CHILDREN[$HELD]"
	kill -9 $HELD
	{ wait $HELD; } 2>/dev/null
	true
}

# listed: ids of the flows of the held dump, before or after it was held, or all.
listed() {
	case $1 in
	before)	sed '/^held$/,$d' "$TMP/held" ;;
	after)	sed '1,/^held$/d' "$TMP/held" ;;
	all)	grep -vx held "$TMP/held" ;;
	esac
}

# 200 loopback connections in namespace L, opened one after another.
dial_loops() {
	s netns $L
	s connect 'c.loop*200' 127.0.0.1 7000 127.0.0.1 20000
	s accept listener 's.loop*200'
	s wait 'c.loop.*' established
}

none_twice() {
	[ -z "$(cut -d ' ' -f 1 "$1" | sort | uniq -d)" ]
}

# The flows are found again, as others: none is listed twice, and the next dump has all of them.
begun_anew() {
	listed all >"$TMP/listed"
	none_twice "$TMP/listed" && dump $L "$TMP/after" && none_twice "$TMP/after" &&
		[ "$(wc -l <"$TMP/after")" = 200 ] &&
		[ -z "$(cut -d ' ' -f 1 "$TMP/before" "$TMP/after" | sort | uniq -d)" ]
}

across_flush() {
	dump $L "$TMP/before" && hold $L && in_ns $L ask flow-flush | grep -x "count=200 " &&
		go_on && begun_anew
}

across_enabled() {
	dump $L "$TMP/before" && hold $L && ask config-set enabled=0 &&
		ask config-set enabled=1 && go_on && begun_anew
}

# delete NETNS: the flows on standard input, as they were dumped.
delete() {
	awk '{
		for (i = 1; i <= NF; i++)
			if ($i ~ /^(id|(src|dst)\.(ipv4|ipv6|port))=/)
				printf "%s ", $i
		print ""
	}' | in_ns $1 sh -c 'while read -r key; do ask flow-del $key || exit 1; done'
}

across_del() {
	dump $L "$TMP/before" && hold $L || return 1
	listed before | tail -n 1 | delete $L && go_on || return 1
	diff <(cut -d ' ' -f 1 "$TMP/before" | sort) <(listed all | cut -d ' ' -f 1 | sort)
}

no_more_than() {
	[ "$(flow_objects)" -le $1 ] || { flow_objects; return 1; }
}

# The namespace loses its name and its sockets; the dump keeps it until it ends, or is killed.
across_netns() {
	local ns=gone-$1-$$ before

	before=$(flow_objects)
	add_netns $ns
	s netns $ns
	s listen gone 127.0.0.1 7000
	s connect "c.gone*200" 127.0.0.1 7000
	s accept gone "s.gone*200"
	hold $ns || return 1
	s close '*gone*'
	s netns $L
	ip netns del $ns
	grep '^flows [1-9]' /proc/$HELD/net/tcpstate/stat && $1 || return 1
	wait_until 20 no_more_than $before
}

across_rmmod() {
	hold $L || return 1
	! rmmod tcpstate 2>"$TMP/rmmod" && grep 'in use' "$TMP/rmmod" || return 1
	abandon
	rmmod tcpstate
}

# --- filters ---

# filter CONDITION ATTRIBUTE...: these attributes let the flows pass for which awk's condition holds.
filter() {
	FILTERS=$((FILTERS + 1))
	CONDITIONS+="if ($1) print $FILTERS, \$1; "
	echo "$FILTERS ${*:2}" >>"$TMP/filters"
}

# The flows and their number, by filter: as awk picks them from the full dump, and as asked for.
compare_filters() {
	awk '{
		delete f
		for (i = 1; i <= NF; i++)
			if (split($i, pair, "=") == 2)
				f[pair[1]] = pair[2]
		'"$CONDITIONS"'
	}' "$TMP/full" >"$TMP/picked"
	awk -v filters=$FILTERS '
	{ n[$1]++; print }
	END { for (i = 1; i <= filters; i++) print i, "count=" n[i] + 0 }' "$TMP/picked" |
		sort >"$TMP/wanted"
	in_ns $ROUTER sh -c 'while read -r n filter; do
		{ ask -d flow-get $filter; ask flow-count $filter; } | sed "s/^/$n /"
	done' <"$TMP/filters" | cut -d ' ' -f 1,2 | sort >"$TMP/got"
	selective=$(cut -d ' ' -f 1 "$TMP/picked" | sort -u | wc -l)
	echo "$FILTERS filters, $selective with flows"
	diff "$TMP/wanted" "$TMP/got" >"$TMP/differences" && [ $selective -gt 50 ] && return
	sed -n 's/^[<>] //p' "$TMP/differences" | join - <(sort "$TMP/filters")
	return 1
}

# Variety at the router: forwarded, local and loopback flows, each family, several states.
variety() {
	local address n=0

	silence 6666
	for address in 10.0.2.2 fd00:2::2; do
		n=$((n + 1))
		connection est.$n $CLIENT $SERVER $address 6000
		connection half.$n $CLIENT $SERVER $address 6001
		s shutdown c.half.$n
		s wait s.half.$n close_wait
		connection back.$n $CLIENT $SERVER $address 6002
		s shutdown s.back.$n
		s wait c.back.$n close_wait
		s netns $CLIENT
		s connect unanswered.$n $address 6666
		connection out.$n $ROUTER $SERVER $address 6003
		connection closing.$n $ROUTER $SERVER $address 6004
		s shutdown c.closing.$n
	done
	connection in.1 $CLIENT $ROUTER 10.0.1.2 6005
	connection in.2 $CLIENT $ROUTER fd00:1::2 6005
	s shutdown c.in.2
	connection loop.1 $ROUTER $ROUTER 127.0.0.1 6006
	connection loop.2 $ROUTER $ROUTER ::1 6006
	s shutdown s.loop.2
	s wait c.loop.2 close_wait
}

filters() {
	local state path port end

	dump $ROUTER "$TMP/full" || return 1
	FILTERS=0 CONDITIONS=
	filter 1
	filter 'f["src.ipv4"] != ""' filter.family=2
	filter 'f["src.ipv6"] != ""' filter.family=10
	for path in local loopback forwarded; do
		filter 'f["path"] == "'$path'"' filter.paths=$path
	done
	filter 'f["path"] != "loopback"' filter.paths=local,forwarded
	filter 'f["role"] == "initiator"' filter.role=initiator
	filter 'f["role"] == "responder"' filter.role=responder
	for state in $STATES; do
		filter 'f["src.state"] == "'$state'"' filter.states=$state
		filter 'f["dst.state"] == "'$state'"' filter.peer-states=$state
		filter 'f["src.state"] == "'$state'" || f["dst.state"] == "'$state'"' \
			filter.either-states=$state
	done
	filter 'f["src.state"] ~ /^(fin_wait2|close_wait)$/' filter.states=fin_wait2,close_wait
	filter 0 filter.states=0
	for port in 6000 6003 6005; do
		filter 'f["dst.port"] >= '$port filter.dport-min=$port
		filter 'f["dst.port"] <= '$port filter.dport-max=$port
		filter 'f["dst.port"] == '$port filter.dport-min=$port filter.dport-max=$port
		filter 'f["src.port"] >= '$port filter.sport-min=$port
		filter 'f["src.port"] <= '$port filter.sport-max=$port
	done
	filter 'f["dst.port"] >= 6001 && f["dst.port"] <= 6004' filter.dport-min=6001 \
		filter.dport-max=6004
	filter 0 filter.dport-min=6004 filter.dport-max=6001
	for end in src dst; do
		filter "f[\"$end.ipv4\"] != \"\"" filter.$end.ipv4=1.2.3.4 filter.$end.length=0
		filter "f[\"$end.ipv6\"] != \"\"" filter.$end.ipv6=:: filter.$end.length=0
		filter "f[\"$end.ipv4\"] ~ /^10\\.0\\./" filter.$end.ipv4=10.0.255.255 \
			filter.$end.length=16
		filter "f[\"$end.ipv4\"] ~ /^10\\.0\\.[01]\\./" filter.$end.ipv4=10.0.0.0 \
			filter.$end.length=23
		filter "f[\"$end.ipv4\"] ~ /^10\\.0\\.2\\.[23]\$/" filter.$end.ipv4=10.0.2.2 \
			filter.$end.length=31
		filter "f[\"$end.ipv4\"] == \"10.0.2.2\"" filter.$end.ipv4=10.0.2.2
		filter "f[\"$end.ipv4\"] == \"10.0.1.1\"" filter.$end.ipv4=10.0.1.1 \
			filter.$end.length=32
		filter "f[\"$end.ipv6\"] ~ /^fd00:/" filter.$end.ipv6=fd00:: \
			filter.$end.length=16
		filter "f[\"$end.ipv6\"] ~ /^fd00:2::/" filter.$end.ipv6=fd00:2::ffff \
			filter.$end.length=64
		filter "f[\"$end.ipv6\"] ~ /^fd00:[123]::/" filter.$end.ipv6=fd00:: \
			filter.$end.length=29
		filter "f[\"$end.ipv6\"] == \"fd00:2::2\"" filter.$end.ipv6=fd00:2::2
		filter "f[\"$end.ipv6\"] ~ /^fd00:2::[23]\$/" filter.$end.ipv6=fd00:2::3 \
			filter.$end.length=127
	done
	filter 'f["path"] == "forwarded" && f["src.state"] == "fin_wait2" && f["src.ipv6"] != ""' \
		filter.paths=forwarded filter.states=fin_wait2 filter.family=10
	filter 0 filter.family=2 filter.src.ipv6=fd00:: filter.src.length=16
	compare_filters
}

# --- ids ---

# Of connections that were opened one after another, from and to neighbouring ports. By chance
# alone, two of 200 random ids are equal in 32 bits in one of 200,000 runs.
ids_say_nothing() {
	tr ' ' '\n' <"$1" | awk -F= '
	$1 == "id" { id = substr($2, 3) }
	$1 == "src.port" { hex[$2] = id; ports[$2] = 1 }
	END {
		for (port = 20000; port < 20200; port++) {
			n += port in ports
			ascents += "x" hex[port] > "x" hex[port - 1]
			near += seen[substr(hex[port], 1, 8)]++ > 0
			keys += index(hex[port], sprintf("%04x1b58", port)) > 0 ||
				index(hex[port], sprintf("1b58%04x", port)) > 0 ||
				index(hex[port], "7f000001") > 0
		}
		print n " flows, " ascents " ascents, " near " near, " keys " with their key"
		exit n != 200 || ascents < 50 || ascents > 150 || near || keys
	}'
}

# fixed_id: opens and resets a connection between two fixed ports, prints its id.
fixed_id() {
	s netns $L
	s connect c.fixed 127.0.0.1 7001 127.0.0.1 7002
	s accept fixed s.fixed
	s wait c.fixed established
	in_ns $L ask flow-get src.ipv4=127.0.0.1 src.port=7002 dst.ipv4=127.0.0.1 dst.port=7001 |
		cut -d ' ' -f 1
	reset c.fixed
	s close s.fixed
}

all_differ() {
	[ $# = "$(printf '%s\n' "$@" | grep -E '^id=0x[0-9a-f]{16}$' | sort -u | wc -l)" ]
}

# silence PORTS: the server does not answer there.
silence() {
	rules $SERVER <<-END
		table inet silent {
			chain input {
				type filter hook input priority 0;
				tcp dport $1 drop
			}
		}
	END
}

# --- more flows in a bucket than a message holds ---

# The smallest table, and nearly as many flows as it may have: 21 in a bucket on average, half of them
# IPv6. SYNs through the router that nobody answers; their flows stay. 2000 are the client's own.
FLOWS=22000

crowd() {
	local port

	insmod "$ko" "${arguments[@]}" max_flows=1 && ask config-set max-flows=24576 &&
		in_ns $ROUTER ask config-set max-embryonic=24576 || return 1
	silence 8000-8010
	s netns $CLIENT
	for port in {8000..8010}; do
		s connect 'u*2000' "$( ((port % 2)) && echo fd00:2::2 || echo 10.0.2.2)" $port
		s close 'u.*'
	done
	mirror_is $ROUTER stat flows value $FLOWS && mirror_is $ROUTER stat embryonic value $FLOWS
}

crowd_once() {
	dump $ROUTER "$TMP/crowd" -s $1 || return 1
	[ "$(wc -l <"$TMP/crowd")" = $FLOWS ] && none_twice "$TMP/crowd"
}

# hold_and_delete N: a dump is held after N messages, and the last flow of the next one goes: the one
# to go on after. What stays is listed, and only a torn dump lists a flow twice.
hold_and_delete() {
	hold $ROUTER $(($1 + 1)) || return 1
	abandon
	listed before | tail -n 1 >"$TMP/going"
	hold $ROUTER $1 && delete $ROUTER <"$TMP/going" || return 1
	TORN=0
	go_on || TORN=$?
	grep -vxFf <(cut -d ' ' -f 1 "$TMP/going") "$TMP/stay" >"$TMP/stayed"
	mv "$TMP/stayed" "$TMP/stay"
	listed all | cut -d ' ' -f 1 | sort >"$TMP/listed"
	comm -23 "$TMP/stay" "$TMP/listed" >"$TMP/missing"
	uniq -d "$TMP/listed" >"$TMP/twice"
	echo "$1: status $TORN, $(wc -l <"$TMP/missing") missing, $(wc -l <"$TMP/twice") twice"
	[ ! -s "$TMP/missing" ] || return 1
	[ $TORN = 4 ] || { [ $TORN = 0 ] && [ ! -s "$TMP/twice" ]; }
}

# Until that message ends within a bucket, which every fifth or so does.
crowd_torn() {
	local n

	cut -d ' ' -f 1 "$TMP/crowd" | sort >"$TMP/stay"
	for ((n = 1; n < 80; n++)); do
		hold_and_delete $n || return 1
		[ $TORN = 0 ] || return 0
	done
	return 1
}

ko=$(module_file) || die "no module to load"
mapfile -t arguments < <(module_arguments)
pair $A $B
start_sockets
n=0
for address in 10.0.1.2 fd00:1::2; do
	n=$((n + 1))
	s netns $B
	s listen l.$n $address 6000
	s netns $A
	s connect "c.$n*$((PARKED / 2))" $address 6000
	s accept l.$n "s.$n*$((PARKED / 2))"
	background $A churn -p 10 -c $A -s $B $address 5000
	churns[n]=$CHILD
done
s wait 'c.*' established
check "$DUMPS dumps: each parked flow once, with the same id; none is torn" many_dumps
check "$READERS readers at once" many_readers
n=$(other_flows "$TMP"/dump.* "$TMP"/reader.*)
check "they saw $n other flows" [ $n -gt $DUMPS ]
for n in 1 2; do
	check "the other connections had no error" end "${churns[n]}"
done
rm "$TMP"/dump.* "$TMP"/reader.*
s close '*'
ip netns del $A
ip netns del $B

add_netns $L
s netns $L
s listen listener 127.0.0.1 7000
s listen fixed 127.0.0.1 7001
dial_loops
dump $L "$TMP/ids" || die "no dump"
check "ids say nothing of order and key" ids_say_nothing "$TMP/ids"
first=$(fixed_id) second=$(fixed_id)
check "a new connection has a new id" all_differ $first $second
check "flow-flush in a dump" across_flush
check "flow-del of the flow listed last in a dump" across_del
check "enabled=0 and 1 in a dump" across_enabled
mark_log dump
check "the namespace goes in a dump that goes on" across_netns go_on
check "the namespace goes in a dump that is killed" across_netns abandon
check "rmmod waits for the end of a dump" across_rmmod
check "the module is back" insmod "$ko" "${arguments[@]}"
check "ids of another load are others" all_differ $first $second "$(fixed_id)"
s close '*'

route $CLIENT $ROUTER $SERVER
variety
check "filters" filters
s set '[cs].*' linger 0
s close '*'

rmmod tcpstate || die "the module does not go"
check "$FLOWS flows in 1024 buckets" crowd
check "each flow once, in small messages" crowd_once 4096
check "each flow once, in large ones" crowd_once 65536
check "a dump that lists a flow twice says so" crowd_torn
stop_sockets
rmmod tcpstate || die "the module does not go"
check "the module is as it was" insmod "$ko" "${arguments[@]}"
check "the log is clean" log_is_clean dump
finish
