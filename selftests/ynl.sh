#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every operation of the netlink spec, by the kernel tree's own client (cli.py, in YNL or where
# `vm --with ynl` puts it), on a router that has flows of all paths: against /proc and ss.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$
SPEC=$HERE/../Documentation/netlink/specs/tcpstate.yaml
YNL=${YNL:-$(dirname "$(command -v sockets)")/../ynl}

# In the namespace AT; in the initial one where that is empty.
AT=$ROUTER
cli() {
	${AT:+in_ns $AT} python3 "$YNL/cli.py" --spec "$SPEC" --no-schema --output-json "$@"
}

# ynl_do, ynl_dump OPERATION [JSON]: in the router's namespace; prints JSON.
ynl_do() {
	echo "do $1" >>"$TMP/done"
	cli --do "$1" ${2:+--json "$2"}
}

ynl_dump() {
	echo "dump $1" >>"$TMP/done"
	cli --dump "$1" ${2:+--json "$2"}
}

# json FILE FILTER WANTED: what jq makes of it, in one line.
json() {
	local got

	got=$(jq -r "$2" "$TMP/$1" | tr '\n' ' ')
	[ "${got% }" = "$3" ] || { echo "$2 is '${got% }', not '$3'"; cat "$TMP/$1"; return 1; }
}

# refused TEXT COMMAND...: with these words.
refused() {
	! "${@:2}" >"$TMP/refused" || { cat "$TMP/refused"; return 1; }
	grep -qF -- "$1" "$TMP/refused" || { cat "$TMP/refused"; return 1; }
}

# --- counters ---

# columns FILE: its rows but the header.
columns() {
	read_mirror $ROUTER "$1" | tail -n +2 | tr -s ' \t' ' '
}

NAMES='def name: gsub("-"; "_"); def n: tostring;'

counters_of_netlink() {
	jq -r "$NAMES"'.states[] | [(.state | name), .local, ."local-initiator", .remote,
		."forwarded-initiator", ."forwarded-responder", ."entered-local",
		."entered-remote", ."entered-forwarded-initiator",
		."entered-forwarded-responder" | n] | join(" ")' "$TMP/counters"
}

pairs_of_netlink() {
	jq -r "$NAMES"'.pairs[] | [.path, (.state | name), (."peer-state" | name), .flows | n] |
		join(" ")' "$TMP/counters" | sort
}

pairs_of_proc() {
	read_mirror $ROUTER pairs | awk '
	NR == 1 { for (i = 3; i <= NF; i++) name[i] = $i; next }
	{ for (i = 3; i <= NF; i++) if ($i) print $1, $2, name[i], $i }' | sort
}

transitions_of_netlink() {
	jq -r "$NAMES"'.transitions[] | [(.from | name), (.to | name), .local, .remote,
		."forwarded-initiator", ."forwarded-responder" | n] | join(" ")' \
		"$TMP/counters" | sort
}

stat_of_netlink() {
	jq -r "$NAMES"'.stat | to_entries[] | "\(.key | name) \(.value)"' "$TMP/counters" | sort
}

counters_are_those_of_proc() {
	ynl_do counters-get >"$TMP/counters" &&
		diff <(counters_of_netlink) <(columns counters) &&
		diff <(pairs_of_netlink) <(pairs_of_proc) &&
		[ "$(pairs_of_proc | wc -l)" -gt 3 ] &&
		diff <(transitions_of_netlink) <(columns transitions | grep -v ' 0 0 0 0$' | sort) &&
		diff <(stat_of_netlink) <(columns stat | sort) &&
		json counters .complete "$(mirror $ROUTER stat complete value)"
}

# Only the tables that are asked for.
tables_alone() {
	local table arguments=()

	for table in states pairs transitions stat; do
		arguments+=(--multi counters-get "{\"tables\": [\"$table\"]}")
	done
	cli "${arguments[@]}" >"$TMP/tables" && json tables '.[] | keys | join(" ")' \
		'complete states complete pairs complete transitions complete stat'
}

# --- flows ---

make_flows() {
	start_sockets
	connection f4 $CLIENT $SERVER 10.0.2.2 80
	connection f6 $CLIENT $SERVER fd00:2::2 81
	connection lr $CLIENT $ROUTER 10.0.1.2 82
	connection li $ROUTER $SERVER 10.0.2.2 83
	connection lo $ROUTER $ROUTER 127.0.0.1 84
	connection fh $CLIENT $SERVER 10.0.2.2 85
	s close 'l.*'
	s shutdown c.fh
	s wait c.fh fin_wait2
	s wait s.fh close_wait
}

