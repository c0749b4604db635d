"""Sources of certificates in a gateway that runs: a CA of its own, and files that someone breaks and mends."""

import os
import shutil
import ssl
import subprocess

import pytest

from harness import wait_until
from harness.certificates import Authority, replace
from harness.gateway import gatehouse
from harness.limits import PATIENCE
from harness.tls import over_tls

ROUTES = 'routes:\n  - handle:\n      - respond: { body: "in" }\n'


def internal(options=""):
    return (f'listen:\n  - {{ address: "127.0.0.1:@PORT@", tls: [{{ internal: {{{options}}} }}] }}\n'
            f'state_dir: "@DIR@/state"\n{ROUTES}')


def trust(gateway):
    """What a strict client needs: the CA, and the words of the standard."""
    context = ssl.create_default_context(cafile=gateway.dir / "state/internal/ca.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shown(gateway, context, name="localhost"):
    """The certificate that a client of this name gets, once it was answered too."""
    with over_tls(gateway, context, name) as client:
        assert client.ask().body == b"in"
        return client.sock.getpeercert(binary_form=True)


def names(gateway, context, name):
    with over_tls(gateway, context, name) as client:
        return {value for _, value in client.sock.getpeercert()["subjectAltName"]}


def test_a_strict_client_trusts_the_internal_ca(gateways):
    gateway = gateways(internal())
    context = trust(gateway)
    for name in "localhost", "127.0.0.1":
        assert shown(gateway, context, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(gateway, context, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(gateway, ssl.create_default_context())


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_curl_trusts_it_as_the_docs_say(gateways):
    gateway = gateways(internal())
    done = subprocess.run(["curl", "-sS", "--cacert", gateway.dir / "state/internal/ca.pem",
                           f"https://localhost:{gateway.port}/"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "in"), done.stderr


def test_ca_and_certificate_outlive_the_process_and_a_reload(gateways):
    gateway = gateways(internal())
    context = trust(gateway)
    first = shown(gateway, context)
    assert gateway.reload(internal()).returncode == 0
    assert shown(gateway, context) == first
    gateway.process.terminate()
    assert gateway.process.wait(PATIENCE) == 0
    gateway.start()
    assert shown(gateway, context) == first


def test_other_names_come_with_a_reload_and_under_the_same_ca(gateways):
    gateway = gateways(internal())
    context = trust(gateway)
    assert gateway.reload(internal(' names: ["gate.lan", "*.gate.lan"] ')).returncode == 0
    assert names(gateway, context, "gate.lan") == names(gateway, context, "in.gate.lan") == {"gate.lan", "*.gate.lan"}


def test_nobody_else_can_read_the_keys_and_validate_writes_nothing(gateways):
    gateway = gateways(internal(), start=False)
    assert gatehouse("validate", "--config", gateway.file).returncode == 0
    assert not (gateway.dir / "state").exists()
    gateway.start()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (gateway.dir / "state/internal").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "leaf.pem": 0o600}
    assert (gateway.dir / "state").stat().st_mode & 0o077 == 0


def test_without_a_folder_it_serves_from_memory_and_says_so(gateways):
    gateway = gateways(internal(), files={"state": "a file where the folder would be"})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert shown(gateway, context)
    for text in gateway.said(), gateway.ask_admin("GET", "/status").body.decode():
        assert "in memory only" in text and str(gateway.dir / "state") in text
    # Mended, it needs no restart; nothing is told any more once it is kept.
    (gateway.dir / "state").unlink()
    assert gateway.reload().returncode == 0
    assert shown(gateway, trust(gateway))
    assert "in memory only" not in gateway.ask_admin("GET", "/status").body.decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def files(cert, key):
    return (f'listen:\n  - {{ address: "127.0.0.1:@PORT@", tls: [{{ files: {{ cert: {cert}, key: {key}, check_every: 1s }} }}] }}\n'
            f"{ROUTES}")


def test_broken_files_are_told_while_the_old_pair_serves_and_mended_ones_are_taken(gateways, authority):
    pair = authority.leaf("localhost", file="breaks")
    fresh = authority.leaf("localhost", file="fresh")
    other = authority.leaf("localhost", file="other")
    gateway = gateways(files(*pair))
    context = authority.context(alpn=())
    first = shown(gateway, context)
    replace(pair, (fresh[0], other[1]))
    status = wait_until(lambda: (text := gateway.ask_admin("GET", "/status").body.decode())
                        and "the key is not that of the certificate" in text and text)
    assert str(pair[0]) in status
    assert gateway.said().count("the key is not that of the certificate") == 1, "once, not each second"
    assert shown(gateway, context) == first
    replace(pair, fresh)
    wait_until(lambda: shown(gateway, context) != first)
    wait_until(lambda: "the key is not" not in gateway.ask_admin("GET", "/status").body.decode())


def test_a_key_that_others_can_read_is_refused_with_its_mend(gateways, authority):
    pair = authority.leaf("localhost", file="open")
    os.chmod(pair[1], 0o644)
    gateway = gateways(files(*pair), start=False)
    done = gatehouse("validate", "--config", gateway.file)
    assert done.returncode == 1
    assert "gateway.yaml:2:" in done.stderr and f"chmod o-rwx {pair[1]}" in done.stderr
