#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The trace oracle: a BPF program records what every socket does, and all that the mirror counted must
# be that, transition by transition; with witness=observe, that and the steps which debug names. Each
# scenario has namespaces of its own, over veth and loopback, IPv4 and IPv6, and prints a line.

# It has a trace of its own.
TRACED=
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"
# shellcheck source=oracle.sh
. "$HERE/oracle.sh"

SCENARIOS=0

# All namespaces of the scenario agree with the trace, and nothing is lost; sets SUMMARY.
agree() {
	local ns failed=0

	take_trace
	for ns in $A $B; do
		photograph $ns
	done
	take_trace
	SUMMARY="lost $LOST"
	for ns in $A ${B/#$A/}; do
		oracle $ns >"$TMP/$ns.oracle" || failed=1
		sed "s/^/${ns%-*}: /" "$TMP/$ns.oracle"
		SUMMARY+="; $(tail -n 1 "$TMP/$ns.oracle")"
	done
	return $((failed || LOST))
}

# The rows of debug that a scenario leaves, joined by commas; the others leave none.
declare -A ROWS=(
	[closes]="(silent_no_timewait fin_wait2 2)?"	# a RST that no socket owned
	[cookies]="silent_closed syn_sent 2"
	# The queue may have room again by the time that the SYN-ACK is repeated.
	[overflow]="withheld_(backlog|overflow) syn_recv [0-9]+(,withheld_overflow syn_recv [0-9]+)?"
	[timers]="silent_closed syn_sent 2,silent_request_expired syn_recv 2,\
silent_timed_out established 2,silent_timewait_expired fin_wait2 2"
	[destroyed_small]="silent_closed syn_sent 2,silent_request_expired syn_recv 2,\
silent_timewait_expired time_wait 2"
	[no_timewait]="silent_no_timewait time_wait 2"
	[closed_window]="silent_unsent_fin established 2"
	[churned]=".*"	# sockets may be busy for long
)

names_are() {
	echo "debug: $NAMED"
	[[ $NAMED =~ ^(${ROWS[$1]:-})$ ]]
}

# The rows of debug, of all namespaces of the scenario together.
named() {
	local ns

	for ns in $A ${B/#$A/}; do
		cat "$TMP/$ns.debug"
	done | awk '
	/^(silent|withheld)_/ { n[$1 " " $2] += $4 }
	END { for (row in n) print row, n[row] }' | sort
}

# scenario PLACE COMMAND: runs it with A and B in namespaces of their own; and then every socket closes.
scenario() {
	local place=$1

	SCENARIOS=$((SCENARIOS + 1))
	CASES=0
	: >"$TMP/events"
	case $place in
	veth)
		A=a$SCENARIOS-$$ B=b$SCENARIOS-$$
		pair $A $B
		drop_table $B
		;;
	lo)
		A=l$SCENARIOS-$$ B=$A
		add_netns $A
		;;
	esac
	drop_table $A
	start_sockets
	for family in v4 v6; do
		speak_at $place
		$2
	done
	check "$place: $2" wait_until 5 agree
	echo "# $place: $2: $SUMMARY"
	stop_sockets
	check "$place: $2, and all closed" wait_until 5 agree
	echo "# $place: $2, and all closed: $SUMMARY"
	NAMED=$(named | paste -sd ,)
	check "$place: $2: ${NAMED:-nothing silent or withheld}" names_are $2
}

speak_at() {
	speak $family
	case $1.$family in
	lo.v4)	a=127.0.0.1 b=$a ;;
	lo.v6)	a=::1 b=$a ;;
	esac
}

# reach A_STATE B_STATE: the sockets are so.
reach() {
	wait_until 15 reached $1 $2 >&2 || die "the sockets are not $1 and $2"
}

reached() {
	local status

	for side in "$A $1 $from $to" "$B $2 $to $from"; do
		look $side
		status=$?
		[ $status != 2 ] || return 1
	done
}

