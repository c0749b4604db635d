"""The command line: what it prints, where, and what it ends with."""

import hashlib
import json
import re

import pytest

from harness import gatehouse
from harness.gateway import to_webui

COMMANDS = ["run", "validate", "reload", "usage", "hash-password", "key", "modules", "schema", "version"]
MODULES = ["basic-auth", "ratelimit", "openai-proxy", "webui-proxy", "headers", "respond", "redirect"]
GOOD = "listen:\n  - address: 127.0.0.1:0\nroutes:\n  - handle:\n      - respond: { status: 200, body: ok }\n"


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        return path
    return write


def test_help_goes_to_stdout_and_names_the_commands():
    done = gatehouse("--help")
    assert done.returncode == 0 and not done.stderr
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_has_help(command):
    done = gatehouse(command, "--help")
    assert done.returncode == 0 and command in done.stdout and not done.stderr


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("run", "--nonsense"), ("validate", "--config"), ("key",), ("key", "new"),
                                       ("version", "extra"), ("--nonsense",)], ids=str)
def test_wrong_use_is_2_and_goes_to_stderr(arguments):
    done = gatehouse(*arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("arguments, told", [(("valdate",), "did you mean 'validate'?"), (("frobnicate",), "--help lists them"),
                                             (("validate", "--config"), "'--config' needs a value"), (("status", "-c"), "'-c' needs a value"),
                                             (("version", "--config"), "'--config' is not understood")], ids=str)
def test_wrong_use_says_what_is_right(arguments, told):
    assert told in gatehouse(*arguments).stderr


def test_version():
    done = gatehouse("version")
    assert done.returncode == 0 and re.match(r"gatehouse \d+\.\d+", done.stdout)


def test_modules_lists_and_describes():
    done = gatehouse("modules")
    assert done.returncode == 0
    for name in MODULES:
        assert name in done.stdout
        one = gatehouse("modules", name)
        assert one.returncode == 0 and name in one.stdout and len(one.stdout) > 100
    done = gatehouse("modules", "basic-auht")
    assert done.returncode == 1 and "basic-auht" in done.stderr


def test_schema_is_json():
    done = gatehouse("schema")
    text = json.dumps(json.loads(done.stdout))
    assert done.returncode == 0
    for name in MODULES:
        assert name in text


def test_validate(config):
    done = gatehouse("validate", "--config", config(GOOD))
    assert done.returncode == 0, done.stderr
    done = gatehouse("validate", "--config", config(GOOD.replace("respond", "respnod")))
    assert done.returncode == 1 and not done.stdout
    assert re.search(r"gateway\.yaml:5:9: unknown module 'respnod'; did you mean 'respond'\?", done.stderr), done.stderr
    assert done.stderr.splitlines()[2].strip().startswith("^") or "^" in done.stderr
    done = gatehouse("validate", "--config", "/nowhere/gateway.yaml")
    assert done.returncode == 1
    assert done.stderr == "/nowhere/gateway.yaml: No such file or directory; name the config by --config FILE\n"


PROXY = """openai-proxy:
          models:
            small: { to: "http://127.0.0.1:1" }
            large: { to: "http://127.0.0.1:2", fallback: smal }
"""


@pytest.mark.parametrize("written, place, words", [
    (PROXY, "7:58", "there is no fallback 'smal'; did you mean 'small'?"),
    (PROXY.replace("smal ", "small ") + "          default: larg", "8:20", "there is no model 'larg'"),
    (PROXY.replace("smal ", "large "), "7:58", "lead back to it"),
    ('openai-proxy: { to: "http://127.0.0.1:1", paths: [/v1/models, v2] }', "4:71", "must begin with /"),
    ('cors: { origins: [https://a.example, "*"], credentials: true }', "4:46", "any page could act"),
    ("headers: { response: { set: { Connection: close } } }", "4:39", "'Connection' cannot be set"),
    ("headers: { request: { add: { X: y, host: z } } }", "4:44", "one 'Host'"),
    ("headers: { request: { remove: [X, Host] } }", "4:43", "must have a 'Host'"),
    ('respond: { headers: { Content-Type: "text/html" } }', "4:31", "as `type`"),
    ("basic-auth: { credentials: /nowhere/credentials.yaml }", "4:36", "/nowhere/credentials.yaml"),
])
def test_a_modules_mistake_is_told_where_it_stands(config, written, place, words):
    done = gatehouse("validate", "--config", config(f"listen: \"127.0.0.1:1\"\nroutes:\n  - handle:\n      - {written}\n"))
    assert done.returncode == 1
    assert f"gateway.yaml:{place}: {written.split(':')[0]}: " in done.stderr and words in done.stderr, done.stderr


def test_run_with_a_broken_config_ends_with_1(config):
    done = gatehouse("run", "--config", config("routes: 5\n"))
    assert done.returncode == 1 and "gateway.yaml:1:" in done.stderr


def test_reload_without_a_daemon_ends_with_1(config, tmp_path):
    done = gatehouse("reload", "--config", config(GOOD + f"admin: {{ address: \"unix:{tmp_path}/none.sock\" }}\n"))
    assert done.returncode == 1 and "gateway.yaml" in done.stderr


def test_hash_password_from_stdin():
    one, two = (gatehouse("hash-password", text="correct horse\n") for _ in range(2))
    assert one.returncode == 0 and one.stdout != two.stdout
    assert re.fullmatch(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[\w+/]+\$[\w+/]+\n", one.stdout)
    assert "correct horse" not in one.stdout + one.stderr
    assert gatehouse("hash-password", text="").returncode != 0


def test_key_new():
    one, two = (gatehouse("key", "new", "laptop") for _ in range(2))
    assert one.returncode == 0
    key = re.search(r"\b(gatehouse_)[A-Za-z0-9]{43,}\b", one.stdout)
    assert key and key[1] in two.stdout, one.stdout
    digest = hashlib.sha256(key[0].encode()).hexdigest()
    assert re.search(rf"laptop: \"?sha256:{digest}", one.stdout + one.stderr)
    assert key[0] not in two.stdout + two.stderr


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\"b", "x" * 1000])
def test_key_new_refuses_names_that_would_break_a_file(name):
    assert gatehouse("key", "new", name).returncode in (1, 2)


