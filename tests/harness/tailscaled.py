"""A stand-in for tailscaled: its LocalAPI on a unix socket, with everything in the test's hands.

It answers `status`, `cert` and `whois` as the real one does, over HTTP/1.0 and HTTP/1.1, and refuses what
the real one refuses (a strange Host, an Origin). `fault` of a Tailscaled breaks what it is asked, by the
name of the call or for all of them ("*").
"""

import contextlib
import datetime
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .client import reset
from .limits import wait_until

FQDN = "gpu-server.gatehouse-lab.ts.net"
NO_HTTPS = "your Tailscale account does not support getting TLS certs\n"

# What a real one says, as (status, further fields, text).
TEXTS = {
    "denied": (403, (), "cert access denied\n"),
    "no-https": (500, (), NO_HTTPS),
    "no-netmap": (500, (), "no netmap available\n"),
    "limited": (429, ("Retry-After: 900",), "acme: rate limited\n"),
    "acme": (500, (), "403 urn:ietf:params:acme:error:unauthorized: the authority refuses\n"),
    "not-found": (404, (), "404 page not found\n"),
    "internal": (500, (), "internal error\n"),
}
# Breaks of the connection or of HTTP.
BREAKS = ("hang", "drip", "close", "reset", "half", "garbage", "huge", "endless-head", "no-json")


