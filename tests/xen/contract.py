# SPDX-License-Identifier: BSD-3-Clause
"""What the simulator has in common with real Xen: the facts of tests/sim/xenfacts.py, asked of real Xen."""

import os
import sys

from domain import Program, wait_for
from world import MACS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sim"))
import xenfacts  # noqa: E402

ARGV = ["/xv/sim/agent.py"]
FREE = "/sys/module/grant_table/parameters/free_per_iteration"  # pages a second that come back late, 10 by default; 0: all
REFS = 1500  # more than testpmd's devices have
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
    """The driver domain is the back end. Nobody gives the two guests anything any more."""

    def __init__(self, w):
        self.w = w
        self.domains = {"zero": w.dom0, "back": w.driver, "a": w.guests["g1"], "b": w.guests["g2"]}
        self.domid = {role: domain.domid for role, domain in self.domains.items()}

    def fact(self, text, holds):
        (self.w.facts.ok if holds else self.w.facts.bad)(text)

    def agent(self, role):
        return Agent(self.domains[role])

    def limit(self, role, pages):
        self.domains[role].run(f"echo {pages} > {LIMIT}")

    def end(self, role):
        self.w.dom0.destroy(self.w.forget_guest(self.domains[role].name))

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


def bare(w):
    """Nobody gives the guests anything any more, and they grant nothing; others than g1 and g2 are gone."""
    for name in set(w.guests) - set(MACS):
        w.dom0.destroy(w.forget_guest(name))
    names = [f"/local/domain/{g.domid}/name" for g in w.guests.values()]
    w.same("the back end may read the names of guests that are allowed",
           [w.driver.try_(f"xenstore-read {n}")[0] for n in names], [0, 0])
    mapper = Agent(w.driver)
    mapper("keep('m', Gnttab())")
    for name, g in w.guests.items():
        w.sound(g)
        g.run(f"echo 0 > {FREE}")
        w.pmds.pop(name).kill()
    w.provision.allow_none()
    for g in w.guests.values():
        w.provision.given(g.domid, False)
    w.fact("xv-provision takes back what guests had that aren't allowed any more",
           not any("dpdk" in g.run("xenstore-ls control") for g in w.guests.values()) and
           all(w.driver.try_(f"xenstore-read {n}")[0] != 0 for n in names))
    w.provision.program.end()  # it would take back what is given here by hand
    for g in w.guests.values():
        granted = f"[r for r in range({REFS}) if m.copy({g.domid}, r, 0, 1)[0] == 0]"
        wait_for(f"{g} to grant nothing", lambda: mapper(granted) == [], step=1)
    mapper.kill()


def contract(w):
    """What the simulator has in common with real Xen; nothing is left of g1 afterwards"""
    try:
        bare(w)
        xenfacts.check(Real(w))
    finally:
        w.provision.allow_again()
