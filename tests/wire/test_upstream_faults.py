"""An upstream that dies at any byte, or frames its answer twice: 502, 504 or a visible break, never an
answer that looks whole. And who is asked again."""

import contextlib
import select
import socket
import threading
import time

import pytest

from harness import Client, Upstream, volley, wait_until
from harness.client import request
from harness.limits import PATIENCE
from harness.volley import words

LENGTH = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Model: small\r\nContent-Length: 60\r\n\r\n"
          + b"{\"choices\": [\"" + b"x" * 42 + b"\"]}\n")
CHUNKED = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"f\r\ndata: {\"t\": 1}\n\r\n" b"f\r\ndata: {\"t\": 2}\n\r\n" b"e\r\ndata: [DONE]\n\n\r\n" b"0\r\n\r\n")
ANSWERS = {"length": LENGTH, "chunked": CHUNKED}


def dies(exchange):
    """Answers /KIND/WAY/N with the first N bytes of an answer, and then dies in that way."""
    _, kind, way, at = exchange.request.target.split("/")
    exchange.send(ANSWERS[kind][:int(at)])
    getattr(exchange, way)()


@pytest.fixture(scope="module")
def mortal(module_upstreams):
    return module_upstreams(dies)


@pytest.fixture(scope="module")
def gateway(module_gateways, mortal):
    return module_gateways(f"""
upstreams:
  mortal: {{ to: ["{mortal.url}"], first_byte_timeout: 400ms, idle_timeout: 400ms }}
routes:
  - handle:
      - webui-proxy: {{ to: mortal }}
""")


def test_there_are_a_hundred_places_to_die():
    assert len(LENGTH) + len(CHUNKED) >= 200 and LENGTH.index(b"\r\n\r\n") + 64 == len(LENGTH)


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("way, statuses", [("fin", (502,)), ("rst", (502,)), ("stall", (502, 504))])
def test_death_at_every_byte_is_seen(gateway, kind, way, statuses):
    answer = ANSWERS[kind]
    head = answer.index(b"\r\n\r\n") + 4
    places = range(len(answer))
    outcomes = volley(gateway.tcp, [[request("GET", f"/{kind}/{way}/{at}")] for at in places], answers=1)
    wrong = []
    for at, outcome in zip(places, outcomes):
        refused = len(outcome.statuses) == 1 and outcome.statuses[0] in statuses
        broken = at >= head and outcome.end in ("fin", "rst") and (outcome.broken or not outcome.answers)
        if not (refused or broken):
            wrong.append((at, str(outcome)))
    assert not wrong, f"{words(outcomes)}; {wrong[:3]}"


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_whole_answer_before_death_is_whole(gateway, kind):
    outcome, = volley(gateway.tcp, [[request("GET", f"/{kind}/fin/{len(ANSWERS[kind])}")]], answers=1)
    assert outcome.statuses == [200]


def test_stalls_are_504(gateway):
    outcome, = volley(gateway.tcp, [[request("GET", "/length/stall/0")]], answers=1)
    assert outcome.statuses == [504]


@pytest.mark.parametrize("how", ["stalls", "trickles"])
def test_a_head_that_has_begun_must_end(gateways, upstreams, how):
    """However long the first byte may take: from it on the head has idle_timeout, and a byte now and then buys no more."""
    over = threading.Event()

    def script(exchange):
        exchange.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        over.wait(1.0)      # longer than a head may take
        exchange.send(b"HTTP/1.1 200 OK\r\nX: ")
        while how == "trickles" and not over.wait(0.05):
            exchange.send(b"x")
        exchange.stall()
    gateway = gateways(f"upstreams:\n  odd: {{ to: [\"{upstreams(script).url}\"], idle_timeout: 500ms }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: odd }\n")
    try:
        began = time.monotonic()
        assert gateway.ask().status == 504
        assert time.monotonic() - began >= 1.4
    finally:
        over.set()


