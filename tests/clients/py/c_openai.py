"""openai-python; see driver.py."""

import asyncio
import json
import time

import openai
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
    sound,
    spread,
    whole,
)

URI = picture()


def make(key=None, headers=None, base=None, **more):
    more.setdefault("timeout", 90)
    return openai.OpenAI(
        base_url=base or cfg.base,
        api_key=key or cfg.key,
        default_headers=cfg.headers if headers is None else headers,
        **more,
    )


c = make()
USER = [{"role": "user", "content": "hello"}]
TOOL = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def run_stream(client=None, model=None, **more):
    text, times, last = "", [], None
    for chunk in (client or c).chat.completions.create(model=model or cfg.model, messages=USER, stream=True, **more):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            times.append(time.monotonic())
        last = chunk
    return text, times, last


class Tape(openai.DefaultHttpxClient):
    """The SDK's own HTTP client, which also keeps the raw bytes of the last body."""

    raw = b""

    def send(self, request, **kw):
        response = super().send(request, **kw)
        if kw.get("stream"):
            tape = self
            inner = response.stream

            class Stream(type(inner).__mro__[1]):
                def __iter__(self):
                    for part in inner:
                        tape.raw += part
                        yield part

                def close(self):
                    inner.close()

            response.stream = Stream()
        return response


@case("models")
def _():
    ids = [m.id for m in c.models.list()]
    check(cfg.model in ids, f"{cfg.model} is not in {ids[:5]}")
    return f"{len(ids)} models"


@case("chat")
def _():
    r = c.chat.completions.create(model=cfg.model, messages=USER)
    whole(r.choices[0].message.content)
    check(r.usage.total_tokens > 0, "no usage")
    check(r._request_id, "no x-request-id header")
    return "request id " + r._request_id


@case("chat-async")
def _():
    async def go():
        a = openai.AsyncOpenAI(base_url=cfg.base, api_key=cfg.key, default_headers=cfg.headers, timeout=60)
        rows = await asyncio.gather(*[a.chat.completions.create(model=cfg.model, messages=USER) for _ in range(8)])
        await a.close()
        return rows

    for r in asyncio.run(go()):
        whole(r.choices[0].message.content)
    return "8 at once"


@case("stream")
def _():
    text, times, last = run_stream()
    whole(text)
    check(last.choices and last.choices[0].finish_reason == "stop", "the last chunk has no finish_reason")
    return spread(times)


@case("stream-done")
def _():
    tape = Tape()
    whole(run_stream(make(http_client=tape))[0])
    check(tape.raw.rstrip().endswith(b"data: [DONE]"), f"body ends with {tape.raw[-60:]!r}")
    return "[DONE] seen on the wire"


@case("usage-on")
def _():
    last = run_stream(stream_options={"include_usage": True})[2]
    check(last.choices == [] and last.usage and last.usage.completion_tokens > 0, "no usage chunk at the end")
    return f"{last.usage.completion_tokens} tokens"


@case("usage-off")
def _():
    for chunk in c.chat.completions.create(model=cfg.model, messages=USER, stream=True):
        check(chunk.choices, "a chunk without choices that nobody asked for")
        check(not chunk.usage, "usage that nobody asked for")


@case("embeddings")
def _():
    r = c.embeddings.create(model=cfg.embed_model, input=["a", "b"])
    check(len(r.data) == 2 and len(r.data[0].embedding) > 1 and isinstance(r.data[0].embedding[0], float), "no vectors")
    return f"{len(r.data[0].embedding)} numbers (asked for base64)"


@case("completions")
def _():
    whole(c.completions.create(model=cfg.model, prompt="hello").choices[0].text)
    whole("".join(x.choices[0].text for x in c.completions.create(model=cfg.model, prompt="hello", stream=True)))


@case("responses")
def _():
    whole(c.responses.create(model=cfg.model, input="hello").output_text)


@case("responses-stream")
def _():
    text, times, kinds = "", [], []
    for e in c.responses.create(model=cfg.model, input="hello", stream=True):
        kinds.append(e.type)
        if e.type == "response.output_text.delta":
            text += e.delta
            times.append(time.monotonic())
    whole(text)
    check(kinds[0] == "response.created" and kinds[-1] == "response.completed", f"events {kinds[0]} … {kinds[-1]}")
    return spread(times)


