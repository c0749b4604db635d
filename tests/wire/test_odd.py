"""Odd but right requests pass, whole or cut at any byte, and reach the upstream in one canonical form."""

import pytest

from harness import cuts, volley
from harness.gateway import to_webui
from harness.volley import words

from odd import ODD


@pytest.fixture(scope="module")
def upstream(module_upstreams):
    return module_upstreams()


@pytest.fixture(scope="module")
def gateway(module_gateways, upstream):
    return module_gateways("log: { access: { to: off } }\n" + to_webui(upstream))


@pytest.fixture(autouse=True)
def fresh(upstream):
    upstream.forget()


def test_the_table_is_large_enough():
    assert len(ODD) >= 60 and len({name for name, _, _ in ODD}) == len(ODD)


@pytest.mark.parametrize("request_bytes, seen", [pytest.param(*case[1:], id=case[0]) for case in ODD])
def test_passes(gateway, upstream, request_bytes, seen):
    plan = cuts(request_bytes)
    outcomes = volley(gateway.unix, plan, answers=1)
    wrong = [o for o in outcomes if o.statuses != [200] or o.broken or o.malformed]
    assert not wrong, f"{words(outcomes)}; such as {wrong[0]}"

    assert not upstream.malformed
    assert len(upstream.requests) == len(plan)
    for request in upstream.requests:
        assert f"{request.method} {request.target}" == seen.line
        assert request.body == seen.body
        assert request.version == "1.1" and len(request.all("Host")) == 1
        assert not request.trailers and "Connection" not in request or request.get("Connection") in ("keep-alive", "close")
        for name, value in seen.has.items():
            assert request.get(name) == value, request
        for name in seen.lacks:
            assert name not in request, request
