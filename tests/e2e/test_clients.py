"""The clients' contract, through the gateway: what SDKs, curl and a page in a browser do with a base URL and a key, as they would at
the source. The cases are in tests/clients, and one of the clients that is not installed is skipped there.

They skip where nothing is installed: `./dev deps clients` does that, or GATEHOUSE_CLIENTS=1 in the environment of a test run that has
the minutes for it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.certificates import Authority
from harness.door import KEY, PASSWORD, key_hash, password_hash
from harness.gateway import free_port
from harness.limits import REPO, SLOW

FOLDER = REPO / "tests/clients"
LAB = Path(os.environ.get("GATEHOUSE_CLIENTS_DIR") or REPO / "build/clients")
MISSING = 77                # what install.sh ends with when it could install nothing
WANTED = os.environ.get("GATEHOUSE_CLIENTS") == "1"
SPENT, POOR = "gh_" + "s" * 43, "gh_" + "p" * 43
MAX_BODY = 8 << 20

pytestmark = pytest.mark.skipif(not WANTED and not any((LAB / part).exists() for part in (".py", ".js", ".go")),
                                reason="no clients are installed: `./dev deps clients` does it, in a minute or two")


@pytest.fixture(name="fake", scope="module")
def _fake():
    """The address of a model server."""
    done = subprocess.run([FOLDER / "install.sh"], capture_output=True, text=True, timeout=280, check=False)
    if done.returncode == MISSING:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    with subprocess.Popen([sys.executable, FOLDER / "fake.py"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().removeprefix("fake: ").strip()
        finally:
            process.terminate()


@pytest.fixture(name="door", scope="module")
def _door(fake, module_gateways, tmp_path_factory):
    """(gateway, port of its TLS, file of its authority)."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    certificate, key = authority.leaf("localhost", "127.0.0.1")
    port = free_port()
    auth = "      - basic-auth: { credentials: \"@DIR@/credentials.yaml\", max_tries: 1000 }\n"
    credentials = (f"users: {{ api_user: \"{password_hash()}\" }}\nkeys:\n  laptop: \"{key_hash()}\"\n"
                   f"  spent: {{ key: \"{key_hash(SPENT)}\", limits: [ {{ requests: 1, window: 10m }} ] }}\n"
                   f"  poor: {{ key: \"{key_hash(POOR)}\", limits: [ {{ tokens: 1, window: 1d }} ] }}\n")
    gateway = module_gateways(
        f"listen:\n  - 127.0.0.1:@PORT@\n"
        f"  - {{ address: \"127.0.0.1:{port}\", tls: [ files: {{ cert: {certificate}, key: {key} }} ] }}\n"
        f"upstreams:\n  fake: {{ to: \"{fake}\" }}\n"
        f"routes:\n  - match: /v1\n    max_body: {MAX_BODY}\n    handle:\n      - cors: \"*\"\n{auth}"
        f"      - openai-proxy:\n          to: fake\n"
        f"          models: {{ dead-chat: {{ to: \"http://127.0.0.1:{free_port()}\" }} }}\n"
        f"  - match: /ws\n    handle:\n{auth}      - webui-proxy: {{ to: fake }}\n",
        files={"credentials.yaml": credentials})
    assert gateway.ask("GET", "/v1/models", f"Authorization: Bearer {SPENT}").status == 200
    return gateway, port, authority.certificate


def run(fake, base_url, *arguments):
    """Runs the contract. Gives the lines of what passed; those of what failed are an assertion."""
    command = [sys.executable, FOLDER / "run.py", "--base-url", base_url, "--key", KEY, "--user", "api_user", "--password", PASSWORD,
               "--stats", fake + "/__stats", "--max-body", MAX_BODY, "--patience", SLOW, "--limit", 240, *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=290, check=False)
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAIL")]
    assert not failed and done.returncode == 0, "\n".join(failed or [done.stdout, done.stderr])
    print("\n".join(line for line in lines if not line.startswith("ok")))
    return [line.split() for line in lines if line.startswith("ok")]


def test_all_of_it_plain(fake, door):
    gateway, _, _ = door
    run(fake, gateway.url + "/v1", "--spent-key", SPENT, "--poor-key", POOR, "--dead-model", "dead-chat")


def test_all_of_it_over_tls(fake, door):
    _, port, authority = door
    run(fake, f"https://localhost:{port}/v1", "--cacert", authority, "--spent-key", SPENT, "--dead-model", "dead-chat")


def test_a_user_and_a_password_do_in_every_client(fake, door):
    gateway, _, _ = door
    passed = run(fake, gateway.url + "/v1", "--auth", "basic", "--case", "chat,messages,echo,user-password,basic,wrong-key")
    assert {words[1] for words in passed} >= {"curl"}
