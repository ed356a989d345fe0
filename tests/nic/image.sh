#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# image.sh DIR: put into DIR what outside.py boots, unless it is there: Debian 13's QEMU, which has the NIC, this
# Debian's kernel, and an initramfs that mounts this machine's own root directory. All of it through apt, which checks
# signatures, from where this machine gets its packages; its own lists and sources stay untouched.
set -euo pipefail
cd "$(dirname "$0")"

# In this order: each after what it needs.
MODULES='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console
    netfs fscache 9pnet 9pnet_virtio 9p overlay af_packet
    irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci uio uio_pci_generic'

die()
{
    echo "image: $*" >&2
    exit 1
}

[ $# -eq 1 ] || die "usage: image.sh DIR"
dir=$1
stamp=$(cat image.sh init.sh | cksum)
there()
{
    [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]
}
! there || exit 0
mkdir -p "$dir"
exec 9>"$dir/lock" # clones may do this side by side
flock 9
! there || exit 0
echo "image: making $dir"
rm -rf "$dir/stamp" "$dir/qemu" "$dir/vmlinuz" "$dir/initrd"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work" # apt reads and downloads as a user of its own
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")

# apt_private RELEASE COMMAND...: apt-get with lists of its own of that release, on a machine where nothing is installed.
apt_private()
{
    local state=$work/$1

    shift
    apt-get -q -y -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o APT::Keep-Downloaded-Packages=true -o APT::Install-Recommends=false "$@"
}

# release_open RELEASE: from where this machine gets its own release.
release_open()
{
    local state=$work/$1

    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/deb"
    : >"$state/status"
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u |
        awk -v c="$codename" -v r="$1" '$2 == c || (r == c && index($2, c "-") == 1) {
            sub("^" c, r, $2); print "deb", $1, $2, $3 }' >"$state/sources.list"
    [ -s "$state/sources.list" ] || die "apt knows no source for $codename"
    apt_private "$1" update --error-on=any >"$work/log" 2>&1 || { cat "$work/log" >&2; die "no lists of $1"; }
}

# qemu_make: the program and every library that it needs, to be run by its own loader.
qemu_make()
{
    release_open trixie
    apt_private trixie install --download-only qemu-system-x86 >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; die "apt has no qemu-system-x86"; }
    mkdir -p "$dir/qemu"
    for deb in "$work"/trixie/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir/qemu" --keep-directory-symlink \
            --exclude='./usr/share/doc*' --exclude='./usr/share/locale*' --exclude='./usr/share/man*' \
            --exclude='./dev*' --exclude='./var*'
    done
}

# kernel_get: unpacks the newest kernel and a busybox that needs no library.
kernel_get()
{
    local kernel

    release_open "$codename"
    kernel=$(apt_private "$codename" install --simulate linux-image-amd64 |
        sed -nE 's/^Inst (linux-image-[0-9][^ ]*) .*/\1/p')
    [ -n "$kernel" ] || die "apt has no kernel"
    (cd "$work/$codename/deb" && apt_private "$codename" download "$kernel" busybox-static) >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; die "apt has no $kernel"; }
    for deb in "$work/$codename"/deb/*.deb; do
        dpkg-deb -x "$deb" "$work/kernel"
    done
    cp "$work"/kernel/boot/vmlinuz-* "$dir/vmlinuz"
}

initrd_make()
{
    local tree=$work/initrd file

    mkdir -p "$tree"/{bin,dev,lower,mod,new,proc,sys,upper}
    cp "$work/kernel/bin/busybox" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    cp init.sh "$tree/init"
    chmod 755 "$tree/init"
    for name in $MODULES; do
        file=$(find "$work/kernel/lib/modules" -name "${name//[-_]/[-_]}.ko" | head -n 1)
        [ -n "$file" ] || continue # in the kernel itself
        cp "$file" "$tree/mod/$name.ko"
        echo "$name" >>"$tree/mod/list"
    done
    # cpio is not everywhere; python is.
    python3 ../xen/cpio.py "$tree" | gzip -1 >"$dir/initrd"
}

qemu_make
kernel_get
initrd_make
echo "$stamp" >"$dir/stamp"
echo "image: made, $(du -sh "$dir" | cut -f 1)"
