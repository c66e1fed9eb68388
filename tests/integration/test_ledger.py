"""The ledger: a row for each attempt and each request, whatever ends the process or befalls the disk,
and counters that go on where they were."""

import contextlib
import errno
import os
import pathlib
import signal
import sqlite3
import threading
import time

import pytest

from harness import (SSE_HEAD, Client, ask, chat, chat_body, chunk, config, event, get, metric, settled, status,
                     steps, well)
from tests.support.daemon import wait_until

USAGE = {"prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
         "prompt_tokens_details": {"cached_tokens": 600},
         "completion_tokens_details": {"reasoning_tokens": 250}}
PRICE = {"input": 2.5, "output": 10, "cache_read": 1.25}
# Counters that the ledger keeps (docs/metrics.md).
GO_ON = ("understudy_requests_total", "understudy_attempts_total", "understudy_failovers_total",
         "understudy_tokens_total", "understudy_cost_usd_total", "understudy_usage_missing_total",
         "understudy_stale_replays_total")


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    return tmp_path / "state/ledger.db"


def rows(path, view: str, columns: str = "*", where: str = "1") -> list[tuple]:
    if not path.exists():
        return []
    # Closed at once: while anybody has it open, SQLite does not look whether a log is torn.
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        return database.execute(f"SELECT {columns} FROM {view} WHERE {where} ORDER BY id").fetchall()


def wait_rows(path, view: str, count: int):
    def there():
        try:
            return len(rows(path, view)) >= count
        except sqlite3.OperationalError:
            return False
    wait_until(there, f"{count} {view}")
    assert len(rows(path, view)) == count


def counters(daemon) -> dict[str, float]:
    return {sample: value for sample, value in daemon.metrics().items()
            if sample.partition("{")[0] in GO_ON and value}


def test_a_request_and_its_attempts_are_rows(start, upstream, path):
    primary, backup = upstream(status(429)), upstream(well(usage=USAGE, model="served-1"))
    daemon = start(config(primary.entry("primary", model="m1"),
                          backup.entry("backup", model="m2", price=PRICE),
                          route={"model": "gpt-*"}, ledger=str(path)))
    answer = chat(daemon, model="gpt-4o", headers={"x-understudy-session": "conversation-7"})
    wait_rows(path, "requests", 1)
    request_id = answer.header("x-request-id")
    assert rows(path, "attempts", "request_id, number, session, route, upstream, model, answered_model, "
                "dialect, cause, position, reason, status, deliveries, usage, input, cache_read, output, "
                "reasoning, cost_nano_usd, price, detail") == [
        (request_id, 1, "conversation-7", "gpt-*", "primary", "m1", None, "chat", "first", 0, "rate_limit",
         429, 1, "none", None, None, None, None, None, None, "HTTP 429"),
        (request_id, 2, "conversation-7", "gpt-*", "backup", "m2", "served-1", "chat", "failover", 1, "ok",
         200, 1, "reported", 400, 600, 50, 250, 4_750_000, "configuration", None)]
    assert rows(path, "requests", "request_id, session, route, path, model, outcome, status, stream, attempts, "
                "served_by, served_model, prompt_tokens, completion_tokens, cost_nano_usd") == [
        (request_id, "conversation-7", "gpt-*", "/chat/completions", "gpt-4o", "fallback", 200, None, 2,
         "backup", "served-1", 1000, 300, 4_750_000)]
    assert answer.header("x-understudy-cost-usd") == "0.00475"
    ((sent, received, total, first),) = rows(path, "attempts", "bytes_sent, bytes_received, total_ms, "
                                             "first_token_ms", "number = 2")
    assert sent > 100 and received > 100 and 0 < total < 30_000 and first is None


def test_what_a_client_left_behind_is_a_row_too(start, upstream, path):
    broken = upstream(steps(SSE_HEAD, chunk(event({"content": "One "})), chunk(event({"content": "two"})),
                            lambda c: c.hold()))
    daemon = start(config(broken.entry("primary", price=PRICE), ledger=str(path)))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.body(client.head(), until=lambda answer: "two" in answer.text)
    wait_rows(path, "requests", 1)
    assert rows(path, "attempts", "reason, usage, estimated_output > 0, cost_nano_usd") == [
        ("client_closed", "estimated", 1, None)]
    assert rows(path, "requests", "outcome") == [("client_closed",)]


