#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# restart_vm_worker.sh DOMID [--config FILE]: restart the back end of one guest, and only that.
# Ends when the new one serves the guest. Exit status: that of xvctl (docs/xvctl.1.md).
set -eu

if [ $# -lt 1 ] || [ "$1" = --help ]; then
    echo "usage: restart_vm_worker.sh DOMID [--config FILE]" >&2
    exit 2
fi
domid=$1
shift

# XVCTL, or the one on the PATH, or the newest one built in this tree.
top=$(dirname "$0")/..
xvctl=${XVCTL:-$(command -v xvctl || true)}
if [ -z "$xvctl" ]; then
    for built in "$top"/*/ctl/xvctl; do
        [ -x "$built" ] || continue
        if [ -z "$xvctl" ] || [ -n "$(find "$built" -newer "$xvctl")" ]; then
            xvctl=$built
        fi
    done
fi
if [ -z "$xvctl" ]; then
    echo "restart_vm_worker.sh: no xvctl on the PATH nor built here: run ninja, or set XVCTL" >&2
    exit 2
fi
exec "$xvctl" "$@" restart "$domid"
