"""Who calls, by Tailscale's word: `tailscale serve` to a unix socket, and connections that come straight from the tailnet.

Here tailscaled runs in userspace networking, as in a container. There the whole tailnet reaches every loopback port, and tailscaled
is the peer that one sees: so nothing that comes in by such a port may be taken for tailscaled's own word.
"""

import contextlib
import email.header
import os
import subprocess
import stat

import pytest

from harness import WebSocket, wait_until
from harness.client import Client, request
from harness.door import BASIC, BEARER, auth
from harness.gateway import gatehouse
from harness.proxied import v1, v2
from harness.tailscale import PUBLIC, lab, over, running_lab  # noqa: F401 pylint: disable=unused-import
from harness.upstream import websocket_echo

USERSPACE = "tailscaled runs in userspace networking"
FIELDS = ("Tailscale-User-Login", "Tailscale-User-Name", "Tailscale-User-Profile-Pic")
# Every way in which someone might say that they are somebody else.
FORGED = ("Tailscale-User-Login: root@example.com", "Tailscale_User_Login: root@example.com", "tailscale-user-name: Root",
          "Tailscale-User-Profile-Pic: https://evil.example/p.png", "X-Forwarded-User: root@example.com",
          "Remote-User: root@example.com", "X-Forwarded-For: 100.64.0.1", "Connection: Tailscale-User-Login")


def forged():
    return [x for field in FORGED for x in ("-H", field)]


@pytest.fixture
def webui(upstreams):
    return upstreams(name="webui")


class Doors:
    """A gateway with each of the doors, and a page behind them."""

    def __init__(self, lab, gateways, webui, auth_options="", after="", listen=""):
        options = f"socket: \"{lab.a.url}\"{auth_options}"
        self.lab, self.webui = lab, webui
        self.config = f"""
state_dir: "@DIR@/state"
listen:
  - address: unix:@DIR@/serve.sock
    identity: tailscale
  - address: 127.0.0.1:@PORT@
{listen}
routes:
  - handle:
      - tailscale-auth: {{ {options} }}
{after}      - webui-proxy: {{ to: "{webui.url}" }}
"""
        self.gateway = gateways(self.config)
        self.serve = self.gateway.dir / "serve.sock"

    def plain(self, *fields, before=b""):
        """A machine of the tailnet asks at the loopback port itself."""
        with over(self.lab.b.dial(self.lab.fqdn, self.gateway.port)) as client:
            client.send(before, request("GET", "/", *fields))
            return client.answer()


@pytest.fixture
def doors(lab, gateways, webui):
    return lambda *arguments, **options: Doors(lab, gateways, webui, *arguments, **options)


def identity(exchange):
    """What the upstream was told of the caller."""
    return {name: exchange.all(name) for name in FIELDS if name in exchange}


def owner(lab):
    return {"Tailscale-User-Login": [lab.b.login], "Tailscale-User-Name": [f"Owner of {lab.b.name}"],
            "Tailscale-User-Profile-Pic": [f"https://example.com/{lab.b.name}.png"]}


# --- tailscale serve ---------------------------------------------------------------------------

