"""Who calls, as Tailscale knows it: by what `tailscale serve` says on a unix socket, and by what tailscaled says of an address."""

import contextlib
import time

import pytest

from harness import Client, wait_until
from harness.client import request
from harness.door import KEY, key_hash
from harness.h2 import H2
from harness.limits import SLOW
from harness.proxied import v2
from harness.tailscaled import Tailscaled, person
from harness.upstream import websocket_echo
from harness.websocket import WebSocket

ALICE, BOB = "alice@example.com", "bob@example.org"
LOGIN = f"Tailscale-User-Login: {ALICE}"
FROM = "X-Forwarded-For: 100.64.0.7"
FUNNEL = ("Tailscale-Funnel-Request: ?1", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https")
FORGED = (LOGIN, "Tailscale-User-Name: Alice", FROM)
BEARER = f"Authorization: Bearer {KEY}"


@pytest.fixture
def tailscaled():
    with Tailscaled() as made:
        made.people["100.64.0.7"] = person(ALICE, "Zoë", node="laptop")
        made.people["fd7a:115c:a1e0::7"] = person(ALICE, "Zoë", node="laptop")
        made.people["100.64.0.8"] = person(BOB, "Bob", node="phone")
        made.people["100.64.0.9"] = person(node="ci", tags=["tag:ci"])
        yield made


LISTEN = ("listen:\n  - { address: \"127.0.0.1:@PORT@\", h2c: true }\n  - { address: \"unix:@DIR@/serve.sock\", identity: tailscale }\n"
          "  - { address: \"unix:@DIR@/door.sock\" }\n")
PROXIED = "listen:\n  - { address: \"127.0.0.1:@PORT@\", proxy_protocol: [127.0.0.1] }\n"


def config(tailscaled, upstream, options="", listen=LISTEN, key=False):
    """Names by Tailscale; with `key` all others by a key."""
    public, auth = ("public: pass", f"      - basic-auth: {{ for: strangers, keys: {{ laptop: \"{key_hash()}\" }} }}\n") if key else ("", "")
    more = "".join(f", {option}" for option in (public, options) if option)
    return (f"{listen}routes:\n  - handle:\n      - tailscale-auth: {{ socket: \"{tailscaled.url}\"{more} }}\n{auth}"
            f"      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")


def by_serve(gateway, *fields, **more):
    with Client(str(gateway.dir / "serve.sock")) as client:
        return client.ask("GET", "/", *fields, **more)


def by_proxy(gateway, source, *fields, port=40000):
    """One request on a connection that comes from `source` by PROXY."""
    with Client(gateway.tcp) as client:
        client.send(v2(source, "fd7a:115c:a1e0::1" if ":" in source else "100.64.0.1", (port, 8443)), request("GET", "/", *fields))
        return client.answer()


def claims(upstream):
    """The fields of the last request that say who it is."""
    return {name.lower(): value for name, value in upstream.requests[-1].headers
            if name.lower().replace("_", "-").startswith(("tailscale-", "x-tailscale", "authorization", "remote-"))}


NAMED = {"tailscale-user-login": ALICE, "tailscale-user-name": "=?utf-8?q?Zo=C3=AB?=",
         "tailscale-user-profile-pic": "https://example.com/p.png"}


# --- what serve says

def test_serve_names_the_caller(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream))
    answer = by_serve(gateway, LOGIN, "Tailscale-User-Name: =?utf-8?q?Zo=C3=AB?=", FROM, "X-Forwarded-Proto: https",
                      "Tailscale-User-Profile-Pic: https://example.com/p.png", "Tailscale-Headers-Info: https://tailscale.com/s/serve-headers")
    assert answer.status == 200 and claims(upstream) == NAMED
    assert upstream.requests[-1].get("X-Forwarded-For") == "100.64.0.7"
    assert upstream.requests[-1].get("X-Forwarded-Proto") == "https"
    line = gateway.wait_access()[-1]
    assert (line["client"], line["caller"]) == ("100.64.0.7", ALICE)
    assert not tailscaled.asked


@pytest.mark.parametrize("fields", [(LOGIN, LOGIN), (LOGIN, "tailscale-user-login: root@example.com"), (LOGIN, *FUNNEL), (LOGIN, FROM, FROM)],
                         ids=["twice", "two", "funnel too", "two addresses"])
