#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Forwarded connections that the router meets in the middle, because the module comes later than
# they do, and connections of which it sees one direction alone.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

reload() {
	local ko arguments

	ko=$(module_file)
	mapfile -t arguments < <(module_arguments)
	rmmod tcpstate && insmod "$ko" "${arguments[@]}"
}

flows_are() {
	mirror_is $ROUTER pairs forwarded,$1 $2 $3
}

flows_in_all() {
	mirror_is $ROUTER stat flows value $1
}

# A router that is older than the module is not complete.
sums_of_router() {
	sums $ROUTER | grep -vx 'complete: 0 is not 1'
	[ "${PIPESTATUS[1]}" = 1 ]
}

route $CLIENT $ROUTER $SERVER
start_sockets
port=6000
for family in v4 v6; do
	case $family in
	v4)	server=10.0.2.2 ;;
	v6)	server=fd00:2::2 ;;
	esac
	for name in idle talk half back reset; do
		port=$((port + 1))
		connection $name.$family $CLIENT $SERVER $server $port
		s close l.$name.$family
	done
	s shutdown c.half.$family
	s wait s.half.$family close_wait
done
check "the module comes later" reload
check "the router knows of nothing" flows_in_all 0
check "and says so" mirror_is $ROUTER stat complete value 0
for ns in $CLIENT $SERVER; do
	check "the ${ns%-*} equals ss" mirrors $ns
	check "the ${ns%-*} is complete" mirror_is $ns stat complete value 1
done

s send 'c.talk.*' 100
s read 's.talk.*' 100
s send 's.back.*' 100
s read 'c.back.*' 100
check "data of either side: both are established" settled flows_are established established 4
s send 's.half.*' 100
s read 'c.half.*' 100
check "data of the side that is open" settled flows_are established established 6
s shutdown 'c.talk.*'
s wait 's.talk.*' close_wait
check "a FIN moves both" settled flows_are fin_wait2 close_wait 2
s shutdown 's.talk.*'
check "and so does the other" settled flows_are time_wait close 2
s send 'c.reset.*' 10
s read 's.reset.*' 10
check "data, then" settled flows_are established established 6
reset 'c.reset.*'
check "a RST ends it" settled flows_are established established 4
check "idle ones stay unknown" flows_in_all 6
check "sums of the router" sums_of_router

# From here on what the server sends goes another way.
link $CLIENT $SERVER 3
in_ns $CLIENT sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.server.rp_filter=0
ip -n $SERVER route add 10.0.1.1/32 via 10.0.3.1
ip -n $SERVER -6 route add fd00:1::1/128 via fd00:3::1
s netns $SERVER
s listen l.aside.v4 10.0.2.2 7000
s listen l.aside.v6 fd00:2::2 7000
s netns $CLIENT
s connect c.aside.v4 10.0.2.2 7000 10.0.1.1 7001
s connect c.aside.v6 fd00:2::2 7000 fd00:1::1 7002
s accept l.aside.v4 s.aside.v4
s accept l.aside.v6 s.aside.v6
s send 'c.aside.*' 100
s read 's.aside.*' 100
check "one direction tells of both ends" settled flows_are established established 6
check "but counts as half-open" mirror_is $ROUTER stat embryonic value 2
s send 's.aside.*' 100
s read 'c.aside.*' 100
check "what was acknowledged was sent" settled flows_are established established 6
s shutdown 'c.aside.*'
check "its FIN waits for an ACK that passes elsewhere" settled flows_are fin_wait1 established 2
check "sums of the router again" sums_of_router
for ns in $CLIENT $SERVER; do
	check "the ${ns%-*} equals ss again" mirrors $ns
done
finish
