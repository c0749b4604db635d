"""Workers share the connections, and none keeps a client waiting while it has time for it."""
# ctest: serial

import time

import pytest

from harness import SLOW, volley
from harness.client import request
from harness.gateway import to_webui


@pytest.mark.parametrize("kind", ["kept", "closed", "refused"])
def test_two_workers_take_a_crowd_as_fast_as_one(gateways, upstream, kind):
    """Sharing fairly may cost something, but never a pause: a thousand short visits are over in no time."""
    asked = {"kept": request(), "closed": request("GET", "/", "Connection: close"), "refused": b"GET /x y HTTP/1.1\r\n\r\n"}[kind]
    took = []
    for workers in (1, 2):
        gateway = gateways(f"workers: {workers}\n" + to_webui(upstream))
        began = time.monotonic()
        outcomes = volley(gateway.tcp, [[asked]] * 1000, answers=1 if kind == "kept" else 0)
        took.append(time.monotonic() - began)
        assert {o.statuses[0] for o in outcomes} == {400 if kind == "refused" else 200}
    assert took[1] < 2 * took[0] + 0.5 * SLOW, took
