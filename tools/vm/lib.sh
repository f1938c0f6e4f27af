# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the host's scripts share: words, children, the cache, the chroot.

me=${0##*/}
PATH=$PATH:/usr/sbin:/sbin	# chroot

say() { printf '%s: %s\n' "$me" "$*" >&2; }
# 125: the harness or the guest's kernel failed, not the command.
die() { say "$@"; exit 125; }

# The cache belongs to who runs this. Under sudo the home may be a user's: no root-owned file there.
cache_path() {
	local path=${XDG_CACHE_HOME:-$HOME/.cache}/tcpstate above

	above=$path
	while [ ! -e "$above" ]; do above=$(dirname "$above"); done
	if [ "$EUID" = 0 ] && [ "$(stat -c %u "$above")" != 0 ]; then
		path=$(getent passwd 0 | cut -d: -f6)/.cache/tcpstate
	fi
	printf '%s\n' "$path"
}

# guarded COMMAND...: runs it in a process group of its own, which end() ends.
child=
guarded() {
	local status=0

	set -m
	"$@" </dev/null &
	child=-$!
	set +m
	wait "${child#-}" || status=$?
	child=
	return "$status"
}

# end: ends the child, if there is one.
end() {
	[ -n "$child" ] || return 0
	kill -- "$child" 2>/dev/null || :
	wait "${child#-}" 2>/dev/null || :
	child=
}

temporaries=()
cleanup() {
	end
	[ ${#temporaries[@]} = 0 ] || rm -rf -- "${temporaries[@]}"
}
trap cleanup EXIT
trap 'say "failed: $BASH_COMMAND"' ERR
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# temporary: makes the directory $temporary. Its maker holds a lock on it; without one it is stale.
temporary() {
	local lock held stale

	mkdir -p "$cache"
	exec {lock}>"$cache/tmp.lock"
	flock "$lock"
	for stale in "$cache"/tmp.??????; do
		[ -d "$stale" ] || continue
		flock -n "$stale" rm -rf -- "$stale" || :
	done
	temporary=$(mktemp -d "$cache/tmp.XXXXXX")
	temporaries+=("$temporary")
	exec {held}<"$temporary"
	flock "$held"
	exec {lock}>&-
}

# entry NAME KEY COMMAND...: sets $entry to the cache's directory for what KEY describes. When it is
# not there, COMMAND fills $temporary, which then takes its place. Others unused for a day go.
entry() {
	local name=$1 key lock

	key=$(printf %s "$2" | sha256sum)
	entry=$cache/$name-${key:0:16}
	shift 2
	mkdir -p "$cache"
	exec {lock}>"$cache/$name.lock"
	flock "$lock"
	if [ ! -d "$entry" ]; then
		temporary
		"$@"
		mv -T -- "$temporary" "$entry"
		find "$cache" -maxdepth 1 -name "$name-????????????????" -mtime +0 \
			-exec rm -rf -- {} +
	fi
	touch -- "$entry"
	exec {lock}>&-
}

# inside TREE COMMAND...: runs it natively in the tree, as its root.
inside() {
	local tree=$1 user=()

	shift
	if [ "$EUID" = 0 ]; then
		if [ -c "$tree/dev/null" ]; then
			chroot "$tree" "$@"
			return
		fi
	else
		user=(--map-root-user)
	fi
	# shellcheck disable=SC2016
	unshare "${user[@]}" --mount sh -c \
		'mount --bind /dev/null "$0/dev/null" && exec chroot "$0" "$@"' "$tree" "$@"
}
