"""Running it: drain on SIGTERM, reload on SIGHUP, exit codes, logs."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import threading
import time

import pytest

from harness import (MAX_WAIT, QUIET, SSE_HEAD, Client, chat, chat_body, chunk, config, error_body, event,
                     expect_metrics, get, metric, ms, plain_and_streamed, request_lines, seconds,
                     reset, status, steps, timeouts, well, FINISH, DONE, LAST_CHUNK)
from tests.support.daemon import (Daemon, Mock, Process, StartError, binary, closed_port, run,
                                  wait_until)

FIRST = event({"content": "Hello"})


def running_stream(start, upstream, ends=(0,), **top):
    """A daemon with one committed stream that waits for `opened`; (daemon, client, answer, opened)."""
    opened = threading.Event()
    primary = upstream(steps(SSE_HEAD, chunk(FIRST), lambda c: c.wait(opened),
                             chunk(FINISH) + chunk(DONE) + LAST_CHUNK))
    daemon = start(config(primary, **top), ends=ends)
    client = Client(daemon)
    client.ask(body=chat_body(stream=True))
    got = client.body(client.head(), until=lambda r: FIRST in r.body)
    return daemon, client, got, opened


# --- the end

@pytest.mark.row(59)
def test_sigterm_lets_a_running_stream_finish_and_takes_nothing_new(start, upstream):
    daemon, client, got, opened = running_stream(start, upstream, drain="20s",
                                                 admin="127.0.0.1:0")
    admin = int(daemon.admin_url.rpartition(":")[2])
    with Client(daemon) as idle:
        idle.ask("GET", "/healthz")
        idle.response()
        daemon.signal(signal.SIGTERM)
        assert idle.at_end() == "fin", "an idle connection outlived the drain"

    def draining():
        with Client(daemon, port=admin) as probe:
            probe.ask("GET", "/readyz")
            return probe.response().status == 503
    wait_until(draining, "/readyz to answer 503", MAX_WAIT)

    def refused():
        """/readyz and the clients' door belong to two threads: one may be a moment later."""
        try:
            Client(daemon).close()
        except OSError:
            return True
        return False
    wait_until(refused, "new clients to be refused", MAX_WAIT)
    assert daemon.returncode is None
    opened.set()
    assert client.body(got).finished
    assert daemon.wait(MAX_WAIT) == 0


@pytest.mark.row(59)
def test_during_a_drain_readyz_is_503_on_connections_that_still_exist(start, upstream):
    daemon, client, got, opened = running_stream(start, upstream, drain="20s")
    with Client(daemon) as busy:
        busy.send(b"GET /readyz HTTP/1.1\r\nHost: h\r\n")  # half a head: not idle
        wait_until(lambda: metric(daemon, "understudy_connections") >= 2, "it is seen", MAX_WAIT)
        daemon.signal(signal.SIGTERM)
        daemon.wait_line("(?i)drain")
        busy.send(b"\r\n")
        answer = busy.response()
        assert answer.status in (0, 503)
        assert answer.status == 0 or answer.header("connection") == "close"
    opened.set()
    assert client.body(got).finished and daemon.wait(MAX_WAIT) == 0


@pytest.mark.row(59)
def test_what_outlasts_the_drain_is_cut_visibly(start, upstream):
    daemon, client, got, _ = running_stream(start, upstream, (0, 1), drain=ms(400))
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    client.body(got)
    assert got.ended in ("cut", "reset") and "[DONE]" not in got.events
    assert daemon.wait(MAX_WAIT) in (0, 1)
    assert seconds(0.3) < time.monotonic() - began < seconds(4)


@pytest.mark.row(59)
def test_a_second_signal_ends_it_at_once(start, upstream):
    daemon, client, got, _ = running_stream(start, upstream, (0, 1), drain="60s")
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("(?i)drain")
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    daemon.wait(MAX_WAIT)
    assert time.monotonic() - began < seconds(3)
    client.body(got)
    assert got.ended in ("cut", "reset") and "[DONE]" not in got.events


def test_ctrl_c_ends_it_like_sigterm(start, upstream):
    daemon = start(config(upstream()))
    chat(daemon)
    daemon.signal(signal.SIGINT)
    assert daemon.wait(MAX_WAIT) == 0


