#!/usr/bin/env python3
"""A model server that is none: it speaks as much of OpenAI's and Anthropic's APIs as real SDKs ask for, with faults by the name of
the model, and gives the same answer to the same question. One thread a connection: for tests, not for load.

    fake.py [--listen 127.0.0.1:0]      prints `fake: http://ADDRESS:PORT` when it listens; SIGTERM ends it

GET /__stats tells what it saw: requests by model, and of which models a client left. /ws/echo is a WebSocket. Models:

    fake-chat            tokens, one every --gap seconds; fake-embed and fake-whisper beside it
    slow-Ns, late-Ns     N seconds of silence before the first token; late: before the head too
    ping-Ns, ping1-Ns    slow, and `: ping` in the silence with two LF, or with one
    comment-mid          comments between the tokens
    err-CODE             that status with an error in JSON; 429 and 503 with Retry-After
    err-429-once-X       429 with Retry-After: 2 to the first request of this name, then an answer
    err-429-hard-X       429 with x-should-retry: false
    err-200              200 with an error inside, as LM Studio answers what it does not know
    err-mid-stream       three tokens, an error as an event, and a clean end
    cut-mid-stream       three tokens, and a close without the last chunk; rst-mid-stream: a reset
    cut-before           a close before a byte of the head
    hang-X               a token, and nothing for a minute
"""

import argparse
import base64
import hashlib
import json
import re
import select
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

from echo import echo

WORDS = ["The", " gate", " opens", " at", " 07:00", " \u2014", " Gr\u00fc\u00dfe", " \u6f22\u5b57", " and", " \U0001f600",
         " pass", " whole", "."]
CREATED = 1700000000
NAMES = ["fake-chat", "fake-embed", "fake-whisper", "comment-mid", "err-429", "err-500", "err-503", "err-200", "err-mid-stream",
         "cut-mid-stream", "rst-mid-stream", "cut-before"]
TIMED = re.compile(r"(slow|late|ping|ping1)-([0-9]+(?:\.[0-9]+)?)s")
STATUS = re.compile(r"err-([45][0-9][0-9])")
KINDS = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error", 413: "invalid_request_error",
         429: "rate_limit_error"}
CODES = {404: "not_found", 413: "request_too_large", 429: "rate_limit_exceeded", 503: "server_is_overloaded"}
ANTHROPIC = {400: "invalid_request_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error",
             503: "overloaded_error"}
LOCK = threading.Lock()
SEEN = {"requests": 0, "asked": {}, "aborted": {}}


class Gone(Exception):
    """The client left."""


class Cut(Exception):
    """The connection is to close as it is."""


def text_of(value):
    return json.dumps(value, ensure_ascii=False).encode()


def digest(kind, raw):
    return f"{kind} {len(raw)} {hashlib.sha256(raw).hexdigest()[:16]}"


def data_of(part):
    """The bytes of an image in one part of a message, as either API has it."""
    url = part.get("image_url") or part.get("source") or {}
    if isinstance(url, dict):
        url = url.get("url") or "base64," + url.get("data", "")
    encoded = url.partition("base64,")[2]
    return base64.b64decode(encoded) if encoded else None


