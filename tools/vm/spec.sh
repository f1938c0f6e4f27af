#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# spec.sh: the netlink spec obeys its schema and documents everything, and the uapi header is what
# the kernel's generator makes of it. In TAP.

set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
# shellcheck source=tools/vm/lib.sh
. "$here/lib.sh"
# shellcheck source=tools/vm/userland.sh
. "$here/userland.sh"
# shellcheck source=tools/vm/source.sh
. "$here/source.sh"
# shellcheck source=tools/vm/ynl.sh
. "$here/ynl.sh"

header=$top/include/uapi/linux/tcpstate.h
spec=Documentation/netlink/specs/tcpstate.yaml
cache=$(cache_path)
tests=0 failed=0

# The generator looks for the top of a kernel tree above the spec, to name it in its output.
userland 6.12
ynl
tree=$userland/tree
mkdir -p "$tree/build"
work=$(mktemp -d "$tree/build/spec.XXXXXX")
temporaries+=("$work")
cp -r "$ynl/." "$work"
: >"$work/MAINTAINERS"
mkdir -p "$work/${spec%/*}"
cp "$here/spec.py" "$work/"

# python SCRIPT ARGUMENT...: runs it natively in the userland's tree.
python() { inside "$tree" env -C "${work#"$tree"}" LC_ALL=C.UTF-8 python3 "$@"; }

# change [SED]: the spec that the next command sees.
change() {
	sed "${1:-}" "$top/$spec" >"$work/$spec"
	[ -z "${1:-}" ] || ! cmp -s "$top/$spec" "$work/$spec" || { echo "nothing changed"; return 1; }
}

obeys() { python spec.py "$spec" Documentation/netlink/genetlink.yaml; }
makes_header() {
	python tools/net/ynl/ynl-gen-c.py --mode uapi --header --spec "$spec" >"$work/made.h" &&
		diff -u "$header" "$work/made.h"
}

spec_obeys() { change && obeys; }
header_is_made() { change && makes_header; }

# refused TEXT COMMAND SED: the command fails, saying TEXT, on the spec so changed.
refused() {
	change "$3" || return
	"$2" >"$work/told" 2>&1 && { echo "accepted"; return 1; }
	grep -q "$1" "$work/told" || { cat "$work/told"; return 1; }
}

# expect WHAT COMMAND...
expect() {
	local what=$1

	shift
	tests=$((tests + 1))
	if "$@" >"$work/output" 2>&1; then
		echo "ok $tests $what"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $tests $what"
	head -n 30 "$work/output" | sed 's/^/# /'
}

expect "the spec obeys the schema and documents everything" spec_obeys
expect "the uapi header is the generator's output" header_is_made
expect "a word that the schema does not know is refused" \
	refused "'docs' was unexpected" obeys '0,/ doc: /s// docs: /'
expect "an attribute without a doc is refused" \
	refused '^no doc: end.port$' obeys '/doc: Its port\.$/d'
expect "an enumeration's entry without a doc is refused" \
	refused '^no doc: path.forwarded$' obeys '/doc: Neither is\.$/d'
expect "one byte of difference in the header is seen" \
	refused '^+#define TCPSTATE_FLOWS_MAX.*67108865$' makes_header 's/67108864/67108865/'
echo "1..$tests"
exit $((failed > 0))
