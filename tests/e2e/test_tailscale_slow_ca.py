"""A certificate authority that limits, and one that hangs: then a real tailscaled does not answer at all, for minutes. The gateway's
own deadline ends that, and nothing else waits for it meanwhile.
"""

import time

from harness import wait_until
from harness.client import request
from harness.limits import SLOW
from harness.tailscale import labs, trouble  # noqa: F401 pylint: disable=unused-import

DEADLINE = 60       # of tsnet-cert, on a question for a certificate


def config(node):
    return (f"state_dir: \"@DIR@/state\"\nlisten:\n  - address: 127.0.0.1:@PORT@\n    tls:\n"
            f"      - tsnet-cert: {{ socket: \"{node.url}\" }}\n  - address: unix:@DIR@/door.sock\n"
            "routes:\n  - handle: [ { respond: { body: the page } } ]\n")


def assert_nothing_waits(lab, gateway):
    """A reload is quick, and who comes meanwhile is told at once that there is no certificate."""
    before = time.monotonic()
    assert gateway.reload().returncode == 0
    assert "none yet" in gateway.said() and lab.certificate(gateway.tcp) is None
    with gateway.client() as client:
        client.send(request())
        assert client.answer().status == 400
    assert time.monotonic() - before < 5 * SLOW


def test_the_deadline_ends_the_question_and_holds_up_nothing(labs, gateways):
    began, asked = time.monotonic(), []
    for fault in "429", "hang":     # both at once, for the minute's sake
        lab = labs()
        lab.set(acme=fault)
        asked.append((lab, gateways(config(lab.a))))
    for lab, gateway in asked:
        wait_until(lambda lab=lab: lab.state()["orders"] > 0, what="a question that reached the CA")
        assert_nothing_waits(lab, gateway)
    for lab, gateway in asked:
        wait_until(lambda gateway=gateway: "did not answer within 60 s" in trouble(gateway),
                   DEADLINE + 15 * SLOW, gateway.said, every=0.2)
        assert "may be limiting it" in trouble(gateway) and time.monotonic() - began > DEADLINE
        lab.set(acme="ok")
    for lab, gateway in asked:
        lab.served(gateway, within=DEADLINE)
        with lab.client(gateway.tcp) as client:
            assert client.ask().body == b"the page"


def test_a_stop_does_not_wait_for_it(labs, gateways):
    lab = labs()
    lab.set(acme="hang")
    gateway = gateways(config(lab.a))
    wait_until(lambda: lab.state()["orders"] > 0, what="a question that reached the CA")
    before = time.monotonic()
    gateway.stop()
    assert time.monotonic() - before < 5 * SLOW
