# SPDX-License-Identifier: BSD-3-Clause
"""A program in a simulated domain that does what it is told.

Each line of standard input is a Python expression on the names below; the answer is a line of JSON, {"value": ...} or
{"errno": ...}. Only the stock libraries are used, in the way a C program would.
"""
import ctypes
import errno
import json
import mmap
import os
import select
import sys
import time

c_int, c_uint, c_ptr, c_str = ctypes.c_int, ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p
PAGE = 4096
RW = mmap.PROT_READ | mmap.PROT_WRITE
RO = mmap.PROT_READ
NO_PORT = 0xFFFFFFFF
PATIENCE = 60  # seconds until an event that comes is given up


def function(lib, name, result, *args):
    f = getattr(lib, name)
    f.restype, f.argtypes = result, args
    return f


def checked(value):
    """The value of a library call that returns 0 or NULL when it fails."""
    if not value:
        raise OSError(ctypes.get_errno(), "")
    return value


libc = ctypes.CDLL(None, use_errno=True)
free = function(libc, "free", None, c_ptr)
mprotect = function(libc, "mprotect", c_int, c_ptr, ctypes.c_size_t, c_int)

xs = ctypes.CDLL("libxenstore.so.4", use_errno=True)
xs_open = function(xs, "xs_open", c_ptr, ctypes.c_ulong)
xs_close = function(xs, "xs_close", None, c_ptr)
xs_read = function(xs, "xs_read", c_ptr, c_ptr, c_uint, c_str, ctypes.POINTER(c_uint))
xs_write = function(xs, "xs_write", ctypes.c_bool, c_ptr, c_uint, c_str, c_ptr, c_uint)
xs_mkdir = function(xs, "xs_mkdir", ctypes.c_bool, c_ptr, c_uint, c_str)
xs_rm = function(xs, "xs_rm", ctypes.c_bool, c_ptr, c_uint, c_str)
xs_directory = function(xs, "xs_directory", ctypes.POINTER(c_str), c_ptr, c_uint, c_str, ctypes.POINTER(c_uint))
xs_is_domain_introduced = function(xs, "xs_is_domain_introduced", ctypes.c_bool, c_ptr, c_uint)
xs_set_permissions = function(xs, "xs_set_permissions", ctypes.c_bool, c_ptr, c_uint, c_str, c_ptr, c_uint)
xs_watch = function(xs, "xs_watch", ctypes.c_bool, c_ptr, c_str, c_str)
xs_unwatch = function(xs, "xs_unwatch", ctypes.c_bool, c_ptr, c_str, c_str)
xs_check_watch = function(xs, "xs_check_watch", ctypes.POINTER(c_str), c_ptr)
xs_fileno = function(xs, "xs_fileno", c_int, c_ptr)
xs_transaction_start = function(xs, "xs_transaction_start", c_uint, c_ptr)
xs_transaction_end = function(xs, "xs_transaction_end", ctypes.c_bool, c_ptr, c_uint, ctypes.c_bool)


class Store:
    """A connection to XenStore."""

    def __init__(self):
        self.h = checked(xs_open(0))

    def close(self):
        xs_close(self.h)

    def read(self, path, tx=0):
        size = c_uint()
        data = checked(xs_read(self.h, tx, path.encode(), size))
        value = ctypes.string_at(data, size.value).decode()
        free(data)
        return value

    def write(self, path, value, tx=0):
        return checked(xs_write(self.h, tx, path.encode(), value.encode(), len(value)))

    def mkdir(self, path, tx=0):
        return checked(xs_mkdir(self.h, tx, path.encode()))

    def rm(self, path, tx=0):
        return checked(xs_rm(self.h, tx, path.encode()))

    def list(self, path, tx=0):
        n = c_uint()
        names = checked(xs_directory(self.h, tx, path.encode(), n))
        return [names[i].decode() for i in range(n.value)]

    def chmod(self, path, rights, tx=0):
        """rights: [domid, bits], the owner's first; bits are 1 (read) and 2 (write)."""
        pairs = (c_uint * (2 * len(rights)))(*[n for pair in rights for n in pair])
        return checked(xs_set_permissions(self.h, tx, path.encode(), pairs, len(rights)))

    def introduced(self, domid):
        ctypes.set_errno(0)
        there = xs_is_domain_introduced(self.h, domid)
        return there or (checked(there) if ctypes.get_errno() else False)

    def watch(self, path, token):
        return checked(xs_watch(self.h, path.encode(), token.encode()))

    def unwatch(self, path, token):
        return checked(xs_unwatch(self.h, path.encode(), token.encode()))

    def events(self):
        """All watch events of what was done before, as [path, token]."""
        fd, events = xs_fileno(self.h), []
        xs_directory(self.h, 0, b"/none", c_uint())  # Its reply comes after them.
        while select.select([fd], [], [], 0)[0]:
            vector = xs_check_watch(self.h)
            if vector:
                events.append([vector[0].decode(), vector[1].decode()])
            elif ctypes.get_errno() != errno.EAGAIN:
                raise OSError(ctypes.get_errno(), "")
        return events

    def start(self):
        return checked(xs_transaction_start(self.h))

    def end(self, tx, abort=False):
        return checked(xs_transaction_end(self.h, tx, abort))


