"""`tls: [tsnet-cert]` with a real tailscaled, while one thing after another is wrong with it: never a crash, never plain HTTP in
its place, what was served once is served on, and each fault is told with its mend.
"""

import os
import stat

import pytest

from harness import wait_until
from harness.client import request
from harness.gateway import gatehouse
from harness.limits import SLOW
from harness.proxied import v2
from harness.tailscale import lab, labs, running_lab, trouble  # noqa: F401 pylint: disable=unused-import

HEADER = v2("203.0.113.7", "100.64.0.1")
NOBODY = 65534


def config(node, more=""):
    return (f"{more}state_dir: \"@DIR@/state\"\nlisten:\n  - address: 127.0.0.1:@PORT@\n    tls:\n"
            f"      - tsnet-cert: {{ socket: \"{node.url}\" }}\n    proxy_protocol: [127.0.0.1]\n"
            "routes:\n  - handle: [ { respond: { body: the secret page } } ]\n")


def shown(lab, gateway):
    return lab.certificate(gateway.tcp, before=HEADER)


def page(lab, gateway):
    with lab.client(gateway.tcp, before=HEADER) as client:
        return client.ask().body


def assert_nothing_in_the_clear(lab, gateway):
    """No certificate, and no page for those who ask without TLS."""
    assert shown(lab, gateway) is None
    with gateway.client() as client:
        client.send(HEADER, request())
        assert client.answer().status == 400
    assert "the secret page" not in gateway.said()


def restart(gateway):
    gateway.process.terminate()
    assert gateway.process.wait(15 * SLOW) == 0
    gateway.start()


def without_certificate(lab, gateway, sentence):
    """The fault is told in the log, once, and in `status`; nobody gets in meanwhile, nor without TLS."""
    wait_until(lambda: sentence in gateway.said() and sentence in trouble(gateway), what=gateway.said)
    assert_nothing_in_the_clear(lab, gateway)
    assert gateway.said().count(sentence) == 1
    assert "has none yet, so every handshake there fails" in gateway.said()


def mended(lab, gateway, within=15 * SLOW):
    """It comes by itself: no restart, no reload."""
    lab.served(gateway, within)
    assert page(lab, gateway) == b"the secret page"
    wait_until(lambda: not trouble(gateway), what=lambda: trouble(gateway))


# --- all is well ---------------------------------------------------------------------------------

def test_what_tailscaled_gives_is_served_and_kept_for_nobody_else(lab, gateways):
    gateway = gateways(config(lab.a))
    mended(lab, gateway)
    kept = gateway.dir / "state/tsnet-cert" / f"{lab.fqdn}.pem"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert lab.a.local_api(f"cert/{lab.fqdn}?type=pair")[1].partition("-----BEGIN CERTIFICATE-----")[2] in kept.read_text()
    done = gatehouse("status", "--config", gateway.file)
    assert lab.fqdn in done.stdout and "days_left" in done.stdout


def test_one_is_asked_for_once_however_many_gateways_and_reloads_there_are(lab, gateways):
    first = gateways(config(lab.a))
    lab.served(first)
    orders = lab.state()["orders"]
    second = gateways(config(lab.a))
    lab.served(second)
    for _ in range(3):
        assert first.reload().returncode == 0
    assert shown(lab, first) == shown(lab, second) and lab.state()["orders"] == orders


# --- HTTPS is off, and other things that the tailnet's owner mends ---------------------------------

def test_https_off_is_told_with_the_place_to_turn_it_on(lab, gateways):
    lab.set(https="off")
    wait_until(lambda: not lab.a.status()["CertDomains"])
    gateway = gateways(config(lab.a))
    without_certificate(lab, gateway, "admin console → DNS → HTTPS Certificates")
    lab.set(https="on")
    mended(lab, gateway)


def test_https_turned_off_later_takes_nothing_away(lab, gateways):
    gateway = gateways(config(lab.a))
    lab.served(gateway)
    before = shown(lab, gateway)
    lab.set(https="off")
    wait_until(lambda: not lab.a.status()["CertDomains"])
    assert gateway.reload().returncode == 0
    restart(gateway)
    wait_until(lambda: "admin console → DNS → HTTPS Certificates" in trouble(gateway))
    assert shown(lab, gateway) == before


