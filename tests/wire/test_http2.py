"""HTTP/2 by the frame: what must be refused and how, what must be taken, and what the server behind the gateway sees."""

import hashlib
import threading

import pytest

from harness import Broken, Client, hpack, volley, wait_until
from harness.client import request as http1_request
from harness.h2 import (H2, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, PREFACE, PUSH_PROMISE, SETTINGS, ask, continuation,
                        data, headers, ping, reset, settings)
from harness.h2_case import attempt
from harness.limits import SLOW

from doors import SPELLINGS, is_v1
from frames import BODIES, GOOD, HEADS, WRONG
from test_spoofed import FIELDS, MARK, OWN, spellings, value

LISTEN = 'listen:\n  - { address: "127.0.0.1:@PORT@", h2c: true }\n  - { address: "unix:@DIR@/door.sock", h2c: true }\n'
KEY = "gh_" + "k" * 43


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream):
    return module_gateways(LISTEN + f"""
limits: {{ head: 64k, headers: 100 }}
routes:
  - match: {{ path: /v1 }}
    max_body: 64k
    handle:
      - openai-proxy: {{ to: "{upstream.url}" }}
  - handle:
      - webui-proxy: {{ to: "{upstream.url}" }}
""")


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()
    upstream.eager = False
    upstream.script = None


@pytest.fixture
def held(upstream):
    """An upstream that leaves /held without an answer until the test is over."""
    over = threading.Event()

    def script(exchange):
        if exchange.request.target != "/held":
            exchange.answer(200, b"upstream")
            return
        while not over.wait(0.02):
            if not exchange.sock.recv(1, 0x42):   # MSG_PEEK | MSG_DONTWAIT: gone
                break
        exchange.fin()

    def patient(exchange):
        try:
            script(exchange)
        except BlockingIOError:
            over.wait(20)
            exchange.fin()
    upstream.script = patient
    yield upstream
    over.set()
    upstream.drop()


@pytest.fixture
def peer(gateway):
    with H2(gateway.tcp) as one:
        yield one


def named(table):
    assert len({case[0] for case in table}) == len(table), "two cases of one name"
    return [pytest.param(*case[1:], id=case[0]) for case in table]


def right_word(result, right):
    assert result.word in right, f"{result.word!r} where {right} are right; {result.said}"
    assert result.alive or result.word.startswith("goaway"), f"{result.word}, and after it the connection was dead"


WAYS = pytest.mark.parametrize("way", ["whole", "byte by byte"])


def shoot(gateway, way, frames, more):
    trickle = way != "whole"
    return attempt(gateway.unix if trickle else gateway.tcp, frames, trickle=trickle, **more)


def test_the_tables_are_large_enough():
    assert len(HEADS) + len(BODIES) + len(WRONG) + len(GOOD) >= 400


@WAYS
@pytest.mark.parametrize("right, frames, more", named(HEADS))
def test_head_is_refused(gateway, upstream, right, frames, more, way):
    right_word(shoot(gateway, way, frames, more), right)
    assert [h.target for h in upstream.heads if h.target != "/follow"] == [] and not upstream.malformed


@WAYS
@pytest.mark.parametrize("right, frames, more", named(BODIES))
def test_body_is_refused(gateway, upstream, right, frames, more, way):
    more = {"awaits": () if right == ("open",) else (1,), **more}
    whole = more.pop("whole")
    # The answer to a body that was whole may have been quicker than what was too much.
    right_word(shoot(gateway, way, frames, more), right + (("200",) if whole else ()))
    assert not [r for r in upstream.requests if r.target != "/follow" and r.body not in whole] and not upstream.malformed
    assert "/smuggled" not in [h.target for h in upstream.heads]


@WAYS
@pytest.mark.parametrize("right, frames, more", named(WRONG))
def test_frames_that_may_not_be(gateway, held, right, frames, more, way):
    right_word(shoot(gateway, way, frames, more), right)
    assert not held.malformed