# Both ends of each flow: state, address and port, those of the peer.
ends_of_netlink() {
	jq -r 'def ep: "\(.ipv4 // .ipv6):\(.port)";
		.[] | "\(.src.state) \(.src | ep) \(.dst | ep)",
			"\(.dst.state) \(.dst | ep) \(.src | ep)"' "$TMP/flows" | sort
}

ends_of_ss() {
	local ns

	for ns in $CLIENT $ROUTER $SERVER; do
		in_ns $ns ss -tanH
	done | awk '
	{
		state = tolower($1)
		sub(/^estab$/, "established", state)
		sub(/fin-wait-/, "fin-wait", state)
		gsub(/[][]/, "")
		print state, $4, $5
	}' | sort
}

flows_are_those_of_ss() {
	ynl_dump flow-get >"$TMP/flows" && json flows length 6 &&
		diff <(ends_of_netlink) <(ends_of_ss)
}

# The service's port tells the flows apart.
PORTS='[.[] | [.src.port, .dst.port | select(. < 1024)][0]] | sort | join(" ")'

# what_is FIELD PORT WANTED: of the flow with that port.
what_is() {
	json flows ".[] | select(.src.port == $2 or .dst.port == $2) | $1" "$3"
}

flows_say_what_they_are() {
	what_is .path 80 forwarded && what_is .path 82 local && what_is .path 84 loopback &&
		what_is .role 82 responder && what_is .role 83 initiator &&
		what_is .provenance 81 handshake && what_is .src.port 82 82 &&
		what_is '.src.local, .dst.local' 83 'true null' &&
		what_is '.src.local, .dst.local' 84 'true true' &&
		what_is '.src.inferred, .dst.inferred' 84 'null null'
}

# passes JSON PORTS: the flows that this filter lets pass.
passes() {
	COUNTS+=(--multi flow-count "{\"filter\": $1}")
	WANTED+=${WANTED:+ }$(wc -w <<<"$2")
	ynl_dump flow-get "{\"filter\": $1}" >"$TMP/passed" && json passed "$PORTS" "$2"
}

# The same filters, all in one go.
counted() {
	cli "${COUNTS[@]}" >"$TMP/counts" && json counts '[.[].count | tostring] | join(" ")' "$WANTED"
}

# key PORT [REVERSED]: the attributes that name its flow.
key() {
	jq -c "def number: split(\".\") | map(tonumber) | reduce .[] as \$i (0; . * 256 + \$i);
		def ep: {ipv4: (.ipv4 | number), port};
		.[] | select(.dst.port == $1) | {src: (.src | ep), dst: (.dst | ep)} |
		${2:+{src: .dst, dst: .src\} |} ." "$TMP/flows"
}

# with_id KEY ID
with_id() {
	echo "${1%\}},\"id\":$2}"
}

# The same flow by either order of its ends, and by its id too.
gets() {
	cli --multi flow-get "$KEY" --multi flow-get "$(key 80 reversed)" \
		--multi flow-get "$(with_id "$KEY" "$ID")" >"$TMP/got" &&
		json got '.[] | .dst.port, .id' "80 $ID 80 $ID 80 $ID"
}

deleted() {
	[ "$(ynl_do flow-del "$1")" = null ] && ynl_do flow-count >"$TMP/counted" &&
		json counted .count 5 &&
		refused 'there is no such flow' ynl_do flow-get "$1" &&
		mirror_is $ROUTER stat complete value 0
}

flushed() {
	local before

	before=$(mirror $ROUTER counters established entered_local)
	# Three of the five have sockets here, and are found again.
	ynl_do flow-flush >"$TMP/flushed" && json flushed .count 5 &&
		mirror_is $ROUTER stat flows value 3 &&
		[ "$(mirror $ROUTER counters established entered_local)" -gt "$before" ] &&
		ynl_do flow-flush >"$TMP/flushed" && json flushed .count 3
}

# --- configuration ---

# sorted FILE: paths are a set, and come in any order.
sorted() {
	jq -S '.paths |= sort' "$TMP/$1"
}

# sets JSON...: one after the other; each time the configuration has it, and is else as it was.
sets() {
	local change arguments=() i=0

	for change; do
		arguments+=(--multi config-set "$change" --multi config-get '{}')
	done
	cli "${arguments[@]}" >"$TMP/all" || return
	cp "$TMP/origin" "$TMP/config"
	for change; do
		jq --argjson change "$change" '. * $change' "$TMP/config" >"$TMP/changed"
		jq ".[$((i + 1))]" "$TMP/all" >"$TMP/config"
		json all ".[$i]" null && diff <(sorted changed) <(sorted config) || return
		i=$((i + 2))
	done
}

