"""/v1 behind a password, the rest open to a web UI: no spelling is another door into the model server."""

import hashlib

import pytest

from harness import volley
from harness.client import request

from doors import SPELLINGS, is_v1

KEY = "gh_" + "k" * 43


@pytest.fixture(scope="module")
def model(module_upstreams):
    return module_upstreams(name="model")


@pytest.fixture(scope="module")
def webui(module_upstreams):
    return module_upstreams(name="webui")


@pytest.fixture(scope="module")
def gateway(module_gateways, model, webui):
    return module_gateways(f"""
routes:
  - match: {{ path: /v1 }}
    handle:
      - basic-auth: {{ keys: {{ test: "sha256:{hashlib.sha256(KEY.encode()).hexdigest()}" }} }}
      - openai-proxy: {{ to: "{model.url}" }}
  - handle:
      - webui-proxy: {{ to: "{webui.url}" }}
""")


@pytest.fixture(autouse=True)
def fresh(model, webui):
    model.forget()
    webui.forget()


def test_the_table_is_large_enough():
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 100
    assert sum(map(is_v1, SPELLINGS)) >= 90, "most must be spellings that some server takes for /v1"
    assert not any(map(is_v1, ["/", "/v10", "/v", "/x/v1", "/v1x", "/%25761"]))


def test_the_doors_as_they_should_be(gateway, model, webui):
    assert gateway.ask("GET", "/v1/models").status == 401
    assert model.untouched()
    assert gateway.ask("GET", "/v1/models", f"Authorization: Bearer {KEY}").body == b"model"
    assert gateway.ask("GET", "/v10").body == gateway.ask("GET", "/").body == b"webui"
    assert model.targets() == ["/v1/models"] and webui.targets() == ["/v10", "/"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_without_credentials(gateway, model, webui, spelling, method):
    body = b"{}" if method == "POST" else None
    outcome, = volley(gateway.unix, [[request(method, spelling, body=body)]], answers=1)
    assert len(outcome.statuses) == 1 and not outcome.malformed, outcome
    assert model.untouched(), model.heads
    for seen in webui.heads:
        assert not is_v1(seen.target), f"{spelling} reached the web UI as {seen.target}"
    assert not webui.malformed


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_with_credentials_the_model_server_sees_one_spelling(gateway, model, webui, spelling):
    asked = request("GET", spelling, f"Authorization: Bearer {KEY}")
    outcome, = volley(gateway.unix, [[asked]], answers=1)
    assert len(outcome.statuses) == 1, outcome
    for seen in model.heads:
        path = seen.target.split("?")[0]
        assert path == "/v1" or path.startswith("/v1/"), f"{spelling} reached the model server as {path}"
        assert "//" not in path and "/." not in path and "%7" not in path
    assert not any(is_v1(seen.target) for seen in webui.heads)
