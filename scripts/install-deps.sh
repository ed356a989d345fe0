#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install-deps.sh [xen|bench|fuzz|debian13|package]: install what building and testing needs and this machine lacks; with "xen" also
# what the tests on emulated Xen need, with "bench" what the benches need, with "fuzz" what the fuzzers need, with "debian13"
# what makes a Debian 13 to build in, with "package" what builds and tests Debian's packages.
# Debian 12 and 13; needs root only if something is missing. Nothing else fetches what a build needs.
set -eu
cd "$(dirname "$0")/.."

# Xen's tools have their version in their name: the one that is installed, or that Xen's metapackage names.
xen_utils()
{
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'xen-utils-[0-9]*' 2>/dev/null |
        sed -n 's/^installed //p' | sort -V | tail -n 1 | grep . ||
        apt-cache depends xen-system-amd64 2>/dev/null | sed -nE 's/.*Depends: (xen-utils-[0-9.]+)$/\1/p' | grep . ||
        echo "xen-utils-(lists missing)"
}

# Where units belong is told by systemd's own package on Debian 12.
systemd_dev()
{
    apt-cache show systemd-dev >/dev/null 2>&1 && echo systemd-dev || echo systemd
}

missing()
{
    PACKAGES="meson ninja-build gcc libc6-dev pkg-config git ca-certificates
        dpdk-dev libdpdk-dev dpkg-dev libpcap-dev libbsd-dev libxdp-dev libbpf-dev libnuma-dev
        libxen-dev $(xen_utils) xenstore-utils libnanomsg-dev libseccomp-dev libcriterion-dev
        iproute2 util-linux mount python3 python3-prometheus-client clang-format"
    case $1 in
    xen) PACKAGES="$PACKAGES qemu-system-x86 busybox-static" ;;
    bench) PACKAGES="$PACKAGES dpdk openvswitch-switch-dpdk python3-matplotlib valgrind" ;;
    fuzz) PACKAGES="$PACKAGES clang libclang-rt-dev" ;;
    debian13) PACKAGES="$PACKAGES mmdebstrap" ;;
    package) PACKAGES="$PACKAGES debhelper lintian man-db mmdebstrap pkgconf $(systemd_dev)" ;;
    esac
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

# The lists are fetched only when they lack something or what they name is gone.
packages_install()
{
    want=$(missing "$1")
    [ -n "$want" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "install-deps: run it as root; missing:" $want >&2
        exit 1
    fi
    echo "installing:" $want

    # One at a time: clones may do this side by side.
    exec 9>/run/lock/xv-install-deps
    flock 9
    want=$(missing "$1")
    [ -n "$want" ] || return 0
    daemons_hold
    if ! apt install --no-install-recommends $want >/dev/null 2>&1; then
        apt update
        want=$(missing "$1")
        apt install --no-install-recommends $want
    fi
    exec 9>&-
}

packages_install "${1:-}"
# The guest's driver needs headers that libdpdk-dev may lack.
dpkg -L libdpdk-dev | grep -q '/ethdev_driver\.h$' || scripts/fetch-dpdk-source.sh >/dev/null
