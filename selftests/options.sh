#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sockets with options: Multipath TCP, Fast Open with cookies, signatures, filters, hop limits,
# connections that are moved to another socket, and names that are used again at once.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

REUSED=200
TRAFFIC=3
[ "${SCALE:-}" != long ] || { REUSED=20000 TRAFFIC=60; }

# tune KEY VALUE: a sysctl of net.ipv4 in both namespaces.
tune() {
	local ns

	for ns in $A $B; do
		in_ns $ns sysctl -qw net.ipv4.$1="$2"
	done
}

# counted NETNS COUNTER: the kernel has.
counted() {
	in_ns $1 nstat -asz $2 | awk -v name=$2 '$1 == name { n = $2 } END { print name, n; exit !n }'
}

# slowly A_STATE B_STATE: as states, after a retransmission whose timer has grown meanwhile.
slowly() {
	wait_until 30 came $A $1 $from $to && wait_until 30 came $B $2 $to $from && states "$@"
}

came() {
	look "$@"
	[ $? != 2 ]
}

# --- Fast Open ---

# dial_fast NAME: a socket that sends its data with the SYN, if it has a cookie.
dial_fast() {
	ready $1
	s set $l fastopen 16
	s set $c fastopen_connect 1
	dial
	s send $c 100
	s accept $l $sv
	s read $sv 100
	s close $l
}

fast_open() {
	tune tcp_fastopen 3
	tune tcp_fastopen_blackhole_timeout_sec 0
	for family in v4 v6; do
		speak $family
		dial_fast asks
		check "$family Fast Open: a cookie is asked for" states established established
		dial_fast pays
		check "$family Fast Open: and used" states established established

		# The ACK of the SYN-ACK is lost: the server's socket is in syn_recv.
		recall pays
		drop $B acks $((from + 1)) $((from + 2)) $((from + 3))
		dial_fast closing_server
		check "$family Fast Open: accepted in syn_recv" states established syn_recv
		s close $sv
		check "$family Fast Open: closed there" mirrors $A $B
		undrop $B acks $from
		check "$family Fast Open: and the FIN came" slowly close_wait fin_wait2

		dial_fast closing_client
		s shutdown $c
		check "$family Fast Open: FIN in place of the ACK" states fin_wait2 close_wait
		undrop $B acks $from

		dial_fast reset_server
		reset $sv
		check "$family Fast Open: reset in syn_recv" states none none
		undrop $B acks $from
	done
	check "Fast Open: data came with a SYN" counted $B TcpExtTCPFastOpenPassive
	check "Fast Open: a cookie was asked for" counted $B TcpExtTCPFastOpenCookieReqd
	check "Fast Open: not straight to established" transition_is close,established 0 0
}

# --- signatures (TCP-MD5) ---

# dial_signed NAME CLIENT_KEY SERVER_KEY: 0 is none.
dial_signed() {
	ready $1
	[ $2 = 0 ] || s set $c sign $2
	[ $3 = 0 ] || s set $l sign $3
	dial
}

signatures() {
	for family in v4 v6; do
		speak $family
		dial_signed right 1 1
		accepted
		s send $c 5000
		s read $sv 5000
		check "$family signed" states established established
		s set $c sign 3
		s shutdown $c
		check "$family signed: a FIN with another key" states fin_wait1 established
		s set $c sign 1
		check "$family signed: and with the right one" slowly fin_wait2 close_wait
		s shutdown $sv
		check "$family signed: closed" states time_wait none

		dial_signed deaf 1 1
		accepted
		s set $c sign 3
		s shutdown $sv
		check "$family signed: nothing is understood" states established fin_wait1
		s set $c sign 1
		check "$family signed: until the key is right" slowly close_wait fin_wait2

		dial_signed other 1 2
		check "$family signed: keys differ" states syn_sent none
		s close $c
		s close $l
		dial_signed unsigned 0 1
		check "$family not signed, but should be" states syn_sent none
		s close $c
		s close $l
		dial_signed unwanted 1 0
		check "$family signed, but should not be" states syn_sent none
		s close $c
		s close $l
	done
}

# --- what a socket drops for a while ---

