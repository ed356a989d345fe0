#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# init.sh: the first process of the test's machine. It sees the root directory of the machine that it runs on, read-only,
# with a layer in memory above it, and runs there what the kernel's command line says after xv.run=.
bb=/bin/busybox

$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
for name in $($bb cat /mod/list); do
    $bb insmod "/mod/$name.ko" || echo "init: $name: no"
done
$bb mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /lower || echo "init: no root"
$bb mount -t tmpfs upper /upper
$bb mkdir /upper/up /upper/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/upper/up,workdir=/upper/work overlay /new || echo "init: no overlay"
for dir in proc sys dev; do
    $bb mount --move /$dir /new/$dir
done
cd /new || exit
for dir in run dev/shm; do # not tmp, where the clone may be
    $bb mkdir -p $dir
    $bb mount -t tmpfs -o mode=755 tmpfs $dir
done
$bb mkdir -p run/lock
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/ LANG=C.UTF-8
run=$($bb sed -n 's/.*xv\.run=\([^ ]*\).*/\1/p' proc/cmdline)
$bb chroot . /bin/sh -c "ip link set lo up; exec $(echo "$run" | $bb tr , ' ')" <dev/null
echo "init: ended with $?"
$bb poweroff -f
