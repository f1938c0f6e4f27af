#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What 100,000 timewait sockets cost: the time that the processors work while they come, while they
# wait and while they go, without the module, with the engine alone and with the witness. That all
# of them are there at once takes a fast machine, or the clock of tools/vm/vm --icount. In the end the
# mirror has let all of them go.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MANY=${TIMEWAITS:-100000}
WAIT=10		# seconds between the last one's birth and the first one's end, watched

ko=$(module_file)
mapfile -t arguments < <(module_arguments | grep -v '^witness=\|^max_flows=')
CROWDS=0

# busy: sets BUSY to what all processors have worked so far, in milliseconds.
busy() {
	local user nice system idle iowait irq softirq

	read -r _ user nice system idle iowait irq softirq _ </proc/stat
	BUSY=$(((user + nice + system + irq + softirq) * 1000 / $(getconf CLK_TCK)))
}

spent() {
	local before=$BUSY

	busy
	SPENT=$((BUSY - before))
}

timewaits() {
	in_ns $1 sed -n 's/^TCP:.* tw \([0-9]*\) .*/\1/p' /proc/net/sockstat
}

# Looks seldom: it is measured too.
all_go() {
	local i

	for ((i = 0; i < 24; i++)); do
		sleep 5
		[ "$(timewaits $1)" != 0 ] || return 0
	done
	return 1
}

# measure NAME: in a namespace of its own.
measure() {
	local ns=tw$((++CROWDS))-$$ come n

	add_netns $ns
	in_ns $ns sysctl -qw net.ipv4.tcp_max_tw_buckets=1000000 net.ipv4.tcp_tw_reuse=0
	busy
	in_ns $ns crowd -t $MANY 7000 </dev/null >"$TMP/crowd" || return 1
	spent
	come=$SPENT
	n=$(timewaits $ns)
	sleep $WAIT
	spent
	FIGURE="$(sed 's/^crowd: //' "$TMP/crowd"), $n at once; busy ms: coming $come"
	FIGURE+=", $WAIT s waiting $SPENT"
	[ ! -d /sys/module/tcpstate ] || [ "$1" = engine ] || verified $ns || return 1
	busy
	all_go $ns || return 1
	spent
	FIGURE+=", going $SPENT"
	ip netns del $ns
}

verified() {
	in_ns $1 tcpstate verify
}

rmmod tcpstate || die "the module does not go"
check "without the module" measure none
insmod "$ko" "${arguments[@]}" max_flows=$((2 * MANY)) witness=0
check "the engine alone" measure engine
rmmod tcpstate
insmod "$ko" "${arguments[@]}" max_flows=$((2 * MANY))
check "with the witness" measure witness
rmmod tcpstate
insmod "$ko" "${arguments[@]}"
finish
