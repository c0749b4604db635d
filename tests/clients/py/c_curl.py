"""curl: credentials, HTTP/1.0, /1.1 and /2, Expect: 100-continue, multipart, CORS by raw headers; see driver.py."""

import json
import os
import subprocess
import tempfile
import time

from driver import case, cfg, check, main, skip_unless, sound, spread, whole

BODY = {"model": cfg.model, "messages": [{"role": "user", "content": "hello"}]}
GOOD = ["-u", cfg.user + ":" + cfg.password] if cfg.auth == "basic" else ["-H", "Authorization: Bearer " + cfg.key]
CA = ["--cacert", cfg.ca] if cfg.tls else []
JSON = ["-H", "content-type: application/json"]
CHAT = cfg.base + "/chat/completions"


def curl(*args, ok=(0,)):
    r = subprocess.run(["curl", "-sS", "--max-time", "60", *CA, *args], capture_output=True, timeout=90)
    check(r.returncode in ok, f"curl ended with {r.returncode}: {r.stderr.decode().strip()[:100]}")
    return r


def post(body, *args):
    return curl(*GOOD, *JSON, "--data-binary", json.dumps(body), *args, CHAT).stdout


def status(*args):
    return curl("-o", os.devnull, "-w", "%{http_code} %{http_version}", *args).stdout.decode()


@case("user-password")
def _():
    skip_unless(cfg.user, "no --user")
    check(status("-u", cfg.user + ":" + cfg.password, cfg.base + "/models").startswith("200"), "refused")
    check(status("-u", cfg.user + ":wrong", cfg.base + "/models").startswith("401"), "a wrong password is let in")


@case("bearer")
def _():
    skip_unless(cfg.auth != "basic", "only Basic here")
    check(status("--oauth2-bearer", cfg.key, cfg.base + "/models").startswith("200"), "refused")


@case("x-api-key")
def _():
    skip_unless(cfg.auth != "basic", "only Basic here")
    check(status("-H", "x-api-key: " + cfg.key, cfg.base + "/models").startswith("200"), "refused")


@case("anonymous")
def _():
    check(status(cfg.base + "/models").startswith("401"), "let in without credentials")


@case("stream")
def _():
    p = subprocess.Popen(
        ["curl", "-sSN", *CA, *GOOD, *JSON, "-d", json.dumps(dict(BODY, stream=True)), CHAT], stdout=subprocess.PIPE
    )
    times, last = [], b""
    for line in p.stdout:
        if line.startswith(b"data: {"):
            times.append(time.monotonic())
        last = line if line.strip() else last
    check(p.wait() == 0 and last == b"data: [DONE]\n", f"exit {p.returncode}, last line {last[-60:]!r}")
    return spread(times, "lines")


@case("http1.0")
def _():
    r = json.loads(post(BODY, "--http1.0"))
    whole(r["choices"][0]["message"]["content"])


@case("http1.0-stream")
def _():
    r = post(dict(BODY, stream=True), "--http1.0", "-i")
    check(r.endswith(b"data: [DONE]\n\n"), "not whole")
    check(b"transfer-encoding" not in r.split(b"\r\n\r\n")[0].lower(), "chunks towards HTTP/1.0")


@case("expect-100")
def _():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump({"model": cfg.model, "messages": [{"role": "user", "content": "x" * (2 << 20)}]}, f)
        f.flush()
        r = curl(*GOOD, *JSON, "-v", "--http1.1", "-H", "Expect: 100-continue", "--data-binary", "@" + f.name, CHAT)
    check(b"choices" in r.stdout, r.stdout[:80])
    check(b"100 Continue" in r.stderr, "no 100 Continue came")


