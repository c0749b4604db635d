"""Which models there are, and whose they are: several servers behind one door, each in its own state of health."""

import json
import threading

import pytest

from harness import Broken, Client, wait_until
from harness.client import request

TOO_LONG = 30.0     # a list that waits for a server that never answers is there long before


def models(*names, **more):
    return json.dumps({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "them"} for name in names], **more}).encode()


class Server:
    """A script for an upstream: it lists its models, when it is let, and echoes everything else."""

    def __init__(self, *names, listing=None):
        self.listing = listing or models(*names)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, exchange):
        if exchange.request.target != "/v1/models":
            exchange.answer(200, exchange.request.body or b"none", "Content-Type: application/json")
            return
        self.gate.wait(TOO_LONG)
        exchange.answer(200, self.listing, "Content-Type: application/json")


def config(servers, models_yaml, options=""):
    entries = "".join(f"  {name}: {{ to: [\"{upstream.url}\"] }}\n" for name, upstream in servers.items())
    return (f"upstreams:\n{entries}routes:\n  - match: {{ path: /v1 }}\n    handle:\n      - openai-proxy:\n{options}"
            f"          models:\n{models_yaml}")


TWO = "            chat: { to: a, name: org/chat }\n            far: { to: b }\n"


def ids(answer):
    assert answer.status == 200, answer
    return [model["id"] for model in json.loads(answer.body)["data"]]


def chat(model):
    return json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": model}).encode()


def ask(gateway, model):
    return gateway.ask("POST", "/v1/chat/completions", "Content-Type: application/json", body=chat(model))


def listings(upstream):
    return [target for target in upstream.targets() if target == "/v1/models"]


def active(gateway):
    return sum(worker["active"] for worker in json.loads(gateway.ask_admin("GET", "/status").body)["workers"])


def test_the_list_is_that_of_all_servers(gateways, upstreams):
    a, b = upstreams(Server("org/chat", "org/other")), upstreams(Server("org/other", "bee"))
    gateway = gateways(config({"a": a, "b": b}, TWO))
    answer = gateway.ask("GET", "/v1/models")
    assert ids(answer) == ["chat", "far", "org/chat", "org/other", "bee"]
    assert json.loads(answer.body)["data"][0] == {"id": "chat", "object": "model", "created": 1, "owned_by": "them"}
    assert answer.get("Content-Type") == "application/json"
    assert json.loads(gateway.ask("GET", "/v1/models/org%2Fother").body)["id"] == "org/other"
    assert json.loads(gateway.ask("GET", "/v1/models/org/other").body)["id"] == "org/other"
    head = gateway.ask("HEAD", "/v1/models")
    assert head.status == 200 and int(head.get("Content-Length")) == len(answer.body) and not head.body
    page = json.loads(gateway.ask("GET", "/v1/models?limit=2", "anthropic-version: 2026-10-21").body)
    assert [model["id"] for model in page["data"]] == ["chat", "far"] and page["has_more"] is True
    assert len(listings(a)) == len(listings(b)) == 1


def test_requests_go_to_whoever_has_the_model(gateways, upstreams):
    a, b = upstreams(Server("org/chat")), upstreams(Server("bee"))
    gateway = gateways(config({"a": a, "b": b}, TWO))
    assert json.loads(ask(gateway, "chat").body)["model"] == "org/chat"
    assert json.loads(ask(gateway, "far").body)["model"] == "far"
    assert not listings(a) and not listings(b)
    # Nobody knows this one yet: servers are asked first, and the body is still there after that.
    assert ask(gateway, "bee").body == chat("bee")
    assert b.targets()[-1] == "/v1/chat/completions" and len(listings(a)) == len(listings(b)) == 1
    answer = ask(gateway, "nowhere")
    assert answer.status == 404
    error = json.loads(answer.body)["error"]
    assert error["code"] == "model_not_found" and error["type"] == "invalid_request_error"
    assert error["message"] == "There is no model 'nowhere' for this caller. There are: chat, far, org/chat, bee."
    assert len(listings(a)) == len(listings(b)) == 1


def test_many_at_once_make_one_call(gateways, upstreams):
    script = Server("bee")
    script.gate.clear()
    upstream = upstreams(script)
    gateway = gateways(config({"a": upstream}, "            chat: { to: a }\n"))
    clients = [gateway.client() for _ in range(50)]
    for at, client in enumerate(clients):
        client.send(request("GET", "/v1/models") if at % 2 else
                    request("POST", "/v1/chat/completions", "Content-Type: application/json", body=chat("bee")))
    wait_until(lambda: active(gateway) == 50, what=lambda: active(gateway), every=0.02)
    script.gate.set()
    for at, client in enumerate(clients):
        answer = client.answer()
        assert answer.status == 200
        assert ids(answer) == ["chat", "bee"] if at % 2 else answer.body == chat("bee")
        client.close()
    assert len(listings(upstream)) == 1


