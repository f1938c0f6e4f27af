#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A full table: which flow goes in favour of another one, whose, and that what is counted stays
# exact. The table is so small that one sample is all of it.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$ OTHER=other-$$ GUEST=guest-$$
MAX=32		# flows in a sample
BESIDES=3	# seconds of traffic beside a flood
[ "${SCALE:-}" != long ] || BESIDES=60

# reload [ARGUMENT...]: with the arguments that it had, and these.
reload() {
	rmmod tcpstate && insmod "$ko" "${arguments[@]}" "$@"
}

set_config() {
	in_ns $1 ask config-set "${@:2}"
}

# limits N: of all namespaces.
limits() {
	ask config-set max-flows=$1
}

# stat_is NETNS NAME=VALUE...
stat_is() {
	in_ns $1 awk -v wanted="${*:2}" '
	{ is[$1] = $2 }
	END {
		n = split(wanted, pair, " ")
		for (i = 1; i <= n; i++) {
			split(pair[i], w, "=")
			if (is[w[1]] "" == w[2])
				continue
			print w[1] " is " is[w[1]] ", not " w[2]
			failed = 1
		}
		exit failed
	}' $MIRROR/stat
}

# In the initial namespace.
# In any namespace: one that was deleted lives on while a socket in it still sends its FIN.
no_flows() {
	local n

	n=$(flow_objects)
	[ "$n" = 0 ] || { echo "$n flows are left of what ran before"; return 1; }
}

pairs_are() {
	mirror_is $ROUTER pairs forwarded,$1 $2 $3
}

# --- connections, named by the port that they go to ---

# dial PORT: through the router.
dial() {
	connection $1 $CLIENT $SERVER 10.0.2.2 $1
}

# silent PORT...: one SYN each, which nobody answers.
silent() {
	local port

	s netns $CLIENT
	for port; do
		s connect u.$port 10.0.2.2 $port
		s close u.$port
		sleep 0.02
	done
}

# close_both PORT: the client first.
close_both() {
	s shutdown c.$1
	s wait s.$1 close_wait
	s shutdown s.$1
}

# leftover NETNS ADDRESS PORT...: what its sockets have closed, and the client's have not.
leftover() {
	local port

	for port in "${@:3}"; do
		connection $port $CLIENT $1 $2 $port
		close_both $port
		sleep 0.02
	done
}

leftovers_are() {
	mirror_is $1 pairs local,close time_wait $2
}

# tracked PORT... [not PORT...]: the router has one flow to each, or none.
tracked() {
	in_ns $ROUTER ask -d flow-get | awk -v ports="$*" '
	{
		for (i = 1; i <= NF; i++)
			if (sub(/^dst.port=/, "", $i))
				flows[$i]++
	}
	END {
		n = split(ports, port, " ")
		wanted = 1
		for (i = 1; i <= n; i++) {
			if (port[i] == "not") {
				wanted = 0
				continue
			}
			if (flows[port[i]] + 0 == wanted)
				continue
			print flows[port[i]] + 0 " flows to " port[i]
			failed = 1
		}
		exit failed
	}'
}

# hang_up NETNS...: all connections end, and nothing is left of them there.
hang_up() {
	local ns

	s set '[cs].*' linger 0
	s close '[cs].*'
	for ns; do
		in_ns $ns ask flow-flush >/dev/null || return 1
	done
}

# --- the order ---

# Two or three flows of each kind, each a moment after the one before it.
fill() {
	local i

	rules $ROUTER <<-END
		table inet resets {
			chain forward {
				type filter hook forward priority 0;
				tcp dport 7100-7199 tcp flags & rst == rst drop
			}
		}
	END
	for i in 0 1 2; do
		dial 700$i
	done
	for i in 0 1 2; do
		dial 730$i
		s shutdown c.730$i
		s wait s.730$i close_wait
		sleep 0.02
	done
	for i in 0 1; do
		dial 720$i
		close_both 720$i
		sleep 0.02
	done
	for i in 0 1; do
		dial 710$i
		reset c.710$i
		sleep 0.02
	done
	silent 7400 7401
	# The oldest that closes is not the one that was silent for longest.
	s send s.7300 10
	s read c.7300 10
	settled filled
}

filled() {
	pairs_are established established 3 && pairs_are close established 2 &&
		pairs_are syn_sent close 2 && pairs_are time_wait close 2 &&
		pairs_are fin_wait2 close_wait 3 && stat_is $ROUTER flows=12 complete=1
}

# With each that comes, the next one goes, and nothing else.
in_order() {
	local port evicted=0

	limits 12 || return 1
	for port in 7100 7101 7400 7401 7200 7201 7301 7302 7300; do
		dial 760$evicted
		settled tracked 760$evicted not $port || return 1
		evicted=$((evicted + 1))
		stat_is $ROUTER flows=12 evicted=$evicted untracked=0 complete=0 || return 1
	done
}

