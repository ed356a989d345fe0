#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# chaos.sh SECONDS SEED [-a ACTION]...: kill everything in random order, under load (tests/chaos/chaos.py).
# Needs root and a build (XV_BUILD, default: build). The last line is a summary, the exit status says whether all held.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: chaos.sh SECONDS SEED [-a ACTION]..." >&2
    exit 2
fi
exec python3 "$(dirname "$0")/../tests/chaos/chaos.py" "$@"
