# SPDX-License-Identifier: BSD-3-Clause
"""What the simulator has in common with real Xen: the facts of tests/sim/xenfacts.py, asked of real Xen."""

import os
import signal
import sys

from domain import Program

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
import xenfacts  # noqa: E402

GUEST_MB = 256
ARGV = ["python3", "-E", "-s", "-S", "/xv/sim/agent.py"]
LIMIT = "/sys/module/xen_gntalloc/parameters/limit"


class Agent:
    """tests/sim/agent.py in a domain. Call it with an expression; you get the value, or the name of an errno."""

    def __init__(self, domain):
        self.program = Program(domain, "facts", ARGV)

    def __call__(self, expression):
        reply = self.program.ask(expression)
        return reply.get("errno", reply.get("value"))

    def kill(self):
        self.program.kill()


class Real(xenfacts.Place):
    """The driver domain is the back end. The two guests are its own, and nobody else gives them anything."""

    def __init__(self, w):
        self.w = w
        self.domains = {"zero": w.dom0, "back": w.driver}

    def start(self):
        for role in ("a", "b"):
            self.domains[role] = self.w.dom0.create(f"facts-{role}", memory=GUEST_MB)
        for role in ("a", "b"):
            self.w.dom0.up(self.domains[role])
        self.domid = {role: domain.domid for role, domain in self.domains.items()}

    def close(self):
        for role in ("a", "b"):
            if role in self.domains:
                self.end(role)

    def fact(self, text, holds):
        (self.w.facts.ok if holds else self.w.facts.bad)(text)

    def agent(self, role):
        return Agent(self.domains[role])

    def limit(self, role, pages):
        self.domains[role].run(f"echo {pages} > {LIMIT}")

    def end(self, role):
        self.w.dom0.destroy(self.domains.pop(role))

    def left(self, role):
        return self.domid[role] in self.w.dom0.listed()


def own_grant(w):
    """A grant to the granting domain itself"""
    found = {}
    for domain in (w.dom0, w.driver):
        agent = Agent(domain)  # never ended: its page, where it is lost, must not become somebody else's
        agent("keep('g', Gntshr()) and keep('m', Gnttab())")
        agent(f"keep('b', g.share({domain.domid}, 1)) and poke(b['addr'], 'mine')")
        found[domain] = agent(f"keep('at', m.map({domain.domid}, b['refs'])) and [peek(at, 4), peek(b['addr'], 4)]")
    w.same("a PV domain that maps a page which it granted has it twice", found[w.dom0], ["mine", "mine"])
    w.same("a PVH domain then has lost it at its own address: the domain of the switch can't be a guest of itself",
           found[w.driver], ["mine", "\xff" * 4])


def contract(w):
    """What the simulator has in common with real Xen"""
    place = Real(w)
    # Programs that poll would take the processors from hundreds of short requests.
    for pmd in w.pmds.values():
        pmd.signal(signal.SIGSTOP)
    w.provision.program.end()  # it would take back what is given here by hand
    try:
        place.start()
        xenfacts.check(place)
    finally:
        place.close()
        for pmd in w.pmds.values():
            pmd.signal(signal.SIGCONT)
        w.provision.start()
