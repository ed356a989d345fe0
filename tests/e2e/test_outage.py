# SPDX-License-Identifier: BSD-3-Clause
"""A device that stops: what it counted stays, and what comes for it meanwhile is counted as its own."""

import seq
from case import OwnCase
from guests import Fe22
from wire import HOST_MAC

A, B, C = "00:00:00:00:00:11", "00:00:00:00:00:22", "00:00:00:00:00:33"


def dropped(vif):
    """Frames for the device that it didn't get."""
    return sum(n for reason, n in vif["drops"].items() if reason.startswith(("rx_", "wire_rx_", "group_lane")))


class OutageCase(OwnCase):

    def by_mac(self, mac):
        shown = self.switch.show()
        found = [v for v in shown["vifs"] if v["mac"] == mac] if shown else []
        return found[0] if found else None

    def stop_device(self, guest):
        guest.do("rm event_type_start_0")
        return self.switch.vif_state(guest.domid, 0, "stopped")

    def start_device(self, guest):
        guest.do("write event_type_start_0 1")
        guest.running()

    def missed(self, count):
        """So many frames come from the wire for A while it is stopped."""
        before = self.by_mac(A)["drops"]["wire_rx_stopped"]
        for i in range(count):
            self.switch.wire.send(seq.frame(A, HOST_MAC, 77, i))
        self.wait(f"{count} that it missed", lambda: (self.by_mac(A) or {"drops": {"wire_rx_stopped": 0}})["drops"]
                  ["wire_rx_stopped"] >= before + count)
        self.assertEqual(before + count, self.by_mac(A)["drops"]["wire_rx_stopped"])


