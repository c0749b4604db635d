"""Flow control: who does not read holds nobody up but itself, and what the gateway holds for it is little."""

import contextlib
import hashlib
import os
import signal
import threading
import time

import pytest

from harness import SANITIZED, SLOW, wait_until
from harness.gateway import to_webui
from harness.h2 import (FIRST_WINDOW, H2, HEADER_TABLE_SIZE, HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, ask,
                        data, frame, headers, window)
from harness.limits import PATIENCE
from harness.tcp import queues
from harness.upstream import Tokens

LISTEN = 'listen:\n  - { address: "127.0.0.1:@PORT@", h2c: true }\n'
SIZE = 32 << 20
LARGE = 1 << 30


def config(upstream, **top):
    return LISTEN + "".join(f"{key}: {value}\n" for key, value in top.items()) + to_webui(upstream)


class Server:
    """/big is endless but for SIZE, /unread is never read, /echo gives back, all others are `ok`."""

    def __init__(self):
        self.over = threading.Event()
        self.sent = 0
        self.lock = threading.Lock()

    def __call__(self, exchange):
        path = exchange.request.target.split("?")[0]
        if path == "/big":
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            left, block = SIZE, b"a" * 16384
            with contextlib.suppress(OSError):
                while left:
                    sent = exchange.sock.send(block[:left])
                    left -= sent
                    with self.lock:
                        self.sent += sent
                return
            exchange.over = True
        elif path == "/unread":
            self.over.wait(PATIENCE * 3)
            exchange.over = True
        elif path == "/echo":
            exchange.answer(200, exchange.read_body())
        else:
            exchange.read_body()
            exchange.answer(200, b"ok")


@pytest.fixture
def server():
    one = Server()
    yield one
    one.over.set()


@pytest.fixture
def upstream(upstreams, server):
    one = upstreams(server, eager=True, send_buffer=65536)
    yield one
    server.over.set()
    one.drop()


@pytest.fixture
def gateway(gateways, upstream):
    return gateways(config(upstream))


def still(value, of):
    """Whether a count has not moved for half a second."""
    before, until = value(), time.monotonic() + 0.5
    while time.monotonic() < until:
        if value() != before:
            return False
        of.turn(0.02)
    return True


