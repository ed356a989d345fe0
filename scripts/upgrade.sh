#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# upgrade.sh OLD NEW [--config FILE]: the programs of version NEW have taken the place of those of version OLD. If a switch
# runs here by systemd, brings into use what can be without a frame lost, and says what is left to the operator. Installed as
# libexec/xv/upgrade, for packages' scripts. Exit status 0 however far it came: what it couldn't replace goes on as it was.
set -eu

old=$1 new=$2
shift 2
restart=$(command -v xv-restart-worker || echo "$(dirname "$0")/restart_vm_worker.sh")

say()
{
    echo "xv: $*"
}

active()
{
    systemctl is-active --quiet "$1"
}

# What may not differ: docs/versioning.md.
series()
{
    echo "$1" | sed -E 's/^[0-9]+://; s/^([0-9]+\.[0-9]+).*/\1/'
}

primary_say()
{
    ! active xv-primary || say "xv-primary goes on with $old. To bring $new into use, at a time when a pause of all guests" \
        "of half a second is fine: systemctl restart xv-primary"
}

systemctl daemon-reload || :
if ! active xv-watcher; then
    primary_say
    exit 0
fi
if [ "$(series "$old")" != "$(series "$new")" ]; then
    say "$new lays shared memory out in another way than $old. All programs go on with $old, and no worker that dies" \
        "can come back: soon do systemctl stop xv-watcher xv-primary; systemctl start xv-primary xv-watcher"
    exit 0
fi
say "restarting the workers, one after the other"
if ! "$restart" --all "$@"; then
    say "not all workers were restarted, see above. The others, xv-watcher and xv-primary go on with $old"
    exit 0
fi
systemctl try-restart xv-watcher || say "xv-watcher could not be restarted: systemctl status xv-watcher"
primary_say