def test_a_secret_that_others_can_read_is_refused(config, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-secret\n")
    text = GOOD.replace("body: ok", f"body: \"${{file:{secret}}}\"")
    secret.chmod(0o644)
    done = gatehouse("validate", "--config", config(text))
    assert done.returncode == 1 and str(secret) in done.stderr and "sk-secret" not in done.stderr
    secret.chmod(0o600)
    assert gatehouse("validate", "--config", config(text)).returncode == 0


def test_a_bomb_of_aliases_is_refused(config):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    done = gatehouse("validate", "--config", config("\n".join(lines) + "\n"))
    assert done.returncode == 1


def test_another_file_is_not_taken_for_the_one_that_serves(gateways, upstream, tmp_path):
    gateway = gateways(to_webui(upstream))
    other = tmp_path / "other.yaml"
    other.write_text(gateway.file.read_text() + "user: \"${env:NOT_SET_ANYWHERE}\"\n")
    checked = gatehouse("validate", "--config", other)
    assert checked.returncode == 1 and "NOT_SET_ANYWHERE" in checked.stderr, checked
    reloaded = gatehouse("reload", "--config", other)
    assert reloaded.returncode == 1 and str(gateway.file) in reloaded.stderr, reloaded


def test_all_mistakes_at_once_also_those_of_secrets(tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("admin: off\nrouts: []\nroutes:\n  - handle:\n      - respond: { body: \"${env:NOT_SET_ANYWHERE}\" }\n")
    done = gatehouse("validate", "--config", config)
    assert done.returncode == 1 and "routs" in done.stderr and "NOT_SET_ANYWHERE" in done.stderr, done
