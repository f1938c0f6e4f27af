#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods of forged segments against a host, and through it as a router, as fast as the machine takes
# them: SYNs (with SYN cookies off, on and always), RSTs, ACKs, SYN-ACKs and backscatter; then the own
# root of a namespace fills what it may. Meanwhile the flows of connections that exist stay as they
# are, the caps hold, and as many new connections are answered as without the module's hooks; afterwards
# the table is what it was, and every sum holds. The rates are printed.
#
# With SCALE=long each lasts a minute, with a table of 65,536 flows.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$ GUEST=guest-$$
SLABS=$(echo /sys/kernel/slab/tcpstate_{flow,forward})
NOBODY=65534
PROCESSORS=$(nproc)
DRAINED=90		# seconds for the table to be what it was
FLOODS="syn-0 syn-1 syn-2 rst ack synack backscatter"	# SYNs with net.ipv4.tcp_syncookies

# What silence ends after more than a minute by itself would not be gone in 90 s: the timeouts are
# shorter here. At the default scale the floods outlive them, and flows come and go in the midst.
case ${SCALE:-} in
long)	LIMIT=65536 DIALLING=57 PATIENCE=3000 SILENT=60 ;;
*)	LIMIT=4096 DIALLING=2 PATIENCE=1500 SILENT=3 ;;
esac
HALF_OPEN=$((LIMIT / 8))	# forwarded ones, of a namespace
SHARE=$((LIMIT / 2))		# of all namespaces of other user namespaces

# Connections of each kind that exist, at each address: all to port 7001, the client's ports go from
# 20000 on to the router, from 20100 on to the server.
PARKED=12
HALF_CLOSED=4
PORTS=$((PARKED + HALF_CLOSED))
ADDRESSES="10.0.1.2 fd00:1::2 10.0.2.2 fd00:2::2"

# Where the floods go: the router's own listener; a server behind it, who answers; a network behind it
# where nobody does. And connections that exist.
ATTACKED=(
	{10.0.1.2,fd00:1::2,10.0.2.2,fd00:2::2}/7000 10.9.0.1/80 fd00:9::1/80
	10.0.1.2/7001/10.0.1.1/20000/$((20000 + PORTS - 1))
	fd00:1::2/7001/fd00:1::1/20000/$((20000 + PORTS - 1))
	10.0.2.2/7001/10.0.1.1/20100/$((20100 + PORTS - 1))
	fd00:2::2/7001/fd00:1::1/20100/$((20100 + PORTS - 1))
)

# attackers NETNS: a tun device for each processor, where all unknown addresses are, and the network
# where nobody answers.
attackers() {
	local i

	for ((i = 0; i < PROCESSORS; i++)); do
		echo "tuntap add dev flood$i mode tun"
		echo "link set flood$i up"
	done | ip -n $1 -batch - || die "no tun device"
	ip -n $1 -batch - <<-END || die "no dummy device"
		link add silent type dummy
		link set silent up
		route add default dev flood0
		route add ::/0 dev flood0
		route add 10.9.0.0/16 dev silent
		route add fd00:9::/64 dev silent
	END
}

set_config() {
	in_ns $1 ask config-set "${@:2}"
}

# --- new connections ---

# server_of ADDRESS
server_of() {
	case $1 in
	*.1.2 | *:1::2)	echo $ROUTER ;;
	*)		echo $SERVER ;;
	esac
}

# dial_all: at each address, for DIALLING seconds; what came of it is in $TMP/dial.ADDRESS.
dial_all() (
	for address in $ADDRESSES; do
		dial -c $CLIENT -s "$(server_of $address)" -t $DIALLING -w $PATIENCE $address 7000 \
			>"$TMP/dial.$address" &
	done
	wait
)

# answered local|forwarded: sets ANSWERED to how many were, DIALLED to how many were dialled.
answered() {
	local addresses=(10.0.1.2 fd00:1::2)

	[ $1 = local ] || addresses=(10.0.2.2 fd00:2::2)
	read -r DIALLED ANSWERED < <(cat "${addresses[@]/#/$TMP/dial.}" |
		awk '{ n += $2; m += $4 } END { print n, m }')
}

