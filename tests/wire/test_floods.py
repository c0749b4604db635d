"""Floods of HTTP/2 and TLS: the flooder is closed, others do not notice, and memory stays flat."""
# ctest: serial

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness import SANITIZED, SLOW, Client, wait_until
from harness.certificates import Authority
from harness.floods import FLOODS
from harness.gateway import free_port
from harness.h2 import H2
from harness.limits import PATIENCE

SECONDS = 2.0
CONNECTIONS = 4
LATENCY = 0.1 * SLOW
GROWTH = 12 << 20
HELD = 36 << 20         # where 4 connections have 100 streams each that nobody reads, 64 KiB a stream; and handshakes that wait
TESTS = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(TESTS)}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server():
    """The port of what stands behind the gateway: a process of its own, too."""
    command = [sys.executable, "-m", "harness.floods", "server"]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        yield int(process.stdout.readline())
        process.kill()


@pytest.fixture(scope="module")
def gateway(module_gateways, authority, server):
    cert, key = authority.leaf("gate.example")
    port = free_port()
    made = module_gateways(f"""
listen:
  - {{ address: "127.0.0.1:@PORT@", h2c: true }}
  - {{ address: "127.0.0.1:{port}", tls: [{{ files: {{ cert: {cert}, key: {key} }} }}] }}
timeouts: {{ handshake: 1s, head: 1s, body: 1s, idle: 5s, write: 1s }}
limits: {{ head: 64k, headers: 100 }}
log: {{ access: {{ to: off }} }}
routes:
  - match: {{ path: [/held, /big] }}
    handle:
      - webui-proxy: {{ to: "http://127.0.0.1:{server}" }}
  - handle:
      - respond: {{ status: 200, body: "ok" }}
""")
    made.behind = ("127.0.0.1", server)
    made.secure = ("127.0.0.1", port)
    return made


