"""Breakers: who fails is left alone for a while, one probe finds out whether it is well again, and
nobody else pays for it. What the client, the upstreams, metrics, log and readiness see."""

import concurrent.futures
import signal
import threading
import time

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, MAX_WAIT, QUIET, SSE_HEAD, Client, chat, chat_body,
                     chunk, config, error_body, event, expect_metrics, get, in_turn, metric, ms, plain,
                     plain_and_streamed, log_events, reset, run_answer, seconds, silent, sse, status,
                     steps, timeouts, well)
from tests.support.daemon import run, wait_until

LONG = "60s"


def breaker(failures=2, cooldown=LONG, **more):
    return {"failures": failures, "window": LONG, "cooldown": cooldown, **more}


class Moody:
    """An upstream's answer that a test changes as it goes."""

    def __init__(self, answer):
        self.now = answer

    def __call__(self, connection, request):
        run_answer(self.now, connection, request)


def states(daemon, upstream):
    return {sample["model"]: metric(daemon, "understudy_breaker_state", **sample)
            for sample in daemon.metrics().labels("understudy_breaker_state")
            if sample["upstream"] == upstream}


def worst(daemon, upstream):
    return max(states(daemon, upstream).values())


def reload(daemon, text=None):
    before = metric(daemon, "understudy_config_reloads_total", result="success")
    if text is not None:
        daemon.write_config(text)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") > before,
               "the reload", MAX_WAIT)


# --- opening

def test_who_waits_for_a_retry_moves_on_when_others_have_opened_it(start, upstream):
    busy = status(503, None, "retry-after-ms: %d" % (seconds(0.6) * 1000))
    primary, backup = upstream(busy), upstream(well())
    daemon = start(config(primary.entry("primary"), backup.entry("backup"),
                          breaker=breaker(failures=2),
                          route={"retries": 1, "retry": {"max_retry_after": LONG}}))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: chat(daemon), range(2)))
    assert [answer.text for answer in answers] == ["It works."] * 2
    assert len(primary.requests) == 2, "nobody has asked it again"
    expect_metrics(daemon, (2, "understudy_failovers_total",
                            {"from": "primary", "to": "backup", "reason": "server_error"}),
                   (2, "understudy_failovers_total", {}))


@plain_and_streamed
@pytest.mark.parametrize("failure", [status(503), reset, plain(b"<html>"), silent],
                         ids=["503", "reset", "malformed", "silent"])
def test_a_dead_primary_is_asked_as_often_as_configured_and_then_left_alone(start, upstream,
                                                                            failure, stream):
    primary, backup = upstream(failure), upstream(well())
    entry = primary.entry("primary", timeouts=timeouts(first_token=150, response=150))
    daemon = start(config(entry, backup.entry("backup"), breaker=breaker(failures=3),
                          log={"format": "json"}))
    answers = [chat(daemon, stream=stream) for _ in range(10)]
    assert {answer.text for answer in answers} == {"It works."}
    assert len(primary.requests) == 3 and len(backup.requests) == 10
    assert answers[2].header("x-understudy-attempts") == "2"
    last = answers[-1]
    assert last.header("x-understudy-attempts") == "1"
    assert [item[:3] for item in last.trace] == [["primary/m", "skipped", "-"],
                                                 ["backup/m", "ok", "200"]]
    assert last.trace[0][3] == "0ms" and last.header("x-understudy-upstream") == "backup"
    assert worst(daemon, "primary") == 2 and worst(daemon, "backup") == 0
    expect_metrics(daemon, (1, "understudy_breaker_opened_total", {"upstream": "primary"}),
                   (7, "understudy_skipped_total", {"upstream": "primary"}),
                   (3, "understudy_failovers_total", {"from": "primary"}),
                   (10, "understudy_requests_total", {"outcome": "fallback"}))
    told = log_events(daemon, "breaker", len)
    # Nobody has answered the model yet. That nobody can connect is no matter of it.
    model = "other" if told[0]["reason"] == "connection" else "m"
    assert [(line["upstream"], line["model"], line["state"]) for line in told] == \
        [("primary", model, "open")], told
    assert told[0]["reason"] in ("server_error", "connection", "malformed", "timeout")
    assert told[0]["rest_ms"] > 0


