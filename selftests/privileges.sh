#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who may do what: every operation, file and parameter, for callers of each kind, and that what is
# allowed touches the caller's namespace alone. Prints the whole as a table at the end.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The names of the three network namespaces: the initial one, a child of it, and one that belongs to
# a user namespace.
FIRST=first-$$ CHILD=child-$$ OWN=own-$$
NOBODY=65534
PARAMETERS=/sys/module/tcpstate/parameters
MODPROBE=/proc/sys/kernel/modprobe

CALLERS="nobody dropped borrowed guest owner child root"
declare -A CELL WHO=(
	[nobody]="without privileges, in the initial namespace"
	[dropped]="the same, with a socket that root has opened"
	[borrowed]="root, with a socket that nobody has opened"
	[guest]="root of a user namespace, in a network namespace of its parent"
	[owner]="root of a user namespace, in its own network namespace"
	[child]="root, in a child network namespace"
	[root]="root, in the initial namespace"
)
declare -A HOME_OF=(
	[nobody]=$FIRST [dropped]=$FIRST [borrowed]=$FIRST [guest]=$CHILD [owner]=$OWN
	[child]=$CHILD [root]=$FIRST
)

# as CALLER COMMAND...
as() {
	local ns=${HOME_OF[$1]}

	case $1 in
	nobody)	in_ns $ns setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups "${@:2}" ;;
	guest | owner)	in_ns $ns nsenter --user --target=$OWNER "${@:2}" ;;
	*)	in_ns $ns "${@:2}" ;;
	esac
}

# request CALLER ARGUMENT...: asks the family.
request() {
	case $1 in
	dropped)	as $1 "$TMP/ask" -u $NOBODY "${@:2}" ;;
	borrowed)	as $1 "$TMP/ask" -o $NOBODY "${@:2}" ;;
	*)		as $1 "$TMP/ask" "${@:2}" ;;
	esac
}

# is_documented CALLER OPERATION
is_documented() {
	case $2 in
	counters-get | config-get | "read counters" | "read pairs" | "read transitions" | "read stat")
		expected=ok
		return
		;;
	esac
	case $1,$2 in
	child,"config-set enabled" | child,"config-set max-flows")	expected=EPERM ;;
	root,* | child,* | owner,"read debug")		expected=ok ;;
	*,read\ * | *,write\ *)				expected=EACCES ;;
	owner,*" enabled" | owner,*" max-flows")	expected=EPERM ;;
	owner,*)					expected=ok ;;
	*)						expected=EPERM ;;
	esac
}

# cell CALLER OPERATION COMMAND...: the outcome is ok or the error's name.
cell() {
	local caller=$1 operation=$2 said outcome expected

	if said=$("${@:3}" 2>&1 >/dev/null); then
		outcome=ok
	elif [[ $said == *"Permission denied" ]]; then
		outcome=EACCES
	else
		outcome=${said%%[ :]*}
	fi
	is_documented $caller "$operation"
	CELL[$caller,$operation]=$outcome
	[ -n "${ROW[$operation]:-}" ] || ROWS+=("$operation")
	ROW[$operation]=1
	check "$caller: $operation: $expected" [ "$outcome" = $expected ]
}

flows() {
	local ns

	for ns in $FIRST $CHILD $OWN; do
		echo "$ns $(in_ns $ns ask -d flow-get | grep -c .)"
	done
}

# removed CALLER OPERATION N: flows have gone if it was allowed, of the caller's namespace alone.
removed() {
	local n=0

	[ "${CELL[$1,$2]}" != ok ] || n=$3
	diff <(awk -v ns=${HOME_OF[$1]} -v n=$n '{ print $1, $2 - ($1 == ns) * n }' "$TMP/before") \
		<(flows)
}

