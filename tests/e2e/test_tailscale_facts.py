"""What the gateway takes for granted of tailscaled, asked of a real one: a new version that does otherwise falls here. And the
stand-in of the fast tests (tests/harness/tailscaled.py) says what the real one says.
"""

import re
import socket
import struct
import threading

import pytest

from harness import wait_until
from harness.proxied import SIGNATURE
from harness.tailscale import PUBLIC, Node, lab, running_lab  # noqa: F401 pylint: disable=unused-import
from harness.tailscaled import Authority, Tailscaled, person


# --- the LocalAPI, and the stand-in --------------------------------------------------------------

class Fake(Node):
    """The stand-in, asked as a node is."""

    def __init__(self, path):      # pylint: disable=super-init-not-called
        self.socket = path


@pytest.fixture(name="both")
def _both(lab):
    """(the real one, the stand-in) of the same machine."""
    with Authority() as authority, Tailscaled((lab.fqdn,), authority=authority) as fake:
        fake.own = lab.fqdn
        fake.people[lab.b.ip4] = person(lab.b.login, f"Owner of {lab.b.name}", f"https://example.com/{lab.b.name}.png", lab.b.name)
        yield lab.a, Fake(fake.path), fake


def shape(answer):
    """Of an answer, all that does not differ from one tailnet to the next."""
    status, text = answer
    if "PRIVATE KEY" in text:
        return status, re.findall("-----BEGIN ([A-Z ]+)-----", text)[:2]
    return status, text


@pytest.mark.parametrize("path, headers", [
    ("cert/@NAME@?type=pair", {}), ("cert/printer.@TAILNET@?type=pair", {}), ("whois?addr=203.0.113.7:1", {}),
    ("whois?addr=[2001:db8::7]:1", {}), ("whois?addr=nonsense", {}), ("status", {"Origin": "http://x"}),
    ("status", {"Referer": "http://x"}), ("status", {"Host": "x"}), ("nothing", {}),
], ids=str)
def test_the_stand_in_answers_as_the_real_one(lab, both, path, headers):
    path = path.replace("@NAME@", lab.fqdn).replace("@TAILNET@", lab.env["TAILNET"])
    real, fake, _ = both
    assert shape(fake.local_api(path, **headers)) == shape(real.local_api(path, **headers))


def test_so_it_does_with_https_off(lab, both):
    real, fake, control = both
    lab.set(https="off")
    control.domains = None
    wait_until(lambda: real.status()["CertDomains"] is None)
    assert fake.status()["CertDomains"] is None
    path = f"cert/{lab.fqdn}?type=pair"
    assert fake.local_api(path) == real.local_api(path)


def test_and_in_what_is_read_of_status_and_whois(lab, both):
    real, fake, _ = both
    status = real.status()
    played = {**fake.status(), "TUN": False}
    for key in "TUN", "BackendState", "CertDomains", "MagicDNSSuffix":
        assert played[key] == status[key], key
    assert played["Self"]["DNSName"] == status["Self"]["DNSName"] == lab.fqdn + "."
    for address in f"{lab.b.ip4}:1", f"{lab.b.ip4}:65535":
        ours, theirs = fake.whois(address), real.whois(address)
        assert ours["Node"]["Name"] == theirs["Node"]["Name"] == lab.b.fqdn + "."
        for key in "LoginName", "DisplayName", "ProfilePicURL":
            assert ours["UserProfile"][key] == theirs["UserProfile"][key], key
    lab.policy(lab.b, tags="tag:ci")
    who = wait_until(lambda: (found := real.whois(f"{lab.b.ip4}:1"))["Node"].get("Tags") and found)
    tagged = person(tags=["tag:ci"])
    assert who["Node"]["Tags"] == tagged["Node"]["Tags"]
    assert who["UserProfile"]["LoginName"] == tagged["UserProfile"]["LoginName"] == "tagged-devices"


# --- what comes over a connection -------------------------------------------------------------------

