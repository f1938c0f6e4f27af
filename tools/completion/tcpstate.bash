# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of tcpstate(8) for bash.

_tcpstate()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words='counters pairs transitions stat'

	[[ $cur != -* ]] ||
		words='-j --json -N --netns -H --no-header --proc -h --help -V --version'
	case ${COMP_WORDS[COMP_CWORD - 1]} in
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
		;;
	esac
}

complete -F _tcpstate tcpstate
