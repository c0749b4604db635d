"""HTTP/1.1 messages read strictly, from anything that gives bytes.

A Source gives bytes by `more()`: b"" is a clean end, ConnectionResetError a reset. Reading raises
Malformed for bytes that no careful peer would take, and Broken where the peer ended inside a
message: that is the visible break that a client must see instead of an answer that looks whole.
"""

import re

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*"
                   rb"[\x21-\x7e\x80-\xff])?)?)[ \t]*")
STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2}) [\t \x21-\x7e\x80-\xff]*")
REQUEST = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/(1\.[01])")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})((?:;[\t \x21-\x7e\x80-\xff]*)?)")


class Malformed(Exception):
    """Bytes that are not HTTP/1.1."""


class Broken(Exception):
    """The peer ended inside a message. `so_far` holds what came of the body."""

    def __init__(self, why, so_far=b"", head=None):
        super().__init__(why)
        self.so_far = so_far
        self.head = head


class Source:
    """A buffer before something that gives bytes."""

    def __init__(self, more):
        self._more = more
        self.buffer = bytearray()
        self.taken = bytearray()  # every byte that a message took, for those who want the raw form
        self.keep = False

    def fill(self):
        """One more read; False at the end of the stream."""
        data = self._more()
        self.buffer += data
        return bool(data)

    def take(self, size):
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        if self.keep:
            self.taken += data
        return data

    def exactly(self, size, into=None):
        """`size` bytes; what came before a break is added to `into`."""
        while len(self.buffer) < size:
            if not self._fill_or_break(into, size):
                if into is not None:
                    into += self.take(size)
                raise Broken(f"ended {size - len(self.buffer)} bytes early")
        return self.take(size)

    def _fill_or_break(self, into, size):
        try:
            return self.fill()
        except ConnectionError as reset:
            if into is not None:
                into += self.take(size)
            raise Broken(f"reset: {reset}") from None

    def line(self, limit=1 << 20):
        """A line without its CRLF. A lone LF or CR is malformed."""
        at = 0
        while True:
            end = self.buffer.find(b"\n", at)
            if end >= 0:
                break
            at = len(self.buffer)
            if at > limit:
                raise Malformed("line without an end")
            if not self._fill_or_break(None, 0):
                raise Broken(f"ended inside a line: {bytes(self.buffer[:60])!r}")
        line = self.take(end + 1)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Malformed(f"bare CR or LF: {line!r}")
        return line[:-2]


class Message:
    """A head and, once read, a body. Field names keep their case; look them up in any."""

    def __init__(self):
        self.headers = []   # (name, value), in order, as str in latin-1
        self.body = b""
        self.trailers = []
        self.version = "1.1"

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        return ", ".join(found) if found else default

    def __contains__(self, name):
        return bool(self.all(name))

    def names(self):
        return [n.lower() for n, _ in self.headers]

    @property
    def framing(self):
        """none, length, chunked; Malformed where two speak at once."""
        lengths, codings = self.all("Content-Length"), self.all("Transfer-Encoding")
        if codings and lengths:
            raise Malformed("Content-Length and Transfer-Encoding")
        if codings:
            if [c.lower() for c in codings] != ["chunked"]:
                raise Malformed(f"Transfer-Encoding: {codings}")
            if self.version == "1.0":
                raise Malformed("Transfer-Encoding in HTTP/1.0")
            return "chunked"
        if lengths:
            if len(lengths) != 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
                raise Malformed(f"Content-Length: {lengths}")
            return "length"
        return "none"


class Request(Message):
    method = target = ""
    whole = False   # the body's end was seen

    def __repr__(self):
        return f"<{self.method} {self.target} {self.headers} {len(self.body)} bytes>"


class Answer(Message):
    status = 0
    interim = ()    # the 1xx before it

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


def read_fields(source):
    fields = []
    while True:
        line = source.line()
        if not line:
            return fields
        match = FIELD.fullmatch(line)
        if not match:
            raise Malformed(f"field line {line!r}")
        fields.append((match[1].decode(), match[2].decode("latin-1")))


def read_chunked(source, into):
    """Adds the data to `into`; returns the trailers."""
    while True:
        size = read_chunk(source, into)
        if not size:
            return read_fields(source)


def read_chunk(source, into):
    """One chunk with its line ends. 0 for the last, of which the trailers still follow."""
    line = source.line()
    match = CHUNK.fullmatch(line)
    if not match:
        raise Malformed(f"chunk size {line!r}")
    size = int(match[1], 16)
    if size:
        into += source.exactly(size, into)
        if source.exactly(2) != b"\r\n":
            raise Malformed("chunk without CRLF at its end")
    return size


def read_body(message, source, until_close):
    """The body as the head frames it. `until_close` says that no framing means the end of the stream."""
    body = bytearray()
    try:
        if message.framing == "chunked":
            message.trailers = read_chunked(source, body)
        elif message.framing == "length":
            body += source.exactly(int(message.get("Content-Length")), body)
        elif until_close:
            try:
                while source.fill():
                    pass
            except ConnectionError as reset:
                raise Broken(f"reset: {reset}") from None
            finally:
                body += source.take(len(source.buffer))
    except Broken as broken:
        message.body = bytes(body)
        raise Broken(str(broken), bytes(body), message) from None
    message.body = bytes(body)


def read_request_head(source):
    """A request's head, or None at a clean end between requests."""
    if not source.buffer and not source.fill():
        return None
    line = source.line()
    match = REQUEST.fullmatch(line)
    if not match:
        raise Malformed(f"request line {line!r}")
    request = Request()
    request.method, request.target = match[1].decode(), match[2].decode()
    request.version = match[3].decode()
    request.headers = read_fields(source)
    request.framing  # pylint: disable=pointless-statement
    return request


def read_answer_head(source):
    line = source.line()
    match = STATUS.fullmatch(line)
    if not match:
        raise Malformed(f"status line {line!r}")
    answer = Answer()
    answer.version, answer.status = match[1].decode(), int(match[2])
    answer.headers = read_fields(source)
    answer.framing  # pylint: disable=pointless-statement
    return answer


def has_body(answer, method):
    return not (method == "HEAD" or answer.status in (204, 304) or answer.status < 200
                or (method == "CONNECT" and answer.status < 300))


def read_answer(source, method="GET"):
    """A whole answer; 1xx but 101 go to `.interim`."""
    interim = []
    while True:
        answer = read_answer_head(source)
        if answer.status >= 200 or answer.status == 101:
            break
        interim.append(answer)
    answer.interim = interim
    if has_body(answer, method):
        read_body(answer, source, until_close=True)
    return answer