class Outage(OutageCase):

    def test_what_was_sent_is_what_came_and_what_was_dropped(self):
        sw = self.make()
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        number = sw.vif(a.domid)["vif"]
        wire = sw.wire.flow(1, A, HOST_MAC, 1000)
        b.do(f"flow 2 dev=0 dst={A} count=0 rate=1000")
        self.wait_book(a, 1, 100)
        self.wait_book(a, 2, 100)
        for _ in range(2):
            a.do("poll 0 off")  # its ring fills up, and then its lanes
            self.wait("frames on its lanes", lambda: (lambda v: v["wire"]["rx_frames"] + sw.vif(b.domid)["tx_frames"]
                      > v["rx_frames"] + sw.vif(b.domid)["wire"]["tx_frames"] + 400)(sw.vif(a.domid)))
            before = self.stop_device(a)
            self.assertEqual(number, before["vif"])
            self.assertGreaterEqual(before["rx_frames"], 200)
            self.wait("frames that it misses", lambda: sw.vif(a.domid)["drops"]["wire_rx_stopped"]
                      > before["drops"]["wire_rx_stopped"] + 100)
            self.assertGreater(sw.vif(a.domid)["drops"]["rx_stopped"], 0, "they waited on its lanes")
            a.do("poll 0 on")
            self.start_device(a)
            came = sw.vif(a.domid)["rx_frames"]
            self.assertGreaterEqual(came, before["rx_frames"], "counters go on")
            self.wait("more of it", lambda c=came: sw.vif(a.domid)["rx_frames"] > c + 100)
        sent = wire.stop()
        b.do("flowstop 2")
        b.flow_done(2)

        def balance():
            """Frames that are neither received nor dropped."""
            shown = sw.show()
            to, other = ({v["domid"]: v for v in shown["vifs"]}[g.domid] for g in (a, b))
            lanes = other["tx_frames"] - other["wire"]["tx_frames"]  # the rest went to the wire, while nobody had the MAC
            return sent + lanes - to["rx_frames"] - dropped(to), to, other, shown["uplinks"]
        self.wait("every frame to be accounted for", lambda: balance()[0] == 0, 20)
        _, to, other, uplinks = balance()
        self.assertEqual(b.flow(2)["sent"], other["tx_frames"] + sum(
            n for reason, n in other["drops"].items() if reason.startswith("tx_")))
        self.assertEqual(0, uplinks[0]["drops"]["unknown_mac"])
        self.assertEqual(0, to["drops"]["rx_stale"])
        self.assertLessEqual(a.book(1)["frames"] + a.book(2)["frames"], to["rx_frames"])

    def test_a_stopped_device_is_shown_whatever_is_restarted(self):
        sw = self.make()
        a = self.bench.fe22(A)
        b = self.bench.fe22(B)
        b.do(f"flow 1 dev=0 dst={A} count=50 rate=0")
        self.wait_book(a, 1, 50)
        vlan = sw.vif(a.domid)["vlan"]
        shown = self.stop_device(a)
        self.assertEqual((50, vlan), (shown["rx_frames"], shown["vlan"]))
        self.missed(5)
        sw.ctl("restart", str(b.domid))
        self.missed(5)
        sw.watcher.kill()
        sw.start_watcher()
        self.wait("the new watcher", lambda: sw.show() and sw.vif(b.domid))
        self.missed(5)
        sw.wire_down()
        sw.primary.kill()
        sw.start_primary()
        sw.ready()
        b.running()
        self.missed(5)
        shown = self.by_mac(A)
        self.assertEqual(("stopped", 50, 20, vlan),
                         (shown["state"], shown["rx_frames"], shown["drops"]["wire_rx_stopped"], shown["vlan"]))
        self.assertIn("stopped", sw.ctl("show").stdout)
        self.start_device(a)
        shown = sw.vif(a.domid)
        self.assertEqual((50, 20), (shown["rx_frames"], shown["drops"]["wire_rx_stopped"]))
        b.do(f"flow 2 dev=0 dst={A} count=7 rate=0")
        self.wait_book(a, 2, 7)
        self.wait("57 frames", lambda: sw.vif(a.domid)["rx_frames"] == 57)

    def test_a_destroyed_domains_row_stays_until_another_gets_the_number(self):
        sw = self.make(conf={"max_vifs": 2, "guest": {"mac_grace": 0}})
        a, b = self.bench.fe22(A), self.bench.fe22(B)
        b.do(f"flow 1 dev=0 dst={A} count=50 rate=0")
        self.wait_book(a, 1, 50)
        number = sw.vif(a.domid)["vif"]
        self.bench.sim.destroy(a.domid)
        a.kill()
        self.wait("its guest to be gone", lambda: sw.guest(a.domid) is None)
        self.missed(3)
        shown = self.by_mac(A)
        self.assertEqual((None, "stopped", number, 50), tuple(shown[k] for k in ("domid", "state", "vif", "rx_frames")))
        self.assertIn(f"its domain, {a.domid}, is gone", shown["why"])
        c = self.bench.fe22(C)  # all numbers are kept for somebody: it isn't refused
        shown = sw.vif(c.domid)
        self.assertEqual((number, 0, 0), (shown["vif"], shown["rx_frames"], shown["drops"]["wire_rx_stopped"]))
        self.assertIsNone(self.by_mac(A))
        sw.wire.send(seq.frame(A, HOST_MAC, 9))
        self.wait("a MAC that nobody has", lambda: sw.show()["uplinks"][0]["drops"]["unknown_mac"] == 1)

    def test_a_mac_that_moves_to_another_device_is_the_others(self):
        sw = self.make(conf={"guest": {"mac_grace": 0}})
        a = self.bench.fe22(A)
        self.stop_device(a)
        self.missed(2)
        b = Fe22(self.bench, self.bench.domain())
        b.device(0, A)
        b.running()
        for i in range(3):
            sw.wire.send(seq.frame(A, HOST_MAC, 1, i))
        self.wait_book(b, 1, 3)
        self.assertEqual(2, sw.vif(a.domid)["drops"]["wire_rx_stopped"])
        self.stop_device(b)
        sw.wire.send(seq.frame(A, HOST_MAC, 2))
        self.wait("who had it last", lambda: sw.vif(b.domid)["drops"]["wire_rx_stopped"] == 1)
        self.assertEqual(2, sw.vif(a.domid)["drops"]["wire_rx_stopped"])

    def test_testpmd_stops_and_starts(self):
        sw = self.make()
        pmd = self.bench.testpmd(A, mode="rxonly")
        pmd.forward()
        for i in range(20):
            sw.wire.send(seq.frame(A, HOST_MAC, 1, i))
        self.wait("20 frames", lambda: sw.vif(pmd.domid)["rx_frames"] == 20)
        pmd.ask("stop", "Done")
        pmd.ask("port stop 0", "Done$")
        sw.vif_state(pmd.domid, 0, "stopped")
        self.missed(4)
        pmd.ask("port start 0", "Done$")
        shown = pmd.running()
        self.assertEqual((20, 4), (shown["rx_frames"], shown["drops"]["wire_rx_stopped"]))
