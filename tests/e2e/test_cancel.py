"""Who leaves frees the model server, whatever the request was doing; and who leaves with all that they asked for did not leave.

The time is measured at the model server, by its clock: from before the client's close to the end of the gateway's
connection to it.
"""
# ctest: serial

import contextlib
import json
import os
import threading
import time

import pytest

from harness import wait_until
from harness.callers import DONE, EVENTS, JSON, LISTEN, PROTOCOLS, Call, Gated, at_rest, leaving, metric, token, whole
from harness.client import Client
from harness.limits import SLOW

TIMES = 20
WITHIN = 0.1 * SLOW


def config(upstream, more=""):
    return (LISTEN + f"upstreams:\n  one: {{ to: \"{upstream.url}\", cold_start: all{more} }}\n"
            "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")


class Left:
    """A model server that goes as far as `step` and then waits to be left; it notes when."""

    def __init__(self, step=None):
        self.step, self.at = step, []
        self.begun = threading.Semaphore(0)

    def __call__(self, exchange):
        if self.step:
            self.step(exchange)
        self.begun.release()
        if exchange.stall():
            self.at.append(time.monotonic())

    def begin(self):
        assert self.begun.acquire(timeout=15 * SLOW), "the request did not reach the model server"

    def end(self, number):
        wait_until(lambda: len(self.at) >= number, what=f"the model server was not left the {number}th time")
        return self.at[number - 1]


def one_token(exchange):
    exchange.stream(EVENTS)
    exchange.chunk(token())


def empty_stream(exchange):
    exchange.stream(EVENTS)


def half_an_answer(exchange):
    exchange.send(f"HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: 100000\r\n\r\n".encode() + b"{\"choices\":[\"" + b"x" * 9000)


# What the model server has done when the client leaves, whether it was asked for a stream, what the client has seen, and what
# the config says.
STATES = {
    "prefill of a stream": (None, True, None, ""),
    "prefill behind a head": (empty_stream, True, "head", ""),
    "stream": (one_token, True, token(), ""),
    "whole answer to come": (None, False, None, ""),
    "half of a whole answer": (half_an_answer, False, "head", ""),
    "whole answer of a stream to come": (empty_stream, False, None, ", assemble: true"),
    "half of a whole answer of a stream": (one_token, False, None, ", assemble: true"),
}
WAYS = [(protocol, way) for protocol in PROTOCOLS for way in leaving(protocol)]


def tell(what, took):
    """Seen with pytest -rP."""
    print(f"{what}: {len(took)} times, {1e3 * sum(took) / len(took):.2f} ms on average, {1e3 * max(took):.2f} at most")
    assert max(took) < WITHIN, f"{what}: {[f'{1e3 * t:.0f} ms' for t in took]}"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("protocol, way", WAYS)
def test_who_leaves_frees_the_server(gateways, upstreams, state, protocol, way):
    step, stream, seen, options = STATES[state]
    script = Left(step)
    gateway = gateways(config(upstreams(script), options))
    took = []
    for number in range(1, TIMES + 1):
        with Call(gateway, protocol, stream=stream) as call:
            script.begin()
            if seen == "head":
                assert call.status == 200
            elif seen:
                call.until(seen)
            left = time.monotonic()
            call.leave(way)
            took.append(script.end(number) - left)
    tell(f"{state}, HTTP/{protocol}, {way}", took)
    for line in gateway.wait_access(TIMES):
        # 499 where nothing had come; else the answer's own status, and that it broke off.
        assert (line["status"], line.get("cut")) == ((200, True) if seen else (499, None)), line
    at_rest(gateway)


