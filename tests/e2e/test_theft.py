# SPDX-License-Identifier: BSD-3-Clause
"""A guest that asks for an address that is not its own gets neither the address nor a frame that was meant for it."""

from case import OwnCase
from guests import Fe22

OWN, FREE, GATEWAY, PEER = "00:00:00:00:00:51", "00:00:00:00:00:52", "00:00:5e:00:01:07", "00:00:00:00:00:53"
UPLINK = "02:00:00:00:00:aa"


class Theft(OwnCase):
    """Guest 1 owns an address, guest 2 is a peer of it, guest 3 wants what is not its own."""

    def setUp(self):
        super().setUp()
        self.switch = None

    def begin(self, guests=(), **guest):
        self.make(conf={"primary": {"eal_args": [f"--vdev=net_tap0,iface=xvup0,mac={UPLINK}"]}, "guest": guest,
                        **({"guests": list(guests)} if guests else {})})
        self.owner, self.peer, self.thief = (Fe22(self.bench, self.bench.domain()) for _ in range(3))
        self.peer.device(0, PEER)
        self.peer.running()

    def refused(self, mac, why):
        """The thief's device 0 is, with this address."""
        self.thief.do(f"dev 0 mac={mac} pool=0 bufs=8")
        self.thief.do("start 0")
        self.wait(why, lambda: (v := self.switch.vif(self.thief.domid)) and v["state"] == "refused" and why in v["why"])

    def test_a_pinned_address_waits_for_its_owner(self):
        self.begin(({"domid": 1, "vifs": [{"device": 0, "mac": OWN}]},))
        self.thief.do("pool 0")
        self.refused(OWN, "kept for another device (guests.vifs.mac)")
        self.owner.device(0, FREE, start=False)
        self.owner.do("start 0")
        self.assertIn("not the one that it has to have", self.switch.vif_state(1, 0, "refused")["why"])
        self.owner.do(f"dev 0 mac={OWN} pool=0 bufs=8")
        self.owner.do("start 0")
        self.owner.running()
        self.peer.do(f"send dev=0 dst={OWN} flow=1 count=5")
        self.wait_book(self.owner, 1, 5)
        self.owner.do("rm event_type_start_0")
        self.switch.vif_state(1, 0, "stopped")
        self.refused(OWN, "kept for another device (guests.vifs.mac)")

    def test_gateways_and_the_hosts_own_address_are_nobodys(self):
        self.begin(mac_deny=["00:00:5e:00:01:00/40"])
        self.thief.do("pool 0")
        self.refused(GATEWAY, "denied (guest.mac_deny)")
        self.refused(UPLINK, "that of an uplink")
        self.peer.do(f"send dev=0 dst={GATEWAY} flow=1 count=5")
        self.wait("frames to the gateway on the wire", lambda: self.switch.wire.book(1)["unique"] == 5)

    def test_the_uplinks_address_may_be_pinned(self):
        self.begin(({"domid": 3, "vifs": [{"device": 0, "mac": UPLINK}]},))
        self.thief.device(0, UPLINK)
        self.thief.running()

    def test_who_waits_for_an_address_does_not_get_it_before_who_had_it(self):
        self.begin(mac_grace=3600)
        self.owner.device(0, OWN)
        self.owner.running()
        self.thief.do("pool 0")
        self.refused(OWN, "in use")
        self.owner.do("rm event_type_start_0")
        self.switch.vif_state(1, 0, "stopped")
        # It asks again each second, and a new watcher knows as much.
        self.thief_waits()
        self.switch.watcher.kill()
        self.switch.watcher.wait()
        self.switch.start_watcher()
        self.thief_waits()
        self.owner.do(f"dev 0 mac={OWN} pool=0 bufs=8")
        self.owner.do("start 0")
        self.owner.running()
        self.peer.do(f"send dev=0 dst={OWN} flow=1 count=5")
        self.wait_book(self.owner, 1, 5)

    def thief_waits(self):
        self.wait("the thief to hear whom the address waits for", lambda: "guest.mac_grace" in (
            self.switch.vif(self.thief.domid) or {"why": ""}).get("why", ""))

    def test_a_number_of_a_guest_that_lives_is_its_own(self):
        self.make(conf={"max_vifs": 2})
        owner, peer = self.bench.fe22(OWN), self.bench.fe22(PEER)
        number = self.switch.vif(owner.domid)["vif"]
        owner.do("rm event_type_start_0")
        self.switch.vif_state(owner.domid, 0, "stopped")
        self.thief = Fe22(self.bench, self.bench.domain())
        self.thief.do("pool 0")
        self.refused(FREE, "no free vif number: all 2 are other guests' (raise max_vifs)")
        self.switch.watcher.kill()
        self.switch.watcher.wait()
        self.switch.start_watcher()
        self.switch.vif_running(peer.domid)
        self.switch.vif_state(self.thief.domid, 0, "refused")
        owner.do(f"dev 0 mac={OWN} pool=0 bufs=8")
        owner.do("start 0")
        self.assertEqual(number, owner.running()["vif"])

    def test_who_runs_with_an_address_that_is_another_ones_now_ends(self):
        self.begin()
        self.thief.device(0, OWN)
        self.thief.running()
        self.switch.watcher.kill()
        self.switch.watcher.wait()
        self.switch.conf["guests"] = [{"domid": 1, "vifs": [{"device": 0, "mac": OWN}]}]
        self.switch.write_conf()
        self.switch.start_watcher()
        self.switch.vif_state(self.thief.domid, 0, "refused")
        self.owner.device(0, OWN)
        self.owner.running()
        self.switch.vif_running(self.peer.domid)
