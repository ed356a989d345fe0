#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# restart_vm_worker.sh DOMID|--all [--config FILE]: restart the back end of one guest, and only that, or of all, one after the
# other. Installed as xv-restart-worker. Ends when the new ones serve their guests; at the first that doesn't come back.
# Exit status: that of xvctl (docs/xvctl.1.md).
set -eu

if [ $# -lt 1 ] || [ "$1" = --help ]; then
    echo "usage: $(basename "$0") DOMID|--all [--config FILE]" >&2
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
[ "$domid" = --all ] || exec "$xvctl" "$@" restart "$domid"

# Prints the guests that have a worker now.
guests()
{
    said=$("$xvctl" "$@" show) || exit
    echo "$said" | awk '$1 == "xv-worker" && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ { print $2 }'
}

list=$(guests "$@")
for domid in $list; do
    "$xvctl" "$@" restart "$domid" && continue
    status=$?
    list=$(guests "$@")
    ! echo "$list" | grep -qx "$domid" || exit $status # else the guest has gone meanwhile
done
