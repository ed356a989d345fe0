#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test-build.sh: what can be built, and is installed, without a network, git, DPDK's driver headers, Criterion; in a path with
# a space. Needs root, for a namespace without a network. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
top=$PWD

work=$(mktemp -d)
out=$work/out
. scripts/facts.sh
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
src="$work/a b/xv"

# offline VAR=VALUE... COMMAND...: without a network, and with an empty cache of DPDK's source unless a variable says another.
offline()
{
    unshare --net env XV_DPDK_CACHE="$work/none" "$@"
}

# setup DIR OPTION...: leaves meson's output in $work/setup.
setup()
{
    local dir=$1

    shift
    (cd "$src" && offline PKG_CONFIG="$work/pkg-config" meson setup "$dir" -Dwarning_level=2 -Dwerror=true "$@") \
        >"$work/setup" 2>&1
}

refused()
{
    ! "$@" || { cat "$work/setup"; false; }
}

# said TEXT: a line of what meson said.
said()
{
    grep -E "$1" "$work/setup" || { tail -n 20 "$work/setup"; false; }
}

installed()
{
    (cd "$src" && DESTDIR="$work/d e" offline meson install -C build --no-rebuild) &&
        for f in sbin/xv-primary sbin/xv-worker sbin/xv-watcher sbin/xv-provision bin/xvctl lib/systemd/system/xv-primary.service; do
            [ -f "$work/d e/usr/local/$f" ] || { echo "no $f"; find "$work/d e" -type f; return 1; }
        done
}

# A tree as of an archive, and a machine without Criterion.
mkdir -p "$src" "$work/none"
if [ -e .git ]; then
    git ls-files -z --cached | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done
else
    find . -name 'build*' -prune -o -type f -print0
fi | tar -c --null -T - | tar -x -C "$src"
printf '#!/bin/sh\ncase "$*" in *criterion*) exit 1 ;; esac\nexec pkg-config "$@"\n' >"$work/pkg-config"
chmod 755 "$work/pkg-config"
headers=$(pkg-config --cflags-only-I libdpdk | tr ' ' '\n' | sed -n 's/^-I//p' | while read -r d; do
    [ ! -e "$d/ethdev_driver.h" ] || echo "$d"; done)

if [ -z "$headers" ]; then
    fact "without driver headers auto sets up" setup build
    fact "and says in one line what is missing and what to do" said 'WARNING: .*driver is left out: .*install-deps.sh.*-Ddpdk_sdk'
    fact "and in the summary" said '^ *guest driver *: NO: '
    fact "and which tests are left out" said '^ *tests *: NOT all: .*Criterion.*guest driver'
    fact "enabled is refused" refused setup build-enabled -Dguest_driver=enabled
    fact "with the same words" said 'ERROR: .*driver can.t be built: .*install-deps.sh.*-Ddpdk_sdk'
    fact "a directory without them is named" setup build-empty -Ddpdk_sdk="$work/none"
    fact "in the warning" said "WARNING: .*left out: $work/none lacks"
fi
fact "tests enabled without Criterion are refused" refused setup build-tests -Dtests=enabled
fact "the host's programs are built without a network" offline ninja -C "$src/build" --quiet
fact "and installed below DESTDIR" installed
fact "no driver with them" test ! -e "$work/d e/usr/local/lib/x86_64-linux-gnu/librte_net_xenvirt.so"
if [ -z "$headers" ]; then
    cached=$("$top/scripts/fetch-dpdk-source.sh" --cached)
    fact "headers are found where -Ddpdk_sdk says" setup build-sdk -Ddpdk_sdk="$cached/sdk" -Dtests=disabled
    fact "and named" said '^ *guest driver *: yes, driver headers: /.*/sdk$'
    fact "and the driver is built with them" offline ninja -C "$src/build-sdk" --quiet frontend/librte_net_xenvirt.so.1
fi
fact "nothing was fetched" test -z "$(ls -A "$work/none")" -a ! -e "$src/.sdk"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
