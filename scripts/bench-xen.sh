#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench-xen.sh [-r ROUNDS] [-s SECONDS] [-o FILE]: the switch beside Linux's xen-netback and its bridge, on Xen in an emulated
# machine (tests/xen/bench.py): about 20 minutes for 3 rounds. Only ratios count, and only of a machine with nothing else to do.
# Needs root and a build (XV_BUILD, default: build).
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

"$top/scripts/install-deps.sh" xen
exec /usr/bin/python3 -B "$top/tests/xen/bench.py" "$@"
