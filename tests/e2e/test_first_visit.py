"""A model server and a web UI behind one door, visited with curl, as a user does on the first day."""

import base64
import hashlib
import json

import pytest

from harness import SANITIZED, WebSocket, http1, volley, wait_until
from harness.client import request
from harness.door import BASIC, BEARER, BEARER_FIELD, KEY, PASSWORD, auth, curl, door, key_hash
from harness.upstream import Tokens, websocket_accept, websocket_echo


@pytest.fixture(scope="module")
def model(module_upstreams):
    return module_upstreams(name="model")


@pytest.fixture(scope="module")
def webui(module_upstreams):
    return module_upstreams(name="webui")


@pytest.fixture(scope="module")
def gateway(module_gateways, model, webui):
    return module_gateways(door(model, webui))


@pytest.fixture(autouse=True)
def fresh(model, webui):
    for upstream in (model, webui):
        upstream.forget()
        upstream.script = None


def assert_error(answer, status, kind, code, *text):
    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["type"], error["param"], error["code"]) == (kind, None, code)
    for part in text:
        assert part in error["message"]
    assert answer.headers["x-request-id"]


class TestCredentials:
    def test_none_is_401_in_the_shape_of_openai(self, gateway, model):
        answer = curl(gateway, "/v1/models")
        assert_error(answer, 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided")
        assert "www-authenticate" not in answer.headers
        assert model.untouched()

    @pytest.mark.parametrize("wrong", [
        ("-H", "Authorization: Bearer wrong"), ("-H", f"Authorization: Bearer {KEY}x"), ("-H", f"Authorization: Bearer {KEY[:-1]}"),
        ("-H", "Authorization: Bearer"), ("-H", "x-api-key: wrong"), ("-H", "Authorization: Digest x"),
        ("-H", f"Authorization: {KEY}"), ("-H", f"X_Api_Key: {KEY}"), ("-H", f"Authorization: Bearer {key_hash()}"),
        ("-u", "api_user:wrong"), ("-u", "nobody:" + PASSWORD), ("-u", "api_user:"), ("-u", f"api_user:{PASSWORD}x"),
        ("-u", f"api_user:{PASSWORD[:-1]}"), ("-u", f"API_USER:{PASSWORD}"), ("-u", f":{PASSWORD}"),
        ("-H", "Authorization: Basic !!!"), ("-H", "Authorization: Basic YXBpX3VzZXI="), ("-H", "Authorization: Basic"),
    ], ids=str)
    def test_wrong_is_401_and_reaches_no_upstream(self, gateway, model, wrong):
        answer = curl(gateway, "/v1/models", *wrong)
        assert_error(answer, 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided")
        assert model.untouched()
        assert KEY.encode() not in answer.body and PASSWORD.encode() not in answer.body

    @pytest.mark.parametrize("tail", [b"\0anything", b"\n", b"\r\n", b" "])
    def test_a_password_is_compared_with_its_length(self, gateway, model, tail):
        token = base64.b64encode(b"api_user:" + PASSWORD.encode() + tail).decode()
        assert curl(gateway, "/v1/models", "-H", f"Authorization: Basic {token}").status == 401
        assert model.untouched()

    @pytest.mark.parametrize("right", [BASIC, BEARER, ("-H", f"x-api-key: {KEY}"), ("-H", f"Authorization: bearer {KEY}"),
                                       ("-u", f"laptop:{KEY}")], ids=["basic", "bearer", "x-api-key", "small letters", "key as password"])
    def test_right_is_200_and_goes_no_further(self, gateway, model, right):
        answer = curl(gateway, "/v1/models", *right)
        assert answer.status == 200 and answer.body == b"model"
        seen = model.wait()
        assert "Authorization" not in seen and "X-Api-Key" not in seen

    def test_two_credentials_are_not_one(self, gateway, model):
        answer = curl(gateway, "/v1/models", "-H", f"Authorization: Bearer {KEY}", "-H", "Authorization: Bearer other")
        assert answer.status in (400, 401) and model.untouched()

    def test_a_challenge_only_where_basic_was_sent_or_a_browser_navigates(self, gateway):
        assert "www-authenticate" not in curl(gateway, "/v1/models", *BEARER[:1], "Authorization: Bearer x").headers
        assert curl(gateway, "/v1/models", "-u", "a:b").headers["www-authenticate"].startswith("Basic realm=")
        browser = curl(gateway, "/v1/models", "-H", "Sec-Fetch-Mode: navigate", "-H", "Accept: text/html")
        assert browser.headers["www-authenticate"].startswith("Basic realm=")

    def test_the_web_uis_own_login_passes(self, gateway, webui):
        assert curl(gateway, "/api/config", "-H", "Authorization: Bearer jwt").body == b"webui"
        assert webui.wait().get("Authorization") == "Bearer jwt"

    def test_a_key_of_the_upstream_takes_its_place(self, gateways, model, webui):
        gateway = gateways(door(model, webui, upstream_key="\"${env:MODEL_KEY}\""), env={"MODEL_KEY": "sk-upstream"})
        assert curl(gateway, "/v1/models", *BASIC).status == 200
        assert model.wait().all("Authorization") == ["Bearer sk-upstream"]

    def test_a_credentials_file(self, gateways, model):
        gateway = gateways(f"routes:\n  - handle:\n      - basic-auth: {{ credentials: @DIR@/credentials.yaml }}\n"
                           f"      - openai-proxy: {{ to: \"{model.url}\" }}\n",
                           files={"credentials.yaml": f"keys: {{ phone: \"{key_hash('gh_' + 'p' * 43)}\" }}\n"})
        assert gateway.ask("GET", "/v1/models", "Authorization: Bearer gh_" + "p" * 43).status == 200
        assert gateway.ask("GET", "/v1/models", BEARER_FIELD).status == 401


class TestModelServer:
    def test_a_chat_completion_passes_whole(self, gateway, model):
        model.script = lambda e: e.answer(200, b"{\"ok\":true}", "Content-Type: application/json")
        sent = json.dumps({"messages": [{"role": "user", "content": "π " * 5000}], "model": "m"}).encode()
        answer = curl(gateway, "/v1/chat/completions", *BEARER, "-H", "Content-Type: application/json", "--data-binary", "@-", data=sent)
        assert answer.json == {"ok": True}
        assert model.wait().body == sent

    def test_curls_own_expect_100_continue(self, gateway, model):
        sent = b"{" + b" " * (2 << 20) + b"}"
        answer = curl(gateway, "/v1/chat/completions", *BEARER, "-H", "Expect: 100-continue", "--data-binary", "@-", data=sent)
        assert answer.status == 200 and model.wait().body == sent

    def test_tokens_come_as_they_are_made(self, gateway, model):
        """The server makes token k+1 only once the client has read token k."""
        model.script = tokens = Tokens()
        with gateway.client() as client:
            body = b"{\"stream\":true}"
            client.send(f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n{BEARER_FIELD}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert client.answer_head().get("Content-Type") == "text/event-stream"
            for number in range(100):
                tokens.let()
                assert client.chunk() == Tokens.event(number)
            tokens.finish()
            assert client.chunk() == b"data: [DONE]\n\n" and client.chunk() == b""

    def test_paths_that_are_no_api_are_404_in_the_shape_of_openai(self, gateway, model):
        answer = curl(gateway, "/v1/nonsense", *BEARER)
        assert answer.status == 404 and answer.json["error"]["type"] == "invalid_request_error"
        assert model.untouched()

    def test_model_names_with_a_slash_pass(self, gateway, model):
        assert curl(gateway, "/v1/models/org%2Fname", *BEARER).status == 200
        assert curl(gateway, "/v1/models/org/name", *BEARER).status == 200
        assert model.targets() == ["/v1/models/org%2Fname", "/v1/models/org/name"]

    def test_down_is_a_clear_502_its_name_in_the_log_and_back_by_itself(self, gateways, upstreams, webui):
        model = upstreams(name="model")
        gateway = gateways(f"upstreams:\n  studio: {{ to: [\"{model.url}\"] }}\n"
                           f"routes:\n  - handle:\n{auth()}      - openai-proxy: {{ to: studio }}\n")
        assert curl(gateway, "/v1/models", *BEARER).status == 200
        model.stop()
        answer = curl(gateway, "/v1/models", *BEARER)
        assert answer.status == 502
        error = answer.json["error"]
        assert error["type"] == "server_error" and error["message"] and error["param"] is None
        assert model.url.removeprefix("http://") not in answer.body.decode(), "an address that the client has no business with"
        wait_until(lambda: "studio" in gateway.said())
        model.start()
        wait_until(lambda: curl(gateway, "/v1/models", *BEARER).status == 200)

    def test_a_web_page_that_fails_is_no_json(self, gateways, webui):
        webui.script = lambda e: e.fin()
        gateway = gateways(f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{webui.url}\" }}\n")
        answer = curl(gateway, "/")
        assert answer.status == 502 and not answer.headers["content-type"].startswith("application/json")


class TestWebUi:
    def test_everything_else_goes_there(self, gateway, webui, model):
        for path in ("/", "/api/v1/chats", "/v10", "/static/app.js?v=1", "/openai/v1/models"):
            assert curl(gateway, path).body == b"webui"
        assert webui.targets() == ["/", "/api/v1/chats", "/v10", "/static/app.js?v=1", "/openai/v1/models"]
        assert model.untouched()

    def test_it_learns_who_calls_and_how(self, gateway, webui):
        curl(gateway, "/", "-H", "Host: ai.example:8443")
        seen = webui.wait()
        assert seen.get("X-Forwarded-For") == "127.0.0.1" and seen.get("X-Forwarded-Proto") == "http"
        assert seen.get("X-Forwarded-Host") == "ai.example:8443" and seen.get("Host") == "ai.example:8443"

    def test_a_websocket_through_the_same_door(self, gateway, webui):
        webui.script = websocket_echo
        with gateway.websocket("/ws/socket.io/?EIO=4&transport=websocket", "Sec-WebSocket-Extensions: permessage-deflate",
                               "Origin: https://gate.example") as socket:
            for text in ("hello", "", "π" * 1000, "a" * 70000, "b" * 1000000):
                assert socket.echo(text) == text
            socket.send_frame(9, b"ping")
            assert socket.receive() == ("pong", b"ping")
            assert socket.close()[0] == "close"
        seen = webui.wait()
        assert seen.target == "/ws/socket.io/?EIO=4&transport=websocket"
        assert seen.get("Sec-WebSocket-Extensions") == "permessage-deflate"
        assert seen.get("Connection").lower() == "upgrade" and seen.get("Upgrade").lower() == "websocket"

    def test_frames_that_come_right_behind_the_handshake_keep_their_order(self, gateway, webui):
        def script(exchange):
            """Greets in the same write as its 101, and then says what it heard."""
            sent, real = [], exchange.sock
            class Together:
                sendall = staticmethod(sent.append)
            exchange.sock = Together
            peer = websocket_accept(exchange)
            exchange.sock = peer.sock = real
            real.sendall(b"".join(sent) + peer.frame(1, b"greeting"))
            for _ in range(3):
                peer.send_frame(1, peer.receive()[1])
        webui.script = script
        frames = WebSocket.over(None, None, masks=True)
        with gateway.client() as client:
            client.send(b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + b"".join(frames.frame(1, b"%d" % n) for n in range(3)))
            assert client.answer().status == 101
            peer = WebSocket.over(client.sock, client.source, masks=True)
            assert [peer.receive()[1] for _ in range(4)] == [b"greeting", b"0", b"1", b"2"]

    def test_a_refused_handshake_is_an_answer_like_any_other(self, gateway, webui):
        webui.script = lambda e: e.answer(403, b"origin")
        with gateway.client() as client:
            answer = client.ask("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
            assert answer.status == 403 and answer.body == b"origin"
            webui.script = None
            assert client.ask().status == 200

    def test_a_page_of_another_site_opens_no_websocket(self, gateway, webui):
        with gateway.client() as client:
            assert client.ask("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: https://evil.example").status == 403
        assert webui.untouched()

    def test_either_side_may_end_a_websocket(self, gateway, webui):
        webui.script = websocket_echo
        with gateway.websocket() as socket:
            socket.echo("a")
            webui.drop()
            assert socket.client.ended()
        socket = gateway.websocket()
        socket.echo("a")
        before = webui.open
        socket.sock.close()
        wait_until(lambda: webui.open == before - 1)

    @pytest.mark.parametrize("framing", ["length", "chunked"])
    def test_an_upload_of_300_mb_in_flat_memory(self, gateways, upstreams, framing):
        size, block = 300 << 20, bytes(range(256)) * 4096
        heard = []

        def script(exchange):
            """Hashes as it reads, since 300 MB are not to be kept here either."""
            digest, length, source = hashlib.sha256(), 0, exchange.source
            chunked = exchange.request.framing == "chunked"
            while True:
                part = bytearray()
                if chunked:
                    if not http1.read_chunk(source, part):
                        http1.read_fields(source)
                        break
                else:
                    if length == int(exchange.request.get("Content-Length")):
                        break
                    if not source.buffer and not source.fill():
                        break
                    part += source.take(len(source.buffer))
                length += len(part)
                digest.update(part)
            heard.append((length, digest.hexdigest()))
            exchange.read_body = lambda: b""
            exchange.answer(200, b"taken", "Connection: close")
            exchange.fin()
        webui = upstreams(script, eager=True)
        gateway = gateways(f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{webui.url}\" }}\n")
        with gateway.client() as client:
            digest, before, peak = hashlib.sha256(), gateway.rss(), 0
            kind = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
            client.send(f"POST /api/v1/files/ HTTP/1.1\r\nHost: h\r\n{kind}\r\n\r\n".encode())
            for _ in range(size // len(block)):
                digest.update(block)
                client.send(block if framing == "length" else b"%x\r\n%s\r\n" % (len(block), block))
                peak = max(peak, gateway.rss())
            if framing == "chunked":
                client.send(b"0\r\n\r\n")
            assert client.answer().body == b"taken"
        assert heard == [(size, digest.hexdigest())]
        assert SANITIZED or peak - before < 4 << 20, f"grew by {peak - before} bytes"


class TestOtherModules:
    def test_headers_respond_and_redirect(self, gateways, webui):
        gateway = gateways(f"""
routes:
  - match: {{ path: /old }}
    handle:
      - redirect: {{ to: "https://new.example/place", status: 308 }}
  - match: {{ path: /hello }}
    handle:
      - headers: {{ response: {{ set: {{ X-Frame-Options: DENY }} }} }}
      - respond: {{ status: 203, body: "hello there", type: text/plain }}
  - handle:
      - headers:
          request: {{ set: {{ X-Env: prod }}, add: {{ X-More: b }}, remove: [X-Secret] }}
          response: {{ set: {{ X-Frame-Options: DENY }}, remove: [X-Upstream] }}
      - webui-proxy: {{ to: "{webui.url}" }}
""")
        answer = curl(gateway, "/old")
        assert answer.status == 308 and answer.headers["location"] == "https://new.example/place"
        answer = curl(gateway, "/hello")
        assert (answer.status, answer.body, answer.headers["x-frame-options"]) == (203, b"hello there", "DENY")
        answer = curl(gateway, "/", "-H", "X-Secret: s", "-H", "X-More: a", "-H", "X-Env: dev")
        assert answer.headers["x-frame-options"] == "DENY" and "x-upstream" not in answer.headers
        seen = webui.wait()
        assert seen.all("X-Env") == ["prod"] and seen.all("X-More") == ["a", "b"] and "X-Secret" not in seen

    def test_a_request_that_no_route_takes_is_404(self, gateways, model):
        gateway = gateways(f"routes:\n  - match: {{ path: /v1, host: api.example, method: [GET, POST] }}\n    handle:\n"
                           f"      - openai-proxy: {{ to: \"{model.url}\" }}\n")
        host = ("-H", "Host: api.example")
        assert curl(gateway, "/v1/models", *host).status == 200
        assert curl(gateway, "/v1/models", "-H", "Host: API.example:8080").status == 200
        assert curl(gateway, "/v1/models").status == 404
        assert curl(gateway, "/v10", *host).status == 404
        assert curl(gateway, "/", *host).status == 404
        assert curl(gateway, "/v1/models", *host, "-X", "DELETE").status in (404, 405)
        assert len(model.requests) == 2

    def test_ratelimit_refuses_politely(self, gateways, model, webui):
        gateway = gateways(door(model, webui, before="      - ratelimit: { requests: 5, window: 1m, key: client_ip }\n"))
        answers = [curl(gateway, "/v1/models", *BEARER) for _ in range(6)]
        assert [a.status for a in answers] == [200] * 5 + [429]
        assert_error(answers[-1], 429, "rate_limit_error", "rate_limit_exceeded")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[0].headers["x-ratelimit-limit-requests"] == "5"
        assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["4", "3", "2", "1", "0", "0"]
        assert curl(gateway, "/").status == 200
        assert gateway.reload().returncode == 0
        assert curl(gateway, "/v1/models", *BEARER).status == 429, "a reload forgot the count"

    def test_ratelimit_is_exact_from_many_at_once(self, gateways, model):
        gateway = gateways("workers: 2\nroutes:\n  - handle:\n      - ratelimit: { requests: 40, window: 10m, key: client_ip }\n"
                           f"      - openai-proxy: {{ to: \"{model.url}\" }}\n")
        outcomes = volley(gateway.tcp, [[request("GET", "/v1/models")]] * 100, answers=1)
        statuses = [o.statuses[0] for o in outcomes]
        assert (statuses.count(200), statuses.count(429)) == (40, 60)
