# SPDX-License-Identifier: BSD-3-Clause
"""The machine under test: Xen in QEMU's software emulation. README.md says why the options are what they are."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import time
import zlib

from wait import Failure

# Without these features QEMU 7.2 runs Xen and its guests steadily, and copies fast; with them it does not.
CPU = "max,-smap,-rdtscp,-xsave,-avx,-avx2,-f16c,-fma,-vaes,-pku,-erms"
ACCEL = "tcg,thread=multi"
CPUS = "2"
MEMORY = "4G"
XEN = "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=1G,max:1G bootscrub=no spec-ctrl=no"
# What Linux complains of after some seconds says only that this machine stood still.
PATIENT = "nowatchdog rcupdate.rcu_cpu_stall_suppress=1 workqueue.watchdog_thresh=0 sysctl.kernel.hung_task_timeout_secs=0"
LINUX = f"console=hvc0 mitigations=off rodata=off init_on_alloc=0 {PATIENT}"
BOOT = 180  # seconds
CRASHES = r"Xen BUG|Xen call trace|Panic on CPU|Assertion .* failed|Hardware Dom\d+ crashed|domain_crash|Oops|BUG:|Kernel panic"


class Void(Exception):
    """The emulator failed, which says nothing about what runs in it."""


class Machine:
    def __init__(self, image, directory):
        self.console_log = os.path.join(directory, "xen.log")
        open(self.console_log, "wb").close()
        self.socket_path = os.path.join(directory, "dom0")
        self.number, self.raw, self.began = 0, b"", time.monotonic()
        # However this program ends, the machine ends with it.
        argv = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
                "-accel", ACCEL, "-machine", "q35", "-cpu", CPU, "-m", MEMORY, "-smp", CPUS,
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none", "-monitor", "none",
                "-serial", f"file:{self.console_log}", "-serial", f"unix:{self.socket_path},server=on,wait=off",
                "-kernel", image.xen, "-append", XEN, "-initrd", f"{image.kernel} {LINUX},{image.initrd}"]
        with open(os.path.join(directory, "qemu.log"), "wb") as log:
            self.qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.port = None
        self.requests = open(os.path.join(directory, "requests.log"), "w", buffering=1)

    def close(self):
        self.requests.close()
        if self.port is not None:
            self.port.close()
        if self.qemu.poll() is None:
            self.qemu.send_signal(signal.SIGTERM)
        try:
            self.qemu.wait(10)
        except subprocess.TimeoutExpired:
            self.qemu.kill()
            self.qemu.wait()

    def age(self):
        return time.monotonic() - self.began

    def console(self):
        """All that Xen and dom0's kernel have said."""
        with open(self.console_log, "rb") as f:
            return f.read().decode(errors="replace").replace("\r", "")

    def check(self):
        """Raises if the emulator or Xen has failed."""
        text = self.console()
        if "Triple fault" in text:
            raise Void("Triple fault in a domain")
        crash = re.search(f"^.*(?:{CRASHES}).*$", text, re.M)
        if crash:
            raise Failure(f"Xen's console: {crash.group(0)}")
        if self.qemu.poll() is not None:
            raise Failure(f"the machine ended ({self.qemu.returncode})")

    def dead(self):
        """Nothing can be asked any more."""
        return self.port is None or self.qemu.poll() is not None or "Triple fault" in self.console()

    def boot(self):
        """Returns when dom0's toolstack answers."""
        end = self.began + BOOT
        while self.port is None:
            try:
                port = socket.socket(socket.AF_UNIX)
                port.connect(self.socket_path)
                self.port = port
            except OSError:
                self._still(end)
                time.sleep(0.1)
        while not self.raw.endswith(b"toolstack up\n"):
            self._receive()
            self._still(end)
        self.raw = b""

    def _still(self, end):
        self.check()
        if time.monotonic() > end:
            raise Failure("dom0 doesn't answer")

    def _receive(self):
        self.port.settimeout(1)
        try:
            more = self.port.recv(65536)
        except TimeoutError:
            self.check()
            if self.number > 0:
                self.port.sendall(b"\n")  # an interrupt, for a processor that halted and missed its timer (README.md)
            return
        if not more:
            self.check()
            raise Failure("the machine has gone")
        self.raw += more

    def ask(self, domid, do, patience=60, **request):
        """What the domain's agent answers."""
        began = self.age()
        self.number += 1
        request = dict(request, do=do, number=self.number, domid=domid, patience=patience)
        self.port.sendall(json.dumps(request).encode() + b"\n")
        end = time.monotonic() + patience + 30
        number = 0
        while number != self.number:  # an earlier one may have come when nobody waited for it any more
            while b"\n" not in self.raw:
                self._still(end)
                self._receive()
            line, self.raw = self.raw.split(b"\n", 1)
            said = re.fullmatch(rb"([0-9]+) (\S+)", line)
            if not said:
                raise Failure(f"dom0 says {line!r}")
            number, packed = int(said[1]), said[2]
        reply = json.loads(zlib.decompress(base64.b64decode(packed)))
        self.requests.write(f"{began:8.2f} {self.age() - began:6.2f} s  domain {domid} {do} {json.dumps(request)[:160]}\n")
        if "ok" not in reply:
            self.check()
            raise Failure(f"domain {domid}: {do}: {reply['error']}")
        return reply["ok"]
