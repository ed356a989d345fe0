# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the simulator share: a simulator, programs in its domains, and facts that are checked."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
XENSIM = os.path.join(HERE, "xensim")

failed = 0


def fact(text, holds):
    """Prints a fact, and remembers when it doesn't hold."""
    global failed
    print(("ok      " if holds else "FAILED  ") + text, flush=True)
    failed += not holds


def same(text, got, want):
    """The fact that got is want."""
    fact(text if got == want else f"{text}: {got!r}, not {want!r}", got == want)


def finish():
    sys.exit(1 if failed else 0)


class Sim:
    """A simulator in a run directory of its own: with Sim() as sim."""

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix="xensim.")
        self.dir = os.path.join(self.top, "run")
        self.agents = []
        self("start")
        return self

    def __exit__(self, *_):
        for agent in self.agents:
            agent.kill()
        self("stop")
        if os.path.isdir(self.dir):
            os.rmdir(self.dir)
        os.rmdir(self.top)

    def try_(self, verb, *args):
        """Runs xensim: status, output, errors."""
        p = subprocess.run([XENSIM, verb, self.dir, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=60)
        return p.returncode, p.stdout, p.stderr

    def __call__(self, verb, *args):
        status, out, err = self.try_(verb, *args)
        if status != 0:
            raise RuntimeError(f"xensim {verb} {args}: {err}")
        return out

    def kill(self, pid_file):
        """kill -9 of a daemon of the simulator; it has let go of everything when this returns."""
        with open(os.path.join(self.dir, pid_file)) as f:
            pid = int(f.read())
        fd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([fd], [], [])
        os.close(fd)

    def agent(self, domid, **env):
        return Agent(self, domid, env)

    def grants(self):
        """xensim grants, as {(domid, pid): (granted, mapped, {"domid/pid": pages})}."""
        rows = {}
        for line in self("grants").splitlines():
            w = line.split()
            users = {} if w[9] == "-" else {u.split("=")[0]: int(u.split("=")[1]) for u in w[9:]}
            rows[int(w[1]), int(w[3])] = (int(w[5]), int(w[7]), users)
        return rows


class Agent:
    """agent.py in a domain. Call it with an expression; you get the value, or the name of an errno."""

    def __init__(self, sim, domid, env):
        self.p = subprocess.Popen([XENSIM, "run", sim.dir, str(domid), sys.executable, os.path.join(HERE, "agent.py")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
        self.pid = self.p.pid  # xensim run ends in exec.
        sim.agents.append(self)
        self("0")

    def send(self, expression):
        self.p.stdin.write(expression + "\n")
        self.p.stdin.flush()

    def receive(self):
        reply = json.loads(self.p.stdout.readline())
        return reply.get("errno", reply.get("value"))

    def __call__(self, expression):
        self.send(expression)
        return self.receive()

    def kill(self):
        """kill -9, and gone when it returns."""
        if self.p.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()

    def leave(self):
        """Ends as programs should."""
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()
