# SPDX-License-Identifier: GPL-2.0
#
# What the mirror of one network namespace counted against what its sockets did. Reads, each after an
# assignment of `part`: the events of `trace`, `ss -tanH`, the mirror's transitions and debug, and
# `tcpstate -H flows`.
# Variables: netns (inode), mode (the witness's), loaded (milliseconds, if the namespace is older than
# the module), corrected (if corrections are no failure). The rules are in Documentation/testing.rst.
#
# Prints what differs and, as the last line,
#   STEPS steps, distance N, silent N, withheld N, unexplained N
# STEPS are those of full sockets. Distance is the sum over all pairs of states; unexplained is what
# remains of it after what debug names, in mode observe. Exits 1 if that is not 0, if an end's state
# differs at rest, or if an event was lost.

function fail(text)
{
	print text
	failed = 1
}

function key()
{
	return $5 " " $6 " " $7 " " $8
}

function state_of(k)
{
	return k in state ? state[k] : "close"
}

# The mirror may take a second to see the end of a request or timewait socket: in that time the next
# connection of that name finds the old state, or does not.
function move(k, to,	from)
{
	from = state_of(k)
	if (from == "close" && to != "close" && k in ended) {
		if ($1 - ended[k] <= 1000) {
			from = last[k]
			trace[from, "close"]--
			either[from, to]++
		}
		delete ended[k]
	}
	if (from != to)
		trace[from, to]++
	state[k] = to
}

function born(k, to, what)
{
	move(k, to)
	kind[k] = what
}

function ends(k)
{
	ended[k] = $1
	last[k] = state_of(k)
	move(k, "close")
	kind[k] = ""
}

function binds(sk, k)
{
	name[sk] = k
	owner[k] = sk
	delete pending[sk]
}

function forget(sk)
{
	delete name[sk]
	delete pending[sk]
	delete clone[sk]
	delete successor[sk]
}

function full_closes(sk, k)
{
	if (owner[k] == sk) {
		move(k, sk in successor ? successor[sk] : "close")
		kind[k] = sk in successor ? "timewait" : ""
		delete owner[k]
	}
	forget(sk)
}

# Nothing is lost: each step of a socket begins where the one before it ended, unless it is a new one.
function follows(sk, from, to)
{
	if (sk in step && step[sk] != from && from != "close" && from != "listen")
		fail("lost: " sk " was " step[sk] ", goes " from " " to)
	step[sk] = to
}

function full_moves(sk, from, to,	k)
{
	follows(sk, from, to)
	if (from == "listen" || to == "listen") {
		forget(sk)
		if (to == "syn_recv")
			clone[sk] = 1
		else
			trace[from, to]++
		return
	}
	if (to == "syn_sent") {
		forget(sk)
		pending[sk] = 1
		return
	}
	if (!(sk in name) && to == "close") {
		forget(sk)	# it lost, or had no way to its peer
		return
	}
	k = sk in name ? name[sk] : key()
	if (!(sk in name))
		binds(sk, k)
	if (to == "close") {
		full_closes(sk, k)
		return
	}
	move(k, to)
	kind[k] = "full"
}

# The module found what there was: each end, and each listening socket, as if made at once.
function seed(	k, listening)
{
	listening = trace["close", "listen"] - trace["listen", "close"]
	split("", trace)
	split("", either)
	split("", ended)
	trace["close", "listen"] = listening
	for (k in state)
		if (state[k] != "close")
			trace["close", state[k]]++
	loaded = 0
}

part == "events" && loaded && $1 > loaded { seed() }

part == "events" && $2 == netns {
	sk = $4
	if ($3 == "state") {
		if (said[sk] == $9 " " $10)
			next	# again: see trace.c
		said[sk] = $9 " " $10
		steps++
		full_moves(sk, $9, $10)
	} else if ($3 == "connect") {
		if (sk in pending) {
			born(key(), "syn_sent", "full")
			binds(sk, key())
		}
	} else if ($3 == "request") {
		if (kind[key()] != "request")
			born(key(), "syn_recv", "request")
	} else if ($3 == "dropped") {
		if (kind[key()] == "request")
			ends(key())
	} else if ($3 == "fastopen") {
		if (!(sk in name)) {
			born(key(), "syn_recv", "full")
			binds(sk, key())
		}
	} else if ($3 == "timewait") {
		successor[sk] = $10
	} else if ($3 == "substate") {
		if (kind[key()] == "timewait")
			move(key(), $10)
	} else if ($3 == "killed") {
		if (kind[key()] == "timewait")
			ends(key())
	}
}

# ss's address and port as two words.
function split_address(text,	port)
{
	port = text
	sub(/.*:/, "", port)
	sub(/:[^:]*$/, "", text)
	sub(/%.*$/, "", text)
	gsub(/^\[|\]$/, "", text)
	sub(/^::ffff:/, "", text)
	return text " " port
}

part == "ss" && $1 != "UNCONN" {
	s = tolower($1)
	sub(/^estab$/, "established", s)
	gsub(/-/, "_", s)
	sub(/wait_/, "wait", s)
	if (s == "listen")
		listening++
	else
		sockets[split_address($4) " " split_address($5) " " s]++
}

part == "transitions" && $1 != "from" { mirror[$1, $2] = $3 }

