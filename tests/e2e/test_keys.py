"""Keys over their life, by the commands: made, bound, listed, taken away, and cut off."""

import datetime
import json
import re
import threading

import pytest

from harness import Broken, WebSocket, gatehouse, wait_until
from harness.h2 import H2
from harness.upstream import websocket_accept

BODY = b'{"model":"m","stream":true,"messages":[]}'
LISTEN = 'listen:\n  - { address: "127.0.0.1:@PORT@", h2c: true }\n'
ARGON2 = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"  # "password"


class Stalling:
    """A model server that says one token (or nothing) and then waits until it is left."""

    def __init__(self, token=True):
        self.token, self.left, self.began = token, [], threading.Semaphore(0)

    def __call__(self, exchange):
        if self.token:
            exchange.stream("Content-Type: text/event-stream")
            exchange.chunk(b'data: {"choices":[{"delta":{"content":"t0"}}]}\n\n')
        self.began.release()
        if exchange.peer_left():
            self.left.append(exchange.request.target)
        exchange.over = True


def config(model, **upstream):
    more = "".join(f", {key}: {value}" for key, value in upstream.items())
    return (LISTEN + f"upstreams:\n  m: {{ to: \"{model.url}\", cold_start: all{more} }}\nroutes:\n  - match: /v1\n    handle:\n"
            "      - basic-auth: { credentials: @DIR@/credentials.yaml }\n      - openai-proxy: { to: m }\n"
            "  - handle:\n      - basic-auth: { credentials: @DIR@/credentials.yaml }\n      - webui-proxy: { to: m }\n")


@pytest.fixture
def model(upstreams):
    return upstreams(name="model")


@pytest.fixture
def gateway(gateways, model):
    return gateways(config(model), files={"credentials.yaml": "# who may call\n"})


def key(gateway, *arguments, code=0):
    done = gatehouse("key", *arguments, "--config", gateway.file)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def new(gateway, name, *arguments):
    """Makes a key; gives the header field that shows it."""
    made = re.fullmatch(r"key:  (gatehouse_\w{49})\n", key(gateway, "new", name, *arguments).stdout)
    return f"Authorization: Bearer {made[1]}"


def credentials(gateway):
    return (gateway.dir / "credentials.yaml").read_text()


def chat(gateway, field):
    return gateway.ask("POST", "/v1/chat/completions", field, "Content-Type: application/json", body=BODY)


def open_chat(client, field):
    client.send(f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n{field}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)


def test_a_key_is_good_at_once_and_gone_at_once(gateway, model):
    field = new(gateway, "phone")
    other = new(gateway, "other")
    for _ in range(3):
        assert chat(gateway, field).status == 200
    done = key(gateway, "revoke", "phone")
    # Right after the command, on both workers, and not within the second of a look by itself.
    answers = [chat(gateway, field) for _ in range(10)]
    assert "the running gateway goes by it" in done.stdout
    assert [a.status for a in answers] == [401] * 10
    assert b"Incorrect API key provided" in answers[0].body
    assert chat(gateway, other).status == 200
    assert "phone" not in credentials(gateway) and credentials(gateway).startswith("# who may call\nkeys:\n")
    assert len(model.requests) == 4


def test_a_name_is_taken_once(gateway):
    field = new(gateway, "phone")
    before = credentials(gateway)
    assert "already" in key(gateway, "new", "phone", code=1).stderr
    assert credentials(gateway) == before
    assert chat(gateway, field).status == 200
    assert "there is no key or user" in key(gateway, "revoke", "nobody", code=1).stderr
    assert credentials(gateway) == before


def test_the_file_keeps_its_mode_and_leaves_nothing_beside_it(gateway):
    (gateway.dir / "credentials.yaml").chmod(0o640)
    new(gateway, "phone")
    key(gateway, "revoke", "phone")
    assert (gateway.dir / "credentials.yaml").stat().st_mode & 0o7777 == 0o640
    assert [p.name for p in gateway.dir.iterdir() if p.name.startswith("credentials")] == ["credentials.yaml"]


def test_a_user_can_be_revoked_too(gateway):
    (gateway.dir / "credentials.yaml").write_text(f"users:\n  anna: \"{ARGON2}\" # hers\n  ben: \"{ARGON2}\"\n")
    field = "Authorization: Basic YW5uYTpwYXNzd29yZA=="
    assert gateway.ask_admin("POST", "/refresh").status == 200
    assert chat(gateway, field).status == 200
    key(gateway, "revoke", "anna")
    assert chat(gateway, field).status == 401, "a password that was verified of late is still good"
    assert credentials(gateway) == f"users:\n  ben: \"{ARGON2}\"\n"


