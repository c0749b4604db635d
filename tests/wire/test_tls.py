"""TLS at the door: versions, names, certificates that change, tickets, ends that are ends and cuts that are cuts."""

import base64
import contextlib
import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import SANITIZED, Broken, Client, WebSocket, http1, volley, wait_until
from harness.callers import metric
from harness.certificates import Authority, der, replace
from harness.client import connect, request, reset
from harness.h2 import H2
from harness.limits import PATIENCE, SLOW
from harness.tls import ALERT, HANDSHAKE, Steered, alerts, over_tls, records, rest
from harness.upstream import Tokens, websocket_echo
from harness.volley import unread

from malformed import HEADS

VERSIONS = ["TLSv1_2", "TLSv1_3"]
both = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def leaf(authority):
    return authority.leaf("gate.example", "127.0.0.1")


def listen(*leaves, port="@PORT@", more=""):
    files = ", ".join(f"{{ files: {{ cert: {cert}, key: {key} }} }}" for cert, key in leaves)
    return f'listen:\n  - {{ address: "127.0.0.1:{port}", tls: [{files}]{more} }}\n'


def routes(upstream):
    return f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n"


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream, leaf):
    return module_gateways(listen(leaf) + routes(upstream))


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()
    upstream.script, upstream.eager = None, False


@pytest.fixture
def plain(authority):
    """A client's context for HTTP/1.1."""
    return authority.context(("http/1.1",))


def told(gateway, context, name="gate.example"):
    """The certificate that a new connection gets."""
    with context.wrap_socket(connect(gateway.tcp), server_hostname=name) as sock:
        return sock.getpeercert(binary_form=True)


