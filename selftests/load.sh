#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module comes and goes, 20 times, under traffic that it must not disturb: loopback, veth and
# forwarded, IPv4 and IPv6.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=20
CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

# QEMU without KVM may leave a processor hanging at an instruction that another one patches (the log
# then shows it stuck at the patched call of a hook). So hooks and tracepoint have other users all
# along, and what the module does to them patches nothing.
EVENT=events/sock/inet_sock_set_state/enable
TRACING=/sys/kernel/tracing

keep_in_use() {
	nft -f - <<-END || return 1
		table inet load {
			chain output { type filter hook output priority 0; }
			chain input { type filter hook input priority 0; }
			chain forward { type filter hook forward priority 0; }
		}
	END
	mkdir $TRACING/instances/load && echo 1 >$TRACING/$EVENT &&
		echo 1 >$TRACING/instances/load/$EVENT
}

let_go() {
	echo 0 >$TRACING/$EVENT && echo 0 >$TRACING/instances/load/$EVENT &&
		rmdir $TRACING/instances/load && nft delete table inet load
}

# Whether the module sees traffic in these namespaces.
sees() {
	local ns

	for ns; do
		[ "$(mirror $ns stat flows value)" -gt 0 ] || return 1
	done
}

come_and_go() {
	local ko=$1 i

	shift
	for ((i = 0; i < ROUNDS; i++)); do
		insmod "$ko" "$@" || return 1
		wait_until 10 sees $CLIENT $ROUTER $SERVER || return 1
		rmmod tcpstate || return 1
		! ls -d /sys/kernel/slab/tcpstate_* 2>/dev/null || return 1
	done
}

# traffic ARGUMENT...: a program that runs all the time.
traffic() {
	churn -p 5 "$@" >>"$TMP/churned" 2>&1 &
	CHILDREN[$!]=1
	TRAFFIC+=($!)
}

end_of_traffic() {
	local child failed=0

	for child in "${TRAFFIC[@]}"; do
		end $child || failed=1
	done
	cat "$TMP/churned"
	[ $failed = 0 ] && [ "$(grep -c ' 0 errors$' "$TMP/churned")" = ${#TRAFFIC[@]} ]
}

ko=$(module_file) || die "no module to load"
mapfile -t arguments < <(module_arguments)
[ ! -d /sys/module/tcpstate ] || rmmod tcpstate || die "the module does not go"

check "hooks and tracepoint have other users" keep_in_use
route $CLIENT $ROUTER $SERVER
TRAFFIC=()
traffic -c $CLIENT -s $SERVER 10.0.2.2 5000
traffic -c $CLIENT -s $SERVER fd00:2::2 5000
traffic -c $ROUTER -s $ROUTER 127.0.0.1 5000
background $ROUTER sh -c 'while sleep 0.1; do cat /proc/net/tcpstate/*; done >/dev/null 2>&1'

mark_log load
check "$ROUNDS times in and out under traffic" come_and_go "$ko" "${arguments[@]}"
check "no error of the traffic" end_of_traffic
check "the log is clean" log_is_clean load
check "the others leave" let_go
check "it is there again" insmod "$ko" "${arguments[@]}"
finish