class Authority:
    """A certificate authority of one's own: `file` is its root for clients, `issue` makes pairs."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="gh-ca-", dir="/tmp"))
        self.file, self._key = self.dir / "ca.pem", self.dir / "ca.key"
        self._count = 0
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      self._key, "-out", self.file, "-days", "2", "-subj", "/CN=Test CA", "-addext",
                      "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        # `openssl ca` takes dates to the second, which `openssl x509` of Debian 12 does not.
        (self.dir / "new").mkdir()
        (self.dir / "index").write_text("")
        (self.dir / "ca.cnf").write_text(
            f"[ca]\ndefault_ca = d\n[d]\ndatabase = {self.dir}/index\nrand_serial = yes\nnew_certs_dir = "
            f"{self.dir}/new\ndefault_md = sha256\npolicy = p\nunique_subject = no\ncopy_extensions = copy\n"
            "x509_extensions = leaf\n[p]\ncommonName = optional\n[leaf]\nbasicConstraints = critical,CA:FALSE\n"
            "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n")

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def issue(self, name=FQDN, life=90 * 86400, age=0):
        """(key, chain) as PEM: a P-256 key of the kind that tailscaled makes, valid since `age` seconds ago."""
        self._count += 1
        key, request, leaf = (self.dir / f"{self._count}.{what}" for what in ("key", "csr", "pem"))
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        self._openssl("req", "-new", "-key", key, "-subj", "/", "-addext", f"subjectAltName=critical,DNS:{name}",
                      "-out", request)
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
        end = start + datetime.timedelta(seconds=life)
        self._openssl("ca", "-batch", "-notext", "-config", self.dir / "ca.cnf", "-cert", self.file, "-keyfile", self._key,
                      "-in", request, "-out", leaf, "-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate",
                      f"{end:%Y%m%d%H%M%SZ}")
        return key.read_text(), leaf.read_text() + self.file.read_text()

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    stop = close

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def person(login="laptop@example.com", display="Somebody", picture="https://example.com/p.png", node="laptop",
           tags=None, capabilities=None):
    """What whois says of somebody's machine; with tags it is nobody's."""
    answer = {"Node": {"ID": 2, "Name": f"{node}.gatehouse-lab.ts.net.", "ComputedName": node},
              "UserProfile": {"ID": 1002, "LoginName": login, "DisplayName": display, "ProfilePicURL": picture},
              "CapMap": capabilities}
    if tags:
        answer["Node"]["Tags"] = list(tags)
        answer["UserProfile"] = {"ID": 1, "LoginName": "tagged-devices", "DisplayName": "Tagged Devices",
                                 "ProfilePicURL": ""}
    return answer


class Tailscaled:
    """Runs from its making to `stop`; `start` takes it back, `kill` leaves its socket behind."""

    def __init__(self, domains=(FQDN,), *, authority=None, start=True, path=None):
        self.dir = None if path else Path(tempfile.mkdtemp(prefix="gh-ts-", dir="/tmp"))
        self.path = path or str(self.dir / "tailscaled.sock")
        self.authority = authority
        self.domains = list(domains) if domains is not None else None
        self.state, self.tun = "Running", True
        self.own = FQDN
        self.pairs = {}         # name -> (key, chain); made by the authority when they are asked for
        self.next_pairs = {}    # name -> what the question after the next one gets, as a renewal comes
        self.people = {}        # "IP" or "IP:PORT" -> what whois says
        self.fault = {}         # "status", "cert", "whois" or "*" -> a name of TEXTS or BREAKS, or (status, text)
        self.delay = 0.0        # before each answer, in seconds
        self.asked = []         # targets, in order
        self.heads = []         # whole heads, in order
        self._lock = threading.Lock()
        self._listener, self._sockets = None, set()
        if start:
            self.start()

    # --- life

    @property
    def url(self):
        """As the option `socket` of modules wants it."""
        return f"unix:{self.path}"

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def kill(self):
        """As by SIGKILL: connections break, the socket stays and refuses."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def leave(self):
        """As by SIGTERM: the socket is gone."""
        self.kill()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def stop(self):
        self.leave()
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    close = stop

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- what tests ask

    def count(self, call):
        """How often `status`, `cert` or `whois` was asked."""
        with self._lock:
            return sum(target.startswith(f"/localapi/v0/{call}") for target in self.asked)

    def wait(self, call, count=1, **patience):
        wait_until(lambda: self.count(call) >= count, what=lambda: f"{count} times {call}; {self.asked}", **patience)

    def wait_again(self, call, times=1, **patience):
        """Waits until it was asked so many times more."""
        self.wait(call, self.count(call) + times, **patience)

    # --- connections

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = sock.recv(65536)
                    if not data:
                        return
                    buffer += data
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                if not self._answer(sock, head.decode("latin-1")):
                    return
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.discard(sock)
            with contextlib.suppress(OSError):
                sock.close()

    def _answer(self, sock, head):
        """Whether the connection goes on."""
        line, *fields = head.split("\r\n")
        method, target, version = line.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        with self._lock:
            self.asked.append(target)
            self.heads.append(head)
        if self.delay:
            time.sleep(self.delay)      # the machine that is played here is slow
        keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
        call = target.removeprefix("/localapi/v0/").partition("?")[0].partition("/")[0]
        fault = self.fault.get(call) or self.fault.get("*")
        if fault in BREAKS:
            self._break(sock, fault)
            return False
        if fault:
            status, more, text = TEXTS[fault] if isinstance(fault, str) else (fault[0], (), fault[1])
            answer = status, more, text, "text/plain; charset=utf-8"
        else:
            answer = self._call(method, target, fields)
        self._send(sock, *answer, keep)
        return keep

    @staticmethod
    def _send(sock, status, more, body, kind, keep):
        body = body.encode()
        lines = [f"HTTP/1.{1 if keep else 0} {status} X", f"Content-Type: {kind}", "Tailscale-Cap: 142",
                 "Tailscale-Version: 1.102.3", "X-Content-Type-Options: nosniff", *more,
                 f"Content-Length: {len(body)}", "", ""]
        sock.sendall("\r\n".join(lines).encode() + body)

    @staticmethod
    def _break(sock, fault):
        if fault == "reset":
            reset(sock)
        elif fault == "half":
            sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n-----BEGIN EC PRIVATE KEY-----\n")
        elif fault == "garbage":
            sock.sendall(bytes(range(256)) * 4)
        elif fault == "no-json":
            sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        elif fault == "huge":
            sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            while True:     # until the other side has had enough
                sock.sendall(b"x" * 65536)
        elif fault == "endless-head":
            sock.sendall(b"HTTP/1.0 200 OK\r\n")
            while True:
                sock.sendall(b"X-Field: value\r\n" * 100)
        elif fault == "drip":
            for byte in b"HTTP/1.0 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000:
                sock.sendall(bytes([byte]))
                time.sleep(0.1)     # slow on purpose
        elif fault == "hang":
            while sock.recv(65536):
                pass

    # --- calls

    def _call(self, method, target, fields):
        plain = "text/plain; charset=utf-8"
        if fields.get("host", "") not in ("", "local-tailscaled.sock") or "origin" in fields or "referer" in fields:
            return 403, (), "invalid localapi request\n", plain
        if method != "GET":
            return 405, (), "use GET\n", plain
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/localapi/v0/status":
            return 200, (), json.dumps(self.status(), indent="\t"), "application/json"
        if parts.path == "/localapi/v0/whois":
            return self._whois(query.get("addr", ""))
        if parts.path.startswith("/localapi/v0/cert/"):
            return self._cert(unquote(parts.path.removeprefix("/localapi/v0/cert/")), query)
        return 404, (), "404 page not found\n", plain

    def status(self):
        suffix = self.own.partition(".")[2]
        return {
            "Version": "1.102.3", "TUN": self.tun, "BackendState": self.state, "HaveNodeKey": True, "AuthURL": "",
            "TailscaleIPs": ["100.64.0.1", "fd7a:115c:a1e0::1"],
            "Self": {"ID": "N1", "HostName": self.own.partition(".")[0], "DNSName": self.own + ".", "OS": "linux",
                     "TailscaleIPs": ["100.64.0.1", "fd7a:115c:a1e0::1"], "Online": True,
                     "CapMap": {"https": None, "funnel": None}},
            "Health": [], "MagicDNSSuffix": suffix,
            "CurrentTailnet": {"Name": "example.com", "MagicDNSSuffix": suffix, "MagicDNSEnabled": True},
            "CertDomains": self.domains, "Peer": None,
            "User": {"1001": {"ID": 1001, "LoginName": "owner@example.com", "DisplayName": "Zoë \"Z\" O'Neil"}},
        }

    def _cert(self, name, query):
        plain = "text/plain; charset=utf-8"
        if query.get("type") != "pair":
            return 500, (), f"the tests know of type=pair alone: {query}\n", plain
        if not self.domains:
            return 500, (), NO_HTTPS, plain
        if not re.fullmatch(r"[a-z0-9.-]+", name) or name not in self.domains:
            names = " ".join(json.dumps(name) for name in self.domains)
            return 500, (), f"invalid domain {json.dumps(name)}; must be one of [{names}]\n", plain
        with self._lock:
            if name not in self.pairs:
                self.pairs[name] = self.authority.issue(name)
            key, chain = self.pairs[name]
            # The question that makes it renew still gets the old one.
            if name in self.next_pairs:
                self.pairs[name] = self.next_pairs.pop(name)
        return 200, (), key + chain, "text/plain"

    def _whois(self, address):
        plain = "text/plain; charset=utf-8"
        if not re.fullmatch(r"[0-9.]+:[0-9]+|\[[0-9a-f:.]+\]:[0-9]+", address):
            return 400, (), "invalid 'addr' parameter\n", plain
        found = self.people.get(address) or self.people.get(address.rpartition(":")[0].strip("[]"))
        if not found:
            return 404, (), "no match for IP:port\n", plain
        return 200, (), json.dumps(found), "application/json"
