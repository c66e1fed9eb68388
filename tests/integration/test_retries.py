"""Retries at the same entry: back-off with full jitter, Retry-After when it is short, and never for
timeouts or what a retry cannot cure."""

import concurrent.futures
import email.utils
import json
import time

import pytest

from harness import (chat, config, error_body, expect_metrics, in_turn, ms, plain_and_streamed,
                     reset, seconds, silent, status, timeouts, well)

NOW = {"base": ms(1), "max": ms(2), "max_retry_after": ms(1)}


def gaps(server):
    times = [request.at for request in server.requests]
    return [later - earlier for earlier, later in zip(times, times[1:])]


@plain_and_streamed
def test_what_the_first_entry_has_said_outlasts_the_silence_of_its_retry(start, upstream, stream):
    primary = upstream(in_turn(status(503, error_body("Down for maintenance.")), reset))
    daemon = start(config(primary, route={"retries": 1, "retry": NOW}))
    got = chat(daemon, stream=stream)
    assert got.status == 503 and got.json["error"]["message"] == "Down for maintenance."


@plain_and_streamed
def test_retries_happen_at_the_same_entry_before_the_next(start, upstream, stream):
    primary, backup = upstream(status(500)), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 2, "retry": NOW}))
    got = chat(daemon, stream=stream)
    assert got.text == "It works."
    assert len(primary.requests) == 3 and len(backup.requests) == 1
    assert got.header("x-understudy-attempts") == "4"
    expect_metrics(daemon, (4, "understudy_attempts_total", {}),
                   (1, "understudy_failovers_total", {}))


@plain_and_streamed
@pytest.mark.parametrize("failure", [status(500), status(503), status(429), reset],
                         ids=["500", "503", "429", "reset"])
def test_a_retry_that_succeeds_is_the_primarys_answer(start, upstream, failure, stream):
    primary, backup = upstream(in_turn(failure, well("Second try."))), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 1, "retry": NOW}))
    assert chat(daemon, stream=stream).text == "Second try."
    assert len(primary.requests) == 2 and not backup.requests
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}),
                   (0, "understudy_failovers_total", {}))


def test_a_chain_of_one_entry_retries_twice_by_default(start, upstream):
    primary = upstream(status(503))
    route = {"model": "*", "chain": ["primary"], "retry": NOW}
    assert chat(start(config(primary, routes=[route]))).status == 503
    assert len(primary.requests) == 3


def test_a_chain_of_two_entries_does_not_retry_by_default(start, upstream):
    primary, backup = upstream(status(503)), upstream(status(503))
    route = {"model": "*", "chain": ["primary", "backup"], "retry": NOW}
    assert chat(start(config(primary, backup, routes=[route]))).status == 503
    assert len(primary.requests) == 1 and len(backup.requests) == 1


def test_back_off_has_full_jitter_within_its_bounds(start, upstream):
    primaries = [upstream(status(500)) for _ in range(4)]
    retry = {"base": ms(200), "max": ms(300), "max_retry_after": ms(1)}
    daemon = start(config(
        *(p.entry(f"p{i}") for i, p in enumerate(primaries)),
        routes=[{"model": f"m{i}", "chain": [f"p{i}"], "retries": 3, "retry": retry}
                for i in range(4)], retry_budget={"percent": 100}))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: chat(daemon, model=f"m{i}"), range(4)))
    slack = seconds(0.25)
    waits = [gaps(primary) for primary in primaries]
    assert all(len(three) == 3 for three in waits)
    for first, second, third in waits:
        assert first <= seconds(0.2) + slack
        assert second <= seconds(0.3) + slack and third <= seconds(0.3) + slack
    every = sorted(wait for three in waits for wait in three)
    assert every[-1] > seconds(0.03), "no back-off at all"
    assert every[-1] - every[0] > seconds(0.02), "no jitter"


@plain_and_streamed
@pytest.mark.row(27)
@pytest.mark.parametrize("field,least", [("Retry-After: 1", 0.95), ("retry-after-ms: 400", 0.38),
                                         ("Retry-After: 0.5", 0.48)])
def test_a_short_retry_after_is_waited_for_and_tried_at_the_same_entry(start, upstream, field,
                                                                       least, stream):
    primary, backup = upstream(in_turn(status(429, None, field), well())), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 1, "retry": {
        "base": ms(1), "max": ms(2), "max_retry_after": "5s"}}))
    assert chat(daemon, stream=stream).header("x-understudy-upstream") == "primary"
    assert gaps(primary)[0] >= least and not backup.requests


