"""What requests to models used: kept over the end of the process, told by `gatehouse usage`, /metrics and the log."""

import json
import re
import resource
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from harness import gatehouse, wait_until

DAY_MS = 86400000
CONFIG = """
upstreams:
  studio: {{ to: ["{url}"] }}
routes:
  - name: api
    match: {{ path: /v1 }}
    handle:
      - openai-proxy: {{ to: studio, models: {{ small: {{ to: studio }}, big: {{ to: studio }} }} }}
"""


def answer_with_usage(exchange):
    """LM Studio's manners: JSON, or a stream whose last chunk has the usage."""
    body = json.loads(exchange.request.body or b"{}")
    if exchange.request.target.endswith("/models"):
        exchange.answer(200, b'{"object":"list","data":[{"id":"small","object":"model"},{"id":"big","object":"model"}]}',
                        "Content-Type: application/json")
        return
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17, "prompt_tokens_details": {"cached_tokens": 8}}
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        whole = {**head, "object": "chat.completion", "usage": usage,
                 "choices": [{"index": 0, "message": {"role": "assistant", "content": "SECRET-ANSWER"}, "finish_reason": "stop"}]}
        exchange.answer(200, json.dumps(whole).encode(), "Content-Type: application/json")
        return
    exchange.stream("Content-Type: text/event-stream")
    for piece in "one", "two", "three":
        delta = {**head, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        exchange.chunk(b"data: " + json.dumps(delta).encode() + b"\n\n")
    exchange.chunk(b"data: " + json.dumps({**head, "choices": [], "usage": usage}).encode() + b"\n\n")
    exchange.chunk(b"data: [DONE]\n\n")
    exchange.end()


def chat(gateway, model="small", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "SECRET-PROMPT"}], **more}
    answer = gateway.ask("POST", "/v1/chat/completions", "Content-Type: application/json", body=json.dumps(body).encode())
    assert answer.status == 200, answer.body
    return answer


def usage(gateway, *arguments):
    done = gatehouse("usage", "--config", gateway.file, *arguments)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def as_json(gateway, *arguments):
    return json.loads(usage(gateway, "--json", *arguments))


def database(gateway):
    return gateway.dir / "state" / "usage.db"


def ask_database(gateway, query):
    with closing(sqlite3.connect(database(gateway))) as db:
        return db.execute(query).fetchall()


def rows(gateway):
    return ask_database(gateway, "SELECT ifnull(sum(requests), 0) FROM request")[0][0] if database(gateway).exists() else 0


def is_sound(gateway):
    return ask_database(gateway, "PRAGMA integrity_check") == [("ok",)]


def metric(gateway, name):
    text = gateway.ask_admin("GET", "/metrics").body.decode()
    return {labels: float(value) for labels, value in re.findall(rf"(?m)^gatehouse_{name}(?:{{(.*)}})? (\S+)$", text)}


def await_rows(gateway, count):
    wait_until(lambda: metric(gateway, "usage_rows_written_total") == {"": count}, what=f"{count} rows that are written")
    assert rows(gateway) == count


@pytest.fixture
def model(upstreams):
    return upstreams(answer_with_usage)


@pytest.fixture
def gateway(gateways, model):
    return gateways(CONFIG.format(url=model.url))


def test_a_fresh_gateway_says_so_kindly(gateway):
    assert "Nothing is kept" in usage(gateway) and "first request" in usage(gateway)
    assert as_json(gateway) == []
    assert not database(gateway).exists()


