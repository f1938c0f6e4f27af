#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shows the module on real traffic: client - router (SNAT) - server, and a peer that answers
# nothing. Exits 0 only if the mirror says what the sockets say.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$ SILENT=silent-$$
ESTABLISHED=24
HALF_CLOSED=4
LEAKED=6
N=$((HALF_CLOSED + LEAKED))

step() {
	printf '%s\n' "- $*"
}

build_network() {
	route "$CLIENT" "$ROUTER" "$SERVER"
	add_netns "$SILENT"
	link "$ROUTER" "$SILENT" 3
	default_route "$SILENT" 10.0.3.1 fd00:3::1
	rules "$ROUTER" <<-END
		table ip nat {
			chain postrouting {
				type nat hook postrouting priority 100;
				oifname "server" snat to 10.0.2.1
			}
		}
		table ip6 nat {
			chain postrouting {
				type nat hook postrouting priority 100;
				oifname "server" snat to fd00:2::1
			}
		}
	END
	rules "$SILENT" <<-END
		table inet silent {
			chain input {
				type filter hook input priority 0;
				meta l4proto tcp drop
			}
		}
	END
}

start_nginx() {
	cat >"$TMP/nginx.conf" <<-END
		daemon off;
		user root;
		pid $TMP/nginx.pid;
		error_log $TMP/nginx.log;
		events {}
		http {
			access_log off;
			client_header_timeout 600;
			server {
				listen 80;
				listen [::]:80;
				location / { return 200 "hello\n"; }
			}
		}
	END
	background "$SERVER" nginx -c "$TMP/nginx.conf" 2>"$TMP/nginx.err"
	wait_until 10 ss_is "$SERVER" listen 2 || die "nginx does not listen: $(cat "$TMP/nginx.err")"
}

# curl URL...: several requests over one connection each address.
fetch() {
	in_ns "$CLIENT" curl -sS --max-time 20 -o "$TMP/page" "$@"
}

# Connections of one family: NAME, server's address, silent peer's address.
drive() {
	local name=$1 server=$2 silent=$3

	s netns "$SERVER"
	s listen "leaky$name" "$server" 8080
	s netns "$CLIENT"
	s connect "long$name*$((ESTABLISHED / 2))" "$server" 80
	s wait "long$name.*" established
	s connect "half$name*$((HALF_CLOSED / 2))" "$server" 8080
	s accept "leaky$name" "halfserver$name*$((HALF_CLOSED / 2))"
	s connect "leak$name*$((LEAKED / 2))" "$server" 8080
	s accept "leaky$name" "leakserver$name*$((LEAKED / 2))"
	s shutdown "half$name.*"
	s shutdown "leak$name.*"
	s wait "halfserver$name.*" close_wait
	s wait "leakserver$name.*" close_wait
	# Half-closed is not dead: the server still sends and the client still reads.
	s send "halfserver$name.*" 1000
	s read "half$name.*" 1000
	s connect "unanswered$name" "$silent" 80
}

refused() {
	fetch "http://$1:81/" 2>/dev/null
	[ $? = 7 ] || die "curl should be refused at $1 port 81"
}

# table FILE [PATTERN]: aligned, without the columns of totals; only rows that match.
table() {
	awk -v pattern="${2:-.}" '
	NR == 1 || $0 ~ pattern {
		rows++
		for (i = 1; i <= NF; i++) {
			if (NR == 1 && $i !~ /^entered_/)
				last = i
			cell[rows, i] = $i
			if (length($i) > width[i])
				width[i] = length($i)
		}
	}
	END {
		for (r = 1; r <= rows; r++) {
			line = sprintf("    %-*s", width[1], cell[r, 1])
			for (i = 2; i <= last; i++)
				line = line sprintf(cell[1, i] == "state" ? "  %-*s" : "  %*s",
						    width[i], cell[r, i])
			print line
		}
	}' "$1"
}

show() {
	printf '\n%s\n' "$1"
	table "$2" "${3:-}"
}

# expect DESCRIPTION COMMAND...
expect() {
	local description=$1

	shift
	if "$@" >"$TMP/expect" 2>&1; then
		echo "found    $description"
	else
		echo "MISSING  $description"
		sed 's/^/         /' "$TMP/expect"
		FAILED=$((FAILED + 1))
	fi
}

