"""Promises of gatehouse-demo-model. Needs nothing but Python; run with unittest or pytest.

GATEHOUSE_DEMO_MODEL names the program, else build/gatehouse-demo-model is taken.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.environ.get("GATEHOUSE_DEMO_MODEL",
                         str(HERE.parent.parent / "build" / "gatehouse-demo-model"))
LONG_STREAM = {"messages": [{"role": "user", "content": "tell me"}], "stream": True}


class Demo:
    def __init__(self, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", "127.0.0.1:0", "--ui", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline().strip() for _ in range(3)]
        self.lines = lines
        self.model, self.ui = (int(line.rsplit(":", 1)[1]) for line in lines[1:])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


class Client:
    """One connection, bytes in and bytes out."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def head(self):
        status = self.file.readline().decode()
        if not status:
            raise EOFError
        fields = {}
        while (line := self.file.readline().decode().rstrip("\r\n")):
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        return int(status.split()[1]), fields

    def chunk(self):
        size = int(self.file.readline().split(b";")[0], 16)
        data = self.file.read(size)
        assert self.file.readline() == b"\r\n"
        return data

    def answer(self):
        status, fields = self.head()
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while (part := self.chunk()):
                body += part
        else:
            body = self.file.read(int(fields["content-length"]))
        return status, fields, body

    def closed(self):
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def request(method, path, body=b"", fields=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: demo\r\n{length}{fields}\r\n".encode() + body


def chat(fields="", **members):
    return request("POST", "/v1/chat/completions", json.dumps(members).encode(), fields)


def events(body):
    return [part.removeprefix("data: ") for part in body.decode().split("\n\n") if part]


class Case(unittest.TestCase):
    options = ("--token-interval", "0ms")

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(*cls.options)

    @classmethod
    def tearDownClass(cls):
        code, errors = cls.demo.stop()
        assert (code, errors) == (0, ""), errors

    def client(self, port=None):
        client = Client(port or self.demo.model)
        self.addCleanup(client.close)
        return client

    def ask(self, data, port=None):
        client = self.client(port)
        client.send(data)
        return client.answer()

    def status(self):
        return json.loads(self.ask(request("GET", "/demo/status"))[2])

    def wait_status(self, **wanted):
        end = time.monotonic() + 5
        while True:
            status = self.status()
            if all(status[name] == value for name, value in wanted.items()):
                return
            self.assertLess(time.monotonic(), end, f"{status}, wanted {wanted}")
            time.sleep(0.01)


class Api(Case):
    def test_lists_the_model_on_both_ports(self):
        for port in (self.demo.model, self.demo.ui):
            status, fields, body = self.ask(request("GET", "/v1/models"), port)
            self.assertEqual((status, fields["content-type"]), (200, "application/json"))
            self.assertEqual([m["id"] for m in json.loads(body)["data"]], ["local-llm"])
        self.assertEqual(json.loads(self.ask(request("GET", "/v1/models/local-llm"))[2])["id"], "local-llm")

    def test_answers_whole(self):
        status, _, body = self.ask(chat(messages=[{"role": "user", "content": "why is it so?"}]))
        answer = json.loads(body)
        choice = answer["choices"][0]
        self.assertEqual((status, answer["object"], choice["finish_reason"]), (200, "chat.completion", "stop"))
        self.assertIn("“why is it so?”", choice["message"]["content"])
        usage = answer["usage"]
        self.assertEqual(usage["prompt_tokens"], 4)
        self.assertEqual(usage["total_tokens"], 4 + usage["completion_tokens"])

    def test_streams_what_it_answers_whole(self):
        question = [{"role": "user", "content": "a"}]
        whole = json.loads(self.ask(chat(messages=question))[2])
        status, fields, body = self.ask(chat(messages=question, stream=True))
        self.assertEqual((status, fields["content-type"].split(";")[0]), (200, "text/event-stream"))
        *chunks, done = events(body)
        chunks = [json.loads(chunk) for chunk in chunks]
        self.assertEqual(done, "[DONE]")
        self.assertEqual({c["object"] for c in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({c["id"] for c in chunks}), 1)
        self.assertTrue(all(len(c["choices"]) == 1 and "usage" not in c for c in chunks))
        choices = [c["choices"][0] for c in chunks]
        self.assertEqual(choices[0]["delta"], {"role": "assistant", "content": ""})
        self.assertEqual([c["finish_reason"] for c in choices], [None] * (len(choices) - 1) + ["stop"])
        self.assertEqual(choices[-1]["delta"], {})
        tokens = [c["delta"]["content"] for c in choices[1:-1]]
        self.assertGreater(len(tokens), 50)
        self.assertEqual("".join(tokens), whole["choices"][0]["message"]["content"])
        self.assertEqual(len(tokens), whole["usage"]["completion_tokens"])

    def test_tells_usage_in_a_stream_only_when_asked(self):
        _, _, body = self.ask(chat(messages=["x"], stream=True, stream_options={"include_usage": True}))
        *chunks, _ = events(body)
        chunks = [json.loads(chunk) for chunk in chunks]
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[-1]["usage"]["completion_tokens"], len(chunks) - 3)
        self.assertTrue(all(c["usage"] is None for c in chunks[:-1]))

    def test_stops_at_max_tokens(self):
        for name in ("max_tokens", "max_completion_tokens"):
            answer = json.loads(self.ask(chat(messages=["x"], **{name: 5}))[2])
            self.assertEqual(answer["choices"][0]["finish_reason"], "length")
            self.assertEqual(answer["usage"]["completion_tokens"], 5)

    def said(self, content):
        body = json.dumps({"messages": [{"content": content}]}, ensure_ascii=isinstance(content, str)).encode()
        answer = json.loads(self.ask(request("POST", "/v1/chat/completions", body))[2])
        text = answer["choices"][0]["message"]["content"]
        return re.match(r"You asked: “(.*?)” I am", text).group(1) if text.startswith("You") else None

    def test_says_the_question_back(self):
        self.assertEqual(self.said(' a\n\t"b"\\ é€😀 </script> \x00\x1b[1mz\u2028 '), 'a "b"\\ é€😀 </script> [1mz')
        self.assertEqual(self.said([{"type": "text", "text": "é€😀"}]), "é€😀")
        self.assertEqual(self.said("😀" * 100), "😀" * 60 + "…")
        self.assertEqual(self.said("😀" * 60), "😀" * 60)
        self.assertEqual(self.said("\ud800x\udc00"), "\ufffdx\ufffd")
        self.assertIsNone(self.said(" \n"))
        self.assertIsNone(self.said(7))

    def test_knows_whether_a_gateway_stands_between(self):
        for fields, seen in (("Via: 1.1 gatehouse\r\n", True), ("", False)):
            answer = json.loads(self.ask(chat(fields, messages=["x"]))[2])
            self.assertEqual("knocked at Gatehouse" in answer["choices"][0]["message"]["content"], seen)

    def test_refuses_what_is_no_chat(self):
        for body in (b"", b"{", b"[]", b'{"messages":[]}', b'{"messages":[1],}', b'{"messages":[1]}x',
                     b'{"messages":["\xff"]}', b'{"messages":["\n"]}', b'{"messages":[01]}',
                     b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"messages":["\\u12"]}'):
            status, _, answer = self.ask(request("POST", "/v1/chat/completions", body))
            self.assertEqual(status, 400, body[:40])
            self.assertEqual(json.loads(answer)["error"]["type"], "invalid_request_error")

    def test_unknown_paths_are_404_in_their_own_shape(self):
        status, _, body = self.ask(request("GET", "/v1/nope"))
        self.assertEqual((status, set(json.loads(body)["error"])), (404, {"message", "type", "param", "code"}))
        status, _, body = self.ask(request("GET", "/v1/models/gpt"))
        self.assertEqual((status, json.loads(body)["error"]["code"]), (404, "model_not_found"))
        status, fields, _ = self.ask(request("GET", "/v10"))
        self.assertEqual((status, fields["content-type"].split(";")[0]), (404, "text/plain"))
        status, fields, _ = self.ask(request("GET", "/v1/chat/completions"))
        self.assertEqual((status, fields["allow"]), (405, "POST"))


class Page(Case):
    def test_serves_the_page_under_a_strict_policy(self):
        for path, name in (("/", "chat.html"), ("/chat.js", "chat.js"), ("/chat.css", "chat.css"),
                           ("/icon.svg", "icon.svg")):
            status, fields, body = self.ask(request("GET", path), self.demo.ui)
            self.assertEqual((status, body), (200, (HERE / name).read_bytes()))
            self.assertIn("default-src 'none'", fields["content-security-policy"])
            self.assertNotIn("unsafe", fields["content-security-policy"])
            self.assertEqual(fields["x-content-type-options"], "nosniff")

    def test_needs_nothing_from_elsewhere_and_no_inline_code(self):
        page = (HERE / "chat.html").read_text() + (HERE / "chat.css").read_text() + (HERE / "chat.js").read_text()
        self.assertNotRegex(page, r"https?://|<style|\son\w+=|innerHTML|style=")

    def test_head_has_no_body(self):
        client = self.client()
        client.send(request("HEAD", "/") + request("GET", "/health"))
        _, fields = client.head()
        self.assertEqual(int(fields["content-length"]), (HERE / "chat.html").stat().st_size)
        self.assertEqual(client.answer()[0], 200)


class Framing(Case):
    def test_takes_chunked_bodies_cut_anywhere(self):
        body = json.dumps({"messages": [{"content": "in pieces"}]}).encode()
        chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
        data = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunks + b"0\r\nX-Trailer: 1\r\n\r\n")
        client = self.client()
        for cut in range(1, len(data)):
            client.send(data[:cut])
            client.send(data[cut:])
            status, _, answer = client.answer()
            self.assertEqual(status, 200)
            self.assertIn("in pieces", json.loads(answer)["choices"][0]["message"]["content"])

    def test_answers_pipelined_requests_in_order(self):
        client = self.client()
        client.send(request("GET", "/v1/models") + chat(messages=["x"], stream=True) + request("GET", "/none"))
        self.assertEqual(json.loads(client.answer()[2])["object"], "list")
        self.assertIn(b"[DONE]", client.answer()[2])
        self.assertEqual(client.answer()[0], 404)

    def test_says_continue_only_to_those_who_wait(self):
        body = json.dumps({"messages": ["x"]}).encode()
        data = request("POST", "/v1/chat/completions", body, "Expect: 100-continue\r\n")
        client = self.client()
        client.send(data[:-len(body)])
        self.assertEqual(client.head(), (100, {}))
        client.send(body)
        self.assertEqual(client.answer()[0], 200)
        client.send(data)
        self.assertEqual(client.answer()[0], 200)

    def test_closes_when_asked_and_for_http_1_0(self):
        client = self.client()
        client.send(request("GET", "/health", fields="Connection: close\r\n"))
        self.assertEqual(client.answer()[1]["connection"], "close")
        self.assertTrue(client.closed())
        client = self.client()
        body = json.dumps({"messages": ["x"], "stream": True})
        client.send(f"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        _, fields = client.head()
        self.assertNotIn("transfer-encoding", fields)
        self.assertTrue(client.file.read().endswith(b"\n\ndata: [DONE]\n\n"))

    def test_refuses_ambiguous_requests_and_closes(self):
        bad = {
            "GET / HTTP/1.1\r\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n": 400,
            "GET / HTTP/1.1\nHost: a\n\n": 400,
            "GET / HTTP/1.1\r\nHost: ab\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n": 400,
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n": 400,
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n": 505,
            "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            "GET a HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            "GET /\r\n\r\n": 400,
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": 501,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n": 400,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n": 413,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n": 413,
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n": 417,
            "GET /" + "a" * 2000 + " HTTP/1.1\r\nHost: a\r\n\r\n": 414,
            "GET / HTTP/1.1\r\nHost: a\r\nA: " + "a" * 9000 + "\r\n\r\n": 431,
            "GET / HTTP/1.1\r\nHost: a\r\n" + "A: b\r\n" * 101 + "\r\n": 431,
            "GET / HTTP/1.1\r\nHost: a\r\n" + ("A: " + "a" * 5000 + "\r\n") * 5 + "\r\n": 431,
        }
        for data, wanted in bad.items():
            with self.subTest(data[:80]):
                client = self.client()
                client.send(data)
                status, fields, body = client.answer()
                self.assertEqual((status, fields["connection"]), (wanted, "close"))
                self.assertIn("error", json.loads(body))
                self.assertTrue(client.closed())

    def test_a_refused_upload_can_read_why(self):
        client = self.client()
        client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
        client.send(b"x" * 2000000)
        self.assertEqual(client.answer()[0], 413)


class Streams(Case):
    options = ("--token-interval", "20ms")

    def test_tokens_come_one_by_one(self):
        client = self.client()
        started = time.monotonic()
        client.send(chat(max_tokens=11, **LONG_STREAM))
        client.head()
        times = []
        while client.chunk():
            times.append(time.monotonic() - started)
        self.assertEqual(len(times), 14)
        self.assertLess(times[0], 0.15)
        self.assertGreater(times[11], 0.19)

    def test_ends_when_the_client_leaves(self):
        before = self.status()["streams_stopped"]
        clients = [Client(self.demo.model) for _ in range(20)]
        for client in clients:
            client.send(chat(**LONG_STREAM))
            client.head()
            client.chunk()
        self.wait_status(streams_open=20)
        for number, client in enumerate(clients):
            if number % 3 == 0:  # a reset
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if number % 3 == 1:  # gone with a request behind it
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 40000)
            client.close()
        self.wait_status(streams_open=0, streams_stopped=before + 20)

    def test_a_client_that_says_it_is_done_has_left(self):
        before = self.status()["streams_stopped"]
        client = self.client()
        client.send(chat(**LONG_STREAM))
        client.head()
        client.chunk()
        client.socket.shutdown(socket.SHUT_WR)
        self.assertNotIn(b"[DONE]", client.file.read())
        self.wait_status(streams_open=0, streams_stopped=before + 1)

    def test_newcomers_take_the_place_of_the_longest_idle(self):
        clients = []
        for _ in range(300):
            clients.append(self.client(self.demo.ui))
            clients[-1].send(request("GET", "/health"))
            self.assertEqual(clients[-1].answer()[0], 200)
        self.assertTrue(clients[0].closed())
        clients[-200].send(request("GET", "/health"))
        self.assertEqual(clients[-200].answer()[0], 200)

    def test_streams_are_not_driven_out(self):
        streams = [self.client() for _ in range(256)]
        for stream in streams:
            stream.send(chat(max_tokens=20, **LONG_STREAM))
            stream.head()
        waiting = self.client()
        waiting.send(request("GET", "/health"))
        for stream in streams:
            while stream.chunk():
                pass
        self.assertEqual(waiting.answer()[0], 200)

    def test_ends_on_a_signal_with_streams_open(self):
        demo = Demo()
        client = self.client(demo.model)
        client.send(chat(**LONG_STREAM))
        client.head()
        self.assertEqual(demo.stop(), (0, ""))
        rest = client.file.read()
        self.assertFalse(rest.endswith(b"0\r\n\r\n"), "a cut stream must not look whole")


