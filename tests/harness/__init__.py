"""What the black-box suites in tests/wire and tests/e2e are written with.

Gateway starts the real binary on a config of a few lines. Upstream is a scripted server that keeps
every byte it was sent and can die at any byte of its answer. Client speaks raw bytes and reads
answers strictly, so that a visible break and a whole answer are never mistaken for each other.
volley() sends hundreds of requests at once, each cut in pieces that the gateway really reads apart.
"""

from .client import Client, connect
from .gateway import Gateway, gatehouse
from .http1 import Answer, Broken, Malformed, Request
from .limits import BINARY, SANITIZED, SLOW, wait_until
from .upstream import Exchange, Upstream
from .volley import Outcome, cuts, volley
from .websocket import WebSocket

__all__ = [
    "Answer", "BINARY", "Broken", "Client", "Exchange", "Gateway", "Malformed", "Outcome", "Request",
    "SANITIZED", "SLOW", "Upstream", "WebSocket", "connect", "cuts", "gatehouse", "volley", "wait_until",
]
