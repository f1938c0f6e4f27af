# SPDX-License-Identifier: GPL-2.0
#
# The equalities that hold between one namespace's files at rest. Reads counters, pairs,
# transitions, stat and debug; `selfconnected` is how many sockets are connected to themselves. With
# `partial`, flows were dropped or not tracked on purpose.

function equal(what, a, b)
{
	if (a != b) {
		print what ": " a + 0 " is not " b + 0
		failed = 1
	}
}

function not_negative(what, a)
{
	if (a < 0) {
		print what " is negative: " a
		failed = 1
	}
}

FNR == 1 {
	file = FILENAME
	sub(/.*\//, "", file)
	for (i = 1; i <= NF; i++)
		head[file, i] = $i
	next
}

{ rows[file]++ }

file == "counters" {
	states[rows[file]] = $1
	for (i = 2; i <= NF; i++) {
		not_negative("counters " $1 " " head[file, i], $i)
		gauge[head[file, i], $1] = $i
		if ($1 != "listen")
			total[head[file, i]] += $i
	}
}

file == "pairs" {
	for (i = 3; i <= NF; i++) {
		not_negative("pairs " $1 " " $2 " " head[file, i], $i)
		first[$1, $2] += $i
		second[$1, head[file, i]] += $i
		flows[$1] += $i
	}
}

file == "transitions" {
	for (i = 3; i <= NF; i++) {
		not_negative("transitions " $1 " " $2 " " head[file, i], $i)
		left[head[file, i], $1] += $i
		into[head[file, i], $2] += $i
	}
}

file == "stat" { stat[$1] = $2 }

file == "debug" && $1 == "correction" { print "correction " $2 " " $3 " " $4 }
file == "debug" && $1 == "corrections" && $2 == "-" && $3 == "-" { corrections = $4 }

END {
	equal("rows of counters", rows["counters"], 11)
	equal("rows of pairs", rows["pairs"], 33)
	equal("rows of transitions", rows["transitions"], 121)

	equal("local ends", total["local"],
	      flows["local"] + 2 * flows["loopback"] - selfconnected)
	equal("remote ends", total["remote"], flows["local"])
	equal("forwarded initiators", total["forwarded_initiator"], flows["forwarded"])
	equal("forwarded responders", total["forwarded_responder"], flows["forwarded"])
	equal("flows", stat["flows"], flows["local"] + flows["loopback"] + flows["forwarded"])

	nr_columns = split("local remote forwarded_initiator forwarded_responder", columns)
	for (i = 1; i <= 11; i++) {
		s = states[i]
		if (s != "listen" && !selfconnected)
			equal("local " s, gauge["local", s],
			      first["local", s] + first["loopback", s] + second["loopback", s])
		equal("remote " s, gauge["remote", s], second["local", s])
		equal("forwarded_initiator " s, gauge["forwarded_initiator", s],
		      first["forwarded", s])
		equal("forwarded_responder " s, gauge["forwarded_responder", s],
		      second["forwarded", s])
		not_negative("accepted " s, gauge["local", s] - gauge["local_initiator", s])
		for (c = 1; c <= nr_columns; c++) {
			entered = gauge["entered_" columns[c], s]
			what = columns[c] " " s
			if (s == "close") {
				# Births count as entered, removals as left; neither is a row.
				not_negative(what " births", entered - into[columns[c], s])
				not_negative(what " removals",
					     entered - left[columns[c], s] - gauge[columns[c], s])
				continue
			}
			equal(what " entered", entered, into[columns[c], s])
			equal(what " entered less left", entered - left[columns[c], s],
			      gauge[columns[c], s])
		}
	}
	equal("forwarded births",
	      gauge["entered_forwarded_initiator", "close"] - into["forwarded_initiator", "close"],
	      gauge["entered_forwarded_responder", "close"] - into["forwarded_responder", "close"])

	equal("self_connected", stat["self_connected"], selfconnected)
	if (!partial) {
		equal("untracked", stat["untracked"], 0)
		equal("evicted", stat["evicted"], 0)
		equal("complete", stat["complete"], 1)
	}
	if (corrections == "")
		corrections = "missing"
	equal("corrections", corrections, 0)
	exit failed
}
