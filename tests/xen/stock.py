# SPDX-License-Identifier: BSD-3-Clause
"""Guests with Debian's own kernel, its network driver, and nothing of ours: ordinary vif = [ ... ] lines. g5 is a PV domain, g6 a
PVH domain; the first scenario starts them, the last one ends them."""

import time

from domain import Domain, wait_for
from provision import BACKEND
from switch import LOOK, UPLINK
from world import MACS

PV, PVH = "g5", "g6"
MAC = {PV: "00:16:3e:00:00:05", PVH: "00:16:3e:00:00:06"}
FORGED, SECOND = "00:16:3e:00:00:55", "00:16:3e:00:00:15"
WIRE, DPDK = "192.0.2.1", "192.0.2.11"
ADDRESS = {PV: "192.0.2.5", PVH: "192.0.2.6"}
ALL = (WIRE, DPDK, ADDRESS[PVH])
MORE = {PV: ("vcpus=2",), PVH: ()}
MB = 256
KILLS = 20
MODULE = "/lib/modules/xen-netfront.ko"
WORDS = "netfront|vif|eth[0-9]|xenbus|skb|page_pool"
# Of a kernel's queue nothing is dropped while the ring is full.
UP = "echo pfifo_fast > /proc/sys/net/core/default_qdisc; echo 10000 > /sys/class/net/{0}/tx_queue_len; ip addr add {1}/24 dev {0} && ip link set {0} up"


def vif(mac, more=""):
    return f'vif=["mac={mac},backend={BACKEND}{more}"]'


def up(w, name):
    """Its domain is up, and its device has an address."""
    g = w.dom0.up(w.guests[name])
    w.switch.all_running([(g.domid, 0)])
    g.run(UP.format("eth0", ADDRESS[name]))
    return g


def address_wire(w):
    w.driver.run(f"ip addr add {WIRE}/24 dev {UPLINK}")


def neighbours(w):
    """All know each other's MAC from now on, and forget none: a kernel that gets no answer for some seconds drops what waits."""
    macs = {DPDK: MACS["g1"][0], **{ADDRESS[name]: MAC[name] for name in ADDRESS}}
    macs[WIRE] = w.driver.run(f"cat /sys/class/net/{UPLINK}/address").strip()
    for d in (w.driver, w.guests[PV], w.guests[PVH]):
        mine = d.run("ip -4 addr")
        d.run("; ".join(f"arp -s {a} {mac}" for a, mac in macs.items() if f" {a}/" not in mine))


def pings(w, text, g, *addresses):
    for a in addresses:
        wait_for(f"a ping from {g} to {a}", lambda a=a: g.try_(f"ping -c 1 -W 2 {a}")[0] == 0)
        status, said = g.try_(f"ping -c 3 -i 0.2 -W 10 -s 1400 {a}")
        w.fact(f"{text}: {g} pings {a}, 1400 bytes", status == 0 and "3 packets received" in said, said)


def content(w, g):
    bad = g.try_(f"dmesg -r | grep -E '^<[0-4]>' | grep -v 'Modules linked in' | grep -iE '{WORDS}'")[1]
    w.fact(f"the kernel of {g} has no complaint", bad == "", bad)


def silent(w, *guests):
    for g in guests:
        w.sound(g)
        content(w, g)


def create(w, *names, more=""):
    """Begins to."""
    began = time.monotonic()
    for name in names:
        kind = "pvh" if name == PVH else "pv"
        w.guests[name] = w.dom0.create(name, kind, MB, (*MORE[name], vif(MAC[name], more)))
    return time.monotonic() - began


def stock(w):
    """Stock guests: ARP and ping"""
    create(w, PV, more=",script=vif-bridge,bridge=xenbr0")
    create(w, PVH)
    w.facts.ok("xl create of guests with an ordinary vif line; script= and bridge= are tolerated")
    pv, pvh = up(w, PV), up(w, PVH)
    w.facts.ok("their devices run, by the driver of their kernels and the keys of their toolstack")
    queues = int(pv.run("ls -d /sys/class/net/eth0/queues/tx-* | wc -l"))
    most = int(w.driver.try_(f"xenstore-read backend/vif/{pv.domid}/0/multi-queue-max-queues 2>/dev/null || echo 1")[1])
    w.same(f"a guest with 2 processors uses {min(2, most)} of at most {most} queues", queues, min(2, most))
    address_wire(w)
    pings(w, "ARP and ping", pv, WIRE, ADDRESS[PVH])
    pings(w, "ARP and ping", pvh, WIRE, ADDRESS[PV])
    w.pmds["g1"].mode("icmpecho")  # it answers whatever address is asked for
    pings(w, "ARP and ping to a DPDK guest", pv, DPDK)
    w.pmds["g1"].mode("5tswap")
    neighbours(w)


