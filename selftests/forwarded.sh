#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A router sees both ends of what it forwards: each is compared with the socket that it stands for,
# in the namespace where that is.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

open() {
	port=$((port + 1)) from=$((from + 1)) c=c.$1.$family sv=s.$1.$family l=l.$1.$family
	connection "$1.$family" $CLIENT $SERVER $server $port $client $from
	s close $l
}

# The router's number of flows whose ends are in these states.
flows_are() {
	mirror_is $ROUTER pairs forwarded,$1 $2 $3
}

route $CLIENT $ROUTER $SERVER
drop_table $CLIENT
drop_table $SERVER
start_sockets
from=5000 port=6000 n=0
for family in v4 v6; do
	case $family in
	v4)	client=10.0.1.1 server=10.0.2.2 ;;
	v6)	client=fd00:1::1 server=fd00:2::2 ;;
	esac
	n=$((n + 1))

	open established
	open initiator_half
	s shutdown $c
	open responder_half
	s shutdown $sv
	open initiator_first
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv
	open responder_first
	s shutdown $sv
	s wait $c close_wait
	s shutdown $c
	open reset_by_initiator
	reset $c
	open reset_by_responder
	reset $sv

	# A FIN that does not arrive has not moved the other end, and waits for its ACK.
	open fin_lost
	drop $SERVER fins $from
	s shutdown $c
	open fin_lost_back
	drop $CLIENT fins $port
	s shutdown $sv
	open closing
	drop $SERVER fins $from
	s shutdown $c
	s shutdown $sv
	open last_ack
	drop $CLIENT fins $port
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv

	s netns $CLIENT
	s connect refused.$family $server 7000
	s wait refused.$family close
	drop $SERVER syns 400$n
	s connect unanswered.$family $server 7000 $client 400$n
	s netns $SERVER
	s listen half_open.$family $server 710$n
	drop $CLIENT synacks 710$n
	s netns $CLIENT
	s connect opening.$family $server 710$n
	wait_until 5 ss_is $SERVER syn_recv $n || die "no syn_recv"

	check "$family each end is its socket's" \
		settled ends_equal $ROUTER $CLIENT $SERVER
	check "$family established" flows_are established established $n
	check "$family initiator half-closed" flows_are fin_wait2 close_wait $n
	check "$family responder half-closed" flows_are close_wait fin_wait2 $n
	check "$family closed, initiator first" flows_are time_wait close $n
	check "$family closed, responder first" flows_are close time_wait $n
	check "$family initiator's FIN lost" flows_are fin_wait1 established $n
	check "$family responder's FIN lost" flows_are established fin_wait1 $n
	check "$family closing" flows_are closing fin_wait2 $n
	check "$family last_ack" flows_are fin_wait2 last_ack $n
	check "$family unanswered" flows_are syn_sent close $n
	check "$family half open" flows_are syn_sent syn_recv $n
done
for ns in $CLIENT $ROUTER $SERVER; do
	check "${ns%-*} equals ss" mirrors $ns
	check "sums of the ${ns%-*}" sums $ns
done
finish
