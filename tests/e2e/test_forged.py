# SPDX-License-Identifier: BSD-3-Clause
"""What a worker doesn't drop any more that its guest has taken over, xv-primary drops before the wire."""

import struct

import seq
from case import OwnCase
from wire import BROADCAST, HOST_MAC

A, B = "02:00:00:00:08:01", "02:00:00:00:08:02"
GUEST = 201
CONF = {"guests": [{"domid": GUEST, "vlan_inside": "7,100-102"}]}
RULES = struct.pack("=4H56xII", 7, 7, 100, 102, 0, 0)  # as proto/rules.h lays them out
NO_RULES = struct.pack("=4H56xII", 1, 4094, 0, 0, 0, 1)


def overwrite(pid, what, by):
    """Each place in the process's own memory. Returns how many there were."""
    places = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as mem:
        for line in maps:
            span, rights, _, _, inode = line.split()[:5]
            if not rights.startswith("rw") or inode != "0":
                continue
            first, end = (int(a, 16) for a in span.split("-"))
            try:
                mem.seek(first)
                held = mem.read(end - first)
            except OSError:
                continue  # none of its memory, such as what gntdev maps
            at = held.find(what)
            while at >= 0:
                mem.seek(first + at)
                mem.write(by)
                places += 1
                at = held.find(what, at + len(what))
    return places


class Forged(OwnCase):

    def setUp(self):
        super().setUp()
        self.make(conf=CONF)
        self.bench.sim.create(GUEST, "--compat22")
        self.a, self.b = self.bench.fe22(A, GUEST), self.bench.fe22(B)
        self.b.do("capture 0 all")
        self.seq = 0

    def send(self, words, dst):
        self.seq += 1
        f = seq.frame(dst, A, 1, self.seq)
        f = f[:12] + b"".join(struct.pack("!HH", *w) for w in words) + f[12:]
        self.a.do(f"sendhex 0 {f.hex()}")
        return f

    def arrived(self, f):
        got = []

        def there():
            got.extend(self.switch.wire.take())
            return f in got
        self.wait("the frame behind", there)
        return [g for g in got if b"XVSQ" in g]

    def test_no_tag_reaches_the_wire_that_its_guest_may_not_send(self):
        forged = [(words, dst) for dst in (HOST_MAC, BROADCAST) for words in (((0x8100, 8),), ((0x8100, 4000),))]
        for words, dst in forged:
            self.send(words, dst)
        mark = self.send((), HOST_MAC)
        self.assertEqual([mark], self.arrived(mark))
        self.wait_drop(GUEST, "tx_tag", len(forged))
        self.assertGreater(overwrite(self.switch.worker_pid(GUEST), RULES, NO_RULES), 0)
        for words, dst in forged:
            self.send(words, dst)
        good = self.send(((0x8100, 7),), HOST_MAC)
        self.assertEqual([good], self.arrived(good))
        # A broadcast is dropped twice, once towards the wire and once towards the guests.
        self.wait_drop(GUEST, "wire_tx_forged", sum(2 if dst == BROADCAST else 1 for _, dst in forged))
        self.wait_drop(GUEST, "tx_tag", len(forged))
        self.assertEqual([], [f for f in self.b.frames() if b"XVSQ" in f], "nor another guest")
        self.talks()

    def test_no_frame_reaches_the_wire_in_another_guests_name(self):
        names = [struct.pack("=4I", v["vif"], v["generation"], 0, 0) + RULES
                 for v in (self.switch.vif(GUEST), self.switch.vif(self.b.domid))]
        mark = self.send((), HOST_MAC)
        self.assertEqual([mark], self.arrived(mark))
        self.assertGreater(overwrite(self.switch.worker_pid(GUEST), *names), 0)
        for dst in (HOST_MAC, BROADCAST):
            self.send((), dst)
        self.wait_drop(GUEST, "wire_tx_forged", 2)
        self.talks()
        self.assertEqual([], [f for f in self.switch.wire.take() if b"XVSQ" in f and seq.parse(f)["flow"] == 1])
        self.assertEqual(0, self.switch.drops(self.b.domid)["wire_tx_forged"])

    def talks(self):
        """The others are as before."""
        self.b.do(f"send dev=0 dst={HOST_MAC} flow=2")
        self.assert_whole(self.wait_book(self.switch.wire, 2, 1), 1)
