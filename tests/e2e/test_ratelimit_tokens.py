"""Budgets of tokens, from what a model server says of its answers to what a client is told, over a restart too."""

import json
import signal

import pytest

from harness.limits import PATIENCE

CHAT = "/v1/chat/completions"


def config(upstream, window):
    return f"""
routes:
  - name: api
    match: {{ path: /v1 }}
    handle:
      - ratelimit:    {{ requests: 60, tokens: 1k, window: {window} }}
      - openai-proxy: {{ to: "{upstream.url}" }}
"""


def answer_of(tokens):
    """So many, in a stream or not."""
    def script(exchange):
        head = {"id": "x", "created": 1, "model": "m"}
        usage = {"prompt_tokens": tokens - 100, "completion_tokens": 100, "total_tokens": tokens}
        if not json.loads(exchange.request.body or b"{}").get("stream"):
            whole = {**head, "object": "chat.completion", "usage": usage,
                     "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
            exchange.answer(200, json.dumps(whole).encode(), "Content-Type: application/json")
            return
        exchange.stream("Content-Type: text/event-stream")
        delta = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
        for chunk in {"choices": [delta]}, {"choices": [], "usage": usage}:
            exchange.chunk(b"data: " + json.dumps({**head, "object": "chat.completion.chunk", **chunk}).encode() + b"\n\n")
        exchange.chunk(b"data: [DONE]\n\n")
        exchange.end()
    return script


def chat(client, path=CHAT, **more):
    """On a kept connection: the next request is read when what the last one used is charged."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
    return client.ask("POST", path, "Content-Type: application/json", body=json.dumps(body).encode())


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_server_says_is_charged(gateways, upstreams, stream):
    gateway = gateways(config(upstreams(answer_of(400)), "1d"))
    with gateway.client() as client:
        first = chat(client, stream=stream)
        assert first.status == 200
        assert first.get("x-ratelimit-limit-tokens") == "1000"
        assert first.get("x-ratelimit-remaining-tokens") == "1000"
        assert first.get("x-ratelimit-reset-tokens") == "0s"
        assert first.get("x-ratelimit-remaining-requests") == "59"
        # A token comes back each 86 s.
        assert chat(client, stream=stream).get("x-ratelimit-remaining-tokens") in ("600", "601")


def refused(client):
    answer = chat(client)
    assert answer.status == 429
    assert json.loads(answer.body)["error"]["code"] == "insufficient_quota"
    assert answer.get("x-should-retry") == "false"
    assert int(answer.get("retry-after")) <= 60
    assert answer.get("x-ratelimit-remaining-tokens") == "0"
    return json.loads(answer.body)["error"]["message"]


def test_a_spent_day_is_a_quota_and_outlives_the_process(gateways, upstreams):
    upstream = upstreams(answer_of(900))
    gateway = gateways(config(upstream, "1d"))
    with gateway.client() as client:
        assert [chat(client).status for _ in range(2)] == [200, 200]
        assert "1000 tokens in 24h0m0s" in refused(client)
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(PATIENCE) == 0
    gateway.start()
    with gateway.client() as client:
        refused(client)
        # A client of Anthropic's reads it in its own words.
        body = json.loads(chat(client, "/v1/messages").body)
        assert (body["type"], body["error"]["type"]) == ("error", "rate_limit_error")
    assert len([target for target in upstream.targets() if target == CHAT]) == 2


def test_what_is_spent_of_less_than_an_hour_is_forgotten_with_the_process(gateways, upstreams):
    gateway = gateways(config(upstreams(answer_of(900)), "59m"))
    with gateway.client() as client:
        assert [chat(client).status for _ in range(3)] == [200, 200, 429]
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(PATIENCE) == 0
    gateway.start()
    with gateway.client() as client:
        assert chat(client).status == 200