def test_fields_that_contradict_each_other_are_refused(gateways, upstream, tailscaled, fields):
    gateway = gateways(config(tailscaled, upstream, key=True))
    assert by_serve(gateway, *fields, BEARER).status == 400
    assert upstream.untouched()


def test_other_spellings_say_nothing(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream))
    forged = ("Tailscale_User_Login: root@example.com", "X-Tailscale-User-Login: root@example.com", "Remote-User: root")
    assert by_serve(gateway, *forged, FROM).status == 403
    assert by_serve(gateway, *forged, LOGIN, FROM).status == 200
    assert claims(upstream) == {"tailscale-user-login": ALICE}


@pytest.mark.parametrize("door", ["tcp", "unix", "h2"])
def test_nobody_claims_a_name_at_another_door(gateways, upstream, tailscaled, door):
    """A tailnet peer in userspace networking reaches every loopback port, and looks like tailscaled there."""
    gateway = gateways(config(tailscaled, upstream, key=True) + "trusted_proxies: [127.0.0.1, unix]\n")

    def ask(*fields):
        if door == "h2":
            with H2(gateway.tcp) as h2:
                return h2.ask("/", *((name.lower(), value) for name, _, value in (field.partition(": ") for field in fields))).status
        with Client(gateway.tcp if door == "tcp" else str(gateway.dir / "door.sock")) as client:
            return client.ask("GET", "/", *fields).status
    assert ask(*FORGED) == 401
    assert upstream.untouched()
    assert ask(*FORGED, BEARER) == 200
    assert claims(upstream) == {}
    assert [line["caller"] for line in gateway.wait_access(2) if line["status"] == 200] == ["laptop"]


def test_funnel_is_the_public_and_needs_a_key(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream, key=True))
    assert by_serve(gateway, *FUNNEL).status == 401
    assert by_serve(gateway, *FUNNEL, BEARER).status == 200
    assert claims(upstream) == {}
    assert by_serve(gateway, LOGIN, FROM).status == 200
    assert claims(upstream) == {"tailscale-user-login": ALICE}
    denied = gateways(config(tailscaled, upstream))
    assert by_serve(denied, *FUNNEL).status == 403
    assert not tailscaled.asked


def test_no_name_is_not_public(gateways, upstream, tailscaled):
    """A machine with tags comes through serve without a name, and without a word of Funnel."""
    gateway = gateways(config(tailscaled, upstream, key=True))
    assert by_serve(gateway, "X-Forwarded-For: 100.64.0.9", BEARER).status == 403
    assert upstream.untouched()
    tagged = gateways(config(tailscaled, upstream, "allow: [\"*\", tag:ci]", key=True))
    assert by_serve(tagged, "X-Forwarded-For: 100.64.0.9").status == 200
    assert claims(upstream) == {}
    assert tagged.wait_access()[-1]["caller"] == "ci.gatehouse-lab.ts.net"
    assert by_serve(tagged, FROM, BEARER).status == 403             # a user whom serve did not name
    assert by_serve(tagged, "X-Forwarded-For: 203.0.113.7", BEARER).status == 403
    tailscaled.fault["whois"] = "internal"
    assert by_serve(tagged, "X-Forwarded-For: 100.64.0.10", BEARER).status == 503


def test_a_named_user_needs_no_password_and_a_wrong_one_does_no_harm(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream, f"allow: {ALICE}", key=True))
    for fields in ((), (BEARER,), ("Authorization: Bearer gatehouse_wrong",), ("Authorization: Basic YTpi", "x-api-key: wrong")):
        assert by_serve(gateway, LOGIN, FROM, *fields).status == 200
        assert claims(upstream) == {"tailscale-user-login": ALICE} and "x-api-key" not in upstream.requests[-1]
    # Of the tailnet, and not allowed: no key helps.
    assert by_serve(gateway, f"Tailscale-User-Login: {BOB}", BEARER).status == 403
    assert f'user="{BOB}" reason="not allowed"' in gateway.said()
    assert {line["caller"] for line in gateway.wait_access(5) if line["status"] == 200} == {ALICE}


# --- what tailscaled says of an address

