#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py [-k PART]...: facts about the switch on real Xen, in an emulated machine. scripts/test-xen.sh starts it.

The last line is `N passed, N failed`. A run in which the emulator failed (README.md) is void and made again. Exit status: 0,
1 if a fact doesn't hold, 77 if nothing was tested since all tries were void.
"""

import argparse
import os
import shutil
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(TOP, "tests", "e2e"))  # after our own: some names are there, too

import image  # noqa: E402
import machine  # noqa: E402
import scenarios  # noqa: E402
import world  # noqa: E402

TRIES = 3
LIMIT = 1800  # seconds for a try; three times what one takes
IMAGES_LIMIT = 600  # seconds
NO_MORE = 900  # seconds after which no other try begins
UNTESTED = 77  # as Meson and Automake have it
BUILD = os.path.abspath(os.environ.get("XV_BUILD", os.path.join(TOP, "build")))
CACHE = os.environ.get("XV_XEN_CACHE", "/var/cache/xv-xen")
LOGS = os.path.join(BUILD, "xen-logs")


class Late(BaseException):
    """The time is over: nothing between here and main() is to take this for a failure of its own."""


class Facts:
    def __init__(self):
        self.began, self.passed, self.failed = time.monotonic(), 0, 0

    def say(self, word, text):
        print(f"{word:7} {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def ok(self, text):
        self.passed += 1
        self.say("ok", text)

    def bad(self, text):
        self.failed += 1
        self.say("FAILED", text)


def one_try(boot, facts, parts, kind):
    """All scenarios on one machine. Raises machine.Void, or Late."""
    m = machine.Machine(boot, LOGS)
    w = world.World(m, facts, kind)
    try:
        for scenario in scenarios.ALL:
            if parts and scenario.__name__ != "start" and not any(p in scenario.__name__ for p in parts):
                continue
            began = time.monotonic()
            try:
                scenario(w)
                m.check()
                facts.say("", f"{scenario.__name__}: {time.monotonic() - began:.0f} s")
            except Exception as e:
                void_or(m, e)
                facts.bad(f"{scenario.__doc__.splitlines()[0]} ({scenario.__name__}): {str(e)[:1500]}")
                report(scenario.__name__, traceback.format_exc() + w.tails())
                if not w.settle():
                    facts.say("", "nothing more can be checked in this state")
                    return
        w.no_crashes()
    except machine.Failure as e:
        void_or(m, e)
        facts.bad(str(e))
    except Late as e:
        void_or(m, e)
        raise
    finally:
        signal.alarm(0)
        w.save(LOGS)
        m.close()


def keep(name):
    """Puts the logs of a try away."""
    directory = os.path.join(LOGS, name)
    os.mkdir(directory)
    for entry in os.scandir(LOGS):
        if entry.is_file():
            os.rename(entry.path, os.path.join(directory, entry.name))


def report(name, text):
    path = os.path.join(LOGS, f"{name}.failure")
    with open(path, "w") as f:
        f.write(text)
    print(f"see {path}", flush=True)


def void_or(m, error):
    """A failure of the emulator may first show as anything; Xen's console says what it was."""
    if isinstance(error, machine.Void):
        raise error
    time.sleep(1)
    if "Triple fault" in m.console():
        raise machine.Void("Triple fault in a domain") from error


def tries(boot, args):
    """The facts of the first try that isn't void; None: there was none."""
    began = time.monotonic()
    for attempt in range(1, TRIES + 1):
        if time.monotonic() - began > NO_MORE:
            print(f"no other try: the void ones took more than {NO_MORE} s", flush=True)
            break
        facts = Facts()
        signal.alarm(LIMIT)
        try:
            one_try(boot, facts, args.k, args.guests)
            return facts
        except machine.Void as e:
            facts.say("VOID", f"try {attempt} of {TRIES}: {e}: QEMU's fault, not the switch's; what it showed doesn't count")
            keep(f"void{attempt}")
        except Late:
            facts.bad(f"all of it within {LIMIT} s")
            return facts
    return None


def late(*_):
    raise Late


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], help="only scenarios whose name has this, and the start")
    parser.add_argument("--guests", choices=("pv", "pvh"), default="pv", help="what kind of domains guests are")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, late)
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    began = time.monotonic()
    signal.alarm(IMAGES_LIMIT)
    try:
        boot = image.Image(CACHE, BUILD)
    except Late:
        print(f"the images weren't made within {IMAGES_LIMIT} s\n0 passed, 1 failed", flush=True)
        return 1
    signal.alarm(0)
    print(f"images: {time.monotonic() - began:.1f} s", flush=True)
    facts = tries(boot, args)
    print(f"all of it: {time.monotonic() - began:.0f} s", flush=True)
    if facts is None:
        print("\n*** all tries were void: real Xen was NOT tested, this is neither a pass nor a failure ***\n")
        print("0 passed, 0 failed", flush=True)
        return UNTESTED
    print(f"{facts.passed} passed, {facts.failed} failed", flush=True)
    return 1 if facts.failed or not facts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
