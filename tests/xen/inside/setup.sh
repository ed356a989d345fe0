#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# setup.sh: the first thing that runs in every domain, dom0 too. Then init starts the agent.
export PATH=/usr/sbin:/usr/bin HOME=/root
chmod 755 / # EAL loads no driver below a directory that everybody may write to
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/lock /var/lib/xen /var/log/xen/console
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t tmpfs run /run
chmod 755 /run
mkdir -p /run/xen /run/xenstored /run/lock /run/log
while read -r module; do
    insmod "$module" || echo "setup: no $module"
done </etc/modules.order
echo 1 >/proc/sys/kernel/print-fatal-signals
mount -t xenfs xen /proc/xen
ip link set lo up

if [ -e /etc/toolstack ]; then
    xenstored --pid-file /run/xenstored.pid
    until xenstore-read / >/dev/null 2>&1; do
        usleep 50000
    done
    xen-init-dom0
    xenconsoled --log=guest --log-dir=/var/log/xen/console --pid-file=/run/xenconsoled.pid
fi
echo "setup: done after $(cut -d' ' -f1 /proc/uptime) s"