def test_without_a_breaker_every_request_starts_at_the_primary(start, upstream):
    primary, backup = upstream(status(503)), upstream(well())
    daemon = start(config(primary, backup))
    for _ in range(8):
        assert chat(daemon).text == "It works."
    assert len(primary.requests) == 8
    assert "understudy_breaker" not in daemon.metrics_text()


def test_what_is_the_clients_own_doing_opens_nothing(start, upstream):
    primary = upstream(Moody(status(400, error_body(type="invalid_request_error"))))
    daemon = start(config(primary, upstream(well()), breaker=breaker(failures=1)))
    context = status(400, error_body(code="context_length_exceeded"))
    for answer in (status(400, error_body()), context, status(404, error_body()),
                   status(422, error_body())):
        primary.answer.now = answer
        for _ in range(3):
            assert 400 <= chat(daemon).status < 500
    assert len(primary.requests) == 12 and worst(daemon, "primary") == 0


def test_clients_that_leave_or_have_no_time_open_nothing(start, upstream):
    primary = upstream(silent)
    daemon = start(config(primary, breaker=breaker(failures=1)))
    for i in range(3):
        with Client(daemon) as client:
            client.ask(body=chat_body())
            primary.wait_requests(i + 1)
        primary.wait_gone(i)
    for i in range(3):
        got = chat(daemon, headers={"x-understudy-deadline": ms(400)})
        assert got.status == 504 and got.error["code"] == "deadline_exceeded"
        primary.wait_requests(4 + i)
    assert len(primary.requests) == 6 and worst(daemon, "primary") == 0


def test_one_upstream_rests_for_one_model_and_serves_another(start, upstream):
    def by_model(connection, request):
        run_answer(status(503) if request.model == "bad" else well("From the primary."),
                   connection, request)
    primary, backup = upstream(by_model), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(), routes=[
        {"model": name, "chain": ["primary", "backup"]} for name in ("good", "bad")]))
    for _ in range(4):
        assert chat(daemon, model="bad").text == "From the backup."
    assert chat(daemon, model="good").text == "From the primary."
    assert len(primary.requests) == 3
    assert states(daemon, "primary")["bad"] == 2 and states(daemon, "primary").get("good", 0) == 0


# --- closing again

def test_during_an_outage_only_probes_go_to_the_primary_and_its_recovery_is_noticed(start, upstream):
    mood = Moody(well("From the primary."))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(failures=3, cooldown=ms(300))))
    assert chat(daemon).text == "From the primary."
    mood.now = status(503)
    before = len(primary.requests)
    outage = time.monotonic() + seconds(2)
    asked = 0
    while time.monotonic() < outage:
        assert chat(daemon).text == "From the backup."
        asked += 1
    # Three to open it; the rests are 0.3, 0.6, 1.2 s, each up to a quarter shorter.
    attempts = len(primary.requests) - before
    assert 5 <= attempts <= 7 and asked > 20, (attempts, asked)
    mood.now = well("From the primary.")
    recovered = time.monotonic()
    wait_until(lambda: chat(daemon).text == "From the primary.", "the primary's return", MAX_WAIT)
    assert time.monotonic() - recovered < seconds(2.6)
    assert [chat(daemon).text for _ in range(5)] == ["From the primary."] * 5
    assert worst(daemon, "primary") == 0


@pytest.mark.row(63)
@plain_and_streamed
def test_of_many_parallel_requests_over_several_workers_exactly_one_is_the_probe(start, upstream,
                                                                                 stream):
    go = threading.Event()
    mood = Moody(status(503))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, workers=4, breaker=breaker(cooldown=ms(200))))
    for _ in range(8):
        chat(daemon, stream=stream)
    opened = len(primary.requests)

    def held(connection, request):
        connection.wait(go)
        run_answer(well("From the primary."), connection, request)
    mood.now = held
    # Half open: where the first eight took longer than its rest, that is a longer one now.
    wait_until(lambda: worst(daemon, "primary") == 1, "its rest is over", MAX_WAIT)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = [pool.submit(chat, daemon, stream=stream) for _ in range(40)]
        wait_until(lambda: sum(a.done() for a in answers) == 39, "all but the probe", MAX_WAIT)
        assert len(primary.requests) == opened + 1
        go.set()
        texts = sorted(answer.result().text for answer in answers)
    assert texts == ["From the backup."] * 39 + ["From the primary."]
    wait_until(lambda: chat(daemon, stream=stream).text == "From the primary.", "closed", MAX_WAIT)
    assert worst(daemon, "primary") == 0


