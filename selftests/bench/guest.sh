#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest.sh FIGURE...: measures in a guest what these figures of Documentation/performance.rst need,
# and prints lines
#
#	NAME ROUND BASE OURS REFERENCE
#
# in thousandths of the figure's unit, for tools/bench, which starts it. Rounds alternate between
# what is compared. QUICK in the environment makes them fewer.

set -eu
export LC_ALL=C

STAT=/proc/net/tcpstate/stat
THEIR_COUNT=/proc/sys/net/netfilter/nf_conntrack_count
ENABLED=/sys/module/tcpstate/parameters/enabled
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
	THEIRS_NOW=0
	[ ! -e $THEIR_COUNT ] || read -r THEIRS_NOW <$THEIR_COUNT
}

# pause SECONDS: without a process.
pause() {
	read -r -t "$1" <&"$silence" || :
}

flush() {
	tcpstate flush >"$TMP/flush"
	conntrack -F 2>"$TMP/flush"
}

# Nanoseconds, where the guest runs natively.
nanoseconds() {
	local family

	for family in 4 6; do
		bench family=$family
		rmmod bench
		figure hot$family G1-ipv$family
		figure random$family G2-ipv$family
		figure new$family G4-ipv$family
		flush
	done
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

# used: sets USED, what the kernel has in slabs, large blocks, modules and per processor, in bytes.
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
	awk '/^(tcpstate|nf_conntrack)/ { print "bench:", $1, $3, "objects of", $4, "bytes" }' \
		/proc/slabinfo >&2
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
		[ -n "$theirs" ] || [ "$THEIRS_NOW" -gt 0 ] ||
			theirs=$((NOW - began - limit * 1000))
		[ $((NOW - began)) -lt 150000 ] || die "flows stay"
	done
	rmmod bench
	tcpstate config timeout_established=5d >"$TMP/config"
	echo 432000 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established
	echo "G10 0 0 ${ours}000 ${theirs}000"
}

# What a namespace sent, in segments.
segments() {
	nsenter --net=/run/netns/$1 awk '
	$1 == "Tcp:" && !seen++ { for (i = 2; i <= NF; i++) name[i] = $i; next }
	$1 == "Tcp:" { for (i = 2; i <= NF; i++) if (name[i] == "OutSegs") print $i }' \
		/proc/net/snmp
}

# Connections that tcpstate, or nf_conntrack, saw in its namespace.
seen_by() {
	nsenter --net=/run/netns/$1 "${SEEN[@]}"
}

# talk NETNS WATCHER ADDRESS CONNECTIONS EXCHANGES: sets TOOK, with nothing, tcpstate or conntrack
# watching.
talk() {
	local ns=$1 watcher=$2 saw=0

	shift 2
	case $watcher in
	tcpstate)
		SEEN=(awk '$1 == "syn_sent" { print $7 }' /proc/net/tcpstate/counters)
		echo 1 >$ENABLED
		;;
	conntrack)
		SEEN=(cat /proc/sys/net/netfilter/nf_conntrack_count)
		;;
	*)
		SEEN=(echo 0)
		;;
	esac
	saw=$(seen_by $ns)
	TOOK=$(nsenter --net=/run/netns/$ns pingpong "$@")
	if [ "$watcher" != none ] && [ $(($(seen_by $ns) - saw)) -lt "$2" ]; then
		die "$watcher did not see $2 connections"
	fi
	echo 0 >$ENABLED
}

