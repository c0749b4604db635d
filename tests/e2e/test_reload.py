"""An edit takes effect without losing anything; a mistake changes nothing."""

import re
import signal
import socket
import threading

import pytest

from harness import SANITIZED, Broken, Client, wait_until
from harness.client import request
from harness.gateway import free_port, to_webui
from harness.upstream import Tokens, websocket_echo


def respond(text, path="/"):
    return f"  - match: {{ path: {path} }}\n    handle:\n      - respond: {{ status: 200, body: \"{text}\" }}\n"


@pytest.mark.parametrize("way", ["command", "SIGHUP", "admin"])
def test_new_routes_are_there_at_once(gateways, way):
    gateway = gateways("routes:\n" + respond("old"))
    with gateway.client() as kept:
        assert kept.ask().body == b"old"
        gateway.write("routes:\n" + respond("new", "/new") + respond("changed"))
        if way == "command":
            done = gateway.reload()
            assert done.returncode == 0, done.stderr
        elif way == "SIGHUP":
            gateway.signal(signal.SIGHUP)
            wait_until(lambda: gateway.ask("GET", "/new").body == b"new")
        else:
            assert gateway.ask_admin("POST", "/reload").status in (200, 204)
        assert gateway.ask("GET", "/new").body == b"new" and gateway.ask().body == b"changed"
        assert kept.ask().body == b"changed", "a connection that was open takes the new routes with its next request"


