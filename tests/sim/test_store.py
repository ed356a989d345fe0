# SPDX-License-Identifier: BSD-3-Clause
"""XenStore in the simulator: rights, watches, transactions, domains that come and go."""
import os

from lab import Sim, fact, finish, same


def dom(domid, path=""):
    return f"/local/domain/{domid}{path}"


def with_store(sim, domid):
    agent = sim.agent(domid)
    agent("keep('s', Store())")
    return agent


def rights(sim):
    sim("domain-create", 5)
    sim("domain-create", 7, "alpha", "00000000-0000-0000-0000-000000000007", "--dpdk", 5)
    sim("domain-create", 8)
    sim("domain-create", 9, "--compat22")
    zero, five, seven, eight, nine = (with_store(sim, d) for d in (0, 5, 7, 8, 9))

    same("a guest reads its name", seven("s.read('name')"), "alpha")
    same("a guest's vm node leads to its UUID", seven(f"s.read(s.read('vm') + '/uuid')"),
         "00000000-0000-0000-0000-000000000007")
    same("a guest can't write its name", seven("s.write('name', 'beta')"), "EACCES")
    same("a guest writes data/", seven("s.write('data/x', '1')"), 1)
    same("another guest can't read that", eight(f"s.read('{dom(7)}/data/x')"), "EACCES")
    same("another guest can't write it", eight(f"s.write('{dom(7)}/data/x', '2')"), "EACCES")
    same("another guest can't remove it", eight(f"s.rm('{dom(7)}/data/x')"), "EACCES")
    same("dom0 reads it", zero(f"s.read('{dom(7)}/data/x')"), "1")
    same("a guest can't write control/dpdk", eight("s.write('control/dpdk/x', '1')"), "EACCES")
    same("nor make it", eight("s.mkdir('control/dpdk')"), "EACCES")
    same("--dpdk: a guest writes below control/dpdk", seven("s.write('control/dpdk/0_ether_addr', 'm')"), 1)
    same("--dpdk BACKEND: the back end's domain reads it", five(f"s.read('{dom(7)}/control/dpdk/0_ether_addr')"), "m")
    same("it lists it", five(f"s.list('{dom(7)}/control/dpdk')"), ["0_ether_addr"])
    same("it can't write it", five(f"s.write('{dom(7)}/control/dpdk/0_ether_addr', 'n')"), "EACCES")
    same("it can't read the guest's name", five(f"s.read('{dom(7)}/name')"), "EACCES")
    same("--dpdk: a guest may remove control/dpdk", seven("s.rm('control/dpdk')"), 1)
    same("but not make it again", seven("s.mkdir('control/dpdk')"), "EACCES")
    same("--compat22: a guest may remove control/dpdk", nine("s.rm('control/dpdk')"), 1)
    same("and make it again", nine("s.write('control/dpdk/0_ether_addr', 'm')"), 1)
    same("dom0 reads what it made", zero(f"s.read('{dom(9)}/control/dpdk/0_ether_addr')"), "m")
    same("another guest can't", eight(f"s.read('{dom(9)}/control/dpdk/0_ether_addr')"), "EACCES")
    sim("domain-create", 10, "--dpdk", 5, "--compat22")
    ten = with_store(sim, 10)
    ten("s.rm('control/dpdk')")
    ten("s.write('control/dpdk/x', '1')")
    same("--dpdk BACKEND --compat22: the back end reads what the guest made", five(f"s.read('{dom(10)}/control/dpdk/x')"),
         "1")


