"""Every way in which a model server breaks, and when: what the client is told, what the log and the ledger say, and who is
asked instead. Before the head an error; after it a break, and never an end that looks clean."""

import contextlib
import json
import sqlite3
import threading
from contextlib import closing

import pytest

from harness import wait_until
from harness.callers import DONE, EVENTS, JSON, LISTEN, PROTOCOLS, Call, at_rest, metric, token, whole
from harness.limits import PATIENCE, SLOW

WHOLE, CUT = 0, 1    # how an answer ended, in the ledger
OK = b"HTTP/1.1 200 OK\r\n"
ERROR = b'{"error": {"message":"boom", "type":"server_error", "param":null, "code":null}}'
SHORT, LONG = 2000, 20000   # as much and more of JSON than is held to be looked at


def sends(data, then="fin"):
    def fault(exchange):
        exchange.send(data)
        getattr(exchange, then)()
    return fault


def is_stream(exchange):
    return bool(json.loads(exchange.request.body).get("stream"))


# Instead of a head. None of it reaches a client.
BEFORE = {
    "close": lambda e: e.fin(),
    "reset": lambda e: e.rst(),
    "stall": lambda e: e.stall(),
    "garbage": sends(b"garbage\r\n\r\n"),
    "garbage and nothing more": sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "stall"),
    "half a head": sends(OK + b"Content-Type: text/event-st"),
    "half a head, reset": sends(OK + b"Content-Type: text/event-st", "rst"),
    "half a head, stall": sends(OK + b"Content-Type: text/event-st", "stall"),
    "two lengths": sends(OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello"),
    "a head without an end": sends(OK + b"X-Big: " + b"a" * 200000, "stall"),
    "another protocol": sends(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "stall"),
}
# An answer, if not a good one: it is the model server's to give.
ERRORS = {"500": 500, "503": 503, "429": 429, "400": 400}
# Behind a head, or behind a first token, of an answer in chunks.
CHUNKED = {
    "close": lambda e: e.fin(),
    "reset": lambda e: e.rst(),
    "stall": lambda e: e.stall(),
    "no chunk": sends(b"zz\r\nno chunk\r\n"),
    "no chunk and nothing more": sends(b"zz\r\nno chunk\r\n", "stall"),
    "a size without an end": sends(b"f" * 40, "stall"),
    "too long a chunk": sends(b"2\r\n: too long\n\n\r\n", "stall"),
    "half a chunk": sends(b"ff\r\ndata: {\"id\":"),
    "half a chunk, reset": sends(b"ff\r\ndata: {\"id\":", "rst"),
    "half a chunk, stall": sends(b"ff\r\ndata: {\"id\":", "stall"),
    "half of the last chunk": sends(b"0\r\n"),
    "half of the last chunk, reset": sends(b"0\r\n", "rst"),
    "no trailer": sends(b"0\r\nno trailer\r\n\r\n", "stall"),
}
# The same, of an answer that told its length.
LENGTH = {"close": lambda e: e.fin(), "reset": lambda e: e.rst(), "stall": lambda e: e.stall()}
FAULTS = {"before": BEFORE, "head": CHUNKED, "token": CHUNKED, "length": LENGTH, "length token": LENGTH, "long": CHUNKED,
          "long length": LENGTH}
AFTER = [place for place in FAULTS if place != "before"]


def part_of(place, kind):
    """What comes of an answer's body before the fault."""
    if "long" in place:
        return b": " + b"x" * LONG + b"\n\n" if kind == "stream" else b'{"choices":["' + b"x" * LONG
    return b"" if "token" not in place else token() if kind == "stream" else b'{"choices":['


def begin(exchange, place):
    """An answer as far as this place."""
    stream = is_stream(exchange)
    kind, part = EVENTS if stream else JSON, part_of(place, "stream" if stream else "whole")
    length = f"Content-Length: {2 * LONG if 'long' in place else SHORT}"
    head = OK + f"{kind}\r\n{length if 'length' in place else 'Transfer-Encoding: chunked'}\r\n\r\n".encode()
    if part and "length" not in place:
        part = b"%x\r\n%s\r\n" % (len(part), part)
    exchange.send(head + part)


