# SPDX-License-Identifier: BSD-3-Clause
"""What the machine under test boots: hypervisor, kernel, dom0's initramfs with the other domains' one in it.

Everything comes from Debian packages, the ones installed here and those of packages.py, and from the build. Only what was
downloaded and unpacked is kept; packing takes seconds and so is done anew each time: then it can't be out of date.
"""

import glob
import os
import subprocess

import packages
import tree

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(os.path.dirname(HERE), "e2e")
FACTS = os.path.join(os.path.dirname(HERE), "sim", "agent.py")  # contract.py's program
INSIDE = os.path.join(HERE, "inside")
MODULES = ["xen_evtchn", "xen_privcmd", "xenfs", "xen_gntdev", "xen_gntalloc", "xen_netfront", "tun"]
XEN_TOOLS = ["xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper"]
BUILT_DOM0 = ["provision/xv-provision", "primary/xv-primary"]
BUILT = ["primary/xv-primary", "watcher/xv-watcher", "secondary/xv-worker", "ctl/xvctl", "tests/fe22/fe22"]


def common(kernel, agent, scripts):
    """What every domain has."""
    t = tree.Tree()
    t.busybox("/usr/bin/busybox" if os.path.exists("/usr/bin/busybox") else "/bin/busybox")
    t.program("/usr/bin/xenstore")
    for name in ("chmod", "exists", "list", "ls", "read", "rm", "watch", "write"):
        t.links[f"/usr/bin/xenstore-{name}"] = "xenstore"
    order = []
    for path in kernel.modules(MODULES):
        order.append("/lib/modules/" + os.path.basename(path))
        t.files["/usr" + order[-1]] = path
    t.text("/etc/modules.order", "".join(f"{m}\n" for m in order))
    t.text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    t.text("/etc/group", "root:x:0:\n")
    t.links["/init"] = "/usr/bin/busybox"
    for name in ("init", "poweroff"):  # poweroff: the kernel's answer to xl shutdown
        t.links[f"/usr/sbin/{name}"] = "/usr/bin/busybox"
    with open(os.path.join(INSIDE, "inittab")) as f:
        t.text("/etc/inittab", f.read().replace("AGENT", agent))
    t.files["/xv/setup.sh"] = os.path.join(INSIDE, "setup.sh")
    for script in scripts:
        t.files["/xv/" + os.path.basename(script)] = script
    t.files["/xv/sim/agent.py"] = FACTS
    t.python(*scripts, FACTS)
    for name in ("libxenstore.so.4", "libxengnttab.so.1", "libxenevtchn.so.1"):
        t.program(f"/usr/lib/x86_64-linux-gnu/{name}")
    # xl, and a thread that is cancelled, load it by name.
    t.copy("/usr/lib/x86_64-linux-gnu/libgcc_s.so.1")
    return t


def guest_tree(kernel, build, more):
    """Of all domains but dom0. More: modules that are there to be loaded."""
    scripts = [os.path.join(INSIDE, n) for n in ("agent.py", "store.py", "work.py", "traffic.py", "transfer.py", "datagrams.py", "kills.py", "stream.py")]
    scripts += [os.path.join(E2E, n) for n in ("wire.py", "seq.py")]
    t = common(kernel, "agent.py", scripts)
    for name in BUILT:
        t.program(os.path.join(build, name), "/usr/bin/" + os.path.basename(name))
    driver = "/usr/lib/x86_64-linux-gnu/librte_net_xenvirt.so"
    t.program(os.path.realpath(os.path.join(build, "frontend/librte_net_xenvirt.so")), driver)  # that is a link beside the build's file
    t.program("/usr/bin/dpdk-testpmd")
    for path in tree.drivers(["bus_vdev", "mempool_ring", "net_null"]):
        t.program(path)
    t.program("/usr/bin/stdbuf")
    t.program("/usr/libexec/coreutils/libstdbuf.so")
    paths = kernel.modules(more)
    t.text("/xv/more", "".join(f"/lib/modules/{os.path.basename(p)} {os.path.basename(p)[:-3].replace('-', '_')}\n" for p in paths))
    for path in paths:
        t.files["/usr/lib/modules/" + os.path.basename(path)] = path
    if more:
        t.program("/usr/sbin/ip")  # busybox makes no pairs; its shell takes its own unless a path is given
    return t


def toolstack_tree(kernel, guests, build):
    """dom0's; the others' kernel and initramfs are in it."""
    t = common(kernel, "toolstack.py", [os.path.join(INSIDE, n) for n in ("toolstack.py", "store.py", "work.py")])
    [directory] = glob.glob("/usr/lib/xen-4.17/bin")
    for name in XEN_TOOLS:
        t.program(f"{directory}/{name}")
        t.links[f"/usr/sbin/{name}"] = f"{directory}/{name}"
    for name in BUILT_DOM0:
        t.program(os.path.join(build, name), "/usr/bin/" + os.path.basename(name))
    t.text("/etc/toolstack", "")
    t.text("/etc/xen/xl.conf", 'autoballoon="off"\n')
    t.files["/xv/vmlinux"] = kernel.elf
    t.files["/xv/guest.cpio"] = guests
    return t


class Image:
    """Paths of what QEMU is to boot."""

    def __init__(self, cache, build, more=()):
        os.makedirs(cache, exist_ok=True)
        try:
            kernel = packages.Kernel(cache)
            self.xen = packages.hypervisor(cache)
        except subprocess.CalledProcessError:
            packages.refresh()
            kernel = packages.Kernel(cache)
            self.xen = packages.hypervisor(cache)
        self.kernel = kernel.elf
        guests = os.path.join(cache, "guest.cpio")
        self.initrd = os.path.join(cache, "dom0.cpio")
        guest_tree(kernel, build, more).pack(guests)
        toolstack_tree(kernel, guests, build).pack(self.initrd)
