# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of tcpstate(8) for bash.

_tcpstate()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words

	COMPREPLY=()
	case $prev in
	-N | --netns)
		words=$(cd /run/netns 2>/dev/null && printf '%s\n' *)
		;;
	--proc)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	*)
		words='counters pairs transitions stat'
		[[ $cur != -* ]] ||
			words='-j --json -N --netns -H --no-header --proc -h --help -V --version'
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _tcpstate tcpstate
