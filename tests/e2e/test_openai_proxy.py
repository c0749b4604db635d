"""openai-proxy: what reaches the model server, what comes back, and what is told when nothing does."""

import gzip
import json
import threading

import pytest

from harness import Client, wait_until
from harness.client import request
from harness.http1 import Broken
from harness.limits import SLOW

CHAT = "/v1/chat/completions"
JSON = "Content-Type: application/json"
EVENTS = "Content-Type: text/event-stream"

CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
USAGE = (b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}\n\n')
DONE = b"data: [DONE]\n\n"


def config(upstream, options="", more=""):
    """Everything to one model server."""
    return f"{more}\nroutes:\n  - handle:\n      - openai-proxy: {{ to: \"{upstream.url}\"{options} }}\n"


def aliases(one, other, more="", options=""):
    """local-llm and gpt-4o, which is called big/llama where it is, and falls back to local-llm."""
    return (f"upstreams:\n  one: {{ to: \"{one.url}\" }}\n  other: {{ to: \"{other.url}\"{more} }}\n"
            "routes:\n  - handle:\n      - openai-proxy:\n          models:\n"
            "            local-llm: { to: one, name: qwen/qwen2.5-7b }\n"
            "            gpt-4o: { to: other, name: big/llama, fallback: local-llm }\n"
            "          default: local-llm\n" + options)


def chat(*members):
    """A chat in bytes that nobody would write anew like this."""
    return b'{ "messages" : [{"role":"user","content":"\\u00fc \xc3\xbc"}],' + b",".join(members) + b' }\n'


def error(answer):
    return json.loads(answer.body)["error"]


def answers(body, *fields, status=200):
    def script(exchange):
        exchange.answer(status, body, *(fields or (JSON,)))
    return script


def streams(*chunks):
    def script(exchange):
        exchange.stream(EVENTS)
        for chunk in chunks:
            exchange.chunk(chunk)
        exchange.end()
    return script


