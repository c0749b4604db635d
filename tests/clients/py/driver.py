"""What all Python clients here share: the settings of run.py, the loop over cases, and the lines that go back to it.

Not run by hand: run.py starts c_NAME.py with the settings as JSON in GATEHOUSE_CLIENT. Each case prints one line of JSON.
"""

import base64
import hashlib
import json
import os
import sys
import threading
import time
import types
import urllib.request

cfg = types.SimpleNamespace(**json.loads(os.environ.get("GATEHOUSE_CLIENT") or "{}"))
_lock = threading.Lock()
_cases = []

PATIENCE = 10.0 * cfg.patience


class Skip(Exception):
    pass


class Buffered(AssertionError):
    """All at once. A client that was held up itself sees that too, but not every time."""


def emit(**row):
    with _lock:
        print(json.dumps(row), flush=True)


def case(name, slow=False, fake=False):
    """Registers a case. slow: runs beside the others. fake: needs fake.py's faults. What it returns is its note."""

    def add(fn):
        _cases.append((name, fn, slow, fake))
        return fn

    return add


def check(truth, message):
    if not truth:
        raise AssertionError(message)


def skip_unless(truth, why):
    if not truth:
        raise Skip(why)


def short(e, n=150):
    return " ".join(f"{type(e).__name__}: {e}".split())[:n]


def patient(fn):
    for _ in range(4):
        try:
            return fn()
        except Buffered:
            continue
    return fn()


def run_one(name, fn, fake):
    try:
        skip_unless(cfg.fake or not fake, "needs fake.py's faults")
        status, note = "ok", patient(fn)
    except Skip as e:
        status, note = "skip", str(e)
    except BaseException as e:  # pylint: disable=broad-except
        status, note = "FAIL", short(e)
    emit(case=name, status=status, note=str(note or ""))


def main():
    chosen = [c for c in _cases if not cfg.cases or c[0] in cfg.cases]
    emit(plan=[c[0] for c in chosen])
    threads = []
    for name, fn, slow, fake in chosen:
        if slow:
            threads.append(threading.Thread(target=run_one, args=(name, fn, fake), daemon=True))
            threads[-1].start()
    for name, fn, slow, fake in chosen:
        if not slow:
            run_one(name, fn, fake)
    for one in threads:
        one.join()
    sys.stdout.flush()
    os._exit(0)  # a client's thread that hangs must not keep us


def picture(size=3 << 20):
    """Bytes that look like a PNG, their data URI, and what fake.py says of them."""
    block = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(2048))
    raw = (b"\x89PNG\r\n\x1a\n" + block * (size // len(block) + 1))[:size]
    uri = "data:image/png;base64," + base64.b64encode(raw).decode()
    return raw, uri, f"image {len(raw)} {hashlib.sha256(raw).hexdigest()[:16]}"


def sound(size=300000):
    raw = (b"RIFF" + bytes(range(256)) * (size // 256 + 1))[:size]
    return raw, f"audio {len(raw)} {hashlib.sha256(raw).hexdigest()[:16]}"


def spread(times, what="chunks"):
    """Fails unless the chunks came one by one over time."""
    check(len(times) > 1, f"only {len(times)} {what}")
    total = times[-1] - times[0]
    least = cfg.gap * (len(times) - 2) * 0.3 if cfg.fake else 0.001
    said = f"{len(times)} {what} over {total * 1e3:.0f} ms"
    if total < least:
        raise Buffered(f"{said}, all at once (expected at least {least * 1e3:.0f} ms): buffered")
    return said


def whole(text):
    if cfg.text is not None:
        check(text == cfg.text, f"text differs: {text[:120]!r}")
    else:
        check(text, "no text")


def raises(kind, fn):
    """Calls fn, which must raise kind; gives the exception."""
    try:
        got = fn()
    except kind as e:
        return e
    raise AssertionError(f"no {getattr(kind, '__name__', kind)}; got {got!r:.100}")


def stats():
    """What fake.py saw."""
    skip_unless(cfg.stats, "no --stats")
    with urllib.request.urlopen(cfg.stats, timeout=PATIENCE) as r:
        return json.load(r)


def asked_once(model):
    """Fails if a client tried again where it was told not to."""
    if cfg.stats:
        check(stats()["asked"][model] == 1, f"asked {stats()['asked'][model]} times")


def left_upstream(model):
    """Waits until fake.py saw the client of this model leave."""
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        if model in stats()["aborted"]:
            return f"upstream free after {(time.monotonic() - start) * 1e3:.0f} ms"
        time.sleep(0.02)
    raise AssertionError("the upstream works on though the client left")
