#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The parking matrix: each end of a connection held in each state that it can be held in, all at
# once, over IPv4, IPv6 and v4-mapped addresses, over veth and loopback. An end is parked by
# dropping its own SYN, SYN-ACK or FIN where it would be received, never the far end's ACK.
#
# A family's sixteen cells stand in two namespaces over veth, parked ends in one and far ends in
# the other, and in one over loopback. There each has its socket, and its share of `pairs` and of
# `local_initiator`.
#
# parking.sh late: the module is loaded when all of them are parked.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

HOLD_MS=5000

# the parked end's state, and the far one's
BOTH_ROLES="established established
fin_wait1 established
fin_wait2 close_wait
close_wait fin_wait2
last_ack fin_wait2
closing fin_wait2
time_wait close"

# cells PATH PARKED FAR PLACE: the sixteen cells of a place, a line each, see parking.awk.
cells() {
	printf '%s\n' "$BOTH_ROLES" "syn_sent close" |
		awk -v where="$*" '{ print "cell", where, "initiator", $0, 10100 + NR, 20100 + NR }'
	printf '%s\n' "$BOTH_ROLES" "syn_recv syn_sent" |
		awk -v where="$*" '{ print "cell", where, "responder", $0, 10200 + NR, 20200 + NR }'
}


# drop_states NETNS SET STATES CELLS: what ends parked in these states send.
drop_states() {
	local ports

	mapfile -t ports < <(awk -v far="$1" -v states=" $3 " \
		'$4 == far && index(states, " " $7 " ") { print $9 }' "$4")
	drop "$1" "$2" "${ports[@]}"
}

drop_for() {
	local far=$1 cells=$2

	drop_table "$far"
	drop_states "$far" syns "syn_sent" "$cells"
	drop_states "$far" synacks "syn_recv" "$cells"
	drop_states "$far" fins "fin_wait1 last_ack closing" "$cells"
}

# The addresses of a place's two ends.
addresses() {
	case $1 in
	v4.veth)	echo 10.0.1.1 10.0.1.2 ;;
	v6.veth)	echo fd00:1::1 fd00:1::2 ;;
	mapped.veth)	echo ::ffff:10.0.1.1 ::ffff:10.0.1.2 ;;
	v4.lo)		echo 127.0.0.1 127.0.0.1 ;;
	v6.lo)		echo ::1 ::1 ;;
	mapped.lo)	echo ::ffff:127.0.0.1 ::ffff:127.0.0.1 ;;
	esac
}

# Connects the two ends of a cell, as far as they get.
open_cell() {
	if [ "$role" = initiator ]; then
		s netns "$far"
		s listen "l.$cell" "$far_address" "$far_port"
		s netns "$parked"
		s connect "p.$cell" "$far_address" "$far_port" "$address" "$port"
		[ "$state" = syn_sent ] || s accept "l.$cell" "f.$cell"
	else
		s netns "$parked"
		s listen "l.$cell" "$address" "$port"
		s netns "$far"
		s connect "f.$cell" "$address" "$port" "$far_address" "$far_port"
		[ "$state" = syn_recv ] || s accept "l.$cell" "p.$cell"
	fi
}

park_cell() {
	case $state in
	fin_wait1 | fin_wait2)
		s shutdown "p.$cell"
		;;
	close_wait)
		s shutdown "f.$cell"
		;;
	last_ack)
		s shutdown "f.$cell"
		s wait "p.$cell" close_wait
		s shutdown "p.$cell"
		;;
	closing)
		s shutdown "p.$cell"
		s shutdown "f.$cell"
		;;
	time_wait)
		s shutdown "p.$cell"
		s wait "f.$cell" close_wait
		s shutdown "f.$cell"
		;;
	esac
}

# A is bound, its SYN and SYN-ACK are dropped, A connects to B, then B to A.
cross_cell() {
	s netns "$far"
	s bind "f.$cell" "$far_address" "$far_port"
	s netns "$parked"
	s connect "p.$cell" "$far_address" "$far_port" "$address" "$port"
	s connect "f.$cell" "$address" "$port"
}

# each_cell FILE COMMAND...: runs the commands for each cell of the file.
each_cell() {
	local cells=$1 command parked far place role state port far_port
	local cell address far_address

	shift
	while read -r _ _ parked far place role state _ port far_port; do
		cell=$place.$role.$state
		read -r address far_address < <(addresses "$place")
		for command; do
			"$command"
		done
	done <"$cells"
}

