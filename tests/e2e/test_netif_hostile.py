# SPDX-License-Identifier: BSD-3-Clause
"""What a stock guest writes wrongly into its rings, its pages and XenStore hurts the device concerned; nobody else notices."""

import os
import random

import seq
from case import SharedCase
from wait import Failure
from wire import HOST_MAC

BAD, GOOD, OTHER, PEER = "00:16:3e:00:00:b0", "00:16:3e:00:00:60", "00:16:3e:00:00:70", "00:00:00:00:00:80"
THIRD = "00:16:3e:00:00:b2"
NO_ID = 65535  # of a request that stands in no book

REQUEST, AHEAD = "a request crosses its page, or a frame's requests are too many or don't add up", "runs ahead"
KINDS = {
    "offset_past_page": REQUEST, "offset_ffff": REQUEST, "size_past_page": REQUEST, "size_ffff": REQUEST,
    "sum_negative": REQUEST, "sum_wraps": REQUEST, "second_past_page": REQUEST, "slots_19": REQUEST,
    "slots_100": REQUEST, "more_for_ever": REQUEST, "extras_5": REQUEST, "extras_for_ever": REQUEST,
    "tx_ahead": AHEAD, "tx_half": AHEAD, "tx_back": AHEAD, "rx_ahead": AHEAD, "rx_half": AHEAD, "rx_back": AHEAD,
}


