"""Timeouts and limits: what a client, or ten thousand of them, cannot do to the gateway."""
# ctest: serial

import contextlib
import threading
import time

import pytest

from harness import SANITIZED, SLOW, Broken, Client, volley, wait_until
from harness.client import head, request
from harness.gateway import to_webui
from harness.tcp import queues


def config(upstream, **top):
    return "".join(f"{key}: {value}\n" for key, value in top.items()) + to_webui(upstream)


class TestTimeouts:
    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways(config(upstream, timeouts="{ head: 500ms, body: 500ms, idle: 500ms, write: 500ms }"))

    @pytest.mark.parametrize("sent", [b"G", b"GET / HT", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n"])
    def test_a_head_that_does_not_end_is_408(self, gateway, upstream, sent):
        with gateway.client() as client:
            began = time.monotonic()
            assert client.send(sent).answer().status == 408
            assert client.ended() and 0.4 < time.monotonic() - began < 5 * SLOW
        assert upstream.untouched()

    def test_a_head_that_trickles_is_408(self, gateway, upstream):
        """The time is for the whole head: a byte now and then does not buy more."""
        with gateway.client() as client:
            began = time.monotonic()
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
            with contextlib.suppress(OSError):
                while time.monotonic() - began < 5 * SLOW:
                    client.send(b"a")
                    client.sock.settimeout(0.05)
                    with contextlib.suppress(TimeoutError):
                        client.source.fill()
                        break
            client.sock.settimeout(5)
            assert client.answer().status == 408
        assert upstream.untouched()

    def test_a_connection_that_says_nothing_is_closed(self, gateway):
        with gateway.client() as client:
            with contextlib.suppress(Broken):   # an answer that says 408 is as good as none
                assert client.answer().status == 408
            assert client.ended()

    def test_an_idle_connection_is_closed(self, gateway):
        with gateway.client() as client:
            began = time.monotonic()
            assert client.ask().status == 200
            assert client.ended() and 0.4 < time.monotonic() - began < 5 * SLOW

    @pytest.mark.parametrize("framing, part", [("Content-Length: 10", b"half"), ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n")])
    def test_a_body_that_stalls_is_cut(self, gateway, upstream, framing, part):
        with gateway.client() as client:
            client.send(head("POST /x HTTP/1.1", "Host: h", framing), part)
            with contextlib.suppress(Broken):
                assert client.answer().status == 408
            assert client.ended()
        wait_until(lambda: upstream.open == 0 or upstream.broken)
        assert not upstream.requests

    def test_a_client_that_does_not_read_is_cut(self, gateway, upstream):
        freed = threading.Event()

        def script(exchange):
            exchange.stream()
            try:
                while True:
                    exchange.chunk(b"a" * 65536)
            except OSError:
                freed.set()
                exchange.over = True
        upstream.script = script
        with gateway.client(receive_buffer=4096) as client:
            client.send(request())
            assert freed.wait(10 * SLOW)

    def test_a_slow_upstream_is_waited_for(self, gateway, upstream):
        """None of these times is for an upstream that thinks: prompts are slow."""
        upstream.script = lambda exchange: (time.sleep(1.2), exchange.answer(200, b"thought"))
        assert gateway.ask().body == b"thought"

    def test_a_stream_that_goes_slowly_is_not_cut(self, gateway, upstream):
        def script(exchange):
            exchange.stream()
            for _ in range(8):
                time.sleep(0.2)
                exchange.chunk(b"t")
            exchange.end()
        upstream.script = script
        assert gateway.ask().body == b"tttttttt"


class TestSizes:
    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways(config(upstream, limits="{ head: 4k, headers: 10 }"))

    @pytest.mark.parametrize("fields, right", [(9, 200), (10, 431), (11, 431)])
    def test_count_of_fields(self, gateway, fields, right):
        sent = head("GET / HTTP/1.1", "Host: h", *(f"X-{n}: y" for n in range(fields)))
        outcome, = volley(gateway.tcp, [[sent]], answers=1)
        assert outcome.statuses == [right]

    @pytest.mark.parametrize("size, right", [(3900, 200), (4096, 200), (4097, 431), (5000, 431), (100000, 431)])
    def test_size_of_the_head(self, gateway, size, right):
        empty = head("GET / HTTP/1.1", "Host: h", "X: ")
        sent = head("GET / HTTP/1.1", "Host: h", "X: " + "a" * (size - len(empty)))
        assert len(sent) == size
        outcome, = volley(gateway.tcp, [[sent]], answers=1)
        assert outcome.statuses == [right]

    def test_a_head_without_end_is_refused_at_the_limit(self, gateway):
        with gateway.client() as client:
            client.send(b"GET / HTTP/1.1\r\nX: " + b"a" * 5000)
            assert client.answer().status == 431


class TestConnections:
    def test_no_more_than_the_limit_are_served(self, gateways, upstream):
        gateway = gateways(config(upstream, limits="{ connections: 5 }"))
        held = []
        for _ in range(5):
            held.append(gateway.client())
            assert held[-1].ask().status == 200
        with gateway.client() as client:
            client.sock.settimeout(0.5)
            try:
                status = client.send(request()).answer().status
            except (Broken, OSError):
                status = None
            assert status in (None, 503)
        assert len(upstream.requests) == 5
        held.pop().close()
        wait_until(lambda: self.served(gateway))
        for client in held:
            assert client.ask().status == 200
            client.close()

    def test_no_more_than_the_limit_of_one_address(self, gateways, upstream):
        gateway = gateways(config(upstream, limits="{ connections_per_address: 3 }"))
        held = []
        for _ in range(3):
            held.append(gateway.client())
            assert held[-1].ask().status == 200
        assert not self.served(gateway)
        for client in held:
            client.close()
        wait_until(lambda: self.served(gateway))

    @staticmethod
    def served(gateway):
        try:
            with gateway.client() as client:
                client.sock.settimeout(1)
                return client.send(request()).answer().status == 200
        except (Broken, OSError):
            return False


def test_a_slow_reader_holds_at_most_64_kib(gateways, upstreams):
    """The gateway's share is what the upstream sent, less what the kernel holds and the client read."""
    sent, size = [0], 1 << 20

    def script(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size * 64))
        block = b"a" * 16384
        with contextlib.suppress(OSError):
            while sent[0] < size * 64:
                sent[0] += exchange.sock.send(block)
        exchange.over = True
    upstream = upstreams(script, send_buffer=65536)
    gateway = gateways(config(upstream))
    with gateway.client(receive_buffer=16384) as client:
        client.send(request())
        answer = client.answer_head()
        assert answer.status == 200
        read = len(client.source.buffer)

        def still():
            """Nothing has moved for a while: all queues are full, or the upstream is done."""
            before, until = sent[0], time.monotonic() + 0.5
            while time.monotonic() < until:
                if sent[0] != before:
                    return False
                time.sleep(0.02)
            return before > size // 8
        wait_until(still)
        here = client.sock.getsockname()[1]
        kernel = 0
        for (local, remote), (unsent, unread) in queues(upstream.port, gateway.port).items():
            if local == upstream.port:
                kernel += unsent                  # not yet at the gateway's host
            elif remote == upstream.port or (local, remote) == (here, gateway.port):
                kernel += unread
            elif (local, remote) == (gateway.port, here):
                kernel += unsent
        held = sent[0] - kernel - read
        assert held <= 65536 + 1024, f"{held} of {sent[0]} bytes are in the gateway; the kernel holds {kernel}"
        assert sent[0] < size * 64, "the whole answer fits in the kernel: nothing was measured"


def test_slow_readers_cost_little_memory(gateways, upstreams):
    block = b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n" + b"a" * (1 << 23)

    def script(exchange):
        with contextlib.suppress(OSError):
            exchange.send(block)
        exchange.over = True
    upstream = upstreams(script)
    gateway = gateways(config(upstream))
    gateway.ask()
    before = gateway.rss()
    clients = [gateway.client(receive_buffer=4096).send(request()) for _ in range(60)]
    for client in clients:
        assert client.answer_head().status == 200
    grown = [0]

    def settled():
        was, grown[0] = grown[0], gateway.rss()
        return was == grown[0]
    wait_until(settled)
    assert SANITIZED or gateway.rss() - before < 60 * 2 * 65536
    for client in clients:
        client.close()


def test_500_clients_that_leave_free_500_upstreams_within_a_second(gateways, upstreams):
    def script(exchange):
        exchange.stream("Content-Type: text/event-stream")
        exchange.chunk(b"data: 1\n\n")
        exchange.stall()
    upstream = upstreams(script)
    gateway = gateways(config(upstream))
    clients = [gateway.client().send(request()) for _ in range(500)]
    for client in clients:
        client.answer_head()
        assert client.chunk()
    assert upstream.open == 500
    began = time.monotonic()
    for client in clients:
        client.close()
    wait_until(lambda: upstream.open == 0)
    assert time.monotonic() - began < 1 * SLOW


class TestFileDescriptors:
    def test_the_limit_reached_costs_no_processor_and_heals(self, gateways, upstream):
        gateway = gateways(config(upstream), open_files=64)
        clients = [Client(gateway.tcp) for _ in range(150)]
        answered = [client for client in clients[:5] if client.ask().status]
        assert gateway.descriptors() <= 64
        assert gateway.cpu_share(1.0) < 0.25, "it spins"
        assert answered
        for client in clients:
            client.close()
        wait_until(lambda: gateway.descriptors() < 40)
        for _ in range(10):
            assert gateway.ask().status == 200

    def test_connections_that_wait_for_one_are_served_at_last(self, gateways, upstream):
        gateway = gateways(config(upstream), open_files=64)
        clients = [Client(gateway.tcp).send(request("GET", f"/{n}", "Connection: close")) for n in range(150)]
        statuses = []
        for client in clients:
            statuses.append(client.answer().status)
            client.close()
        assert statuses.count(200) + statuses.count(502) + statuses.count(503) == 150
        assert statuses.count(200) > 30
