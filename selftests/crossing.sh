#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Both ends act at once: SYNs and FINs that cross, over IPv4 and IPv6 at the same time, and sockets
# connected to themselves.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

SELF=self-$$

delay() {
	in_ns $A tc qdisc add dev b root netem delay $1 || die "no netem"
	in_ns $B tc qdisc add dev a root netem delay $1 || die "no netem"
}

# all_are STATE: both connections' both ends.
all_are() {
	wait_until 15 ss_is $A $1 2 && wait_until 15 ss_is $B $1 2 && mirrors $A $B
}

# self_is STATE N: in the namespace of N sockets that are connected to themselves.
self_is() {
	ss_is $SELF $1 $2 && mirrors $SELF && mirror_is $SELF counters $1 local $2
}

two_ends
for family in v4 v6; do
	speak $family
	ready crossing
	# Neighbours are known for good: their own questions would come too late.
	in_ns $A ping -c 1 -W 5 $b >/dev/null || die "no answer to ping"
	in_ns $A ip neigh change $b dev b nud permanent || die "no neighbour"
	in_ns $B ip neigh change $a dev a nud permanent || die "no neighbour"
done
delay 3s
s connect c.crossing.v4 10.0.1.2 6101
s connect l.crossing.v4 10.0.1.1 5101
s connect c.crossing.v6 fd00:1::2 6102
s connect l.crossing.v6 fd00:1::1 5102
check "SYNs cross" all_are syn_sent
check "and meet sockets that have sent one" all_are syn_recv
check "simultaneous open" all_are established
check "all came by syn_recv" transition_is syn_sent,syn_recv 2 2
check "and then established" transition_is syn_recv,established 2 2

s shutdown '?.crossing.*'
check "FINs cross" all_are fin_wait1
check "and meet sockets that have sent one" all_are closing
check "simultaneous close" all_are time_wait
check "all came by closing" transition_is fin_wait1,closing 2 2
check "and then time_wait" transition_is closing,time_wait 2 2
check "sums of A" sums $A
check "sums of B" sums $B

add_netns $SELF
s netns $SELF
s connect self.v4 127.0.0.1 6001 127.0.0.1 6001
s connect self.v6 ::1 6001 ::1 6001
s wait 'self.*' established
check "connected to itself" self_is established 2
check "sums" sums $SELF 2
s shutdown 'self.*'
check "closed by itself" self_is time_wait 2
check "sums after it" sums $SELF 2
finish
