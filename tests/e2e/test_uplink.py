# SPDX-License-Identifier: BSD-3-Clause
"""Uplinks that come and go, and two that stand for one."""

import subprocess

import case
import seq
from wire import HOST_MAC

A, B, C = (f"02:00:00:00:03:{n:02x}" for n in (1, 2, 3))
VLAN = 1000


class Gone(case.OwnCase):
    def test_guests_of_an_uplink_that_disappears_reach_each_other_and_the_rest_goes_on(self):
        self.make(n_uplinks=2, conf={"guests": [{"domid": 2, "uplink": 1}, {"domid": 3, "uplink": 1}]})
        a, b, c = (self.bench.fe22(mac) for mac in (A, B, C))
        b.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.wait_book(self.switch.wires[1], 1, 1)
        self.switch.wires[1].close()
        subprocess.run(["ip", "link", "delete", self.switch.ifnames[1]], check=True)
        self.switch.watcher.expect("port 1: link down")
        b.do(f"flow 2 dev=0 dst={C} count=200 rate=1000")
        b.do(f"send dev=0 dst={HOST_MAC} flow=9 count=100")  # to nowhere
        a.do(f"flow 3 dev=0 dst={HOST_MAC} count=200 rate=1000")
        self.assert_whole(self.wait_book(c, 2, 200), 200)
        self.assert_whole(self.wait_book(self.switch.wire, 3, 200), 200)
        self.switch.wire.send(seq.frame(A, HOST_MAC, 4, vlan=VLAN))
        self.wait_book(a, 4, 1)
        self.assertEqual(["running"] * 3, [self.switch.vif(g.domid)["state"] for g in (a, b, c)])

    def test_a_nic_that_is_not_there_is_said_and_the_rest_goes_on(self):
        self.make(conf={"primary": {"eal_args": ["--vdev=net_tap0,iface=xvup0", "-a 0000:ff:1f.7", "--iova-mode=va"]}})
        self.switch.primary.expect("WARNING: there is no PCI device 0000:ff:1f.7")
        guest = self.bench.fe22(A)
        guest.do(f"send dev=0 dst={HOST_MAC} flow=1")
        self.wait_book(self.switch.wire, 1, 1)

    def test_a_link_that_goes_down_is_back_when_it_is_up(self):
        self.make()
        a = self.bench.fe22(A)
        name = self.switch.ifnames[0]
        subprocess.run(["ip", "link", "set", name, "down"], check=True)
        self.switch.watcher.expect("port 0: link down")
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        self.switch.watcher.expect("port 0: link down(?s:.*)port 0: link up")
        a.do(f"flow 1 dev=0 dst={HOST_MAC} count=100 rate=1000")
        self.assert_whole(self.wait_book(self.switch.wire, 1, 100), 100)


class Bond(case.OwnCase):
    def test_an_active_backup_bond_is_one_uplink_sorted_in_software(self):
        taps = [f"--vdev=net_tap{i},iface=xvup{i}" for i in (0, 1)]
        bond = "--vdev=net_bonding0,mode=1,slave=net_tap0,slave=net_tap1"
        self.make(n_uplinks=2, conf={"primary": {"eal_args": [*taps, bond]}})
        a = self.bench.fe22(A)
        self.assertEqual(1, len(self.switch.show()["uplinks"]), "members are no uplinks")
        self.assertIsNone(self.switch.vif(a.domid)["pool"])
        active, backup = self.switch.wires
        a.do(f"flow 1 dev=0 dst={HOST_MAC} count=100 rate=1000")
        self.assert_whole(self.wait_book(active, 1, 100), 100)
        self.assertEqual(0, backup.book(1)["frames"])
        active.send(seq.frame(A, HOST_MAC, 2, vlan=VLAN))
        self.wait_book(a, 2, 1)
        # What happens when the active member fails is for tests/nic: net_tap tells a bond nothing of its link.
