"""`tls: [tsnet-cert]`: the certificate comes from tailscaled, renews by itself, and outlives tailscaled."""

import contextlib
import socket
import ssl
import stat
import time

import pytest

from harness import SLOW, wait_until
from harness.client import request
from harness.tailscaled import FQDN, Authority, Tailscaled


@pytest.fixture(scope="module")
def authority():
    with Authority() as made:
        yield made


@pytest.fixture
def tailscaled(authority):
    with Tailscaled(authority=authority) as made:
        yield made


def config(tailscaled, state, options=""):
    return (f"state_dir: {state}\nlisten:\n  - address: 127.0.0.1:@PORT@\n    tls:\n      - tsnet-cert: {{ socket: "
            f"\"{tailscaled.url}\"{options} }}\n"
            "routes:\n  - handle:\n      - respond: { status: 200, body: hello }\n")


@contextlib.contextmanager
def secure(gateway, authority, name=FQDN):
    """A TLS connection that checks the certificate."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # newer Pythons do by themselves
    with socket.create_connection(gateway.tcp, timeout=5 * SLOW) as sock, \
            context.wrap_socket(sock, server_hostname=name) as tls:
        yield tls


def certificate(gateway, authority, name=FQDN):
    """What it serves, or None while it has none."""
    with contextlib.suppress(OSError, ssl.SSLError), secure(gateway, authority, name) as tls:
        return tls.getpeercert(binary_form=True)
    return None


def served(gateway, authority, name=FQDN, within=15 * SLOW):
    return wait_until(lambda: certificate(gateway, authority, name), within=within, what=gateway.said)


def der(pair):
    """The leaf of (key, chain)."""
    leaf, end, _ = pair[1].partition("-----END CERTIFICATE-----\n")
    return ssl.PEM_cert_to_DER_cert(leaf + end)


def test_what_tailscaled_gives_is_served_and_kept(gateways, authority, tailscaled, tmp_path):
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    assert served(gateway, authority) == der(tailscaled.pairs[FQDN])
    with secure(gateway, authority) as tls:
        tls.sendall(request(host=FQDN))
        assert tls.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert [target for target in tailscaled.asked if "cert" in target] == [f"/localapi/v0/cert/{FQDN}?type=pair"]
    assert not any("origin" in head.lower() for head in tailscaled.heads)
    kept = tmp_path / "state" / "tsnet-cert" / f"{FQDN}.pem"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "PRIVATE KEY" not in gateway.said()


def test_a_renewal_needs_no_restart_and_drops_no_connection(gateways, authority, tailscaled, tmp_path):
    # Its turn comes in a second; the first question after it still gets the old one.
    tailscaled.pairs[FQDN] = old = authority.issue(life=30, age=19)
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    assert served(gateway, authority) == der(old)
    with secure(gateway, authority) as open_before:
        open_before.sendall(request(host=FQDN))
        assert open_before.recv(1000).startswith(b"HTTP/1.1 200 ")
        tailscaled.next_pairs[FQDN] = new = authority.issue()
        wait_until(lambda: certificate(gateway, authority) == der(new), within=9 * SLOW, what=gateway.said)
        open_before.sendall(request(host=FQDN))
        assert open_before.recv(1000).startswith(b"HTTP/1.1 200 ")
    kept = (tmp_path / "state" / "tsnet-cert" / f"{FQDN}.pem").read_text()
    assert new[1] in kept and new[0] in kept and old[1] not in kept


def test_a_start_without_tailscaled_serves_what_was_kept(gateways, authority, tailscaled, tmp_path):
    first = gateways(config(tailscaled, tmp_path / "state"))
    before = served(first, authority)
    first.stop()
    tailscaled.leave()
    second = gateways(config(tailscaled, tmp_path / "state"))
    # No wait: it is there as soon as the gateway serves.
    assert certificate(second, authority) == before
    wait_until(lambda: "sudo systemctl start tailscaled" in second.said(), what=second.said)


def test_a_start_without_tailscaled_and_nothing_kept_waits_and_says_so(gateways, authority, tailscaled, tmp_path):
    tailscaled.leave()
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    wait_until(lambda: "sudo systemctl start tailscaled" in gateway.said(), what=gateway.said)
    assert certificate(gateway, authority) is None
    # Never plain HTTP in its place.
    with gateway.client() as client:
        client.send(request())
        data = client.sock.recv(1000)
        assert not data.startswith(b"HTTP/1.1 200") and b"hello" not in data
    said = gateway.said().count("sudo systemctl start tailscaled")
    tailscaled.start()
    served(gateway, authority, within=5 * SLOW)
    # Looked for again and again, and told once.
    assert said == 1 == gateway.said().count("sudo systemctl start tailscaled"), gateway.said()


FAULTS = {
    "denied": "sudo tailscale set --operator=",
    "no-https": "admin console → DNS → HTTPS Certificates",
    "no-netmap": "has not heard from its tailnet yet",
    "limited": "is asked for again in 15 min",
    "acme": "403 urn:ietf:params:acme:error:unauthorized: the authority refuses",
    "internal": "could not get a certificate",
    "close": "hung up in the middle",
    "reset": "hung up in the middle",
    "half": "hung up in the middle",
    "garbage": "does not speak as tailscaled does",
    "no-json": "cannot be used: it holds no certificate",
    "huge": "sends more than tailscaled would",
    "endless-head": "does not speak as tailscaled does",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_its_mend_and_mended_by_a_reload(gateways, authority, tailscaled, tmp_path, fault):
    tailscaled.fault["cert"] = fault
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    wait_until(lambda: FAULTS[fault] in gateway.said(), what=gateway.said)
    assert certificate(gateway, authority) is None
    tailscaled.fault.clear()
    # What the authority asked for is kept to; all else is asked again at once.
    if fault != "limited":
        assert gateway.reload().returncode == 0
        served(gateway, authority, within=5 * SLOW)


@pytest.mark.parametrize("state, mend", [("NeedsLogin", "sudo tailscale up"), ("Stopped", "sudo tailscale up"),
                                         ("NeedsMachineAuth", "admin console → Machines")])
def test_a_state_that_is_not_running_is_told_and_its_end_seen(gateways, authority, tailscaled, tmp_path, state, mend):
    tailscaled.state, tailscaled.domains = state, None
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    wait_until(lambda: mend in gateway.said(), what=gateway.said)
    tailscaled.state, tailscaled.domains = "Running", [FQDN]
    served(gateway, authority, within=6 * SLOW)


def test_what_is_served_outlives_every_fault(gateways, authority, tailscaled, tmp_path):
    # After its turn, so that it is asked for often.
    tailscaled.pairs[FQDN] = authority.issue(life=300, age=205)
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    before = served(gateway, authority)
    for fault in FAULTS:
        if fault == "limited":
            continue
        asked = tailscaled.count("status")
        tailscaled.fault = {"*": fault}
        assert gateway.reload().returncode == 0
        tailscaled.wait("status", asked + 1)
        assert certificate(gateway, authority) == before, fault
    tailscaled.leave()
    assert gateway.reload().returncode == 0
    wait_until(lambda: "sudo systemctl start tailscaled" in gateway.said(), what=gateway.said)
    assert certificate(gateway, authority) == before


@pytest.mark.parametrize("call", ["status", "cert"])
def test_a_tailscaled_that_hangs_holds_up_neither_start_nor_reload_nor_stop(gateways, authority, tailscaled, tmp_path, call):
    tailscaled.fault[call] = "hang"
    before = time.monotonic()
    gateway = gateways(config(tailscaled, tmp_path / "state"))
    tailscaled.wait(call)
    assert gateway.reload().returncode == 0
    gateway.stop()
    assert time.monotonic() - before < 8 * SLOW


def test_names_choose_and_the_first_is_for_all_others(gateways, authority, tailscaled, tmp_path):
    other = "printer.gatehouse-lab.ts.net"
    tailscaled.domains = [FQDN, other]
    gateway = gateways(config(tailscaled, tmp_path / "state", f", names: [{other}, {FQDN}]"))
    served(gateway, authority)
    assert certificate(gateway, authority) == der(tailscaled.pairs[FQDN])
    assert certificate(gateway, authority, other) == der(tailscaled.pairs[other])
    context = ssl.create_default_context(cafile=str(authority.file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # newer Pythons do by themselves
    context.check_hostname = False
    with socket.create_connection(gateway.tcp, timeout=5 * SLOW) as sock, context.wrap_socket(sock) as tls:
        assert tls.getpeercert(binary_form=True) == der(tailscaled.pairs[other])
    # Taken up by a reload without a question: what is known is known.
    asked = tailscaled.count("cert")
    assert gateway.reload(config(tailscaled, tmp_path / "state", f", names: [{FQDN}]")).returncode == 0
    wait_until(lambda: certificate(gateway, authority, FQDN) == der(tailscaled.pairs[FQDN]), what=gateway.said)
    assert tailscaled.count("cert") == asked


@pytest.mark.parametrize("options, mend", [
    ("socket: /var/run/tailscale/tailscaled.sock", "unix:/var/run/tailscale/tailscaled.sock"),
    ("socket: \"unix:tailscaled.sock\"", "unix:/var/run/tailscale/tailscaled.sock"),
    ("socket: \"http://127.0.0.1:1\"", "unix:/var/run/tailscale/tailscaled.sock"),
    ("socket: \"unix:/" + "x" * 200 + "\"", "at most 107"),
    ("names: [../../etc/passwd]", "no full name of a host"),
    ("names: [gpu-server]", "gpu-server.tail1234.ts.net"),
])
def test_a_mistake_in_the_options_is_told_with_its_mend(gateways, tailscaled, tmp_path, options, mend):
    gateway = gateways("routes:\n  - handle:\n      - respond: { status: 200 }\n")
    done = gateway.reload(f"listen:\n  - address: 127.0.0.1:@PORT@\n    tls:\n      - tsnet-cert: {{ {options} }}\n"
                          "routes:\n  - handle:\n      - respond: { status: 200 }\n")
    assert done.returncode == 1 and mend in done.stderr, done.stderr