class Segment(ctypes.Structure):
    """struct xengnttab_grant_copy_segment, from a grant to memory."""

    _fields_ = [("ref", ctypes.c_uint32), ("offset", ctypes.c_uint16), ("domid", ctypes.c_uint16), ("dest", c_ptr),
                ("len", ctypes.c_uint16), ("flags", ctypes.c_uint16), ("status", ctypes.c_int16)]


gnt = ctypes.CDLL("libxengnttab.so.1", use_errno=True)
p_u32 = ctypes.POINTER(ctypes.c_uint32)
gnttab_open = function(gnt, "xengnttab_open", c_ptr, c_ptr, c_uint)
gnttab_close = function(gnt, "xengnttab_close", c_int, c_ptr)
gnttab_map = function(gnt, "xengnttab_map_domain_grant_refs", c_ptr, c_ptr, c_uint, c_uint, p_u32, c_int)
gnttab_map_multi = function(gnt, "xengnttab_map_grant_refs", c_ptr, c_ptr, c_uint, p_u32, p_u32, c_int)
gnttab_map_notify = function(gnt, "xengnttab_map_grant_ref_notify", c_ptr, c_ptr, c_uint, c_uint, c_int, c_uint, c_uint)
gnttab_unmap = function(gnt, "xengnttab_unmap", c_int, c_ptr, c_ptr, c_uint)
gnttab_copy = function(gnt, "xengnttab_grant_copy", c_int, c_ptr, c_uint, ctypes.POINTER(Segment))
gntshr_open = function(gnt, "xengntshr_open", c_ptr, c_ptr, c_uint)
gntshr_close = function(gnt, "xengntshr_close", c_int, c_ptr)
gntshr_share = function(gnt, "xengntshr_share_pages", c_ptr, c_ptr, c_uint, c_int, p_u32, c_int)
gntshr_share_notify = function(gnt, "xengntshr_share_page_notify", c_ptr, c_ptr, c_uint, p_u32, c_int, c_uint, c_uint)
gntshr_unshare = function(gnt, "xengntshr_unshare", c_int, c_ptr, c_ptr, c_uint)


def numbers(values):
    return (ctypes.c_uint32 * len(values))(*values)


class Gntshr:
    """A handle that grants pages."""

    def __init__(self):
        self.h = checked(gntshr_open(None, 0))

    def close(self):
        return gntshr_close(self.h)

    def share(self, domid, count, writable=True):
        refs = (ctypes.c_uint32 * count)()
        addr = checked(gntshr_share(self.h, domid, count, refs, writable))
        return {"addr": addr, "refs": list(refs)}

    def share_notify(self, domid, offset, port=NO_PORT):
        ref = ctypes.c_uint32()
        addr = checked(gntshr_share_notify(self.h, domid, ref, True, offset, port))
        return {"addr": addr, "refs": [ref.value]}

    def unshare(self, addr, count):
        return checked(gntshr_unshare(self.h, addr, count) == 0)


