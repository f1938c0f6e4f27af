#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A table with 100,000 flows, with SCALE=long a million, that forged segments make through FORWARD: the
# counters are read as fast as with 1,000, a dump has each flow that lived throughout once, 64 readers
# of the counters at once see them right, flows coming and going all the time; and neither a flush nor
# rmmod keeps a processor from its timers, or its softirqs (selftests/gap, see crowd.sh). The figures
# are printed. Where the clock counts instructions (tools/vm/vm --icount), ALLOWED=1000 holds.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${SCALE:-} in
long)	MANY=1000000 ROUNDS=2 ;;
*)	MANY=100000 ROUNDS=3 ;;
esac
FEW=1000
TIMES=31		# that the counters are read
RATIO=120		# per cent of the time with FEW that it may take
READERS=64
READS=20		# of each reader
MOVING=1000		# flows that may be counted in between, coming or going
ALLOWED=${ALLOWED:-50000}	# more than the control's longest gap, in microseconds
TIMERS=/sys/module/gap/parameters
NS=million-$$
TARGETS="10.9.0.1/80 fd00:9::1/80"
PROCESSORS=$(nproc)

ko=$(module_file)
mapfile -t arguments < <(module_arguments)

# send KIND ARGUMENT...: sets RATE to the program's words.
send() {
	in_ns $NS flood "${@:2}" $1 flood $TARGETS >"$TMP/flood" || return 1
	RATE=$(sed 's/^flood: //' "$TMP/flood")
	echo "# $1: $RATE" >&9
}

# hold N: flows with both ends established.
hold() {
	send hold -n $1 && mirror_is $NS pairs forwarded,established established $1
}

# fill: as many half-open ones.
fill() {
	send half -n $MANY && mirror_is $NS stat flows value $MANY
}

flush() {
	in_ns $NS tcpstate flush
}

load() {
	insmod "$ko" "${arguments[@]}" max_flows=$((2 * MANY)) || return 1
	[ ! -e /run/netns/$NS ] || settle
}

# Half-open ones may be as many, and stay.
settle() {
	in_ns $NS ask config-set max-embryonic=$((2 * MANY)) timeouts.syn-sent=100000
}

unload() {
	rmmod tcpstate
}

# median_of COMMAND...: of what it prints.
median_of() {
	local i

	for ((i = 0; i < TIMES; i++)); do
		in_ns $NS "$@" || return 1
	done | sort -n | sed -n $((TIMES / 2 + 1))p
}

# reading: sets OF_PROGRAM and OF_FILE, in microseconds.
reading() {
	OF_PROGRAM=$(($(median_of readout run tcpstate counters) / 1000))
	OF_FILE=$(($(median_of readout file $MIRROR/counters) / 1000))
}

# no_slower BEFORE MANY AFTER: the machine may have become slower meanwhile, or faster.
no_slower() {
	local few=$(($1 > $3 ? $1 : $3))

	FIGURE="$2 us; $1 us and $3 us with $FEW flows, before and after"
	echo "$FIGURE"
	[ $few -gt 0 ] && [ $2 -le $((few * RATIO / 100)) ]
}

# --- while flows come and go ---

churn() {
	background $NS flood churn flood $TARGETS >"$TMP/churn"
	CHURN=$CHILD
}

churned() {
	end $CHURN || return 1
	FIGURE=$(sed 's/^flood: //' "$TMP/churn")
}

