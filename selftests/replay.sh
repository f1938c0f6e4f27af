#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the module books as silent, no segment told of: the cases of silent.sh, with all segments that
# pass the hooks, all steps of the sockets and all bookings on record. The record is replayed through
# module/fsm.c, and must explain each booking; see replay/replay.c. Falsified, it must not.

# It has a trace of its own.
TRACED=
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
	BOOKED=$(booked)
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

# All that debug has counted, before the last reading.
booked() {
	local ns

	for ns in $A $B; do
		debug_sum $ns silent
		debug_sum $ns withheld
	done | awk '{ n += $1 } END { print n }'
}

complete() {
	awk -v booked=$BOOKED '
	$4 ~ /^(silent|withheld)_/ { n += $7 }
	END { print n + 0 " on record, " booked " booked"; exit n < booked }' "$TMP/bookings"
}

falsified() {
	local status

	replay each "$TMP/events" "$TMP/bookings" >"$TMP/each"
	status=$?
	cat "$TMP/each"
	FIGURE=$(tail -n 4 "$TMP/each" | paste -sd ';')
	return $status
}

# Each cause that the cases can make is on record.
CAUSES="silent_aborted silent_closed silent_no_timewait silent_repaired silent_request_expired \
silent_timed_out silent_timewait_expired silent_unreachable silent_unsent_fin withheld_backlog \
withheld_deferred withheld_filter withheld_min_ttl withheld_no_room withheld_overflow \
withheld_signature"

causes() {
	local cause

	for cause in $CAUSES; do
		grep -q " $cause " "$TMP/bookings" || { echo "no $cause"; return 1; }
	done
}

# Whether the mirror follows in time is for silent.sh to say.
eval "$(declare -f check | sed '1s/check/point/')"
check() {
	"${@:2}" >"$TMP/case" 2>&1
}

two_ends
start_record
all_cases
# A FIN for a request whose listener has closed is another matter.
wait_until 20 ss_is $B syn_recv 0 >&2 || die "requests do not expire"
sleep $REST
s close '*'
sleep $REST
stop_record
[ -z "${RECORD:-}" ] || cp "$TMP/events" "$TMP/bookings" "$RECORD"
point "each cause was booked" causes
point "all that was booked is on record" complete
point "what was booked as silent, no segment told of" replayed
point "a record that is not true is found out" falsified
finish
