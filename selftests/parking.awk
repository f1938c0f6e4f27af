# SPDX-License-Identifier: GPL-2.0
#
# Names the parked cells that are wrong, a line each, with the reason. Reads lines
#   cell PATH PARKED FAR PLACE ROLE STATE FAR_STATE PORT FAR_PORT      what is expected
#   ss NETNS PORT PEER_PORT STATE
#   counters NETNS ...    pairs NETNS ...                              the mirror's files
# PARKED and FAR are namespaces; a FAR_STATE `close` has no socket.

$1 == "cell" {
	cells++
	path[cells] = $2; parked[cells] = $3; far[cells] = $4; name[cells] = $5 "." $6 "." $7
	state[cells] = $7; far_state[cells] = $8; port[cells] = $9; far_port[cells] = $10
	# The rows of pairs are the local end, on loopback the initiator.
	if ($2 == "loopback" && $6 == "responder")
		share[cells] = $3 " " $8 " " $7
	else
		share[cells] = $3 " " $7 " " $8
	expected_pair[share[cells]]++
	if ($6 == "initiator")
		dialled[$3, $7]++
	else if ($2 == "loopback")
		dialled[$3, $8]++
	next
}

$1 == "ss" { socket[$2, $3, $4] = socket[$2, $3, $4] $5; next }

$3 == "state" || $3 == "path" {
	for (i = 3; i <= NF; i++)
		head[$1, i] = $i
	next
}

$1 == "counters" {
	for (i = 4; i <= NF; i++)
		if (head["counters", i] == "local_initiator")
			initiators[$2, $3] = $i
	next
}

# A SYN that loopback dropped may stand as a flow with one local end.
$1 == "pairs" {
	for (i = 5; i <= NF; i++)
		pair[$2 " " $4 " " head["pairs", i]] += $i
}

function wrong(cell, why)
{
	print name[cell] ": " why
}

END {
	for (i = 1; i <= cells; i++) {
		there = socket[parked[i], port[i], far_port[i]]
		if (there != state[i])
			wrong(i, "ss shows the parked socket " there)
		there = socket[far[i], far_port[i], port[i]]
		if (there != (far_state[i] == "close" ? "" : far_state[i]))
			wrong(i, "ss shows the far socket " there)
		if (mirror && pair[share[i]] != expected_pair[share[i]])
			wrong(i, "pairs: " pair[share[i]] + 0 " of " share[i] ", not " \
			      expected_pair[share[i]])
		n = dialled[parked[i], state[i]] + 0
		if (mirror && initiators[parked[i], state[i]] != n)
			wrong(i, "local_initiator " state[i] " is " \
			      initiators[parked[i], state[i]] ", not " n)
	}
	for (p in pair) {
		split(p, field, " ")
		for (i = 1; i <= cells && parked[i] != field[1]; i++)
			;
		if (i <= cells && pair[p] && !(p in expected_pair))
			print p ": " pair[p] " flows that no cell expects"
	}
}
