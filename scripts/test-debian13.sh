#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test-debian13.sh [-k PART]...: the switch on Debian 13 (DPDK 24.11, Xen 4.20, gcc 14): build with warnings as errors, unit
# tests, and a choice of the end-to-end tests (or those that -k names) in a root directory made of its packages. Needs root.
# The last line is `N passed, N failed`. Exit status 77: the packages could not be had, so that nothing was tested.
#
# That directory is made once, by apt from where this machine gets its own packages, and kept in XV_DEBIAN13_CACHE, default
# /var/cache/xv/debian13; what a run writes there is forgotten with it. The build is in the clone: build-debian13.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

UNTESTED=77
PACKAGES='meson ninja-build gcc libc6-dev pkg-config dpdk-dev libdpdk-dev dpkg-dev libseccomp-dev libpcap-dev libbsd-dev
    libxdp-dev libbpf-dev libnuma-dev libxen-dev xen-utils-4.20 xenstore-utils libnanomsg-dev libconfig-dev
    libcriterion-dev iproute2 util-linux mount procps python3 python3-prometheus-client
    ca-certificates'
# One of each kind: frames both ways, kinds of uplink, kills, all orders of start; what is put in place of EAL's own.
SMOKE='Frames.test_numbered Frames.test_guest_to_guest Veth NoUplink worker_that_is_killed StartOrder test_a_kill_at_any_call
    guests_go_on_after_the_primary test_loopback'

say()
{
    echo "debian13: $*"
}

untested()
{
    [ ! -s "$cache/log" ] || tail -n 20 "$cache/log"
    say "NOT TESTED: $*"
    echo "0 passed, 0 failed"
    exit $UNTESTED
}

# root_make: $cache/root, whole or not at all. $cache/log says why not.
root_make()
{
    local stamp list=() codename

    stamp="trixie minbase $PACKAGES"
    exec 9>"$cache/lock" # clones may do this side by side
    flock 9
    if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "making $cache/root"
        codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
        mapfile -t list < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            sort -u | awk -v c="$codename" '$2 == c || index($2, c "-") == 1 {
                sub("^" c, "trixie", $2); print "deb", $1, $2, $3; print "deb-src", $1, $2, $3 }')
        [ ${#list[@]} -gt 0 ] || return 1
        rm -rf "$cache/stamp" "$cache/root" "$cache/new"
        # shellcheck disable=SC2086
        mmdebstrap --variant=minbase --skip=cleanup/apt/lists --include="$(echo $PACKAGES | tr ' ' ,)" trixie \
            "$cache/new" "${list[@]}" >"$cache/log" 2>&1 || { rm -rf "$cache/new"; return 1; }
        mv "$cache/new" "$cache/root"
        echo "$stamp" >"$cache/stamp"
        say "made, $(du -sh "$cache/root" | cut -f 1)"
    fi
    : >"$cache/log"
    exec 9>&-
}

# inside COMMAND: in that root, with this clone as /src, in namespaces of its own for mounts and processes. All that it
# writes outside /src and the cache of DPDK's source is in memory.
inside()
{
    unshare --mount --pid --fork --kill-child sh -euc '
        mkdir -p "$1/run"
        mount -t tmpfs -o mode=755 xv "$1/run"
        cd "$1/run"
        mkdir upper work root
        mount -t overlay -o lowerdir="$1/root",upperdir=upper,workdir=work xv root
        mkdir -p root/src root/var/cache/xv
        mount --bind "$2" root/src
        mount --bind "$3" root/var/cache/xv
        mount -t proc xv root/proc
        mount --rbind /sys root/sys
        mount --rbind /dev root/dev
        mount -t tmpfs -o mode=755 xv root/run
        mount -t tmpfs xv root/tmp
        mkdir root/run/lock
        mount --bind /run/lock root/run/lock # where hugepages are counted
        cp /etc/resolv.conf root/etc/resolv.conf 2>/dev/null || :
        exec chroot root env -i HOME=/ LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin CI="${CI:-}" sh -euc "cd /src; $4"
    ' sh "$cache" "$top" "$dpdk" "$1"
}

if [ "$(id -u)" -ne 0 ]; then
    echo "test-debian13: run it as root: sudo scripts/test-debian13.sh" >&2
    exit 1
fi
only=''
while [ $# -gt 0 ]; do
    case $1 in
    -k) only="$only ${2:?-k takes a part of a name}"; shift 2 ;;
    *) sed -n '3,5s/^# //p' "$0" >&2; exit 2 ;;
    esac
done
cache=${XV_DEBIAN13_CACHE:-/var/cache/xv/debian13}
dpdk=${XV_DPDK_CACHE:-/var/cache/xv}
mkdir -p "$cache" "$dpdk"
: >"$cache/log"
command -v mmdebstrap >/dev/null || scripts/install-deps.sh debian13 || untested "no mmdebstrap, which makes it"
root_make || untested "its packages can't be had"

passed=0 failed=0
count()
{
    passed=$((passed + $1)) failed=$((failed + $2))
}
finish()
{
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

driver=enabled
if ! inside 'scripts/fetch-dpdk-source.sh' >"$cache/log" 2>&1; then
    tail -n 1 "$cache/log"
    say "NOT TESTED there: the guest's driver, which needs that source"
    driver=disabled
fi
say "build"
options="-Dwarning_level=2 -Dwerror=true -Dtests=enabled -Dguest_driver=$driver"
[ -f build-debian13/build.ninja ] && again=--reconfigure || { rm -rf build-debian13; again=''; }
inside "meson setup $again build-debian13 $options >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
    ninja -C build-debian13 --quiet" || { count 0 1; finish; }
say "unit tests"
inside "meson test -C build-debian13 --no-rebuild --print-errorlogs --timeout-multiplier 3 --suite unit" || :
# shellcheck disable=SC2046
count $(python3 scripts/count-tests.py build-debian13/meson-logs/testlog.json || echo 0 1)
say "end-to-end tests"
args=''
for k in ${only:-$SMOKE}; do
    [ $driver$k = disabledtest_loopback ] || args="$args -k $k"
done
inside "XV_BUILD=/src/build-debian13 python3 tests/e2e/run.py $args" 2>&1 | tee build-debian13/e2e.log || :
if [[ $(tail -n 1 build-debian13/e2e.log) =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
else
    count 0 1
fi
finish