class TestServe:
    @pytest.fixture
    def served(self, doors, lab):
        def make(*arguments, **options):
            made = doors(*arguments, **options)
            lab.serve(f"unix:{made.serve}")
            return made
        return make

    def test_the_caller_is_named_by_their_login_for_the_log_and_the_web_ui(self, lab, served, webui):
        door = served()
        assert lab.curl("/", through=lab.b).status == 200
        heard = webui.wait()
        assert identity(heard) == owner(lab)
        assert heard.get("X-Forwarded-Proto") == "https" and heard.get("X-Forwarded-Host") == lab.fqdn
        line = door.gateway.wait_access()[0]
        assert (line["caller"], line["client"]) == (lab.b.login, lab.b.ip4)

    def test_nobody_without_that_proxy_can_claim_the_name(self, lab, served, webui):
        door = served()
        assert lab.curl("/", *forged(), through=lab.b).status == 200
        heard = webui.wait()
        assert identity(heard) == owner(lab)
        assert b"root" not in repr(heard.headers).encode() and heard.all("X-Forwarded-For") == [lab.b.ip4]
        assert door.gateway.wait_access()[0]["caller"] == lab.b.login

    def test_a_websocket_of_a_page_of_that_name(self, lab, served, webui):
        """The browser's Origin is the name of the machine; to a socket tailscaled says `Host: localhost`."""
        webui.script = websocket_echo
        served()
        with lab.client(lab.b) as client:
            client.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: https://{lab.fqdn}", host=lab.fqdn))
            assert client.answer().status == 101
            assert WebSocket.over(client.sock, client.source, masks=True).echo("hello") == "hello"
        assert identity(webui.wait()) == owner(lab)

    def test_but_none_of_a_page_of_another_name(self, lab, served, webui):
        served()
        with lab.client(lab.b) as client:
            client.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: https://evil.example", host=lab.fqdn))
            assert client.answer().status == 403
        assert webui.untouched()

    def test_a_change_of_user_is_seen(self, lab, served, webui):
        served()
        lab.policy(lab.b, login="zoe@example.com", display="Zoë Ünal", picture="")
        wait_until(lambda: lab.curl("/", through=lab.b) and webui.requests[-1].get("Tailscale-User-Login") == "zoe@example.com")
        heard = webui.requests[-1]
        # RFC 2047, whose words Open WebUI decodes.
        name = str(email.header.make_header(email.header.decode_header(heard.get("Tailscale-User-Name"))))
        assert name == "Zoë Ünal" and "Tailscale-User-Profile-Pic" not in heard

    def test_names_can_be_percent_encoded(self, lab, served, webui):
        served(", names: percent")
        lab.policy(lab.b, display="Zoë")
        wait_until(lambda: lab.curl("/", through=lab.b) and webui.requests[-1].get("Tailscale-User-Name") == "Zo%C3%AB")

    def test_who_may_pass_passes_and_all_others_learn_why_not(self, lab, served, webui):
        door = served(f", allow: [{lab.b.login}]")
        assert lab.curl("/", through=lab.b).status == 200
        webui.forget()
        assert door.gateway.reload(door.config.replace(lab.b.login, "alice@example.com")).returncode == 0
        seen = lab.curl("/", through=lab.b)
        assert seen.status == 403 and lab.b.login.encode() in seen.body and webui.untouched(), seen
        denied = [line for line in door.gateway.stderr().splitlines() if "warn denied" in line]
        assert len(denied) == 1 and f"client={lab.b.ip4} user=\"{lab.b.login}\"" in denied[0]

    def test_a_tagged_machine_is_nobody_and_is_refused(self, lab, served, webui):
        served()
        lab.policy(lab.b, tags="tag:ci")
        seen = wait_until(lambda: (answer := lab.curl("/", *forged(), through=lab.b)).status == 403 and answer)
        webui.forget()
        assert b"tags" in seen.body
        assert lab.curl("/", *forged(), through=lab.b).status == 403 and webui.untouched()

    def test_nor_is_it_taken_for_the_public(self, lab, served, webui):
        served(", public: pass")
        lab.policy(lab.b, tags="tag:ci")
        wait_until(lambda: lab.curl("/", through=lab.b).status == 403)

    def test_its_tag_may_be_let_in(self, lab, served, webui):
        door = served(", allow: [\"tag:ci\"]")
        assert lab.curl("/", through=lab.b).status == 403, "a user, where tags alone are let in"
        lab.policy(lab.b, tags="tag:ci")
        wait_until(lambda: lab.curl("/", through=lab.b).status == 200)
        assert not identity(webui.requests[-1])
        assert door.gateway.wait_access()[-1]["caller"] == lab.b.fqdn

    def test_a_tailnet_that_is_not_ones_own_is_refused(self, lab, served, webui):
        door = served(f", tailnet: {lab.env['TAILNET']}")
        assert lab.curl("/", through=lab.b).status == 200
        webui.forget()
        assert door.gateway.reload(door.config.replace(f"tailnet: {lab.env['TAILNET']}", "tailnet: other.ts.net")).returncode == 0
        assert lab.curl("/", through=lab.b).status == 403 and webui.untouched()


