"""What the ledger says: `understudy usage` and /api, beside the metrics and the upstream's own log."""

import csv
import io
import json
import os
import pathlib
import sqlite3
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from harness import Client, ask, chat, chat_body, config, get, metric, settled, plain_and_streamed, reset, status, well
from tests.support.daemon import binary, run, wait_until

USAGE = {"prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
         "prompt_tokens_details": {"cached_tokens": 600},
         "completion_tokens_details": {"reasoning_tokens": 250}}
PRICE = {"input": 2.5, "output": 10, "cache_read": 1.25}
COST = 0.00475  # 400 * 2.5 + 600 * 1.25 + 300 * 10, per million


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    return tmp_path / "ledger.db"


def written(daemon, rows: int):
    wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") >= rows,
               f"{rows} rows")


def api(daemon, target: str, headers=()) -> dict:
    answer = get(daemon, "/api/" + target, headers)
    assert answer.status == 200, answer.body
    assert answer.header("content-type") == "application/json"
    return json.loads(answer.body)


def used(*args: str, **env: str):
    """The output of `understudy usage`."""
    process = run("usage", *args, env=env)
    assert process.returncode == 0, process.stderr_lines()
    return "\n".join(process.stdout_lines())


@pytest.fixture
def two(start, upstream, path):
    """A daemon whose primary is down for the model `down`, and its upstreams."""
    primary = upstream(lambda c, r: c.send(status(503)) if r.model == "down" else well(usage=USAGE)(c, r))
    backup = upstream(well(usage=USAGE, model="m2-2026"))
    return start(config(primary.entry("primary", price=PRICE), backup.entry("backup", price=PRICE, model="m2"),
                        ledger=str(path)))


def test_usage_says_what_the_metrics_say(two, path):
    for model, session in (("m", "s1"), ("down", "s1"), ("m", "s2"), ("m", "")):
        chat(two, model=model, headers={"x-understudy-session": session} if session else {})
    written(two, 9)
    table = used("--ledger", str(path))
    assert table.splitlines()[0].split() == ["model", "requests", "attempts", "failed", "prompt", "cached",
                                             "completion", "reasoning", "estimated", "cost", "USD"]
    lines = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}
    assert lines == {"m": ["3", "3", "0", "3000", "1800", "900", "750", "0", "0.01425"],
                     "m2": ["0", "1", "0", "1000", "600", "300", "250", "0", "0.00475"],
                     "down": ["1", "1", "1", "0", "0", "0", "0", "0", "0"],
                     "total": ["4", "5", "1", "4000", "2400", "1200", "1000", "0", "0.019"]}
    for by, names in (("upstream", {"primary": 4, "backup": 1}), ("route", {"*": 5}), ("key", {None: 5}),
                      ("session", {"s1": 3, "s2": 1})):
        document = json.loads(used("--ledger", str(path), "--by", by, "--format", "json"))
        assert {line[by]: line["attempts"] for line in document["usage"]} == names
        assert document == {**api(two, f"usage?by={by}"), "since": document["since"]}
    total = json.loads(used("--ledger", str(path), "--format", "json"))["total"]
    assert "2 lines more" in used("--ledger", str(path), "--by", "model", "--limit", "1")
    (first,) = json.loads(used("--ledger", str(path), "--limit", "1", "--format", "json"))["usage"]
    assert first["model"] == "m"
    pages = [api(two, f"usage?limit=2&skip={skip}") for skip in (0, 2)]
    assert [[line["model"] for line in page["usage"]] for page in pages] == [["m", "m2"], ["down"]]
    assert [page["next"] for page in pages] == [2, None]
    assert pages[0]["total"] == pages[1]["total"] == total
    assert total["cost_usd"] == pytest.approx(settled(two, "understudy_cost_usd_total"))
    assert total["prompt_tokens"] + total["completion_tokens"] == settled(two, "understudy_tokens_total")
    assert total["attempts"] == settled(two, "understudy_attempts_total")
    (day,) = json.loads(used("--ledger", str(path), "--by", "day", "--format", "json", "--since", "7d"))["usage"]
    assert len(day["day"]) == 10 and day["requests"] == 4
    table = list(csv.DictReader(io.StringIO(used("--ledger", str(path), "--format", "csv"))))
    assert {row["model"]: row["cost_usd"] for row in table} == {"m": "0.01425", "m2": "0.00475", "down": "0"}


