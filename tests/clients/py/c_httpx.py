"""httpx as a plain HTTP client: credentials in all forms, HTTP/2, raw frames, errors as JSON; see driver.py."""

import asyncio
import json
import ssl
import time

import httpx
from driver import case, cfg, check, emit, main, raises, short, skip_unless, spread, whole

verify = ssl.create_default_context(cafile=cfg.ca) if cfg.tls else False
GOOD = cfg.headers or {"Authorization": "Bearer " + cfg.key}
BODY = {"model": cfg.model, "messages": [{"role": "user", "content": "hello"}]}
c = httpx.Client(base_url=cfg.base, headers=GOOD, verify=verify, timeout=90)


def is_error(r, status):
    check(r.status_code == status, f"status {r.status_code}, not {status}: {r.text[:60]}")
    check("json" in r.headers.get("content-type", ""), f"{r.headers.get('content-type')} instead of JSON")
    e = r.json()["error"]
    check(isinstance(e, dict) and e.get("message"), f"not OpenAI's error: {r.text[:80]}")
    return e


@case("bearer")
def _():
    skip_unless(cfg.auth != "basic", "only Basic here")
    check(
        httpx.get(cfg.base + "/models", headers={"authorization": "bearer " + cfg.key}, verify=verify).status_code
        == 200,
        "lower-case scheme refused",
    )


@case("x-api-key")
def _():
    skip_unless(cfg.auth != "basic", "only Basic here")
    r = httpx.get(cfg.base + "/models", headers={"x-api-key": cfg.key}, verify=verify)
    check(r.status_code == 200, f"status {r.status_code}")


@case("basic")
def _():
    skip_unless(cfg.user, "no --user")
    check(httpx.get(cfg.base + "/models", auth=(cfg.user, cfg.password), verify=verify).status_code == 200, "refused")
    is_error(httpx.get(cfg.base + "/models", auth=(cfg.user, "wrong"), verify=verify), 401)


@case("no-credentials")
def _():
    r = httpx.get(cfg.base + "/models", verify=verify)
    e = is_error(r, 401)
    return f"WWW-Authenticate: {r.headers.get('www-authenticate')}; code {e.get('code')}"


@case("errors-json")
def _():
    is_error(c.post("/chat/completions", content=b"{", headers={"content-type": "application/json"}), 400)
    is_error(c.post("/chat/completions", json=dict(BODY, model="no-such-model")), 404)
    is_error(c.get("/no/such/path"), 404)
    return "400, 404, 404"


@case("413-chunked")
def _():
    skip_unless(cfg.max_body, "no --max-body")

    def parts():
        yield b'{"model":"%s","messages":[{"role":"user","content":"' % cfg.model.encode()
        for _ in range(cfg.max_body // 65536 + 2):
            yield b"x" * 65536
        yield b'"}]}'

    is_error(c.post("/chat/completions", content=parts(), headers={"content-type": "application/json"}), 413)


@case("chunked-body")
def _():
    data = json.dumps(BODY).encode()
    r = c.post(
        "/chat/completions",
        content=(data[i : i + 9] for i in range(0, len(data), 9)),
        headers={"content-type": "application/json"},
    )
    whole(r.json()["choices"][0]["message"]["content"])


@case("stream-raw")
def _():
    times, raw = [], b""
    with c.stream("POST", "/chat/completions", json=dict(BODY, stream=True)) as r:
        check(r.headers["content-type"].startswith("text/event-stream"), r.headers["content-type"])
        check("content-encoding" not in r.headers, "compressed")
        for part in r.iter_raw():
            raw += part
            times.append(time.monotonic())
    check(raw.endswith(b"data: [DONE]\n\n"), f"ends with {raw[-40:]!r}")
    if cfg.text:
        events = [json.loads(l[6:]) for l in raw.decode().split("\n") if l.startswith("data: {")]
        whole("".join(e["choices"][0]["delta"].get("content") or "" for e in events))
    return spread(times, "reads")


@case("comments-verbatim", fake=True)
def _():
    r = c.post("/chat/completions", json=dict(BODY, model="comment-mid", stream=True))
    count = r.content.count(b": a comment\n\n")
    check(count == 13, f"{count} of 13 comments came through")


@case("error-frame-verbatim", fake=True)
def _():
    r = c.post("/chat/completions", json=dict(BODY, model="err-mid-stream", stream=True))
    check(
        b'data: {"error": {"message": "The model fell over."' in r.content,
        f"the error frame is lost: {r.content[-100:]!r}",
    )


@case("cut-is-a-break", fake=True)
def _():
    for model in ("cut-mid-stream", "rst-mid-stream"):
        e = raises(httpx.TransportError, lambda: c.post("/chat/completions", json=dict(BODY, model=model, stream=True)))
    return short(e)


@case("cut-before", fake=True)
def _():
    r = c.post("/chat/completions", json=dict(BODY, model="cut-before"))
    check(r.status_code in (502, 503), f"status {r.status_code}")
    is_error(r, r.status_code)
    return f"{r.status_code} with JSON"


@case("head-first", fake=True)
def _():
    start = time.monotonic()
    with c.stream("POST", "/chat/completions", json=dict(BODY, model="slow-2s", stream=True)) as r:
        took = time.monotonic() - start
        next(r.iter_raw())
        first = time.monotonic() - start
    check(first - took > 1, f"the head came with the first token, after {took:.1f} s")
    return f"head after {took * 1e3:.0f} ms"


@case("keep-alive")
def _():
    with httpx.Client(base_url=cfg.relay, headers=GOOD, verify=verify, timeout=30) as k:
        for _ in range(5):
            k.post("/chat/completions", json=BODY)
        k.post("/chat/completions", json=dict(BODY, stream=True))
        k.post("/chat/completions", json=dict(BODY, model="no-such-model"))
        k.get("/models")
    emit(relay=1)
    return "8 requests, a 404 among them,"


@case("http2")
def _():
    skip_unless(cfg.tls, "not TLS")
    with httpx.Client(base_url=cfg.base, headers=GOOD, verify=verify, http2=True, timeout=60) as h:
        r = h.post("/chat/completions", json=BODY)
        check(r.http_version == "HTTP/2", r.http_version)
        whole(r.json()["choices"][0]["message"]["content"])
        times = []
        with h.stream("POST", "/chat/completions", json=dict(BODY, stream=True)) as r:
            for _ in r.iter_raw():
                times.append(time.monotonic())
    return "h2, " + spread(times, "reads")


@case("http2-parallel")
def _():
    skip_unless(cfg.tls, "not TLS")

    async def go():
        async with httpx.AsyncClient(base_url=cfg.relay, headers=GOOD, verify=verify, http2=True, timeout=60) as h:
            check((await h.get("/models")).http_version == "HTTP/2", "no HTTP/2")
            rows = await asyncio.gather(*[h.post("/chat/completions", json=dict(BODY, stream=True)) for _ in range(20)])
            check(all(r.content.endswith(b"data: [DONE]\n\n") for r in rows), "a stream is not whole")

    asyncio.run(go())
    return "20 streams at once on one connection"


main()
