"""OpenHands' own fallback example twice: the SDK's FallbackStrategy over three profiles, and the daemon over
the same profiles with a plain LLM in front. Same answers, same upstreams in the same order, same
error, same books."""

import json
import socket

import pytest

from openhands.sdk.llm import FallbackStrategy
from openhands.sdk.llm.llm_profile_store import LLMProfileStore

from harness import close, error_body, expect_metrics, plain, reset, silent, status, well
from sdk import MESSAGES, llm, order, plain_llm, store, text_of

NAMES = ("primary", "fallback-1", "fallback-2")
USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
         "prompt_tokens_details": {"cached_tokens": 20},
         "completion_tokens_details": {"reasoning_tokens": 10}}
PRICES = {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}
GOOD = well("From here.", usage=USAGE)
REFUSED = object()  # nobody listens there

LIMITED = status(429, error_body("Slow down.", "rate_limit_error", "rate_limit_exceeded"))
BROKEN = status(500, error_body("It broke.", "server_error"))
BUSY = status(503, error_body("Too busy.", "server_error"))
GATEWAY = status(502, error_body("Bad gateway here.", "server_error"))
CONFLICT = status(409, error_body("Locked.", "server_error"))
NO_CREDIT = status(429, error_body("You exceeded your current quota.", "insufficient_quota",
                                   "insufficient_quota"))
BUDGET = status(429, error_body("Budget has been exceeded!", "budget_exceeded", "budget_exceeded"))
WRONG = status(400, error_body("No such member.", "invalid_request_error"))
UNAUTHORIZED = status(401, error_body("Wrong key.", "invalid_request_error", "invalid_api_key"))
NO_CHOICES = plain(json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
                               "choices": [], "usage": USAGE}))

# name: (primary, fallback-1, fallback-2), those asked in their order
ANSWERED = {
    "success": ((GOOD, GOOD, GOOD), [0]),
    "429": ((LIMITED, GOOD, GOOD), [0, 1]),
    "500": ((BROKEN, GOOD, GOOD), [0, 1]),
    "502": ((GATEWAY, GOOD, GOOD), [0, 1]),
    "503": ((BUSY, GOOD, GOOD), [0, 1]),
    "409": ((CONFLICT, GOOD, GOOD), [0, 1]),
    "timeout": ((silent, GOOD, GOOD), [0, 1]),
    "reset": ((reset, GOOD, GOOD), [0, 1]),
    "closed": ((close, GOOD, GOOD), [0, 1]),
    "refused": ((REFUSED, GOOD, GOOD), [1]),
    "no choices": ((NO_CHOICES, GOOD, GOOD), [0, 1]),
    "no credit": ((NO_CREDIT, GOOD, GOOD), [0, 1]),
    "two fail": ((LIMITED, BUSY, GOOD), [0, 1, 2]),
    "a fallback's 401": ((BUSY, UNAUTHORIZED, GOOD), [0, 1, 2]),
    "a fallback's 400": ((BUSY, WRONG, GOOD), [0, 1, 2]),
    "a fallback's silence": ((BUSY, silent, GOOD), [0, 1, 2]),
}
FAILED = {
    "400": ((WRONG, GOOD, GOOD), [0]),
    "401": ((UNAUTHORIZED, GOOD, GOOD), [0]),
    "over budget": ((BUDGET, GOOD, GOOD), [0]),
    "all fail": ((LIMITED, BUSY, BROKEN), [0, 1, 2]),
    "all fail otherwise": ((BUSY, UNAUTHORIZED, LIMITED), [0, 1, 2]),
    "all fail, the primary in silence": ((silent, BUSY, WRONG), [0, 1, 2]),
}


HELD: list[socket.socket] = []  # bound, so that nobody else gets the port; nobody listens


def dead_url() -> str:
    HELD.append(socket.socket())
    HELD[-1].bind(("127.0.0.1", 0))
    return f"http://127.0.0.1:{HELD[-1].getsockname()[1]}/v1"


def profiles(folder, upstreams):
    """What the example saves, with the scripted upstreams as base URLs."""
    urls = [dead_url() if one is None else one.url for one in upstreams]
    return store(folder, **{name: llm(f"openai/{name}-model", url, timeout=2, api_key=f"sk-{name}",
                                      **PRICES) for name, url in zip(NAMES, urls)})


class Outcome:
    def __init__(self, ask, upstreams):
        self.text = self.error = None
        try:
            self.text = text_of(ask.completion(MESSAGES))
        except Exception as error:
            self.error = error
        self.asked = order([one for one in upstreams if one is not None])
        self.usage = ask.metrics.accumulated_token_usage
        self.cost = ask.metrics.accumulated_cost


