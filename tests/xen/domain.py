# SPDX-License-Identifier: BSD-3-Clause
"""Domains of the machine under test, and programs in them."""

import json
import re
import signal
import time
import uuid

import wait
from machine import LINUX, Failure

LONG = 180  # seconds: an end to waiting, nothing that is asserted
GUEST_MB = 384
WEIGHT = 256  # of a guest in which testpmd forwards, as the scheduler counts: it never rests
WEIGHT_MORE = 2048  # of all others, and of those that start
PVH_CPU = 1  # QEMU's processors spoil the state of processor 0 while it enters or leaves a PVH domain (README.md)


def wait_for(what, condition, timeout=LONG, step=0.1):
    """The first true value of condition(); here all takes longer."""
    return wait.wait_for(what, condition, timeout, step)


def uuid_of(name):
    """A domain keeps its UUID over a new start."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


class Program:
    """A program that runs on in a domain. What it says is read from where the last reading stopped."""

    count = 0

    def __init__(self, domain, name, argv):
        Program.count += 1
        self.domain, self.name, self.at = domain, f"{name}.{Program.count}", 0
        self.pid = domain.ask("start", name=self.name, argv=argv)
        domain.programs.append(self)

    def _ask(self, do, **more):
        return self.domain.ask(do, name=self.name, **more)

    def text(self):
        return self._ask("text", start=0)

    def alive(self):
        return self._ask("status") is None

    def type(self, line):
        self._ask("type", line=line)

    def expect(self, pattern, timeout=LONG):
        found = self._ask("expect", pattern=pattern, start=self.at, timeout=timeout, patience=timeout + 10)
        if found is None:
            raise Failure(f"{self.name} of {self.domain} doesn't say {pattern!r}:\n{self.text()[-2000:]}")
        self.at = found[1]
        return found[0]

    def ask(self, line):
        """The one line that answers this one, from JSON."""
        answer = self._ask("ask", line=line, timeout=LONG, patience=LONG + 10)
        if answer is None:
            raise Failure(f"{self.name} of {self.domain} gives no answer:\n{self.text()[-2000:]}")
        return json.loads(answer)

    def signal(self, number):
        """The domain's uptime after it, and after the program's end if that's what the signal is for."""
        return self._ask("signal", signum=number, patience=LONG)

    def kill(self):
        return self.signal(signal.SIGKILL)

    def end(self):
        return self.signal(signal.SIGTERM)


class Domain:
    """A domain that runs; dom0 is one too."""

    def __init__(self, machine, name, domid):
        self.machine, self.name, self.domid = machine, name, domid
        self.programs = []

    def __str__(self):
        return f"{self.name} (domain {self.domid})"

    def ask(self, do, **more):
        return self.machine.ask(self.domid, do, **more)

    def clock(self):
        """When, on this machine's clock, the domain's uptime was 0; right to half a round trip."""
        best = (float("inf"), 0)
        for _ in range(3):
            before = time.monotonic()
            up = self.ask("uptime")
            after = time.monotonic()
            best = min(best, (after - before, (before + after) / 2 - up))
        return best[1]

    def try_(self, command, timeout=LONG):
        """Status and output of a shell command."""
        return tuple(self.ask("run", command=command, timeout=timeout, patience=timeout + 10))

    def run(self, command, timeout=LONG):
        status, text = self.try_(command, timeout)
        if status != 0:
            raise Failure(f"{self}: {command}: status {status}: {text[-1000:]}")
        return text

    def start(self, name, argv):
        return Program(self, name, argv)


class Toolstack(Domain):
    """dom0: makes the others and ends them."""

    def __init__(self, machine, kind):
        super().__init__(machine, "dom0", 0)
        self.kind = kind  # of guests: "pv" or "pvh"

    def config(self, name, kind, memory, more):
        lines = (f'name="{name}"', f'uuid="{uuid_of(name)}"', f'type="{kind}"', 'kernel="/xv/vmlinux"', 'ramdisk="/xv/guest.cpio"',
                 f"memory={memory}", "vcpus=1", f"cpu_weight={WEIGHT_MORE}", 'on_crash="preserve"', 'on_reboot="preserve"', 'tsc_mode="native"',
                 f'extra="{LINUX} pci=noearly"', *more)
        if kind == "pvh":
            lines += (f'cpus="{PVH_CPU}"',)
        return "\n".join(lines)

    def weigh(self, weight, *domains):
        self.run(" && ".join(f"xl sched-credit2 -d {d.domid} -w {weight}" for d in domains))

    def create(self, name, kind=None, memory=GUEST_MB, more=()):
        """Starts a domain; it isn't up yet. More: lines of its xl configuration."""
        config = self.config(name, kind or self.kind, memory, more)
        self.run(f"echo '{config}' > /run/{name}.xl && xl create -q /run/{name}.xl")
        return Domain(self.machine, name, int(self.run(f"xl domid {name}")))

    def up(self, domain):
        """Waits until the domain's agent answers."""
        def there():
            self.machine.check()
            return self.machine.ask(domain.domid, "up")
        wait_for(f"{domain} to be up", there, 2 * LONG, 0.3)
        return domain

    def destroy(self, domain):
        self.run(f"xl destroy {domain.domid}")

    def shutdown(self, domain):
        """Returns when it is gone."""
        self.run(f"xl shutdown {domain.domid}")
        wait_for(f"{domain} to shut down", lambda: domain.domid not in self.listed(), step=1)

    def destroy_timed(self, domain):
        """xl destroy. Returns when it began, on this machine's clock, and the seconds until xl list shows it no more, not as
        (null) either; at most a minute."""
        gone = f"{{ xl list > /run/list && ! grep -q '^[^ ]*  *{domain.domid} ' /run/list; }} 2>/dev/null"
        text = self.run(f"now() {{ cut -d' ' -f1 /proc/uptime; }}; whole() {{ cut -d. -f1 /proc/uptime; }}; "
                        f"now; end=$(($(whole) + 60)); xl destroy {domain.domid} >/run/destroy 2>&1; "
                        f"until {gone} || [ $(whole) -ge $end ]; do usleep 250000; done; now")
        began, gone = (float(t) for t in text.split())
        return self.clock() + began, gone - began

    def listed(self):
        """The domains that xl list shows: domid -> "name state". One named (null) can't go."""
        rows = re.findall(r"^(\S+)\s+(\d+)\s+\d+\s+\d+\s+(\S{6})", self.run("xl list"), re.M)
        return {int(domid): f"{name} {state}" for name, domid, state in rows}

    def console(self, name):
        return self.try_(f"cat /var/log/xen/console/guest-{name}.log")[1].replace("\r", "")