def test_who_waits_takes_the_place_of_one_that_leaves(gateways, upstreams):
    script = Server("bee")
    script.gate.clear()
    upstream = upstreams(script)
    gateway = gateways(config({"a": upstream}, "            chat: { to: a }\n"))
    first = gateway.client().send(request("GET", "/v1/models"))
    upstream.wait(1)
    others = [gateway.client().send(request("GET", "/v1/models")) for _ in range(6)]
    wait_until(lambda: active(gateway) == 7, what=lambda: active(gateway), every=0.02)
    # One that only waits may leave as well.
    others.pop().close()
    wait_until(lambda: active(gateway) == 6, what=lambda: active(gateway), every=0.02)
    # Its memory may be another one's now.
    others += [gateway.client().send(request("GET", "/v1/models")) for _ in range(3)]
    wait_until(lambda: active(gateway) == 9, what=lambda: active(gateway), every=0.02)
    first.close()
    upstream.wait(2)
    script.gate.set()
    for client in others:
        assert ids(client.answer()) == ["chat", "bee"]
        client.close()
    assert len(upstream.requests) == 2


def hostile(exchange):
    """Never ends, and is no JSON either."""
    exchange.stream("Content-Type: application/json")
    while True:
        exchange.chunk(b"[" * 65536)


@pytest.mark.parametrize("ill", ["dead", "hostile", "reset", "garbage"])
def test_a_server_that_is_not_well_is_left_out(gateways, upstreams, ill):
    def script(exchange):
        if ill == "hostile":
            hostile(exchange)
        elif ill == "reset":
            exchange.rst()
        else:
            exchange.send(b"\x00\x01 no HTTP at all\r\n\r\n")
            exchange.fin()
    a, b = upstreams(Server("org/chat")), upstreams(script)
    if ill == "dead":
        b.stop()
    gateway = gateways(config({"a": a, "b": b}, TWO))
    for _ in range(3):
        assert ids(gateway.ask("GET", "/v1/models")) == ["chat", "far", "org/chat"]
    assert gateway.said().count("tells nothing of its models") == 1
    assert ask(gateway, "nowhere").status == 404
    assert ask(gateway, "org/chat").body == chat("org/chat")


def test_a_server_that_takes_too_long_is_not_waited_for(gateways, upstreams):
    slow = Server("sloth")
    slow.gate.clear()
    a, b = upstreams(Server("org/chat")), upstreams(slow)
    gateway = gateways(config({"a": a, "b": b}, TWO))
    # The server is still silent when the list is there: only the gateway can have given up.
    assert ids(gateway.ask("GET", "/v1/models")) == ["chat", "far", "org/chat"]
    assert not slow.gate.is_set()
    assert gateway.said().count("tells nothing of its models") == 1
    # And it was not asked a second time.
    assert ids(gateway.ask("GET", "/v1/models")) == ["chat", "far", "org/chat"]
    assert len(b.heads) == 1
    slow.gate.set()


def test_the_callers_credential_is_for_the_gateway_alone(gateways, upstreams):
    upstream = upstreams(Server("bee"))
    gateway = gateways(config({"a": upstream}, "            chat: { to: a }\n").replace(
        "] }\n", "], key: \"their-own-key\" }\n", 1))
    assert ids(gateway.ask("GET", "/v1/models", "Authorization: Bearer of-the-caller", "x-api-key: of-the-caller")) == ["chat", "bee"]
    got = upstream.wait(1)
    assert got.get("Authorization") == "Bearer their-own-key"
    assert "of-the-caller" not in repr(got.headers)


def test_a_body_does_not_get_past_the_list(gateways, upstreams):
    """The list is the gateway's own, whatever comes with the request."""
    upstream = upstreams(Server("bee"))
    gateway = gateways(config({"a": upstream}, "            chat: { to: a }\n"))
    for method, status in ("GET", 200), ("POST", 405), ("DELETE", 405):
        assert gateway.ask(method, "/v1/models", "Content-Type: application/json", body=chat("chat")).status == status
        assert gateway.ask(method, "/v1/models/chat", body=b"").status == status
    assert upstream.targets() == ["/v1/models"]


def test_a_reload_keeps_what_is_known(gateways, upstreams):
    upstream = upstreams(Server("bee"))
    gateway = gateways(config({"a": upstream}, "            chat: { to: a }\n"))
    assert ids(gateway.ask("GET", "/v1/models")) == ["chat", "bee"]
    assert gateway.reload(config({"a": upstream}, "            talk: { to: a, name: bee }\n")).returncode == 0
    assert ids(gateway.ask("GET", "/v1/models")) == ["talk", "bee"]
    assert len(listings(upstream)) == 1


def test_a_mistake_in_the_table_names_its_mend(gateways, upstreams):
    upstream = upstreams(Server())
    gateway = gateways(config({"a": upstream}, "            local-chat: { to: a }\n"))
    done = gateway.reload(config({"a": upstream}, "            local-chat: { to: a }\n", "          default: locl-chat\n"))
    assert done.returncode != 0 and "did you mean 'local-chat'?" in done.stderr + done.stdout
    with Client(gateway.tcp) as client:
        try:
            assert ids(client.ask("GET", "/v1/models")) == ["local-chat"]
        except Broken as broken:
            raise AssertionError("the old config does not serve") from broken
