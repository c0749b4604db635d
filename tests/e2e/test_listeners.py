"""What the config says of one address, and what a reload changes about it: who is there keeps what they came in by."""

import json
import os
import ssl
import stat
import threading

import pytest

from harness import Client, wait_until
from harness.certificates import Authority, der
from harness.client import request
from harness.http1 import Broken
from harness.limits import PATIENCE
from harness.proxied import v2
from harness.tls import over_tls

ROUTES = 'routes:\n  - handle:\n      - respond: { body: "in" }\n'


def listen(more="", before=""):
    return f'{before}listen:\n  - {{ address: "127.0.0.1:@PORT@"{more} }}\n{ROUTES}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.leaf("localhost", file="first")


@pytest.fixture(scope="module")
def other(authority):
    return authority.leaf("localhost", file="second")


def tls(cert_and_key):
    return f', tls: [{{ files: {{ cert: {cert_and_key[0]}, key: {cert_and_key[1]} }} }}]'


def shown(gateway, context):
    with over_tls(gateway, context, "localhost") as client:
        assert client.ask().body == b"in"
        return client.sock.getpeercert(binary_form=True)


def status(gateway):
    return json.loads(gateway.ask_admin("GET", "/status").body)


# --- doors

def test_tls_comes_and_goes_with_reloads_and_nobody_is_dropped(gateways, authority, pair):
    gateway = gateways(listen())
    context = authority.context(alpn=())
    with gateway.client() as plain:
        assert plain.ask().status == 200
        assert gateway.reload(listen(tls(pair))).returncode == 0
        wait_until(lambda: gateway.ask().status == 400, what="plain HTTP is refused where TLS is wanted")
        with over_tls(gateway, context, "localhost") as secure:
            assert secure.ask().body == b"in"
            assert plain.ask().body == b"in", "who came without TLS goes on without"
            assert gateway.reload(listen()).returncode == 0
            wait_until(lambda: gateway.ask().status == 200)
            assert secure.ask().body == b"in", "and who came with it goes on with it"
            assert plain.ask().body == b"in"


def test_another_certificate_comes_by_a_reload_without_another_socket(gateways, authority, pair, other):
    gateway = gateways(listen(tls(pair)))
    context = authority.context(alpn=())
    with over_tls(gateway, context, "localhost") as before:
        assert before.ask().body == b"in"
        assert gateway.reload(listen(tls(other))).returncode == 0
        assert shown(gateway, context) == der(other[0])
        assert before.ask().body == b"in"
    assert gateway.said().count("listening on 127.0.0.1") == 1


def test_proxy_protocol_comes_and_goes_with_reloads(gateways):
    gateway = gateways(listen())
    with gateway.client() as before:
        assert before.ask().status == 200
        assert gateway.reload(listen(", proxy_protocol: [127.0.0.1]")).returncode == 0

        def proxied():
            with gateway.client() as client:
                client.send(v2() + request())
                return client.answer().status == 200
        wait_until(proxied)
        assert before.ask().status == 200, "who came before has no header to send"
        wait_until(lambda: "192.0.2.7" in {line["client"] for line in gateway.access()})
        assert gateway.reload(listen()).returncode == 0
        wait_until(lambda: gateway.ask().status == 200)


def test_a_stream_goes_on_when_its_listener_is_gone(gateways, upstreams):
    go = threading.Event()

    def slow(exchange):
        exchange.stream()
        exchange.chunk(b"a")
        go.wait(PATIENCE)
        exchange.chunk(b"b")
        exchange.end()
    upstream = upstreams(slow)
    routes = f'routes:\n  - handle:\n      - webui-proxy: {{ to: "{upstream.url}" }}\n'
    gateway = gateways(f'listen:\n  - "127.0.0.1:@PORT@"\n  - "unix:@DIR@/door.sock"\n{routes}')
    with gateway.client() as busy, gateway.client() as idle:
        busy.send(request())
        assert busy.answer_head().status == 200
        assert busy.chunk() == b"a"
        assert gateway.reload(f'listen: "unix:@DIR@/door.sock"\n{routes}').returncode == 0
        assert idle.ended(), "who is idle need not wait for an address that is gone"
        go.set()
        assert busy.chunk() == b"b"
        assert busy.chunk() == b""
        assert busy.ended()


