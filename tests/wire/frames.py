"""HTTP/2 cases as a table: name, the words that are right, the bytes after the preface, and more for harness.h2_case.

HEADS must be refused by their head: nothing may reach an upstream. BODIES have a good head and a body or trailers that
are wrong: an upstream may see their beginning, but never a whole request. WRONG are frames that no peer may send, GOOD
what must be taken although it looks odd.

A word is `STATUS` or `reset CODE` for a stream, `goaway CODE` for the connection, `open` when nothing happened. After a
word that is not about the connection, the next request on it must be answered: one bad stream harms no other.
"""

import re

import malformed
from harness import hpack
from harness.h2 import (ACK, DATA, ENABLE_PUSH, END_HEADERS, GOAWAY, HEADER_TABLE_SIZE, HEADERS,
                        INITIAL_WINDOW_SIZE, LARGEST_WINDOW, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE, PADDED,
                        PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, WITH_PRIORITY, ask,
                        continuation, data, frame, goaway, headers, in_pieces, ping, priority, push_promise, reset, settings,
                        window)

# RFC 9113 8.1.1: a stream error, before which there may be an answer.
MALFORMED = ("400", "reset PROTOCOL_ERROR")
NOT_ALLOWED = ("405",)
REFUSED_METHOD = MALFORMED + ("405", "501")
TOO_LARGE = ("413",)
HEAD_TOO_LARGE = ("431", "reset PROTOCOL_ERROR", "reset ENHANCE_YOUR_CALM", "goaway ENHANCE_YOUR_CALM")
EXPECTATION = ("417",)
FINE = ("200",)

HEADS, BODIES, WRONG, GOOD = [], [], [], []


def connection(*codes):
    return tuple(f"goaway {code}" for code in codes)


def stream(*codes):
    """A stream error may be taken for one of the connection (5.4.1)."""
    return tuple(f"reset {code}" for code in codes) + connection(*codes)


def head(name, fields, right=MALFORMED, **more):
    HEADS.append((name, right, headers(1, fields), more))


def field(name, *fields, right=MALFORMED):
    head(name, ask("/x", *fields), right)


def path(name, text, right=MALFORMED):
    head("path: " + name, ask(text), right)


def body(name, fields, *frames, right=MALFORMED, whole=()):
    """`whole`: bodies that an upstream may have seen to their end before it could be known that they are wrong."""
    BODIES.append((name, right, headers(1, fields, end=False) + b"".join(frames), {"whole": whole}))


def post(*fields, path="/x"):
    return ask(path, *fields, method="POST")


def wrong(name, right, *frames, awaits=(), **more):
    WRONG.append((name, right, b"".join(frames), {"awaits": awaits, **more}))


def good(name, *frames, right=FINE, awaits=(1,), **more):
    GOOD.append((name, right, b"".join(frames), {"awaits": awaits, **more}))


def char(code):
    return f"0x{code:02x}" if code < 0x21 or code > 0x7e else chr(code)


# --- pseudo-headers -------------------------------------------------------------------------

for _name in ("method", "scheme", "path", "authority"):
    head(f"no :{_name}", [f for f in ask("/x") if f[0] != ":" + _name])
    head(f"two :{_name}", [f for f in ask("/x") for _ in range(1 + (f[0] == ":" + _name))])
    head(f"two :{_name} that differ", ask("/x") + [(":" + _name, {"method": "POST", "scheme": "https", "path": "/y"}.get(_name, "o"))])
    head(f":{_name} after a field", [f for f in ask("/x") if f[0] != ":" + _name] + [("a", "b")]
         + [f for f in ask("/x") if f[0] == ":" + _name])
    head(f"empty :{_name}", [(n, "" if n == ":" + _name else v) for n, v in ask("/x")])
    head(f":{_name} in upper case", [(n.upper() if n == ":" + _name else n, v) for n, v in ask("/x")])
    head(f":{_name} in mixed case", [(":" + n[1:].title() if n == ":" + _name else n, v) for n, v in ask("/x")])
    head(f":{_name} with a space before its value", [(n, " " + v if n == ":" + _name else v) for n, v in ask("/x")])
    head(f":{_name} with CR LF", [(n, v + "\r\nX: y" if n == ":" + _name else v) for n, v in ask("/x")])
    head(f":{_name} with NUL", [(n, v + "\0" if n == ":" + _name else v) for n, v in ask("/x")])
head("no pseudo-header", [("host", "h"), ("a", "b")])
head("no field at all", [])
for _name in (":status", ":foo", ":", ":protocol", ":host", "::path", ":path ", ":x-y", ":cookie"):
    head(f"unknown pseudo-header {_name!r}", [(_name, "200")] + ask("/x"))
    head(f"unknown pseudo-header {_name!r}, last", ask("/x") + [(_name, "200")])
