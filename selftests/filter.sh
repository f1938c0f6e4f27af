#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The reader over netlink, on real connections: every command and option, the filter language, and
# what it says where it cannot. A client reaches a server through a router, and itself. The oracle
# is ss, and the files of /proc.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

# is EXPECTED COMMAND...: it prints just this.
is() {
	local expected=$1 printed

	shift
	printed=$("$@" 2>"$TMP/err") || { echo "$* ended with $?"; cat "$TMP/err"; return 1; }
	[ "$printed" = "$expected" ] || { echo "$* prints $printed, not $expected"; return 1; }
}

reader() { # NETNS ARGUMENT...
	in_ns $1 tcpstate "${@:2}"
}

# refused NETNS STATUS TEXT ARGUMENT...: one line with this text, and nothing else.
refused() {
	local status=0

	reader $1 "${@:4}" >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/out" "$TMP/err"
	[ $status = $2 ] && [ ! -s "$TMP/out" ] && [ "$(wc -l <"$TMP/err")" = 1 ] &&
		grep -qF -- "$3" "$TMP/err"
}

# lets_pass NETNS N FILTER...: count and flows agree on how many.
lets_pass() {
	is $2 reader $1 count "${@:3}" && listed "$@"
}

listed() {
	local n

	n=$(reader $1 -H flows "${@:3}" | wc -l)
	[ "$n" = $2 ] || { echo "flows ${*:3} lists $n, not $2"; return 1; }
}

# The connections of ss: state, local and peer address, one a line. The reader's, of each local end.
connections() {
	in_ns $1 ss -tanH state connected | awk '{
		sub(/^ESTAB$/, "ESTABLISHED", $1)
		gsub(/-/, "_", $1)
		sub(/WAIT_/, "WAIT", $1)
		print tolower($1), $4, $5
	}' | sort
}

local_ends() {
	reader $1 -H flows "${@:2}" | awk '{
		gsub(/\?/, "")
		if ($1 != "forwarded")
			print $3, $8, $9
		if ($1 == "loopback")
			print $5, $9, $8
	}' | awk '$1 != "close"' | sort
}

flows_are_sockets() {
	diff <(connections $1) <(local_ends $1) && [ "$(local_ends $1 | wc -l)" -gt 0 ]
}

# The ends of the router's flows are sockets elsewhere.
flows_are_ends() {
	reader $ROUTER -H flows | tr -d '?' >"$TMP/forwarded" && [ -s "$TMP/forwarded" ] &&
		diff <(connections $CLIENT | grep -v -e '127\.0\.0\.1' -e '\[::1\]') \
			<(awk '{ print $3, $8, $9 }' "$TMP/forwarded" | sort) &&
		diff <(connections $SERVER) <(awk '{ print $5, $9, $8 }' "$TMP/forwarded" | sort)
}

# Flows by path, state and peer state, as in pairs.
flows_are_pairs() {
	diff <(reader $1 -H flows | awk '{
		gsub(/\?/, "")
		n[$1 " " $3 " " $5]++
	}
	END { for (i in n) print i, n[i] }' | sort) <(read_mirror $1 pairs | awk '
	NR == 1 { split($0, name); next }
	{ for (i = 3; i <= NF; i++) if ($i) print $1, $2, name[i], $i }' | sort)
}

# counts_are_gauges NETNS: of each state, of a namespace without loopback.
counts_are_gauges() {
	local state

	for state in $STATES; do
		[ $state != listen ] || continue
		is "$(mirror $1 counters $state local)" reader $1 count path local state $state &&
			is "$(mirror $1 counters $state remote)" \
				reader $1 count path local peer-state $state || return 1
		[ $state = close ] || is "$(ss_count $1 $state)" reader $1 count state $state ||
			return 1
	done
}

no_netns() {
	sed 's/"netns":{[^}]*},//'
}

