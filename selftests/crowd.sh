#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module meets a machine with many sockets: the table is whole at once, and no processor stands
# still for it. Timers of 1 ms on each processor tell for how long they were not served; a control
# in which nothing is loaded says what this machine does anyway.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MANY=20000		# in all: half as many connections, both ends here
ROUNDS=5
ALLOWED=50000		# more than the control, in microseconds
STALL=80		# that the timers must see, in milliseconds
TIMERS=/sys/module/gap/parameters
CROWD=crowd-$$

ko=$(module_file)
mapfile -t arguments < <(module_arguments)

# longest COMMAND...: sets GAP to the longest gap while it ran, in microseconds.
longest() {
	echo 0 >$TIMERS/longest
	"$@" || return 1
	GAP=$(<$TIMERS/longest)
}

# stall NAME: of one kind.
stall() {
	echo $STALL >$TIMERS/$1
}

seen() {
	longest stall stall || return 1
	FIGURE="$((GAP / 1000)) ms"
	echo "$GAP microseconds"
	[ "$GAP" -ge $((STALL * 1000)) ]
}

softirqs_seen() {
	echo 0 >$TIMERS/longest_softirq
	longest stall stall_softirq || return 1
	SOFTIRQ=$(<$TIMERS/longest_softirq)
	FIGURE="$((SOFTIRQ / 1000)) ms, timers $((GAP / 1000)) ms"
	echo "$SOFTIRQ microseconds, timers $GAP"
	[ "$SOFTIRQ" -ge $((STALL * 1000)) ] && [ "$GAP" -lt "$SOFTIRQ" ]
}

# A short time, and another module that comes and goes.
control() {
	insmod "$other" && sleep 0.3 && rmmod "$(basename "$other" .ko)"
}

load() {
	insmod "$ko" "${arguments[@]}"
}

unload() {
	rmmod tcpstate
}

equal_now() {
	compare_ss $CROWD && mirror_is $CROWD stat complete value 1
}

verified() {
	in_ns $CROWD tcpstate verify
}

# least NAME GAP: keeps the least gap of that name; a stall shows in every round, noise does not.
declare -A LEAST ALL
least() {
	ALL[$1]+=" $2"
	[ -n "${LEAST[$1]:-}" ] && [ "${LEAST[$1]}" -le $2 ] || LEAST[$1]=$2
}

rounds() {
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		longest control || return 1
		least control $GAP
		longest load || return 1
		least load $GAP
		verified || return 1
		equal_now || return 1
		longest in_ns $CROWD tcpstate flush || return 1
		least flush $GAP
		verified || return 1
		longest unload || return 1
		least unload $GAP
	done
}

# within NAME
within() {
	FIGURE="$((LEAST[$1] / 1000)) ms; control $((LEAST[control] / 1000)) ms"
	[ "${LEAST[$1]}" -le $((LEAST[control] + ALLOWED)) ]
}

other=$(modinfo -n dummy) || die "no other module"
# Another test may have left it.
[ ! -e /sys/module/dummy ] || rmmod dummy || die "dummy is in use"
add_netns $CROWD
rmmod tcpstate || die "the module does not go"
insmod "$(dirname "$(command -v crowd)")/gap.ko" || die "no timers"
check "the timers see a stall of $STALL ms" seen
check "and one of softirqs" softirqs_seen
coproc CROWD_ { in_ns $CROWD crowd $((MANY / 2)) 7000; }
eval "exec 6<&${CROWD_[0]}- 5>&${CROWD_[1]}-"
read -r REPLY <&6 || die "no crowd"
echo "# $REPLY"
check "$MANY sockets" ss_is $CROWD established $MANY
check "$ROUNDS times loaded, flushed and unloaded, and equal at once" rounds
for name in control load flush unload; do
	echo "# longest gaps in microseconds, $name:${ALL[$name]:-}"
done
for name in load flush unload; do
	check "$name: no processor stands still" within $name
done
rmmod gap
check "it is there again" load
check "and equal" equal_now
exec 5>&- 6<&-
check "they all close" wait_until 60 equal_now
finish
