#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# netlink-fuzz.sh [SECONDS | Nx]: requests of all kinds to the family, for so long or so many, on a
# router whose flows come and go; SEED repeats a run. See netlink/fuzz.c for what is wrong.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$
SPEC=$HERE/../Documentation/netlink/specs/tcpstate.yaml
LIMIT=${1:-60}

# What netlink itself says of malformed requests is no finding.
USUAL="netlink: ('netlink_fuzz'|[0-9]+ bytes leftover)|nla_parse: |validate_nla: .*suppressed|"
USUAL+="__nla_validate_parse: .*suppressed|(veth|IPv6: ADDRCONF)"

# Twice the time that it should take, and some.
fuzz() {
	in_ns $ROUTER timeout $(($1 * 2 + 120)) netlink_fuzz ${SEED:+-s "$SEED"} "${@:2}" "$TMP/table"
}

# It ends while dumps and requests are under way.
killed() {
	local i

	for i in 1 2 3; do
		in_ns $ROUTER timeout -s KILL 1 setsid -w netlink_fuzz -t 60 "$TMP/table"
		[ $? = 137 ] || { echo "not killed"; return 1; }
	done
}

found_nothing() {
	local count=${LIMIT%x}

	if [ "$count" != "$LIMIT" ]; then
		fuzz $((count / 200)) -n "$count"
	else
		fuzz "$LIMIT" -t "$LIMIT"
	fi >"$TMP/fuzz" && grep -q "^netlink_fuzz: .* 0 findings" "$TMP/fuzz" && return
	cat "$TMP/fuzz"
	return 1
}

# Its flows have been dropped again and again, so they are not complete, and with a limit of one flow
# some were not tracked; all else holds.
sums_hold() {
	in_ns $ROUTER awk -v selfconnected=0 -v partial=1 -f "$HERE/sums.awk" \
		"$MIRROR/counters" "$MIRROR/pairs" "$MIRROR/transitions" "$MIRROR/stat" "$MIRROR/debug"
}

log_says_nothing() {
	! dmesg | awk -v mark="tcpstate selftests: $NAME begins" 'index($0, mark) { on = 1; next } on' |
		grep -vE "$USUAL"
}

route $CLIENT $ROUTER $SERVER
mark_log "$NAME begins"
check "the spec makes a table" python3 "$HERE/netlink/table.py" "$SPEC"
cp "$TMP/check" "$TMP/table"

churn -c $CLIENT -s $SERVER -t 100000 10.0.2.2 7000 >"$TMP/churn" &
CHURN=$!
CHILDREN[$CHURN]=1
check "requests of all kinds" found_nothing
sed -n 's/^netlink_fuzz: /# /p' "$TMP/fuzz"
check "killed in the midst of requests and dumps" killed
unset "CHILDREN[$CHURN]"
kill $CHURN
check "no connection of the router failed" wait $CHURN
check "the sums hold" wait_until 20 sums_hold
check "the log says nothing" log_says_nothing
finish
