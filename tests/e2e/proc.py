# SPDX-License-Identifier: BSD-3-Clause
"""What the build has, run as processes."""

import glob
import os
import re
import shlex
import signal
import subprocess

from wait import LONG, Failure, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("XV_BUILD", os.path.join(TOP, "build")))


def built(name):
    """A program or library of the build."""
    for pattern in (os.path.join(BUILD, name), os.path.join(BUILD, "*", name), os.path.join(BUILD, "tests", "*", name)):
        for path in glob.glob(pattern):
            if os.path.isfile(path):
                return path
    raise Failure(f"{name} is not built in {BUILD}")


class Proc:
    """A process with its output in a log file."""

    def __init__(self, bench, name, argv, env=None, stdin=subprocess.DEVNULL, stdout=None):
        self.name, self.argv = name, argv
        self.log = os.path.join(bench.logs, name + ".log")
        with open(self.log, "ab") as log:
            log.write(("$ " + " ".join(shlex.quote(a) for a in argv) + "\n").encode())
            log.flush()
            self.start = log.tell()
            self.popen = subprocess.Popen(argv, env=env, stdin=stdin, stdout=stdout or log, stderr=log,
                                          start_new_session=True)
        self.pid = self.popen.pid
        bench.procs.append(self)

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        """What it has written so far."""
        with open(self.log, "rb") as f:
            f.seek(self.start)
            return f.read().decode(errors="replace")

    def wait(self, timeout=None):
        try:
            return self.popen.wait(timeout or LONG)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end") from None

    def send_signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status."""
        self.send_signal(number)
        return self.wait()

    def kill(self):
        return self.stop(signal.SIGKILL)

    def expect(self, pattern, timeout=None):
        """Waits until its output has the regular expression."""
        def found():
            match = re.search(pattern, self.text(), re.M)
            if match is None and not self.alive() and re.search(pattern, self.text(), re.M) is None:
                raise Failure(f"{self.name} ended with {self.popen.returncode} before it said {pattern!r}:\n"
                              + self.text()[-2000:])
            return match
        return wait_for(f"{self.name} to say {pattern!r}", found, timeout, 0.05)


def gone(pid):
    """True if the process has ended. In a namespace of our own orphans are ours to wait for."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def processes_with(text):
    """Pids of processes whose command line has the text; for facts about what is left, never for killing."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                line = f.read()
        except OSError:
            continue
        pid = int(path.split("/")[2])
        if text.encode() in line and pid != os.getpid():
            found.append(pid)
    return found
