"""Who is served next at a busy model server, seen from the front: turns, priorities, refusals, cold loads."""

import contextlib
import json
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from harness import Broken, gatehouse, wait_until
from harness.callers import CHAT, DONE, EVENTS, JSON, LISTEN, PROTOCOLS, Call, Gated, at_rest, metric, token, whole
from harness.door import key_hash
from harness.limits import PATIENCE

PEOPLE = {"script": "normal", "person": "normal", "nightly": "low", "boss": "high"}
LIMITS = "limits: { connections_per_address: 1000 }\n"


def key_of(name):
    return f"gatehouse_{name}".ljust(40, "0")


def bearer(name):
    return f"Authorization: Bearer {key_of(name)}"


CREDENTIALS = {"credentials.yaml": "keys:\n" + "".join(
    f"  {name}: {{ key: \"{key_hash(key_of(name))}\", priority: {priority} }}\n" for name, priority in PEOPLE.items())}


def config(upstream, options, proxy="", auth="", cold="all"):
    return (LISTEN + LIMITS + f"upstreams:\n  gpu: {{ to: \"{upstream.url}\", cold_start: {cold}, {options} }}\n"
            f"routes:\n  - match: /v1\n    handle:\n{auth}      - openai-proxy: {{ to: gpu{proxy} }}\n")


AUTH = "      - basic-auth: { credentials: @DIR@/credentials.yaml }\n"


def waiting(gateway):
    return metric(gateway, "gatehouse_upstream_queue_waiting")


def wait_for(gateway, count):
    """Until so many wait."""
    wait_until(lambda: waiting(gateway) == count, every=0.005, what=lambda: f"{waiting(gateway)} wait, not {count}")


def error(answer):
    return json.loads(answer.body)["error"]


@pytest.fixture
def model(upstreams):
    """A gated server; whoever waits at its gate is let when the test is over."""
    gated = Gated()
    gated.upstream = upstreams(gated)
    yield gated
    gated.finish()