class Breaking:
    """A model server that breaks as the request's `user` says. `gate`: not before the test lets it."""

    def __init__(self, gated=False):
        self.gate = threading.Semaphore(0)
        self.gated = gated

    def __call__(self, exchange):
        place, _, fault = json.loads(exchange.request.body)["user"].partition("/")
        if self.gated and not self.gate.acquire(timeout=PATIENCE):
            return
        with contextlib.suppress(OSError):
            if fault in ERRORS:
                exchange.answer(ERRORS[fault], ERROR, JSON, "Retry-After: 7")
            elif place == "slow":
                self.slow(exchange, fault)
            else:
                if place != "before":
                    begin(exchange, place)
                FAULTS[place][fault](exchange)

    @staticmethod
    def slow(exchange, what):
        """Nothing is wrong but that each byte comes alone."""
        if is_stream(exchange):
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (token(), DONE)) + b"0\r\n\r\n"
            head = OK + EVENTS.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        else:
            body = whole()
            head = OK + f"{JSON}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for data, name in ((head, "head"), (body, "body")):
            if name == what:
                for byte in data:
                    exchange.send(bytes([byte]))
            else:
                exchange.send(data)


def answers(exchange):
    """The server that is asked instead."""
    if is_stream(exchange):
        exchange.stream(EVENTS)
        exchange.chunk(token(7))
        exchange.chunk(DONE)
        exchange.end()
    else:
        exchange.answer(200, whole("instead"), JSON)


KINDS = ("stream", "whole", "joined")   # joined: a whole answer that is asked for as a stream


def pace(place, fault):
    """A name's beginning, where the gateway is to lose its patience: before an answer, or within one."""
    return "" if "stall" not in fault else "quick-" if place == "before" else "idle-"


def config(bad, good, proxy, patience):
    """A name for each kind of request, so that lines and rows tell which they are of."""
    paces = {"": "idle_timeout: 1m", "quick-": f"first_byte_timeout: {int(patience)}ms", "idle-": f"idle_timeout: {int(300 * SLOW)}ms"}
    lines = [LISTEN + "limits: { connections_per_address: 1000 }\nupstreams:", f"  good: {{ to: \"{good.url}\", cold_start: all }}"]
    models = ["            good: { to: good }"]
    for kind in KINDS:
        for before, options in paces.items():
            assemble = ", assemble: true" if kind == "joined" else ""
            lines.append(f"  {before}{kind}: {{ to: \"{bad.url}\", cold_start: all, {options}{assemble} }}")
            models += [f"            {before}{kind}-alone: {{ to: {before}{kind} }}",
                       f"            {before}{kind}-backed: {{ to: {before}{kind}, fallback: good }}"]
    return "\n".join([*lines, f"routes:\n  - handle:\n      - openai-proxy:\n{proxy}          models:", *models, ""])


class Bench:
    """A gateway before a server that breaks and one that does not."""

    def __init__(self, gateways, upstreams, gated=False, proxy="", patience=250):
        self.script = Breaking(gated)
        self.bad, self.good = upstreams(self.script, "bad"), upstreams(answers, "good")
        self.gateway = gateways(config(self.bad, self.good, proxy, patience * SLOW))
        self.lines = 0

    def calls(self, stack, place, faults, kinds=KINDS):
        """A call of each kind with each fault, all at once: {(fault, kind, backed, protocol): call}."""
        return {(fault, kind, backed, protocol): stack.enter_context(Call(
            self.gateway, protocol, model=f"{pace(place, fault)}{kind}-{backed}", stream=kind == "stream",
            user=f"{place}/{fault}"))
            for fault in faults for kind in kinds for backed in ("alone", "backed") for protocol in PROTOCOLS}

    def logged(self, count):
        """What the log has to say of the requests of this test: [(quick, kind, backed, line), …]."""
        lines = self.gateway.wait_access(self.lines + count)[self.lines:]
        assert len(lines) == count
        return [(*named(line["model"]), line) for line in lines]

    def kept(self, count):
        """The ledger's last rows: [(quick, kind, backed, (status, ended, upstream, output, estimated)), …]."""
        wait_until(lambda: not metric(self.gateway, "gatehouse_usage_rows_pending"), every=0.01)
        with closing(sqlite3.connect(self.gateway.dir / "state" / "usage.db")) as db:
            rows = db.execute("SELECT requests, model, status, ended, upstream, output, estimated FROM request ORDER BY id DESC")
            return [(*named(model), tuple(row)) for times, model, *row in rows for _ in range(times)][:count]


