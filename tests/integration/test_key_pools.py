"""Several keys of one upstream: used in turn, rested by 429 and 402, retired by 401, shown nowhere."""

import signal
import time

import pytest

from harness import (MAX_WAIT, chat, config, error_body, expect_metrics, get, metric, ms, plain,
                     completion, plain_and_streamed, request_lines, run_answer, seconds, status, well)
from tests.support.daemon import wait_until

KEYS = ["sk-first-0123456789", "sk-second-0123456789", "sk-third-0123456789"]


def by_key(answers, otherwise=None):
    """Answers as the key of each request says; the dict may change as the test goes."""
    def answer(connection, request):
        key = (request.header("authorization") or "").removeprefix("Bearer ")
        run_answer(answers.get(key, otherwise or well()), connection, request)
    return answer


def used(server):
    return [KEYS.index(request.header("authorization").removeprefix("Bearer ")) + 1
            for request in server.requests]


def pooled(server, keys=KEYS, **settings):
    return server.entry("primary", api_key=keys, **settings)


def key_states(daemon):
    metrics = daemon.metrics()
    return [metrics.value("understudy_key_state", upstream="primary", key=str(i + 1))
            for i in range(len(KEYS))]


def test_keys_are_used_in_turn_by_all_workers_together(start, upstream):
    primary = upstream(well())
    daemon = start(config(pooled(primary), workers=3))
    for _ in range(9):
        assert chat(daemon).text == "It works."
    assert used(primary) == [1, 2, 3] * 3
    assert key_states(daemon) == [0, 0, 0]


@plain_and_streamed
@pytest.mark.parametrize("refusal, state", [
    (status(429, error_body(), "Retry-After: 30"), 1), (status(402, error_body()), 1),
    (status(401, error_body("Incorrect API key provided.", code="invalid_api_key")), 2)],
    ids=["429", "402", "401"])
def test_the_next_key_serves_at_once_without_leaving_the_entry(start, upstream, refusal, state,
                                                               stream):
    primary = upstream(by_key({KEYS[0]: refusal}))
    backup = upstream(well("From the backup."))
    daemon = start(config(pooled(primary), backup.entry("backup"), route={"retries": 0}))
    got = chat(daemon, stream=stream)
    assert got.text == "It works." and not backup.requests
    assert got.header("x-understudy-attempts") == "2" and used(primary) == [1, 2]
    assert [item[0] for item in got.trace] == ["primary/m", "primary/m"]
    for _ in range(4):
        assert chat(daemon, stream=stream).header("x-understudy-attempts") == "1"
    assert used(primary) == [1, 2, 3, 2, 3, 2] or 1 not in used(primary)[1:]
    assert key_states(daemon) == [state, 0, 0]
    expect_metrics(daemon, (0, "understudy_failovers_total", {}),
                   (5, "understudy_requests_total", {"outcome": "primary"}))


def test_a_rested_key_comes_back_and_a_retired_one_does_not_until_a_reload(start, upstream):
    answers = {KEYS[0]: status(429, error_body(), "Retry-After: 1"),
               KEYS[1]: status(401, error_body())}
    primary = upstream(by_key(answers))
    daemon = start(config(pooled(primary)))
    assert chat(daemon).text == "It works."
    assert used(primary) == [1, 2, 3] and key_states(daemon) == [1, 2, 0]
    answers.clear()
    time.sleep(1.05)
    assert key_states(daemon) == [0, 2, 0]
    for _ in range(4):
        chat(daemon)
    assert set(used(primary)[3:]) == {1, 3}
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: key_states(daemon) == [0, 0, 0], "the reload", MAX_WAIT)
    for _ in range(3):
        chat(daemon)
    assert 2 in used(primary)[7:]


@plain_and_streamed
def test_when_all_keys_rest_so_does_the_entry(start, upstream, stream):
    primary = upstream(status(429, error_body(), "Retry-After: 30"))
    backup = upstream(well("From the backup."))
    daemon = start(config(pooled(primary), backup.entry("backup")))
    got = chat(daemon, stream=stream)
    assert got.text == "From the backup." and used(primary) == [1, 2, 3]
    assert [item[1] for item in got.trace] == ["rate_limit"] * 3 + ["ok"]
    got = chat(daemon, stream=stream)
    assert got.text == "From the backup." and [i[1] for i in got.trace] == ["skipped", "ok"]
    assert len(primary.requests) == 3 and key_states(daemon) == [1, 1, 1]


def test_where_there_is_nobody_else_the_client_gets_the_providers_word_and_then_the_time(start,
                                                                                          upstream):
    primary = upstream(status(429, error_body("Slow down."), "Retry-After: 30"))
    daemon = start(config(pooled(primary), route={"retries": 0}))
    got = chat(daemon)
    assert got.status == 429 and got.header("retry-after") == "30"
    assert got.error["message"] == "Slow down." and len(primary.requests) == 3
    got = chat(daemon)
    assert got.status == 503 and got.error["code"] == "no_upstream_available"
    assert 25 <= int(got.header("retry-after")) <= 30
    assert get(daemon, "/readyz").status == 503


