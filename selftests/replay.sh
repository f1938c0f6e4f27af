#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the module books as silent, no segment told of: the cases of silent.sh, with all segments that
# pass the hooks, all steps of the sockets and all bookings on record. The record is replayed through
# module/fsm.c, and must explain each booking; see replay/replay.c. Falsified, it must not.

# shellcheck source=silent.sh
. "$(dirname "$0")/silent.sh"

# For so long must a difference have lasted to be missed, with some time to spare.
REST=4

start_record() {
	mkfifo "$TMP/ask" "$TMP/answer" "$TMP/last"
	trace segments <"$TMP/ask" >"$TMP/answer" &
	CHILDREN[$!]=1
	exec 5>"$TMP/ask" 6<"$TMP/answer"
	read -r REPLY <&6
	[ "$REPLY" = ready ] || die "no trace"
	sample $A $B <"$TMP/last" >"$TMP/bookings" &
	SAMPLE=$!
	CHILDREN[$SAMPLE]=1
	exec 4>"$TMP/last"
}

stop_record() {
	exec 4>&-
	wait $SAMPLE || die "no samples"
	unset "CHILDREN[$SAMPLE]"
	echo "$TMP/events" >&5
	read -r EVENTS LOST <&6 || die "trace ended"
	[ "$LOST" = 0 ] || die "$LOST of $EVENTS events lost"
}

# replayed [each]: FIGURE is its last line.
replayed() {
	local status

	replay "$@" "$TMP/events" "$TMP/bookings" >"$TMP/replay"
	status=$?
	cat "$TMP/replay"
	FIGURE=$(tail -n 1 "$TMP/replay")
	return $status
}

# Each row that debug has is in the record.
complete() {
	local ns

	for ns in $A $B; do
		debug_sum $ns silent
		debug_sum $ns withheld
	done | awk '{ n += $1 } END { print n }' >"$TMP/booked"
	awk '$4 ~ /^(silent|withheld)_/ { n += $7 } END { print n + 0 }' "$TMP/bookings" |
		diff "$TMP/booked" -
}

falsified() {
	local status

	replay each "$TMP/events" "$TMP/bookings" >"$TMP/each"
	status=$?
	cat "$TMP/each"
	FIGURE=$(tail -n 4 "$TMP/each" | paste -sd ';')
	return $status
}

two_ends
start_record
all_cases
s close '*'
sleep $REST
stop_record
[ -z "${RECORD:-}" ] || cp "$TMP/events" "$TMP/bookings" "$RECORD"
check "all that was booked is on record" complete
check "what was booked as silent, no segment told of" replayed
check "a record that is not true is found out" falsified
finish
