# SPDX-License-Identifier: BSD-3-Clause
"""What a run takes from the machine, and gives back: hugepages, and namespaces of its own.

In namespaces for network, mounts and processes two runs side by side can't meet, and whatever happens, no process, mount
or interface is left.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import wire

PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
DIR = "XV_E2E_DIR"  # in the environment inside: the directory of this run, below /run


def pages_change(delta):
    """Add hugepages to what others have reserved. Returns by how many it changed."""
    with open("/run/lock/xv-hugepages", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(PAGES) as f:
            before = int(f.read())
        with open(PAGES, "w") as f:
            f.write(str(max(0, before + delta)))
        with open(PAGES) as f:
            return int(f.read()) - before


def _inside(script, args, directory):
    """Run the script again in namespaces; its exit status."""
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, script]
    with subprocess.Popen(argv + args, env=dict(os.environ, **{DIR: directory})) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()  # and with it all that runs in there
            child.wait()
            raise


def prefix(directory):
    """EAL's --file-prefix of all that runs there begins so."""
    return os.path.basename(directory).replace("xv-", "xv_")


def run(script, args, pages, main):
    """main() in namespaces with that many hugepages more than before; its exit status. They are given back however it
    ends."""
    if os.environ.get(DIR):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        wire.quiet_ipv6()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # EAL's runtime files, and the locks of guests' drivers, which a guest keeps for its next program.
        os.makedirs("/var/run/dpdk", mode=0o700, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "xv", "/var/run/dpdk"], check=True)
        return main()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    if os.geteuid() != 0:
        print("needs root", file=sys.stderr)
        return 1
    added = pages_change(pages)
    directory = tempfile.mkdtemp(prefix="xv-", dir="/run")
    os.chmod(directory, 0o755)
    try:
        if added < pages:
            print(f"no hugepages: asked for {pages}, the kernel gave {added}", file=sys.stderr)
            return 1
        return _inside(script, args, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        pages_change(-added)
