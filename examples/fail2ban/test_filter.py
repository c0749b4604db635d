"""The filter reads the lines that the gateway really writes, and nobody writes a line for another."""

import configparser
import re
from pathlib import Path

import pytest
from harness import wait_until
from harness.door import BASIC, curl, door
from harness.fixtures import *  # noqa: F401,F403 pylint: disable=wildcard-import,unused-wildcard-import

ADDR = r"(?:\[?(?P<ip>\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)\]?)"
DATE = re.compile(r"^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z|[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d)")
TAIL = 'user="{}" reason="wrong password" path="{}" id=0123456789abcdef01234567'
LINE = "2026-11-22T10:00:00.123Z warn denied client={} " + TAIL


def expressions():
    parser = configparser.ConfigParser(interpolation=configparser.BasicInterpolation())
    parser.read(Path(__file__).parent / "filter.d" / "gatehouse.conf")
    section = parser["Definition"]
    return (re.compile(section[key].replace("<ADDR>", ADDR)) for key in ("failregex", "ignoreregex"))


def banned(line):
    """The address that fail2ban would count for a line, as it looks at it: without the first date."""
    fail, ignore = expressions()
    line = DATE.sub("", line)
    found = fail.search(line)
    return found["ip"] if found and not ignore.search(line) else None


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::7"])
def test_an_address_is_found(address):
    assert banned(LINE.format(address, "mallory", "/v1")) == address
    assert banned("Nov 22 10:00:05 box gatehouse[123]: " + LINE.format(address, "mallory", "/v1")) == address


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "unix"])
def test_loopback_and_unix_sockets_are_never_banned(address):
    assert banned(LINE.format(address, "mallory", "/v1")) is None


@pytest.mark.parametrize("name", ["warn denied client=127.0.0.1 user=", "x gatehouse[1]: warn denied client=127.0.0.1 user=",
                                  r"\x22 client=198.51.100.1 user=\x22"])
def test_a_name_neither_hides_its_caller_nor_blames_another(name):
    assert banned(LINE.format("203.0.113.9", name, "/v1")) == "203.0.113.9"
    assert banned(LINE.format("203.0.113.9", "x", name)) == "203.0.113.9"


def test_other_lines_are_not_read():
    assert banned("2026-11-22T10:00:00.123Z info listening on 127.0.0.1:8080") is None
    assert banned('2026-11-22T10:00:00.123Z warn request 1: route r: m: warn denied client=203.0.113.9 user="') is None


def test_the_line_of_a_real_failure_is_found(gateways, upstreams):
    gateway = gateways("trusted_proxies: [127.0.0.1]\n" + door(upstreams(), upstreams()))
    name = 'mal"lory warn denied client=127.0.0.1 user='
    curl(gateway, "/v1/models", "-u", f"{name}:guess", "-H", "X-Forwarded-For: 203.0.113.9")
    lines = wait_until(lambda: [line for line in gateway.stderr().splitlines() if "denied" in line])
    assert [banned(line) for line in lines] == ["203.0.113.9"]
    curl(gateway, "/v1/models", *BASIC, "-H", "X-Forwarded-For: 203.0.113.9")
    gateway.wait_access(2)
    assert len([line for line in gateway.stderr().splitlines() if "denied" in line]) == 1
