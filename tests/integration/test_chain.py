"""The chain: per call from its first entry, only transient failures leave the primary, anything moves
on after that, and when all fail the client gets the primary's error. One deadline covers it all."""

import time

import pytest

from harness import (chat, config, error_body, expect_metrics, full_backlog, ms, plain,
                     plain_and_streamed, reset, seconds, silent, status, steps, timeouts, well,
                     SSE_HEAD, ROLE, chunk, close)
from tests.support.daemon import closed_port


@plain_and_streamed
def test_every_request_starts_at_the_primary(start, upstream, stream):
    primary, backup = upstream(status(503)), upstream(well())
    daemon = start(config(primary, backup))
    for _ in range(5):
        assert chat(daemon, stream=stream).header("x-understudy-upstream") == "backup"
    assert len(primary.requests) == 5 and len(backup.requests) == 5
    primary.answer = well("I am back.")
    assert chat(daemon, stream=stream).text == "I am back."
    assert len(backup.requests) == 5


@plain_and_streamed
@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
def test_after_the_primary_was_left_any_failure_moves_on(start, upstream, code, stream):
    primary, backup, third = upstream(status(503)), upstream(status(code)), upstream(well("Third."))
    daemon = start(config(primary, backup, third))
    got = chat(daemon, stream=stream)
    assert got.text == "Third." and got.header("x-understudy-attempts") == "3"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (3, "understudy_attempts_total", {}), (2, "understudy_failovers_total", {}))


@plain_and_streamed
@pytest.mark.row(29)
@pytest.mark.parametrize("code", [429, 500, 503, 529])
def test_when_all_fail_the_client_gets_the_primarys_own_error(start, upstream, code, stream):
    body = b'{"error" : {"message":"Primary is unwell.","type":"x","param":null,"code":1e2} }'
    primary = upstream(status(code, body, "Retry-After: 17", "X-Provider-Note: first"))
    backup = upstream(status(401, error_body("Backup's key is bad.")))
    third = upstream(reset)
    daemon = start(config(primary, backup, third))
    got = chat(daemon, stream=stream)
    assert (got.status, got.body, got.ended) == (code, body, "whole")
    assert got.header("retry-after") == "17"
    assert got.header("content-type") == "application/json"
    assert [item[1] for item in got.trace][1:] == ["auth", "connection"]
    assert got.header("x-understudy-attempts") == "3"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}),
                   (1, "understudy_requests_total", {}), (3, "understudy_attempts_total", {}))


def assert_own_error(got, code, name):
    assert (got.status, got.ended) == (code, "whole"), got
    assert got.header("content-type").startswith("application/json")
    assert set(got.error) == {"message", "type", "param", "code"}
    assert (got.error["type"], got.error["code"]) == ("understudy_error", name)
    assert "rate limit" not in got.error["message"].lower()


@plain_and_streamed
def test_a_primary_that_never_answered_gives_504_in_openais_shape(start, upstream, stream):
    primary, backup = upstream(silent), upstream(status(500))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(first_token=300,
                                                                     response=300)), backup))
    got = chat(daemon, stream=stream)
    assert_own_error(got, 504, "upstream_timeout")
    assert "primary" in got.error["message"]


@plain_and_streamed
@pytest.mark.row(1)
def test_a_primary_that_could_not_be_reached_gives_502_in_openais_shape(start, upstream, stream):
    with closed_port() as port:
        daemon = start(config({"name": "primary", "base_url": f"http://127.0.0.1:{port}"},
                              upstream(status(500))))
        got = chat(daemon, stream=stream)
    assert_own_error(got, 502, "upstream_unreachable")


@plain_and_streamed
@pytest.mark.row(2)
def test_a_connect_timeout_at_the_primary_gives_504(start, upstream, stream):
    with full_backlog() as port:
        daemon = start(config({"name": "primary", "base_url": f"http://127.0.0.1:{port}",
                               "timeouts": timeouts(connect=200)}, upstream(status(500))))
        assert_own_error(chat(daemon, stream=stream), 504, "upstream_timeout")


@plain_and_streamed
def test_a_truncated_answer_is_an_error_when_nobody_else_answers(start, upstream, stream):
    broken = steps(SSE_HEAD, chunk(ROLE), close) if stream else steps(plain()[:-9], close)
    daemon = start(config(upstream(broken), upstream(status(500))))
    got = chat(daemon, stream=stream)
    assert got.status == 502 and got.error["type"] == "understudy_error"


