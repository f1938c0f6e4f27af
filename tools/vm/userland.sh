# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The guest's userland: a Debian release as an image to boot, and as a tree to compile in.

packages=(
	linux-image-amd64 linux-headers-amd64 gcc make pkg-config libc6-dev libmnl-dev libjson-c-dev
	libbpf-dev bpftool busybox-static conntrack curl ethtool iperf3 iproute2 iputils-ping kmod nftables
	jq nginx-light perl procps python3-jsonschema python3-yaml tcpdump xz-utils zstd
)

# The first megabytes of kernel: what the guest needs to reach its userland.
early=(virtio_pci virtio_blk virtio_console squashfs overlay 9pnet_virtio 9p)

# Left out: documents, link-time optimisation, drivers of hardware that the guest does not have.
left_out=(
	path-exclude='/usr/share/doc/*' path-exclude='/usr/share/man/*'
	path-exclude='/usr/share/locale/*' path-exclude='*/lib/udev/hwdb*'
	path-exclude='/usr/lib/*/lto1' path-exclude='/usr/libexec/*/lto1'
	path-exclude='/usr/bin/*lto-dump*'
	path-exclude='/etc/kernel/postinst.d/initramfs-tools'
	path-exclude='*/lib/modules/*/kernel/sound/*'
	path-exclude='*/lib/modules/*/kernel/drivers/*'
	path-include='*/lib/modules/*/kernel/drivers/block/*'
	path-include='*/lib/modules/*/kernel/drivers/char/virtio_console.ko*'
	path-include='*/lib/modules/*/kernel/drivers/net/*.ko*'
	path-include='*/lib/modules/*/kernel/drivers/virtio/*'
	path-exclude='*/lib/modules/*/kernel/drivers/net/*/*'
	path-include='*/lib/modules/*/kernel/drivers/net/bonding/*'
	path-include='*/lib/modules/*/kernel/drivers/net/ipvlan/*'
	path-include='*/lib/modules/*/kernel/drivers/net/vxlan/*'
)

# recipe KERNEL: sets $suite and $recipe, mmdebstrap's arguments.
recipe() {
	local rule

	case $1 in
	5.10) suite=bullseye ;;
	6.1) suite=bookworm ;;
	6.12 | newest) suite=trixie ;;
	*) die "no kernel '$1': 5.10, 6.1, 6.12 and newest are known" ;;
	esac
	recipe=(--variant=minbase --format=tar --aptopt='Acquire::Languages "none"'
		--include="$(IFS=,; echo "${packages[*]}")")
	for rule in "${left_out[@]}"; do recipe+=("--dpkgopt=$rule"); done
	case $1 in
	5.10) # The security archive lists a bpftool and a libbpf that it does not hold.
		pin 'bpftool libbpf*' l=Debian-Security -1
		;;
	newest)
		# The mirror that mmdebstrap chose for the release has its backports too.
		recipe+=("--setup-hook=sed -n 's/ $suite / $suite-backports /p' \
			\"\$1/etc/apt/sources.list\" >\"\$1/etc/apt/sources.list.d/backports.list\"")
		pin 'src:linux* src:linux-signed*' "n=$suite-backports" 900
		;;
	esac
	recipe+=("$suite" -)
}

# pin PACKAGES RELEASE PRIORITY
pin() {
	recipe+=("--setup-hook=printf '%s\\n' 'Package: $1' 'Pin: release $2' 'Pin-Priority: $3' \
		>\"\$1/etc/apt/preferences.d/pin\"")
}

# userland KERNEL: sets $userland to the directory with root.squashfs, tree, kernel, initramfs, release.
userland() {
	recipe "$1"
	entry "userland-$1" "1 ${early[*]} ${recipe[*]}" make_userland "$1"
	userland=$entry
}

bootstrap() {
	local TMPDIR=${TMPDIR:-/var/tmp}

	# The ids of a user namespace cannot reach a cache in a closed home.
	[ "$EUID" != 0 ] || TMPDIR=$temporary
	export TMPDIR
	mmdebstrap "${recipe[@]}" >"$temporary/root.tar" 2>"$temporary/log"
}

image() {
	tar2sqfs -q -x -c zstd -X level=3 -b 131072 "$temporary/root.squashfs" <"$temporary/root.tar"
}

make_userland() {
	say "making the userland of Debian $suite for kernel $1: some 200 MB to fetch, two minutes"
	guarded bootstrap || {
		die "cannot make Debian $suite: $(grep '^E:' "$temporary/log" | head -n 1)"
	}
	say "packing it"
	guarded image
	mkdir "$temporary/tree"
	tar -x -f "$temporary/root.tar" -C "$temporary/tree" --no-same-owner --no-same-permissions \
		--exclude='./dev/*' --exclude='./var/*'
	rm "$temporary/root.tar" "$temporary/log"
	# What compiling needs of /dev and /proc, without a mount where a device can be made. The newer
	# kernels' objtool looks for its stack.
	mknod -m 666 "$temporary/tree/dev/null" c 1 3 2>/dev/null || : >"$temporary/tree/dev/null"
	mkdir "$temporary/tree/proc/self"
	cat /proc/self/maps >"$temporary/tree/proc/self/maps"
	basename "$temporary"/tree/lib/modules/* >"$temporary/release"
	kernel_image "$temporary"
	early_archive "$temporary"
}

# kernel_image DIRECTORY: makes DIRECTORY/kernel, unpacked as an ELF file where QEMU can boot that: it
# saves the guest five seconds.
kernel_image() {
	local packed start length unpack

	packed=$1/tree/boot/vmlinuz-$(<"$1/release")
	# Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
	start=$((($(number "$packed" 497 1) + 1) * 512 + $(number "$packed" 584 4)))
	length=$(number "$packed" 588 4)
	case $(number "$packed" $start 4) in
	1484404733) unpack=(xz -dc) ;;
	4247762216) unpack=(zstd -dcq) ;;
	*) cp "$packed" "$1/kernel"; return ;;
	esac
	# The payload ends with its unpacked size, which is not the compressor's.
	head -c "$((start + length - 4))" "$packed" | tail -c "+$((start + 1))" |
		inside "$1/tree" "${unpack[@]}" >"$1/kernel"
}

number() { od -A n -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }

# early_archive DIRECTORY: makes DIRECTORY/initramfs, with busybox and the early modules in order.
early_archive() {
	local tree=$1/tree root=$1/root module names=()

	mkdir -p "$root"/{bin,dev,modules,proc,ro,root,rw,sys}
	cp "$tree/bin/busybox" "$root/bin/"
	while read -r _ module _; do
		cp "$tree$module" "$root/modules/"
		module=${module##*/}
		case $module in *.xz) "$tree/bin/busybox" unxz "$root/modules/$module" ;; esac
		names+=("${module%.xz}")
	done < <(inside "$tree" modprobe -a -S "$(<"$1/release")" --show-depends "${early[@]}" |
		awk '$1 == "insmod" && !seen[$2]++')
	[ ${#names[@]} -ge ${#early[@]} ] || die "the early modules are not in the userland"
	printf '%s\n' "${names[@]}" >"$root/modules/order"
	archive "$tree" "$root" >"$1/initramfs"
	rm -r "$root"
}

# archive TREE DIRECTORY: DIRECTORY as the kernel reads it, owned by root.
archive() {
	(cd "$2" && find . -print0 | "$1/bin/busybox" cpio -0 -o -H newc -R 0:0 2>/dev/null)
}