def test_what_names_no_route_is_counted_and_not_booked(start, upstream, path):
    key = "sk-of-the-team-0123"
    text = config(upstream(well()), route={"model": "gpt-*"}, ledger=str(path),
                  keys=[{"name": "team", "key": key}])
    daemon = start(text)
    known = {"authorization": f"Bearer {key}"}
    assert chat(daemon).status == 401
    assert chat(daemon, model="unknown", headers=known).status == 404
    assert ask(daemon, path="/v1/nothing", body=b"{}", headers=known).status == 404
    assert ask(daemon, body=b"{", headers=known).status == 400
    assert chat(daemon, model="gpt-4o", headers=known).status == 200
    wait_rows(path, "requests", 1)
    wait_rows(path, "attempts", 1)
    wait_until(lambda: metric(daemon, "understudy_requests_total", outcome="rejected") == 4, "4 refusals")
    assert rows(path, "requests", "outcome, status") == [("primary", 200)]
    daemon.stop()
    assert metric(start(text), "understudy_requests_total", route="none", outcome="rejected") == 0


def test_nothing_that_was_said_is_kept_nor_any_key(start, upstream, path):
    secrets = ("Tell-me-about-zebras", "Zebras-are-striped", "sk-primary", "sk-of-the-team")
    primary = upstream(lambda c, r: c.send(status(400, {"error": {"message": secrets[0]}}))
                       if r.model == "bad" else well(secrets[1])(c, r))
    daemon = start(config(primary, ledger=str(path), keys=[{"name": "team", "key": secrets[3]}]))
    headers = {"authorization": f"Bearer {secrets[3]}"}
    for model, stream in (("m", False), ("m", True), ("bad", False)):
        ask(daemon, body=chat_body(model=model, stream=stream, content=secrets[0]), headers=headers)
    ask(daemon, path="/v1/chat/completions?api_key=" + secrets[3], body=chat_body(), headers=headers)
    wait_rows(path, "requests", 4)
    assert rows(path, "requests", "DISTINCT key") == [("team",)]
    daemon.stop()
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in secrets:
        assert secret.encode() not in kept, secret


def test_counters_go_on_where_they_were(start, upstream, path):
    primary = upstream(lambda c, r: c.send(status(503)) if r.model == "down" else well(usage=USAGE)(c, r))
    backup = upstream(well(usage=USAGE))
    text = config(primary.entry("primary", price=PRICE), backup.entry("backup", price=PRICE, model="m2"),
                  ledger=str(path))
    before: dict[str, float] = {}
    for round in range(3):
        daemon = start(text, ends=(0, -signal.SIGKILL))
        assert counters(daemon) == before
        for model in ("m", "down", "m"):
            chat(daemon, model=model)
        chat(daemon, stream=True)
        after = counters(daemon)
        assert all(after[sample] > value for sample, value in before.items())
        wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") == 9, "9 rows")
        before = after
        if round == 1:
            daemon.signal(signal.SIGKILL)
        daemon.stop()
    # A model that the first run learned from its upstream is its own label from the start.
    assert metric(start(text), "understudy_attempts_total", upstream="primary", model="m", reason="ok") == 9


def test_counters_go_on_when_a_ledger_that_was_locked_at_the_start_can_be_read(start, upstream, path):
    text = config(upstream(well(usage=USAGE)), ledger=str(path))
    daemon = start(text)
    for _ in range(3):
        chat(daemon)
    before = counters(daemon)
    daemon.stop()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    daemon = start(text)
    daemon.wait_line(r"ledger_down.*locked")
    assert counters(daemon) == {}
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: counters(daemon) == before, "counters of before")
    wait_until(lambda: not down(daemon), "understudy_ledger_up 1")
    chat(daemon)
    assert settled(daemon, "understudy_requests_total", outcome="primary") == 4
    daemon.stop()
    assert metric(start(text), "understudy_requests_total", outcome="primary") == 4


