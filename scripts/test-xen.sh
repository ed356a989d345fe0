#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# test-xen.sh [-k PART]...: the switch on real Xen, in an emulated machine (tests/xen/README.md). Needs root and a build
# (XV_BUILD, default: build). The last line is `N passed, N failed`. Exit status 77: the emulator failed in all tries, so that
# nothing was tested.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

"$top/scripts/install-deps.sh" xen
# Debian's interpreter, since it goes into the images with its library.
exec /usr/bin/python3 -B "$top/tests/xen/run.py" "$@"
