# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for what comes, with an end."""

import os
import time

LONG = float(os.environ.get("XV_E2E_TIMEOUT", "180"))  # seconds: an end to waiting, nothing that is asserted


class Failure(AssertionError):
    pass


def wait_for(what, condition, timeout=None, step=0.02):
    """The first true value of condition(); it is asked again until then."""
    end = time.monotonic() + (timeout or LONG)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(step)
