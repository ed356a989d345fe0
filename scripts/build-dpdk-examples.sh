#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# build-dpdk-examples.sh: programs of DPDK's examples/, as whoever programs with DPDK begins, built of Debian's source by their own
# Makefiles against the installed libdpdk. Prints the directory that has them as NAME/build/NAME. Tests run them as guests;
# nothing of them is in the tree or gets installed.
#
# The directory is examples-VERSION beside the source (fetch-dpdk-source.sh, which must have run). It is made whole or not at
# all, so clones may do this side by side.
set -eu
cd "$(dirname "$0")"

EXAMPLES='l2fwd l3fwd skeleton ip_fragmentation link_status_interrupt multi_process/symmetric_mp'

die()
{
    echo "build-dpdk-examples: $*" >&2
    exit 1
}

[ $# -eq 0 ] || die "usage: build-dpdk-examples.sh"
source=$(./fetch-dpdk-source.sh --cached)
cache=${source%/*}
to=$cache/examples-${source##*/dpdk-}
if [ -d "$to" ]; then
    echo "$to"
    exit 0
fi
if ! [ -w "$cache" ]; then
    cache=$(cd .. && pwd)/.sdk
    to=$cache/${to##*/}
    mkdir -p "$cache"
fi
exec 9>"$cache/examples.lock"
flock 9
if [ ! -d "$to" ]; then
    work=$(mktemp -d "$cache/.examples.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    cp -r "$source/src/examples/common" "$work/"
    for e in $EXAMPLES; do
        mkdir -p "$work/${e%/*}"
        rm -rf "${work:?}/$e"
        cp -r "$source/src/examples/$e" "$work/$e"
        make -C "$work/$e" shared >"$work/log" 2>&1 || { cat "$work/log" >&2; die "can't build DPDK's example $e"; }
    done
    chmod -R a+rX "$work"
    rm "$work/log"
    mv "$work" "$to"
fi
echo "$to"