class Gnttab:
    """A handle that maps pages."""

    def __init__(self):
        self.h = checked(gnttab_open(None, 0))

    def close(self):
        return gnttab_close(self.h)

    def map(self, domid, refs, prot=RW):
        return checked(gnttab_map(self.h, len(refs), domid, numbers(refs), prot))

    def map_multi(self, domids, refs, prot=RW):
        return checked(gnttab_map_multi(self.h, len(refs), numbers(domids), numbers(refs), prot))

    def map_notify(self, domid, ref, offset):
        return checked(gnttab_map_notify(self.h, domid, ref, RW, offset, NO_PORT))

    def unmap(self, addr, count):
        return checked(gnttab_unmap(self.h, addr, count) == 0)

    def map_timed(self, domid, refs):
        """Maps, looks at both ends, unmaps. The seconds of the map call, and the mappings that it took of the process."""
        before, t0 = mappings(), time.monotonic()
        addr = self.map(domid, refs)
        seconds = time.monotonic() - t0
        n = mappings() - before
        ends = [peek(addr, 1), peek(addr + (len(refs) - 1) * PAGE, 1)]
        self.unmap(addr, len(refs))
        return {"seconds": seconds, "mappings": n, "ends": ends}

    def copy(self, domid, ref, offset, length):
        """Grant copy out of a page: status and bytes."""
        buf = ctypes.create_string_buffer(length)
        seg = Segment(ref=ref, offset=offset, domid=domid, dest=ctypes.addressof(buf), len=length, flags=1)
        checked(gnttab_copy(self.h, 1, seg) == 0)
        return [seg.status, buf.raw.decode("latin1")]


evt = ctypes.CDLL("libxenevtchn.so.1", use_errno=True)
evtchn_open = function(evt, "xenevtchn_open", c_ptr, c_ptr, c_uint)
evtchn_close = function(evt, "xenevtchn_close", c_int, c_ptr)
evtchn_fd = function(evt, "xenevtchn_fd", c_int, c_ptr)
evtchn_unbound = function(evt, "xenevtchn_bind_unbound_port", c_int, c_ptr, c_uint)
evtchn_interdomain = function(evt, "xenevtchn_bind_interdomain", c_int, c_ptr, c_uint, c_uint)
evtchn_unbind = function(evt, "xenevtchn_unbind", c_int, c_ptr, c_uint)
evtchn_notify = function(evt, "xenevtchn_notify", c_int, c_ptr, c_uint)
evtchn_pending = function(evt, "xenevtchn_pending", c_int, c_ptr)
evtchn_unmask = function(evt, "xenevtchn_unmask", c_int, c_ptr, c_uint)
evtchn_restrict = function(evt, "xenevtchn_restrict", c_int, c_ptr, ctypes.c_uint16)


def number(value):
    """The value of a library call that returns -1 when it fails."""
    if value < 0:
        raise OSError(ctypes.get_errno(), "")
    return value


class Evtchn:
    """A handle for event channels. Ports are numbers."""

    def __init__(self):
        self.h = checked(evtchn_open(None, 0))

    def close(self):
        return evtchn_close(self.h)

    def unbound(self, domid):
        return number(evtchn_unbound(self.h, domid))

    def bind(self, domid, port):
        return number(evtchn_interdomain(self.h, domid, port))

    def unbind(self, port):
        return number(evtchn_unbind(self.h, port))

    def notify(self, port):
        return number(evtchn_notify(self.h, port))

    def unmask(self, port):
        return number(evtchn_unmask(self.h, port))

    def restrict(self, domid):
        return number(evtchn_restrict(self.h, domid))

    def pending(self, seconds=0.2):
        """The port of the next event; None if there is none for so long."""
        return number(evtchn_pending(self.h)) if select.select([evtchn_fd(self.h)], [], [], seconds)[0] else None


def mappings():
    with open("/proc/self/maps") as f:
        return sum(1 for _ in f)


def peek(addr, length):
    return ctypes.string_at(addr, length).decode("latin1")


def poke(addr, text):
    ctypes.memmove(addr, text.encode("latin1"), len(text))
    return True


def make_writable(addr):
    return checked(mprotect(addr, PAGE, RW) == 0)


names = dict(globals())


def keep(name, value):
    """An assignment, for expressions to come."""
    names[name] = value
    return True


names["keep"] = keep


def answer(line):
    try:
        return {"value": eval(line, names)}
    except OSError as e:
        return {"errno": errno.errorcode.get(e.errno, str(e.errno))}


for line in sys.stdin:
    reply = answer(line)
    if not isinstance(reply.get("value"), (int, float, str, list, dict, type(None))):
        reply = {"value": None}
    print(json.dumps(reply), flush=True)