tables_are_files() {
	local table

	for table in counters pairs transitions stat; do
		read_mirror $1 $table | cmp - <(reader $1 $table | tr -s ' ' | sed 's/^ //') ||
			return 1
		mkdir -p "$TMP/copy"
		read_mirror $1 $table >"$TMP/copy/$table"
	done
	for table in counters pairs transitions stat; do
		reader $1 $table | cmp - <(tcpstate --proc "$TMP/copy" $table) || return 1
		reader $1 -j $table | no_netns |
			cmp - <(tcpstate -j --proc "$TMP/copy" $table | no_netns) || return 1
	done
}

# Every line of flows has nine words, and each column begins or ends where its header does.
aligned() {
	reader $1 flows | awk '
	NR == 1 { header = $0; split($0, name) }
	NF != 9 { print NR ": " NF " words"; failed = 1 }
	{
		for (i = 1; i <= 9; i++)
			if (i == 4 || i == 6)
				wrong = index($0 " ", $i " ") == 0
			else if (substr($0, index(header, name[i]), length($i)) != $i && i < 8)
				failed = 1
		if (substr($0, index(header, "  dst") + 1, 1) != " ")
			failed = 1
	}
	END { exit failed || NR < 2 }'
}

json_is_whole() {
	reader $1 -j flows | jq -e '
		.version == 1 and .complete and .torn == false and .netns.name == "'$1'" and
		(.flows | length > 0) and (.flows | map(.id) | unique | length) == (.flows | length) and
		(.flows | all(
			(.id | test("^[0-9]+$")) and (.family | . == "ipv4" or . == "ipv6") and
			(.path | . == "local" or . == "loopback" or . == "forwarded") and
			(.role | . == "initiator" or . == "responder") and
			.provenance == "handshake" and .scope == null and .age > 0 and
			([.src, .dst] | all(
				(.address | length > 2) and .port > 0 and (.state | length > 4) and
				(.local | type == "boolean") and (.inferred | type == "boolean") and
				.age >= 0 and has("name") == false))))'
}

# What jq makes of the JSON is what the text says.
json_is_text() {
	diff <(reader $1 -H flows | awk '{ print $1, $2, $3, $5, $7, $8, $9 }' | sort) \
		<(reader $1 -j flows | jq -r '
			def name($e): $e.state + (if $e.inferred then "?" else "" end);
			def at($e): (if .family == "ipv6" then "[\($e.address)]" else $e.address end) +
				":\($e.port)";
			.flows[] | [.path, .role, name(.src), name(.dst), .provenance, at(.src), at(.dst)] |
			join(" ")' | sort)
}

# resolved NETNS TEXT ARGUMENT...: with names for the server's addresses alone.
resolved() {
	printf '10.0.2.2 four.test\nfd00:2::2 six.test\n' >"$TMP/hosts"
	in_ns $1 unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec tcpstate "$@"' \
		"$TMP/hosts" "${@:3}" >"$TMP/out"
	cat "$TMP/out"
	grep -qE -- "$2" "$TMP/out"
}

by_nobody() {
	in_ns $CLIENT setpriv --reuid 65534 --clear-groups "$(command -v tcpstate)" "$@"
}

nobody_is_refused() {
	local status=0

	by_nobody "$@" >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/out" "$TMP/err"
	[ $status = 3 ] && [ ! -s "$TMP/out" ] && [ "$(wc -l <"$TMP/err")" = 1 ] &&
		grep -q "not permitted.*CAP_NET_ADMIN" "$TMP/err"
}

# In a user namespace of one's own, flows may be seen and this namespace be configured, no more.
own_user_namespace() {
	is 0 unshare -Urn tcpstate count &&
		unshare -Urn tcpstate config timeout_established=60 | grep -q 'timeout_established  *60$' &&
		! unshare -Urn tcpstate config max_flows=4096 2>"$TMP/err" &&
		grep -q "not permitted.*max_flows in the initial one" "$TMP/err"
}

configured() { # NAME VALUE
	is "$2" config_value $1 && reader $CLIENT -j config | jq -e ".config.$1 | tostring == \"$3\""
}

config_value() {
	reader $CLIENT -H config | awk -v name=$1 '$1 == name { print $2 }'
}

# change NAME=VALUE: what concerns all namespaces from the initial one.
change() {
	case $1 in
	enabled=* | max_flows=*)	tcpstate config "$1" ;;
	*)				reader $CLIENT config "$1" ;;
	esac
}

