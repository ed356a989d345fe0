# SPDX-License-Identifier: BSD-3-Clause
"""Groups of the kernel's CPU controller, as systemd makes them for its units."""

import os
import time

V1, V2 = "/sys/fs/cgroup/cpu", "/sys/fs/cgroup"


def root():
    """Where groups can be made, or None."""
    if os.path.exists(os.path.join(V1, "cpu.shares")):
        return V1
    try:
        with open(os.path.join(V2, "cgroup.controllers")) as f:
            if "cpu" not in f.read().split():
                return None
        with open(os.path.join(V2, "cgroup.subtree_control"), "w") as f:
            f.write("+cpu")
    except OSError:
        return None
    return V2


class Group:
    """A group with this process in it, all its threads; its children are born there."""

    def __init__(self, name, pid):
        self.path = os.path.join(root(), name)
        os.mkdir(self.path)
        with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
            f.write(str(pid))

    def close(self):
        """Its processes have ended, or are about to."""
        for _ in range(500):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.02)