class Traffic:
    """A TCP connection and numbered datagrams from the PV guest to each of the others: the wire, DPDK guest, PVH guest."""

    def __init__(self, w):
        pv, pvh = w.guests[PV], w.guests[PVH]
        self.w = w
        self.servers = [d.start("transfer", ["/xv/transfer.py", "receive", a]) for d, a in ((w.driver, WIRE), (pvh, ADDRESS[PVH]))]
        self.echoes = [d.start("echo", ["/xv/datagrams.py", "echo", a]) for d, a in ((w.driver, WIRE), (pvh, ADDRESS[PVH]))]
        time.sleep(1)
        self.clients = [pv.start("transfer", ["/xv/transfer.py", how, a])
                        for how, a in (("send", WIRE), ("send", ADDRESS[PVH]), ("mirrored", DPDK))]
        for p in self.clients:
            p.expect("^connected$")
        self.datagrams = pv.start("datagrams", ["/xv/datagrams.py", "send", "20", *ALL])

    def wait_more(self, frames=10):
        """All ways there and back work now."""
        aim = {a: b["unique"] + frames for a, b in self.datagrams.ask("books").items()}
        wait_for(f"{frames} more datagrams from all: {aim}",
                 lambda: all(b["unique"] >= aim[a] for a, b in self.datagrams.ask("books").items()), step=LOOK)

    def whole(self, text, lossy=False):
        """The facts of the datagrams until now."""
        books = self.datagrams.ask("stop")
        for _ in range(5 if lossy else 60):
            if all(b["unique"] == b["sent"] for b in books.values()):
                break
            time.sleep(LOOK)
            books = self.datagrams.ask("books")
        for a, b in books.items():
            want = [b["unique"] if lossy else b["sent"], 0, 0, 0]
            came = f"{b['unique']} of {b['sent']}" if lossy else f"all {b['sent']}"
            self.w.same(f"{text}: {came} datagrams to {a} came back once, in order, byte for byte, at most {b['silence']} s apart",
                        [b[k] for k in ("unique", "duplicated", "reordered", "corrupt")], want)
        self.datagrams.ask("go")

    def end(self, text):
        """The facts of the connections."""
        for p in self.clients:
            p.type("end")
        sums = [p.expect(r"(?m)^\d+ \d+$") for p in self.clients]
        sums += [self.clients[2].expect(r"(?m)^\d+ \d+$")]
        others = [p.expect(r"(?m)^\d+ \d+$") for p in self.servers]
        for to, sent, got in (("wire", sums[0], others[0]), ("PVH guest", sums[1], others[1]), ("DPDK guest and back", sums[2], sums[3])):
            self.w.same(f"{text}: {sent.split()[0]} bytes by TCP to the {to} are whole", got, sent)
        for p in (self.datagrams, *self.echoes):
            p.kill()


def stock_deaths(w):
    """Stock guests: TCP and UDP while workers, watcher and primary are killed"""
    pv, pvh = w.guests[PV], w.guests[PVH]
    t = Traffic(w)
    kills = w.driver.start("kills", ["/xv/kills.py", str(pv.domid), str(KILLS)])
    kills.expect(f"(?m)^{KILLS} killed$", 2 * 180)
    t.wait_more()
    t.whole(f"{KILLS} kills of the worker")
    w.switch.watcher.kill()
    time.sleep(1)
    w.switch.start_watcher()
    w.switch.ready()
    t.wait_more()
    t.whole("a kill of the watcher")
    w.switch.primary.kill()
    w.switch.start_primary()
    w.switch.ready()
    w.switch.wire()
    address_wire(w)
    neighbours(w)
    w.switch.all_running([(g.domid, 0) for g in (pv, pvh)])
    t.wait_more()
    t.whole("a kill of the primary", lossy=True)
    t.end(f"over {KILLS} kills of the worker, one of the watcher, one of the primary")
    w.served(*w.pmds)
    silent(w, pv, pvh)


def spoofed(w, domid):
    return sum(v["drops"]["tx_spoofed"] for v in w.switch.vifs(domid))


def refused_address(w, text, g):
    """Its frames are counted, and get nowhere."""
    before = spoofed(w, g.domid)
    status, _ = g.try_(f"ping -c 2 -W 2 {WIRE}")
    w.fact(f"{text}: nothing comes through", status != 0)
    wait_for("the frames to be counted", lambda: spoofed(w, g.domid) > before, step=LOOK)
    w.facts.ok(f"{text}: its frames are counted (tx_spoofed)")


def reload_driver(w, g):
    # Linux refuses to unload a driver that has a device.
    g.run(f"echo vif-0 > /sys/bus/xen/drivers/vif/unbind && rmmod xen_netfront && insmod {MODULE}", timeout=60)
    w.switch.all_running([(g.domid, 0)])
    g.run(UP.format("eth0", ADDRESS[PV]))


