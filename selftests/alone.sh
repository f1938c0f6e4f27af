#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The engine alone, with witness=0: what segments tell must be enough, also of a server's end, whose
# flow begins with the SYN-ACK, after more than the first window.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=cases.sh
. "$HERE/cases.sh"

reload() {
	rmmod tcpstate && insmod "$@"
}

# ends A_STATE B_STATE: one flow of each namespace, as its own local end stands.
ends() {
	mirror_is $A counters $1 local 1 && mirror_is $B counters $2 local 1
}

# But for a probe of the closed window.
nothing_beyond() {
	local ns

	for ns in $A $B; do
		read_mirror $ns debug | awk '$1 == "out_of_window" && $4 > 4 { print; failed = 1 } END { exit failed }' ||
			return 1
	done
}

ko=$(module_file)
mapfile -t arguments < <(module_arguments | grep -v '^witness=')
check "witness=0" reload "$ko" "${arguments[@]}" witness=0
two_ends
for family in v4 v6; do
	speak $family
	start bulk
	# Far beyond what a window without its scale holds, and in one go when there is room.
	s fill $c
	s shutdown $c
	s eof $sv
	check "$family a FIN behind all that buffers hold" settled ends fin_wait2 close_wait
	s close $sv
	check "$family and the other's" settled mirror_is $A counters time_wait local $((CASES))
	check "$family no data was out of window" nothing_beyond
	s close $c
done
check "the witness is back" reload "$ko" "${arguments[@]}"
finish
