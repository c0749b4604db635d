"""What says who calls and where from is the gateway's to say: a client's own never reaches an upstream."""

import pytest

from harness import volley
from harness.client import head

FIELDS = [
    *(f"X-Forwarded-{x}" for x in ("For", "Proto", "Host", "Port", "User", "Server", "Prefix", "Scheme", "Ssl", "By", "Email",
                                   "Groups", "Preferred-Username", "Access-Token", "Uri", "Method", "Client-Cert")),
    "X-Forwarded", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP",
    *(f"Remote-{x}" for x in ("User", "Name", "Email", "Groups", "Addr")), "X-Remote-User",
    *(f"Tailscale-{x}" for x in ("User-Login", "User-Name", "User-Profile-Pic", "Funnel-Request", "App-Capabilities", "Anything")),
    *(f"X-WebAuth-{x}" for x in ("User", "Name", "Email", "Groups", "Role")),
    *(f"X-Auth-Request-{x}" for x in ("User", "Email", "Groups", "Preferred-Username", "Access-Token")),
]
MARK = "spoofed"
VALUES = {"forwarded": f"for={MARK};proto={MARK};host={MARK}"}
# Names that the gateway itself sets.
OWN = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")


def spellings(name):
    """The name in other case, with underscores for hyphens, and both mixed."""
    yield name
    yield name.lower()
    yield name.upper()
    yield name.replace("-", "_")
    yield name.upper().replace("-", "_")
    yield name.replace("-", "_", 1)
    at = name.rfind("-")
    yield name[:at] + "_" + name[at + 1:]


def value(name):
    return VALUES.get(name.lower(), MARK)


# One row a case: what it is called, and the field lines.
CASES = []
for _name in FIELDS:
    for _spelling in dict.fromkeys(spellings(_name)):
        CASES.append((_spelling, [f"{_spelling}: {value(_name)}"]))
    CASES.append((f"{_name}, twice", [f"{_name}: {value(_name)}", f"{_name.lower()}: {value(_name)}"]))
    CASES.append((f"{_name}, nominated", [f"Connection: {_name}", f"{_name}: {value(_name)}"]))
    CASES.append((f"{_name}, nominated with an underscore", [f"Connection: {_name.replace('-', '_')}", f"{_name}: {value(_name)}"]))


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module", params=["webui-proxy", "openai-proxy"])
def gateway(request, module_gateways, upstream):
    return module_gateways(f"routes:\n  - handle:\n      - {request.param}: {{ to: \"{upstream.url}\" }}\n")


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()


def test_the_table_is_large_enough():
    assert len({fields[0] for _, fields in CASES}) >= 60


@pytest.mark.parametrize("name", FIELDS)
def test_no_spelling_reaches_the_upstream(gateway, upstream, name):
    cases = [case for case in CASES if case[0] == name or case[0].lower().replace("_", "-").startswith(name.lower() + ",")
             or case[0].lower().replace("_", "-") == name.lower()]
    asked = [[head("GET /v1/models HTTP/1.1", "Host: h", f"X-Case: {label}", *lines)] for label, lines in cases]
    outcomes = volley(gateway.tcp, asked, answers=1)
    assert {o.word for o in outcomes} == {"200 open"}, [str(o) for o in outcomes if o.statuses != [200]][:3]
    assert len(upstream.requests) == len(cases) >= 6
    leaked = [(r.get("X-Case"), n, v) for r in upstream.requests for n, v in r.headers if n != "X-Case" and MARK in v]
    assert not leaked
    for seen in upstream.requests:
        assert seen.all("X-Forwarded-For") == ["127.0.0.1"], seen.get("X-Case")
        assert seen.all("X-Forwarded-Proto") == ["http"]
        assert seen.all("X-Forwarded-Host") == ["h"]
        for own in OWN:
            assert own.replace("-", "_").lower() not in seen.names()


def test_all_at_once(gateway, upstream):
    lines = [f"{name}: {value(name)}" for name in FIELDS] + [f"{name.replace('-', '_')}: {value(name)}" for name in FIELDS]
    lines.append("Connection: close, " + ", ".join(FIELDS[:30]))
    outcome, = volley(gateway.tcp, [[head("GET /v1/models HTTP/1.1", "Host: h", *lines)]])
    assert outcome.statuses == [200]
    assert not [(n, v) for n, v in upstream.requests[0].headers if MARK in v]


@pytest.mark.parametrize("sent", ["a" * 300, "sp ace", "in\"jected", "1", "../../x", "${env:HOME}", "{{7*7}}", "<script>"])
def test_a_request_id_of_a_client_is_not_believed(gateway, upstream, sent):
    with gateway.client() as client:
        answer = client.ask("GET", "/v1/models", f"X-Request-Id: {sent}")
    seen = upstream.wait().all("X-Request-Id")
    assert len(seen) == 1 and seen[0] != sent
    assert answer.all("X-Request-Id") == seen


class TestTrustedProxy:
    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways("trusted_proxies: [127.0.0.1, 10.0.0.0/8]\nroutes:\n  - handle:\n"
                        f"      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")

    @pytest.mark.parametrize("sent, client", [
        ("203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("not an address", "127.0.0.1"),
        ("203.0.113.7, not an address", "127.0.0.1"),
        ("", "127.0.0.1"),
    ])
    def test_the_first_address_that_is_not_a_proxy_is_the_client(self, gateway, sent, client):
        gateway.ask("GET", "/", f"X-Forwarded-For: {sent}")
        assert gateway.wait_access()[0]["client"] == client

    def test_its_request_id_is_kept(self, gateway, upstream):
        answer = gateway.ask("GET", "/", "X-Request-Id: 0f3a-77")
        assert upstream.wait().get("X-Request-Id") == answer.get("X-Request-Id") == "0f3a-77"

    @pytest.mark.parametrize("sent", ["a" * 300, "sp ace", "in\"jected", "<script>"])
    def test_its_request_id_is_not_kept_when_it_is_not_sane(self, gateway, upstream, sent):
        gateway.ask("GET", "/", f"X-Request-Id: {sent}")
        assert upstream.wait().get("X-Request-Id") != sent
