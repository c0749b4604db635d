"""A scripted server: it keeps what it was sent and answers what it is told to, byte for byte.

`Upstream(answer)` takes bytes, or a function of an Exchange that sends what it likes, ends as it
likes (`fin`, `rst`, `stall`) and may wait for the test in between. One thread a connection.
"""

import contextlib
import hashlib
import base64
import os
import select
import socket
import threading

from . import http1, websocket
from .client import reset
from .limits import PATIENCE, wait_until


class Exchange:
    """One request on one connection, and the means to answer it."""

    def __init__(self, upstream, sock, source, request, number):
        self.upstream, self.sock, self.source = upstream, sock, source
        self.request = request
        self.number = number    # of the request on its connection, from 1
        self.over = False       # the connection was ended by the script

    def read_body(self):
        http1.read_body(self.request, self.source, until_close=False)
        return self.request.body

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, status=200, body=b"", *fields):
        lines = [f"HTTP/1.1 {status} X", *fields, f"Content-Length: {len(body)}", "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def stream(self, *fields, status=200):
        """The head of a chunked answer."""
        lines = [f"HTTP/1.1 {status} X", *fields, "Transfer-Encoding: chunked", "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.send(b"0\r\n\r\n")

    def fin(self):
        self.over = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def rst(self):
        self.over = True
        reset(self.sock)

    def stall(self):
        """Says nothing more until the other side gives up."""
        self.over = True
        return self.peer_left()

    def peer_left(self):
        """Waits until the peer closes; True when it did in time."""
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


def readable(sockets, within=None):
    """Waits for `within` ms, or for ever, until one of them has something to take; tells whether."""
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN)
    return bool(poll.poll(within))


class Upstream:
    """Listens from its making to `close`, on a free port of 127.0.0.1 or on a unix socket."""

    def __init__(self, answer=None, name="upstream", path=None, port=0, eager=False, send_buffer=None):
        self.name = name
        self.script = answer
        self.eager = eager      # the script runs before the body is read, and reads it itself
        self.requests = []      # whole requests, in the order of their ends
        self.heads = []         # heads, also of requests whose body never ended
        self.broken = []        # requests that ended early
        self.malformed = []     # what was no HTTP/1.1; a test that expects none should look
        self.failures = []      # scripts that raised
        self.accepted = 0       # connections
        self.closed = 0
        self.received = 0       # bytes
        self.send_buffer = send_buffer
        self._lock = threading.Lock()
        self._sockets = set()
        self._working = set()   # of them, those whose bytes someone is at work with
        self._path, self._port = path, port
        self._listener = None
        self.start()

    # --- life

    def start(self):
        if self._path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(self._path)
        else:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self._port))
            self._port = self._listener.getsockname()[1]
        if self.send_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
        self._listener.listen(1024)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """Refuses connections from now on and ends those that are open; start() takes it back."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop()

    close = stop

    def drop(self):
        """Ends all open connections."""
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what tests ask

    @property
    def url(self):
        return f"unix:{self._path}" if self._path else f"http://127.0.0.1:{self._port}"

    @property
    def address(self):
        return self._path or ("127.0.0.1", self._port)

    @property
    def port(self):
        return self._port

    @property
    def open(self):
        return self.accepted - self.closed

    def wait(self, count=1, within=PATIENCE):
        """Waits until `count` whole requests have come; returns the last of them."""
        wait_until(lambda: len(self.requests) >= count, within,
                   lambda: f"{count} requests at {self.name}; {self.requests} {self.malformed}")
        return self.requests[count - 1]

    def targets(self):
        return [r.target for r in self.requests]

    def _is_at_rest(self):
        """Nothing that was sent here waits to be taken, and nobody is at work with what was."""
        with self._lock:
            waits = [sock for sock in (self._listener, *self._sockets) if sock and sock.fileno() >= 0]
        # In this order: who is told of bytes is at work before they are taken.
        return not readable(waits, 0) and not self._working

    def forget(self):
        """Forgets what was received so far, and what is on its way here. A script that goes on is not waited for."""
        with contextlib.suppress(AssertionError):
            wait_until(self._is_at_rest, 0.5)
        with self._lock:
            for kept in (self.requests, self.heads, self.broken, self.malformed, self.failures):
                kept.clear()
            self.received = 0

    def untouched(self):
        """Not one byte came."""
        return not (self.received or self.heads or self.malformed)

    # --- threads

    def _accept(self, listener):
        while True:
            try:
                readable([listener])
                self._working.add(listener)
                sock, _ = listener.accept()
            except (OSError, ValueError):
                self._working.discard(listener)
                return
            with self._lock:
                self.accepted += 1
                self._sockets.add(sock)
                self._working.discard(listener)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        def more():
            self._working.discard(sock)
            readable([sock])
            self._working.add(sock)
            data = sock.recv(65536)
            with self._lock:
                self.received += len(data)
            return data

        source = http1.Source(more)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = 0
        try:
            while True:
                number += 1
                if not self._exchange(sock, source, number):
                    return
        except OSError:
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(failure)
        finally:
            with self._lock:
                self._sockets.discard(sock)
                self._working.discard(sock)
                self.closed += 1
            sock.close()

    def _exchange(self, sock, source, number):
        request = None
        try:
            request = http1.read_request_head(source)
            if request is None:
                return False
            self.heads.append(request)
            exchange = Exchange(self, sock, source, request, number)
            if not self.eager:
                exchange.read_body()
                self._whole(request)
                self._answer(exchange)
            else:
                body = exchange.read_body

                def once():
                    exchange.read_body = lambda: request.body
                    body()
                    self._whole(request)
                    return request.body
                exchange.read_body = once
                self._answer(exchange)
                if not exchange.over:
                    exchange.read_body()
        except http1.Malformed as malformed:
            self.malformed.append(malformed)
            return False
        except http1.Broken as broken:
            if request is None:
                self.malformed.append(broken)
            else:
                self.broken.append(request)
            return False
        return not exchange.over

    def _whole(self, request):
        request.whole = True
        with self._lock:
            self.requests.append(request)

    def _answer(self, exchange):
        script = self.script
        if callable(script):
            script(exchange)
        elif script is not None:
            exchange.send(script)
        else:
            body = b"" if exchange.request.method == "HEAD" else self.name.encode()
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Upstream: %s\r\n"
                          b"Content-Length: %d\r\n\r\n%s"
                          % (self.name.encode(), len(self.name), body))


# --- scripts that many tests want

def websocket_accept(exchange, *fields):
    """Answers a WebSocket handshake; the bytes after it are then the script's."""
    key = exchange.request.get("Sec-WebSocket-Key", "")
    digest = hashlib.sha1((key + websocket.GUID).encode()).digest()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", *fields, "", ""]
    exchange.send("\r\n".join(lines).encode())
    exchange.over = True
    return websocket.WebSocket.over(exchange.sock, exchange.source, masks=False)


