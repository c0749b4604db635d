"""OpenAI's own client through the gateway, as in a program of a user: base_url and a key, nothing else.

It is skipped where the client is missing. To run it:
`python3 -m venv --system-site-packages V && V/bin/pip install openai && V/bin/python -m pytest tests/e2e/test_real_clients.py`.
"""

import base64
import contextlib
import json
import threading

import pytest

from harness.door import KEY, PASSWORD, door
from harness.limits import PATIENCE
from harness.upstream import Tokens

try:
    import openai
except ImportError:
    openai = None

pytestmark = pytest.mark.skipif(openai is None, reason="no `openai` package for this python3")

TEXT = "The gate opens at 07:00 \u2014 Gr\u00fc\u00dfe \u6f22\u5b57 \U0001f600."
QUESTION = {"model": "org/model", "messages": [{"role": "user", "content": "hello"}]}
LIMIT = 65536


def piece(text):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: %s\n\n" % json.dumps({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                                         "choices": [choice]}).encode()


class Model:
    """A model server's script: what it does with a chat is the test's to say."""

    def __init__(self):
        self.chat = self.whole
        self.left = threading.Event()

    def __call__(self, exchange):
        if exchange.request.target == "/v1/models":
            exchange.answer(200, b'{"object":"list","data":[{"id":"org/model","object":"model","created":1,"owned_by":"me"}]}',
                            "Content-Type: application/json")
        else:
            self.chat(exchange)

    @staticmethod
    def whole(exchange):
        message = {"role": "assistant", "content": TEXT}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        exchange.answer(200, json.dumps(body, ensure_ascii=False).encode(), "Content-Type: application/json")

    @staticmethod
    def cut(exchange):
        exchange.stream("Content-Type: text/event-stream")
        exchange.chunk(piece("The"))
        exchange.fin()

    def silent_after_one(self, exchange):
        exchange.stream("Content-Type: text/event-stream")
        exchange.chunk(piece("The"))
        if exchange.stall():
            self.left.set()


@pytest.fixture(name="model")
def _model(upstreams):
    script = Model()
    script.server = upstreams(script, name="model")
    return script


@pytest.fixture(name="gateway")
def _gateway(gateways, model, upstream):
    config = door(model.server, upstream, before="      - ratelimit: { requests: 10, window: 10m }\n")
    return gateways(config.replace("path: /v1 }\n", f"path: /v1 }}\n    max_body: {LIMIT}\n"))


@contextlib.contextmanager
def client_of(gateway, key=KEY, retries=0, **options):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=key, max_retries=retries, timeout=PATIENCE, **options) as client:
        yield client


@pytest.fixture(name="client")
def _client(gateway):
    with client_of(gateway) as client:
        yield client


def test_it_lists_models_and_chats(client, model):
    assert [m.id for m in client.models.list()] == ["org/model"]
    assert client.chat.completions.create(**QUESTION).choices[0].message.content == TEXT
    assert model.server.requests[1].get("Authorization") is None, "the gateway's key went on to the model server"


def test_each_token_is_there_before_the_next_is_made(client, model):
    model.chat = tokens = Tokens()
    with client.chat.completions.create(**QUESTION, stream=True) as stream:
        for number in range(20):
            tokens.let()
            assert next(stream).choices[0].delta.content == f"t{number}"
        tokens.finish()
        assert not list(stream)


def test_a_user_and_password_do_as_well(gateway):
    basic = base64.b64encode(f"api_user:{PASSWORD}".encode()).decode()
    with client_of(gateway, key="none", default_headers={"Authorization": "Basic " + basic}) as client:
        assert client.models.list().data


def test_a_wrong_key_is_an_authentication_error(gateway, model):
    with client_of(gateway, key=KEY + "x") as client, pytest.raises(openai.AuthenticationError) as raised:
        client.chat.completions.create(**QUESTION)
    assert raised.value.code == "invalid_api_key" and raised.value.type == "invalid_request_error"
    assert raised.value.request_id == raised.value.response.headers["x-request-id"]
    assert model.server.untouched()


def test_a_path_that_is_no_api_is_not_found(client, model):
    with pytest.raises(openai.NotFoundError) as raised:
        client.get("/nonsense", cast_to=object)
    assert raised.value.code == "not_found"
    assert model.server.untouched()


def test_too_large_a_question_is_a_413_that_it_can_read(client, model):
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * LIMIT}])
    assert raised.value.status_code == 413 and str(LIMIT) in raised.value.message
    assert not model.server.requests


def test_too_many_are_a_rate_limit_error_that_says_when(client):
    for _ in range(10):
        client.models.list()
    with pytest.raises(openai.RateLimitError) as raised:
        client.models.list()
    assert raised.value.code == "rate_limit_exceeded"
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60


def test_a_model_server_that_is_down_is_a_502_and_back_by_itself(client, model):
    model.server.stop()
    with pytest.raises(openai.InternalServerError) as raised:
        client.models.list()
    assert raised.value.status_code == 502 and raised.value.code == "upstream_error"
    model.server.start()
    assert client.models.list().data


def test_a_model_server_that_dies_in_an_answer_is_an_error(client, model):
    model.chat = model.cut
    with pytest.raises(openai.APIConnectionError), client.chat.completions.create(**QUESTION, stream=True) as stream:
        assert next(stream).choices[0].delta.content == "The"
        list(stream)


def test_leaving_a_stream_frees_the_model_server(client, model):
    model.chat = model.silent_after_one
    with client.chat.completions.create(**QUESTION, stream=True) as stream:
        assert next(stream).choices[0].delta.content == "The"
        assert not model.left.is_set()
    assert model.left.wait(PATIENCE)