@pytest.fixture
def calls():
    """Makes calls, and closes them."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **members: stack.enter_context(Call(*arguments, **members))


def users(model):
    return [body.get("user") for body in model.order]


class TestTurns:
    def test_two_workers_have_one_queue(self, gateways, model, calls):
        gateway = gateways("workers: 2\n" + config(model.upstream, "max_concurrent: 3"))
        # Streams of one connection are on one worker; connections are on both.
        open_ = [calls(gateway, protocol, stream=stream) for protocol in PROTOCOLS for stream in (True, False) for _ in range(4)]
        model.came(3)
        wait_for(gateway, 13)
        assert metric(gateway, "gatehouse_upstream_queue_running") == 3
        for served in range(4, 17):
            model.let()
            model.came(served)
            assert model.running <= 3
        model.finish()
        assert [call.outcome()[:2] for call in open_] == [(200, True)] * 16
        assert model.most == 3
        at_rest(gateway)

    def test_a_person_waits_for_one_request_of_a_script_not_for_its_hundred(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1", auth=AUTH), files=CREDENTIALS)
        open_ = [calls(gateway, "1.1", bearer("script"), user="script") for _ in range(100)]
        model.came(1)
        wait_for(gateway, 99)
        person = calls(gateway, "2", bearer("person"), user="person")
        wait_for(gateway, 100)
        model.let(3)
        assert person.answer().status == 200
        assert "person" in users(model)[:3]
        model.finish()
        assert {call.outcome()[:2] for call in open_} == {(200, True)}
        assert len(model.order) == 101 and model.most == 1

    def test_shares_are_equal_whatever_the_demand(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1", auth=AUTH), files=CREDENTIALS)
        for number in range(31):
            calls(gateway, PROTOCOLS[number % 2], bearer("script"), user="script")
        model.came(1)
        wait_for(gateway, 30)
        for number in range(10):
            calls(gateway, PROTOCOLS[number % 2], bearer("person"), user="person")
        wait_for(gateway, 40)
        model.let(21)
        assert model.came(21)
        assert users(model)[1:21].count("person") == 10, users(model)

    def test_strangers_are_told_apart_by_their_address(self, gateways, model, calls):
        gateway = gateways("trusted_proxies: [127.0.0.1]\n" + config(model.upstream, "max_concurrent: 1"))
        for _ in range(20):
            calls(gateway, "1.1", "X-Forwarded-For: 192.0.2.1", user="script")
        model.came(1)
        wait_for(gateway, 19)
        calls(gateway, "1.1", "X-Forwarded-For: 192.0.2.2", user="person")
        wait_for(gateway, 20)
        model.let(3)
        model.came(3)
        assert "person" in users(model)[:3]

    def test_a_higher_priority_goes_first(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1", auth=AUTH), files=CREDENTIALS)
        calls(gateway, "1.1", bearer("nightly"), user="first")
        model.came(1)
        names = ["nightly", "person", "boss"]
        for number, name in enumerate(names * 2, 1):
            calls(gateway, PROTOCOLS[number % 2], bearer(name), user=name)
            wait_for(gateway, number)
        model.let(7)
        model.came(7)
        assert users(model) == ["first", "boss", "boss", "person", "person", "nightly", "nightly"]

    def test_64_wait_for_one_place_and_all_are_served(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue: 64"))
        first = calls(gateway)
        model.came(1)
        open_ = [calls(gateway, PROTOCOLS[number % 2], stream=number % 4 < 2) for number in range(64)]
        wait_for(gateway, 64)
        model.finish()
        assert first.answer().body == whole()
        for number, call in enumerate(open_):
            answer = call.answer()
            assert answer.status == 200 and (answer.body == token() + DONE if number % 4 < 2 else answer.body == whole())
        assert len(model.order) == 65 and model.most == 1
        assert metric(gateway, "gatehouse_upstream_queue_wait_seconds_count") == 64
        at_rest(gateway)

    def test_what_only_looks_takes_no_turn(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue: 0"))
        calls(gateway)
        model.came(1)
        model.upstream.script = lambda exchange: exchange.answer(200, b'{"object":"list","data":[{"id":"one-more"}]}', JSON)
        answer = gateway.ask("GET", "/v1/models")
        assert answer.status == 200 and b"one-more" in answer.body
        assert calls(gateway).answer().status == 429


class TestRefusals:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_one_more_than_may_wait_is_429(self, gateways, model, calls, protocol):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue: 2"))
        open_ = [calls(gateway, protocol) for _ in range(3)]
        model.came(1)
        wait_for(gateway, 2)
        for stream in (True, False):
            answer = calls(gateway, protocol, stream=stream).answer()
            assert answer.status == 429 and error(answer)["code"] == "server_is_overloaded" and error(answer)["message"]
            assert 1 <= int(answer.get("Retry-After")) <= 60
            assert answer.get("Content-Type").startswith("application/json") and answer.get("x-request-id")
        answer = calls(gateway, protocol, path="/v1/messages").answer()
        told = json.loads(answer.body)
        assert answer.status == 429 and told["type"] == "error" and told["error"]["message"]
        assert metric(gateway, "gatehouse_upstream_queue_refused_total") == 3
        # A place more is there at once for the next.
        model.let()
        model.came(2)
        wait_for(gateway, 1)
        open_.append(calls(gateway, protocol))
        wait_for(gateway, 2)
        model.finish()
        assert [call.outcome()[:2] for call in open_] == [(200, True)] * 4
        assert len(model.order) == 4, "one that was refused was served"
        assert sorted(line["status"] for line in gateway.wait_access(7)) == [200] * 4 + [429] * 3

    def test_the_advice_is_how_long_the_others_will_take(self, gateways, model, calls):
        """Of one that holds its place for two seconds and more, and two that wait, none is free in one."""
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue: 2"))
        for _ in range(3):
            calls(gateway)
        model.came(1)
        wait_for(gateway, 2)

        def advice():
            answer = calls(gateway).answer()
            assert answer.status == 429
            return int(answer.get("Retry-After"))
        told = []
        wait_until(lambda: told.append(advice()) or told[-1] >= 6, every=0.2, what=lambda: told)
        assert told == sorted(told) and told[-1] <= 60

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_who_waited_too_long_is_503(self, gateways, model, calls, protocol):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue_timeout: 300ms"))
        first = calls(gateway, protocol)
        model.came(1)
        began = time.monotonic()
        others = [calls(gateway, protocol, stream=stream) for stream in (True, False)]
        for call in others:
            answer = call.answer()
            assert answer.status == 503 and error(answer)["code"] == "server_is_overloaded"
            assert 1 <= int(answer.get("Retry-After")) <= 60
        assert time.monotonic() - began >= 0.25
        model.finish()
        assert first.answer().status == 200, "who has a place is not bound by the time of the queue"
        assert len(model.order) == 1
        at_rest(gateway)

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_a_fallback_takes_who_waited_too_long_as_long_as_it_has_room(self, gateways, upstreams, model, calls, protocol):
        little = Gated()
        gateway = gateways(LISTEN + "upstreams:\n"
                           f"  gpu: {{ to: \"{model.upstream.url}\", cold_start: all, max_concurrent: 1, queue_timeout: 200ms }}\n"
                           f"  cpu: {{ to: \"{upstreams(little).url}\", cold_start: all, max_concurrent: 1, queue: 0 }}\n"
                           "routes:\n  - handle:\n      - openai-proxy:\n          models:\n"
                           "            m: { to: gpu, fallback: little }\n            little: { to: cpu }\n")
        try:
            first = calls(gateway, protocol)
            model.came(1)
            second = calls(gateway, protocol)
            little.came(1)
            answer = calls(gateway, protocol).answer()
            assert answer.status == 429 and 1 <= int(answer.get("Retry-After")) <= 60
        finally:
            little.finish()
        model.finish()
        assert (first.answer().status, second.answer().status) == (200, 200)
        assert [body["model"] for body in little.order] == ["little"] and len(model.order) == 1


class TestReload:
    def test_loses_nobody_who_waits(self, gateways, model, calls):
        one = config(model.upstream, "max_concurrent: 1")
        gateway = gateways(one)
        open_ = [calls(gateway, PROTOCOLS[number % 2], stream=number % 4 < 2) for number in range(12)]
        model.came(1)
        wait_for(gateway, 11)
        for change in (one + "grace: 3s\n", one.replace("match: /v1", "match: { path: [/v1, /v2] }"), one):
            assert gateway.reload(change).returncode == 0
            assert waiting(gateway) == 11
        # The same queue for who comes after it.
        open_.append(calls(gateway))
        wait_for(gateway, 12)
        model.let()
        model.came(2)
        wait_for(gateway, 11)
        assert model.most == 1
        model.finish()
        assert [call.outcome()[:2] for call in open_] == [(200, True)] * 13
        assert len(model.order) == 13
        at_rest(gateway)

    def test_more_places_call_who_waits_at_once_and_fewer_take_none_away(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1"))
        open_ = [calls(gateway, PROTOCOLS[number % 2]) for number in range(8)]
        model.came(1)
        wait_for(gateway, 7)
        assert gateway.reload(config(model.upstream, "max_concurrent: 4")).returncode == 0
        model.came(4)
        assert waiting(gateway) == 4
        assert gateway.reload(config(model.upstream, "max_concurrent: 1")).returncode == 0
        assert metric(gateway, "gatehouse_upstream_queue_running") == 4
        model.let(3)
        wait_until(lambda: metric(gateway, "gatehouse_upstream_queue_running") == 1)
        assert waiting(gateway) == 4 and len(model.order) == 4
        model.let()
        model.came(5)
        assert model.running == 1
        model.finish()
        assert [call.outcome()[:2] for call in open_] == [(200, True)] * 8


class TestSilence:
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_is_broken_by_pings_and_the_answer_follows(self, gateways, model, calls, protocol):
        gateway = gateways(config(model.upstream, "max_concurrent: 1", ", ping_after: 100ms"))
        calls(gateway, protocol)
        model.came(1)
        second = calls(gateway, protocol, stream=True)
        assert second.status == 200 and second.head.get("Content-Type") == "text/event-stream"
        second.until(b": ping\n: ping\n")
        assert len(model.order) == 1
        model.finish()
        assert second.answer().body.replace(b": ping\n", b"") == token() + DONE
        assert gateway.wait_access(2)[1]["status"] == 200 and "cut" not in gateway.access()[1]

    @pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_a_turn_that_never_comes_is_told_in_the_stream_and_then_cut(self, gateways, model, calls, protocol, path):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue_timeout: 1s", ", ping_after: 100ms"))
        calls(gateway, protocol)
        model.came(1)
        second = calls(gateway, protocol, path=path, stream=True)
        assert second.status == 200
        with pytest.raises(Broken) as broken:
            second.answer()
        said = broken.value.so_far
        assert said.startswith(b": ping\n")
        event = said.replace(b": ping\n", b"")
        if path == CHAT:
            told = json.loads(event.removeprefix(b"data: "))["error"]
            assert told["code"] == "server_is_overloaded" and told["type"] == "server_error" and told["message"]
        else:
            assert event.startswith(b"event: error\ndata: ")
            told = json.loads(event.removeprefix(b"event: error\ndata: "))
            assert told["type"] == "error" and told["error"]["type"] == "overloaded_error"
        assert event.endswith(b"\n\n") and event.count(b"\n\n") == 1
        assert len(model.order) == 1
        line = gateway.wait_access()[0]
        assert line["status"] == 200 and line["cut"]
        assert metric(gateway, "gatehouse_answers_cut_total") == 1


class TestColdStart:
    def test_a_model_is_loaded_once(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "connect_timeout: 5s", cold="one"))
        open_ = [calls(gateway, PROTOCOLS[number % 2], stream=number % 4 < 2) for number in range(8)]
        model.came(1)
        wait_for(gateway, 7)
        other = calls(gateway, "2", model="other")      # of no matter to it
        model.came(2)
        assert model.running == 2 and waiting(gateway) == 7
        model.finish()
        assert [call.outcome()[:2] for call in [*open_, other]] == [(200, True)] * 9
        again = [calls(gateway, "1.1") for _ in range(3)]
        assert [call.outcome()[:2] for call in again] == [(200, True)] * 3

    def test_it_is_loaded_with_the_first_byte_of_its_answer(self, gateways, upstreams, calls):
        go, end, begun = threading.Event(), threading.Event(), []

        def script(exchange):
            begun.append(exchange)
            assert go.wait(PATIENCE)
            exchange.stream(EVENTS)
            exchange.chunk(token())
            end.wait(PATIENCE)
            exchange.chunk(DONE)
            exchange.end()
        gateway = gateways(config(upstreams(script), "connect_timeout: 5s", cold="one"))
        open_ = [calls(gateway, protocol, stream=True) for protocol in PROTOCOLS * 3]
        wait_for(gateway, 5)
        wait_until(lambda: begun)
        assert len(begun) == 1
        go.set()
        wait_until(lambda: len(begun) == 6)     # all at once, and the first is not done
        end.set()
        assert [call.outcome() for call in open_] == [(200, True, token() + DONE)] * 6

    @pytest.mark.parametrize("failure", ["error", "break", "left"])
    def test_the_next_loads_it_when_the_first_fails(self, gateways, upstreams, calls, failure):
        gates, seen = threading.Semaphore(0), []

        def script(exchange):
            number = len(seen)
            seen.append(exchange)
            if number < 2 and failure == "left":
                exchange.stall()
                return
            assert gates.acquire(timeout=PATIENCE)
            if number >= 2:
                exchange.answer(200, whole(), JSON)
            elif failure == "error":
                exchange.answer(503, b'{"error":{"message":"Loading model"}}', JSON)
            else:
                exchange.fin()
        gateway = gateways(config(upstreams(script), "connect_timeout: 5s", cold="one"))
        open_ = []
        for number, protocol in enumerate(PROTOCOLS * 3):
            open_.append(calls(gateway, protocol))
            # Each in its place, so that it is known who goes next.
            wait_until(lambda: len(seen) == 1 and waiting(gateway) == number)  # pylint: disable=cell-var-from-loop
        for number in (1, 2):
            if failure == "left":
                open_.pop(0).leave()
            else:
                gates.release()
            wait_until(lambda: len(seen) == number + 1)  # pylint: disable=cell-var-from-loop
            wait_for(gateway, 5 - number)
        for _ in range(6):
            gates.release()
        statuses = [call.outcome()[0] for call in open_]
        failed = {"error": [503] * 2, "break": [502] * 2, "left": []}[failure]
        assert statuses == failed + [200] * 4, statuses
        at_rest(gateway)


class TestTold:
    def test_by_status_metrics_and_the_ledger(self, gateways, model, calls):
        gateway = gateways(config(model.upstream, "max_concurrent: 1, queue: 2", auth=AUTH), files=CREDENTIALS)
        open_ = [calls(gateway, "1.1", bearer("person"))]
        model.came(1)
        open_ += [calls(gateway, protocol, bearer("script")) for protocol in PROTOCOLS]
        wait_for(gateway, 2)
        assert calls(gateway, "1.1", bearer("boss")).answer().status == 429

        done = gatehouse("status", "--config", gateway.file)
        assert done.returncode == 0, done.stderr
        told, = json.loads(done.stdout)["upstreams"]
        assert (told["name"], told["running"], told["waiting"], told["refused"]) == ("gpu", 1, 2, 1)
        label = 'upstream="gpu"'
        names = ("running", "waiting", "refused_total", "wait_seconds_count")
        assert [metric(gateway, f"gatehouse_upstream_queue_{name}", label) for name in names] == [1, 2, 1, 0]

        model.finish()
        assert [call.outcome()[:2] for call in open_] == [(200, True)] * 3
        at_rest(gateway)
        assert [metric(gateway, f"gatehouse_upstream_queue_{name}", label) for name in names] == [0, 0, 1, 2]
        waited = metric(gateway, "gatehouse_upstream_queue_wait_seconds_sum", label)
        assert 0 < waited < PATIENCE
        wait_until(lambda: metric(gateway, "gatehouse_usage_rows_written_total") == 4)
        with closing(sqlite3.connect(gateway.dir / "state" / "usage.db")) as db:
            rows = db.execute("SELECT requests, caller, status, waited_ms FROM request ORDER BY caller, waited_ms")
            rows = [row for times, *row in rows for _ in range(times)]
        assert [row[:2] for row in rows] == [["boss", 429], ["person", 200], ["script", 200], ["script", 200]]
        assert rows[1][2] == 0 and rows[2][2] > 0 and rows[3][2] > 0


class TestStop:
    def test_who_waits_within_grace_is_served(self, gateways, model, calls):
        gateway = gateways("grace: 1m\n" + config(model.upstream, "max_concurrent: 1"))
        open_ = [calls(gateway, PROTOCOLS[number % 2], stream=number % 4 < 2) for number in range(8)]
        model.came(1)
        wait_for(gateway, 7)
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in gateway.stderr())
        model.finish()
        for call in open_:
            assert call.outcome()[:2] == (200, True)
            call.leave()
        assert gateway.process.wait(PATIENCE) == 0

    def test_after_it_nobody_is_left_hanging_and_the_server_is_free(self, gateways, model, calls):
        gateway = gateways("grace: 300ms\n" + config(model.upstream, "max_concurrent: 1", ", ping_after: 100ms"))
        open_ = [calls(gateway, PROTOCOLS[number % 2], stream=number % 4 < 2) for number in range(8)]
        model.came(1)
        wait_for(gateway, 7)
        for call in (call for number, call in enumerate(open_) if number % 4 < 2):
            call.until(b": ping\n")
        gateway.signal(signal.SIGTERM)
        for number, call in enumerate(open_):
            status, clean, body = call.outcome()
            if number % 4 < 2:      # a ping was said: the last word is an event, and then comes the break
                assert (status, clean) == (200, False)
                assert body.startswith(b": ping\n") and json.loads(body.split(b"data: ")[1])["error"]["code"] == "server_stopping"
            else:
                assert (status, clean) == (503, True) and json.loads(body)["error"]["code"] == "server_stopping"
        assert gateway.process.wait(PATIENCE) == 0
        assert len(gateway.access()) == 8
