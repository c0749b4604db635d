"""The PROXY protocol: required from those who are named, refused from all others, and what it says is what is believed."""

import contextlib
import ssl
import time

import pytest

from harness import Client, http1, volley, wait_until
from harness.certificates import Authority
from harness.client import connect, request
from harness.h2 import H2
from harness.limits import SLOW
from harness.proxied import LOCAL, SIGNATURE, TCP4, TCP6, UDP4, UDP6, UNIX, UNSPEC, addresses, tlv, v1, v2
from harness.tcp import queues
from harness.tls import Steered, rest

# name, the header, the client that it tells; None: whoever has the socket
GOOD = [
    ("v1 TCP4", v1(), "192.0.2.7"),
    ("v1 TCP4, other ports", v1(ports=(1, 65535)), "192.0.2.7"),
    ("v1 TCP4, the longest", v1("255.255.255.255", "255.255.255.254", (65535, 65535)), "255.255.255.255"),
    ("v1 TCP6", v1("2001:db8::7", "2001:db8::1"), "2001:db8::7"),
    ("v1 TCP6, the longest", v1("ffff:f00f:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:f00f:ffff:ffff:ffff:ffff:ffff:fffe", (65535, 65535)),
     "ffff:f00f:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("v1 UNKNOWN", b"PROXY UNKNOWN\r\n", None),
    ("v1 UNKNOWN with more", b"PROXY UNKNOWN ffff:f00f::1 whatever 65535 x\r\n", None),
    ("v2 TCP4", v2(), "192.0.2.7"),
    ("v2 TCP6", v2("2001:db8::7", "2001:db8::1"), "2001:db8::7"),
    ("v2 with a TLV", v2(more=tlv(0x02, b"gate.example")), "192.0.2.7"),
    ("v2 with many TLVs", v2(more=tlv(0x01, b"h2") + tlv(0x04, b"\0" * 30) + tlv(0x20, b"\7" + b"\0" * 4) + tlv(0xe0, b"x" * 100)), "192.0.2.7"),
    ("v2 with an empty TLV", v2(more=tlv(0x05, b"")), "192.0.2.7"),
    ("v2 LOCAL", v2(command=LOCAL, family=UNSPEC, block=b""), None),
    ("v2 LOCAL with an address", v2(command=LOCAL), None),
    ("v2 LOCAL with a TLV", v2(command=LOCAL, family=UNSPEC, block=tlv(0xea, b"x")), None),
    ("v2 UNSPEC", v2(family=UNSPEC, block=b""), None),
    ("v2 UNSPEC with bytes", v2(family=UNSPEC, block=b"x" * 40), None),
    ("v2 IPv4 in IPv6", v2("::ffff:192.0.2.7", "::ffff:198.51.100.1"), ("192.0.2.7", "::ffff:192.0.2.7")),
]

BAD = [
    ("none", b""),
    ("v1 in lower case", b"proxy TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"),
    ("v1 with LF", v1().replace(b"\r\n", b"\n")),
    ("v1 with CR", v1().replace(b"\r\n", b"\r")),
    ("v1 with CR in its middle", b"PROXY TCP4 192.0.2.7\r198.51.100.1 40000 443\r\n"),
    ("v1 with two spaces", v1().replace(b" TCP4 ", b" TCP4  ")),
    ("v1 with two spaces first", v1().replace(b"PROXY ", b"PROXY  ")),
    ("v1 with a tab", v1().replace(b" TCP4 ", b"\tTCP4 ")),
    ("v1 with a space last", v1().replace(b"\r\n", b" \r\n")),
    ("v1 with a space first", b" " + v1()),
    ("v1 with NUL", v1().replace(b"443", b"443\0")),
    ("v1 without ports", b"PROXY TCP4 192.0.2.7 198.51.100.1\r\n"),
    ("v1 with one port", b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n"),
    ("v1 with three ports", b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 1\r\n"),
    ("v1 with one address", b"PROXY TCP4 192.0.2.7 40000 443\r\n"),
    ("v1 with no address", b"PROXY TCP4\r\n"),
    ("v1 with nothing", b"PROXY\r\n"),
    ("v1 with a space", b"PROXY \r\n"),
    ("v1 UDP4", v1(family="UDP4")),
    ("v1 TCP", v1(family="TCP")),
    ("v1 TCP5", v1(family="TCP5")),
    ("v1 tcp4", v1(family="tcp4")),
    ("v1 TCP44", v1(family="TCP44")),
    ("v1 UNKNOWNX", b"PROXY UNKNOWNX\r\n"),
    ("v1 TCP4 with IPv6", v1("2001:db8::7", "2001:db8::1", family="TCP4")),
    ("v1 TCP6 with IPv4", v1(family="TCP6")),
    ("v1 one of each", v1("192.0.2.7", "2001:db8::1")),
    ("v1 with a name", v1("localhost")),
    ("v1 with a zone", v1("fe80::1%lo", "fe80::2")),
    ("v1 with brackets", v1("[2001:db8::7]", "[2001:db8::1]")),
    *((f"v1 with the address {a}", v1(a)) for a in ("1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "0x1.2.3.4", "1.2.3.-4", "1.2.3.4/8", "16909060",
                                                   "1..3.4", "1.2.3.4.", "1.2.3.4a", ".1.2.3", "1.2.3.4444444444")),
    *((f"v1 with the address {a}", v1(a, "::1", family="TCP6")) for a in ("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "g::1", ":1", "1:", ":::",
                                                                          "12345::", "::1.2.3", "::1.2.3.256", "1:2:3:4:5:6:7:8::")),
    *((f"v1 with the port {p}", f"PROXY TCP4 192.0.2.7 198.51.100.1 {p} 443\r\n".encode()) for p in ("-1", "+1", "65536", "0x1", "01", "a", "1a", "99999999999",
                                                                                                     "4294967297", "1.0", "00080")),
    ("v1 longer than 107 bytes", b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n"),
    ("v1 far longer", b"PROXY UNKNOWN " + b"x" * 5000 + b"\r\n"),
    ("v1 without an end", b"PROXY TCP4 " + b"1" * 200),
    ("v1 twice", v1() + v1()),
    ("v1 and then v2", v1() + v2()),
    ("v2 twice", v2() + v2()),
    ("v2 and then v1", v2() + v1()),
    *((f"v2, byte {n} of its signature wrong", v2(signature=SIGNATURE[:n] + bytes([SIGNATURE[n] ^ 1]) + SIGNATURE[n + 1:])) for n in range(12)),
    *((f"v2 of version {n}", v2(version=n)) for n in (0, 1, 3, 15)),
    *((f"v2 with the command {n}", v2(command=n)) for n in (2, 3, 15)),
    ("v2 TCP4 without addresses", v2(block=b"")),
    ("v2 TCP4 with 11 bytes", v2(block=addresses()[:11])),
    ("v2 TCP6 with 12 bytes", v2(family=TCP6)),
    ("v2 TCP6 with 35 bytes", v2(family=TCP6, block=addresses("::1", "::2")[:35])),
    ("v2 with a TLV cut in its head", v2(more=b"\x02\x00")),
    ("v2 with a TLV cut in its value", v2(more=b"\x02\x00\x05abc")),
    ("v2 with a TLV longer than all", v2(more=b"\x02\xff\xffabc")),
    ("v2 UDP4", v2(family=UDP4)),
    ("v2 UDP6", v2("::1", "::2", family=UDP6)),
    ("v2 of a unix socket", v2(family=UNIX, block=b"/run/x".ljust(216, b"\0"))),
    *((f"v2 of the family {n:#x}", v2(family=n)) for n in (0x41, 0x13, 0x1f, 0xf1, 0xff)),
    ("v2 of 64 KiB", v2(more=tlv(0xe0, b"x" * 30000) + tlv(0xe0, b"x" * 30000))),
]
# A careful reader may take these: they say no address that is not there, or only more than it needs.
MAY_PASS = {"v2 with a TLV cut in its head", "v2 with a TLV cut in its value", "v2 with a TLV longer than all", "v2 of 64 KiB", "v1 with the port 01",
            "v1 with the port 00080"}
# Known families that cannot be a client of TCP: LOCAL's rule, the socket's own address, is as right as a refusal.
OWN_ADDRESS = {"v2 UDP4", "v2 UDP6", "v2 of a unix socket", "v2 of the family 0x41", "v2 of the family 0x13", "v2 of the family 0x1f", "v2 of the family 0xf1",
               "v2 of the family 0xff"}

LISTEN = 'listen:\n  - { address: "127.0.0.1:@PORT@", proxy_protocol: [127.0.0.1] }\n'
ASK = request("GET", "/x")


def routes(upstream):
    return f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n"


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream):
    return module_gateways(LISTEN + "timeouts: { handshake: 5m }\nadmin: { address: \"unix:@DIR@/admin.sock\" }\n" + routes(upstream))


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()


def named(table):
    assert len({case[0] for case in table}) == len(table), "two cases of one name"
    return [pytest.param(*case, id=case[0]) for case in table]


def is_client(seen, client):
    return seen in (client if isinstance(client, tuple) else (client or "127.0.0.1",))


def test_the_tables_are_large_enough():
    assert len(GOOD) + len(BAD) >= 100
    assert MAY_PASS | OWN_ADDRESS <= {name for name, _ in BAD}


@pytest.mark.parametrize("name, header, client", named(GOOD))
def test_a_good_one_tells_the_client(gateway, upstream, name, header, client):
    before = len(gateway.access())
    with gateway.client() as peer:
        assert peer.send(header + ASK).answer().status == 200
        assert peer.ask("GET", "/again").status == 200      # it holds for the connection
    for seen in (upstream.wait(1), upstream.wait(2)):
        assert len(seen.all("X-Forwarded-For")) == 1 and is_client(seen.get("X-Forwarded-For"), client)
        assert b"PROXY" not in repr(seen.headers).encode()
    assert all(is_client(line["client"], client) for line in gateway.wait_access(before + 2)[before:])


@pytest.mark.parametrize("name, header, client", named(GOOD))
def test_a_good_one_cut_at_every_byte(gateway, upstream, name, header, client):
    """Each piece arrives apart: the gateway has read the first before the second is sent."""
    whole = header + ASK
    peers = []
    for at in range(1, len(header) + 3):
        peer = gateway.client()
        peer.send(whole[:at])
        peers.append((at, peer))
    gateway.ask_admin("GET", "/healthz")
    for at, peer in peers:
        wait_until(lambda s=peer.sock: _read_by_the_gateway(s))
        peer.send(whole[at:])
    for at, peer in peers:
        assert peer.answer().status == 200, at
        peer.close()
    assert len(upstream.requests) == len(peers)
    assert all(is_client(r.get("X-Forwarded-For"), client) for r in upstream.requests)


def _read_by_the_gateway(sock):
    """Nothing that was sent here waits unread at the other end."""
    here, there = sock.getsockname()[1], sock.getpeername()[1]
    return not queues(there).get((there, here), (0, 0))[1]


@pytest.mark.parametrize("name, header", named([(n, h) for n, h, _ in GOOD if n in ("v1 TCP6", "v2 with many TLVs")]))
def test_byte_by_byte(gateway, upstream, name, header):
    with gateway.client() as peer:
        for byte in header + ASK:
            peer.send(bytes([byte]))
            wait_until(lambda: _read_by_the_gateway(peer.sock))
        assert peer.answer().status == 200


@pytest.mark.parametrize("name, header", named(BAD))
def test_a_bad_one_is_closed_without_an_answer(gateway, upstream, name, header):
    with connect(gateway.tcp) as sock:
        with contextlib.suppress(OSError):
            if name in MAY_PASS | OWN_ADDRESS:
                sock.sendall(header + request("GET", "/x", "Connection: close"))
            else:
                sock.sendall(header + ASK)
                sock.shutdown(1)
        got, _ = rest(sock)
    if name in MAY_PASS | OWN_ADDRESS and got.startswith(b"HTTP/1.1 200"):
        client = "127.0.0.1" if name in OWN_ADDRESS else "192.0.2.7"
        assert upstream.wait().get("X-Forwarded-For") == client
        return
    assert got == b"" or name.endswith(("twice", "then v1", "then v2")) and got.startswith(b"HTTP/1.1 400"), got[:200]
    assert upstream.untouched()


@pytest.mark.parametrize("name, header", named(BAD[1:]))
def test_a_bad_one_is_closed_before_its_end_is_waited_for(gateway, upstream, name, header):
    """Nobody has to send more to learn that it is wrong, or the deadline comes; in no case an answer."""
    with connect(gateway.tcp) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(header + b"\r\n\r\n" * 60)
            if name in MAY_PASS | OWN_ADDRESS:
                sock.shutdown(1)
        got, _ = rest(sock, 12 * SLOW)
    assert not got.startswith(b"HTTP/1.1 2")
    assert upstream.untouched()


@pytest.mark.parametrize("header", [v1(), v2(), v2("2001:db8::7", "2001:db8::1", more=tlv(2, b"abc"))], ids=["v1", "v2", "v2 with more"])
def test_one_that_is_cut_off_is_no_request(gateway, upstream, header):
    for at in range(len(header)):
        with connect(gateway.tcp) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(header[:at])
                sock.shutdown(1)
            assert rest(sock)[0] == b"", at
    assert upstream.untouched()


def test_requests_right_behind_it_in_one_packet(gateway, upstream):
    with gateway.client() as peer:
        peer.send(v2() + b"".join(request("GET", f"/{n}") for n in range(20)))
        assert [peer.answer().status for _ in range(20)] == [200] * 20
    assert upstream.targets() == [f"/{n}" for n in range(20)]
    assert {r.get("X-Forwarded-For") for r in upstream.requests} == {"192.0.2.7"}


def test_each_connection_has_its_own(gateway, upstream):
    outcomes = volley(gateway.tcp, [[v1(f"192.0.2.{n}") + request("GET", f"/{n}")] for n in range(1, 100)], answers=1)
    assert {o.word for o in outcomes} == {"200 open"}
    assert {(r.target, r.get("X-Forwarded-For")) for r in upstream.requests} == {(f"/{n}", f"192.0.2.{n}") for n in range(1, 100)}


class TestWhoMaySendOne:
    def test_one_who_is_not_named_is_refused(self, gateways, upstream):
        gateway = gateways('listen:\n  - { address: "127.0.0.1:@PORT@", proxy_protocol: [192.0.2.99, "2001:db8::/32"] }\n' + routes(upstream))
        for header in (v1(), b"PROXY UNKNOWN\r\n"):
            outcome, = volley(gateway.tcp, [[header + ASK]])
            assert outcome.word == "400 closed"
        outcome, = volley(gateway.tcp, [[v2() + ASK]])
        assert outcome.word == "400 closed"
        assert upstream.untouched()
        assert gateway.ask().status == 200 and upstream.wait().get("X-Forwarded-For") == "127.0.0.1"

    @pytest.mark.parametrize("who", ["127.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32"])
    def test_names_may_be_networks(self, gateways, upstream, who):
        gateway = gateways(f'listen:\n  - {{ address: "127.0.0.1:@PORT@", proxy_protocol: ["{who}"] }}\n' + routes(upstream))
        with gateway.client() as peer:
            assert peer.send(v2() + ASK).answer().status == 200
        assert upstream.wait().get("X-Forwarded-For") == "192.0.2.7"
        assert volley(gateway.tcp, [[ASK]])[0].word == "closed"

    def test_on_a_unix_socket(self, gateways, upstream):
        gateway = gateways('listen:\n  - { address: "127.0.0.1:@PORT@" }\n  - { address: "unix:@DIR@/door.sock", proxy_protocol: [unix] }\n' + routes(upstream))
        for at in range(1, len(v2())):
            outcome, = volley(gateway.unix, [[v2()[:at], v2()[at:] + ASK]], answers=1)
            assert outcome.word == "200 open"
        assert {r.get("X-Forwarded-For") for r in upstream.requests} == {"192.0.2.7"}
        assert volley(gateway.unix, [[ASK]])[0].word == "closed"

    def test_other_doors_do_not_take_it(self, gateways, upstream):
        gateway = gateways(LISTEN + '  - { address: "unix:@DIR@/door.sock" }\n' + routes(upstream))
        assert volley(gateway.unix, [[v1() + ASK], [v2() + ASK]])[0].word == "400 closed"
        assert upstream.untouched()


class TestTrustedProxies:
    @pytest.fixture
    def gateway(self, gateways, upstream):
        return gateways("trusted_proxies: [127.0.0.1]\n" + LISTEN + routes(upstream))

    def test_the_client_behind_it_forges_nothing(self, gateway, upstream):
        """The one who is trusted is 127.0.0.1; behind the header it is 192.0.2.7 who speaks."""
        for header, client in ((v1(), "192.0.2.7"), (v2("2001:db8::7", "2001:db8::1"), "2001:db8::7")):
            with gateway.client() as peer:
                answer = peer.send(header + request("GET", "/x", "X-Forwarded-For: 10.1.1.1", "X-Forwarded-Proto: https", "X-Request-Id: forged-1",
                                                    "X-Real-IP: 10.1.1.1", "Forwarded: for=10.1.1.1")).answer()
            seen = upstream.requests[-1]
            assert seen.all("X-Forwarded-For") == [client] and seen.get("X-Request-Id") == answer.get("X-Request-Id") != "forged-1"
            assert "10.1.1.1" not in repr(seen.headers) and seen.get("X-Forwarded-Proto") == "http"
        assert [line["client"] for line in gateway.wait_access(2)] == ["192.0.2.7", "2001:db8::7"]

    def test_a_header_that_names_a_trusted_proxy_is_that_proxy(self, gateway, upstream):
        with gateway.client() as peer:
            peer.send(v2("127.0.0.1") + request("GET", "/x", "X-Forwarded-For: 10.1.1.1")).answer()
        assert upstream.wait().get("X-Forwarded-For") == "10.1.1.1"


class TestLimits:
    @pytest.mark.parametrize("sent", [b"", b"P", b"PROXY TCP4 ", v1()[:-1], v2()[:5], v2()[:20], v2(length=200)], ids=repr)
    def test_a_header_that_does_not_end_is_closed_in_time(self, gateways, upstream, sent):
        gateway = gateways("timeouts: { handshake: 500ms }\n" + LISTEN + routes(upstream))
        with connect(gateway.tcp) as sock:
            began = time.monotonic()
            sock.sendall(sent)
            assert rest(sock)[0] == b"" and 0.4 < time.monotonic() - began < 5 * SLOW
        assert upstream.untouched()

    def test_a_trickle_buys_no_time(self, gateways, upstream):
        gateway = gateways("timeouts: { handshake: 500ms }\n" + LISTEN + routes(upstream))
        with connect(gateway.tcp) as sock:
            began = time.monotonic()
            with contextlib.suppress(OSError):
                for byte in v2(more=tlv(0xe0, b"x" * 200)):
                    sock.sendall(bytes([byte]))
                    assert time.monotonic() - began < 4 * SLOW
                    time.sleep(0.05)    # the trickle itself
            rest(sock)
        assert upstream.untouched()

    def test_connections_per_address_count_who_is_told(self, gateways, upstream):
        gateway = gateways("limits: { connections_per_address: 2 }\n" + LISTEN + routes(upstream))
        held = []
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            for _ in range(2):
                held.append(gateway.client())
                assert held[-1].send(v1(address) + ASK).answer().status == 200
        outcome, = volley(gateway.tcp, [[v1("192.0.2.1") + ASK]], answers=1)
        assert outcome.word in ("closed", "503 closed", "429 closed", "503 open")
        assert volley(gateway.tcp, [[v1("192.0.2.4") + ASK]], answers=1)[0].word == "200 open"
        for client in held:
            client.close()
        wait_until(lambda: volley(gateway.tcp, [[v1("192.0.2.1") + ASK]], answers=1)[0].word == "200 open")

    def test_ratelimit_counts_who_is_told(self, gateways, upstream):
        gateway = gateways(LISTEN + "routes:\n  - handle:\n      - ratelimit: { requests: 2, window: 1m }\n"
                           f"      - webui-proxy: {{ to: \"{upstream.url}\" }}\n")

        def status(address):
            with gateway.client() as peer:
                return peer.send(v1(address) + ASK).answer().status
        assert [status("192.0.2.1") for _ in range(3)] == [200, 200, 429]
        assert status("192.0.2.2") == 200


class TestBehindIt:
    @pytest.fixture(scope="class")
    def authority(self, tmp_path_factory):
        return Authority(tmp_path_factory.mktemp("certificates"))

    @pytest.fixture(scope="class")
    def secure(self, module_gateways, upstream, authority):
        cert, key = authority.leaf("gate.example")
        return module_gateways(f'listen:\n  - {{ address: "127.0.0.1:@PORT@", proxy_protocol: [127.0.0.1], tls: [{{ files: {{ cert: {cert}, key: {key} }} }}] }}\n'
                               "admin: { address: \"unix:@DIR@/admin.sock\" }\n" + routes(upstream))

    @pytest.mark.parametrize("header, client", [(v1(), "192.0.2.7"), (v2(), "192.0.2.7"), (v2("2001:db8::7", "2001:db8::1"), "2001:db8::7"),
                                                (v2(command=LOCAL, family=UNSPEC, block=b""), "127.0.0.1")], ids=["v1", "v2", "v2 IPv6", "LOCAL"])
    @pytest.mark.parametrize("apart", ["apart", "together"])
    def test_tls(self, secure, upstream, authority, header, client, apart):
        with Steered(secure.tcp, authority.context(("http/1.1",))) as peer:
            hello = peer.hello()
            if apart == "apart":
                peer.sock.sendall(header)
                wait_until(lambda: _read_by_the_gateway(peer.sock))
                peer.sock.sendall(hello)
            else:
                peer.sock.sendall(header + hello)
            assert peer.shake().ask("GET", "/x").status == 200
        seen = upstream.wait()
        assert seen.get("X-Forwarded-For") == client and seen.get("X-Forwarded-Proto") == "https"

    def test_http2(self, secure, upstream, authority):
        sock = connect(secure.tcp)
        sock.sendall(v2())
        with H2(sock=sock, tls=authority.context()) as peer:
            for _ in range(5):
                assert peer.ask("/x").status == 200
        assert {r.get("X-Forwarded-For") for r in upstream.requests} == {"192.0.2.7"}

    def test_tls_without_it_is_closed(self, secure, upstream, authority):
        with pytest.raises((ssl.SSLError, OSError)):
            authority.context().wrap_socket(connect(secure.tcp), server_hostname="gate.example")
        assert upstream.untouched()

    def test_it_inside_of_tls_is_no_header(self, secure, upstream, authority):
        with Steered(secure.tcp, authority.context(("http/1.1",))) as peer:
            peer.sock.sendall(v2())
            peer.shake().send(v1("203.0.113.9") + ASK)
            assert http1.read_answer(peer.source).status == 400
        assert upstream.untouched()

    def test_plain_http_behind_it_is_told_so(self, secure, upstream):
        with Client(secure.tcp) as peer:
            assert peer.send(v2() + ASK).answer().status == 400
        assert upstream.untouched()

    def test_h2c(self, gateways, upstream):
        gateway = gateways('listen:\n  - { address: "127.0.0.1:@PORT@", proxy_protocol: [127.0.0.1], h2c: true }\n' + routes(upstream))
        sock = connect(gateway.tcp)
        sock.sendall(v2())
        with H2(sock=sock) as peer:
            assert peer.ask("/x").status == 200
        with gateway.client() as peer:
            assert peer.send(v1() + ASK).answer().status == 200
        assert {r.get("X-Forwarded-For") for r in upstream.requests} == {"192.0.2.7"}

    def test_it_behind_the_preface_is_no_header(self, gateways, upstream):
        gateway = gateways('listen:\n  - { address: "127.0.0.1:@PORT@", h2c: true }\n' + routes(upstream))
        with H2(gateway.tcp) as peer:
            peer.send(v2())
            peer.pump(lambda: peer.end)
            assert peer.word.startswith(("goaway", "closed"))
        assert upstream.untouched()


def test_tcp4_is_what_it_is_called():
    """The maker itself, against the protocol's own example: v2, PROXY, TCP over IPv4."""
    assert v2()[:16] == bytes.fromhex("0d0a0d0a000d0a515549540a") + b"\x21\x11\x00\x0c" and TCP4 == 0x11