class TestVersions:
    @both
    @pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
    def test_what_is_served(self, gateway, upstream, authority, version, alpn):
        context = authority.context((alpn,), version)
        if alpn == "h2":
            with H2(gateway.tcp, context) as peer:
                assert peer.sock.version() == version.replace("_", ".") and peer.ask("/x").body == b"upstream"
        else:
            with over_tls(gateway, context) as client:
                assert client.sock.version() == version.replace("_", ".") and client.ask("GET", "/x").body == b"upstream"
        assert upstream.wait().get("X-Forwarded-Proto") == "https"
        assert upstream.requests[-1].all("X-Forwarded-For") == ["127.0.0.1"]

    @pytest.mark.parametrize("flag", ["-tls1", "-tls1_1"])
    def test_old_versions_are_refused(self, gateway, upstream, flag):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", flag, "-cipher", "ALL:@SECLEVEL=0"],
                              input="GET / HTTP/1.1\r\n\r\n", capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode != 0 and re.search("alert protocol version|alert handshake failure", done.stderr), done.stderr
        assert upstream.untouched()

    @pytest.mark.parametrize("ciphers", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ADH-AES128-SHA256", "NULL",
                                         "DES-CBC3-SHA", "AES128-GCM-SHA256", "RC4"])
    def test_weak_suites_are_refused(self, gateway, upstream, ciphers):
        """No CBC, no key exchange by RSA, none without authentication."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-cipher", ciphers + ":@SECLEVEL=0"],
                              input="", capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode != 0, done.stdout[-500:]
        assert upstream.untouched()

    @pytest.mark.parametrize("kind", ["rsa", "ec", "ec384"])
    @both
    def test_kinds_of_keys(self, gateways, authority, upstream, kind, version):
        gateway = gateways(listen(authority.leaf("gate.example", kind=kind, file=f"kind-{kind}")) + routes(upstream))
        with over_tls(gateway, authority.context(("http/1.1",), version)) as client:
            assert client.ask().status == 200


class TestProtocols:
    @both
    @pytest.mark.parametrize("offered, chosen", [
        (("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("h2",), "h2"), (("http/1.1",), "http/1.1"), ((), None),
        (("foo", "http/1.1"), "http/1.1"), (("http/1.0", "spdy/3", "h2"), "h2")])
    def test_choice(self, gateway, authority, version, offered, chosen):
        with authority.context(offered, version).wrap_socket(connect(gateway.tcp), server_hostname="gate.example") as sock:
            assert sock.selected_alpn_protocol() == chosen

    @both
    @pytest.mark.parametrize("offered", [("foo",), ("h3", "spdy/3"), ("http/0.9",), ("h2c",), ("H2",)])
    def test_nothing_in_common_is_an_alert(self, gateway, upstream, authority, version, offered):
        with Steered(gateway.tcp, authority.context(offered, version)) as peer, pytest.raises((ssl.SSLError, ConnectionError)):
            peer.shake().ask()
        assert alerts(peer.raw) == ["no_application_protocol"]
        assert upstream.untouched()

    def test_without_alpn_http1_is_spoken(self, gateway, authority):
        with over_tls(gateway, authority.context(())) as client:
            assert client.ask().version == "1.1"

    def test_h2_that_speaks_http1_is_refused(self, gateway, upstream, authority):
        with Steered(gateway.tcp, authority.context(("h2",))) as peer:
            peer.shake().send(request("GET", "/x"))
            while peer.fetch():
                pass
        assert upstream.untouched()

    def test_http1_that_speaks_h2_is_refused(self, gateway, upstream, authority):
        with over_tls(gateway, authority.context(("http/1.1",))) as client:
            assert client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").answer().status in (400, 405, 501, 505)
        assert upstream.untouched()


class TestPlainHttp:
    @pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
                                      b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"])
    def test_it_is_told_so_in_plain_text(self, gateway, upstream, text):
        with Client(gateway.tcp) as client:
            answer = client.send(text).answer()     # nobody has looked for a HEAD here
            assert answer.status == 400 and answer.get("Content-Type", "").startswith("text/plain")
            assert re.search(rb"(?i)https|tls", answer.body), answer.body
            assert client.ended()
        assert upstream.untouched()

    def test_a_trickle_of_it_too(self, gateway):
        with Client(gateway.tcp) as client:
            for byte in b"GET / HTTP/1.1\r\nHost: h\r\n\r\n":
                with contextlib.suppress(OSError):
                    client.send(bytes([byte]))
            assert client.answer().status == 400

    @pytest.mark.parametrize("garbage", [b"\0" * 100, b"SSH-2.0-x\r\n", b"\x16\x03\x01\xff\xff" + b"a" * 100, b"\x17\x03\x03\x00\x05hello", b"\x80\x2e\x01\x00\x02",
                                         b"\x15\x03\x01\x00\x02\x02\x28", b"\x14\x03\x03\x00\x01\x01", b"\x16\x03\x01\x00\x00" * 50,
                                         b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", os.urandom(1000), b"\xff" * 5000,
                                         b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    def test_garbage_is_closed(self, gateway, upstream, garbage):
        with connect(gateway.tcp) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(garbage)
                sock.shutdown(socket.SHUT_WR)
            got, _ = rest(sock)
        assert len(got) < 2000 and b"HTTP/1.1 2" not in got
        assert upstream.untouched()


class TestNames:
    @pytest.fixture(scope="class")
    def leaves(self, authority):
        return [authority.leaf("gate.example", file="first"), authority.leaf("chat.example", "api.chat.example"),
                authority.leaf("*.any.example"), authority.leaf("rsa.example", kind="rsa")]

    @pytest.fixture(scope="class")
    def many(self, module_gateways, upstream, leaves):
        return module_gateways(listen(*leaves) + routes(upstream))

    @both
    @pytest.mark.parametrize("name, index", [("gate.example", 0), ("chat.example", 1), ("api.chat.example", 1), ("CHAT.example", 1), ("x.any.example", 2),
                                             ("X.Any.Example", 2), ("x.y.any.example", 0), ("any.example", 0), ("rsa.example", 3), ("other", 0), (None, 0),
                                             ("chat.example.org", 0), ("127.0.0.1", 0)])
    def test_each_gets_its_certificate_and_others_the_first(self, many, authority, leaves, version, name, index):
        context = authority.context(("http/1.1",), version, check=False)
        assert told(many, context, name) == der(leaves[index][0])

    def test_a_host_of_another_certificate_is_still_served_or_misdirected(self, many, authority):
        with over_tls(many, authority.context(("http/1.1",)), "chat.example") as client:
            assert client.ask("GET", "/").status in (200, 421)


class TestTickets:
    @staticmethod
    def session(gateway, context):
        with over_tls(gateway, context) as client:
            assert client.ask().status == 200   # tickets of 1.3 come with the first bytes
            return client.sock.session, client.sock.session_reused

    @both
    def test_a_session_is_resumed_by_any_worker(self, gateway, authority, version):
        context = authority.context(("http/1.1",), version)
        session, reused = self.session(gateway, context)
        assert not reused and session.has_ticket
        held = []
        try:
            for _ in range(12):     # open at once, so that both workers have some
                held.append(over_tls(gateway, context, session=session))
                assert held[-1].sock.session_reused and held[-1].ask().status == 200
        finally:
            for client in held:
                client.close()

    @both
    def test_and_after_a_reload(self, gateways, authority, leaf, upstream, version):
        gateway = gateways(listen(leaf) + routes(upstream))
        context = authority.context(("http/1.1",), version)
        session, _ = self.session(gateway, context)
        for _ in range(2):
            assert gateway.reload(listen(leaf) + "timeouts: { idle: 77s }\n" + routes(upstream)).returncode == 0
            with over_tls(gateway, context, session=session) as client:
                assert client.sock.session_reused and client.ask().status == 200

    @both
    def test_a_ticket_of_another_process_is_no_ticket(self, gateways, authority, leaf, upstream, version):
        context = authority.context(("http/1.1",), version)
        session, _ = self.session(gateways(listen(leaf) + routes(upstream)), context)
        with over_tls(gateways(listen(leaf) + routes(upstream)), context, session=session) as client:
            assert not client.sock.session_reused and client.ask().status == 200


class TestHandshake:
    def finish(self, peer, sent_hello=True):
        peer.shake()
        assert peer.ask("GET", "/x").status == 200

    @both
    def test_a_hello_cut_at_every_byte(self, gateway, authority, version):
        context = authority.context(("http/1.1",), version)
        size = None
        at = 1
        while size is None or at < size:
            with Steered(gateway.tcp, context) as peer:
                hello = peer.hello()
                size = len(hello)
                peer.sock.sendall(hello[:at])
                wait_until(lambda p=peer: _taken(p.sock))
                peer.sock.sendall(hello[at:])
                self.finish(peer)
            at += 1 if at < 60 else 7

    @both
    def test_a_hello_byte_by_byte(self, gateway, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            for byte in peer.hello():
                peer.sock.sendall(bytes([byte]))
            self.finish(peer)

    @both
    def test_everything_byte_by_byte(self, gateway, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            peer.flush = lambda: [peer.sock.sendall(bytes([b])) for b in peer.out.read()] and None
            self.finish(peer)

    def test_a_hello_in_many_records(self, gateway, authority):
        """One message may come in fragments, each a record of its own."""
        for size in (1, 7, 50):
            with Steered(gateway.tcp, authority.context(("http/1.1",))) as peer:
                body = peer.hello()[5:]
                if size == 1:
                    body_parts = [body[:1], body[1:2], body[2:]]
                else:
                    body_parts = [body[at:at + size] for at in range(0, len(body), size)]
                peer.sock.sendall(b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in body_parts))
                try:
                    self.finish(peer)
                except (ConnectionError, ssl.SSLError):
                    # mbedTLS wants the first four bytes of a message in one record. That is a refusal, and no harm.
                    assert size == 1

    def test_a_hello_cut_and_closed(self, gateway, upstream, authority):
        with Steered(gateway.tcp, authority.context(("http/1.1",))) as one:
            hello = one.hello()
        for at in (*range(0, 60), *range(60, len(hello), 11)):
            with connect(gateway.tcp) as sock:
                sock.sendall(hello[:at])
                sock.shutdown(socket.SHUT_WR)
                got, _ = rest(sock)
                assert len(got) < 500
        assert upstream.untouched()
        with over_tls(gateway, authority.context(("http/1.1",))) as client:
            assert client.ask().status == 200

    def test_one_byte_of_the_hello_wrong(self, gateway, upstream, authority):
        """Whatever it is then, nobody crashes, and no request comes of it."""
        with Steered(gateway.tcp, authority.context(("http/1.1",))) as one:
            hello = one.hello()
        for at in range(len(hello)):
            with connect(gateway.tcp) as sock:
                with contextlib.suppress(OSError):
                    sock.sendall(hello[:at] + bytes([hello[at] ^ 0xff]) + hello[at + 1:])
                    sock.shutdown(socket.SHUT_WR)
                rest(sock)
        assert upstream.untouched()

    def test_one_that_is_not_finished_in_time_is_closed(self, gateways, authority, leaf, upstream):
        gateway = gateways("timeouts: { handshake: 500ms }\n" + listen(leaf) + routes(upstream))
        with Steered(gateway.tcp, authority.context(("http/1.1",))) as one:
            hello = one.hello()
            began = time.monotonic()
            one.sock.sendall(hello)     # and never the rest
            with connect(gateway.tcp) as silent, connect(gateway.tcp) as half, connect(gateway.tcp) as trickle:
                half.sendall(hello[:40])
                trickle.sendall(hello[:5])
                for sock in (one.sock, silent, half):
                    rest(sock)
                with contextlib.suppress(OSError):
                    for byte in hello[5:]:
                        trickle.sendall(bytes([byte]))
                        if time.monotonic() - began > 5 * SLOW:
                            pytest.fail("a trickle buys time")
                        time.sleep(0.05)    # the trickle itself
            assert 0.4 < time.monotonic() - began < 6 * SLOW
        assert upstream.untouched()

    @both
    def test_an_oversized_record_is_refused(self, gateway, upstream, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            peer.shake()
            with contextlib.suppress(OSError):
                peer.sock.sendall(b"\x17\x03\x03\x48\x01" + os.urandom(0x4801))
            rest(peer.sock)
        assert upstream.untouched()

    @both
    def test_a_record_that_was_tampered_with_is_refused(self, gateway, upstream, authority, version):
        for at in (5, 20, -1):
            with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
                peer.shake()
                peer.tls.write(request("GET", "/x"))
                sent = bytearray(peer.out.read())
                sent[at] ^= 1
                peer.sock.sendall(sent)
                rest(peer.sock)
        assert upstream.untouched()

    def test_renegotiation_is_refused(self, gateway, upstream):
        """openssl's client asks for it with a line of `R`."""
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-legacy_renegotiation"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            client.stdin.write("R\n")
            client.stdin.flush()
            told_so = client.communicate(timeout=2 * SLOW)[0]
        except subprocess.TimeoutExpired:
            # Its hello was left without an answer: also a refusal, as long as no handshake came of it.
            client.kill()
            told_so = client.communicate()[0]
        assert "RENEGOTIATING" in told_so, told_so[-500:]
        assert told_so.count("verify return") <= told_so.split("RENEGOTIATING")[0].count("verify return"), "a second handshake"
        assert upstream.untouched()

    def test_compression_and_session_ids_of_others_do_no_harm(self, gateway, authority):
        context = authority.context(("http/1.1",))
        context.options &= ~ssl.OP_NO_COMPRESSION
        with over_tls(gateway, context) as client:
            assert client.sock.compression() is None and client.ask().status == 200

    def test_handshakes_that_fail_leave_nothing_behind(self, gateway, authority):
        def some():
            for _ in range(50):
                with connect(gateway.tcp) as sock, contextlib.suppress(OSError):
                    sock.sendall(b"\x16\x03\x01\x02\x00" + os.urandom(512))
                    sock.shutdown(socket.SHUT_WR)   # it might be the beginning of a long one
                    rest(sock)
                with contextlib.suppress(ssl.SSLError, OSError):
                    authority.context(("foo",)).wrap_socket(connect(gateway.tcp), server_hostname="gate.example").close()
        some()
        before, open_before = gateway.rss(), gateway.descriptors()
        for _ in range(4):
            some()
        wait_until(lambda: gateway.descriptors() <= open_before + 2)
        assert SANITIZED or gateway.rss() - before < 2 << 20