namespaces_of() {
	awk '{ print $3; print $4 }' "$1" | sort -u
}

# wrong_cells CELLS [FILE...]: those that are wrong in ss or in these files of the mirror.
wrong_cells() {
	local cells=$1 ns

	shift
	for ns in $(namespaces_of "$cells"); do
		observe "$ns" "$*"
	done >"$TMP/observed"
	awk -v mirror="$#" -f "$HERE/parking.awk" "$cells" "$TMP/observed"
}

parked_in_ss() {
	local wrong

	wrong=$(wrong_cells "$TMP/all")
	echo "$wrong"
	[ -z "$wrong" ]
}

# Looks again and again while the cells are held; what is wrong at any time is wrong.
hold() {
	local end namespaces set

	mapfile -t namespaces < <(namespaces_of "$TMP/all")
	now_ms
	end=$((NOW + HOLD_MS))
	while [ "$NOW" -lt "$end" ]; do
		sleep 1
		for set in matrix crossed; do
			wrong_cells "$TMP/$set" counters pairs >>"$TMP/$set.wrong"
		done
		compare_ss "${namespaces[@]}" >>"$TMP/compared"
		now_ms
	done
}

# outcome CELLS EXPECTED: prints how many cells are wrong; true if they are all there and right.
outcome() {
	local cells wrong

	cells=$(wc -l <"$1")
	wrong=$(cut -d: -f1 "$1.wrong" | sort -u | wc -l)
	echo "$cells cells, $wrong wrong, $(($2 - cells)) skipped"
	[ "$cells" = "$2" ] && [ "$wrong" = 0 ]
}

none_wrong() {
	sort "$1.wrong" | uniq -c
	outcome "$@"
}

is_empty() {
	sort "$1" | uniq -c
	[ ! -s "$1" ]
}

for family in v4 v6 mapped; do
	pair $family-a-$$ $family-b-$$
	add_netns $family-l-$$
	cells local $family-a-$$ $family-b-$$ $family.veth
	cells loopback $family-l-$$ $family-l-$$ $family.lo
done >"$TMP/matrix"
pair cross-a-$$ cross-b-$$
add_netns cross-l-$$
# Simultaneous opens that the initiator's end cannot complete.
cat >"$TMP/crossed" <<-END
	cell local cross-a-$$ cross-b-$$ v4.veth initiator syn_recv syn_sent 10304 20304
	cell local cross-a-$$ cross-b-$$ v6.veth initiator syn_recv syn_sent 10306 20306
	cell loopback cross-l-$$ cross-l-$$ v4.lo initiator syn_recv syn_sent 10304 20304
	cell loopback cross-l-$$ cross-l-$$ v6.lo initiator syn_recv syn_sent 10306 20306
END
CROSSED=4
if [ "${1-}" = late ]; then
	# Both have dialled: which one did first no socket tells.
	sed -i '/loopback/d' "$TMP/crossed"
	CROSSED=2
fi
cat "$TMP/matrix" "$TMP/crossed" >"$TMP/all"
for ns in v4-b v4-l v6-b v6-l mapped-b mapped-l; do
	drop_for "$ns-$$" "$TMP/matrix"
done
for ns in cross-b cross-l; do
	drop_table "$ns-$$"
	drop "$ns-$$" syns 10304 10306
	drop "$ns-$$" synacks 10304 10306
done

if [ "${1-}" = late ]; then
	ko=$(module_file)
	mapfile -t arguments < <(module_arguments)
	rmmod tcpstate || die "rmmod fails"
fi
start_sockets
each_cell "$TMP/matrix" open_cell
each_cell "$TMP/matrix" park_cell
each_cell "$TMP/crossed" cross_cell
check "every cell is parked in ss" wait_until 20 parked_in_ss
[ "${1-}" != late ] || check "the module loads" insmod "$ko" "${arguments[@]}"
hold
check "the cells held for five seconds" none_wrong "$TMP/matrix" 96
check "simultaneous open, syn_recv" none_wrong "$TMP/crossed" $CROSSED
check "local gauges equal ss in every namespace" is_empty "$TMP/compared"
for ns in $(namespaces_of "$TMP/all"); do
	check "sums in ${ns%-*}" sums "$ns"
done
echo "parking: simultaneous-open syn_recv: $(outcome "$TMP/crossed" $CROSSED)"
echo "parking: $(outcome "$TMP/matrix" 96)"
finish