@WAYS
@pytest.mark.parametrize("right, frames, more", named(GOOD))
def test_odd_but_right(gateway, held, right, frames, more, way):
    result = shoot(gateway, way, frames, more)
    assert result.word in right and (result.alive or more.get("follow", "") is None), (result.word, result.said)
    assert not held.malformed


class TestPreface:
    @pytest.mark.parametrize("at", range(len(PREFACE)))
    def test_one_byte_of_it_wrong(self, gateway, upstream, at):
        """It is HTTP/1 then, or nothing: in no case a request."""
        sent = PREFACE[:at] + bytes([PREFACE[at] ^ 1]) + PREFACE[at + 1:] + settings() + headers(1, ask("/x"))
        with Client(gateway.tcp) as client:
            client.send(sent).finish()
            try:
                while client.source.fill():
                    pass
            except ConnectionError:
                pass
        assert upstream.untouched()
        assert not client.source.buffer.startswith(b"HTTP/1.1 2")

    def test_http1_is_spoken_on_the_same_door(self, gateway):
        with gateway.client() as client:
            for _ in range(3):
                assert client.ask("GET", "/x").version == "1.1"
            assert client.ask("PRI", "/x").status in (200, 400, 405, 501)

    def test_half_of_it_and_then_http1_is_refused(self, gateway, upstream):
        for size in range(3, 16):
            outcome, = volley(gateway.unix, [[PREFACE[:size], http1_request("GET", "/x")]])
            assert not set(outcome.statuses) & {200}, (size, outcome)
        assert upstream.untouched()

    def test_upgrade_to_h2c_is_not_taken(self, gateway, upstream):
        answer = gateway.ask("GET", "/x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
        assert answer.status == 200 and answer.body == b"upstream" and "Upgrade" not in answer
        seen = upstream.wait()
        assert "Upgrade" not in seen and "HTTP2-Settings" not in seen

    def test_a_door_without_h2c_speaks_http1_alone(self, gateways, upstream):
        gateway = gateways(f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")
        outcome, = volley(gateway.tcp, [[PREFACE + settings()]])
        assert outcome.statuses in ([400], [405], [501], [505]) and outcome.end in ("fin", "rst")
        assert upstream.untouched()

    def test_the_settings_of_the_gateway(self, peer):
        peer.ask("/x")
        assert peer.peer[MAX_CONCURRENT_STREAMS] == 100
        assert peer.peer.get(INITIAL_WINDOW_SIZE, 65535) <= 65536, "what it promises to hold of each upload"
        assert peer.settled == 1 and PUSH_PROMISE not in peer.frames

    def test_settings_are_acknowledged_each(self, peer):
        for _ in range(5):
            peer.send(settings((INITIAL_WINDOW_SIZE, 1000)))
        peer.pump(lambda: peer.settled == 6)

    def test_a_ping_comes_back_as_it_was(self, peer):
        peer.send(ping(b"\x00\xffabc\r\n!"), ping(b"12345678"))
        peer.pump(lambda: len(peer.pongs) == 2)
        assert peer.pongs == [b"\x00\xffabc\r\n!", b"12345678"]


class TestTowardsTheUpstream:
    """It sees a request of HTTP/1.1 that one of HTTP/1.1 could have been."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "POST", "PATCH", "PROPFIND"])
    @pytest.mark.parametrize("body", [None, b"", b"hello", b"a" * 40000], ids=["none", "empty", "short", "long"])
    def test_methods_and_bodies(self, upstream, peer, method, body):
        answer = peer.ask("/a/b?c=d&e", ("x-y", "z"), method=method, body=body)
        seen = upstream.wait()
        assert answer.status == 200 and (answer.body == b"upstream") == (method != "HEAD")
        assert (seen.method, seen.target, seen.version, seen.body) == (method, "/a/b?c=d&e", "1.1", body or b"")
        assert seen.all("Host") == ["gate.example"] and seen.all("X-Y") == ["z"]
        if body:
            assert seen.framing == "chunked"
        else:
            assert seen.framing == "none" or seen.get("Content-Length") == "0" or body == b""
        assert not [n for n in seen.names() if n.startswith(":")]

    def test_a_body_with_a_length_keeps_it(self, upstream, peer):
        peer.ask("/x", ("content-length", "30000"), method="POST", body=b"b" * 30000)
        seen = upstream.wait()
        assert seen.all("Content-Length") == ["30000"] and seen.body == b"b" * 30000 and "Transfer-Encoding" not in seen

    def test_hop_by_hop_fields_do_not_pass(self, upstream, peer):
        peer.ask("/x", ("te", "trailers"), ("http2-settings", "AAMAAABk"), ("trailer", "x-y"), ("proxy-authorization", "Basic eA=="),
                 ("priority", "u=1"))
        names = upstream.wait().names()
        assert not {"te", "http2-settings", "trailer", "proxy-authorization", "keep-alive", "upgrade"} & set(names)
        assert all(v.lower() in ("keep-alive", "close") for v in upstream.requests[0].all("Connection"))

    def test_via_tells_the_version(self, upstream, peer):
        peer.ask("/x", ("via", "1.0 phone"))
        before, own = upstream.wait().get("Via").split(", ")
        assert before == "1.0 phone" and own.split()[0] in ("2", "2.0")

    @pytest.mark.parametrize("crumbs", [["a=b"], ["a=b", "c=d"], ["a=b", "c=d; e=f", "g=h"], ["a=b"] * 50])
    def test_crumbs_of_a_cookie_are_joined(self, upstream, peer, crumbs):
        peer.ask("/x", *(("cookie", crumb) for crumb in crumbs))
        cookies = upstream.wait().all("Cookie")
        assert cookies == ["; ".join(crumbs)], cookies

    def test_crumbs_between_other_fields(self, upstream, peer):
        peer.ask("/x", ("cookie", "a=b"), ("x-y", "1"), ("cookie", "c=d"), ("x-y", "2"))
        seen = upstream.wait()
        assert seen.all("Cookie") == ["a=b; c=d"] and seen.all("X-Y") == ["1", "2"]

    def test_the_host_is_the_authority(self, upstream, peer):
        for authority in ("gate.example", "gate.example:8443", "127.0.0.1:1", "[::1]:80", "[::1]"):
            peer.ask("/x", authority=authority)
            assert upstream.requests[-1].all("Host") == [authority]
            assert upstream.requests[-1].all("X-Forwarded-Host") == [authority]
        peer.ask("/x", ("host", "only.example"), authority=None)
        assert upstream.requests[-1].all("Host") == ["only.example"]

    def test_the_scheme_is_the_connections(self, upstream, peer):
        """A client that says https on a door without TLS may be refused, but not believed."""
        stream = peer.open("/x", scheme="https")
        peer.pump(lambda: stream.over)
        assert stream.word in ("200", "400", "421", "reset PROTOCOL_ERROR")
        assert [r.get("X-Forwarded-Proto") for r in upstream.requests] in ([], ["http"])

    def test_trailers_are_dropped(self, upstream, peer):
        stream = peer.expect(method="POST")
        peer.send(headers(1, ask("/x", ("trailer", "x-y"), method="POST"), end=False), data(1, b"hello"),
                  headers(1, [("x-y", "z"), ("x-forwarded-for", "1.2.3.4"), ("content-length", "77")]))
        assert stream.answer().status == 200
        seen = upstream.wait()
        assert seen.body == b"hello" and not seen.trailers and "X-Y" not in seen and seen.all("X-Forwarded-For") == ["127.0.0.1"]

    def test_an_expectation_is_met(self, upstream, peer):
        upstream.eager = True

        def script(exchange):
            exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            exchange.answer(200, exchange.read_body())
        upstream.script = script
        stream = peer.open("/x", ("expect", "100-continue"), method="POST", end=False)
        peer.pump(lambda: stream.interim)
        assert [i.status for i in stream.interim] == [100]
        assert stream.send(b"hello", end=True).answer().body == b"hello"

    def test_asterisk(self, upstream, peer):
        stream = peer.open("*", method="OPTIONS")
        peer.pump(lambda: stream.over)
        assert stream.word in ("200", "400", "404", "405", "reset PROTOCOL_ERROR")
        assert upstream.targets() in ([], ["*"])

    def test_paths_are_the_canonical_ones(self, upstream, peer):
        for sent, seen in (("/", "/"), ("/a%2Fb", "/a%2Fb"), ("/a%2fb", "/a%2Fb"), ("/%61", "/a"), ("/x?%zz&a=/../b", "/x?%zz&a=/../b"),
                           ("/x?", "/x?"), ("/%e4%bd%a0", "/%E4%BD%A0"), ("/a%20b", "/a%20b")):
            assert peer.ask(sent).status == 200, sent
            assert upstream.requests[-1].target == seen

    def test_many_on_one_connection(self, upstream, peer):
        for number in range(200):
            assert peer.ask(f"/{number}", ("x-n", str(number))).status == 200
        assert upstream.targets() == [f"/{n}" for n in range(200)]
        assert [r.get("X-N") for r in upstream.requests] == [str(n) for n in range(200)]

    def test_names_reach_it_once_each_in_order(self, upstream, peer):
        peer.ask("/x", *((f"x-{n % 7}", str(n)) for n in range(50)))
        seen = upstream.wait()
        for name in range(7):
            assert seen.all(f"X-{name}") == [str(n) for n in range(50) if n % 7 == name]


class TestTowardsTheClient:
    @pytest.mark.parametrize("status", [200, 201, 202, 206, 301, 304, 400, 404, 418, 422, 429, 500, 503, 599])
    def test_statuses_pass(self, upstream, peer, status):
        upstream.script = lambda exchange: exchange.answer(status, b"" if status == 304 else b"ok")
        assert peer.ask("/x").status == status

    @pytest.mark.parametrize("line", ["Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Upgrade: h2c", "Connection: close",
                                      "Trailer: X-Y", "TE: gzip", "Connection: x-z"])
    def test_fields_of_the_connection_are_lost(self, upstream, peer, line):
        upstream.script = lambda exchange: exchange.answer(200, b"ok", line, "X-Y: stays", "X-Z: z")
        answer = peer.ask("/x")     # the client itself refuses them
        assert answer.get("x-y") == "stays" and ("x-z" in answer) == ("x-z" not in line)

    def test_names_are_in_lower_case_and_in_order(self, upstream, peer):
        upstream.script = lambda exchange: exchange.answer(200, b"ok", "X-UPPER: Value", "Set-Cookie: a=b", "X-Two: 1", "Set-Cookie: c=d", "x-two: 2")
        answer = peer.ask("/x")
        assert all(n == n.lower() for n, _ in answer.headers)
        assert ("x-upper", "Value") in answer.headers and answer.all("set-cookie") == ["a=b", "c=d"] and answer.all("x-two") == ["1", "2"]

    def test_chunks_become_data(self, upstream, peer):
        def script(exchange):
            exchange.stream()
            for _ in range(10):
                exchange.chunk(b"0123456789")
            exchange.end()
        upstream.script = script
        answer = peer.ask("/x")
        assert answer.body == b"0123456789" * 10 and "content-length" not in answer

    def test_an_answer_until_close_is_whole(self, upstream, peer):
        def script(exchange):
            exchange.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
            exchange.fin()
        upstream.script = script
        assert peer.ask("/x").body == b"to the end"

    @pytest.mark.parametrize("method, text", [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"), ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 X\r\n\r\n"), ("GET", b"HTTP/1.1 304 X\r\nETag: \"e\"\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 X\r\nContent-Length: 99\r\n\r\n"), ("GET", b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")])
    def test_no_body(self, upstream, peer, method, text):
        upstream.script = text
        for _ in range(3):
            answer = peer.ask("/x", method=method)
            assert not answer.body
        if b"12345" in text:
            assert answer.get("content-length") == "12345"
        if b" 204 " in text:
            assert "content-length" not in answer

    def test_a_body_where_none_may_be_is_none(self, upstream, peer):
        """The bytes after it are no answer to the next request."""
        upstream.script = b"HTTP/1.1 204 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        for _ in range(3):
            assert peer.ask("/x").status == 204

    def test_1xx_are_passed_on(self, upstream, peer):
        upstream.script = (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        answer = peer.ask("/x")
        assert [i.status for i in answer.interim] == [103, 102] and answer.interim[0].headers == [("link", "</a>")]
        assert answer.body == b"ok"

    def test_a_101_is_a_502(self, upstream, peer):
        upstream.script = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        assert peer.ask("/x").status == 502

    def test_trailers_are_dropped(self, upstream, peer):
        upstream.script = b"HTTP/1.1 200 OK\r\nTrailer: X-Y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Y: z\r\n\r\n"
        stream = peer.open("/x")
        assert stream.answer().body == b"ok" and stream.trailers is None

    @pytest.mark.parametrize("text", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
                                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
                                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"])
    @pytest.mark.parametrize("way", ["fin", "rst"])
    def test_an_answer_cut_by_the_upstream_never_looks_whole(self, upstream, peer, text, way):
        go = threading.Event()

        def script(exchange):
            exchange.send(text)
            go.wait(10)
            getattr(exchange, way)()
        upstream.script = script
        stream = peer.open("/x")
        stream.wait(lambda s: len(s.body) >= 4 or s.over)
        go.set()
        peer.pump(lambda: stream.over)
        assert not stream.ended and stream.reset not in (None, "NO_ERROR"), stream.word
        upstream.script = None
        assert peer.ask("/y").status == 200, "only that stream is broken"

    def test_cut_at_every_byte(self, upstream, peer):
        text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"

        def script(exchange):
            exchange.send(text[:int(exchange.request.target[1:])])
            exchange.fin()
        upstream.script = script
        ends = text.index(b"\r\n\r\n") + 4
        for at in range(len(text)):
            stream = peer.open(f"/{at}")
            peer.pump(lambda s=stream: s.over)
            assert stream.word in (("502", "504") if at < ends else ("200 broken INTERNAL_ERROR", "200 broken CANCEL", "502",
                                                                     "200 broken PROTOCOL_ERROR", "reset INTERNAL_ERROR")), (at, stream.word)
        assert peer.ask(f"/{len(text)}").body == b"ok"

    @pytest.mark.parametrize("text", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", b"HTTP/2 200\r\n\r\n",
                                      b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"])
    def test_an_answer_that_is_none_is_a_502(self, upstream, peer, text):
        upstream.script = text
        assert peer.ask("/x").status == 502

    def test_an_early_answer_is_whole_and_the_upload_is_stopped(self, upstream, peer):
        upstream.eager = True

        def script(exchange):
            exchange.answer(403, b"no")
            exchange.fin()
        upstream.script = script
        stream = peer.open("/x", ("content-length", "60000"), method="POST", end=False)
        stream.send(b"a" * 1000)
        answer = stream.answer()
        assert answer.status == 403 and answer.body == b"no"
        upstream.eager, upstream.script = False, None
        assert peer.ask("/y").status == 200

    def test_a_body_that_is_too_large_is_413(self, upstream, peer):
        for fields in ((), (("content-length", str(1 << 20)),)):
            stream = peer.open("/v1/chat/completions", *fields, method="POST", end=False)
            stream.send(b"a" * (1 << 20), end=True)
            peer.pump(lambda s=stream: s.over)
            assert stream.word == "413"
        assert not upstream.requests
        assert peer.ask("/x").status == 200

    def test_a_body_of_the_limit_passes(self, upstream, peer):
        assert peer.ask("/v1/chat/completions", method="POST", body=b'{"a":"' + b"a" * 65528 + b'"}').status == 200
        assert len(upstream.wait().body) == 65536

    def test_a_head_of_many_kilobytes(self, upstream, peer):
        upstream.script = lambda exchange: exchange.answer(200, b"ok", *(f"X-{n}: {'v' * 900}" for n in range(30)))
        answer = peer.ask("/x")
        assert len([n for n in answer.names() if n.startswith("x-") and n[2:].isdigit()]) == 30

    def test_a_client_that_cancels_frees_the_upstream(self, upstream, peer):
        left = threading.Event()

        def script(exchange):
            exchange.stream()
            exchange.chunk(b"one")
            if exchange.stall():
                left.set()
        upstream.script = script
        stream = peer.open("/x")
        assert stream.receive(3) == b"one"
        stream.cancel()
        peer.turn(0.01)
        assert left.wait(2 * SLOW)
        upstream.script = None
        assert peer.ask("/y").status == 200

    def test_a_client_that_leaves_frees_the_upstream(self, gateway, upstream):
        left = threading.Semaphore(0)

        def script(exchange):
            exchange.stream()
            exchange.chunk(b"one")
            if exchange.stall():
                left.release()
        upstream.script = script
        with H2(gateway.tcp) as one:
            streams = [one.open("/x") for _ in range(10)]
            for stream in streams:
                stream.receive(3)
        for _ in range(10):
            assert left.acquire(timeout=2 * SLOW)

    def test_the_log_has_the_protocol_and_each_request(self, gateway, upstream, peer):
        before = len(gateway.access())
        for number in range(5):
            peer.ask(f"/logged/{number}")
        lines = gateway.wait_access(before + 5)[before:]
        assert sorted(line["path"] for line in lines) == [f"/logged/{n}" for n in range(5)]
        assert {line["status"] for line in lines} == {200}


class TestDoors:
    """/v1 behind a password: no spelling of HTTP/2 is another door into the model server."""

    @pytest.fixture(scope="class")
    def model(self, module_upstreams):
        return module_upstreams(name="model")

    @pytest.fixture(scope="class")
    def webui(self, module_upstreams):
        return module_upstreams(name="webui")

    @pytest.fixture(scope="class")
    def doors(self, module_gateways, model, webui):
        return module_gateways(LISTEN + f"""
routes:
  - match: {{ path: /v1 }}
    handle:
      - basic-auth: {{ keys: {{ test: "sha256:{hashlib.sha256(KEY.encode()).hexdigest()}" }} }}
      - openai-proxy: {{ to: "{model.url}" }}
  - handle:
      - webui-proxy: {{ to: "{webui.url}" }}
""")

    @pytest.fixture(autouse=True)
    def clean(self, model, webui):
        model.forget()
        webui.forget()

    def test_as_they_should_be(self, doors, model, webui):
        with H2(doors.tcp) as peer:
            assert peer.ask("/v1/models").status == 401 and model.untouched()
            assert peer.ask("/v1/models", ("authorization", f"Bearer {KEY}")).body == b"model"
            assert peer.ask("/v10").body == b"webui"
        assert model.targets() == ["/v1/models"] and webui.targets() == ["/v10"]

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_without_credentials(self, doors, model, webui, spelling, method):
        result = attempt(doors.tcp, headers(1, ask(spelling, method=method)), follow=None)
        assert result.word.isdigit() or result.word == "reset PROTOCOL_ERROR", result.word
        assert model.untouched(), model.heads
        assert not [h.target for h in webui.heads if is_v1(h.target)] and not webui.malformed

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_with_credentials_one_spelling(self, doors, model, webui, spelling):
        attempt(doors.tcp, headers(1, ask(spelling, ("authorization", f"Bearer {KEY}"))), follow=None)
        for seen in model.heads:
            path = seen.target.split("?")[0]
            assert path == "/v1" or path.startswith("/v1/"), path
            assert "//" not in path and "/." not in path and "%7" not in path
        assert not [h.target for h in webui.heads if is_v1(h.target)]

    def test_credentials_of_one_stream_are_not_anothers(self, doors, model):
        with H2(doors.tcp) as peer:
            good = peer.open("/v1/models", ("authorization", f"Bearer {KEY}"))
            bad = peer.open("/v1/models")
            assert good.answer().status == 200 and bad.answer().status == 401
            # Kept in the table, but named by one request only.
            first = peer.expect()
            peer.send(headers(first.number, [*ask("/v1/models"), hpack.keep("authorization", f"Bearer {KEY}")]))
            assert first.answer().status == 200 and peer.ask("/v1/models").status == 401
        assert len(model.requests) == 2


@pytest.mark.parametrize("name", FIELDS)
def test_no_spelling_of_an_identity_reaches_the_upstream(upstream, peer, name):
    cases = [[(spelling, value(name))] for spelling in dict.fromkeys(s.lower() for s in spellings(name))
             if spelling.replace("_", "-") == name.lower()]
    cases.append([(name.lower(), value(name))] * 2)
    for fields in cases:
        assert peer.ask("/v1/models", *fields).status == 200
    assert len(upstream.requests) == len(cases)
    assert not [(n, v) for r in upstream.requests for n, v in r.headers if MARK in v]
    for seen in upstream.requests:
        assert seen.all("X-Forwarded-For") == ["127.0.0.1"] and seen.all("X-Forwarded-Proto") == ["http"]
        assert seen.all("X-Forwarded-Host") == ["gate.example"]
        for own in OWN:
            assert own.replace("-", "_").lower() not in seen.names()


def test_identities_all_at_once(upstream, peer):
    peer.ask("/v1/models", *((n.lower(), value(n)) for n in FIELDS), *((n.lower().replace("-", "_"), value(n)) for n in FIELDS))
    assert not [(n, v) for n, v in upstream.wait().headers if MARK in v]


def test_a_malformed_stream_harms_no_other(gateway, upstream, peer):
    go = threading.Event()
    upstream.script = lambda exchange: (go.wait(10), exchange.answer(200, b"late but whole"))
    slow = peer.open("/slow")
    wait_until(lambda: upstream.heads)
    for number in range(20):
        bad = peer.expect()
        peer.send(headers(bad.number, ask("/x", ("X-Bad", str(number)))))
        peer.pump(lambda b=bad: b.over)
        assert bad.word in ("400", "reset PROTOCOL_ERROR")
    go.set()
    assert slow.answer().body == b"late but whole"


def test_continuation_of_a_head_cut_by_the_close(gateway, upstream):
    for frames in (headers(1, ask("/x"), flags=0), headers(1, ask("/x"), flags=0) + continuation(1, [("a", "b")], flags=0),
                   headers(1, ask("/x"))[:-1], headers(1, ask("/x", method="POST"), end=False) + data(1, b"hello", end=True)[:-1]):
        with H2(gateway.tcp) as peer:
            peer.amid = True    # nothing else may be taken for the rest of the frame
            peer.send(frames)
            peer.pump(lambda: peer.frames.get(SETTINGS))
            peer.sock.shutdown(1)
            peer.pump(lambda: peer.end)
    assert not upstream.requests and not upstream.malformed


def test_a_reset_before_the_head_is_answered_is_no_failure(gateway, upstream, peer):
    for _ in range(20):
        stream = peer.open("/x")
        stream.cancel()
    assert peer.ask("/y").status == 200


def test_what_was_broken_is_told(gateway, peer):
    with pytest.raises(Broken):
        peer.open("/x", ("X-Bad", "y")).answer()
    assert reset(1)[3] == 3