def test_the_first_token_of_a_probe_is_enough(start, upstream):
    go = threading.Event()
    begun = steps(SSE_HEAD, chunk(event({"content": "Long"})), lambda c: c.wait(go),
                  chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    mood = Moody(status(503))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(cooldown=ms(100))))
    for _ in range(2):
        chat(daemon)
    mood.now = begun
    time.sleep(seconds(0.15))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        got = client.body(client.head(), until=lambda r: b"Long" in r.body)
        mood.now = well("From the primary.")
        assert chat(daemon).text == "From the primary."
        go.set()
        assert client.body(got).finished


def test_a_probe_whose_client_leaves_is_sent_again_by_the_next(start, upstream):
    mood = Moody(status(503))
    primary, backup = upstream(mood), upstream(well())
    daemon = start(config(primary, backup, breaker=breaker(cooldown=ms(100))))
    for _ in range(2):
        chat(daemon)
    mood.now = silent
    time.sleep(seconds(0.15))
    with Client(daemon) as client:
        client.ask(body=chat_body())
        primary.wait_requests(3)
    wait_until(lambda: any(c.gone_at for c in primary.connections), "the probe's end", MAX_WAIT)
    mood.now = well("From the primary.")
    wait_until(lambda: chat(daemon).text == "From the primary.", "another probe", MAX_WAIT)
    assert len(primary.requests) <= 5


# --- what the provider says

@pytest.mark.row(27)
@plain_and_streamed
def test_a_429_rests_the_entry_as_long_as_the_provider_says(start, upstream, stream):
    mood = Moody(status(429, error_body(), "Retry-After: 2"))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(failures=5, cooldown=ms(100))))
    assert chat(daemon, stream=stream).text == "From the backup."
    asked = primary.requests[0].at
    mood.now = well("From the primary.")
    for _ in range(5):
        got = chat(daemon, stream=stream)
        assert got.text == "From the backup." and got.trace[0][1] == "skipped"
    assert worst(daemon, "primary") == 2
    wait_until(lambda: chat(daemon, stream=stream).text == "From the primary.", "its return",
               MAX_WAIT)
    assert primary.requests[1].at - asked >= 1.99
    assert worst(daemon, "primary") == 0


def test_a_429_that_its_request_waits_for_rests_nobody(start, upstream):
    limited = status(429, error_body(), "Retry-After: 1")
    calls = iter([limited])

    def first_limited(connection, request):
        run_answer(next(calls, well("From the primary.")), connection, request)
    primary, backup = upstream(first_limited), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(failures=1), route={"retries": 1}))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(chat, daemon)
        primary.wait_requests(1)
        time.sleep(QUIET)
        assert chat(daemon).text == "From the primary."
        got = waiting.result()
    assert got.text == "From the primary." and not backup.requests
    assert [item[1] for item in got.trace] == ["rate_limit", "ok"]
    assert worst(daemon, "primary") == 0


def inside(stream, after):
    """An error in a 200."""
    said = error_body("Slow down.", code="rate_limit_exceeded")
    if not stream:
        return plain(said, f"Retry-After: {after}")
    return sse([b"data: " + said + b"\n\n"]).replace(b"\r\n", f"\r\nRetry-After: {after}\r\n".encode(), 1)


@plain_and_streamed
def test_a_time_that_is_named_beside_an_error_in_a_200_is_waited_for(start, upstream, stream):
    primary = upstream(in_turn(inside(stream, 1), well("From the primary.")))
    daemon = start(config(primary, route={"retries": 1, "retry": {"base": ms(1)}}))
    begun = time.monotonic()
    got = chat(daemon, stream=stream)
    assert got.text == "From the primary." and [item[1] for item in got.trace] == ["malformed", "ok"]
    assert time.monotonic() - begun >= 0.95