# All that can be set, as it was.
set_back() {
	[ "$(ynl_do config-set "$(jq -c 'del(.witness)' "$TMP/origin")")" = null ] &&
		ynl_do config-get >"$TMP/config" && diff <(sorted origin) <(sorted config)
}

# --- the end ---

operations() {
	python3 - "$SPEC" <<-'END'
		import sys, yaml
		for op in yaml.safe_load(open(sys.argv[1]))["operations"]["list"]:
		    for mode in ("do", "dump"):
		        if mode in op:
		            print(mode, op["name"])
	END
}

every_operation() {
	[ "$(operations | wc -l)" -gt 0 ] &&
		diff <(operations | sort) <(sort -u "$TMP/done")
}

[ -e "$YNL/cli.py" ] || die "no $YNL/cli.py: boot with vm --with ynl"
route $CLIENT $ROUTER $SERVER
make_flows

check "counters-get is what /proc shows" settled counters_are_those_of_proc
check "counters-get of each table alone" tables_alone
check "flow-get lists what ss shows" flows_are_those_of_ss
check "flows say what they are" flows_say_what_they_are

check "no filter" passes '{}' '80 81 82 83 84 85'
check "a filter of family" passes '{"family": 10}' 81
check "a filter of paths" passes '{"paths": ["local", "loopback"]}' '82 83 84'
check "a filter of role" passes '{"role": "responder"}' 82
check "a filter of states" passes '{"states": ["fin-wait2", "time-wait"]}' 85
check "a filter of peer-states" passes '{"peer-states": ["close-wait"]}' 85
check "a filter of either-states" passes '{"either-states": ["established"]}' '80 81 82 83 84'
check "a filter of sport" passes '{"sport-min": 82, "sport-max": 82}' 82
check "a filter of dport" passes '{"dport-min": 81, "dport-max": 84}' '81 83 84'
check "a filter of src" passes '{"src": {"ipv4": 167772416, "length": 24}}' '80 82 85'
check "a filter of dst" \
	passes '{"dst": {"ipv6": "fd000002000000000000000000000000", "length": 64}}' 81
check "filters together" passes '{"paths": ["forwarded"], "family": 2, "dport-max": 80}' 80
check "flow-count counts what each of them lets pass" counted

KEY=$(key 80) ID=$(jq -r '.[] | select(.dst.port == 80) | .id' "$TMP/flows")
check "flow-get by both ends, in either order, and by id" gets
check "flow-get with another id" refused 'No such file or directory' ynl_do flow-get \
	"$(with_id "$KEY" 1)"
check "flow-del with another id" refused 'there is no such flow' ynl_do flow-del "$(with_id "$KEY" 1)"
check "flow-del" deleted "$(with_id "$KEY" "$ID")"
check "flow-flush" flushed

check "config-set of what concerns all, from elsewhere" refused "'bad-attr': '.max-flows'" \
	ynl_do config-set '{"max-flows": 12345}'
AT=
ynl_do config-get >"$TMP/origin"
check "config-get" json origin '.enabled, .witness, (.paths | sort | join(" "))' \
	'1 commit forwarded local loopback'
check "config-set of each attribute" sets '{"max-embryonic": 123}' '{"netns-max-flows": 1234}' \
	'{"max-flows": 12345}' '{"paths": ["forwarded"]}' '{"timeouts": {"last-ack": 31}}' \
	'{"timeouts": {"time-wait": 1, "syn-recv": 2, "syn-sent": 3, "last-ack": 4, "fin-wait": 5,
	"half-closed": 6, "established": 7, "one-sided": 8}}' '{"enabled": 0}'
check "config-set, all as it was" set_back

check "an unknown state is named" refused "'bad-attr': '.filter.states'" ynl_dump flow-get \
	'{"filter": {"states": 1}}'
check "an unknown family is named" refused "'bad-attr': '.filter.family'" ynl_do flow-count \
	'{"filter": {"family": 3}}'
check "a prefix that is too long is named" refused "'bad-attr': '.filter.src.length'" \
	ynl_do flow-count '{"filter": {"src": {"ipv4": 0, "length": 33}}}'
check "a key without an end" refused 'src and dst are needed' ynl_do flow-get '{"id": 1}'
check "a timeout out of range is named" refused "'bad-attr': '.timeouts.fin-wait'" ynl_do config-set \
	'{"timeouts": {"fin-wait": 0}}'
check "local without loopback is named" refused "'bad-attr': '.paths'" ynl_do config-set \
	'{"paths": ["local"]}'
check "what cannot be set is named" refused "'bad-attr': '.witness'" ynl_do config-set \
	'{"witness": "observe"}'
ynl_do config-get >"$TMP/config"
check "nothing of that was set" diff <(sorted origin) <(sorted config)
check "every operation of the spec was done" every_operation
finish
