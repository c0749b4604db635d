"""Floods, one function each, run as a process of their own so that the probe beside them is not held up by Python:

    python -m harness.floods NAME PORT SECONDS CONNECTIONS [CA]

It says in JSON what came of each connection: how it ended, by which GOAWAY, how many bytes went out. A connection that
was closed is opened again a little later, so that the pressure stays.
"""

import contextlib
import json
import random
import select
import selectors
import socket
import ssl
import struct
import sys
import threading
import time

from . import hpack
from .h2 import (DATA, END_HEADERS, INITIAL_WINDOW_SIZE, LARGEST_WINDOW, MAX_FRAME_SIZE, PADDED, PREFACE, PRIORITY,
                 PUSH_PROMISE, ask, continuation, data, error_name, frame, headers, ping, priority, reset, settings, window)

AGAIN = 0.02    # seconds until a closed connection is opened again


def odd(first=1):
    while first < LARGEST_WINDOW:
        yield first
        first += 2


def each(make, size=200):
    """Blobs with `make(stream)` for ever new streams."""
    numbers = odd()
    while True:
        yield b"".join(make(number) for _, number in zip(range(size), numbers))


def again(blob):
    while True:
        yield blob


def after(first, blobs):
    yield first
    yield from blobs


X, HELD = hpack.block(ask("/flood")), hpack.block(ask("/held"))
UPLOAD = hpack.block(ask("/held", method="POST"))
BIG = hpack.block(ask("/big"))


def opened(count, block=HELD, end=True):
    return b"".join(headers(n, block, end) for _, n in zip(range(count), odd()))


def bomb():
    """Each reference of one byte is 4 KiB of fields."""
    first = headers(1, X + hpack.keep("x-bomb", "b" * 4000))
    return after(first, each(lambda n: headers(n + 2, X + hpack.indexed(62) * 16000), 4))


def small_bomb():
    """The same, each head just under what is allowed: 15 references of 4 KiB."""
    first = headers(1, X + hpack.keep("x-bomb", "b" * 4000))
    return after(first, each(lambda n: headers(n + 2, X + hpack.indexed(62) * 15), 100))


def churn():
    """The table filled and emptied with each head."""
    block = X + b"".join(hpack.keep(f"x-{i}", "v" * 100) for i in range(60))
    return each(lambda n: headers(n, hpack.resize(0) + hpack.resize(4096) + block), 20)


