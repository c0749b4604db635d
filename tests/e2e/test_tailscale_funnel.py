"""The front door to the world: `tailscale funnel --tcp --proxy-protocol=2`, and TLS that ends in the gateway.

A real tailscaled, offline; see tests/harness/tailscale.py for what it takes.
"""

import configparser
import contextlib
import json
import re
import socket
import ssl
import threading

import pytest

from harness import Broken, WebSocket, wait_until
from harness.client import request
from harness.door import BASIC, BEARER, KEY, PASSWORD, auth
from harness.gateway import gatehouse
from harness.h2 import H2
from harness.limits import REPO
from harness.tailscale import PUBLIC, ends_of, lab, running_lab  # noqa: F401 pylint: disable=unused-import
from harness.upstream import Tokens, websocket_echo

PAGE = b"""<!doctype html><meta charset=utf-8><title>Sign in</title>
<form><input name=email><input name=password type=password><button>Sign in</button></form>"""
MODELS = json.dumps({"object": "list", "data": [{"id": "local-llm", "object": "model", "created": 1, "owned_by": "me"}]}).encode()


def model_server(exchange):
    if exchange.request.target == "/v1/models":
        exchange.answer(200, MODELS, "Content-Type: application/json")
    else:
        exchange.answer(404, b"{}", "Content-Type: application/json")


def web_ui(exchange):
    exchange.answer(200, PAGE, "Content-Type: text/html; charset=utf-8")


@pytest.fixture(scope="module")
def model(module_upstreams):
    return module_upstreams(name="model")


@pytest.fixture(scope="module")
def webui(module_upstreams):
    return module_upstreams(name="webui")


@pytest.fixture(scope="module")
def door(running_lab, module_gateways, model, webui):
    """The gateway of a user's first day, as the docs have it, and Funnel to it."""
    gateway = module_gateways(config(running_lab, model, webui))
    running_lab.served(gateway)
    return gateway


@pytest.fixture(autouse=True)
def fresh(lab, door, model, webui):
    model.script, webui.script = model_server, web_ui
    for upstream in model, webui:
        upstream.forget()
    open_funnel(lab, door)


def config(lab, model, webui, before="", **more):
    return (f"state_dir: \"@DIR@/state\"\nlisten:\n  - address: 127.0.0.1:@PORT@\n    tls:\n"
            f"      - tsnet-cert: {{ socket: \"{lab.a.url}\" }}\n    proxy_protocol: [127.0.0.1]\n"
            f"routes:\n  - match: {{ path: /v1 }}\n    handle:\n{before}{auth(**more)}"
            f"      - openai-proxy: {{ to: \"{model.url}\" }}\n"
            f"  - handle:\n      - webui-proxy: {{ to: \"{webui.url}\" }}\n")


def open_funnel(lab, gateway):
    said = lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://localhost:{gateway.port}")
    assert "PROXY protocol v2" in said, said


def denied(gateway):
    return [line for line in gateway.stderr().splitlines() if "warn denied " in line]


@pytest.fixture
def world(lab, door):
    with lab.funnel_dial() as address:
        yield address


# --- what a user can do ----------------------------------------------------------------------

def test_without_a_key_it_is_401_over_http_2(lab, world, model):
    seen = lab.curl("/v1/models", through=world)
    assert (seen.version, seen.status) == ("2", 401), seen
    assert seen.json["error"]["code"] == "invalid_api_key" and model.untouched()


@pytest.mark.parametrize("credential", [("-u", f"api_user:{PASSWORD}"), BEARER], ids=["password", "key"])
def test_with_one_it_is_200_and_the_list_of_models(lab, world, credential):
    seen = lab.curl("/v1/models", *credential, through=world)
    assert (seen.version, seen.status) == ("2", 200), seen
    assert [m["id"] for m in seen.json["data"]] == ["local-llm"]


def test_http_1_1_is_as_good(lab, world):
    seen = lab.curl("/v1/models", "--http1.1", *BASIC, through=world)
    assert (seen.version, seen.status) == ("1.1", 200), seen


