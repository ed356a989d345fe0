#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test-package.sh: Debian's packages of this tree. They are built from a clean export of what git knows, without a network;
# lintian finds nothing; a program is built with librte-net-xenvirt-dev; and in a clean Debian of this machine's release they
# are installed, looked at, upgraded, removed and purged (tests/package/inside.sh). Needs root. The last line is
# `N passed, N failed`.
#
# That Debian is made once, by apt from where this machine gets its own packages, and kept in XV_PACKAGE_CACHE, default
# /var/cache/xv/package; what a run writes there is forgotten with it. Where its packages can't be had, that is said and
# counts neither way.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
top=$PWD

if [ "$(id -u)" -ne 0 ]; then
    echo "test-package: run it as root: sudo scripts/test-package.sh" >&2
    exit 1
fi
cache=${XV_PACKAGE_CACHE:-/var/cache/xv/package}
mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
out=$work/out
. scripts/facts.sh
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
src=$work/xv

say()
{
    echo "package: $* ($SECONDS s)"
}

finish()
{
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

export_tree()
{
    mkdir "$src"
    git ls-files -z | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
        tar -c --null -T - | tar -x -C "$src"
}

packages_build()
{
    cd "$src" && unshare --net env DEB_BUILD_OPTIONS="parallel=$(nproc)" dpkg-buildpackage -us -uc -b
}

# A program that makes a granted mempool, with what librte-net-xenvirt-dev has.
program_build()
{
    local lib

    for deb in "$work"/librte-net-xenvirt*.deb; do
        dpkg-deb -x "$deb" "$work/dev" || return
    done
    lib=$(dirname "$(echo "$work"/dev/usr/lib/*/librte_net_xenvirt.so.1)")
    printf '%s\n' '#include <rte_eth_xenvirt.h>' 'int main(void)' '{' \
        '    return rte_mempool_gntalloc_free(rte_pktmbuf_pool_gntalloc_create("p", 63, 0, 0, 2048, 0));' '}' \
        >"$work/program.c"
    # shellcheck disable=SC2046
    gcc "$work/program.c" -o "$work/program" -I"$work/dev/usr/include" -L"$lib" -Wl,-rpath-link,"$lib" \
        $(PKG_CONFIG_PATH="$lib/pkgconfig" pkg-config --cflags --libs librte_net_xenvirt) &&
        readelf -d "$work/program" | grep 'NEEDED.*librte_net_xenvirt.so.1'
}

# What the packages need that isn't among them: the first of alternatives, no version.
needs()
{
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -f "$deb" Pre-Depends Depends
    done | sed -E 's/^[A-Za-z-]+: //' | tr ',' '\n' | sed -E 's/\|.*//; s/\(.*//; s/:[a-z]+//; s/[[:space:]]//g' |
        grep . | grep -vE '^(xv-|librte-net-xenvirt)' | sort -u
}

# root_make PACKAGE...: $cache/root, whole or not at all. $work/out says why not.
root_make()
{
    local stamp list=() codename

    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    stamp="$codename minbase $*"
    exec 9>"$cache/lock" # clones may do this side by side
    flock 9
    if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ]; then
        say "making $cache/root"
        mapfile -t list < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            sort -u | awk -v c="$codename" '$2 == c || index($2, c "-") == 1 { print "deb", $1, $2, $3 }')
        [ ${#list[@]} -gt 0 ] || return 1
        rm -rf "$cache/stamp" "$cache/root" "$cache/new"
        mmdebstrap --variant=minbase --skip=cleanup/apt/lists --include="$(echo "$@" | tr ' ' ,)" "$codename" \
            "$cache/new" "${list[@]}" >"$out" 2>&1 || { rm -rf "$cache/new"; return 1; }
        mv "$cache/new" "$cache/root"
        echo "$stamp" >"$cache/stamp"
        say "made, $(du -sh "$cache/root" | cut -f 1)"
    fi
    exec 9>&-
}

# Runs tests/package/inside.sh in that root, without a network, in namespaces of its own. What it writes is in memory.
inside()
{
    unshare --mount --pid --net --fork --kill-child sh -euc '
        mkdir "$2/run"
        mount -t tmpfs -o mode=755 xv "$2/run"
        cd "$2/run"
        mkdir upper work root
        mount -t overlay -o lowerdir="$1/root",upperdir=upper,workdir=work xv root
        mkdir root/debs
        mount --bind "$2/debs" root/debs
        mount -t proc xv root/proc
        mount --rbind /sys root/sys
        mount --rbind /dev root/dev
        mount -t tmpfs -o mode=755 xv root/run
        mount -t tmpfs xv root/tmp
        cp "$3/tests/package/inside.sh" "$3/scripts/facts.sh" root/tmp/
        exec chroot root env -i HOME=/ LC_ALL=C.UTF-8 PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash /tmp/inside.sh /debs
    ' sh "$cache" "$work" "$top"
}

export_tree
say "build"
fact "the packages are built" packages_build
[ "$failed" -eq 0 ] || finish
mkdir "$work/debs"
for deb in "$work"/*.deb; do
    case $deb in
    *-dbgsym_*) ;;
    *) ln "$deb" "$work/debs/" ;;
    esac
done
for name in xv-switch xv-tools librte-net-xenvirt1; do
    fact "$name has its symbols apart" test -s "$(echo "$work/$name"-dbgsym_*.deb)"
done
say "lintian"
fact "lintian finds nothing" lintian --allow-root --fail-on error,warning "$work"/*.changes
fact "a program is built with librte-net-xenvirt-dev" program_build
# shellcheck disable=SC2046
root_make systemd man-db dpdk-dev $(needs) || {
    tail -n 20 "$out"
    say "NOT TESTED: the packages' installation; Debian's own can't be had"
    finish
}
say "installation"
inside | tee "$work/inside"
if [[ $(tail -n 1 "$work/inside") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
else
    failed=$((failed + 1))
fi
say "done"
finish
