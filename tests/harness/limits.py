"""Time in tests: deadlines for what must come, and waits for conditions. Nothing sleeps a fixed time."""

import os
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("GATEHOUSE") or REPO / "build" / "gatehouse")


def _sanitized():
    try:
        program = Path(BINARY).read_bytes()
    except OSError:
        return False
    return b"__asan_init" in program or b"__tsan_init" in program


# A sanitizer's binary is slow, and its memory is not the gateway's alone.
SANITIZED = _sanitized()
# Makes every promise of a time so many times longer.
SLOW = float(os.environ.get("GATEHOUSE_TEST_SLOW") or (4 if SANITIZED else 1))
# How long anything may take that must come at all. Never waited for when all is well.
PATIENCE = 15.0 * SLOW


def wait_until(condition, within=PATIENCE, what=None, every=0.002):
    """Asks `condition` until its answer is true and returns that answer. `every`: longer where the asking costs something."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {within:.1f} s: {text or condition}")
        time.sleep(every)
