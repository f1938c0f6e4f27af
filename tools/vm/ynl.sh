# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The kernel's tools for netlink specs: generator, client and schema, from the kernel's source.

ynl_files=(tools/net/ynl/cli.py tools/net/ynl/ynl-gen-c.py tools/net/ynl/lib
	Documentation/netlink/genetlink.yaml)

# ynl: sets $ynl to the directory with these files. Needs $userland.
ynl() {
	source_recipe
	entry ynl "1 ${recipe[*]} ${ynl_files[*]}" fetch_source "${ynl_files[@]}"
	ynl=$entry
}
