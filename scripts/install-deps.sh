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
[ "${1:-}" != bench ] || PACKAGES="$PACKAGES dpdk openvswitch-switch-dpdk python3-matplotlib valgrind"

missing()
{
    for p in $PACKAGES; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
    done
}

# Open vSwitch is a peer of benches, which start it themselves: its package neither starts its daemons now nor at boot.
daemons_hold()
{
    case $want in
    *openvswitch*) ;;
    *) return 0 ;;
    esac
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    mkdir -p /etc/systemd/system
    for unit in openvswitch-switch ovs-vswitchd ovsdb-server ovs-record-hostname; do
        [ -e "/etc/systemd/system/$unit.service" ] || ln -s /dev/null "/etc/systemd/system/$unit.service"
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
daemons_hold
# The lists are fetched only when they lack something or what they name is gone.
if ! apt install --no-install-recommends $want >/dev/null 2>&1; then
    apt update
    apt install --no-install-recommends $want
fi