def test_list_tells_what_keys_are_bound_to_and_no_digest(gateway):
    day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)).strftime("%Y-%m-%d")
    new(gateway, "phone", "--models", "m,llama3:8b", "--expires", day, "--priority", "low",
        "--limit", "requests: 30, tokens: 100k, window: 1m", "--limit", "{ tokens: 2M, window: 1d }")
    with (gateway.dir / "credentials.yaml").open("a") as file:
        file.write("  old:\n    key: \"sha256:" + "ab" * 32 + "\"\n    expires: 2020-01-31\n")
    told = {entry["name"]: entry for entry in json.loads(key(gateway, "list", "--json").stdout)}
    assert told["phone"] == {
        "name": "phone", "kind": "key", "models": ["m", "llama3:8b"], "expires": day, "expired": False, "priority": "low",
        "limits": [{"requests": 30, "tokens": 100000, "window": "1m"}, {"tokens": 2000000, "window": "1d"}],
        "file": str(gateway.dir / "credentials.yaml"), "line": 3}
    assert told["old"]["expired"] is True and told["old"]["models"] is None
    table = key(gateway, "list").stdout
    assert "2020-01-31 (over)" in table and "m,llama3:8b" in table and "2M tokens/1d" in table
    for text in (table, json.dumps(told)):
        assert not re.search("[0-9a-f]{12}", text.replace(str(gateway.dir), "")), "a part of a digest"


def test_an_expired_key_is_answered_like_an_unknown_one(gateway, model):
    field = new(gateway, "phone", "--expires", "30d")
    assert chat(gateway, field).status == 200
    file = gateway.dir / "credentials.yaml"
    file.write_text(re.sub("expires: .*", "expires: 2020-01-31", file.read_text()))
    assert gateway.ask_admin("POST", "/refresh").status == 200
    expired, unknown = chat(gateway, field), chat(gateway, field + "x")
    assert expired.status == unknown.status == 401 and expired.body == unknown.body
    wait_until(lambda: "expired" in gateway.said())
    assert len(model.requests) == 1