picky() {
	for family in v4 v6; do
		speak $family
		start no_fin
		s set $c drop_fins 1
		s send $sv 100
		s read $c 100
		s shutdown $sv
		check "$family a filter drops the FIN alone" states established fin_wait1
		s set $c drop_fins 0
		check "$family until it is gone" slowly close_wait fin_wait2
		s shutdown $c
		check "$family closed after it" states none time_wait
	done

	# IP_MINTTL is in silent.sh.
	start distant
	s set $c minhops 255
	s shutdown $sv
	check "$family a FIN from too far" states established fin_wait1
	sleep 2.5
	check "$family which is no error" sums $A
	s set $c minhops 0
	check "$family and from near enough" slowly close_wait fin_wait2
}

# --- the accept queue is full, and says so ---

# left STATE N: so many sockets at B's port, whoever is their peer.
left() {
	wait_until 10 ss_is $B $1 $2 "sport = :$to" && mirrors $A $B
}

overflow() {
	in_ns $B sysctl -qw net.ipv4.tcp_abort_on_overflow=1
	for family in v4 v6; do
		speak $family
		ready overflow
		drop $B acks $from $((from + 1000))
		dial
		s connect second.$family $b $to $a $((from + 1000))
		s wait $c established
		s wait second.$family established
		check "$family two ACKs lost" left syn_recv 2
		s listen $l $b $to 0
		s send $c 10
		check "$family room for one of them" left established 1
		s send second.$family 10
		check "$family the other is reset" left syn_recv 0
		check "$family by a RST" ss_is $A established 0 "sport = :$((from + 1000))"
		s close $l
	done
	in_ns $B sysctl -qw net.ipv4.tcp_abort_on_overflow=0
}

# --- moved under TCP_REPAIR ---

moves() {
	for family in v4 v6; do
		speak $family
		start moved
		s send $c 5000
		s read $sv 5000
		s netns $A
		s move $c
		check "$family moved: the initiator" states established established
		s send $sv 5000
		s read $c 5000
		s netns $B
		s move $sv
		check "$family moved: the responder" states established established
		s send $c 5000
		s read $sv 5000
		s shutdown $c
		check "$family moved: half-closed" states fin_wait2 close_wait
		s shutdown $sv
		check "$family moved: closed" states time_wait none

		start again
		s netns $A
		s move $c
		s move $c
		s shutdown $sv
		check "$family moved twice: the responder closes" states close_wait fin_wait2
		reset $c
		check "$family moved twice: reset" states none none
	done
}

# --- Multipath TCP: each subflow is a TCP connection ---

# both_are STATE N: so many TCP sockets, at either end.
both_are() {
	wait_until 10 ss_is $A $1 $2 && wait_until 10 ss_is $B $1 $2 && mirrors $A $B
}

multipath() {
	A=ma-$$ B=mb-$$
	pair $A $B
	ip link add name b2 netns $A type veth peer name a2 netns $B || die "no veth"
	end_of_link $A b2 2 1
	end_of_link $B a2 2 2
	in_ns $A sysctl -qw net.mptcp.enabled=1
	in_ns $B sysctl -qw net.mptcp.enabled=1
	ip -n $A mptcp limits set subflow 2 add_addr_accepted 2
	ip -n $B mptcp limits set subflow 2 add_addr_accepted 2
	# A subflow that leaves by the second link still goes to the first one's address.
	ip -n $A route add 10.0.1.0/24 via 10.0.2.2 dev b2 metric 1000
	ip -n $A -6 route add fd00:1::/64 via fd00:2::2 dev b2 metric 1000
	ip -n $A mptcp endpoint add 10.0.2.1 dev b2 id 1 subflow || die "no MPTCP"
	ip -n $A mptcp endpoint add fd00:2::1 dev b2 id 2 subflow || die "no MPTCP"
	for family in v4 v6; do
		speak $family
		s netns $B
		s listen l.tcp.$family $b 6001
		s protocol mptcp
		s listen l.mp.$family $b 6000
		s netns $A
		for i in 1 2; do
			s connect c.mp$i.$family $b 6000
			s accept l.mp.$family s.mp$i.$family
			s send c.mp$i.$family 20000
			s read s.mp$i.$family 20000
			s send s.mp$i.$family 20000
			s read c.mp$i.$family 20000
		done
		check "$family MPTCP: two subflows each" both_are established 4
		check "$family MPTCP: all dialled by A" \
			mirror_is $A counters established local_initiator 4
		s shutdown c.mp1.$family
		s eof s.mp1.$family
		check "$family MPTCP: half-closed" mirrors $A $B
		s send s.mp1.$family 20000
		s read c.mp1.$family 20000
		s close s.mp1.$family
		s close c.mp1.$family
		check "$family MPTCP: closed" both_are established 2
		reset c.mp2.$family
		check "$family MPTCP: reset" mirrors $A $B
		s close s.mp2.$family
		check "$family MPTCP: all subflows are closed" both_are established 0

		# Where one side does not speak it, it is TCP.
		s connect c.fall.$family $b 6001
		s protocol tcp
		s connect c.plain.$family $b 6000
		s accept l.mp.$family s.plain.$family
		s accept l.tcp.$family s.fall.$family
		s send c.fall.$family 5000
		s read s.fall.$family 5000
		s send c.plain.$family 5000
		s read s.plain.$family 5000
		check "$family MPTCP: with a peer of plain TCP" both_are established 2
		s close "*.fall.$family"
		s close "*.plain.$family"
		check "$family MPTCP: and closed" both_are established 0
		s protocol tcp
	done
	check "MPTCP: there were joins" counted $B MPTcpExtMPJoinAckRx
	check "MPTCP: nothing is under way" wait_until 10 at_rest $A $B
	all_equal MPTCP $A $B
}

