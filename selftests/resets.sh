#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Resets, from either end and in many states. A dialled B; each case is a connection of its own.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

unread() {
	in_ns $B ss -tanH "sport = :$to" | awk '$2 > 0 { found = 1 } END { exit !found }'
}

two_ends
for family in v4 v6; do
	speak $family
	ip=ip
	[ $family = v4 ] || ip=ip6

	ready refused
	s connect $c $b $to
	s wait $c close
	check "$family refused" settled nothing_left $A $B

	start initiator
	reset $c
	check "$family the initiator resets" states none none

	start responder
	reset $sv
	check "$family the responder resets" states none none
	check "$family both ends are gone" settled nothing_left $A $B

	start half
	s shutdown $c
	s wait $sv close_wait
	reset $c
	check "$family reset in fin_wait2" states none none

	start waiting
	s shutdown $c
	s wait $sv close_wait
	reset $sv
	check "$family reset in close_wait" states none none

	start flying
	drop $B fins $from
	s shutdown $c
	reset $sv
	check "$family reset in fin_wait1" states none none
	undrop $B fins $from

	start last
	drop $A fins $to
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv
	check "$family parked in last_ack" states fin_wait2 last_ack
	reset $c
	check "$family reset in last_ack" states none none
	undrop $A fins $to

	start unread
	s send $c 1000
	wait_until 5 unread || die "no data came"
	s close $sv
	check "$family closed on unread data" states none none
	check "$family nothing is left" settled nothing_left $A $B

	# A gives up its SYN; the SYN-ACK, sent again, is answered with a RST.
	ready given_up
	drop $A synacks $to
	dial
	check "$family syn_recv" states syn_sent syn_recv
	s close $c
	undrop $A synacks $to
	check "$family reset in syn_recv" states none none

	start lost
	drop $B any $from
	reset $c
	check "$family a reset that is lost" states none established
	undrop $B any $from
	s send $sv 10
	check "$family the answer to later data" states none none

	# The rule's RST to A comes from no socket of B.
	start rejected
	rules $B <<-END
		table $ip rejecting {
			chain input {
				type filter hook input priority 0;
				tcp sport $from reject with tcp reset
			}
		}
	END
	s send $c 10
	s wait $c close
	check "$family reset by a rule, not by B's socket" states none established
	in_ns $B nft delete table $ip rejecting
	reset $sv

	start stranger
	drop $A any $to
	reset $sv
	check "$family reset lost on the way back" states established none
	undrop $A any $to
	s send $c 10
	check "$family no socket answers" states none none
	check "$family all is gone" settled nothing_left $A $B
done
check "sums of A" sums $A
check "sums of B" sums $B
finish