@plain_and_streamed
def test_a_time_that_is_named_beside_an_error_in_a_200_is_the_least_that_its_entry_rests(start, upstream, stream):
    primary, backup = upstream(inside(stream, 30)), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(failures=5, cooldown=ms(50))))
    assert chat(daemon, stream=stream).text == "From the backup."
    time.sleep(seconds(0.2))
    assert chat(daemon, stream=stream).trace[0][1] == "skipped" and len(primary.requests) == 1
    assert worst(daemon, "primary") == 2


@pytest.mark.parametrize("refusal", [
    status(401, error_body("Incorrect API key provided.", code="invalid_api_key")),
    status(402, error_body("Payment required.")),
    status(403, error_body("Not allowed."))], ids=["401", "402", "403"])
def test_a_refusal_of_our_own_key_is_down_until_a_reload(start, upstream, refusal):
    mood = Moody(refusal)
    primary, backup = upstream(mood), upstream(well("From the backup."))
    text = config(primary, backup, breaker=breaker(failures=5, cooldown=ms(50)), routes=[
        {"model": "m", "chain": ["primary", "backup"]}])
    daemon = start(text)
    chat(daemon)
    mood.now = well("From the primary.")
    time.sleep(seconds(0.2))
    for _ in range(3):
        got = chat(daemon)
        assert got.text == "From the backup." and got.trace[0][1] == "skipped"
    assert len(primary.requests) == 1 and worst(daemon, "primary") == 3
    reload(daemon)
    wait_until(lambda: chat(daemon).text == "From the primary.", "the reload", MAX_WAIT)
    assert worst(daemon, "primary") == 0


def test_a_403_for_one_model_leaves_the_others_of_an_open_route_alone(start, upstream):
    """In words that nobody knows, so that it cannot be told what it is about."""
    def by_model(connection, request):
        refusal = status(403, error_body("Ask your administrator."))
        run_answer(refusal if request.model == "secret" else well("From the primary."),
                   connection, request)
    primary, backup = upstream(by_model), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker()))
    assert chat(daemon, model="secret").status == 403
    assert chat(daemon, model="new").text == "From the primary."
    got = chat(daemon, model="secret")
    assert got.text == "From the backup." and got.trace[0][1] == "skipped"
    assert len(primary.requests) == 2 and worst(daemon, "primary") == 0
    assert "secret" not in states(daemon, "primary")


def test_what_a_provider_says_of_a_clients_own_account_concerns_nobody_else(start, upstream):
    mood = Moody(None)
    primary = upstream(mood)
    entry = primary.entry("primary", api_key=None)
    daemon = start(config(entry, upstream(well()).entry("backup"), breaker=breaker(failures=1)))
    bearer = {"authorization": "Bearer sk-of-one-client"}
    for answer, code in ((status(401, error_body()), 401), (status(403, error_body()), 403),
                         (status(402, error_body()), 200),
                         (status(429, error_body(), "Retry-After: 60"), 200)):
        mood.now = answer
        for _ in range(2):
            assert chat(daemon, headers=bearer).status == code
    assert len(primary.requests) == 8 and worst(daemon, "primary") == 0


# --- nobody is well

def test_where_all_rest_the_one_that_opens_soonest_is_asked(start, upstream):
    one, two = Moody(status(503)), Moody(status(503))
    primary, backup = upstream(one), upstream(two)
    entries = [primary.entry("primary", breaker=breaker(failures=1)),
               backup.entry("backup", breaker=breaker(failures=1, cooldown="20s"))]
    daemon = start(config(*entries))
    assert chat(daemon).status == 503
    assert (len(primary.requests), len(backup.requests)) == (1, 1)
    got = chat(daemon)
    assert got.status == 503 and got.error["message"] == "status 503"
    assert [item[:2] for item in got.trace] == [["primary/m", "skipped"],
                                                ["backup/m", "server_error"]]
    assert (len(primary.requests), len(backup.requests)) == (1, 2)
    two.now = well("Better.")
    assert chat(daemon).text == "Better." and chat(daemon).text == "Better."
    assert len(primary.requests) == 1 and worst(daemon, "backup") == 0


