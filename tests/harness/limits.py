"""Time in tests: deadlines for what must come, and waits for conditions. Nothing sleeps a fixed time."""

import os
import time

# Sanitizers and busy machines are slow: GATEHOUSE_TEST_SLOW=4 makes every promise of a time four times longer.
SLOW = float(os.environ.get("GATEHOUSE_TEST_SLOW", "1"))
# How long anything may take that must come at all. Never waited for when all is well.
PATIENCE = 15.0 * SLOW


def wait_until(condition, within=PATIENCE, what=None):
    """Asks `condition` until its answer is true and returns that answer."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {within:.1f} s: {text or condition}")
        time.sleep(0.002)
