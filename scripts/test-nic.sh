#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test-nic.sh [-k PART]... [-f]: the switch with real NICs, or nearly: boots a machine with two Intel 82576 in QEMU and runs
# tests/nic in it. Needs root. The last line is `N passed, N failed`.
#
# What it boots is made once by apt (QEMU of Debian 13, which has that NIC, and a kernel) and kept in XV_NIC_CACHE, default
# /var/cache/xv/nic. XV_BUILD names the build, default build, which is made if it is that.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XV_NIC_CACHE:-/var/cache/xv/nic}
if [ "$(id -u)" -ne 0 ]; then
    echo "test-nic: run it as root: sudo scripts/test-nic.sh" >&2
    exit 1
fi
scripts/install-deps.sh
if [ -z "${XV_BUILD:-}" ]; then
    XV_BUILD=$PWD/build
    [ -f build/build.ninja ] || meson setup build -Dguest_driver=enabled -Dwarning_level=2 -Dwerror=true
    ninja -C build --quiet
fi
export XV_BUILD
tests/nic/image.sh "$cache"
exec python3 tests/nic/outside.py "$cache" "$@"
