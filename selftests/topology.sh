#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Networks in which one name is not enough, or a segment takes an unusual way: VRFs and link-local
# addresses that give two connections the same name, bridges, macvlan and ipvlan, two routers that
# see one direction each, extension headers, fragments, and segments of all sizes.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

BULK=20M
[ "${SCALE:-}" != long ] || BULK=1G

# speak v4|v6: the addresses of client, router and server.
speak() {
	family=$1
	case $family in
	v4)	client=10.0.1.1 near=10.0.1.2 server=10.0.2.2 any=0.0.0.0 ;;
	v6)	client=fd00:1::1 near=fd00:1::2 server=fd00:2::2 any=:: ;;
	esac
}

# talk NAME CLIENT SERVER ADDRESS [FROM]: three connections from ports 5000 on to 6000 on, with data
# both ways: established, half-closed, and closed by the client first.
talk() {
	local i

	for i in 0 1 2; do
		s netns $3
		s listen l.$1.$i $4 $((6000 + i))
		s netns $2
		s connect c.$1.$i $4 $((6000 + i)) ${5:+$5 $((5000 + i))}
		s accept l.$1.$i s.$1.$i
		s close l.$1.$i
	done
	s send "c.$1.*" 2000
	s read "s.$1.*" 2000
	s send "s.$1.*" 2000
	s read "c.$1.*" 2000
	s shutdown c.$1.1
	s shutdown c.$1.2
	s wait s.$1.1 close_wait
	s wait s.$1.2 close_wait
	s shutdown s.$1.2
}

# pairs_are NETNS PATH N: so many of each of talk's connections.
pairs_are() {
	mirror_is $1 pairs $2,established established $3 &&
		mirror_is $1 pairs $2,fin_wait2 close_wait $3 &&
		mirror_is $1 pairs $2,time_wait close $3
}

# The same where the client is not here.
answered_are() {
	mirror_is $1 pairs local,established established $2 &&
		mirror_is $1 pairs local,close_wait fin_wait2 $2
}

# --- VRF: the same addresses and ports in both ---

# vrf_end NETNS DEVICE VRF NET END: an end of a link.
vrf_end() {
	ip -n $1 link set dev $2 master $3 || die "no VRF"
	end_of_link $1 $2 $4 $5
}

# vrf_path VRF TABLE: client, router and server, each with its part of it.
vrf_path() {
	local ns

	for ns in $CLIENT $ROUTER $SERVER; do
		ip -n $ns link add $1 type vrf table $2 || die "no VRF"
		ip -n $ns link set dev $1 up
	done
	ip link add name router.$1 netns $CLIENT type veth peer name client.$1 netns $ROUTER
	ip link add name server.$1 netns $ROUTER type veth peer name router.$1 netns $SERVER
	vrf_end $CLIENT router.$1 $1 1 1
	vrf_end $ROUTER client.$1 $1 1 2
	vrf_end $ROUTER server.$1 $1 2 1
	vrf_end $SERVER router.$1 $1 2 2
	ip -n $CLIENT route add default via 10.0.1.2 vrf $1
	ip -n $CLIENT -6 route add default via fd00:1::2 vrf $1
	ip -n $SERVER route add default via 10.0.2.1 vrf $1
	ip -n $SERVER -6 route add default via fd00:2::1 vrf $1
}

vrfs() {
	local vrf port

	CLIENT=vclient-$$ ROUTER=vrouter-$$ SERVER=vserver-$$
	add_netns $CLIENT $ROUTER $SERVER
	in_ns $ROUTER sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	vrf_path red 101
	vrf_path azure 102
	for family in v4 v6; do
		speak $family
		for vrf in red azure; do
			s device $vrf
			talk $vrf.$family $CLIENT $SERVER $server $client
		done
	done
	check "VRF: each name twice at the client" settled pairs_are $CLIENT local 4
	check "VRF: and at the server" settled answered_are $SERVER 4
	check "VRF: and in the router" settled pairs_are $ROUTER forwarded 4
	check "VRF: each forwarded end is its socket's" settled ends_equal $ROUTER $CLIENT $SERVER
	all_equal VRF $CLIENT $ROUTER $SERVER

	# Bound to the device below the VRF, and a listener for all of them.
	port=7000
	in_ns $SERVER sysctl -qw net.ipv4.tcp_l3mdev_accept=1
	for family in v4 v6; do
		speak $family
		for vrf in red azure; do
			port=$((port + 1))
			s netns $SERVER
			s device
			s listen any.$vrf.$family $any $port
			s netns $CLIENT
			s device router.$vrf
			s connect c.any.$vrf.$family $server $port
			s accept any.$vrf.$family s.any.$vrf.$family
			s wait c.any.$vrf.$family established
			s device $vrf
			talk own.$vrf.$family $CLIENT $CLIENT $client $client
		done
	done
	s device
	check "VRF: bound below it, accepted from any" settled \
		mirror_is $CLIENT pairs local,established established 8
	check "VRF: both ends within" settled pairs_are $CLIENT loopback 4
	all_equal "VRF, bound otherwise" $CLIENT $ROUTER $SERVER
	reset '*'
	check "VRF: all is over" wait_until 10 nothing_but_time_wait $CLIENT $SERVER
	all_equal "VRF, ended" $CLIENT $SERVER
}

