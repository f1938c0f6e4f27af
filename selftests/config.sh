#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The configuration: what is set is read back and acts, in its namespace alone; what is wrong is
# refused whole, with the attribute named.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$ OTHER=other-$$ A=a-$$ B=b-$$ INIT=init-$$
FLOWS_MAX=67108864
TIMEOUT_MAX=1209600
TIMEOUTS="time-wait syn-recv syn-sent last-ack fin-wait half-closed established"
DEFAULTS="timeouts.time-wait=120 timeouts.syn-recv=65 timeouts.syn-sent=130 timeouts.last-ack=30 \
timeouts.fin-wait=120 timeouts.half-closed=3600 timeouts.established=432000 timeouts.one-sided=300 "
PARAMETER=/sys/module/tcpstate/parameters/enabled

# config NETNS [ATTRIBUTE]: all, or the value of one.
config() {
	in_ns $1 ask config-get | tr ' ' '\n' | sed -n "s/^${2:-}${2:+=}//p"
}

set_config() {
	in_ns $1 ask config-set "${@:2}"
}

# --- values ---

# reads_back NETNS ATTRIBUTE=VALUE...: all in one request.
reads_back() {
	local attribute

	set_config "$@" || return 1
	config $1 >"$TMP/config"
	for attribute in "${@:2}"; do
		grep -qx -- "$attribute" "$TMP/config" || { echo "not $attribute"; return 1; }
	done
}

# refused ERRNO NAME ATTRIBUTE [NETNS]: also between attributes that are right, and nothing is changed.
refused() {
	! set_config ${4:-$OTHER} netns-max-flows=4321 timeouts.established=77 $3 max-embryonic=432 \
		2>"$TMP/error" && grep "^$1 $2: ." "$TMP/error" &&
		in_ns ${4:-$OTHER} ask config-get | diff "$TMP/before" - && return
	cat "$TMP/error"
	return 1
}

# --- timeouts ---

# One forwarded flow for each timeout, then the links go down: nothing refreshes them.
one_of_each() {
	local port=6000 name

	for name in $TIMEOUTS; do
		port=$((port + 1))
		case $name in
		syn-*)	continue ;;
		esac
		connection $name $CLIENT $SERVER 10.0.2.2 $port 10.0.1.1 $((port - 1000))
		PORT[$name]=$port
	done
	s shutdown c.time-wait
	s wait s.time-wait close_wait
	s close s.time-wait
	drop $CLIENT fins "${PORT[last-ack]}"
	s shutdown c.last-ack
	s wait s.last-ack close_wait
	s shutdown s.last-ack
	drop $SERVER fins $((PORT[fin-wait] - 1000))
	s shutdown c.fin-wait
	s shutdown c.half-closed
	s wait s.half-closed close_wait

	s netns $SERVER
	s listen l.syn-recv 10.0.2.2 6002
	drop $CLIENT synacks 6002
	drop $SERVER syns 5003
	s netns $CLIENT
	s connect c.syn-recv 10.0.2.2 6002
	s connect c.syn-sent 10.0.2.2 6003 10.0.1.1 5003
	wait_until 5 ss_is $SERVER syn_recv 1 || return 1
	ip -n $CLIENT link set dev router down
	ip -n $SERVER link set dev router down
	all_there
}

declare -A PORT STATES_OF=(
	[time-wait]="time_wait close" [syn-recv]="syn_sent syn_recv" [syn-sent]="syn_sent close"
	[last-ack]="fin_wait2 last_ack" [fin-wait]="fin_wait1 established"
	[half-closed]="fin_wait2 close_wait" [established]="established established"
)

# pair_is TIMEOUT N: the router has so many flows in the states of this timeout.
pair_is() {
	local states

	read -ra states <<<"${STATES_OF[$1]}"
	mirror_is $ROUTER pairs forwarded,${states[0]} ${states[1]} $2
}

all_there() {
	local name

	for name in $TIMEOUTS; do
		wait_until 5 pair_is $name 1 || return 1
	done
}

# expires TIMEOUT N: alone, within 4 s, and N are left.
expires() {
	set_config $ROUTER timeouts.$1=2 || return 1
	wait_until 4 pair_is $1 0 && mirror_is $ROUTER stat flows value $2
}

# A connection whose flow has expired goes on.
still_works() {
	ip -n $CLIENT link set dev router up
	ip -n $SERVER link set dev router up
	default_route $CLIENT 10.0.1.2 fd00:1::2
	default_route $SERVER 10.0.2.1 fd00:2::1
	s send c.established 1000
	s read s.established 1000
}

# One direction alone: the timeout of its states is the longer one.
one_sided() {
	set_config $ROUTER timeouts.syn-sent=1000 timeouts.one-sided=2 || return 1
	s netns $CLIENT
	s connect c.one_sided 10.0.2.2 6666 10.0.1.1 5003
	wait_until 5 pair_is syn-sent 1 || return 1
	s close c.one_sided
	wait_until 4 pair_is syn-sent 0
}

