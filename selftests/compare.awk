# SPDX-License-Identifier: GPL-2.0
#
# Compares the mirror's `local` gauges with ss, both of this namespace. The variable `mirror` is
# the file to read; where `saved` is set, what was read at rest is kept there.

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

function read_ss(count,	line, field, state)
{
	for (state in count)
		count[state] = 0
	while (("ss -tanH" | getline line) > 0) {
		split(line, field)
		state = tolower(field[1])
		sub(/^estab$/, "established", state)
		gsub(/-/, "_", state)
		sub(/wait_/, "wait", state)
		count[state]++
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
	if (try == 10) {
		print "counters did not rest"
		exit 1
	}
	if (saved)
		printf "%s", before >saved
	split("established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close_wait last_ack " \
	      "listen closing", states)
	for (i = 1; i <= 10; i++) {
		state = states[i]
		if (gauge[state] == "" || gauge[state] != count[state] + 0) {
			print state " is " gauge[state] " in the mirror, " count[state] + 0 " in ss"
			failed = 1
		}
	}
	exit failed
}
