"""What tools of other people's say of our HTTP/2 and TLS: h2spec and testssl.sh. Each skips with a plain
line where its tool is missing: tests/conformance/build.sh makes the first, Debian has the second."""

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness.gateway import free_port

ROOT = Path(__file__).resolve().parents[2]
H2SPEC = ROOT / "build/conformance/h2spec"
TESTSSL = shutil.which("testssl") or shutil.which("testssl.sh")
SLOW = float(os.environ.get("GATEHOUSE_TEST_SLOW", "1"))

# A door with `h2c` speaks HTTP/1 too: what does not begin as HTTP/2 is answered in HTTP/1, with 400.
OTHERWISE = {"h2c": {"http2/3.5 Sends invalid connection preface"}, "tls": set()}


def run(*command, within=240):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=within,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.fixture(name="papers", scope="module")
def made_papers(tmp_path_factory):
    """A private CA, and a certificate of it for localhost as a public CA would make it."""
    at = tmp_path_factory.mktemp("papers")
    (at / "leaf.cnf").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n"
        "crlDistributionPoints=URI:http://crl.example/ca.crl\n")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for command in (
            ("req", "-x509", *new, "-days", 300, "-subj", "/CN=Test CA", "-addext",
             "keyUsage=critical,keyCertSign,cRLSign", "-keyout", at / "ca.key", "-out", at / "ca.pem"),
            ("req", *new, "-subj", "/CN=localhost", "-keyout", at / "key.pem", "-out", at / "leaf.csr"),
            ("x509", "-req", "-in", at / "leaf.csr", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
             "-CAcreateserial", "-days", 80, "-extfile", at / "leaf.cnf", "-out", at / "cert.pem")):
        done = run("openssl", *command)
        assert done.returncode == 0, done.stderr
    (at / "key.pem").chmod(0o600)
    return at


@pytest.fixture(name="doors", scope="module")
def opened_doors(papers, module_gateways):
    """A gateway with HTTP/2 in both ways; the ports of (h2c, TLS)."""
    plain, tls = free_port(), free_port()
    module_gateways(
        f"listen:\n  - {{ address: 127.0.0.1:{plain}, h2c: true }}\n"
        f"  - address: 127.0.0.1:{tls}\n"
        f"    tls: [{{ files: {{ cert: {papers}/cert.pem, key: {papers}/key.pem }} }}]\n"
        "limits: { handshakes_per_address: 0 }\n"
        "routes:\n  - handle:\n      - respond: { status: 200, body: \"hello, conformance\" }\n")
    return plain, tls


def h2spec(tmp_path, *arguments):
    report = tmp_path / "report.xml"
    done = run(H2SPEC, "-o", max(2, int(2 * SLOW)), "-j", report, *arguments)
    assert report.exists(), done.stdout + done.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {f"{c.get('package')} {c.get('classname')}" for c in cases
              if c.find("failure") is not None or c.find("error") is not None}
    return len(cases), failed, done.stdout


@pytest.mark.skipif(not H2SPEC.exists(), reason="no h2spec: tests/conformance/build.sh builds it with Go")
@pytest.mark.parametrize("door", ["h2c", "tls"])
def test_h2spec_finds_nothing(door, doors, tmp_path):
    arguments = ("-p", doors[0]) if door == "h2c" else ("-p", doors[1], "-t", "-k")
    count, failed, said = h2spec(tmp_path, *arguments)
    assert count >= 145, said
    assert failed <= OTHERWISE[door], said


@pytest.mark.skipif(not TESTSSL, reason="no testssl.sh: Debian's package testssl.sh")
def test_testssl_finds_nothing_of_weight(doors, papers, tmp_path):
    report = tmp_path / "report.json"
    done = run(TESTSSL, "--quiet", "--color", 0, "--warnings", "off", "--add-ca", papers / "ca.pem",
               "--jsonfile", report, "--ip", "127.0.0.1", "--nodns", "none",
               f"https://localhost:{doors[1]}", within=280)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-1000:]
    found = json.loads(report.read_text())
    assert len(found) > 100, done.stdout[-3000:]
    heavy = [f for f in found if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
    assert not heavy, "\n".join(f"{f['severity']} {f['id']}: {f['finding']}" for f in heavy)