class TestTheBodyOnItsWay:
    @pytest.mark.parametrize("body", ids=range(6), argvalues=[
        chat(b'"model":"m"'),
        chat(b'"model":"m","stream":false'),
        chat(b'"model" : "m" , "stream":true,"stream_options":{"include_usage":true}'),
        b'{}',
        b' \r\n{"model":null}\t',
        b'{"model":"' + "ä".encode() * 100 + b'","input":["' + b"x" * 300000 + b'"]}',
    ])
    def test_is_the_same_to_the_byte_when_nothing_is_to_change(self, gateways, upstreams, body):
        upstream = upstreams(answers(b'{"choices":[]}'))
        gateway = gateways(config(upstream))
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        sent = upstream.wait()
        assert sent.body == body and sent.get("Content-Length") == str(len(body))
        assert sent.get("Accept-Encoding") == "identity"

    def test_chunked_is_the_same_too(self, gateways, upstreams):
        upstream = upstreams(answers(b'{"choices":[]}'))
        gateway = gateways(config(upstream))
        body = chat(b'"model":"m"')
        with gateway.client() as client:
            client.send(b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" % CHAT.encode())
            for byte in body:
                client.send(b"1\r\n%c\r\n" % byte)
            client.send(b"0\r\n\r\n")
            assert client.answer().status == 200
        assert upstream.wait().body == body

    def test_an_alias_gives_way_to_the_real_name_and_nothing_else_changes(self, gateways, upstreams):
        one, other = upstreams(answers(b'{"choices":[]}')), upstreams(answers(b'{"choices":[]}'))
        gateway = gateways(aliases(one, other))
        body = chat(b'"a":1', b'"model" :  "gpt-4o"', b'"b":"gpt-4o"')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        assert other.wait().body == body.replace(b'"gpt-4o"', b'"big/llama"', 1)
        assert not one.requests
        body = chat(b'"temperature":0.1')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        sent = one.wait()
        assert sent.body == body.replace(b"{", b'{"model":"qwen/qwen2.5-7b",', 1)
        assert sent.get("Content-Length") == str(len(sent.body))

    def test_a_large_one_is_read_elsewhere_and_goes_on_just_the_same(self, gateways, upstreams):
        one, other = upstreams(answers(b'{"choices":[]}')), upstreams(answers(b'{"choices":[]}'))
        gateway = gateways(aliases(one, other))
        large = b'"image":"' + b"x" * (3 << 20) + b'"'
        body = chat(large, b'"model":"gpt-4o"')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        assert other.wait().body == body.replace(b'"gpt-4o"', b'"big/llama"', 1)
        other.stop()
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200, "the fallback reads the same"
        assert one.wait().body == body.replace(b'"gpt-4o"', b'"qwen/qwen2.5-7b"', 1)
        assert gateway.ask("POST", CHAT, JSON, body=chat(large, b'"model":1')).status == 400
        # Who leaves while it is read takes nothing with them that is still being read.
        for _ in range(20):
            with gateway.client() as client:
                client.send(request("POST", CHAT, JSON, body=body))
        assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"local-llm"')).status == 200

    def test_no_content_type_is_json(self, gateways, upstreams):
        upstream = upstreams(answers(b'{"choices":[]}'))
        gateway = gateways(config(upstream))
        assert gateway.ask("POST", CHAT, body=b'{"model":"m"}').status == 200
        assert gateway.ask("POST", CHAT, "Content-Type: application/x-www-form-urlencoded", body=b'{"model":"m"}').status == 200
        assert gateway.ask("POST", CHAT, "Content-Type: text/plain", body=b"model=m").status == 400
        assert len(upstream.requests) == 2

    def test_a_form_is_read_for_its_model(self, gateways, upstreams):
        one, other = upstreams(answers(b'{"text":""}')), upstreams(answers(b'{"text":""}'))
        gateway = gateways(aliases(one, other))
        form = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\0\xff"model"\r\n'
                b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--b--\r\n')
        answer = gateway.ask("POST", "/v1/audio/transcriptions", "Content-Type: multipart/form-data; boundary=b", body=form % b"gpt-4o")
        assert answer.status == 200
        assert other.wait().body == form % b"big/llama" and not one.requests

    def test_no_body_no_reading(self, gateways, upstreams):
        upstream = upstreams(answers(b'{"id":"resp_1"}'))
        gateway = gateways(config(upstream))
        assert gateway.ask("GET", "/v1/responses/resp_1").body == b'{"id":"resp_1"}'
        assert gateway.ask("DELETE", "/v1/responses/resp_1").status == 200
        assert gateway.ask("POST", "/v1/responses/resp_1/cancel", body=b"").status == 200
        assert [r.method for r in upstream.requests] == ["GET", "DELETE", "POST"]


class TestWhatIsRefused:
    def test_with_the_place(self, gateways, upstream):
        gateway = gateways(config(upstream))
        answer = gateway.ask("POST", CHAT, JSON, body=b'{"model":"m",\n  "messages": [tru]}')
        assert answer.status == 400
        assert error(answer)["type"] == "invalid_request_error" and "line 2, column 16, byte 29" in error(answer)["message"]
        answer = gateway.ask("POST", CHAT, JSON, body=b'{"model":"m","stream":"yes"}')
        assert answer.status == 400 and error(answer)["param"] == "stream"
        answer = gateway.ask("POST", CHAT, JSON, body=b'{"model":"m","model":"n"}')
        assert answer.status == 400 and error(answer)["param"] == "model"
        answer = gateway.ask("POST", "/v1/messages", JSON, body=b'{"stream":1}')
        assert answer.status == 400 and json.loads(answer.body)["type"] == "error"
        assert upstream.untouched()

    def test_nothing_of_the_body_is_told(self, gateways, upstream):
        gateway = gateways(config(upstream))
        for body in (b'{"model":"m","messages":"SECRET" SECRET}', b'SECRET', b'{"stream":"SECRET"}', b'{"SECRET":"\xff"}'):
            answer = gateway.ask("POST", CHAT, JSON, body=body)
            assert answer.status == 400 and b"SECRET" not in answer.body
        gateway.wait_access(4)
        assert "SECRET" not in gateway.said() + gateway.access_log.read_text()

    def test_a_model_that_nobody_has(self, gateways, upstreams):
        one, other = upstreams(), upstreams()
        gateway = gateways(aliases(one, other).replace("          default: local-llm\n", ""))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-5"'))
        assert answer.status == 404 and error(answer)["code"] == "model_not_found"
        assert "local-llm" in error(answer)["message"] and "gpt-4o" in error(answer)["message"]
        # They may be asked for what they have, and for nothing else.
        assert all(r.method == "GET" for r in one.requests + other.requests)

    def test_compressed(self, gateways, upstream):
        gateway = gateways(config(upstream))
        answer = gateway.ask("POST", CHAT, JSON, "Content-Encoding: gzip", body=gzip.compress(b'{"model":"m"}'))
        assert answer.status == 415 and upstream.untouched()

    def test_two_types_at_once(self, gateways, upstream):
        gateway = gateways(config(upstream))
        answer = gateway.ask("POST", CHAT, JSON, "Content-Type: multipart/form-data; boundary=b", body=b'{"model":"m"}')
        assert answer.status == 400 and upstream.untouched()

    @pytest.mark.parametrize("size", [2000, 5000000])
    def test_too_large_is_read_by_who_sent_it(self, gateways, upstream, size):
        gateway = gateways(config(upstream, ", max_body: 1k"))
        with gateway.client() as client:
            sender = threading.Thread(target=send_all, args=(client, request("POST", CHAT, JSON, body=b'"' + b"x" * size)))
            sender.start()
            answer = client.answer()
            assert answer.status == 413 and error(answer)["code"] == "request_too_large"
            sender.join()
        assert upstream.untouched()

    def test_too_large_without_a_length(self, gateways, upstream):
        gateway = gateways(config(upstream, ", max_body: 1k"))
        with gateway.client() as client:
            client.send(b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" % CHAT.encode())
            client.send(b"400\r\n" + b" " * 1024 + b"\r\n", b"1\r\n \r\n0\r\n\r\n")
            assert client.answer().status == 413
        assert upstream.untouched()


def send_all(client, data):
    try:
        client.send(data)
    except OSError:
        pass    # the answer is what counts


def counted(gateway):
    """Requests, tokens in, tokens out, as /metrics has them."""
    text = gateway.ask_admin("GET", "/metrics").body.decode()
    return [sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and label in line)
            for name, label in (("gatehouse_model_requests_total{", ""), ("gatehouse_model_tokens_total{", '"input"'),
                                ("gatehouse_model_tokens_total{", '"output"'))]


class TestUsage:
    def test_is_asked_for_and_taken_out_again(self, gateways, upstreams):
        upstream = upstreams(streams(CHUNK + USAGE, DONE))
        gateway = gateways(config(upstream))
        body = chat(b'"stream":true')
        answer = gateway.ask("POST", CHAT, JSON, body=body)
        assert answer.body == CHUNK + DONE
        assert upstream.wait().body == body.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)

    def test_stays_for_who_asked(self, gateways, upstreams):
        upstream = upstreams(streams(b": hello\n\n" + CHUNK, USAGE, DONE))
        gateway = gateways(config(upstream))
        body = chat(b'"stream":true,"stream_options":{"include_usage":true}')
        assert gateway.ask("POST", CHAT, JSON, body=body).body == b": hello\n\n" + CHUNK + USAGE + DONE
        assert upstream.wait().body == body

    @pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
    def test_is_not_asked_for_where_it_comes_anyway(self, gateways, upstreams, path):
        stream = b'event: message_delta\ndata: {"choices":[],"usage":{"output_tokens":4}}\n\nevent: message_stop\ndata: {}\n\n'
        upstream = upstreams(streams(stream))
        gateway = gateways(config(upstream))
        body = chat(b'"stream":true')
        assert gateway.ask("POST", path, JSON, body=body).body == stream
        assert upstream.wait().body == body

    def test_accept_decides_nothing(self, gateways, upstreams):
        upstream = upstreams(answers(b'{"choices":[1]}'))
        gateway = gateways(config(upstream))
        body = chat(b'"stream":false')
        assert gateway.ask("POST", CHAT, JSON, "Accept: text/event-stream", body=body).body == b'{"choices":[1]}'
        assert upstream.wait().body == body
        upstream.script = streams(CHUNK, USAGE, DONE)
        answer = gateway.ask("POST", CHAT, JSON, "Accept: application/json", body=chat(b'"stream":true'))
        assert answer.body == CHUNK + DONE

    def test_a_compressed_answer_passes_unread(self, gateways, upstreams):
        packed = gzip.compress(CHUNK + USAGE + DONE)
        upstream = upstreams(answers(packed, EVENTS, "Content-Encoding: gzip"))
        gateway = gateways(config(upstream))
        answer = gateway.ask("POST", CHAT, JSON, "Accept-Encoding: gzip", body=chat(b'"stream":true'))
        assert answer.body == packed and answer.get("Content-Length") == str(len(packed))
        assert upstream.wait().get("Accept-Encoding") == "identity"

    def test_is_counted(self, gateways, upstreams):
        told = b'{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}'
        upstream = upstreams()
        gateway = gateways(config(upstream))

        def after(answer, members):
            before = counted(gateway)
            upstream.script = answer
            assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m",' + members)).status == 200
            wait_until(lambda: counted(gateway)[0] == before[0] + 1)
            return tuple(now - then for now, then in zip(counted(gateway)[1:], before[1:]))
        assert after(answers(told), b'"stream":false') == (100, 20)
        assert after(streams(CHUNK, USAGE, DONE), b'"stream":true') == (9, 1)
        assert after(streams(CHUNK, USAGE, DONE), b'"stream":true,"stream_options":{"include_usage":true}') == (9, 1)
        # Nobody told: one event of text is one token, more or less.
        assert after(streams(CHUNK * 3, DONE), b'"stream":true') == (0, 3)
        assert after(answers(gzip.compress(told), JSON, "Content-Encoding: gzip"), b'"stream":false') == (0, 0)

    def test_an_answer_of_json_keeps_its_length(self, gateways, upstreams):
        for size in (10, 5000, 200000):
            body = b'{"choices":["' + b"x" * size + b'"],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
            upstream = upstreams(answers(body))
            answer = gateways(config(upstream)).ask("POST", CHAT, JSON, body=chat(b'"model":"m"'))
            assert answer.body == body and answer.get("Content-Length") == str(len(body))

    def test_an_answer_of_json_without_a_length_passes(self, gateways, upstreams):
        for size in (10, 5000, 200000):
            body = b'{"choices":["' + b"x" * size + b'"]}'

            def script(exchange, body=body):
                exchange.stream(JSON)
                exchange.chunk(body[:7])
                exchange.chunk(body[7:])
                exchange.end()
            upstream = upstreams(script)
            assert gateways(config(upstream)).ask("POST", CHAT, JSON, body=chat(b'"model":"m"')).body == body