# --- one name again and again ---

# entered_is NETNS STATE N: local ends that ever were in it.
entered_is() {
	mirror_is $1 counters $2 entered_local $3
}

reused() {
	A=ra-$$ B=rb-$$ LOOP=rl-$$
	pair $A $B
	add_netns $LOOP
	for family in v4 v6; do
		speak $family
		lo=127.0.0.1
		[ $family = v4 ] || lo=::1
		check "$family reused: $REUSED connections of one name" \
			quietly reuse -n $REUSED -c $A -s $B $b 6000 $a 5000
		check "$family reused: on loopback" \
			quietly reuse -n $REUSED -c $LOOP -s $LOOP $lo 6000 $lo 5000
	done
	check "reused: each dialled once" entered_is $A syn_sent $((2 * REUSED))
	check "reused: each established once" entered_is $A established $((2 * REUSED))
	check "reused: each answered once" entered_is $B syn_recv $((2 * REUSED))
	check "reused: both, on loopback" entered_is $LOOP established $((4 * REUSED))
	all_equal reused $A $B $LOOP
}

# Few ports: a connection takes the name of one in time_wait.
recycled() {
	for ns in $A $LOOP; do
		in_ns $ns sysctl -qw net.ipv4.ip_local_port_range="40000 40039" net.ipv4.tcp_tw_reuse=1
	done
	for family in v4 v6; do
		speak $family
		lo=127.0.0.1
		[ $family = v4 ] || lo=::1
		check "$family recycled: no connection failed" \
			quietly churn -t $TRAFFIC -p 30 -c $A -s $B $b 7000
		check "$family recycled: on loopback" \
			quietly churn -t $TRAFFIC -p 30 -c $LOOP -s $LOOP $lo 7000
	done
	check "recycled: some were in time_wait" counted $A TcpExtTWRecycled
	check "recycled: and on loopback" counted $LOOP TcpExtTWRecycled
	check "recycled: nothing is under way" wait_until 10 at_rest $A $B $LOOP
	all_equal recycled $A $B $LOOP
}

# Each SYN-ACK is a cookie: no request socket before the ACK.
cookies() {
	tune tcp_syncookies 2
	for family in v4 v6; do
		speak $family
		check "$family cookies: no connection failed" quietly churn -t $((TRAFFIC / 3)) -c $A -s $B $b 7001
	done
	check "cookies: they were used" counted $B TcpExtSyncookiesRecv
	check "cookies: nothing is under way" wait_until 10 at_rest $A $B
	all_equal cookies $A $B
}

# The ACK is lost, and the FIN brings the cookie back: no segment finds a flow.
cookie_fins() {
	tune tcp_syncookies 2
	for family in v4 v6; do
		speak $family
		ready cookie_fin
		drop $B acks $from
		dial
		s wait $c established
		s shutdown $c
		s accept $l $sv
		undrop $B acks $from
		check "$family a FIN that brings a cookie" states fin_wait2 close_wait
		s close $l
		s close $sv
	done
	tune tcp_syncookies 1
}

two_ends
fast_open
cookie_fins
signatures
picky
overflow
moves
all_equal options $A $B
s close '*'
check "nothing is under way" wait_until 10 at_rest $A $B
all_equal "options, closed" $A $B
multipath
stop_sockets
reused
cookies
recycled
finish
