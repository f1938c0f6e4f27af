#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The static checks, in TAP; any finding fails. Installs what is missing with apt as root.
# KERNELDIR names the kernel headers; without it they are the newest in /lib/modules.
set -euo pipefail

top=$(readlink -f "$(dirname "$0")/..")
# shellcheck source=tools/vm/lib.sh
. "$top/tools/vm/lib.sh"
cd "$top"

kernel=6.1	# whose checkpatch judges
checkpatch=(checkpatch.pl spelling.txt const_structs.checkpatch)
tests=(gcc llvm sparse checkpatch-module checkpatch-userspace cppcheck clang-tidy reader-gcc
	reader-clang shellcheck)

# Debian's headers are configured for gcc; this is what differs for clang.
llvm=(LLVM=1 CC=clang CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_GCC_VERSION=0
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough
	CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y CONFIG_FTRACE_MCOUNT_USE_CC= CONFIG_RETHUNK=
	CONFIG_SLS=)

# What checkpatch asks of kernel code alone.
kernel_only=PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,ARRAY_SIZE,CAMELCASE
# What it asks of code, not of tables of vectors, whose words are macros.
code_only=COMPLEX_MACRO,PARENTHESIS_ALIGNMENT

# Without these: snprintf() is bounded, strcmp() is no riddle, _GNU_SOURCE is there to be defined,
# and a table's rows may do the same.
tidy='clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'
tidy+=',bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-suspicious-string-compare'
tidy+=',-bugprone-reserved-identifier,-bugprone-branch-clone'
tidy+=',-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result'

