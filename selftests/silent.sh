#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What no segment tells: sockets that move without one, and sockets that do not move though one
# came. Within a second of ss the mirror says the same.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

BUSY=6000		# milliseconds
HOGS=40			# connections whose data nobody reads
MODE=$(</sys/module/tcpstate/parameters/witness)

# tune NETNS KEY VALUE: a sysctl of net.ipv4.
tune() {
	in_ns $1 sysctl -qw net.ipv4.$2=$3
}

# at_port STATE N: the sockets at B's port, whoever is their peer.
at_port() {
	wait_until 10 ss_is $B $1 $2 "sport = :$to" && mirrors $A $B
}

# grew NETNS COUNTER N: by so many at least.
grew() {
	local n

	n=$(debug_sum $1 $2) || { echo "no sum of $2"; return 1; }
	[ "$n" -ge $3 ] || { echo "$2 in $1 is $n, not $3"; return 1; }
}

# booked NETNS NAME: how often this was booked there, over all states.
booked() {
	read_mirror $1 debug | awk -v name=$2 '$1 == name { n += $4 } END { print n + 0 }'
}

# is_booked NETNS NAME N: so often at least.
is_booked() {
	[ "$(booked $1 $2)" -ge $3 ] || { echo "no $2 in $1"; return 1; }
}

# So that no ACK meets the socket while close() has it, which would leave a RST for the end.
half_close() {
	s shutdown $c
	s wait $c fin_wait2
}

# Sockets and requests whose timers now run.
arm() {
	start user_timeout
	s set $c user_timeout 500
	drop $B any $from
	s send $c 10

	start retries2
	drop $B any $from
	s send $c 10

	start keepalive
	s set $c keepidle 1
	s set $c keepintvl 1
	s set $c keepcnt 1
	s set $c keepalive 1
	drop $B any $from

	start no_linger2
	s set $c linger2 -1
	half_close
	s close $c

	start linger2
	s set $c linger2 5
	half_close
	s close $c
	check "$family orphan with TCP_LINGER2" states fin_wait2 close_wait

	start fin_timeout
	half_close
	s close $c
	check "$family orphan" states fin_wait2 close_wait

	ready expiry
	drop $A synacks $to
	dial
	s close $c
	check "$family request" states none syn_recv

	ready orphaned
	drop $A synacks $to
	dial
	s close $c
	s close $l
}

expire() {
	recall user_timeout
	check "$family user timeout" states none established
	recall retries2
	check "$family tcp_retries2" states none established
	recall keepalive
	check "$family keepalive" states none established
	recall no_linger2
	check "$family TCP_LINGER2 -1" states none none
	recall linger2
	check "$family TCP_LINGER2" states none close_wait
	recall fin_timeout
	check "$family tcp_fin_timeout" states none close_wait
	recall expiry
	check "$family SYN-ACK expiry" states none none
	recall orphaned
	check "$family SYN-ACK expiry without a listener" states none none
}

closes() {
	ready zero_window
	s set $l rcvbuf 2048
	dial
	accepted
	s fill $c
	s close $c
	check "$family closed with a closed window" states fin_wait1 established

	ready syn_sent
	drop $B syns $from
	dial
	check "$family unanswered" states syn_sent none
	s close $c
	check "$family closed in syn_sent" states none none

	start tw_buckets
	tune $A tcp_max_tw_buckets 0
	s shutdown $c
	s wait $sv close_wait
	s shutdown $sv
	check "$family no room for time_wait" states none none
	tune $A tcp_max_tw_buckets 4096

	start repair
	s set $c repair 1
	s close $c
	check "$family closed under TCP_REPAIR" states none established

	start destroyed
	in_ns $A ss -K -tn "sport = :$from" >"$TMP/destroyed"
	check "$family destroyed by ss -K" states none none

	ready destroyed_early
	drop $B syns $from
	dial
	in_ns $A ss -K -tn "sport = :$from" >"$TMP/destroyed"
	check "$family destroyed in syn_sent" states none none

	ready unreachable
	rules $B <<-END
		table inet unreachable {
			chain input {
				type filter hook input priority 0;
				tcp sport $from reject with icmpx type port-unreachable
			}
		}
	END
	dial
	s wait $c close
	check "$family ICMP unreachable" states none none
	in_ns $B nft delete table inet unreachable
}

