"""What the gateway tells those who run it: logs, the admin socket, metrics. And what it never tells."""

import json
import os
import re
import signal
import socket
import stat

import pytest

from harness import Client, wait_until
from harness.door import BASIC, BEARER_FIELD, KEY, PASSWORD, curl, door
from harness.client import head
from harness.gateway import free_port, to_webui
from harness.upstream import websocket_echo


class TestAccessLog:
    def test_json_fields(self, gateways, upstreams):
        model, webui = upstreams(name="model"), upstreams(name="webui")
        gateway = gateways(door(model, webui))
        answer = gateway.ask("POST", "/v1/chat/completions?key=SECRET&x", BEARER_FIELD, body=b'{"prompt":"text"}')
        entry = gateway.wait_access()[0]
        assert entry["method"] == "POST" and entry["status"] == 200 and entry["client"] == "127.0.0.1"
        assert entry["caller"] == "laptop"
        assert entry["id"] == answer.get("X-Request-Id")
        assert entry["path"].split("?")[0] == "/v1/chat/completions" and "SECRET" not in json.dumps(entry)
        assert entry["bytes"] == len(b"model") and entry["duration_ms"] >= 0
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", entry["time"])
        for key in ("first_byte_ms", "upstream", "route"):
            assert key in entry, entry

    def test_one_line_a_request_whatever_it_was(self, gateways, upstream):
        gateway = gateways(to_webui(upstream))
        with gateway.client() as client:
            for number in range(30):
                client.ask("GET", f"/{number}")
        with gateway.client() as client:
            client.send(b"BAD\r\n\r\n").answer()
        entries = gateway.wait_access(31)
        # In order on each connection; another's worker may write its lines a turn earlier.
        assert [e["path"] for e in entries if "path" in e] == [f"/{n}" for n in range(30)]
        assert [e["status"] for e in entries if "path" not in e] == [400] and len(gateway.access()) == 31

    def test_nothing_secret_is_in_any_log(self, gateways, upstreams):
        webui = upstreams(name="webui")
        gateway = gateways(door(upstreams(name="model"), webui))
        marks = {"query": "qqSECRETqq", "cookie": "ccSECRETcc", "prompt": "ppSECRETpp", "bearer": "bbSECRETbb", "basic": "aaSECRETaa"}
        gateway.ask("POST", f"/v1/chat/completions?key={marks['query']}", BEARER_FIELD, f"Cookie: {marks['cookie']}",
                    body=json.dumps({"prompt": marks["prompt"]}).encode())
        gateway.ask("GET", f"/?token={marks['query']}", f"Referer: http://h/?{marks['query']}")
        gateway.ask("GET", "/v1/models", f"Authorization: Bearer {marks['bearer']}")
        curl(gateway, "/v1/models", "-u", f"api_user:{marks['basic']}")
        curl(gateway, "/v1/models", *BASIC)
        webui.stop()
        gateway.ask("GET", f"/?token={marks['query']}")
        with gateway.client() as client:
            client.send(f"GET /?{marks['query']} HTTP/9.9\r\nX: {marks['bearer']}\r\n\r\n".encode()).answer()
        gateway.wait_access(7)
        text = gateway.said() + gateway.access_log.read_text()
        for mark in [*marks.values(), KEY, PASSWORD]:
            assert mark not in text

    def test_lines_cannot_be_forged(self, gateways, upstreams):
        gateway = gateways(door(upstreams(), upstreams()))
        gateway.ask("GET", "/%0a%22,%22status%22:1/x%7f", "User-Agent: \"}\\u0000{", "Referer: a\tb")
        curl(gateway, "/v1/models", "-u", "us\"er\n{\"x\"\x1b[31m:pass")
        assert all(isinstance(e, dict) for e in gateway.wait_access(2))
        assert "\x1b" not in gateway.said() and "\n{\"x\"" not in gateway.said()

    def test_combined(self, gateways, upstream):
        gateway = gateways("log: { access: { to: @DIR@/combined.log, format: combined } }\n" + to_webui(upstream))
        gateway.ask("GET", "/a/b?c=d", "User-Agent: tester/1 \"x\"", "Referer: http://from.example/")
        path = gateway.dir / "combined.log"
        line = wait_until(lambda: path.exists() and path.read_text())
        assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a/b(\?\S*)? HTTP/1\.1" 200 8 '
                            r'"[^"\n]*" "tester/1 [^\n]*"\n', line), line
        assert "c=d" not in line

    def test_to_stdout_and_off(self, gateways, upstream):
        gateway = gateways("log: { access: { to: stdout, format: json } }\n" + to_webui(upstream))
        gateway.ask("GET", "/seen")
        wait_until(lambda: "/seen" in gateway.stdout())
        gateway = gateways("log: { access: { to: off } }\n" + to_webui(upstream))
        gateway.ask("GET", "/unseen")
        gateway.stop()
        assert "/unseen" not in (upstream.name + "".join(map(str, gateway.access())))

    def test_sigusr1_reopens(self, gateways, upstream):
        gateway = gateways(to_webui(upstream))
        gateway.ask("GET", "/one")
        gateway.wait_access()
        moved = gateway.dir / "moved.log"
        gateway.access_log.rename(moved)
        gateway.signal(signal.SIGUSR1)
        wait_until(gateway.access_log.exists)
        gateway.ask("GET", "/two")
        assert [e["path"] for e in gateway.wait_access()] == ["/two"]
        assert [e["path"] for e in gateway.access(moved)] == ["/one"]

    def test_it_rolls_by_size_and_keeps_so_many(self, gateways, upstream):
        gateway = gateways("log: { access: { to: @DIR@/roll.log, format: json, roll_size: 64k, keep: 2 } }\n" + to_webui(upstream))
        with gateway.client() as client:
            for number in range(1500):
                client.ask("GET", "/" + "a" * 100 + str(number))
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(10)
        logs = sorted(gateway.dir.glob("roll.log*"))
        assert len(logs) == 3, logs
        assert all(path.stat().st_size <= 80 << 10 for path in logs)
        assert "a1499" in (gateway.dir / "roll.log").read_text()

    def test_a_log_that_cannot_be_written_does_not_stop_the_gateway(self, gateways, upstream):
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full here")
        gateway = gateways("log: { access: { to: /dev/full, format: json } }\n" + to_webui(upstream))
        with gateway.client() as client:
            for _ in range(50):
                assert client.ask().status == 200

    def test_a_websocket_is_one_line_with_101(self, gateways, upstreams):
        gateway = gateways(to_webui(upstreams(websocket_echo)))
        with gateway.websocket() as peer:
            peer.echo("words that are nobody's business")
            peer.close()
        entry, = gateway.wait_access()
        assert entry["status"] == 101 and "business" not in json.dumps(entry)

    def test_a_client_that_left_is_seen(self, gateways, upstreams):
        upstream = upstreams(lambda exchange: exchange.stall())
        gateway = gateways(to_webui(upstream))
        client = gateway.client().send(b"GET /gone HTTP/1.1\r\nHost: h\r\n\r\n")
        upstream.wait()
        client.close()
        assert gateway.wait_access()[0]["status"] in (0, 499)


