# SPDX-License-Identifier: BSD-3-Clause
"""The whole rig under one name, for programs outside of this directory that try the switch: a Bench has simulated Xen, a
Switch and guests. `machine.run()` gives them namespaces of their own.
"""

from bench import Bench
from conf import conf_text, merge
from guests import Fe22, Testpmd
from proc import BUILD, TOP, Proc, built, gone, processes_with
from sim import XENSIM, Sim
from switch import Switch
from wait import LONG, Failure, wait_for
from wire import BROADCAST, HOST_MAC

__all__ = ["BROADCAST", "BUILD", "HOST_MAC", "LONG", "TOP", "XENSIM", "Bench", "Failure", "Fe22", "Proc", "Sim", "Switch",
           "Testpmd", "built", "conf_text", "gone", "merge", "processes_with", "wait_for"]
