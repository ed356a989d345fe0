#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""chaos.py SECONDS SEED: everything that may die dies, in random order, under load.

The same seed chooses the same actions at the same places. Rounds of some actions each; after each round every flow is
looked at (world.py). At the end all guests pass traffic and nothing is leaked. The last line is a summary; exit status 0
says that all held.
"""

import argparse
import collections
import os
import random
import sys
import time

from world import STALL, World

import actions  # noqa: E402
import machine  # noqa: E402

PAGES = 220
ROUND_ACTIONS = 3
WORKER_SHARE = 0.5  # of actions that are kills of one worker


def choose(rng, only):
    if only:
        return rng.choice(only)
    if rng.random() < WORKER_SHARE:
        return actions.worker_killed
    # A round with a primary's death proves little about the others: fewer of them.
    return rng.choice(actions.LOSSLESS * 2 + actions.LOSSY)


class Run:
    def __init__(self, seconds, seed, only=None, kills=0, rates=(1000, 1000, 0), name="chaos"):
        self.seconds, self.kills, self.rng, self.only, self.rates = seconds, kills, random.Random(seed), only, rates
        self.done = collections.Counter()
        self.broken = []
        self.rounds = self.exact = self.sent = self.received = self.dropped = self.deaths = 0
        self.began = time.monotonic()
        # What two of a kind do to each other depends on the seed.
        kinds = ["dpdk22", self.rng.choice(["dpdk22", "stock"]), "stock"]
        print(f"guests: {', '.join(kinds)}", flush=True)
        self.world = World(name, kinds=kinds)

    def over(self):
        if self.kills:
            return self.done[actions.worker_killed.__name__] >= self.kills
        return time.monotonic() - self.began >= self.seconds

    def run(self):
        w = self.world
        before = self.warm_up()
        while not self.over() and len(self.broken) < 5:
            self.round()
            if self.rounds % 10 == 0:
                self.check("census", lambda: w.same_census(before))
        w.begin(1000)
        time.sleep(1)
        self.check("last round", w.end)
        self.check("census", lambda: w.same_census(before))
        return self.summary()

    def warm_up(self):
        """What comes to stay with the first use is no leak."""
        self.world.begin(1000)
        actions.worker_killed(self.world, self.rng)
        self.world.end()
        return self.world.first_census()

    def check(self, what, f):
        try:
            return f()
        except AssertionError as e:
            self.broken.append(f"{what}: {e}")
            print(f"BROKEN {what}: {e}", flush=True)
            return None

    def round(self):
        w, rng = self.world, self.rng
        chosen = [choose(rng, self.only) for _ in range(ROUND_ACTIONS)]
        rate = rng.choice(self.rates)
        self.rounds += 1
        w.begin(rate, rng.choice([60, 200, 1514]), wire_rate=rate or 500)
        for action in chosen:
            time.sleep(rng.uniform(0, 0.2))
            t = time.monotonic()
            self.check(action.__name__, lambda a=action: a(w, rng))
            self.done[action.__name__] += 1
            if time.monotonic() - t >= 10 and w.witness.worst() < STALL:
                self.check(action.__name__, lambda: self.slow(time.monotonic() - t))
        time.sleep(0.1)
        result = self.check(f"round {self.rounds} ({', '.join(a.__name__ for a in chosen)})", w.end)
        if result is None:
            self.check("fence", w.fence)
            self.line(chosen, rate, "BROKEN")
            return
        self.sent += result["sent"]
        self.received += result["received"]
        self.exact += result["flows"] - result["lossy"]
        self.dropped += w.dropped if rate == 0 and not result["lossy"] else 0
        self.line(chosen, rate, f"{result['sent']} sent, {result['received']} received, "
                                f"{result['flows'] - result['lossy']} of {result['flows']} flows exact")

    @staticmethod
    def slow(seconds):
        raise AssertionError(f"took {seconds:.1f} s")

    def line(self, chosen, rate, text):
        print(f"{time.monotonic() - self.began:6.1f} s  round {self.rounds}, {rate or 'all'} frames/s: "
              f"{', '.join(a.__name__ for a in chosen)}: {text}", flush=True)

    def summary(self):
        n = sum(self.done.values())
        print(", ".join(f"{k} {v}" for k, v in sorted(self.done.items())))
        print(f"{'FAILED' if self.broken else 'ok'}: {n} actions in {self.rounds} rounds, "
              f"{time.monotonic() - self.began:.0f} s; {self.sent} frames sent, {self.received} received; {self.exact} "
              f"flows looked at exactly; {self.world.disturbed} rounds disturbed by the machine; {len(self.broken)} promises broken", flush=True)
        return 1 if self.broken else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("seconds", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("-a", action="append", default=[], help="only this action (may be repeated)")
    args = parser.parse_args()
    only = [getattr(actions, a) for a in args.a]
    return execute(lambda: Run(args.seconds, args.seed, only))


def execute(make):
    run = make()
    try:
        return run.run()
    except BaseException:
        print(run.world.bench.tails(), file=sys.stderr, flush=True)
        raise
    finally:
        run.world.close()


if __name__ == "__main__":
    sys.exit(machine.run(os.path.abspath(__file__), sys.argv[1:], PAGES, main))
