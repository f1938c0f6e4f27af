# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Files of the kernel's source, as Debian has it.

source_package=linux-source-6.12

# source_recipe: sets $recipe, mmdebstrap's arguments.
source_recipe() {
	recipe=(--variant=extract --format=tar --aptopt='Acquire::Languages "none"'
		--include="$source_package" trixie -)
}

# fetch_source FILE...: puts these files and directories ("": all) into $temporary. Needs $userland.
fetch_source() {
	say "fetching $source_package: 150 MB, half a minute"
	guarded bootstrap ||
		die "cannot fetch $source_package: $(grep '^E:' "$temporary/log" | head -n 1)"
	tar -x -O -f "$temporary/root.tar" "./usr/src/$source_package.tar.xz" |
		inside "$userland/tree" xz -dc |
		tar -x -C "$temporary" --no-same-owner --strip-components=1 \
			"${@/#/$source_package/}"
	rm "$temporary/root.tar" "$temporary/log"
}
