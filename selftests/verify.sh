#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tcpstate verify: silent on sockets in many states, at rest and under churn; and it finds what was
# broken on purpose: flows that were deleted, and what sockets did silently while the witness was off.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

SECONDS_OF_CHURN=$([ "${SCALE:-}" = long ] && echo 120 || echo 6)
LOOP=loop-$$ EMPTY=empty-$$ VRF=vrf-$$ ONE=one-$$ TWO=two-$$

# verify NETNS [ARGUMENT...]: as JSON, kept; sets STATUS.
verify() {
	STATUS=0
	tcpstate -j -N "$1" verify "${@:2}" >"$TMP/json" 2>"$TMP/err" || STATUS=$?
	cat "$TMP/json" "$TMP/err"
}

# has CONDITION...: of what verify printed.
has() {
	local condition all

	# One run, as jq takes long to begin.
	printf -v all ' and (%s)' "$@"
	jq -e ".verify | ${all# and }" "$TMP/json" >/dev/null && return
	for condition; do
		jq -e ".verify | $condition" "$TMP/json" >/dev/null || echo "not $condition"
	done
	return 1
}

NOTHING='.missing == [] and .phantom == [] and .mismatch == [] and .examples == []'
GAUGES='([.gauges[] | [.gauge, .verdict]] == [["listen", "equal"], ["currestab", "equal"], ["timewait", "equal"]])'

# sockets_of NETNS [-4|-6]: how many ss shows that do not listen, a mapped address being one of IPv4, and
# how many do.
sockets_of() {
	in_ns $1 ss -tanH | awk -v family="${2:-}" '
	$1 == "LISTEN" { listening++; next }
	$1 != "UNCONN" && (!family || (family == "-4") == ($5 ~ /\./)) { n++ }
	END { print n + 0, listening + 0 }'
}

# Every socket was compared, none was in motion.
clean() {
	local n listening gauges

	verify "$@"
	read -r n listening < <(sockets_of "$@")
	[ $# -gt 1 ] && gauges='.gauges == []' || gauges="$GAUGES and .gauges[0].kernel == $listening"
	[ $STATUS = 0 ] && has "$NOTHING" ".compared == $n" '.motion == 0' '.samples == 1' "$gauges"
}

# finds NETNS CONDITION...
finds() {
	verify "$1"
	[ $STATUS = 1 ] && has '.samples == 5' "${@:2}"
}

# fails STATUS TEXT COMMAND...: prints one line, with that text.
fails() {
	local status=0

	"${@:3}" >"$TMP/out" 2>"$TMP/err" || status=$?
	cat "$TMP/out" "$TMP/err"
	[ $status = "$1" ] && [ ! -s "$TMP/out" ] && [ "$(wc -l <"$TMP/err")" = 1 ] &&
		grep -qF -- "$2" "$TMP/err"
}

# --- sockets ---

# A mapped address is one of IPv4 on the wire.
speak_any() {
	case $1 in
	mapped)	family=mapped a=::ffff:10.0.1.1 b=::ffff:10.0.1.2 ;;
	*)	speak $1 ;;
	esac
}

# park: both ends in every state, of this family.
park() {
	start established

	start fin_wait2
	s shutdown $c

	start fin_wait1
	drop $B fins $from
	s shutdown $c

	start last_ack
	drop $A fins $to
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv

	start closing
	drop $B fins $from
	s shutdown $c
	s shutdown $sv

	start time_wait
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv

	ready syn_sent
	drop $B syns $from
	dial

	ready syn_recv
	drop $A synacks $to
	dial

	# A timewait socket in fin_wait2.
	start orphan
	s shutdown $c
	s wait $c fin_wait2
	s close $c
}

# park_loop ADDRESS PORT: and the next four.
park_loop() {
	connection established.$1 $LOOP $LOOP $1 $2
	connection half.$1 $LOOP $LOOP $1 $(($2 + 1))
	s shutdown s.half.$1
	connection orphan.$1 $LOOP $LOOP $1 $(($2 + 2))
	s shutdown c.orphan.$1
	s wait c.orphan.$1 fin_wait2
	s close c.orphan.$1
	connection time_wait.$1 $LOOP $LOOP $1 $(($2 + 3))
	s close s.time_wait.$1
	s wait c.time_wait.$1 close_wait
	s close c.time_wait.$1
	s bind self.$1 $1 $(($2 + 4))
	s connect self.$1 $1 $(($2 + 4))
	s wait self.$1 established
}