def test_what_is_said_of_a_key_opens_no_breaker_and_what_fails_does(start, upstream):
    answers = {key: status(429, error_body(), "Retry-After: 1") for key in KEYS}
    primary, backup = upstream(by_key(answers)), upstream(well())
    daemon = start(config(pooled(primary), backup.entry("backup"),
                          breaker={"failures": 2, "cooldown": "30s"}))
    chat(daemon)
    assert metric(daemon, "understudy_breaker_state", upstream="primary") == 0
    answers.update({key: status(500) for key in KEYS})
    time.sleep(1.05)
    for _ in range(3):
        chat(daemon)
    assert metric(daemon, "understudy_breaker_state", upstream="primary") == 2


@plain_and_streamed
def test_no_key_of_the_pool_is_seen_anywhere(start, upstream, stream):
    """The upstream echoes each key in its answers, the daemon is asked everything it tells."""
    def echo(connection, request):
        key = request.header("authorization").removeprefix("Bearer ")
        if key == KEYS[0]:
            run_answer(status(401, error_body(f"Incorrect API key provided: {key}")), connection,
                       request)
        else:
            others = " ".join(KEYS)
            run_answer(well(f"You are {key}, not {others}."), connection, request)
    primary = upstream(echo)
    daemon = start(config(pooled(primary), log={"level": "trace", "format": "json"}))
    seen = b""
    for _ in range(4):
        got = chat(daemon, stream=stream)
        assert got.status == 200
        seen += got.raw
    wait_until(lambda: any(line["event"] == "key" and line["key"] == 1 and line["state"] == "retired"
                           for line in request_lines(daemon)), "the log line of the key")
    seen += daemon.metrics_text().encode() + b"\n".join(
        line.encode() for line in daemon.stderr_lines() + daemon.stdout_lines())
    for key in KEYS:
        assert key.encode() not in seen


def test_a_providers_own_header_carries_the_keys_too(start, upstream):
    primary = upstream(plain(completion()))
    entry = {"name": "azure", "provider": "azure", "base_url": primary.url, "api_key": KEYS[:2]}
    daemon = start(config(entry))
    chat(daemon), chat(daemon)
    assert [request.header("api-key") for request in primary.requests] == KEYS[:2]


def test_lists_of_models_are_asked_for_with_a_key_that_is_in_use(start, upstream):
    answers = {KEYS[0]: status(401, error_body())}
    models = plain(b'{"object":"list","data":[{"id":"listed","object":"model"}]}')
    primary = upstream(by_key(answers, lambda c, r: run_answer(
        models if r.method == "GET" else well(), c, r)))
    daemon = start(config(pooled(primary)))
    assert chat(daemon).text == "It works."

    def listed():
        return any(model["id"] == "listed" for model in get(daemon, "/v1/models").json["data"])
    wait_until(listed, "the upstream's own list", MAX_WAIT)


@plain_and_streamed
def test_a_last_key_that_is_refused_does_not_decide_while_others_merely_rest(start, upstream,
                                                                             stream):
    answers = {KEYS[0]: status(429, error_body(), "Retry-After: 30"),
               KEYS[1]: status(401, error_body())}
    primary, backup = upstream(by_key(answers)), upstream(well("From the backup."))
    daemon = start(config(pooled(primary, KEYS[:2]), backup.entry("backup")))
    got = chat(daemon, stream=stream)
    assert got.text == "From the backup."
    assert [item[1] for item in got.trace] == ["rate_limit", "auth", "ok"]


def test_a_short_wait_that_is_named_is_waited_for_with_several_keys_too(start, upstream):
    limited = status(429, error_body(), "Retry-After: 1")
    seen = []

    def answer(connection, request):
        seen.append(request)
        run_answer(limited if len(seen) <= 2 else well(), connection, request)

    primary = upstream(answer)
    daemon = start(config(pooled(primary, KEYS[:2]), route={
        "retries": 1, "retry": {"max_retry_after": ms(5000)}}))
    got = chat(daemon)
    assert got.status == 200 and [item[1] for item in got.trace] == ["rate_limit", "rate_limit", "ok"]


def test_a_retired_key_is_not_sent_again_by_a_retry(start, upstream):
    limited = status(429, error_body(), "retry-after-ms: 50")
    answers = {KEYS[0]: status(401, error_body()), KEYS[1]: limited, KEYS[2]: limited}
    primary = upstream(by_key(answers))
    daemon = start(config(pooled(primary), route={"retries": 2}))
    for _ in range(3):
        chat(daemon)
    assert used(primary).count(1) == 1


def test_a_check_asks_with_a_key_that_is_in_use(start, upstream):
    primary = upstream(by_key({KEYS[0]: status(401, error_body())}))
    daemon = start(config(pooled(primary, health={"path": "/alive", "interval": ms(100)}),
                          log={"format": "json"}))
    assert chat(daemon).text == "It works."
    wait_until(lambda: len([r for r in primary.requests if r.method == "GET"]) >= 4, "checks", MAX_WAIT)
    assert chat(daemon).text == "It works."
