"""The HTTP/2 side of the harness itself: HPACK by the examples of RFC 7541, and a client that lets nothing slip."""

import contextlib
import random
import socket

import pytest

from harness import Broken, Malformed, hpack
from harness.h2 import (CONTINUATION, H2, HEADERS, INITIAL_WINDOW_SIZE, PUSH_PROMISE, WINDOW_UPDATE, continuation, data, frame, goaway, headers,
                        ping, push_promise, reset, settings, window)

# RFC 7541, C.3 to C.6: a table's limit, blocks that follow each other, and what they say.
REQUESTS = [
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"), ("cache-control", "no-cache")],
    [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"), ("custom-key", "custom-value")]]
ANSWERS = [
    [(":status", status), ("cache-control", "private"), ("date", f"Mon, 21 Oct 2013 20:13:{second} GMT"), ("location", "https://www.example.com"), *more]
    for status, second, more in (("302", "21", []), ("307", "21", []), ("200", "22", [
        ("content-encoding", "gzip"), ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")]))]
EXAMPLES = {
    "C.3": (4096, REQUESTS, ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
                             "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"]),
    "C.4": (4096, REQUESTS, ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"]),
    "C.5": (256, ANSWERS, [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49"
        "553b206d61782d6167653d333630303b2076657273696f6e3d31"]),
    "C.6": (256, ANSWERS, [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed"
        "4ee5b1063d5007"]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_hpack_by_the_examples(name):
    limit, lists, blocks = EXAMPLES[name]
    decoder = hpack.Decoder(limit)
    for expected, block in zip(lists, blocks):
        assert decoder.decode(bytes.fromhex(block)) == [tuple(f) for f in expected]
        assert decoder.used <= limit


def test_hpack_single_fields_by_the_examples():
    assert hpack.integer(10, 5) == b"\x0a" and hpack.integer(1337, 5) == b"\x1f\x9a\x0a" and hpack.integer(42, 8) == b"\x2a"
    for block, made in (("400a637573746f6d2d6b65790d637573746f6d2d686561646572", hpack.keep("custom-key", "custom-header")),
                        ("040c2f73616d706c652f70617468", hpack.literal(4, "/sample/path")),
                        ("100870617373776f726406736563726574", hpack.never("password", "secret")), ("82", hpack.indexed(2))):
        assert made.hex() == block
        assert len(hpack.Decoder().decode(made)) == 1
    assert hpack.huffman("www.example.com").hex() == "f1e3c2e5f23a6ba0ab90f4ff" and hpack.huffman("no-cache").hex() == "a8eb10649cbf"


def test_huffman_of_every_byte_comes_back():
    source = random.Random(1)
    for size in range(300):
        text = source.randbytes(size)
        assert hpack.unhuffman(hpack.huffman(text)) == text
    assert hpack.unhuffman(hpack.huffman(bytes(range(256)))) == bytes(range(256))


@pytest.mark.parametrize("block", ["80", "be", "ff80", "0005616263", "00016185", "400161", "3fe21f", "8220", "00016181" + "ff" * 1, "000161820fff", "000161841fffffff"])
def test_what_is_not_hpack_is_seen(block):
    with pytest.raises(hpack.Wrong):
        hpack.Decoder().decode(bytes.fromhex(block))


# --- the client ---------------------------------------------------------------------------------

OK = headers(1, [(":status", "200")], end=False)


@pytest.fixture
def pair():
    """A client with one request, and the other end of its connection."""
    near, far = socket.socketpair()
    with H2(sock=near) as peer, contextlib.closing(far):
        far.sendall(settings())
        yield peer, far, peer.open("/x")


def test_an_answer_is_read(pair):
    peer, far, stream = pair
    far.sendall(headers(1, [(":status", "103"), ("link", "a")], end=False) + OK + data(1, b"hel", pad=7) + ping(b"12345678") + data(1, b"lo", end=True))
    answer = stream.answer()
    assert (answer.status, answer.body, [i.status for i in answer.interim]) == (200, b"hello", [103])
    far.setblocking(True)
    sent = far.recv(65536)
    assert frame(6, 1, 0, b"12345678") in sent and settings(ack=True) in sent


@pytest.mark.parametrize("frames, word", [
    (OK + data(1, b"half") + reset(1, "INTERNAL_ERROR"), "200 broken INTERNAL_ERROR"), (reset(1, "REFUSED_STREAM"), "reset REFUSED_STREAM"),
    (OK + data(1, b"half") + reset(1, "NO_ERROR"), "200 broken NO_ERROR"), (OK + data(1, b"half"), "200 open"), (b"", "nothing"), (OK[:-1], "nothing")])
def test_every_break_is_seen(pair, frames, word):
    peer, far, stream = pair
    far.sendall(frames)
    far.close()
    with pytest.raises(Broken):
        stream.answer()
    assert stream.word == word


@pytest.mark.parametrize("frames", [
    headers(1, [("a", "b")]), headers(1, [("a", "b"), (":status", "200")]), headers(1, [(":status", "20")]), headers(1, [(":status", "101")], end=False),
    headers(1, [(":status", "200"), ("Upper", "x")]), headers(1, [(":status", "200"), ("connection", "close")]), headers(1, [(":status", "103")]),
    headers(1, [(":status", "200"), ("x", "a\nb")]), headers(1, [(":status", "200"), ("x", " a")]), headers(3, [(":status", "200")]), data(1, b"x"),
    OK + data(1, b"a" * 16384) * 4, OK + data(1, b"x" * 16385), headers(1, [(":status", "200"), ("content-length", "3")], end=False) + data(1, b"hi", end=True),
    OK + data(1, b"x", end=True) + data(1, b"y"), OK + headers(1, [("a", "b")], end=False), push_promise(1, 2, [(":path", "/")]), window(0, 0), window(0, (1 << 31) - 1),
    frame(WINDOW_UPDATE, 0, 0, b"abc"), settings((INITIAL_WINDOW_SIZE, 1 << 31)), settings((5, 1)), frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2"), continuation(1, [("a", "b")]),
    frame(HEADERS, 0, 1, b"\x88") + ping(), frame(HEADERS, 4, 1, b"\x80"), frame(CONTINUATION, 4, 1, b""), goaway(1) + goaway(3), frame(7, 0, 0, b"abc"), frame(6, 0, 0, b"abc")])
def test_what_no_server_may_send_is_seen(pair, frames):
    peer, far, _ = pair
    peer.credit = False
    far.sendall(frames)
    with pytest.raises(Malformed):
        peer.pump(lambda: False, within=1)


def test_uploads_keep_to_the_windows(pair):
    peer, far, _ = pair
    stream = peer.open("/up", method="POST", end=False)
    stream.send(b"a" * 200000, end=True)
    assert stream.sent == 65535
    far.sendall(window(stream.number, 1000) + window(0, 10))
    peer.pump(lambda: stream.sent == 65545)
    far.sendall(window(0, 500000) + window(stream.number, 500000))
    far.settimeout(5)

    def drained():
        with contextlib.suppress(BlockingIOError):
            far.recv(1 << 20, socket.MSG_DONTWAIT)
        return stream.sent == 200000 and not peer.out
    peer.pump(drained)