def websocket_echo(exchange):
    """Echoes every message; a close is answered with a close."""
    if "websocket" not in (exchange.request.get("Upgrade") or "").lower():
        exchange.answer(400, b"not a WebSocket handshake")
        return
    peer = websocket_accept(exchange)
    while True:
        kind, data = peer.receive()
        if kind == "close":
            peer.send_frame(8, data)
            exchange.fin()
            return
        if kind == "ping":
            peer.send_frame(10, data)
        else:
            peer.send_frame(1 if kind == "text" else 2, data)


class Tokens:
    """A chat stream that sends a token only when the test lets it, so no order is left to chance."""

    def __init__(self):
        self.gate = threading.Semaphore(0)
        self.ended = threading.Event()
        self.started = threading.Semaphore(0)

    def let(self, count=1):
        for _ in range(count):
            self.gate.release()

    def finish(self):
        """All streams that wait may end now."""
        self.ended.set()

    @staticmethod
    def event(number):
        return b'data: {"choices":[{"delta":{"content":"t%d"}}]}\n\n' % number

    def __call__(self, exchange):
        exchange.stream("Content-Type: text/event-stream")
        self.started.release()
        number = 0
        while not self.ended.is_set():
            if self.gate.acquire(timeout=0.01):
                exchange.chunk(self.event(number))
                number += 1
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end()