# dial_waiting: connects, but no SYN leaves before there are data.
dial_waiting() {
	s set $c fastopen_connect 1
	dial
}

waiting() {
	local waited

	tune $A tcp_fastopen 0x207
	tune $A tcp_tw_reuse 1
	waited=$(booked $A silent_syn_deferred)
	ready waiting
	dial_waiting
	check "$family a SYN that waits for data" states syn_sent none
	s send $c 10
	s accept $l $sv
	s close $l
	check "$family and leaves with them" states established established

	# A new connection of the name that is in time_wait still.
	start waiting_again
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	s close $c
	check "$family closed" states time_wait none
	sleep 2
	s netns $B
	s bind $l $b $to
	s netns $A
	s bind $c $a $from
	dial_waiting
	check "$family a SYN that waits, and takes the name of one in time_wait" states syn_sent none
	check "$family both are booked" \
		wait_until 10 is_booked $A silent_syn_deferred $((waited + 2))
	s send $c 10
	s wait $c established
	s close $l
	reset $c
}

# destroy NETNS PORT: from outside, by ss; the kernel must be able to.
destroy() {
	in_ns $1 ss -K -Htna "sport = :$2" | grep -q . || die "ss -K destroys nothing at port $2"
}

# No packet, no event, and no timer that is due.
destroyed() {
	ready request_destroyed
	drop $A synacks $to
	dial
	check "$family request" states syn_sent syn_recv
	drop $B syns $from
	destroy $B $to
	check "$family a request destroyed by ss -K" states syn_sent none

	start timewait_destroyed
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	check "$family both closed" states time_wait none
	destroy $A $from
	check "$family a timewait socket destroyed by ss -K" states none none

	start orphan_destroyed
	half_close
	s close $c
	check "$family orphan in a timewait socket" states fin_wait2 close_wait
	destroy $A $from
	check "$family an orphan destroyed by ss -K" states none close_wait
}

# begin NETNS CAUSE: a case in which a socket there withholds something begins now.
begin() {
	local ns

	WHERE=$1 CAUSE=withheld_$2
	BEGUN=$(booked $WHERE $CAUSE)
	for ns in $A $B; do
		read_mirror $ns transitions >"$TMP/$ns.begun"
	done
}

# steps_are NETNS [FROM,TO]...: since the case began, the local ends made these steps and no other.
steps_are() {
	read_mirror $1 transitions | awk -v steps="${*:2}" '
	BEGIN {
		for (n = split(steps, step, " "); n; n--)
			due[step[n]]++
	}
	FNR == 1 { next }
	FNR == NR { due[$1 "," $2] += $3; next }
	$3 != due[$1 "," $2] {
		print $1, $2 ": " $3 ", not " due[$1 "," $2]
		failed = 1
	}
	END { exit failed || FNR != 122 }' "$TMP/$1.begun" - && return
	echo "in $1"
	return 1
}

# unmoved WHAT A_STEPS B_STEPS: it is booked, and meanwhile, where sockets commit, no gauge moved but as
# they did.
unmoved() {
	check "$family $1: booked" wait_until 10 is_booked $WHERE $CAUSE $((BEGUN + 1))
	[ "$MODE" = 1 ] || return 0
	check "$family $1: no gauge moved but with a socket, at A" steps_are $A $2
	check "$family $1: and at B" steps_are $B $3
}

