"""A tailscaled with a TUN device, as on most servers. There the tailnet reaches the machine's tailnet address and nothing of its
loopback, so that the peer's address, and a PROXY header from loopback, prove who calls.
"""

import pytest

from harness import wait_until
from harness.door import BASIC, auth
from harness.tailscale import PUBLIC, labs, own_network  # noqa: F401 pylint: disable=unused-import

FORGED = [x for field in ("Tailscale-User-Login: root@example.com", "Tailscale-User-Name: Root", "X-Forwarded-For: 100.64.0.1",
                          "X-Forwarded-User: root@example.com") for x in ("-H", field)]


@pytest.fixture(scope="module")
def running_lab(own_network, labs):
    return labs(TUN="on")


@pytest.fixture
def lab(running_lab):
    running_lab.reset()
    return running_lab


@pytest.fixture
def webui(upstreams):
    return upstreams(name="webui")


def config(lab, webui, listen, options="", after=""):
    return (f"state_dir: \"@DIR@/state\"\nlisten:\n{listen}routes:\n  - handle:\n"
            f"      - tailscale-auth: {{ socket: \"{lab.a.url}\"{options} }}\n{after}"
            f"      - webui-proxy: {{ to: \"{webui.url}\" }}\n")


def tls(lab, address, more=""):
    return (f"  - address: \"{address}\"\n    tls: [ {{ tsnet-cert: {{ socket: \"{lab.a.url}\" }} }} ]\n{more}")


def login(request):
    return request.all("Tailscale-User-Login")


def test_this_lab_is_of_that_kind(lab):
    assert lab.a.status()["TUN"] is True


# --- a listener on the tailnet address -------------------------------------------------------------

@pytest.fixture
def on_tailnet(lab, gateways, webui):
    def make(options="", after=""):
        listen = tls(lab, f"{lab.a.ip4}:443") + tls(lab, f"[{lab.a.ip6}]:443")
        gateway = gateways(config(lab, webui, listen, options, after))
        lab.served(gateway)
        return gateway
    return make


def test_at_the_tailnet_address_the_caller_is_named_by_their_own(lab, on_tailnet, webui):
    gateway = on_tailnet()
    seen = lab.curl("/", *FORGED, through=lab.b)
    assert (seen.version, seen.status) == ("2", 200), seen
    heard = webui.wait()
    assert login(heard) == [lab.b.login] and heard.all("X-Forwarded-For") in ([lab.b.ip4], [lab.b.ip6])
    assert heard.get("Host") == lab.fqdn and heard.get("X-Forwarded-Proto") == "https"
    line = gateway.wait_access()[0]
    assert line["caller"] == lab.b.login and line["client"] in (lab.b.ip4, lab.b.ip6)


def test_over_ipv6_too(lab, on_tailnet, webui):
    gateway = on_tailnet()
    seen = lab.curl("/", "--connect-to", f"{lab.fqdn}:443:[{lab.a.ip6}]:443", through=lab.b)
    assert seen.status == 200 and login(webui.wait()) == [lab.b.login], seen
    assert gateway.wait_access()[0]["client"] == lab.b.ip6


def test_a_tagged_machine_is_refused_and_others_that_may_not_pass(lab, on_tailnet, webui):
    on_tailnet(", allow: [\"*@example.com\"], cache: 0s")
    assert lab.curl("/", through=lab.b).status == 200
    lab.policy(lab.b, login="mallory@elsewhere.example")
    wait_until(lambda: lab.curl("/", *FORGED, through=lab.b).status == 403)
    lab.policy(lab.b, login=lab.b.login, tags="tag:ci")
    wait_until(lambda: lab.a.whois(f"{lab.b.ip4}:1")["Node"].get("Tags"))
    webui.forget()
    assert lab.curl("/", *FORGED, through=lab.b).status == 403 and webui.untouched()


def test_who_calls_is_remembered_for_a_short_while_only(lab, on_tailnet, webui):
    on_tailnet(", cache: 1s")
    assert lab.curl("/", through=lab.b).status == 200
    lab.policy(lab.b, tags="tag:ci")
    wait_until(lambda: lab.curl("/", through=lab.b).status == 403)


# --- Funnel, and a PROXY header that proves something -------------------------------------------------

@pytest.fixture
def funnel(lab, gateways, webui):
    def make(options="", after=""):
        gateway = gateways(config(lab, webui, tls(lab, "127.0.0.1:@PORT@", "    proxy_protocol: [127.0.0.1]\n"), options, after))
        lab.served(gateway)
        lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://localhost:{gateway.port}")
        return gateway
    return make


def test_through_funnels_port_a_machine_of_the_tailnet_is_named(lab, funnel, webui):
    gateway = funnel()
    seen = lab.curl("/", *FORGED, through=lab.b)
    assert (seen.version, seen.status) == ("2", 200), seen
    assert login(webui.wait()) == [lab.b.login]
    assert gateway.wait_access()[0]["caller"] == lab.b.login


@pytest.mark.parametrize("source", [PUBLIC, "[2001:db8::7]:4321"])
def test_the_internet_is_public_and_stays_outside(lab, funnel, webui, source):
    funnel()
    with lab.funnel_dial(source) as world:
        seen = lab.curl("/", *FORGED, through=world)
    assert seen.status == 403 and b"tailnet" in seen.body and webui.untouched(), seen


def test_the_tailnet_passes_by_identity_and_everyone_else_needs_a_key(lab, funnel, webui):
    gateway = funnel(", public: pass", after=auth(**{"for": "strangers"}))
    with lab.funnel_dial() as world:
        assert lab.curl("/", through=lab.b).status == 200 and login(webui.requests[0]) == [lab.b.login]
        assert lab.curl("/", *FORGED, through=world).status == 401
        assert lab.curl("/", *FORGED, "-u", "api_user:guess", through=world).status == 401
        assert len(webui.requests) == 1
        assert lab.curl("/", *FORGED, *BASIC, through=world).status == 200
    assert not login(webui.requests[1])
    lines = gateway.wait_access(4)
    assert sorted((line["client"], line["caller"] or "", line["status"]) for line in lines) == sorted(
        [(lines[0]["client"], lab.b.login, 200), (PUBLIC, "", 401), (PUBLIC, "", 401), (PUBLIC, "api_user", 200)])


def test_a_tagged_machine_is_not_taken_for_the_public(lab, funnel, webui):
    funnel(", public: pass, cache: 0s")
    lab.policy(lab.b, tags="tag:ci")
    wait_until(lambda: lab.a.whois(f"{lab.b.ip4}:1")["Node"].get("Tags"))
    assert lab.curl("/", *FORGED, through=lab.b).status == 403 and webui.untouched()


def test_the_tailnet_does_not_reach_loopback(lab, webui):
    with pytest.raises(OSError):
        lab.b.dial(lab.fqdn, webui.port).close()
    assert webui.accepted == 0