# Instructions of a segment, and of a connection, of real sockets that talk over loopback, the
# witness on. nf_conntrack has a namespace where bench keeps it; a segment passes two hooks of each.
sockets() {
	local version address round n per name connections exchanges ours base ns

	for ns in plain tracked; do
		ip netns add $ns
		ip -n $ns link set lo up
	done
	modprobe nf_conntrack
	nsenter --net=/run/netns/tracked insmod /run/vm/bench/bench.ko trackers=$THEIRS flows=1 \
		rounds=1 packets=1
	for version in 4 6; do
		address=127.0.0.1
		[ $version = 4 ] || address=::1
		for per in "G1-sockets 1 2000" "G4-sockets 100 1"; do
			read -r name connections exchanges <<<"$per"
			n=$(segments plain)
			talk plain none $address "$connections" "$exchanges"
			n=$(($(segments plain) - n))
			[ "$connections" = 1 ] || n=$connections
			for ((round = 0; round < ROUNDS; round++)); do
				talk plain none $address "$connections" "$exchanges"
				base=$TOOK
				talk plain tcpstate $address "$connections" "$exchanges"
				ours=$TOOK
				talk tracked conntrack $address "$connections" "$exchanges"
				echo "$name-ipv$version $round $((base * 1000 / n))" \
					"$((ours * 1000 / n)) $((TOOK * 1000 / n))"
			done
		done
	done
	rmmod bench
	ip netns del plain
	ip netns del tracked
	echo 1 >$ENABLED
}

# How much more two processors do than one, with a flow for each, and with a direction of one flow.
G13() {
	bench rounds=$ROUNDS flows=$((ROUNDS * 100)) packets=100 race=$RACE
	rmmod bench
	figure own4 G13
	figure shared4 G13-shared
	flush
}

# woken SECONDS: sets WOKEN, how often a timer or work of ours ran in that time.
woken() {
	local tracing=/sys/kernel/tracing event

	mountpoint -q $tracing || mount -t tracefs none $tracing
	for event in timer/timer_expire_entry timer/hrtimer_expire_entry \
		workqueue/workqueue_execute_start; do
		echo 1 >$tracing/events/$event/enable
	done
	echo >$tracing/trace
	sleep "$1"
	echo 0 >$tracing/events/enable
	WOKEN=$(grep -c 'function[= ].*\[tcpstate\]' $tracing/trace) || :
}

# Timers and works of ours in a second without flows. With flows whose time is over they are seen.
G11() {
	local seconds=30

	flush
	tcpstate config timeout_established=1s >"$TMP/config"
	bench trackers=$OURS flows=100 rounds=1 packets=1
	rmmod bench
	woken 5
	[ "$WOKEN" -gt 0 ] || die "no expiry was traced"
	tcpstate config timeout_established=5d >"$TMP/config"
	flush
	sleep 2
	flows_now
	[ "$OURS_NOW" = 0 ] || die "the table is not empty"
	woken $seconds
	echo "G11 0 0 $((WOKEN * 1000 / seconds)) 0"
}

# track: nf_conntrack sees what comes here.
track() {
	modprobe nf_conntrack
	echo $((SOCKETS * 2)) >/proc/sys/net/netfilter/nf_conntrack_max
	nft 'table inet bench { chain input { type filter hook input priority 0;
		ct state established accept; }; }'
}

# hold: SOCKETS of them, on loopback. tcpstate finds them when all are there: so they come sooner.
hold() {
	[ ! -e "$TMP/held" ] || return 0
	[ -n "${QUICK:-}" ] || track
	echo 0 >$ENABLED
	mkfifo "$TMP/held"
	exec {held}<>"$TMP/held"
	: >"$TMP/crowd"
	crowd $((SOCKETS / 2)) $PORT <"$TMP/held" >"$TMP/crowd" {held}>&- &
	until grep -q connections "$TMP/crowd"; do
		kill -0 $! || die "the sockets did not come"
		pause 2
	done
	say "$(<"$TMP/crowd")"
	echo 1 >$ENABLED
	sleep 2
	flows_now
	[ "$OURS_NOW" -ge $((SOCKETS / 2)) ] ||
		die "of $((SOCKETS / 2)) connections tcpstate has $OURS_NOW"
	[ -n "${QUICK:-}" ] || [ "$THEIRS_NOW" -ge $((SOCKETS / 2)) ] ||
		die "of $((SOCKETS / 2)) connections nf_conntrack has $THEIRS_NOW"
}

# counters_equal: the mirror counts what is there.
counters_equal() {
	local sockets

	read -r _ sockets < <(readout inet_diag)
	awk -v sockets="$sockets" '$1 != "close" { sum += $2 } END { exit sum != sockets }' \
		/proc/net/tcpstate/counters || die "the counters are not those of $sockets sockets"
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
		[ -n "${QUICK:-}" ] ||
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
