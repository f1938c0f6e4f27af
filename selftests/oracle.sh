# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The trace as an oracle: what every socket did, recorded by a BPF program, against what the mirror
# counted. Used by trace.sh, and by any test that runs with TRACED set: then each of its namespaces
# is compared at its end. Documentation/testing.rst has the rules.

MODE=$(cat /sys/module/tcpstate/parameters/witness)
UNTRACED=	# namespaces whose mirror a test breaks on purpose
CORRECTED=	# where corrections are known, what they are is left out

start_trace() {
	# Two coprocesses at a time are none of bash's virtues.
	mkfifo "$TMP/ask" "$TMP/answer"
	trace <"$TMP/ask" >"$TMP/answer" &
	CHILDREN[$!]=1
	exec 5>"$TMP/ask" 6<"$TMP/answer"
	read -r REPLY <&6
	[ "$REPLY" = ready ] || die "no trace"
}

# A test that loads the module begins anew with what there is; that must be at rest.
insmod() {
	command insmod "$@" || return
	read -r LOADED _ </proc/uptime
	LOADED=${LOADED/./}0
}

# What happened since the last time, added to the scenario's.
take_trace() {
	echo "$TMP/part" >&5
	read -r _ LOST <&6 || die "trace ended"
	cat "$TMP/part" >>"$TMP/events"
}

# What stands in a namespace now.
photograph() {
	in_ns $1 cat $MIRROR/transitions >"$TMP/$1.transitions"
	in_ns $1 cat $MIRROR/debug >"$TMP/$1.debug"
	in_ns $1 tcpstate -H flows not path forwarded >"$TMP/$1.flows"
	in_ns $1 ss -tanH >"$TMP/$1.ss"
}

# oracle NETNS: compares the photographs with the trace.
oracle() {
	awk -f "$HERE/trace/oracle.awk" netns="$(stat -Lc %i /run/netns/$1)" mode=$MODE \
		loaded=${LOADED:-} corrected=$CORRECTED \
		part=events "$TMP/events" part=ss "$TMP/$1.ss" \
		part=transitions "$TMP/$1.transitions" part=debug "$TMP/$1.debug" \
		part=flows "$TMP/$1.flows"
}

# traced NETNS: the namespace agrees with the trace since the test began, and nothing is lost.
traced() {
	take_trace
	photograph $1
	take_trace
	oracle $1 >"$TMP/oracle" || { cat "$TMP/oracle"; return 1; }
	FIGURE=$(tail -n 1 "$TMP/oracle")
	[ "$LOST" = 0 ] || { echo "$LOST events are lost"; return 1; }
}

# All namespaces of the test. In observe the steps that debug names explain what differs.
compare_trace() {
	local ns

	TRACED=
	for ns in "${NAMESPACES[@]}"; do
		[[ " $UNTRACED " != *" $ns "* ]] || continue
		[ ! -e /run/netns/$ns ] || check "trace of ${ns%-*}" wait_until 5 traced $ns
	done
}