# row CALLER: everything, with the same two connections in each namespace.
row() {
	local caller=$1 ns key max file name

	port=$((port + 2))
	for ns in $FIRST $CHILD $OWN; do
		for name in $port $((port + 1)); do
			connection $name.$ns $ns $ns 127.0.0.1 $name 127.0.0.1 $((name + 1000))
		done
	done
	ns=${HOME_OF[$caller]}
	key="src.ipv4=127.0.0.1 src.port=$((port + 1000)) dst.ipv4=127.0.0.1 dst.port=$port"
	max=$(ask config-get | tr ' ' '\n' | sed -n 's/^max-flows=//p')

	for name in counters-get config-get; do
		cell $caller $name request $caller $name
	done
	cell $caller "flow-get" request $caller flow-get $key
	cell $caller "flow-get dump" request $caller -d flow-get
	cell $caller flow-count request $caller flow-count
	for name in enabled=1 max-flows=$max netns-max-flows=$max max-embryonic=$max paths=7 \
		timeouts.{time-wait,syn-recv,syn-sent,last-ack,fin-wait,half-closed,established,one-sided}=1000; do
		cell $caller "config-set ${name%=*}" request $caller config-set $name
	done
	flows >"$TMP/before"
	cell $caller flow-del request $caller flow-del $key
	check "$caller: flow-del removes that flow at most" removed $caller flow-del 1
	flows >"$TMP/before"
	cell $caller flow-flush request $caller flow-flush
	# What has a socket is found again, the one that was deleted too.
	check "$caller: flow-flush leaves the flows of others" removed $caller flow-flush -1
	case $caller in
	dropped | borrowed)	return ;;
	esac
	for file in "$MIRROR"/*; do
		cell $caller "read ${file##*/}" as $caller cat $file
	done
	for file in "$PARAMETERS"/*; do
		cell $caller "read parameter ${file##*/}" as $caller cat $file
	done
	cell $caller "write parameter enabled" as $caller sh -c "echo 1 >$PARAMETERS/enabled"
}

modes_are() {
	diff <(cd "$1" && stat -c '%n %a' -- *) <(printf '%s\n' "${@:2}")
}

# What the owner of a namespace may set goes with what it may not: nothing is changed.
all_or_nothing() {
	in_ns $OWN ask config-get >"$TMP/before"
	! request owner config-set netns-max-flows=7 timeouts.established=7 $1 2>"$TMP/error" &&
		grep "^EPERM ${1%=*}: ." "$TMP/error" && in_ns $OWN ask config-get | diff "$TMP/before" -
}

table() {
	local caller row

	echo "#"
	for caller in $CALLERS; do
		echo "#   $caller: ${WHO[$caller]}"
	done
	{
		printf '%-32s' operation
		printf '%-10s' $CALLERS
		echo
		for row in "${ROWS[@]}"; do
			printf '%-32s' "$row"
			for caller in $CALLERS; do
				printf '%-10s' "${CELL[$caller,$row]:--}"
			done
			echo
		done
	} | sed 's/ *$//; s/^/#   /'
	echo "#"
}

# The kernel asks for a module by the family's name; no alias answers.
no_autoload() {
	local alias status=0

	printf '#!/bin/sh\necho "$@" >>%s/requests\n' "$TMP" >"$TMP/modprobe"
	chmod +x "$TMP/modprobe"
	before=$(<$MODPROBE)
	echo "$TMP/modprobe" >$MODPROBE
	ask config-get || status=$?
	echo "$before" >$MODPROBE
	[ $status = 3 ] && [ ! -d /sys/module/tcpstate ] || return 1
	grep -o 'net-pf-16-proto-16-family-tcpstate$' "$TMP/requests" || return 1
	while read -r alias; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ net-pf-16-proto-16-family-tcpstate != $alias ]] || return 1
	done < <(modinfo -F alias "$ko")
}

ko=$(module_file) || die "no module to load"
mapfile -t arguments < <(module_arguments)
chmod 711 "$TMP"
cp "$(command -v ask)" "$TMP/ask"

# The user namespace has its root before it has a network namespace, which so belongs to that root.
mkfifo "$TMP/ready"
setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups \
	unshare --user --map-root-user unshare --net sh -c 'echo; exec sleep 1000' >"$TMP/ready" &
OWNER=$!
CHILDREN[$OWNER]=1
read -r <"$TMP/ready" || die "no user namespace"
add_netns $CHILD
for ns in $FIRST:$$ $OWN:$OWNER; do
	ip netns attach ${ns%:*} ${ns#*:} || die "no name for a namespace"
	NAMESPACES+=("${ns%:*}")
done
in_ns $OWN ip link set lo up
start_sockets

declare -A ROW
ROWS=() port=6000
for caller in $CALLERS; do
	row $caller
done
check "modes of the files" modes_are $MIRROR "counters 444" "debug 440" "pairs 444" "stat 444" \
	"transitions 444"
check "modes of the parameters" modes_are $PARAMETERS "enabled 600" "max_flows 400" "witness 400"
for attribute in enabled=0 max-flows=7; do
	check "owner: config-set with ${attribute%=*} changes nothing" all_or_nothing $attribute
done
table

stop_sockets
rmmod tcpstate || die "the module does not go"
check "asking for the family loads nothing" no_autoload
check "the module is back" insmod "$ko" "${arguments[@]}"
finish
