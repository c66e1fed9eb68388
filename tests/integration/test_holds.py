"""What is held for a request before it is sent, and how its limits are told."""

import json
from decimal import Decimal

import pytest

from harness import Client, ask, chat, config, plain, well

KEY = "sk-limited-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def keys(**limits):
    return [{"name": "team-a", "key": KEY, "limits": limits}]


def held(answer, budget) -> Decimal:
    """While it was answered."""
    return Decimal(budget) - Decimal(answer.header("x-understudy-budget-remaining-usd"))


@pytest.mark.parametrize("asks, tokens", [
    ({"model": "gpt-4o"}, 16_384), ({"model": "gpt-4o-2024-08-06"}, 16_384), ({"model": "acme-1"}, 500),
    ({"model": "own-1"}, 700), ({"model": "silent-1"}, 4096), ({"model": "gpt-4o", "max_tokens": 30}, 30),
    ({"model": "gpt-4o", "n": 2}, 2 * 16_384)], ids=str)
def test_without_a_limit_the_longest_answer_of_the_row_that_prices_it_is_held(start, upstream, tmp_path, asks, tokens):
    row = {"input_cost_per_token": 0, "output_cost_per_token": 1e-6}
    path = tmp_path / "prices.json"
    path.write_text(str({"acme-1": {**row, "litellm_provider": "acme", "max_output_tokens": 500},
                         "own-1": {**row, "max_output_tokens": 700}, "silent-1": row,
                         "gpt-4o": {**row, "litellm_provider": "openai"}}).replace("'", '"'))
    # At loopback, as at any gateway's address, nobody knows whose models these are.
    daemon = start(config(upstream(well(usage=USAGE)), prices=str(path), keys=keys(budget_usd_per_day=100)))
    answer = chat(daemon, headers=HEADERS, **asks)
    assert answer.status == 200
    assert held(answer, 100) == tokens * Decimal("0.000001")


def told(answer):
    """Which limits an answer tells of."""
    return {name for name in ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset",
                              "x-ratelimit-limit-requests", "x-understudy-budget-remaining-usd")
            if answer.header(name) is not None}


@pytest.mark.parametrize("path, method, more, status", [
    ("/v1/models", "GET", {}, 200), ("/v1/models/nobodys", "GET", {}, 404), ("/v1/nothing", "GET", {}, 404),
    ("/v1/chat/completions", "GET", {}, 405),
    ("/v1/chat/completions", "POST", {"Content-Encoding": "br"}, 415),
    ("/v1/chat/completions", "POST", {}, 400)])
def test_every_answer_to_a_limited_key_tells_its_limits(start, upstream, path, method, more, status):
    daemon = start(config(upstream(well(usage=USAGE)), keys=[
        *keys(requests_per_minute=50, budget_usd_per_day=1), {"name": "free", "key": "sk-free-0123456789"}]))
    body = b"{" if method == "POST" else None
    for key, tells in ((KEY, True), ("sk-free-0123456789", False)):
        answer = ask(daemon, method, path, body, {"Authorization": f"Bearer {key}", **more})
        assert answer.status == status
        assert len(told(answer)) == (5 if tells else 0)
    # On one connection no request has the key of another.
    with Client(daemon) as client:
        for key, tells in ((KEY, True), ("sk-nobodys", False), ("sk-free-0123456789", False), (KEY, True)):
            client.ask("GET", "/v1/nothing", headers={"Authorization": f"Bearer {key}"})
            assert len(told(client.response())) == (5 if tells else 0)


def test_an_upstreams_bare_ratelimit_field_gives_way_too(start, upstream):
    fields = ('RateLimit: "x";r=1', 'RateLimit-Policy: "x";q=1', "ratelimit-limit: 7")
    primary = upstream(lambda c, r: c.send(plain(None, *fields)))
    daemon = start(config(primary.entry("primary", price={"input": 0, "output": 1}), keys=[
        *keys(requests_per_minute=50), {"name": "free", "key": "sk-free-0123456789"}]))
    limited = chat(daemon, headers=HEADERS)
    assert limited.header("ratelimit") is None and limited.header("ratelimit-policy") is None
    assert limited.header("ratelimit-limit") == "50"
    free = chat(daemon, headers={"Authorization": "Bearer sk-free-0123456789"})
    assert free.header("ratelimit") == '"x";r=1' and free.header("ratelimit-limit") == "7"


@pytest.mark.parametrize("asks, tokens", [
    ({"prompt": ["a"] * 10}, 160), ({"prompt": "a"}, 16), ({"prompt": ["a"] * 10, "max_tokens": 7}, 70),
    ({"prompt": ["a", "b"], "best_of": 3}, 96)], ids=str)
def test_a_completion_without_a_limit_holds_of_a_minutes_tokens_what_the_api_gives_it(start, upstream, asks, tokens):
    """16 tokens to a prompt; of money the longest answer, for there are servers that give more."""
    done = plain({"id": "c", "object": "text_completion", "model": "m", "choices": [
        {"text": "Hi", "index": 0, "finish_reason": "stop"}], "usage": USAGE})
    price = {"input": 0, "output": 1}
    daemon = start(config(upstream(lambda c, r: c.send(done)).entry("primary", price=price),
                          keys=keys(tokens_per_minute=1000, budget_usd_per_day=1)))
    answer = ask(daemon, path="/v1/completions", headers=HEADERS, body={"model": "m", **asks})
    assert answer.status == 200
    left = 1000 - int(answer.header("ratelimit-remaining"))
    assert tokens < left <= tokens + 20  # its prompt has a few
    longest = tokens if "max_tokens" in asks else tokens // 16 * 4096
    assert held(answer, 1) == longest * Decimal("0.000001")


def test_a_completion_that_nobody_counted_is_what_came_of_it(start, upstream):
    """Servers there are that write on beyond the API's 16 tokens, and say nothing of usage."""
    text = "word " * 2400
    body = json.dumps({"object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": "stop"}]})
    done = plain(body.encode())
    daemon = start(config(upstream(lambda c, r: c.send(done)), keys=keys(tokens_per_minute=10_000)))
    answer = ask(daemon, path="/v1/completions", headers=HEADERS, body={"model": "m", "prompt": "a"})
    assert answer.status == 200
    again = ask(daemon, path="/v1/completions", headers=HEADERS, body={"model": "m", "prompt": "a", "max_tokens": 1})
    assert int(again.header("ratelimit-remaining")) < 10_000 - len(text) // 4