def test_no_counter_falls_by_a_kill_in_the_middle_of_a_failover_and_a_hedge(start, upstream, path):
    slow = threading.Event()

    def moody(connection, request):
        if request.model == "down":
            connection.send(status(503))
        elif request.model == "slow":
            connection.wait(slow)
        else:
            well(usage=USAGE)(connection, request)
    primary = upstream(moody)
    backup = upstream(lambda c, r: c.hold() if r.model == "down" else well(usage=USAGE)(c, r))
    entries = [primary.entry("primary"), backup.entry("backup")]
    text = config(*entries, route={"hedge": {"after": "50ms", "budget": "100%"}, "retries": 0},
                  ledger=str(path))
    daemon = start(text, ends=(-signal.SIGKILL,))
    assert chat(daemon, model="slow").status == 200
    wait_rows(path, "requests", 1)
    with Client(daemon) as client:
        client.ask(body=chat_body(model="down"))
        wait_until(lambda: len(backup.requests) == 2, "the failover")
        wait_rows(path, "attempts", 3)  # the two of before, and the one that failed
        before = daemon.metrics()
        daemon.signal(signal.SIGKILL)
        daemon.wait()
    slow.set()
    assert before.value("understudy_hedges_total", result="won") == 1
    # Also where nobody hedges any more.
    after = start(config(*entries, ledger=str(path))).metrics()
    kept = (*GO_ON, "understudy_hedges_total", "understudy_hedge_wasted_tokens_total")
    assert not {sample: value for sample, value in before.items()
                if sample.partition("{")[0] in kept and after.get(sample, 0) < value}


class SlowestWrite:
    """How long this machine took, at worst, to put a few bytes on this disk meanwhile: what the ledger
    promises is on top of that."""

    def __init__(self, folder):
        self.file, self.took, self.over = folder / "probe", 0.0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with self.file.open("wb") as file:
            while not self.over.wait(0.01):
                began = time.monotonic()
                file.write(b"a row")
                file.flush()
                os.fsync(file.fileno())
                self.took = max(self.took, time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.mark.row(58)
def test_a_killed_process_loses_nothing_that_a_client_has_had_for_100_ms(start, upstream, path):
    primary = upstream(well(usage=USAGE))
    text = config(primary, ledger=str(path))
    for _ in range(4):
        had: list[tuple[float, str]] = []
        daemon = start(text, ends=(-signal.SIGKILL,))
        stop = threading.Event()

        def send(daemon=daemon, stop=stop, had=had):
            with Client(daemon) as client:
                while not stop.is_set():
                    client.ask(body=chat_body())
                    answer = client.response()
                    had.append((time.monotonic(), answer.header("x-request-id")))

        def run(send=send):
            try:
                send()
            except Exception:  # noqa: BLE001  the daemon dies under it
                pass
        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        with SlowestWrite(path.parent) as disk:
            time.sleep(0.4)
            killed = time.monotonic()
            daemon.signal(signal.SIGKILL)
            daemon.wait()
        stop.set()
        for thread in threads:
            thread.join()
        kept = {request for (request,) in rows(path, "attempt", "request_id")}
        requests = {request for (request,) in rows(path, "request", "request_id")}
        lost = [round(killed - when, 3) for when, request in had
                if when < killed - 0.1 - 2 * disk.took and request not in kept & requests]
        assert not lost and len(kept) > 20
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT (SELECT sum(attempts) FROM usage_hour) = count(*) FROM attempt"
                                    ).fetchone() == (1,)


def down(daemon) -> bool:
    return metric(daemon, "understudy_ledger_up") == 0


@pytest.mark.row(57)
def test_a_full_disk_is_said_at_once_and_nothing_is_torn(start, upstream, path, shim):
    daemon = start(config(upstream(well(usage=USAGE)), ledger=str(path)), env=shim.env)
    chat(daemon)
    wait_rows(path, "requests", 1)
    assert not down(daemon)
    shim.disk(errno.ENOSPC)
    assert chat(daemon).status == 200
    wait_until(lambda: down(daemon), "understudy_ledger_up 0")
    daemon.wait_line(r"ledger_down.*full")
    for _ in range(5):
        assert chat(daemon).status == 200
    assert metric(daemon, "understudy_ledger_waiting_bytes") > 0
    assert len(rows(path, "requests")) == 1
    shim.disk(0)
    wait_rows(path, "requests", 7)
    wait_rows(path, "attempts", 7)
    wait_until(lambda: not down(daemon), "understudy_ledger_up 1")
    assert metric(daemon, "understudy_ledger_rows_total", result="lost") == 0
    assert len([line for line in daemon.stderr_lines() if "ledger_down" in line]) == 1