head("a field first", [("a", "b")] + ask("/x"))
head("a request line for a method", ask("/x", method="GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\nGET"))
for _method in ("GE T", "GET ", " GET", "G\tT", "GET\r", "G\nT", "G\0T", "GET:", "G(T)", "\"GET\"", "GËT", "GET/x"):
    head(f"method {_method!r}", ask("/x", method=_method), REFUSED_METHOD)
head("method without end", ask("/x", method="G" * 300), REFUSED_METHOD)
head("method is the preface's", ask("/x", method="PRI"), REFUSED_METHOD)

for _scheme in ("ftp", "file", "javascript", "ht tp", "http:", "http://", "1http", "-", "h\0", "http\r\nX: y", "ht_tp", "hüttp", "://"):
    head(f"scheme {_scheme!r}", ask("/x", scheme=_scheme), MALFORMED + ("421",))
head("another scheme, and a path that is none", ask("x", scheme="ftp"))
head("another scheme, and a URL for a path", ask("http://127.0.0.1/x", scheme="foo"))

# --- authority ------------------------------------------------------------------------------

for _name, _right, _bytes in malformed.HEADS:
    _lines = _bytes.split(b"\r\n")
    if _name.startswith("host: ") and _bytes.startswith(b"GET /x") and len(_lines) == 4 and _lines[1].startswith(b"Host: "):
        _value = _lines[1][6:].decode("latin-1")
        head(f":authority: {_name[6:]}", ask("/x", authority=_value))
        head(f"host and no :authority: {_name[6:]}", ask("/x", ("host", _value), authority=None))
field("host that differs from :authority", ("host", "other"))
field("host that differs in the port", ("host", "gate.example:81"))
field("empty host beside :authority", ("host", ""))
field("two hosts, the same", ("host", "gate.example"), ("host", "gate.example"))
field("two hosts, one differs", ("host", "gate.example"), ("host", "other"))
head("two hosts and no :authority", ask("/x", ("host", "h"), ("host", "h"), authority=None))
head("two hosts that differ and no :authority", ask("/x", ("host", "h"), ("host", "i"), authority=None))
field("host with a list", ("host", "gate.example, other"))

# --- paths: what HTTP/1 refuses in a target -------------------------------------------------

for _name, _right, _bytes in malformed.HEADS:
    if _name.startswith("target: ") and len(_bytes) < 5000:
        path(_name[8:], re.fullmatch(rb"GET (.*) HTTP/1\.1\r\nHost: h\r\n\r\n", _bytes, re.S)[1].decode("latin-1"))
path("a URL", "http://gate.example/x")
path("a URL of another", "https://other/x")
path("an authority", "gate.example:80")
path("LF", "/x\ny")
path("a request line's end", "/x HTTP/1.1\r\nHost: h\r\n\r\n")
path("asterisk for POST", "*")
head("OPTIONS of an empty path", ask("", method="OPTIONS"))
head("OPTIONS of two asterisks", ask("**", method="OPTIONS"))

# --- names and values -----------------------------------------------------------------------

for _code in (*range(0x00, 0x21), *b"\"(),/:;<=>?@[\\]{}", *b"ANZ", 0x7f, 0x80, 0xc3, 0xff):
    field(f"name with {char(_code)}", (b"x" + bytes([_code]) + b"y", "z"))
field("empty name", ("", "z"))
field("name in upper case", ("X-UPPER", "z"))
field("name in mixed case", ("Accept", "z"))
field("name of a framing field in upper case", ("Content-Length", "0"))
field("name that is a line", ("x: y\r\nx-forwarded-for", "1.2.3.4"))
field("name that ends in a space", ("content-length ", "5"))
field("name that begins with a space", (" host", "other"))
for _code in (*range(0x00, 0x09), *range(0x0a, 0x20), 0x7f):
    field(f"value with {char(_code)}", ("x-y", b"a" + bytes([_code]) + b"b"))
