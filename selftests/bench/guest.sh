#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh FIGURE...: measures in a guest what these figures of Documentation/performance.rst need, and
# prints lines
#
#	NAME ROUND BASE OURS REFERENCE
#
# in thousandths of the figure's unit, for tools/bench, which starts it. Rounds alternate between what
# is compared. QUICK in the environment makes them fewer.

set -eu
export LC_ALL=C

STAT=/proc/net/tcpstate/stat
ROUNDS=7
FLOWS=200000
SOCKETS=200000
PORT=5000
RACE=50000	# packets of a processor
OURS=2 THEIRS=4		# bench's trackers
ko=/run/vm/module/tcpstate.ko
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
mkfifo "$TMP/silence"
exec {silence}<>"$TMP/silence"

die() {
	echo "bench: $*" >&2
	exit 1
}

say() {
	echo "bench: $*" >&2
}

# bench PARAMETER...: loads it, which measures; its lines go to $TMP/bench. It stays.
bench() {
	dmesg -C
	modprobe nf_conntrack
	insmod /run/vm/bench/bench.ko "$@" || { dmesg | tail >&2; die "bench $*"; }
	dmesg | sed -n 's/.*bench: //p' >"$TMP/bench"
	grep -qx "done" "$TMP/bench" || die "bench $* did not end"
}

# figure NAME AS: bench's rounds of this measurement under that name.
figure() {
	sed -n "s/^$1 /$2 /p" "$TMP/bench"
}

# flows_now: sets OURS_NOW and THEIRS_NOW. No process: under --icount one takes a while.
flows_now() {
	local name value

	while read -r name value; do
		[ "$name" != flows ] || OURS_NOW=$value
	done <$STAT
	read -r THEIRS_NOW </proc/sys/net/netfilter/nf_conntrack_count
}

# pause SECONDS: without a process.
pause() {
	read -r -t "$1" <&"$silence" || :
}

flush() {
	tcpstate flush >"$TMP/flush"
	conntrack -F 2>"$TMP/flush"
}

# Instructions of a packet, and of a new flow. The clock counts instructions.
G3() {
	local family

	for family in 4 6; do
		bench family=$family rounds=$ROUNDS flows=$((ROUNDS * 1000)) packets=2000
		rmmod bench
		figure hot$family G3-ipv$family
		figure new$family G4-instructions-ipv$family
	done
	flush
}

# used: sets USED, what the kernel has in slabs, large blocks, for modules and for processors, in bytes.
used() {
	sleep 1
	USED=$(awk '$1 ~ /^(SUnreclaim|VmallocUsed|Percpu):$/ { n += $2 }
	END { printf "%.0f", n * 1024 }' /proc/meminfo)
}

# fill TRACKER: FLOWS flows there. Sets TAKEN, what came to USED, in thousandths of a byte for each.
fill() {
	local before=$USED

	bench trackers=$1 flows=$((FLOWS - 1)) rounds=1 packets=1
	used
	TAKEN=$(((USED - before) * 1000 / FLOWS))
	rmmod bench
}

# Bytes a flow with all that module and table take, of tables that are exactly full. A module that
# goes leaves nothing behind.
G5() {
	local ours

	modprobe nf_conntrack
	rmmod tcpstate
	used
	insmod $ko max_flows=$FLOWS
	fill $OURS
	ours=$TAKEN
	rmmod tcpstate
	modprobe -r nf_conntrack_netlink nf_conntrack
	used
	modprobe nf_conntrack hashsize=$FLOWS
	fill $THEIRS
	echo "G5 0 0 $ours $TAKEN"
	conntrack -F 2>"$TMP/flush"
	insmod $ko
}

now_ms() {
	NOW=$((${EPOCHREALTIME/./} / 1000))
}

# How late flows go whose time is over, in milliseconds.
G10() {
	local limit=10 began ours='' theirs=''

	flush
	tcpstate config timeout_established=${limit}s >"$TMP/config"
	modprobe nf_conntrack
	bench flows=1000 rounds=1 packets=1
	echo $limit >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established
	rmmod bench
	flush
	bench flows=1000 rounds=1 packets=1
	now_ms
	began=$NOW
	until [ -n "$ours" ] && [ -n "$theirs" ]; do
		pause 0.05
		flows_now
		now_ms
		[ -n "$ours" ] || [ "$OURS_NOW" -gt 0 ] || ours=$((NOW - began - limit * 1000))
		[ -n "$theirs" ] || [ "$THEIRS_NOW" -gt 0 ] || theirs=$((NOW - began - limit * 1000))
		[ $((NOW - began)) -lt 150000 ] || die "flows stay"
	done
	rmmod bench
	tcpstate config timeout_established=5d >"$TMP/config"
	echo 432000 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established
	echo "G10 0 0 ${ours}000 ${theirs}000"
}

# How much more two processors do than one, with a flow for each, and with a direction of one flow.
G13() {
	bench rounds=$ROUNDS flows=$((ROUNDS * 100)) packets=100 race=$RACE
	rmmod bench
	figure own4 G13
	figure shared4 G13-shared
	flush
}

# Timers and works of ours that ran in a time in which there was no flow.
G11() {
	local tracing=/sys/kernel/tracing seconds=30 event

	mountpoint -q $tracing || mount -t tracefs none $tracing
	flush
	sleep 2
	flows_now
	[ "$OURS_NOW" = 0 ] || die "the table is not empty"
	for event in timer/timer_expire_entry timer/hrtimer_expire_entry \
		workqueue/workqueue_execute_start; do
		echo 1 >$tracing/events/$event/enable
	done
	echo >$tracing/trace
	sleep $seconds
	echo 0 >$tracing/events/enable
	grep 'function[= ].*\[tcpstate\]' $tracing/trace >"$TMP/woken" || :
	grep -q function $tracing/trace || die "nothing was traced"
	awk '{ print $NF }' "$TMP/woken" | sort | uniq -c >&2
	echo "G11 0 0 $(($(wc -l <"$TMP/woken") * 1000 / seconds)) 0"
}

# hold: SOCKETS of them, on loopback, seen by conntrack too.
hold() {
	[ ! -e "$TMP/held" ] || return 0
	modprobe nf_conntrack
	echo $((SOCKETS * 2)) >/proc/sys/net/netfilter/nf_conntrack_max
	nft 'table inet bench { chain input { type filter hook input priority 0;
		ct state established accept; }; }'
	mkfifo "$TMP/held"
	exec {held}<>"$TMP/held"
	crowd $((SOCKETS / 2)) $PORT <"$TMP/held" >"$TMP/crowd" {held}>&- &
	until grep -q connections "$TMP/crowd"; do
		kill -0 $! || die "the sockets did not come"
		sleep 1
	done
	say "$(<"$TMP/crowd")"
	sleep 2
	flows_now
	if [ "$OURS_NOW" -lt $((SOCKETS / 2)) ] || [ "$THEIRS_NOW" -lt $((SOCKETS / 2)) ]; then
		die "of $((SOCKETS / 2)) connections tcpstate has $OURS_NOW, nf_conntrack $THEIRS_NOW"
	fi
}