class TestDownloads:
    def test_a_stream_that_is_not_read_blocks_no_other(self, gateway, server):
        with H2(gateway.tcp, credit=False) as peer:
            peer.may_receive += LARGE
            peer.send(window(0, LARGE))
            stalled = [peer.open("/big") for _ in range(5)]
            peer.pump(lambda: all(s.may_receive == 0 for s in stalled))
            for number in range(100):
                assert peer.ask(f"/{number}").body == b"ok"
            assert [len(s.body) for s in stalled] == [FIRST_WINDOW] * 5
            for stream in stalled:
                stream.cancel()
            assert peer.ask("/after").body == b"ok"

    def test_what_is_not_read_stops_at_the_upstream(self, gateway, upstream, server):
        """What the upstream sent, less what the kernel holds and what came, is in the gateway."""
        with H2(gateway.tcp, credit=False) as peer:
            stream = peer.open("/big")
            peer.pump(lambda: stream.may_receive == 0)
            wait_until(lambda: still(lambda: server.sent, peer))
            kernel = 0
            for (local, remote), (unsent, unread) in queues(upstream.port).items():
                kernel += unsent if local == upstream.port else unread
            held = server.sent - kernel - stream.got
            assert held <= 65536 + 32768, f"{held} bytes in the gateway"
            assert server.sent < SIZE, "all of it fits into the kernel: nothing was measured"

    def test_a_hundred_that_are_not_read_cost_little(self, gateway, server):
        with H2(gateway.tcp) as peer:
            peer.ask("/x")
        before = gateway.rss()
        with H2(gateway.tcp, credit=False, told={INITIAL_WINDOW_SIZE: 1000}) as peer:
            peer.may_receive += LARGE
            peer.send(window(0, LARGE))
            streams = [peer.open("/big") for _ in range(100)]
            peer.pump(lambda: all(s.may_receive == 0 for s in streams))
            wait_until(lambda: still(lambda: server.sent, peer))
            assert SANITIZED or gateway.rss() - before < 100 * (65536 + 32768)

    def test_when_the_connections_window_is_shut_all_wait_and_then_go_on(self, gateway):
        with H2(gateway.tcp, credit=False) as peer:
            big = peer.open("/big")
            peer.pump(lambda: peer.may_receive == 0)
            small = [peer.open(f"/{n}") for n in range(20)]
            peer.pump(lambda: all(s.head for s in small))       # heads need no window
            assert not any(s.body for s in small)
            peer.may_receive += 1000
            peer.send(window(0, 1000))      # the big one has none of its own
            for stream in small:
                assert stream.answer().body == b"ok"
            assert big.got == FIRST_WINDOW

    @pytest.mark.parametrize("step", [1, 1000, 16384, 70000])
    def test_windows_that_open_by_a_little(self, gateway, upstream, step):
        size = {1: 300, 1000: 100000}.get(step, 1 << 20)
        sent = os.urandom(size)
        upstream.script = lambda exchange: exchange.answer(200, sent)
        with H2(gateway.tcp, credit=False, told={INITIAL_WINDOW_SIZE: 0}) as peer:
            peer.may_receive += LARGE
            peer.send(window(0, LARGE))
            stream = peer.open("/x")
            while not stream.over:
                assert len(stream.body) <= size
                stream.credit(step)
                peer.pump(lambda: stream.over or stream.may_receive == 0)
            assert stream.answer().body == sent

    def test_the_initial_window_changes_in_mid_stream(self, gateway):
        with H2(gateway.tcp, credit=False, told={INITIAL_WINDOW_SIZE: 10}) as peer:
            peer.may_receive += LARGE
            peer.send(window(0, LARGE))
            stream = peer.open("/big")
            peer.pump(lambda: stream.got == 10)
            peer.tell((INITIAL_WINDOW_SIZE, 100))
            peer.pump(lambda: stream.got == 100)
            peer.tell((INITIAL_WINDOW_SIZE, 40))        # now it owes 60
            assert stream.may_receive == -60
            stream.credit(60)
            assert peer.ask("/x", method="HEAD").status == 200
            assert stream.got == 100
            stream.credit(7)
            peer.pump(lambda: stream.got == 107)
            peer.tell((INITIAL_WINDOW_SIZE, 0), (INITIAL_WINDOW_SIZE, 1000))
            peer.pump(lambda: stream.got == 107 + 960)

    def test_many_settings_under_way(self, gateway):
        with H2(gateway.tcp) as peer:
            stream = peer.open("/big")
            for number in range(20):
                peer.tell((INITIAL_WINDOW_SIZE, 20000 + 700 * (number % 7)), (HEADER_TABLE_SIZE, (0, 100, 4096)[number % 3]),
                          (MAX_FRAME_SIZE, 16384 + number))
                assert peer.ask(f"/{number}").body == b"ok"
            assert stream.got and not stream.over

    def test_a_download_as_it_was(self, gateway, upstream):
        sent = os.urandom(1 << 20) * 20
        upstream.script = lambda exchange: exchange.answer(200, sent)
        with H2(gateway.tcp) as peer:
            got = [peer.open("/x") for _ in range(4)]
            for stream in got:
                assert hashlib.sha256(stream.answer(60 * SLOW).body).digest() == hashlib.sha256(sent).digest()

    def test_small_answers_pass_large_ones(self, gateway):
        """While two large answers run at full speed, a small one is not behind them."""
        with H2(gateway.tcp) as peer:
            large = [peer.open("/big") for _ in range(2)]
            peer.pump(lambda: all(s.got for s in large))
            took = []
            while not any(s.over for s in large) and len(took) < 20:
                began = time.monotonic()
                peer.ask("/x")
                took.append(time.monotonic() - began)
            assert took and sorted(took)[len(took) // 2] < 0.25 * SLOW, took
            for stream in large:
                assert stream.answer(60 * SLOW).status == 200


class TestUploads:
    def test_one_that_is_not_read_holds_its_window_and_others_go_on(self, gateway, upstream, server):
        with H2(gateway.tcp) as peer:
            peer.ask("/x")
            before = gateway.rss()
            stalled = [peer.open("/unread", method="POST", end=False) for _ in range(20)]
            for stream in stalled:
                stream.send(b"a" * (16 << 20))
            wait_until(lambda: still(lambda: sum(s.sent for s in stalled), peer))
            for number in range(3):
                body = os.urandom(1 << 20)
                assert peer.ask("/echo", method="POST", body=body).body == body, number
            assert sum(s.sent for s in stalled) < 20 * (16 << 20), "all of it fits into the kernel: nothing was measured"
            assert (SANITIZED or gateway.rss() - before < 20 * 2 * 65536 + (4 << 20))
            for stream in stalled:
                stream.cancel()
            assert peer.ask("/x").body == b"ok"

    @pytest.mark.parametrize("end", ["reset", "refused"])
    def test_bytes_that_nobody_read_are_given_back_to_the_connection(self, gateways, upstream, end):
        """Uploads that are thrown away must not eat up the window that all share."""
        gateway = gateways(LISTEN + "routes:\n  - match: { path: /small }\n    max_body: 1k\n    handle:\n"
                           f"      - webui-proxy: {{ to: \"{upstream.url}\" }}\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")
        with H2(gateway.tcp) as peer:
            for _ in range(60):
                stream = peer.open("/unread" if end == "reset" else "/small", method="POST", end=False)
                stream.send(b"a" * 60000, end=end == "refused")
                if end == "reset":
                    wait_until(lambda s=stream: (peer.turn(0.005), s.sent or s.over)[1])
                    stream.todo.clear()
                    stream.cancel()
                else:
                    peer.pump(lambda s=stream: s.over)
                    assert stream.word == "413"
            body = os.urandom(300000)
            assert peer.ask("/echo", method="POST", body=body).body == body

    def test_padding_is_given_back_too(self, gateway):
        with H2(gateway.tcp) as peer:
            stream = peer.expect(method="POST")
            peer.send(headers(stream.number, ask("/echo", method="POST"), end=False))
            peer.turn(0.05)
            for number in range(1000):      # 257 bytes each, one of them the body's
                wait_until(lambda: (peer.turn(0.001), stream.may_send > 300 and peer.may_send > 300)[1])
                peer.send(data(stream.number, b"%d" % (number % 10), pad=255))
                stream.may_send -= 257
                peer.may_send -= 257
            peer.send(data(stream.number, end=True))
            assert stream.answer().body == b"0123456789" * 100

    @pytest.mark.parametrize("streams", [1, 40])
    def test_more_than_the_window_is_an_error(self, gateway, streams):
        """First as much as the windows allow, until nothing moves any more; then one byte too many."""
        with H2(gateway.tcp) as peer:
            held = [peer.open("/unread", method="POST", end=False).send(b"a" * (64 << 20) if streams == 1 else b"a" * (8 << 20)) for _ in range(streams)]
            wait_until(lambda: still(lambda: sum(s.sent for s in held), peer), within=4 * PATIENCE)
            stream = min(held, key=lambda s: s.may_send)
            stream.todo.clear()
            left = max(stream.may_send, 0)
            assert stream.sent and left < 16384
            peer.send(data(stream.number, b"a" * (left + 1)))
            peer.pump(lambda: stream.over or peer.end)
            assert peer.word == "goaway FLOW_CONTROL_ERROR" or stream.word == "reset FLOW_CONTROL_ERROR"

    def test_an_upload_as_it_was(self, gateway, upstream):
        sent = [os.urandom(1 << 20) * 8 for _ in range(3)]
        with H2(gateway.tcp) as peer:
            streams = [peer.open("/echo", method="POST", end=False).send(body, end=True) for body in sent]
            for stream, body in zip(streams, sent):
                assert hashlib.sha256(stream.answer(60 * SLOW).body).digest() == hashlib.sha256(body).digest()


class TestStreams:
    def test_a_hundred_at_once_and_no_more(self, gateways, upstreams):
        go = threading.Event()
        upstream = upstreams(lambda exchange: (go.wait(20), exchange.answer(200, exchange.request.target.encode())))
        gateway = gateways(config(upstream))
        with H2(gateway.tcp) as peer:
            peer.pump(lambda: peer.peer)
            assert peer.peer[MAX_CONCURRENT_STREAMS] == 100
            streams = [peer.open(f"/{n}") for n in range(100)]
            wait_until(lambda: (peer.turn(0.01), len(upstream.heads) == 100)[1])
            go.set()
            assert [s.answer().body for s in streams] == [b"/%d" % n for n in range(100)]
            assert peer.ask("/again").body == b"/again"

    def test_the_one_after_a_hundred_is_refused(self, gateways, upstreams):
        """By itself, or with its connection: whoever opens it did not heed the SETTINGS (RFC 9113 5.1.2, 5.4.1)."""
        upstream = upstreams(lambda exchange: exchange.stall())
        gateway = gateways(config(upstream))
        with H2(gateway.tcp) as peer:
            peer.pump(lambda: peer.peer and peer.settled)
            for number in range(100):
                peer.open(f"/{number}")
            wait_until(lambda: (peer.turn(0.01), len(upstream.heads) == 100)[1])
            more = peer.open("/more")
            peer.pump(lambda: more.over or peer.end)
            assert more.word in ("reset REFUSED_STREAM", "reset PROTOCOL_ERROR") or peer.word in ("goaway PROTOCOL_ERROR", "goaway REFUSED_STREAM")
        wait_until(lambda: upstream.open == 0)
        assert "/more" not in [h.target for h in upstream.heads]
        assert gateway.ask_admin("GET", "/healthz").status == 200

    def test_answers_come_in_any_order(self, gateways, upstreams):
        gates = [threading.Event() for _ in range(10)]
        upstream = upstreams(lambda exchange: (gates[int(exchange.request.target[1:])].wait(20), exchange.answer(200, b"ok")))
        gateway = gateways(config(upstream))
        with H2(gateway.tcp) as peer:
            streams = [peer.open(f"/{n}") for n in range(10)]
            for number in (7, 2, 9, 0, 5, 1, 8, 3, 6, 4):
                gates[number].set()
                assert streams[number].answer().status == 200
                assert not any(s.over for s, g in zip(streams, gates) if not g.is_set())

    def test_tokens_come_at_once(self, gateways, upstreams):
        tokens = Tokens()
        gateway = gateways(config(upstreams(tokens)))
        with H2(gateway.tcp) as peer:
            stream = peer.open("/x")
            for number in range(30):
                tokens.let()
                assert stream.receive(len(Tokens.event(number))) == Tokens.event(number)
            tokens.finish()
            assert stream.receive(14) == b"data: [DONE]\n\n"
            peer.pump(lambda: stream.over)
            assert stream.ended


class TestStop:
    def test_open_streams_end_and_then_the_process(self, gateways, upstreams):
        tokens = Tokens()
        gateway = gateways(config(upstreams(tokens), grace="20s"))
        with H2(gateway.tcp) as peer, H2(gateway.tcp) as idle:
            idle.pump(lambda: idle.peer)
            stream = peer.open("/x")
            tokens.let()
            stream.receive(len(Tokens.event(0)))
            gateway.signal(signal.SIGTERM)
            peer.pump(lambda: peer.goaway)
            assert peer.goaway[1] == "NO_ERROR" and peer.goaway[0] >= stream.number
            idle.pump(lambda: idle.end)
            assert idle.goaway and idle.goaway[1] == "NO_ERROR" and idle.end == "fin"
            for number in range(1, 5):
                tokens.let()
                assert stream.receive(len(Tokens.event(number))) == Tokens.event(number)
            tokens.finish()
            peer.pump(lambda: stream.over)
            assert stream.ended and bytes(stream.body) == b"data: [DONE]\n\n"
            peer.pump(lambda: peer.end)
            assert peer.end == "fin" and peer.goaway[0] < 1 << 31
        assert gateway.process.wait(5 * SLOW) == 0

    def test_a_request_after_the_last_goaway_is_not_served(self, gateways, upstreams):
        tokens = Tokens()
        upstream = upstreams(tokens)
        gateway = gateways(config(upstream, grace="20s"))
        with H2(gateway.tcp) as peer:
            stream = peer.open("/x")
            tokens.let()
            stream.receive(len(Tokens.event(0)))
            gateway.signal(signal.SIGTERM)
            # A first GOAWAY may say 2**31 - 1: that more may be under way.
            peer.pump(lambda: peer.goaway and peer.goaway[0] == stream.number)
            late = peer.open("/late")
            tokens.finish()
            peer.pump(lambda: stream.over)
            assert stream.ended
            peer.pump(lambda: peer.end)
            assert late.word in ("nothing", "reset REFUSED_STREAM")
        assert "/late" not in upstream.targets()

    def test_what_does_not_end_is_cut(self, gateways, upstreams):
        gateway = gateways(config(upstreams(Tokens()), grace="500ms"))
        with H2(gateway.tcp) as peer:
            streams = [peer.open("/x") for _ in range(5)]
            peer.pump(lambda: all(s.head for s in streams))
            gateway.signal(signal.SIGTERM)
            peer.pump(lambda: peer.end)
            assert not any(s.ended for s in streams)
        gateway.process.wait(PATIENCE)
        gateway.expected_exit = gateway.process.returncode
        assert gateway.process.returncode in (0, 1)

    def test_a_reload_in_mid_stream_keeps_the_connection(self, gateways, upstreams):
        tokens = Tokens()
        upstream, other = upstreams(tokens), upstreams(name="other")
        gateway = gateways(config(upstream))
        with H2(gateway.tcp) as peer:
            stream = peer.open("/x")
            for number in range(4):
                tokens.let()
                assert stream.receive(len(Tokens.event(number))) == Tokens.event(number)
                assert gateway.reload(config(other)).returncode == 0
                assert peer.ask("/new").body == b"other"
            tokens.finish()
            peer.pump(lambda: stream.over)
            assert stream.ended and not peer.goaway

    def test_a_door_that_goes_lets_its_connections_end(self, gateways, upstreams):
        tokens = Tokens()
        upstream = upstreams(tokens)
        gateway = gateways(config(upstream))
        with H2(gateway.tcp) as peer:
            stream = peer.open("/x")
            tokens.let()
            stream.receive(len(Tokens.event(0)))
            assert gateway.reload('listen:\n  - { address: "unix:@DIR@/door.sock", h2c: true }\n' + to_webui(upstream)).returncode == 0
            tokens.finish()
            peer.pump(lambda: stream.over)
            assert stream.ended
            if peer.goaway:
                peer.pump(lambda: peer.end)
                assert peer.goaway[1] == "NO_ERROR" and peer.end == "fin"
            else:
                assert peer.ask("/still").status == 200, "a connection that outlives its door serves on"


class TestTimeouts:
    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways(config(upstream, timeouts="{ head: 500ms, body: 500ms, idle: 500ms, write: 500ms }"))

    def test_an_idle_connection_gets_goaway_and_is_closed(self, gateway):
        with H2(gateway.tcp) as peer:
            assert peer.ask("/x").status == 200
            began = time.monotonic()
            peer.pump(lambda: peer.end)
            assert peer.goaway[1] == "NO_ERROR" and 0.4 < time.monotonic() - began < 5 * SLOW

    def test_one_that_only_pings_is_idle(self, gateway):
        with H2(gateway.tcp) as peer:
            peer.ask("/x")
            began = time.monotonic()
            while not peer.end:
                peer.send(frame(6, 0, 0, b"12345678"))
                peer.turn(0.05)
                assert time.monotonic() - began < 8 * SLOW

    def test_one_that_waits_for_a_slow_upstream_is_not(self, gateway, upstream):
        upstream.script = lambda exchange: (time.sleep(1.5), exchange.answer(200, b"thought"))
        with H2(gateway.tcp) as peer:
            assert peer.ask("/x").body == b"thought"

    def test_a_head_that_does_not_end_closes(self, gateway):
        with H2(gateway.tcp) as peer:
            began = time.monotonic()
            peer.send(headers(1, ask("/x"), flags=0))
            peer.surprises = True
            peer.pump(lambda: peer.end)
            assert time.monotonic() - began < 5 * SLOW

    def test_half_a_frame_closes(self, gateway):
        with H2(gateway.tcp) as peer:
            peer.ask("/x")
            peer.send(frame(HEADERS, 5, 3, b"abc", length=100))
            peer.pump(lambda: peer.end, within=5 * SLOW)

    def test_a_body_that_stalls_breaks_its_stream_alone(self, gateway, upstream):
        go = threading.Event()
        upstream.script = lambda exchange: (exchange.request.target == "/slow" and go.wait(20), exchange.read_body(), exchange.answer(200, b"ok"))
        with H2(gateway.tcp) as peer:
            slow = peer.open("/slow")
            stream = peer.open("/x", method="POST", end=False).send(b"half")
            peer.pump(lambda: stream.over)
            assert stream.word == "408" or stream.reset, stream.word
            go.set()
            assert slow.answer().body == b"ok"
        assert "/x" not in upstream.targets()

    def test_a_stream_that_is_not_read_is_broken_in_time(self, gateway, upstream):
        with H2(gateway.tcp, credit=False) as peer:
            stream = peer.open("/big")
            peer.pump(lambda: stream.over or peer.end, within=8 * SLOW)
            assert not stream.ended
        wait_until(lambda: upstream.open == 0)