closes() {
	start client_first
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	reach time_wait none
	s close $c

	start server_first
	s close $sv
	s wait $c close_wait
	s send $c 100
	s close $c
	reach none none

	start half_close
	s shutdown $c
	s send $sv 1000
	s read $c 1000
	s shutdown $sv
	reach time_wait none
	s close $c

	start orphan
	s close $c
	reach fin_wait2 close_wait
	s eof $sv
	s close $sv
	reach time_wait none

	start both
	drop $A fins $to
	drop $B fins $from
	s shutdown $c
	s shutdown $sv
	undrop $A fins $to
	undrop $B fins $from
	reach time_wait time_wait
}


opens() {
	start three

	ready refused
	s connect $c $b $to
	s wait $c close

	ready synack
	drop $A synacks $to
	dial
	reach syn_sent syn_recv
	undrop $A synacks $to
	accepted

	ready crossing
	drop $A syns $to
	drop $B syns $from
	s connect $c $b $to
	s connect $l $a $from
	reach syn_sent syn_sent
	undrop $A syns $to
	undrop $B syns $from
	reach established established
}

connected_to_itself() {
	ready self
	s netns $A
	s connect self.$family $a 7000 $a 7000
	s wait self.$family established
	s shutdown self.$family
	wait_until 5 ss_is $A time_wait $CASES "sport = :7000" >&2 || die "no time_wait"
}

resets() {
	start by_client
	reset $c
	reach none none

	start by_server
	reset $sv
	reach none none

	start unread
	s send $sv 1000
	s close $c
	reach none none

	start half_closed
	s shutdown $c
	reach fin_wait2 close_wait
	reset $sv
	reach none none

	start last_words
	s shutdown $c
	reach fin_wait2 close_wait
	s send $sv 1000
	s close $c
	reach none none
}

# A program that is killed closes its sockets as the kernel does.
crashes() {
	local words

	for words in "" "and unread words"; do
		ready "crash${words:+.unread}"
		s listen $l $b $to
		background $A bash -c "exec 3<>/dev/tcp/$b/$to && exec sleep 1000"
		s accept $l $sv
		s close $l
		[ -z "$words" ] || s send $sv 1000
		kill -9 $CHILD
		wait $CHILD 2>/dev/null
		unset "CHILDREN[$CHILD]"
		if [ -z "$words" ]; then
			s eof $sv
		else
			s wait $sv close
		fi
		s close $sv
	done
}

fast_open() {
	for ns in $A $B; do
		in_ns $ns sysctl -qw net.ipv4.tcp_fastopen=0x207
	done
	ready fast
	s set $l fastopen 16
	s set $c fastopen_connect 1
	drop $A synacks $to
	dial
	s send $c 100
	s accept $l $sv
	s read $sv 100
	s close $l
	reach syn_sent syn_recv
	undrop $A synacks $to
	s wait $c established
	s shutdown $sv
	s wait $c close_wait
	s close $c
	reach none time_wait
}

cookies() {
	in_ns $B sysctl -qw net.ipv4.tcp_syncookies=2
	start cookie
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	reach time_wait none

	ready lost_cookie
	drop $A synacks $to
	dial
	reach syn_sent none
	s close $c
}

# more_withheld N: the second's ACK has come in vain, and it is booked.
more_withheld() {
	[ "$(debug_sum $B withheld)" -gt $1 ]
}

# An ACK with data is there sooner than the next repetition of the SYN-ACK.
overflow() {
	local withheld

	ready overflow
	drop $B acks $from $((from + 2000))
	dial
	s connect second.$family $b $to $a $((from + 2000))
	s wait $c established
	s wait second.$family established
	s listen $l $b $to 0
	s send $c 10
	wait_until 10 ss_is $B established 1 "sport = :$to" >&2 || die "nobody got in"
	withheld=$(debug_sum $B withheld)
	s send second.$family 10
	wait_until 10 more_withheld $withheld >&2 || die "the accept queue has room"
	s accept $l $sv
	wait_until 10 ss_is $B established 2 "sport = :$to" >&2 || die "the second did not get in"
	undrop $B acks $from $((from + 2000))
}

