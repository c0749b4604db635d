"""The gateway under test, as a process with a config of a few lines."""

import contextlib
import itertools
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .client import Client, request
from .http1 import Broken
from .limits import BINARY, PATIENCE, wait_until
from .websocket import WebSocket

SANITIZERS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: |LeakSanitizer")


def environment(extra=None):
    return {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1"),
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1"), **(extra or {})}


def gatehouse(*arguments, text="", env=None, within=PATIENCE):
    """Runs a command of the gateway to its end."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=text, capture_output=True,
                          text=True, env=environment(env), timeout=within, check=False)
    assert not SANITIZERS.search(done.stderr), done.stderr
    return done


_ports = itertools.count(random.Random(os.getpid()).randrange(10000, 25000))


def free_port():
    """A port of 127.0.0.1 that nobody uses, outside the range that the kernel takes from by itself."""
    for port in _ports:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                sock.bind(("127.0.0.1", port % 20000 + 10000))
                return port % 20000 + 10000


def to_webui(upstream):
    """Everything to one upstream."""
    return f"routes:\n  - handle:\n      - webui-proxy: {{ to: \"{upstream.url}\" }}\n"


def spelled(address):
    """An address of `connect`, as a config has it."""
    return f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"


class Gateway:
    """Runs from its making to `stop`. Keys that `config` does not have are given here: a TCP and a unix
    listener, an admin socket, two workers, an access log in a file."""

    def __init__(self, config, *, admin=None, files=None, env=None, open_files=None, pass_fds=(), start=True):
        # Short, since a unix socket's path has 108 bytes.
        self.dir = Path(tempfile.mkdtemp(prefix="gh-", dir="/tmp"))
        self.port = free_port()
        self.unix = str(self.dir / "door.sock")
        self.admin = admin or str(self.dir / "admin.sock")
        self.access_log = self.dir / "access.log"
        self.file = self.dir / "gateway.yaml"
        self.env, self.open_files, self.pass_fds = env, open_files, pass_fds
        self.process = None
        self.expected_exit = 0
        for name, text in (files or {}).items():
            (self.dir / name).write_text(text)
            (self.dir / name).chmod(0o600)
        self.write(config)
        if start:
            self.start()

    # --- config

    def complete(self, config):
        """The config with what it leaves out."""
        config = config.replace("@DIR@", str(self.dir)).replace("@PORT@", str(self.port))
        defaults = {
            "workers": "workers: 2",
            "grace": "grace: 2s",
            "state_dir": f"state_dir: \"{self.dir}/state\"",
            "listen": f"listen:\n  - address: 127.0.0.1:{self.port}\n  - address: unix:{self.unix}",
            "admin": f"admin: {{ address: \"{spelled(self.admin)}\" }}",
            "log": f"log: {{ access: {{ to: {self.access_log}, format: json }} }}",
        }
        missing = [text for key, text in defaults.items() if not re.search(f"(?m)^{key}:", config)]
        return config + "\n" + "\n".join(missing) + "\n"

    def write(self, config):
        self.file.write_text(self.complete(config))

    # --- life

    def start(self, ready=None):
        def child():
            if self.open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
        with open(self.dir / "stdout", "ab") as out, open(self.dir / "stderr", "ab") as err:
            self.process = subprocess.Popen(
                [BINARY, "run", "--config", str(self.file)], stdin=subprocess.DEVNULL, stdout=out,
                stderr=err, env=environment(self.env), cwd=self.dir, pass_fds=self.pass_fds,
                preexec_fn=child if self.open_files else None)
        wait_until(ready or self.serves, what=lambda: f"no listener; it said: {self.stderr()}")

    def serves(self):
        """Whether it serves. It listens a little before, so a connection alone says too little."""
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.stderr()}")
        try:
            return self.ask_admin("GET", "/healthz").status == 200
        except (OSError, Broken):
            return False

    def stop(self):
        """Stops it and looks whether all was well to the end. A second time does nothing."""
        if not self.dir.exists():
            return
        try:
            if self.process and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
                    raise AssertionError(f"did not stop on SIGTERM; {self.stderr()}") from None
            if self.process:
                errors = self.stderr()
                assert not SANITIZERS.search(errors), errors[:20000]
                assert self.process.returncode == self.expected_exit, \
                    f"exit {self.process.returncode}: {errors[-4000:]}"
        finally:
            if not os.environ.get("GATEHOUSE_TEST_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None):
        """Writes a new config where one is given, and reloads by the command; gives the finished command."""
        if config is not None:
            self.write(config)
        return gatehouse("reload", "--config", self.file)

    # --- talking to it

    @property
    def tcp(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options):
        return Client(self.tcp, **options)

    def ask(self, method="GET", target="/", *fields, body=None):
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(method, target, *fields, body=body)

    def ask_admin(self, method="GET", target="/"):
        host = "localhost" if isinstance(self.admin, str) else spelled(self.admin)
        with Client(self.admin) as client:
            return client.send(request(method, target, host=host)).answer(method)

    def websocket(self, target="/ws", *fields):
        return WebSocket(self.tcp, target, *fields)

    # --- looking at it

    def stdout(self):
        return (self.dir / "stdout").read_text(errors="replace")

    def stderr(self):
        return (self.dir / "stderr").read_text(errors="replace")

    def said(self):
        """All that it wrote anywhere but into the access log."""
        return self.stdout() + self.stderr()

    def access(self, path=None):
        """The access log's lines, as JSON."""
        with contextlib.suppress(FileNotFoundError):
            text = (path or self.access_log).read_text()
            return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return []

    def wait_access(self, count=1):
        return wait_until(lambda: len(self.access()) >= count and self.access(),
                          what=lambda: f"{count} lines in the access log: {self.access()}")

    def _status(self, key):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+)", text)[1])

    def rss(self):
        """Resident bytes."""
        return self._status("VmRSS") * 1024

    def cpu(self):
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_share(self, seconds=0.5):
        """The share of one processor that it uses over a span of time."""
        before, start = self.cpu(), time.monotonic()
        time.sleep(seconds)     # not a wait for a condition: the span that is measured
        return (self.cpu() - before) / (time.monotonic() - start)
