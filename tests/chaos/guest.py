# SPDX-License-Identifier: BSD-3-Clause
"""A world's guests: each a domain with devices, and the program in it that drives them."""

from guests import Fe22
from netfront import Netfront
from wait import wait_for

GRANT_LIMIT = "32768"


class Guest:
    """With a front end of DPDK 2.2."""

    def __init__(self, world, index, n_vifs):
        self.world, self.index = world, index
        self.macs = [f"02:00:00:00:{index + 1:02x}:{d + 1:02x}" for d in range(n_vifs)]
        self.domid = world.bench.domain()
        world.bench.sim_env(self.domid)["XENSIM_GNTALLOC_LIMIT"] = GRANT_LIMIT
        self.fe = None
        self.lives = 0
        self.since = 0  # when its worker was last seen to be another

    def start(self, wait=True):
        """A new program in the domain, with all devices."""
        self.lives += 1
        self.fe = Fe22(self.world.bench, self.domid)
        for d in range(len(self.macs)):  # all pools first: a device maps those that are there when it starts
            self.fe.do(f"pool {d}")
        for d, mac in enumerate(self.macs):
            self.fe.device(d, mac, pool=d, new_pool=False)
        if wait:
            self.running()

    def running(self):
        """Waits until all its devices are served."""
        self.world.switch.show()
        for d in range(len(self.macs)):
            self.world.switch.vif_running(self.domid, d)

    def complaints(self):
        """What its driver has to say of the switch."""
        return []

    def kill(self):
        self.fe.kill()
        self.close_fe()

    def close_fe(self):
        for pipe in (self.fe.popen.stdin, self.fe.popen.stdout):
            pipe.close()
        self.world.bench.procs.remove(self.fe)

    def new_domain(self):
        """The guest is gone for good; its successor is another domain."""
        self.world.bench.sim.destroy(self.domid)
        self.kill()
        self.world.bench.envs.pop(self.domid, None)
        self.domid = self.world.bench.domain()
        self.world.bench.sim_env(self.domid)["XENSIM_GNTALLOC_LIMIT"] = GRANT_LIMIT

    def worker(self):
        return self.world.switch.worker_pid(self.domid)


class StockGuest(Guest):
    """With Linux's netfront: its first device has an event channel for each ring, the second one for both."""

    def start(self, wait=True):
        self.lives += 1
        self.fe = Netfront(self.world.bench, self.domid, grants=GRANT_LIMIT)
        self.connected = set()
        for d, mac in enumerate(self.macs):
            self.fe.macs[d] = mac
            if self.fe.state(d) == "":
                self.fe.toolstack(mac, d)
            else:
                self.fe.say(1, d)  # another kernel, on the devices of the one before
        if wait:
            self.running()

    def running(self):
        for d in range(len(self.macs)):
            if d not in self.connected:
                self.fe.connect(d, f"split={1 - d % 2}")
                self.connected.add(d)
        super().running()

    def complaints(self):
        wrong = []
        for d in range(len(self.macs)):
            report = self.fe.report(d)
            if report["faults"] or report["errors"]:
                wrong.append(f"netfront of guest {self.index + 1}.{d}: {report['faults']} faults, the first: "
                             f"{report['fault'] or 'none'}; {report['errors']} errors")
        return wrong

    def new_domain(self):
        for d in range(len(self.macs)):
            self.fe.detach(d)
        back = [self.fe.back(d) for d in range(len(self.macs))]
        super().new_domain()
        for path in back:
            wait_for(path + " to go", lambda p=path: self.world.bench.sim.store(0, "read", p + "/state", check=False) == "")


KINDS = {"dpdk22": Guest, "stock": StockGuest}
