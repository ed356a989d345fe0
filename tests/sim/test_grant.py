# SPDX-License-Identifier: BSD-3-Clause
"""Grants in the simulator: who may map what, what a process's death releases, and what is left."""
import os
import subprocess
import time

from lab import Sim, fact, finish, same

PAGE = 4096


def sharer(sim, domid, **env):
    agent = sim.agent(domid, **env)
    agent("keep('g', Gntshr())")
    return agent


def mapper(sim, domid=0):
    agent = sim.agent(domid)
    agent("keep('m', Gnttab())")
    return agent


def share(agent, expression):
    got = agent("keep('b', g.%s) and b" % expression)
    return got if isinstance(got, str) else (got["addr"], got["refs"])


def rules(sim):
    guest, zero, eight = sharer(sim, 7), mapper(sim), mapper(sim, 8)
    addr, refs = share(guest, "share(0, 4)")
    same("references are the lowest ones, from 8 up", refs, [8, 9, 10, 11])
    for i in range(4):
        guest(f"poke({addr + i * PAGE}, 'page {i}')")
    back = zero(f"m.map(7, {refs[::-1]})")
    same("four pages, mapped in reverse order, are contiguous", [zero(f"peek({back + i * PAGE}, 6)") for i in range(4)],
         ["page 3", "page 2", "page 1", "page 0"])
    zero(f"poke({back}, 'reply!')")
    same("the guest sees what the mapper writes", guest(f"peek({addr + 3 * PAGE}, 6)"), "reply!")
    same("the account", sim.grants(), {(7, guest.pid): (4, 4, {f"0/{zero.pid}": 4})})
    same("unmap of a part is refused", zero(f"m.unmap({back}, 3)"), "EINVAL")
    same("unmap", zero(f"m.unmap({back}, 4)"), True)
    same("unmap again is refused", zero(f"m.unmap({back}, 4)"), "EINVAL")

    same("a call with one bad reference fails", zero(f"m.map(7, {refs + [999]})"), "EINVAL")
    same("and maps nothing", sim.grants(), {(7, guest.pid): (4, 0, {})})
    same("reference 0 fails", zero("m.map(7, [0])"), "EINVAL")
    same("so does one over 2^31", zero("m.map(7, [4000000000])"), "EINVAL")
    same("so does an empty call", zero("m.map(7, [])"), "EINVAL")
    same("the wrong granting domain fails", zero(f"m.map(8, {refs})"), "EINVAL")
    same("a domain that isn't there fails", zero(f"m.map(99, {refs})"), "EINVAL")
    same("another domain than the one granted to can't map", eight(f"m.map(7, {refs})"), "EINVAL")
    _, to_eight = share(guest, "share(8, 1)")
    same("the granted one can", eight(f"m.unmap(m.map(7, {to_eight}), 1)"), True)
    same("dom0 then can't", zero(f"m.map(7, {to_eight})"), "EINVAL")

    full = sim.agent(0, XENSIM_MAPTRACK_LIMIT="3")
    full("keep('m', Gnttab())")
    same("out of maptrack frames a call fails", full(f"m.map(7, {refs})"), "EINVAL")
    same("and one for fewer pages doesn't", full(f"m.unmap(m.map(7, {refs[:3]}), 3)"), True)
    full.kill()

    addr, ro = share(guest, "share(0, 1, False)")
    guest(f"poke({addr}, 'only read')")
    same("a page granted read-only can't be mapped writable", zero(f"m.map(7, {ro})"), "EINVAL")
    back = zero(f"m.map(7, {ro}, RO)")
    same("it can be read", zero(f"peek({back}, 9)"), "only read")
    same("and not be made writable later", zero(f"make_writable({back})"), "EACCES")
    same("grant copy", zero(f"m.copy(7, {ro[0]}, 5, 4)"), [0, "read"])
    same("grant copy of a bad reference: GNTST_bad_gntref", zero("m.copy(7, 999, 0, 4)[0]"), -3)
    same("grant copy over the page's end", zero(f"m.copy(7, {ro[0]}, 4090, 7)"), "EINVAL")

    other = sharer(sim, 8)
    _, theirs = share(other, "share(0, 1)")
    same("each domain has references of its own", theirs, [8])
    both = zero(f"m.map_multi([8, 7], [8, 8])")
    fact("one call maps pages of two domains", isinstance(both, int))
    same("no simulator, no Xen: ENOENT", zero("os.environ.pop('XENSIM_DIR') and Gnttab()"), "ENOENT")
    for a in (guest, zero, eight, other):
        a.leave()
    same("all is given back when all have ended", sim.grants(), {})


