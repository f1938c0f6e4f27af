# SPDX-License-Identifier: GPL-2.0
#
# From lines "HOW NAME ROUND BASE OURS REFERENCE", in thousandths of a unit, to a table and to JSON.
# Each figure has the medians of its rounds; min, median and spread are those of `ours`. Where the
# kind is `added`, ours and the reference are what they add to the base, round by round.

# figure NAME UNIT KIND REFERENCE MUST GOAL WHAT: KIND tells the ratio.
#	added	ours over the reference, both less the base
#	share	ours over the reference
#	times	the reference over ours
#	kept	the base over ours
#	itself	ours
function figure(name, unit, kind, reference, must, goal, what)
{
	order[++count] = name
	units[name] = unit
	kinds[name] = kind
	references[name] = reference
	musts[name] = must
	goals[name] = goal
	whats[name] = what
}

function both(name, unit, kind, reference, must, goal, what)
{
	figure(name "-ipv4", unit, kind, reference, must, goal, what)
	figure(name "-ipv6", unit, kind, reference, must, goal, what)
}

BEGIN {
	witness = "loopback, witness on"
	both("G1", "ns/packet", "added", "nf_conntrack", 0.50, 0.35, "one hot flow")
	both("G1-sockets", "instructions/segment", "added", "nf_conntrack", 0.50, 0.35, witness)
	both("G2", "ns/packet", "added", "nf_conntrack", 0.60, 0.45, "200,000 flows")
	both("G3", "instructions/packet", "added", "nf_conntrack", 0.50, 0.33, "one hot flow")
	both("G4", "ns/flow", "added", "nf_conntrack", 0.60, 0.40, "new flow")
	both("G4-instructions", "instructions/flow", "added", "nf_conntrack", "", "", "new flow")
	both("G4-sockets", "instructions/flow", "added", "nf_conntrack", 0.60, 0.40, witness)
	figure("G5", "bytes/flow", "share", "nf_conntrack", 0.65, 0.60, "memory, full table")
	figure("G6-proc", "ns", "times", "/proc/net/tcp", 1000, 5000, "totals of 200,000 sockets")
	figure("G6-ss", "ns", "times", "ss -tan", 1000, 5000, "totals of 200,000 sockets")
	figure("G6-conntrack", "ns", "times", "conntrack -L", "", "", "totals of 200,000 sockets")
	figure("G6b", "ns", "share", "1,000 flows", 1.2, 1.05, "counters at 1,000,000 flows")
	figure("G7-ctnetlink", "ns/entry", "times", "ctnetlink", 2, 3, "flow dump")
	figure("G7-inet_diag", "ns/entry", "times", "inet_diag", 2, 4, "flow dump")
	figure("G10", "ms", "itself", "nf_conntrack", 2000, 1000, "expiry late by")
	figure("G11", "1/s", "itself", "", 0, 0, "wake-ups, empty table")
	both("G12", "ns/packet", "kept", "nf_conntrack", 0.88, 0.92, "forwarding rate kept")
	figure("G13", "times", "itself", "nf_conntrack", 1.7, 1.85, "two CPUs over one")
	figure("G13-shared", "times", "itself", "nf_conntrack", "", "", "one flow's directions")
}

function median(a, n,    i, j, t)
{
	for (i = 2; i <= n; i++) {
		t = a[i]
		for (j = i - 1; j > 0 && a[j] > t; j--)
			a[j + 1] = a[j]
		a[j + 1] = t
	}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}

NF == 6 && $2 in units {
	n = ++runs[$2]
	hows[$2] = $1
	base[$2, n] = $4 / 1000
	less = kinds[$2] == "added" ? base[$2, n] : 0
	ours[$2, n] = $5 / 1000 - less
	theirs[$2, n] = $6 / 1000 - less
}

function compare(kind, base, ours, theirs)
{
	if (kind == "added" || kind == "share")
		return ours / theirs
	if (kind == "times")
		return theirs / ours
	return kind == "kept" ? base / ours : ours
}

function higher(name)
{
	return kinds[name] ~ /^(times|kept)$/ || name ~ /^G13/
}

function meets(name, ratio, goal)
{
	return goal != "" && (higher(name) ? ratio >= goal : ratio <= goal)
}

# Where even the base is not twice as fast, the host had no two processors to give.
function judge(name)
{
	if (musts[name] == "")
		return ""
	if (name == "G13" && b[name] < musts[name])
		return "busy"
	if (!meets(name, ratio[name], musts[name]))
		return "MISSED"
	return meets(name, ratio[name], goals[name]) ? "goal" : "must"
}

function number(x)
{
	return sprintf(x < 10 && x > -10 ? "%.3f" : x < 1000 ? "%.1f" : "%.0f", x)
}

# The JSON's object of a name; under another name, too, where it is the one that judges.
function object(key, name)
{
	printf "%s\n  \"%s\": {\"ratio\": %.4g, \"ours\": %s, \"reference\": {\"name\": \"%s\", " \
		"\"value\": %s}, \"base\": %s, \"unit\": \"%s\", \"runs\": %d, \"min\": %s, " \
		"\"median\": %s, \"spread\": %s, \"how\": \"%s\"}", comma, key, ratio[name],
		number(o[name]), references[name], number(r[name]), number(b[name]), units[name],
		runs[name], number(least[name]), number(o[name]), number(spread[name]),
		hows[name] >json
	comma = ","
}

END {
	printf "%-20s %-27s %9s %9s %9s  %-20s %8s %6s %5s  %-8s %4s %8s  %s\n", "figure", "what",
		"base", "ours", "reference", "unit", "ratio", "must", "goal", "verdict", "runs",
		"spread", "how"
	for (k = 1; k <= count; k++) {
		name = order[k]
		n = runs[name]
		if (!n)
			continue
		for (i = 1; i <= n; i++) {
			x[i] = base[name, i]
			y[i] = ours[name, i]
			z[i] = theirs[name, i]
		}
		b[name] = median(x, n)
		o[name] = median(y, n)
		r[name] = median(z, n)
		least[name] = y[1]
		spread[name] = y[n] - y[1]
		ratio[name] = compare(kinds[name], b[name], o[name], r[name])
		verdict = judge(name)
		printf "%-20s %-27s %9s %9s %9s  %-20s %8s %6s %5s  %-8s %4d %8s  %s\n", name,
			whats[name], number(b[name]), number(o[name]), number(r[name]),
			units[name], number(ratio[name]), musts[name], goals[name], verdict, n,
			number(spread[name]), hows[name]
	}
	printf "{" >json
	for (k = 1; k <= count; k++) {
		key = name = order[k]
		sub(/-ipv4$/, "", key)
		if (runs[name])
			object(key, name)
	}
	# The faster reference judges.
	if (runs["G6-proc"] && runs["G6-ss"])
		object("G6", r["G6-proc"] < r["G6-ss"] ? "G6-proc" : "G6-ss")
	if (runs["G7-ctnetlink"])
		object("G7", "G7-ctnetlink")
	printf "\n}\n" >json
}
