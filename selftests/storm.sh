#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# As many connections as this machine makes, over veth and loopback, IPv4 and IPv6, whose ends send,
# read and close at random, also while a segment waits in the backlog. Then, within two seconds of
# its end, the mirror equals the sockets, and its sums hold. With SCALE=long for ten minutes, and once
# more when TIME_WAIT has drained. SEED repeats what the ends drew.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

A=a-$$ B=b-$$ LO=lo-$$
case ${SCALE:-} in
long)	SECONDS_EACH=150 ;;
*)	SECONDS_EACH=5 ;;
esac

# storm NAME CLIENT SERVER ADDRESS: runs it, and the mirror is right at once. Sums are read file by
# file, while timewait sockets of earlier storms end.
storm() {
	local name=$1 ns

	check "$name" rage -c $2 -s $3 $4 5000
	for ns in $2 ${3/#$2/}; do
		check "$name: ${ns%-*} equals its sockets" wait_until 2 verified $ns
		check "$name: sums of ${ns%-*}" wait_until 10 sum $ns
	done
}

rage() {
	command storm -t $SECONDS_EACH ${SEED:+-r $SEED} "$@" >"$TMP/storm" || return 1
	FIGURE="$(sed 's/^storm: //' "$TMP/storm"), in $SECONDS_EACH s"
}

verified() {
	in_ns $1 tcpstate verify
}

drained() {
	local ns

	for ns in $A $B $LO; do
		ss_is $ns time_wait 0 || return 1
	done
}

pair $A $B
add_netns $LO
storm "veth v4" $A $B 10.0.1.2
storm "veth v6" $A $B fd00:1::2
# Who closes meets what is still on its way.
in_ns $A tc qdisc add dev b root netem delay 60ms 50ms
in_ns $B tc qdisc add dev a root netem delay 60ms 50ms
storm "slow v4" $A $B 10.0.1.2
storm "slow v6" $A $B fd00:1::2
storm "loopback v4" $LO $LO 127.0.0.1
storm "loopback v6" $LO $LO ::1
if [ "${SCALE:-}" = long ]; then
	check "TIME_WAIT drains" wait_until 150 drained
	for ns in $A $B $LO; do
		check "${ns%-*} equals its sockets, drained" verified $ns
		check "sums of ${ns%-*}, drained" wait_until 10 sum $ns
	done
fi
finish