# name: (blobs after the preface, whether the connection must be ended by the gateway, whether answers are read)
FLOODS = {
    "rapid reset": (lambda: each(lambda n: headers(n, X) + reset(n)), True, True),
    "rapid reset of requests that wait": (lambda: each(lambda n: headers(n, HELD) + reset(n)), True, True),
    "rapid reset of uploads": (lambda: each(lambda n: headers(n, UPLOAD, end=False) + data(n, b"x") + reset(n)), True, True),
    "made to reset: window by 0": (lambda: each(lambda n: headers(n, HELD) + window(n, 0)), True, True),
    "made to reset: window too large": (lambda: each(lambda n: headers(n, HELD) + window(n, LARGEST_WINDOW)), True, True),
    "made to reset: DATA after the end": (lambda: each(lambda n: headers(n, HELD) + data(n, b"x")), True, True),
    "made to reset: HEADERS after the end": (lambda: each(lambda n: headers(n, HELD) + headers(n, [("a", "b")])), True, True),
    "made to reset: PRIORITY of 4 bytes": (lambda: each(lambda n: headers(n, HELD) + frame(PRIORITY, 0, n, b"\0" * 4)), True, True),
    "made to reset: depends on itself": (lambda: each(lambda n: headers(n, HELD) + priority(n, n)), False, True),
    "made to reset: malformed": (lambda: each(lambda n: headers(n, X + hpack.literal("X-Bad", "y"))), True, True),
    "made to reset: wrong length": (lambda: each(lambda n: headers(n, UPLOAD + hpack.literal("content-length", "5"), end=False) + data(n, b"123456", end=True)), True, True),
    "made to reset: malformed trailers": (lambda: each(lambda n: headers(n, UPLOAD, end=False) + headers(n, [(":path", "/")])), True, True),
    "made to reset: over the limit of streams": (lambda: each(lambda n: headers(n, HELD)), True, True),
    "CONTINUATION without end": (lambda: after(headers(1, X, flags=0), again(continuation(1, [("a", "b")], flags=0) * 500)), True, True),
    "CONTINUATION of nothing": (lambda: after(headers(1, b"", flags=0), again(continuation(1, b"", flags=0) * 1000)), True, True),
    "CONTINUATION of 16 KiB": (lambda: after(headers(1, X, flags=0), again(continuation(1, hpack.literal("x", "y" * 16000), flags=0))), True, True),
    "CONTINUATION of nothing in each head": (lambda: each(lambda n: headers(n, X, flags=0) + continuation(n, b"", flags=0) * 7 + continuation(n, b"")), False, True),
    "PING": (lambda: again(ping() * 1000), True, True),
    "PING, never read": (lambda: again(ping() * 1000), True, False),
    "PING ACK": (lambda: again(ping(ack=True) * 1000), False, True),
    "SETTINGS": (lambda: again(settings() * 1000), True, True),
    "SETTINGS that change": (lambda: again((settings((INITIAL_WINDOW_SIZE, 1), (MAX_FRAME_SIZE, 20000)) + settings((INITIAL_WINDOW_SIZE, 1 << 20))) * 300), True, True),
    "SETTINGS that change under a hundred streams": (lambda: after(opened(99), again((settings((INITIAL_WINDOW_SIZE, 1)) + settings((INITIAL_WINDOW_SIZE, 1 << 20))) * 300)), True, True),
    "SETTINGS, never read": (lambda: again(settings() * 1000), True, False),
    "SETTINGS ACK": (lambda: again(settings(ack=True) * 1000), False, True),
    "DATA of nothing": (lambda: after(headers(1, UPLOAD, end=False), again(data(1) * 1000)), True, True),
    "DATA of padding": (lambda: after(headers(1, UPLOAD, end=False), again(frame(DATA, PADDED, 1, b"\0") * 500)), False, True),
    "DATA of streams that are over": (lambda: after(headers(1, X) + reset(1), again(data(1, b"") * 1000)), False, True),
    "HEADERS of nothing": (lambda: each(lambda n: headers(n, b"")), True, True),
    "HEADERS of many small fields": (lambda: each(lambda n: headers(n, X + b"\x10\x01a\x00" * 95), 50), False, True),
    "trailers of nothing": (lambda: each(lambda n: headers(n, UPLOAD, end=False) + headers(n, b"")), False, True),
    "HPACK bomb": (bomb, True, True),
    "HPACK, heads just small enough": (small_bomb, False, True),
    "HPACK, the table in and out": (churn, False, True),
    "PRIORITY": (lambda: each(lambda n: priority(n, max(0, n - 2)), 1000), False, True),
    "PRIORITY of one": (lambda: again(priority(3, 0) * 1000), False, True),
    "WINDOW_UPDATE of the connection": (lambda: again(window(0, 1) * 1000), False, True),
    "WINDOW_UPDATE of a stream": (lambda: after(headers(1, HELD), again(window(1, 1) * 1000)), False, True),
    "WINDOW_UPDATE of streams that are over": (lambda: after(headers(1, X) + reset(1), again(window(1, 1) * 1000)), False, True),
    "RST_STREAM of streams that are over": (lambda: after(headers(1, X) + reset(1), again(reset(1) * 1000)), False, True),
    "unknown frames": (lambda: again(frame(0x42, 0xff, 0, b"x" * 100) * 300), False, True),
    "GOAWAY": (lambda: again(frame(7, 0, 0, b"\0" * 8) * 500), False, True),
    "PUSH_PROMISE": (lambda: each(lambda n: frame(PUSH_PROMISE, END_HEADERS, n, struct.pack("!I", n + 1) + X)), True, True),
    "requests, never read": (lambda: each(lambda n: headers(n, X), 50), False, False),
    "large answers, never read": (lambda: after(window(0, 1 << 30) + opened(99, BIG), iter(())), True, False),
    "windows of 0": (lambda: after(settings((INITIAL_WINDOW_SIZE, 0)) + opened(99, BIG), iter(())), False, True),
}