def test_a_single_entry_is_asked_although_it_rests(start, upstream):
    mood = Moody(status(503))
    primary = upstream(mood)
    daemon = start(config(primary, breaker=breaker(failures=1)))
    for _ in range(3):
        assert chat(daemon).status == 503
    assert len(primary.requests) == 3
    mood.now = well("Better.")
    assert chat(daemon).text == "Better."
    assert worst(daemon, "primary") == 0


@plain_and_streamed
def test_where_all_have_named_a_time_the_client_is_told_the_soonest(start, upstream, stream):
    primary = upstream(status(429, error_body(), "Retry-After: 30"))
    backup = upstream(status(429, error_body(), "Retry-After: 20"))
    daemon = start(config(primary, backup, breaker=breaker()))
    assert chat(daemon, stream=stream).status == 429
    got = chat(daemon, stream=stream)
    assert got.status == 503 and got.error["code"] == "no_upstream_available"
    assert 15 <= int(got.header("retry-after")) <= 20
    assert got.header("x-understudy-attempts") == "0"
    assert [item[1] for item in got.trace] == ["skipped", "skipped"]
    assert "rate limit" not in got.error["message"].lower()
    assert (len(primary.requests), len(backup.requests)) == (1, 1)
    expect_metrics(daemon, (2, "understudy_requests_total", {"outcome": "exhausted"}))


def test_where_all_keys_are_refused_nobody_is_asked_and_it_is_not_ready(start, upstream):
    primary = upstream(status(401, error_body()))
    backup = upstream(status(401, error_body()))
    daemon = start(config(primary, backup, breaker=breaker(),
                          route={"fallback_on": ["auth"]}))
    assert get(daemon, "/readyz").status == 200
    assert chat(daemon).status == 401
    got = chat(daemon)
    assert got.status == 503 and got.error["code"] == "no_upstream_available"
    assert got.header("retry-after") is None
    ready = get(daemon, "/readyz")
    assert ready.status == 503 and b"no usable upstream" in ready.body
    assert run("health", daemon.url).returncode == 1
    assert get(daemon, "/healthz").status == 200
    reload(daemon)
    wait_until(lambda: get(daemon, "/readyz").status == 200, "readiness", MAX_WAIT)


def test_readiness_follows_the_breakers(start, upstream):
    mood = Moody(status(503))
    primary = upstream(mood)
    daemon = start(config(primary, breaker=breaker(failures=2, cooldown="2s")))
    chat(daemon)
    assert get(daemon, "/readyz").status == 200
    chat(daemon)
    assert get(daemon, "/readyz").status == 503
    # What is half open can be asked.
    wait_until(lambda: get(daemon, "/readyz").status == 200, "the end of the rest", MAX_WAIT)


# --- reloads

def test_a_reload_goes_on_with_what_is_known(start, upstream):
    mood = Moody(status(503))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, workers=2, breaker=breaker()))
    for _ in range(3):
        chat(daemon)
    mood.now = well("From the primary.")
    reload(daemon, config(primary, backup, workers=2, breaker=breaker(failures=7)))
    time.sleep(QUIET)
    for _ in range(4):
        assert chat(daemon).text == "From the backup."
    # Another key is another account.
    reload(daemon, config(primary.entry("primary", api_key="sk-another-one"), backup.entry("backup"),
                          workers=2, breaker=breaker()))
    wait_until(lambda: chat(daemon).text == "From the primary.", "the new key", MAX_WAIT)


def test_a_retry_that_waits_goes_elsewhere_when_others_have_opened_the_breaker(start, upstream):
    primary, backup = upstream(status(503, error_body(), "Retry-After: 1")), upstream(well())
    daemon = start(config(primary, backup, breaker=breaker(failures=3), route={"retries": 2}))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = [a.result() for a in [pool.submit(chat, daemon) for _ in range(3)]]
    assert {answer.text for answer in answers} == {"It works."}
    assert len(primary.requests) == 3
    expect_metrics(daemon, (3, "understudy_failovers_total", {"from": "primary", "to": "backup"}))


# --- active checks