def numbering(sim):
    guest, zero = sharer(sim, 7), mapper(sim)
    first = share(guest, "share(0, 3)")
    second = share(guest, "share(0, 3)")
    back = zero(f"m.map(7, {first[1][:1]})")
    guest(f"g.unshare({first[0]}, 3)")
    _, third = share(guest, "share(0, 2)")
    fact("references of a block that is still mapped are not used again", not set(third) & set(first[1] + second[1]))
    same("nor can it be mapped any more", zero(f"m.map(7, {first[1]})"), "EINVAL")
    zero(f"m.unmap({back}, 1)")
    same("after the unmap they are", share(guest, "share(0, 3)")[1], first[1])
    same("unshare of a part is refused", guest("g.unshare(b['addr'], 2)"), "EINVAL")
    guest.leave()
    guest = sharer(sim, 7, XENSIM_REF_ORDER="down")
    addr, refs = share(guest, "share(0, 4)")
    same("XENSIM_REF_ORDER=down: they descend", refs, [11, 10, 9, 8])
    guest(f"poke({addr}, 'first')")
    same("and mean the right pages", zero(f"peek(m.map(7, {refs}), 5)"), "first")
    guest.leave()
    zero.leave()


def limit(sim):
    guest, second = sharer(sim, 7), sharer(sim, 7)
    same("gntalloc's limit of 1024 pages: one more is refused", share(guest, "share(0, 1025)"), "ENOSPC")
    addr, _ = share(guest, "share(0, 1000)")
    same("it is the domain's, not the process's", share(second, "share(0, 25)"), "ENOSPC")
    fact("exactly 1024 are granted", share(second, "share(0, 24)") != "ENOSPC")
    guest(f"g.unshare({addr}, 1000)")
    fact("what is given back can be granted again", share(second, "share(0, 1000)") != "ENOSPC")
    more = sharer(sim, 7, XENSIM_GNTALLOC_LIMIT="5000")
    fact("XENSIM_GNTALLOC_LIMIT raises it", share(more, "share(0, 3976)") != "ENOSPC")
    same("to what it says", share(more, "share(0, 1)"), "ENOSPC")
    for a in (guest, second, more):
        a.leave()


def flag(sim, text, end):
    """A page with a flag byte, mapped: what is in it after end(guest, addr)."""
    guest, zero = sharer(sim, 7), mapper(sim)
    addr, refs = share(guest, "share_notify(0, 10)")
    guest(f"poke({addr}, '0123456789A')")
    back = zero(f"m.map(7, {refs})")
    end(guest, addr)
    while sim.grants()[7, guest.pid][0] > 0:
        time.sleep(0.01)  # An exec takes its time.
    same(text, zero(f"peek({back}, 11)"), "0123456789\0")
    same("its content stays for who has it mapped", sim.grants(), {(7, guest.pid): (0, 1, {f"0/{zero.pid}": 1})})
    zero(f"m.unmap({back}, 1)")
    same("until the unmap", sim.grants(), {})
    same("then the page can't be mapped any more", zero(f"m.map(7, {refs})"), "EINVAL")
    for a in (guest, zero):
        a.kill()


def deaths(sim):
    flag(sim, "kill -9 of the granting process clears the flag byte", lambda g, _: g.kill())
    flag(sim, "a normal end clears it", lambda g, _: g.leave())
    flag(sim, "unshare clears it", lambda g, addr: g(f"g.unshare({addr}, 1)"))
    flag(sim, "close and munmap, here by exec, clear it", lambda g, _: g.send("g.close() or os.execlp('sleep', 'sleep', '9')"))

    guest, zero = sharer(sim, 7), mapper(sim)
    addr, refs = share(guest, "share_notify(0, 0)")
    guest(f"poke({addr}, 'A')")
    guest("g.close()")
    back = zero(f"m.map(7, {refs})")
    same("as on Xen, pages outlive the close of their handle", zero(f"peek({back}, 1)"), "A")
    zero("m.close()")
    same("and so do mappings", sim.grants()[7, guest.pid], (1, 1, {f"0/{zero.pid}": 1}))
    same("an event channel to notify is not simulated: ENOSYS", share(sharer(sim, 7), "share_notify(0, 0, 5)"), "ENOSYS")
    zero.kill()
    same("kill -9 of a mapper releases its mappings", sim.grants(), {(7, guest.pid): (1, 0, {})})
    zero, one = mapper(sim), mapper(sim)
    for a in (zero, one):
        a(f"keep('addr', m.map(7, {refs}))")
    zero.kill()
    same("and leaves another mapper's alone", sim.grants(), {(7, guest.pid): (1, 1, {f"0/{one.pid}": 1})})
    one("m.unmap(addr, 1)")
    one(f"keep('addr', m.map_notify(7, {refs[0]}, 1))")
    guest(f"poke({addr}, 'AB')")
    one.kill()
    sim.grants()  # The keeper does first what was first.
    same("a mapper's own notify byte is cleared by its death", guest(f"peek({addr}, 2)"), "A\0")
    guest.kill()

    for i in range(30):
        guest, zero = sharer(sim, 7), mapper(sim)
        _, refs = share(guest, "share(0, 500)")
        zero.send(f"[m.unmap(m.map(7, {refs}), 500) for i in range(1000)]")
        time.sleep(i / 1000)
        (zero if i % 2 else guest).kill()
        zero.kill()
        guest.kill()
    same("after 30 kills in the midst of map and unmap nothing is left", sim.grants(), {})


