# SPDX-License-Identifier: BSD-3-Clause
"""The other end of an uplink: a raw socket on its interface."""

import fcntl
import select
import socket
import struct
import subprocess
import threading
import time

import seq

BROADCAST = "ff:ff:ff:ff:ff:ff"
HOST_MAC = "02:00:00:00:ff:01"  # whoever is on the other end
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
PACKET_STATISTICS = 6
TP_STATUS_VLAN_VALID = 1 << 4
ETH_P_ALL = 3
RCVBUF = 64 << 20
TURN = 256  # frames that are entered before others may look
WINDOW = 1000  # frames of a flow
MAKE_UP = 64  # frames that a paced flow sends at most at once


def quiet_ipv6():
    """Interfaces made from now on in this network namespace send nothing by themselves."""
    for name in ("default", "all"):
        try:
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
                f.write("1")
        except FileNotFoundError:
            pass  # a kernel without IPv6


class Wire:
    """Reads what the switch sends to the interface, from the moment it is made; sends frames to the switch."""

    def __init__(self, ifname):
        self.ifname = ifname
        self.sock = self._open()
        self.lock = threading.Lock()
        self.received = []  # frames with their tags, oldest first
        self.books = {}
        self.keep = True  # whether numbered frames are kept in `received` too
        self.n_lost = 0
        self.stopping = False
        self.flows = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _open(self):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(socket.SOL_SOCKET, 33, RCVBUF)  # SO_RCVBUFFORCE
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.bind((self.ifname, ETH_P_ALL))
        sock.setblocking(False)
        return sock

    def reopen(self):
        """The interface was made anew; if it wasn't, a frame may be read twice."""
        self.sock = self._open()

    def close(self):
        self.stopping = True
        for flow in self.flows:
            flow.stop()
        self.reader.join()
        self.sock.close()

    def _recv(self):
        """The next frame, or None if it is our own."""
        raw, aux, _, addr = self.sock.recvmsg(65536, 64)
        if addr[2] == PACKET_OUTGOING:  # our own
            return None
        for level, what, data in aux:
            if level == SOL_PACKET and what == PACKET_AUXDATA:
                status, _, _, _, _, tci, kind = struct.unpack("IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:  # the kernel took the tag out
                    return raw[:12] + struct.pack("!HH", kind, tci) + raw[12:]
        return raw

    def _enter(self):
        """Enters a frame that the kernel has for us. Returns False if it has none. The lock is held, so that whoever holds
        it knows of all that came."""
        try:
            raw = self._recv()
        except BlockingIOError:
            return False
        f = None if raw is None else seq.parse(raw)
        if f is not None:
            self.books.setdefault(f["flow"], seq.Book()).enter(f)
        if raw is not None and (f is None or self.keep):
            self.received.append(raw)
        return True

    def _read(self):
        while not self.stopping:
            try:
                if select.select([self.sock], [], [], 0.1)[0]:
                    with self.lock:
                        n = 0
                        while n < TURN and self._enter():
                            n += 1
            except (OSError, ValueError):  # the interface went down or away: perhaps it comes back
                time.sleep(0.01)

    def _enter_all(self):
        """What has come by now, whether the reader had its turn or not."""
        end = time.monotonic() + 1  # a flood has no end
        try:
            while self._enter() and time.monotonic() < end:
                pass
        except OSError:
            pass

    def send(self, raw):
        """Waits while the interface's queue is full."""
        while True:
            try:
                self.sock.send(raw)
                return
            except OSError as e:
                if e.errno != 105:  # ENOBUFS
                    raise
                time.sleep(0.001)

    def take(self):
        """All that was received since the last call."""
        with self.lock:
            self._enter_all()
            frames, self.received = self.received, []
        return frames

    def lost(self):
        """Frames that the kernel had no room for, since the reader was too slow."""
        with self.lock:
            _, n = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))  # it counts from 0 again
            self.n_lost += n
            return self.n_lost

    def book(self, flow):
        with self.lock:
            return self.books.setdefault(flow, seq.Book()).as_dict()

    def forget(self):
        """Frames that wait in the kernel belong to what was before."""
        with self.lock:
            self._enter_all()
            self.received = []
            self.books = {}

    def flow(self, flow, dst, src, rate, count=0, length=60, vlan=None, came=None):
        f = WireFlow(self, flow, dst, src, rate, count, length, vlan, came)
        self.flows.append(f)
        return f


class WireFlow:
    """Paced numbered frames in the background; count 0: until stop(). came() says how many the receiver has: no more than
    WINDOW are on their way then, for which the kernel has room, however long the switch has no CPU. None: it can't be known,
    and the flow rests a second every now and then."""

    def __init__(self, wire, flow, dst, src, rate, count, length, vlan, came):
        self.wire, self.sent, self.stopping = wire, 0, False
        self.came, self.next_look = came, WINDOW // 2
        self.args = (flow, dst, src, rate, count, length, vlan)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        flow, dst, src, rate, count, length, vlan = self.args
        start = time.monotonic()
        while not self.stopping and (count == 0 or self.sent < count):
            now = time.monotonic()
            due = int((now - start) * rate)
            if due > self.sent + MAKE_UP:  # we were held up: go on at the rate
                due = self.sent + MAKE_UP
                start = now - due / rate
            due = min(due, count or due)
            if self.sent >= self.next_look and not self._window():
                time.sleep(0.01)
                continue
            while self.sent < due:
                self.wire.send(seq.frame(dst, src, flow, self.sent, length, vlan))
                self.sent += 1
            time.sleep(0.001)

    def _window(self):
        came = self.came() if self.came is not None else self.sent
        if came is not None and self.sent - came > WINDOW // 2:
            return False
        if came is None:
            time.sleep(1)
        self.next_look = self.sent + WINDOW // 2
        return True

    def done(self):
        return not self.thread.is_alive()

    def stop(self):
        """Returns how many were sent."""
        self.stopping = True
        self.thread.join()
        return self.sent

    def join(self):
        self.thread.join()
        return self.sent


def veth(a, b):
    subprocess.run(["ip", "link", "add", a, "type", "veth", "peer", "name", b], check=True)
    for name in (a, b):
        subprocess.run(["ip", "link", "set", name, "up", "promisc", "on"], check=True)


def link_queue(name, frames):
    """Frames that wait when the switch doesn't take them at once; the kernel drops what is more."""
    subprocess.run(["ip", "link", "set", name, "txqueuelen", str(frames)], check=True)


def link_delete(name):
    if link_exists(name):
        subprocess.run(["ip", "link", "delete", name], check=False)


def link_up(name):
    """Is there an interface of that name, and is it up? /sys/class/net may show another network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            reply = fcntl.ioctl(sock, 0x8913, struct.pack("16s16x", name.encode()))  # SIOCGIFFLAGS
        except OSError:
            return False
    return bool(struct.unpack("16xH14x", reply)[0] & 1)


def link_exists(name):
    return name in (n for _, n in socket.if_nameindex())
