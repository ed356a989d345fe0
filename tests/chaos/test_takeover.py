#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""takeover with a program that waits in a system call and goes on waiting, as if nothing had been."""

import errno
import os
import subprocess
import sys
import time
import unittest

TAKEOVER = os.environ["TAKEOVER"]
# A page that is shared, and one that is not; each line read is answered with their bytes' sums.
PROGRAM = """
import mmap, sys
shared, own = mmap.mmap(-1, 4096), mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
print("ready", flush=True)
for line in sys.stdin:
    print(sum(shared[:]), sum(own[:]), flush=True)
"""


class Takeover(unittest.TestCase):
    def setUp(self):
        self.program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.program.stdout.readline()

    def tearDown(self):
        self.program.kill()
        self.program.communicate()

    def run_tool(self, *args, status=0):
        result = subprocess.run([TAKEOVER, *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result.stdout.strip()

    def call(self, *args, status=0):
        return self.run_tool(str(self.program.pid), "syscall", *args, status=status)

    def sums(self):
        self.program.stdin.write("\n")
        self.program.stdin.flush()
        return [int(w) for w in self.program.stdout.readline().split()]

    def test_the_call_is_the_process_s_own(self):
        self.assertEqual(self.call("getpid"), f"getpid = {self.program.pid}")
        self.assertEqual(self.call("39"), f"39 = {self.program.pid}")
        self.assertEqual(self.sums(), [0, 0])

    def test_an_error_has_its_name(self):
        self.assertEqual(self.call("openat", "-100", "s:/no/such/file", "0"), f"openat = -{errno.ENOENT} ENOENT")

    def test_bytes_are_put_there(self):
        self.assertEqual(self.call("nanosleep", "x:0000000000000000" "0100000000000000", "0"), "nanosleep = 0")
        self.assertEqual(self.call("pipe2", "z:8", "0"), "pipe2 = 0")

    def test_a_child_is_killed(self):
        child = int(self.call("fork").rsplit(" ", 1)[1])
        end, state = time.monotonic() + 30, ""
        while state != "Z" and time.monotonic() < end:  # it dies when it next has a CPU
            with open(f"/proc/{child}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        self.assertEqual(state, "Z")
        self.assertEqual(self.sums(), [0, 0])

    def test_an_end_is_told(self):
        self.assertIn("has ended", self.call("exit_group", "3", status=1))
        self.assertEqual(self.program.wait(), 3)

    def test_only_what_is_shared_is_scribbled_on(self):
        self.assertEqual(len(self.run_tool(str(self.program.pid), "maps").splitlines()), 1)
        self.run_tool(str(self.program.pid), "scribble", "1000", "1")
        shared, own = self.sums()
        self.assertGreater(shared, 0)
        self.assertEqual(own, 0)

    def test_what_is_no_call_is_refused(self):
        for args in (["no_such_call"], ["getpid", "1", "2", "3", "4", "5", "6", "7"], ["getpid", "one"], ["getpid", "x:0g"]):
            self.call(*args, status=2)


if __name__ == "__main__":
    unittest.main()