@case("413-expect")
def _():
    skip_unless(cfg.max_body, "no --max-body")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write("x" * (cfg.max_body + 1000))
        f.flush()
        r = curl(*GOOD, *JSON, "-w", "\n%{http_code} %{size_upload}", "--data-binary", "@" + f.name, CHAT, ok=(0, 55))
    body, _, line = r.stdout.decode().rpartition("\n")
    check(line.startswith("413"), f"status {line}")
    check(json.loads(body)["error"]["message"], body[:60])
    return f"413 after {line.split()[1]} bytes of {cfg.max_body + 1000} were sent"


@case("multipart")
def _():
    skip_unless(cfg.audio_model, "no --audio-model")
    raw, said = sound()
    with tempfile.NamedTemporaryFile(suffix=".wav") as f:
        f.write(raw)
        f.flush()
        r = curl(*GOOD, "-F", "model=" + cfg.audio_model, "-F", "file=@" + f.name, cfg.base + "/audio/transcriptions")
    text = json.loads(r.stdout)["text"]
    check(text == said or not cfg.fake, text[:80])


@case("cut-is-a-break", fake=True)
def _():
    codes = []
    for model in ("cut-mid-stream", "rst-mid-stream"):
        r = curl(*GOOD, *JSON, "-d", json.dumps(dict(BODY, model=model, stream=True)), CHAT, ok=range(100))
        check(r.returncode in (18, 56, 92), f"{model}: exit {r.returncode}: the cut stream looks whole")
        codes.append(r.returncode)
    return f"exit codes {codes}"


@case("http2")
def _():
    skip_unless(cfg.tls, "not TLS")
    got = status("--http2", *GOOD, cfg.base + "/models")
    check(got == "200 2", got)
    check(post(dict(BODY, stream=True), "--http2", "-N").endswith(b"data: [DONE]\n\n"), "not whole")


@case("http2-cut", fake=True)
def _():
    skip_unless(cfg.tls, "not TLS")
    asked = json.dumps(dict(BODY, model="cut-mid-stream", stream=True))
    r = curl(*GOOD, *JSON, "--http2", "-d", asked, CHAT, ok=range(100))
    check(r.returncode == 92, f"exit {r.returncode}: the cut stream looks whole")
    return "exit 92: stream reset"


@case("private-ca")
def _():
    skip_unless(cfg.tls, "not TLS")
    r = subprocess.run(
        ["curl", "-sS", "--max-time", "9", *GOOD, cfg.base + "/models"],
        capture_output=True,
        env={k: v for k, v in os.environ.items() if not k.endswith(("_FILE", "_BUNDLE"))},
    )
    check(r.returncode == 60, f"without --cacert curl ends with {r.returncode}, not 60")


@case("cors-preflight")
def _():
    asked = "authorization,content-type,x-stainless-lang,x-stainless-retry-count"
    fields = ["Origin: http://app.example", "Access-Control-Request-Method: POST"]
    fields.append("Access-Control-Request-Headers: " + asked)
    r = curl("-i", "-X", "OPTIONS", *[w for f in fields for w in ("-H", f)], CHAT).stdout.decode().lower()
    check(r.split()[1] in ("200", "204"), f"the preflight (which never has credentials) gets {r.split()[1]}")
    heads = dict(l.split(": ", 1) for l in r.split("\r\n\r\n")[0].split("\r\n")[1:] if ": " in l)
    check(
        heads.get("access-control-allow-origin") in ("http://app.example", "*"),
        f"allow-origin {heads.get('access-control-allow-origin')!r}",
    )
    check(
        all(h in heads.get("access-control-allow-headers", "") for h in asked.split(",")),
        f"allow-headers {heads.get('access-control-allow-headers')!r}",
    )


@case("cors-answer")
def _():
    for args in (GOOD, ["-H", "Authorization: Bearer sk-wrong"]):
        r = curl("-i", *args, "-H", "Origin: http://app.example", cfg.base + "/models").stdout.decode().lower()
        count = r.count("access-control-allow-origin:")
        check(count == 1, f"{count} allow-origin headers on a {r.split()[1]}")


main()