# counters_equal: the mirror counts what is there.
counters_equal() {
	local there

	there=$(ss -tanH state established | wc -l)
	awk -v there="$there" '$1 == "established" { exit $2 != there }' /proc/net/tcpstate/counters ||
		die "the counters are not those of ss"
}

# Nanoseconds (instructions) until the totals are known.
G6() {
	local round ours

	hold
	counters_equal
	readout file /proc/net/tcpstate/counters >"$TMP/warm"
	for ((round = 0; round < ROUNDS; round++)); do
		ours=$(readout file /proc/net/tcpstate/counters)
		echo "G6-proc $round 0 ${ours}000 $(readout file /proc/net/tcp)000"
	done
	for ((round = 0; round < SLOW_ROUNDS; round++)); do
		ours=$(readout file /proc/net/tcpstate/counters)
		echo "G6-ss $round 0 ${ours}000 $(readout run ss -tan)000"
		echo "G6-conntrack $round 0 ${ours}000 $(readout run conntrack -L)000"
	done
}

# per_entry KIND: sets COST, the time of a dump for each entry, in thousandths.
per_entry() {
	local took entries

	read -r took entries < <(readout "$1")
	[ "$entries" -ge $((SOCKETS / 2)) ] || die "$1 dumps $entries entries"
	COST=$((took * 1000 / entries))
}

# A dump of all flows, for each entry.
G7() {
	local round ours

	hold
	for ((round = 0; round < SLOW_ROUNDS; round++)); do
		per_entry tcpstate
		ours=$COST
		per_entry ctnetlink
		echo "G7-ctnetlink $round 0 $ours $COST"
		per_entry inet_diag
		echo "G7-inet_diag $round 0 $ours $COST"
	done
}

# The counters with a thousand flows and with a million: `base` is none, the reference the thousand.
G6b() {
	local few=1000 many=1000000 round least

	rmmod tcpstate
	insmod $ko max_flows=$((many * 2))
	bench trackers=$OURS flows=$few rounds=1 packets=1
	rmmod bench
	for ((round = 0; round < ROUNDS; round++)); do
		readout file /proc/net/tcpstate/counters
	done >"$TMP/few"
	flush
	bench trackers=$OURS flows=$many rounds=1 packets=1
	rmmod bench
	for ((round = 0; round < ROUNDS; round++)); do
		readout file /proc/net/tcpstate/counters
	done >"$TMP/many"
	paste -d ' ' "$TMP/many" "$TMP/few" | awk '{ print "G6b", NR - 1, 0, $1 "000", $2 "000" }'
	rmmod tcpstate
	insmod $ko
}

[ -e /run/vm/bench/bench.ko ] || die "not in a guest with bench"
if [ -n "${QUICK:-}" ]; then
	ROUNDS=3 SLOW_ROUNDS=1
else
	SLOW_ROUNDS=3
fi
for figure; do
	say "$figure"
	$figure
done