# --- limits ---

# dial N NAME NETNS PEER ADDRESS: so many connections NAME.0 ... to the listener there.
dial() {
	s netns $3
	s connect "c.$2*$1" $5 7000
	s accept l.$4 "s.$2*$1"
	s wait "c.$2.*" established
}

stat_is() {
	mirror_is $1 stat $2 value $3
}

untracked_more_than() {
	local n

	n=$(mirror $1 stat untracked value)
	[ "$n" -gt $2 ] || { echo "$n untracked"; return 1; }
}

# Half-open ones that came when there were too many, or went for these.
too_many() {
	echo $(($(mirror $ROUTER stat untracked value) + $(mirror $ROUTER stat evicted value)))
}

too_many_more_than() {
	[ "$(too_many)" -gt $1 ] || { too_many; return 1; }
}

limited() {
	stat_is $A complete 1 && stat_is $A flows 5 && set_config $A netns-max-flows=5 || return 1
	dial 3 over $A $B 10.0.1.2
	stat_is $A flows 5 && untracked_more_than $A 2 && stat_is $A complete 0 || return 1
	s send 's.over.*' 1000
	s read 'c.over.*' 1000
	stat_is $A flows 5 && stat_is $B flows 8
}

lowered() {
	set_config $A netns-max-flows=2 && stat_is $A flows 5 || return 1
	s shutdown c.first.0
	settled mirror_is $A pairs local,fin_wait2 close_wait 1 && stat_is $A flows 5
}

raised() {
	set_config $A netns-max-flows=100 || return 1
	dial 2 later $A $B 10.0.1.2
	stat_is $A flows 7
}

globally_limited() {
	local max status=0

	max=$(config $A max-flows)
	ask config-set max-flows=1 && stat_is $A max_flows 1 || return 1
	dial 1 none $A $B 10.0.1.2
	stat_is $A flows 7 && stat_is $B flows 10 || status=1
	ask config-set max-flows=$max || return 1
	dial 1 one $A $B 10.0.1.2
	stat_is $A flows 8 && return $status
}

embryonic_limited() {
	set_config $ROUTER max-embryonic=3 || return 1
	before=$(too_many)
	s netns $CLIENT
	s connect 'u.embryo*6' 10.0.2.2 7999
	wait_until 5 too_many_more_than $((before + 2)) &&
		stat_is $ROUTER embryonic 3 && stat_is $ROUTER complete 0 || return 1
	s close 'u.embryo*'
	connection beside $CLIENT $SERVER 10.0.2.2 7100
	s send c.beside 1000
	s read s.beside 1000
	set_config $ROUTER max-embryonic=1 && stat_is $ROUTER embryonic 3
}

# --- paths ---

# flows_of N_LOCAL N_LOOPBACK N_FORWARDED: the router's.
flows_of() {
	local path

	for path in local loopback forwarded; do
		echo "count=$1 "
		shift
	done | diff - <(for path in local loopback forwarded; do
		in_ns $ROUTER ask flow-count filter.paths=$path
	done)
}

# one_more NAME: one flow of each path.
one_more() {
	dial 1 $1-forwarded $CLIENT $SERVER 10.0.2.2
	dial 1 $1-local $CLIENT $ROUTER 10.0.1.2
	dial 1 $1-loopback $ROUTER $ROUTER 10.0.1.2
}

watched() {
	one_more first
	settled flows_of 1 1 1
}

without_forwarded() {
	set_config $ROUTER paths=local,loopback && flows_of 1 1 0 || return 1
	one_more second
	s send c.first-forwarded.0 1000
	s read s.first-forwarded.0 1000
	flows_of 2 2 0
}

with_forwarded() {
	set_config $ROUTER paths=local,loopback,forwarded || return 1
	one_more third
	flows_of 3 3 1 && stat_is $ROUTER complete 0
}

without_local() {
	set_config $ROUTER paths=forwarded && flows_of 0 0 1 || return 1
	one_more fourth
	flows_of 0 0 2 && in_ns $ROUTER awk 'NR > 1 { n += $2 + $4 } END { exit n > 0 }' \
		$MIRROR/counters
}

without_any() {
	set_config $ROUTER paths=0 && flows_of 0 0 0 || return 1
	one_more fifth
	flows_of 0 0 0
}

with_all() {
	set_config $ROUTER paths=7 || return 1
	one_more sixth
	# The sockets of all are found, what is only forwarded is not.
	flows_of 6 6 1
}

# --- enabled ---

# switch 0|1 netlink|parameter: both show it.
switch() {
	local ns

	case $2 in
	netlink)	ask config-set enabled=$1 ;;
	parameter)	echo $1 >$PARAMETER ;;
	esac || return 1
	[ "$(<$PARAMETER)" = "$(tr 01 NY <<<$1)" ] || return 1
	for ns in $ROUTER $OTHER; do
		[ "$(config $ns enabled)" = $1 ] || return 1
	done
	[ $1 = 1 ] || { flows_of 0 0 0 && stat_is $ROUTER complete 0; }
}