# The share of those answered is not less than in the control. Each connection is taken for a throw: with
# the same chance p in both, the shares of m and n throws differ by sqrt(p(1 - p)(1/m + 1/n)) as a
# rule, by three times that once in 700. Where all are answered that is nothing, so that two in a
# hundred are granted to the machine.
as_many() {
	local dialled answered

	answered $2
	read -r dialled answered <<<"${CONTROL[$1.$2]}"
	FIGURE="$ANSWERED of $DIALLED; control $answered of $dialled"
	echo "$FIGURE"
	awk -v n=$DIALLED -v k=$ANSWERED -v m=$dialled -v l=$answered 'BEGIN {
		p = (k + l) / (n + m)
		exit !(n && m && k / n >= l / m - 3 * sqrt(p * (1 - p) * (1 / n + 1 / m)) - 0.02)
	}'
}

# --- the flood ---

declare -A CONTROL

# flood_with NAME COMMAND...: floods, and runs the command again and again while new connections are
# dialled. Sets RATE to the flood's own words.
flood_with() {
	local dials flood cookies=1 failed=0

	case $1 in
	syn-*)	cookies=${1#syn-} ;;
	esac
	in_ns $ROUTER sysctl -qw net.ipv4.tcp_syncookies=$cookies
	in_ns $SERVER sysctl -qw net.ipv4.tcp_syncookies=$cookies
	dial_all &
	dials=$!
	background $ROUTER flood ${1%-*} flood "${ATTACKED[@]}" >"$TMP/rate"
	flood=$CHILD
	while "${@:2}" || failed=1; kill -0 $dials 2>/dev/null; do
		sleep 0.2
	done
	wait $dials || failed=1
	end $flood || failed=1
	RATE=$(sed 's/^flood: //' "$TMP/rate")
	return $failed
}

control() {
	local path

	flood_with $1 true || return 1
	for path in local forwarded; do
		answered $path
		CONTROL[$1.$path]="$DIALLED $ANSWERED"
	done
	FIGURE=$RATE
}

# --- what stays ---

# park NAME ADDRESS FROM PORT
park() {
	s netns "$(server_of $2)"
	s listen l.$1 $2 7001
	s netns $CLIENT
	s connect "c.$1*$PARKED" $2 7001 $3 $4
	s connect "h.$1*$HALF_CLOSED" $2 7001 $3 $(($4 + PARKED))
	s accept l.$1 "s.$1*$PORTS"
	s wait "[ch].$1.*" established
	s shutdown "h.$1.*"
	s wait "h.$1.*" fin_wait2
}

# The router's flows of these, each with its id and states.
parked() {
	in_ns $ROUTER sh -c 'for end in s d; do
		ask -d flow-get filter.${end}port-min=7001 filter.${end}port-max=7001
	done' | awk '/ (src|dst)\.ipv[46]=(10\.0\.1\.1|fd00:1::1) / {
		line = $1
		for (i = 2; i <= NF; i++)
			if ($i ~ /\.(ipv4|ipv6|port|state)=/)
				line = line " " $i
		print line
	}' | sort -u
}

parked_stay() {
	local states

	parked >"$TMP/now"
	diff "$TMP/parked" "$TMP/now" || return 1
	states=$(in_ns $CLIENT ss -tanH dport = :7001 | awk '{ n[$1]++ }
		END { print n["ESTAB"], n["FIN-WAIT-2"], NR }')
	[ "$states" = "$((4 * PARKED)) $((4 * HALF_CLOSED)) $((4 * PORTS))" ] && return
	echo "ss: $states"
	return 1
}

# --- limits ---

# peak NAME VALUE
declare -A PEAK
peak() {
	[ "${PEAK[$1]:-0}" -ge $2 ] || PEAK[$1]=$2
}

# The numbers of the namespace of this process, and the objects that the cache has memory for.
watch_limits() {
	local name value

	while read -r name value; do
		case $name in
		flows | embryonic)	peak $name $value ;;
		esac
	done </proc/$1/net/tcpstate/stat
	peak objects "$(of_slabs objects)"
	peak memory "$(of_slabs 'objects * size')"
}

# of_slabs EXPRESSION: its sum over the caches of flows
of_slabs() {
	local slab value=0 objects size each

	for slab in $SLABS; do
		read -r objects _ <$slab/total_objects
		size=$(<$slab/slab_size) each=$(<$slab/objs_per_slab)
		value=$((value + $1))
	done
	echo $value
}