class WebSocket(Case):
    KEY = "dGhlIHNhbXBsZSBub25jZQ=="

    def open(self):
        client = self.client(self.demo.ui)
        client.send(self.hello())
        status, fields = client.head()
        self.assertEqual((status, fields["upgrade"].lower()), (101, "websocket"))
        self.assertEqual(fields["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")  # RFC 6455 1.3
        return client

    def hello(self, key=KEY, version=13, upgrade="websocket", connection="keep-alive, Upgrade", method="GET"):
        return request(method, "/ws", fields=f"Upgrade: {upgrade}\r\nConnection: {connection}\r\n"
                       f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n")

    @staticmethod
    def frame(opcode, payload, final=True, mask=b"\x01\x82\x03\xf4", rsv=0):
        size = len(payload)
        head = bytes([(0x80 if final else 0) | rsv | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    @staticmethod
    def hear(client):
        first, size = client.file.read(2)
        assert not size & 0x80, "a server does not mask"
        if size == 126:
            size, = struct.unpack("!H", client.file.read(2))
        elif size == 127:
            size, = struct.unpack("!Q", client.file.read(8))
        return first & 0x0f, bool(first & 0x80), client.file.read(size)

    def test_accepts_other_keys_too(self):
        for _ in range(20):
            key = base64.b64encode(os.urandom(16)).decode()
            client = self.client()
            client.send(self.hello(key))
            want = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            self.assertEqual(client.head()[1]["sec-websocket-accept"], base64.b64encode(want).decode())

    def test_refuses_what_is_no_handshake(self):
        for data, wanted in ((self.hello(key="short"), 400), (self.hello(key="dGhlIHNhbXBsZSBub25jZR=="), 400),
                             (self.hello(version=12), 400), (self.hello(connection="close"), 400),
                             (self.hello(method="POST"), 400), (self.hello(upgrade="h2c"), 426),
                             (request("GET", "/ws"), 426)):
            status, fields, _ = self.ask(data)
            self.assertEqual((status, fields["sec-websocket-version"]), (wanted, "13"))

    def test_says_back_what_it_hears(self):
        client = self.open()
        for size in (0, 1, 125, 126, 65535, 65536, 300000):
            text = b"x" * size
            client.send(self.frame(1, text))
            self.assertEqual(self.hear(client), (1, True, text))
        noise = os.urandom(1000)
        client.send(self.frame(2, noise))
        self.assertEqual(self.hear(client), (2, True, noise))

    def test_keeps_fragments_and_answers_pings_between(self):
        client = self.open()
        euro = "€".encode()
        data = self.frame(1, euro[:1], final=False) + self.frame(9, b"hi") + self.frame(0, euro[1:])
        for byte in data:
            client.send(bytes([byte]))
        self.assertEqual(self.hear(client), (1, False, euro[:1]))
        self.assertEqual(self.hear(client), (10, True, b"hi"))
        self.assertEqual(self.hear(client), (0, True, euro[1:]))

    def test_closes_with_the_same_code(self):
        for payload in (b"", struct.pack("!H", 1000), struct.pack("!H", 4321)):
            client = self.open()
            client.send(self.frame(8, payload + (b"bye" if payload else b"")))
            self.assertEqual(self.hear(client), (8, True, payload))
            self.assertTrue(client.closed())
        self.wait_status(websockets_open=0)

    def test_closes_on_broken_frames(self):
        broken = {
            "not masked": (b"\x81\x00", 1002),
            "reserved bit": (self.frame(1, b"a", rsv=0x40), 1002),
            "unknown opcode": (self.frame(3, b"a"), 1002),
            "unknown control": (self.frame(11, b"a"), 1002),
            "long ping": (self.frame(9, b"a" * 126), 1002),
            "cut ping": (self.frame(9, b"a", final=False), 1002),
            "long spelling": (b"\x81\xfe\x00\x01\0\0\0\0a", 1002),
            "no beginning": (self.frame(0, b"a"), 1002),
            "close of one byte": (self.frame(8, b"a"), 1002),
            "close with a code of none": (self.frame(8, struct.pack("!H", 1005)), 1002),
            "close for no reason in UTF-8": (self.frame(8, struct.pack("!H", 1000) + b"\xff"), 1007),
        }
        for name, (data, code) in broken.items():
            with self.subTest(name):
                client = self.open()
                client.send(data)
                self.assertEqual(self.hear(client), (8, True, struct.pack("!H", code)))
                self.assertTrue(client.closed())

    def test_text_is_utf8(self):
        for borders in ("\x7f\x80\u07ff\u0800", "\ud7ff\ue000\uffff", "\U00010000\U0010ffff"):
            client = self.open()
            client.send(self.frame(1, borders.encode()))
            self.assertEqual(self.hear(client), (1, True, borders.encode()))
        for broken in (b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf",
                       b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xe2\x82a"):
            with self.subTest(broken):
                client = self.open()
                client.send(self.frame(1, broken))
                self.assertNotIn(broken, client.file.read())
        client = self.open()
        client.send(self.frame(1, "€".encode()[:2]))
        self.hear(client)
        self.assertEqual(self.hear(client), (8, True, struct.pack("!H", 1007)))


class Options(unittest.TestCase):
    def run_program(self, *options):
        return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=10)

    def test_help_goes_to_stdout(self):
        result = self.run_program("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("--token-interval", result.stdout)

    def test_ready_is_the_first_line(self):
        demo = Demo()
        self.assertEqual(demo.lines, ["ready", f"model http://127.0.0.1:{demo.model}",
                                      f"ui http://127.0.0.1:{demo.ui}"])
        demo.stop()

    def test_mistakes_are_told_with_code_2(self):
        for options in (["--listen", "0.0.0.0:0"], ["--ui", "[::]:0"], ["--listen", "127.0.0.1"], ["--ui", ":1"],
                        ["--ui", "127.0.0.1:65536"], ["--token-interval", "40"], ["--token-interval", "11s"],
                        ["--token-interval", "-1ms"], ["--nope"], ["more"]):
            result = self.run_program(*options)
            self.assertEqual((result.returncode, result.stdout), (2, ""), options)
            self.assertTrue(result.stderr)

    def test_a_taken_port_is_told(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            result = self.run_program("--listen", "127.0.0.1:%d" % taken.getsockname()[1])
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("Address already in use", result.stderr)


if __name__ == "__main__":
    unittest.main()