part == "debug" && $2 != "-" && $3 == "-" {
	booked[$1, $2] += $4
	if ($1 ~ /^silent_/) {
		silent[$2] += $4
		silents += $4
	} else {
		withheld[$2] += $4
		withhelds += $4
	}
}

part == "debug" && $1 == "correction" && !corrected { fail("correction " $2 " " $3 " " $4) }

# path role state age peer_state peer_age provenance src dst; a state that is inferred ends in "?".
part == "flows" {
	gsub(/\?/, "")
	if ($3 != "close")
		mirrored[split_address($8) " " split_address($9) " " $3]++
	if ($1 == "loopback" && $5 != "close" && $8 != $9)
		mirrored[split_address($9) " " split_address($8) " " $5]++
}

# Names without their devices: there may be several.
function at_rest(what, shown,	k, traced)
{
	for (k in state)
		if (state[k] != "close")
			traced[unbound(k) " " state[k]]++
	for (k in shown)
		if (shown[k] != traced[k])
			fail(k " in " what ": " shown[k] ", in the trace: " traced[k] + 0)
	for (k in traced)
		if (!(k in shown))
			fail(k " in the trace: " traced[k] ", in " what ": 0")
}

function unbound(k)
{
	sub(/%[0-9]+/, "", k)
	return k
}

function least(a, b)
{
	return a < b ? a : b
}

# What a second's delay explains: the end of the old connection was seen before the next began. Where
# that began in the old one's state, not even this was a step.
function settle_either(pair, a, n)
{
	split(pair, a, SUBSEP)
	n = a[1] == a[2] ? mirror[a[1], "close"] - trace[a[1], "close"] : trace[pair] - mirror[pair]
	n = least(either[pair], n)
	if (n <= 0)
		return
	if (a[1] != a[2])
		trace[pair] -= n
	trace[a[1], "close"] += n
	trace["close", a[2]] += n
}

# walk(SIGN, FROM, TO): takes one way from state to state out of what is left of that sign.
function walk(sign, from, to,	i)
{
	if (from == to)
		return 1
	for (i = 1; i <= 11; i++) {
		if (sign * left[from, states[i]] <= 0 || visited[states[i]]++)
			continue
		if (walk(sign, states[i], to)) {
			left[from, states[i]] -= sign
			return 1
		}
	}
	return 0
}

function copy(to, from,	pair)
{
	for (pair in from)
		to[pair] = from[pair]
}

function remains(	pair, n)
{
	for (pair in left)
		n += left[pair] < 0 ? -left[pair] : left[pair]
	return n
}

# The mirror went from this state by `next_state` to another, the socket its own way there.
function detour(from, next_state, to)
{
	left[from, next_state]--
	split("", visited)
	if (!walk(1, next_state, to))
		return 0
	split("", visited)
	return walk(-1, from, to)
}

# A socket that found no timewait socket closes at once, where the mirror passes time_wait. Each step
# of that name explains one such detour, and nothing else.
function skip(n,	i)
{
	silent["time_wait"] -= n
	for (i = 1; i <= 11; i++)
		for (; n > 0 && left[states[i], "time_wait"] > 0 && left["time_wait", "close"] > 0 &&
		     left[states[i], "close"] < 0; n--) {
			left[states[i], "time_wait"]--
			left["time_wait", "close"]--
			left[states[i], "close"]++
		}
}

# A named step explains one detour that begins in its state, the longest: a silent one a jump, a
# withheld one any steps, maybe back to that state.
function explain(from, n, jump,	i, j, most, before, best)
{
	for (; n > 0; n--) {
		copy(before, left)
		most = remains()
		copy(best, left)
		for (i = 1; i <= 11; i++) {
			for (j = 1; j <= 11 && before[from, states[i]] > 0; j++) {
				if (jump && i != j)
					continue
				if (detour(from, states[i], states[j]) && remains() < most) {
					most = remains()
					copy(best, left)
				}
				copy(left, before)
			}
		}
		copy(left, best)
	}
}

END {
	split("established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close close_wait last_ack " \
	      "listen closing", states)
	if (loaded)
		seed()
	for (sk in pending)
		trace["close", "syn_sent"]++
	for (pair in either)
		settle_either(pair)
	for (i = 1; i <= 11; i++) {
		for (j = 1; j <= 11; j++) {
			n = mirror[states[i], states[j]] - trace[states[i], states[j]]
			left[states[i], states[j]] = n
			distance += n < 0 ? -n : n
		}
	}
	if (mode == "observe")
		skip(booked["silent_no_timewait", "time_wait"])
	for (i = 1; i <= 11 && mode == "observe"; i++) {
		explain(states[i], silent[states[i]], 1)
		explain(states[i], withheld[states[i]], 0)
	}
	for (i = 1; i <= 11; i++) {
		for (j = 1; j <= 11; j++) {
			n = left[states[i], states[j]]
			unexplained += n < 0 ? -n : n
			if (n)
				fail(states[i] " " states[j] ": mirror " mirror[states[i], states[j]] + 0 \
				     ", trace " trace[states[i], states[j]] + 0)
		}
	}
	if (listening != trace["close", "listen"] - trace["listen", "close"])
		fail("listen: " listening + 0 " in ss")
	at_rest("ss", sockets)
	at_rest("flows", mirrored)
	printf "%d steps, distance %d, silent %d, withheld %d, unexplained %d\n", steps, distance,
		silents, withhelds, unexplained
	exit failed
}
