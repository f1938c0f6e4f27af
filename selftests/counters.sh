#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own counters against the mirror's: at rest after churn, and when TIME_WAIT has drained,
# in every namespace /proc/net/sockstat, sockstat6, snmp and ss say the same as the gauges.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

LOOP=loop-$$

# kernel_agrees NETNS: CurrEstab counts established and close_wait. The timewait sockets (tw) are all
# in time_wait and those in fin_wait2 that ss shows with their timer; sockets in use (inuse, TCP and
# TCP6) are the rest but requests, which are what is in syn_recv here.
kernel_agrees() {
	in_ns $1 ss -tanoH state fin-wait-2 >"$TMP/fin_wait2"
	in_ns $1 cat $MIRROR/counters /proc/net/snmp /proc/net/sockstat /proc/net/sockstat6 |
		awk -v small="$(grep -c 'timer:(timewait' "$TMP/fin_wait2")" '
	function equal(what, kernel, mirror)
	{
		print what ": " kernel " in the kernel, " mirror " in the mirror"
		if (kernel == "" || kernel != mirror)
			failed = 1
	}
	NF == 10 && $1 != "state" {
		gauge[$1] = $2
		if ($1 != "close")
			ends += $2
	}
	$1 == "Tcp:" && !seen++ { for (i = 2; i <= NF; i++) name[i] = $i; next }
	$1 == "Tcp:" { for (i = 2; i <= NF; i++) if (name[i] == "CurrEstab") current = $i }
	$1 == "TCP:" || $1 == "TCP6:" {
		for (i = 2; i < NF; i += 2)
			if ($i == "inuse")
				inuse += $(i + 1)
			else if ($i == "tw")
				timewait = $(i + 1)
	}
	END {
		equal("CurrEstab", current, gauge["established"] + gauge["close_wait"])
		equal("tw", timewait, gauge["time_wait"] + small)
		equal("inuse", inuse, ends - gauge["syn_recv"] - timewait)
		exit failed
	}'
}

agrees() {
	kernel_agrees $1 && compare_ss $1
}

all_agree() {
	local ns

	for ns in $A $B $LOOP; do
		check "${ns%-*} $1" settled agrees $ns
		check "${ns%-*} $1: sums" sums $ns
	done
}

# timewait_sockets NETNS: how many there are.
timewait_sockets() {
	in_ns $1 awk '$1 == "TCP:" { for (i = 2; i < NF; i += 2) if ($i == "tw") print $(i + 1) }' \
		/proc/net/sockstat
}

drained() {
	local ns

	for ns in $A $B $LOOP; do
		[ "$(timewait_sockets $ns)" = 0 ] || return 1
	done
}

# Ends in many states, kept.
park() {
	start established

	start half_closed
	s shutdown $c
	s wait $c fin_wait2

	start fin_lost
	drop $B fins $from
	s shutdown $c

	ready unanswered
	drop $B syns $from
	dial

	ready answer_lost
	drop $A synacks $to
	dial

	# A timewait socket in fin_wait2.
	start orphan
	s close $c
}

two_ends
add_netns $LOOP
for ns in $A $LOOP; do
	in_ns $ns sysctl -qw net.ipv4.tcp_fin_timeout=30
done
for family in v4 v6; do
	speak $family
	park
	churn -t 2 -c $A -s $B $b 5000 >"$TMP/churn" || die "traffic fails"
done
for address in 127.0.0.1 ::1; do
	connection loop.$address $LOOP $LOOP $address 6000
	s shutdown s.loop.$address
	connection orphan.$address $LOOP $LOOP $address 6001
	s close c.orphan.$address
	churn -t 2 -c $LOOP -s $LOOP $address 5000 >"$TMP/churn" || die "traffic fails"
done
for ns in $A $B $LOOP; do
	check "${ns%-*} has timewait sockets" test "$(timewait_sockets $ns)" -gt 0
done
check "one of A is in fin_wait2" wait_until 5 ss_is $A fin_wait2 4
all_agree "after churn"
check "TIME_WAIT drains" wait_until 80 drained
all_agree "after TIME_WAIT"
finish
