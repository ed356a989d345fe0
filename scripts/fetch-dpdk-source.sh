#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# fetch-dpdk-source.sh [--cached]: DPDK's source, of exactly the installed libdpdk-dev's version. Prints the directory that has it:
#   DIR/src  the tree that Debian built (examples/, lib/ and so on, with Debian's patches)
#   DIR/sdk  the headers that a driver needs and libdpdk-dev lacks, as meson's -Ddpdk_sdk takes them
# If it isn't there, it is fetched; with --cached never: then that is an error, whose text says what to do.
#
# DIR is dpdk-VERSION in XV_DPDK_CACHE, if that is set; else in /var/cache/xv; else, for who may not write there, in .sdk of
# this clone. It is made whole or not at all, so clones may do this side by side, and nobody writes there any more:
# copy what you change. It comes through apt, which checks its signature, from where this machine gets its packages; the
# system's own lists and sources stay untouched. Of apt only the log is left on an error, on stderr.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

HEADERS='lib/ethdev/ethdev_driver.h lib/ethdev/ethdev_vdev.h lib/eal/include/dev_driver.h
    drivers/bus/vdev/bus_vdev_driver.h'
SYSTEM=/var/cache/xv
CLONE=$top/.sdk

die()
{
    echo "fetch-dpdk-source: $*" >&2
    exit 1
}

case "$#${1:-}" in
0 | 1--cached) ;;
*) die "usage: fetch-dpdk-source.sh [--cached]" ;;
esac
version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev 2>/dev/null) || die "libdpdk-dev is not installed"
name=dpdk-$(echo "$version" | tr : _)

# Prints where it is, if it is there, and ends.
there()
{
    for dir in "${XV_DPDK_CACHE:-$SYSTEM}" "${XV_DPDK_CACHE:-$CLONE}"; do
        if [ -d "$dir/$name" ]; then
            echo "$dir/$name"
            exit 0
        fi
    done
}

there
[ $# -eq 0 ] || die "no source of dpdk $version here: run scripts/install-deps.sh, which fetches it by apt"

cache=${XV_DPDK_CACHE:-$SYSTEM}
if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
    [ -z "${XV_DPDK_CACHE:-}" ] || die "may not write to $cache (XV_DPDK_CACHE)"
    cache=$CLONE
    mkdir -p "$cache"
fi
exec 9>"$cache/dpdk.lock"
flock 9
there

work=$(mktemp -d "$cache/.dpdk.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work" # apt reads and downloads as a user of its own
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/new/sdk"

# The sources this machine gets the distribution itself from, as deb-src. Other parties' repositories have other
# release names.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u |
    awk -v c="$codename" '$2 == c || index($2, c "-") == 1 { print "deb-src", $1, $2, $3 }' >"$work/sources.list"
[ -s "$work/sources.list" ] || die "apt knows no source for $codename: run apt-get update"

apt_private()
{
    list=$1
    shift
    apt-get -q -o Dir::Etc::SourceList="$list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" "$@" >>"$work/log" 2>&1
}

log_die()
{
    cat "$work/log" >&2
    die "$@"
}

echo "fetching the source of dpdk $version into $cache" >&2
apt_private "$work/sources.list" update --error-on=any || log_die "apt-get update failed for the source lists: no network?"
# A source may list what it no longer has while another one has it, and apt asks only one: so each by itself.
split -l 1 "$work/sources.list" "$work/source."
for one in "$work"/source.*; do
    (cd "$work" && apt_private "$one" source "dpdk=$version") && break
done
set -- "$work"/dpdk-*/lib
[ -d "$1" ] ||
    log_die "apt has no source package dpdk $version; if apt has a newer libdpdk-dev: apt-get install libdpdk-dev"
[ $# -eq 1 ] && [ -d "$1" ] || die "the source package of dpdk $version has no single tree"
mv "${1%/lib}" "$work/new/src"
for h in $HEADERS; do
    [ -f "$work/new/src/$h" ] || die "dpdk $version has no $h"
    cp "$work/new/src/$h" "$work/new/sdk/"
done
chmod -R a+rX "$work/new"
mv "$work/new" "$cache/$name"
echo "$cache/$name"