class Connection:
    """One flooding connection; opened again when it was closed."""

    def __init__(self, port, make, reads):
        self.port, self.make, self.reads = port, make, reads
        self.ends, self.bytes, self.codes = [], 0, []
        self.sock = None
        self.open()

    def open(self):
        self.when = None
        try:
            self.sock = socket.create_connection(("127.0.0.1", self.port), 5)
        except OSError:
            self.sock, self.when = None, time.monotonic() + AGAIN
            return
        if not self.reads:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.setblocking(False)
        self.blobs = self.make()
        self.out, self.here = bytearray(PREFACE + settings()), bytearray()
        self.dry = False

    def over(self, how):
        self.sock.close()
        self.ends.append(how)
        self.sock, self.when = None, time.monotonic() + AGAIN

    def read(self):
        try:
            got = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            return self.over("rst")
        if not got:
            return self.over("fin")
        self.here += got
        at = 0
        while len(self.here) - at >= 9:
            size = int.from_bytes(self.here[at:at + 3], "big")
            if len(self.here) - at < 9 + size:
                break
            if self.here[at + 3] == 7 and size >= 8:
                self.codes.append(error_name(int.from_bytes(self.here[at + 13:at + 17], "big")))
            at += 9 + size
        del self.here[:at]
        return None

    def write(self):
        while len(self.out) < 1 << 16 and not self.dry:
            try:
                self.out += next(self.blobs)
            except StopIteration:
                self.dry = True
        try:
            sent = self.sock.send(self.out[:1 << 16])
            self.bytes += sent
            del self.out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            # What the other side said before it closed may still be here.
            while self.sock and self.reads:
                before = len(self.ends)
                self.read()
                if len(self.ends) != before:
                    return
            if self.sock:
                self.over("rst")


def flood(make, port, seconds, count, reads):
    connections = [Connection(port, make, reads) for _ in range(count)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = time.monotonic()
        for one in connections:
            if one.sock is None and now > one.when:
                one.open()
        alive = {one.sock: one for one in connections if one.sock}
        ready, writable, _ = select.select([s for s, one in alive.items() if one.reads], [s for s, one in alive.items() if one.out or not one.dry], [], 0.02)
        for sock in ready:
            alive[sock].read()
        for sock in writable:
            if alive[sock].sock:
                alive[sock].write()
        if not reads:       # a reset is seen without reading
            poll = select.poll()
            waiting = {one.sock.fileno(): one for one in alive.values() if one.sock}
            for number in waiting:
                poll.register(number, 0)
            for number, _ in poll.poll(0):
                waiting[number].over("rst")
    for one in connections:
        if one.sock:
            one.sock.close()
    return [{"ends": one.ends, "codes": one.codes, "bytes": one.bytes} for one in connections]


# --- slow ones -------------------------------------------------------------------------------

def trickle(first, rest, port, seconds, count):
    """`first` at once, then a byte of `rest` every 20 ms."""
    socks = {}
    ends = [[] for _ in range(count)]
    until, at = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for number in range(count):
            if number not in socks:
                with contextlib.suppress(OSError):
                    socks[number] = socket.create_connection(("127.0.0.1", port), 5)
                    socks[number].sendall(first)
                continue
            try:
                socks[number].sendall(rest[at % len(rest):at % len(rest) + 1])
                while select.select([socks[number]], [], [], 0)[0]:
                    if not socks[number].recv(65536):
                        raise ConnectionError
            except OSError:
                ends[number].append("closed")
                socks.pop(number).close()
        at += 1
        time.sleep(0.02)
    return [{"ends": e, "codes": [], "bytes": at} for e in ends]


def tiny(port, seconds, count):
    """Reads large answers in windows of one byte."""
    socks = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 5)
        sock.sendall(PREFACE + settings((INITIAL_WINDOW_SIZE, 1)) + window(0, 1 << 30) + opened(20, BIG))
        sock.setblocking(False)
        socks.append([sock, []])
    until, more = time.monotonic() + seconds, b"".join(window(n, 1) for _, n in zip(range(20), odd()))
    while time.monotonic() < until:
        for entry in socks:
            if entry[0] is None:
                continue
            try:
                entry[0].send(more)
                while entry[0].recv(65536):
                    pass
                raise ConnectionError
            except BlockingIOError:
                pass
            except OSError:
                entry[1].append("closed")
                entry[0] = None
        time.sleep(0.001)
    return [{"ends": e, "codes": [], "bytes": 0} for _, e in socks]