# A connection over a timewait socket of its name, at the side that dials and at the one that listens.
reuse() {
	in_ns $A sysctl -qw net.ipv4.tcp_tw_reuse=1
	start dialling
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	reach time_wait none
	s close $c
	sleep 1.1
	CASES=$((CASES - 1))
	start dialling_again

	start listening
	s shutdown $sv
	s wait $c close_wait
	s close $c
	reach none time_wait
	s close $sv
	CASES=$((CASES - 1))
	start listening_again
}

# tune NETNS KEY VALUE: a sysctl of net.ipv4.
tune() {
	in_ns $1 sysctl -qw net.ipv4.$2=$3
}

# All four at once: each takes seconds.
timers() {
	tune $B tcp_synack_retries 1
	start user_timeout
	s set $c user_timeout 500
	drop $B any $from
	s send $c 10

	start keepalive
	s set $c keepidle 1
	s set $c keepintvl 1
	s set $c keepcnt 1
	s set $c keepalive 1
	drop $B any $from

	start linger2
	s set $c linger2 2
	s close $c
	reach fin_wait2 close_wait

	ready request
	drop $A synacks $to
	dial
	reach syn_sent syn_recv
	s close $c

	recall user_timeout
	reach none established
	recall keepalive
	reach none established
	recall linger2
	reach none close_wait
	recall request
	reach none none
}

destroyed() {
	start full
	in_ns $A ss -K -tn "sport = :$from" >"$TMP/destroyed"
	reach none none
}

# Sockets that nothing tells of: a sweep finds out.
destroyed_small() {
	start timewait
	s shutdown $sv
	s wait $c close_wait
	s close $c
	reach none time_wait
	in_ns $B ss -K -tn state time-wait "sport = :$to" >"$TMP/destroyed"
	reach none none

	ready request
	drop $A synacks $to
	dial
	reach syn_sent syn_recv
	s close $c
	in_ns $B ss -K -tn state syn-recv "sport = :$to" >"$TMP/destroyed"
	reach none none
}

no_timewait() {
	start no_timewait
	tune $A tcp_max_tw_buckets 0
	s shutdown $c
	s wait $sv close_wait
	s close $sv
	reach none none
	tune $A tcp_max_tw_buckets 4096
}

closed_window() {
	ready closed_window
	s set $l rcvbuf 2048
	dial
	accepted
	s fill $c
	s close $c
	reach fin_wait1 established
	s eof $sv
	s close $sv
	reach time_wait none
}

# caught NETNS FILE PROGRAM WORDS: when awk's PROGRAM has changed this FILE, the comparison fails and says so.
caught() {
	local file="$TMP/$1.$2"

	[ "$2" != events ] || file=$TMP/events
	cp "$file" "$TMP/whole"
	awk "$3" "$TMP/whole" >"$file"
	oracle $1 >"$TMP/caught"
	set -- $? "$4"
	cat "$TMP/caught"
	cmp "$file" "$TMP/whole" >/dev/null && set -- 0 "$2"
	cp "$TMP/whole" "$file"
	[ $1 = 1 ] && grep -qF "$2" "$TMP/caught"
}