class Held:
    """A model server that does each of its steps when the test says so."""

    def __init__(self, *steps):
        self.steps = steps
        self.gates = [threading.Event() for _ in steps]
        self.begun = threading.Event()
        self.left = threading.Event()

    def __call__(self, exchange):
        self.begun.set()
        for step, gate in zip(self.steps, self.gates):
            if not gate.wait(15 * SLOW):
                return
            step(exchange)

    def go(self, count=1):
        for gate in [g for g in self.gates if not g.is_set()][:count]:
            gate.set()


def stream_head(exchange):
    exchange.stream(EVENTS)


def chunk(data):
    return lambda exchange: exchange.chunk(data)


def end(exchange):
    exchange.end()


def ask_stream(gateway, path=CHAT, members=b'"model":"m","stream":true'):
    client = Client(gateway.tcp)
    client.send(request("POST", path, JSON, body=chat(members)))
    return client


class TestSilence:
    def test_is_broken_before_the_head(self, gateways, upstreams):
        script = Held(stream_head, chunk(CHUNK), chunk(USAGE + DONE), end)
        gateway = gateways(config(upstreams(script), ", ping_after: 200ms"))
        with ask_stream(gateway) as client:
            head = client.answer_head()
            assert head.status == 200 and head.get("Content-Type") == "text/event-stream"
            assert head.get("Cache-Control") == "no-cache" and head.get("x-request-id")
            assert [client.chunk(), client.chunk()] == [b": ping\n"] * 2
            script.go(4)
            rest = b""
            while True:
                data = client.chunk()
                if not data:
                    break
                rest += data
        assert rest.replace(b": ping\n", b"") == CHUNK + DONE

    def test_is_broken_after_the_head_until_the_first_token(self, gateways, upstreams):
        role = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}\n\n'
        script = Held(lambda e: (e.stream(EVENTS), e.chunk(role)), chunk(CHUNK), chunk(DONE), end)
        gateway = gateways(config(upstreams(script), ", ping_after: 200ms"))
        with ask_stream(gateway) as client:
            script.go()
            client.answer_head()
            got = client.chunk()
            while got != role + b": ping\n" * 2:
                got += client.chunk()
                assert (role + b": ping\n" * 2).startswith(got)
            script.go()
            while not got.endswith(CHUNK):
                got += client.chunk()
            # From here on the model's own events have to do.
            client.sock.settimeout(1)
            with pytest.raises(TimeoutError):
                client.chunk()

    def test_is_never_broken_within_an_event(self, gateways, upstreams):
        begun = b'data: {"choices":[{"delta":{"content"'
        script = Held(lambda e: (e.stream(EVENTS), e.chunk(b": hello\n\n"), e.chunk(begun)), chunk(b':"Hi"}}]}\n\n' + DONE), end)
        gateway = gateways(config(upstreams(script), ", ping_after: 100ms"))
        with ask_stream(gateway, members=b'"stream":true,"stream_options":{"include_usage":true}') as client:
            script.go()
            client.answer_head()
            got = b""
            while got != b": hello\n\n" + begun:
                got += client.chunk()
            client.sock.settimeout(0.6)
            with pytest.raises(TimeoutError):
                client.chunk()

    def test_is_left_alone_where_nobody_streams(self, gateways, upstreams):
        script = Held(answers(b'{"choices":[]}'))
        gateway = gateways(config(upstreams(script), ", ping_after: 50ms"))
        with ask_stream(gateway, members=b'"stream":false') as client:
            client.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.answer_head()
            client.sock.settimeout(15 * SLOW)
            script.go()
            answer = client.answer()
            assert answer.body == b'{"choices":[]}' and answer.get("Content-Length") == "14"

    def test_never_when_it_is_off(self, gateways, upstreams):
        script = Held(streams(CHUNK, DONE))
        gateway = gateways(config(upstreams(script), ", ping_after: 0"))
        with ask_stream(gateway) as client:
            client.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.answer_head()
            client.sock.settimeout(15 * SLOW)
            script.go()
            assert client.answer().body == CHUNK + DONE


