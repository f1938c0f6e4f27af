#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run_tests.sh [NAME...]: runs these tests (without .sh), or all, and prints their TAP as it comes.
# After each the kernel's log must be clean. Parking runs once more with witness=observe, where the
# engine moves the local ends and the sockets only compare, and once with the module loaded late; trace,
# storm and hostile once more with witness=observe. SCALE=long is for the tests.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ALL="handshake teardown resets crossing forwarded nat midstream
	silent replay parking alone invariants
	reader filter netns privileges dump consistency config
	seed verify trace counters
	netem rules topology options
	hostile storm crowd load"

LIMIT=600
[ "${SCALE:-}" != long ] || LIMIT=5400

# run NAME [MODE]: one test; a failure without a TAP line gets one.
run() {
	local name=$1 title="$1${2:+ ($2)}" status

	echo "# $title"
	SECONDS=0
	mark_log "$title"
	timeout $LIMIT "$HERE/$name.sh" ${2:+"$2"} 2>&1 | tee "$TMP/output"
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
	case $name in
	parking)	observed $name; run $name late ;;
	trace | storm | hostile)	observed $name ;;
	esac
done
exit $((FAILED > 0))
