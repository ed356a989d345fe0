# SPDX-License-Identifier: BSD-3-Clause
"""dom0's agent: requests as lines of JSON on the second serial port, answers there as `NUMBER ANSWER`, packed. Those of other
domains it hands on."""

import json
import os
import select
import termios
import time
import tty

from store import Store
from work import Work, packed

PORT = "/dev/ttyS1"


class Guests:
    def __init__(self):
        self.store = Store()
        self.watched = set()

    def up(self, domid):
        return self.store.read(f"/local/domain/{domid}/data/xv/up") is not None

    def ask(self, domid, request, timeout):
        """The guest's answer, packed."""
        here = f"/local/domain/{domid}/data/xv"
        if domid not in self.watched:
            self.store.watch(here + "/done")
            self.watched.add(domid)
        self.store.write(here + "/ask", json.dumps(request))
        end = time.monotonic() + timeout
        while True:
            number, _, pieces = (self.store.read(here + "/done") or "").partition(" ")
            if number == str(request["number"]):
                break
            if time.monotonic() > end:
                return packed({"error": f"domain {domid} gives no answer"})
            self.store.wait(0.5)
        return "".join(self.store.read(f"{here}/answer/{i}") for i in range(int(pieces)))


def answer(work, guests, request):
    """Packed."""
    domid, timeout = request.pop("domid"), request.pop("patience")
    if domid == 0:
        request.pop("number")
        return packed(work.do(request))
    if request["do"] == "up":
        return packed({"ok": guests.up(domid)})
    try:
        return guests.ask(domid, request, timeout)
    except OSError as e:
        return packed({"error": f"domain {domid}: {e}"})


def serve():
    port = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port, termios.TCSANOW)
    work, guests, raw = Work(), Guests(), b""
    os.write(port, b"toolstack up\n")
    while True:
        select.select([port], [], [])
        raw += os.read(port, 4096)
        while b"\n" in raw:
            line, raw = raw.split(b"\n", 1)
            if not line:
                continue  # somebody only wakes us
            request = json.loads(line)
            number = request["number"]
            data = f"{number} {answer(work, guests, request)}\n".encode()
            while data:
                data = data[os.write(port, data):]


serve()
