"""Under systemd: readiness and reloads are told, listening sockets may be handed over."""

import os
import signal
import socket
import subprocess

import pytest

from harness import BINARY, Client, wait_until
from harness.gateway import environment, to_webui
from harness.limits import PATIENCE


@pytest.fixture
def notify():
    """The socket that NOTIFY_SOCKET names; gives a list of what was said so far."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        path = f"/tmp/gh-notify-{os.getpid()}"
        sock.bind(path)
        sock.setblocking(False)
        said = []

        def heard(word):
            try:
                while True:
                    said.extend(sock.recv(65536).decode().splitlines())
            except BlockingIOError:
                return word in said
        heard.path, heard.said = path, said
        try:
            yield heard
        finally:
            os.unlink(path)


def test_ready_reloading_and_stopping_are_told(gateways, upstream, notify):
    gateway = gateways(to_webui(upstream), env={"NOTIFY_SOCKET": notify.path})
    wait_until(lambda: notify("READY=1"), what=lambda: notify.said)
    notify.said.clear()
    assert gateway.reload().returncode == 0
    wait_until(lambda: notify("READY=1"), what=lambda: notify.said)
    assert notify.said.index("RELOADING=1") < notify.said.index("READY=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in notify.said)
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: notify("STOPPING=1"), what=lambda: notify.said)
    assert gateway.process.wait(PATIENCE) == 0


def test_a_refused_reload_is_ready_again(gateways, upstream, notify):
    gateway = gateways(to_webui(upstream), env={"NOTIFY_SOCKET": notify.path})
    wait_until(lambda: notify("READY=1"))
    notify.said.clear()
    assert gateway.reload("routes: 5\n").returncode == 1
    if notify("RELOADING=1"):
        wait_until(lambda: notify("READY=1"), what=lambda: notify.said)


def test_the_watchdog_is_fed(gateways, upstream, notify):
    gateways(to_webui(upstream), env={"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "400000"})
    wait_until(lambda: notify("WATCHDOG=1") and notify.said.count("WATCHDOG=1") >= 3, within=5)


def test_sockets_that_systemd_opened_are_used_and_kept_over_reloads(gateways, upstream):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        port = sock.getsockname()[1]
        gateway = gateways(f"listen:\n  - address: 127.0.0.1:{port}\n" + to_webui(upstream), start=False)

        # LISTEN_PID must be the process that reads it: a shell sets it and becomes the gateway.
        wrapper = gateway.dir / "activated"
        wrapper.write_text(f"#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 exec '{BINARY}' \"$@\"\n")
        wrapper.chmod(0o700)
        run_activated(gateway, wrapper, sock)
        with Client(("127.0.0.1", port)) as client:
            assert client.ask().status == 200
            assert gateway.reload().returncode == 0
            assert client.ask().status == 200
        with Client(("127.0.0.1", port)) as client:
            assert client.ask().status == 200
        gateway.stop()
        # The socket itself is systemd's and goes on listening.
        Client(("127.0.0.1", port)).close()


def run_activated(gateway, wrapper, sock):
    def child():
        os.dup2(sock.fileno(), 3)
    with open(gateway.dir / "stdout", "ab") as out, open(gateway.dir / "stderr", "ab") as err:
        gateway.process = subprocess.Popen([str(wrapper), "run", "--config", str(gateway.file)], stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=err, env=environment(), preexec_fn=child,
                                           pass_fds=(3,), close_fds=True)
    wait_until(gateway.serves, what=gateway.stderr)