@pytest.mark.row(59)
def test_a_plain_request_in_flight_is_answered_during_the_drain(start, upstream):
    opened = threading.Event()
    primary = upstream(lambda c, r: (c.wait(opened), well("Late.")(c, r)))
    daemon = start(config(primary, drain="20s"))
    with Client(daemon) as client:
        client.ask(body=chat_body())
        primary.wait_requests(1)
        daemon.signal(signal.SIGTERM)
        daemon.wait_line("(?i)drain")
        opened.set()
        got = client.response()
    assert got.text == "Late." and got.header("connection") == "close"
    assert daemon.wait(MAX_WAIT) == 0


# --- reload

def good_reloads(daemon) -> float:
    return sum(metric(daemon, "understudy_config_reloads_total", result=result)
               for result in ("success", "ok"))


@pytest.mark.row(60)
def test_a_reload_under_load_fails_no_request_and_takes_effect(start, upstream):
    one, two = upstream(well("One.")), upstream(well("Two."))
    texts = [config(one, workers=2), config(two, workers=2)]
    daemon = start(texts[0])
    stop, answers = threading.Event(), []

    def load(stream):
        with Client(daemon) as client:
            while not stop.is_set():
                client.ask(body=chat_body(stream=stream))
                got = client.response()
                answers.append((got.status, got.ended, got.text))
    threads = [threading.Thread(target=load, args=(i % 2 == 1,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(1, 7):
        daemon.write_config(texts[i % 2])
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: good_reloads(daemon) >= i, f"reload {i}", MAX_WAIT)
        wanted = "Two." if i % 2 else "One."
        wait_until(lambda: answers and answers[-1][2] == wanted, wanted, MAX_WAIT)
    stop.set()
    for thread in threads:
        thread.join(MAX_WAIT)
    assert len(answers) > 50
    assert {(code, ended) for code, ended, _ in answers} == {(200, "whole")}


def test_a_stream_that_runs_keeps_the_configuration_it_started_with(start, upstream):
    daemon, client, got, opened = running_stream(start, upstream)
    two = upstream(well("Two."))
    daemon.write_config(config(two))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: good_reloads(daemon) >= 1, "the reload", MAX_WAIT)
    wait_until(lambda: chat(daemon).text == "Two.", "the new configuration", MAX_WAIT)
    opened.set()
    assert client.body(got).finished and client.at_end(0.1) == ""
    client.close()


@pytest.mark.row(60)
@pytest.mark.parametrize("broken", ["upstreams: [", "upstreams: []\nroutes: []\n",
                                    "listen: nonsense\n", "", None], ids=repr)
def test_a_bad_configuration_keeps_the_old_one_and_is_counted(start, upstream, broken):
    daemon = start(config(upstream(well("Still here."))))
    if broken is None:

        os.unlink(daemon.config_path)
    else:
        daemon.write_config(broken)
    daemon.signal(signal.SIGHUP)
    def failed():
        metrics = daemon.metrics()
        return sum(metrics.value("understudy_config_reloads_total", **labels)
                   for labels in metrics.labels("understudy_config_reloads_total")
                   if labels["result"] not in ("success", "ok")) == 1
    wait_until(failed, "the failed reload is counted", MAX_WAIT)
    assert chat(daemon).text == "Still here."
    assert daemon.returncode is None and get(daemon, "/readyz").status == 200


def test_a_changed_file_reloads_by_itself(start, upstream):
    one, two = upstream(well("One.")), upstream(well("Two."))
    daemon = start(config(one))
    assert chat(daemon).text == "One."
    daemon.write_config(config(two))
    wait_until(lambda: chat(daemon).text == "Two.", "the file's change", 2 * MAX_WAIT)


def places_for_descriptors(daemon) -> int:
    lines = pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("FDSize:")).split()[1])


def test_the_table_of_descriptors_has_its_size_before_there_are_clients(start, upstream):
    """Where it grows under load, all streams of a worker stand still while the kernel waits for RCU."""
    primary = upstream()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 3100:
        pytest.skip("the machine allows fewer descriptors")
    daemon = start(config(primary, limits={"connections": 500}))
    assert places_for_descriptors(daemon) >= 1000
    daemon.write_config(config(primary, limits={"connections": 1500}))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: places_for_descriptors(daemon) >= 3000, "room for more clients", MAX_WAIT)