def test_limits_of_a_key_are_its_own(gateway):
    field = new(gateway, "phone", "--limit", "requests: 2, window: 10m")
    other = new(gateway, "other")
    answers = [chat(gateway, field) for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert json.loads(answers[2].body)["error"]["code"] == "rate_limit_exceeded"
    assert answers[0].get("x-ratelimit-remaining-requests") == "1"
    refused = gateway.ask("GET", "/", field)
    assert refused.status == 429, "another route with the same file counts apart"
    assert chat(gateway, other).status == 200


def test_a_spent_budget_of_a_day_is_a_quota_that_is_not_tried_again(gateway, model):
    model.script = lambda e: e.answer(200, b'{"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":80,"total_tokens":120}}',
                                      "Content-Type: application/json")
    field = new(gateway, "phone", "--limit", "tokens: 100, window: 1d")
    ask = lambda: gateway.ask("POST", "/v1/chat/completions", field, "Content-Type: application/json",
                              body=b'{"model":"m","messages":[]}')
    assert ask().status == 200
    refused = wait_until(lambda: (answer := ask()).status == 429 and answer)
    assert json.loads(refused.body)["error"]["code"] == "insufficient_quota"
    assert refused.get("x-should-retry") == "false"


def test_what_stands_in_the_config_is_for_hands(gateways, model):
    gateway = gateways("routes:\n  - handle:\n      - basic-auth:\n          keys:\n            laptop: \"sha256:" + "ab" * 32 +
                       f"\"\n      - openai-proxy: {{ to: \"{model.url}\" }}\n")
    done = key(gateway, "revoke", "laptop", code=1)
    assert re.search(r"gateway\.yaml:5: the key 'laptop' stands in the config", done.stderr) and "gatehouse reload" in done.stderr
    assert "laptop" in key(gateway, "list").stdout


def test_a_file_that_the_gateway_refuses_is_no_success(gateway):
    field = new(gateway, "phone")
    with (gateway.dir / "credentials.yaml").open("a") as file:
        file.write("  broken:\n    key: nonsense\n")
    done = key(gateway, "revoke", "phone", code=1)
    assert "credentials.yaml:4:10: a key is kept as sha256:" in done.stderr
    assert "goes by it" not in done.stdout
    assert chat(gateway, field).status == 200, "the gateway must have said the truth"


def test_without_a_gateway_the_file_is_edited_all_the_same(gateway):
    new(gateway, "phone")
    gateway.process.terminate()
    gateway.process.wait()
    done = key(gateway, "revoke", "phone")
    assert "no gateway answers" in done.stdout and "phone" not in credentials(gateway)


def test_a_file_that_is_not_there_yet_is_made_by_the_first_key(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(f"routes:\n  - handle:\n      - basic-auth: {{ credentials: {tmp_path}/credentials.yaml }}\n      - respond\n")
    refused = gatehouse("validate", "--config", file)
    assert refused.returncode != 0 and "`gatehouse key new NAME` makes it" in refused.stderr
    assert gatehouse("key", "new", "laptop", "--config", file).returncode == 0
    assert gatehouse("validate", "--config", file).returncode == 0


class TestCut:
    @pytest.mark.parametrize("token", [True, False], ids=["in the stream", "before the head"])
    def test_open_requests_break_and_the_server_is_free(self, gateway, model, token):
        model.script = stalling = Stalling(token)
        field, other = new(gateway, "phone"), new(gateway, "other")
        clients = [gateway.client() for _ in range(6)]
        for client in clients[:5]:
            open_chat(client, field)
        open_chat(clients[5], other)
        for _ in clients:
            assert stalling.began.acquire(timeout=15)
        if token:
            for client in clients:
                assert client.answer_head().status == 200 and b"t0" in client.chunk()
        done = key(gateway, "revoke", "phone", "--cut")
        assert "5 open requests of 'phone' were cut" in done.stdout
        for client in clients[:5]:
            with pytest.raises(Broken):
                client.chunk() if token else client.answer_head()
        wait_until(lambda: len(stalling.left) == 5)
        assert clients[5].is_open() and len(stalling.left) == 5, "another caller's was cut too"
        assert chat(gateway, field).status == 401
        for client in clients:
            client.close()
        wait_until(lambda: len(stalling.left) == 6)

    def test_a_stream_of_http2_is_reset_and_the_others_go_on(self, gateway, model):
        model.script = stalling = Stalling()
        field, other = (new(gateway, name).partition(": ")[2] for name in ("phone", "other"))
        with H2(gateway.tcp) as connection:
            streams = [connection.open("/v1/chat/completions", ("authorization", shown), ("content-type", "application/json"),
                                       method="POST", end=False).send(BODY, end=True) for shown in (field, other)]
            for stream in streams:
                stream.wait(lambda s: b"t0" in s.body)
            done = key(gateway, "revoke", "phone", "--cut")
            assert "1 open request of 'phone' was cut" in done.stdout
            assert streams[0].wait(lambda s: s.over).word.startswith("200 broken")
            assert connection.word == "open" and streams[1].word == "200 open"
            wait_until(lambda: len(stalling.left) == 1)
        wait_until(lambda: len(stalling.left) == 2)

    def test_who_waits_for_a_turn_is_cut_and_the_queue_goes_on(self, gateways, model):
        model.script = stalling = Stalling()
        gateway = gateways(config(model, max_concurrent=1, queue=10), files={"credentials.yaml": ""})
        field, other = new(gateway, "phone"), new(gateway, "other")
        with gateway.client() as first, gateway.client() as waiting, gateway.client() as last:
            open_chat(first, field)
            assert first.answer_head().status == 200
            open_chat(waiting, field)
            open_chat(last, other)
            wait_until(lambda: b"gatehouse_requests_active 3" in gateway.ask_admin("GET", "/metrics").body)
            assert "2 open requests of 'phone' were cut" in key(gateway, "revoke", "phone", "--cut").stdout
            with pytest.raises(Broken):
                waiting.answer_head()
            assert last.answer_head().status == 200
            wait_until(lambda: len(stalling.left) == 1)

    def test_a_websocket_ends_on_both_sides(self, gateway, model):
        left = threading.Event()

        def serve(exchange):
            websocket_accept(exchange)
            if exchange.peer_left():
                left.set()

        model.script = serve
        field = new(gateway, "phone")
        with WebSocket(gateway.tcp, "/ws", field) as peer:
            assert "1 open request of 'phone' was cut" in key(gateway, "revoke", "phone", "--cut").stdout
            assert left.wait(15)
            with pytest.raises(Broken):
                peer.receive()

    def test_who_was_revoked_before_can_be_cut_later(self, gateway, model):
        model.script = stalling = Stalling()
        field = new(gateway, "phone")
        with gateway.client() as client:
            open_chat(client, field)
            assert client.answer_head().status == 200 and client.chunk()
            key(gateway, "revoke", "phone")
            assert client.is_open() and not stalling.left
            assert "1 open request" in key(gateway, "revoke", "phone", "--cut").stdout
            with pytest.raises(Broken):
                client.chunk()

    @pytest.mark.parametrize("target", ["/cut", "/cut?caller=", "/cut?name=x", "/cut?caller=%", "/cut?caller=%4", "/cut?caller=%zz"])
    def test_the_admin_address_wants_a_name(self, gateway, target):
        assert gateway.ask_admin("POST", target).status == 400

    def test_a_name_may_be_escaped(self, gateway):
        assert json.loads(gateway.ask_admin("POST", "/cut?caller=%c3%a4%20b").body) == {"ok": True, "cut": 0}
