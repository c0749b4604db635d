"""A real Tailscale, offline: two tailscaled with Funnel and certificates, by the lab in tests/tailscale.

Tests that take the fixture `lab` skip with a plain line where the lab was not built: `./dev deps tailscale` does that,
or GATEHOUSE_TAILSCALE=1 in the environment of a test run that has the minutes for it. Node A is the gateway's machine, node B
somebody on its tailnet, and `funnel_dial` the public internet.
"""

import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import pytest

from .client import Client
from .http1 import Source
from .limits import PATIENCE, REPO, SLOW, wait_until

SCRIPTS = REPO / "tests/tailscale"
PUBLIC = "203.0.113.7"      # from where the public internet comes, when a test does not care
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x40000000, 0x8914, 0x1, 0x40
MISSING = 77                # what the scripts end with when Go or its proxy is missing


def _unbuilt():
    """Why there is no lab here; empty when one can be started."""
    bin_dir = Path(os.environ.get("TS_LAB_BIN") or REPO / "build/tailscale")
    if (bin_dir / ".stamp").exists() or os.environ.get("GATEHOUSE_TAILSCALE") == "1":
        return ""
    return "no Tailscale was built: `./dev deps tailscale` does it, with Go, in some minutes"


class _Socket(http.client.HTTPConnection):
    def __init__(self, path, within):
        super().__init__("local-tailscaled.sock", timeout=within)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """One tailscaled."""

    def __init__(self, lab, side):
        def of(key):
            return lab.env[f"{side}_{key}"]
        self.lab = lab
        self.name, self.fqdn, self.socket = of("NAME"), of("FQDN"), of("SOCKET")
        self.ip4, self.ip6, self.socks5 = of("IP4"), of("IP6"), of("SOCKS5")
        self.login = f"{self.name}@example.com"

    @property
    def url(self):
        """As the option `socket` of modules wants it."""
        return f"unix:{self.socket}"

    # --- its life

    def _script(self, command):
        done = subprocess.run([SCRIPTS / "node.sh", self.lab.dir, command, self.name], capture_output=True, text=True,
                              timeout=60 * SLOW, check=False)
        assert done.returncode == 0, done.stderr

    def stop(self):
        """As by SIGTERM: its socket is gone."""
        self._script("stop")

    def kill(self):
        """As by SIGKILL: its socket stays, and refuses."""
        self._script("kill")

    def start(self):
        """With the state of before; waits until it runs."""
        self._script("start")

    @property
    def runs(self):
        return f" {self.name}\n" in Path(self.lab.dir, "pids").read_text()

    # --- asking it

    def tailscale(self, *arguments):
        """The command line. It ends with 0 also when it could not: what it says is in the answer."""
        done = subprocess.run([self.lab.env["TAILSCALE"], "--socket", self.socket, *map(str, arguments)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOW, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def local_api(self, path, within=PATIENCE, **headers):
        """GET on the LocalAPI: (status, text)."""
        connection = _Socket(self.socket, within)
        with contextlib.closing(connection):
            connection.request("GET", f"/localapi/v0/{path}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self):
        return json.loads(self.local_api("status?peers=true")[1])

    def whois(self, address):
        """What it knows of an address; None for a 404."""
        status, text = self.local_api(f"whois?addr={urllib.parse.quote(address)}")
        assert status in (200, 404), text
        return json.loads(text) if status == 200 else None

    def dial(self, host, port):
        """A connection to somewhere on the tailnet, as the machine's user would make it."""
        to, _, at = self.socks5.rpartition(":")
        sock = socket.create_connection((to, int(at)), timeout=PATIENCE)
        sock.sendall(b"\x05\x01\x00")
        name = host.encode()
        with contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            assert sock.recv(2) == b"\x05\0"
            sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
            answer = sock.recv(10)
            if len(answer) < 2 or answer[1]:
                raise ConnectionRefusedError(f"SOCKS5 answers {answer!r}")
            stack.pop_all()
        return sock


def over(sock):
    """A Client on a connection that is there. An end without close_notify is a reset to it."""
    client = Client.__new__(Client)
    client.sock = sock

    def more():
        try:
            return sock.recv(65536)
        except ssl.SSLEOFError:
            raise ConnectionResetError("the end without close_notify") from None
    client.source = Source(more)
    return client


class Seen:
    """What curl saw."""

    def __init__(self, done, head, body):
        self.code, self.error, self.body = done.returncode, done.stderr.strip(), body
        version, _, status = done.stdout.partition(" ")
        self.version, self.status = version, int(status or 0)
        self.headers = {}
        blocks = [block for block in re.split(r"\r?\n\r?\n", head) if block.strip()]
        for line in blocks[-1].splitlines()[1:] if blocks else ():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def __repr__(self):
        return f"HTTP/{self.version} {self.status} {self.headers} {self.body[:500]!r} {self.error}"

    @property
    def json(self):
        return json.loads(self.body)


class Lab:
    """A lab of its own folder, from its making to `close`. Settings are those of up.sh, without TS_LAB_."""

    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix="gh-lab-", dir="/tmp")
        os.chmod(self.dir, 0o755)       # so that another user reaches tailscaled's socket, as on a real machine
        # What is left of a lab when this process is killed ends when the pipe to it does.
        self._reaper = subprocess.Popen(["sh", "-c", "read -r _; exec \"$0\" \"$1\"", SCRIPTS / "down.sh", self.dir],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            self._start({key if key == "TS_PERMIT_CERT_UID" else f"TS_LAB_{key}": str(value)
                         for key, value in settings.items()})
        except BaseException:
            self.close()
            raise
        self.a, self.b = Node(self, "A"), Node(self, "B")

    def _start(self, settings):
        done = subprocess.run([SCRIPTS / "up.sh", self.dir], capture_output=True, text=True, check=False,
                              env={**os.environ, **settings})
        if done.returncode == MISSING:
            pytest.skip(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stdout + done.stderr
        self.env = dict(line.split("=", 1) for line in done.stdout.splitlines())

    def close(self):
        with contextlib.suppress(OSError):
            self._reaper.stdin.close()
        assert self._reaper.wait(60 * SLOW) == 0
        if not os.environ.get("GATEHOUSE_TEST_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- names

    @property
    def fqdn(self):
        return self.a.fqdn

    @property
    def ca(self):
        return self.env["CA_FILE"]

    def context(self, *alpn):
        """What a client in Python needs, to trust its certificates."""
        context = ssl.create_default_context(cafile=self.ca)
        context.options &= ~(1 << 7)    # OP_IGNORE_UNEXPECTED_EOF: an end without close_notify is a cut
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    # --- the switches

    def _admin(self, method, path):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.env["ADMIN_URL"]).netloc, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            return json.loads(text)

    def state(self):
        return self._admin("GET", "/state")

    def set(self, **values):
        """https, funnel, set_dns, acme, retry_after, ari: see the lab's README."""
        return self._admin("POST", "/set?" + urllib.parse.urlencode({k.replace("_", "-"): v for k, v in values.items()}))

    def policy(self, node, **values):
        """login, display, picture, tags, expired, hidden: what the tailnet says of a node. Ask until the others know."""
        return self._admin("POST", "/node?" + urllib.parse.urlencode({"name": node.name, **values}))

    def reset(self):
        """As it was when it was new, but for the certificates that were issued."""
        self.set(https="on", funnel="on", set_dns="ok", acme="ok")
        for node in self.a, self.b:
            self.policy(node, login=node.login, display=f"Owner of {node.name}", tags="", expired="off", hidden="off",
                        picture=f"https://example.com/{node.name}.png")
            if not node.runs:
                node.start()
        wait_until(self._is_new, every=0.02, what=lambda: f"a lab as it was: {self.a.status()}")
        self.a.tailscale("serve", "reset")
        self.a.tailscale("set", "--operator=")

    def _is_new(self):
        try:
            status, other = self.a.status(), self.b.status()
            user = (self.a.whois(f"{self.b.ip4}:1") or {}).get("UserProfile", {})
        except OSError:
            return False
        return status["BackendState"] == other["BackendState"] == "Running" and status["CertDomains"] == [self.fqdn] and \
            "funnel" in (status["Self"].get("CapMap") or {}) and user.get("LoginName") == self.b.login and \
            user.get("DisplayName") == f"Owner of {self.b.name}"

    # --- ways in

    def serve(self, *arguments):
        """`tailscale serve --bg …` on A."""
        return self._offer("serve", arguments)

    def funnel(self, *arguments):
        return self._offer("funnel", arguments)

    def _offer(self, command, arguments):
        said = self.a.tailscale(command, "--bg", *arguments)
        assert "Available" in said, said
        return said

    @contextlib.contextmanager
    def funnel_dial(self, source=PUBLIC, port=443):
        """A loopback address whose connections arrive through Funnel, as a public client with the address `source`;
        "map": a client at 127.a.b.c is 203.a.b.c."""
        process = subprocess.Popen([self.env["FUNNEL_DIAL"], "-src", source, "-target", f"{self.fqdn}:{port}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            host, _, at = process.stdout.readline().strip().removeprefix("LISTEN=").rpartition(":")
            yield host, int(at)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()

    def curl(self, target, *arguments, through, port=443, scheme="https"):
        """Real curl, to A by its name. Through a Node: on the tailnet, as that machine; through an address: there."""
        url = f"{scheme}://{self.fqdn}:{port}{target}" if (scheme, port) != ("https", 443) else f"{scheme}://{self.fqdn}{target}"
        if isinstance(through, Node):
            way = ["--socks5-hostname", through.socks5]
        else:
            way = ["--noproxy", "*", "--connect-to", f"{self.fqdn}:{port}:{through[0]}:{through[1]}"]
        with tempfile.NamedTemporaryFile() as head, tempfile.NamedTemporaryFile() as body:
            done = subprocess.run(["curl", "-sS", "-m", "30", "--cacert", self.ca, "-D", head.name, "-o", body.name, "-w",
                                   "%{http_version} %{http_code}", *way, *map(str, arguments), url],
                                  capture_output=True, text=True, timeout=PATIENCE + 30, check=False)
            return Seen(done, head.read().decode("latin-1"), body.read())

    def client(self, way, *alpn, before=b""):
        """A Client inside of TLS, with a certificate of A's name or an ssl.SSLError. The way is a Node, an address as of
        funnel_dial, or of a gateway itself; `before` goes in the clear first."""
        sock = way.dial(self.fqdn, 443) if isinstance(way, Node) else socket.create_connection(way, timeout=PATIENCE)
        with contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            sock.sendall(before)
            secure = self.context(*alpn).wrap_socket(sock, server_hostname=self.fqdn, suppress_ragged_eofs=False)
            stack.pop_all()
        return over(secure)

    def certificate(self, address, before=b""):
        """What is served there, or None while nothing good is."""
        with contextlib.suppress(OSError), self.client(address, before=before) as client:
            return client.sock.getpeercert(binary_form=True)
        return None

    def served(self, gateway, within=PATIENCE):
        """Waits until each listener of a gateway that wants a certificate of A's name has one."""
        return wait_until(lambda: all(source["serves"] for source in sources(gateway)), within, gateway.said, every=0.05)


def ends_of(gateway):
    """Name -> when the certificate that is shown for it runs out, in seconds since 1970, by /metrics."""
    text = gateway.ask_admin("GET", "/metrics").body.decode()
    return {name: float(value) for name, value in
            re.findall(r'^gatehouse_certificate_not_after_seconds\{[^}]*name="([^"]*)"[^}]*\} (\S+)$', text, re.M)}


def sources(gateway):
    """What /status says of the sources of certificates."""
    return json.loads(gateway.ask_admin("GET", "/status").body)["certificates"]


def trouble(gateway):
    """What the first source has to say for itself; empty when all is well."""
    return sources(gateway)[0]["trouble"] or ""


def _loopback_up():
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))


@pytest.fixture(scope="module")
def own_network():
    """This process, and what it starts, in a network of its own with nothing but loopback: there a tailscaled can have its TUN
    device, and the machine does not notice."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        pytest.skip("a TUN device takes root and /dev/net/tun")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespace is to be had here: {os.strerror(ctypes.get_errno())}")
        _loopback_up()
        yield
        assert libc.setns(before, CLONE_NEWNET) == 0
    finally:
        os.close(before)


@pytest.fixture(scope="module")
def running_lab():
    """One for all tests of a file."""
    if why := _unbuilt():
        pytest.skip(why)
    with Lab() as made:
        yield made


@pytest.fixture
def lab(running_lab):
    """The file's lab, as new."""
    running_lab.reset()
    return running_lab


@pytest.fixture(scope="module")
def labs():
    """Makes labs with settings of their own; the module has them to its end."""
    if why := _unbuilt():
        pytest.skip(why)
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Lab(**settings))