# number NETNS FILE ROW COLUMN OPERATOR N: of the numbers read at rest.
number() {
	local n

	n=$(awk -v row="$3" -v column="$4" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) c = i; next }
	c && $1 == row { print $c }' "$TMP/$1.$2")
	test "${n:--1}" "$5" "$6" && return
	echo "$3 $4 is ${n:-not there}"
	return 1
}

# What the comparison with ss printed, if there was one.
equals_ss() {
	cat "$TMP/$1.compared"
	[ -e "$TMP/$1.counters" ] && [ ! -s "$TMP/$1.compared" ]
}

both_families() {
	ss_is "$CLIENT" established $((ESTABLISHED / 2)) "$1" && ss_is "$CLIENT" fin_wait2 $((N / 2)) "$1"
}

module_speaks() {
	if [ ! -d /proc/net/tcpstate ]; then
		echo "the module is not loaded: there is no /proc/net/tcpstate"
	elif [ "$(cat /sys/module/tcpstate/parameters/enabled 2>/dev/null)" = N ]; then
		echo "the module is loaded, but switched off: its parameter enabled is 0"
	else
		return 0
	fi
	return 1
}

step "network: client - router (SNAT) - server, and a peer that answers nothing"
build_network
start_nginx
step "curl fetches pages from nginx over IPv4 and IPv6"
for address in 10.0.2.2 "[fd00:2::2]"; do
	fetch "http://$address/" -o "$TMP/page" "http://$address/again" || die "curl fails at $address"
	refused "$address"
done
step "$ESTABLISHED long-lived connections to nginx, half of them IPv6"
step "$HALF_CLOSED half-closed connections whose server still sends"
step "$LEAKED connections whose server forgets to close"
step "2 refused connections, 2 that nobody answers"
start_sockets
drive 4 10.0.2.2 10.0.3.2
drive 6 fd00:2::2 fd00:3::2

for ns in "$CLIENT" "$SERVER" "$ROUTER"; do
	mirrors "$ns" >"$TMP/$ns.compared"
	read_mirror "$ns" pairs >"$TMP/$ns.pairs" 2>/dev/null
done

if module_speaks >"$TMP/silence"; then
	show "counters of the client: it holds $N connections in fin_wait2, and the mirror knows that
their servers are in close_wait (column remote), though those sockets are elsewhere." \
		"$TMP/$CLIENT.counters"
	show "counters of the server: the $N in close_wait wait for its own program to close." \
		"$TMP/$SERVER.counters"
	show "counters of the router: no socket of its own, yet both ends of what it forwards." \
		"$TMP/$ROUTER.counters"
	show "pairs of the router, forwarded: row fin_wait2, column close_wait: the $N whose initiator
has finished and whose responder has not. (It has no other paths: those rows are 0.)" \
		"$TMP/$ROUTER.pairs" "^forwarded"
else
	printf '\n%s\n' "$(cat "$TMP/silence")"
fi

printf '\n%s\n' "Is it all there?"
expect "the module is loaded and switched on" module_speaks
expect "client: at least 20 connections established" \
	number "$CLIENT" counters established local -ge 20
expect "client: the half-closed and the leaked, $N in fin_wait2" \
	number "$CLIENT" counters fin_wait2 local -eq $N
expect "client: curl's connections in time_wait" number "$CLIENT" counters time_wait local -ge 1
expect "client: the unanswered in syn_sent" number "$CLIENT" counters syn_sent local -ge 1
expect "client: their servers, remote, $N in close_wait" \
	number "$CLIENT" counters close_wait remote -eq $N
expect "server: $N in close_wait" number "$SERVER" counters close_wait local -eq $N
expect "router: $N initiators in fin_wait2" \
	number "$ROUTER" counters fin_wait2 forwarded_initiator -eq $N
expect "router: $N responders in close_wait" \
	number "$ROUTER" counters close_wait forwarded_responder -eq $N
for ns in "$CLIENT" "$ROUTER" "$SERVER"; do
	expect "${ns%-*}: every local number equals ss" equals_ss "$ns"
done
for family in 4 6; do
	expect "IPv$family: half of the established and of the fin_wait2" both_families -$family
done

if [ "$FAILED" = 0 ]; then
	printf '\n%s\n' "The mirror says what the sockets say."
else
	printf '\n%s\n' "$FAILED of these are missing."
fi
exit $((FAILED > 0))
