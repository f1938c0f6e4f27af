#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Hostile segments against real sockets: classes E1 to E20 of hostile/attack.c, from a program that is
# the remote host of every connection. Wherever it stops the mirror equals the sockets.
#
# hostile.sh observe: where the engine moves the local ends. How often it had to be corrected, and from
# what to what, is printed: fsm.rst tells which differences are known.
#
# SCALE=long sends 100,000 segments over 2,000 connections, with a seed of its own each time; SEED
# gives another one. One connection again, with all that happens to it:
#
#	ip netns exec NETNS hostile --seed S --connection N

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

NS=hostile-$$
EMPTY=deleted-$$
UNTRACED=$EMPTY CORRECTED=1

# A difference of the engine takes its time until it is judged.
case ${SCALE:-}.${1:-} in
long.)		CONNECTIONS=2000 ;;
long.observe)	CONNECTIONS=1000 ;;
.observe)	CONNECTIONS=200 ;;
*)		CONNECTIONS=1000 ;;
esac
[ "${SCALE:-}" != long ] || SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
SEED=${SEED:-1}

# The program fails if anything differed, or a class was never injected.
attacked() {
	in_ns $NS hostile --seed "$SEED" --connections $CONNECTIONS --verify >"$TMP/hostile" 2>&1 &&
		return
	grep -v '^# E[0-9]* ' "$TMP/hostile" | head -n 400
	return 1
}

# A mirror that lost flows of living sockets is told of.
lost() {
	! in_ns $EMPTY hostile --seed "$SEED" --connections 50 --segments 20 --delete >"$TMP/lost" &&
		grep -q '^# DIFFERENCE.*: the mirror has close, ' "$TMP/lost" &&
		! grep '^# DIFFERENCE' "$TMP/lost" | grep -v ': the mirror has close, ' && return
	cat "$TMP/lost"
	return 1
}

# All that sums.awk says, but for corrections.
summed() {
	sum $NS | grep -v '^correction' >"$TMP/summed"
	[ ! -s "$TMP/summed" ] && return
	cat "$TMP/summed"
	return 1
}

modprobe tun || die "there is no tun device"
add_netns $NS $EMPTY
check "classes E1 to E20: the mirror equals the sockets" attacked
grep -A 30 '^# injected into' "$TMP/hostile" | sed 's/^hostile: /# /'
check "the sums hold" settled summed
read_mirror $NS debug | sed -n 's/^correction/# &/p'
check "flows that were deleted are missed" lost
finish