tracks_again() {
	one_more again
	flows_of 7 7 1
}

max=$(ask config-get | tr ' ' '\n' | sed -n 's/^max-flows=//p')
add_netns $OTHER
# What concerns all namespaces is set from the initial one.
ip netns attach $INIT 1 || die "no name for the initial namespace"
NAMESPACES+=("$INIT")
check "defaults" grep -qxF "enabled=1 witness=commit max-flows=$max netns-max-flows=$max \
max-embryonic=$((max / 8)) paths=7 $DEFAULTS" <(in_ns $OTHER ask config-get)
config $OTHER >"$TMP/defaults"

values=()
for name in $TIMEOUTS one-sided; do
	values+=("timeouts.$name=$((1000 + ${#values[@]}))")
done
check "all at once" reads_back $INIT enabled=1 max-flows=12345 netns-max-flows=4444 \
	max-embryonic=333 paths=4 "${values[@]}"
check "the lowest" reads_back $INIT max-flows=1 netns-max-flows=1 max-embryonic=1 paths=0 \
	"${values[@]/%=*/=1}"
check "the highest" reads_back $INIT max-flows=$((4 * max)) netns-max-flows=$FLOWS_MAX \
	max-embryonic=$FLOWS_MAX paths=7 "${values[@]/%=*/=$TIMEOUT_MAX}"
in_ns $INIT ask config-get >"$TMP/before"
check "more than the hash table carries is refused" refused ERANGE max-flows max-flows=$FLOWS_MAX $INIT
check "the limit of all as it was" reads_back $INIT max-flows=$max $DEFAULTS
in_ns $OTHER ask config-get >"$TMP/before"
check "and not from elsewhere" refused EPERM max-flows max-flows=$max
in_ns $OTHER ask config-get >"$TMP/before"
for name in max-flows netns-max-flows max-embryonic; do
	for value in 0 $((FLOWS_MAX + 1)); do
		check "$name=$value is refused" refused ERANGE $name $name=$value
	done
done
for name in $TIMEOUTS one-sided; do
	for value in 0 $((TIMEOUT_MAX + 1)); do
		check "$name=$value is refused" refused ERANGE timeouts.$name timeouts.$name=$value
	done
done
check "enabled=2 is refused" refused ERANGE enabled enabled=2
for value in 8 4294967295 1 2 5 6; do
	check "paths=$value is refused" refused EINVAL paths paths=$value
done
check "witness is refused" refused EINVAL witness witness=commit
check "an unknown attribute is refused" refused EINVAL '#' '#99=00000000'
check "an unknown timeout is refused" refused EINVAL 'timeouts\.#' 'timeouts.#99=00000000'
check "half a number is refused" refused EINVAL max-flows '#3=0100'

route $CLIENT $ROUTER $SERVER
drop_table $CLIENT
drop_table $SERVER
start_sockets
check "a namespace that comes has the defaults" diff "$TMP/defaults" <(config $ROUTER)
check "a flow for each timeout" one_of_each
left=7
for name in $TIMEOUTS; do
	left=$((left - 1))
	check "timeout $name acts on its state alone, at once" expires $name $left
done
check "the connection goes on" still_works
check "timeout one-sided is for one direction alone" one_sided
s set '[cs].*' linger 0
s close '*'
set_config $ROUTER "${values[@]}"

pair $A $B
s netns $B
s listen l.$B 10.0.1.2 7000
dial 5 first $A $B 10.0.1.2
check "netns-max-flows limits, and traffic goes on" limited
check "lowered, it drops nothing" lowered
check "raised, it lets flows in" raised
check "max-flows limits all namespaces" globally_limited
rules $SERVER <<-END
	table inet silent {
		chain input {
			type filter hook input priority 0;
			tcp dport 7999 drop
		}
	}
END
check "max-embryonic limits, and traffic goes on" embryonic_limited
s set '[cs].*' linger 0
s close '*'

in_ns $ROUTER ask flow-flush >/dev/null
set_config $ROUTER max-embryonic=1000
for ns in $SERVER:10.0.2.2 $ROUTER:10.0.1.2; do
	s netns ${ns%:*}
	s listen l.${ns%:*} ${ns#*:} 7000
done
check "all paths" watched
check "without forwarded" without_forwarded
check "with forwarded again" with_forwarded
check "without local and loopback" without_local
check "without any" without_any
check "with all" with_all
check "disabled by netlink" switch 0 netlink
check "enabled by the parameter" switch 1 parameter
check "disabled by the parameter" switch 0 parameter
check "enabled by netlink" switch 1 netlink
check "it watches again" tracks_again
check "nothing of it leaks to others" diff "$TMP/defaults" <(config $SERVER)
finish