@case("tools")
def _():
    r = c.chat.completions.create(model=cfg.model, messages=USER, tools=TOOL)
    call = r.choices[0].message.tool_calls[0]
    check(json.loads(call.function.arguments)["city"], "no argument")
    r2 = c.chat.completions.create(
        model=cfg.model,
        tools=TOOL,
        messages=USER + [r.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}],
    )
    if cfg.fake:
        check(r2.choices[0].message.content == "tool said sunny", repr(r2.choices[0].message.content))


@case("tools-stream")
def _():
    args = ""
    for chunk in c.chat.completions.create(model=cfg.model, messages=USER, tools=TOOL, stream=True):
        for t in (chunk.choices and chunk.choices[0].delta.tool_calls) or []:
            args += t.function.arguments or ""
    check(json.loads(args)["city"], f"arguments {args!r}")


@case("vision-3mb")
def _():
    r = c.chat.completions.create(
        model=cfg.model,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is it?"},
                    {"type": "image_url", "image_url": {"url": URI[1]}},
                ],
            }
        ],
    )
    if cfg.fake:
        check(
            r.choices[0].message.content == URI[2], "the image changed on its way: " + r.choices[0].message.content[:80]
        )
    return f"{len(URI[1])} bytes of JSON"


@case("audio")
def _():
    skip_unless(cfg.audio_model, "no --audio-model")
    raw, said = sound()
    r = c.audio.transcriptions.create(model=cfg.audio_model, file=("a.wav", raw))
    if cfg.fake:
        check(r.text == said, r.text[:80])


@case("wrong-key")
def _():
    e = raises(openai.AuthenticationError, lambda: make("sk-wrong", cfg.wrong_headers).models.list())
    check(
        isinstance(e.body, dict) and e.body.get("message"),
        f"the body is not OpenAI's error JSON: {(e.body if e.body is None else str(e.body)[:60])!r}",
    )
    check("request_id" in dir(e), "no request id")
    return f"code={e.code} message={e.body['message'][:50]}"


@case("unknown-model")
def _():
    e = raises(openai.NotFoundError, lambda: c.chat.completions.create(model="no-such-model", messages=USER))
    check(e.code == "model_not_found", f"code {e.code!r}")
    return e.body["message"][:60]


@case("unknown-path")
def _():
    e = raises(openai.NotFoundError, lambda: c.post("/no/such/path", cast_to=object, body={}))
    check(isinstance(e.body, dict) and e.body.get("message"), f"no JSON error: {str(e.body)[:60]!r}")


@case("bad-json")
def _():
    e = raises(
        openai.BadRequestError,
        lambda: c.post(
            "/chat/completions",
            cast_to=object,
            content=b'{"model": "x", "messages": [',
            options={"headers": {"content-type": "application/json"}},
        ),
    )
    check(isinstance(e.body, dict), f"no JSON error: {str(e.body)[:60]!r}")
    return str(e.body.get("message"))[:70]


@case("413")
def _():
    skip_unless(cfg.max_body, "no --max-body")
    e = raises(
        openai.APIStatusError,
        lambda: c.chat.completions.create(
            model=cfg.model, messages=[{"role": "user", "content": "x" * (cfg.max_body + 1000)}]
        ),
    )
    check(e.status_code == 413, f"status {e.status_code}")
    check(isinstance(e.body, dict), f"413 without JSON: {str(e.body)[:60]!r}")
    return type(e).__name__ + ": " + str(e.body.get("message"))[:60]


@case("429-retry", fake=True)
def _():
    start = time.monotonic()
    r = c.chat.completions.create(model="err-429-once-opy" + cfg.nonce, messages=USER)
    whole(r.choices[0].message.content)
    took = time.monotonic() - start
    check(took >= 1.9, f"Retry-After: 2 but it took {took:.2f} s")
    return f"retried after {took:.2f} s"


@case("429-error", fake=True)
def _():
    e = raises(openai.RateLimitError, lambda: c.chat.completions.create(model="err-429", messages=USER))
    check(isinstance(e.body, dict) and e.code == "rate_limit_exceeded", f"code {e.code!r}")
    check(e.response.headers.get("retry-after"), "Retry-After is lost")


