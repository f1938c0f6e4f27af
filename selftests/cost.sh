#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cost.sh: what the module costs, in instructions of the guest and in bytes. It is no test; run it as
#
#	tools/vm/vm --icount --cpus 1 -- selftests/cost.sh
#
# Under --icount the guest's clock counts instructions, one a nanosecond. A process exchanges single
# octets with itself over loopback, with the module on and off in turn. The difference is all that
# the module adds: netfilter's call of the hook, reading the segment, look-up, engine, deadlines.
# Time lost to cache misses and atomic operations is not in it.

set -eu
export LC_ALL=C

PARAMETER=/sys/module/tcpstate/parameters/enabled
STAT=/proc/net/tcpstate/stat
TURNS=5
CONNECTIONS=100
EXCHANGES=2000
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

die() {
	echo "cost: $*" >&2
	exit 1
}

# What the host sent, in segments.
segments() {
	awk '$1 == "Tcp:" && !seen++ { for (i = 2; i <= NF; i++) name[i] = $i; next }
	$1 == "Tcp:" { for (i = 2; i <= NF; i++) if (name[i] == "OutSegs") print $i }' /proc/net/snmp
}

# Connections that the module saw.
seen() {
	awk '$1 == "syn_sent" { print $7 }' /proc/net/tcpstate/counters
}

# measure ENABLED FILE ADDRESS CONNECTIONS EXCHANGES: a line "ENABLED instructions segments".
measure() {
	local sent saw instructions

	echo "$1" >$PARAMETER
	sent=$(segments) saw=$(seen)
	instructions=$(pingpong "${@:3}")
	echo "$1 $instructions $(($(segments) - sent))" >>"$2"
	[ $(($(seen) - saw)) = $(($1 * $4)) ] || die "the module did not see what it should"
}

# cost ADDRESS CONNECTIONS EXCHANGES: a line with the instructions of all, on and off in turn, and the
# difference of the medians, which is for each segment's two hooks, and for each connection.
cost() {
	local file=$TMP/measured turn

	: >"$file"
	for ((turn = 0; turn < TURNS; turn++)); do
		measure 1 "$file" "$@"
		measure 0 "$file" "$@"
	done
	sort -n -k 2 "$file" | awk -v address="$1" -v connections="$2" -v turns="$TURNS" '
	{ sum[$1]++; segments[$1] += $3 }
	sum[$1] == 1 { least[$1] = $2 }
	sum[$1] == (turns + 1) / 2 { median[$1] = $2 }
	END {
		added = median[1] - median[0]
		printf "%-9s  %11d  %8d  %10d  %10d  %10d  %10d  %11.0f  %12.0f\n", address,
			connections, segments[1] / turns, least[1], least[0], median[1], median[0],
			added * turns / (2 * segments[1]), added / connections
	}'
}

[ -w $PARAMETER ] || die "the module is not loaded"
echo "instructions in $TURNS turns, least and median:"
echo "address    connections  segments    least on   least off   median on  median off" \
	" more a hook  a connection"
for address in 127.0.0.1 ::1; do
	cost "$address" 1 "$EXCHANGES"
	cost "$address" "$CONNECTIONS" 1
done

echo 1 >$PARAMETER
pingpong 127.0.0.1 "$CONNECTIONS" 1 >"$TMP/last"
awk '{ stat[$1] = $2 }
END {
	if (!stat["flows"])
		exit 1
	printf "memory: %d bytes a flow\n", stat["memory"] / stat["flows"]
}' $STAT