@pytest.mark.parametrize("protocol, way", WAYS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
def test_who_leaves_the_queue_is_never_served(gateways, upstreams, protocol, way, stream):
    model = Gated()
    upstream = upstreams(model)
    gateway = gateways(config(upstream, ", max_concurrent: 1, queue: 1"))
    took = []

    def waiting():
        return metric(gateway, "gatehouse_upstream_queue_waiting")
    try:
        with Call(gateway, "1.1") as first:
            model.came(1)
            for _ in range(TIMES):
                # There is room for one: as long as who left is there, the next one would be refused.
                with Call(gateway, protocol, stream=stream) as call:
                    wait_until(lambda: waiting() == 1)
                    left = time.monotonic()
                    call.leave(way)
                    wait_until(lambda: waiting() == 0)
                    took.append(time.monotonic() - left)
            with Call(gateway, "1.1", user="last") as last:
                wait_until(lambda: waiting() == 1)
                model.let(2)
                assert first.answer().status == 200 and last.answer().status == 200
    finally:
        model.finish()
    tell(f"queued, HTTP/{protocol}, {way}", took)
    assert [body.get("user") for body in model.order] == [None, "last"], "one that had left was served"
    assert upstream.closed == 0, "a connection was cut for somebody who never had it"
    lines = gateway.wait_access(TIMES + 2)
    assert sorted(line["status"] for line in lines) == [200, 200] + [499] * TIMES
    assert metric(gateway, "gatehouse_upstream_queue_refused_total") == 0
    at_rest(gateway)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_place_of_who_left_is_the_next_ones(gateways, upstreams, protocol):
    """The GPU is free for the next in the queue as soon as who had it is gone."""
    script = Left(one_token)
    gateway = gateways(config(upstreams(script), ", max_concurrent: 1"))
    took, left = [], None
    with contextlib.ExitStack() as stack:
        calls = [stack.enter_context(Call(gateway, protocol, stream=True)) for _ in range(TIMES)]
        for number in range(1, TIMES + 1):
            script.begin()
            if left:
                took.append(time.monotonic() - left)
            # Who of them came first is the kernel's to say, so whoever is served leaves.
            served = wait_until(lambda: next((call for call in calls if call.has_begun()), None))
            calls.remove(served)
            wait_until(lambda: metric(gateway, "gatehouse_upstream_queue_waiting") == len(calls))
            left = time.monotonic()
            served.leave()
            script.end(number)
    tell(f"the next, HTTP/{protocol}", took)
    at_rest(gateway)


class TestBehindDone:
    """Most SDKs close at [DONE], before the last chunk of the body."""

    @pytest.mark.parametrize("protocol, way", WAYS)
    @pytest.mark.parametrize("together", [True, False], ids=["in one write", "in two"])
    def test_a_close_is_no_abort(self, gateways, upstreams, protocol, way, together):
        end = threading.Semaphore(0)

        def script(exchange):
            exchange.stream(EVENTS)
            last = b"%x\r\n%s\r\n" % (len(DONE), DONE)
            exchange.chunk(token())
            exchange.send(last + b"0\r\n\r\n" if together else last)
            if not together:
                end.acquire(timeout=15 * SLOW)
                exchange.end()
        upstream = upstreams(script)
        gateway = gateways("workers: 1\n" + config(upstream))
        for number in range(1, TIMES + 1):
            with Call(gateway, protocol, stream=True) as call:
                call.until(DONE)
                call.leave(way)
                line = gateway.wait_access(number)[number - 1] if together else None
                end.release()
                line = line or gateway.wait_access(number)[number - 1]
                assert line["status"] == 200 and "cut" not in line, line
        at_rest(gateway)
        if together:
            assert upstream.accepted == 1 and not upstream.closed, "a connection was closed that was done"
        assert metric(gateway, "gatehouse_answers_cut_total") == 0
        assert metric(gateway, "gatehouse_requests_total", 'class="left"') == 0

    @pytest.mark.parametrize("protocol, way", WAYS)
    def test_nor_is_one_behind_a_whole_answer(self, gateways, upstreams, protocol, way):
        upstream = upstreams(lambda exchange: exchange.answer(200, whole(), JSON))
        gateway = gateways("workers: 1\n" + config(upstream))
        for number in range(1, TIMES + 1):
            with Call(gateway, protocol, stream=False) as call:
                assert call.answer().body == whole()
                call.leave(way)
            line = gateway.wait_access(number)[number - 1]
            assert line["status"] == 200 and "cut" not in line, line
        assert upstream.accepted == 1 and not upstream.closed

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_but_one_before_it_is(self, gateways, upstreams, protocol):
        script = Left(lambda e: (e.stream(EVENTS), e.chunk(token()), e.chunk(DONE[:-2])))
        gateway = gateways(config(upstreams(script)))
        with Call(gateway, protocol, stream=True) as call:
            call.until(DONE[:-2])
            call.leave()
            script.end(1)
        assert gateway.wait_access()[0]["cut"]


# --- a real model server ----------------------------------------------------------------------

LLAMA = os.environ.get("GATEHOUSE_LLAMA", "").rstrip("/")
COUNT = {"messages": [{"role": "user", "content": "Count from 1 to 1000, in words."}], "max_tokens": 3000, "temperature": 0,
         "ignore_eos": True}
READ = {"messages": [{"role": "user", "content": "Say yes. " * 150}], "max_tokens": 3000, "temperature": 0, "ignore_eos": True,
        "cache_prompt": False}


@pytest.mark.skipif(not LLAMA, reason="GATEHOUSE_LLAMA is not the address of a llama.cpp server, such as http://127.0.0.1:8080")
class TestLlamaCpp:
    """In front of a real one that nobody else uses: `llama-server --slots -m SOME.gguf --port 8080`, and then
    `GATEHOUSE_LLAMA=http://127.0.0.1:8080 ./dev test`. Its /slots tell whether it is at work.

    It leaves a prompt that it reads for nobody, so there only the gateway's side can be free at once.
    """

    @staticmethod
    def slots():
        host, _, port = LLAMA.removeprefix("http://").rpartition(":")
        with Client((host, int(port))) as client:
            answer = client.ask("GET", "/slots")
        assert answer.status == 200, "the server has to be started with --slots"
        return [slot for slot in json.loads(answer.body) if slot["is_processing"]]

    def is_writing(self):
        """Past the prompt, in all slots that are at work."""
        slots = self.slots()
        return slots and all(slot["next_token"][0]["n_decoded"] > 0 for slot in slots)

    @pytest.fixture
    def gateway(self, gateways):
        gateway = gateways(LISTEN + "upstreams:\n"
                           f"  one: {{ to: \"{LLAMA}\", cold_start: all, assemble: true, max_concurrent: 2 }}\n"
                           "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")
        wait_until(lambda: not self.slots(), every=0.05, within=120)
        yield gateway
        at_rest(gateway)

    @pytest.mark.parametrize("protocol, way", WAYS)
    @pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
    def test_its_slots_are_free_at_once(self, gateway, protocol, way, stream):
        took = []
        for _ in range(3):
            with Call(gateway, protocol, stream=stream, **COUNT) as call:
                wait_until(self.is_writing, every=0.01)
                if stream:
                    call.status     # pylint: disable=pointless-statement
                left = time.monotonic()
                call.leave(way)
                wait_until(lambda: not self.slots(), every=0.002)
                took.append(time.monotonic() - left)
        # The server looks whether it was left between two tokens.
        print(f"free after {[f'{1e3 * t:.0f} ms' for t in took]}")
        assert max(took) < 0.5 * SLOW

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    @pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole answer"])
    def test_a_prompt_is_not_answered_for_nobody(self, gateway, protocol, stream):
        with Call(gateway, protocol, stream=stream, **READ) as call:
            wait_until(self.slots, every=0.01)
            assert not self.is_writing()
            left = time.monotonic()
            call.leave()
            wait_until(lambda: not metric(gateway, "gatehouse_upstream_busy"))
            freed = time.monotonic() - left
            wait_until(lambda: not self.slots(), every=0.02, within=60 * SLOW)
        print(f"left after {1e3 * freed:.1f} ms, free after {time.monotonic() - left:.1f} s")
        assert freed < WITHIN
        with Call(gateway, protocol, stream=False, **{**COUNT, "max_tokens": 2}) as call:
            assert call.answer().status == 200

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_who_leaves_the_queue_never_comes_to_it(self, gateway, protocol):
        with Call(gateway, protocol, stream=True, **COUNT) as one, Call(gateway, protocol, stream=False, **COUNT) as two:
            wait_until(lambda: len(self.slots()) == 2, every=0.01)
            with Call(gateway, protocol, stream=True, **COUNT) as third:
                wait_until(lambda: metric(gateway, "gatehouse_upstream_queue_waiting") == 1)
                third.leave()
            wait_until(lambda: metric(gateway, "gatehouse_upstream_queue_waiting") == 0)
            assert len(self.slots()) == 2
            one.leave()
            two.leave()
            wait_until(lambda: not self.slots(), every=0.01)
