# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every test uses: TAP, namespaces, sockets, and the mirror compared with ss.
#
# A test sources this file, makes namespaces whose names end in its process id, calls `check` for
# each outcome and ends with `finish`. The programs `sockets` and `churn` must be in PATH
# (make programs), `tcpstate` where a test reads with it.

set -u
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
NAME=$(basename "$0" .sh)
MIRROR=/proc/net/tcpstate
STATES="established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close close_wait last_ack listen closing"
TMP=$(mktemp -d)
export MIRROR STATES

NAMESPACES=()
declare -A CHILDREN
TESTS=0		# begun
TOLD=0		# the last one with a result
FAILED=0
exec 9>&1	# TAP goes there from within a check too

# --- TAP ---

# After an unset variable in a function bash goes on behind the whole command: a test point without a
# result.
told() {
	[ $TOLD != $TESTS ] || return 0
	TOLD=$TESTS
	FAILED=$((FAILED + 1))
	echo "not ok $TESTS $NAME: it did not end" >&9
	sed 's/^/#   /' "$TMP/check" >&9
}

# check DESCRIPTION COMMAND...: one test point; what a failing command printed follows it. A command
# that sets FIGURE has it printed.
check() {
	local description=$1

	shift
	told
	TESTS=$((TESTS + 1))
	FIGURE=
	if "$@" >"$TMP/check" 2>&1; then
		TOLD=$TESTS
		echo "ok $TESTS $NAME: $description${FIGURE:+ ($FIGURE)}" >&9
		return 0
	fi
	FAILED=$((FAILED + 1))
	TOLD=$TESTS
	echo "not ok $TESTS $NAME: $description" >&9
	sed 's/^/#   /' "$TMP/check" >&9
	return 1
}

# die MESSAGE: the test cannot go on, and has failed.
die() {
	told
	TESTS=$((TESTS + 1))
	FAILED=$((FAILED + 1))
	TOLD=$TESTS
	echo "not ok $TESTS $NAME: $*" >&9
	finish
}

finish() {
	[ -z "${TRACED:-}" ] || compare_trace
	told
	echo "1..$TESTS" >&9
	exit $((FAILED > 0))
}

now_ms() {
	NOW=$((${EPOCHREALTIME/./} / 1000))
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
	local end

	now_ms
	end=$((NOW + $1 * 1000))
	shift
	until "$@" >"$TMP/wait" 2>&1; do
		now_ms
		if [ "$NOW" -gt "$end" ]; then
			echo "waited in vain for: $*"
			cat "$TMP/wait"
			return 1
		fi
		sleep 0.05
	done
}

# quietly COMMAND...: the last lines of what it says are enough.
quietly() {
	"$@" >"$TMP/quietly" 2>&1 && return
	tail -n 5 "$TMP/quietly"
	return 1
}

# --- namespaces ---

# Far cheaper than `ip netns exec`, which remounts /sys.
in_ns() {
	nsenter --net=/run/netns/$1 "${@:2}"
}

# background NETNS COMMAND...: runs until `end CHILD` or the end of the test; sets CHILD.
background() {
	nsenter --net=/run/netns/$1 "${@:2}" &
	CHILD=$!
	CHILDREN[$CHILD]=1
}

# end CHILD: tells it to end; the status is its own.
end() {
	unset "CHILDREN[$1]"
	kill $1
	wait $1
}

# add_netns NAME...: loopback up, no duplicate address detection, time enough for parked states.
add_netns() {
	local ns

	for ns; do
		ip netns add $ns || die "no namespace $ns"
		NAMESPACES+=("$ns")
		in_ns $ns sh -c 'cd /proc/sys/net &&
			echo 0 >ipv6/conf/all/accept_dad &&
			echo 0 >ipv6/conf/default/accept_dad &&
			echo 7 >ipv4/tcp_syn_retries &&
			echo 7 >ipv4/tcp_synack_retries &&
			echo 120 >ipv4/tcp_fin_timeout &&
			exec ip link set lo up' || die "namespace $ns is not ready"
	done
}