# The comparison itself: of the last scenario, with a mirror that is broken on purpose.
broken() {
	local ns=$A

	check "broken: the whole one passes" oracle $ns
	check "broken: a transition too many" caught $ns transitions \
		'$1 == "established" && $2 == "fin_wait1" { $3++ } 1' "established fin_wait1: mirror"
	check "broken: one too few" caught $ns transitions \
		'$1 == "fin_wait2" && $2 == "time_wait" { $3-- } 1' "fin_wait2 time_wait: mirror"
	check "broken: a whole connection too few" caught $ns transitions '
		$1 == "close" && $2 == "syn_sent" || $1 == "syn_sent" && $2 == "established" ||
		$1 == "established" && $2 == "close" { $3-- } 1' "close syn_sent: mirror"
	check "broken: one in place of another" caught $ns transitions '
		$1 == "fin_wait1" && $2 == "closing" { $3++ }
		$1 == "fin_wait1" && $2 == "fin_wait2" { $3-- } 1' "fin_wait1 closing: mirror"
	check "broken: a state too many" caught $ns flows '1; NR == 1 { sub(/:[0-9]+$/, ":1"); print }' \
		"in flows"
	check "broken: another state" caught $ns flows '{ $3 = "last_ack" } 1' "last_ack in flows"
	check "broken: a flow too few" caught $ns flows 'NR > 1' "in flows: 0"
	check "broken: a socket too few" caught $ns ss 'NR > 1' "in ss: 0"
	check "broken: a correction" caught $ns debug \
		'1; END { print "correction established close 1" }' "correction established close"
	check "broken: events too few" caught $ns events \
		'$9 != "established" || $10 != "fin_wait1"' "lost: "
	[ $MODE != observe ] || check "broken: a named step explains no other" caught $ns transitions '
		$1 == "syn_sent" && $2 == "established" { $3-- }
		$1 == "syn_sent" && $2 == "close" { $3++ } 1' "syn_sent close: mirror"
}

# Of the last scenario, no_timewait: its name explains the state that sockets skip, as often as it
# stands.
misnamed() {
	check "broken: skipped, and not named" caught $A debug '!/^silent_no_timewait/' \
		"fin_wait2 time_wait: mirror"
	check "broken: skipped, and named otherwise" caught $A debug \
		'{ sub(/^silent_no_timewait/, "silent_closed") } 1' "time_wait close: mirror"
	check "broken: skipped once more than named" caught $A transitions '
		$1 == "fin_wait2" && $2 == "time_wait" { $3++ }
		$1 == "time_wait" && $2 == "close" { $3++ }
		$1 == "fin_wait2" && $2 == "close" { $3-- } 1' "fin_wait2 close: mirror"
	check "broken: another state skipped" caught $A transitions '
		$1 == "fin_wait2" && $2 == "time_wait" { $3-- }
		$1 == "fin_wait2" && $2 == "last_ack" { $3++ }
		$1 == "time_wait" && $2 == "close" { $3-- }
		$1 == "last_ack" && $2 == "close" { $3++ } 1' "last_ack close: mirror"
}

reload() {
	if ! rmmod tcpstate || ! insmod "$@"; then
		die "the module does not come and go"
	fi
}

# An engine that is alone does not hear what its sockets do in silence.
engine_alone() {
	local ko arguments

	ko=$(module_file)
	mapfile -t arguments < <(module_arguments)
	reload "$ko" "${arguments[@]}" witness=0
	A=c-$$ B=d-$$ CASES=0
	: >"$TMP/events"
	pair $A $B
	drop_table $A
	drop_table $B
	start_sockets
	speak v4
	start user_timeout
	s set $c user_timeout 500
	drop $B any $from
	s send $c 10
	wait_until 10 ss_is $A established 0 >&2 || die "no user timeout"
	agree >"$TMP/alone"
	check "witness=0 misses a user timeout" grep -F "established close: mirror 0, trace 1" "$TMP/alone"
	check "witness=0 keeps it established" \
		grep -F "established in flows: 1, in the trace: 0" "$TMP/alone"
	stop_sockets
	reload "$ko" "${arguments[@]}"
}

churned() {
	in_ns $A churn -t 4 -c $A -s $B $b 5000 >"$TMP/churned" || die "churn fails"
}

# An argument may be the mode, from run_tests.sh, and no scenario.
[ "${1:-}" != observe ] || shift
start_trace
if [ $# = 0 ]; then
	scenario lo closes
	scenario veth closes
	broken
	scenario lo no_timewait
	scenario veth no_timewait
	set -- opens resets cookies overflow timers closed_window churned
	if [ $MODE = observe ]; then
		misnamed
	else
		engine_alone
		scenario lo connected_to_itself
		set -- "$@" crashes fast_open reuse destroyed
	fi
fi
for what; do
	scenario veth $what
	scenario lo $what
done
finish
