#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What must hold in every namespace at rest, after traffic of all kinds: the sums between the files,
# the kernel's own gauges, the totals, and the reader.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$

header_is() {
	local header

	header=$(read_mirror $CLIENT $1 | head -n 1 | tr -s ' \t' ' ')
	[ "$header" = "$2" ] || { echo "$header"; return 1; }
}

# rows_are FILE COLUMNS ROWS...: the first columns of all rows, in this order.
rows_are() {
	local file=$1 columns=$2

	shift 2
	diff <(read_mirror $CLIENT $file | awk -v columns=$columns '
	NR > 1 { print columns == 2 ? $1 " " $2 : $1 }') <(printf '%s\n' "$@")
}

# CurrEstab counts established and close_wait; sockstat's tw the timewait sockets.
kernel_agrees() {
	in_ns $1 awk '
	FILENAME ~ /counters$/ && FNR > 1 { gauge[$1] = $2 }
	$1 == "Tcp:" && !seen++ { for (i = 2; i <= NF; i++) name[i] = $i; next }
	$1 == "Tcp:" { for (i = 2; i <= NF; i++) if (name[i] == "CurrEstab") current = $i }
	$1 == "TCP:" { for (i = 2; i < NF; i += 2) if ($i == "tw") timewait = $(i + 1) }
	END {
		print "CurrEstab " current ", timewait " timewait
		exit current != gauge["established"] + gauge["close_wait"] ||
		     timewait != gauge["time_wait"] || current == ""
	}' $MIRROR/counters /proc/net/snmp /proc/net/sockstat
}

# Prints what has become smaller between two observations of a namespace's totals.
monotone() {
	[ -s "$TMP/totals" ] && awk '
	NR == FNR { before[$1, $2, $3] = $4; next }
	$4 < before[$1, $2, $3] { print; failed = 1 }
	END { exit failed }' "$TMP/totals" "$TMP/totals.later"
}

totals() {
	local ns

	for ns in $CLIENT $ROUTER $SERVER; do
		read_mirror $ns transitions | awk -v netns=$ns '
		NR == 1 { for (i = 3; i <= NF; i++) name[i] = $i; next }
		{ for (i = 3; i <= NF; i++) print netns, $1 "," $2, name[i], $i }'
	done
}

# json_equals FILE: the reader's rows are those of /proc.
json_equals() {
	diff <(read_mirror $CLIENT $1 | awk 'NR > 1 { $1 = $1; print }') \
		<(tcpstate -N $CLIENT -j $1 | tr -d ' "}]\n' | tr '{' '\n' | awk -F, '
		/^(state|path|from):/ {
			line = ""
			for (i = 1; i <= NF; i++)
				if (split($i, pair, ":") == 2)
					line = line (line == "" ? "" : " ") pair[2]
			print line
		}')
}

json_stat_equals() {
	local json name value

	json=$(tcpstate -N $CLIENT -j stat | tr -d ' "\n' | tr '{}' ',')
	while read -r name value; do
		[[ $json == *,$name:$value,* ]] || { echo "no $name:$value in $json"; return 1; }
	done < <(read_mirror $CLIENT stat | tail -n +2)
}

json_is_complete() {
	tcpstate -N $CLIENT -j counters | tr -d ' \n' | grep -F '"version":1' |
		grep -F '"complete":true' | grep -F "\"name\":\"$CLIENT\""
}

route $CLIENT $ROUTER $SERVER
start_sockets
n=0
for address in 10.0.2.2 fd00:2::2; do
	n=$((n + 1))
	connection kept.$n $CLIENT $SERVER $address 6000
	connection half.$n $CLIENT $SERVER $address 6001
	s shutdown c.half.$n
	s netns $CLIENT
	s connect refused.$n $address 7000
	churn -t 2 -c $CLIENT -s $SERVER $address 5000 || die "traffic fails"
	totals >"$TMP/totals"
done
connection loop.1 $CLIENT $CLIENT 127.0.0.1 6000
connection loop.2 $CLIENT $CLIENT ::1 6000
s shutdown c.loop.1
churn -t 2 -c $CLIENT -s $CLIENT ::1 5000 || die "traffic fails"
churn -t 2 -c $ROUTER -s $ROUTER 127.0.0.1 5000 || die "traffic fails"
totals >"$TMP/totals.later"

mapfile -t states < <(printf '%s\n' $STATES)
check "columns of counters" header_is counters "state local local_initiator remote \
forwarded_initiator forwarded_responder entered_local entered_remote entered_forwarded_initiator \
entered_forwarded_responder"
check "all eleven states" rows_are counters 1 "${states[@]}"
check "columns of pairs" header_is pairs "path state $STATES"
mapfile -t rows < <(for path in local loopback forwarded; do printf "$path %s\n" $STATES; done)
check "all 33 pairs" rows_are pairs 2 "${rows[@]}"
check "columns of transitions" header_is transitions \
	"from to local remote forwarded_initiator forwarded_responder"
mapfile -t rows < <(for from in $STATES; do printf "$from %s\n" $STATES; done)
check "all 121 transitions" rows_are transitions 2 "${rows[@]}"
check "totals never fall" monotone
for ns in $CLIENT $ROUTER $SERVER; do
	check "${ns%-*} equals ss" mirrors $ns
	check "sums of the ${ns%-*}" sums $ns
	check "the kernel's own gauges in the ${ns%-*}" settled kernel_agrees $ns
done
for file in counters pairs transitions; do
	check "tcpstate -j $file" settled json_equals $file
done
check "tcpstate -j stat" settled json_stat_equals
check "tcpstate -j says where and that it is complete" json_is_complete
finish
