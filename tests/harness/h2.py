"""HTTP/2 by the frame: every frame can be made wrong by hand, and what comes back is read strictly.

The functions make bytes. H2 is a connection that sends them as they are, never blocks on sending, answers SETTINGS
and PING, and keeps what came of each stream. What a careful peer would not take from a server raises Malformed.
"""

import re
import select
import ssl
import struct
import time

from . import hpack
from .client import connect, reset as reset_socket
from .http1 import TOKEN, Answer, Broken, Malformed
from .limits import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION) = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, WITH_PRIORITY = 0x4, 0x8, 0x20
ERRORS = ("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
          "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED")
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
FIRST_WINDOW, LARGEST_WINDOW, FRAME = 65535, (1 << 31) - 1, 16384
HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "trailer"}


def error(name):
    return ERRORS.index(name) if isinstance(name, str) else name


def error_name(code):
    return ERRORS[code] if code < len(ERRORS) else f"{code:#x}"


# --- frames --------------------------------------------------------------------------------

def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """`length` where the header shall say another than the payload has. A stream of 2**31 and more sets the reserved bit."""
    length = len(payload) if length is None else length
    return struct.pack("!IBI", length << 8 | kind, flags, stream) + payload


def _padded(payload, pad):
    return payload if pad is None else bytes([pad]) + payload + bytes(pad)


def _block(fields):
    return bytes(fields) if isinstance(fields, (bytes, bytearray)) else hpack.block(fields)


def headers(stream, fields, end=True, flags=END_HEADERS, pad=None, priority=None):
    """`fields` is a list of (name, value) or a block; priority is (depends on, weight)."""
    flags |= (END_STREAM if end else 0) | (PADDED if pad is not None else 0) | (WITH_PRIORITY if priority else 0)
    return frame(HEADERS, flags, stream, _padded((struct.pack("!IB", *priority) if priority else b"") + _block(fields), pad))


def continuation(stream, fields, flags=END_HEADERS):
    return frame(CONTINUATION, flags, stream, _block(fields))


def in_pieces(stream, fields, size, end=True):
    """HEADERS and CONTINUATION frames of `size` bytes each."""
    block = _block(fields)
    parts = [block[at:at + size] for at in range(0, len(block), size)]
    out = [headers(stream, parts[0], end, END_HEADERS if len(parts) == 1 else 0)]
    out += [continuation(stream, part, END_HEADERS if part is parts[-1] else 0) for part in parts[1:]]
    return b"".join(out)


def data(stream, payload=b"", end=False, pad=None):
    return frame(DATA, (END_STREAM if end else 0) | (PADDED if pad is not None else 0), stream, _padded(payload, pad))


def priority(stream, depends_on=0, weight=15):
    return frame(PRIORITY, 0, stream, struct.pack("!IB", depends_on, weight))


def reset(stream, code="CANCEL"):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", error(code)))


def settings(*pairs, ack=False):
    return frame(SETTINGS, ACK if ack else 0, 0, b"".join(struct.pack("!HI", *pair) for pair in pairs))


def push_promise(stream, promised, fields):
    return frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack("!I", promised) + _block(fields))


def ping(payload=b"\0" * 8, ack=False):
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway(last=0, code="NO_ERROR", text=b""):
    return frame(GOAWAY, 0, 0, struct.pack("!II", last, error(code)) + text)