def test_tokens_are_told_while_it_runs_and_after(gateway):
    chat(gateway)
    chat(gateway, stream=True)
    chat(gateway, model="big")
    await_rows(gateway, 3)
    for _ in "while it runs", "after it stopped":
        small, big = as_json(gateway, "--by", "model")
        assert (small["model"], small["requests"], big["model"], big["requests"]) == ("small", 2, "big", 1)
        assert (small["input_tokens"], small["cached_tokens"], small["output_tokens"]) == (24, 16, 10)
        assert (small["requests_with_tokens"], small["requests_estimated"]) == (2, 0)
        assert 0 <= small["first_token_ms_median"] <= small["first_token_ms_p95"]
        assert [(e["user"], e["requests"]) for e in as_json(gateway)] == [(None, 3)]
        assert [(e["day"], e["requests"]) for e in as_json(gateway, "--by=day")] == [(time.strftime("%Y-%m-%d"), 3)]
        if gateway.process.poll() is None:
            gateway.signal(signal.SIGTERM)
            assert gateway.process.wait(20) == 0


def test_what_is_kept_at_the_end_is_written(gateway):
    chat(gateway)
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0
    assert rows(gateway) == 1 and is_sound(gateway)
    assert database(gateway).stat().st_mode & 0o777 == 0o600


def test_the_table_is_aligned_and_has_a_total(gateway):
    for name in "small", "big":
        chat(gateway, model=name)
    await_rows(gateway, 2)
    lines = usage(gateway, "--by", "model").splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1, lines
    assert lines[0].split()[0] == "model" and lines[-1].split()[:5] == ["total", "2", "24", "16", "10"]


def test_since(gateway):
    chat(gateway)
    await_rows(gateway, 1)
    with closing(sqlite3.connect(database(gateway))) as db, db:
        db.execute(f"INSERT INTO request SELECT id - ({10 * DAY_MS} << 10), 'of old', route, model, upstream, status, input, cached, "
                   "output, estimated, waited_ms, first_token_ms, duration_ms, ended, requests FROM request")
    assert [e["user"] for e in as_json(gateway)] == [None]
    for since in "30d", time.strftime("%Y-%m-%d", time.localtime(time.time() - 20 * 86400)):
        assert sorted(str(e["user"]) for e in as_json(gateway, "--since", since)) == ["None", "of old"]
    assert as_json(gateway, "--since", "0s") == [] and "No request" in usage(gateway, "--since", "0s")


def test_names_of_strangers_do_not_reach_the_terminal(gateway):
    chat(gateway)
    await_rows(gateway, 1)
    with closing(sqlite3.connect(database(gateway))) as db, db:
        db.execute("UPDATE request SET caller = ?", ("a\x1b[31m\n\u009b0m\"é",))
    text = usage(gateway)
    assert "\x1b" not in text and "\u009b" not in text and len(text.splitlines()) == 3 and "é" in text
    assert as_json(gateway)[0]["user"] == "a\x1b[31m\n\u009b0m\"é"


@pytest.mark.parametrize("arguments", [("--by", "colour"), ("--by",), ("--since", "yesterday"), ("--since", "2026-02-30"),
                                       ("--nonsense",), ("--config", "x", "--state-dir", "y"), ("extra",)], ids=str)
