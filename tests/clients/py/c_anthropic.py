"""anthropic-python, against /v1/messages; see driver.py."""

import base64
import time

import anthropic
from driver import (
    asked_once,
    case,
    cfg,
    check,
    emit,
    left_upstream,
    main,
    picture,
    raises,
    short,
    skip_unless,
    spread,
    whole,
)

RAW, _, SAID = picture()
USER = [{"role": "user", "content": "hello"}]
TOOL = [
    {
        "name": "weather",
        "description": "weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]


def make(key=None, headers=None, base=None, **more):
    more.setdefault("timeout", 90)
    return anthropic.Anthropic(
        base_url=base or cfg.root,
        api_key=key or cfg.key,
        default_headers=cfg.headers if headers is None else headers,
        **more,
    )


c = make()


def ask(model=None, client=None, **more):
    return (client or c).messages.create(
        model=model or cfg.model, max_tokens=99, messages=more.pop("messages", USER), **more
    )


def run_stream(model=None, client=None):
    text, times, kinds = "", [], []
    for e in ask(model, client, stream=True):
        kinds.append(e.type)
        if e.type == "content_block_delta":
            text += e.delta.text
            times.append(time.monotonic())
    return text, times, kinds


@case("models")
def _():
    ids = [m.id for m in c.models.list()]
    check(cfg.model in ids, f"{cfg.model} is not in {ids[:5]}")


@case("messages")
def _():
    r = ask()
    whole(r.content[0].text)
    check(r.usage.output_tokens > 0, "no usage")
    return f"request id {r._request_id}"


@case("messages-stream")
def _():
    text, times, kinds = run_stream()
    whole(text)
    check(kinds[0] == "message_start" and kinds[-1] == "message_stop", f"events {kinds[0]} … {kinds[-1]}")
    return spread(times)


@case("stream-helper")
def _():
    with c.messages.stream(model=cfg.model, max_tokens=99, messages=USER) as s:
        whole("".join(s.text_stream))
        m = s.get_final_message()
    check(m.stop_reason == "end_turn" and m.usage.output_tokens > 0, f"final message {m!r}")


@case("bearer")
def _():
    skip_unless(cfg.auth != "basic", "only Basic here")
    whole(
        ask(client=anthropic.Anthropic(base_url=cfg.root, auth_token=cfg.key, api_key=None, timeout=60)).content[0].text
    )
    return "auth_token → Authorization: Bearer"


@case("tools")
def _():
    r = ask(tools=TOOL)
    use = next(b for b in r.content if b.type == "tool_use")
    check(use.input["city"], "no input")
    r2 = ask(
        tools=TOOL,
        messages=USER
        + [
            {"role": "assistant", "content": r.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]},
        ],
    )
    if cfg.fake:
        check("sunny" in r2.content[0].text, r2.content[0].text)


@case("vision-3mb")
def _():
    r = ask(
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(RAW).decode()},
                    }
                ],
            }
        ]
    )
    if cfg.fake:
        check(r.content[0].text == SAID, r.content[0].text[:80])


@case("count-tokens")
def _():
    check(c.messages.count_tokens(model=cfg.model, messages=USER).input_tokens > 0, "no count")


@case("wrong-key")
def _():
    e = raises(anthropic.AuthenticationError, lambda: ask(client=make("sk-wrong", cfg.wrong_headers)))
    check(
        isinstance(e.body, dict) and e.body.get("type") == "error" and e.body["error"].get("message"),
        f"the body is not Anthropic's error JSON: {str(e.body)[:80]!r}",
    )
    return f"{e.body['error']['type']}: {e.body['error']['message']}"


@case("unknown-model")
def _():
    e = raises(anthropic.NotFoundError, lambda: ask("no-such-model"))
    check(isinstance(e.body, dict) and e.body["error"]["type"] == "not_found_error", f"{str(e.body)[:80]!r}")


@case("unknown-path")
def _():
    e = raises(anthropic.NotFoundError, lambda: c.post("/v1/messages/no/such", cast_to=object, body={}))
    check(isinstance(e.body, dict), f"no JSON: {str(e.body)[:60]!r}")


@case("413")
def _():
    skip_unless(cfg.max_body, "no --max-body")
    e = raises(
        anthropic.APIStatusError, lambda: ask(messages=[{"role": "user", "content": "x" * (cfg.max_body + 1000)}])
    )
    check(e.status_code == 413 and isinstance(e.body, dict), f"{e.status_code} {str(e.body)[:60]}")
    return type(e).__name__


@case("429-retry", fake=True)
def _():
    start = time.monotonic()
    whole(ask("err-429-once-apy" + cfg.nonce).content[0].text)
    took = time.monotonic() - start
    check(took >= 1.9, f"Retry-After: 2 but it took {took:.2f} s")
    return f"retried after {took:.2f} s"


@case("429-error", fake=True)
def _():
    e = raises(anthropic.RateLimitError, lambda: ask("err-429", make(max_retries=0)))
    check(isinstance(e.body, dict) and e.body["error"]["type"] == "rate_limit_error", str(e.body)[:80])


@case("429-hard", fake=True)
def _():
    model = "err-429-hard-apy" + cfg.nonce
    raises(anthropic.RateLimitError, lambda: ask(model))
    asked_once(model)


@case("error-mid-stream", fake=True)
def _():
    e = raises(anthropic.APIError, lambda: run_stream("err-mid-stream"))
    return short(e)


@case("cut-mid-stream", fake=True)
def _():
    try:
        text = run_stream("cut-mid-stream")[0]
    except Exception as e:
        return "raises " + short(e)
    raise AssertionError(f"a cut stream looks whole: {text!r}")


@case("comment-mid", fake=True)
def _():
    whole(run_stream("comment-mid")[0])


@case("abort", fake=True)
def _():
    model = "hang-apy" + cfg.nonce
    with ask(model, stream=True) as s:
        for e in s:
            if e.type == "content_block_delta":
                break
    return left_upstream(model)


@case("silence", slow=True, fake=True)
def _():
    whole(run_stream(f"slow-{cfg.slow:g}s")[0])


@case("silence-pings", slow=True, fake=True)
def _():
    whole(run_stream(f"ping-{cfg.slow:g}s")[0])
    whole(run_stream("ping1-2s")[0])


@case("keep-alive")
def _():
    k = make(base=cfg.relay.rsplit("/v1", 1)[0])
    for _ in range(4):
        ask(client=k)
    run_stream(client=k)
    ask(client=k)
    emit(relay=3)
    return "6 requests"


main()
