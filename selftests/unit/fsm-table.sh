#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Documentation/fsm.rst says what the sources say: the engine's table is the one that tools/fsm-table
# makes, each cell has its row, each comment names a source, and the witness's causes are all there.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
table=$top/module/fsm_table.h
doc=$top/Documentation/fsm.rst
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

number=0
failed=0

# check NAME COMMAND...
check()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@" >"$work/output" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		head -n 20 "$work/output" | sed 's/^/# /'
		failed=1
	fi
}

# between NAME: the part of the document between its two markers.
between()
{
	sed -n "/^\.\. $1: begin/,/^\.\. $1: end/p" "$doc" | sed '1,2d;$d'
}

is_fresh()
{
	"$top/tools/fsm-table" "$table" >"$work/made" || return 1
	diff <(between fsm-table) "$work/made" && return
	echo "the table is stale: tools/fsm-table --write"
	return 1
}

# Read apart from the tool: event, state and next state of each cell, and of each row.
cells()
{
	sed -n 's/^\t\[\([A-Z_]*\)\]\[FSM_\([A-Z0-9_]*\)\] = \([A-Z0-9_]*\),.*/\1 \2 \3/p' "$table" |
		sed 's/ FSM_/ /; s/STAY$/stays/' | awk '{ print $1, tolower($2), tolower($3) }' | sort
}

rows()
{
	between fsm-table | awk '
	/^[A-Z_]+$/ { event = $1 }
	/^[a-z]/ && $1 != "state" { print event, $1, $2 }' | sort
}

rows_are_cells()
{
	diff <(cells) <(rows)
}

all_rows()
{
	local event state missing=0
	local states='established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close close_wait
		last_ack closing'

	rows | cut -d' ' -f1,2 >"$work/rows"
	sed -n '/^enum event/,/^}/s/^\t\([A-Z_]*\),$/\1/p' "$table" | grep -v '^EVENTS$' >"$work/events"
	[ -s "$work/events" ] || return 1
	while read -r event; do
		grep -q "^$event  *[a-z]" "$doc" || { echo "$event has no meaning"; missing=1; }
		for state in $states; do
			[ "$(grep -cx "$event $state" "$work/rows")" = 1 ] ||
				{ echo "not one row for $event in $state"; missing=1; }
		done
	done <"$work/events"
	return $missing
}

# refuses TEXT SCRIPT: the tool fails, saying TEXT, on a header that the sed script changed.
refuses()
{
	mkdir -p "$work/broken"
	cp "$top/module/fsm.h" "$work/broken/"
	sed "$2" "$table" >"$work/broken/fsm_table.h"
	! cmp -s "$table" "$work/broken/fsm_table.h" || { echo "nothing changed"; return 1; }
	! "$top/tools/fsm-table" "$work/broken/fsm_table.h" >/dev/null 2>"$work/told" &&
		grep "$1" "$work/told"
}

# Of each cause: kind, name, the engine's states, the socket's.
causes_of_source()
{
	awk '
	function mask(text,	any)
	{
		any = sub(/^ANY & ~/, "", text)
		gsub(/[()]|BIT_OF|FSM_/, "", text)
		gsub(/ \| /, ", ", text)
		return (any ? "any but " : "") tolower(text)
	}
	/^} causes\[CAUSES\] = \{/ { on = 1; next }
	on && /^};/ { exit }
	!on { next }
	{ gsub(/[ \t]+/, " "); text = text $0 }
	/\},$/ {
		kind = text ~ /\[SILENT_/ ? "silent" : "withheld"
		sub(/^[^{]*\{ */, "", text)
		sub(/,? *\},$/, "", text)
		split(text, field, / *, */)
		gsub(/"/, "", field[1])
		print kind ": " field[1] ": " mask(field[2]) ": " mask(field[3])
		text = ""
	}' "$top/module/cause.c" | sort
}

causes_of_document()
{
	between causes | awk '
	/^(Silent|Withheld)$/ { kind = tolower($1) }
	/^[a-z_0-9]+  / && $1 != "cause" {
		split($0, field, /  +/)
		print kind ": " field[1] ": " field[2] ": " field[3]
	}' | sort
}

causes_agree()
{
	[ "$(causes_of_source | wc -l)" -gt 0 ] && diff <(causes_of_source) <(causes_of_document)
}

echo "TAP version 13"
check "the table is what the comments say" is_fresh
check "each cell is a row" rows_are_cells
check "each event has a meaning, and a row for each of ten states" all_rows
check "a cell without a row is refused" refuses "no row for RCV_FIN in FIN_WAIT1" \
	'/\[RCV_FIN\]\[FSM_FIN_WAIT1\]/d'
check "a comment without a source is refused" refuses "without a reason or a source" \
	's/RFC 9293 3.10.1; tcp_connect()/an open/'
check "a comment of one line is refused" refuses "without a reason or a source" '/ Active open\.$/d'
check "the causes are those of the witness" causes_agree
echo "1..$number"
exit $failed