def test_the_proxy_source_is_asked_about(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED, key=True))
    assert by_proxy(gateway, "100.64.0.7", "Tailscale-User-Login: root@example.com", FUNNEL[0]).status == 200
    assert claims(upstream) == NAMED
    assert by_proxy(gateway, "fd7a:115c:a1e0::7").status == 200
    assert claims(upstream) == NAMED
    assert tailscaled.asked == ["/localapi/v0/status?peers=false", "/localapi/v0/whois?addr=100.64.0.7:40000&proto=tcp",
                                "/localapi/v0/whois?addr=%5Bfd7a:115c:a1e0::7%5D:40000&proto=tcp"]
    # The internet: by a key. A machine with tags, one that is not known: not at all.
    assert by_proxy(gateway, "203.0.113.7").status == 401
    assert by_proxy(gateway, "203.0.113.7", BEARER).status == 200 and claims(upstream) == {}
    assert by_proxy(gateway, "100.64.0.9", BEARER).status == 403
    assert by_proxy(gateway, "100.64.0.99", BEARER).status == 403
    assert sorted((line["status"], line["caller"] or "") for line in gateway.wait_access(6)) == [
        (200, ALICE), (200, ALICE), (200, "laptop"), (401, ""), (403, ""), (403, "")]


def test_an_address_is_asked_about_once_in_a_while(gateways, upstream, tailscaled):
    gateway = gateways(config(tailscaled, upstream, "cache: 1s", listen=PROXIED).replace("listen:", "workers: 1\nlisten:", 1))
    for port in range(40000, 40010):
        assert by_proxy(gateway, "100.64.0.7", port=port).status == 200
    assert tailscaled.count("whois") == tailscaled.count("status") == 1
    # Who loses the tailnet's trust loses the gateway's.
    del tailscaled.people["100.64.0.7"]
    wait_until(lambda: by_proxy(gateway, "100.64.0.7").status == 403, what="that it is asked again")
    assert tailscaled.count("status") == 1


def test_in_userspace_networking_a_proxy_header_names_nobody(gateways, upstream, tailscaled):
    tailscaled.tun = False
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED, key=True))
    assert by_proxy(gateway, "100.64.0.7", *FORGED).status == 401
    assert by_proxy(gateway, "100.64.0.7", *FORGED).status == 401
    assert upstream.untouched()
    assert by_proxy(gateway, "100.64.0.7", BEARER).status == 200 and claims(upstream) == {}
    assert gateway.said().count("userspace networking") == 1
    assert tailscaled.count("whois") == 0
    denied = gateways(config(tailscaled, upstream, listen=PROXIED))
    assert by_proxy(denied, "100.64.0.7").status == 403


def test_in_userspace_networking_tailscaled_knows_its_own_connections(gateways, upstream, tailscaled):
    tailscaled.tun = False
    gateway = gateways(config(tailscaled, upstream, key=True))
    with Client(gateway.tcp) as client, Client(gateway.tcp) as other:
        tailscaled.people["127.0.0.1:%d" % client.sock.getsockname()[1]] = person(ALICE, "Zoë")
        assert client.ask().status == 200 and claims(upstream) == NAMED
        assert other.ask("GET", "/", *FORGED).status == 401
        # By its port alone: the next one that has it may be anybody.
        tailscaled.people.clear()
        assert client.ask().status == 401


def test_people_of_another_tailnet_are_refused(gateways, upstream, tailscaled):
    guest = person("guest@example.net", "Guest", node="guest")
    guest["Node"]["Hostinfo"] = {"ShareeNode": True}
    tailscaled.people["100.64.0.20"] = guest
    open_to_all = gateways(config(tailscaled, upstream, listen=PROXIED))
    assert by_proxy(open_to_all, "100.64.0.20").status == 200
    gateway = gateways(config(tailscaled, upstream, "tailnet: gatehouse-lab.ts.net"))
    assert by_serve(gateway, "Tailscale-User-Login: guest@example.net", "X-Forwarded-For: 100.64.0.20").status == 403
    assert by_serve(gateway, LOGIN, FROM).status == 200
    assert by_serve(gateway, "Tailscale-User-Login: root@example.com", FROM).status == 403
    assert by_serve(gateway, LOGIN).status == 403


# --- tailscaled in trouble

@pytest.mark.parametrize("fault", ["internal", "not-found", "drip", "close", "reset", "half", "garbage", "huge", "endless-head", "no-json"])
@pytest.mark.parametrize("call", ["whois", "status"])
def test_no_fault_of_tailscaled_opens_the_door(gateways, upstream, tailscaled, call, fault):
    tailscaled.fault[call] = fault
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED))
    answer = by_proxy(gateway, "100.64.0.7", *FORGED)
    # A 404 of whois is its word that the address is none of the tailnet: not the public all the same.
    assert answer.status == (403 if (call, fault) == ("whois", "not-found") else 503)
    assert upstream.untouched()
    if answer.status == 503:
        assert "tailscaled" in gateway.said() and answer.get("Retry-After") == "2"
    tailscaled.fault.clear()
    wait_until(lambda: by_proxy(gateway, "100.64.0.8").status == 200, what="that it is asked again")