def window(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def ask(path="/", *more, method="GET", scheme="http", authority="gate.example"):
    """The fields of a request; a pseudo-header that is None is left out."""
    pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [(name, value) for name, value in pseudo if value is not None] + list(more)


# --- a connection ---------------------------------------------------------------------------

class Stream:
    """What came of one stream so far."""

    def __init__(self, owner, number, method="GET"):
        self.owner, self.number, self.method = owner, number, method
        self.head = None        # an Answer, once its HEADERS are here
        self.interim, self.trailers = [], None
        self.body = bytearray()
        self.ended = False      # END_STREAM came
        self.reset = None       # the name of its RST_STREAM's code
        self.todo, self.ends = bytearray(), False   # what waits for window to be sent
        self.may_send = owner.peer.get(INITIAL_WINDOW_SIZE, FIRST_WINDOW)
        self.may_receive = owner.stream_window
        self.sent = self.got = 0    # bytes of both bodies

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def word(self):
        """`200`, `reset PROTOCOL_ERROR`, `200 broken CANCEL`, `nothing`…"""
        if self.head is None:
            return "nothing" if self.reset is None else f"reset {self.reset}"
        if self.ended:
            return str(self.head.status)
        return f"{self.head.status} open" if self.reset is None else f"{self.head.status} broken {self.reset}"

    def send(self, payload=b"", end=False):
        """A part of the body; it goes as the windows allow, while the connection is pumped."""
        self.todo += payload
        self.ends = self.ends or end
        self.owner.feed(self)
        return self

    def credit(self, size):
        self.may_receive += size
        self.owner.send(window(self.number, size))

    def cancel(self, code="CANCEL"):
        self.owner.send(reset(self.number, code))

    def wait(self, condition, within=PATIENCE):
        self.owner.pump(lambda: condition(self) or self.over, within)
        return self

    def answer_head(self, within=PATIENCE):
        self.wait(lambda s: s.head, within)
        if not self.head:
            raise Broken(f"stream {self.number}: {self.word}, {self.owner.word}")
        return self.head

    def answer(self, within=PATIENCE):
        """The whole answer. One that did not end with END_STREAM is Broken."""
        self.owner.pump(lambda: self.over, within)
        if not self.ended:
            raise Broken(f"stream {self.number}: {self.word}, {self.owner.word}", bytes(self.body), self.head)
        self.head.body, self.head.interim = bytes(self.body), self.interim
        return self.head

    def receive(self, size, within=PATIENCE):
        """Waits for so many bytes of the body, and takes them."""
        self.wait(lambda s: len(s.body) >= size, within)
        if len(self.body) < size:
            raise Broken(f"{len(self.body)} of {size} bytes: {self.word}", bytes(self.body), self.head)
        part = bytes(self.body[:size])
        del self.body[:size]
        return part


class H2:
    """A connection. `tls` is an ssl.SSLContext; credit: whether windows are given back as data comes."""

    def __init__(self, address=None, tls=None, *, sock=None, name="gate.example", told=(), credit=True, start=True,
                 receive_buffer=None, scheme=None):
        self.sock = sock or connect(address, receive_buffer)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=name)
            assert self.sock.selected_alpn_protocol() == "h2", self.sock.selected_alpn_protocol()
        self.scheme = scheme or ("https" if isinstance(self.sock, ssl.SSLSocket) else "http")
        self.sock.setblocking(False)
        self.credit = credit
        self.told = dict(told)          # this side's SETTINGS
        self.peer = {}                  # the other's
        self.stream_window = self.told.get(INITIAL_WINDOW_SIZE, FIRST_WINDOW)
        self.may_send, self.may_receive = FIRST_WINDOW, FIRST_WINDOW
        self.decoder = hpack.Decoder(self.told.get(HEADER_TABLE_SIZE, 4096))
        self.streams, self.next = {}, 1
        self.out, self.here = bytearray(), bytearray()
        self.telling = []               # SETTINGS that are not acknowledged yet
        self.amid, self.replies = False, bytearray()
        self.surprises = False          # frames of streams that were opened by hand, and not told
        self.block = None               # (stream, flags, bytes) of a head that goes on
        self.goaway = None              # (last stream, name of the code, text)
        self.end = ""                   # fin, rst
        self.pongs, self.settled, self.greeted = [], 0, False
        self.frames = {}                # kind: how many came
        if start:
            self.telling.append(())
            self.send(PREFACE + settings(*self.told.items()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def rst(self):
        reset_socket(self.sock)

    @property
    def word(self):
        """How the connection is: `open`, `goaway CODE`, `closed`; `goaway CODE open`: told, but not closed."""
        if self.goaway and self.goaway[1] != "NO_ERROR":
            return f"goaway {self.goaway[1]}" + ("" if self.end else " open")
        return "closed" if self.end else "open"

    # --- sending

    def send(self, *pieces):
        for piece in pieces:
            self.out += piece
        self.flush()
        return self

    def _reply(self, piece):
        """What is sent unasked. Not amid a frame that goes out in pieces."""
        if self.amid:
            self.replies += piece
        else:
            self.send(piece)

    def tell(self, *pairs):
        """New SETTINGS of this side. They hold from their acknowledgement on, which is waited for."""
        self.telling.append(pairs)
        self.send(settings(*pairs))
        before = self.settled
        return self.pump(lambda: self.settled > before and not self.telling)

    def _told(self, pairs):
        for key, value in pairs:
            if key == INITIAL_WINDOW_SIZE:
                for one in self.streams.values():
                    one.may_receive += value - self.stream_window
                self.stream_window = value
            elif key == HEADER_TABLE_SIZE:
                self.decoder.limit = value
            self.told[key] = value

    def flush(self):
        try:
            while self.out and not self.end:
                sent = self.sock.send(bytes(self.out[:1 << 18]))
                del self.out[:sent]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.out.clear()    # what came before the break is still to be read

    def open(self, path="/", *more, end=True, stream=None, **pseudo):
        """Sends a request's head; gives its stream."""
        number = self.expect(stream, pseudo.get("method", "GET")).number
        self.send(headers(number, ask(path, *more, **{"scheme": self.scheme, **pseudo}), end))
        return self.streams[number]

    def expect(self, stream=None, method="GET"):
        """A stream whose request is sent by hand."""
        number = stream or self.next
        self.next = max(self.next, number + 2)
        self.streams[number] = Stream(self, number, method)
        return self.streams[number]

    def ask(self, path="/", *more, body=None, **pseudo):
        """A request and its whole answer."""
        stream = self.open(path, *more, end=body is None, **pseudo)
        if body is not None:
            stream.send(body, end=True)
        return stream.answer()

    def feed(self, stream):
        """Sends what the windows allow of a stream's body."""
        while (stream.todo or stream.ends) and not stream.over:
            size = min(len(stream.todo), self.may_send, stream.may_send, self.peer.get(MAX_FRAME_SIZE, FRAME))
            if stream.todo and size <= 0:
                return
            part = bytes(stream.todo[:size])
            del stream.todo[:size]
            self.may_send -= size
            stream.may_send -= size
            stream.sent += size
            end = stream.ends and not stream.todo
            self.send(data(stream.number, part, end))
            if end:
                stream.ends = False
                return

    # --- receiving

    def pump(self, until=None, within=PATIENCE):
        """Reads and writes until `until()` is true or the connection ends; AssertionError when it takes too long."""
        deadline = time.monotonic() + within
        while True:
            self.turn(0)
            if self.end or (until and until()):
                return self
            left = deadline - time.monotonic()
            if left <= 0:
                if until is None:
                    return self
                raise AssertionError(f"not within {within:.1f} s: {self.word}, "
                                     f"{ {n: s.word for n, s in self.streams.items()} }")
            self._select(min(left, 1))

    def _select(self, within):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return
        select.select([self.sock], [self.sock] if self.out else [], [], within)

    def turn(self, within=0):
        """One look at the socket."""
        if within:
            self._select(within)
        self.flush()
        while not self.end:
            try:
                got = self.sock.recv(1 << 18)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except ssl.SSLError:
                self.end = "rst"
                break
            except OSError:
                self.end = "rst"
                break
            if not got:
                self.end = "fin"
                break
            self.here += got
            if len(self.here) > 1 << 20:
                break
        at = 0
        while len(self.here) - at >= 9:
            size = int.from_bytes(self.here[at:at + 3], "big")
            if size > self.told.get(MAX_FRAME_SIZE, FRAME):
                raise Malformed(f"a frame of {size} bytes: {bytes(self.here[at:at + 60])!r}")
            if len(self.here) - at < 9 + size:
                break
            kind, flags, stream = struct.unpack("!BBI", self.here[at + 3:at + 9])
            payload = bytes(self.here[at + 9:at + 9 + size])
            at += 9 + size
            self._take(kind, flags, stream & LARGEST_WINDOW, payload)
        del self.here[:at]

    def _need(self, condition, what):
        if not condition:
            raise Malformed(what)

    def _take(self, kind, flags, stream, payload):
        self.frames[kind] = self.frames.get(kind, 0) + 1
        if not self.greeted:
            self._need(kind == SETTINGS and not flags & ACK, "the first frame is not SETTINGS")
            self.greeted = True
        if self.block:
            self._need(kind == CONTINUATION and stream == self.block[0], f"a frame of kind {kind} inside of a head")
            self.block = (stream, self.block[1] | flags & END_HEADERS, self.block[2] + payload)
            return self._head_may_be_whole()
        if self.surprises and stream & 1 and stream not in self.streams:
            self.expect(stream)
        if kind in (DATA, HEADERS, RST_STREAM):
            self._need(stream in self.streams, f"a frame of kind {kind} on stream {stream}, which nobody opened")
        if flags & PADDED and kind in (DATA, HEADERS):
            self._need(payload and payload[0] < len(payload), "padding longer than its frame")
            whole, payload = len(payload), payload[1:len(payload) - payload[0]]
        else:
            whole = len(payload)
        if kind == DATA:
            self._data(self.streams[stream], whole, payload, flags)
        elif kind == HEADERS:
            self.block = (stream, flags, payload[5 if flags & WITH_PRIORITY else 0:])
            self._head_may_be_whole()
        elif kind == RST_STREAM:
            self._need(len(payload) == 4, "RST_STREAM of a wrong length")
            if not self.streams[stream].over:   # NO_ERROR after a whole answer takes nothing back
                self.streams[stream].reset = error_name(*struct.unpack("!I", payload))
        elif kind == SETTINGS:
            self._settings(flags, stream, payload)
        elif kind == PING:
            self._need(stream == 0 and len(payload) == 8, "a wrong PING")
            if flags & ACK:
                self.pongs.append(payload)
            else:
                self._reply(ping(payload, ack=True))
        elif kind == GOAWAY:
            self._need(stream == 0 and len(payload) >= 8, "a wrong GOAWAY")
            last, code = struct.unpack("!II", payload[:8])
            self._need(not self.goaway or last <= self.goaway[0], "a GOAWAY that takes back another")
            self.goaway = (last, error_name(code), payload[8:])
        elif kind == WINDOW_UPDATE:
            self._window(stream, payload)
        elif kind == PUSH_PROMISE:
            raise Malformed("PUSH_PROMISE")
        elif kind == CONTINUATION:
            raise Malformed("CONTINUATION outside of a head")
        elif kind == PRIORITY:
            raise Malformed("PRIORITY from a server")
        return None

    def _settings(self, flags, stream, payload):
        self._need(stream == 0 and len(payload) % 6 == 0 and not (flags & ACK and payload), "wrong SETTINGS")
        if flags & ACK:
            self.settled += 1
            if self.telling:
                self._told(self.telling.pop(0))
            return
        for at in range(0, len(payload), 6):
            key, value = struct.unpack("!HI", payload[at:at + 6])
            if key == INITIAL_WINDOW_SIZE:
                self._need(value <= LARGEST_WINDOW, "a window out of range")
                for one in self.streams.values():
                    one.may_send += value - self.peer.get(key, FIRST_WINDOW)
            self._need(key != MAX_FRAME_SIZE or FRAME <= value < 1 << 24, "a frame size out of range")
            self._need(key != ENABLE_PUSH or value == 0, "ENABLE_PUSH of a server")
            self.peer[key] = value
        self._reply(settings(ack=True))
        for one in list(self.streams.values()):
            self.feed(one)

    def _window(self, stream, payload):
        self._need(len(payload) == 4, "WINDOW_UPDATE of a wrong length")
        more = int.from_bytes(payload, "big") & LARGEST_WINDOW
        self._need(more, "WINDOW_UPDATE of nothing")
        if stream == 0:
            self.may_send += more
            self._need(self.may_send <= LARGEST_WINDOW, "the window is too large")
        elif stream in self.streams:
            self.streams[stream].may_send += more
            self._need(self.streams[stream].may_send <= LARGEST_WINDOW, "a window is too large")
        for one in list(self.streams.values()):
            self.feed(one)

    def _data(self, stream, whole, payload, flags):
        self._need(stream.head is not None and not stream.over, f"DATA on stream {stream.number}: {stream.word}")
        self.may_receive -= whole
        stream.may_receive -= whole
        self._need(self.may_receive >= 0 and stream.may_receive >= 0, "more DATA than the window allows")
        stream.body += payload
        stream.got += len(payload)
        if self.credit and whole:
            self.may_receive += whole
            stream.may_receive += whole
            self._reply(window(0, whole) + (b"" if flags & END_STREAM else window(stream.number, whole)))
        self._ended(stream, flags)

    def _ended(self, stream, flags):
        if not flags & END_STREAM:
            return
        stream.ended = True
        lengths = stream.head.all("content-length")
        if lengths and stream.method != "HEAD" and stream.head.status != 304:
            self._need(len(lengths) == 1, "two lengths")
            self._need(int(lengths[0]) == stream.got, f"{stream.got} bytes of {lengths[0]}")

    def _head_may_be_whole(self):
        number, flags, block = self.block
        if not flags & END_HEADERS:
            return
        self.block = None
        try:
            fields = self.decoder.decode(block)
        except hpack.Wrong as wrong:
            raise Malformed(f"HPACK: {wrong}") from None
        stream = self.streams[number]
        if stream.over:
            self._need(stream.reset, "HEADERS after the end")
            return
        if stream.head is not None:
            self._need(flags & END_STREAM, "trailers that end nothing")
            self._need(not any(n.startswith(":") for n, _ in fields), "pseudo-headers in trailers")
            stream.trailers = fields
            return self._ended(stream, flags)
        self._need(fields and fields[0][0] == ":status" and re.fullmatch("[1-9][0-9]{2}", fields[0][1]), f"no status: {fields}")
        for name, value in fields[1:]:
            self._need(re.fullmatch(TOKEN, name.encode("latin-1")) and name == name.lower(), f"a name: {name!r}")
            self._need(name not in HOP, f"a field of a connection: {name}")
            self._need(value == value.strip(" \t") and not re.search("[\0-\x08\x0a-\x1f\x7f]", value), f"a value: {value!r}")
        answer = Answer()
        answer.version, answer.status, answer.headers = "2", int(fields[0][1]), fields[1:]
        if answer.status < 200:
            self._need(not flags & END_STREAM and answer.status != 101, f"a {answer.status} that ends or switches")
            stream.interim.append(answer)
            return
        stream.head = answer
        self._ended(stream, flags)