for _what, _value in (("a space first", " a"), ("a tab first", "\ta"), ("a space last", "a "), ("a tab last", "a\t"), ("a space alone", " "),
                      ("CR LF and a field", "a\r\nX-Injected: y"), ("LF and a field", "a\nX-Injected: y"),
                      ("CR LF CR LF and a request", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"), ("NUL last", "a\0")):
    field(f"value: {_what}", ("x-y", _value))
    field(f"value of a cookie: {_what}", ("cookie", _value))
for _name, _value in (("connection", "close"), ("connection", "keep-alive"), ("connection", "x-y"), ("connection", ""), ("keep-alive", "5"),
                      ("proxy-connection", "keep-alive"), ("transfer-encoding", "chunked"), ("transfer-encoding", ""),
                      ("transfer-encoding", "identity"), ("upgrade", "websocket"), ("upgrade", "h2c"), ("te", "gzip"), ("te", ""),
                      ("te", "chunked"), ("te", "trailers, gzip"), ("te", "trailers, deflate;q=0.5")):
    field(f"{_name}: {_value}", (_name, _value))
field("connection names its upgrade", ("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"),
      ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
field("te twice", ("te", "trailers"), ("te", "gzip"))
field("101 fields", *((f"x-{i}", "y") for i in range(101)), right=HEAD_TOO_LARGE)
field("1000 fields", *((f"x-{i}", "y") for i in range(1000)), right=HEAD_TOO_LARGE)
# libnghttp2 decodes no string of more than 64 KiB.
HEADS.append(("value longer than a head", HEAD_TOO_LARGE + connection("COMPRESSION_ERROR"), in_pieces(1, ask("/x", ("x-y", "a" * 70000)), 16384), {}))
HEADS.append(("name longer than a head", HEAD_TOO_LARGE + connection("COMPRESSION_ERROR"), in_pieces(1, ask("/x", ("x" * 70000, "y")), 16384), {}))
HEADS.append(("path longer than a head", HEAD_TOO_LARGE + ("414",) + connection("COMPRESSION_ERROR"), in_pieces(1, ask("/" + "a" * 70000), 16384), {}))
HEADS.append(("fields longer than a head", HEAD_TOO_LARGE, in_pieces(1, ask("/x", *((f"x-{i}", "y" * 1000) for i in range(80))), 16384), {}))
# A few bytes that stand for far more: every reference to the table is 4 KiB.
HEADS.append(("small, but large once it is decoded", HEAD_TOO_LARGE,
              headers(1, [*ask("/x"), hpack.keep("x-y", "a" * 4000), hpack.indexed(62) * 90]), {}))
for _value in ("200-ok", "100-continue, x", "", "x"):
    field(f"expect: {_value}", ("expect", _value), right=EXPECTATION)

# --- methods --------------------------------------------------------------------------------

head("CONNECT", [(":method", "CONNECT"), (":authority", "h:443")], ("405", "501"))
head("CONNECT to the model server", [(":method", "CONNECT"), (":authority", "127.0.0.1:1234")], ("405", "501"))
head("CONNECT with a path", ask("/x", method="CONNECT"), REFUSED_METHOD)
head("CONNECT without an authority", [(":method", "CONNECT")], REFUSED_METHOD)
head("CONNECT to a WebSocket", [*ask("/ws", method="CONNECT"), (":protocol", "websocket"), ("sec-websocket-version", "13")], REFUSED_METHOD)
head("CONNECT to a WebSocket, protocol first", [(":protocol", "websocket"), *ask("/ws", method="CONNECT")], REFUSED_METHOD)
head("CONNECT-UDP", [*ask("/.well-known/masque/udp/h/53/", method="CONNECT"), (":protocol", "connect-udp")], REFUSED_METHOD)
head("a protocol without CONNECT", [*ask("/ws"), (":protocol", "websocket")])
head("TRACE", ask("/x", method="TRACE"), NOT_ALLOWED)
head("TRACE of everything", ask("*", method="TRACE"), REFUSED_METHOD)
HEADS.append(("CONNECT, and bytes for its tunnel", ("405", "501"),
              headers(1, [(":method", "CONNECT"), (":authority", "h:80")], end=False) + data(1, malformed.SMUGGLED), {}))

# --- Content-Length against DATA ------------------------------------------------------------

for _value in ("+5", "-5", "-0", "5 5", "5,5", "5, 5", "5, 6", ",5", "5,", "", "a", "5a", "0x5", "5.0", "5e0", "\"5\"", "5_0", "\xb2", "NaN",
               "9223372036854775808", "18446744073709551616", "18446744073709551621", "9" * 100):
    HEADS.append((f"content-length: {_value[:25]}", MALFORMED + TOO_LARGE if _value.startswith("99") else MALFORMED,
                  headers(1, post(("content-length", _value)), end=False) + data(1, b"hello", end=True), {}))
for _a, _b in (("5", "5"), ("5", "6"), ("5", "0"), ("0", "5"), ("5", "")):
    HEADS.append((f"content-length twice: {_a} and {_b}", MALFORMED,
                  headers(1, post(("content-length", _a), ("content-length", _b)), end=False) + data(1, b"hello", end=True), {}))
HEADS.append(("content-length and END_STREAM", MALFORMED, headers(1, post(("content-length", "5")), end=True), {}))
HEADS.append(("content-length of a GET and END_STREAM", MALFORMED, headers(1, ask("/x", ("content-length", "5")), end=True), {}))
HEADS.append(("content-length over the limit", TOO_LARGE, headers(1, post(("content-length", "65537"), path="/v1/completions"), end=False), {}))
HEADS.append(("content-length far over the limit", TOO_LARGE + ("400",),
              headers(1, post(("content-length", "9223372036854775807"), path="/v1/completions"), end=False), {}))
body("fewer bytes than its length", post(("content-length", "5")), data(1, b"hell", end=True))
body("no bytes, but a length", post(("content-length", "5")), data(1, b"", end=True))
body("more bytes than its length", post(("content-length", "5")), data(1, b"hello!", end=True), whole=(b"hello",))
body("more bytes than its length, in two frames", post(("content-length", "5")), data(1, b"hello"), data(1, b"!", end=True), whole=(b"hello",))
body("more bytes than its length, without an end", post(("content-length", "5")), data(1, b"hello" + malformed.SMUGGLED),
     whole=(b"hello",))
body("bytes after a length of 0", post(("content-length", "0")), data(1, b"x", end=True), whole=(b"",))
body("padding does not count", post(("content-length", "5")), data(1, b"hel", end=True, pad=1))
body("fewer bytes than its length before trailers", post(("content-length", "5")), data(1, b"hell"), headers(1, [("x-y", "z")]))
body("trailers alone in place of a body", post(("content-length", "5")), headers(1, [("x-y", "z")]))

# --- trailers -------------------------------------------------------------------------------

for _name in (":method", ":path", ":status", ":authority", ":foo"):
    body(f"trailers with {_name}", post(), data(1, b"hello"), headers(1, [(_name, "x")]))
body("trailers without END_STREAM", post(), data(1, b"hello"), headers(1, [("x-y", "z")], end=False), right=stream("PROTOCOL_ERROR"))
body("trailers with a name in upper case", post(), data(1, b"hello"), headers(1, [("X-Y", "z")]))
body("trailers with CR LF", post(), data(1, b"hello"), headers(1, [("x-y", "z\r\nX: y")]))
body("trailers with NUL", post(), data(1, b"hello"), headers(1, [("x-y", "\0")]))
body("trailers with connection", post(), data(1, b"hello"), headers(1, [("connection", "close")]))
body("trailers with transfer-encoding", post(), data(1, b"hello"), headers(1, [("transfer-encoding", "chunked")]))
body("trailers without a name", post(), data(1, b"hello"), headers(1, [("", "z")]))
body("given up by its client", post(("content-length", "5")), data(1, b"hel"), reset(1), right=("open",))
body("given up by its client without a length", post(), data(1, b"hel"), reset(1), right=("open",))

# --- frames on streams where they may not be ------------------------------------------------

X = headers(1, ask("/x"))
HELD = headers(1, ask("/held"))                         # the upstream does not answer
UPLOAD = headers(1, post(path="/held"), end=False)

wrong("DATA on stream 0", connection("PROTOCOL_ERROR"), data(0, b"x"))
wrong("HEADERS on stream 0", connection("PROTOCOL_ERROR"), headers(0, ask("/x")))
wrong("PRIORITY on stream 0", connection("PROTOCOL_ERROR"), priority(0, 1))
wrong("RST_STREAM on stream 0", connection("PROTOCOL_ERROR"), reset(0))
wrong("CONTINUATION on stream 0", connection("PROTOCOL_ERROR"), continuation(0, ask("/x")))
wrong("PUSH_PROMISE", connection("PROTOCOL_ERROR"), HELD, push_promise(1, 2, ask("/x")))
wrong("PUSH_PROMISE on stream 0", connection("PROTOCOL_ERROR"), push_promise(0, 2, ask("/x")))
wrong("PUSH_PROMISE on an idle stream", connection("PROTOCOL_ERROR"), push_promise(3, 2, ask("/x")))
wrong("SETTINGS on a stream", connection("PROTOCOL_ERROR"), frame(SETTINGS, 0, 1))
wrong("SETTINGS ACK on a stream", connection("PROTOCOL_ERROR"), frame(SETTINGS, ACK, 1))
wrong("PING on a stream", connection("PROTOCOL_ERROR"), frame(PING, 0, 1, b"\0" * 8))
wrong("GOAWAY on a stream", connection("PROTOCOL_ERROR"), frame(GOAWAY, 0, 1, b"\0" * 8))
for _number in (2, 4, 1000):
    wrong(f"HEADERS on stream {_number}", connection("PROTOCOL_ERROR"), headers(_number, ask("/x")))
    wrong(f"DATA on stream {_number}", connection("PROTOCOL_ERROR"), data(_number, b"x"))
# libnghttp2 takes a number that was passed over for a stream that is over, and drops what comes for it.
wrong("a stream below the last one", ("open",) + stream("PROTOCOL_ERROR", "STREAM_CLOSED"), headers(5, ask("/held")), headers(3, ask("/x")))
wrong("DATA on an idle stream", connection("PROTOCOL_ERROR"), data(1, b"x"))
wrong("WINDOW_UPDATE on an idle stream", connection("PROTOCOL_ERROR"), window(1, 1))
wrong("RST_STREAM on an idle stream", connection("PROTOCOL_ERROR"), reset(1))
wrong("CONTINUATION on an idle stream", connection("PROTOCOL_ERROR"), continuation(1, ask("/x")))
wrong("DATA after END_STREAM", stream("STREAM_CLOSED"), HELD, data(1, b"x"), awaits=(1,))
wrong("DATA after the body's END_STREAM", stream("STREAM_CLOSED"), UPLOAD, data(1, b"x", end=True), data(1, b"y"), awaits=(1,))
wrong("empty DATA after END_STREAM", stream("STREAM_CLOSED"), HELD, data(1, b"", end=True), awaits=(1,))
wrong("HEADERS after END_STREAM", stream("STREAM_CLOSED", "PROTOCOL_ERROR"), HELD, headers(1, [("x-y", "z")]), awaits=(1,))
wrong("a second request on a stream", stream("STREAM_CLOSED", "PROTOCOL_ERROR"), HELD, headers(1, ask("/x")), awaits=(1,))
wrong("CONTINUATION after END_STREAM", connection("PROTOCOL_ERROR", "STREAM_CLOSED"), HELD, continuation(1, [("x-y", "z")]))
# libnghttp2 forgets closed streams and drops what comes for them, where 5.1 speaks of an error.
wrong("DATA after RST_STREAM", ("open",) + stream("STREAM_CLOSED"), UPLOAD, reset(1), data(1, b"x"))
wrong("HEADERS after RST_STREAM", ("open",) + stream("STREAM_CLOSED", "PROTOCOL_ERROR"), UPLOAD, reset(1), headers(1, [("x-y", "z")]))
wrong("a second request after RST_STREAM", ("open",) + stream("STREAM_CLOSED", "PROTOCOL_ERROR"), HELD, reset(1), headers(1, ask("/x")))

# --- lengths --------------------------------------------------------------------------------

for _size in (0, 7, 9):
    wrong(f"PING of {_size} bytes", connection("FRAME_SIZE_ERROR"), ping(b"\0" * _size))
for _size in (1, 5, 7):
    wrong(f"SETTINGS of {_size} bytes", connection("FRAME_SIZE_ERROR"), frame(SETTINGS, 0, 0, b"\0" * _size))
wrong("SETTINGS ACK that says something", connection("FRAME_SIZE_ERROR"), frame(SETTINGS, ACK, 0, b"\0" * 6))
for _size in (0, 3, 5):
    wrong(f"WINDOW_UPDATE of {_size} bytes", connection("FRAME_SIZE_ERROR"), frame(WINDOW_UPDATE, 0, 0, b"\1" * _size))
    wrong(f"WINDOW_UPDATE of {_size} bytes on a stream", connection("FRAME_SIZE_ERROR"), HELD, frame(WINDOW_UPDATE, 0, 1, b"\1" * _size))
    wrong(f"RST_STREAM of {_size} bytes", connection("FRAME_SIZE_ERROR"), HELD, frame(RST_STREAM, 0, 1, b"\1" * _size))
for _size in (0, 4, 6):
    wrong(f"PRIORITY of {_size} bytes", stream("FRAME_SIZE_ERROR"), HELD, frame(PRIORITY, 0, 1, b"\0" * _size), awaits=(1,))
for _size in (0, 4, 7):
    wrong(f"GOAWAY of {_size} bytes", connection("FRAME_SIZE_ERROR"), frame(GOAWAY, 0, 0, b"\0" * _size))
wrong("HEADERS with half a priority", connection("FRAME_SIZE_ERROR", "PROTOCOL_ERROR"),
      frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, b"\0" * 4))
wrong("HEADERS without the length of its padding", connection("FRAME_SIZE_ERROR", "PROTOCOL_ERROR"), frame(HEADERS, END_HEADERS | PADDED, 1))
wrong("DATA without the length of its padding", connection("FRAME_SIZE_ERROR", "PROTOCOL_ERROR"), UPLOAD, frame(DATA, PADDED, 1))
for _pad, _size in ((1, 0), (6, 5), (5, 4), (255, 10)):
    wrong(f"DATA with {_pad} bytes of padding in {_size}", connection("PROTOCOL_ERROR"), UPLOAD, frame(DATA, PADDED, 1, bytes([_pad]) + b"x" * _size))
wrong("HEADERS with more padding than bytes", connection("PROTOCOL_ERROR"),
      frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + hpack.block(ask("/x"))))
wrong("HEADERS with padding over its priority", connection("PROTOCOL_ERROR", "FRAME_SIZE_ERROR"),
      frame(HEADERS, END_HEADERS | PADDED | WITH_PRIORITY, 1, b"\x05" + b"\0" * 7))
wrong("DATA over the size of a frame", stream("FRAME_SIZE_ERROR"), UPLOAD, data(1, b"x" * 16385), awaits=(1,))
wrong("HEADERS over the size of a frame", connection("FRAME_SIZE_ERROR"), headers(1, ask("/x", ("x-y", "z" * 16384))))
# libnghttp2 bounds CONTINUATION by the whole head, not by the frame.
wrong("CONTINUATION over the size of a frame", FINE + connection("FRAME_SIZE_ERROR"), headers(1, ask("/x"), flags=0),
      continuation(1, [("x-y", "z" * 16384)]), awaits=(1,), marks=False)
wrong("SETTINGS over the size of a frame", connection("FRAME_SIZE_ERROR"), settings(*[(99, 0)] * 2731))
wrong("GOAWAY over the size of a frame", connection("FRAME_SIZE_ERROR"), goaway(text=b"x" * 16384))
wrong("an unknown frame over the size of a frame", connection("FRAME_SIZE_ERROR"), frame(99, 0, 0, b"x" * 16385))
wrong("a frame that says it has 16 MB", connection("FRAME_SIZE_ERROR"), frame(99, 0, 0, b"", length=(1 << 24) - 1), marks=False)
wrong("DATA that says it has 16 MB", stream("FRAME_SIZE_ERROR"), UPLOAD, frame(DATA, 0, 1, b"", length=(1 << 24) - 1), marks=False,
      awaits=(1,))

# --- settings and windows -------------------------------------------------------------------

wrong("ENABLE_PUSH of 2", connection("PROTOCOL_ERROR"), settings((ENABLE_PUSH, 2)))
wrong("ENABLE_PUSH of 2**32 - 1", connection("PROTOCOL_ERROR"), settings((ENABLE_PUSH, (1 << 32) - 1)))
wrong("INITIAL_WINDOW_SIZE of 2**31", connection("FLOW_CONTROL_ERROR"), settings((INITIAL_WINDOW_SIZE, 1 << 31)))
wrong("INITIAL_WINDOW_SIZE of 2**32 - 1", connection("FLOW_CONTROL_ERROR"), settings((INITIAL_WINDOW_SIZE, (1 << 32) - 1)))
for _size in (0, 1, 16383, 1 << 24, (1 << 32) - 1):
    wrong(f"MAX_FRAME_SIZE of {_size}", connection("PROTOCOL_ERROR"), settings((MAX_FRAME_SIZE, _size)))
wrong("the last of many settings out of range", connection("PROTOCOL_ERROR"), settings(*[(99, 1)] * 10, (ENABLE_PUSH, 3)))
wrong("window of the connection over 2**31 - 1", connection("FLOW_CONTROL_ERROR"), window(0, LARGEST_WINDOW))
wrong("window of the connection over it in two steps", connection("FLOW_CONTROL_ERROR"), window(0, LARGEST_WINDOW - 65535), window(0, 1))
wrong("window of a stream over 2**31 - 1", stream("FLOW_CONTROL_ERROR"), HELD, window(1, LARGEST_WINDOW), awaits=(1,))
wrong("window of a stream over it by SETTINGS", stream("FLOW_CONTROL_ERROR"), HELD, window(1, LARGEST_WINDOW - 65535),
      settings((INITIAL_WINDOW_SIZE, 65536)), awaits=(1,))
wrong("window of the connection by 0", connection("PROTOCOL_ERROR"), window(0, 0))
wrong("window of the connection by 0 and the reserved bit", connection("PROTOCOL_ERROR"), window(0, 1 << 31))
wrong("window of a stream by 0", stream("PROTOCOL_ERROR"), HELD, window(1, 0), awaits=(1,))
wrong("a stream that depends on itself", FINE + stream("PROTOCOL_ERROR"), headers(1, ask("/x"), priority=(1, 15)), awaits=(1,))
wrong("PRIORITY that depends on itself", ("open",) + stream("PROTOCOL_ERROR"), HELD, priority(1, 1))

# --- heads in pieces ------------------------------------------------------------------------

START = headers(1, ask("/x"), flags=0)
for _what, _between in (("PING", ping()), ("SETTINGS", settings()), ("SETTINGS ACK", settings(ack=True)), ("WINDOW_UPDATE", window(0, 1)),
                        ("DATA", data(1, b"x")), ("PRIORITY", priority(3, 0)), ("RST_STREAM", reset(1)), ("GOAWAY", goaway()),
                        ("HEADERS of it", headers(1, ask("/y"))), ("HEADERS of another", headers(3, ask("/y"))),
                        ("CONTINUATION of another", continuation(3, [("a", "b")])), ("an unknown frame", frame(99, 0, 1, b"x")),
                        ("an unknown frame on stream 0", frame(99, 0, 0, b"x"))):
    wrong(f"{_what} inside of a head", connection("PROTOCOL_ERROR"), START, _between, continuation(1, [("a", "b")]), marks=False)
wrong("CONTINUATION after a whole head", connection("PROTOCOL_ERROR", "STREAM_CLOSED"), HELD, continuation(1, [("a", "b")]))
wrong("CONTINUATION after DATA", connection("PROTOCOL_ERROR"), UPLOAD, data(1, b"x"), continuation(1, [("a", "b")]))

# --- HPACK ----------------------------------------------------------------------------------

for _what, _block in (
        ("index 0", hpack.indexed(0)), ("an index that nobody has", hpack.indexed(62)), ("an index far out", hpack.indexed(5000)),
        ("a name's index that nobody has", hpack.literal(70, "x")), ("a number without end", b"\xff" + b"\x80" * 20 + b"\x01"),
        ("a number beyond 64 bits", b"\xff" + b"\xff" * 10 + b"\x7f"), ("half a number", b"\xff\x80"), ("half a name", b"\x00\x05abc"),
        ("half a value", b"\x00\x01a\x05bcd"), ("a name without a value", b"\x00\x01a"), ("a field's first byte alone", b"\x40"),
        ("a string of 2 GB", b"\x00\x01a\x7f\xff\xff\xff\xff\x07"),
        ("Huffman with 8 bits of padding", b"\x00\x01a\x82" + hpack.huffman("b")[:1] + b"\xff"),
        ("Huffman padded with zeros", b"\x00\x01a\x81" + bytes([hpack.huffman("a")[0] & 0xf8])),
        ("Huffman with the end of the string", b"\x00\x01a\x84\xff\xff\xff\xff"),
        ("a table resized after a field", hpack.literal("a", "b") + hpack.resize(0))):
    wrong("HPACK: " + _what, connection("COMPRESSION_ERROR"), headers(1, hpack.block(ask("/x")) + _block))
    if "after a field" not in _what:
        wrong("HPACK in trailers: " + _what, connection("COMPRESSION_ERROR"), UPLOAD, headers(1, _block))
    if "half" in _what:
        wrong(f"HPACK over two frames: {_what}", connection("COMPRESSION_ERROR"), START, continuation(1, _block))
for _size in (4097, 65536, 1 << 30):
    wrong(f"HPACK: a table of {_size}", connection("COMPRESSION_ERROR"), headers(1, hpack.resize(_size) + hpack.block(ask("/x"))))
wrong("HPACK: an index that was thrown out", connection("COMPRESSION_ERROR"),
      headers(1, [*ask("/held"), hpack.keep("x-a", "b")]), headers(3, [hpack.resize(0), hpack.resize(4096), *ask("/x"), hpack.indexed(62)]))
wrong("HPACK: wrong in a stream over the limit", connection("COMPRESSION_ERROR"),
      *(headers(1 + 2 * n, ask("/held")) for n in range(101)), headers(203, b"\x80"))

# --- the preface ----------------------------------------------------------------------------

for _what, _first in (("HEADERS", X), ("PING", ping()), ("WINDOW_UPDATE", window(0, 1)), ("SETTINGS ACK", settings(ack=True)),
                      ("DATA", data(1, b"x")), ("GOAWAY", goaway()), ("an unknown frame", frame(99, 0, 0, b"x")), ("a second preface", PREFACE)):
    wrong(f"{_what} in place of the first SETTINGS", connection("PROTOCOL_ERROR", "FRAME_SIZE_ERROR"), preface=PREFACE + _first, marks=False)
wrong("SETTINGS out of range first", connection("PROTOCOL_ERROR"), preface=PREFACE + settings((MAX_FRAME_SIZE, 1)))
wrong("a preface later", connection("PROTOCOL_ERROR", "FRAME_SIZE_ERROR"), HELD, PREFACE, marks=False)
wrong("HTTP/1 after the preface", connection("PROTOCOL_ERROR", "FRAME_SIZE_ERROR"), b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", marks=False)

# --- odd, but right -------------------------------------------------------------------------

good("a plain GET", X)
good("host that is the same", headers(1, ask("/x", ("host", "gate.example"))))
good("host alone", headers(1, ask("/x", ("host", "gate.example"), authority=None)))
good("pseudo-headers in another order", headers(1, ask("/x")[::-1]))
good("te: trailers", headers(1, ask("/x", ("te", "trailers"))))
good("a value of high bytes", headers(1, ask("/x", ("x-y", "\xe9\xff"))))
good("an empty value", headers(1, ask("/x", ("x-y", ""))))
good("a value with a tab inside", headers(1, ask("/x", ("x-y", "a\tb"))))
good("every byte of a token in a name", headers(1, ask("/x", ("!#$%&'*+.^_`|~0z-", "y"))))
good("99 fields", headers(1, ask("/x", *((f"x-{i}", "y") for i in range(90)))))
good("a head in three pieces", in_pieces(1, ask("/x"), 25))
good("an empty HEADERS, then all of it", headers(1, b"", flags=0), continuation(1, ask("/x")))
good("all of it, then an empty CONTINUATION", headers(1, ask("/x"), flags=0), continuation(1, b""))
good("a field cut in its middle", headers(1, hpack.block(ask("/x"))[:-3], flags=0), continuation(1, hpack.block(ask("/x"))[-3:]))
good("HEADERS with padding", headers(1, ask("/x"), pad=200))
good("HEADERS with priority", headers(1, ask("/x"), priority=(0, 255)))
good("HEADERS with an exclusive priority and padding", headers(1, ask("/x"), priority=(1 << 31 | 7, 1), pad=3))
good("DATA with padding", headers(1, post(), end=False), data(1, b"hel", pad=255), data(1, b"lo", pad=0), data(1, end=True, pad=9))
good("a body with its length", headers(1, post(("content-length", "5")), end=False), data(1, b"hel"), data(1, b"lo", end=True))
good("a length of 0 and END_STREAM", headers(1, post(("content-length", "0"))))
good("a length of 0 and an empty DATA", headers(1, post(("content-length", "0")), end=False), data(1, end=True))
good("no length, no body", headers(1, post()))
good("a body that ends in an empty DATA", headers(1, post(), end=False), data(1, b"hello"), data(1, end=True))
good("a body that ends in trailers", headers(1, post(("content-length", "5")), end=False), data(1, b"hello"), headers(1, [("x-y", "z")]))
good("a GET with a body", headers(1, ask("/x"), end=False), data(1, b"hello", end=True))
good("DATA of the largest frame", headers(1, post(), end=False), data(1, b"x" * 16384, end=True))
good("streams that leave numbers out", headers(5, ask("/x")), headers(99, ask("/x")), awaits=(5, 99), right=("200, 200",))
good("stream 2**31 - 1", headers(LARGEST_WINDOW, ask("/x")), awaits=(LARGEST_WINDOW,), follow=None)
good("the reserved bit of a stream's number", frame(HEADERS, END_HEADERS | 1, 1 << 31 | 1, hpack.block(ask("/x"))))
good("flags that nobody knows", frame(HEADERS, END_HEADERS | 1 | 0xd2, 1, hpack.block(ask("/x"))), frame(PING, 0xfe, 0, b"12345678"))
for _kind in (10, 12, 17, 99, 255):
    good(f"an unknown frame of kind {_kind}", frame(_kind, 0xff, 0, b"x" * 100), frame(_kind, 0xff, 1, b""), X, frame(_kind, 0, 1, b"y"))
good("PRIORITY_UPDATE", X, frame(16, 0, 0, b"\0\0\0\1u=1, i"))
good("an unknown frame of the largest size", frame(99, 0, 0, b"x" * 16384), X)
good("unknown settings", settings((0, 7), (99, 1), (0xffff, (1 << 32) - 1)), X)
good("settings many times over", settings(*[(INITIAL_WINDOW_SIZE, 70000), (MAX_FRAME_SIZE, 20000), (HEADER_TABLE_SIZE, 100)] * 8), X)
good("a table of 0", settings((HEADER_TABLE_SIZE, 0)), X)
good("a table of 4 GB", settings((HEADER_TABLE_SIZE, (1 << 32) - 1)), X)
good("no push", settings((ENABLE_PUSH, 0)), X)
good("no streams of the server's", settings((MAX_CONCURRENT_STREAMS, 0)), X)
good("a list of fields of any size", settings((MAX_HEADER_LIST_SIZE, (1 << 32) - 1)), X)
good("frames of the largest size", settings((MAX_FRAME_SIZE, (1 << 24) - 1)), X)
good("a PING that was not asked for", ping(b"whatever", ack=True), X)
good("priorities of streams that are not there", priority(1, 0), priority(77, 3, 200), priority(1001, 77), X)
good("PRIORITY of a stream that is over", X, priority(1, 0))
good("WINDOW_UPDATE of a stream that is over", X, window(1, 1000), right=FINE)
good("GOAWAY of the client", X, goaway(), right=("200", "200 closed"), follow=None)
good("windows in small steps", X, *(window(0, 1) for _ in range(20)))
good("the largest window", window(0, LARGEST_WINDOW - 65535), X)
good("Huffman", headers(1, b"".join(hpack.literal(n, v, coded=True) for n, v in ask("/x", ("x-y", "Huffman, all of it; ~{}|")))))
good("indices of the static table", headers(1, hpack.indexed(2) + hpack.indexed(6) + hpack.indexed(4) + hpack.literal(1, "gate.example")))
good("a field kept and used again", headers(1, [*ask("/x"), hpack.keep("x-a", "b")]), headers(3, [*ask("/x"), hpack.indexed(62)]),
     awaits=(1, 3), right=("200, 200",))
good("fields never to be kept", headers(1, b"".join(hpack.never(n, v) for n, v in ask("/x"))))
good("a table made smaller and larger", headers(1, [hpack.resize(0), hpack.resize(4096), *ask("/x")]))
good("a field too large for the table empties it", headers(1, [*ask("/x"), hpack.keep("x-a", "b"), hpack.keep("x-b", "c" * 4100)]),
     headers(3, ask("/x")), awaits=(1, 3), right=("200, 200",))
good("the table goes on after a refused request", headers(1, [*ask("/x"), hpack.keep("x-a", "b"), hpack.keep("X-Bad", "c")]),
     headers(3, [*ask("/x"), hpack.indexed(63)]), awaits=(1, 3), right=("reset PROTOCOL_ERROR, 200", "400, 200"))
good("the table goes on after a reset one", HELD, reset(1), headers(3, [*ask("/held"), hpack.keep("x-a", "b")]), reset(3),
     headers(5, [*ask("/x"), hpack.indexed(62)]), awaits=(5,))
good("ten at once", *(headers(n, ask("/x")) for n in range(1, 20, 2)), awaits=tuple(range(1, 20, 2)), right=(", ".join(["200"] * 10),))
good("an expectation", headers(1, post(("content-length", "5"), ("expect", "100-continue")), end=False), data(1, b"hello", end=True))
