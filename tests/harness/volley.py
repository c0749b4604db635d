"""Hundreds of connections at once, each with a request in pieces, and what came of each.

Over a unix socket a piece is sent only after the gateway has read the one before it (the kernel says
how many sent bytes wait unread), so a request that is cut at a byte really arrives cut there.
"""

import fcntl
import selectors
import struct
import time
from collections import Counter
from dataclasses import dataclass, field

from . import http1
from .client import connect
from .limits import PATIENCE, SLOW

SIOCOUTQ = 0x5411   # linux/sockios.h: bytes sent and not yet taken by the other side
WINDOW = 120        # connections at a time
QUIET = 2.0 * SLOW  # how long an answered connection may stay open before it counts as kept


class _NotYet(Exception):
    pass


def unread(sock):
    """Bytes sent on a unix socket that its peer has not read yet (with the kernel's overhead)."""
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0\0\0\0"))[0]


@dataclass
class Outcome:
    """What one connection saw."""
    pieces: tuple = ()
    answers: list = field(default_factory=list)
    end: str = ""           # open: kept; fin, rst: closed; late: nothing came in time
    broken: str = ""        # an answer that ended early
    malformed: str = ""     # bytes that are no answer

    @property
    def statuses(self):
        return [a.status for a in self.answers]

    @property
    def word(self):
        """All of it in a word: `400 closed`, `200 200 open`, `closed`, `200 broken`…"""
        words = [str(status) for status in self.statuses]
        if self.malformed:
            words.append("malformed")
        if self.broken:
            words.append("broken")
        words.append({"fin": "closed", "rst": "closed"}.get(self.end, self.end))
        return " ".join(words)

    def __str__(self):
        return f"{self.word} for {' | '.join(repr(p[:300]) for p in self.pieces)}" \
               f" {self.answers} {self.broken}{self.malformed}"


class _Shot:
    def __init__(self, address, pieces, half_close, count):
        self.sock = connect(address)
        self.sock.setblocking(False)
        self.unix = isinstance(address, str)
        self.todo = [bytes(p) for p in pieces]
        self.half_close = half_close
        self.count = count          # answers after which to leave; 0: wait for the end
        self.received = bytearray()
        self.heard = self.began = time.monotonic()
        self.outcome = Outcome(pieces=tuple(pieces))
        start = b"".join(pieces)[:8].lstrip(b"\r\n")
        self.method = "HEAD" if start.startswith(b"HEAD ") else "GET"
        self.push()

    def push(self):
        """Sends the next piece once the last one was read. An answer may come before the last piece."""
        if not self.todo:
            return
        try:
            if self.unix and not self.received and unread(self.sock):
                return
            sent = self.sock.send(self.todo[0])
            self.todo[0] = self.todo[0][sent:]
            if not self.todo[0]:
                self.todo.pop(0)
                self.heard = time.monotonic()
        except BlockingIOError:
            return
        except OSError:
            self.todo.clear()
            return
        if not self.todo and self.half_close:
            try:
                self.sock.shutdown(1)
            except OSError:
                pass

    def pull(self):
        """Reads what is there; True when this shot is over."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            return self.over("rst")
        if not data:
            return self.over("fin")
        self.received += data
        self.heard = time.monotonic()
        if self.count and not self.todo:
            self.parse("")
            if len(self.outcome.answers) >= self.count:
                self.outcome.end = "open"
                return True
        return False

    def waited(self, now):
        if self.received and not self.todo and now - self.heard > QUIET:
            return self.over("open")
        if now - self.heard > PATIENCE:
            return self.over("late")
        return False

    def over(self, end):
        self.outcome.end = end
        self.parse(end)
        return True

    def parse(self, end):
        outcome = self.outcome
        outcome.answers = []
        pending = [bytes(self.received)]

        def more():
            if pending:
                return pending.pop()
            if end == "fin":
                return b""
            if end == "rst":
                raise ConnectionResetError("reset")
            raise _NotYet
        source = http1.Source(more)
        try:
            while source.fill() if not source.buffer else True:
                outcome.answers.append(http1.read_answer(source, self.method))
        except http1.Malformed as bad:
            outcome.malformed = str(bad)
        except http1.Broken as broken:
            outcome.broken = str(broken)
        except (_NotYet, ConnectionError):
            if source.buffer and end:
                outcome.broken = "no whole answer"


def volley(address, requests, half_close=False, answers=0):
    """Sends each of `requests` (a list of pieces) on a connection of its own. With `answers` a
    connection is left after so many; without, its end is waited for. Gives an Outcome for each."""
    waiting = list(enumerate(requests))[::-1]
    outcomes = [None] * len(waiting)
    active = {}
    with selectors.DefaultSelector() as selector:
        while waiting or active:
            while waiting and len(active) < WINDOW:
                index, pieces = waiting.pop()
                shot = _Shot(address, pieces, half_close, answers)
                active[shot.sock.fileno()] = (index, shot)
                selector.register(shot.sock, selectors.EVENT_READ)
            pushing = False
            for _, shot in active.values():
                if shot.todo:
                    shot.push()
                    pushing = pushing or bool(shot.todo)
            ready = {key.fd for key, _ in selector.select(0.0005 if pushing else 0.02)}
            now = time.monotonic()
            for number in list(active):
                index, shot = active[number]
                if (number in ready and shot.pull()) or shot.waited(now):
                    selector.unregister(shot.sock)
                    shot.sock.close()
                    outcomes[index] = shot.outcome
                    del active[number]
    return outcomes


# A request longer than this is cut at its first and last bytes and at some between.
EVERY = 700


def places(size):
    """Where to cut a request of that many bytes."""
    if size <= EVERY:
        return list(range(1, size))
    edge = 150
    step = max(1, (size - 2 * edge) // 50)
    return sorted({*range(1, edge), *range(edge, size - edge, step), *range(size - edge, size)})


def cuts(request):
    """The request whole, and cut in two at every byte."""
    return [[request]] + [[request[:at], request[at:]] for at in places(len(request))]


def words(outcomes):
    """How often each outcome came, for messages."""
    return dict(Counter(outcome.word for outcome in outcomes))
