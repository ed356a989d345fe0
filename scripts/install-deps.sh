#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install-deps.sh [xen|bench]: install what building and testing needs and this machine lacks; with "xen" also what the tests on
# emulated Xen need, with "bench" what the benches need. Debian 12; needs root only for that.
set -eu

PACKAGES='meson ninja-build gcc libc6-dev pkg-config git ca-certificates
    dpdk-dev libdpdk-dev dpkg-dev libpcap-dev libbsd-dev libxdp-dev libbpf-dev libnuma-dev
    libxen-dev xen-utils-4.17 xenstore-utils libnanomsg-dev libconfig-dev libcriterion-dev
    iproute2 util-linux mount python3 clang-format'
[ "${1:-}" != xen ] || PACKAGES="$PACKAGES qemu-system-x86 busybox-static"
[ "${1:-}" != bench ] || PACKAGES="$PACKAGES python3-matplotlib"

missing()
{
    for p in $PACKAGES; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
    done
}

apt()
{
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}

want=$(missing)
[ -n "$want" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "install-deps: run it as root; missing:" $want >&2
    exit 1
fi
echo "installing:" $want

# One at a time: clones may do this side by side.
exec 9>/run/lock/xv-install-deps
flock 9
want=$(missing)
[ -n "$want" ] || exit 0
# The lists are fetched only when they lack something or what they name is gone.
if ! apt install --no-install-recommends $want >/dev/null 2>&1; then
    apt update
    apt install --no-install-recommends $want
fi