def stock_address(w):
    """Stock guests: the MAC is the toolstack's; drivers are loaded anew"""
    g = w.guests[PV]
    g.run(f"ip link set eth0 down && ip link set eth0 address {FORGED} && ip link set eth0 up")
    refused_address(w, "another MAC by ip link", g)
    g.run(f"xenstore-write device/vif/0/mac {FORGED}")
    reload_driver(w, g)
    w.same("a MAC that the guest wrote, and its driver took when it was loaded anew, is not that of the device",
           [g.run("cat /sys/class/net/eth0/address").strip(), w.switch.vif(g.domid)["mac"]], [FORGED, MAC[PV]])
    refused_address(w, "another MAC by the guest's keys", g)
    g.run(f"xenstore-write device/vif/0/mac {MAC[PV]}")
    reload_driver(w, g)
    pings(w, "the driver was unloaded and loaded again twice", g, WIRE, ADDRESS[PVH])
    silent(w, g)


def stock_attach(w):
    """Stock guests: devices that are attached and detached"""
    g = w.guests[PV]
    w.dom0.run(f"xl network-attach {g.domid} mac={SECOND} backend={BACKEND}")
    w.switch.all_running([(g.domid, 0), (g.domid, 1)])
    wait_for("eth1", lambda: g.try_("ip link show eth1")[0] == 0)
    g.run(UP.format("eth1", "198.51.100.5"))
    w.driver.run(f"ip addr add 198.51.100.1/24 dev {UPLINK}")
    pings(w, "xl network-attach", g, "198.51.100.1")
    began = time.monotonic()
    w.dom0.run(f"xl network-detach {g.domid} 1")
    w.facts.ok(f"xl network-detach has ended after {time.monotonic() - began:.1f} s, content")
    w.same("the directory of the back end is gone, and the guest's device",
           [w.driver.try_(f"xenstore-exists backend/vif/{g.domid}/1")[0] != 0, g.try_("ip link show eth1")[0] != 0], [True, True])
    pings(w, "the other device", g, WIRE)
    silent(w, g)


def stock_saved(w):
    """Stock guests: xl save and xl restore"""
    g = w.guests[PV]
    w.dom0.run(f"xl save {g.domid} /run/{PV}.save")
    wait_for("its directory to go", lambda: w.driver.try_(f"xenstore-exists backend/vif/{g.domid}")[0] != 0)
    w.facts.ok("xl save: the back end's directory is gone")
    w.dom0.run(f"xl restore /run/{PV}.save && rm /run/{PV}.save")
    w.guests[PV] = new = Domain(w.machine, PV, int(w.dom0.run(f"xl domid {PV}")))
    w.switch.all_running([(new.domid, 0)])
    pings(w, f"xl save and xl restore as domain {new.domid}", new, WIRE, ADDRESS[PVH])
    # Not sound(): Linux 6.1 may warn of its clock when a PV domain resumes (clockevents_switch_state, from the idle loop).
    content(w, new)


def gone(w, domid):
    wait_for("its directory to go", lambda: w.driver.try_(f"xenstore-exists backend/vif/{domid}/0")[0] != 0)


def stock_ends(w):
    """Stock guests: xl shutdown, xl create while xv-watcher is away, xl destroy"""
    silent(w, w.guests[PVH])
    old = w.forget_guest(PV)
    w.dom0.shutdown(old)
    gone(w, old.domid)
    w.facts.ok("xl shutdown: the back end's directory is gone")
    w.switch.watcher.kill()
    config = w.dom0.config(PV, "pv", MB, (*MORE[PV], vif(MAC[PV])))
    w.dom0.run(f"echo '{config}' > /run/{PV}.xl")
    creation = w.dom0.start("xl-create", ["sh", "-c", f"xl create -q /run/{PV}.xl; echo status $?"])
    time.sleep(3)
    w.fact("xl create waits while there is no xv-watcher", creation.alive(), "it has ended")
    w.switch.start_watcher()
    said = creation.expect(r"(?m)^status \d+$")
    w.same("xl create is content when xv-watcher comes back after 3 s", said, "status 0")
    w.guests[PV] = Domain(w.machine, PV, int(w.dom0.run(f"xl domid {PV}")))
    w.switch.ready()
    g = up(w, PV)
    pings(w, "started again", g, WIRE, ADDRESS[PVH])
    silent(w, g)
    for name in (PV, PVH):
        domid = w.guests[name].domid
        w.dom0.destroy(w.forget_guest(name))
        gone(w, domid)
    w.facts.ok("xl destroy: the back end's directories are gone")
    w.driver.run(f"ip addr flush dev {UPLINK}")
    w.pmds["g1"].mode("macswap")
    w.served(*w.pmds)


SCENARIOS = [stock, stock_deaths, stock_address, stock_attach, stock_saved, stock_ends]