newest_headers() {
	printf '%s\n' /lib/modules/*/build/Makefile | sort -V | tail -n 1 | xargs -r dirname
}

install_missing() {
	local missing=() pair quiet=(-q -o DPkg::Lock::Timeout=300)

	for pair in git:git make:make gcc:gcc clang:clang ld.lld:lld llvm-nm:llvm sparse:sparse \
		cppcheck:cppcheck clang-tidy:clang-tidy shellcheck:shellcheck perl:perl \
		xz:xz-utils pkg-config:pkg-config flock:util-linux bpftool:bpftool; do
		command -v "${pair%:*}" >/dev/null || missing+=("${pair#*:}")
	done
	[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
	for pair in libmnl:libmnl-dev json-c:libjson-c-dev libbpf:libbpf-dev; do
		pkg-config --exists "${pair%:*}" 2>/dev/null || missing+=("${pair#*:}")
	done
	[ -n "${KERNELDIR:-}" ] || [ -e "$(newest_headers)/Makefile" ] ||
		missing+=("linux-headers-$(dpkg --print-architecture)")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$EUID" != 0 ]; then
		say "as root: apt-get install ${missing[*]}"
		exit 1
	fi
	say "installing ${missing[*]}"
	{
		apt-get "${quiet[@]}" update &&
			DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" -y install \
				--no-install-recommends "${missing[@]}"
	} >"$work/apt" 2>&1 </dev/null || {
		tail -n 5 "$work/apt" >&2
		die "cannot install ${missing[*]}"
	}
}

# fetch_checkpatch: fills $temporary with it, from the kernel's source package.
fetch_checkpatch() {
	local tar=linux-source-$kernel

	say "fetching checkpatch: 140 MB, kept"
	(
		cd "$temporary"
		apt-get -q download "$tar" || { apt-get -q update && apt-get -q download "$tar"; }
		dpkg-deb --fsys-tarfile "$tar"_*.deb | tar -xO "./usr/src/$tar.tar.xz" >source.tar.xz
		tar -xf source.tar.xz --strip-components=2 "${checkpatch[@]/#/$tar/scripts/}"
		rm ./*.deb source.tar.xz
	) >"$work/fetch" 2>&1 || {
		tail -n 5 "$work/fetch" >&2
		die "cannot fetch checkpatch from $tar"
	}
}

# files PATTERN...: the tree's files that match, one a line; `*` matches slashes too.
files() {
	local file pattern

	for file in "${tree[@]}"; do
		for pattern; do
			# shellcheck disable=SC2053
			[[ $file != $pattern ]] || printf '%s\n' "$file"
		done
	done
}

# userspace PATTERN: those of them that no kernel runs.
userspace() { files "tools/$1" "selftests/$1" | grep -v -e ^tools/vm/ -e ^selftests/gap/ \
	-e ^selftests/bench/; }

# What runs on a host: not what clang compiles for BPF.
host_sources() {
	userspace '*.c' | grep -v '\.bpf\.c$'
	files module/fsm.c module/segment.c
}

shell_files() {
	local file

	for file in "${tree[@]}"; do
		case $file in
		*.sh | *.bash) printf '%s\n' "$file" ;;
		*) ! head -n 1 "$file" | grep -aEq '^#!.*[/ ](ba)?sh( |$)' || printf '%s\n' "$file" ;;
		esac
	done
}

# build_module ARGUMENT...: builds a copy of the module's sources; a warning fails.
build_module() {
	rm -rf "$work/module"
	mkdir "$work/module"
	files 'module/*' 'include/*' Kbuild | tar -c -T - | tar -x -C "$work/module"
	make -s -C "$headers" "M=$work/module" -j2 modules "$@"
	! grep -Eiq '(warning|error): ' "$work/log"
}

check_patch() { # ARGUMENT... FILE...
	mkdir -p "$work/checkpatch/include"
	(
		cd "$work/checkpatch"
		perl "$entry/checkpatch.pl" --no-tree --root=. --strict --quiet --show-types "$@"
	)
	[ ! -s "$work/log" ]
}

includes=(-Itools -Imodule -Iinclude/uapi -D_GNU_SOURCE '-DVERSION="0"')

run_check() {
	local sources

	case $1 in
	gcc) build_module W=1 ;;
	llvm)
		build_module W=1 "${llvm[@]}"
		llvm-readelf -p .comment "$work/module/tcpstate.ko" | grep clang
		;;
	# It has no word for a function that may return with a lock held.
	sparse) build_module C=2 CF='-D__CHECK_ENDIAN__ -Wno-context' ;;
	checkpatch-module)
		mapfile -t sources < <(files 'module/*.[ch]' 'include/*.h' 'tools/vm/*.[ch]' \
			'selftests/gap/*.[ch]' 'selftests/bench/*.[ch]')
		check_patch -f "${sources[@]/#/$top/}"
		;;
	checkpatch-userspace)
		mapfile -t sources < <(userspace '*.[ch]' | grep -v ^selftests/unit/)
		check_patch --ignore "$kernel_only" -f "${sources[@]/#/$top/}"
		mapfile -t sources < <(files 'selftests/unit/*.[ch]')
		check_patch --ignore "$kernel_only,$code_only" -f "${sources[@]/#/$top/}"
		;;
	cppcheck)
		mapfile -t sources < <(host_sources)
		cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
			--error-exitcode=1 "${includes[@]}" "${sources[@]}"
		;;
	clang-tidy)
		mapfile -t sources < <(host_sources)
		make -s -C selftests "O=$work/bpf" "$work/bpf/trace.skel.h"
		includes+=(-isystem "$work/bpf")
		# One by one: its va_list checker errs in a run's second file.
		printf '%s\n' "${sources[@]}" | xargs -P 2 -I '{}' \
			clang-tidy --quiet --checks="-*,$tidy" --warnings-as-errors='*' '{}' -- \
			-std=gnu11 "${includes[@]}"
		;;
	reader-gcc) make -C tools "O=$work/gcc" CC=gcc WERROR=1 ;;
	reader-clang) make -C tools "O=$work/clang" CC=clang WERROR=1 ;;
	shellcheck)
		mapfile -t sources < <(shell_files)
		# It judges a sourced file apart from its users, and no function as one passed on.
		shellcheck -x --exclude=SC2034,SC2154,SC2317 "${sources[@]}"
		;;
	esac
}

cache=$(cache_path)
temporary
work=$temporary
install_missing
mapfile -t tree < <(git ls-files -co --exclude-standard --deduplicate | while read -r file; do
	[ ! -f "$file" ] || printf '%s\n' "$file"
done)
[ ${#tree[@]} -gt 0 ] || die "git lists no files here"
headers=${KERNELDIR:-$(newest_headers)}
entry checkpatch "$kernel ${checkpatch[*]}" fetch_checkpatch

echo "1..${#tests[@]}"
number=0 failed=0
for name in "${tests[@]}"; do
	number=$((number + 1))
	status=0
	# In the background, where the first command that fails ends the check.
	run_check "$name" >"$work/log" 2>&1 </dev/null &
	wait $! || status=$?
	if [ $status = 0 ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		head -n 60 "$work/log" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
done
echo "$((number - failed)) passed, $failed failed, 0 skipped"
exit $((failed > 0))
