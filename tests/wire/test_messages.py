"""What passes a gateway and what does not, and how messages are framed on both sides."""

import re
import threading

import pytest

from harness import Broken, wait_until
from harness.client import head, request
from harness.gateway import to_webui


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream):
    return module_gateways(f"""
routes:
  - match: {{ path: /v1 }}
    max_body: 64k
    handle:
      - openai-proxy: {{ to: "{upstream.url}" }}
  - match: {{ path: /locked }}
    handle:
      - basic-auth: {{ keys: {{ test: "sha256:{'0' * 64}" }} }}
      - webui-proxy: {{ to: "{upstream.url}" }}
  - handle:
      - webui-proxy: {{ to: "{upstream.url}" }}
""")


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()
    upstream.script, upstream.eager = None, False


def answers(upstream, *fields, status=200, body=b"ok"):
    upstream.script = lambda exchange: exchange.answer(status, body, *fields)


class TestHopByHop:
    @pytest.mark.parametrize("line", ["Keep-Alive: timeout=5, max=9", "Proxy-Connection: keep-alive", "Upgrade: h2c",
                                      "Trailer: X-Y", "TE: gzip", "Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x"])
    def test_answers_lose_it(self, gateway, upstream, line):
        answers(upstream, line)
        assert line.split(":")[0] not in gateway.ask()

    def test_answers_lose_what_connection_names(self, gateway, upstream):
        answers(upstream, "Connection: x-y", "X-Y: gone", "X-Z: stays")
        answer = gateway.ask()
        assert "X-Y" not in answer and answer.get("X-Z") == "stays"

    def test_connection_of_an_answer_cannot_name_the_framing_away(self, gateway, upstream):
        answers(upstream, "Connection: content-length, date, via")
        answer = gateway.ask()
        assert answer.body == b"ok" and "Date" in answer and "Via" in answer

    def test_via_goes_both_ways_after_those_before(self, gateway, upstream):
        answers(upstream, "Via: 1.1 model")
        answer = gateway.ask("GET", "/", "Via: 1.0 phone")
        asked = upstream.wait().get("Via")
        assert re.fullmatch(r"1\.0 phone, 1\.1 [^, ]+", asked), asked
        assert re.fullmatch(r"1\.1 model, 1\.1 [^, ]+", answer.get("Via")), answer

    def test_date_is_the_upstreams_or_the_gateways(self, gateway, upstream):
        form = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
        assert re.fullmatch(form, gateway.ask().get("Date"))
        answers(upstream, "Date: Sun, 06 Nov 1994 08:49:37 GMT")
        assert gateway.ask().all("Date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]
        with gateway.client() as client:
            assert re.fullmatch(form, client.send(b"bad\r\n\r\n").answer().get("Date"))

    def test_request_ids_are_one_a_request(self, gateway, upstream):
        got = [gateway.ask().get("X-Request-Id") for _ in range(20)]
        assert len(set(got)) == 20 and all(re.fullmatch(r"[\w-]{8,64}", i) for i in got)
        assert [r.get("X-Request-Id") for r in upstream.requests] == got

    def test_trailers_of_an_answer_are_dropped(self, gateway, upstream):
        upstream.script = b"HTTP/1.1 200 OK\r\nTrailer: X-Y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Y: z\r\n\r\n"
        answer = gateway.ask()
        assert answer.body == b"ok" and not answer.trailers and "Trailer" not in answer

    def test_only_websockets_are_upgraded(self, gateway, upstream):
        upstream.script = lambda exchange: exchange.answer(200, (exchange.request.get("Upgrade") or "none").encode())
        for line in ("h2c", "TLS/1.0", "websocket2", "h2c, websocket", "websocket, h2c", "foo/1"):
            assert gateway.ask("GET", "/", "Connection: Upgrade", f"Upgrade: {line}").body == b"none", line

    def test_a_101_that_nobody_asked_for_is_a_502(self, gateway, upstream):
        upstream.script = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        assert gateway.ask().status == 502


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 201, 202, 206, 301, 304, 400, 404, 418, 422, 429, 500, 503, 599])
    def test_statuses_pass(self, gateway, upstream, status):
        answers(upstream, status=status, body=b"" if status == 304 else b"ok")
        assert gateway.ask().status == status

    def test_head_has_the_length_and_no_body(self, gateway, upstream):
        upstream.script = b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"
        with gateway.client() as client:
            for _ in range(3):
                answer = client.ask("HEAD")
                assert answer.get("Content-Length") == "12345" and not answer.body
            assert client.is_open()

    @pytest.mark.parametrize("status", [204, 304])
    def test_no_body_where_none_may_be(self, gateway, upstream, status):
        upstream.script = f"HTTP/1.1 {status} X\r\nETag: \"e\"\r\n\r\n".encode()
        with gateway.client() as client:
            for _ in range(3):
                answer = client.ask()
                assert answer.status == status and "Transfer-Encoding" not in answer and answer.get("ETag") == "\"e\""
                assert status == 304 or "Content-Length" not in answer
            assert client.is_open()

    def test_1xx_are_passed_on(self, gateway, upstream):
        upstream.script = (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        answer = gateway.ask()
        assert [i.status for i in answer.interim] == [103, 102] and answer.interim[0].get("Link") == "</a>"
        assert answer.body == b"ok"

    def test_1xx_do_not_go_to_a_client_of_1_0(self, gateway, upstream):
        upstream.script = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        with gateway.client() as client:
            answer = client.send(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n").answer()
        assert not answer.interim and answer.body == b"ok"

    def test_a_client_of_1_0_gets_no_chunks(self, gateway, upstream):
        upstream.script = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        with gateway.client() as client:
            answer = client.send(b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n").answer()
            assert answer.framing != "chunked" and answer.body == b"ok"
            assert client.ended() == "fin"

    def test_an_answer_until_close_becomes_chunks(self, gateway, upstream):
        def script(exchange):
            exchange.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
            exchange.fin()
        upstream.script = script
        with gateway.client() as client:
            for _ in range(2):
                answer = client.ask()
                assert answer.body == b"to the end" and answer.framing == "chunked"

    def test_compressed_answers_pass_as_they_are(self, gateway, upstream):
        body = bytes(range(256))
        for coding in ("gzip", "br", "zstd", "deflate"):
            answers(upstream, f"Content-Encoding: {coding}", "Vary: Accept-Encoding", body=body)
            answer = gateway.ask("GET", "/", f"Accept-Encoding: {coding}")
            assert answer.body == body and answer.get("Content-Encoding") == coding
            assert upstream.requests[-1].get("Accept-Encoding") == coding

    def test_fields_pass_in_order_and_many_of_one_name(self, gateway, upstream):
        answers(upstream, "Set-Cookie: a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "X-Y: 1", "Set-Cookie: c=d", "X-Y: 2")
        answer = gateway.ask()
        assert len(answer.all("Set-Cookie")) == 2 and answer.all("X-Y") == ["1", "2"]

    def test_an_early_answer_closes(self, gateway, upstream):
        upstream.eager = True

        def script(exchange):
            exchange.answer(403, b"no")
            exchange.fin()
        upstream.script = script
        with gateway.client() as client:
            client.send(head("POST / HTTP/1.1", "Host: h", "Content-Length: 60000"), b"a" * 1000)
            assert client.answer().status == 403
            assert client.ended()


class TestKeepAlive:
    def test_many_requests_on_one_connection(self, gateway, upstream):
        with gateway.client() as client:
            for number in range(100):
                assert client.ask("GET", f"/{number}").status == 200
        assert upstream.targets() == [f"/{n}" for n in range(100)]

    def test_connection_close(self, gateway):
        with gateway.client() as client:
            answer = client.ask("GET", "/", "Connection: close")
            assert (answer.get("Connection") or "").lower() == "close" and client.ended() == "fin"

    def test_connection_close_in_a_list(self, gateway):
        with gateway.client() as client:
            client.ask("GET", "/", "Connection: x-y, Close")
            assert client.ended() == "fin"

    def test_1_0_closes(self, gateway):
        with gateway.client() as client:
            client.send(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n").answer()
            assert client.ended() == "fin"

    def test_1_0_may_ask_to_keep(self, gateway):
        with gateway.client() as client:
            for _ in range(3):
                answer = client.send(b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n").answer()
                assert answer.get("Connection").lower() == "keep-alive"

    def test_an_upstream_that_closes_does_not_close_the_client(self, gateway, upstream):
        answers(upstream, "Connection: close")
        with gateway.client() as client:
            for _ in range(3):
                assert "close" not in (client.ask().get("Connection") or "")

    def test_connections_to_the_upstream_are_used_again(self, gateway, upstream):
        gateway.ask()
        before = upstream.accepted
        with gateway.client() as client:
            for _ in range(50):
                client.ask()
        assert upstream.accepted - before <= 1

    def test_errors_of_the_gateway_itself_keep_the_connection_where_they_can(self, gateway):
        with gateway.client() as client:
            assert client.ask("GET", "/locked").status == 401
            assert client.ask("GET", "/locked", body=b"body").status == 401
            assert client.ask("GET", "/").status == 200


class TestPipelining:
    def test_fifty_in_one_write_are_answered_in_order(self, gateway, upstream):
        upstream.script = lambda exchange: exchange.answer(200, exchange.request.target.encode())
        with gateway.client() as client:
            client.send(b"".join(request("GET", f"/{n}") for n in range(50)))
            assert [client.answer().body for _ in range(50)] == [b"/%d" % n for n in range(50)]

    def test_with_bodies_heads_and_errors_between(self, gateway, upstream):
        upstream.script = lambda exchange: exchange.answer(200, exchange.request.body + exchange.request.target.encode())
        with gateway.client() as client:
            client.send(request("POST", "/a", body=b"one") + request("GET", "/locked") + request("POST", "/b", body=b"two")
                        + request("GET", "/c", "Connection: close") + request("GET", "/never"))
            assert client.answer().body == b"one/a"
            assert client.answer().status == 401
            assert client.answer().body == b"two/b"
            assert client.answer().body == b"/c"
            assert client.ended()
        assert "/never" not in upstream.targets()

    def test_the_next_waits_for_the_one_before(self, gateway, upstream):
        go = threading.Event()

        def script(exchange):
            if exchange.request.target == "/slow":
                assert go.wait(10)
            exchange.answer(200, exchange.request.target.encode())
        upstream.script = script
        with gateway.client() as client:
            client.send(request("GET", "/slow") + request("GET", "/fast"))
            upstream.wait(1)
            go.set()
            assert client.answer().body == b"/slow" and client.answer().body == b"/fast"

    def test_bytes_after_a_refused_request_are_not_requests(self, gateway, upstream):
        with gateway.client() as client:
            client.send(b"GET /x HTTP/1.1\r\n\r\n" + request("GET", "/after"))
            assert client.answer().status == 400
            assert client.ended()
        assert upstream.untouched()


class TestExpect:
    def test_continue_comes_before_the_body_is_sent(self, gateway, upstream):
        with gateway.client() as client:
            client.send(head("POST /x HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 5"))
            assert client.answer_head().status == 100
            assert client.send(b"hello").answer().status == 200
        assert upstream.wait().body == b"hello"

    @pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
    def test_a_refusal_comes_in_its_place(self, gateway, upstream, framing):
        with gateway.client() as client:
            client.send(head("POST /locked HTTP/1.1", "Host: h", "Expect: 100-continue", framing))
            answer = client.answer()
            assert answer.status == 401 and not answer.interim
        assert upstream.untouched()

    def test_a_body_that_is_too_large_is_refused_in_its_place(self, gateway, upstream):
        with gateway.client() as client:
            client.send(head("POST /v1/chat/completions HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 100000"))
            answer = client.answer()
            assert answer.status == 413 and not answer.interim
        assert upstream.untouched()

    def test_an_unknown_expectation_is_417(self, gateway, upstream):
        with gateway.client() as client:
            assert client.ask("GET", "/", "Expect: tea").status == 417
        assert upstream.untouched()


class TestTooLarge:
    @pytest.mark.parametrize("framing", ["length", "chunked"])
    def test_a_client_that_sends_10_mb_reads_its_413(self, gateway, framing):
        size = 10 << 20
        with gateway.client() as client:
            target = "POST /v1/chat/completions HTTP/1.1"
            try:
                if framing == "length":
                    client.send(head(target, "Host: h", f"Content-Length: {size}"), b"a" * size)
                else:
                    client.send(head(target, "Host: h", "Transfer-Encoding: chunked"), b"%x\r\n" % size, b"a" * size, b"\r\n0\r\n\r\n")
            except ConnectionError as error:
                pytest.fail(f"cut while sending: {error}")
            answer = client.answer()
            assert answer.status == 413
            assert (answer.get("Connection") or "").lower() == "close" and client.ended()

    def test_a_body_of_the_limit_passes(self, gateway, upstream):
        assert gateway.ask("POST", "/v1/chat/completions", body=b'{"a":"' + b"a" * 65528 + b'"}').status == 200
        assert len(upstream.requests[0].body) == 65536

    def test_an_answer_comes_to_a_client_that_has_not_read_it_yet(self, gateway, upstream):
        """A client that writes first and reads later still gets all of a large answer."""
        answers(upstream, body=b"b" * 3000000)
        with gateway.client() as client:
            client.send(request("POST", "/x", body=b"a" * 60000))
            upstream.wait()
            assert len(client.answer().body) == 3000000


class TestClientLeaves:
    def test_a_body_that_its_client_cut_is_cut_for_the_upstream(self, gateway, upstream):
        client = gateway.client()
        client.send(head("POST /x HTTP/1.1", "Host: h", "Content-Length: 100"), b"a" * 50)
        wait_until(lambda: upstream.heads)
        client.close()
        wait_until(lambda: upstream.broken)
        assert not upstream.requests

    @pytest.mark.parametrize("way", ["close", "reset"])
    def test_the_upstream_is_freed_before_it_answers(self, gateway, upstream, way):
        left = threading.Event()

        def script(exchange):
            if exchange.stall():
                left.set()
        upstream.script = script
        client = gateway.client()
        client.send(request("GET", "/x"))
        upstream.wait()
        getattr(client, way)()
        assert left.wait(2)

    def test_the_upstream_is_freed_in_a_stream(self, gateway, upstream):
        left = threading.Event()

        def script(exchange):
            exchange.stream()
            exchange.chunk(b"one")
            if exchange.stall():
                left.set()
        upstream.script = script
        with gateway.client() as client:
            client.send(request("GET", "/x")).answer_head()
            assert client.chunk() == b"one"
        assert left.wait(2)

    def test_an_answer_cut_by_the_upstream_is_cut_for_the_client(self, gateway, upstream):
        def script(exchange):
            exchange.stream()
            exchange.chunk(b"one")
            exchange.fin()
        upstream.script = script
        with gateway.client() as client, pytest.raises(Broken):
            client.send(request("GET", "/x")).answer()


def test_a_gateway_of_one_worker_pipelines_too(gateways, upstream):
    gateway = gateways("workers: 1\n" + to_webui(upstream))
    with gateway.client() as client:
        client.send(b"".join(request("GET", f"/{n}") for n in range(20)))
        assert [client.answer().status for _ in range(20)] == [200] * 20
