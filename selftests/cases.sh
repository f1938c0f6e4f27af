# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Cases: A dials B, each time with a connection of its own. For a test that has sourced lib.sh.

# two_ends: namespaces A and B, joined, either able to drop what the other sends.
two_ends() {
	A=a-$$ B=b-$$ CASES=0
	pair $A $B
	drop_table $A
	drop_table $B
	start_sockets
}

# speak v4|v6: the addresses of A and B.
speak() {
	family=$1
	case $family in
	v4)	a=10.0.1.1 b=10.0.1.2 ;;
	v6)	a=fd00:1::1 b=fd00:1::2 ;;
	esac
}

# recall NAME: back to a case of this family.
declare -A NUMBER
recall() {
	from=$((5100 + ${NUMBER[$1.$family]})) to=$((6100 + ${NUMBER[$1.$family]}))
	c=c.$1.$family l=l.$1.$family sv=s.$1.$family
}

# ready NAME: a new case, a listener at B and a socket at A, bound to ports of their own.
ready() {
	CASES=$((CASES + 1))
	NUMBER[$1.$family]=$CASES
	recall $1
	s netns $B
	s bind $l $b $to
	s netns $A
	s bind $c $a $from
}

dial() {
	s listen $l $b $to
	s connect $c $b $to
}

accepted() {
	s accept $l $sv
	s wait $c established
	s close $l
}

# start NAME: established, socket $c at A and $sv at B.
start() {
	ready "$1"
	dial
	accepted
}

# states A_STATE B_STATE: of both ends in ss before long, `none` without a socket; and from then on
# the mirror has a second to equal ss in both namespaces. FIGURE: how much of it that took, at most.
states() {
	local right=0 end

	now_ms
	end=$((NOW + 10000))
	while :; do
		now_ms
		{ look $A $1 $from $to && look $B $2 $to $from; } >"$TMP/states"
		case $? in
		0)	took; return ;;
		2)	right=0 ;;
		*)	[ $right != 0 ] || right=$NOW ;;
		esac
		[ $NOW -le $end ] || break
		[ $right = 0 ] || [ $((NOW - right)) -le 1000 ] || break
		sleep 0.05
	done
	cat "$TMP/states"
	return 1
}

took() {
	local since=$((right ? right : NOW))

	now_ms
	FIGURE="within $((NOW - since)) ms"
}

# transition_is FROM,TO A_COUNT B_COUNT: how often local ends made it.
transition_is() {
	mirror_is $A transitions "$1" local "$2" && mirror_is $B transitions "$1" local "$3"
}

# nothing_left NETNS...: no end is in any state but close and listen.
nothing_left() {
	local ns

	for ns; do
		in_ns $ns awk '
		FNR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
		$1 != "close" && $1 != "listen" {
			for (i = 2; i <= NF; i++)
				if ($i && name[i] !~ /^entered_/)
					left = left $1 " " name[i] " " $i "\n"
		}
		END { printf "%s", left; exit left != "" }' $MIRROR/counters || return 1
	done
}