def test_an_expired_key_is_told_and_takes_nothing_away(lab, gateways):
    gateway = gateways(config(lab.a))
    lab.served(gateway)
    before = shown(lab, gateway)
    lab.policy(lab.a, expired="on")
    wait_until(lambda: lab.a.status()["BackendState"] == "NeedsLogin")
    restart(gateway)
    wait_until(lambda: "sudo tailscale up" in trouble(gateway))
    assert shown(lab, gateway) == before and page(lab, gateway) == b"the secret page"
    lab.policy(lab.a, expired="off")
    wait_until(lambda: not trouble(gateway), within=70 * SLOW, every=0.2)


@pytest.mark.parametrize("fault, words", [({"set_dns": "control is busy"}, "control is busy"),
                                          ({"acme": "403"}, "the lab refuses this order")], ids=["set-dns", "CA refuses"])
def test_a_ca_that_says_no_is_quoted_and_asked_again(labs, gateways, fault, words):
    lab = labs()        # one that has no certificate yet
    lab.set(**fault)
    gateway = gateways(config(lab.a))
    without_certificate(lab, gateway, words)
    lab.set(set_dns="ok", acme="ok")
    mended(lab, gateway)
    lab.close()


# --- permission ------------------------------------------------------------------------------------

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be a user who may not get certificates")


def as_nobody(lab, gateways):
    """A gateway that drops to a user with nothing, as a service does."""
    gateway = gateways(config(lab.a, "user: nobody\n"), start=False)
    gateway.dir.chmod(0o755)
    for folder in "state", "logs":
        (gateway.dir / folder).mkdir()
        os.chown(gateway.dir / folder, NOBODY, NOBODY)
    gateway.start()
    return gateway


@needs_root
def test_a_user_without_permission_learns_the_command_and_it_helps(lab, gateways):
    gateway = as_nobody(lab, gateways)
    sentence = "sudo tailscale set --operator=nobody"
    without_certificate(lab, gateway, sentence)
    assert "TS_PERMIT_CERT_UID=nobody" in gateway.said()
    lab.a.tailscale(*sentence.split()[2:])
    mended(lab, gateway)
    assert (gateway.dir / "state/tsnet-cert" / f"{lab.fqdn}.pem").stat().st_uid == NOBODY


@needs_root
def test_so_does_the_variable_that_it_names(labs, gateways):
    lab = labs(TS_PERMIT_CERT_UID="nobody")
    mended(lab, as_nobody(lab, gateways))
    lab.close()


# --- tailscaled is away ------------------------------------------------------------------------------

AWAY = {"stop": "sudo systemctl start tailscaled", "kill": "sudo systemctl restart tailscaled"}


@pytest.mark.parametrize("how", AWAY)
def test_what_is_served_is_served_on_and_a_restart_serves_what_was_kept(lab, gateways, how):
    gateway = gateways(config(lab.a))
    lab.served(gateway)
    before = shown(lab, gateway)
    getattr(lab.a, how)()
    assert shown(lab, gateway) == before and page(lab, gateway) == b"the secret page"
    assert gateway.reload().returncode == 0
    assert shown(lab, gateway) == before
    restart(gateway)
    # There as soon as it serves.
    assert shown(lab, gateway) == before and page(lab, gateway) == b"the secret page"
    wait_until(lambda: AWAY[how] in trouble(gateway), what=gateway.said)
    lab.a.start()
    wait_until(lambda: not trouble(gateway), within=70 * SLOW, what=lambda: trouble(gateway), every=0.2)
    assert shown(lab, gateway) == before


@pytest.mark.parametrize("how", AWAY)
def test_a_start_without_tailscaled_and_nothing_kept_waits_and_says_so(lab, gateways, how):
    getattr(lab.a, how)()
    gateway = gateways(config(lab.a))
    without_certificate(lab, gateway, AWAY[how])
    lab.a.start()
    mended(lab, gateway)


def test_funnel_works_again_when_tailscaled_is_back(lab, gateways):
    gateway = gateways(config(lab.a))
    lab.served(gateway)
    lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://localhost:{gateway.port}")
    with lab.funnel_dial() as world:
        assert lab.curl("/", through=world).body == b"the secret page"
        lab.a.kill()
        assert lab.curl("/", "-m", 2, through=world).code != 0
        lab.a.start()
        wait_until(lambda: lab.curl("/", "-m", 3, through=world).body == b"the secret page", within=30 * SLOW, every=0.1)
