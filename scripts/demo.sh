#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# demo.sh: two guests, one wire, on a machine without Xen. Needs root. Exit status 0: everything was as expected.
set -eu
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
    echo "demo: run it as root: sudo scripts/demo.sh" >&2
    exit 1
fi
step()
{
    echo "== $*"
}

step "packages"
scripts/install-deps.sh
step "build"
if [ ! -f build/build.ninja ]; then
    rm -rf build
    meson setup build -Dguest_driver=enabled -Dwarning_level=2 -Dwerror=true >demo.setup.log 2>&1 || { cat demo.setup.log; exit 1; }
    mv demo.setup.log build/setup.log
fi
ninja -C build --quiet
XV_BUILD=$PWD/build exec python3 tests/e2e/demo.py
