"""Headers of the PROXY protocol, version 1 and 2, as they should be and as they should not."""

import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0, 1
UNSPEC, TCP4, UDP4, TCP6, UDP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x22, 0x31


def v1(source="192.0.2.7", to="198.51.100.1", ports=(40000, 443), family=None):
    family = family or ("TCP6" if ":" in source else "TCP4")
    return f"PROXY {family} {source} {to} {ports[0]} {ports[1]}\r\n".encode()


def addresses(source="192.0.2.7", to="198.51.100.1", ports=(40000, 443)):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    return socket.inet_pton(family, source) + socket.inet_pton(family, to) + struct.pack("!HH", *ports)


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def v2(source="192.0.2.7", to="198.51.100.1", ports=(40000, 443), *, command=PROXY, version=2, family=None, block=None, more=b"",
       length=None, signature=SIGNATURE):
    """`block` in place of the addresses, `more` behind them (TLVs), `length` in place of what it should say."""
    family = family if family is not None else (TCP6 if ":" in source else TCP4)
    block = (addresses(source, to, ports) if block is None else block) + more
    return signature + struct.pack("!BBH", version << 4 | command, family, len(block) if length is None else length) + block
