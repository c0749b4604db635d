"""The harness itself: a client and an upstream face to face, and that what must be seen is seen."""


import pytest


from harness import Broken, Client, Malformed, Upstream, WebSocket, volley
from harness import http1
from harness.client import request
from harness.upstream import Tokens, websocket_echo

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("text", [CHUNKED, LENGTH])
@pytest.mark.parametrize("way", ["fin", "rst"])
def test_every_break_is_seen(text, way):
    def script(exchange):
        exchange.send(text[:int(exchange.request.target[1:])])
        getattr(exchange, way)()
    with Upstream(script) as upstream:
        outcomes = volley(upstream.address, [[request("GET", f"/{at}")] for at in range(len(text) + 1)])
    assert [o.statuses for o in outcomes[:-1]] == [[]] * len(text)
    assert outcomes[-1].statuses == [200]


@pytest.mark.parametrize("text", [
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokok\r\n0\r\n\r\n",
])
def test_bytes_that_are_no_answer_are_seen(text):
    with Upstream(text) as upstream, Client(upstream.address) as client, pytest.raises(Malformed):
        client.ask()


def test_a_cut_request_arrives_cut(tmp_path):
    """Over a unix socket the second piece comes only after the first was read."""
    reads = []
    path = str(tmp_path / "u")
    with Upstream(path=path) as upstream:
        real = http1.Source.fill

        def fill(self):
            before = len(self.buffer)
            more = real(self)
            reads.append(bytes(self.buffer[before:]))
            return more
        http1.Source.fill = fill
        try:
            sent = request("GET", "/cut")
            outcome, = volley(path, [[sent[:7], sent[7:12], sent[12:]]], answers=1)
        finally:
            http1.Source.fill = real
        assert outcome.statuses == [200] and upstream.targets() == ["/cut"]
    for piece in (sent[:7], sent[7:12], sent[12:]):
        assert piece in reads


def test_requests_are_kept_as_they_came():
    with Upstream() as upstream, Client(upstream.address) as client:
        assert client.ask("POST", "/a?b", "X-Y: z", body=b"body").body == b"upstream"
        client.send(b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        client.answer()
        assert [(r.target, r.body) for r in upstream.requests] == [("/a?b", b"body"), ("/c", b"ab")]
        assert upstream.requests[0].get("x-y") == "z" and not upstream.malformed and upstream.accepted == 1


def test_what_is_no_request_is_kept_too():
    with Upstream() as upstream:
        volley(upstream.address, [[b"GET / HTTP/1.1\nHost: h\n\n"], [b"\x16\x03\x01\r\n\r\n"]])
        assert len(upstream.malformed) == 2 and not upstream.untouched() and not upstream.requests


def test_a_websocket_echoes():
    with Upstream(websocket_echo) as upstream, WebSocket(upstream.address) as socket:
        for text in ("a", "", "b" * 126, "c" * 70000):
            assert socket.echo(text) == text
        assert socket.close()[0] == "close"


def test_tokens_come_one_by_one():
    tokens = Tokens()
    with Upstream(tokens) as upstream, Client(upstream.address) as client:
        client.send(request()).answer_head()
        for number in range(5):
            tokens.let()
            assert client.chunk() == Tokens.event(number)
        client.sock.settimeout(0.1)
        with pytest.raises((Broken, OSError)):
            client.chunk()
