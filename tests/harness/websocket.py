"""A small WebSocket endpoint over a raw socket: frames as they are, nothing hidden."""

import base64
import hashlib
import os
import struct

from . import http1
from .client import Client, request

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KINDS = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


class WebSocket:
    """An open WebSocket. WebSocket(address, target) shakes hands as a client."""

    def __init__(self, address, target="/ws", *fields):
        self.client = Client(address)
        self.sock, self.source, self.masks = self.client.sock, self.client.source, True
        key = base64.b64encode(os.urandom(16)).decode()
        self.client.send(request("GET", target, "Connection: Upgrade", "Upgrade: websocket",
                                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *fields))
        self.answer = self.client.answer()
        assert self.answer.status == 101, self.answer
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert self.answer.get("Sec-WebSocket-Accept") == accept
        assert (self.answer.get("Upgrade") or "").lower() == "websocket"
        assert "upgrade" in (self.answer.get("Connection") or "").lower()

    @classmethod
    def over(cls, sock, source, masks):
        """Speaks on a connection that has already shaken hands."""
        self = cls.__new__(cls)
        self.client, self.sock, self.source, self.masks = None, sock, source, masks
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def frame(self, opcode, data):
        if len(data) < 126:
            size = struct.pack("!B", len(data) | 128 * self.masks)
        elif len(data) < 65536:
            size = struct.pack("!BH", 126 | 128 * self.masks, len(data))
        else:
            size = struct.pack("!BQ", 127 | 128 * self.masks, len(data))
        if self.masks:
            mask = os.urandom(4)
            whole = (mask * (len(data) // 4 + 1))[:len(data)]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(data), "big")
            size += mask
        return bytes([0x80 | opcode]) + size + data

    def send_frame(self, opcode, data=b""):
        self.sock.sendall(self.frame(opcode, data))

    def text(self, text):
        self.send_frame(1, text.encode())

    def receive(self):
        """The next frame as (kind, data)."""
        first, second = self.source.exactly(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack("!H", self.source.exactly(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.source.exactly(8))
        mask = self.source.exactly(4) if second & 128 else b""
        data = self.source.exactly(size)
        if mask:
            whole = (mask * (size // 4 + 1))[:size]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(size, "big")
        if bool(mask) == self.masks:
            raise http1.Malformed("a frame masked in the wrong direction")
        return KINDS[first & 15], data

    def echo(self, text):
        """Sends a text and gives what comes back."""
        self.text(text)
        kind, data = self.receive()
        assert kind == "text", (kind, data)
        return data.decode()

    def close(self):
        """Says goodbye, waits for the other side's, and closes."""
        self.send_frame(8, struct.pack("!H", 1000))
        kind, data = self.receive()
        self.sock.close()
        return kind, data