class TestSilenceInTheQueue:
    """One place, and somebody who has it."""

    @staticmethod
    def config(upstream, more=""):
        return (f"upstreams:\n  one: {{ to: \"{upstream.url}\", max_concurrent: 1{more} }}\n"
                "routes:\n  - handle:\n      - openai-proxy: { to: one, ping_after: 100ms }\n")

    def test_is_broken_and_the_stream_follows(self, gateways, upstreams):
        script = Held(streams(CHUNK, DONE))
        upstream = upstreams(script)
        gateway = gateways(self.config(upstream))
        with ask_stream(gateway, members=b'"stream":false') as first:
            upstream.wait()
            with ask_stream(gateway) as second:
                second.answer_head()
                assert second.chunk() == b": ping\n"
                assert len(upstream.heads) == 1
                script.go()
                assert first.answer().status == 200
                got = b""
                while not got.endswith(DONE):
                    got += second.chunk()
                assert got.replace(b": ping\n", b"") == CHUNK + DONE
                assert second.chunk() == b""

    def test_a_turn_that_never_comes_is_told_in_the_stream(self, gateways, upstreams):
        script = Held(streams(CHUNK, DONE))
        upstream = upstreams(script)
        gateway = gateways(self.config(upstream, ", queue_timeout: 300ms"))
        with ask_stream(gateway) as first:
            upstream.wait()
            got = after_ping(gateway, Held())
            assert json.loads(got.removeprefix(b"data: "))["error"]["code"] == "server_is_overloaded"
            assert len(upstream.heads) == 1
            script.go()
            assert first.answer().body.endswith(CHUNK + DONE)

    def test_who_leaves_it_is_forgotten(self, gateways, upstreams):
        script = Held(streams(CHUNK, DONE))
        upstream = upstreams(script)
        gateway = gateways(self.config(upstream))
        with ask_stream(gateway) as first:
            upstream.wait()
            with ask_stream(gateway) as second:
                second.answer_head()
                second.chunk()
            script.go()
            assert first.answer().body.endswith(CHUNK + DONE)
        assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"third"')).status == 200
        assert [b"third" in r.body for r in upstream.requests] == [False, True]