def test_an_error_of_the_disk_costs_no_row(start, upstream, path, shim):
    daemon = start(config(upstream(well()), ledger=str(path)), env=shim.env)
    chat(daemon)
    wait_rows(path, "requests", 1)
    shim.disk(errno.EIO)
    chat(daemon)
    wait_until(lambda: down(daemon), "understudy_ledger_up 0")
    shim.disk(0)
    wait_rows(path, "requests", 2)


def test_a_slow_disk_slows_no_request(start, upstream, path, shim):
    daemon = start(config(upstream(well()), ledger=str(path)), env=shim.env)
    chat(daemon)
    wait_rows(path, "requests", 1)
    shim.disk(-400)
    chat(daemon)
    begun = time.monotonic()
    for _ in range(20):
        assert chat(daemon).status == 200
    assert time.monotonic() - begun < 8  # each write takes 0.4 s, and there are some for each request
    shim.disk(0)
    wait_rows(path, "requests", 22)


def test_rows_wait_while_somebody_else_holds_the_file(start, upstream, path):
    daemon = start(config(upstream(well()), ledger=str(path)))
    chat(daemon)
    wait_rows(path, "requests", 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    chat(daemon)
    wait_until(lambda: down(daemon), "understudy_ledger_up 0")
    daemon.wait_line(r"ledger_down.*locked")
    other.execute("ROLLBACK")
    other.close()
    wait_rows(path, "requests", 2)


def test_a_corrupt_file_is_kept_and_named_and_a_new_one_begun(start, upstream, path):
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 500)
    daemon = start(config(upstream(well()), ledger=str(path)))
    named = daemon.wait_line(r"ledger_replaced.*kept as (\S+\.corrupt-\w+)").group(1)
    assert pathlib.Path(named).read_bytes() == b"not a database at all" * 500
    chat(daemon)
    wait_rows(path, "requests", 1)


def test_a_torn_log_of_a_dead_process_is_read_as_far_as_it_goes(start, upstream, path):
    text = config(upstream(well()), ledger=str(path))
    daemon = start(text, ends=(-signal.SIGKILL,))
    for _ in range(5):
        chat(daemon)
    wait_rows(path, "requests", 5)
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    log = pathlib.Path(str(path) + "-wal")
    log.write_bytes(log.read_bytes()[:-1000])
    daemon = start(text)
    chat(daemon)
    wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") == 2, "2 rows")
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = database.execute("SELECT count(*) FROM attempt").fetchone()[0]
    assert 1 <= kept <= 6


def test_another_programs_database_is_left_alone(start, upstream, path):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    daemon = start(config(upstream(well()), ledger=str(path)))
    daemon.wait_line(r"ledger_down.*another program")
    assert down(daemon) and chat(daemon).status == 200
    daemon.stop()
    assert path.read_bytes() == before


def test_required_is_not_ready_without_it(start, upstream, path, shim):
    daemon = start(config(upstream(well()), ledger={"path": str(path), "required": True}), env=shim.env)
    assert get(daemon, "/readyz").status == 200
    shim.disk(errno.ENOSPC)
    chat(daemon)
    wait_until(lambda: get(daemon, "/readyz").status == 503, "/readyz 503")
    assert b"ledger" in get(daemon, "/readyz").body
    assert get(daemon, "/healthz").status == 200
    shim.disk(0)
    wait_until(lambda: get(daemon, "/readyz").status == 200, "/readyz 200")


def test_the_usual_place_follows_the_environment(start, upstream, tmp_path):
    text = config(upstream(well()), ledger="on")
    for env, place in (({"XDG_STATE_HOME": str(tmp_path / "xdg")}, "xdg/understudy/ledger.db"),
                       ({"HOME": str(tmp_path)}, ".local/state/understudy/ledger.db")):
        daemon = start(text, env=env)
        chat(daemon)
        wait_rows(tmp_path / place, "requests", 1)
        assert (tmp_path / place).stat().st_mode & 0o777 == 0o600


