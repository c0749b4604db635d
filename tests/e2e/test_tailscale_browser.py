"""A browser comes from the internet, through a real Funnel, to the web UI: what it shows, and by what protocol."""

import json

import pytest

from harness import wait_until
from harness.browser import Browser, missing
from harness.door import auth
from harness.tailscale import PUBLIC, lab, running_lab  # noqa: F401 pylint: disable=unused-import
from harness.upstream import websocket_echo

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

# A stand-in for the web UI: a login, and then a page that keeps a WebSocket, as Open WebUI does.
LOGIN = b"""<!doctype html><meta charset=utf-8><title>Sign in</title><link rel=icon href=data:,>
<form method=post action=/login><input name=email><input name=password type=password><button>Sign in</button></form>"""
CHAT = b"""<!doctype html><meta charset=utf-8><title>Chat</title><link rel=icon href=data:,><p id=said></p><script>
const socket = new WebSocket(`wss://${location.host}/ws/socket.io/`)
socket.onopen = () => socket.send("hello")
socket.onmessage = (e) => document.getElementById("said").textContent = e.data
</script>"""


def web_ui(exchange):
    request = exchange.request
    if request.get("Upgrade"):
        websocket_echo(exchange)
    elif request.target == "/login":
        exchange.answer(303, b"", "Location: /chat", "Set-Cookie: session=1; Secure; HttpOnly; SameSite=Lax; Path=/")
    elif request.target == "/api/user":
        exchange.answer(200, json.dumps({"cookie": request.get("Cookie")}).encode(), "Content-Type: application/json")
    else:
        exchange.answer(200, CHAT if request.target == "/chat" else LOGIN, "Content-Type: text/html; charset=utf-8")


def test_a_visitor_signs_in_and_chats(lab, gateways, upstreams):
    webui = upstreams(web_ui, name="webui")
    gateway = gateways(f"""
state_dir: "@DIR@/state"
listen:
  - address: 127.0.0.1:@PORT@
    tls: [ {{ tsnet-cert: {{ socket: "{lab.a.url}" }} }} ]
    proxy_protocol: [127.0.0.1]
routes:
  - match: {{ path: /v1 }}
    handle:
{auth()}      - openai-proxy: {{ to: "{webui.url}" }}
  - handle:
      - webui-proxy: {{ to: "{webui.url}" }}
""")
    lab.served(gateway)
    lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://localhost:{gateway.port}")
    with lab.funnel_dial() as world, Browser(lab.ca, {lab.fqdn: world}) as browser:
        home = f"https://{lab.fqdn}/"
        browser.visit(home)
        assert browser.run("document.title") == "Sign in" and browser.run("isSecureContext") is True
        browser.type("input[name=email]", "zoë@example.com")
        browser.type("input[name=password]", "secret")
        browser.click("button")
        wait_until(lambda: browser.run("document.title") == "Chat")
        assert browser.run("location.href") == f"{home}chat"
        wait_until(lambda: browser.run("document.getElementById('said')?.textContent") == "hello",
                   what=lambda: browser.events[-5:])
        assert browser.run("fetch('/api/user').then(r => r.json()).then(j => j.cookie)") == "session=1"
        assert browser.run("fetch('/v1/models').then(r => r.status)") == 401
        protocols = browser.protocols()
        assert (home, "h2") in protocols and {p for url, p in protocols if url.startswith("https:")} == {"h2"}, protocols
    posted = next(r for r in webui.requests if r.target == "/login")
    assert posted.body == b"email=zo%C3%AB%40example.com&password=secret"
    assert posted.get("X-Forwarded-For") == PUBLIC and posted.get("Origin") == home.rstrip("/")
    # The WebSocket is in the log once it ended.
    lines = wait_until(lambda: (found := gateway.access()) and any(l["path"] == "/ws/socket.io/" for l in found) and found)
    assert {line["client"] for line in lines} == {PUBLIC}
