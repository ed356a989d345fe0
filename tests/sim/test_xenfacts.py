# SPDX-License-Identifier: BSD-3-Clause
"""What the simulator has in common with real Xen."""
import xenfacts
from lab import Sim, fact, finish


class Simulated(xenfacts.Place):
    domid = {"zero": 0, "back": 5, "a": 7, "b": 8}

    def __init__(self, sim):
        self.sim, self.env = sim, {}
        for role in ("back", "a", "b"):
            sim("domain-create", self.domid[role])

    def fact(self, text, holds):
        fact(text, holds)

    def agent(self, role):
        return self.sim.agent(self.domid[role], **self.env.get(role, {}))

    def limit(self, role, pages):
        self.env[role] = {"XENSIM_GNTALLOC_LIMIT": str(pages)}

    def end(self, role):
        self.sim("domain-destroy", self.domid[role])

    def left(self, role):
        return any(domid == self.domid[role] for domid, _ in self.sim.grants())


with Sim() as sim:
    xenfacts.check(Simulated(sim))
finish()
