# ctest: serial
"""What a kept-alive request and a token cost, counted. The limits are what the design promises: two reads
and two writes a request, one of each a token, nothing allocated."""

import socket
import ssl

import pytest

from harness.costs import allocations, counting_library, have_tools, system_calls
from harness.gateway import to_webui
from harness.limits import BINARY
from harness.upstream import Tokens

REQUESTS, TOKENS = 1000, 300

pytestmark = pytest.mark.skipif(not have_tools(), reason="strace and a C compiler are needed to count")


def sanitized():
    return b"__asan_init" in open(BINARY, "rb").read() or b"__tsan_init" in open(BINARY, "rb").read()


def config(upstream):
    return "workers: 1\nlog: { access: \"off\" }\n" + to_webui(upstream)


@pytest.fixture
def counted(gateways, upstreams, tmp_path):
    if sanitized():
        pytest.skip("sanitizers allocate and call on their own")

    def make(answer=None):
        upstream = upstreams(answer)
        env = {"LD_PRELOAD": str(counting_library(tmp_path)), "COUNT_TO": str(tmp_path / "told")}
        return gateways(config(upstream), env=env), upstream
    return make


def ask(client, times):
    for _ in range(times):
        assert client.ask("GET", "/x").status == 200


def test_a_request(counted, tmp_path):
    gateway, _ = counted()
    with gateway.client() as client:
        ask(client, 100)
        calls = system_calls(gateway, tmp_path, lambda: ask(client, REQUESTS))
        moved = sum(calls.get(name, 0) for name in ("sendto", "sendmsg", "recvfrom", "recvmsg", "read", "write"))
        assert moved <= 4.05 * REQUESTS, calls
        # One wait for the client, one for the upstream.
        assert calls["epoll_wait" if "epoll_wait" in calls else "epoll_pwait"] <= 2.1 * REQUESTS, calls
        assert calls.get("epoll_ctl", 0) <= 0.02 * REQUESTS, calls
        assert sum(calls.values()) <= 6.3 * REQUESTS, calls


def test_a_connection(counted, tmp_path):
    """Nobody waits to be told that an upstream on this machine has taken the connection."""
    gateway, _ = counted(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    count = 200

    def ask_anew():
        for _ in range(count):
            assert gateway.ask("GET", "/x").status == 200
    ask_anew()
    calls = system_calls(gateway, tmp_path, ask_anew)
    assert calls["connect"] == calls["getpeername"] == count and calls.get("getsockopt", 0) == 0, calls
    # For who comes, what is asked, the answer and the end, at most; most often two of them come at once.
    waits = calls["epoll_wait" if "epoll_wait" in calls else "epoll_pwait"]
    assert waits <= 4.1 * count and calls["epoll_ctl"] <= 11.1 * count, calls


def test_a_request_allocates_nothing(counted, tmp_path):
    gateway, _ = counted()
    with gateway.client() as client:
        ask(client, 100)
        assert allocations(gateway, tmp_path / "told", lambda: ask(client, REQUESTS)) <= 0.02 * REQUESTS


def read(client, tokens, count):
    for _ in range(count):
        tokens.let()
        assert client.chunk()


def test_a_token(counted, tmp_path):
    tokens = Tokens()
    gateway, _ = counted(tokens)
    with gateway.client() as client:
        client.send(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n").answer_head()
        read(client, tokens, 10)
        calls = system_calls(gateway, tmp_path, lambda: read(client, tokens, TOKENS))
        moved = sum(calls.get(name, 0) for name in ("sendto", "sendmsg", "recvfrom", "recvmsg", "read", "write"))
        assert moved <= 2.1 * TOKENS and sum(calls.values()) <= 3.4 * TOKENS, calls
        assert allocations(gateway, tmp_path / "told", lambda: read(client, tokens, TOKENS)) <= 0.02 * TOKENS
        tokens.finish()


def test_a_request_over_tls(gateways, upstream, tmp_path):
    """The same system calls as without."""
    if sanitized():
        pytest.skip("sanitizers call on their own")
    gateway = gateways("workers: 1\nlog: { access: \"off\" }\nstate_dir: @DIR@/state\n"
                       "listen: { address: \"127.0.0.1:@PORT@\", tls: internal }\n" + to_webui(upstream))
    context = ssl.create_default_context(cafile=str(gateway.dir / "state/internal/ca.pem"))
    with socket.create_connection(gateway.tcp) as plain, context.wrap_socket(plain, server_hostname="localhost") as sock:
        def ask_over_tls(times):
            for _ in range(times):
                sock.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200")
        ask_over_tls(100)
        calls = system_calls(gateway, tmp_path, lambda: ask_over_tls(REQUESTS))
        moved = sum(calls.get(name, 0) for name in ("sendto", "sendmsg", "recvfrom", "recvmsg", "read", "write"))
        assert moved <= 4.05 * REQUESTS and sum(calls.values()) <= 6.3 * REQUESTS, calls