# Flows that wait for their grace period, and what each processor keeps apart, are a twentieth and a
# few slabs.
within_limits() {
	local room=$((LIMIT + LIMIT / 20 + 4 * PROCESSORS * $(of_slabs each)))

	FIGURE="half-open ${PEAK[embryonic]} of $HALF_OPEN, memory for ${PEAK[objects]} flows of"
	FIGURE+=" $LIMIT, $((PEAK[memory] / 1024)) KiB"
	echo "$FIGURE"
	# Each processor may have asked before another one took the last place.
	[ ${PEAK[embryonic]} -lt $((HALF_OPEN + PROCESSORS)) ] && [ ${PEAK[objects]} -le $room ]
}

reached() {
	[ ${PEAK[embryonic]} -ge $((HALF_OPEN * 9 / 10)) ]
}

# --- the numbers ---

gauges() {
	local ns

	for ns in $CLIENT $ROUTER $SERVER; do
		in_ns $ns awk -v ns=${ns%-*} 'FILENAME ~ /counters$/ { print ns, $1, $2, $3, $4, $5, $6 }
			$1 ~ /^(flows|embryonic)$/ { print ns, $0 }' $MIRROR/counters $MIRROR/stat
	done
}

as_before() {
	gauges | diff "$TMP/gauges" -
}

drains() {
	local began

	now_ms
	began=$NOW
	wait_until $DRAINED as_before || return 1
	now_ms
	FIGURE="in $(((NOW - began + 500) / 1000)) s"
}

summed() {
	local ns

	for ns in $CLIENT $ROUTER $SERVER; do
		sums $ns 0 partial || return 1
	done
}

# entered COLUMN: how many of the router's ends became established.
entered() {
	mirror $ROUTER counters established entered_$1
}

# established COLUMN PATH BEFORE: as many as were answered, or were given up too late.
established() {
	local n

	n=$(($(entered $1) - $3))
	answered $2
	FIGURE="$n; $ANSWERED of $DIALLED answered"
	echo "$FIGURE"
	[ $n -ge $ANSWERED ] && [ $n -le $DIALLED ]
}

# The limits last: the flood has begun then.
look() {
	local failed=0

	parked_stay || failed=1
	watch_limits $WATCHED
	return $failed
}

flooded() {
	flood_with $1 look || return 1
	FIGURE=$RATE
}

remember() {
	parked >"$TMP/parked"
	gauges >"$TMP/gauges"
}

# attack NAME
attack() {
	local path before

	PEAK=([embryonic]=0 [objects]=0 [memory]=0)
	before=$(entered local)
	check "$1: connections that exist stay as they are" flooded $1
	for path in local forwarded; do
		check "$1: as many $path ones are answered as in the control" as_many $1 $path
	done
	check "$1: no other local end is established" established local local $before
	check "$1: within the limits" within_limits
	case $1 in
	syn-* | ack)	check "$1: the limit was reached" reached ;;
	esac
	# What was lost is told of once.
	check "$1: the table is what it was" drains || remember
	check "$1: the sums hold" summed
}

# --- a namespace's own root ---

# as_guest COMMAND...
as_guest() {
	in_ns $GUEST nsenter --user --target=$OWNER "$TMP/$1" "${@:2}"
}

own_namespace() {
	chmod 711 "$TMP"
	cp "$(command -v ask)" "$(command -v flood)" "$TMP"
	mkfifo "$TMP/ready"
	setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups unshare --user --map-root-user \
		unshare --net sh -c 'echo; exec sleep 1000' >"$TMP/ready" &
	OWNER=$!
	CHILDREN[$OWNER]=1
	read -r <"$TMP/ready" || die "no user namespace"
	ip netns attach $GUEST $OWNER || die "no name for a namespace"
	NAMESPACES+=("$GUEST")
	in_ns $GUEST sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	attackers $GUEST
}

# All that it may ask for, it asks for.
fills() {
	as_guest ask config-set netns-max-flows=67108864 max-embryonic=67108864 \
		timeouts.syn-sent=1000000 timeouts.one-sided=1000000 || return 1
	background $GUEST nsenter --user --target=$OWNER "$TMP/flood" syn flood 10.9.0.1/80 fd00:9::1/80 \
		>"$TMP/rate"
	FILLING=$CHILD
	wait_until 60 is_full
}

