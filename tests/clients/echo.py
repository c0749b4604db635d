"""The server's side of a WebSocket that says everything back; fake.py's /ws/echo."""

import base64
import hashlib
import struct

PING, PONG, CLOSE = 9, 10, 8


def handshake(key):
    accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            b"sec-websocket-accept: " + accept + b"\r\n\r\n")


def head_of(first, size):
    if size < 126:
        return struct.pack(">BB", first, size)
    return struct.pack(">BBH", first, 126, size) if size < 65536 else struct.pack(">BBQ", first, 127, size)


def echo(source, sink, key):
    """Until the client closes or leaves. source, sink: the connection's files; key: Sec-WebSocket-Key."""
    sink.write(handshake(key))
    while len(two := source.read(2)) == 2:
        kind, size = two[0] & 15, two[1] & 127
        if size >= 126:
            size = int.from_bytes(source.read(2 if size == 126 else 8), "big")
        mask, data = source.read(4), source.read(size)
        data = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        sink.write(head_of(two[0] & 0xf0 | (PONG if kind == PING else kind), size) + data)
        if kind == CLOSE:
            return