parked() {
	ss_is $A syn_sent 6 && ss_is $B syn_recv 3 && ss_is $A fin_wait2 9 && ss_is $A time_wait 3 &&
		ss_is $A closing 3 && ss_is $B last_ack 3 && ss_is $B close_wait 6
}

# --- addresses that are there twice ---

# twins: VRF has the same connections with two others: in two VRFs, whose sockets are bound to the VRF or to
# its interface, and over link-local addresses.
twins() {
	local i=0 other

	add_netns $VRF $ONE $TWO
	link $VRF $ONE 1
	link $VRF $TWO 1
	for other in $ONE $TWO; do
		i=$((i + 1))
		ip -n $VRF -batch - <<-END || return 1
			link add vrf$i type vrf table $((100 + i))
			link set dev vrf$i up
			link set dev ${other%-*} master vrf$i
			address add fe80::1/64 dev ${other%-*} nodad
		END
		ip -n $other address add fe80::2/64 dev ${VRF%-*} nodad || return 1
		s netns $VRF
		s device vrf$i
		s listen l.vrf.$i 0.0.0.0 6000
		s device ${other%-*}
		s listen l.interface.$i 0.0.0.0 6001
		s device
		s listen l.local.$i fe80::1%${other%-*} 6002
		s netns $other
		twin vrf.$i 10.0.1.1 6000 10.0.1.2 5000
		twin interface.$i 10.0.1.1 6001 10.0.1.2 5001
		twin local.$i fe80::1%${VRF%-*} 6002 fe80::2%${VRF%-*} 5002
	done
	s shutdown 'c.twin.*.1'
	s wait 's.twin.*.1' close_wait
	ss_is $VRF established 3 && ss_is $VRF close_wait 3
}

# twin NAME ADDRESS PORT FROM FROMPORT
twin() {
	s connect c.twin.$1 "${@:2}"
	s accept l.$1 s.twin.$1
	s wait c.twin.$1 established
}

# The end in a VRF of one of them is missing: the example has its scope.
deleted_twin() {
	tcpstate -j -N $VRF flows state close-wait and sport = :6001 >"$TMP/flow"
	[ "$(tcpstate -N $VRF delete state close-wait and sport = :6001)" = 1 ] || return 1
	finds $VRF '.missing == [{mirror: null, socket: "close_wait", ends: 1}]' \
		".examples[0].scope == $(jq '.flows[0].scope' "$TMP/flow")" '.examples[0].scope > 0' &&
		tcpstate -N $VRF flush >/dev/null
}

# --- text ---

# same_text NETNS: the text says what JSON does, as far as it stays the same from run to run.
same_text() {
	local status=0

	verify $1
	tcpstate -H -N $1 verify >"$TMP/text" 2>"$TMP/err" || status=$?
	cat "$TMP/text"
	[ $status = $STATUS ] || return 1
	diff <(jq -r '.verify | def none: . // "-"; def sum: [.[].ends] | add // 0;
		(.missing[] | "missing \(.mirror | none) \(.socket | none) \(.ends)"),
		(.phantom[] | "phantom \(.mirror | none) \(.socket | none) \(.ends)"),
		(.mismatch[] | "mismatch \(.mirror | none) \(.socket | none) \(.ends)"),
		(.examples[] | "\(.finding) \(.mirror | none) \(.socket | none) \(.flow | none) " +
			if .family == "ipv6"
			then "[\(.local.address)]:\(.local.port) [\(.peer.address)]:\(.peer.port)"
			else "\(.local.address):\(.local.port) \(.peer.address):\(.peer.port)" end),
		(.gauges[] | "\(.gauge) \(.mirror) \(.kernel) \(.verdict)"),
		"\(.compared) sockets compared, \(.motion) ends in motion: \(.missing | sum) missing, " +
		"\(.phantom | sum) phantom, \(.mismatch | sum) mismatch, " +
		"\([.gauges[] | select(.verdict == "differs")] | length) gauges differ; " +
		"\(.samples) samples"' "$TMP/json") \
		<(tr -s ' ' <"$TMP/text" | sed 's/, [0-9.]* s$//')
}

# --- rounds ---

# watch NETNS [ARGUMENT...]: in the background, JSON to $TMP/watch.NETNS; sets CHILD.
watch() {
	tcpstate -j -N $1 verify "${@:2}" >"$TMP/watch.$1" 2>/dev/null &
	CHILD=$!
	CHILDREN[$CHILD]=1
}

# stop CHILD SIGNAL STATUS
stop() {
	local status=0

	unset "CHILDREN[$1]"
	kill -$2 $1
	wait $1 || status=$?
	[ $status = $3 ] || { echo "status $status, not $3"; return 1; }
}

# rounds NETNS N: so many lines at least, each an object that tells of nothing.
rounds() {
	jq -s 'length, (.[].verify | select((.missing + .phantom + .mismatch) != [] or
		any(.gauges[]; .verdict == "differs")))' "$TMP/watch.$1" >"$TMP/rounds" || return 1
	cat "$TMP/rounds"
	[ "$(<"$TMP/rounds")" = "$(wc -l <"$TMP/watch.$1")" ] && [ "$(<"$TMP/rounds")" -ge $2 ]
}

