# SPDX-License-Identifier: BSD-3-Clause
"""What an agent does in its domain: shell commands, and programs that run on by name with their output in a file."""

import binascii
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib

LOGS = "/run/log"
TEXT_MAX = 40000
STEP = 0.02


def packed(answer):
    """For the way out: each byte costs an emulated processor more than packing it does."""
    return binascii.b2a_base64(zlib.compress(json.dumps(answer).encode()), newline=False).decode()


class Script:
    """A Python script as a process of its own, as subprocess.Popen has it, with what is loaded here: an emulated processor takes
    seconds to start an interpreter and to import modules."""

    codes = {}

    def __init__(self, argv, log):
        if argv[0] not in self.codes:
            import ctypes, mmap, threading  # noqa: E401, F401, what the scripts need
            with open(argv[0], "rb") as f:
                self.codes[argv[0]] = compile(f.read(), argv[0], "exec")
        stdin, mine = os.pipe()
        self.stdin, self.returncode = open(mine, "wb"), None
        self.pid = os.fork()
        if self.pid == 0:
            self._run(argv, stdin, log.fileno())
        os.close(stdin)

    def _run(self, argv, stdin, log):
        status = 1
        try:
            os.setsid()
            for fd, to in ((stdin, 0), (log, 1), (log, 2)):
                os.dup2(fd, to)
            os.closerange(3, 1024)
            sys.argv[:], sys.path[0] = argv, os.path.dirname(argv[0])
            exec(self.codes[argv[0]], {"__name__": "__main__"})
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"process {self.pid} goes on")
            time.sleep(STEP)


def program(argv, log):
    if argv[0].endswith(".py"):
        return Script(argv, log)
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)


class Program:
    def __init__(self, name, argv):
        self.path = os.path.join(LOGS, name)
        with open(self.path, "ab") as log:
            self.start = log.tell()
            self.popen = program(argv, log)

    def text(self, start):
        with open(self.path, "rb") as f:
            f.seek(self.start + start)
            return f.read().decode(errors="replace")


class Work:
    """Each method that a request may name takes and returns what JSON can say."""

    def __init__(self):
        self.programs = {}

    def do(self, request):
        try:
            return {"ok": getattr(self, "do_" + request.pop("do"))(**request)}
        except Exception as e:  # the other side has to know, whatever it is
            return {"error": f"{type(e).__name__}: {e}"}

    def do_run(self, command, timeout):
        """Status and output of a shell command."""
        done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False)
        return [done.returncode, done.stdout.decode(errors="replace")[-TEXT_MAX:]]

    def do_uptime(self):
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def do_start(self, name, argv):
        self.programs[name] = Program(name, argv)
        return self.programs[name].popen.pid

    def do_type(self, name, line):
        self.programs[name].popen.stdin.write(line.encode() + b"\n")
        self.programs[name].popen.stdin.flush()
        return True

    def do_text(self, name, start):
        return self.programs[name].text(start)[-TEXT_MAX:]

    def do_status(self, name):
        """None while it runs."""
        return self.programs[name].popen.poll()

    def do_signal(self, name, signum):
        """Returns when the process is gone, if the signal is one that ends it: the uptime then."""
        popen = self.programs[name].popen
        popen.send_signal(signum)
        if signum in (signal.SIGKILL, signal.SIGTERM):
            popen.wait(120)
        return self.do_uptime()

    def do_expect(self, name, pattern, start, timeout):
        """[match, where the text after it starts], or None if it doesn't come."""
        program, end = self.programs[name], time.monotonic() + timeout
        while True:
            ended = program.popen.poll() is not None
            text = program.text(start)
            match = re.search(pattern, text, re.M)
            if match:
                return [match.group(0)[-TEXT_MAX:], start + len(text[:match.end()].encode())]
            if ended or time.monotonic() > end:
                return None
            time.sleep(STEP)

    def do_ask(self, name, line, timeout):
        """Types a line and returns the line of JSON that comes back."""
        program = self.programs[name]
        start = os.path.getsize(program.path) - program.start
        self.do_type(name, line)
        answer = self.do_expect(name, r"^\{.*\n", start, timeout)
        return answer and answer[0]
