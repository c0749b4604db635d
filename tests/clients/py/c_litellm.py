"""LiteLLM as a client, in a venv of its own; see driver.py."""

import time

import litellm
from driver import case, cfg, check, main, raises, short, spread, whole

litellm.telemetry = False
litellm.suppress_debug_info = True


def ask(model=None, key=None, headers=None, **more):
    more.setdefault("timeout", 90)
    more.setdefault("messages", [{"role": "user", "content": "hello"}])
    return litellm.completion(
        model="openai/" + (model or cfg.model),
        api_base=cfg.base,
        api_key=key or cfg.key,
        extra_headers=cfg.headers if headers is None else headers,
        **more,
    )


def run_stream(model=None, **more):
    text, times, last = "", [], None
    for chunk in ask(model, stream=True, **more):
        word = chunk.choices and chunk.choices[0].delta.content
        if word:
            text += word
            times.append(time.monotonic())
        last = chunk
    return text, times, last


@case("chat")
def _():
    r = ask()
    whole(r.choices[0].message.content)
    check(r.usage.total_tokens > 0, "no usage")


@case("stream")
def _():
    text, times, _last = run_stream()
    whole(text)
    return spread(times)


@case("usage-on")
def _():
    last = run_stream(stream_options={"include_usage": True})[2]
    check(last.usage.completion_tokens > 0, "no usage")


@case("embeddings")
def _():
    r = litellm.embedding(
        model="openai/" + cfg.embed_model,
        input=["a", "b"],
        api_base=cfg.base,
        api_key=cfg.key,
        extra_headers=cfg.headers or None,
    )
    check(len(r.data) == 2, "no vectors")


@case("anthropic-route")
def _():
    r = litellm.completion(
        model="anthropic/" + cfg.model,
        api_base=cfg.root,
        api_key=cfg.key,
        extra_headers=cfg.headers,
        messages=[{"role": "user", "content": "hello"}],
        timeout=60,
    )
    whole(r.choices[0].message.content)


@case("wrong-key")
def _():
    e = raises(litellm.AuthenticationError, lambda: ask(key="sk-wrong", headers=cfg.wrong_headers))
    return short(e, 90)


@case("unknown-model")
def _():
    return short(raises(litellm.NotFoundError, lambda: ask("no-such-model")), 90)


@case("429-error", fake=True)
def _():
    raises(litellm.RateLimitError, lambda: ask("err-429", max_retries=0))


@case("429-retry", fake=True)
def _():
    start = time.monotonic()
    whole(ask("err-429-once-lit" + cfg.nonce, max_retries=2).choices[0].message.content)
    return f"retried after {time.monotonic() - start:.2f} s"


@case("error-mid-stream", fake=True)
def _():
    return short(raises(Exception, lambda: run_stream("err-mid-stream")))


@case("cut-mid-stream", fake=True)
def _():
    return short(raises(Exception, lambda: run_stream("cut-mid-stream")))


@case("silence", slow=True, fake=True)
def _():
    whole(run_stream(f"slow-{cfg.slow:g}s")[0])


@case("silence-pings", slow=True, fake=True)
def _():
    whole(run_stream(f"ping-{cfg.slow:g}s")[0])
    whole(run_stream("ping1-2s")[0])


main()