@pytest.mark.parametrize("state", ["NeedsLogin", "Stopped", "NoState"])
def test_a_tailscaled_that_is_not_connected_names_nobody(gateways, upstream, tailscaled, state):
    tailscaled.state = state
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED, key=True))
    assert by_proxy(gateway, "100.64.0.7").status == 401
    assert by_proxy(gateway, "100.64.0.7", BEARER).status == 200 and claims(upstream) == {}
    assert state in gateway.said() and "sudo tailscale up" in gateway.said()
    tailscaled.state = "Running"
    wait_until(lambda: by_proxy(gateway, "100.64.0.7").status == 200, what="that it is asked again")


@pytest.mark.parametrize("end", ["leave", "kill"])
def test_tailscaled_comes_and_goes(gateways, upstream, tailscaled, end):
    gateway = gateways(config(tailscaled, upstream, "cache: 0s", listen=PROXIED))
    assert by_proxy(gateway, "100.64.0.7").status == 200
    getattr(tailscaled, end)()
    assert by_proxy(gateway, "100.64.0.7").status == 503
    assert "tailscaled cannot be asked" in gateway.said()
    tailscaled.start()
    wait_until(lambda: by_proxy(gateway, "100.64.0.7").status == 200, what="that it is asked again")


def test_a_tailscaled_that_says_nothing_holds_nobody_up_for_long(gateways, upstream, tailscaled):
    tailscaled.fault["*"] = "hang"
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED))
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway.tcp)) for _ in range(20)]
        for client in clients:
            client.send(v2("100.64.0.7"), request())
        assert {client.answer().status for client in clients} == {503}
    assert time.monotonic() - begun < 4 * SLOW
    # For the next second it is left in peace.
    begun = time.monotonic()
    assert by_proxy(gateway, "100.64.0.7").status == 503
    assert time.monotonic() - begun < 1 * SLOW


def test_a_client_that_leaves_while_tailscaled_is_asked_leaves_nothing_behind(gateways, upstream, tailscaled):
    tailscaled.fault["whois"] = "hang"
    gateway = gateways(config(tailscaled, upstream, listen=PROXIED))
    for number in range(1, 21):
        client = Client(gateway.tcp)
        client.send(v2("100.64.0.7"), request())
        tailscaled.wait("whois", number)
        client.reset()
    tailscaled.fault.clear()
    wait_until(lambda: by_proxy(gateway, "100.64.0.7").status == 200, what="that it serves")
    assert len(upstream.requests) == 1


# --- over time

def test_a_websocket_of_a_named_user_outlives_tailscaled(gateways, upstreams, tailscaled):
    upstream = upstreams(websocket_echo)
    gateway = gateways(config(tailscaled, upstream))
    with WebSocket(str(gateway.dir / "serve.sock"), "/ws", LOGIN, FROM, "Origin: http://gate.example") as socket:
        socket.echo("hello")
        tailscaled.leave()
        assert gateway.reload().returncode == 0
        socket.echo("still here")
    assert claims(upstream) == {"tailscale-user-login": ALICE}


def test_many_at_once_are_who_they_are(gateways, upstream, tailscaled):
    """Connections to tailscaled are shared by requests; answers are not."""
    for last in range(1, 41):
        tailscaled.people[f"100.64.7.{last}"] = person(f"user{last}@example.com", "", node=f"node{last}")
    gateway = gateways(config(tailscaled, upstream, "cache: 0s", listen=PROXIED))
    with contextlib.ExitStack() as stack:
        clients = {last: stack.enter_context(Client(gateway.tcp)) for last in range(1, 41)}
        for last, client in clients.items():
            client.send(v2(f"100.64.7.{last}"))
        for turn in range(3):
            for last, client in clients.items():
                client.send(request("GET", f"/{turn}/{last}"))
            for last, client in clients.items():
                assert client.answer().status == 200
    for seen in upstream.requests:
        assert seen.get("Tailscale-User-Login") == "user%s@example.com" % seen.target.rpartition("/")[2]
    assert len(upstream.requests) == 120