def after_ping(gateway, script, path=CHAT):
    """What a client gets whose stream was promised and came to nothing: without the pings."""
    with ask_stream(gateway, path) as client:
        client.answer_head()
        assert client.chunk() == b": ping\n"
        script.go(9)
        got = b""
        try:
            while True:
                data = client.chunk()
                assert data, "a clean end"
                got += data
        except Broken:
            return got.replace(b": ping\n", b"")


class TestTroubleAfterAPing:
    @pytest.mark.parametrize("fault", ids=["fin", "rst", "garbage"],
                             argvalues=[lambda e: e.fin(), lambda e: e.rst(), lambda e: e.send(b"garbage\r\n\r\n")])
    def test_is_told_in_the_stream_and_then_cut(self, gateways, upstreams, fault):
        script = Held(fault)
        gateway = gateways(config(upstreams(script), ", ping_after: 100ms"))
        got = after_ping(gateway, script)
        assert got.startswith(b"data: ") and got.endswith(b"\n\n") and got.count(b"\n") == 2
        told = json.loads(got[6:])["error"]
        assert told["type"] == "server_error" and told["message"] and told["code"]

    def test_in_anthropics_words(self, gateways, upstreams):
        script = Held(lambda e: e.fin())
        gateway = gateways(config(upstreams(script), ", ping_after: 100ms"))
        got = after_ping(gateway, script, "/v1/messages")
        assert got.startswith(b"event: error\ndata: ")
        told = json.loads(got.removeprefix(b"event: error\ndata: "))
        assert told["type"] == "error" and told["error"]["type"] == "api_error" and told["error"]["message"]

    def test_an_error_of_the_server_is_told_as_it_is(self, gateways, upstreams):
        body = b'{"error": {"message":"no \\"room\\"",\n "type":"exceed_context_size_error", "code":400}}'
        script = Held(answers(body, status=400))
        gateway = gateways(config(upstreams(script), ", ping_after: 100ms"))
        got = after_ping(gateway, script)
        assert got.count(b"\n") == 2 and json.loads(got.removeprefix(b"data: ")) == json.loads(body)

    @pytest.mark.parametrize("answer", ids=range(5), argvalues=[
        answers(b"<html>" * 20, "Content-Type: text/html", status=502),
        answers(b"x" * 100000, "Content-Type: text/plain", status=500),
        answers(b'{"error":"out of memory"}', status=500),
        answers(b'{"choices":[]}'),
        answers(gzip.compress(CHUNK), EVENTS, "Content-Encoding: gzip"),
    ])
    def test_whatever_else_comes_is_an_error(self, gateways, upstreams, answer):
        script = Held(answer)
        gateway = gateways(config(upstreams(script), ", ping_after: 100ms"))
        got = after_ping(gateway, script)
        assert got.startswith(b"data: ") and got.endswith(b"\n\n") and got.count(b"\n") == 2
        assert json.loads(got[6:])["error"]["type"] == "server_error"


