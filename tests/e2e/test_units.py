# SPDX-License-Identifier: BSD-3-Clause
"""The systemd units: what they leave to the programs, as systemd judges it."""

import json
import os
import re
import subprocess
import unittest

from proc import BUILD

MOST = {"xv-worker@": 2.0, "xv-watcher": 4.0, "xv-provision": 4.0, "xv-primary": 4.0}  # of 10, which is all


class Units(unittest.TestCase):

    def path(self, name):
        return os.path.join(BUILD, "scripts", f"{name}.service")

    @staticmethod
    def analyze(*args):
        return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, check=False)

    def test_they_leave_little(self):
        for name, most in MOST.items():
            with self.subTest(name):
                done = self.analyze("security", "--offline=yes", "--no-pager", self.path(name))
                level = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
                self.assertIsNotNone(level, done.stderr)
                self.assertLess(float(level.group(1)), most)

    def test_systemd_understands_them(self):
        for name in MOST:
            lines = self.analyze("verify", self.path(name)).stderr.splitlines()
            # The programs and manuals aren't installed.
            self.assertEqual([], [x for x in lines if name in x and "not executable" not in x and "'man " not in x])