OK = b"HTTP/1.1 200 OK\r\n"
# Answers that cannot be trusted. The second of a pair says whether the head alone shows it: then it is a 502.
UNTRUSTED = {
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", True),
    "length list": (OK + b"Content-Length: 2, 3\r\n\r\nok", True),
    "length with a sign": (OK + b"Content-Length: +2\r\n\r\nok", True),
    "length below zero": (OK + b"Content-Length: -2\r\n\r\nok", True),
    "length of letters": (OK + b"Content-Length: ok\r\n\r\nok", True),
    "length too large": (OK + b"Content-Length: 18446744073709551618\r\n\r\nok", True),
    "length and chunked": (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
    "chunked and length": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", True),
    "chunked twice": (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", True),
    "chunked in two fields": (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
    "coding that nobody knows": (OK + b"Transfer-Encoding: x\r\n\r\n0\r\n\r\n", True),
    "gzip and chunked": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", True),
    "chunked in 1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", True),
    "another version": (b"HTTP/2.0 200 OK\r\n\r\n", True),
    "status of two digits": (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", True),
    "status of four digits": (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", True),
    "status of letters": (b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", True),
    "LF for CRLF": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", True),
    "bare CR in a field": (OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n", True),
    "NUL in a field": (OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", True),
    "folded field": (OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", True),
    "space before a colon": (OK + b"Content-Length : 2\r\n\r\nok", True),
    "field without a name": (OK + b": x\r\nContent-Length: 0\r\n\r\n", True),
    "head without an end": (OK + b"X: " + b"a" * 200000, True),
    "many fields": (OK + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n", True),
    "size that is no number": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n", False),
    "size with a sign": (OK + b"Transfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n", False),
    "size too large": (OK + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n", False),
    "chunk too long": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokok\r\n0\r\n\r\n", False),
    "LF after a size": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", False),
    "LF after a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", False),
    "bad chunk after good ones": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n2\r\nok\r\nx\r\n", False),
    "trailer that is none": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nXY\r\n\r\n", False),
}


@pytest.mark.parametrize("name", UNTRUSTED)
@pytest.mark.parametrize("cut", ["whole", "byte by byte"])
def test_an_answer_that_cannot_be_trusted_is_no_answer(gateways, upstreams, name, cut):
    text, by_head = UNTRUSTED[name]

    def script(exchange):
        if cut == "whole" or len(text) > 1000:
            exchange.send(text)
        else:
            for at in range(len(text)):
                exchange.send(text[at:at + 1])
        exchange.stall()
    gateway = gateways(f"upstreams:\n  odd: {{ to: [\"{upstreams(script).url}\"], first_byte_timeout: 2s, idle_timeout: 2s }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: odd }\n")
    outcome, = volley(gateway.tcp, [[request()]], answers=1)
    if by_head:
        assert outcome.statuses == [502], outcome
    else:
        assert outcome.statuses == [502] or outcome.broken or (outcome.end == "rst" and not outcome.answers), outcome


def test_bytes_after_an_answer_are_no_answer_to_anyone_else(gateways, upstreams):
    poisoned = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    upstream = upstreams(lambda exchange: exchange.send(poisoned))
    gateway = gateways(f"workers: 1\nroutes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")
    for _ in range(10):
        assert gateway.ask().body == b"ok"


class TestRetry:
    """A reused connection may have died unseen: then the request is sent once more, if it can be."""

    @pytest.fixture
    def upstream(self, upstreams):
        return upstreams()

    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways(f"workers: 1\nroutes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")

    @staticmethod
    def die_once_reused(how, everyone=False):
        died = threading.Event()

        def script(exchange):
            if exchange.number > 1 and (everyone or not died.is_set()):
                died.set()
                how(exchange)
            else:
                exchange.answer(200, b"alive")
        return script

    @pytest.mark.parametrize("how", ["fin", "rst"])
    def test_get_is_sent_again_on_a_fresh_connection(self, gateway, upstream, how):
        upstream.script = self.die_once_reused(lambda exchange: getattr(exchange, how)())
        assert gateway.ask("GET", "/first").body == b"alive"
        assert gateway.ask("GET", "/second").body == b"alive"
        assert upstream.targets() == ["/first", "/second", "/second"] and upstream.accepted == 2

    def test_a_small_body_is_sent_again_whole(self, gateway, upstream):
        upstream.script = self.die_once_reused(lambda exchange: exchange.fin())
        gateway.ask("GET", "/first")
        assert gateway.ask("POST", "/second", body=b"question").body == b"alive"
        assert [r.body for r in upstream.requests] == [b"", b"question", b"question"]

    def test_a_fresh_connection_is_not(self, gateway, upstream):
        upstream.script = lambda exchange: exchange.fin()
        assert gateway.ask().status == 502
        assert upstream.accepted == 1 and len(upstream.requests) == 1

    def test_not_after_a_byte_of_an_answer(self, gateway, upstream):
        def one_byte(exchange):
            exchange.send(b"H")
            exchange.fin()
        upstream.script = self.die_once_reused(one_byte)
        gateway.ask("GET", "/first")
        assert gateway.ask("GET", "/second").status == 502
        assert upstream.targets() == ["/first", "/second"]

    def test_only_once(self, gateway, upstream):
        alive = threading.Event()
        alive.set()

        def script(exchange):
            if alive.is_set():
                exchange.answer(200, b"alive")
            else:
                exchange.fin()
        upstream.script = script
        gateway.ask("GET", "/first")
        alive.clear()
        assert gateway.ask("GET", "/second").status == 502
        assert len(upstream.requests) == 3

    def test_a_connection_that_was_closed_while_idle_costs_nothing(self, gateway, upstream):
        for _ in range(5):
            assert gateway.ask().status == 200
            upstream.drop()
            wait_until(lambda: upstream.open == 0)
        assert len(upstream.requests) == 5


def test_an_upstream_that_is_down_is_502_and_comes_back(gateways, upstream):
    gateway = gateways(f"routes:\n  - handle:\n      - openai-proxy: {{ to: \"{upstream.url}\" }}\n")
    upstream.stop()
    for _ in range(3):
        assert gateway.ask("GET", "/v1/models").status == 502
    upstream.start()
    wait_until(lambda: gateway.ask("GET", "/v1/models").status == 200)


def test_one_of_two_addresses_down_is_not_seen(gateways, upstreams):
    good, bad = upstreams(), upstreams()
    bad.stop()
    gateway = gateways(f"upstreams:\n  two: {{ to: [\"{bad.url}\", \"{good.url}\"] }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: two }\n")
    assert [gateway.ask().status for _ in range(20)] == [200] * 20


def test_two_addresses_take_turns(gateways, upstreams):
    one, two = upstreams(), upstreams()
    gateway = gateways(f"workers: 1\nupstreams:\n  two: {{ to: [\"{one.url}\", \"{two.url}\"], balance: round_robin }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: two }\n")
    for _ in range(20):
        gateway.ask()
    assert len(one.requests) == len(two.requests) == 10


def test_the_least_busy_gets_the_next(gateways, upstreams):
    held = threading.Event()
    busy = upstreams(lambda exchange: (held.wait(20), exchange.answer(200, b"busy")))
    idle = upstreams(lambda exchange: (held.wait(20), exchange.answer(200, b"idle")))
    gateway = gateways(f"workers: 1\nupstreams:\n  two: {{ to: [\"{busy.url}\", \"{idle.url}\"], balance: least_busy }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: two }\n")
    clients = [Client(gateway.tcp) for _ in range(6)]
    for number, client in enumerate(clients, 1):
        client.send(request())
        wait_until(lambda: len(busy.requests) + len(idle.requests) == number)  # pylint: disable=cell-var-from-loop
    assert len(busy.requests) == len(idle.requests) == 3
    held.set()
    for client in clients:
        assert client.answer().status == 200
        client.close()


def test_health_checks_take_a_sick_server_out_and_in(gateways, upstreams):
    sick = threading.Event()

    def script(exchange):
        if exchange.request.target == "/health":
            exchange.answer(500 if sick.is_set() else 200)
        else:
            exchange.answer(200, b"sick" if sick.is_set() else b"well")
    one, two = upstreams(script), upstreams()
    gateway = gateways(f"upstreams:\n  two: {{ to: [\"{one.url}\", \"{two.url}\"], health: {{ path: /health, interval: 100ms }} }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: two }\n")
    wait_until(lambda: gateway.ask().body == b"well")
    sick.set()
    wait_until(lambda: {gateway.ask().body for _ in range(6)} == {b"upstream"})
    sick.clear()
    wait_until(lambda: gateway.ask().body == b"well")


def test_a_unix_socket_whose_backlog_is_full_is_waited_for(gateways, tmp_path):
    """A server that is slow to accept is no server that is down."""
    path = str(tmp_path / "slow.sock")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(1)
        before = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.setblocking(False)
                sock.connect(path)
                before += 1
        gateway = gateways(f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"unix:{path}\" }}\n")
        client = stack.enter_context(gateway.client()).send(request())
        assert not select.select([client.sock], [], [], 0.3)[0], "an answer, although nobody was asked"
        listener.settimeout(PATIENCE)
        for _ in range(before):
            listener.accept()[0].close()
        with listener.accept()[0] as ours:
            ours.settimeout(PATIENCE)
            assert ours.recv(65536).startswith(b"GET / ")
            ours.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert client.answer().body == b"ok"


def test_an_upstream_on_a_unix_socket(gateways, tmp_path):
    path = str(tmp_path / "u.sock")
    with Upstream(path=path) as upstream:
        gateway = gateways(f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")
        assert gateway.ask("GET", "/a").status == 200 and upstream.targets() == ["/a"]


def test_an_idle_connection_to_the_upstream_is_let_go(gateways, upstream):
    gateway = gateways(f"upstreams:\n  u: {{ to: [\"{upstream.url}\"], keepalive: 300ms }}\n"
                       "routes:\n  - handle:\n      - webui-proxy: { to: u }\n")
    gateway.ask()
    wait_until(lambda: upstream.open == 0, within=5)
