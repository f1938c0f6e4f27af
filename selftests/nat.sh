#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A router that translates: SNAT of all that leaves to the server, DNAT of a port of its own to the
# server, and REDIRECT of a port to a listener of its own.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

CLIENT=client-$$ ROUTER=router-$$ SERVER=server-$$
SERVICE=80 DNAT=8080 REDIRECT=8081 OWN=9000

translate() {
	rules $ROUTER <<-END
		table $1 nat {
			chain prerouting {
				type nat hook prerouting priority -100;
				iifname "client" tcp dport $DNAT dnat to $2:$SERVICE
				iifname "client" tcp dport $REDIRECT redirect to :$OWN
			}
			chain postrouting {
				type nat hook postrouting priority 100;
				oifname "server" snat to $3
			}
		}
	END
}

# dial NAME ADDRESS PORT LISTENER: a connection in each of three states; c.NAME.* are at the client.
dial() {
	s netns $CLIENT
	s connect "c.$1*3" $2 $3
	s accept $4 "s.$1*3"
	s wait "c.$1.*" established
	s shutdown c.$1.1
	s shutdown s.$1.2
}

# own LOCAL_STATE REMOTE_STATE N: of the connections that the router itself answers.
own() {
	mirror_is $ROUTER pairs local,$1 $2 $3
}

forwarded() {
	mirror_is $ROUTER pairs forwarded,$1 $2 $3
}

route $CLIENT $ROUTER $SERVER
translate ip 10.0.2.2 10.0.2.1
translate ip6 "[fd00:2::2]" fd00:2::1
# Without a way back, only what was translated is answered.
ip -n $SERVER route del default
ip -n $SERVER -6 route del default
start_sockets
n=0
for family in v4 v6; do
	case $family in
	v4)	router=10.0.1.2 server=10.0.2.2 ;;
	v6)	router=fd00:1::2 server=fd00:2::2 ;;
	esac
	n=$((n + 1))
	s netns $SERVER
	s listen service.$family $server $SERVICE
	s netns $ROUTER
	s listen own.$family $router $OWN

	dial snat.$family $server $SERVICE service.$family
	dial dnat.$family $router $DNAT service.$family
	check "$family each end of SNAT and DNAT is its socket's" \
		settled ends_equal $ROUTER $CLIENT $SERVER
	check "$family established" forwarded established established $((2 * n))
	check "$family initiator half-closed" forwarded fin_wait2 close_wait $((2 * n))
	check "$family responder half-closed" forwarded close_wait fin_wait2 $((2 * n))
done
for family in v4 v6; do
	case $family in
	v4)	router=10.0.1.2 n=1 ;;
	v6)	router=fd00:1::2 n=2 ;;
	esac
	dial redirect.$family $router $REDIRECT own.$family
	check "$family REDIRECT" own established established $n
	check "$family REDIRECT, initiator half-closed" own close_wait fin_wait2 $n
	check "$family REDIRECT, responder half-closed" own fin_wait2 close_wait $n
done
for ns in $CLIENT $ROUTER $SERVER; do
	check "${ns%-*} equals ss" mirrors $ns
	check "sums of the ${ns%-*}" sums $ns
done
finish
