"""Many small cases of HTTP/2, a connection each: bytes go out whole or byte by byte, and a word says what came of it."""

import socket
import time
from dataclasses import dataclass, field

from .h2 import CONTINUATION, H2, PREFACE, ping, settings
from .http1 import Broken, Malformed
from .limits import SLOW
from .volley import places, unread

MARK = b"the mark"


@dataclass
class Result:
    """What came of one connection: a word for each stream that was awaited, or how the connection ended."""
    word: str
    alive: bool = True      # a request after it was answered as it should be
    streams: dict = field(default_factory=dict)
    said: bytes = b""


def attempt(address, sent, awaits=(1,), methods=None, *, preface=PREFACE + settings(), marks=True, follow="/follow", trickle=False,
            within=4.0 * SLOW, tls=None):
    """Sends a case on a connection of its own and says what came of it. A PING that comes back after it (`marks`) says that
    all of it was seen; then a request on the same connection must be answered (`follow`, None: not asked)."""
    with H2(address, tls, start=False) as peer:
        peer.surprises = True
        for number in awaits:
            peer.expect(number, (methods or {}).get(number, "GET"))
        whole = preface + sent + (ping(MARK) if marks else b"")

        def done():
            if peer.goaway and peer.goaway[1] != "NO_ERROR":
                return peer.end
            return (not marks or MARK in peer.pongs) and awaits and all(peer.streams[n].over for n in awaits) or \
                (marks and not awaits and MARK in peer.pongs)
        try:
            if trickle:
                _trickle(peer, whole, within)
            else:
                peer.send(whole)
            peer.pump(done, within)
        except AssertionError:
            return Result("late: " + ", ".join([peer.word] + [peer.streams[n].word for n in awaits]), False, peer.streams)
        except Malformed as wrong:
            return Result(f"malformed: {wrong}", False, peer.streams)
        alive = not peer.end
        if follow and alive:
            try:
                peer.next = max(peer.next, 90001)
                alive = peer.ask(follow).status == 200
            except (Broken, AssertionError, Malformed):
                alive = False
        words = [peer.streams[n].word for n in awaits] or \
            [s.word for n, s in peer.streams.items() if s.reset and n < 90001] or ["open"]
        if peer.word != "open":
            words = [peer.word if peer.word != "closed" else " ".join([*(w for w in words if w not in ("nothing", "open")), "closed"])]
        return Result(", ".join(words), alive, peer.streams, peer.goaway[2] if peer.goaway else b"")


def _trickle(peer, whole, within):
    """Byte for byte, the next one sent when the last was read; longer ones whole in their middle. libnghttp2 counts each
    piece of a CONTINUATION's header as one more, so a head that goes on comes in pieces of five."""
    at, peer.amid = 0, True
    step = 5 if _goes_on(whole) else 1
    deadline = time.monotonic() + within + len(whole) / 100
    unix = peer.sock.family == socket.AF_UNIX
    for end in [*places(len(whole))[::step], len(whole)]:
        peer.send(whole[at:end])
        at = end
        while unix and not peer.end and time.monotonic() < deadline and (peer.out or unread(peer.sock)):
            peer.turn(0)
        peer.turn(0)
        if peer.end:
            return
    peer.amid = False
    peer.send(peer.replies)


def _goes_on(whole):
    at = len(PREFACE) if whole.startswith(PREFACE) else 0
    while at + 9 <= len(whole):
        if whole[at + 3] == CONTINUATION:
            return True
        at += 9 + int.from_bytes(whole[at:at + 3], "big")
    return False