def words_for(messages):
    """What the model says to this: an image's digest, what a tool said, or the text."""
    for message in messages or []:
        content = message.get("content")
        if message.get("role") == "tool":
            return ["tool", " said ", str(content)]
        for part in content if isinstance(content, list) else []:
            if part.get("type") == "tool_result":
                return ["tool", " said ", json.dumps(part.get("content"))]
            raw = data_of(part)
            if raw:
                return [digest("image", raw)]
    return WORDS


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    rbufsize = 65536

    # --- requests

    def log_message(self, *_):
        pass

    def handle_any(self):
        self.path = self.path.partition("?")[0]
        self.anthropic = self.path.startswith("/v1/messages") or "anthropic-version" in self.headers
        self.model = None
        with LOCK:
            SEEN["requests"] += 1
            self.id = f"req_{SEEN['requests']:08x}"
        try:
            self.route()
        except (Gone, Cut, OSError) as error:
            self.close_connection = True
            if isinstance(error, Gone):
                with LOCK:
                    SEEN["aborted"][self.model or self.path] = time.time()

    do_GET = do_POST = do_HEAD = do_OPTIONS = do_PUT = do_DELETE = do_PATCH = handle_any

    def read_body(self):
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline(100).split(b";")[0], 16)
            if not size:
                while self.rfile.readline(1000).strip():
                    pass
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline(10)

    def route(self):
        if self.path == "/__stats":
            with LOCK:
                return self.answer(200, SEEN)
        body = self.read_body()
        if self.path == "/ws/echo" and self.headers.get("upgrade", "").lower() == "websocket":
            self.close_connection = True
            return echo(self.rfile, self.wfile, self.headers.get("sec-websocket-key", ""))
        if self.command in ("GET", "HEAD") and self.path == "/v1/models":
            return self.models()
        work = {"/v1/chat/completions": self.chat, "/v1/completions": self.completion, "/v1/embeddings": self.embeddings,
                "/v1/responses": self.response, "/v1/messages": self.message, "/v1/messages/count_tokens": self.count_tokens}
        if self.command == "POST" and self.path == "/v1/audio/transcriptions":
            return self.transcription(body)
        if self.command != "POST" or self.path not in work:
            return self.fail(404, f"Unknown path {self.command} {self.path}", "unknown_url")
        try:
            asked = json.loads(body)
            self.model = asked["model"]
        except (ValueError, KeyError, TypeError):
            return self.fail(400, "This is no request in JSON with a model.", "invalid_json")
        with LOCK:
            SEEN["asked"][self.model] = SEEN["asked"].get(self.model, 0) + 1
        if not self.fault(bool(asked.get("stream"))):
            work[self.path](asked)

    # --- answers

    def head(self, status, *fields):
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('Status',))[0]}", f"x-request-id: {self.id}", *fields]
        if self.anthropic:
            lines.append(f"request-id: {self.id}")
        if self.headers.get("origin"):  # as servers do that have CORS of their own
            lines += [f"access-control-allow-origin: {self.headers['origin']}", "vary: origin"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def answer(self, status, body, *fields):
        data = text_of(body)
        head = self.head(status, "content-type: application/json", f"content-length: {len(data)}", *fields)
        self.wfile.write(head + (b"" if self.command == "HEAD" else data))

    def fail(self, status, message, code=None, *fields):
        if self.anthropic:
            error = {"type": ANTHROPIC.get(status, "api_error"), "message": message}
            body = {"type": "error", "error": error, "request_id": self.id}
        else:
            body = {"error": {"message": message, "type": KINDS.get(status, "server_error"), "param": None,
                              "code": code or CODES.get(status)}}
        self.answer(status, body, *fields)

    def chunk(self, data):
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            raise Gone() from None

    def wait(self, seconds):
        """Sleeps, but notices a client that leaves."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.connection], [], [], left)[0]:
                return
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise Gone()
            except OSError:
                raise Gone() from None
            time.sleep(min(left, 0.05))  # the next request, which waits

    def stream(self, frames):
        """frames: an iterator of bytes, each a piece of the body, and of numbers: seconds to wait."""
        self.wfile.write(self.head(200, "content-type: text/event-stream; charset=utf-8", "cache-control: no-cache",
                                   "transfer-encoding: chunked"))
        for frame in frames:
            if isinstance(frame, bytes):
                self.chunk(frame)
            else:
                self.wait(frame)
        self.wfile.write(b"0\r\n\r\n")

    def cut(self, by_reset=False):
        if by_reset:
            self.server.reset.add(self.request)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Cut()

    # --- faults

    def fault(self, stream):
        """The faults before the head. True: that was the answer."""
        timed, status = TIMED.fullmatch(self.model), STATUS.match(self.model)
        if self.model == "cut-before":
            self.cut()
        elif timed:
            if timed[1] == "late" or not stream:
                self.wait(float(timed[2]))
        elif self.model == "err-200":
            self.answer(200, {"error": "Unexpected endpoint or method."})
            return True
        elif self.model.startswith("err-429-hard"):
            self.fail(429, "The budget of this day is spent.", "insufficient_quota", "x-should-retry: false", "retry-after: 1")
            return True
        elif self.model.startswith("err-429-once"):
            if SEEN["asked"][self.model] == 1:
                self.fail(429, "Slow down, once.", None, "retry-after: 2")
                return True
        elif status:
            fields = ["retry-after: 1"] if status[1] in ("429", "503") else []
            self.fail(int(status[1]), f"Asked for status {status[1]}.", None, *fields)
            return True
        elif self.model not in NAMES and not self.model.startswith("hang-"):
            self.fail(404, f"The model '{self.model}' does not exist", "model_not_found")
            return True
        return False

    def silence(self):
        timed = TIMED.fullmatch(self.model)
        if not timed or timed[1] == "late":
            return
        left = float(timed[2])
        while timed[1] != "slow" and left > 0.25:
            yield b": ping\n\n" if timed[1] == "ping" else b": ping\n"
            yield 0.25
            left -= 0.25
        yield left

    def broken_event(self):
        if self.anthropic:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "The model fell over."}}
            return b"event: error\ndata: " + text_of(error) + b"\n\n"
        return b"data: " + text_of({"error": {"message": "The model fell over.", "type": "server_error", "param": None,
                                              "code": "model_error"}}) + b"\n\n"

    def tokens(self, words, frame):
        """Frames for these words, with the faults in mid-stream; the last is None where the stream then goes on to its end."""
        yield from self.silence()
        for i, word in enumerate(words):
            if i == 3 and self.model in ("cut-mid-stream", "rst-mid-stream"):
                self.cut(by_reset=self.model.startswith("rst"))
            if i == 3 and self.model == "err-mid-stream":
                yield self.broken_event()
                return
            if i == 1 and self.model.startswith("hang-"):
                yield 60
            if self.model == "comment-mid":
                yield b": a comment\n\n"
            data = frame(word)
            at = next((k for k, byte in enumerate(data) if byte >= 0x80), -1) + 1
            if at:  # in the middle of a character
                yield data[:at]
                yield 0.005
            yield data[at:]
            yield self.server.gap
        yield None

    def said(self, words, frame, before=(), after=()):
        """A stream: before, the words, and after, if nothing went wrong by then."""
        def frames():
            yield from before
            for one in self.tokens(words, frame):
                if one is None:
                    yield from after
                else:
                    yield one
        self.stream(frames())

    # --- what a model server does

    def models(self):
        if self.anthropic:
            rows = [{"type": "model", "id": n, "display_name": n, "created_at": "2024-01-01T00:00:00Z"} for n in NAMES]
            self.answer(200, {"data": rows, "has_more": False, "first_id": NAMES[0], "last_id": NAMES[-1]})
        else:
            rows = [{"id": n, "object": "model", "created": CREATED, "owned_by": "fake"} for n in NAMES]
            self.answer(200, {"object": "list", "data": rows})

    @staticmethod
    def usage(words):
        return {"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)}

    def chat(self, asked):
        words, tools = words_for(asked.get("messages")), asked.get("tools")
        base = {"id": "chatcmpl-" + self.id, "created": CREATED, "model": self.model}
        call = None
        if tools and not any(m.get("role") == "tool" for m in asked["messages"]):
            call = {"id": "call_1", "type": "function",
                    "function": {"name": tools[0]["function"]["name"], "arguments": "{\"city\": \"Z\u00fcrich\"}"}}
        end = "tool_calls" if call else "stop"
        if not asked.get("stream"):
            message = {"role": "assistant", "content": None if call else "".join(words), "refusal": None}
            if call:
                message["tool_calls"] = [call]
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end}
            return self.answer(200, dict(base, object="chat.completion", usage=self.usage(words), choices=[choice]))
        wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        base["object"] = "chat.completion.chunk"

        def frame(delta, finish=None):
            body = dict(base, choices=[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])
            return b"data: " + text_of(dict(body, usage=None) if wants_usage else body) + b"\n\n"

        def tool_frames():
            name, written = call["function"]["name"], call["function"]["arguments"]
            yield frame({"tool_calls": [dict(call, index=0, function={"name": name, "arguments": ""})]})
            for i in range(0, len(written), 5):
                yield frame({"tool_calls": [{"index": 0, "function": {"arguments": written[i:i + 5]}}]})
                yield self.server.gap
        before = [] if TIMED.fullmatch(self.model) else [frame({"role": "assistant", "content": None if call else ""})]
        after = [frame({}, end)]
        if wants_usage:
            after.append(b"data: " + text_of(dict(base, choices=[], usage=self.usage(words))) + b"\n\n")
        after.append(b"data: [DONE]\n\n")
        if call:
            self.stream([*before, *tool_frames(), *after])
        else:
            self.said(words, lambda word: frame({"content": word}), before, after)

    def completion(self, asked):
        base = {"id": "cmpl-" + self.id, "object": "text_completion", "created": CREATED, "model": self.model}

        def choices(text, finish=None):
            return [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}]

        def frame(text, finish=None):
            return b"data: " + text_of(dict(base, choices=choices(text, finish))) + b"\n\n"
        if asked.get("stream"):
            self.said(WORDS, frame, after=[frame("", "stop"), b"data: [DONE]\n\n"])
        else:
            self.answer(200, dict(base, choices=choices("".join(WORDS), "stop"), usage=self.usage(WORDS)))

    def embeddings(self, asked):
        rows = []
        for i, text in enumerate(asked["input"]):
            vector = [byte / 256 - 0.5 for byte in hashlib.sha256(text_of(text)).digest()[:8]]
            packed = base64.b64encode(struct.pack("<8f", *vector)).decode()
            said = packed if asked.get("encoding_format") == "base64" else vector
            rows.append({"object": "embedding", "index": i, "embedding": said})
        self.answer(200, {"object": "list", "data": rows, "model": self.model, "usage": {"prompt_tokens": 3, "total_tokens": 3}})

    def response(self, asked):
        text, item_id = "".join(WORDS), "msg_" + self.id

        def item(status, content):
            return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}

        def part(said):
            return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}

        def whole(status):
            done = status == "completed"
            return {"id": "resp_" + self.id, "object": "response", "created_at": CREATED, "status": status, "error": None,
                    "incomplete_details": None, "instructions": None, "max_output_tokens": None, "model": self.model,
                    "output": [item(status, [part(text)])] if done else [], "parallel_tool_calls": True,
                    "previous_response_id": None,
                    "reasoning": {"effort": None, "summary": None}, "store": False, "temperature": 1.0,
                    "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
                    "truncation": "disabled",
                    "user": None, "metadata": {}, "usage": {
                        "input_tokens": 7, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": len(WORDS),
                        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7 + len(WORDS)} if done else None}
        if not asked.get("stream"):
            return self.answer(200, whole("completed"))
        sent = iter(range(1000))
        at = {"item_id": item_id, "output_index": 0, "content_index": 0}

        def event(kind, **more):
            return b"event: " + kind.encode() + b"\ndata: " + text_of(dict(type=kind, sequence_number=next(sent), **more)) + b"\n\n"

        def after():
            yield event("response.output_text.done", text=text, logprobs=[], **at)
            yield event("response.content_part.done", part=part(text), **at)
            yield event("response.output_item.done", output_index=0, item=item("completed", [part(text)]))
            yield event("response.completed", response=whole("completed"))
        self.said(WORDS, lambda word: event("response.output_text.delta", delta=word, logprobs=[], **at),
                  before=[event("response.created", response=whole("in_progress")),
                          event("response.in_progress", response=whole("in_progress")),
                          event("response.output_item.added", output_index=0, item=item("in_progress", [])),
                          event("response.content_part.added", part=part(""), **at)],
                  after=after())

    def message(self, asked):
        if "anthropic-version" not in self.headers:
            return self.fail(400, "anthropic-version: header is required")
        words, tools = words_for(asked.get("messages")), asked.get("tools")
        name = tools[0]["name"] if tools and words is WORDS else None
        usage = {"input_tokens": 7, "output_tokens": len(words), "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        base = {"id": "msg_" + self.id, "type": "message", "role": "assistant", "model": self.model, "stop_sequence": None}
        if not asked.get("stream"):
            said = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Z\u00fcrich"}} if name else \
                {"type": "text", "text": "".join(words)}
            return self.answer(200, dict(base, content=[said], stop_reason="tool_use" if name else "end_turn", usage=usage))

        def event(kind, **more):
            return b"event: " + kind.encode() + b"\ndata: " + text_of(dict(type=kind, **more)) + b"\n\n"
        self.said(words, lambda word: event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}),
                  before=[event("message_start", message=dict(base, content=[], stop_reason=None, usage=usage)),
                          event("content_block_start", index=0, content_block={"type": "text", "text": ""}), event("ping")],
                  after=[event("content_block_stop", index=0),
                         event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                               usage={"output_tokens": len(words)}),
                         event("message_stop")])

    def count_tokens(self, _):
        self.answer(200, {"input_tokens": 7})

    def transcription(self, body):
        mark = re.search(r'boundary="?([^";]+)', self.headers.get("content-type", ""))
        if not mark:
            return self.fail(400, "multipart/form-data with a boundary is required")
        parts = {}
        for part in body.split(b"--" + mark[1].encode())[1:-1]:
            head, _, data = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="?([^";\r\n]+)', head)
            if name:
                parts[name[1].decode()] = data[:-2]
        self.model = parts.get("model", b"").decode()
        if self.model != "fake-whisper":
            return self.fail(404, f"The model '{self.model}' does not exist", "model_not_found")
        self.answer(200, {"text": digest("audio", parts.get("file", b""))})


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512
    gap = 0.04
    reset = set()

    def get_request(self):
        sock, address = super().get_request()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, address

    def shutdown_request(self, request):
        if request not in self.reset:
            super().shutdown_request(request)
            return
        self.reset.discard(request)     # no FIN first: the close alone sends the RST
        self.close_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    p.add_argument("--listen", default="127.0.0.1:0", help="ADDRESS:PORT, on loopback")
    p.add_argument("--gap", type=float, default=0.04, help="seconds between tokens")
    opt = p.parse_args()
    host, _, port = opt.listen.rpartition(":")
    if not host.startswith("127."):
        p.error("--listen takes an address of loopback")
    server = Server((host, int(port)), Handler)
    server.gap = opt.gap

    def stop(*_):
        threading.Thread(target=server.shutdown, daemon=True).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("fake: http://{}:{}".format(*server.server_address), flush=True)
    server.serve_forever(0.2)


if __name__ == "__main__":
    main()