# --- identity

def test_the_socket_of_an_identity_is_its_owners_alone(gateways):
    gateway = gateways(f'listen:\n  - "127.0.0.1:@PORT@"\n  - {{ address: "unix:@DIR@/serve.sock", identity: tailscale }}\n{ROUTES}')
    assert stat.S_IMODE(os.stat(gateway.dir / "serve.sock").st_mode) == 0o600
    with Client(str(gateway.dir / "serve.sock")) as client:
        assert client.ask().body == b"in"


def test_a_socket_that_others_can_open_does_not_become_one_of_an_identity(gateways):
    def config(more):
        return f'listen:\n  - "127.0.0.1:@PORT@"\n  - {{ address: "unix:@DIR@/serve.sock"{more} }}\n{ROUTES}'
    gateway = gateways(config(""))
    done = gateway.reload(config(", identity: tailscale"))
    assert done.returncode == 1
    assert "mode 0660" in done.stderr and "restart" in done.stderr
    assert gateway.ask().status == 200
    # One that is its owner's alone may.
    assert gateway.reload(config("").replace("serve.sock", "own.sock")).returncode == 0
    gateway.stop()
    gateway = gateways(config(", mode: 0600"))
    assert gateway.reload(config(", identity: tailscale")).returncode == 0


# --- limits

def test_connections_of_an_address_are_counted_by_what_the_proxy_tells(gateways):
    limits = "limits: { connections_per_address: 2 }\n"
    gateway = gateways(listen(", proxy_protocol: [127.0.0.1]", limits))

    def come(source):
        client = gateway.client()
        client.send(v2(source) + request())
        return client
    with come("192.0.2.1") as one, come("192.0.2.1") as two, come("192.0.2.2") as another:
        for client in one, two, another:
            assert client.answer().status == 200
        with come("192.0.2.1") as three:
            assert three.ended(), "a third of one address is one too many"
        assert one.ask().status == 200
        # Those that tell of nobody count for nobody, however many they are.
        silent = [gateway.client() for _ in range(5)]
        with come("192.0.2.2") as fourth:
            assert fourth.answer().status == 200
        for client in silent:
            client.close()
    # What left is counted no more.

    def again():
        try:
            with come("192.0.2.1") as client:
                return client.answer().status == 200
        except (OSError, Broken):
            return False
    wait_until(again)


# --- certificates in what the process tells

def test_status_and_metrics_tell_what_is_served_until_when(gateways, pair):
    gateway = gateways(listen(tls(pair)))
    told, = status(gateway)["certificates"]
    assert told["listener"] == f"127.0.0.1:{gateway.port}"
    assert told["source"] == "files" and told["trouble"] is None
    serves, = told["serves"]
    assert serves["names"] == ["localhost"]
    ends = ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(pair[0]))["notAfter"])  # pylint: disable=protected-access
    assert 9.9 < serves["days_left"] < 10.1
    metrics = gateway.ask_admin("GET", "/metrics").body.decode()
    labels = f'listener="127.0.0.1:{gateway.port}"'
    assert f'gatehouse_certificate_not_after_seconds{{{labels},name="localhost"}} {ends:.0f}\n' in metrics
    assert f'gatehouse_certificate_trouble{{{labels},source="files"}} 0\n' in metrics


def test_a_listener_without_a_certificate_listens_says_so_and_never_speaks_plainly(gateways, authority):
    gateway = gateways(listen(', tls: [{ tsnet-cert: { socket: "unix:@DIR@/nobody.sock" } }]', 'state_dir: "@DIR@/state"\n'))
    assert "has none yet, so every handshake there fails until one comes" in gateway.said()
    with pytest.raises((ssl.SSLError, OSError)):
        shown(gateway, authority.context(alpn=()))
    assert gateway.ask().status == 400
    told, = status(gateway)["certificates"]
    assert told["serves"] == []
    wait_until(lambda: status(gateway)["certificates"][0]["trouble"])
    assert gateway.ask_admin("GET", "/healthz").status == 200
