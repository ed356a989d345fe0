# SPDX-License-Identifier: BSD-3-Clause
"""tests/sim/agent.py in a simulated domain, told what to do a step at a time."""

import json
import os
import subprocess
import sys

from proc import TOP, Proc
from wait import Failure

AGENT = os.path.join(TOP, "tests", "sim", "agent.py")


class Agent(Proc):

    def __init__(self, bench, domid):
        super().__init__(bench, f"agent-{domid}", [sys.executable, AGENT], bench.sim_env(domid), subprocess.PIPE, subprocess.PIPE)

    def ask(self, expression):
        self.popen.stdin.write(expression.encode() + b"\n")
        self.popen.stdin.flush()
        answer = json.loads(self.popen.stdout.readline())
        if "errno" in answer:
            raise Failure(f"{self.name}: {expression}: {answer['errno']}")
        return answer["value"]