def destroy(sim):
    sim("domain-create", 11)
    guest, zero = sharer(sim, 11), mapper(sim)
    addr, refs = share(guest, "share_notify(0, 0)")
    guest(f"poke({addr}, 'A')")
    back = zero(f"m.map(11, {refs})")
    sim("domain-destroy", 11)
    same("after domain-destroy a grant can be mapped while one is", zero(f"m.unmap(m.map(11, {refs}), 1)"), True)
    same("the account shows what is still mapped", sim.grants(), {(11, guest.pid): (0, 1, {f"0/{zero.pid}": 1})})
    guest.kill()
    sim.grants()  # The keeper does first what was first.
    same("the flag byte is not cleared, even when the process dies", zero(f"peek({back}, 1)"), "A")
    sim("domain-create", 11)
    late = sharer(sim, 11)
    _, again = share(late, "share(0, 1)")
    same("the next life of the domid has a table of its own", again, refs)
    same("its pages are not its predecessor's", zero(f"peek(m.map(11, {again}), 1)"), "\0")
    same("and the old mapping stays", zero(f"peek({back}, 1)"), "A")
    for a in (late, zero):
        a.kill()
    same("nothing is left", sim.grants(), {})


def many(sim):
    guest, zero = sharer(sim, 7, XENSIM_GNTALLOC_LIMIT="40000"), mapper(sim)
    addr, refs = share(guest, "share(0, 5000)")
    guest(f"poke({addr}, 'a') and poke({addr + 4999 * PAGE}, 'z')")
    up = zero(f"m.map_timed(7, {refs})")
    down = zero(f"m.map_timed(7, {refs[::-1]})")
    print(f"        5000 pages: {up['seconds'] * 1e3:.1f} ms in order, {down['seconds'] * 1e3:.1f} ms in reverse")
    same("5000 pages in order are the right ones", up["ends"], ["a", "z"])
    same("and one mapping of the process", up["mappings"], 1)
    same("5000 pages in reverse order are the right ones", down["ends"], ["z", "a"])
    _, more = share(guest, "share(0, 32768)")
    got = zero(f"m.map_timed(7, {more})")
    print(f"        32768 pages: {got['seconds'] * 1e3:.1f} ms in order")
    same("32768 pages in one call", got["ends"], ["\0", "\0"])
    single = guest("[g.share(0, 1)['refs'][0] for i in range(1100)]")
    same("1100 pages shared one by one are neighbours as well", zero(f"m.map_timed(7, {single})['mappings']"), 1)
    guest.leave()
    zero.leave()


def library(sim):
    def symbols(path):
        out = subprocess.run(["nm", "-D", path], capture_output=True, text=True, check=True).stdout
        return sorted(w[2] for w in map(str.split, out.splitlines()) if len(w) == 3 and w[1] in "TA")

    path = [line.split("=", 1)[1].split(":")[0] for line in sim("env", 0).splitlines() if "LD_LIBRARY_PATH" in line][0]
    ours = symbols(os.path.join(path, "libxengnttab.so.1"))
    same("20 functions", len([s for s in ours if s.startswith("xen")]), 20)
    real = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    real = [line.split()[-1] for line in real.splitlines() if "libxengnttab.so.1" in line]
    if real:
        same("of the same names and versions as the real library's", ours, symbols(real[0]))


def keeper(sim):
    guest, zero = sharer(sim, 7), mapper(sim)
    addr, refs = share(guest, "share(0, 1)")
    guest(f"poke({addr}, 'still here')")
    back = zero(f"m.map(7, {refs})")
    sim.kill("keeper.pid")
    same("the keeper killed: what is mapped stays", zero(f"peek({back}, 10)"), "still here")
    same("a map call fails", zero(f"m.map(7, {refs})"), "ENODEV")
    same("so does a share", share(guest, "share(0, 1)"), "ENODEV")
    same("and an open", zero("Gnttab()"), "ECONNREFUSED")


with Sim() as sim:
    sim("domain-create", 7)
    sim("domain-create", 8)
    library(sim)
    rules(sim)
    numbering(sim)
    limit(sim)
    deaths(sim)
    destroy(sim)
    many(sim)
    keeper(sim)
finish()