# All are established: whoever comes gets no flow, and works.
refused() {
	local n

	silent 7410
	dial 7610
	s send c.7610 1000
	s read s.7610 1000
	pairs_are established established 12 && tracked not 7410 7610 &&
		stat_is $ROUTER flows=12 evicted=9 || return 1
	n=$(mirror $ROUTER stat untracked value)
	[ "$n" -ge 2 ] || { echo "$n untracked"; return 1; }
}

# --- exact: what was born is there, was evicted, or went of itself ---

sums_hold() {
	settled in_ns $1 awk -v selfconnected=0 -v partial=1 -f "$HERE/sums.awk" \
		"$MIRROR/counters" "$MIRROR/pairs" "$MIRROR/transitions" "$MIRROR/stat" "$MIRROR/debug"
}

# exact OTHERS: of the router's flows so many went without being evicted, or `any`.
exact() {
	sums_hold $ROUTER && in_ns $ROUTER awk -v others="$1" '
	FILENAME ~ /counters/ && $1 == "close" { gauge = $5; entered = $9 }
	FILENAME ~ /transitions/ && $1 == "close" { out += $5 }
	FILENAME ~ /transitions/ && $2 == "close" { into += $5 }
	FILENAME ~ /stat/ { stat[$1] = $2 }
	END {
		born = entered - into
		gone = entered - out - gauge
		print born " born, " gone " gone, " stat["flows"] " there, " stat["evicted"] " evicted"
		exit born - gone != stat["flows"] || gone < stat["evicted"] ||
			(others != "any" && gone != stat["evicted"] + others)
	}' $MIRROR/{counters,transitions,stat}
}

# --- too many half-open ones ---

# What is worth less than they are would not make room among them.
embryonic() {
	limits $MAX && set_config $ROUTER max-embryonic=3 || return 1
	dial 7120
	reset c.7120
	silent 7420 7421 7422 7423 7424 7425
	settled tracked 7120 7423 7424 7425 not 7420 7421 7422 &&
		stat_is $ROUTER embryonic=3 evicted=12 || return 1
	dial 7620
	settled tracked 7620 7424 7425 not 7423 && stat_is $ROUTER embryonic=2
}

# A connection that begins in a flood is not kept out.
flood() {
	s netns $CLIENT
	s connect "u.$1*150" 10.0.2.2 7450
	s close "u.$1.*"
}

in_flood() {
	flood a
	dial 7621
	flood b
	settled tracked 7620 7621 && pairs_are established established 2 &&
		stat_is $ROUTER embryonic=3
}

# From both processors, in a table that is always full.
beside() {
	local i=0 traffic

	limits 20
	for i in 1 2; do
		churn -c $CLIENT -s $SERVER -t $BESIDES 10.0.2.2 800$i >"$TMP/churn.$i" 2>&1 &
		traffic+=" $!"
	done
	while kill -0 $traffic 2>/dev/null; do
		i=$((i + 1))
		flood $i
	done
	wait $traffic
	cat "$TMP"/churn.*
	grep -q ' 0 errors' "$TMP/churn.1" && grep -q ' 0 errors' "$TMP/churn.2" &&
		tracked 7620 7621 && exact any || return 1
	FIGURE=$(tail -n 1 "$TMP/check")
}

# --- whose flows go ---

own() {
	limits $MAX && set_config $ROUTER max-embryonic=$MAX netns-max-flows=3 || return 1
	leftover $OTHER 10.0.3.2 7800 7801
	dial 7630
	dial 7631
	silent 7430
	settled leftovers_are $OTHER 2 && stat_is $OTHER complete=1 && stat_is $ROUTER flows=3 ||
		return 1
	dial 7632
	settled tracked 7630 7631 7632 not 7430 || return 1
	dial 7633
	settled tracked 7630 7631 7632 not 7633 && leftovers_are $OTHER 2 &&
		stat_is $OTHER evicted=0
}

of_others() {
	local evicted

	evicted=$(mirror $ROUTER stat evicted value)
	set_config $ROUTER netns-max-flows=$MAX && limits 5 || return 1
	dial 7634
	settled tracked 7630 7631 7632 7634 && leftovers_are $OTHER 1 &&
		stat_is $OTHER evicted=1 complete=0 &&
		stat_is $ROUTER evicted=$evicted
}

add_guest() {
	mkfifo "$TMP/ready"
	unshare --user --map-root-user unshare --net sh -c 'echo; exec sleep 1000' >"$TMP/ready" &
	CHILDREN[$!]=1
	read -r <"$TMP/ready" || die "no user namespace"
	ip netns attach $GUEST $! || die "no name for its namespace"
	NAMESPACES+=("$GUEST")
	ip -n $GUEST link set dev lo up
	link $CLIENT $GUEST 4
}

