# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of tcpstate(8) for bash.

# The words of a filter that may follow this one.
_tcpstate_filter()
{
	local states='established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait close close-wait
		last-ack closing all connected synchronized'

	case $1 in
	state | peer-state | either-state) echo "$states" ;;
	path) echo 'local loopback forwarded' ;;
	role) echo 'initiator responder' ;;
	provenance) echo 'handshake midstream seeded' ;;
	sport | dport | src | dst | = | != | '<' | '>' | '<=' | '>=') ;;
	*) echo 'state peer-state either-state src dst sport dport path role provenance and or not' ;;
	esac
}

_tcpstate()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word command=
	local words='counters pairs transitions stat flows count verify delete flush config'
	local settings='enabled= max_flows= netns_max_flows= max_embryonic= paths=
		timeout_time_wait= timeout_syn_recv= timeout_syn_sent= timeout_last_ack=
		timeout_fin_wait= timeout_half_closed= timeout_established=
		timeout_one_sided='

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ -n $command || " $words " != *" $word "* ]] || command=$word
	done
	case $command in
	'') ;;
	flows | count | delete) words=$(_tcpstate_filter "$prev") ;;
	config) words=$settings ;;
	*) words= ;;
	esac
	[[ $cur != -* ]] ||
		words='-j --json -N --netns -4 --ipv4 -6 --ipv6 -r --resolve -H --no-header --watch
			--proc -h --help -V --version'
	case $prev in
	-N | --netns)
		mapfile -t COMPREPLY < <(
			[[ $cur == */* ]] || cd /run/netns 2>/dev/null || exit
			compgen -f -- "$cur"
		)
		;;
	--proc)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
		;;
	esac
}

complete -F _tcpstate tcpstate