has_rounds() {
	local n

	[ "$(wc -l <"$TMP/watch.$1")" -ge $2 ]
}

moved() {
	jq -s -e 'map(.verify.motion) | add > 0' "$TMP/watch.$1"
}

# Text has a header and a line for each round.
text_rounds() {
	local n

	tcpstate -N $LOOP verify --watch=0.1 >"$TMP/watch.$LOOP" &
	CHILD=$!
	CHILDREN[$CHILD]=1
	wait_until 10 has_rounds $LOOP 4 && stop $CHILD TERM 0 || return 1
	cat "$TMP/watch.$LOOP"
	awk 'NF != 8 || (NR == 1) != ($1 == "time") { exit 1 }' "$TMP/watch.$LOOP"
}

# --- what is broken on purpose ---

# The flows of three established connections.
deleted() {
	local filter='' examples=''

	for family in v4 v6 mapped; do
		speak_any $family
		recall established
		filter+="${filter:+ or }sport = :$from and dport = :$to"
		examples+="${examples:+, }{finding: \"missing\", mirror: null, socket: \"established\",
			flow: null, family: \"$([ $family = v6 ] && echo ipv6 || echo ipv4)\", scope: null,
			local: {address: \"${a#::ffff:}\", port: $from},
			peer: {address: \"${b#::ffff:}\", port: $to}}"
	done
	[ "$(tcpstate -N $A delete $filter)" = 3 ] || return 1
	finds $A '.missing == [{mirror: null, socket: "established", ends: 3}]' \
		'.phantom == [] and .mismatch == []' ".examples == [$examples]" \
		'.gauges[1].verdict == "differs" and .gauges[1].mirror == .gauges[1].kernel - 3' &&
		[ "$(wc -l <"$TMP/err")" = 1 ] && grep -q 'not complete' "$TMP/err" &&
		same_text $A && tcpstate -N $A flush >/dev/null
}

# Both ends of a loopback flow.
deleted_loop() {
	[ "$(tcpstate -N $LOOP delete dst "[::1]:6001")" = 1 ] || return 1
	finds $LOOP '.missing == [{mirror: null, socket: "fin_wait2", ends: 1},
		{mirror: null, socket: "close_wait", ends: 1}]' || return 1
	watch $LOOP --watch=60
	wait_until 10 has_rounds $LOOP 1 && stop $CHILD INT 1 && tcpstate -N $LOOP flush >/dev/null
}

# The other family's flow was deleted.
other_family() {
	[ "$(tcpstate -N $LOOP delete dst 127.0.0.1:6000)" = 1 ] || return 1
	verify $LOOP -6
	[ $STATUS = 0 ] && has "$NOTHING" || return 1
	verify $LOOP -4
	[ $STATUS = 1 ] && has '.missing[0].ends == 2' && tcpstate -N $LOOP flush >/dev/null
}

# Sockets that go, or move, and the module does not ask them.
silently() {
	start established
	start repair
	s set $c repair 1
	s close $c
	ready syn_sent
	drop $B syns $from
	dial
	wait_until 5 ss_is $A syn_sent 1 || return 1
	s close $c
	ready zero_window
	s set $l rcvbuf 2048
	dial
	accepted
	s fill $c
	s close $c
}

phantoms() {
	finds $A '.phantom == [{mirror: "established", socket: null, ends: 1},
		{mirror: "syn_sent", socket: null, ends: 1}]' \
		'.mismatch == [{mirror: "established", socket: "fin_wait1", ends: 1}]' '.missing == []' \
		'([.gauges[] | .gauge] == ["currestab", "timewait"])' \
		'.gauges[0].verdict == "differs" and .gauges[0].mirror == .gauges[0].kernel + 2' \
		'all(.examples[]; .flow | test("^[0-9]+$"))' && same_text $A
}