def test_wrong_use_is_2(arguments):
    done = gatehouse("usage", *arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout
    if arguments == ("--by",):
        assert "'--by' needs a value" in done.stderr


def test_a_folder_needs_no_config_and_a_broken_file_says_so(tmp_path):
    done = gatehouse("usage", "--state-dir", tmp_path)
    assert done.returncode == 0 and "Nothing is kept" in done.stdout
    (tmp_path / "usage.db").write_bytes(b"by no means a database, and long enough to tell" * 10)
    done = gatehouse("usage", "--state-dir", tmp_path)
    assert done.returncode == 1 and "broken" in done.stderr and not done.stdout
    assert (tmp_path / "usage.db").exists()
    done = gatehouse("usage", "--state-dir", tmp_path / "none")
    assert done.returncode == 1 and "none: No such file" in done.stderr and not done.stdout


def test_no_prompt_and_no_answer_is_kept(gateway):
    chat(gateway)
    chat(gateway, stream=True)
    gateway.signal(signal.SIGTERM)
    gateway.process.wait(20)
    for path in database(gateway).parent.iterdir():
        assert b"SECRET" not in path.read_bytes(), path
    assert "SECRET" not in gateway.said() + gateway.access_log.read_text()


def test_keep_0_keeps_nothing(gateways, model):
    gateway = gateways("usage: { keep: 0 }\n" + CONFIG.format(url=model.url))
    chat(gateway)
    wait_until(lambda: metric(gateway, "model_requests_total"), what="the request in /metrics")
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0
    assert not database(gateway).exists()


def test_metrics_and_the_access_log_tell_of_models(gateway):
    chat(gateway)
    chat(gateway, stream=True)
    labels = 'model="small",upstream="studio"'
    await_rows(gateway, 2)
    assert metric(gateway, "model_requests_total") == {f'{labels},class="2xx"': 2}
    assert metric(gateway, "model_tokens_total") == {
        f'{labels},type="input"': 24, f'{labels},type="cached"': 16, f'{labels},type="output"': 10}
    assert metric(gateway, "model_first_token_seconds_count") == {'model="small"': 2}
    assert metric(gateway, "model_wait_seconds_bucket")['model="small",le="+Inf"'] == 2
    assert metric(gateway, "usage_rows_lost_total") == {"": 0} and metric(gateway, "usage_rows_pending") == {"": 0}
    entries = [e for e in gateway.wait_access(2) if e["path"] == "/v1/chat/completions"]
    assert [(e["model"], e["input_tokens"], e["output_tokens"]) for e in entries] == [("small", 12, 5)] * 2
    gateway.ask("GET", "/nothing")
    assert "model" not in gateway.wait_access(3)[-1]


def test_a_kill_loses_nothing_that_was_written_and_never_the_file(gateway):
    gateway.expected_exit = -signal.SIGKILL
    safe = 0
    for round_ in range(4):
        for _ in range(10):
            chat(gateway)
        written = wait_until(lambda: int(metric(gateway, "usage_rows_written_total").get("", 0)), what="rows that are written")
        for _ in range(5 * round_):     # the next batch is under way, or has just been written
            chat(gateway)
        gateway.process.kill()
        gateway.process.wait()
        safe += written
        assert rows(gateway) >= safe and is_sound(gateway)
        safe = rows(gateway)
        assert as_json(gateway)[0]["requests"] == safe      # after a kill, with nobody who runs
        gateway.start()
    gateway.process.kill()
    gateway.process.wait()


def test_with_a_full_disk_requests_go_on_and_are_written_when_there_is_room(gateway):
    chat(gateway)
    await_rows(gateway, 1)
    # No file may grow: what a write to a full disk sees. A log that is longer already would stand still as well.
    _, most = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (16384, most))
    for _ in range(20):
        chat(gateway)
    wait_until(lambda: "there is room" in gateway.stderr(), what=lambda: f"a word on the disk: {gateway.stderr()}")
    chat(gateway)
    wait_until(lambda: metric(gateway, "usage_rows_pending") == {"": 21}, what="21 that wait")
    assert metric(gateway, "usage_rows_lost_total") == {"": 0}
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (most, most))
    await_rows(gateway, 22)
    assert gateway.stderr().count("there is room") == 1
    assert is_sound(gateway)


def test_a_broken_file_is_moved_aside_and_serving_goes_on(gateway):
    gateway.signal(signal.SIGTERM)
    gateway.process.wait(20)
    database(gateway).parent.mkdir(mode=0o700, exist_ok=True)
    database(gateway).write_bytes(b"by no means a database, and long enough to tell" * 10)
    gateway.start()
    chat(gateway)
    wait_until(lambda: "usage.db.broken-1" in gateway.stderr(), what="a word on the file")
    assert (database(gateway).parent / "usage.db.broken-1").read_bytes().startswith(b"by no means")
    await_rows(gateway, 1)