class NetifHostile(SharedCase):
    """The hostile guest's device 0 misbehaves; its device 1, another stock guest and a third party talk all the while. At
    the end nothing is left of any of them."""

    def setUp(self):
        super().setUp()
        self.before = self.left()
        self.bad, self.other, self.peer = self.bench.fenet(), self.bench.fenet(OTHER), self.bench.fe22(PEER)
        self.bad.toolstack(BAD, 0)
        self.bad.toolstack(GOOD, 1)
        self.bad.connect(1)

    def tearDown(self):
        for guest in self.bad, self.other:
            for n in guest.macs:
                guest.detach(n)
        super().tearDown()
        for guest in self.bad, self.other:
            for n in guest.macs:
                self.wait("its back end's directory to go", lambda g=guest, i=n: g.state(i) == "")
        try:
            self.wait("nothing to be left", lambda: self.left() == self.before, 20)
        except Failure:
            self.assertEqual(self.before, self.left())

    def left(self):
        """What guests that are gone may leave."""
        return {"mapped": self.bench.sim.mapped(), "ports": self.bench.sim.ports(),
                **{name: len(os.listdir(f"/proc/{proc.pid}/fd"))
                   for name, proc in (("primary", self.switch.primary), ("watcher", self.switch.watcher))}}

    def paced(self):
        """Flows that nobody may disturb. Returns what ends and checks them."""
        places = (self.bad, 1), (self.other, 0)

        def lives():
            return [(self.switch.vif(g.domid, n)["generation"], self.switch.worker_pid(g.domid)) for g, n in places]
        before = lives()
        flows = [f for g, n in places for f in (self.flow(g, self.peer, rate=200, length=100, dev=n),
                                                self.flow(self.peer, g, rate=200, length=100, to=n))]

        def end():
            for flow in flows:
                flow.going()
            for flow in flows:
                flow.whole()
            self.assertEqual(before, lives(), "no death, and not attached anew")
            for guest, n in places:
                self.assertIsNone(guest.sound(n))
        return end

    def anew(self, options="bufs=64"):
        """Device 0 connected with new rings."""
        self.closed()
        self.bad.connect(options=options)
        self.running()

    def running(self):
        self.switch.vif_running(self.bad.domid)

    def closed(self):
        """Device 0 ready for a new beginning."""
        if self.bad.state() not in ("1", "2"):
            self.bad.say(5)
            self.wait("Closed", lambda: self.bad.state() == "6")
        self.bad.ask("close 0")
        self.bad.say(1)
        self.wait("InitWait", lambda: self.bad.state() == "2")
        self.wait("nothing of what was", lambda: self.vif().get("state", "stopped") == "stopped")

    def vif(self):
        return self.switch.vif(self.bad.domid) or {}

    def works(self, flow):
        self.bad.do(f"send dev=0 dst={PEER} flow={flow} count=3")
        self.assert_whole(self.wait_book(self.peer, flow, 3), 3)
        self.peer.do(f"send dev=0 dst={BAD} flow={flow} count=3")
        self.assert_whole(self.wait_book(self.bad, flow, 3), 3)

    def test_the_tables_agree(self):
        self.assertEqual(set(KINDS), set(self.bad.do("kinds")["kinds"]) if self.anew() is None else None)

    def test_a_ring_used_wrongly_is_broken_until_the_next_connection(self):
        end = self.paced()
        for kind, fault in KINDS.items():
            with self.subTest(kind=kind):
                self.anew()
                self.bad.do(f"hostile 0 {kind}")
                key = "rx_fault" if kind.startswith("rx") else "tx_fault"
                if key == "rx_fault":
                    self.peer.do(f"send dev=0 dst={BAD} count=10")
                self.wait("the fault", lambda k=key: self.vif().get(k, "none") != "none")
                self.assertIn(fault, self.vif()[key])
        self.anew()
        self.works(1)
        end()

    def test_a_frame_that_is_not_complete_waits(self):
        end = self.paced()
        self.anew()
        ref = self.bad.do("refs 0")["tx"][0]
        self.bad.do(f"request 0 gref={ref} id={NO_ID} flags=4 size=200")
        self.bad.do(f"request 0 gref={ref} id={NO_ID} flags=4 size=60")
        end()
        self.assertEqual("none", self.vif()["tx_fault"])
        self.assertEqual(0, self.bad.do("ring 0")["tx"]["rsp_prod"])
        self.bad.do(f"request 0 gref={ref} id={NO_ID} size=60")
        self.wait("its answers", lambda: self.bad.do("ring 0")["tx"]["rsp_prod"] == 3)

    def test_a_page_that_is_not_granted_costs_its_frame_only(self):
        end = self.paced()
        self.anew()
        revoked = self.bad.do("grant 0 pages=4")["refs"]
        self.bad.do("revoke 0")
        bad = [0, 60000, 0xFFFFFFFF, *revoked]
        for i, gref in enumerate(bad):
            self.bad.do(f"request 0 gref={gref} id={NO_ID} push=0")
            self.bad.do(f"request 0 gref={gref} id={NO_ID} flags=4 size=120 push=0")
            self.bad.do(f"request 0 gref={gref} id={NO_ID} push=0")
            self.bad.do(f"send dev=0 dst={PEER} flow=1 seq={i}")  # now all of them are seen
        self.assert_whole(self.wait_book(self.peer, 1, len(bad)), len(bad))
        self.assertEqual(2 * len(bad), self.switch.drops(self.bad.domid)["tx_grant"])
        self.assertEqual("none", self.vif()["tx_fault"])
        end()

    def test_room_that_is_not_granted_costs_its_frame_only(self):
        end = self.paced()
        self.anew(options="bufs=32")
        revoked = self.bad.do("grant 0 pages=4")["refs"]
        self.bad.do("revoke 0")
        bad = [0, 60000, 0xFFFFFFFF, *revoked]
        for gref in bad:
            self.bad.do(f"room 0 gref={gref}")
        self.peer.do(f"send dev=0 dst={BAD} flow=2 count=200")
        self.wait_book(self.bad, 2, 200 - len(bad))
        book = self.bad.book(2)
        self.assertEqual((200 - len(bad), 0, 0, 0), tuple(book[k] for k in ("unique", "duplicated", "reordered", "corrupt")))
        self.wait_drop(self.bad.domid, "rx_grant", len(bad))
        self.assertEqual("none", self.vif()["rx_fault"])
        end()

    def test_pages_given_back_while_they_are_in_use(self):
        end = self.paced()
        self.anew()
        self.flow(self.peer, self.bad, rate=0).going()
        self.bad.do("close 0")
        end()
        self.peer.do("flowstop " + max(self.peer.do("flows")["flows"], key=int))
        self.closed()
        self.assertEqual(self.bad.report()["faults"], 0)
        self.anew()
        self.works(3)

    def test_lengths(self):
        end = self.paced()
        self.anew()
        for length in (1, 13):
            self.bad.do(f"sendhex 0 {'00' * length}")
        for length in (0, 1, 13):
            self.bad.do(f"request 0 gref={self.bad.do('refs 0')['tx'][9]} id={NO_ID} size={length}")
        for length in (2049, 4096):
            for segs in (1, 2, 18):
                self.bad.do(f"send dev=0 dst={PEER} len={length} segs={segs}")
        for number, length in enumerate((14, 32, 60, 1514, 2048), 10):
            for segs in (1, 2, 14):
                self.bad.do(f"send dev=0 dst={PEER} flow={number} seq={segs} len={length} segs={segs} offset=4095")
        for number in range(11, 14):
            self.wait_book(self.peer, number, 3)
        drops = self.switch.drops(self.bad.domid)
        self.assertEqual((5, 6), (drops["tx_runt"], drops["tx_oversize"]))
        self.assertEqual("none", self.vif()["tx_fault"])
        end()

    def test_blank_checksums_of_anything(self):
        """Headers that lie about themselves, whose checksum is to be filled in."""
        end = self.paced()
        self.anew()
        rng = random.Random(7)
        flow = self.flow(self.bad, self.peer, rate=500)
        for i in range(200):
            raw = bytearray(rng.randbytes(rng.choice((14, 15, 33, 34, 35, 41, 42, 54, 60, 200, 1514))))
            raw[:12] = bytes.fromhex((PEER + BAD).replace(":", ""))
            raw[12:14] = rng.choice((b"\x08\x00", b"\x86\xdd", b"\x81\x00", b"\x88\xb5"))
            if i % 2 and len(raw) > 34:
                raw[14] = rng.choice((0x45, 0x4f, 0x46, 0x60))
                raw[20] = rng.choice((6, 17, 0, 43))
                raw[23] = rng.choice((6, 17))
            self.bad.do(f"sendhex 0 {raw.hex()} flags=1 segs={rng.choice((1, 1, 3))}")
        flow.whole()
        self.wait("answers", lambda: self.bad.report()["outstanding"] == 0)
        self.assertEqual("none", self.vif()["tx_fault"])
        end()

    def test_indexes_forged_while_traffic_runs(self):
        end = self.paced()
        for bits in (1, 2, 4, 8, 15):
            with self.subTest(bits=bits):
                self.anew()
                flows = self.flow(self.bad, self.peer, rate=0), self.flow(self.peer, self.bad, rate=2000)
                self.bad.do(f"forge 0 {bits}")
                self.wait("some frames", lambda: self.switch.vif(self.bad.domid)["generation"] and flows[0].book()["unique"] > 100)
                self.bad.do("forge 0 0")
                for f in flows:
                    f.end()
                self.assertEqual(0, flows[0].book()["duplicated"], "one is taken from the ring once")
        self.anew()
        self.works(4)
        end()

    def test_a_storm_of_kicks(self):
        end = self.paced()
        self.anew()
        for ring in ("tx", "rx"):
            self.bad.do(f"kick 0 {ring} count=5000")
        self.works(5)
        end()

    def test_states_in_any_order(self):
        end = self.paced()
        self.anew()
        for _ in range(5):
            self.bad.do("flap 0 300")
            self.bad.do("dev 0 bufs=16")
            self.bad.do("publish 0")
            self.bad.do("flap 0 100")
        self.bad.say(6)
        self.wait("Closed", lambda: self.bad.state() in ("2", "6"))
        self.bad.do("close 0")
        self.bad.say(1)
        self.bad.connect()
        self.running()
        self.works(6)
        end()

    def test_states_that_are_none(self):
        end = self.paced()
        for value in ("0", "9", "44", "-1", "x", "4x", "9" * 1000):
            with self.subTest(value=value[:5]):
                self.anew()
                self.bad.say(value)
                self.wait("the end", lambda: self.bad.state() == "6")
        self.bad.do("writehex 0 state 34003400")
        self.bad.ask("rm 0 state")
        self.bad.do("write 0 state/below 4")
        self.closed()
        self.anew()
        self.works(7)
        end()

    def test_its_directory_is_removed(self):
        end = self.paced()
        self.anew()
        self.bad.store("rm", self.bad.front())
        self.wait("the end", lambda: self.bad.state() == "6")
        self.assertEqual(2, self.bench.sim.mapped(self.bad.domid))
        end()

    def refused(self, why):
        vif = self.wait("the refusal", lambda: (lambda v: v.get("state") == "refused" and v)(self.vif()))
        self.assertRegex(vif["why"], why or ".")

    def test_keys_written_wrongly(self):
        end = self.paced()
        theirs = self.other.do("refs 0")["ports"][0]
        for key, reference in (("tx-ring-ref", True), ("rx-ring-ref", True), ("event-channel-tx", False),
                               ("event-channel-rx", False), ("request-rx-copy", None)):
            cases = [(f"rm 0 {key}", "missing"), (f"write 0 {key} 0", ""), (f"write 0 {key} -1", ""), (f"write 0 {key}", ""),
                     (f"write 0 {key} 4294967296", ""), (f"write 0 {key} 1x", ""), (f"write 0 {key} {'1' * 1900}", ""),
                     (f"writehex 0 {key} 00ff310a", ""), (f"writehex 0 {key} 3100", "")]
            if reference is not None:
                cases.append((f"write 0 {key} {60000 if reference else 4000}", ""))
            if reference is False:
                cases.append((f"write 0 {key} {theirs}", ""))
            for command, why in cases:
                with self.subTest(command[:40]):
                    self.closed()
                    self.bad.do("dev 0 bufs=16")
                    self.bad.do("publish 0")
                    self.bad.do(command)
                    self.bad.say(4)
                    self.refused(why)
        self.anew()
        self.works(8)
        end()

    def test_a_key_that_is_a_directory(self):
        end = self.paced()
        self.closed()
        self.bad.do("dev 0 bufs=16")
        self.bad.do("publish 0")
        self.bad.do("rm 0 tx-ring-ref")
        self.bad.do("write 0 tx-ring-ref/1 1")
        for i in range(200):
            self.bad.do(f"write 0 many-{i}/queue-{i}/tx-ring-ref {i}")
        self.bad.say(4)
        self.refused("")
        end()

    def test_two_devices_with_the_same_rings_or_event_channels(self):
        end = self.paced()
        self.bad.toolstack(THIRD, 2)
        self.bad.connect(2)
        refs = self.bad.do("refs 2")
        for rings, ports in ((True, False), (False, True), (True, True)):
            with self.subTest(rings=rings, ports=ports):
                self.closed()
                self.bad.do("dev 0 bufs=16")
                self.bad.do("publish 0")
                for way, i in (("tx", 0), ("rx", 1)) if ports else ():
                    self.bad.do(f"write 0 event-channel-{way} {refs['ports'][i]}")
                for way, i in (("tx", 0), ("rx", 1)) if rings else ():
                    self.bad.do(f"write 0 {way}-ring-ref {refs['rings'][i]}")
                self.bad.say(4)
                if ports:
                    self.refused("")
                else:
                    self.running()
        self.closed()
        end()

    def test_a_guest_that_dies_in_each_step(self):
        steps = ("dev 0 bufs=64", "publish 0", "start 0", f"send dev=0 dst={PEER} count=5", "write 0 state 5", "write 0 state 6")
        for last in range(len(steps)):
            with self.subTest(last=steps[last]):
                guest = self.bench.fenet()
                guest.toolstack("00:16:3e:00:00:99")
                self.wait("InitWait", lambda g=guest: g.state() == "2")
                for step in steps[:last + 1]:
                    guest.do(step)
                guest.detach()
                self.bench.sim.destroy(guest.domid)
                guest.kill()
                self.wait("its directory to go", lambda g=guest: g.state() == "")
                self.wait("its pages to be unmapped", lambda g=guest: self.bench.sim.mapped(g.domid) == 0)
        self.switch.wire.send(seq.frame(OTHER, HOST_MAC, 9))
        self.wait_book(self.other, 9, 1)
