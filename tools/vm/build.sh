# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the guest runs of this project: module, reader and the tests' programs, compiled natively by
# the userland's compiler. A compiler's warning is an error.

# build KIND KERNEL: sets $built to the directory with the files of module, tools, selftests, bench or
# warn, the module of selftest.sh. Needs $top and $userland.
build() {
	local kind=$1 sources=(module)

	[ ! -e "$top/include" ] || sources+=(include)
	case $kind in
	module) sources+=(Kbuild) ;;
	tools) sources=(--exclude=tools/vm "${sources[@]}" tools) ;;
	selftests) sources=(--exclude='selftests/*.sh' --exclude=selftests/bench "${sources[@]}" selftests) ;;
	bench) sources=(--exclude='selftests/bench/*.sh' selftests/bench) ;;
	warn) sources=(tools/vm/warn) ;;
	esac
	temporary
	snapshot "${sources[@]}" >"$temporary/sources.tar"
	entry "$kind-$2" "1 $userland $(sha256sum <"$temporary/sources.tar") $(clang_for "$kind")" \
		compile "$kind" "$temporary/sources.tar"
	built=$entry
}

snapshot() {
	tar -c -C "$top" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
		"$@"
}

compile() {
	local kind=$1 work=$userland/tree/build/$1

	say "compiling $kind"
	rm -rf "$work"
	mkdir -p "$work/out"
	tar -x -f "$2" -C "$work"
	guarded compile_all "$kind" "$work" >"$temporary/log" 2>&1 || {
		cat "$temporary/log" >&2
		die "$kind does not compile"
	}
	if grep -qi 'warning:' "$temporary/log"; then
		cat "$temporary/log" >&2
		die "$kind compiles with warnings"
	fi
	case $kind in
	module | bench | warn) find "$work" -name '*.ko' -exec cp -t "$temporary" -- {} + ;;
	*) find "$work/out" -maxdepth 1 -type f -perm -u+x -exec cp -t "$temporary" -- {} + ;;&
	selftests) find "$work/selftests" -name '*.ko' -exec cp -t "$temporary" -- {} + ;;
	esac
	rm -rf "$work" "$temporary/log"
}

compile_all() {
	compile_bpf "$1" "$2" && compile_inside "$1"
}

# The selftests' BPF program is compiled by the host's clang, with the userland's headers: a compiler
# there would take 300 MB. Without one the guest has all but `trace`.
clang_for() {
	[ "$1" != selftests ] || command -v clang || :
}

compile_bpf() {
	[ -z "$(clang_for "$1")" ] ||
		LC_ALL=C make -s -C "$2/selftests" O="$2/out" BPF_SYSROOT="$userland/tree" bpf
}

compile_inside() {
	local make=(env -i HOME=/ PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C make -j2) jobs
	local kernel_make=("-C/lib/modules/$(<"$userland/release")/build" W=1 modules)

	case $1 in
	module) jobs=("${kernel_make[@]}" M=/build/module) ;;
	bench) jobs=("${kernel_make[@]}" M=/build/bench/selftests/bench) ;;
	warn) jobs=("${kernel_make[@]}" M=/build/warn/tools/vm/warn) ;;
	tools) jobs=(-C/build/tools/tools O=/build/tools/out) ;;
	selftests)
		jobs=(-C/build/selftests/selftests O=/build/selftests/out programs)
		inside "$userland/tree" "${make[@]}" "${kernel_make[@]}" \
			M=/build/selftests/selftests/gap || return
		;;
	esac
	inside "$userland/tree" "${make[@]}" "${jobs[@]}"
}