def test_the_web_ui_is_at_the_root_and_learns_where_its_visitor_is(lab, world, webui):
    seen = lab.curl("/", through=world)
    assert (seen.status, seen.body) == (200, PAGE), seen
    heard = webui.wait()
    assert heard.get("X-Forwarded-For") == PUBLIC and heard.get("X-Forwarded-Proto") == "https"
    assert heard.get("Host") == heard.get("X-Forwarded-Host") == lab.fqdn


def test_a_forged_origin_is_replaced(lab, world, webui):
    lab.curl("/", *(x for field in ("X-Forwarded-For: 198.51.100.1", "X-Real-IP: 198.51.100.1", "Forwarded: for=198.51.100.1",
                                    "Tailscale-User-Login: root@example.com", "X-Forwarded-Proto: http")
                    for x in ("-H", field)), through=world)
    heard = webui.wait()
    assert heard.all("X-Forwarded-For") == [PUBLIC] and heard.all("X-Forwarded-Proto") == ["https"]
    assert not any(name in heard for name in ("X-Real-IP", "Forwarded", "Tailscale-User-Login"))


@pytest.mark.parametrize("source, shown", [(PUBLIC, PUBLIC), ("[2001:db8::7]:4321", "2001:db8::7")])
def test_the_access_log_has_the_real_clients_address(lab, door, source, shown):
    before = len(door.access())
    with lab.funnel_dial(source) as world:
        lab.curl("/v1/models", *BASIC, through=world)
    assert door.wait_access(before + 1)[before]["client"] == shown


def test_a_machine_of_the_tailnet_comes_by_the_same_door_with_its_own_address(lab, door):
    before = len(door.access())
    assert lab.curl("/v1/models", *BASIC, through=lab.b).status == 200
    assert door.wait_access(before + 1)[before]["client"] == lab.b.ip4


def test_a_failed_login_is_told_with_the_real_address_and_fail2ban_finds_it(lab, door, world):
    before = len(denied(door))
    assert lab.curl("/v1/models", "-u", "mallory:guess", through=world).status == 401
    line = wait_until(lambda: denied(door)[before:])[0]
    assert f"warn denied client={PUBLIC} user=\"mallory\"" in line
    parser = configparser.ConfigParser()
    parser.read(REPO / "examples/fail2ban/filter.d/gatehouse.conf")
    expression = parser["Definition"]["failregex"].replace("<ADDR>", r"(?P<ip>[0-9a-fA-F:.]+)")
    # fail2ban takes the date off before it looks.
    assert re.search(expression, line.partition(" ")[2])["ip"] == PUBLIC


def test_the_rate_limit_counts_by_the_real_address(lab, gateways, model, webui):
    gateway = gateways(config(lab, model, webui, before="      - ratelimit: { requests: 3, window: 10m, key: client_ip }\n"))
    lab.served(gateway)
    open_funnel(lab, gateway)
    with lab.funnel_dial("map") as world:
        def ask(client):
            return lab.curl("/v1/models", *BASIC, "--interface", f"127.0.113.{client}", through=world).status
        assert [ask(1) for _ in range(4)] == [200, 200, 200, 429]
        assert ask(2) == 200, "another client paid for the first one's requests"


def test_the_budget_of_wrong_passwords_is_the_real_addresses(lab, gateways, model, webui):
    gateway = gateways(config(lab, model, webui).replace("max_tries: 1000", "max_tries: 3"))
    lab.served(gateway)
    open_funnel(lab, gateway)
    with lab.funnel_dial("map") as world:
        def guess(client):
            return lab.curl("/v1/models", "-u", "api_user:guess", "--interface", f"127.0.113.{client}", through=world).status
        assert [guess(1) for _ in range(4)] == [401, 401, 401, 429]
        assert guess(2) == 401


def test_status_and_metrics_tell_how_long_the_certificate_is_good(lab, door, world):
    with lab.client(world) as client:
        end = client.sock.getpeercert()["notAfter"]
    assert ends_of(door) == {lab.fqdn: ssl.cert_time_to_seconds(end)}
    done = gatehouse("status", "--config", door.file)
    assert done.returncode == 0 and lab.fqdn in done.stdout and re.search(r'"days_left": (89\.9|90\.0)', done.stdout), done.stdout