class Raw:
    """Takes one connection, reads all of it that comes at first, and keeps where it came from."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.first, self.peer = None, None
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with self.sock, self.sock.accept()[0] as connection:
            self.peer = connection.getpeername()
            self.first = connection.recv(1000)
            connection.recv(1000)       # until it is left

    def wait(self):
        return wait_until(lambda: self.first)


def whois_of(lab, peer):
    return lab.a.whois(f"{peer[0]}:{peer[1]}")


def test_the_proxy_header_is_a_write_of_its_own_and_names_the_real_client(lab):
    raw = Raw()
    lab.funnel("--tcp=443", "--proxy-protocol=2", f"tcp://127.0.0.1:{raw.port}")
    with lab.funnel_dial("203.0.113.9:4321") as world, socket.create_connection(world):
        head = raw.wait()
        assert head[:12] == SIGNATURE and len(head) == 16 + struct.unpack("!H", head[14:16])[0]
        addresses = struct.unpack("!4s4sHH", head[16:28])
        # To A's tailnet address, and the port is the backend's.
        assert addresses == (socket.inet_aton("203.0.113.9"), socket.inet_aton(lab.a.ip4), 4321, raw.port)
        assert whois_of(lab, raw.peer) is None


def test_of_a_plain_connection_in_userspace_networking_whois_knows_the_loopback_peer(lab):
    raw = Raw()
    with lab.b.dial(lab.fqdn, raw.port) as sock:
        sock.sendall(b"hello")
        assert raw.wait() == b"hello" and raw.peer[0] == "127.0.0.1"
        assert whois_of(lab, raw.peer)["Node"]["Name"] == lab.b.fqdn + "."


FORGED = {"Tailscale-User-Login": "root@example.com", "Tailscale_User_Login": "root@example.com", "X-Real-IP": "192.0.2.9",
          "Remote-User": "root", "Forwarded": "for=192.0.2.9", "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Host": "evil.example"}


def forged():
    return [x for name, value in FORGED.items() for x in ("-H", f"{name}: {value}")]


def test_what_serve_replaces_and_what_it_leaves(lab, upstreams, tmp_path):
    """To a unix socket it says `Host: localhost`, and X-Forwarded-Host has the name."""
    web = upstreams(path=str(tmp_path / "s"))
    lab.serve(f"unix:{tmp_path}/s")
    assert lab.curl("/", *forged(), through=lab.b).status == 200
    heard = web.wait()
    assert heard.all("Tailscale-User-Login") == [lab.b.login] and heard.all("X-Forwarded-For") == [lab.b.ip4]
    assert heard.all("X-Forwarded-Host") == [lab.fqdn] and heard.all("X-Forwarded-Proto") == ["https"]
    assert heard.get("Host") == "localhost" and "Forwarded" not in heard
    for left in "Tailscale_User_Login", "X-Real-IP", "Remote-User":
        assert heard.all(left) == [FORGED[left]], left


def test_funnel_is_marked_and_tagged_machines_are_not(lab, upstreams):
    web = upstreams()
    lab.funnel(web.url)
    with lab.funnel_dial() as world:
        assert lab.curl("/", *forged(), "-H", "Tailscale-Funnel-Request: ?0", through=world).status == 200
    heard = web.wait()
    assert heard.all("Tailscale-Funnel-Request") == ["?1"] and heard.all("X-Forwarded-For") == [PUBLIC]
    assert not heard.all("Tailscale-User-Login") and heard.get("Host") == lab.fqdn
    lab.policy(lab.b, tags="tag:ci")

    def nameless():
        lab.curl("/", *forged(), "-H", "Tailscale-Funnel-Request: ?1", through=lab.b)
        return not web.requests[-1].all("Tailscale-User-Login") and web.requests[-1]
    assert "Tailscale-Funnel-Request" not in wait_until(nameless)


# --- certificates and the command line ------------------------------------------------------------------

def test_while_the_ca_limits_there_is_no_answer(lab):
    lab.set(acme="429", retry_after=900)
    with pytest.raises(TimeoutError):
        lab.a.local_api(f"cert/{lab.fqdn}?type=pair&min_validity=87600h", within=4)


def test_the_command_line_ends_with_0_also_when_funnel_is_not_allowed(lab):
    lab.set(funnel="off")
    wait_until(lambda: "funnel" not in lab.a.status()["Self"]["CapMap"])
    assert "is not enabled on your tailnet" in lab.a.tailscale("funnel", "--bg", "http://127.0.0.1:9")


def test_nothing_was_sent_towards_the_internet(lab):
    assert lab.state()["trapped"] == 0
