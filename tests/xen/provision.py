# SPDX-License-Identifier: BSD-3-Clause
"""xv-provision in dom0, and who is allowed: the part of the configuration that dom0 and the driver domain share."""

from domain import uuid_of, wait_for

BACKEND = "driver"


# Said of g1 by its name, of g2 by its UUID; VLAN 1005 and 1007 follow from that.
ALLOWED = {
    "g1": 'name = "g1"; vifs = ({ device = 0; number = 5; });',
    "g2": f'uuid = "{uuid_of("g2")}"; vifs = ({{ device = 1; number = 7; }});',
}
LATER = {"g3": 'name = "g3"; compat_2_2 = true;'}


def conf(entries):
    groups = ",\n".join(f"    {{ {e} }}" for e in entries.values())
    return f'guest: {{ allow = false; }};\nprovision: {{ backend = "{BACKEND}"; }};\nguests = (\n{groups}\n);\n'


class Provision:
    """The daemon."""

    def __init__(self, dom0):
        self.dom0, self.entries, self.program = dom0, dict(ALLOWED), None

    def start(self):
        self.dom0.run(f"mkdir -p /etc/xv && echo '{conf(self.entries)}' > /etc/xv/xv.conf")
        self.program = self.dom0.start("xv-provision", ["xv-provision", "--watch"])

    def _restart(self):
        self.program.end()
        self.start()

    def allow(self, name):
        self.entries[name] = LATER[name]
        self._restart()

    def allow_none(self):
        self.entries.clear()
        self._restart()

    def allow_again(self):
        self.entries.update(ALLOWED)
        self._restart()

    def given(self, domid, yes=True):
        """Waits until the domain has, or has not, its control/dpdk."""
        path = f"/local/domain/{domid}/control/dpdk-backend"
        wait_for(f"{path} to be {'there' if yes else 'gone'}",
                 lambda: (self.dom0.try_(f"xenstore-exists {path}")[0] == 0) == yes)
