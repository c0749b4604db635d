"""TLS whose bytes a test can steer: an ssl object over memory, and whoever moves the bytes decides when and how."""

import ssl

from . import http1
from .client import Client, connect, request
from .limits import PATIENCE

ALERT, HANDSHAKE, APPLICATION, CHANGE = 21, 22, 23, 20
ALERTS = {0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
          47: "illegal_parameter", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 80: "internal_error",
          86: "inappropriate_fallback", 100: "no_renegotiation", 109: "missing_extension", 112: "unrecognized_name",
          120: "no_application_protocol"}


def records(data):
    """(kind, version, payload) of whole records at the start of some bytes, and what is left."""
    found, at = [], 0
    while len(data) - at >= 5:
        size = int.from_bytes(data[at + 3:at + 5], "big")
        if len(data) - at < 5 + size:
            break
        found.append((data[at], int.from_bytes(data[at + 1:at + 3], "big"), bytes(data[at + 5:at + 5 + size])))
        at += 5 + size
    return found, bytes(data[at:])


def alerts(data):
    """Names of the alerts that came in the clear."""
    return [ALERTS.get(payload[1], str(payload[1])) for kind, _, payload in records(data)[0] if kind == ALERT and len(payload) == 2]


class Steered:
    """A client of TLS. `hello()` gives its first bytes; `shake()` goes on; then send, answer and end."""

    def __init__(self, address, context, name="gate.example", session=None):
        self.sock = connect(address)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=name, session=session)
        self.source = http1.Source(self._more)
        self.raw = bytearray()      # all that the server sent
        self.closed = ""            # fin: the socket's end; rst

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def hello(self):
        """The bytes of the ClientHello, not sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.out.read()

    def flush(self):
        data = self.out.read()
        if data:
            self.sock.sendall(data)

    def fetch(self):
        """Reads from the socket into TLS; False at its end."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            self.closed = "rst"
            data = b""
        if not data:
            self.closed = self.closed or "fin"
            self.into.write_eof()
            return False
        self.raw += data
        self.into.write(data)
        return True

    def shake(self):
        """The handshake, or what is left of it."""
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return self
            except ssl.SSLWantReadError:
                self.flush()
                if not self.fetch():
                    raise ConnectionError(f"ended in the handshake; {alerts(self.raw)}") from None

    def send(self, data):
        self.tls.write(data)
        self.flush()
        return self

    def _more(self):
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                self.flush()
                self.fetch()
            except ssl.SSLError as error:
                raise ConnectionResetError(f"the end without close_notify: {error}") from None

    def ask(self, method="GET", target="/", *fields, body=None):
        self.send(request(method, target, *fields, body=body))
        return http1.read_answer(self.source, method)

    def ended(self):
        """How it ends: `notify` by a close_notify, `cut` without."""
        try:
            data = bytes(self.source.buffer) or self._more()
        except ConnectionError:
            return "cut"
        assert not data, data[:200]
        return "notify"

    def notify(self):
        """Sends a close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()


def over_tls(gateway, context, name="gate.example", session=None):
    """A Client inside of TLS, to whom an end without close_notify is a reset."""
    sock = context.wrap_socket(connect(gateway.tcp), server_hostname=name, session=session, suppress_ragged_eofs=False)

    def more():
        try:
            return sock.recv(65536)
        except ssl.SSLError as error:
            raise ConnectionResetError(f"the end without close_notify: {error}") from None
    client = Client.__new__(Client)
    client.sock, client.source = sock, http1.Source(more)
    return client


def rest(sock, within=PATIENCE):
    """All that still comes, to the end: (bytes, `fin` or `rst`)."""
    sock.settimeout(within)
    got = bytearray()
    try:
        while data := sock.recv(65536):
            got += data
    except ConnectionError:
        return bytes(got), "rst"
    return bytes(got), "fin"