# The segment came, the socket stayed.
withheld() {
	local memory

	ready defer
	s set $l defer_accept 30
	begin $B deferred
	dial
	s wait $c established
	check "$family TCP_DEFER_ACCEPT" states established syn_recv
	unmoved "TCP_DEFER_ACCEPT" "close,syn_sent syn_sent,established" "close,listen close,syn_recv"
	s send $c 10
	check "$family data ends it" states established established

	start filtered
	s set $c drop 1
	begin $A filter
	s shutdown $sv
	check "$family a FIN that the socket's filter drops" states established fin_wait1
	unmoved "a filtered FIN" "" established,fin_wait1
	reset $sv
	check "$family a RST that the socket's filter drops" states established none
	unmoved "a filtered RST" "" "established,fin_wait1 fin_wait1,close"

	ready signed
	s set $c sign 1
	s set $l sign 1
	dial
	accepted
	s set $c sign 2
	begin $A signature
	s shutdown $sv
	check "$family a FIN with another signature" states established fin_wait1
	unmoved "a FIN with another signature" "" established,fin_wait1
	reset $sv

	start far
	case $family in
	v4)	s set $c minttl 255 ;;
	v6)	s set $c minhops 255 ;;
	esac
	begin $A min_ttl
	s shutdown $sv
	check "$family a FIN from too far" states established fin_wait1
	unmoved "a FIN from too far" "" established,fin_wait1
	reset $sv

	start busy
	begin $A backlog
	s hold $c $BUSY
	s shutdown $sv
	# The socket may still do what the segment says: that waits two seconds before it is judged.
	unmoved "a FIN that waits for a busy socket" "" established,fin_wait1
	check "$family a FIN that waited" states close_wait fin_wait2
	reset $sv

	start no_room
	s send $sv 20000
	wait_until 5 at_rest $B >&2 || die "data is under way"
	s set $c rcvbuf 1
	begin $A no_room
	s shutdown $sv
	unmoved "a FIN without room" "" established,fin_wait1
	check "$family a FIN without room" states established fin_wait1
	reset $sv
	check "$family a RST needs none" states none none

	# Of a bare FIN newer kernels make an exception, of what is before it none. The kernel does not
	# count the first megabyte of each processor.
	ready hog
	s listen $l $b $to
	s connect "hog.$family*$HOGS" $b $to
	s accept $l "hogged.$family*$HOGS"
	s close $l
	s fill "hog.$family.*"
	start no_memory
	s send $sv 20000
	wait_until 5 at_rest $B >&2 || die "data is under way"
	begin $A no_room
	# The FIN goes with the last of the data, not back to what was sent already.
	s set $sv cork 1
	memory=$(</proc/sys/net/ipv4/tcp_mem)
	echo 1 1 1 >/proc/sys/net/ipv4/tcp_mem
	s send $sv 10000
	s shutdown $sv
	unmoved "a FIN without memory" "" established,fin_wait1
	check "$family a FIN without memory" states established fin_wait1
	echo "$memory" >/proc/sys/net/ipv4/tcp_mem
	check "$family a FIN for which there is memory again" states close_wait fin_wait2
	reset $sv
	reset "hog.$family.*"

	ready overflow
	drop $B acks $from $((from + 1000))
	begin $B overflow
	dial
	s connect second.$family $b $to $a $((from + 1000))
	s wait $c established
	s wait second.$family established
	s listen $l $b $to 0
	check "$family two ACKs lost" at_port syn_recv 2
	undrop $B acks $from
	check "$family room for one of them" at_port established 1
	undrop $B acks $((from + 1000))
	check "$family the accept queue is full" at_port syn_recv 1
	unmoved "a full accept queue" \
		"close,syn_sent close,syn_sent syn_sent,established syn_sent,established" \
		"close,listen close,syn_recv close,syn_recv syn_recv,established"
	reset second.$family
	check "$family a RST in place of the ACK" at_port syn_recv 0
}

cookies() {
	tune $B tcp_syncookies 2
	start cookie
	check "$family SYN cookie" states established established
	ready half_cookie
	drop $A synacks $to
	dial
	check "$family a SYN cookie that is lost" states syn_sent none
	tune $B tcp_syncookies 1
}

all_cases() {
	# First: no other connection's timer moves a gauge.
	for family in v4 v6; do
		speak $family
		withheld
	done
	tune $A tcp_retries2 1
	tune $A tcp_fin_timeout 5
	tune $B tcp_synack_retries 2
	for family in v4 v6; do
		speak $family
		arm
	done
	for family in v4 v6; do
		expire
	done
	tune $A tcp_retries2 15
	for family in v4 v6; do
		speak $family
		closes
		# A socket's record begins where its SYN leaves.
		[ "$NAME" != silent ] || waiting
		destroyed
		cookies
	done
}

# replay.sh has these cases too.
[ "$NAME" = silent ] || return 0

two_ends
all_cases
check "sums of A" sums $A
check "sums of B" sums $B
check "A has counted its silent changes" settled grew $A silent 16
check "B has counted its silent changes" settled grew $B silent 4
s close '*'
check "A has counted what its sockets withheld" settled grew $A withheld 10
check "B has counted what its sockets withheld" settled grew $B withheld 4
finish