# --- the start

def test_an_address_in_use_ends_with_3(upstream):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as refusal, \
                Daemon(config(upstream(), listen=f"127.0.0.1:{port}")):
            pass
    assert "ended with 3" in str(refusal.value) and str(port) in str(refusal.value)
    assert "--listen" in str(refusal.value) and "`listen`" in str(refusal.value)


def test_a_second_daemon_on_the_port_of_the_first_is_refused_although_both_share_ports(start,
                                                                                       upstream):
    first = start(config(upstream()))
    with pytest.raises(StartError) as refusal, \
            Daemon(config(upstream(), listen=f"127.0.0.1:{first.port}")):
        pass
    assert "ended with 3" in str(refusal.value) and "another understudy" in str(refusal.value)
    assert get(first, "/healthz").status == 200


def test_the_start_tells_what_it_serves_and_where_clients_point_to(start, upstream):
    primary = upstream()
    daemon = start(config(primary, log={"format": "text"}))
    said = "\n".join(daemon.stderr_lines())
    assert f"base_url=http://127.0.0.1:{daemon.port}/v1" in said
    assert primary.url in said and "chain=" in said


@pytest.mark.parametrize("word,meant", [("serv", "serve"), ("chekc", "check"), ("zzz", None)])
def test_a_word_that_is_no_command_is_named_and_the_nearest_one_suggested(word, meant):
    got = run(word)
    said = "\n".join(got.stderr_lines())
    assert got.returncode == 2 and f'"{word}"' in said and "serve" in said
    assert (f'did you mean "{meant}"' in said) == (meant is not None)


@pytest.mark.parametrize("text,said", [
    ("upstreams:\n  - name: a\n    base_url: http://127.0.0.1:1\n    modle: x\n", "model"),
    ("upstreams:\n  - name: a\n    base_url: nonsense\n", "base_url"),
    ("listen: 127.0.0.1:0\n", "upstreams"),
    ("upstreams: [\n", ":"),
    ("upstreams:\n  - name: a\n    base_url: http://127.0.0.1:1\n    api_key: ${NOT_SET}\n",
     "NOT_SET")])
def test_a_bad_configuration_ends_with_2_and_says_where(text, said):
    with pytest.raises(StartError) as refusal, Daemon("listen: 127.0.0.1:0\n" + text
                                                      if "listen" not in text else text):
        pass
    message = str(refusal.value)
    assert "ended with 2" in message and said in message and "understudy.yaml" in message


def test_a_missing_file_ends_with_2():
    done = run("serve", "-c", "/nowhere/understudy.yaml")
    assert done.returncode == 2 and "/nowhere/understudy.yaml" in "\n".join(done.stderr_lines())


def test_zero_configuration_starts_from_a_key_in_the_environment(upstream, tmp_path):
    """No file anywhere: the chain comes from the environment."""

    with Process([binary(), "serve", "--listen", "127.0.0.1:0"],
                 env={"HOME": str(tmp_path), "OPENAI_API_KEY": "sk-test-zero-conf"},
                 cwd=str(tmp_path)) as daemon:
        daemon.wait_line(r"listening on http://127\.0\.0\.1:\d+")
        assert "sk-test-zero-conf" not in "\n".join(daemon.stderr_lines())
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(MAX_WAIT) == 0


# --- what the documentation says of health and metrics

def test_upstreams_that_are_down_do_not_change_readiness(start):
    with closed_port() as port:
        daemon = start(config({"name": "dead", "base_url": f"http://127.0.0.1:{port}/v1"}))
        assert chat(daemon).status == 502
        assert get(daemon, "/readyz").status == 200
        assert run("health", daemon.url).returncode == 0


def test_health_asks_port_80_of_a_url_without_a_port(start, upstream, shim):
    daemon = start(config(upstream()))
    shim.ports({"127.0.0.1:80": daemon.port})
    assert run("health", "http://127.0.0.1", env=shim.env).returncode == 0
    shim.ports({})
    with closed_port() as port:
        for url in (f"http://127.0.0.1:{port}", f"127.0.0.1:{port}/readyz"):
            failed = run("health", url)
            assert failed.returncode == 1
            assert f"not ready: http://127.0.0.1:{port}/readyz: " in "\n".join(failed.stderr_lines())
    text = "\n".join(run("health", "--help").stdout_lines())
    assert "without a port" in " ".join(text.split())


