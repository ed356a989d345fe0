#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# bench.sh [--quick] [-o DIR] [--update] [NAME...]: install what is missing, build, run the benches of tests/bench (all, or
# those named) and write JSON, tables and plots into DIR (default: build/bench). In full about 15 minutes; --quick, which is
# for facts and not for speeds, under 3. --update puts the tables into docs/performance.md.
# The last line is `N passed, N failed`: a bench fails on wrong results, never on speed. Needs root.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

case "${1:-}" in
-h | --help)
    sed -n '3,6s/^# //p' "$0"
    exit 0
    ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo "bench: run it as root: sudo scripts/bench.sh" >&2
    exit 1
fi
"$top/scripts/install-deps.sh" >&2
"$top/scripts/install-deps.sh" bench >&2 || echo "!! NOT EVERYTHING COULD BE INSTALLED: peers or plots will be missing" >&2
if [ -z "${XV_BUILD:-}" ]; then
    XV_BUILD=$top/build
    [ -f "$XV_BUILD/build.ninja" ] || meson setup "$XV_BUILD" "$top" -Dguest_driver=enabled -Dtests=enabled -Dwarning_level=2 -Dwerror=true >&2
    export XV_BUILD
fi
ninja -C "$XV_BUILD" --quiet >&2
exec /usr/bin/python3 "$top/tests/bench/report.py" "$@"
