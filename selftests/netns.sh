#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Namespaces that go while flows live in them: forwarded ones, time_wait, requests, and sockets
# that are aborted later. Nothing of theirs may stay.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=20
SLAB=/sys/kernel/slab/tcpstate_flow

# Flow objects in use, in all namespaces.
objects() {
	echo 1 >$SLAB/shrink
	awk '{ print $1 }' $SLAB/objects
}

objects_are() {
	local n

	n=$(objects)
	[ "$n" = $1 ] || { echo "$n flow objects, not $1"; return 1; }
}

# One round: flows in most states through a router, then all three namespaces go.
round() {
	local client=client-$1-$$ router=router-$1-$$ server=server-$1-$$ address ns

	route $client $router $server
	drop_table $server
	drop $server syns 4000
	start_sockets
	for address in 10.0.2.2 fd00:2::2; do
		connection est.$address $client $server $address 6000
		connection half.$address $client $server $address 6001
		s shutdown c.half.$address
		connection gone.$address $client $server $address 6002
		s shutdown c.gone.$address
		s wait s.gone.$address close_wait
		s shutdown s.gone.$address
	done
	s netns $client
	s connect unanswered 10.0.2.2 6003 10.0.1.1 4000
	wait_until 5 ss_is $client time_wait 2 && mirrors $client $router $server &&
		mirror_is $router pairs forwarded,established established 2 || failed=1
	for ns in $client $router $server; do
		sums $ns || failed=1
		ip netns del $ns
	done
	s set 'c.*' linger 0
	s set 's.*' linger 0
	stop_sockets
}

rounds() {
	local failed=0 i

	for ((i = 0; i < ROUNDS; i++)); do
		round $i
	done
	return $failed
}

# The names go while the traffic runs, the namespaces with its last socket.
under_traffic() {
	local i a b

	for ((i = 0; i < ROUNDS; i++)); do
		a=a-$i-$$ b=b-$i-$$
		pair $a $b
		background $a churn -c $a -s $b 10.0.1.2 5000
		wait_until 10 busy $a || return 1
		ip netns del $a
		ip netns del $b
		end $CHILD || return 1
	done
}

busy() {
	[ "$(mirror $1 counters time_wait entered_local)" -gt 0 ]
}

mark_log netns
before=$(objects) || die "no $SLAB"
check "$ROUNDS times, flows live in namespaces that go" rounds
check "$ROUNDS times, under traffic" under_traffic
check "no flow stays" wait_until 20 objects_are $before
check "the log is clean" log_is_clean netns
finish
