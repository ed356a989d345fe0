#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# fetch-dpdk-sdk.sh DESTDIR: put DPDK's driver headers into DESTDIR.
#
# libdpdk-dev lacks the headers that a driver needs. They are taken from the source package of exactly the installed
# version, through apt, which checks its signature. The system's own lists and sources stay untouched.
set -eu

HEADERS='lib/ethdev/ethdev_driver.h lib/ethdev/ethdev_vdev.h lib/eal/include/dev_driver.h
    drivers/bus/vdev/bus_vdev_driver.h'

die()
{
    echo "fetch-dpdk-sdk: $*" >&2
    exit 1
}

[ $# -eq 1 ] || die "usage: fetch-dpdk-sdk.sh DESTDIR"
dest=$1
version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev 2>/dev/null) || die "libdpdk-dev is not installed"

# The stamp is written last: an interrupted run leaves none.
[ "$(cat "$dest/VERSION" 2>/dev/null)" = "$version" ] && exit 0

mkdir -p "$dest"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work" # apt reads and downloads as a user of its own
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"

# The sources this machine gets the distribution itself from, as deb-src. Other parties' repositories have other
# release names.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u |
    awk -v c="$codename" '$2 == c || index($2, c "-") == 1 { print "deb-src", $1, $2, $3 }' >"$work/sources.list"
[ -s "$work/sources.list" ] || die "apt knows no source for $codename"

apt_private()
{
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" "$@"
}

apt_private update --error-on=any >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; die "apt-get update failed for the source lists"; }
(cd "$work/src" && apt_private source --download-only "dpdk=$version") >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; die "apt has no source package dpdk $version"; }

set -- "$work"/src/dpdk_*.orig.tar.[gx]z
[ $# -eq 1 ] && [ -f "$1" ] || die "the source package of dpdk $version has no single upstream archive"
mkdir "$work/tree"
tar -xf "$1" -C "$work/tree" --strip-components=1

rm -f "$dest/VERSION"
for h in $HEADERS; do
    [ -f "$work/tree/$h" ] || die "dpdk $version has no $h"
    cp "$work/tree/$h" "$dest/"
done
echo "$version" >"$dest/VERSION"