def _taken(sock):
    """Whether the kernel has delivered all that was sent (TCP: acknowledged)."""
    return unread(sock) == 0


class TestEnds:
    @both
    def test_an_answer_that_closes_ends_with_close_notify(self, gateway, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            assert peer.shake().ask("GET", "/", "Connection: close").status == 200
            assert peer.ended() == "notify"

    @both
    @pytest.mark.parametrize("framing", ["length", "chunked", "close"])
    @pytest.mark.parametrize("way", ["fin", "rst"])
    def test_an_answer_that_is_cut_has_none(self, gateway, upstream, authority, version, framing, way):
        go = threading.Event()

        def script(exchange):
            exchange.send({"length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "close": b"HTTP/1.0 200 OK\r\n\r\nhalf",
                           "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"}[framing])
            go.wait(10)
            getattr(exchange, way)()
        upstream.script = script
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            peer.shake().send(request("GET", "/x"))
            assert http1.read_answer_head(peer.source).status == 200
            go.set()
            try:
                while b"\r\n0\r\n\r\n" not in peer.source.buffer and peer.source.fill():
                    pass
                how = "notify"
            except ConnectionError:
                how = "cut"
        if framing == "close" and way == "fin":
            assert b"0\r\n\r\n" in peer.source.buffer       # whole, by the rules of 1.0
        else:
            assert how == "cut" and b"0\r\n\r\n" not in peer.source.buffer

    @both
    def test_the_clients_close_notify_is_answered(self, gateway, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            assert peer.shake().ask().status == 200
            peer.notify()
            assert peer.ended() == "notify"
            assert not peer.fetch() and peer.closed

    @both
    def test_an_end_without_close_notify_frees_the_connection(self, gateway, authority, version):
        before = gateway.descriptors()
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            assert peer.shake().ask().status == 200
            peer.sock.shutdown(socket.SHUT_WR)
            rest(peer.sock)
        wait_until(lambda: gateway.descriptors() <= before + 1)

    @both
    def test_a_body_cut_by_its_client_is_no_request(self, gateway, upstream, authority, version):
        for how in ("close_notify", "fin", "rst"):
            with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
                peer.shake().send(request("POST", "/x", "Content-Length: 10") + b"half")
                wait_until(lambda: upstream.heads)
                if how == "close_notify":
                    peer.notify()
                    peer.sock.shutdown(socket.SHUT_WR)
                elif how == "fin":
                    peer.sock.shutdown(socket.SHUT_WR)
                else:
                    reset(peer.sock)
            wait_until(lambda: upstream.broken)
            assert not upstream.requests
            upstream.forget()

    def test_a_client_that_leaves_frees_the_upstream(self, gateway, upstream, plain):
        left = threading.Event()

        def script(exchange):
            exchange.stream()
            exchange.chunk(b"one")
            if exchange.stall():
                left.set()
        upstream.script = script
        with Steered(gateway.tcp, plain) as peer:
            peer.shake().send(request("GET", "/x"))
            wait_until(lambda: upstream.heads)
        assert left.wait(2 * SLOW)

    @both
    def test_half_of_a_close(self, gateways, upstreams, leaf, authority, version):
        """A client that says close_notify during its request counts as one that leaves, or gets its answer whole."""
        gateway = gateways(listen(leaf) + routes(upstreams(lambda exchange: exchange.answer(200, b"whole"))))
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            peer.shake().send(request("GET", "/x"))
            peer.notify()
            while peer.fetch():
                pass
        wait_until(lambda: not metric(gateway, "gatehouse_requests_active"))


class TestBytes:
    @both
    @pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
    def test_large_bodies_arrive_as_they_were(self, gateway, upstream, authority, version, alpn):
        sent = os.urandom(1 << 20) * 24
        upstream.script = lambda exchange: exchange.answer(200, exchange.request.body[::-1])
        context = authority.context((alpn,), version)
        if alpn == "h2":
            with H2(gateway.tcp, context) as peer:
                stream = peer.open("/x", ("content-length", str(len(sent))), method="POST", end=False)
                got = stream.send(sent, end=True).answer(within=60 * SLOW).body
        else:
            with over_tls(gateway, context) as client:
                got = client.ask("POST", "/x", body=sent).body
        assert hashlib.sha256(upstream.requests[0].body).digest() == hashlib.sha256(sent).digest()
        assert hashlib.sha256(got).digest() == hashlib.sha256(sent[::-1]).digest()

    @both
    def test_tiny_records(self, gateway, upstream, authority, version):
        with Steered(gateway.tcp, authority.context(("http/1.1",), version)) as peer:
            peer.shake()
            for byte in request("POST", "/x", body=b"hello"):
                peer.tls.write(bytes([byte]))
            peer.flush()
            assert http1.read_answer(peer.source).status == 200
        assert upstream.wait().body == b"hello"

    @both
    def test_websockets(self, gateway, upstream, authority, version):
        upstream.script = websocket_echo
        with over_tls(gateway, authority.context(("http/1.1",), version)) as client:
            with _websocket(client) as peer:
                for text in ("a", "b" * 70000, "c" * 300000):
                    assert peer.echo(text) == text
                peer.send_frame(9, b"ping")
                assert peer.receive() == ("pong", b"ping")
                assert peer.close()[0] == "close"

    def test_pipelined_requests_in_one_record(self, gateway, upstream, plain):
        upstream.script = lambda exchange: exchange.answer(200, exchange.request.target.encode())
        with over_tls(gateway, plain) as client:
            client.send(b"".join(request("GET", f"/{n}") for n in range(50)))
            assert [client.answer().body for _ in range(50)] == [b"/%d" % n for n in range(50)]

    def test_malformed_requests_are_refused_as_elsewhere(self, gateway, upstream, plain):
        for name, right, text in HEADS[::25]:
            with over_tls(gateway, plain) as client:
                with contextlib.suppress(OSError):
                    client.send(text)
                assert client.answer().status in right, name
        assert upstream.untouched()


def _websocket(client):
    """Shakes hands on a connection that is there."""
    key = base64.b64encode(os.urandom(16)).decode()
    client.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"))
    assert client.answer().status == 101
    return WebSocket.over(client.sock, client.source, masks=True)


class TestFiles:
    """Certificates are read again when their files change."""

    @pytest.fixture
    def files(self, authority):
        return authority.leaf("gate.example", file=f"swap-{time.monotonic_ns()}")

    @pytest.fixture
    def gateway(self, gateways, upstream, files):
        return gateways(listen(files) + routes(upstream))

    def test_new_handshakes_get_the_new_one(self, gateway, authority, files):
        context = authority.context(("http/1.1",))
        old = told(gateway, context)
        assert old == der(files[0])
        with over_tls(gateway, context) as kept:
            assert kept.ask().status == 200
            replace(files, authority.leaf("gate.example", file="renewed"))
            new = der(files[0])
            assert new != old
            wait_until(lambda: told(gateway, context) == new, within=90 * SLOW)
            assert kept.ask().status == 200 and kept.sock.getpeercert(binary_form=True) == old

    def test_a_reload_takes_them_at_once(self, gateway, authority, files):
        replace(files, authority.leaf("gate.example", file="reloaded"))
        assert gateway.reload().returncode == 0
        assert told(gateway, authority.context(("http/1.1",))) == der(files[0])

    @pytest.mark.parametrize("how", ["garbage", "empty", "key of another", "gone", "cut"])
    def test_a_broken_one_keeps_the_old_and_is_told(self, gateway, authority, files, how):
        context = authority.context(("http/1.1",))
        old = told(gateway, context)
        said = len(gateway.said())
        if how == "garbage":
            files[0].write_text("nonsense")
        elif how == "empty":
            files[0].write_text("")
        elif how == "key of another":
            replace(files, (authority.leaf("gate.example", file="stranger")[0], files[1]))
        elif how == "gone":
            files[1].unlink()
        else:
            files[0].write_text(files[0].read_text()[:200])
        wait_until(lambda: str(files[0]) in gateway.said()[said:] or str(files[1]) in gateway.said()[said:], within=90 * SLOW)
        assert told(gateway, context) == old
        with over_tls(gateway, context) as client:
            assert client.ask().status == 200

    def test_a_broken_one_at_the_start_never_becomes_plain_http(self, gateways, authority, upstream):
        gateway = gateways(listen(authority.leaf("gate.example", file="none")) + routes(upstream), start=False)
        (authority.folder / "none.pem").write_text("nonsense")
        with pytest.raises(AssertionError):
            gateway.start()
        assert "none.pem" in gateway.said()
        gateway.expected_exit = gateway.process.returncode if gateway.process.poll() is not None else 0

    def test_a_key_that_others_can_read_is_refused(self, gateways, authority, upstream):
        cert, key = authority.leaf("gate.example", file="open")
        key.chmod(0o644)
        gateway = gateways(listen((cert, key)) + routes(upstream), start=False)
        with pytest.raises(AssertionError):
            gateway.start()
        assert str(key) in gateway.said()
        gateway.expected_exit = gateway.process.returncode if gateway.process.poll() is not None else 0


class TestStop:
    @both
    def test_a_stream_ends_and_then_the_process(self, gateways, upstreams, authority, leaf, version):
        go = threading.Event()
        upstream = upstreams(lambda exchange: (go.wait(10), exchange.answer(200, b"late but whole")))
        gateway = gateways("grace: 20s\n" + listen(leaf) + routes(upstream))
        context = authority.context(("http/1.1",), version)
        with Steered(gateway.tcp, context) as peer, Steered(gateway.tcp, context) as idle:
            idle.shake()
            peer.shake().send(request())
            upstream.wait()
            gateway.signal(signal.SIGTERM)
            assert idle.ended() == "notify"
            go.set()
            assert http1.read_answer(peer.source).body == b"late but whole"
            assert peer.ended() == "notify"
        assert gateway.process.wait(5 * SLOW) == 0

    def test_a_reload_drops_nothing(self, gateways, upstreams, authority, leaf, plain):
        tokens = Tokens()
        upstream = upstreams(tokens)
        gateway = gateways(listen(leaf) + routes(upstream))
        with over_tls(gateway, plain) as client:
            client.send(request()).answer_head()
            for number in range(4):
                tokens.let()
                assert client.chunk() == Tokens.event(number)
                assert gateway.reload().returncode == 0
            tokens.finish()
            assert client.chunk() == b"data: [DONE]\n\n" and client.chunk() == b""

    def test_cut_streams_have_no_close_notify(self, gateways, upstreams, authority, leaf, plain):
        gateway = gateways("grace: 300ms\n" + listen(leaf) + routes(upstreams(Tokens())))
        with over_tls(gateway, plain) as client:
            client.send(request()).answer_head()
            gateway.signal(signal.SIGTERM)
            with pytest.raises(Broken):
                client.chunk()
        gateway.process.wait(PATIENCE)
        gateway.expected_exit = gateway.process.returncode


def test_curl_agrees(gateway, authority):
    """Somebody else's client, with each version of HTTP and of TLS."""
    for http in ("--http1.1", "--http2"):
        for tls in (("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",)):
            done = subprocess.run(["curl", "-sS", "--noproxy", "*", "-m", "10", http, *tls, "--cacert", authority.certificate, "--resolve",
                                   f"gate.example:{gateway.port}:127.0.0.1", "-w", "%{http_version} %{http_code}", f"https://gate.example:{gateway.port}/"],
                                  capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert done.stdout == "upstream" + ("2" if http == "--http2" else "1.1") + " 200", done.stderr


def test_the_hello_of_the_server_says_no_more_than_it_must(gateway, authority):
    """The first record that comes is the handshake's, and no alert."""
    with Steered(gateway.tcp, authority.context(("http/1.1",))) as peer:
        peer.shake()
    kinds = [kind for kind, _, _ in records(peer.raw)[0]]
    assert kinds[0] == HANDSHAKE and ALERT not in kinds


def test_a_volley_of_plain_requests_reaches_nobody(gateway, upstream):
    outcomes = volley(gateway.tcp, [[request("GET", f"/{n}")] for n in range(100)])
    assert {tuple(o.statuses) for o in outcomes} == {(400,)}
    assert upstream.untouched()
