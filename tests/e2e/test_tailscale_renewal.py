"""Certificates that live for thirty seconds, under a hundred open streams from the internet: renewed by a real ACME server, by
themselves, with no restart and no connection dropped.
"""

import itertools
import threading
import time

import pytest

from harness import wait_until
from harness.door import KEY, auth
from harness.h2 import H2
from harness.limits import SLOW
from harness.tailscale import ends_of, labs, trouble  # noqa: F401 pylint: disable=unused-import

LIFE = 30
CONNECTIONS, STREAMS = 4, 25


class Ticking:
    """A chat that goes on until it is told to end: token n, a moment, token n + 1."""

    def __init__(self):
        self.ended = threading.Event()

    @staticmethod
    def token(number):
        return b'data: {"choices":[{"delta":{"content":"t%d"}}]}\n\n' % number

    def __call__(self, exchange):
        exchange.stream("Content-Type: text/event-stream")
        for number in itertools.count():
            exchange.chunk(self.token(number))
            if self.ended.wait(0.25):       # a model takes its time
                break
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end()


@pytest.fixture(scope="module")
def lab(labs):
    return labs(CERT_SECONDS=LIFE)


def config(lab, model):
    return (f"state_dir: \"@DIR@/state\"\nlisten:\n  - address: 127.0.0.1:@PORT@\n    tls:\n"
            f"      - tsnet-cert: {{ socket: \"{lab.a.url}\" }}\n    proxy_protocol: [127.0.0.1]\n"
            f"routes:\n  - handle:\n{auth()}      - openai-proxy: {{ to: \"{model.url}\" }}\n")


def test_renewals_under_a_hundred_streams(lab, gateways, upstreams):
    model = upstreams(Ticking())
    gateway = gateways(config(lab, model))
    lab.served(gateway)
    lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://localhost:{gateway.port}")
    pid = gateway.process.pid
    with lab.funnel_dial() as world:
        first = wait_until(lambda: lab.certificate(world))
        peers = [H2(world, lab.context("h2"), name=lab.fqdn) for _ in range(CONNECTIONS)]
        streams = [peer.open("/v1/chat/completions", ("authorization", f"Bearer {KEY}"), authority=lab.fqdn, method="POST")
                   for peer in peers for _ in range(STREAMS)]

        def pump():
            for peer in peers:
                peer.turn(0.05)
                assert not peer.end and not peer.goaway, (peer.word, gateway.said())

        seen, began = [first], time.monotonic()
        # Two renewals: what a new visitor is shown changes twice, and is good at any time.
        while len(seen) < 3:
            pump()
            with lab.client(world) as visitor:
                now = visitor.sock.getpeercert(binary_form=True)
            if now != seen[-1]:
                seen.append(now)
            assert time.monotonic() - began < 4 * LIFE * SLOW, gateway.said()
        for peer in peers:
            peer.pump(lambda: all(s.head for s in peer.streams.values()))
        model.script.ended.set()
        for stream in streams:
            answer = stream.answer()
            *tokens, done = [part + b"\n\n" for part in answer.body.split(b"\n\n")[:-1]]
            assert answer.status == 200 and done == b"data: [DONE]\n\n"
            assert tokens == [Ticking.token(number) for number in range(len(tokens))]
            assert len(tokens) > LIFE, "a stream of all that time"
        for peer in peers:
            peer.close()
    assert len(set(seen)) == 3
    assert gateway.process.pid == pid and gateway.process.poll() is None and not trouble(gateway)
    # That one "runs out" may be said: of thirty seconds, the last third is what a busy machine takes.
    assert gateway.said().count("from 'tsnet-cert'") >= 3 and "ran out at" not in gateway.said()
    assert ends_of(gateway)[lab.fqdn] > time.time()


def test_a_ca_that_is_away_past_the_end_is_told_and_its_return_noticed(lab, gateways, upstreams):
    gateway = gateways(config(lab, upstreams()))
    lab.served(gateway)
    lab.set(acme="429")
    wait_until(lambda: "runs out at" in gateway.said(), within=2 * LIFE * SLOW, what=gateway.said, every=0.2)
    wait_until(lambda: "ran out at" in gateway.said(), within=2 * LIFE * SLOW, what=gateway.said, every=0.2)
    lab.set(acme="ok")
    wait_until(lambda: ends_of(gateway)[lab.fqdn] > time.time(), within=90 * SLOW, what=gateway.said, every=0.2)
    # Once each: what nobody mends meanwhile need not be said again and again.
    assert gateway.said().count("runs out at") == gateway.said().count("ran out at") == 1