def messages(sim):
    seven = with_store(sim, 7)
    same("a value of 2000 bytes, twice the ring, comes back",
         seven("s.write('data/big', 'abcde' * 400) and s.read('data/big') == 'abcde' * 400"), True)
    same("xenstored's quota: 3000 bytes are refused", seven("s.write('data/big', 'x' * 3000)"), "ENOSPC")
    same("so are children whose names take more than that",
         seven("all(s.write('data/d/%s%d' % ('n' * 40, i), '') for i in range(60))"), "ENOSPC")
    zero = with_store(sim, 0)
    zero(f"[s.write('{dom(7)}/data/l/%s%d' % ('n' * 40, i), '') for i in range(150)]")
    same("a directory longer than a message, which dom0 may make, is listed", seven("len(s.list('data/l'))"), 150)
    zero(f"s.rm('{dom(7)}/data/l')")


def watches(sim):
    zero, seven, other = with_store(sim, 0), with_store(sim, 7), with_store(sim, 7)
    same("dom0 watches a guest's nodes", zero(f"s.watch('{dom(7)}/data', 'dom0') and s.events()"),
         [[dom(7, "/data"), "dom0"]])
    seven("s.write('data/w', '1')")
    same("dom0 hears a guest's write", zero("s.events()"), [[dom(7, "/data/w"), "dom0"]])

    same("two programs of a guest watch with the same token", [a("s.watch('data/a', 't') and s.events()") for a in
                                                               (seven, other)], [[["data/a", "t"]]] * 2)
    zero(f"s.write('{dom(7)}/data/a', '1')")
    same("both hear a write, once", [a("s.events()") for a in (seven, other)], [[["data/a", "t"]]] * 2)
    same("one program ends its watch", other("s.unwatch('data/a', 't')"), 1)
    zero(f"s.write('{dom(7)}/data/a', '2')")
    same("only the other one hears", [a("s.events()") for a in (seven, other)], [[["data/a", "t"]], []])
    other("s.watch('data/b', 'u') and s.events()")
    seven("s.write('data/b', '1')")
    same("a program hears only of its own watches", [a("s.events()") for a in (seven, other)], [[], [["data/b", "u"]]])
    same("a watch on another guest's node is taken", seven(f"s.watch('{dom(8)}/data', 'x') and len(s.events())"), 1)
    zero(f"s.write('{dom(8)}/data/y', '1')")
    same("but tells nothing", seven("s.events()"), [])

    # xenstored allows a guest 128 watches and 10 transactions.
    same("watches of connections that were closed are gone",
         other("all([(x := Store(), x.watch('data/c', 't'), x.close()) for i in range(300)])"), True)
    for a in [with_store(sim, 7) for _ in range(5)]:
        a("[s.watch('data/%d' % i, 't') for i in range(30)]")
        a.kill()
    same("and those of programs that were killed", other("s.watch('data/e', 't')"), 1)


def transactions(sim):
    zero, seven, other = with_store(sim, 0), with_store(sim, 7), with_store(sim, 7)
    seven("keep('tx', s.start())")
    same("a write in a transaction", seven("s.write('data/t', 'in', tx)"), 1)
    same("is not seen outside", other("s.read('data/t')"), "ENOENT")
    same("a transaction ends", seven("s.end(tx)"), 1)
    same("now its write is seen", other("s.read('data/t')"), "in")
    seven("keep('tx', s.start())")
    seven("s.read('data/t', tx)")
    zero(f"s.write('{dom(7)}/data/t', 'between')")
    seven("s.write('data/t', 'mine', tx)")
    same("a transaction that met another write: EAGAIN", seven("s.end(tx)"), "EAGAIN")
    same("and nothing of it is left", zero(f"s.read('{dom(7)}/data/t')"), "between")
    tx = seven("s.start()")
    same("another program can't use a transaction", other(f"s.write('data/t', 'x', {tx})"), "ENOENT")
    same("nor end it", other(f"s.end({tx})"), "ENOENT")
    same("its owner can", seven(f"s.end({tx})"), 1)
    same("transactions of connections that were closed are gone",
         other("all([(x := Store(), x.start(), x.close()) for i in range(30)])"), True)
    same("there is room for new ones", other("s.end(s.start())"), 1)


