"""Hedging: an attempt that is slow gets another one beside it; the first answer wins, the other is
dropped and paid for, and none of this happens beyond its budget."""

import threading
import time

import pytest

from answers import DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, chunk, words
from client import Client
from harness import (MAX_WAIT, chat, config, expect_metrics, settled, ms, plain_and_streamed,
                     seconds, silent, status, well)

HEDGE = {"after": ms(200), "budget": "100%"}


def slow(delay, text="Slow, but here."):
    answer = well(text)

    def script(connection, request):
        time.sleep(seconds(delay))
        answer(connection, request)
    return script


def hedged(start, *upstreams, hedge=None, **top):
    return start(config(*upstreams, route={"hedge": hedge or HEDGE, "retries": 0}, **top))


@plain_and_streamed
def test_the_first_answer_wins_and_the_other_is_dropped_and_paid_for(start, upstream, stream):
    primary, backup = upstream(silent), upstream(well("From the backup."))
    daemon = hedged(start, primary.entry("primary", price={"input": 1000, "output": 1000}), backup)
    begun = time.monotonic()
    got = chat(daemon, stream=stream)
    assert got.status == 200 and got.text == "From the backup."
    assert time.monotonic() - begun >= seconds(0.19)
    assert got.header("x-understudy-attempts") == "2"
    assert [(entry[0], entry[1]) for entry in got.trace] == [
        ("primary/m", "dropped"), ("backup/m", "ok")]
    expect_metrics(daemon,
                   (1, "understudy_hedges_total", {"result": "started"}),
                   (1, "understudy_hedges_total", {"result": "won"}),
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": "dropped"}),
                   (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (0, "understudy_failovers_total", {}))
    # The loser's prompt was read and will be billed; what we know of it is an estimate.
    assert settled(daemon, "understudy_tokens_total", upstream="primary", source="estimated") > 0
    assert settled(daemon, "understudy_cost_usd_total", upstream="primary", source="estimated") > 0
    assert settled(daemon, "understudy_hedge_wasted_tokens_total") > 0
    # And its connection ends at once.
    deadline = time.monotonic() + MAX_WAIT
    while primary.connections[0].gone_at is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert primary.connections[0].gone_at is not None


@plain_and_streamed
def test_a_fast_answer_gets_no_hedge(start, upstream, stream):
    primary, backup = upstream(well()), upstream(well())
    daemon = hedged(start, primary, backup)
    for _ in range(5):
        assert chat(daemon, stream=stream).text == "It works."
    assert not backup.requests
    expect_metrics(daemon, (0, "understudy_hedges_total", {"result": "started"}))


@plain_and_streamed
def test_the_slow_one_may_still_win(start, upstream, stream):
    primary, backup = upstream(slow(0.5)), upstream(silent)
    daemon = hedged(start, primary, backup)
    got = chat(daemon, stream=stream)
    assert got.text == "Slow, but here."
    assert [(entry[0], entry[1]) for entry in got.trace] == [
        ("backup/m", "dropped"), ("primary/m", "ok")]
    expect_metrics(daemon, (1, "understudy_hedges_total", {"result": "started"}),
                   (0, "understudy_hedges_total", {"result": "won"}),
                   (1, "understudy_requests_total", {"outcome": "primary"}))


def test_a_hedge_that_fails_leaves_the_slow_one_alone(start, upstream):
    primary, backup = upstream(slow(0.6)), upstream(status(503))
    got = chat(hedged(start, primary, backup))
    assert got.text == "Slow, but here."
    assert [entry[1] for entry in got.trace] == ["server_error", "ok"]


def test_the_primarys_refusal_ends_it_whoever_else_was_asked(start, upstream):
    def refuse_late(connection, request):
        time.sleep(seconds(0.5))
        connection.send(status(400))
    primary, backup = upstream(refuse_late), upstream(silent)
    got = chat(hedged(start, primary, backup))
    assert got.status == 400


def test_no_hedge_once_a_token_has_come(start, upstream):
    go_on = threading.Event()

    def one_word(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(words("One")[0]))
        connection.wait(go_on)
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    primary, backup = upstream(one_word), upstream(well())
    daemon = hedged(start, primary, backup)
    threading.Timer(seconds(0.6), go_on.set).start()
    assert chat(daemon, stream=True).text == "One"
    assert not backup.requests


def test_the_budget_bounds_hedges(start, upstream):
    primary, backup = upstream(slow(0.3)), upstream(slow(0.3))
    daemon = hedged(start, primary, backup, hedge={"after": ms(20), "budget": "10%"})
    hedges = []
    for _ in range(21):
        assert chat(daemon).status == 200
        hedges.append(len(backup.requests))
    assert hedges == [0] * 9 + [1] * 10 + [2] * 2  # at no time more than a tenth of all requests


def test_what_is_usual_is_learned(start, upstream):
    answers = {"delay": 0.02}

    def variable(connection, request):
        time.sleep(seconds(answers["delay"]))
        well("Primary.")(connection, request)
    primary, backup = upstream(variable), upstream(well("Backup."))
    daemon = hedged(start, primary, backup, hedge={"after": "p90", "budget": "50%"}, workers=1)
    for _ in range(20):
        assert chat(daemon).text == "Primary."
    answers["delay"] = 3
    assert chat(daemon).text == "Backup."


@plain_and_streamed
def test_a_client_that_leaves_takes_both_with_it(start, upstream, stream):
    primary, backup = upstream(silent), upstream(silent)
    daemon = hedged(start, primary, backup)
    with Client(daemon) as client:
        client.ask(body={"model": "m", "messages": [], "stream": stream})
        deadline = time.monotonic() + MAX_WAIT
        while not backup.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        assert backup.requests
    expect_metrics(daemon, (2, "understudy_attempts_total", {"reason": "client_closed"}),
                   (1, "understudy_requests_total", {"outcome": "client_closed"}),
                   (0, "understudy_upstream_connections", {"state": "active"}))


@pytest.mark.parametrize("both", [status(503), silent], ids=["error", "silence"])
def test_when_both_fail_the_chain_goes_on_behind_them(start, upstream, both):
    def late_error(connection, request):
        time.sleep(seconds(0.4))
        connection.send(status(503))
    primary = upstream(late_error)
    backup, third = upstream(both), upstream(well("Third."))
    entries = [primary.entry("a"), backup.entry("b", timeouts={"response": ms(500)}), third.entry("c")]
    daemon = start(config(*entries, routes=[{
        "model": "*", "chain": ["a", "b", "c"], "hedge": HEDGE, "retries": 0}]))
    got = chat(daemon)
    assert got.text == "Third."
    assert got.header("x-understudy-attempts") == "3"


@pytest.mark.parametrize("why", ["rests", "speaks another API", "too small a window"])
def test_a_hedge_goes_to_one_that_can_serve_it_and_costs_nothing_where_there_is_none(start, upstream,
                                                                                     why):
    """With room for one hedge, which an entry that cannot be asked would take."""
    primary, useless, able = upstream(slow(0.5)), upstream(status(503)), upstream(well("Able."))
    more = {"speaks another API": {"dialect": "messages"},
            "too small a window": {"context_window": 1000},
            "rests": {"breaker": {"failures": 1, "window": "60s", "cooldown": "60s"}}}[why]
    entry = useless.entry("useless", **more)
    body = {"content": "word " * 8000, "logprobs": True}  # which Anthropic's API has not
    routes = [{"model": "warm", "chain": ["useless", "able"]},
              {"model": "m", "chain": ["primary", "useless"], "hedge": {"after": ms(20), "budget": "100%"}},
              {"model": "n", "chain": ["primary", "useless", "able"],
               "hedge": {"after": ms(20), "budget": "100%"}}]
    for route in routes:
        route["retries"] = 0
    daemon = start(config(primary.entry("primary"), entry, able.entry("able"), routes=routes))
    if why == "rests":
        for model in ("m", "n"):
            primary.answer, keep = status(503), primary.answer
            chat(daemon, model=model)
            primary.answer = keep
    before = len(useless.requests)
    hedged_before = settled(daemon, "understudy_hedges_total", result="started")  # who was slow to say 503 on a busy machine
    for _ in range(3):
        assert chat(daemon, model="m", **body).text == "Slow, but here."
    expect_metrics(daemon, (hedged_before, "understudy_hedges_total", {"result": "started"}),
                   (0, "understudy_attempts_total", {"reason": "unsupported"}))
    assert chat(daemon, model="n", **body).text == "Able."
    expect_metrics(daemon, (hedged_before + 1, "understudy_hedges_total", {"result": "started"}))
    assert len(useless.requests) == before