# Those that are held come from 48/8 and 2001:db8:48::/48; others are no matter.
dumped() {
	local began

	now_ms
	began=$NOW
	in_ns $NS tcpstate -H flows 2>"$TMP/stderr" | awk -v many=$MANY '
	$8 ~ /^(48\.|\[?2001:db8:48::)/ {
		if (seen[$8]++ || $3 $5 !~ /^established\??established\??$/) {
			print "twice, or in a wrong state: " $0
			wrong++
		}
		n++
		next
	}
	{ others++ }
	END {
		print n + 0 " that stay, " others + 0 " others"
		exit !(n == many && !wrong)
	}' >"$TMP/dumped" || { head -n 20 "$TMP/dumped"; return 1; }
	now_ms
	FIGURE="$(<"$TMP/dumped") in $((NOW - began)) ms"
	! grep -v 'not complete\|does not know' "$TMP/stderr"
}

# What each reader sees: all rows, flows of MANY at least but for those on the move, and never less entered
# than before.
reader() {
	in_ns $NS awk -v file=$MIRROR/counters -v reads=$READS -v many=$MANY -v moving=$MOVING '
	function bad(what) { print "read " i ": " what; failed = 1 }
	BEGIN {
		for (i = 1; i <= reads; i++) {
			rows = 0
			while ((getline <file) > 0) {
				if (++rows == 1)
					continue
				if ($1 == "established")
					for (c = 5; c <= 6; c++)
						if ($c < many - moving || $c > many + moving)
							bad("established " $c)
				for (c = 7; c <= 10; c++) {
					if ($c < entered[$1, c])
						bad($1 " entered " $c ", " entered[$1, c] " before")
					entered[$1, c] = $c
				}
			}
			if (rows != 12)
				bad(rows " rows")
			close(file)
		}
		exit failed
	}'
}

readers() {
	local began failed=0 i reader readers=()

	now_ms
	began=$NOW
	for ((i = 0; i < READERS; i++)); do
		reader >"$TMP/reader.$i" 2>&1 &
		readers+=($!)
	done
	for reader in "${readers[@]}"; do
		wait $reader || failed=1
	done
	now_ms
	FIGURE="$((READERS * READS)) reads in $((NOW - began)) ms"
	head -qn 3 "$TMP"/reader.*
	return $failed
}

# --- timers ---

# longest COMMAND...: sets GAP and SOFTIRQ to the longest gaps while it ran, in microseconds, TOOK to
# its time.
longest() {
	local began

	now_ms
	began=$NOW
	echo 0 >$TIMERS/longest
	echo 0 >$TIMERS/longest_softirq
	"$@" || return 1
	GAP=$(<$TIMERS/longest)
	SOFTIRQ=$(<$TIMERS/longest_softirq)
	now_ms
	TOOK=$((NOW - began))
}

# least NAME: keeps the least gaps of that name; a stall shows in every round, noise does not.
declare -A LEAST LEAST_SOFTIRQ ALL
least() {
	ALL[$1]+=" $GAP and $SOFTIRQ (in $TOOK ms)"
	[ -n "${LEAST[$1]:-}" ] && [ "${LEAST[$1]}" -le $GAP ] || LEAST[$1]=$GAP
	[ -n "${LEAST_SOFTIRQ[$1]:-}" ] && [ "${LEAST_SOFTIRQ[$1]}" -le $SOFTIRQ ] ||
		LEAST_SOFTIRQ[$1]=$SOFTIRQ
}

# As long as the flush before it, and nothing is done.
idle() {
	sleep "$(printf %d.%03d $((TOOK / 1000)) $((TOOK % 1000)))"
}

rounds() {
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		fill && longest flush || return 1
		least flush
		longest idle || return 1
		least control
		mirror_is $NS stat flows value 0 && fill && longest unload || return 1
		least rmmod
		! ls -d /sys/kernel/slab/tcpstate_* 2>/dev/null && load || return 1
	done
}

# within NAME
within() {
	FIGURE="${LEAST[$1]} us; control ${LEAST[control]} us"
	echo "$FIGURE"
	[ "${LEAST[$1]}" -le $((LEAST[control] + ALLOWED)) ]
}

softirqs_within() {
	FIGURE="${LEAST_SOFTIRQ[$1]} us; control ${LEAST_SOFTIRQ[control]} us"
	echo "$FIGURE"
	[ "${LEAST_SOFTIRQ[$1]}" -le $((LEAST_SOFTIRQ[control] + ALLOWED)) ]
}

modprobe -a tun dummy || die "no tun or dummy device"
rmmod tcpstate || die "the module does not go"
insmod "$(dirname "$(command -v crowd)")/gap.ko" || die "no timers"
check "a table for $((2 * MANY)) flows" load
add_netns $NS
in_ns $NS sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for ((i = 0; i < PROCESSORS; i++)); do
	echo "tuntap add dev flood$i mode tun"
	echo "link set flood$i up"
done | ip -n $NS -batch - || die "no tun device"
ip -n $NS -batch - <<-END || die "no dummy device"
	link add silent type dummy
	link set silent up
	route add default dev silent
	route add ::/0 dev silent
END
settle || die "no limit"

mark_log million
check "$FEW flows" hold $FEW
reading
few=("$OF_PROGRAM" "$OF_FILE")
check "flushed" flush
check "$MANY flows" hold $MANY
reading
many=("$OF_PROGRAM" "$OF_FILE")

churn
check "a dump has each flow that stays once, and ends" dumped
check "$READERS readers at once" readers
check "flows came and went" churned
check "those that stay are there" mirror_is $NS pairs forwarded,established established $MANY
check "the sums hold" sums $NS 0 partial
check "flushed" flush
check "$FEW flows" hold $FEW
reading
check "tcpstate counters took no longer" no_slower "${few[0]}" "${many[0]}" "$OF_PROGRAM"
check "nor did the file alone" no_slower "${few[1]}" "${many[1]}" "$OF_FILE"
check "flushed" flush

check "$ROUNDS times filled and flushed, filled and unloaded" rounds
for name in control flush rmmod; do
	echo "# longest gaps in microseconds, of timers and softirqs, $name:${ALL[$name]:-}"
done
for name in flush rmmod; do
	check "$name: no processor stands still" within $name
	check "$name: nor do its softirqs" softirqs_within $name
done
rmmod gap
unload
check "the module is as it was" insmod "$ko" "${arguments[@]}"
check "the log is clean" log_is_clean million
finish