is_full() {
	FLOWS=$(mirror $GUEST stat flows value)
	[ $FLOWS -ge $((SHARE * 99 / 100)) ] && mirror_is $GUEST stat complete value 0
}

stays_full() {
	end $FILLING && is_full || return 1
	FIGURE="$(sed 's/^flood: //' "$TMP/rate"); $FLOWS flows of $SHARE"
	[ $FLOWS -le $SHARE ]
}

others_go_on() {
	local untracked evicted

	untracked=$(mirror $ROUTER stat untracked value)
	evicted=$(mirror $ROUTER stat evicted value)
	dial_all
	watch_limits $WATCHED
	mirror_is $ROUTER stat untracked value $untracked &&
		mirror_is $ROUTER stat evicted value $evicted
}

all_answered() {
	answered $1
	FIGURE="$ANSWERED of $DIALLED"
	[ $DIALLED -gt 0 ] && [ $ANSWERED = $DIALLED ]
}

# As many as it had, or less: what the kernel keeps of the slabs is no matter.
no_more_objects() {
	[ "$(flow_objects)" -le $1 ]
}

gone() {
	ip netns del $GUEST
	end $OWNER 2>/dev/null
	wait_until 20 no_more_objects $1
}

# --- the connections go on ---

carry_data() {
	s send 's.*' 1000
	s read '[ch].*' 1000
	s send 'c.*' 1000
}

modprobe -a tun dummy || die "no tun or dummy device"
route $CLIENT $ROUTER $SERVER
attackers $ROUTER
for ns in $ROUTER $SERVER; do
	# What is half-open in a listener goes within three seconds.
	in_ns $ns sysctl -qw net.ipv4.tcp_synack_retries=1
done
max=$(ask config-get | tr ' ' '\n' | sed -n 's/^max-flows=//p')
mark_log flood

check "hooks off" ask config-set enabled=0
for name in $FLOODS; do
	check "$name: control" control $name
done
check "hooks on" ask config-set enabled=1 max-flows=$LIMIT
for ns in $CLIENT $ROUTER $SERVER; do
	set_config $ns timeouts.{syn-sent,syn-recv,one-sided,fin-wait}=$SILENT || die "no timeouts"
done

start_sockets
park router4 10.0.1.2 10.0.1.1 20000
park router6 fd00:1::2 fd00:1::1 20000
park server4 10.0.2.2 10.0.1.1 20100
park server6 fd00:2::2 fd00:1::1 20100
background $ROUTER sleep 100000
WATCHED=$CHILD
remember
check "$((4 * PORTS)) connections" test "$(wc -l <"$TMP/parked")" = $((4 * PORTS))
check "as in ss" parked_stay
check "and the mirror equals ss" mirrors $CLIENT $ROUTER $SERVER

for name in $FLOODS; do
	attack $name
done
for ns in $CLIENT $SERVER; do
	for name in untracked evicted; do
		check "the ${ns%-*} has none that is $name" mirror_is $ns stat $name value 0
	done
done

objects=$(flow_objects)
mode=$(stat -c %a /dev/net/tun)
chmod 666 /dev/net/tun
own_namespace
local=$(entered local) forwarded=$(entered forwarded_initiator)
check "a namespace's own root fills half of the table" fills
check "the others go on, and lose nothing" others_go_on
for path in local forwarded; do
	check "all $path ones are answered" all_answered $path
done
check "each is tracked: local" established local local $local
check "each is tracked: forwarded" established forwarded_initiator forwarded $forwarded
check "within the limits" within_limits
check "and it has no more than half" stays_full
chmod $mode /dev/net/tun
check "nothing of it stays" gone $objects

check "the connections go on" carry_data
s close '*'
check "they close" wait_until 20 ss_is $ROUTER established 0
for ns in $CLIENT $ROUTER $SERVER; do
	check "the ${ns%-*} equals ss" mirrors $ns
	check "the ${ns%-*} is verified" tcpstate -N $ns verify
done
check "the sums hold" summed
check "the log is clean" log_is_clean flood
check "the limit is what it was" ask config-set max-flows=$max
finish