to_guest() {
	connection $1 $CLIENT $GUEST 10.0.4.2 $1
}

# guest_is FLOWS ESTABLISHED EVICTED: and the flows of OTHER stay.
guest_is() {
	stat_is $GUEST flows=$1 && mirror_is $GUEST pairs local,established established $2 &&
		stat_is $GUEST evicted=$3 && leftovers_are $OTHER 2 && stat_is $OTHER evicted=1
}

for_guest() {
	limits $MAX || return 1
	leftover $GUEST 10.0.4.2 7900 7901
	leftover $OTHER 10.0.3.2 7810 7811
	settled leftovers_are $GUEST 2 && leftovers_are $OTHER 2 && limits 4 || return 1
	dial 7640
	settled tracked 7640 && leftovers_are $GUEST 1 && guest_is 1 0 1 || return 1
	to_guest 7910
	settled guest_is 1 1 2 || return 1
	to_guest 7911
	settled guest_is 1 1 2
}

share() {
	limits $MAX || return 1
	leftover $GUEST 10.0.4.2 7902 7903
	to_guest 7912
	# Two of OTHER's, one of the router's: there is room, but not for guests.
	settled guest_is 4 2 2 && limits 8 || return 1
	to_guest 7913
	settled guest_is 4 3 3 || return 1
	to_guest 7914
	settled guest_is 4 4 4 || return 1
	to_guest 7915
	settled guest_is 4 4 4 && sums_hold $GUEST && sums_hold $OTHER
}

# --- sockets ---

# Whatever has a socket stays, and its state is the socket's.
with_socket() {
	local state port=7920 flows evicted

	rules $CLIENT <<-END
		table inet silent {
			chain input {
				type filter hook input priority 0;
				tcp dport 7999 drop
			}
		}
	END
	limits $MAX || return 1
	for state in over half; do
		connection $state $OTHER $CLIENT 10.0.3.1 $((port++))
		connection $state.too $OTHER $CLIENT 10.0.3.1 $((port++))
		s shutdown "c.$state*"
		s wait "s.$state*" close_wait
	done
	s shutdown 's.over*'
	s netns $OTHER
	s connect c.waits 10.0.3.1 7999
	settled mirror_is $OTHER counters time_wait local 2 &&
		mirror_is $OTHER counters syn_sent local 1 || return 1
	evicted=$(mirror $OTHER stat evicted value)
	flows=$(mirror $OTHER stat flows value)
	set_config $OTHER netns-max-flows=$flows || return 1
	connection first $CLIENT $OTHER 10.0.3.2 7820
	connection second $CLIENT $OTHER 10.0.3.2 7821
	connection third $CLIENT $OTHER 10.0.3.2 7822
	# The leftovers have none.
	settled leftovers_are $OTHER 0 && stat_is $OTHER evicted=$((evicted + 2)) || return 1
	for state in time_wait syn_sent fin_wait2; do
		mirror_is $OTHER counters $state local "$(ss_count $OTHER $state)" || return 1
	done
	sums_hold $OTHER && mirror_is $OTHER counters established local 2 &&
		stat_is $OTHER flows=$flows
}

ko=$(module_file) || die "no module to load"
mapfile -t arguments < <(module_arguments)
trap 'clean_up; reload' EXIT
mark_log $NAME
check "the module with $MAX flows" reload max_flows=$MAX
check "there are none" no_flows
route $CLIENT $ROUTER $SERVER
add_netns $OTHER
link $CLIENT $OTHER 3
add_guest
for ns in $CLIENT $SERVER; do
	set_config $ns paths=0 || die "no paths"
done
set_config $ROUTER max-embryonic=$MAX
rules $SERVER <<-END
	table inet silent {
		chain input {
			type filter hook input priority 0;
			tcp dport 7400-7499 drop
		}
	}
END
start_sockets

check "flows of each kind" fill
check "closed, half-open, TIME_WAIT, closing; in each, the one that was silent for longest" in_order
check "never an established one" refused
check "each is accounted for" exact 0
hang_up $ROUTER
check "too many half-open ones: the oldest goes" embryonic
check "a flood keeps nobody out" in_flood
check "traffic beside a flood, in a full table: exact" beside
hang_up $ROUTER
check "a namespace at its own limit takes its own" own
check "at the limit of all, anybody's" of_others
hang_up $ROUTER $OTHER
check "a guest takes a guest's, and the others do" for_guest
check "guests beyond their share take their own" share
check "what has a socket stays" with_socket
check "the log is clean" log_is_clean $NAME
finish
