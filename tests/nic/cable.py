# SPDX-License-Identifier: BSD-3-Clause
"""The far ends of the cables in the machine's NICs: outside they are sockets of QEMU's, inside they are asked for.

The two sides speak over a serial port, a line of JSON each way: what is called, and what came of it.
"""

import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import wire  # noqa: E402


class Cable(wire.Wire):
    """Outside: each datagram is a frame. Sending waits while the NIC takes none."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        super().__init__(ours)

    def _open(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, 33, wire.RCVBUF)
        sock.bind(self.ours)
        sock.setblocking(False)
        return sock

    def _recv(self):
        return self.sock.recv(65536)

    def send(self, raw):
        while not self.stopping:
            try:
                self.sock.sendto(raw, self.theirs)
                return
            except BlockingIOError:
                time.sleep(0.001)


class Server:
    """Outside: does what the inside asks for."""

    def __init__(self, port, cables, monitor, cards):
        self.port, self.cables, self.monitor, self.cards = port, cables, monitor, cards
        self.flows = {}
        self.result = None

    def serve(self):
        """Until the inside says that it is done, or is gone. Returns what it said."""
        with self.port.makefile("rwb") as f:
            for line in f:
                call = json.loads(line)
                try:
                    answer = {"is": getattr(self, "do_" + call["do"])(*call["with"])}
                except Exception as e:  # the inside's test fails with it
                    answer = {"error": f"{type(e).__name__}: {e}"}
                f.write(json.dumps(answer).encode() + b"\n")
                f.flush()
                if self.result is not None:
                    break
        return self.result

    def do_say(self, text):
        print(text, flush=True)

    def do_done(self, passed, failed):
        self.result = (passed, failed)

    def do_send(self, n, frames):
        for raw in frames:
            self.cables[n].send(bytes.fromhex(raw))

    def do_take(self, n):
        return [raw.hex() for raw in self.cables[n].take()]

    def do_book(self, n, flow):
        return self.cables[n].book(flow)

    def do_forget(self, n, keep):
        self.cables[n].keep = keep
        self.cables[n].forget()

    def do_flow(self, n, number, *args):
        key = len(self.flows)
        self.flows[key] = self.cables[n].flow(number, *args)
        return key

    def do_flow_is(self, key, end):
        """(how many were sent, is it over); end: it is to be."""
        flow = self.flows[key]
        if end:
            flow.stop()
        return [flow.sent, flow.done()]

    def do_plug(self, n, up):
        self.monitor("set_link", name=f"nic{n}", up=up)

    def do_pull(self, n):
        """The whole NIC out of its slot. It is out when the inside sees none."""
        self.monitor("device_del", id=self.cards[n]["id"])

    def do_push(self, n):
        self.monitor("device_add", **self.cards[n])


class Line:
    """Inside: calls the outside."""

    def __init__(self, path):
        self.file = open(path, "r+b", buffering=0)
        self.lock = threading.Lock()

    def __getattr__(self, name):
        return lambda *args: self.call(name, args)

    def call(self, name, args):
        with self.lock:
            raw = json.dumps({"do": name, "with": args}).encode() + b"\n"
            while raw:
                raw = raw[self.file.write(raw):]
            reply = b""
            while not reply.endswith(b"\n"):
                reply += self.file.read(65536) or b""
        answer = json.loads(reply)
        if "error" in answer:
            raise RuntimeError(f"outside: {answer['error']}")
        return answer["is"]


class Far:
    """Inside: what a wire.Wire is, of a cable outside."""

    def __init__(self, line, n):
        self.line, self.n = line, n
        self.flows = []
        self.forget()

    @property
    def keep(self):
        return True

    @keep.setter
    def keep(self, keep):
        self.line.forget(self.n, keep)

    def close(self):
        for flow in self.flows:
            flow.stop()
        self.flows = []

    def send(self, raw):
        self.line.send(self.n, [raw.hex()])

    def send_all(self, frames):
        self.line.send(self.n, [raw.hex() for raw in frames])

    def take(self):
        return [bytes.fromhex(raw) for raw in self.line.take(self.n)]

    def book(self, flow):
        return self.line.book(self.n, flow)

    def forget(self):
        self.line.forget(self.n, True)

    def plug(self, up):
        self.line.plug(self.n, up)

    def pull(self):
        self.line.pull(self.n)

    def push(self):
        self.line.push(self.n)

    def flow(self, flow, dst, src, rate, count=0, length=60, vlan=None):
        f = FarFlow(self.line, self.line.flow(self.n, flow, dst, src, rate, count, length, vlan))
        self.flows.append(f)
        return f


class FarFlow:
    """Inside: a paced flow that the outside sends."""

    def __init__(self, line, key):
        self.line, self.key = line, key

    @property
    def sent(self):
        return self.line.flow_is(self.key, False)[0]

    def done(self):
        return self.line.flow_is(self.key, False)[1]

    def stop(self):
        return self.line.flow_is(self.key, True)[0]