class TestBreaks:
    @pytest.mark.parametrize("fault", ["fin", "rst"])
    def test_a_stream_that_breaks_is_a_break(self, gateways, upstreams, fault):
        def script(exchange):
            exchange.stream(EVENTS)
            exchange.chunk(CHUNK + b'data: {"choices"')
            getattr(exchange, fault)()
        gateway = gateways(config(upstreams(script)))
        for members in (b'"stream":true', b'"stream":true,"stream_options":{"include_usage":true}'):
            with ask_stream(gateway, members=members) as client, pytest.raises(Broken) as broken:
                client.answer()
            assert (CHUNK + b'data: {"choices"').startswith(broken.value.so_far)

    def test_a_short_answer_that_breaks_never_looks_whole(self, gateways, upstreams):
        def script(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"choices\"")
            exchange.fin()
        gateway = gateways(config(upstreams(script)))
        with ask_stream(gateway, members=b'"stream":false') as client:
            assert client.answer().status == 502

    def test_before_anything_came(self, gateways, upstreams):
        gateway = gateways(config(upstreams(lambda e: e.fin())))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"stream":true'))
        assert answer.status == 502 and error(answer)["type"] == "server_error"


class TestFallback:
    def test_when_a_server_is_down(self, gateways, upstreams):
        one, other = upstreams(answers(b'{"choices":[]}')), upstreams()
        gateway = gateways(aliases(one, other))
        other.stop()
        body = chat(b'"model":"gpt-4o"')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        assert one.wait().body == body.replace(b"gpt-4o", b"qwen/qwen2.5-7b")
        # The other's own name, as it is: still a body of its own length.
        body = chat(b'"model":"local-llm"')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200

    def test_to_a_model_of_the_same_name(self, gateways, upstreams):
        one, other = upstreams(answers(b'{"choices":[]}')), upstreams()
        gateway = gateways(aliases(one, other).replace("qwen/qwen2.5-7b", "gpt-4o"))
        other.stop()
        body = chat(b'"model":"gpt-4o"')
        assert gateway.ask("POST", CHAT, JSON, body=body).status == 200
        assert one.wait().body == body

    def test_of_a_stream(self, gateways, upstreams):
        one, other = upstreams(streams(CHUNK, USAGE, DONE)), upstreams(lambda e: e.fin())
        gateway = gateways(aliases(one, other))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-4o","stream":true'))
        assert answer.body == CHUNK + DONE
        assert len(other.requests) == 1 and len(one.requests) == 1

    def test_when_its_queue_is_full(self, gateways, upstreams):
        held = Held(answers(b'{"choices":[]}'))
        one, other = upstreams(answers(b'{"choices":[1]}')), upstreams(held)
        gateway = gateways(aliases(one, other, ", max_concurrent: 1, queue: 0"))
        with ask_stream(gateway, members=b'"model":"gpt-4o"') as first:
            assert held.begun.wait(15 * SLOW)
            assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-4o"')).body == b'{"choices":[1]}'
            held.go()
            assert first.answer().body == b'{"choices":[]}'
        assert len(other.requests) == 1 and len(one.requests) == 1

    def test_not_after_the_head_went_out(self, gateways, upstreams):
        script = Held(lambda e: e.fin())
        one, other = upstreams(), upstreams(script)
        gateway = gateways(aliases(one, other, options="          ping_after: 100ms\n"))
        with ask_stream(gateway, members=b'"model":"gpt-4o","stream":true') as client:
            client.answer_head()
            client.chunk()
            script.go()
            with pytest.raises(Broken):
                while client.chunk():
                    pass
        assert one.untouched()

    def test_an_answer_is_an_answer(self, gateways, upstreams):
        one, other = upstreams(), upstreams(answers(b'{"error":{"message":"m"}}', status=500))
        gateway = gateways(aliases(one, other))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-4o"'))
        assert answer.status == 500 and answer.body == b'{"error":{"message":"m"}}' and one.untouched()

    def test_not_after_an_answer_has_begun(self, gateways, upstreams):
        def script(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"choices\"")
            exchange.fin()
        one, other = upstreams(), upstreams(script)
        gateway = gateways(aliases(one, other))
        assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-4o"')).status == 502
        assert one.untouched()

    def test_all_of_them_down(self, gateways, upstreams):
        one, other = upstreams(), upstreams()
        gateway = gateways(aliases(one, other))
        one.stop()
        other.stop()
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"gpt-4o"'))
        assert answer.status == 502 and error(answer)["code"] == "upstream_error"


