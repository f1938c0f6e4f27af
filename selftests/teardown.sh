#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections being closed in order. A dialled B; each case is a connection of its own.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

# How many segments A sent again; true if there are more than before.
sent_again() {
	in_ns $A nstat -asz TcpRetransSegs | awk -v before="${before:-0}" '
	$1 == "TcpRetransSegs" { print $2; exit $2 <= before }'
}

two_ends
each=0
for family in v4 v6; do
	speak $family
	each=$((each + 1))

	start initiator
	s shutdown $c
	check "$family the initiator half-closes" states fin_wait2 close_wait
	check "$family the other end waits" mirror_is $A pairs local,fin_wait2 close_wait 1
	s send $sv 50000
	s read $c 50000
	check "$family data after it" states fin_wait2 close_wait
	s shutdown $sv
	check "$family the responder follows" states time_wait none
	check "$family the other end is closed" mirror_is $A pairs local,time_wait close $((4 * each - 3))

	start responder
	s shutdown $sv
	check "$family the responder half-closes" states close_wait fin_wait2
	s send $c 50000
	s read $sv 50000
	s shutdown $c
	check "$family the initiator follows" states none time_wait

	start reorder
	drop $B data $from
	s send $c 100
	s shutdown $c
	check "$family FIN ahead of lost data" states fin_wait1 established
	undrop $B data $from
	s read $sv 100
	check "$family the data sent again" states fin_wait2 close_wait
	s close $sv
	check "$family closed after it" states time_wait none

	start lost
	drop $B fins $from
	s send $c 100
	s shutdown $c
	check "$family FIN lost" states fin_wait1 established
	undrop $B fins $from
	check "$family FIN sent again" states fin_wait2 close_wait
	s close $c
	s eof $sv
	s close $sv
	check "$family closed by close()" states time_wait none

	start unacked
	drop $A acks $to
	before=$(sent_again)
	s shutdown $c
	check "$family the FIN's ACK lost" states fin_wait1 close_wait
	wait_until 10 sent_again || die "no FIN was sent again"
	check "$family a retransmitted FIN moves nothing" states fin_wait1 close_wait
	s shutdown $sv
	check "$family FIN+ACK leads straight to time_wait" states time_wait none
	undrop $A acks $to

	start last
	drop $B acks $from
	s shutdown $sv
	s wait $c close_wait
	s shutdown $c
	check "$family the last ACK" states none time_wait
	undrop $B acks $from

	# The server is in time_wait; a newer SYN from the same port opens a new connection there.
	start reopened
	s shutdown $sv
	s wait $c close_wait
	s shutdown $c
	check "$family time_wait at the server" states none time_wait
	s close $c
	s close $sv
	CASES=$((CASES - 1))
	start again
	check "$family a newer SYN opens it again" states established established
done
check "each FIN and each last ACK counted once" transition_is established,fin_wait1 8 6
check "sums of A" sums $A
check "sums of B" sums $B
finish