# link A B NET: interface B in A and A in B (names without the process id),
# A is 10.0.NET.1 and fd00:NET::1, B is .2.
link() {
	local a=${1%-*} b=${2%-*}

	ip link add name "$b" netns "$1" type veth peer name "$a" netns "$2" || die "no veth"
	end_of_link "$1" "$b" "$3" 1
	end_of_link "$2" "$a" "$3" 2
}

end_of_link() {
	ip -n "$1" -batch - <<-END
		address add 10.0.$3.$4/24 dev $2
		address add fd00:$3::$4/64 dev $2 nodad
		link set dev $2 up
	END
}

# pair A B: two namespaces, joined.
pair() {
	add_netns "$1" "$2"
	link "$1" "$2" 1
}

# route CLIENT ROUTER SERVER: client 10.0.1.1, server 10.0.2.2, and the same in fd00::.
route() {
	add_netns "$1" "$2" "$3"
	link "$1" "$2" 1
	link "$2" "$3" 2
	in_ns "$2" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	default_route "$1" 10.0.1.2 fd00:1::2
	default_route "$3" 10.0.2.1 fd00:2::1
}

default_route() {
	ip -n "$1" route add default via "$2"
	ip -n "$1" -6 route add default via "$3"
}

# rules NETNS: nft commands from standard input.
rules() {
	in_ns "$1" nft -f - || die "nft fails in $1"
}

# drop_table NETNS: drops, at INPUT, what these sets of source ports send: `syns`, `synacks`, `fins`,
# `acks` (pure ones), `data` those segments alone, `any` every segment.
drop_table() {
	rules "$1" <<-END
		table inet dropped {
			set syns { type inet_service; }
			set synacks { type inet_service; }
			set fins { type inet_service; }
			set acks { type inet_service; }
			set data { type inet_service; }
			set any { type inet_service; }
			chain input {
				type filter hook input priority 0;
				tcp sport @any drop
				tcp flags & (syn | ack) == syn tcp sport @syns drop
				tcp flags & (syn | ack) == syn | ack tcp sport @synacks drop
				tcp flags & fin == fin tcp sport @fins drop
				tcp flags & (syn | fin | rst | psh | ack) == ack tcp sport @acks drop
				tcp flags & (fin | psh) == psh tcp sport @data drop
			}
		}
	END
}

# drop NETNS SET PORT...: from now on; undrop lets them pass again.
drop() {
	change_drop add "$@"
}

undrop() {
	change_drop delete "$@"
}

change_drop() {
	local action=$1 ns=$2 set=$3 ports

	shift 3
	ports=$*
	in_ns "$ns" nft "$action" element inet dropped "$set" "{ ${ports// /, } }" ||
		die "nft fails in $ns"
}

# --- sockets ---

# Starts the program that holds the test's sockets; s COMMAND... gives it a command.
start_sockets() {
	coproc SOCKETS { exec sockets; }
	exec 7>&"${SOCKETS[1]}" 8<&"${SOCKETS[0]}"
	eval "exec ${SOCKETS[1]}>&- ${SOCKETS[0]}<&-"
	# shellcheck disable=SC2153 # coproc sets it
	SOCKETS_CHILD=$SOCKETS_PID
	CHILDREN[$SOCKETS_CHILD]=1
}

s() {
	echo "$*" >&7
	read -r REPLY <&8 || die "sockets ended at: $*"
	case $REPLY in
	ok*)	REPLY=${REPLY#ok} REPLY=${REPLY# } ;;
	*)	die "sockets: $*: $REPLY" ;;
	esac
}

# connection NAME CLIENT SERVER ADDRESS PORT [FROM FROMPORT]: c.NAME in namespace CLIENT dials,
# s.NAME in SERVER accepts, l.NAME goes on listening.
connection() {
	s netns "$3"
	s listen "l.$1" "$4" "$5"
	s netns "$2"
	s connect "c.$1" "${@:4}"
	s accept "l.$1" "s.$1"
	s wait "c.$1" established
}