def test_a_keys_name_is_in_the_log_and_no_metric(start, upstream):
    daemon = start(config(upstream(), keys=[{"name": "team-a", "key": "sk-team-a-0123456789"}]))
    got = chat(daemon, headers={"authorization": "Bearer sk-team-a-0123456789"})
    assert got.status == 200
    wait_until(lambda: any(" key=team-a " in line for line in daemon.stderr_lines()), "the line",
               MAX_WAIT)
    assert "team-a" not in daemon.metrics_text()


# --- logs

def test_json_logs_are_json_line_by_line_and_hold_the_facts(start, upstream):
    primary, backup = upstream(status(503)), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2"),
                          log={"format": "json"}))
    chat(daemon, headers={"x-request-id": "facts-0001"})
    wait_until(lambda: any("facts-0001" in line for line in daemon.stderr_lines()), "the line",
               MAX_WAIT)
    for line in daemon.stderr_lines():
        json.loads(line)
    (record,) = [r for r in request_lines(daemon) if "facts-0001" in json.dumps(r)]
    text = json.dumps(record)
    for fact in ("server_error", "backup", "m2", "200"):
        assert fact in text, record
    assert record["client"] == "127.0.0.1"
    numbers = [v for v in record.values() if isinstance(v, (int, float))]
    assert 12 in numbers and 5 in numbers, "tokens are missing"


@pytest.mark.parametrize("stream, answer, outcome, ended", [
    (True, steps(SSE_HEAD, chunk(FIRST), reset), "exhausted", "broken"),
    (True, status(503), "exhausted", None), (False, status(503), "exhausted", None),
    (True, well(), "primary", None)])
def test_a_stream_that_broke_is_told_from_one_that_nobody_answered(start, upstream, stream, answer,
                                                                   outcome, ended):
    daemon = start(config(upstream(answer), log={"format": "json"}))
    chat(daemon, stream=stream, headers={"x-request-id": "ended-0001"})
    wait_until(lambda: any("ended-0001" in line for line in daemon.stderr_lines()), "the line",
               MAX_WAIT)
    (record,) = [r for r in request_lines(daemon) if r.get("id") == "ended-0001"]
    assert record.get("ended") == ended
    assert record["outcome"] == outcome
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": record["outcome"]}))


def test_text_logs_name_the_client_of_served_and_of_rejected_requests(start, upstream):
    daemon = start(config(upstream()))
    chat(daemon, headers={"x-request-id": "served-0001"})
    chat(daemon, headers={"x-request-id": "refused-0001"}, stream=3)
    for wanted in ("served-0001", "refused-0001"):
        wait_until(lambda: any(wanted in line and "client=127.0.0.1" in line
                               for line in daemon.stderr_lines()), wanted, MAX_WAIT)


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_of_ours_is_told_once_a_minute_and_a_clients_never(start, upstream, code):
    refusing, second = upstream(status(code)), upstream(status(code))
    daemon = start(config(
        refusing.entry("ours", model="m1", api_key="sk-own-secret"),
        second.entry("theirs", model="m2", api_key=None),
        routes=[{"model": "own", "chain": ["ours"]}, {"model": "*", "chain": ["theirs"]}],
        log={"format": "json"}))
    for i in range(3):
        for model in ("own", "client"):
            got = chat(daemon, model=model, headers={"x-request-id": f"told-{model}-{i}"})
            assert got.status == code
    wait_until(lambda: sum("told-" in line for line in daemon.stderr_lines()) >= 6, "the lines",
               MAX_WAIT)
    told = [r for r in request_lines(daemon) if r.get("event") == "key_refused"]
    assert len(told) == 1, told
    assert told[0]["level"] == "error" and told[0]["upstream"] == "ours"
    assert told[0]["status"] == code and "api_key" in told[0]["message"]
    assert not any("sk-own-secret" in line for line in daemon.stderr_lines())


