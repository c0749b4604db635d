"""A client that sends exactly the bytes it is told to and reads answers strictly."""

import contextlib
import socket
import struct

from . import http1
from .limits import PATIENCE


def connect(address, receive_buffer=None):
    """A connected socket; a str is the path of a unix socket."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    elif ":" in address[0]:
        sock = socket.socket(socket.AF_INET6)
    else:
        sock = socket.socket(socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.connect(address)
    return sock


def reset(sock):
    """Closes with a RST in place of a FIN."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def head(line, *fields):
    """Bytes of a head from its lines."""
    text = "\r\n".join([line, *fields, "", ""])
    return text.encode("latin-1")


def request(method="GET", target="/", *fields, body=None, host="gate.example"):
    """Bytes of a well-formed request."""
    fields = [f"Host: {host}", *fields]
    if body is not None:
        fields.append(f"Content-Length: {len(body)}")
    return head(f"{method} {target} HTTP/1.1", *fields) + (body or b"")


class Client:
    """One connection."""

    def __init__(self, address, receive_buffer=None):
        self.sock = connect(address, receive_buffer)
        self.source = http1.Source(self._more)

    def _more(self):
        return self.sock.recv(65536)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        reset(self.sock)

    def send(self, *pieces):
        for piece in pieces:
            self.sock.sendall(piece)
        return self

    def finish(self):
        """Half-closes: no more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def answer(self, method="GET"):
        return http1.read_answer(self.source, method)

    def answer_head(self):
        return http1.read_answer_head(self.source)

    def chunk(self):
        """The data of one chunk of a chunked answer; b"" for the last (trailers are then read)."""
        into = bytearray()
        if not http1.read_chunk(self.source, into):
            http1.read_fields(self.source)
        return bytes(into)

    def ask(self, method="GET", target="/", *fields, body=None):
        """Sends a request and reads the whole answer."""
        self.send(request(method, target, *fields, body=body))
        return self.answer(method)

    def ended(self):
        """Waits for the end of the stream; how it came: `fin` or `rst`. Bytes before it are an error."""
        try:
            data = bytes(self.source.buffer) or self.sock.recv(65536)
        except ConnectionError:
            return "rst"
        if data:
            raise http1.Malformed(f"bytes where the end should be: {data[:200]!r}")
        return "fin"

    def is_open(self):
        """Whether the connection is still there, as far as this side can tell now."""
        self.sock.setblocking(False)
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        finally:
            self.sock.settimeout(PATIENCE)