# --- what passes through -----------------------------------------------------------------------

def test_tokens_come_as_they_are_made(lab, world, model):
    model.script = tokens = Tokens()
    with H2(world, lab.context("h2"), name=lab.fqdn) as peer:
        body = b"{\"stream\":true}"
        stream = peer.open("/v1/chat/completions", ("authorization", f"Bearer {KEY}"), ("content-type", "application/json"),
                           end=False, method="POST", authority=lab.fqdn)
        stream.send(body, end=True)
        assert stream.answer_head().status == 200
        for number in range(50):
            tokens.let()
            assert stream.receive(len(Tokens.event(number))) == Tokens.event(number)
        tokens.finish()
        assert stream.answer().body == b"data: [DONE]\n\n"


def test_an_answer_that_is_cut_short_is_cut_at_the_client_too(lab, world, model):
    def cut(exchange):
        exchange.stream("Content-Type: text/event-stream")
        exchange.chunk(Tokens.event(0))
        exchange.fin()
    model.script = cut
    for version in "--http2", "--http1.1":
        seen = lab.curl("/v1/chat/completions", version, *BEARER, "-d", "{}", through=world)
        assert seen.code != 0 and seen.body in (b"", Tokens.event(0)), seen


def test_a_client_that_leaves_ends_its_answer(lab, world, model):
    left = threading.Event()

    def script(exchange):
        exchange.stream("Content-Type: text/event-stream")
        exchange.chunk(Tokens.event(0))
        if exchange.stall():
            left.set()
    model.script = script
    with H2(world, lab.context("h2"), name=lab.fqdn) as peer:
        stream = peer.open("/v1/chat/completions", ("authorization", f"Bearer {KEY}"), authority=lab.fqdn)
        stream.receive(len(Tokens.event(0)))
    assert left.wait(15)


def test_a_websocket_of_the_web_ui(lab, world, webui):
    webui.script = websocket_echo
    with lab.client(world, "http/1.1") as client:
        client.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: https://{lab.fqdn}", host=lab.fqdn))
        assert client.answer().status == 101
        peer = WebSocket.over(client.sock, client.source, masks=True)
        for text in "hello", "π" * 1000, "a" * 70000:
            assert peer.echo(text) == text


def test_plain_http_gets_a_clear_400_and_no_page(lab, world, webui):
    seen = lab.curl("/", through=world, scheme="http", port=443)
    assert seen.status == 400 and b"https" in seen.body.lower() and webui.untouched(), seen


def test_a_hundred_visitors_at_once_keep_their_addresses(lab, door, webui):
    before = len(door.access())
    seen = []
    with lab.funnel_dial("map") as world:
        def visit(number):
            with socket.create_connection(world, timeout=60, source_address=(f"127.0.114.{number}", 0)) as sock, \
                    lab.context("http/1.1").wrap_socket(sock, server_hostname=lab.fqdn) as tls:
                tls.sendall(f"GET /{number} HTTP/1.1\r\nHost: {lab.fqdn}\r\nConnection: close\r\n\r\n".encode())
                seen.append(tls.recv(100)[:12])
        threads = [threading.Thread(target=visit, args=(number,)) for number in range(1, 101)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [b"HTTP/1.1 200"] * 100
    lines = door.wait_access(before + 100)[before:]
    assert sorted((line["client"], line["path"]) for line in lines) == \
        sorted((f"203.0.114.{number}", f"/{number}") for number in range(1, 101))


def test_nobody_comes_in_beside_the_proxy_header(lab, door, webui):
    """The tailnet reaches this loopback port too, in userspace networking; without a header nothing is said to it."""
    sock = lab.b.dial(lab.fqdn, door.port)
    with contextlib.closing(sock), pytest.raises((OSError, Broken)):
        with lab.context("h2").wrap_socket(sock, server_hostname=lab.fqdn):
            pass
    assert webui.untouched()
