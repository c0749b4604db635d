"""Malformed and ambiguous requests are refused, whole or cut at any byte, and reach no upstream."""

import pytest

from harness import cuts, volley
from harness.volley import words

from malformed import BODIES, HEADS, UNFINISHED


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream):
    return module_gateways(f"""
limits: {{ head: 64k, headers: 100 }}
log: {{ access: {{ to: off }} }}
routes:
  - match: {{ path: /v1 }}
    max_body: 64k
    handle:
      - openai-proxy: {{ to: "{upstream.url}" }}
  - handle:
      - webui-proxy: {{ to: "{upstream.url}" }}
""")


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()


def named(table):
    assert len({case[0] for case in table}) == len(table), "two cases of one name"
    return [pytest.param(*case[1:], id=case[0]) for case in table]


def refused(outcomes, right):
    """One answer of the right status, then the connection's end."""
    allowed = {f"{status} closed" for status in right}
    wrong = [outcome for outcome in outcomes if outcome.word not in allowed]
    assert not wrong, f"{words(outcomes)} where {sorted(allowed)} are right; such as {wrong[0]}"


def test_the_tables_are_large_enough():
    assert len(HEADS) + len(BODIES) >= 200


@pytest.mark.parametrize("right, request_bytes", named(HEADS))
def test_head_is_refused(gateway, upstream, right, request_bytes):
    refused(volley(gateway.unix, cuts(request_bytes)), right)
    assert upstream.untouched(), (upstream.heads, upstream.malformed)


def test_heads_are_refused_over_tcp(gateway, upstream):
    outcomes = volley(gateway.tcp, [[request] for _, _, request in HEADS])
    wrong = [(name, outcome.word) for (name, right, _), outcome in zip(HEADS, outcomes)
             if outcome.word not in {f"{status} closed" for status in right}]
    assert not wrong
    assert upstream.untouched(), (upstream.heads, upstream.malformed)


@pytest.mark.parametrize("right, request_bytes", named(BODIES))
def test_body_is_refused(gateway, upstream, right, request_bytes):
    refused(volley(gateway.unix, cuts(request_bytes)), right)
    assert not upstream.requests and not upstream.malformed
    assert "/smuggled" not in [head.target for head in upstream.heads]


@pytest.mark.parametrize("request_bytes", named(UNFINISHED))
def test_unfinished_request_is_no_request(gateway, upstream, request_bytes):
    outcomes = volley(gateway.unix, cuts(request_bytes), half_close=True)
    wrong = [outcome for outcome in outcomes if outcome.word not in ("closed", "400 closed", "408 closed", "413 closed")]
    assert not wrong, f"{words(outcomes)}; such as {wrong[0]}"
    assert not upstream.requests and not upstream.malformed


@pytest.mark.parametrize("request_bytes", [
    pytest.param(request, id=name) for name, _, request in HEADS[::7]])
def test_what_follows_a_good_request_is_refused_too(gateway, upstream, request_bytes):
    good = b"GET /good HTTP/1.1\r\nHost: h\r\n\r\n"
    outcome, = volley(gateway.unix, [[good + request_bytes]])
    assert outcome.statuses[0] == 200 and len(outcome.statuses) == 2, outcome
    assert 400 <= outcome.statuses[1] < 600 and outcome.end in ("fin", "rst"), outcome
    assert upstream.targets() == ["/good"] and not upstream.malformed