@case("429-hard", fake=True)
def _():
    model = "err-429-hard-opy" + cfg.nonce
    e = raises(openai.RateLimitError, lambda: c.chat.completions.create(model=model, messages=USER))
    asked_once(model)
    return e.code


@case("429-gateway")
def _():
    skip_unless(cfg.spent_key, "no --spent-key")
    e = raises(openai.RateLimitError, lambda: make(cfg.spent_key, {}, max_retries=0).models.list())
    check(e.code == "rate_limit_exceeded", f"code {e.code!r}")
    check(1 <= int(e.response.headers["retry-after"]) <= 60, "no Retry-After")
    check(e.request_id and e.request_id == e.response.headers["x-request-id"], "no request id")
    return e.body["message"][:60]


@case("429-tokens")
def _():
    skip_unless(cfg.poor_key, "no --poor-key")
    poor = make(cfg.poor_key, {})
    whole(poor.chat.completions.create(model=cfg.model, messages=USER).choices[0].message.content)
    e = raises(openai.RateLimitError, lambda: poor.chat.completions.create(model=cfg.model, messages=USER))
    check(e.code == "insufficient_quota", f"code {e.code!r}")
    check(e.response.headers["x-should-retry"] == "false", "it would be tried again")
    check(e.response.request.headers["x-stainless-retry-count"] == "0", "it was tried again")
    return e.body["message"][:60]


@case("502")
def _():
    skip_unless(cfg.dead_model, "no --dead-model")
    ask = make(max_retries=0).chat.completions.create
    e = raises(openai.InternalServerError, lambda: ask(model=cfg.dead_model, messages=USER))
    check(e.status_code == 502 and e.code == "upstream_error", f"{e.status_code} {e.code}")


@case("error-in-200", fake=True)
def _():
    e = raises(openai.NotFoundError, lambda: c.chat.completions.create(model="err-200", messages=USER))
    check(isinstance(e.body, dict) and "endpoint" in e.body["message"], str(e.body)[:80])
    e = raises(openai.NotFoundError, lambda: run_stream(model="err-200"))


@case("500", fake=True)
def _():
    e = raises(
        openai.InternalServerError,
        lambda: make(max_retries=0).chat.completions.create(model="err-500-before", messages=USER),
    )
    check(isinstance(e.body, dict) and e.body.get("message"), "no JSON")


@case("error-mid-stream", fake=True)
def _():
    e = raises(openai.APIError, lambda: run_stream(model="err-mid-stream"))
    check("fell over" in e.message, e.message)
    return f"{type(e).__name__}: {e.message} body={e.body}"


@case("cut-mid-stream", fake=True)
def _():
    try:
        text = run_stream(model="cut-mid-stream")[0]
    except Exception as e:
        return "raises " + short(e)
    raise AssertionError(f"a cut stream looks whole: {text!r}")


@case("comment-mid", fake=True)
def _():
    whole(run_stream(model="comment-mid")[0])


@case("abort", fake=True)
def _():
    model = "hang-opy" + cfg.nonce
    with c.chat.completions.create(model=model, messages=USER, stream=True) as s:
        for chunk in s:
            if chunk.choices[0].delta.content:
                break
    note = left_upstream(model)
    whole(c.chat.completions.create(model=cfg.model, messages=USER).choices[0].message.content)
    return note


@case("silence", slow=True, fake=True)
def _():
    start = time.monotonic()
    whole(run_stream(model=f"slow-{cfg.slow:g}s")[0])
    return f"{time.monotonic() - start:.0f} s of silence after the head"


@case("silence-head", slow=True, fake=True)
def _():
    start = time.monotonic()
    whole(run_stream(model=f"late-{cfg.slow:g}s")[0])
    return f"{time.monotonic() - start:.0f} s without a head"


@case("silence-pings", slow=True, fake=True)
def _():
    whole(run_stream(model=f"ping-{cfg.slow:g}s")[0])
    whole(run_stream(model="ping1-2s")[0])
    return "': ping' with two LF and with one"


@case("keep-alive")
def _():
    k = make(base=cfg.relay, http_client=None)
    for _ in range(4):
        k.chat.completions.create(model=cfg.model, messages=USER)
    run_stream(k)
    k.models.list()
    emit(relay=3)
    return "6 requests"


main()