def named(model):
    """(whether the gateway was to lose its patience, kind, backed)"""
    return (model.startswith("quick-"), *model.removeprefix("quick-").removeprefix("idle-").split("-"))


@pytest.fixture(scope="module")
def one_bench(module_gateways, module_upstreams):
    return Bench(module_gateways, module_upstreams)


@pytest.fixture
def bench(one_bench):
    at_rest(one_bench.gateway)
    one_bench.good.forget()
    one_bench.lines = len(one_bench.gateway.access())
    return one_bench


def error(body):
    told = json.loads(body)["error"]
    assert set(told) == {"message", "type", "param", "code"} and told["message"] and told["type"] == "server_error", told
    return told


def test_before_the_head_it_is_an_error_or_another_is_asked(bench):
    with contextlib.ExitStack() as stack:
        calls = bench.calls(stack, "before", BEFORE)
        for (fault, kind, backed, _), call in calls.items():
            answer = call.answer()
            if backed == "backed":
                want = token(7) + DONE if kind == "stream" else whole("instead")
                assert (answer.status, answer.body) == (200, want), (fault, answer)
            else:
                assert answer.status == (504 if pace("before", fault) else 502), (fault, answer)
                assert error(answer.body)["code"] == "upstream_error" and answer.get("x-request-id")
                assert answer.get("Content-Type").startswith("application/json")
    assert len(bench.good.requests) == len(calls) // 2
    for late, _, backed, line in bench.logged(len(calls)):
        assert line["status"] == (200 if backed == "backed" else 504 if late else 502) and "cut" not in line, line
    for late, kind, backed, row in bench.kept(len(calls)):
        if backed == "backed":
            assert row[:3] == (200, WHOLE, "good"), row
        else:
            upstream = ("quick-" if late else "") + kind
            assert row == (504 if late else 502, WHOLE, upstream, None, 0), "tokens of no answer, or another's"