nothing_but_time_wait() {
	local ns

	for ns; do
		in_ns $ns ss -tanH | awk '$1 != "TIME-WAIT" { print; n++ } END { exit n > 0 }' || return 1
	done
}

# --- link-local addresses: the same on both links ---

link_local() {
	local name side ns

	A=lla-$$ B=llb-$$
	add_netns $A $B
	for name in left right; do
		ip link add name $name netns $A type veth peer name $name netns $B || die "no veth"
		for ns in $A $B; do
			side=1
			[ $ns = $A ] || side=2
			ip -n $ns link set dev $name addrgenmode none up
			ip -n $ns address add fe80::$side/64 dev $name nodad
		done
	done
	family=v6
	for name in left right; do
		s netns $B
		s listen l.ll.$name fe80::2%$name 6000
		s netns $A
		s connect c.ll.$name fe80::2%$name 6000 fe80::1%$name 5000
		s accept l.ll.$name s.ll.$name
		s connect c.closed.$name fe80::2%$name 6000 fe80::1%$name 5001
		s accept l.ll.$name s.closed.$name
		s shutdown c.closed.$name
		s wait s.closed.$name close_wait
		s close s.closed.$name
	done
	check "link-local: one name on two links" settled \
		mirror_is $A pairs local,established established 2
	check "link-local: the other end" settled \
		mirror_is $B pairs local,established established 2
	check "link-local: closed" settled mirror_is $A pairs local,time_wait close 2
	s shutdown c.ll.left
	check "link-local: one of them moves" settled mirror_is $A pairs local,fin_wait2 close_wait 1
	s netns $B
	s listen l.ll.any :: 6001
	s netns $A
	for name in left right; do
		s connect c.any.$name fe80::2%$name 6001 fe80::1%$name 5002
		s accept l.ll.any s.any.$name
		s wait c.any.$name established
	done
	check "link-local: a listener for all links" settled \
		mirror_is $B pairs local,established established 3
	all_equal link-local $A $B
	s close '*'
	check "link-local: nothing is under way" wait_until 10 at_rest $A $B
	all_equal "link-local, closed" $A $B
}

# --- a bridge that shows its frames to IP's hooks ---

bridged() {
	local name

	CLIENT=bclient-$$ BRIDGE=bridge-$$ SERVER=bserver-$$
	modprobe br_netfilter || die "no br_netfilter"
	add_netns $CLIENT $BRIDGE $SERVER
	ip -n $BRIDGE link add name switch type bridge
	ip -n $BRIDGE link set dev switch up
	ip link add name bridge netns $CLIENT type veth peer name client netns $BRIDGE
	ip link add name bridge netns $SERVER type veth peer name server netns $BRIDGE
	for name in client server; do
		ip -n $BRIDGE link set dev $name master switch up
	done
	end_of_link $CLIENT bridge 1 1
	end_of_link $SERVER bridge 1 2
	in_ns $BRIDGE sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1
	for family in v4 v6; do
		speak $family
		talk bridged.$family $CLIENT $SERVER $near $client
	done
	check "bridge: its frames are forwarded" settled pairs_are $BRIDGE forwarded 2
	check "bridge: each end is its socket's" settled ends_equal $BRIDGE $CLIENT $SERVER
	all_equal bridge $CLIENT $BRIDGE $SERVER

	in_ns $BRIDGE sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
		net.bridge.bridge-nf-call-ip6tables=0
	for family in v4 v6; do
		speak $family
		s netns $SERVER
		s listen l.unseen.$family $near 7000
		s netns $CLIENT
		s connect c.unseen.$family $near 7000
		s accept l.unseen.$family s.unseen.$family
	done
	check "bridge: the switch is off" settled pairs_are $BRIDGE forwarded 2
	all_equal "bridge without hooks" $CLIENT $BRIDGE $SERVER
	reset '*'
}

# --- devices on top of a device of another namespace ---

