# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The kernel's tools for netlink specs: generator, client and schema, from the kernel's source.

ynl_source=linux-source-6.12
ynl_files=(tools/net/ynl/cli.py tools/net/ynl/ynl-gen-c.py tools/net/ynl/lib
	Documentation/netlink/genetlink.yaml)

# ynl: sets $ynl to the directory with these files. Needs $userland.
ynl() {
	recipe=(--variant=extract --format=tar --aptopt='Acquire::Languages "none"'
		--include="$ynl_source" trixie -)
	entry ynl "1 ${recipe[*]} ${ynl_files[*]}" fetch_ynl
	ynl=$entry
}

fetch_ynl() {
	say "fetching $ynl_source for its netlink tools: 150 MB, half a minute"
	guarded bootstrap ||
		die "cannot fetch $ynl_source: $(grep '^E:' "$temporary/log" | head -n 1)"
	tar -x -O -f "$temporary/root.tar" "./usr/src/$ynl_source.tar.xz" |
		inside "$userland/tree" xz -dc |
		tar -x -C "$temporary" --no-same-owner --strip-components=1 \
			"${ynl_files[@]/#/$ynl_source/}"
	rm "$temporary/root.tar" "$temporary/log"
}
