"""An upgrade without a dropped request: SIGUSR2 starts the program anew on the same listening sockets;
the old process finishes what it has and ends."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from answers import DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, chunk, words
from client import Client
from harness import MAX_WAIT, chat, chat_body, config, metric, ms, wait_until, well
from tests.support.daemon import binary, fetch

JSON_LOG = {"log": {"level": "info", "format": "json"}, "drain": ms(8000)}


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def successors(daemon):
    """Pids of the processes that upgrades have started, in order."""
    found = []
    for line in daemon.stderr_lines() + daemon.stdout_lines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and record.get("result") == "begun":
                found.append(int(record["pid"]))
    return found


@pytest.fixture
def upgrade():
    """upgrade(daemon) -> the pid that serves afterwards. What it started ends with the test."""
    started = []

    def run(daemon, expect=True):
        before = successors(daemon)
        old = before[-1] if before else daemon.pid
        os.kill(old, signal.SIGUSR2)
        wait_until(lambda: len(successors(daemon)) > len(before), "the new process")
        pid = successors(daemon)[-1]
        started.append(pid)
        if expect:
            wait_until(lambda: not alive(old), "the old process ends", MAX_WAIT * 2)
        return pid

    yield run
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(alive(pid) for pid in started), "successors end", MAX_WAIT * 2)


class Load:
    """Clients that keep their connections and ask all the time, plain and streamed."""

    def __init__(self, daemon, clients=6):
        self.port = daemon.port
        self.stop = threading.Event()
        self.answers = 0
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(i % 2 == 0,)) for i in range(clients)]

    def run(self, stream):
        body = json.dumps(chat_body(stream=stream)).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=MAX_WAIT)
        while not self.stop.is_set():
            try:
                connection.request("POST", "/v1/chat/completions", body,
                                   {"content-type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200 or (stream and b"[DONE]" not in text):
                    self.failures.append((answer.status, text[-200:]))
                self.answers += 1
            except Exception as error:  # noqa: BLE001: every kind of failure is one
                self.failures.append(repr(error))
                connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(MAX_WAIT)


def test_ten_upgrades_in_a_row_under_load_lose_nothing(start, upstream, upgrade):
    daemon = start(config(upstream(well()), workers=2, **JSON_LOG))
    with Load(daemon) as load:
        for _ in range(10):
            before = load.answers
            upgrade(daemon)
            wait_until(lambda: load.answers > before + 5, "answers go on")
    assert not load.failures, load.failures[:5]
    assert load.answers > 100


def test_a_stream_outlives_the_upgrade(start, upstream, upgrade):
    go_on = threading.Event()

    def slow(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("Still")[0]))
        connection.wait(go_on)
        for piece in [words("x here.")[1], FINISH, DONE]:
            connection.send(chunk(piece))
        connection.send(LAST_CHUNK)
    daemon = start(config(upstream(slow), **JSON_LOG))
    old = daemon.pid
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        response = client.head()
        client.body(response, until=lambda r: b"Still" in r.body)
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        assert alive(old)
        go_on.set()
        client.body(response)
    assert response.text == "Still here." and response.ended == "whole"
    wait_until(lambda: not alive(old), "the old process ends")
    assert fetch(daemon.url + "/healthz")[0] == 200


def test_who_ends_during_an_upgrade_leaves_nobody_behind(start, upstream):
    daemon = start(config(upstream(well()), **JSON_LOG))
    os.kill(daemon.pid, signal.SIGUSR2)
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: daemon.returncode is not None, "the process ends")
    assert daemon.returncode == 0 and len(successors(daemon)) == 1
    wait_until(lambda: not alive(successors(daemon)[0]), "the new one ends")


def test_the_first_signal_behind_an_upgrade_cuts_nothing(start, upstream, upgrade):
    go_on = threading.Event()

    def slow(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("Still")[0]))
        connection.wait(go_on)
        for piece in [words("x here.")[1], FINISH, DONE]:
            connection.send(chunk(piece))
        connection.send(LAST_CHUNK)
    daemon = start(config(upstream(slow), **JSON_LOG))
    with Client(daemon) as client, Client(daemon) as second:
        for one in (client, second):
            one.ask(body=chat_body(stream=True))
        answers = [(one, one.head()) for one in (client, second)]
        for one, response in answers:
            one.body(response, until=lambda r: b"Still" in r.body)
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        os.kill(daemon.pid, signal.SIGTERM)
        time.sleep(0.1)  # a signal that cuts does so at once
        assert alive(daemon.pid)
        go_on.set()
        for one, response in answers:
            one.body(response)
            assert response.text == "Still here." and response.ended == "whole"
    wait_until(lambda: daemon.returncode is not None, "the old process ends")
    assert daemon.returncode == 0


def test_counters_go_on_through_an_upgrade(start, upstream, upgrade, tmp_path):
    go_on = threading.Event()

    def answer(connection, request):
        if request.model != "slow":
            return well()(connection, request)
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("Late")[0]))
        connection.wait(go_on)
        for piece in [FINISH, DONE]:
            connection.send(chunk(piece))
        connection.send(LAST_CHUNK)

    def served():
        return metric(daemon, "understudy_requests_total", outcome="primary")
    daemon = start(config(upstream(answer), ledger=str(tmp_path / "ledger.db"), **JSON_LOG))
    for _ in range(5):
        chat(daemon)
    with Client(daemon) as client:
        client.ask(body=chat_body(model="slow", stream=True))
        response = client.head()
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        wait_until(lambda: served() == 5, "what was before it")
        for _ in range(3):
            chat(daemon)
        assert served() == 8
        go_on.set()
        client.body(response)
    wait_until(lambda: served() == 9, "what the old process has finished")
    assert chat(daemon).status == 200 and served() == 10


KEY = "sk-limited-0123456789"


def test_budgets_see_what_the_old_process_spends(start, upstream, upgrade, tmp_path):
    """Streams of the old process end long after the new one has begun, each for two dollars of ten."""
    go_on, waiting = threading.Event(), []
    two_dollars = json.dumps({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 2000,
                                                       "total_tokens": 2000}}).encode()

    def answer(connection, request):
        if request.model == "slow":
            connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("Late")[0]))
            waiting.append(1)
            connection.wait(go_on)
            connection.send(chunk(FINISH) + chunk(b"data: " + two_dollars + b"\n\n") + chunk(DONE) + LAST_CHUNK)
        else:
            well(usage={"prompt_tokens": 0, "completion_tokens": 2000, "total_tokens": 2000})(connection, request)

    def headers(session):
        return {"Authorization": f"Bearer {KEY}", "x-understudy-session": session,
                "x-understudy-session-budget-usd": "5"}

    def ask(session="other", **more):
        return chat(daemon, headers=headers(session), max_tokens=2000, **more)
    primary = upstream(answer)
    daemon = start(config(primary.entry("primary", price={"input": 0, "output": 1000}), workers=2,
                          keys=[{"name": "team-a", "key": KEY, "limits": {"budget_usd_per_day": 10}}],
                          ledger=str(tmp_path / "ledger.db"), **JSON_LOG))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(daemon)) for _ in range(4)]
        for i, client in enumerate(clients):
            client.ask(body=chat_body(model="slow", stream=True, max_tokens=2000),
                       headers=headers("same" if i < 2 else f"s{i}"))
        wait_until(lambda: len(waiting) == 4, "streams of the old process")
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        def left():
            return metric(daemon, "understudy_key_budget_left_usd", period="day")
        wait_until(lambda: left() == 10, "the new process")
        go_on.set()
        for client in clients:
            client.body(client.head())
        wait_until(lambda: abs(left() - 2) < 1e-6, "the rest")
    refused = ask("same")  # four dollars of the session's five: one more is let in
    assert refused.status == 200 and ask("same").error["code"] == "budget_exceeded"
    assert ask().error["code"] == "budget_exceeded"
    assert left() == 0 and len(primary.requests) == 5


def test_budgets_go_on_though_the_old_process_keeps_its_ledger_in_an_older_form(start, upstream, upgrade,
                                                                                tmp_path):
    """The new process may not bring it up to date while the old one writes it, but reads what was spent."""
    go_on, waiting = threading.Event(), []
    usage = {"prompt_tokens": 0, "completion_tokens": 2000, "total_tokens": 2000}  # two dollars

    def answer(connection, request):
        if request.model != "slow":
            return well(usage=usage)(connection, request)
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("Late")[0]))
        waiting.append(1)
        connection.wait(go_on)
        told = json.dumps({"choices": [], "usage": usage}).encode()
        connection.send(chunk(FINISH) + chunk(b"data: " + told + b"\n\n") + chunk(DONE) + LAST_CHUNK)

    def headers(session):
        return {"Authorization": f"Bearer {KEY}", "x-understudy-session": session,
                "x-understudy-session-budget-usd": "5"}

    def ask():
        return chat(daemon, headers=headers("same"), max_tokens=2000)

    def left():
        return metric(daemon, "understudy_key_budget_left_usd", period="day")

    def form(statement="PRAGMA user_version"):
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db", timeout=MAX_WAIT)) as ledger:
            return ledger.execute(statement).fetchone()
    primary = upstream(answer)
    daemon = start(config(primary.entry("primary", price={"input": 0, "output": 1000}),
                          keys=[{"name": "team-a", "key": KEY, "limits": {"budget_usd_per_day": 10}}],
                          ledger=str(tmp_path / "ledger.db"), **JSON_LOG))
    assert [ask().status for _ in range(2)] == [200, 200]
    with Client(daemon) as client:
        client.ask(body=chat_body(model="slow", stream=True, max_tokens=2000), headers=headers("other"))
        wait_until(lambda: waiting, "the stream of the old process")
        wait_until(lambda: form("SELECT count(*) FROM request") == (2,), "the rows")
        newest = form()
        form("PRAGMA user_version = 3")
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        wait_until(lambda: abs(left() - 6) < 1e-6, "what the key had spent")
        assert ask().status == 200  # four dollars of the session's five: one more is let in
        assert ask().error["code"] == "budget_exceeded"
        assert form() == (3,)
        go_on.set()
        client.body(client.head())
    wait_until(lambda: abs(left() - 2) < 1e-6, "what the old process has finished")
    wait_until(lambda: form() == newest, "the newest form")
    wait_until(lambda: form("SELECT count(*) FROM request") >= (4,), "all rows")


def test_a_request_of_the_last_moment_is_answered_by_the_old_process(start, upstream, upgrade):
    """It comes when all others are done and the connection was about to be closed."""
    go_on = threading.Event()

    def slow(connection, request):
        connection.wait(go_on)
        well("In time.")(connection, request)
    primary = upstream(slow)
    daemon = start(config(primary, **JSON_LOG))
    body = json.dumps(chat_body()).encode()
    request = (b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
               b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)) + body
    with socket.create_connection(("127.0.0.1", daemon.port), MAX_WAIT) as client:
        client.sendall(request[:20])  # so that it is not idle
        upgrade(daemon, expect=False)
        wait_until(lambda: "handed over" in "".join(daemon.stderr_lines() + daemon.stdout_lines()),
                   "the hand-over")
        time.sleep(1.3)  # silent connections are closed after a second, and all is over after two
        client.sendall(request[20:])
        primary.wait_requests(1)
        time.sleep(1.0)
        assert alive(daemon.pid)
        go_on.set()
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 200 and b"In time." in answer.read()
    wait_until(lambda: daemon.returncode is not None, "the old process ends")


def test_a_new_program_that_cannot_start_changes_nothing(start, upstream):
    daemon = start(config(upstream(well()), **JSON_LOG))
    good = open(daemon.config_path).read()
    with open(daemon.config_path, "w") as file:
        file.write("upstreams: [nonsense\n")
    os.kill(daemon.pid, signal.SIGUSR2)
    wait_until(lambda: any("did not start" in line
                           for line in daemon.stderr_lines() + daemon.stdout_lines()),
               "the failure is told")
    assert chat(daemon).text == "It works."
    assert alive(daemon.pid)
    with open(daemon.config_path, "w") as file:
        file.write(good)


def test_the_new_process_serves_the_new_configuration(start, upstream, upgrade):
    first, second = upstream(well("Old.")), upstream(well("New."))
    daemon = start(config(first, **JSON_LOG))
    assert chat(daemon).text == "Old."
    # `listen` and `workers` need a restart; an upgrade is one. The address must stay to be taken over.
    daemon.write_config(config(second, workers=3, **JSON_LOG))
    upgrade(daemon)
    assert chat(daemon).text == "New."


def test_ports_of_the_kernels_choice_keep_their_sides(start, upstream, upgrade):
    daemon = start(config(upstream(well()), admin="127.0.0.1:0", workers=2, **JSON_LOG))
    for _ in range(2):
        upgrade(daemon)
        assert chat(daemon).text == "It works."
        # A request is booked behind its answer, by another thread than the one that shows the page.
        wait_until(lambda: metric(daemon, "understudy_requests_total", outcome="primary") >= 1,
                   "the request is booked")
        assert fetch(daemon.url + "/metrics")[0] == 404


def test_a_socket_of_systemd_is_taken_over(upstream, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        port = listener.getsockname()[1]
        # A client that has connected before anybody serves is not turned away.
        early = socket.create_connection(("127.0.0.1", port))
        early.sendall(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        path = tmp_path / "u.yaml"
        server = upstream(well())
        text = config(server).replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
        path.write_text(re.sub(r"^workers: 1$", "workers: 2", text, flags=re.MULTILINE))
        os.set_inheritable(listener.fileno(), True)
        command = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "{binary()}" serve -c "{path}"'
        process = subprocess.Popen(["/bin/bash", "-c", command], pass_fds=[listener.fileno()],
                                   stderr=subprocess.PIPE)
    try:
        early.settimeout(MAX_WAIT)
        answer = b""
        while data := early.recv(4096):
            answer += data
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok\n")
        for _ in range(8):
            assert fetch(f"http://127.0.0.1:{port}/healthz")[0] == 200
    finally:
        early.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(MAX_WAIT) == 0
        process.stderr.close()
