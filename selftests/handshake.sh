#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections being opened: A dials, B answers.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

two_ends
for ns in $A $B; do
	in_ns $ns sysctl -qw net.ipv4.tcp_fastopen=0x207
done
done=0
for family in v4 v6; do
	speak $family

	start three
	check "$family three-way" states established established
	check "$family the other end is established too" \
		mirror_is $A pairs local,established established $((done + 1))
	check "$family who dialled" \
		mirror_is $A counters established local_initiator $((done + 1))
	check "$family who did not" mirror_is $B counters established local_initiator 0

	ready refused
	s connect $c $b $to
	s wait $c close
	check "$family refused" states none none

	ready unanswered
	drop $B syns $from
	dial
	check "$family unanswered" states syn_sent none
	check "$family nobody there" mirror_is $A pairs local,syn_sent close 1
	undrop $B syns $from
	accepted
	check "$family SYN retransmitted" states established established

	ready synack
	drop $A synacks $to
	dial
	check "$family SYN-ACK lost" states syn_sent syn_recv
	undrop $A synacks $to
	accepted
	check "$family SYN-ACK retransmitted" states established established

	ready ack
	drop $B acks $from
	dial
	s wait $c established
	check "$family the ACK lost" states established syn_recv
	undrop $B acks $from
	accepted
	check "$family the ACK sent again" states established established

	ready data
	drop $B acks $from
	dial
	s wait $c established
	s send $c 100
	accepted
	check "$family data instead of the ACK" states established established
	undrop $B acks $from

	ready fast
	s set $l fastopen 16
	s set $c fastopen_connect 1
	drop $A synacks $to
	dial
	s send $c 100
	s accept $l $sv
	s read $sv 100
	s close $l
	check "$family Fast Open, SYN-ACK lost" states syn_sent syn_recv
	undrop $A synacks $to
	s wait $c established
	check "$family Fast Open" states established established
	check "$family not straight to established" \
		transition_is close,established 0 0
	done=$((done + 6))
	check "$family every end came by syn_sent" transition_is syn_sent,established $done 0
	check "$family or by syn_recv" transition_is syn_recv,established 0 $done
done
check "sums of A" sums $A
check "sums of B" sums $B
finish
