"""SIGTERM lets what runs come to its end, within `grace`; then who waits is told, and the rest is cut."""

import os
import signal
import socket
import threading
import time

import pytest

from harness import SLOW, Broken, gatehouse, wait_until
from harness.callers import LISTEN, PROTOCOLS
from harness.client import head, request
from harness.gateway import to_webui
from harness.h2 import H2
from harness.limits import PATIENCE
from harness.upstream import Tokens, websocket_echo


def test_a_stream_ends_and_then_the_process(gateways, upstreams):
    tokens = Tokens()
    gateway = gateways("grace: 20s\n" + to_webui(upstreams(tokens)))
    with gateway.client() as stream, gateway.client() as idle:
        stream.send(request()).answer_head()
        tokens.let()
        stream.chunk()
        gateway.signal(signal.SIGTERM)

        def refused():
            try:
                gateway.client().close()
            except OSError:
                return True
            return False
        wait_until(refused)
        assert idle.ended(), "a connection that waits for nothing is not waited for"
        assert gateway.process.poll() is None
        tokens.let()
        assert stream.chunk() == Tokens.event(1)
        tokens.finish()
        assert stream.chunk() and stream.chunk() == b""
        assert gateway.process.wait(5 * SLOW) == 0


@pytest.mark.parametrize("how", ["after grace", "by a second signal"])
def test_what_does_not_end_is_cut(gateways, upstreams, how):
    gateway = gateways(("grace: 500ms\n" if how == "after grace" else "grace: 10m\n") + to_webui(upstreams(Tokens())))
    with gateway.client() as stream:
        stream.send(request()).answer_head()
        gateway.signal(signal.SIGTERM)
        if how != "after grace":
            assert gateway.process.poll() is None
            time.sleep(0.1)     # two signals at once would be one
            gateway.signal(signal.SIGTERM)
        with pytest.raises(Broken):
            stream.chunk()
        gateway.process.wait(PATIENCE)
    gateway.expected_exit = gateway.process.returncode
    assert gateway.process.returncode in (0, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("sent", ["whole", "half"])
def test_who_has_got_nothing_yet_is_told(gateways, upstreams, protocol, sent):
    """While an upstream thinks, and while the request's own body is still under way."""
    upstream = upstreams(lambda exchange: exchange.stall())
    gateway = gateways("grace: 300ms\n" + LISTEN + to_webui(upstream))
    with H2(gateway.tcp) if protocol == "2" else gateway.client() as peer:
        if protocol == "2":
            stream = peer.open("/x", ("content-length", "10"), method="POST", end=False)
            stream.send(b"0123456789" if sent == "whole" else b"01234", end=sent == "whole")
            peer.pump(lambda: not peer.out and not stream.todo)
        else:
            peer.send(head("POST /x HTTP/1.1", "Host: h", "Content-Length: 10"), b"0123456789" if sent == "whole" else b"01234")
        wait_until(lambda: upstream.open)
        gateway.signal(signal.SIGTERM)
        answer = stream.answer() if protocol == "2" else peer.answer()
        assert answer.status == 503 and b"is being stopped" in answer.body and 1 <= int(answer.get("Retry-After")) <= 60
        assert gateway.process.wait(PATIENCE) == 0


def test_websockets_do_not_hold_it_for_ever(gateways, upstreams):
    gateway = gateways("grace: 500ms\n" + to_webui(upstreams(websocket_echo)))
    with gateway.websocket() as peer:
        peer.echo("a")
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE) == 0


def test_a_signal_right_after_the_start_is_no_accident(gateways, upstream):
    """Whoever can connect can also stop it: it does not listen before it takes signals."""
    gateway = gateways(to_webui(upstream), start=False)
    for _ in range(5):
        gateway.start(ready=lambda: os.path.exists(gateway.unix))
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE) == 0
        assert not os.path.exists(gateway.unix)


def test_sigint_stops_too(gateways, upstream):
    gateway = gateways(to_webui(upstream))
    gateway.signal(signal.SIGINT)
    assert gateway.process.wait(PATIENCE) == 0


def test_requests_that_are_under_way_are_answered(gateways, upstreams):
    go = threading.Event()
    upstream = upstreams(lambda exchange: (go.wait(10), exchange.answer(200, b"late but whole")))
    gateway = gateways("grace: 20s\n" + to_webui(upstream))
    with gateway.client() as client:
        client.send(request())
        upstream.wait()
        gateway.signal(signal.SIGTERM)
        go.set()
        answer = client.answer()
        assert answer.body == b"late but whole"
        assert client.ended()
    assert gateway.process.wait(5 * SLOW) == 0


def test_unix_sockets_are_gone_afterwards_and_a_stale_one_is_no_obstacle(gateways, upstream):
    gateway = gateways(to_webui(upstream), start=False)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(gateway.unix)
    gateway.start()
    assert os.path.exists(gateway.admin)
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(PATIENCE) == 0
    assert not os.path.exists(gateway.unix) and not os.path.exists(gateway.admin)


def test_a_second_gateway_on_the_same_sockets_is_refused(gateways, upstream):
    gateway = gateways(to_webui(upstream))
    done = gatehouse("run", "--config", gateway.file)
    assert done.returncode == 1 and done.stderr
    assert gateway.ask().status == 200 and gateway.ask_admin("GET", "/healthz").status == 200