class TestFunnelOverHttp:
    """`tailscale funnel` to the same socket: TLS ends in tailscaled, which says that it was Funnel."""

    @pytest.fixture
    def world(self, lab):
        with lab.funnel_dial() as address:
            yield address

    @pytest.fixture
    def open(self, doors, lab):
        def make(*arguments, **options):
            made = doors(*arguments, **options)
            lab.funnel(f"unix:{made.serve}")
            return made
        return make

    def test_it_is_the_public_and_is_refused(self, lab, open, world, webui):
        door = open()
        seen = lab.curl("/", *forged(), through=world)
        assert seen.status == 403 and b"tailnet" in seen.body and webui.untouched(), seen
        assert door.gateway.wait_access()[0]["client"] == PUBLIC

    def test_or_passes_without_a_name(self, lab, open, world, webui):
        open(", public: pass")
        assert lab.curl("/", *forged(), through=world).status == 200
        heard = webui.wait()
        assert not identity(heard) and heard.all("X-Forwarded-For") == [PUBLIC]

    def test_a_machine_of_the_tailnet_is_named_at_the_same_door(self, lab, open, world, webui):
        open()
        assert lab.curl("/", through=lab.b).status == 200
        assert identity(webui.wait()) == owner(lab)

    def test_the_tailnet_passes_by_identity_and_everyone_else_needs_a_key(self, lab, open, world, webui):
        door = open(", public: pass", after=auth(**{"for": "strangers"}))
        assert lab.curl("/", through=lab.b).status == 200
        assert identity(webui.wait(1)) == owner(lab)
        assert lab.curl("/", through=world).status == 401
        assert lab.curl("/", *forged(), through=world).status == 401
        assert lab.curl("/", "-u", "api_user:guess", through=world).status == 401
        assert len(webui.requests) == 1
        for right, name in (BASIC, "api_user"), (BEARER, "laptop"):
            assert lab.curl("/", *right, through=world).status == 200
            assert not identity(webui.requests[-1])
            assert wait_until(door.gateway.access)[-1]["caller"] == name
        lab.policy(lab.b, tags="tag:ci")
        wait_until(lambda: lab.curl("/", through=lab.b).status == 403)


class TestTheSocket:
    def test_only_its_owner_can_open_it(self, doors):
        door = doors()
        mode = os.stat(door.serve)
        assert stat.S_IMODE(mode.st_mode) == 0o600 and stat.S_ISSOCK(mode.st_mode)

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
    def test_another_user_cannot_connect(self, doors):
        door = doors()
        door.gateway.dir.chmod(0o755)
        done = subprocess.run(["curl", "-sS", "--unix-socket", door.serve, "http://x/", "-H", FORGED[0]], user=65534, group=65534,
                              extra_groups=[], capture_output=True, text=True, check=False)
        assert done.returncode == 7, done

    @pytest.mark.parametrize("listen, mend", [
        ("{ address: \"unix:@DIR@/s.sock\", identity: tailscale, mode: 0660 }", "identity"),
        ("{ address: \"unix:@DIR@/s.sock\", identity: tailscale, mode: 0606 }", "identity"),
        ("{ address: \"127.0.0.1:@PORT@\", identity: tailscale }", "unix sockets alone"),
    ])
    def test_a_door_that_others_can_open_is_refused(self, gateways, listen, mend):
        gateway = gateways(f"listen:\n  - {listen}\nroutes:\n  - handle: [ {{ respond: {{ body: x }} }} ]\n", start=False)
        done = gatehouse("validate", "--config", gateway.file)
        assert done.returncode == 1 and mend in done.stderr and "gateway.yaml:2:" in done.stderr, done.stderr

    def test_the_names_of_a_socket_without_identity_are_nobodys(self, doors, webui):
        door = doors(", public: pass", listen="  - address: \"unix:@DIR@/other.sock\"")
        with Client(str(door.gateway.dir / "other.sock")) as client:
            assert client.ask("GET", "/", *FORGED[:-1]).status == 200
        assert not identity(webui.wait())


# --- the loopback ports of userspace networking --------------------------------------------------