def both_ways(case, tmp_path, upstream, start):
    """The SDK's own strategy first, the daemon then, each with fresh upstreams."""
    outcomes = []
    for way in ("strategy", "daemon"):
        upstreams = [None if answer is REFUSED else upstream(answer) for answer in case]
        folder = tmp_path / way
        profiles(folder, upstreams)
        if way == "strategy":
            ask = LLMProfileStore(folder).load("primary").model_copy(update={
                "fallback_strategy": FallbackStrategy(fallback_llms=list(NAMES[1:]),
                                                      profile_store_dir=folder)})
        else:
            daemon = start("listen: 127.0.0.1:0\n",
                           args=["--profiles", str(folder), "--chain", ",".join(NAMES)])
            ask = plain_llm(daemon, "anything", timeout=30)
        outcomes.append(Outcome(ask, upstreams))
    return *outcomes, daemon


@pytest.mark.parametrize("name", ANSWERED)
def test_the_daemon_answers_where_the_strategy_answers(tmp_path, upstream, start, name):
    case, asked = ANSWERED[name]
    strategy, through, daemon = both_ways(case, tmp_path, upstream, start)
    assert (strategy.text, strategy.error) == ("From here.", None)
    assert (through.text, through.error) == ("From here.", None)
    present = [index for index, answer in enumerate(case) if answer is not REFUSED]
    for outcome in (strategy, through):
        assert [present[index] for index in outcome.asked] == asked
    # The client sees the usage of the answer it got; the strategy and the daemon book every attempt.
    assert (through.usage.prompt_tokens, through.usage.completion_tokens) == (120, 30)
    usage, source = strategy.usage, {"source": "reported"}
    cost = usage.prompt_tokens * 2e-6 + usage.completion_tokens * 8e-6
    assert strategy.cost == pytest.approx(cost)
    if name != "no choices":  # see the last test
        assert through.cost == pytest.approx(cost)
    tokens = {"input": usage.prompt_tokens - usage.cache_read_tokens,
              "cache_read": usage.cache_read_tokens,
              "output": usage.completion_tokens - usage.reasoning_tokens,
              "reasoning": usage.reasoning_tokens}
    expect_metrics(daemon, (cost, "understudy_cost_usd_total", source),
                   (1, "understudy_attempts_total", {"upstream": NAMES[asked[-1]], "reason": "ok"}),
                   *((count, "understudy_tokens_total", {**source, "type": kind})
                     for kind, count in tokens.items()))


@pytest.mark.parametrize("name", FAILED)
def test_the_daemon_fails_as_the_strategy_fails(tmp_path, upstream, start, name):
    case, asked = FAILED[name]
    strategy, through, _ = both_ways(case, tmp_path, upstream, start)
    assert strategy.asked == asked and through.asked == asked
    assert type(through.error) is type(strategy.error), (strategy.error, through.error)
    if case[0] is not silent:  # the primary's own words
        [message] = [json.loads(case[0].partition(b"\r\n\r\n")[2])["error"]["message"]]
        assert message in str(strategy.error) and message in str(through.error)
    assert strategy.cost == through.cost == 0


def test_a_stream_comes_from_the_fallback_both_ways(tmp_path, upstream, start):
    texts = {}
    for way in ("strategy", "daemon"):
        upstreams = [upstream(BUSY), upstream(GOOD), upstream(GOOD)]
        folder = tmp_path / way
        saved = profiles(folder, upstreams)
        tokens = []
        if way == "strategy":
            for name in NAMES:  # a fallback streams where its own profile says so
                saved.save(name, saved.load(name).model_copy(update={"stream": True}),
                           include_secrets=True)
            ask = saved.load("primary").model_copy(update={"fallback_strategy": FallbackStrategy(
                fallback_llms=list(NAMES[1:]), profile_store_dir=folder)})
        else:
            daemon = start("listen: 127.0.0.1:0\n",
                           args=["--profiles", str(folder), "--chain", ",".join(NAMES)])
            ask = plain_llm(daemon, "anything", timeout=30, stream=True)
        answer = ask.completion(MESSAGES, on_token=lambda chunk: tokens.append(chunk))
        texts[way] = (text_of(answer),
                      "".join(part.choices[0].delta.content or "" for part in tokens if part.choices),
                      order(upstreams), ask.metrics.accumulated_token_usage.prompt_tokens)
    assert texts["daemon"] == texts["strategy"] == ("From here.", "From here.", [0, 1], 120)


def test_a_budget_that_a_fallback_reports_ends_the_chain_both_ways(tmp_path, upstream, start):
    strategy, through, _ = both_ways((BUSY, BUDGET, GOOD), tmp_path, upstream, start)
    assert strategy.asked == through.asked == [0, 1]
    assert strategy.text is None and through.text is None
    assert "Budget has been exceeded!" in str(strategy.error)


def test_a_budget_that_a_fallback_reports_is_what_the_client_gets(tmp_path, upstream, start):
    strategy, through, _ = both_ways((BUSY, BUDGET, GOOD), tmp_path, upstream, start)
    assert type(through.error) is type(strategy.error)


def test_the_cost_of_an_answer_is_that_of_all_its_attempts(tmp_path, upstream, start):
    strategy, through, _ = both_ways((NO_CHOICES, GOOD, GOOD), tmp_path, upstream, start)
    assert through.cost == pytest.approx(strategy.cost)