# set NAME=VALUE SHOWN JSON: sets it, shows it, and sets it back.
sets() {
	local name=${1%%=*} before

	before=$(config_value $name)
	change "$1" >/dev/null && configured $name "$2" "$3" &&
		change "$name=$before" >/dev/null && is "$before" config_value $name
}

# without_module COMMAND...: unloads the module meanwhile.
without_module() {
	local ko arguments status=0

	ko=$(module_file)
	mapfile -t arguments < <(module_arguments)
	rmmod tcpstate || return 1
	"$@" || status=$?
	insmod "$ko" "${arguments[@]}" && return $status
}

all_say_modprobe() {
	local command

	for command in "" counters pairs transitions stat flows count "delete state all" flush config; do
		# shellcheck disable=SC2086 # a command has words
		refused $CLIENT 3 "the module is not loaded: 'modprobe tcpstate'" $command || return 1
	done
}

route $CLIENT $ROUTER $SERVER
start_sockets
for family in v4 v6; do
	case $family in
	v4)	server=10.0.2.2 lo=127.0.0.1 ;;
	v6)	server=fd00:2::2 lo=::1 ;;
	esac
	connection both.$family $CLIENT $SERVER $server 80
	connection asks.$family $CLIENT $SERVER $server 8080
	connection left.$family $CLIENT $SERVER $server 443
	connection self.$family $CLIENT $CLIENT $lo 80
	s netns $CLIENT
	s connect c.more.$family*2 $server 80
	s accept l.both.$family s.more.$family*2
	s wait c.more.$family.* established
	# The client has closed; the server has.
	s shutdown c.asks.$family
	s shutdown s.left.$family
	s shutdown s.more.$family.1
	s shutdown s.self.$family
	s wait s.asks.$family close_wait
	s wait c.left.$family close_wait
	s wait c.more.$family.1 close_wait
	s wait c.self.$family close_wait
done
for ns in $CLIENT $SERVER; do
	check "${ns%-*} rests" mirrors $ns
done
check "router rests: both ends of its flows equal ss" settled flows_are_ends

for ns in $CLIENT $ROUTER $SERVER; do
	check "${ns%-*}: tables equal /proc, and --proc of a copy" tables_are_files $ns
	check "${ns%-*}: flows equal pairs" flows_are_pairs $ns
	check "${ns%-*}: text and JSON agree" json_is_text $ns
	check "${ns%-*}: flows are aligned" aligned $ns
	check "${ns%-*}: the JSON is whole" json_is_whole $ns
	check "${ns%-*}: -N" is "$(reader $ns count)" tcpstate -N $ns count
done
for ns in $CLIENT $SERVER; do
	check "${ns%-*}: flows equal ss" flows_are_sockets $ns
done
check "counts equal gauges and ss" counts_are_gauges $SERVER

# The examples of the manual
check "flows state close-wait and dport = :80" lets_pass $CLIENT 4 state close-wait and dport = :80
check "count peer-state fin-wait-2" is 6 reader $CLIENT count peer-state fin-wait-2
check "count in JSON" is 6 sh -c "nsenter --net=/run/netns/$CLIENT tcpstate -j count peer-state fin-wait-2 |
	jq .count"
check "flows | jq" is "close_wait 6" sh -c "nsenter --net=/run/netns/$CLIENT tcpstate -j flows |
	jq -r '.flows | group_by(.src.state)[] | \"\\(.[0].src.state) \\(length)\"' | grep close_wait"

# The client has 12 flows, two of them loopback; half of all are IPv6.
set -f
while IFS='|' read -r ns n words; do
	# shellcheck disable=SC2086 # the filter's words
	check "$ns: ${words:-no filter}" lets_pass $ns-$$ $n $words
