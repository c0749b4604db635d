"""A real browser, for a journey through a page: Chromium without a window, steered by its DevTools over a pipe.

It trusts one private authority, as an administrator would make it: by the database of certificates in its home.
"""

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from .limits import PATIENCE, SLOW, wait_until

CHROMIUM = shutil.which("chromium")


def missing():
    """What a journey lacks on this machine; empty when all is there."""
    if not CHROMIUM:
        return "no /usr/bin/chromium: Debian's package chromium"
    if not shutil.which("certutil"):
        return "no certutil: Debian's package libnss3-tools"
    return ""


class Browser:
    """One tab. `hosts` maps names to (host, port), where the browser goes in their stead."""

    def __init__(self, ca, hosts):
        self.home = tempfile.mkdtemp(prefix="gh-browser-")
        self._numbers = itertools.count(1)
        self._buffer = b""
        self.events = []
        database = os.path.join(self.home, ".pki/nssdb")
        os.makedirs(database)
        for command in (["-N", "--empty-password"], ["-A", "-n", "lab", "-t", "C,,", "-i", ca]):
            done = subprocess.run(["certutil", "-d", f"sql:{database}", *command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        rules = ", ".join(f"MAP {name} {host}:{port}" for name, (host, port) in hosts.items())
        command_read, self._out = os.pipe()
        self._in, answer_write = os.pipe()

        def child():
            # It reads commands from 3 and writes answers to 4.
            spare = [os.dup(command_read), os.dup(answer_write)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
             f"--user-data-dir={self.home}/profile", f"--host-resolver-rules={rules}, MAP * ~NOTFOUND",
             "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=child, env={**os.environ, "HOME": self.home}, start_new_session=True)
        os.close(command_read)
        os.close(answer_write)
        self.session = None
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            tab = wait_until(lambda: [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"])[0]
            self.session = self.call("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
            for domain in "Page", "Network", "Runtime":
                self.call(f"{domain}.enable")
            stack.pop_all()

    def close(self):
        with contextlib.suppress(OSError):
            os.close(self._out)     # the end of its commands is its own end
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._in)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _message(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._in], [], [], left)[0], "the browser does not answer"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        """A DevTools command and its result; what happened meanwhile is kept in `events`."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 2 * PATIENCE * SLOW
        while True:
            answer = self._message(deadline)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def run(self, script):
        """The value of an expression in the page; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def visit(self, url):
        """Goes there, and waits until the page is all there."""
        error = self.call("Page.navigate", url=url).get("errorText")
        assert not error, error
        wait_until(lambda: self.run("document.readyState") == "complete", 2 * PATIENCE, f"the page at {url}")

    def type(self, selector, text):
        """By the keyboard, into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def click(self, selector):
        at = self.run(f"(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect(); "
                      "return [r.x + r.width / 2, r.y + r.height / 2] })()")
        for kind in "mousePressed", "mouseReleased":
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def protocols(self):
        """(URL, protocol) of each answer so far: h2, http/1.1."""
        return [(e["params"]["response"]["url"], e["params"]["response"].get("protocol"))
                for e in self.events if e.get("method") == "Network.responseReceived"]