def book(path, model: str, **sums: int):
    """Sums of this hour for a model, as the daemon would have written them."""
    names = ("requests", "attempts", "failed", "input", "cache_read", "cache_write", "output", "reasoning",
             "estimated_input", "estimated_output", "cost_nano_usd", "estimated_cost_nano_usd", "missing",
             "unpriced")
    with sqlite3.connect(path) as database:
        (model_id,) = database.execute("INSERT INTO name (text) VALUES (?) RETURNING id", (model,)).fetchone()
        database.execute(f"INSERT INTO usage_hour VALUES ({','.join('?' * 19)})",
                         (int(time.time()) // 3600 - 1, 0, 0, 0, model_id, *(sums.get(n, 0) for n in names)))


def test_names_that_clients_chose_do_no_harm(two, path):
    for model in ("\x1b[2Jgone\u202e", "gemäß", '=cmd|"x"', "plain"):
        book(path, model, attempts=1)
    table = used("--ledger", str(path))
    assert "\x1b" not in table and "\u202e" not in table
    assert r"\u001b[2Jgone\u202e" in table
    assert len({len(line) for line in table.splitlines()}) == 1, table
    text = used("--ledger", str(path), "--format", "csv")
    assert {row[0] for row in csv.reader(io.StringIO(text))} == {
        "model", r"\u001b[2Jgone\u202e", "gemäß", "'=cmd|\"x\"", "plain"}


def test_what_has_no_price_is_not_free(two, path):
    book(path, "unknown", attempts=3, input=1000, unpriced=2, missing=1)
    book(path, "known", attempts=1, input=1000, cost_nano_usd=5_000_000)
    *lines, below = used("--ledger", str(path)).splitlines()
    assert [line.split()[-1] for line in lines] == ["USD", "0.005", "-", "0.005"]
    assert below == "2 attempts have no price, 1 attempt did not report its tokens"


def test_sums_beyond_nine_million_dollars(two, path):
    book(path, "dear", attempts=1, cost_nano_usd=9_300_000_000_000_123)
    line = used("--ledger", str(path), "--format", "csv").splitlines()[1]
    assert line.split(",")[11] == "9300000.000000123"


# A process starts with the peak of the one that it was forked from: of a small one.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def peak_of(*args: str, out) -> int:
    """Runs `understudy usage`, whose output goes to the file `out`; the most memory it had, in bytes."""
    with open(out, "wb") as file:
        done = subprocess.run([sys.executable, "-S", "-c", MEASURED, binary(), "usage", *args], stdout=file,
                              stderr=subprocess.PIPE, text=True, check=True)
    return int(done.stderr) * 1024


def test_very_many_sessions_are_printed_page_by_page(two, path, tmp_path):
    count = 450_000  # more than two pages of what is held at once
    with sqlite3.connect(path) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1) "
            "INSERT INTO session_hour SELECT ?, 'session-' || i, 0, 0, 0, 1, 1, 0, 2, 0, 0, 3, 0, 0, 0, i / 2, 0, 0, 0 "
            "FROM n", (count, int(time.time()) // 3600 - 1))
    out = tmp_path / "out"
    peak = peak_of("--ledger", str(path), "--by", "session", "--format", "table", out=out)
    with open(out) as file:
        lines = [line.split() for line in file]
    assert lines[0][0] == "session" and lines[-1][:3] == ["total", str(count), str(count)]
    # The dearest first, and of the same price by name: each once, also where one page follows another.
    said = [(line[0], line[9]) for line in lines[1:-1]]
    names = sorted((f"session-{i}" for i in range(count)), key=lambda name: (-(int(name[8:]) // 2), name))
    assert [name for name, _ in said] == names
    if "ASAN_OPTIONS" not in os.environ:
        assert peak < 200_000_000
    first = used("--ledger", str(path), "--by", "session", "--limit", "3", "--format", "json")
    document = json.loads(first)
    assert [line["session"] for line in document["usage"]] == names[:3] and document["next"] == 3
    assert document["total"]["requests"] == count


def test_usage_wants_no_secrets_and_says_what_is_missing(start, upstream, path, tmp_path):
    daemon = start(config(upstream(well()), ledger=str(path)))
    chat(daemon)
    written(daemon, 2)
    text = tmp_path / "u.yaml"
    text.write_text(f"upstreams:\n  - {{ provider: openai, api_key: '${{OPENAI_API_KEY}}' }}\nledger: {path}\n")
    assert "total" in used("-c", str(text))
    state = tmp_path / "state"
    usual = state / "understudy/ledger.db"
    nothing = run("usage", env={"XDG_STATE_HOME": str(state)}, cwd=str(tmp_path))
    assert nothing.returncode == 1
    assert nothing.stderr_lines() == [f"there is no ledger yet at {usual}"]
    usual.parent.mkdir(parents=True)
    with sqlite3.connect(path) as source, sqlite3.connect(usual) as copy:
        source.backup(copy)
    assert "total" in used(XDG_STATE_HOME=str(state))
    text.write_text("ledger: off\n")
    assert run("usage", "-c", str(text)).returncode == 2


def test_a_full_disk_is_no_success(two, path):
    with open("/dev/full", "w") as full:
        process = subprocess.run([binary(), "usage", "--ledger", str(path)], stdout=full,
                                 stderr=subprocess.PIPE, text=True)
    assert process.returncode == 1 and "cannot be written" in process.stderr


def test_usage_finds_the_ledger_of_a_configuration(two, path):
    chat(two)
    written(two, 2)
    assert "total" in used("-c", two.config_path)
    missing = path.with_name("missing.db")
    nothing = run("usage", "--ledger", str(missing))
    assert nothing.returncode == 1 and nothing.stderr_lines() == [f"there is no ledger yet at {missing}"]
    assert run("usage", "--ledger", str(path), "--since", "yesterday").returncode == 2
    assert run("usage", "--ledger", str(path), "--by", "colour").returncode == 2


def test_requests_come_newest_first_and_page_by_page(two):
    ids = [chat(two, model="down" if i == 3 else "m",
                headers={"x-understudy-session": "even" if i % 2 == 0 else "odd"}).header("x-request-id")
           for i in range(7)]
    written(two, 15)
    seen, target = [], "requests?limit=3"
    while target:
        page = api(two, target)
        seen += [request["id"] for request in page["requests"]]
        target = page["next"] and f"requests?limit=3&before={page['next']}"
    assert seen == ids[::-1]
    assert [r["id"] for r in api(two, "requests?session=even&limit=2")["requests"]] == [ids[6], ids[4]]
    (fallen,) = api(two, "requests?outcome=fallback")["requests"]
    assert (fallen["id"], fallen["upstream"], fallen["attempts"]) == (ids[3], "backup", 2)
    assert [r["id"] for r in api(two, "requests?upstream=backup")["requests"]] == [ids[3]]
    assert api(two, "requests?model=unheard-of")["requests"] == []


def test_a_request_tells_its_whole_story(two):
    answer = chat(two, model="down")
    written(two, 3)
    story = api(two, "requests/" + answer.header("x-request-id"))
    assert story["outcome"] == "fallback" and story["cost_usd"] == COST
    first, second = story["story"]
    assert (first["upstream"], first["verdict"], first["why"], first["status"], first["detail"]) == (
        "primary", "server_error", "first", 503, "HTTP 503")
    assert (second["upstream"], second["verdict"], second["why"], second["answered_model"]) == (
        "backup", "ok", "failover", "m2-2026")
    assert second["prompt_tokens"] == 1000 and second["reasoning_tokens"] == 250
    assert second["cost_usd"] == COST and first["cost_usd"] == 0
    given = ask(two, body=chat_body(), headers={"x-request-id": "of-the-client"})
    assert given.status == 200
    written(two, 5)
    assert api(two, "requests/of-the-client")["attempts"] == 1
    assert get(two, "/api/requests/nobody").status == 404


def test_a_session_is_told_as_openhands_has_it(two):
    answers = [chat(two, model=model, headers={"x-litellm-session-id": "conversation"})
               for model in ("m", "down", "m")]
    written(two, 7)
    session = api(two, "sessions/conversation")
    assert session["accumulated_cost"] == pytest.approx(sum(
        float(answer.header("x-litellm-response-cost")) for answer in answers))
    usage = session["accumulated_token_usage"]
    assert {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "cache_read_tokens",
                                           "cache_write_tokens", "reasoning_tokens")} == {
        "prompt_tokens": 3000, "completion_tokens": 900, "cache_read_tokens": 1800, "cache_write_tokens": 0,
        "reasoning_tokens": 750}
    assert [(cost["model"], cost["cost"]) for cost in session["costs"]] == [
        ("m", COST), ("m2", COST), ("m", COST)]
    assert [turn["response_id"] for turn in session["token_usages"]] == [
        answer.header("x-request-id") for answer in answers]
    assert {(line["upstream"], line["model"]): line["attempts"] for line in session["models"]} == {
        ("primary", "m"): 2, ("primary", "down"): 1, ("backup", "m2"): 1}
    assert get(two, "/api/sessions/nobody").status == 404


def test_a_request_is_there_as_soon_as_its_answer(two):
    for _ in range(5):
        answer = chat(two)
        assert api(two, "requests/" + answer.header("x-request-id"))["outcome"] == "primary"
    ours_in_form = "req_" + "0" * 32
    ask(two, body=chat_body(), headers={"x-request-id": ours_in_form})
    assert api(two, "requests/" + ours_in_form)["attempts"] == 1


def test_of_several_requests_with_one_id_the_last_is_told_right_behind_its_answer(two):
    for turn in range(4):
        model, outcome = (("m", "primary"), ("down", "fallback"))[turn % 2]
        ask(two, body=chat_body(model=model), headers={"x-request-id": "again"})
        assert api(two, "requests/again")["outcome"] == outcome
    assert [r["outcome"] for r in api(two, "requests")["requests"]] == ["fallback", "primary"] * 2


def test_requests_with_one_id_of_a_client_are_told_apart(two):
    for _ in range(3):
        ask(two, body=chat_body(), headers={"x-request-id": "conversation-1", "x-understudy-session": "s"})
    written(two, 6)
    story = api(two, "requests/conversation-1")
    assert story["attempts"] == 1 and len(story["story"]) == 1
    session = api(two, "sessions/s")
    assert len(session["costs"]) == len(session["token_usages"]) == 3
    assert sum(cost["cost"] for cost in session["costs"]) == pytest.approx(session["accumulated_cost"])


def test_the_api_wants_a_key_where_clients_need_one(start, upstream, path):
    text = config(upstream(well()), keys=[{"name": "team", "key": "sk-of-the-team-0123"}], ledger=str(path))
    daemon = start(text)
    assert get(daemon, "/api/usage").status == 401
    assert api(daemon, "usage", {"authorization": "Bearer sk-of-the-team-0123"})["usage"] == []
    daemon = start(text + "admin: 127.0.0.1:0\n")
    assert get(daemon, "/api/usage", {"authorization": "Bearer sk-of-the-team-0123"}).status == 404
    with Client(daemon, port=int(daemon.admin_url.rpartition(":")[2])) as client:
        client.ask("GET", "/api/usage")
        assert client.response().status == 200


def test_the_api_is_no_page_for_other_sites(two):
    assert get(two, "/api/usage", {"origin": "https://evil.example"}).status == 403
    assert ask(two, method="POST", path="/api/usage", body=b"").status == 405


def test_without_a_ledger_the_api_says_so(start, upstream):
    daemon = start(config(upstream(well()), ledger="off"))
    answer = get(daemon, "/api/usage")
    assert answer.status == 404 and b"no_ledger" in answer.body


@pytest.mark.parametrize("target", ["usage?by=colour", "requests?limit=0", "requests?since=yesterday"])
def test_a_wrong_question_is_answered_with_what_would_be_right(two, target):
    answer = get(two, "/api/" + target)
    assert answer.status == 400 and b"expected" in answer.body


def test_questions_hold_up_no_request(two, path):
    chat(two)
    written(two, 2)
    other = sqlite3.connect(path, isolation_level=None)
    stop = threading.Event()

    def question():
        while not stop.is_set():
            get(two, "/api/usage?by=session&since=forever")
    threads = [threading.Thread(target=question) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert chat(two).status == 200
    stop.set()
    for thread in threads:
        thread.join()
    other.close()
    written(two, 42)


@pytest.mark.parametrize("option, value, says", [
    ("--limit", "0", "the least is 1"), ("--limit", "x", "not a whole number"), ("--since", "5000000h", "36500d at most"),
    ("--since", "2026-11-30", "write it as 90d")])
def test_an_option_that_cannot_be_says_what_it_may_be(tmp_path, option, value, says):
    process = run("usage", "--ledger", str(tmp_path / "ledger.db"), option, value)
    assert process.returncode == 2
    first = "\n".join(process.stderr_lines()).split("\n")[0]
    assert option in first and says in first and len(first) < 200


def test_a_ledger_that_cannot_be_opened_says_why(two, path):
    """In the system's words, and with what to do."""
    chat(two)
    written(two, 2)
    two.stop()
    process = run("usage", "--ledger", str(path.parent))
    assert process.returncode == 1 and process.stderr_lines() == [
        f"the ledger {path.parent} cannot be read: it is a directory"]
    if os.geteuid() != 0:
        pytest.skip("needs another user")
    with tempfile.TemporaryDirectory() as name:  # which is not below a folder of root's alone
        folder = pathlib.Path(name)
        shutil.copy(path, folder / "ledger.db")
        for mode, says in ((0o444, "copy it into a folder of your own"), (0, "Permission denied")):
            (folder / "ledger.db").chmod(mode)
            folder.chmod(0o555)
            done = subprocess.run([binary(), "usage", "--ledger", folder / "ledger.db"], capture_output=True, text=True,
                                  user=65534, group=65534, extra_groups=[], check=False)
            assert done.returncode == 1 and says in done.stderr