def checked(mood, healthy):
    """Answers requests by `mood`, and GET /alive by `healthy`."""
    def answer(connection, request):
        if request.method == "GET":
            assert request.target == "/alive?deep=1"
            run_answer(healthy, connection, request)
        else:
            run_answer(mood, connection, request)
    return answer


@pytest.mark.parametrize("bad", [status(500), status(404), reset], ids=["500", "404", "reset"])
def test_a_failed_check_rests_the_upstream_until_a_good_one(start, upstream, bad):
    healthy = Moody(bad)
    primary = upstream(checked(well("From the primary."), healthy))
    backup = upstream(well("From the backup."))
    health = {"path": "/alive?deep=1", "interval": ms(150)}
    daemon = start(config(primary.entry("primary", health=health), backup.entry("backup"),
                          workers=2, log={"format": "json"}))
    wait_until(lambda: chat(daemon).text == "From the backup.", "the check", MAX_WAIT)
    assert chat(daemon).trace[0][1] == "skipped"
    assert get(daemon, "/readyz").status == 200
    healthy.now = plain(b"fine", content_type="text/plain")
    wait_until(lambda: chat(daemon).text == "From the primary.", "the good check", MAX_WAIT)
    told = [(line["upstream"], line["state"])
            for line in log_events(daemon, "health", lambda lines: len(lines) >= 2)]
    assert told == [("primary", "unwell"), ("primary", "well")]
    # Checks are no attempts, and use the key that requests are sent with.
    checks = [request for request in primary.requests if request.method == "GET"]
    assert checks[0].header("authorization") == "Bearer sk-primary"
    posts = len(primary.requests) - len([r for r in primary.requests if r.method == "GET"])
    expect_metrics(daemon, (posts, "understudy_attempts_total", {"upstream": "primary"}))


@pytest.mark.row(64)
def test_a_check_that_lies_does_not_close_what_requests_have_opened(start, upstream):
    primary = upstream(checked(status(500), plain(b"fine", content_type="text/plain")))
    backup = upstream(well())
    health = {"path": "/alive?deep=1", "interval": ms(100)}
    daemon = start(config(primary.entry("primary", health=health), backup.entry("backup"),
                          breaker=breaker()))
    for _ in range(4):
        chat(daemon)
        time.sleep(seconds(0.15))
    posts = [request for request in primary.requests if request.method == "POST"]
    assert len(posts) == 2 and worst(daemon, "primary") == 2


@pytest.mark.row(64)
def test_a_flapping_upstream_rests_longer_each_time(start, upstream):
    mood = Moody(status(503))
    primary, backup = upstream(mood), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(cooldown=ms(200)), log={"format": "json"}))
    mood.now = well("From the primary.")
    assert chat(daemon).text == "From the primary."  # the model has a breaker of its own by that
    for _ in range(3):
        mood.now = status(503)
        wait_until(lambda: (chat(daemon), worst(daemon, "primary") == 2)[1], "open", MAX_WAIT)
        mood.now = well("From the primary.")
        wait_until(lambda: chat(daemon).text == "From the primary.", "closed", MAX_WAIT)
    rests = [line["rest_ms"] for line in log_events(
        daemon, "breaker", lambda lines: sum(line["state"] == "open" for line in lines) >= 3)
        if line["state"] == "open"]
    assert rests[0] <= 200 * seconds(1) and rests[2] > 2.5 * rests[0], rests


@pytest.mark.parametrize("refusal", [
    status(403, error_body("m requires moderation on P. Your input was flagged.", code=403)),
    status(403, error_body("Project has no access.", code="model_not_found")),
    status(403, b"<html><body>blocked</body></html>", content_type="text/html"),
    status(402, error_body("This request requires more credits, or fewer max_tokens."))],
    ids=["moderation", "model", "page", "size"])
def test_what_one_request_asked_for_shuts_the_upstream_for_nobody(start, upstream, refusal):
    mood = Moody(refusal)
    primary = upstream(mood)
    daemon = start(config(primary, breaker=breaker(failures=5)))
    assert chat(daemon).status in (402, 403)
    mood.now = well("From the primary.")
    assert chat(daemon).text == "From the primary." and worst(daemon, "primary") == 0


