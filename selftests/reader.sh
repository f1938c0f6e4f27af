#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The reader, against tables made here and words that it must refuse: it needs no module, and does
# not mind one. As root it also makes a network namespace. TCPSTATE names the program, if it is not
# in PATH. What it does with a module is filter.sh's.
#
# shellcheck disable=SC2016 # the dollars in single quotes belong to sed
# shellcheck disable=SC2094 # a pipe is opened twice with intent
set -u

tcpstate=$(command -v "${TCPSTATE:-tcpstate}") || { echo "Bail out! no tcpstate"; exit 1; }
states='established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close close_wait last_ack listen closing'
dir=$(mktemp -d)
good=$dir/good
name=reader-$$
number=0
failed=0
trap 'ip netns del "$name" 2>/dev/null; rm -rf "$dir"' EXIT

ok() # RESULT NAME
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
		return
	fi
	echo "not ok $number - $2"
	cat "$dir/err" "$dir/out" | sed 's/^/# /' | cut -c 1-160 | head -n 8
	failed=$((failed + 1))
}

# Runs the reader; its output, messages and status are kept.
run()
{
	"$tcpstate" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

# It ended with that status, said one line that has TEXT, and printed nothing.
refuses() # NAME STATUS TEXT ARGUMENT...
{
	local what=$1 want=$2 text=$3
	shift 3
	run "$@"
	[ "$status" -eq "$want" ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qF -- "$text" "$dir/err"
	ok $? "$what"
}

# A copy of the good tables with one file put through sed.
damage() # FILE SED-SCRIPT
{
	rm -rf "$dir/bad"
	cp -r "$good" "$dir/bad"
	sed "$2" "$good/$1" >"$dir/bad/$1"
}

make_good()
{
	mkdir "$good"
	awk -v states="$states" -v dir="$good" 'BEGIN {
		n = split(states, state)
		file = dir "/counters"
		print "state local local_initiator remote forwarded_initiator forwarded_responder" \
		      " entered_local entered_remote entered_forwarded_initiator" \
		      " entered_forwarded_responder" >file
		for (i = 1; i <= n; i++) {
			printf "%s", state[i] >file
			for (j = 1; j <= 9; j++)
				printf " %d", i * j * 1000 >file
			print "" >file
		}
		file = dir "/pairs"
		print "path state " states >file
		split("local loopback forwarded", path)
		for (p = 1; p <= 3; p++)
			for (i = 1; i <= n; i++) {
				printf "%s %s", path[p], state[i] >file
				for (j = 1; j <= n; j++)
					printf " %d", p * i * j >file
				print "" >file
			}
		file = dir "/transitions"
		print "from to local remote forwarded_initiator forwarded_responder" >file
		for (i = 1; i <= n; i++)
			for (j = 1; j <= n; j++)
				print state[i], state[j], i * j, i + j, i, j >file
	}'
	printf 'name value\nflows 7\nmax_flows 18446744073709551615\ncomplete 1\n' >"$good/stat"
}

# The JSON that belongs to a table, made from its text.
expected() # DIR FILE MEMBER KEYS
{
	awk -v member="$3" -v keys="$4" '
	function value(i) { return i <= keys ? "\"" $i "\"" : $i }
	NR == 1 { columns = split($0, column); next }
	member == "stat" { list = list (NR > 2 ? "," : "") "\"" $1 "\":" $2; next }
	{
		list = list (NR > 2 ? ",{" : "{")
		for (i = 1; i <= columns; i++)
			list = list (i > 1 ? "," : "") "\"" column[i] "\":" value(i)
		list = list "}"
	}
	END {
		printf "{\"version\":1,\"netns\":{\"inode\":null,\"nsid\":null,\"name\":null},"
		printf "\"complete\":true,\"%s\":", member
		print (member == "stat" ? "{" list "}" : "[" list "]") "}"
	}' "$1/$2"
}

make_good

# What is printed
while read -r file member keys; do
	run --proc "$good" "$file"
	[ "$status" -eq 0 ] && [ ! -s "$dir/err" ] &&
		tr -s ' ' <"$dir/out" | sed 's/^ //' | cmp -s - "$good/$file"
	ok $? "$file prints its table"

	awk 'NR > 1 && length($0) != last { bad = 1 } { last = length($0) } / $/ { bad = 1 }
	     END { exit bad || !NR }' "$dir/out"
	ok $? "$file is aligned"

	run --proc "$good" -H "$file"
	[ "$status" -eq 0 ] &&
		tr -s ' ' <"$dir/out" | cmp -s - <(tail -n +2 "$good/$file")
	ok $? "$file -H prints no header"

	run --proc "$good" -j "$file"
	[ "$status" -eq 0 ] && [ ! -s "$dir/err" ] &&
		cmp -s "$dir/out" <(expected "$good" "$file" "$member" "$keys")
	ok $? "$file -j prints the JSON"
done <<-EOF
	counters states 1
	pairs pairs 2
	transitions transitions 2
	stat stat 1
EOF

run --proc "$good"
cmp -s "$dir/out" <("$tcpstate" --proc "$good" counters)
ok $? "counters is the default"

run counters --proc "$good" -H
[ "$status" -eq 0 ] && [ "$(wc -l <"$dir/out")" -eq 11 ]
ok $? "options may follow the command"

damage stat 's/complete 1/complete 0/'
run --proc "$dir/bad"
[ "$status" -eq 0 ] && [ "$(wc -l <"$dir/out")" -eq 12 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
	grep -q 'not complete' "$dir/err"
ok $? "a table that is not complete says so in one line"
run --proc "$dir/bad" -j
[ "$status" -eq 0 ] && grep -q '"complete":false,' "$dir/out"
ok $? "complete is false in JSON"

damage counters '1s/$/ later/; 2,$s/$/ 5/; $a new_row 1 2 3 4 5 6 7 8 9 word'
run --proc "$dir/bad"
[ "$status" -eq 0 ] && tr -s ' ' <"$dir/out" | cmp -s - "$dir/bad/counters"
ok $? "later columns and rows are printed"
run --proc "$dir/bad" -j
[ "$status" -eq 0 ] && grep -q '"later":5}.*{"state":"new_row",.*"later":"word"}\]}$' "$dir/out"
ok $? "later columns and rows are in the JSON"

damage counters '2s/1000/18446744073709551615/'
run --proc "$dir/bad" -j
grep -q '"local":18446744073709551615,' "$dir/out"
ok $? "numbers have 64 bits"

# What is refused
refuses "unknown command" 2 "no command 'nonsense'" nonsense
refuses "two commands" 2 "'stat' is too much" counters stat
refuses "unknown option" 2 "'x'" -x
refuses "-N and --proc" 2 "excludes" -N 1 --proc "$good"
refuses "empty name" 2 "empty" -N ''
refuses "no such copy" 3 "No such file" --proc "$dir/none"
refuses "no such name" 3 "no network namespace 'none-$$'" -N "none-$$"
refuses "no such process" 3 "no network namespace '999999999'" -N 999999999
refuses "no such path" 3 "there is no $dir/none" -N "$dir/none"
refuses "not a namespace" 3 "is no network namespace" -N "$good/stat"
refuses "another kind of namespace" 3 "is no network namespace" -N /proc/self/ns/uts

refuses "a copy has no sockets" 2 "which has no 'verify'" --proc "$good" verify
refuses "verify with a word" 2 "'all' is too much" verify all
refuses "rounds of another command" 2 "'stat' has no --watch" stat --watch
for seconds in x 0 -1 0.09 nan 86401 1s ''; do
	refuses "rounds every '$seconds' s" 2 "--watch takes 0.1 to 86400 seconds, not '$seconds'" \
		verify "--watch=$seconds"
done
refuses "a copy has no flows" 2 "which has no 'flows'" --proc "$good" flows
refuses "families of a table" 2 "-4 or -6" -4 stat
refuses "delete without a filter" 2 "delete needs a filter" delete
refuses "delete of a family alone" 2 "delete needs a filter" -4 delete
refuses "flush with a word" 2 "'all' is too much" flush all

# The filter language: what is wrong, and where
nots=$(printf 'not %.0s' $(seq 65))
many=$(printf 'state all %.0s' $(seq 129))
while IFS='|' read -r words character text; do
	refuses "filter: $text" 2 "filter: $text, at character $character" count "$words"
done <<-EOF
	state|6|a state is missing
	state bogus|7|no state 'bogus'
	state Fin_Wait_3|7|no state 'Fin_Wait_3'
	path remote|6|no path 'remote'
	role server|6|no role 'server'
	provenance|11|a provenance is missing
	colour red|1|'colour' begins no condition
	state all and|14|a condition is missing
	or state all|1|'or' begins no condition
	( state all|12|a ')' is missing
	state all )|11|')' is too much
	()|2|')' begins no condition
	sport|6|a port is missing
	dport = :http|9|no port number ':http'
	dport = 65536|9|no port number '65536'
	dport = -1|9|no port number '-1'
	dport ~ 80|7|no port number '~'
	sport >|8|a port is missing
	src|4|an address is missing
	src 10.0.0.256|5|no address '10.0.0.256'
	src 10.0.0.0/33|5|no address '10.0.0.0/33'
	src 10.0.0.1:99999|5|no port number '99999'
	dst fd00::/129|5|no address 'fd00::/129'
	dst fd00::/8:80|5|no address 'fd00::/8:80': IPv6 with a port needs brackets
	dst [::1|5|no address '[::1'
	dst []:80|5|no address '[]:80'
	dst [fe80::1%eth0]:80|5|no address '[fe80::1%eth0]:80': it takes no interface
	dst > 10.0.0.1|5|addresses have no '>'
	state é|7|a byte 0xc3
	state $(printf 'x%.0s' {1..80})|7|a word is too long
	${nots}state all|257|too deep: over 64 parentheses and nots
	${many% }|1290|too long: over 256 conditions
EOF

# Settings
while IFS='|' read -r setting text; do
	refuses "config $setting" 2 "$text" config "$setting"
done <<-EOF
	enabled|'enabled' is no NAME=VALUE
	speed=1|nothing to configure is called 'speed'
	enabled=2|enabled takes 0 or 1, not '2'
	max_flows=many|max_flows takes a number, not 'many'
	max_flows=4294967296|max_flows takes a number
	witness=off|witness is chosen when the module is loaded
	paths=loopback|paths takes none, or local, forwarded or both
	paths=local,|paths takes none
	paths=|paths takes none
	timeout_established=5w|timeout_established takes seconds
	timeout_established=d|timeout_established takes seconds
	timeout_established=50000d|timeout_established takes seconds
EOF
refuses "a setting twice" 2 "enabled is there twice" config enabled=1 enabled=0

damage counters '$d'
refuses "a row missing" 3 "has no row 'closing'" --proc "$dir/bad"
damage pairs 's/ [^ ]*$//'
refuses "a column missing" 3 "too old: it has no column 'closing'" --proc "$dir/bad" pairs
damage transitions '1s/local remote/remote local/'
refuses "columns in another order" 3 "'remote' where 'local' belongs" --proc "$dir/bad" transitions
damage transitions '3s/syn_sent/syn_recv/'
refuses "rows in another order" 3 "line 3 has 'syn_recv'" --proc "$dir/bad" transitions
damage counters '4s/ 3000 / -3000 /'
refuses "a negative number" 3 "'-3000', not a number" --proc "$dir/bad"
damage counters '4s/ 3000 / 18446744073709551616 /'
refuses "a number over 64 bits" 3 "not a number" --proc "$dir/bad"
damage counters '4s/ 3000 / 3000 1 /'
refuses "a word too many" 3 "line 4 has 11 words, not 10" --proc "$dir/bad"
damage counters '4s/^/\x1b/'
refuses "a control character" 3 "byte 0x1b" --proc "$dir/bad"
damage counters '5s/.*//'
refuses "an empty line" 3 "line 5 has 0 words" --proc "$dir/bad"
damage counters '1s/$/ local/; 2,$s/$/ 1/'
refuses "a column twice" 3 "two columns 'local'" --proc "$dir/bad"
damage stat '$a flows 8'
refuses "a row of stat twice" 3 "two rows 'flows'" --proc "$dir/bad" stat
damage stat '/complete/d'
refuses "stat without complete" 3 "no 'complete'" --proc "$dir/bad" stat
damage stat 's/complete 1/complete 2/'
refuses "complete neither 0 nor 1" 3 "no 'complete'" --proc "$dir/bad"
damage stat ''
: >"$dir/bad/counters"
refuses "an empty file" 3 "cut off" --proc "$dir/bad"
head -c 500 "$good/counters" >"$dir/bad/counters"
refuses "a file cut off" 3 "cut off" --proc "$dir/bad"
head -c 1000000 /dev/zero >"$dir/bad/counters"
refuses "a file too large" 3 "over 262144 bytes" --proc "$dir/bad"
damage stat ''
seq -f 'row%.0f 1' 1100 >>"$dir/bad/stat"
refuses "too many rows" 3 "2 columns, 1103 rows" --proc "$dir/bad"
refuses "a path too long" 3 "too long" --proc "$(printf '%05000d' 0)"
rm "$dir/bad/counters"
refuses "a file that an old module lacks" 3 "too old: it has no 'counters'" --proc "$dir/bad"
mkdir "$dir/bad/counters"
refuses "a directory for a file" 3 "not a file" --proc "$dir/bad"
rmdir "$dir/bad/counters"
mkfifo "$dir/bad/counters"
refuses "a pipe for a file" 3 "not a file" --proc "$dir/bad"

# Output that does not arrive
"$tcpstate" --proc "$good" >/dev/full 2>"$dir/err"
[ $? -eq 3 ] && grep -q 'cannot write' "$dir/err"
ok $? "a full disk is an error"
"$tcpstate" --proc "$good" >&- 2>"$dir/err"
[ $? -eq 3 ] && grep -q 'cannot write' "$dir/err"
ok $? "a closed output is an error"
mkfifo "$dir/pipe"
(
	exec 8<>"$dir/pipe" 9>"$dir/pipe"
	exec 8>&-	# the last reader
	"$tcpstate" --proc "$good" >&9 2>"$dir/err"
)
[ $? -eq 3 ] && grep -q 'cannot write' "$dir/err"
ok $? "a closed pipe is an error"

# Help and version
run --help
[ "$status" -eq 0 ] && grep -q '^Usage: tcpstate' "$dir/out"
ok $? "--help"
run --version
[ "$status" -eq 0 ] && grep -Eqx 'tcpstate [0-9.]+' "$dir/out"
ok $? "--version"

# The words of --help, that the manual and the completion must have too.
run --help
words=$(sed -nE 's/^ +(-., +)?([a-z-]+)[[ ].*/\2/p' "$dir/out")
top=$(dirname "$0")/..
for file in Documentation/tcpstate.8 tools/completion/tcpstate.bash; do
	[ "$(wc -w <<<"$words")" -ge 10 ] &&
		! sed 's/\\//g' "$top/$file" | grep -owE -- '-*[a-z-]+' |
			grep -Fvxf - <(printf '%s\n' "$words") >"$dir/err"
	ok $? "$file has all of --help"
done

# The object says this of the namespace, as extended regular expression.
says() # NAME NETNS ARGUMENT...
{
	local name=$1 netns=$2

	shift 2
	run -j "$@"
	[ "$status" -eq 0 ] && grep -Eq "^\{\"version\":1,\"netns\":\{$netns\},\"complete\":" "$dir/out"
	ok $? "$name"
}

# A namespace is found before the module is.
namespaces()
{
	local own other="\"nsid\":null,\"name\":\"$name\""

	ip netns add "$name" || { ok 1 "ip netns add"; return; }
	setpriv --reuid 65534 --clear-groups "$tcpstate" -N "$name" >"$dir/out" 2>"$dir/err"
	[ $? -eq 3 ] && grep -q "cannot enter.*not permitted" "$dir/err"
	ok $? "entering without privilege is refused"

	if [ ! -d /proc/net/tcpstate ]; then
		refuses "without the module it says how to load it" 3 "modprobe tcpstate" -N "$name"
		return
	fi
	own="\"inode\":$(stat -L -c %i /proc/self/ns/net),\"nsid\":(null|[0-9]+),\"name\":(null|\".*\")"
	other="\"inode\":$(stat -L -c %i "/run/netns/$name"),$other"
	says "its own namespace" "$own"
	says "a namespace by process" "$own" -N $$
	says "a namespace by name" "$other" -N "$name"
	ip netns set "$name" 4711
	says "a namespace by path, with its nsid" "${other/null/4711}" -N "/run/netns/$name"

	ip -n "$name" link set lo up
	ip netns exec "$name" bash -c ': </dev/tcp/127.0.0.1/9' 2>/dev/null
	run -H -N "$name"
	[ "$status" -eq 0 ] && awk '$1 == "syn_sent" && $7 == 1 { ok = 1 } END { exit !ok }' "$dir/out" &&
		tr -s ' ' <"$dir/out" |
		cmp -s - <(ip netns exec "$name" cat /proc/net/tcpstate/counters | tail -n +2 | tr -s ' \t' ' ')
	ok $? "the module's tables of another namespace"
}

if [ "$(id -u)" -eq 0 ]; then
	namespaces
else
	echo "ok $((++number)) - namespaces # SKIP needs root"
fi

echo "1..$number"
[ "$failed" -eq 0 ]
