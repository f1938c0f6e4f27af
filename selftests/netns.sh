#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Namespaces that go while flows live in them: forwarded ones, time_wait, requests, and sockets
# that are aborted later. Nothing of theirs may stay.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=20

no_more_than() {
	local n

	n=$(flow_objects)
	[ "$n" -le $1 ] || { echo "$n flow objects, $1 before"; return 1; }
}

# One round: flows in most states through a router, at rest first and then with traffic beside
# them. The names go while it runs, each namespace with its last socket.
round() {
	local client=client-$1-$$ router=router-$1-$$ server=server-$1-$$ address

	route $client $router $server
	rules $server <<-END
		table inet silent {
			chain input {
				type filter hook input priority 0;
				tcp dport 6003 drop
			}
		}
	END
	start_sockets
	for address in 10.0.2.2 fd00:2::2; do
		connection est.$address $client $server $address 6000
		connection half.$address $client $server $address 6001
		s shutdown c.half.$address
		connection gone.$address $client $server $address 6002
		s shutdown c.gone.$address
		s wait s.gone.$address close_wait
		s shutdown s.gone.$address
		s netns $client
		s connect unanswered.$address $address 6003
	done
	wait_until 5 ss_is $client time_wait 2 && mirrors $client $router $server &&
		mirror_is $router pairs forwarded,established established 2 &&
		sums $client && sums $router || return 1
	background $client churn -p 1 127.0.0.1 5000
	wait_until 10 busy $client || return 1
	ip -batch - <<-END
		netns del $client
		netns del $router
		netns del $server
	END
	s set '[cs].*' linger 0
	stop_sockets
	end $CHILD
}

busy() {
	[ "$(mirror $1 counters time_wait entered_local)" -gt 2 ]
}

rounds() {
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		round $i || return 1
	done
}

mark_log netns
before=$(flow_objects) || die "flow objects are not counted"
check "$ROUNDS times, flows live in namespaces that go" rounds
check "no flow stays" wait_until 20 no_more_than $before
check "the log is clean" log_is_clean netns
finish
