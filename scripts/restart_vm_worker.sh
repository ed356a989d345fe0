#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# restart_vm_worker.sh DOMID [--config FILE]: restart the back end of one guest, and only that. Installed as xv-restart-worker.
# Ends when the new one serves the guest. Exit status: that of xvctl (docs/xvctl.1.md).
set -eu

if [ $# -lt 1 ] || [ "$1" = --help ]; then
    echo "usage: $(basename "$0") DOMID [--config FILE]" >&2
    exit 2
fi
domid=$1
shift

# XVCTL, or the one on the PATH, or the one installed beside this, or the newest one built in this tree.
top=$(dirname "$0")/..
xvctl=${XVCTL:-$(command -v xvctl || true)}
if [ -z "$xvctl" ] && [ -x "$top/bin/xvctl" ]; then
    xvctl=$top/bin/xvctl
fi
if [ -z "$xvctl" ]; then
    for built in "$top"/*/ctl/xvctl; do
        [ -x "$built" ] || continue
        if [ -z "$xvctl" ] || [ -n "$(find "$built" -newer "$xvctl")" ]; then
            xvctl=$built
        fi
    done
fi
if [ -z "$xvctl" ]; then
    echo "$(basename "$0"): no xvctl on the PATH nor built here: run ninja, or set XVCTL" >&2
    exit 2
fi
exec "$xvctl" "$@" restart "$domid"