# stack NAME KIND...: a device of the client's on top of one of another namespace.
stack() {
	SERVER=$1_s-$$ PARENT=$1_p-$$ CLIENT=$1_c-$$
	add_netns $SERVER $PARENT $CLIENT
	ip link add name top netns $PARENT type veth peer name top netns $SERVER || die "no veth"
	end_of_link $PARENT top 1 2
	end_of_link $SERVER top 1 3
	ip -n $PARENT link add name above link top netns $CLIENT type "${@:2}" || die "no ${*:2}"
	end_of_link $CLIENT above 1 1
	case $1 in
	l3)	# No neighbour is asked there.
		ip -n $SERVER route add 10.0.1.1 via 10.0.1.2
		ip -n $SERVER -6 route add fd00:1::1 via fd00:1::2
		;;
	esac
	talk $1.v4 $CLIENT $SERVER 10.0.1.3 10.0.1.1
	talk $1.v6 $CLIENT $SERVER fd00:1::3 fd00:1::1
	check "${*:2}: the upper device's connections" settled pairs_are $CLIENT local 2
	check "${*:2}: the server" settled answered_are $SERVER 2
	check "${*:2}: nothing at the lower device" mirror_is $PARENT stat flows value 0
	all_equal "${*:2}" $CLIENT $PARENT $SERVER
	s close '*'
	check "${*:2}: nothing is under way" wait_until 10 at_rest $CLIENT $SERVER
	all_equal "${*:2}, closed" $CLIENT $PARENT $SERVER
}

# --- there by one router, back by another ---

two_ways() {
	CLIENT=caller-$$ THERE=there-$$ BACK=back-$$ SERVER=callee-$$
	route $CLIENT $THERE $SERVER
	add_netns $BACK
	link $SERVER $BACK 3
	link $BACK $CLIENT 4
	in_ns $BACK sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n $SERVER route replace default via 10.0.3.2
	ip -n $SERVER -6 route replace default via fd00:3::2
	default_route $BACK 10.0.4.2 fd00:4::2
	for family in v4 v6; do
		speak $family
		talk two_ways.$family $CLIENT $SERVER $server $client
	done
	check "two ways: the client's connections" settled pairs_are $CLIENT local 2
	check "two ways: the way there knows that it is half of it" settled \
		mirror_is $THERE stat embryonic value 6
	check "two ways: and so does the way back" settled mirror_is $BACK stat embryonic value 6
	all_equal "two ways" $CLIENT $THERE $BACK $SERVER
	s close '*'
	check "two ways: nothing is under way" wait_until 10 at_rest $CLIENT $SERVER
	all_equal "two ways, closed" $CLIENT $THERE $BACK $SERVER
	for ns in $THERE $BACK; do
		tcpstate -N $ns config timeout_one_sided=1 >"$TMP/config"
		check "two ways: it ends by its time" wait_until 10 mirror_is $ns stat flows value 0
	done
}

# --- segments of all sizes ---

# bulk 4|6: much data to the server, and back.
bulk() {
	quietly in_ns $CLIENT iperf3 -$1 -c $server -n $BULK &&
		quietly in_ns $CLIENT iperf3 -$1 -c $server -n $BULK -R
}

# offload on|off: of all devices on the way.
offload() {
	turn $CLIENT router $1 && turn $ROUTER client $1 && turn $ROUTER server $1 &&
		turn $SERVER router $1
}

turn() {
	in_ns $1 ethtool -K $2 tso $3 gso $3 gro $3
}

transfer() {
	for family in v4 v6; do
		speak $family
		check "$1: $family" bulk ${family#v}
	done
	check "$1: nothing is under way" wait_until 10 at_rest $CLIENT $SERVER
	check "$1: each forwarded end is its socket's" settled ends_equal $ROUTER $CLIENT $SERVER
	all_equal "$1" $CLIENT $ROUTER $SERVER
}

sizes() {
	CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$
	route $CLIENT $ROUTER $SERVER
	background $SERVER iperf3 -s >"$TMP/iperf3"
	check "offload on" offload on
	transfer "offload on"
	check "offload off" offload off
	transfer "offload off"

	speak v6
	s netns $SERVER
	s bind l.padded $server 6000
	s set l.padded pad 1
	s listen l.padded $server 6000
	s netns $CLIENT
	for i in 1 2; do
		s bind c.padded.$i $client 500$i
		s set c.padded.$i pad 1
		s connect c.padded.$i $server 6000
		s accept l.padded s.padded.$i
	done
	s send 'c.padded.*' 50000
	s read 's.padded.*' 50000
	s shutdown c.padded.1
	check "extension headers" settled mirror_is $ROUTER pairs forwarded,fin_wait2 close_wait 1
	check "extension headers: the other" settled \
		mirror_is $ROUTER pairs forwarded,established established 1
	check "extension headers: each end is its socket's" \
		settled ends_equal $ROUTER $CLIENT $SERVER
	# Nothing forbids the router to cut IPv4's segments to pieces.
	in_ns $CLIENT sysctl -qw net.ipv4.ip_no_pmtu_disc=1
	ip -n $ROUTER link set dev server mtu 600
	speak v4
	check "fragments" quietly in_ns $CLIENT iperf3 -4 -c $server -n 2M
	check "fragments: there were some" fragmented
	all_equal "all sizes" $CLIENT $ROUTER $SERVER
}

fragmented() {
	in_ns $SERVER nstat -asz IpReasmOKs | awk '$1 == "IpReasmOKs" { exit !$2 }'
}

start_sockets
vrfs
link_local
bridged
stack mv macvlan mode bridge
stack l2 ipvlan mode l2
stack l3 ipvlan mode l3
two_ways
sizes
finish