def crowd(sim):
    agents = [with_store(sim, 7) for _ in range(6)]
    work = "all(s.write('data/k%d', str(i)) and s.read('data/k%d') == str(i) for i in range(300))"
    for i, a in enumerate(agents):
        a.send(work % (i, i))
    same("six programs of a guest write and read 300 times at once", [a.receive() for a in agents], [True] * 6)
    for a in agents:
        a.leave()


def comings_and_goings(sim):
    zero = with_store(sim, 0)
    zero("s.watch('@introduceDomain', 'in') and s.watch('@releaseDomain', 'out') and s.events()")
    sim("domain-create", 21)
    same("@introduceDomain fires", zero("s.events()"), [["@introduceDomain", "in"]])
    guest = with_store(sim, 21)
    zero(f"s.watch('{dom(21)}/data', 'node') and s.events()")
    sim("domain-destroy", 21)
    same("a destroyed domain's nodes go, then @releaseDomain fires", zero("s.events()"),
         [[dom(21, "/data"), "node"], ["@releaseDomain", "out"]])
    same("its directory is gone", zero(f"s.list('{dom(21)}')"), "ENOENT")
    fact("its program's connection is dead", guest("s.read('name')") in ("EBADF", "EPIPE", "ECONNRESET", "EIO"))
    fact("its environment is gone", sim.try_("env", 21)[0] != 0)
    sim("domain-create", 21, "again")
    same("the domid can be used again", with_store(sim, 21)("s.read('name')"), "again")
    fact("but not twice at a time", sim.try_("domain-create", 21)[0] != 0)
    zero("s.events()")
    for _ in range(10):
        sim("domain-destroy", 21)
        sim("domain-create", 21)
    same("ten lives give ten releases and introductions",
         zero("sorted(t for p, t in s.events() if t != 'node')"), ["in"] * 10 + ["out"] * 10)


def restart(sim):
    zero, seven = with_store(sim, 0), with_store(sim, 7)
    zero("s.write('/kept', '1')")
    with open(os.path.join(sim.dir, "domain/7/proxy.pid")) as f:
        pid = int(f.read())
    sim("xenstored-restart")
    fact("after xenstored's restart a guest's old connection is dead", seven("s.read('name')") != "alpha")
    seven, zero = with_store(sim, 7), with_store(sim, 0)
    same("a new one works", seven("s.read('name')"), "alpha")
    same("rights hold", [seven("s.write('name', 'x')"), seven("s.write('control/dpdk/x', '1')")], ["EACCES", 1])
    same("what else was in the store is lost", zero("s.read('/kept')"), "ENOENT")
    os.kill(pid, 0)
    seven("s.watch('data', 't') and s.events()")
    zero(f"s.write('{dom(7)}/data/x', '1')")
    same("watches work through the same proxy", seven("s.events()"), [["data/x", "t"]])


def control(sim):
    status, _, err = sim.try_("start")
    fact("a second start is refused", status != 0 and "runs here already" in err)
    with Sim() as beside:
        beside("domain-create", 7, "elsewhere")
        same("two simulators side by side don't meet",
             [with_store(s, 7)("s.read('name')") for s in (sim, beside)], ["alpha", "elsewhere"])
    fact("a stopped simulator leaves nothing", not os.path.exists(beside.dir))
    keep, sim.dir = sim.dir, sim.dir + "/" + "x" * 90
    status, _, err = sim.try_("start")
    sim.dir = keep
    fact("a path that is too long is refused, and the message says by how much", status != 0 and "too long by" in err)
    with Sim() as broken:
        for name in ("keeper.pid", "xenstored/pid"):
            broken.kill(name)
        same("a simulator starts over the remains of a killed one", broken.try_("start")[0], 0)


with Sim() as sim:
    rights(sim)
    messages(sim)
    watches(sim)
    transactions(sim)
    crowd(sim)
    comings_and_goings(sim)
    restart(sim)
    control(sim)
finish()