# The engine alone, on what it sees.
clean_by_engine() {
	verify $A
	[ $STATUS = 0 ] && has "$NOTHING" '.compared == 1' \
		'([.gauges[] | .gauge] == ["currestab", "timewait"])'
}

reload() {
	rmmod tcpstate && insmod "$ko" "${arguments[@]}"
}

# --- here it begins ---

two_ends
add_netns $LOOP $EMPTY
for ns in $A $LOOP; do
	in_ns $ns sysctl -qw net.ipv4.tcp_fin_timeout=60
done
for family in v4 v6 mapped; do
	speak_any $family
	park
done
s netns $LOOP
park_loop 127.0.0.1 6000
park_loop ::1 6000
park_loop ::ffff:127.0.0.1 6010
s listen more 127.0.0.1 6005
s listen again :: 6006
check "sockets in every state" wait_until 20 parked
for ns in $A $B $LOOP; do
	check "${ns%-*}: clean" settled clean $ns
	check "${ns%-*}: text" same_text $ns
done
for ns in $A $LOOP; do
	check "${ns%-*}: IPv4 alone" settled clean $ns -4
	check "${ns%-*}: IPv6 alone" settled clean $ns -6
done
check "an empty namespace" clean $EMPTY

check "flows that were deleted are missing" deleted
check "both ends of a loopback flow are missing" deleted_loop
check "-4 and -6" other_family
for ns in $A $LOOP; do
	check "${ns%-*}: clean again" settled clean $ns
done
check "rounds, as text" text_rounds

check "connections that are there twice" twins
check "VRFs and link-local addresses: clean" settled clean $VRF
check "a flow of one VRF is missing" deleted_twin

children=() churns=()
for family in v4 v6; do
	speak $family
	background $A churn -p 2 -c $A -s $B $b 5000
	churns+=("$CHILD")
done
background $LOOP churn -p 2 ::1 5000
churns+=("$CHILD")
for ns in $A $B $LOOP; do
	watch $ns --watch=0.2
	children+=("$CHILD")
done
sleep $SECONDS_OF_CHURN
for ns in $A $B $LOOP; do
	check "${ns%-*}: it ends at SIGINT, and found nothing under churn" stop ${children[0]} INT 0
	children=("${children[@]:1}")
done
for child in "${churns[@]}"; do
	check "the connections had no error" end $child
done
for ns in $A $B $LOOP; do
	check "${ns%-*}: a line for each round" rounds $ns 4
done
check "ends were in motion" moved $A
for ns in $A $B $LOOP; do
	check "${ns%-*}: clean after churn" settled clean $ns
done

check "without privilege" fails 3 "not permitted" setpriv --reuid 65534 --clear-groups tcpstate verify
ask config-set enabled=0
check "switched off" fails 3 "switched off" tcpstate -N $A verify
ask config-set enabled=1
in_ns $A ask config-set paths=forwarded
check "local flows are not watched" fails 3 "not watched" tcpstate -N $A verify
s close '*'

ko=$(module_file) || die "no module to load"
mapfile -t arguments < <(module_arguments)
rmmod tcpstate || die "the module does not go"
check "without the module" fails 3 "modprobe tcpstate" tcpstate -N $A verify
insmod "$ko" "${arguments[@]}" witness=0 || die "the module does not load"
A=c-$$ B=d-$$
pair $A $B
drop_table $A
drop_table $B
speak v4
start before
check "without the witness: clean" settled clean_by_engine
silently
check "without the witness: phantoms and mismatches" phantoms
check "the module is as it was" reload
finish