# Closes with a RST.
reset() {
	s set "$1" linger 0
	s close "$1"
}

# Ends the program, and so closes every socket.
stop_sockets() {
	exec 7>&- 8<&-
	unset "CHILDREN[$SOCKETS_CHILD]"
	wait $SOCKETS_CHILD 2>/dev/null
}

# --- ss ---

# observe NETNS FILES [ARGUMENT...]: what ss (with these arguments) and these files show, see
# observe.awk.
observe() {
	in_ns "$1" awk -v netns="$1" -v mirror="$MIRROR" -v files="$2" -v arguments="${*:3}" \
		-f "$HERE/observe.awk"
}

# ss_count NETNS STATE [ARGUMENT...]
ss_count() {
	local state n=0

	while read -r _ _ _ _ state; do
		[ "$state" != "$2" ] || n=$((n + 1))
	done < <(observe "$1" "" "${@:3}")
	echo $n
}

# ss_is NETNS STATE N [ARGUMENT...]
ss_is() {
	local n

	n=$(ss_count "$1" "$2" "${@:4}")
	[ "$n" = "$3" ] || { echo "ss in $1 counts $n $2, not $3"; return 1; }
}

# --- the mirror ---

read_mirror() {
	in_ns "$1" cat "$MIRROR/$2"
}

# mirror NETNS FILE ROW COLUMN: one number, by the header's names. ROW is the first column, or
# the first two joined by a comma: `pairs` forwarded,time_wait and `transitions` syn_sent,close.
mirror() {
	read_mirror "$1" "$2" | awk -v row="$3" -v column="$4" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) c = i; next }
	c && ($1 == row || $1 "," $2 == row) { print $c; found = 1 }
	END { exit !found }'
}

# mirror_is NETNS FILE ROW COLUMN N
mirror_is() {
	local n

	n=$(mirror "$1" "$2" "$3" "$4") || n=nothing
	[ "$n" = "$5" ] || { echo "$2 in $1: $3 $4 is $n, not $5"; return 1; }
}

# debug_sum NETNS COUNTER: `corrections`, `silent` or `withheld`, over all their causes.
debug_sum() {
	read_mirror "$1" debug | awk -v name="$2" '
	$1 == name && $2 == "-" && $3 == "-" { print $4; found = 1 }
	END { exit !found }'
}

# compare_ss NETNS...: at rest, every `local` gauge but `close` equals what ss counts there. Reads
# counters, ss, counters until both reads of counters agree, at most 10 times; the last one is kept.
compare_ss() {
	local ns failed=0

	for ns; do
		in_ns "$ns" awk -v mirror="$MIRROR/counters" -v saved="$TMP/$ns.counters" -f "$HERE/compare.awk" |
			sed "s/^/$ns: /"
		[ "${PIPESTATUS[0]}" = 0 ] || failed=1
	done
	return $failed
}

