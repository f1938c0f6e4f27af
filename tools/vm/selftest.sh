#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# selftest.sh [KERNEL]: what the tests rest on: `vm` tells the truth about its guest. In TAP.

set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
# shellcheck source=tools/vm/lib.sh
. "$here/lib.sh"
# shellcheck source=tools/vm/userland.sh
. "$here/userland.sh"
# shellcheck source=tools/vm/build.sh
. "$here/build.sh"

kernel=${1:-6.1}
cache=$(cache_path)
tests=0 failed=0
temporary
work=$temporary

# guest OPTION... -- COMMAND...: sets $status and $seconds; the output is in $work/out and $work/err.
guest() {
	SECONDS=0
	status=0
	"$here/vm" --kernel "$kernel" --no-module "$@" </dev/null >"$work/out" 2>"$work/err" || status=$?
	seconds=$SECONDS
}

# expect WHAT CONDITION...
expect() {
	local what=$1

	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests $what"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $tests $what: status $status after $seconds s"
	tail -q -n 20 "$work/out" "$work/err" | sed 's/^/# /'
}

status_passes() { [ "$status" = 7 ] && [ "$(<"$work/out")" = $'ready\nstatus 0\nfailed' ]; }
streams_apart() { grep -qx 'to stderr' "$work/err"; }
shared() { [ "$(cat "$work/share/file" 2>/dev/null)" = written ]; }
repository_is_read_only() { grep -q 'Read-only file system' "$work/err"; }
excerpt_of() { [ "$status" = 125 ] && grep -q "$1" "$work/err"; }
timed_out() { [ "$status" = 124 ] && [ "$seconds" -lt 40 ]; }
all_there() { [ "$status" = 0 ] && seq 500000 | cmp -s - "$work/out"; }

mkdir "$work/share"
guest --share "$work/share" -- sh -c 'printf "ready\nstatus 0\nfailed\n"; echo to stderr >&2
	echo written >/share/file; touch /repo/file; exit 7'
expect "the status is the command's, whatever it prints" status_passes
expect "standard error is apart" streams_apart
expect "/share is writable" shared
expect "the repository is read-only" repository_is_read_only

guest -- seq 500000
expect "all output arrives" all_there

guest -- sh -c 'echo c >/proc/sysrq-trigger'
expect "a crash fails with its excerpt" excerpt_of 'Kernel panic.*sysrq triggered crash'

userland "$kernel"
build warn "$kernel"
cp "$built/warn.ko" "$work/share/"
guest --share "$work/share" -- sh -c 'insmod /share/warn.ko; exit 0'
expect "a warning of the kernel fails a command that exits 0" excerpt_of 'WARNING: .*warn_init'

guest --timeout 20 -- sleep 99
expect "a time-out ends in 124 within 40 s" timed_out

echo "1..$tests"
exit $((failed > 0))