def test_an_error_is_an_answer(bench):
    with contextlib.ExitStack() as stack:
        calls = bench.calls(stack, "before", ERRORS)
        for (fault, *_), call in calls.items():
            answer = call.answer()
            assert answer.status == ERRORS[fault] and answer.body == ERROR and answer.get("Retry-After") == "7", (fault, answer)
    assert not bench.good.requests
    want = sorted([*ERRORS.values()] * (len(calls) // len(ERRORS)))
    assert sorted(line["status"] for *_, line in bench.logged(len(calls))) == want
    assert sorted(row[0] for *_, row in bench.kept(len(calls))) == want


def test_slow_is_no_fault(bench):
    with contextlib.ExitStack() as stack:
        calls = bench.calls(stack, "slow", ("head", "body"))
        for (_, kind, *_), call in calls.items():
            answer = call.answer()
            assert answer.status == 200
            if kind == "joined":
                assert json.loads(answer.body)["choices"][0]["message"]["content"] == "t0"
            else:
                assert answer.body == (token() + DONE if kind == "stream" else whole())
    assert not bench.good.requests
    assert all(line["status"] == 200 and "cut" not in line for *_, line in bench.logged(len(calls)))
    assert all(row[:2] == (200, WHOLE) for *_, row in bench.kept(len(calls)))


# What of a fault's own bytes is still a part of the answer.
TAILS = {"too long a chunk": b": "}
TAILS |= {fault: b'data: {"id":' for fault in CHUNKED if fault.startswith("half a chunk")}


@pytest.mark.parametrize("place", AFTER)
def test_after_the_head_it_is_a_break_and_nobody_else_is_asked(bench, place):
    cut = metric(bench.gateway, "gatehouse_answers_cut_total")
    # What is short, or becomes one, is not shown before it is whole: then there is still time for an error.
    breaks = {"stream": True, "whole": "long" in place, "joined": False}
    with contextlib.ExitStack() as stack:
        calls = bench.calls(stack, place, FAULTS[place])
        for (fault, kind, *which), call in calls.items():
            status, clean, body = call.outcome()
            if not breaks[kind]:
                assert (status, clean) == (502, True), (fault, kind, which, status, clean, body)
                assert error(body)["code"] == "upstream_error"
                continue
            assert not clean and (part_of(place, kind) + TAILS.get(fault, b"")).startswith(body), (fault, kind, which, clean, body)
            # Where all of it came at once nothing may have gone out.
            assert status == 200 or (status, body) == (0, b""), (fault, kind, which, status, body)
            if fault == "stall":
                assert (status, body) == (200, part_of(place, kind)), (kind, which)
    assert not bench.good.requests, "it was asked after an answer had begun"
    for _, kind, _, line in bench.logged(len(calls)):
        assert (line["status"], line.get("cut")) == ((200, True) if breaks[kind] else (502, None)), line
    for _, kind, _, row in bench.kept(len(calls)):
        assert row[:2] == ((200, CUT) if breaks[kind] else (502, WHOLE)), (kind, row)
        # One event of text came: one token, by the gateway's own count.
        assert kind != "stream" or row[3:] == ((1, 1) if "token" in place else (None, 0)), row
    assert metric(bench.gateway, "gatehouse_answers_cut_total") - cut == len(calls) / 3 * sum(breaks.values())


def the_event(said):
    """The JSON of the one event that it is."""
    assert said.startswith(b"data: ") and said.endswith(b"\n\n") and said.count(b"\n") == 2, said
    return json.loads(said[6:])


class TestAfterAPing:
    """The head is out by then, whatever the model server's first word is."""

    @pytest.fixture(scope="class")
    def gated(self, module_gateways, module_upstreams):
        return Bench(module_gateways, module_upstreams, gated=True, proxy="          ping_after: 100ms\n", patience=2000)

    @pytest.mark.parametrize("place", FAULTS)
    def test_it_is_told_in_the_stream_and_then_cut(self, gated, place):
        faults = [*FAULTS[place], *(ERRORS if place == "before" else ())]
        at_rest(gated.gateway)
        gated.lines = len(gated.gateway.access())
        with contextlib.ExitStack() as stack:
            calls = gated.calls(stack, place, faults, kinds=("stream",))
            for call in calls.values():
                call.until(b": ping\n")
                assert call.status == 200
            for _ in calls:
                gated.script.gate.release()
            for (fault, _, *which), call in calls.items():
                status, clean, body = call.outcome()
                assert status == 200 and not clean, (fault, which, body)
                body = body.replace(b": ping\n", b"")
                came = part_of(place, "stream")
                assert body.startswith(came)
                if place == "before":
                    event = the_event(body)
                    assert event == json.loads(ERROR) if fault in ERRORS else error(json.dumps(event)), (fault, event)
                elif "token" in place or fault in TAILS:
                    # The model writes, or is within an event: nothing can be said there.
                    assert (came + TAILS.get(fault, b"")).startswith(body), (fault, which, body)
                else:
                    assert error(json.dumps(the_event(body[len(came):])))["code"] == "upstream_error"
        assert not gated.good.requests, "it was asked after the head was out"
        assert all(line["status"] == 200 and line["cut"] for *_, line in gated.logged(len(calls)))
        assert all(row[:2] == (200, CUT) for *_, row in gated.kept(len(calls)))

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("asks", [True, False], ids=["usage asked for", "not asked for"])
    def test_an_answer_never_becomes_longer_than_was_told(self, gateways, upstreams, protocol, asks):
        """A ping within a body of a known length would push its end out of it, into the next answer."""
        body, go = token() + DONE, threading.Event()

        def script(exchange):
            exchange.send(OK + f"{EVENTS}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            go.wait(PATIENCE)
            exchange.send(body)
        url = upstreams(script).url
        gateway = gateways(LISTEN + f"routes:\n  - handle:\n      - openai-proxy: {{ to: \"{url}\", ping_after: 50ms }}\n")
        with Call(gateway, protocol, stream=True, **({"stream_options": {"include_usage": True}} if asks else {})) as call:
            assert call.status == 200
            told = call.head.get("Content-Length")
            if told:
                assert int(told) == len(body)
                assert call.says_nothing_for(0.3)
            else:
                call.until(b": ping\n: ping\n")
            go.set()
            answer = call.answer()
            assert answer.body.replace(b": ping\n", b"") == body and (answer.body == body or not told)
            if protocol == "1.1":
                assert not call.peer.source.buffer and call.peer.is_open()
