# SPDX-License-Identifier: BSD-3-Clause
"""Facts that hold on real Xen and in the simulator: XenStore's rights, errors, watches and transactions, grants, the ends of
programs and domains. test_xenfacts.py asks the simulator, tests/xen/contract.py real Xen.

A place has domains by role: "zero" is domain 0, "back" the back end's, "a" and "b" are guests to which nobody gives
anything and in which nothing else grants pages. In each run programs (agent.py), called with an expression.
"""
import time

PATIENCE = 60  # seconds: an end to waiting, nothing that is asserted
FAR = 1 << 20  # a reference beyond every grant table
NOBODY = 32000  # a domid that no domain has
LIMIT = 1024  # pages that a domain may grant through gntalloc unless somebody says otherwise
READ, WRITE = 1, 2  # in XenStore's rights
OPENS = {"s": "Store", "g": "Gntshr", "m": "Gnttab", "e": "Evtchn"}


class Place:
    """What both have to offer."""

    domid = {"zero": 0}

    def fact(self, text, holds):
        raise NotImplementedError

    def agent(self, role):
        """A new program in that domain, to be called; kill() is kill -9 and returns when it is gone."""
        raise NotImplementedError

    def limit(self, role, pages):
        """Programs that start in that domain from now on may grant so many pages together."""
        raise NotImplementedError

    def end(self, role):
        """The domain is destroyed."""
        raise NotImplementedError

    def left(self, role):
        """Is anything left of that domain?"""
        raise NotImplementedError

    def same(self, text, got, want):
        self.fact(text if got == want else f"{text}: {got!r}, not {want!r}", got == want)

    def wait(self, text, condition):
        """The fact that it comes true."""
        end = time.monotonic() + PATIENCE
        while not (holds := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        self.fact(text, bool(holds))

    def opened(self, *pairs):
        """New programs, one for each (role, what it opens), which start side by side."""
        agents = [self.agent(role) for role, _ in pairs]
        for agent, (_, name) in zip(agents, pairs):
            agent(f"keep('{name}', {OPENS[name]}())")
        return agents

    def stores(self, *roles):
        return self.opened(*((role, "s") for role in roles))

    def node(self, role, path):
        return f"/local/domain/{self.domid[role]}/{path}"


def rights(p, zero, back, a, b):
    p.same("a guest can't write its name", a("s.write('name', 'x')"), "EACCES")
    p.same("but read it", a("s.read('name')"), zero(f"s.read('{p.node('a', 'name')}')"))
    p.same("a guest writes below data/", a("s.write('data/x', '1')"), 1)
    data = p.node("a", "data/x")
    p.same("domain 0 reads that", zero(f"s.read('{data}')"), "1")
    p.same("another guest can't read, write or remove it",
           [b(f"s.read('{data}')"), b(f"s.write('{data}', '2')"), b(f"s.rm('{data}')")], ["EACCES"] * 3)
    p.same("nor list it", b(f"s.list('{p.node('a', 'data')}')"), "EACCES")
    p.same("what isn't there is ENOENT for who may look", a("s.read('data/none')"), "ENOENT")
    p.same("and EACCES for others", b(f"s.read('{p.node('a', 'data/none')}')"), "EACCES")
    p.same("a domain that isn't there is ENOENT for domain 0", zero(f"s.list('/local/domain/{NOBODY}')"), "ENOENT")
    p.same("and EACCES for others", back(f"s.list('/local/domain/{NOBODY}')"), "EACCES")
    p.same("only domain 0 lists the domains", back("s.list('/local/domain')"), "EACCES")
    p.same("domain 0 is told who is there", [zero(f"s.introduced({d})") for d in (p.domid["a"], NOBODY)], [True, False])
    p.same("others aren't", back(f"s.introduced({p.domid['a']})"), "EACCES")
    dpdk(p, zero, back, a, b)


def dpdk(p, zero, back, a, b):
    """The rights that xv-provision gives."""
    there = p.node("a", "control/dpdk")
    p.same("a guest can't make control/dpdk", [a("s.mkdir('control/dpdk')"), a("s.write('control/dpdk/x', '1')")],
           ["EACCES"] * 2)
    p.same("it sees that there is none", a("s.list('control/dpdk')"), "ENOENT")
    zero(f"s.mkdir('{there}') and s.chmod('{there}', [[{p.domid['a']}, 0], [{p.domid['back']}, {READ}]])")
    p.same("it is the guest's once domain 0 has given it", a("s.write('control/dpdk/x', '1')"), 1)
    p.same("the back end reads and lists it", [back(f"s.read('{there}/x')"), back(f"s.list('{there}')")], ["1", ["x"]])
    p.same("but can't write it", back(f"s.write('{there}/x', '2')"), "EACCES")
    p.same("another guest can't read, list or write it",
           [b(f"s.read('{there}/x')"), b(f"s.list('{there}')"), b(f"s.write('{there}/y', '2')")], ["EACCES"] * 3)
    p.same("a guest can't change whose it is", a(f"s.chmod('control/dpdk', [[{p.domid['b']}, 0]])"), "EPERM")
    p.same("it may let another one read", a(f"s.chmod('control/dpdk/x', [[{p.domid['a']}, 0], [{p.domid['b']}, {READ}]])"), 1)
    p.same("who then can", b(f"s.read('{there}/x')"), "1")
    p.same("it may remove it, and can't make it again", [a("s.rm('control/dpdk')"), a("s.mkdir('control/dpdk')")],
           [1, "EACCES"])
    name = p.node("a", "name")
    p.same("the back end can't read a guest's name", back(f"s.read('{name}')"), "EACCES")
    zero(f"s.chmod('{name}', [[0, 0], [{p.domid['a']}, {READ}], [{p.domid['back']}, {READ}]])")
    p.same("unless domain 0 lets it", back(f"s.read('{name}')"), zero(f"s.read('{name}')"))


def values(p, a):
    p.same("a value of 2000 bytes comes back", a("s.write('data/v', 'abcde' * 400) and s.read('data/v') == 'abcde' * 400"), True)
    p.same("one of 2100 bytes is over xenstored's quota", a("s.write('data/v', 'x' * 2100)"), "ENOSPC")
    p.same("and leaves the old one", a("len(s.read('data/v'))"), 2000)
    p.same("a value may be empty", a("s.write('data/v', '') and s.read('data/v') == ''"), True)
    p.same("a path with two slashes is refused", a("s.read('data//v')"), "EINVAL")


def transactions(p, zero, a, other):
    a("keep('tx', s.start())")
    p.same("a write in a transaction", a("s.write('data/t', 'in', tx)"), 1)
    p.same("is not seen outside", other("s.read('data/t')"), "ENOENT")
    p.same("before it ends", [a("s.end(tx)"), other("s.read('data/t')")], [1, "in"])
    a("keep('tx', s.start()) and s.read('data/t', tx)")
    zero(f"s.write('{p.node('a', 'data/t')}', 'between')")
    p.same("one that met another's write fails", [a("s.write('data/t', 'mine', tx)"), a("s.end(tx)")], [1, "EAGAIN"])
    p.same("and leaves nothing", other("s.read('data/t')"), "between")
    a("keep('tx', s.start()) and s.write('data/t', 'dropped', tx)")
    p.same("one that is given up too", [a("s.end(tx, True)"), other("s.read('data/t')")], [1, "between"])
    p.same("another program can't use a transaction", other(f"s.read('data/t', {a('s.start()')})"), "ENOENT")


def heard(agent, token, path=None):
    """All events up to the first with that token, and that path if one is given."""
    events, end = [], time.monotonic() + PATIENCE
    while not any(e[1] == token and path in (None, e[0]) for e in events) and time.monotonic() < end:
        events += agent("s.events()")
        time.sleep(0.02)
    return events


def guests_of(p, events):
    """The paths that are guests'. In the back end's own tree others may be at work."""
    own = p.node("back", "")
    return [path for path, _ in events if not path.startswith(own)]


def watches(p, zero, back, a, b):
    data = p.node("a", "data")
    p.same("a watch begins with an event", a("s.watch('data/w', 't')") and heard(a, "t"), [["data/w", "t"]])
    zero(f"s.write('{data}/w', '1')")
    p.same("a write is heard", heard(a, "t"), [["data/w", "t"]])
    zero(f"s.write('{data}/w/below', '1')")
    p.same("so is one below, with its path", heard(a, "t"), [["data/w/below", "t"]])
    p.same("a guest may watch the same with the same token again", a("s.watch('data/w', 't')") and heard(a, "t"), [["data/w", "t"]])
    p.same("and end it more often than it began", a("[s.unwatch('data/w', 't') for i in range(3)]"), [True] * 3)
    a("s.watch('data/mark', 'mark')")
    heard(a, "mark")
    zero(f"s.write('{data}/w', '2') and s.write('{data}/mark', '1')")
    p.same("then it hears nothing of it", heard(a, "mark"), [["data/mark", "mark"]])
    zero(f"s.watch('{data}/w', 't')")
    p.same("domain 0 may not watch twice", zero(f"s.watch('{data}/w', 't')"), "EEXIST")
    p.same("nor end it twice", [zero(f"s.unwatch('{data}/w', 't')") for _ in range(2)], [1, "ENOENT"])

    p.same("a watch on another guest's node is taken", b(f"s.watch('{data}', 'alien')") and heard(b, "alien"), [[data, "alien"]])
    b("s.watch('data/mark', 'mark')")
    heard(b, "mark")
    zero(f"s.write('{data}/secret', '1') and s.write('{p.node('b', 'data/mark')}', '1')")
    p.same("but tells nothing", heard(b, "mark"), [["data/mark", "mark"]])

    back("s.watch('/local/domain', 'tree')")
    heard(back, "tree")
    there = p.node("a", "control/dpdk")
    zero(f"s.write('{p.node('b', 'control/dpdk')}', '') and s.mkdir('{there}')")
    zero(f"s.chmod('{there}', [[{p.domid['a']}, 0], [{p.domid['back']}, {READ}]])")
    p.same("a watch on the tree tells the back end of a node that it may read now, and of no other",
           guests_of(p, heard(back, "tree", there)), [there])
    a("s.write('control/dpdk/k', '1')")
    p.same("and of what the guest writes there", guests_of(p, heard(back, "tree", f"{there}/k")), [f"{there}/k"])
    zero(f"s.rm('{there}')")
    p.fact("and that it is gone", there in guests_of(p, heard(back, "tree", there)))


def share(agent, expression):
    got = agent(f"keep('b', g.{expression}) and b")
    return got if isinstance(got, str) else (got["addr"], got["refs"])


def mapping(p):
    a_id, back_id = p.domid["a"], p.domid["back"]
    guest, back, other = p.opened(("a", "g"), ("back", "m"), ("b", "m"))
    addr, refs = share(guest, f"share({back_id}, 4)")
    guest(f"[poke({addr} + i * PAGE, 'page %d' % i) for i in range(4)]")
    got = back(f"m.map({a_id}, {refs[::-1]})")
    p.same("four pages mapped in reverse order are contiguous", back(f"[peek({got} + i * PAGE, 6) for i in range(4)]"),
           ["page 3", "page 2", "page 1", "page 0"])
    back(f"poke({got}, 'reply!')")
    p.same("the guest sees what the mapper writes", guest(f"peek({addr} + 3 * PAGE, 6)"), "reply!")
    p.same("a mapping is unmapped whole, once", [back(f"m.unmap({got}, {n})") for n in (3, 4, 4)], ["EINVAL", True, "EINVAL"])

    before = back("mappings()")
    bad = {"one bad reference among good ones": f"m.map({a_id}, {refs + [FAR]})", "reference 0": f"m.map({a_id}, [0])",
           "a reference over 2^31": f"m.map({a_id}, [4000000000])", "an empty call": f"m.map({a_id}, [])",
           "the wrong granting domain": f"m.map({p.domid['b']}, {refs})",
           "a granting domain that isn't there": f"m.map({NOBODY}, {refs})"}
    for what, call in bad.items():
        p.same(f"{what}: nothing is mapped", back(call), "EINVAL")
    p.same("and nothing is left of it", back("mappings()"), before)
    p.same("pages may be granted to a domain that isn't there", guest(f"g.share({NOBODY}, 1)['addr'] > 0"), True)
    p.same("no page can't", guest(f"g.share({back_id}, 0)"), "EINVAL")
    p.same("a domain that a page isn't granted to can't map it", other(f"m.map({a_id}, {refs})"), "EINVAL")
    _, to_other = share(guest, f"share({p.domid['b']}, 1)")
    p.same("the one that it is granted to can", other(f"m.unmap(m.map({a_id}, {to_other}), 1)"), True)

    addr, ro = share(guest, f"share({back_id}, 1, False)")
    guest(f"poke({addr}, 'only read')")
    p.same("a page granted read-only can't be mapped writable", back(f"m.map({a_id}, {ro})"), "EINVAL")
    p.same("it can be read", back(f"peek(m.map({a_id}, {ro}, RO), 9)"), "only read")
    p.same("grant copy", back(f"m.copy({a_id}, {ro[0]}, 5, 4)"), [0, "read"])
    p.same("grant copy of a bad reference", back(f"m.copy({a_id}, {FAR}, 0, 4)[0]"), -3)
    p.same("grant copy over the page's end", back(f"m.copy({a_id}, {ro[0]}, 4090, 7)"), "EINVAL")

    more = share(guest, f"share({back_id}, 200)")[1]
    got = back(f"m.map_timed({a_id}, {more})")
    p.same("200 pages in one call are one mapping", got if isinstance(got, str) else got["mappings"], 1)
    for agent in (back, other, guest):  # pages that are mapped when their granter ends go back one by one, ten a second
        agent.kill()


def programs(p):
    """Grants and mappings when programs end."""
    a_id, back_id = p.domid["a"], p.domid["back"]
    ends = {"kill -9": lambda g, addr: g.kill(), "unshare": lambda g, addr: g(f"g.unshare({addr}, 1)")}
    [back] = p.opened(("back", "m"))
    for what, end in ends.items():
        [guest] = p.opened(("a", "g"))
        addr, refs = share(guest, f"share_notify({back_id}, 10)")
        guest(f"poke({addr}, '0123456789A')")
        got = back(f"m.map({a_id}, {refs})")
        end(guest, addr)
        p.wait(f"{what} of the granting program clears the flag byte", lambda: back(f"peek({got}, 11)") != "0123456789A")
        p.same("and nothing else; the page stays for who has it mapped", back(f"peek({got}, 11)"), "0123456789\0")
        p.same("and can be mapped anew as long as it is", back(f"m.unmap(m.map({a_id}, {refs}), 1)"), True)
        back(f"m.unmap({got}, 1)")
        p.wait("it can't be mapped any more when nobody has it mapped",
               lambda: back(f"m.unmap(m.map({a_id}, {refs}), 1)") == "EINVAL")
        guest.kill()

    guest, one, two = p.opened(("a", "g"), ("back", "m"), ("back", "m"))
    addr, refs = share(guest, f"share_notify({back_id}, 0)")
    guest(f"poke({addr}, 'A')")
    guest("g.close()")
    p.same("pages outlive the close of their handle", back(f"peek(m.map({a_id}, {refs}), 1)"), "A")
    p.same("two programs map the same page",
           [m(f"keep('addr', m.map({a_id}, {refs})) and peek(addr, 1)") for m in (one, two)], ["A", "A"])
    one.kill()
    p.same("kill -9 of one leaves the other's mapping", two("peek(addr, 1)"), "A")
    two("m.close()")
    p.same("so does the close of its handle", two("peek(addr, 1)"), "A")
    for agent in (back, two, guest):
        agent.kill()

    guest, back = p.opened(("a", "g"), ("back", "m"))
    addr, refs = share(guest, f"share({back_id}, 1)")
    guest(f"poke({addr}, 'AB')")
    back(f"m.map_notify({a_id}, {refs[0]}, 1)")
    back.kill()
    p.wait("a mapper's own flag byte is cleared by its death", lambda: guest(f"peek({addr}, 2)") == "A\0")
    guest.kill()


def events(p):
    """Event channels, and what a death leaves of them: a back end's successor binds the same port of the guest again."""
    a_id, back_id = p.domid["a"], p.domid["back"]
    guest, back, other = p.opened(("a", "e"), ("back", "e"), ("b", "e"))
    port = guest(f"e.unbound({back_id})")
    p.same("a domain that a port isn't for can't bind it", other(f"e.bind({a_id}, {port})"), "EINVAL")
    p.same("nor is there another port, or another domain",
           [back(f"e.bind({a_id}, {port + 50})"), back(f"e.bind({NOBODY}, {port})")], ["EINVAL", "ESRCH"])
    mine = back(f"e.bind({a_id}, {port})")
    p.same("who binds has an event at once", back("e.pending(PATIENCE)"), mine)
    p.same("and the other side hasn't", guest("e.pending()"), None)
    p.same("a port is bound once", back(f"e.bind({a_id}, {port})"), "EINVAL")
    p.same("an event arrives", [back(f"e.notify({mine})"), guest("e.pending(PATIENCE)")], [0, port])
    p.same("no other before the port is unmasked", [back(f"e.notify({mine})"), back(f"e.notify({mine})"), guest("e.pending()")],
           [0, 0, None])
    p.same("then one for all that came", [guest(f"e.unmask({port})"), guest("e.pending(PATIENCE)"), guest(f"e.unmask({port})"),
                                          guest("e.pending()")], [0, port, 0, None])
    back(f"e.unmask({mine})")
    p.same("it goes both ways", [guest(f"e.notify({port})"), back("e.pending(PATIENCE)")], [0, mine])
    p.same("a port of another handle is none", other(f"e.notify({port + 50})"), "ENOTCONN")

    back.kill()
    p.same("the death of one end is no event for the other", guest("e.pending()"), None)
    p.same("which may go on notifying nobody", guest(f"e.notify({port})"), 0)
    back, late = p.opened(("back", "e"), ("back", "e"))
    again = back(f"e.bind({a_id}, {port})")
    p.same("a successor binds the same port, with an event", back("e.pending(PATIENCE)"), again)
    p.same("and nobody else does while it lives", late(f"e.bind({a_id}, {port})"), "EINVAL")
    p.same("events arrive again", [back(f"e.notify({again})"), guest("e.pending(PATIENCE)")], [0, port])
    p.same("an unbind is such an end, too", [back(f"e.unbind({again})"), back(f"e.notify({again})"),
                                             late(f"e.bind({a_id}, {port}) > 0")], [0, "ENOTCONN", True])

    p.same("a handle is restricted to a domain, once", [back(f"e.restrict({a_id})"), back(f"e.restrict({a_id})")], [0, "EACCES"])
    theirs = other(f"e.unbound({back_id})")
    p.same("then it binds no port of others, and offers none", [back(f"e.bind({p.domid['b']}, {theirs})"), back(f"e.unbound({a_id})")],
           ["EACCES", "EACCES"])
    p.same("but that one's", back(f"e.bind({a_id}, {guest(f'e.unbound({back_id})')}) > 0"), True)
    for agent in (back, late, other, guest):
        agent.kill()


def limit(p):
    back_id = p.domid["back"]
    one, two = p.opened(("b", "g"), ("b", "g"))
    p.same("more pages than gntalloc's limit are refused", share(one, f"share({back_id}, {LIMIT + 1})"), "ENOSPC")
    few = f"g.share({back_id}, %d)['addr'] > 0"
    p.same("1000 are granted", one(f"keep('b', g.share({back_id}, 1000)) and b['addr'] > 0"), True)
    p.same("the limit is the domain's, not the program's", two(few % 25), "ENOSPC")
    p.same("and exact", two(few % 24), True)
    one("g.unshare(b['addr'], 1000)")
    p.wait("what is given back can be granted again", lambda: two(few % 1000) is True)
    p.limit("b", LIMIT + 500)
    [three] = p.opened(("b", "g"))
    p.same("a higher limit lets more be granted", three(few % 500), True)
    for agent in (one, two, three):
        agent.kill()


def domains(p):
    """The end of a domain, its pages mapped."""
    a_id, back_id = p.domid["a"], p.domid["back"]
    zero, watcher, back, guest = p.opened(("zero", "s"), ("back", "s"), ("back", "m"), ("a", "g"))
    for name in ("@introduceDomain", "@releaseDomain"):
        zero(f"s.chmod('{name}', [[0, 0], [{back_id}, {READ}]])")
    watcher("s.watch('@releaseDomain', 'out')")
    heard(watcher, "out")
    addr, refs = share(guest, f"share_notify({back_id}, 0)")
    guest(f"poke({addr}, 'ABC')")
    got = back(f"m.map({a_id}, {refs})")
    p.end("a")
    p.fact("the back end hears that a domain was destroyed", ["@releaseDomain", "out"] in heard(watcher, "out"))
    p.same("its nodes are gone", zero(f"s.list('{p.node('a', '').rstrip('/')}')"), "ENOENT")
    p.same("what is mapped of it stays, the flag byte too", back(f"peek({got}, 3)"), "ABC")
    p.fact("so something of it is left", p.left("a"))
    [other] = p.opened(("back", "m"))
    p.same("and can be mapped anew", other(f"peek(m.map({a_id}, {refs}), 3)"), "ABC")
    back.kill()
    p.same("kill -9 of one mapper leaves the other's", other(f"peek(m.map({a_id}, {refs}), 3)"), "ABC")
    other.kill()
    p.wait("kill -9 of the last: nothing is left of the domain", lambda: not p.left("a"))
    [last] = p.opened(("back", "m"))
    p.same("it can't be mapped any more", last(f"m.map({a_id}, {refs})"), "EINVAL")


def store(p):
    zero, back, a, b, other = p.stores("zero", "back", "a", "b", "a")
    rights(p, zero, back, a, b)
    values(p, a)
    transactions(p, zero, a, other)
    watches(p, zero, back, a, b)
    for agent in (zero, back, a, b, other):
        agent.kill()


def check(p):
    for part in (store, mapping, programs, events, limit, domains):
        part(p)