@plain_and_streamed
def test_a_limit_of_one_model_that_has_no_label_rests_no_other(start, upstream, stream):
    def by_model(connection, request):
        limited = status(429, error_body("Slow down."), "Retry-After: 60")
        run_answer(limited if request.model == "busy" else status(404, error_body())
                   if request.model == "none" else well("From the primary."), connection, request)
    primary, backup = upstream(by_model), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker()))
    assert chat(daemon, model="busy", stream=stream).text == "From the backup."
    got = chat(daemon, model="busy", stream=stream)
    assert got.text == "From the backup." and got.trace[0][1] == "skipped"
    assert chat(daemon, model="none", stream=stream).status == 404
    assert chat(daemon, model="new", stream=stream).text == "From the primary."
    assert len(primary.requests) == 3 and states(daemon, "primary")["other"] == 2


def test_a_model_that_is_refused_shuts_out_no_other_and_readiness_knows(start, upstream):
    def answer(connection, request):
        refused = request.json["model"] == "forbidden"
        run_answer(status(403, error_body("You do not have access to model forbidden."))
                   if refused else well(), connection, request)

    primary = upstream(answer)
    daemon = start(config(primary.entry("primary"), breaker=breaker(failures=5), routes=[
        {"model": "*", "chain": ["primary"]}]))
    assert chat(daemon, model="forbidden").status == 403
    assert chat(daemon, model="another").status == 200
    assert get(daemon, "/readyz").status == 200


@plain_and_streamed
def test_what_is_known_of_a_model_stays_known_when_it_gets_a_label(start, upstream, stream):
    """On an open route a model has no label until it is answered: here by a request that was slow, while others found
    the upstream at its limit."""
    begun, go_on = threading.Event(), threading.Event()

    def moody(connection, request):
        if not begun.is_set():
            begun.set()
            connection.wait(go_on)
            well("Late.")(connection, request)
        else:
            connection.send(status(429, None, "retry-after: 60"))
    primary, backup = upstream(moody), upstream(well())
    daemon = start(config(primary, backup, breaker=breaker()))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=stream))
        assert begun.wait(MAX_WAIT)
        assert chat(daemon, stream=stream).text == "It works."
        go_on.set()
        assert client.response().text == "Late."
    for _ in range(3):
        assert chat(daemon, stream=stream).text == "It works."
    assert len(primary.requests) == 2, "it wanted to be left alone for a minute"
    assert states(daemon, "primary")["m"] == 2


def test_streams_that_break_open_it_although_the_first_one_made_its_model_known(start, upstream):
    def breaks(connection, request):
        connection.send(SSE_HEAD + chunk(event({"content": "half"})))
        time.sleep(seconds(0.05))
        connection.close()
    primary, backup = upstream(breaks), upstream(well())
    daemon = start(config(primary, backup, breaker=breaker(failures=3), workers=1))
    for _ in range(3):
        assert not chat(daemon, stream=True).finished
    assert chat(daemon, stream=True).text == "It works."
    assert len(primary.requests) == 3


def test_a_reload_that_names_a_model_forgets_nothing_of_it(start, upstream):
    primary, backup = upstream(status(503)), upstream(well())
    entries = [primary.entry("primary"), backup.entry("backup")]
    route = {"chain": ["primary", "backup"], "retries": 0}
    daemon = start(config(*entries, breaker=breaker(), routes=[{"model": "*", **route}]))
    for _ in range(3):
        chat(daemon)
    assert len(primary.requests) == 2
    reload(daemon, config(*entries, breaker=breaker(), routes=[{"model": "m", **route}]))
    assert chat(daemon).text == "It works."
    assert len(primary.requests) == 2


def test_without_fallback_nobody_but_the_first_is_asked_though_it_rests(start, upstream):
    primary, backup = upstream(status(503)), upstream(well("From the backup."))
    daemon = start(config(primary, backup, breaker=breaker(failures=1)))
    assert chat(daemon).text == "From the backup." and worst(daemon, "primary") == 2
    got = chat(daemon, headers={"x-understudy-fallback": "off"})
    assert got.status == 503 and len(primary.requests) == 2 and len(backup.requests) == 1
