# SPDX-License-Identifier: BSD-3-Clause
"""Threads of a process: one stands still and the others go on, as one that hangs looks to the rest; how often one sleeps."""

import ctypes
import os

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # os.waitpid() for threads

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} {tid}")


def threads(pid, name):
    """Ids of the process's threads of that name."""
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            if f.read().strip() == name:
                found.append(int(tid))
    return found


class Sleeps:
    """How often a thread has slept, from now on."""

    def __init__(self, pid, tid):
        self.path = f"/proc/{pid}/task/{tid}/status"
        self.before = self._count()

    def _count(self):
        with open(self.path) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))

    def since(self):
        return self._count() - self.before


class Frozen:
    """The thread stands still inside the with. To be used by one Python thread."""

    def __init__(self, tid):
        self.tid = tid
        self.alive = True

    def __enter__(self):
        _ptrace(PTRACE_SEIZE, self.tid)
        _ptrace(PTRACE_INTERRUPT, self.tid)
        os.waitpid(self.tid, WALL)
        return self

    def reap(self):
        """If it died with its process: the process isn't gone before its tracer has seen that."""
        if self.alive:
            pid, status = os.waitpid(self.tid, WALL | os.WNOHANG)
            self.alive = not (pid == self.tid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)))
        return not self.alive

    def __exit__(self, *_):
        if not self.reap():
            _ptrace(PTRACE_DETACH, self.tid)
