# SPDX-License-Identifier: BSD-3-Clause
"""A guest's agent: requests and answers in XenStore, below the guest's own data/xv.

dom0 writes `ask` ({"number": N, ...}); the answer, packed, comes in pieces `answer/0`, `answer/1` ..., then `done` says "N PIECES".
A console would do too, but the kernel writes there as well.
"""

import json

from store import Store
from work import Work, packed

HERE = "data/xv"
PIECE = 1500
SLACK_NS = 8000000


def sleep_long():
    """Sleepers of this domain wake late and together, all programs that are started here: each time that one does, an
    emulated processor enters and leaves a PVH domain, which is slow."""
    with open("/proc/self/timerslack_ns", "w") as f:
        f.write(str(SLACK_NS))


def serve():
    sleep_long()
    store, work, last = Store(), Work(), None
    store.watch(HERE + "/ask")
    store.write(HERE + "/up", "1")
    print("agent: up", flush=True)
    while True:
        store.wait(None)
        request = json.loads(store.read(HERE + "/ask") or "null")
        if request is None or request["number"] == last:
            continue
        last = request.pop("number")
        text = packed(work.do(request))
        pieces = [text[i:i + PIECE] for i in range(0, len(text), PIECE)]
        for i, piece in enumerate(pieces):
            store.write(f"{HERE}/answer/{i}", piece)
        store.write(HERE + "/done", f"{last} {len(pieces)}")


serve()
