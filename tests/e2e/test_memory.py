# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages on a machine where other programs start, run and end."""

import ctypes
import mmap
import os
import re
import struct
import subprocess

from case import OwnCase
from proc import built

PAGE = 2 << 20
IN_CREATE = 0x100


class Creations:
    """Names that appear in a directory, however short their life is."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, path.encode(), IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def names(self):
        found = []
        while True:
            try:
                raw = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return found
            while raw:
                _, _, _, n = struct.unpack("iIII", raw[:16])
                found.append(raw[16:16 + n].rstrip(b"\0").decode())
                raw = raw[16 + n:]

    def close(self):
        os.close(self.fd)


class Memory(OwnCase):

    def left(self):
        """Pages that the mount has left."""
        return os.statvfs(self.bench.huge_dir()).f_bavail

    def other(self, pages):
        """Another program's pages of the same mount; close() gives them back."""
        path = os.path.join(self.bench.huge_dir(), "other")
        with open(path, "w+b") as f:
            os.ftruncate(f.fileno(), pages * PAGE)
            taken = mmap.mmap(f.fileno(), pages * PAGE)
        os.unlink(path)
        self.addCleanup(taken.close)
        return taken

    def needed(self, sw):
        """MB, as xv-primary -n says."""
        text = subprocess.run([built("xv-primary"), "-n", "-c", "0x3", "--", "--config", sw.conf_file],
                              env=sw.env(), capture_output=True, text=True, check=True).stdout
        return int(re.search(r"# memory: (\d+) MB of hugepages", text).group(1))

    def test_a_start_takes_no_page_that_it_does_not_keep(self):
        sw = self.make(start=False)
        needed = self.needed(sw) // 2
        self.assertGreater(self.left(), needed + 50, "there is more to be had")
        seen = Creations(self.bench.huge_dir())
        self.addCleanup(seen.close)
        sw.start()
        made = [n for n in seen.names() if re.search(r"map_\d+$", n)]
        kept = {f.name: f.stat().st_size >> 21 for f in os.scandir(self.bench.huge_dir())}
        eals = [n for n in kept if re.search(r"map_\d+$", n)]  # a page each; the rest is the fabric's
        self.assertEqual(needed, sum(kept.values()))
        self.assertTrue(set(eals) <= set(made))
        self.assertLessEqual(len(made), len(eals) + len(os.listdir("/sys/devices/system/node")), "one a node may be for rounding")

    def test_a_start_waits_for_pages_that_another_program_is_about_to_give_back(self):
        sw = self.make(start=False)
        other = self.other(self.left() - 20)
        primary = sw.start_primary()
        primary.expect("waiting for .* MB of hugepages that other programs have")
        self.assertTrue(primary.alive())
        other.close()
        sw.start_watcher()
        sw.ready()

    def test_pages_that_nobody_gives_back_are_said(self):
        sw = self.make(start=False)
        self.other(self.left() - 20)
        used = os.statvfs(self.bench.huge_dir()).f_blocks * 2 - 40
        primary = sw.start_primary()
        self.assertEqual(1, primary.wait())
        said = primary.expect(r"needs (\d+) MB of hugepages, and the hugetlbfs at (\S+) has (\d+) MB left of its size; do: "
                              r"umount (\S+) && mount -t hugetlbfs -o pagesize=2048K,size=(\d+)M nodev (\S+)")
        needed, path = self.needed(sw), self.bench.huge_dir()
        self.assertEqual((str(needed), path, "40", path, str(used + needed), path), said.groups())
