"""A real page in headless Chromium, of another origin, that calls the endpoint with fetch(); see driver.py.

The page is served from a port of its own, so the calls are cross-origin: a preflight with authorization and x-stainless-*
headers, a plain answer, a streamed answer read piece by piece, and an error whose JSON the page must be able to read.
"""

import http.server
import json
import shutil
import subprocess
import tempfile
import threading

from driver import PATIENCE, Buffered, Skip, case, cfg, check, main, spread, whole

PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
const cfg = %s, out = {}, url = cfg.base + '/chat/completions';
const own = { 'content-type': 'application/json', 'x-stainless-lang': 'js', 'x-stainless-retry-count': '0' };
const ask = (credentials, more) => fetch(url, {
	method: 'POST', headers: { ...own, ...credentials },
	body: JSON.stringify({ model: cfg.model, messages: [{ role: 'user', content: 'hello' }], ...more }),
});
const step = async (name, fn) => {
	try { out[name] = await fn(); } catch (e) { out[name] = { error: String(e) }; }
};
await step('chat', async () => {
	const r = await ask(cfg.good);
	return { status: r.status, text: (await r.json()).choices[0].message.content };
});
await step('stream', async () => {
	const r = await ask(cfg.good, { stream: true });
	const times = [], text = new TextDecoder(), reader = r.body.getReader();
	for (let raw = '';;) {
		const { done, value } = await reader.read();
		if (done) return { raw, times };
		raw += text.decode(value, { stream: true });
		times.push(performance.now() / 1000);
	}
});
await step('wrong', async () => {
	const r = await ask(cfg.bad);
	return { status: r.status, message: (await r.json()).error?.message };
});
await step('models', async () => {
	const r = await fetch(cfg.base + '/models', { headers: cfg.good });
	return { status: r.status, n: (await r.json()).data.length };
});
await fetch('/result', { method: 'POST', body: JSON.stringify(out) });
</script>"""
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0"
).split()
got = {}
ready = threading.Event()


class Site(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a):
        pass

    def do_GET(self):
        good = cfg.headers or {"Authorization": "Bearer " + cfg.key}
        bad = cfg.wrong_headers or {"Authorization": "Bearer sk-wrong"}
        data = (PAGE % json.dumps({"base": cfg.base, "model": cfg.model, "good": good, "bad": bad})).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        got.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()
        ready.set()


def visit():
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if not browser:
        raise Skip("no chromium; curl sends the same header fields")
    if got:
        return
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:  # its helpers may still write
        more = ["--ignore-certificate-errors"] if cfg.tls else []
        command = [browser, *QUIET, "--user-data-dir=" + home, *more, f"http://localhost:{site.server_address[1]}/"]
        p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            check(ready.wait(6 * PATIENCE), "the page said nothing")
        finally:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


@case("cors-chat")
def _():
    visit()
    check("error" not in got["chat"], got["chat"].get("error"))
    whole(got["chat"]["text"])


@case("cors-stream")
def _():
    visit()
    r = got["stream"]
    check("error" not in r, r.get("error"))
    check(r["raw"].endswith("data: [DONE]\n\n"), f"ends with {r['raw'][-40:]!r}")
    whole(
        "".join(
            e["choices"][0]["delta"].get("content") or ""
            for e in (json.loads(l[6:]) for l in r["raw"].split("\n") if l.startswith("data: {"))
        )
    )
    try:
        return spread(r["times"], "reads")
    except Buffered:
        got.clear()
        ready.clear()
        raise


@case("cors-error-readable")
def _():
    visit()
    r = got["wrong"]
    check("error" not in r, f"the page cannot read the 401 (no Access-Control-Allow-Origin on it?): {r.get('error')}")
    check(r["status"] == 401 and r["message"], f"{r!r}")
    return r["message"]


@case("cors-models")
def _():
    visit()
    check(got["models"].get("status") == 200, f"{got['models']!r}")


main()
