"""The config that most people will have: a model server behind credentials, the rest a web UI."""

import hashlib
import json
import subprocess
import tempfile

from .gateway import gatehouse
from .limits import PATIENCE

PASSWORD = "my-secret-api-password"
KEY = "gh_" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
_hashes = {}


def password_hash(password=PASSWORD):
    """By the gateway's own command, once."""
    if password not in _hashes:
        done = gatehouse("hash-password", text=password + "\n")
        assert done.returncode == 0, done.stderr
        _hashes[password] = done.stdout.strip()
    return _hashes[password]


def key_hash(key=KEY):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def auth(**more):
    """A basic-auth entry with one user and one key."""
    more = "".join(f", {key}: {value}" for key, value in more.items())
    return (f"      - basic-auth: {{ users: {{ api_user: \"{password_hash()}\" }}, "
            f"keys: {{ laptop: \"{key_hash()}\" }}, max_tries: 1000{more} }}\n")


def door(model, webui, before="", **more):
    """Both upstreams behind one door."""
    return (f"routes:\n  - match: {{ path: /v1 }}\n    handle:\n{before}{auth(**more)}"
            f"      - openai-proxy: {{ to: \"{model.url}\" }}\n"
            f"  - handle:\n      - webui-proxy: {{ to: \"{webui.url}\" }}\n")


class Curled:
    """What curl saw."""

    def __init__(self, status, headers, body, code):
        self.status, self.body, self.code = status, body, code
        self.headers = {}
        for line in headers.split("\r\n\r\n")[-2].splitlines()[1:] if headers else ():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def json(self):
        return json.loads(self.body)


def curl(gateway, target, *arguments, data=None):
    """Real curl, through the TCP door."""
    with tempfile.NamedTemporaryFile() as head, tempfile.NamedTemporaryFile() as body:
        done = subprocess.run(["curl", "-sS", "-m", "30", "--noproxy", "*", "-D", head.name, "-o", body.name, "-w",
                               "%{http_code}", *arguments, gateway.url + target], input=data, capture_output=True,
                              timeout=PATIENCE + 30, check=False)
        return Curled(int(done.stdout or 0), head.read().decode("latin-1"), body.read(), done.returncode)


BASIC = ("-u", f"api_user:{PASSWORD}")
BEARER = ("-H", f"Authorization: Bearer {KEY}")
BEARER_FIELD = f"Authorization: Bearer {KEY}"