done <<-'END'
	client|12|
	client|6|-4
	client|6|-6
	client|12|-4 -6
	client|3|-4 state CLOSE_WAIT
	client|4|state established
	client|4|state ESTAB peer-state estab
	client|2|state fin-wait-2
	client|2|state FIN_WAIT2 and peer-state CLOSE-WAIT
	client|8|either-state close_wait
	client|4|not either-state close_wait
	client|12|state connected
	client|12|state synchronized
	client|0|state bucket
	client|0|state established and state close-wait
	client|10|state established or state close-wait
	client|10|path local
	client|2|path loopback
	client|0|path forwarded
	client|12|role initiator
	client|0|role responder
	client|12|provenance handshake
	client|0|provenance midstream or provenance seeded
	client|8|dport 80
	client|8|dport = :80
	client|4|dport != :80
	client|4|dport > 80
	client|8|dport le 80
	client|2|dport gt 80 and dport < 8080
	client|2|dport > 443
	client|10|dport <= 443
	client|12|sport >= 1
	client|0|sport lt 1
	client|5|dst 10.0.2.2
	client|10|dst 10.0.0.0/8 or dst [fd00::]/8
	client|3|dst 10.0.2.2:80
	client|3|dst [fd00:2::2]:80
	client|2|dst != 10.0.0.0/8 and dst != fd00::/8
	client|1|src 127.0.0.0/8
	client|1|src ::1 dport = 80
	client|8|dst :80
	client|12|src *
	client|5|dst ::ffff:10.0.2.2
	client|8|( state close-wait or state established ) and dport = :80
	client|6|state close-wait or state established and dport = :8080
	client|6|state close-wait or ( state established and dport = :8080 )
	client|4|! ( state close-wait or dport 8080 ) and dport = :80
	client|6|not state close_wait
	client|5|dst 10.0.2.2 and ( dport 80 or dport 443 or dport 8080 ) and provenance handshake
	router|10|
	router|10|path forwarded
	router|5|-6 path forwarded role initiator
	router|2|state fin-wait-2 and peer-state close-wait
	router|4|state close-wait and peer-state fin-wait-2
	router|10|src 10.0.1.1 or src fd00:1::1
	router|0|src 10.0.2.2 or src fd00:2::2
	server|10|
	server|10|path local role responder
	server|6|sport = :80
	server|2|sport = :80 state fin-wait-2
	server|5|src 10.0.2.2
END
set +f

check "-H leaves the header out" is 12 sh -c "nsenter --net=/run/netns/$CLIENT tcpstate -H flows | wc -l"
check "-r prints names" resolved $CLIENT ' four.test:80$' flows -r dst 10.0.2.2
check "-r of IPv6" resolved $CLIENT ' six.test:443$' flows -r -6
check "-r prints addresses without a name" resolved $CLIENT ' 10\.0\.1\.1:[0-9]+ +four' -r flows
check "-r in JSON" resolved $CLIENT '"dst":\{"address":"10.0.2.2",.*"name":"four.test"' -r -j flows
check "-r in JSON without a name" resolved $CLIENT '"src":\{"address":"10.0.1.1",.*"name":null' -rj flows

# Link-local addresses with the interface that they need
scope=$(ip -n $SERVER -6 -o address show dev router scope link | awk '{ sub(/\/.*/, "", $4); print $4 }')
s netns $SERVER
s listen l.link "$scope%router" 90
s netns $ROUTER
s connect c.link "$scope%server" 90
s accept l.link s.link
s wait c.link established
check "link-local ends have their interface" is 2 sh -c \
	"nsenter --net=/run/netns/$ROUTER tcpstate -H flows dport 90 | grep -o '%server]' | wc -l"
check "and its index in JSON" is true sh -c "nsenter --net=/run/netns/$ROUTER tcpstate -j flows dport 90 |
	jq \".flows[0].scope == $(in_ns $ROUTER cat /sys/class/net/server/ifindex 2>/dev/null ||
		ip -n $ROUTER -o link show server | cut -d: -f1)\""