MISTAKES = {
    "unknown module": ("routes:\n  - handle:\n      - basic_auht: {}\n", 3, "basic-auth"),
    "unknown key": ("wokers: 3\nroutes:\n  - handle:\n      - respond: { status: 200 }\n", 1, "workers"),
    "wrong type": ("routes:\n  - handle:\n      - respond: { status: many }\n", 3, ""),
    "out of range": ("routes:\n  - handle:\n      - respond: { status: 9000 }\n", 3, ""),
    "doubled key": ("routes:\n  - handle:\n      - respond: { status: 200, status: 201 }\n", 3, ""),
    "broken YAML": ("routes:\n  - handle: [\n", None, ""),
    "unset secret": ("routes:\n  - handle:\n      - respond: { body: \"${env:GATEHOUSE_NOT_SET}\" }\n", 3, "GATEHOUSE_NOT_SET"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_broken_file_is_refused_with_its_place_and_the_old_serves_on(gateways, name):
    text, line, mend = MISTAKES[name]
    gateway = gateways("routes:\n" + respond("old"))
    done = gateway.reload(text)
    assert done.returncode == 1
    place = re.search(rf"gateway\.yaml:{line or '[0-9]+'}:[1-9][0-9]*: ", done.stderr)
    assert place and mend in done.stderr, done.stderr
    assert gateway.ask().body == b"old"
    assert gateway.reload("routes:\n" + respond("mended")).returncode == 0
    assert gateway.ask().body == b"mended"


def test_all_mistakes_are_told_at_once(gateways):
    gateway = gateways("routes:\n" + respond("old"))
    done = gateway.reload("wokers: 2\nroutes:\n  - handle:\n      - respond: { status: many }\n      - nonsense: {}\n")
    assert len(re.findall(r"gateway\.yaml:\d+:\d+: ", done.stderr)) == 3, done.stderr
    assert "^" in done.stderr


def test_a_sighup_with_a_broken_file_is_logged_and_the_old_serves_on(gateways):
    gateway = gateways("routes:\n" + respond("old"))
    gateway.write("routes:\n  - handle:\n      - nonsense: {}\n")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "gateway.yaml:3:" in gateway.said())
    assert gateway.ask().body == b"old"


def test_open_streams_and_websockets_go_on_to_their_end(gateways, upstreams):
    tokens = Tokens()
    chat, page = upstreams(tokens), upstreams(websocket_echo)
    gateway = gateways(f"routes:\n  - match: {{ path: /ws }}\n    handle:\n      - webui-proxy: {{ to: \"{page.url}\" }}\n"
                       f"  - handle:\n      - webui-proxy: {{ to: \"{chat.url}\" }}\n")
    with gateway.client() as stream, gateway.websocket() as peer:
        stream.send(request()).answer_head()
        tokens.let()
        assert stream.chunk() == Tokens.event(0) and peer.echo("before") == "before"
        for number in range(1, 6):
            assert gateway.reload("routes:\n" + respond(f"generation {number}")).returncode == 0
            assert gateway.ask().body == b"generation %d" % number
            tokens.let()
            assert stream.chunk() == Tokens.event(number) and peer.echo(f"after {number}") == f"after {number}"
        tokens.finish()
        assert stream.chunk() == b"data: [DONE]\n\n" and stream.chunk() == b""
        assert stream.ask().body == b"generation 5"
        assert peer.close()[0] == "close"


def refused(address):
    try:
        Client(address).close()
    except OSError:
        return True
    return False


def test_listeners_that_stay_stay_and_others_come_and_go(gateways, upstream):
    gateway = gateways(to_webui(upstream))
    port = free_port()
    listen = f"listen:\n  - address: 127.0.0.1:{gateway.port}\n"
    assert gateway.reload(listen + f"  - address: 127.0.0.1:{port}\n" + to_webui(upstream)).returncode == 0
    with Client(("127.0.0.1", port)) as client:
        assert client.ask().status == 200
        assert gateway.ask().status == 200
        wait_until(lambda: refused(gateway.unix))
        assert gateway.reload(listen + to_webui(upstream)).returncode == 0
        wait_until(lambda: refused(("127.0.0.1", port)))
        assert client.ended(), "who is idle need not wait for an address that is gone"


def test_a_listener_that_cannot_be_had_is_refused_and_the_old_serves_on(gateways, upstream):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        gateway = gateways(to_webui(upstream))
        done = gateway.reload(f"listen:\n  - address: 127.0.0.1:{gateway.port}\n"
                              f"  - address: 127.0.0.1:{taken.getsockname()[1]}\n" + to_webui(upstream))
        assert done.returncode == 1 and str(taken.getsockname()[1]) in done.stderr
        assert gateway.ask().status == 200


def test_100_reloads_under_load_lose_nothing(gateways, upstreams):
    """100 streams and 100 WebSockets are open, and four clients open connection after connection, while
    the config is reloaded 100 times. Not one of them may be dropped or refused."""
    tokens = Tokens()
    chat, page, quick = upstreams(tokens), upstreams(websocket_echo), upstreams()
    routes = (f"routes:\n  - match: {{ path: /ws }}\n    handle:\n      - webui-proxy: {{ to: \"{page.url}\" }}\n"
              f"  - match: {{ path: /chat }}\n    handle:\n      - webui-proxy: {{ to: \"{chat.url}\" }}\n"
              f"  - match: {{ path: /quick }}\n    handle:\n      - webui-proxy: {{ to: \"{quick.url}\" }}\n")
    gateway = gateways(routes + respond("generation 0"))
    streams = [gateway.client().send(request("GET", "/chat")) for _ in range(100)]
    for stream in streams:
        stream.answer_head()
    sockets = [gateway.websocket() for _ in range(100)]
    over, lost, served = threading.Event(), [], [0] * 4

    def visitor(index):
        while not over.is_set():
            try:
                with gateway.client() as client:
                    answer = client.ask("GET", "/quick")
                    assert answer.status == 200, answer
                    answer = client.ask("GET", "/")
                    assert answer.status == 200, answer
                    served[index] += 1
            except Exception as error:  # pylint: disable=broad-except
                lost.append(repr(error))
                return
    visitors = [threading.Thread(target=visitor, args=(n,)) for n in range(4)]
    for thread in visitors:
        thread.start()
    try:
        for number in range(1, 101):
            gateway.write(routes + respond(f"generation {number}"))
            assert gateway.ask_admin("POST", "/reload").status in (200, 204)
            if number % 10 == 0:
                assert gateway.ask().body == b"generation %d" % number
                for peer in sockets[::10]:
                    assert peer.echo(f"{number}") == f"{number}"
    finally:
        over.set()
        for thread in visitors:
            thread.join()
    assert not lost and min(served) > 10, (lost, served)
    for peer in sockets:
        assert peer.echo("still here") == "still here"
        peer.sock.close()
    tokens.finish()
    for stream in streams:
        try:
            while (data := stream.chunk()):
                last = data
        except Broken as broken:
            pytest.fail(f"a stream was cut: {broken}")
        assert last == b"data: [DONE]\n\n"
        stream.close()


def test_memory_does_not_grow_with_reloads(gateways, upstream):
    gateway = gateways(to_webui(upstream))

    def reload(times):
        for _ in range(times):
            assert gateway.ask_admin("POST", "/reload").status in (200, 204)
            assert gateway.ask().status == 200
    reload(30)
    before, open_before = gateway.rss(), gateway.descriptors()
    reload(100)
    assert SANITIZED or gateway.rss() - before < 1 << 20
    assert gateway.descriptors() <= open_before + 2