@plain_and_streamed
@pytest.mark.row(27)
@pytest.mark.parametrize("field", ["Retry-After: 30", "retry-after-ms: 60000",
                                   "Retry-After: 99999999999999999999", "date",
                                   "x-ratelimit-reset-requests: 6m0s",
                                   "x-ratelimit-reset-tokens-minute: 33.5",
                                   "anthropic-ratelimit-tokens-reset: 2999-01-01T00:00:00Z"])
def test_a_long_retry_after_moves_on_at_once(start, upstream, field, stream):
    if field == "date":
        field = "Retry-After: " + email.utils.formatdate(time.time() + 3600, usegmt=True)
    primary, backup = upstream(status(429, None, field)), upstream(well("Moved on."))
    daemon = start(config(primary, backup, route={"retries": 2, "retry": {
        "base": ms(1), "max": ms(2), "max_retry_after": "2s"}}))
    began = time.monotonic()
    assert chat(daemon, stream=stream).text == "Moved on."
    assert time.monotonic() - began < 1.5 + seconds(0.5)
    assert len(primary.requests) == 1


@pytest.mark.parametrize("delay,tries", [("0.4s", 2), ("34s", 1)])
def test_the_delay_in_a_google_error_is_a_retry_after(start, upstream, delay, tries):
    body = json.dumps([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m",
                                  "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo",
                                               "retryDelay": delay}]}}]).encode()
    primary, backup = upstream(in_turn(status(429, body), well())), upstream(well("Moved on."))
    daemon = start(config(primary, backup, route={"retries": 1, "retry": {
        "base": ms(1), "max": ms(2), "max_retry_after": "5s"}}))
    assert chat(daemon).header("x-understudy-upstream") == ("primary" if tries == 2 else "backup")
    assert len(primary.requests) == tries
    assert tries == 1 or gaps(primary)[0] >= 0.38


@pytest.mark.row(27)
@pytest.mark.parametrize("field", ["Retry-After: soon", "Retry-After: -5", "Retry-After: ",
                                   "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_retry_after_that_says_nothing_is_an_ordinary_retry(start, upstream, field):
    primary, backup = upstream(in_turn(status(503, None, field), well())), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 1, "retry": NOW}))
    assert chat(daemon).header("x-understudy-upstream") == "primary"
    assert len(primary.requests) == 2


def test_without_retries_left_a_short_retry_after_is_not_waited_for(start, upstream):
    primary, backup = upstream(status(429, None, "Retry-After: 2")), upstream(well("Moved on."))
    daemon = start(config(primary, backup))
    began = time.monotonic()
    assert chat(daemon).text == "Moved on."
    assert time.monotonic() - began < 1.0 + seconds(0.5)


@plain_and_streamed
@pytest.mark.parametrize("failure", [silent, status(408), status(504)],
                         ids=["silence", "408", "504"])
def test_a_timeout_is_never_retried_at_the_same_entry(start, upstream, failure, stream):
    primary, backup = upstream(failure), upstream(well("Moved on."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(first_token=300,
                                                                     response=300)),
                          backup, route={"retries": 3, "retry": NOW}))
    assert chat(daemon, stream=stream).text == "Moved on."
    assert len(primary.requests) == 1


@plain_and_streamed
def test_a_quota_is_not_retried(start, upstream, stream):
    quota = status(429, error_body("You exceeded your current quota.", "insufficient_quota",
                                   "insufficient_quota"))
    primary, backup = upstream(quota), upstream(well("Moved on."))
    daemon = start(config(primary, backup, route={"retries": 3, "retry": NOW}))
    assert chat(daemon, stream=stream).text == "Moved on."
    assert len(primary.requests) == 1


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(start, upstream):
    primary, backup = upstream(status(429, None, "Retry-After: 4")), upstream(well("Moved on."))
    daemon = start(config(primary, backup, route={
        "retries": 2, "deadline": ms(1500), "retry": {"base": ms(1), "max": ms(2),
                                                      "max_retry_after": "5s"}}))
    if seconds(1.5) > 4:
        pytest.skip("time is stretched beyond this Retry-After")
    began = time.monotonic()
    assert chat(daemon).text == "Moved on."
    assert time.monotonic() - began < seconds(1.4)


def test_a_client_that_leaves_while_we_wait_ends_the_chain(start, upstream):
    from harness import Client, chat_body
    primary, backup = upstream(status(429, None, "Retry-After: 1")), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 2, "retry": {
        "base": ms(1), "max": ms(2), "max_retry_after": "5s"}}))
    with Client(daemon) as client:
        client.ask(body=chat_body())
        primary.wait_requests(1)
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}),
                   (1, "understudy_attempts_total", {"upstream": "primary"}))
    assert len(primary.requests) == 1 and not backup.requests