# look NETNS STATE PORT PEER_PORT: as compare_ss; returns 2 if the socket itself is not so yet.
look() {
	in_ns $1 awk -v mirror="$MIRROR/counters" -v state=${2#none} -v port=$3 -v peer=$4 \
		-f "$HERE/compare.awk"
}

# ends_equal ROUTER CLIENT SERVER: every flow's two ends are as ss shows their sockets, by state.
# The client only dials through this router, the server only answers.
ends_equal() {
	{
		observe $1 counters
		observe $2 ""
		observe $3 ""
	} | awk -v client=$2 -v server=$3 '
	$1 == "ss" { sockets[$2, $5]++ }
	$1 == "counters" && $3 == "state" {
		for (i = 3; i <= NF; i++)
			name[i] = $i
		next
	}
	$1 == "counters" {
		states[++n] = $3
		for (i = 4; i <= NF; i++)
			gauge[name[i], $3] = $i
	}
	function compare(column, netns, state)
	{
		if (gauge[column, state] + 0 != sockets[netns, state] + 0) {
			print state ": " column " " gauge[column, state] + 0 ", ss " \
				sockets[netns, state] + 0
			failed = 1
		}
	}
	END {
		for (i = 1; i <= n; i++)
			if (states[i] != "close" && states[i] != "listen") {
				compare("forwarded_initiator", client, states[i])
				compare("forwarded_responder", server, states[i])
			}
		exit failed || n != 11
	}'
}

# settled COMMAND...: true within the second that a silent change may take: a try that began later
# than that does not count.
settled() {
	local end

	now_ms
	end=$((NOW + 1000))
	while [ "$NOW" -le "$end" ]; do
		"$@" >"$TMP/settled" 2>&1 && return 0
		sleep 0.05
		now_ms
	done
	cat "$TMP/settled"
	return 1
}

# mirrors NETNS...: within a second, the mirror equals ss in each.
mirrors() {
	settled compare_ss "$@"
}

# at_rest NETNS...: no socket there waits for an answer.
at_rest() {
	local ns

	for ns; do
		in_ns $ns ss -tanoH | awk '
		/timer:\((on|persist)/ { print; found = 1 }
		END { exit found }' || return 1
	done
}

# all_equal WHAT NETNS...: test points: in each, the mirror equals ss, socket by socket too, and the
# sums hold.
all_equal() {
	local what=$1 ns

	shift
	for ns; do
		check "$what: the ${ns%-*} equals ss" mirrors $ns
		check "$what: the ${ns%-*} is verified" tcpstate -N $ns verify
		check "$what: sums of the ${ns%-*}" sums $ns
	done
}

# sums NETNS [SELFCONNECTED [partial]]: within a second, the equalities between files, and no
# correction; see sums.awk.
sums() {
	settled sum "$@" && return
	read_mirror $1 debug | grep '^correction '
	return 1
}

sum() {
	in_ns "$1" awk -v selfconnected="${2:-0}" -v partial="${3:-}" -f "$HERE/sums.awk" "$MIRROR/counters" \
		"$MIRROR/pairs" "$MIRROR/transitions" "$MIRROR/stat" "$MIRROR/debug"
}

# --- log, module, end ---

LOG_ERRORS='WARNING|BUG|Oops|Call Trace|stall|lockup|blocked for more|refcount|leak|Objects remaining'

# The kernel's log is clean since the mark of this name.
mark_log() {
	echo "tcpstate selftests: $1" >/dev/kmsg
}

# flow_objects: flow objects in use, in all namespaces.
flow_objects() {
	local cache

	for cache in /sys/kernel/slab/tcpstate_{flow,forward}; do
		echo 1 >$cache/shrink && cat $cache/objects || return 1
	done | awk '{ n += $1 } END { if (NR != 2) exit 1; print n }'
}

log_is_clean() {
	! dmesg | awk -v mark="tcpstate selftests: $1" 'index($0, mark) { on = 1; next } on' |
		grep -E "$LOG_ERRORS"
}

# The file to load: from the environment, beside the tests' programs, or where modprobe looks.
module_file() {
	local beside

	beside=$(dirname "$(command -v sockets)")/../module/tcpstate.ko
	if [ -n "${TCPSTATE_KO:-}" ]; then
		echo "$TCPSTATE_KO"
	elif [ -e "$beside" ]; then
		echo "$beside"
	else
		modinfo -n tcpstate
	fi
}

# The arguments that the module was loaded with.
module_arguments() {
	local file

	for file in /sys/module/tcpstate/parameters/*; do
		[ ! -r "$file" ] || echo "${file##*/}=$(<"$file")"
	done
}

clean_up() {
	local child ns

	exec 7>&- 8<&-
	for child in "${!CHILDREN[@]}"; do
		kill $child && wait $child
	done 2>/dev/null
	for ns in "${NAMESPACES[@]}"; do
		[ ! -e /run/netns/$ns ] || echo "netns del $ns"
	done | ip -force -batch - 2>/dev/null
	rm -rf "$TMP"
}

trap clean_up EXIT
trap 'exit 1' INT TERM

if [ -n "${TRACED:-}" ]; then
	# shellcheck source=oracle.sh
	. "$HERE/oracle.sh"
	start_trace
fi
