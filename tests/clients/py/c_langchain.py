"""langchain-openai, in a venv of its own, since it pins the OpenAI SDK; see driver.py."""

import time

import openai
from driver import case, cfg, check, left_upstream, main, picture, raises, short, spread, whole
from langchain_openai import ChatOpenAI, OpenAIEmbeddings


def make(model=None, **more):
    more.setdefault("timeout", 90)
    more.setdefault("base_url", cfg.base)
    more.setdefault("api_key", cfg.key)
    more.setdefault("default_headers", cfg.headers)
    return ChatOpenAI(model=model or cfg.model, **more)


def run_stream(model=None, **more):
    text, times = "", []
    for part in make(model, **more).stream("hello"):
        if part.content:
            text += part.content
            times.append(time.monotonic())
    return text, times


@case("chat")
def _():
    r = make().invoke("hello")
    whole(r.content)
    check(r.usage_metadata["total_tokens"] > 0, "no usage")
    return "openai " + openai.__version__


@case("stream")
def _():
    text, times = run_stream()
    whole(text)
    return spread(times)


@case("usage-on")
def _():
    total = None
    for part in make(stream_usage=True).stream("hello"):
        total = part if total is None else total + part
    check(total.usage_metadata and total.usage_metadata["output_tokens"] > 0, "no usage")


@case("embeddings")
def _():
    e = OpenAIEmbeddings(
        model=cfg.embed_model,
        base_url=cfg.base,
        api_key=cfg.key,
        default_headers=cfg.headers,
        check_embedding_ctx_length=False,
    )
    check(len(e.embed_documents(["a", "b"])) == 2, "no vectors")


@case("tools")
def _():
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "w",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    r = make().bind_tools([tool]).invoke("hello")
    check(r.tool_calls[0]["args"]["city"], "no argument")


@case("vision-3mb")
def _():
    _raw, uri, said = picture()
    r = make().invoke([("user", [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": uri}}])])
    if cfg.fake:
        check(r.content == said, r.content[:80])


@case("wrong-key")
def _():
    e = raises(
        openai.AuthenticationError, lambda: make(api_key="sk-wrong", default_headers=cfg.wrong_headers).invoke("hello")
    )
    check(isinstance(e.body, dict), f"no JSON: {str(e.body)[:60]!r}")


@case("unknown-model")
def _():
    e = raises(openai.NotFoundError, lambda: make("no-such-model").invoke("hello"))
    check(e.code == "model_not_found", f"code {e.code!r}")


@case("429-retry", fake=True)
def _():
    start = time.monotonic()
    whole(make("err-429-once-lch" + cfg.nonce).invoke("hello").content)
    check(time.monotonic() - start >= 1.9, f"Retry-After: 2 but it took {time.monotonic() - start:.2f} s")


@case("error-mid-stream", fake=True)
def _():
    return short(raises(Exception, lambda: run_stream("err-mid-stream")))


@case("cut-mid-stream", fake=True)
def _():
    return short(raises(Exception, lambda: run_stream("cut-mid-stream")))


@case("abort", fake=True)
def _():
    model = "hang-lch" + cfg.nonce
    s = make(model).stream("hello")
    for part in s:
        if part.content:
            break
    s.close()
    return left_upstream(model)


@case("silence", slow=True, fake=True)
def _():
    whole(run_stream(f"slow-{cfg.slow:g}s")[0])


@case("silence-pings", slow=True, fake=True)
def _():
    whole(run_stream(f"ping-{cfg.slow:g}s")[0])
    whole(run_stream("ping1-2s")[0])


main()