class TestTheEnd:
    @pytest.mark.parametrize("members", [b'"stream":true', b'"stream":true,"stream_options":{"include_usage":true}'])
    def test_who_has_all_and_leaves_has_not_left(self, gateways, upstreams, members):
        """Most SDKs close behind [DONE], before the last chunk."""
        upstream = upstreams(lambda e: (e.stream(EVENTS), e.chunk(CHUNK + DONE), e.stall()))
        gateway = gateways(config(upstream))
        with ask_stream(gateway, members=members) as client:
            client.answer_head()
            got = b""
            while got != CHUNK + DONE:
                got += client.chunk()
        assert gateway.wait_access()[0]["status"] == 200 and "cut" not in gateway.access()[0]
        upstream.script = lambda e: (e.stream(EVENTS), e.chunk(CHUNK), e.stall())
        with ask_stream(gateway, members=members) as client:
            client.answer_head()
            assert client.chunk() == CHUNK
        assert gateway.wait_access(2)[1]["cut"]

    def test_a_long_answer_of_json_is_not_held_to_its_end(self, gateways, upstreams):
        body = b'{"choices":["' + b"x" * 5000
        script = Held(lambda e: (e.stream(JSON), e.chunk(body)), chunk(b'"]}'), end)
        gateway = gateways(config(upstreams(script)))
        with ask_stream(gateway, members=b'"stream":false') as client:
            script.go()
            client.answer_head()
            got = b""
            while got != body:
                got += client.chunk()
            script.go(2)
            while not got.endswith(b'"]}'):
                got += client.chunk()
            assert client.chunk() == b""