check "it is deleted by its tuple and scope" is 1 reader $ROUTER delete dport = 90

# What is dropped
check "delete what no flow is" is 0 reader $SERVER delete sport = :81
check "delete, by filter" is 2 reader $SERVER delete state fin-wait-2 and sport = :80
check "those are gone" lets_pass $SERVER 0 state fin-wait-2 and sport = :80
check "the others are not" lets_pass $SERVER 9
check "delete says so in JSON" is '{"complete":false,"deleted":1}' sh -c \
	"nsenter --net=/run/netns/$SERVER tcpstate -j -4 delete sport 443 |
	jq -c '{complete, deleted}'"
check "one line says that it is not complete" is 1 sh -c \
	"nsenter --net=/run/netns/$SERVER tcpstate flows 2>&1 >/dev/null | grep -c 'not complete'"
check "flush" is 8 reader $SERVER flush
check "what has a socket is found again" lets_pass $SERVER 11
check "flush says so in JSON" is '{"complete":true,"flushed":11}' sh -c \
	"nsenter --net=/run/netns/$SERVER tcpstate -j flush | jq -c '{complete, flushed}'"
check "totals stay" [ "$(mirror $SERVER counters established entered_local)" -gt 11 ]
check "the client has lost none" lets_pass $CLIENT 12

# Configuration
check "every setting of the JSON is in the text" is "$(reader $CLIENT -H config | awk '{ print $1 }')" \
	sh -c "nsenter --net=/run/netns/$CLIENT tcpstate -j config | jq -r '.config | keys_unsorted[]'"
check "seconds" sets timeout_syn_sent=77 77 77
check "days" sets timeout_established=3d 259200 259200
check "limits" sets netns_max_flows=5000 5000 5000
check "embryonic flows" sets max_embryonic=100 100 100
check "the limit of all" sets max_flows=6000 6000 6000
check "paths" sets paths=local local,loopback '[\"local\",\"loopback\"]'
check "no paths" sets paths=none none '[]'
check "a namespace has its own" is "" sh -c "nsenter --net=/run/netns/$CLIENT tcpstate config timeout_last_ack=31 |
	cat >/dev/null; nsenter --net=/run/netns/$ROUTER tcpstate config | grep 'timeout_last_ack *31\$'; :"
check "several at once" is "41 42" sh -c "nsenter --net=/run/netns/$CLIENT tcpstate config \
	timeout_last_ack=41 timeout_syn_recv=42 | awk '\$1 ~ /last_ack|syn_recv/ { print \$2 }' |
	sort | xargs"
check "a value that the module refuses" refused $CLIENT 3 "refuses timeout_last_ack" \
	config timeout_last_ack=0
check "all or nothing" refused $CLIENT 3 "refuses max_embryonic" \
	config timeout_last_ack=55 max_embryonic=0
check "nothing" is 41 config_value timeout_last_ack
check "enabled=0 drops all flows" is 0 sh -c "tcpstate config enabled=0 >/dev/null &&
	nsenter --net=/run/netns/$CLIENT tcpstate count"
check "enabled=0 shows" configured enabled 0 false
check "enabled=1" is 1 sh -c "tcpstate config enabled=1 |
	awk '\$1 == \"enabled\" { print \$2 }'"

# Where it cannot
for command in flows count "delete state all" flush "config timeout_last_ack=30" "config max_flows=5000"; do
	# shellcheck disable=SC2086 # a command has words
	check "nobody: $command" nobody_is_refused $command
done
check "nobody: counters" is "$(reader $CLIENT)" by_nobody
check "nobody: config" is "$(reader $CLIENT config)" by_nobody config
check "root of a user namespace" own_user_namespace
check "a wrong filter" refused $CLIENT 2 "no state 'bogus', at character 7" flows state bogus
check "one line says that no flow can pass" is 1 sh -c "nsenter --net=/run/netns/$ROUTER \\
	tcpstate count state close-wait state time-wait 2>&1 >/dev/null | grep -c 'no flow can pass'"
check "without the module" without_module all_say_modprobe
finish