def test_a_failed_login_is_one_line_for_fail2ban(gateways, upstreams):
    gateway = gateways(door(upstreams(), upstreams()))
    curl(gateway, "/v1/models", "-u", "mallory:guess-of-mallory")
    lines = wait_until(lambda: [line for line in gateway.said().splitlines() if "mallory" in line])
    assert len(lines) == 1
    assert "127.0.0.1" in lines[0] and "/v1/models" in lines[0] and "guess-of-mallory" not in lines[0]
    curl(gateway, "/v1/models", *BASIC)
    gateway.wait_access(2)
    assert not [line for line in gateway.said().splitlines() if "api_user" in line]


class TestAdmin:
    @pytest.fixture
    def gateway(self, gateways, upstreams):
        return gateways(door(upstreams(), upstreams()))

    def test_its_socket_is_its_owners_alone(self, gateway):
        mode = os.stat(gateway.admin).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600

    def test_healthz(self, gateway):
        assert gateway.ask_admin("GET", "/healthz").status == 200

    def test_metrics_in_prometheus_form(self, gateway):
        for _ in range(3):
            gateway.ask()
        gateway.ask("GET", "/v1/models")
        answer = gateway.ask_admin("GET", "/metrics")
        assert answer.status == 200 and answer.get("Content-Type").startswith("text/plain")
        text = answer.body.decode()
        sample = re.compile(r'gatehouse_[a-z0-9_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+-]+')
        helped, names = set(re.findall(r"# TYPE (\S+) ", text)), set()
        for line in text.splitlines():
            if not line.startswith("#"):
                assert sample.fullmatch(line), line
                names.add(re.match(r"[a-z0-9_]+", line)[0])
        assert names and all(any(n == h or n.startswith(h + "_") for h in helped) for n in names)
        assert KEY not in text and PASSWORD not in text

    def test_status_is_json(self, gateway):
        answer = gateway.ask_admin("GET", "/status")
        assert answer.status == 200 and isinstance(json.loads(answer.body), dict)

    def test_config_hides_secrets(self, gateways, upstreams):
        gateway = gateways(door(upstreams(), upstreams(), upstream_key="\"${env:MODEL_KEY}\""), env={"MODEL_KEY": "sk-very-secret"})
        text = gateway.ask_admin("GET", "/config").body.decode()
        assert "basic-auth" in text and "sk-very-secret" not in text
        assert "argon2id" not in text and not re.search("[0-9a-f]{64}", text)

    def test_reload_and_what_it_refuses(self, gateway):
        assert gateway.ask_admin("POST", "/reload").status in (200, 204)
        assert gateway.ask_admin("GET", "/reload").status == 405
        gateway.write("routes:\n  - handle:\n      - nonsense: {}\n")
        answer = gateway.ask_admin("POST", "/reload")
        assert 400 <= answer.status < 600 and b"gateway.yaml:3:" in answer.body

    def test_unknown_is_404(self, gateway):
        assert gateway.ask_admin("GET", "/nonsense").status == 404

    def test_nothing_of_it_is_on_the_public_door(self, gateways, upstream):
        gateway = gateways("routes:\n  - match: { path: /never }\n    handle:\n      - respond: { status: 200 }\n")
        for target in ("/metrics", "/healthz", "/status", "/config", "/reload"):
            assert gateway.ask("GET", target).status == gateway.ask("POST", target).status == 404

    def test_on_loopback_it_looks_at_host_and_origin(self, gateways, upstream):
        port = free_port()
        gateway = gateways(to_webui(upstream), admin=("127.0.0.1", port))

        def ask(*fields, method="POST", target="/reload"):
            with Client(gateway.admin) as client:
                return client.send(head(f"{method} {target} HTTP/1.1", *fields)).answer().status
        assert ask(f"Host: 127.0.0.1:{port}", method="GET", target="/healthz") == 200
        assert ask(f"Host: 127.0.0.1:{port}") in (200, 204)
        assert ask("Host: evil.example") == 403
        assert ask(f"Host: 127.0.0.1:{port}", "Origin: http://evil.example") == 403
        assert gateway.ask().status == 200


def test_a_unix_listener_has_its_mode(gateways, upstream):
    gateway = gateways("listen:\n  - { address: \"unix:@DIR@/door.sock\", mode: \"0600\" }\n" + to_webui(upstream))
    assert stat.S_IMODE(os.stat(gateway.unix).st_mode) == 0o600
    with Client(gateway.unix) as client:
        assert client.ask().status == 200


def test_a_listener_of_ipv6(gateways, upstream):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        port = probe.getsockname()[1]
    gateways(f"listen:\n  - address: \"[::1]:{port}\"\n" + to_webui(upstream))
    with wait_until(lambda: _try(("::1", port))) as client:
        assert client.ask().status == 200
    assert upstream.wait().get("X-Forwarded-For") == "::1"


def _try(address):
    try:
        return Client(address)
    except OSError:
        return None
