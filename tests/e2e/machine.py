# SPDX-License-Identifier: BSD-3-Clause
"""What a run takes from the machine, and gives back: hugepages, and namespaces of its own.

In namespaces for network, mounts and processes two runs side by side can't meet, and whatever happens, no process, mount
or interface is left.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import wire

SYSFS = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
LOCK = "/run/lock/xv-hugepages"
SHARES = LOCK + ".d"  # a file for each run: how many pages it added; locked while the run lives
DIR = "XV_E2E_DIR"  # in the environment inside: the directory of this run, below /run
PAGES = "XV_E2E_PAGES"  # and its hugepages


def _number(path):
    with open(path) as f:
        return int(f.read() or 0)


class Share:
    """A run's directory, and the hugepages that it adds to those of the machine. Both go with it; what a run left that was
    killed, the next one gives back."""

    def __init__(self):
        os.makedirs(SHARES, exist_ok=True)
        with self._locked():
            self._bury()
            self.directory = tempfile.mkdtemp(prefix="xv-", dir="/run")
            os.chmod(self.directory, 0o755)
            self.path = os.path.join(SHARES, os.path.basename(self.directory))
            self.file = open(self.path, "w")
            fcntl.flock(self.file, fcntl.LOCK_EX)  # nobody else looks before LOCK is given back

    @staticmethod
    @contextlib.contextmanager
    def _locked():
        with open(LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _change(delta):
        before = _number(SYSFS + "nr_hugepages")
        with open(SYSFS + "nr_hugepages", "w") as f:
            f.write(str(max(0, before + delta)))
        return _number(SYSFS + "nr_hugepages") - before

    def _bury(self):
        for name in os.listdir(SHARES):
            path = os.path.join(SHARES, name)
            with open(path) as share:
                try:
                    fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
            self._remove(path)

    def _remove(self, path):
        shutil.rmtree(os.path.join("/run", os.path.basename(path)), ignore_errors=True)
        self._change(-_number(path))
        os.unlink(path)

    def add(self, n):
        """Returns how many were added, fewer than n only if the kernel has no more memory in such pieces."""
        with self._locked():
            added = self._change(n)
            if added < n:
                with open("/proc/sys/vm/compact_memory", "w") as f:
                    f.write("1")
                added += self._change(n - added)
            self.file.write(str(added))
            self.file.flush()
        return added

    def give_back(self):
        with self._locked():
            self._remove(self.path)
        self.file.close()


def mount_pages(path):
    """A hugetlbfs with the pages of this run and no more: who takes all that are free takes none of another run's."""
    os.makedirs(path, exist_ok=True)
    options = "pagesize=2M"
    if PAGES in os.environ:  # else the machine is ours alone
        options += f",size={2 * int(os.environ[PAGES])}M"
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", options, "xv", path], check=True)


def _inside(script, args, environment, share):
    """Run the script again in namespaces, which end with this process; its exit status."""
    argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
            "--mount-proc", sys.executable, script]
    with subprocess.Popen(argv + args, env=dict(os.environ, **environment), pass_fds=[share.fileno()]) as child:
        try:
            return child.wait()
        except BaseException:
            child.kill()  # and with it all that runs in there; unshare ignores SIGTERM
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
    share = Share()
    try:
        added = share.add(pages)
        if added < pages:
            print(f"no hugepages: asked for {pages}, the kernel gave {added}", file=sys.stderr)
            return 1
        return _inside(script, args, {DIR: share.directory, PAGES: str(pages)}, share.file)
    finally:
        share.give_back()