class TestErrorsThatCameAs200:
    @pytest.mark.parametrize("text, status, code", [
        ("Unexpected endpoint or method. (POST /v1/rerank)", 404, "not_found"),
        ("No models loaded. Please load a model in the developer page or use the 'lms load' command.", 404, "model_not_found"),
        ("Model \\\"x\\\" not found", 404, "model_not_found"),
        ("'messages' field is required", 400, None),
        ("The model has crashed without additional information. (Exit code: 139)", 500, None),
    ])
    def test_a_bare_sentence(self, gateways, upstreams, text, status, code):
        body = b'{"error":"%s"}' % text.encode()
        gateway = gateways(config(upstreams(answers(body, "Content-Type: application/json; charset=utf-8"))))
        for members in (b'"stream":false', b'"stream":true'):
            answer = gateway.ask("POST", CHAT, JSON, body=chat(members))
            assert answer.status == status
            assert error(answer) == {"message": json.loads(body)["error"], "param": None, "code": code,
                                     "type": "server_error" if status == 500 else "invalid_request_error"}
            assert answer.get("Content-Length") == str(len(answer.body))
        answer = gateway.ask("POST", "/v1/messages", JSON, body=chat(b'"stream":true'))
        assert answer.status == status and json.loads(answer.body)["error"]["message"] == json.loads(body)["error"]

    def test_an_error_that_is_one_stays_as_it_is(self, gateways, upstreams):
        body = (b'{ "error": {"message":"No models loaded.","type":"invalid_request_error","param":"model",'
                b'"code":"model_not_found"}}')
        gateway = gateways(config(upstreams(answers(body))))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m"'))
        assert answer.status == 404 and answer.body == body

    def test_without_a_body_too(self, gateways, upstreams):
        gateway = gateways(config(upstreams(answers(b'{"error":"Unexpected endpoint or method. (GET /v1/responses/1)"}'))))
        assert gateway.ask("GET", "/v1/responses/1").status == 404

    @pytest.mark.parametrize("body", [
        b'{"id":"r","object":"response","error":null,"output":[]}',
        b'{"id":"r","status":"failed","error":{"message":"m"},"output":[]}',
        b'{"choices":[{"message":{"content":"{\\"error\\":\\"Unexpected endpoint\\"}"}}]}',
        b'{"choices":[],"error":"x"}',
        b'{"data":[{"error":"x"}]}',
        b'["error"]',
        b'{"error":"x"',
        b"",
    ])
    def test_an_answer_is_none(self, gateways, upstreams, body):
        gateway = gateways(config(upstreams(answers(body))))
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m"'))
        assert answer.status == 200 and answer.body == body


class TestAssemble:
    def test_events_become_the_one_answer(self, gateways, upstreams):
        first = b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"He"},"finish_reason":null}]}\n\n'
        last = b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":"stop"}]}\n\n'
        upstream = upstreams(streams(first, last, USAGE, DONE))
        gateway = gateways(f"upstreams:\n  one: {{ to: \"{upstream.url}\", assemble: true }}\n"
                           "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m"'))
        assert answer.status == 200 and answer.get("Content-Type").startswith("application/json")
        assert answer.get("Content-Length") == str(len(answer.body))
        made = json.loads(answer.body)
        assert made["object"] == "chat.completion" and made["usage"]["total_tokens"] == 10
        assert made["choices"][0]["message"]["content"] == "Hello" and made["choices"][0]["finish_reason"] == "stop"
        sent = json.loads(upstream.wait().body)
        assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}

    def test_other_answers_pass(self, gateways, upstreams):
        upstream = upstreams(answers(b'{"error":{"message":"m"}}', status=503))
        gateway = gateways(f"upstreams:\n  one: {{ to: \"{upstream.url}\", assemble: true }}\n"
                           "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")
        answer = gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m"'))
        assert answer.status == 503 and answer.body == b'{"error":{"message":"m"}}'

    def test_a_break_is_an_error(self, gateways, upstreams):
        def script(exchange):
            exchange.stream(EVENTS)
            exchange.chunk(CHUNK)
            exchange.fin()
        gateway = gateways(f"upstreams:\n  one: {{ to: \"{upstreams(script).url}\", assemble: true }}\n"
                           "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")
        assert gateway.ask("POST", CHAT, JSON, body=chat(b'"model":"m"')).status == 502

    def test_who_leaves_frees_the_server(self, gateways, upstreams):
        freed = threading.Event()

        def script(exchange):
            exchange.stream(EVENTS)
            exchange.chunk(CHUNK)
            if exchange.stall():
                freed.set()
        upstream = upstreams(script)
        gateway = gateways(f"upstreams:\n  one: {{ to: \"{upstream.url}\", assemble: true }}\n"
                           "routes:\n  - handle:\n      - openai-proxy: { to: one }\n")
        with ask_stream(gateway, members=b'"model":"m"'):
            upstream.wait()
        wait_until(freed.is_set)