def test_a_usual_place_that_cannot_be_had_is_said_once_and_done_without(start, upstream):
    text = config(upstream(well()), ledger="on")
    daemon = start(text, env={"XDG_STATE_HOME": "/proc/nowhere"})
    daemon.wait_line(r"ledger_off.*no ledger is kept")
    chat(daemon)
    assert "understudy_ledger" not in daemon.metrics_text()
    assert len([line for line in daemon.stderr_lines() if "ledger" in line]) == 1


def test_a_place_that_was_named_is_tried_until_it_is_there(start, upstream, tmp_path):
    blocked = tmp_path / "later"
    blocked.write_text("a file where a folder will be")
    daemon = start(config(upstream(well()), ledger=str(blocked / "ledger.db")))
    assert down(daemon)
    daemon.wait_line("ledger_down")
    chat(daemon)
    blocked.unlink()
    wait_rows(blocked / "ledger.db", "requests", 1)
    wait_until(lambda: not down(daemon), "understudy_ledger_up 1")


@pytest.mark.parametrize("beside", [True, False], ids=["with its log", "alone"])
def test_a_file_that_is_removed_is_said_and_begun_anew(start, upstream, path, beside):
    daemon = start(config(upstream(well()), ledger=str(path)))
    chat(daemon)
    wait_rows(path, "requests", 1)
    for name in ("", "-wal", "-shm") if beside else ("",):
        path.with_name(path.name + name).unlink(missing_ok=True)
    for _ in range(3):
        chat(daemon)
    daemon.wait_line("ledger_down.*removed")
    daemon.wait_line("ledger_up")
    wait_until(path.exists, "a new ledger")
    wait_rows(path, "requests", 3)
    wait_until(lambda: not down(daemon), "understudy_ledger_up 1")
    assert metric(daemon, "understudy_ledger_rows_total", result="lost") == 0


@pytest.mark.parametrize("end", ["goes on", "ends"])
def test_a_file_that_is_moved_takes_its_rows_along(start, upstream, path, end):
    daemon = start(config(upstream(well()), ledger=str(path)))

    def asked(count: int) -> set[str]:
        return {chat(daemon).header("x-request-id") for _ in range(count)}

    before = asked(200)
    wait_rows(path, "requests", 200)
    archive = path.with_name("archive.db")
    path.rename(archive)
    after = asked(50) if end == "goes on" else set()
    if after:
        daemon.wait_line("ledger_down.*removed")
        daemon.wait_line("ledger_up")
        wait_until(path.exists, "a new ledger")
        wait_rows(path, "requests", 50)
        assert metric(daemon, "understudy_ledger_rows_total", result="lost") == 0
    assert daemon.stop() == 0
    assert set(os.listdir(path.parent)) - {"ledger.db"} == {"archive.db"}  # no log is left behind
    for view in ("requests", "attempts"):
        for file, there in ((archive, before), (path, after)):
            ids = [request for (request,) in rows(file, view, "request_id")]
            assert len(ids) == len(there) and set(ids) == there


def test_a_reload_changes_how_long_rows_are_kept_and_not_where(start, upstream, path, tmp_path):
    primary = upstream(well())
    daemon = start(config(primary, ledger={"path": str(path)}))
    daemon.write_config(config(primary, ledger={"path": str(tmp_path / "elsewhere.db"), "keep": "1h"}))
    daemon.signal(signal.SIGHUP)
    daemon.wait_line(r"ledger changed; that needs a restart")
    chat(daemon)
    wait_rows(path, "requests", 1)
    assert not (tmp_path / "elsewhere.db").exists()


def test_off_keeps_nothing(start, upstream, tmp_path):
    daemon = start(config(upstream(well()), ledger="off"), env={"HOME": str(tmp_path)})
    chat(daemon)
    daemon.stop()
    assert not list(tmp_path.rglob("*.db"))


def test_a_drained_daemon_has_written_everything(start, upstream, path):
    daemon = start(config(upstream(well()), ledger=str(path)))
    answers = [chat(daemon) for _ in range(10)]
    assert daemon.stop() == 0
    assert os.listdir(path.parent) == ["ledger.db"]  # no log is left behind
    assert {request for (request,) in rows(path, "requests", "request_id")} == {
        answer.header("x-request-id") for answer in answers}