MODERATED = {"error": {"code": 403, "message": "This prompt requires moderation on OpenAI. Your input was flagged",
                       "metadata": {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"}}}


@pytest.mark.parametrize("said, told", [
    (MODERATED, 0), (error_body("Your request was blocked by a guardrail."), 0),
    (error_body("Project `p` does not have access to model `m1`.", code="model_not_found"), 1),
    (error_body("Not allowed."), 1)], ids=["moderation", "guardrail", "model", "key"])
def test_a_403_for_what_a_client_said_is_none_of_our_key(start, upstream, said, told):
    daemon = start(config(upstream(status(403, said)), log={"format": "json"}))
    got = chat(daemon)
    assert got.status == 403 and got.trace[0][1] == "auth"
    wait_until(lambda: [r for r in request_lines(daemon) if r["event"] == "request"], "the line", MAX_WAIT)
    assert [r["event"] for r in request_lines(daemon)].count("key_refused") == told


def test_log_level_off_says_nothing_about_requests(start, upstream):
    daemon = start(config(upstream(), log={"level": "error"}))
    chat(daemon, headers={"x-request-id": "quiet-0001"})
    expect_metrics(daemon)
    assert not any("quiet-0001" in line for line in daemon.stderr_lines())


# --- the neighbours

def stopped(pid: int) -> bool:
    """All its threads stand still."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in tasks)


@pytest.mark.row(62)
@plain_and_streamed
def test_an_upstream_that_is_stopped_times_out_once_and_works_again_when_it_continues(
        start, upstream, stream):
    backup = upstream(well("Backup."))
    with Mock() as mock:
        daemon = start(config({"name": "primary", "base_url": mock.url + "/v1", "model": "ok",
                               "timeouts": timeouts(first_token=500, response=500)}, backup))
        served = lambda: chat(daemon, stream=stream).header("x-understudy-upstream")
        assert served() == "primary"
        mock.signal(signal.SIGSTOP)
        wait_until(lambda: stopped(mock.pid), "the upstream stands still", MAX_WAIT)
        assert served() == "backup" and len(backup.requests) == 1
        expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary",
                                                                "reason": "timeout"}))
        mock.signal(signal.SIGCONT)
        wait_until(lambda: served() == "primary", "the primary again", MAX_WAIT)


@pytest.mark.row(62)
def test_a_daemon_that_was_stopped_continues_without_a_burst_of_retries(start, upstream):
    opened = threading.Event()
    primary = upstream(lambda c, r: (c.wait(opened), well("After the pause.")(c, r)))
    backup = upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(response=600)), backup))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(daemon)) for _ in range(5)]
        for client in clients:
            client.ask(body=chat_body())
        primary.wait_requests(5)
        daemon.signal(signal.SIGSTOP)
        threading.Event().wait(seconds(0.9))  # longer than the limit: the clock went on
        opened.set()
        daemon.signal(signal.SIGCONT)
        texts = {client.response().text for client in clients}
    assert texts <= {"After the pause.", "Backup."}
    assert len(primary.requests) <= 5 and len(backup.requests) <= 5
    assert chat(daemon).status == 200


@pytest.mark.row(61)
@pytest.mark.parametrize("hours", [2, -2])
def test_a_jump_of_the_clock_expires_nothing(start, upstream, shim, hours):
    opened = threading.Event()
    primary = upstream(steps(SSE_HEAD, chunk(FIRST), lambda c: c.wait(opened),
                             chunk(FINISH) + chunk(DONE) + LAST_CHUNK))
    daemon = start(config(primary, log={"format": "json"}), env=shim.env)
    with Client(daemon) as streaming, Client(daemon) as idle:
        idle.ask("GET", "/healthz")
        idle.response()
        streaming.ask(body=chat_body(stream=True))
        got = streaming.body(streaming.head(), until=lambda r: FIRST in r.body)
        shim.jump(hours * 3600)
        assert streaming.quiet(QUIET * 3), "the stream was ended"
        idle.ask("GET", "/healthz")
        assert idle.response().status == 200
        opened.set()
        assert streaming.body(got).finished
    metrics = daemon.metrics()
    assert metrics.value("understudy_request_duration_seconds_sum") < seconds(60)
    assert metrics.value("understudy_request_duration_seconds_sum") >= 0