class Probe:
    """A normal request every 50 ms, in turn on HTTP/1 and HTTP/2, on two connections each: both workers are asked. `over`
    a context of TLS it asks on that door too."""

    def __init__(self, gateway, context=None):
        self.gateway, self.context = gateway, context
        self.took, self.failed, self.most = [], [], 0
        self.without = []       # how long the same takes without the gateway, in the same moments
        self.over = threading.Event()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        try:
            self.work()
        except Exception as error:  # pylint: disable=broad-except
            self.failed.append(f"before the flood: {error!r}")
        finally:
            self.ready.set()

    def secure(self):
        """A connection over TLS. What an earlier flood left to be computed may still be in its way."""
        def one():
            with contextlib.suppress(OSError):
                return H2(self.gateway.secure, self.context)
            return None
        return wait_until(one)

    def work(self):
        asks = []
        with contextlib.ExitStack() as stack:
            # The one that may have to wait comes first: a connection that is not asked within a second is closed.
            if self.context:
                peer_tls = stack.enter_context(self.secure())
                asks.append(lambda: peer_tls.ask("/probe"))
            for _ in range(2):
                asks.append(stack.enter_context(self.gateway.client()).ask)
                peer = stack.enter_context(H2(self.gateway.tcp))
                asks.append(lambda p=peer: p.ask("/probe"))
            direct = stack.enter_context(Client(self.gateway.behind))
            number = 0
            while not self.over.is_set():
                began = time.monotonic()
                try:
                    answer = asks[number % len(asks)]()
                    if answer.status != 200 or answer.body != b"ok":
                        self.failed.append(repr(answer))
                except Exception as error:  # pylint: disable=broad-except
                    self.failed.append(repr(error))
                    return
                finally:
                    took = time.monotonic() - began
                    if number >= 2 * len(asks):
                        self.took.append(took)
                    if number >= 2 * len(asks):
                        self.ready.set()
                self.most = max(self.most, self.gateway.rss())
                began = time.monotonic()
                direct.ask("GET", "/echo")
                if number >= 2 * len(asks):
                    self.without.append(time.monotonic() - began)
                number += 1
                self.over.wait(max(0, 0.05 - took))

    def judge(self):
        assert not self.failed, self.failed[:3]
        assert len(self.took) >= 10
        # A machine that is busy with other things is late by itself; how much, the way without the gateway tells.
        limit = LATENCY + 2 * max(self.without)
        late = [round(t, 3) for t in self.took if t > limit]
        assert len(late) <= max(1, len(self.took) // 20) and max(self.took) < 5 * limit, \
            f"{len(late)} of {len(self.took)} over {limit:.3f} s: {late[:10]}"


def run(gateway, name, connections=CONNECTIONS, port=None, authority=None, context=None, seconds=SECONDS):
    """The flood beside the probe; what its connections saw."""
    with H2(gateway.tcp) as peer:
        peer.ask("/warm")
    before = gateway.rss()
    command = [sys.executable, "-m", "harness.floods", name, str(port or gateway.port), str(seconds), str(connections)]
    with Probe(gateway, context) as probe:
        done = subprocess.run(command + ([str(authority)] if authority else []), cwd=TESTS, capture_output=True, text=True,
                              timeout=seconds + PATIENCE, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    probe.judge()
    most = max(probe.most, gateway.rss())
    assert SANITIZED or most - before < (HELD if "large answers" in name or "windows" in name or authority or context else GROWTH), f"{(most - before) >> 10} KiB more than before"
    assert gateway.process.poll() is None
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", FLOODS)
def test_flood(gateway, name):
    # Who does not read is not told; it sees its end when the gateway has done with lingering.
    seen = run(gateway, name, seconds=SECONDS if FLOODS[name][2] else 7.0)
    assert sum(one["bytes"] for one in seen) > 1000
    if FLOODS[name][1]:
        # A GOAWAY before it is good manners, but a close with bytes unread may take it along.
        assert all(one["ends"] for one in seen), f"not closed: {seen}"


@pytest.mark.parametrize("name", ["slow preface", "slow head", "slow frame"])
def test_slow(gateway, name):
    seen = run(gateway, name, connections=30)
    assert all(one["ends"] for one in seen), f"not closed in time: {seen}"


def test_windows_of_one_byte(gateway):
    run(gateway, "tiny windows")


def test_a_slow_hello(gateway):
    seen = run(gateway, "slow hello", connections=30, port=gateway.secure[1])
    assert all(one["ends"] for one in seen), f"not closed in time: {seen}"


@pytest.mark.parametrize("name", ["handshakes", "hellos"])
def test_handshakes(gateway, authority, name):
    """Those who have a connection, with TLS or without, do not notice the arithmetic of others."""
    seen = run(gateway, name, port=gateway.secure[1], authority=authority.certificate, context=authority.context())
    assert sum(one["bytes"] for one in seen) > 10


def test_garbage_in_place_of_handshakes(gateway, authority):
    run(gateway, "garbage for TLS", port=gateway.secure[1], context=authority.context())


def test_afterwards_nothing_is_left(gateway, authority):
    """All of it is over: no connection, no stream, no memory that grew with the number of floods."""
    wait_until(lambda: gateway.descriptors() < 80, within=10 * SLOW, what=lambda: f"{gateway.descriptors()} descriptors")
    # Handshakes whose clients have left may still be in the queue for their arithmetic.
    wait_until(lambda: gateway.cpu_share(1.0) < 0.1, within=10 * SLOW, what="it works on, although nobody asks")
    with H2(gateway.tcp) as peer:
        assert peer.ask("/x").body == b"ok"
    with H2(gateway.secure, authority.context()) as peer:
        assert peer.ask("/x").body == b"ok"


def test_a_flood_does_not_break_the_streams_of_others(gateway):
    """A flood on one connection, and a slow reader on another that must get all of its bytes."""
    with H2(gateway.tcp, credit=False) as peer:
        peer.may_receive += 1 << 30
        peer.send(b"\0\0\4\x08\0\0\0\0\0" + (1 << 30).to_bytes(4, "big"))
        stream = peer.open("/big")
        command = [sys.executable, "-m", "harness.floods", "rapid reset", str(gateway.port), "1", "2"]
        with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.DEVNULL, env=ENVIRONMENT):
            while not stream.over:
                stream.credit(200000)
                peer.pump(lambda: stream.over or stream.may_receive == 0)
        assert stream.ended and stream.got == 1 << 23