def handshakes(port, seconds, count, authority):
    """Whole handshakes, one after another, on `count` threads."""
    done = [0] * count
    until = time.monotonic() + seconds

    def one(index):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(authority)
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="gate.example"):
                    done[index] += 1
    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [{"ends": [], "codes": [], "bytes": n} for n in done]


def hellos(port, seconds, count, authority):
    """Hellos whose answer is never read: the server does its part of the work, the client none."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    tls = context.wrap_bio(into, out, server_hostname="gate.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = out.read()
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        socks = []
        with contextlib.suppress(OSError):
            for _ in range(count):
                socks.append(socket.create_connection(("127.0.0.1", port), 5))
                socks[-1].sendall(hello)
                sent += 1
        time.sleep(0.01)
        for sock in socks:
            sock.close()
    return [{"ends": [], "codes": [], "bytes": sent}]


def garbage(port, seconds, count):
    """Records that are none, on new connections."""
    until, sent, source = time.monotonic() + seconds, 0, random.Random(7)
    while time.monotonic() < until:
        for _ in range(count):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
                sock.sendall(b"\x16\x03\x01\x02\x00" + source.randbytes(512))
                sent += 1
    return [{"ends": [], "codes": [], "bytes": sent}]


def server():
    """What stands behind the gateway: /big is 8 MiB as fast as it is taken, /held never gets an answer,
    /echo at once. Says its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    block = bytes(1 << 16)
    left = {}       # bytes that are to be sent, by socket
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, events in selector.select():
                sock = key.fileobj
                try:
                    if sock is listener:
                        new = listener.accept()[0]
                        new.setblocking(False)
                        selector.register(new, selectors.EVENT_READ)
                        continue
                    if events & selectors.EVENT_WRITE:
                        left[sock] -= sock.send(block[:left[sock]])
                        if not left[sock]:
                            selector.modify(sock, selectors.EVENT_READ)
                        continue
                    got = sock.recv(65536)
                    if not got:
                        raise ConnectionError
                    if b"GET /echo " in got:
                        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    if b"GET /big " in got:
                        sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n")
                        left[sock] = 1 << 23
                        selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
                except BlockingIOError:
                    pass
                except OSError:
                    if sock is not listener:
                        selector.unregister(sock)
                        left.pop(sock, None)
                        sock.close()


def main(name, port, seconds, count, authority=None):
    port, seconds, count = int(port), float(seconds), int(count)
    if name in FLOODS:
        make, _, reads = FLOODS[name]
        return flood(make, port, seconds, count, reads)
    return {
        "slow preface": lambda: trickle(b"", PREFACE + settings(), port, seconds, count),
        "slow head": lambda: trickle(PREFACE + settings() + headers(1, X, flags=0), continuation(1, [("x", "y" * 1000)]), port, seconds, count),
        "slow frame": lambda: trickle(PREFACE + settings(), headers(1, X + hpack.literal("x", "y" * 1000)), port, seconds, count),
        "slow hello": lambda: trickle(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(500), port, seconds, count),
        "tiny windows": lambda: tiny(port, seconds, count),
        "handshakes": lambda: handshakes(port, seconds, count, authority),
        "hellos": lambda: hellos(port, seconds, count, authority),
        "garbage for TLS": lambda: garbage(port, seconds, count),
    }[name]()


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        server()
    else:
        print(json.dumps(main(*sys.argv[1:])))
