#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run_tests.sh [NAME...]: runs these tests (without .sh), or all, and prints their TAP as it comes.
# After each the kernel's log must be clean. Some run once more with witness=observe, where the engine
# moves the local ends and the sockets only compare; parking also with the module loaded late. SCALE=long
# is for the tests, and compares more of them with the trace.

# It needs no trace of its own.
TRACE_ALL=${TRACED:-} TRACED=
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ALL="evict handshake teardown resets crossing forwarded nat midstream
	silent replay parking alone invariants
	reader filter netns privileges dump consistency config
	seed verify trace counters
	netem rules topology options
	hostile flood storm crowd million load"

# Compared with the trace at their end, also without TRACED. Storm in full is too much for a trace.
COMPARED="handshake teardown resets crossing forwarded nat midstream silent"
LIMIT=600
if [ "${SCALE:-}" = long ]; then
	OBSERVED="$COMPARED parking trace storm hostile"
	COMPARED+=" parking hostile options rules netem topology"
	LIMIT=5400
else
	OBSERVED="silent parking trace storm hostile"
	COMPARED+=" storm"
fi

# is NAME LIST
is() {
	[[ " $2 " == *" $1 "* ]]
}

# Compared in this mode, where there is `trace`. A busy socket may come by another way than the engine to
# the same end, too soon to be booked.
is_compared() {
	case "$(</sys/module/tcpstate/parameters/witness) $1" in
	0\ * | "observe storm" | "observe hostile")	return 1 ;;
	esac
	[ -n "$TRACE_ALL" ] || { is $1 "$COMPARED" && command -v trace >/dev/null; }
}

# run NAME [MODE]: one test; a failure without a TAP line gets one.
run() {
	local name=$1 title="$1${2:+ ($2)}" traced='' status

	! is_compared $1 || traced=1
	echo "# $title"
	SECONDS=0
	mark_log "$title"
	TRACED=$traced timeout $LIMIT "$HERE/$name.sh" ${2:+"$2"} 2>&1 | tee "$TMP/output"
	status=${PIPESTATUS[0]}
	echo "# $title: $SECONDS s, status $status"
	if [ $status != 0 ] && ! grep -q '^not ok' "$TMP/output"; then
		FAILED=$((FAILED + 1))
		echo "not ok $title: it ended with $status"
	elif [ $status != 0 ]; then
		FAILED=$((FAILED + 1))
	fi
	log_is_clean "$title" >"$TMP/log" && return
	FAILED=$((FAILED + 1))
	echo "not ok $title: the log is not clean"
	sed 's/^/#   /' "$TMP/log"
}

# observed NAME: the same test in the other mode.
observed() {
	local ko arguments

	ko=$(module_file)
	mapfile -t arguments < <(module_arguments)
	if rmmod tcpstate && insmod "$ko" "${arguments[@]}" witness=observe &&
		module_arguments | grep -qx witness=observe; then
		run $1 observe
		rmmod tcpstate && insmod "$ko" "${arguments[@]}" && return
	fi
	FAILED=$((FAILED + 1))
	echo "not ok $1: the module does not come and go"
}

[ $# -gt 0 ] || set -- $ALL
for name; do
	[ -x "$HERE/$name.sh" ] || die "no test $name"
	run $name
	! is $name "$OBSERVED" || observed $name
	[ $name != parking ] || run $name late
done
exit $((FAILED > 0))
