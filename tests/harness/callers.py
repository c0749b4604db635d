"""Callers of a model over HTTP/1.1 and HTTP/2 alike, and what is asked of a gateway about them."""

import contextlib
import json
import re
import select
import threading

from . import http1
from .client import Client, request
from .h2 import H2
from .http1 import Broken
from .limits import wait_until

CHAT = "/v1/chat/completions"
EVENTS = "Content-Type: text/event-stream"
JSON = "Content-Type: application/json"
DONE = b"data: [DONE]\n\n"
# One address for both: a client that begins with HTTP/2's preface speaks that.
LISTEN = 'listen:\n  - { address: "127.0.0.1:@PORT@", h2c: true }\n'
PROTOCOLS = ("1.1", "2")


def token(number=0):
    """An event with one token."""
    return b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"t%d"},"finish_reason":null}]}\n\n' % number


def whole(text="t"):
    """A whole answer of JSON."""
    return json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}).encode()


def chat(**members):
    """The body of a chat."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **members}).encode()


class Call:
    """One chat, sent. `status` waits for the head; `leave` closes as a client does that has lost its patience."""

    def __init__(self, gateway, protocol="1.1", *fields, path=CHAT, **members):
        body = chat(**members)
        self.protocol, self.got = protocol, b""
        self._head = self._stream = None
        if protocol == "2":
            self.peer = H2(gateway.tcp)
            named = [tuple(f.split(": ", 1)) for f in (JSON, *fields)]
            self._stream = self.peer.open(path, *[(n.lower(), v) for n, v in named], ("content-length", str(len(body))),
                                          method="POST", end=False).send(body, end=True)
            self.peer.pump(lambda: not self.peer.out and not self._stream.todo)
        else:
            self.peer = Client(gateway.tcp)
            self.peer.send(request("POST", path, JSON, *fields, body=body))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    @property
    def head(self):
        if not self._head:
            self._head = self._stream.answer_head() if self._stream else self.peer.answer_head()
        return self._head

    @property
    def status(self):
        return self.head.status

    def has_begun(self):
        """Whether anything of an answer is there by now. Does not wait."""
        if self._stream:
            self.peer.turn()
            return bool(self._stream.head)
        return bool(self._head or self.peer.source.buffer or select.select([self.peer.sock], [], [], 0)[0])

    def until(self, end):
        """Waits until what came of the body ends with this."""
        self.head  # pylint: disable=pointless-statement
        while not self.got.endswith(end):
            if self._stream:
                self._stream.wait(lambda s: len(s.body) > len(self.got))
                if len(self._stream.body) == len(self.got):
                    raise Broken(self._stream.word, self.got, self.head)
                self.got = bytes(self._stream.body)
            else:
                part = self.peer.chunk()
                if not part:
                    raise Broken(f"a clean end after {self.got!r}", self.got, self.head)
                self.got += part
        return self.got

    def says_nothing_for(self, seconds):
        """Whether nothing of the body comes for so long: the span is what is tested."""
        if self._stream:
            self.head   # pylint: disable=pointless-statement
            with contextlib.suppress(AssertionError):
                self._stream.wait(lambda s: len(s.body) > len(self.got), seconds)
            return len(self._stream.body) == len(self.got)
        return not (self.peer.source.buffer or select.select([self.peer.sock], [], [], seconds)[0])

    def answer(self):
        """The whole answer; one that broke off is Broken."""
        if self._stream:
            return self._stream.answer()
        answer = self.head
        http1.read_body(answer, self.peer.source, until_close=True)
        answer.body = self.got + answer.body
        return answer

    def outcome(self):
        """(status, whether it came to a clean end, the body); 0: not even a head."""
        try:
            answer = self.answer()
            return answer.status, True, answer.body
        except Broken as broken:
            return broken.head.status if broken.head else 0, False, broken.so_far

    def leave(self, way="close"):
        """`close`: the connection; `reset`: the connection, with a RST; `cancel`: the stream alone, over HTTP/2."""
        if way == "cancel":
            self._stream.cancel()
            self.peer.flush()
        elif way == "reset":
            (self.peer.rst if self._stream else self.peer.reset)()
        else:
            self.peer.close()


def leaving(protocol):
    """The ways to leave over a protocol."""
    return ("close", "reset", "cancel") if protocol == "2" else ("close", "reset")


def metric(gateway, name, label=""):
    """The sum of a metric's lines that have `label` in them."""
    text = gateway.ask_admin("GET", "/metrics").body.decode()
    found = re.findall(rf"(?m)^{re.escape(name)}(?:{{(.*)}})? ([0-9.e+-]+)$", text)
    assert found, f"there is no metric {name}"
    return sum(float(value) for labels, value in found if label in labels)


def at_rest(gateway):
    """Waits until no call is under way, nobody has a place or waits for one, and no request is open."""
    names = ("gatehouse_upstream_busy", "gatehouse_upstream_queue_running", "gatehouse_upstream_queue_waiting",
             "gatehouse_requests_active")
    wait_until(lambda: not any(metric(gateway, name) for name in names), every=0.02,
               what=lambda: {name: metric(gateway, name) for name in names})


class Gated:
    """A model server: each request waits at the gate until it is let, and then is answered. It knows how many it had at once."""

    def __init__(self, answer=None):
        self.gate = threading.Semaphore(0)
        self.answer = answer or self.reply
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.order = []         # bodies, as they came
        self.open = threading.Event()

    def __call__(self, exchange):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.order.append(json.loads(exchange.request.body or b"{}"))
        try:
            while not self.open.is_set() and not self.gate.acquire(timeout=0.02):
                pass
        finally:
            with self.lock:
                self.running -= 1
        with contextlib.suppress(OSError):
            self.answer(exchange)

    @staticmethod
    def reply(exchange):
        if json.loads(exchange.request.body).get("stream"):
            exchange.stream(EVENTS)
            exchange.chunk(token())
            exchange.chunk(DONE)
            exchange.end()
        else:
            exchange.answer(200, whole(), JSON)

    def let(self, count=1):
        """So many requests, in the order in which they came to the gate."""
        for _ in range(count):
            self.gate.release()

    def finish(self):
        self.open.set()

    def came(self, count):
        """Waits until so many requests have come."""
        return wait_until(lambda: len(self.order) >= count and self.order[:count],
                          what=lambda: f"{count} requests; {len(self.order)} came, {self.running} at once")