@plain_and_streamed
def test_one_deadline_covers_all_attempts(start, upstream, stream):
    ups = [upstream(silent) for _ in range(3)]
    each = timeouts(first_token=400, response=400)
    daemon = start(config(*(u.entry(n, timeouts=each) for u, n in zip(ups, "abc")),
                          route={"deadline": ms(600)}))
    began = time.monotonic()
    got = chat(daemon, stream=stream)
    took = time.monotonic() - began
    assert got.status == 504 and got.error["code"] in ("deadline_exceeded", "upstream_timeout")
    assert seconds(0.55) <= took <= seconds(1.1) + 0.5
    assert len(ups[1].requests) == 1 and not ups[2].connections


def test_a_deadline_in_the_first_attempt_is_named(start, upstream):
    daemon = start(config(upstream(silent), route={"deadline": ms(300)}))
    assert_own_error(chat(daemon), 504, "deadline_exceeded")


@plain_and_streamed
def test_an_error_of_the_primary_outlives_the_deadline(start, upstream, stream):
    body = error_body("Primary is down.")
    daemon = start(config(upstream(status(503, body)), upstream(silent),
                          route={"deadline": ms(400)}))
    got = chat(daemon, stream=stream)
    assert (got.status, got.body) == (503, body)


@plain_and_streamed
def test_each_entry_sends_its_own_model(start, upstream, stream):
    primary, backup = upstream(status(500)), upstream()
    daemon = start(config(
        primary.entry("primary", model="model-of-primary"), backup.entry("backup", model="unused"),
        route={"chain": ["primary", "primary/other", "backup/openai/gpt-4o-mini"]}))
    got = chat(daemon, stream=stream, model="asked")
    assert [r.model for r in primary.requests] == ["model-of-primary", "other"]
    assert backup.requests[0].model == "openai/gpt-4o-mini"
    assert got.header("x-understudy-model") == "openai/gpt-4o-mini"
    assert [item[0] for item in got.trace] == ["primary/model-of-primary", "primary/other",
                                               "backup/openai/gpt-4o-mini"]


def test_without_a_model_of_its_own_an_entry_sends_the_clients(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    chat(daemon, model="what/ever:latest")
    assert primary.requests[0].model == "what/ever:latest"


def test_the_first_route_that_matches_wins(start, upstream):
    one, two, three = (upstream(well(name)) for name in ("one", "two", "three"))
    daemon = start(config(
        one.entry("one"), two.entry("two"), three.entry("three"),
        routes=[{"model": "gpt-4o-mini", "chain": ["one"]}, {"model": "gpt-4o*", "chain": ["two"]},
                {"model": "gpt-?", "chain": ["three"]}]))
    assert [chat(daemon, model=m).text for m in ("gpt-4o-mini", "gpt-4o-mini-2", "gpt-4o", "gpt-5")
            ] == ["one", "two", "two", "three"]
    for unknown in ("gpt-55", "GPT-4o", "claude"):
        got = chat(daemon, model=unknown)
        assert_own_error(got, 404, "model_not_found")
        assert "gpt-4o-mini" in got.error["message"]
    assert len(one.requests) + len(two.requests) + len(three.requests) == 4


def test_a_path_in_the_base_url_is_kept(start, upstream):
    primary = upstream()
    for base, target in (("", "/chat/completions"), ("/", "/chat/completions"),
                         ("/v1", "/v1/chat/completions"), ("/v1/", "/v1/chat/completions"),
                         ("/api/openai/v1", "/api/openai/v1/chat/completions")):
        daemon = start(config({"name": "primary",
                               "base_url": f"http://127.0.0.1:{primary.port}{base}"}))
        assert chat(daemon).status == 200
        assert primary.requests[-1].target == target


@plain_and_streamed
def test_the_replayed_body_is_the_same_for_every_entry(start, upstream, stream):
    ups = [upstream(status(503)), upstream(reset), upstream(well())]
    daemon = start(config(*(u.entry(n, model="m") for u, n in zip(ups, "abc"))))
    chat(daemon, stream=stream, content="x" * 100_000)
    assert ups[0].requests[0].body == ups[1].requests[0].body == ups[2].requests[0].body
