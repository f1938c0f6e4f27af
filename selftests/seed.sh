#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Seeding: what existed before the module, or before it was switched on, is in the table at once.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ SERVER=server-$$ ALONE=alone-$$
CONNECTIONS=${CONNECTIONS:-1000}
ROUNDS=${ROUNDS:-10}
ENABLED=/sys/module/tcpstate/parameters/enabled

ko=$(module_file)
mapfile -t arguments < <(module_arguments)

load() {
	insmod "$ko" "${arguments[@]}"
}

reload() {
	rmmod tcpstate && load
}

# Without waiting: at once.
equal_now() {
	compare_ss $CLIENT $SERVER $ALONE
}

complete() {
	local ns

	for ns in $CLIENT $SERVER $ALONE; do
		mirror_is $ns stat complete value 1 || return 1
	done
}

# The client dialled, the server and both ends' listeners did not.
roles() {
	local half=$((CONNECTIONS * 2))

	mirror_is $CLIENT counters established local_initiator $half &&
		mirror_is $SERVER counters established local_initiator 0 &&
		mirror_is $ALONE counters established local $((CONNECTIONS * 2)) &&
		mirror_is $ALONE counters established local_initiator $CONNECTIONS &&
		mirror_is $ALONE pairs loopback,established established $CONNECTIONS
}

seeded() {
	local n

	n=$(in_ns $CLIENT tcpstate -j flows | jq '[.flows[] | select(.provenance == "seeded")] | length')
	[ "$n" = $((CONNECTIONS * 2)) ] || { echo "$n flows are seeded"; return 1; }
}

# Loads and removes it while connections come and go, and lets them come to rest.
loads_under_churn() {
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		rmmod tcpstate || return 1
		wait_until 5 busy || return 1
		load || return 1
	done
}

busy() {
	[ "$(ss_count $ALONE time_wait sport = :5000)" -gt 0 ]
}

rests() {
	wait_until 20 equal_now
}

pair $CLIENT $SERVER
add_netns $ALONE
start_sockets
s netns $SERVER
s listen l.v4 10.0.1.2 6000 $CONNECTIONS
s listen l.v6 fd00:1::2 6000 $CONNECTIONS
s netns $ALONE
s listen l.lo 127.0.0.1 6000 $CONNECTIONS
s listen other :: 6001
rmmod tcpstate || die "rmmod fails"
s connect "c.lo*$CONNECTIONS" 127.0.0.1 6000
s accept l.lo "s.lo*$CONNECTIONS"
s netns $CLIENT
s connect "c.v4*$CONNECTIONS" 10.0.1.2 6000
s connect "c.v6*$CONNECTIONS" fd00:1::2 6000
s accept l.v4 "s.v4*$CONNECTIONS"
s accept l.v6 "s.v6*$CONNECTIONS"
s wait 'c.*' established

check "the module loads" load
check "all that was there is there, at once" equal_now
check "every namespace is complete" complete
check "who dialled is known by the listeners" roles
check "what is seeded says so" seeded
for ns in $CLIENT $SERVER $ALONE; do
	check "sums in ${ns%-*}" sums $ns
done
s close other
check "a listener that was seeded ends" wait_until 5 equal_now

check "flush" in_ns $CLIENT tcpstate flush
check "what is flushed is seeded again" equal_now
check "and complete" complete
check "switched off, nothing is known" sh -c "echo 0 >$ENABLED"
check "no flow, no listener" mirror_is $ALONE stat flows value 0
check "switched on" sh -c "echo 1 >$ENABLED"
check "it is all there again" equal_now
check "and complete once more" complete
check "roles once more" roles
s close '*'
check "they close" wait_until 20 equal_now

background $ALONE churn -p 2 127.0.0.1 5000
check "$ROUNDS loads under churn" loads_under_churn
end $CHILD
check "at rest it equals ss" rests
check "sums" sums $ALONE
finish