class TestUserspace:
    def test_this_lab_is_of_that_kind(self, lab, webui):
        assert lab.a.status()["TUN"] is False
        with over(lab.b.dial(lab.fqdn, webui.port)) as client:
            assert client.ask().body == b"webui", "a server on loopback that nobody offered to the tailnet"

    def test_a_plain_connection_from_the_tailnet_is_known_by_its_loopback_peer(self, lab, doors, webui):
        door = doors()
        assert door.plain().status == 200
        assert identity(webui.wait()) == owner(lab)
        assert door.gateway.wait_access()[0]["caller"] == lab.b.login

    def test_and_by_nothing_that_it_says_itself(self, lab, doors, webui):
        doors().plain(*FORGED[:-1])
        assert identity(webui.wait()) == owner(lab)

    def test_it_has_the_machines_certificate_by_its_own_name_and_port(self, lab, gateways, webui):
        gateway = gateways(f"""
state_dir: "@DIR@/state"
listen:
  - address: 127.0.0.1:@PORT@
    tls: [ {{ tsnet-cert: {{ socket: "{lab.a.url}" }} }} ]
routes:
  - handle:
      - tailscale-auth: {{ socket: "{lab.a.url}" }}
      - webui-proxy: {{ to: "{webui.url}" }}
""")
        lab.served(gateway)
        seen = lab.curl("/", *forged(), through=lab.b, port=gateway.port)
        assert (seen.version, seen.status) == ("2", 200), seen
        assert identity(webui.wait()) == owner(lab)

    def test_a_tagged_machine_is_refused_whatever_it_says(self, lab, doors, webui):
        door = doors(", public: pass")
        lab.policy(lab.b, tags="tag:ci")
        wait_until(lambda: lab.a.whois(f"{lab.b.ip4}:1")["Node"].get("Tags"))
        answer = door.plain(*FORGED[:-1])
        assert answer.status == 403 and webui.untouched()

    @pytest.mark.parametrize("header", [v1, v2], ids=["v1", "v2"])
    @pytest.mark.parametrize("claim", ["owner", "public"])
    def test_a_forged_proxy_header_gives_no_identity_and_the_log_says_why(self, lab, doors, webui, header, claim):
        door = doors(listen="    proxy_protocol: [127.0.0.1]")
        address = lab.a.ip4 if claim == "owner" else PUBLIC
        answer = door.plain(*FORGED[:-1], before=header(address, lab.a.ip4, (40000, door.gateway.port)))
        assert answer.status == 403 and webui.untouched()
        assert door.gateway.stderr().count(USERSPACE) == 1, door.gateway.stderr()
        door.plain(before=header(address, lab.a.ip4, (40000, door.gateway.port)))
        assert door.gateway.stderr().count(USERSPACE) == 1, "once, not with each request"

    def test_nor_is_an_honest_one_believed_which_looks_the_same(self, lab, doors, webui):
        door = doors(", public: pass", after=auth(**{"for": "strangers"}), listen="    proxy_protocol: [127.0.0.1]")
        lab.serve("--tcp=8000", "--proxy-protocol=2", f"tcp://127.0.0.1:{door.gateway.port}")
        seen = lab.curl("/", through=lab.b, port=8000, scheme="http")
        assert seen.status == 401 and webui.untouched(), seen
        assert USERSPACE in door.gateway.stderr()
        # The address is good enough for the log, and a key for the rest.
        assert lab.curl("/", *BASIC, through=lab.b, port=8000, scheme="http").status == 200
        assert not identity(webui.wait())
        assert door.gateway.wait_access(2)[1]["client"] == lab.b.ip4

    def test_a_forged_x_forwarded_for_names_nobody_either(self, lab, doors, gateways, webui):
        door = doors()
        assert door.gateway.reload("trusted_proxies: [127.0.0.1]\n" + door.config).returncode == 0
        answer = door.plain(f"X-Forwarded-For: {lab.a.ip4}")
        assert answer.status == 403 and webui.untouched()

    def test_who_is_no_part_of_the_tailnet_is_not_let_in_at_the_loopback_port(self, doors, webui):
        """A program of this machine itself: tailscaled does not know it, and that is no proof that it is public."""
        door = doors()
        assert door.gateway.ask("GET", "/", *FORGED[:-1]).status == 403 and webui.untouched()

    def test_behind_serve_over_tcp_nobody_is_known_and_nobody_is_let_in(self, lab, doors, webui):
        door = doors()
        lab.serve("--tcp=8000", f"tcp://127.0.0.1:{door.gateway.port}")
        seen = lab.curl("/", *forged(), through=lab.b, port=8000, scheme="http")
        assert seen.status == 403 and webui.untouched(), seen


class TestTailscaledIsAway:
    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_nobody_is_known_meanwhile_and_all_are_after_it(self, lab, doors, webui, how):
        door = doors()
        assert door.plain().status == 200
        webui.forget()
        getattr(lab.a, how)()
        answer = door.gateway.ask("GET", "/")
        assert answer.status == 503 and answer.get("Retry-After") and webui.untouched()
        assert "systemctl status tailscaled" in door.gateway.stderr()
        lab.a.start()

        def known():
            with contextlib.suppress(OSError):
                return door.plain().status == 200
            return False
        wait_until(known)

    def test_nobody_is_known_while_its_key_has_expired(self, lab, doors, webui):
        door = doors()
        lab.policy(lab.a, expired="on")
        wait_until(lambda: lab.a.status()["BackendState"] == "NeedsLogin")
        answer = door.gateway.ask("GET", "/", *FORGED[:-1])
        assert answer.status == 503 and webui.untouched()
        assert "sudo tailscale up" in door.gateway.stderr()
