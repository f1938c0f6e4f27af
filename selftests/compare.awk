# SPDX-License-Identifier: GPL-2.0
#
# Compares the mirror's `local` gauges with ss, both of this namespace. The variable `mirror` is
# the file to read; where `saved` is set, what was read at rest is kept there; where `port` and
# `peer` are set, the socket with these ports is to be in `state` (none, if that is empty). Exits
# with 2 if it is not, else with 1 if mirror and ss differ.

# Fills the gauges from the file and returns it as one text.
function read_counters(gauge,	line, field, names, n, i, text)
{
	for (n = 0; (getline line < mirror) > 0; n++) {
		split(line, field)
		if (!n)
			for (i in field)
				names[field[i]] = i
		else
			gauge[field[1]] = field[names["local"]]
		text = text line "\n"
	}
	close(mirror)
	return text
}

function read_ss(count,	line, field, name)
{
	for (name in count)
		count[name] = 0
	found = ""
	while (("ss -tanH" | getline line) > 0) {
		split(line, field)
		# Bound and no more: from 6.8 on they are shown too.
		if (field[1] == "UNCONN")
			continue
		name = tolower(field[1])
		sub(/^estab$/, "established", name)
		gsub(/-/, "_", name)
		sub(/wait_/, "wait", name)
		count[name]++
		if (port != "" && field[4] ~ ":" port "$" && field[5] ~ ":" peer "$")
			found = name
	}
	close("ss -tanH")
}

BEGIN {
	for (try = 0; try < 10; try++) {
		before = read_counters(gauge)
		read_ss(count)
		if (before == read_counters(gauge))
			break
	}
	if (found != state) {
		print "the socket is in " (found ? found : "no state") ", not in " \
			(state ? state : "none")
		exit 2
	}
	if (try == 10) {
		print "counters did not rest"
		exit 1
	}
	if (saved)
		printf "%s", before >saved
	split("established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close_wait last_ack " \
	      "listen closing", states)
	for (i = 1; i <= 10; i++) {
		name = states[i]
		if (gauge[name] == "" || gauge[name] != count[name] + 0) {
			print name " is " gauge[name] " in the mirror, " count[name] + 0 " in ss"
			failed = 1
		}
	}
	exit failed
}
