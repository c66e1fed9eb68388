"""Limits of keys and budgets of sessions: over all workers, held before an attempt, settled after it,
through restarts and reloads. An answer here costs what its completion tokens do: a tenth of a cent each."""

import base64
import contextlib
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import (ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk, close, completion, config,
                     expect_metrics, metric, settled, plain, status, steps, well, words)
from natives import message, native
from tests.support.daemon import wait_until

KEY, OTHER = "sk-limited-0123456789", "sk-unlimited-0123456789"
PRICE = {"input": 0, "output": 1000}  # the dearest that can be written: a tenth of a cent a token


def usage(completion_tokens, prompt_tokens=0):
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens}


def keys(**limits):
    return [{"name": "team-a", "key": KEY, "limits": limits}, {"name": "team-b", "key": OTHER}]


def limited(*upstreams, limits, price=PRICE, **more):
    entries = [one if isinstance(one, dict) else one.entry(name, price=price)
               for one, name in zip(upstreams, ("primary", "backup"))]
    return config(*entries, keys=keys(**limits), **more)


def talk(daemon, max_tokens=10, key=KEY, headers=(), **more):
    return chat(daemon, headers={"Authorization": f"Bearer {key}", **dict(headers)},
                max_tokens=max_tokens, **more)


def at_once(daemon, count, **more):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: talk(daemon, **more), range(count)))


class Gate:
    """An upstream's answer that waits until the test opens it; it knows how many wait."""

    def __init__(self, answer):
        self.open, self.waiting, self._answer = threading.Event(), 0, answer
        self._lock = threading.Lock()

    def __call__(self, connection, request):
        with self._lock:
            self.waiting += 1
        connection.wait(self.open)
        connection.send(self._answer) if isinstance(self._answer, bytes) else self._answer(connection, request)

    def wait_for(self, count):
        wait_until(lambda: self.waiting >= count, f"{count} requests at the upstream")


@contextlib.contextmanager
def under_way(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        yield [pool.submit(call) for call in calls]


# ---------------------------------------------------------------- money

def test_a_hundred_parallel_clients_spend_no_more_than_the_budget(start, upstream):
    primary = upstream(well(usage=usage(10)))
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.05}, workers=2))
    answers = at_once(daemon, 100)
    good = [a for a in answers if a.status == 200]
    assert 1 <= len(good) == len(primary.requests) <= 5
    for refused in (a for a in answers if a.status != 200):
        assert refused.status == 429 and refused.error["code"] in ("budget_held", "budget_exceeded")
        assert (refused.header("x-should-retry") == "false") == (refused.error["code"] == "budget_exceeded")
        assert int(refused.header("retry-after")) >= 1
        assert "rate limit" not in refused.body.decode().lower()
    while len(primary.requests) < 5:
        assert talk(daemon).status == 200
    spent = talk(daemon)
    assert spent.status == 429 and spent.error["code"] == "budget_exceeded"
    assert "team-a" in spent.error["message"] and "0.05 USD a day" in spent.error["message"]
    assert spent.header("x-understudy-budget-remaining-usd") == "0"
    assert talk(daemon, key=OTHER).status == 200
    assert len(primary.requests) == 6
    expect_metrics(daemon, (0.05, "understudy_key_budget_usd", {"key": "team-a", "period": "day"}),
                   (0, "understudy_key_budget_left_usd", {"key": "team-a", "period": "day"}),
                   (101 - len(good), "understudy_key_denied_total",
                    {"key": "team-a", "limit": "budget_usd_per_day"}),
                   (0.06, "understudy_cost_usd_total", {}))


PDF = base64.b64encode(bytes(range(256)) * 200).decode()
THINGS = [
    ("hi", 1000),
    ([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + PDF}}], 6000),
    ([{"type": "input_audio", "input_audio": {"data": PDF, "format": "wav"}}], 1800),
    ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}] * 8, 12_000),
    ([{"type": "file", "file": {"file_id": "file-1"}}], 12_000),
]


@pytest.mark.parametrize("content, tokens", THINGS, ids=["a template", "a document", "audio", "images", "a file"])
def test_prompts_that_are_no_text_stay_within_the_budget_too(start, upstream, content, tokens):
    gate = Gate(well(usage=usage(10, tokens)))
    primary = upstream(gate)
    one = tokens / 1e6 * 100
    daemon = start(limited(primary, price={"input": 100, "output": 0}, workers=2,
                           limits={"budget_usd_per_day": 2.5 * one}))
    with under_way(*[lambda: talk(daemon, content=content)] * 20) as calls:
        gate.wait_for(1)
        wait_until(lambda: sum(call.done() for call in calls) + gate.waiting == 20, "all are in or refused")
        gate.open.set()
        good = [call.result() for call in calls if call.result().status == 200]
    assert 1 <= len(good) <= 3
    while talk(daemon, content=content).status == 200:
        pass
    assert 2.5 * one <= settled(daemon, "understudy_cost_usd_total") <= 3.5 * one


def test_what_an_upstream_adds_to_prompts_is_learned(start, upstream):
    gate = Gate(well(usage=usage(10, 20_000)))  # for a prompt of a word
    gate.open.set()
    daemon = start(limited(upstream(gate), price={"input": 100, "output": 0},
                           limits={"budget_usd_per_day": 9}))  # of two dollars each
    assert talk(daemon).status == 200
    gate.open.clear()
    with under_way(*[lambda: talk(daemon)] * 10) as calls:
        wait_until(lambda: sum(call.done() for call in calls) + gate.waiting == 11, "all are in or refused")
        gate.open.set()
        assert sum(call.result().status == 200 for call in calls) == 3  # what is left holds no more


def good_of(call, gate, count=20):
    """How many are let in of so many at once."""
    with under_way(*[call] * count) as calls:
        gate.wait_for(1)
        wait_until(lambda: sum(one.done() for one in calls) + gate.waiting == count, "all are in or refused")
        gate.open.set()
        return sum(one.result().status == 200 for one in calls)


@pytest.mark.parametrize("rate, details", [
    ("output_cost_per_audio_token", {"audio_tokens": 100}),
    ("output_cost_per_image_token", {"image_tokens": 100}),
    ("output_cost_per_reasoning_token", {"reasoning_tokens": 100})])
def test_answers_that_are_dearer_than_text_stay_within_the_budget_too(start, upstream, tmp_path, rate, details):
    gate = Gate(well(usage={**usage(100), "completion_tokens_details": details}))
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"m": {"input_cost_per_token": 0, "output_cost_per_token": 1e-5, rate: 8e-5}}))
    daemon = start(config(upstream(gate).entry("primary"), keys=keys(budget_usd_per_day=0.02), workers=2,
                          prices=str(prices)))
    assert 1 <= good_of(lambda: talk(daemon, max_tokens=100), gate) <= 3  # of 0.8 cents each


def test_each_prompt_of_a_list_is_answered_and_held(start, upstream):
    gate = Gate(plain({"id": "c", "object": "text_completion", "model": "m", "usage": usage(100),
                       "choices": [{"text": "Hi", "index": i, "finish_reason": "stop"} for i in range(10)]}))
    primary = upstream(gate)
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.2}, workers=2))

    def complete():
        return ask(daemon, path="/v1/completions", headers={"Authorization": f"Bearer {KEY}"},
                   body={"model": "m", "prompt": ["Say hi."] * 10, "max_tokens": 10})

    assert 1 <= good_of(complete, gate) <= 3  # of ten cents each


def test_an_answer_that_was_underrated_goes_beyond_the_budget_once(start, upstream):
    primary = upstream(well(usage=usage(40)))  # more than max_tokens allows
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.03, "budget_usd_per_month": 100}))
    assert talk(daemon).status == 200
    refused = talk(daemon)
    assert refused.error["code"] == "budget_exceeded" and len(primary.requests) == 1


@pytest.mark.parametrize("asks", [{"max_tokens": 10, "reasoning_effort": "high"}, {"max_tokens": None}],
                         ids=["thoughts beside the answer", "a limit where the client named none"])
def test_what_a_translation_allows_an_answer_is_held_too(start, upstream, asks):
    def longest(connection, request):
        used = {"input_tokens": 1, "output_tokens": request.json["max_tokens"]}
        connection.send(plain(message(usage=used)))
    gate = Gate(longest)
    primary = upstream(gate)
    entry = native(primary, "primary", "messages", model="claude-sonnet-4-5", price=PRICE)
    daemon = start(limited(entry, limits={"budget_usd_per_day": 5}))
    with under_way(*[lambda: talk(daemon, **asks)] * 4) as calls:
        gate.wait_for(1)
        gate.open.set()
        good = [call.result() for call in calls if call.result().status == 200]
    # Each may cost more than the whole budget: one is let through, as any that is too large.
    assert len(good) == len(primary.requests) == 1
    assert float(good[0].header("x-understudy-cost-usd")) > 5


def test_one_request_may_ask_for_more_than_is_left(start, upstream):
    primary = upstream(well(usage=usage(10)))
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.05}))
    got = talk(daemon, max_tokens=100_000)
    assert got.status == 200 and got.header("x-understudy-budget-remaining-usd") == "0"
    assert talk(daemon).header("x-understudy-budget-remaining-usd") == "0.03"


def test_what_is_held_comes_back_when_an_attempt_fails(start, upstream):
    primary, backup = upstream(status(500)), upstream(well(usage=usage(10)))
    daemon = start(limited(primary, backup, limits={"budget_usd_per_day": 0.05}))
    for _ in range(5):
        got = talk(daemon, max_tokens=40)
        assert got.status == 200 and [entry[1] for entry in got.trace] == ["server_error", "ok"]
    assert talk(daemon).error["code"] == "budget_exceeded"
    assert len(primary.requests) == len(backup.requests) == 5


def test_a_fallback_does_not_go_round_the_budget(start, upstream):
    gate = Gate(status(500))
    primary, backup = upstream(gate), upstream(well(usage=usage(10)))
    half = {"input": 0, "output": 500}
    daemon = start(limited(primary.entry("primary", price=half), backup.entry("backup", price=PRICE),
                           limits={"budget_usd_per_day": 0.05}))
    holder = Gate(well(usage=usage(1)))
    with under_way(lambda: talk(daemon)) as (first,):
        gate.wait_for(1)
        primary.answer = holder
        with under_way(lambda: talk(daemon, max_tokens=86)) as (other,):
            holder.wait_for(1)
            gate.open.set()
            refused = first.result()
            assert refused.status == 429 and refused.error["code"] == "budget_held"
            assert [entry[1] for entry in refused.trace] == ["server_error", "budget"]
            assert not backup.requests
            holder.open.set()
            assert other.result().status == 200
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rejected"}),
                   (0.0495, "understudy_key_budget_left_usd", {"key": "team-a"}))


def test_a_hedge_that_the_budget_has_no_room_for_is_not_started(start, upstream):
    gate = Gate(well(usage=usage(10)))
    primary, backup = upstream(gate), upstream(well(usage=usage(10)))
    daemon = start(limited(primary, backup, limits={"budget_usd_per_day": 0.05},
                           route={"hedge": {"after": "20ms", "budget": "100%"}}))
    with under_way(lambda: talk(daemon, max_tokens=40)) as (answer,):
        gate.wait_for(1)
        threading.Event().wait(0.1)  # five times as long as it would take
        assert not backup.requests
        gate.open.set()
        assert answer.result().status == 200
    gate.open.clear()
    with under_way(lambda: talk(daemon, max_tokens=10)) as (answer,):  # 0.04 left: room for two
        assert answer.result().header("x-understudy-upstream") == "backup"
        gate.open.set()
    assert len(backup.requests) == 1
    expect_metrics(daemon, (1, "understudy_hedges_total", {"result": "won"}))
    assert settled(daemon, "understudy_key_denied_total") == 0


def test_a_stream_that_its_client_leaves_is_booked_and_its_hold_comes_back(start, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, [ROLE, *words("one two three")])),
                             lambda connection: connection.hold()))
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.05}))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True, max_tokens=40), headers={"Authorization": f"Bearer {KEY}"})
        client.body(client.head(), until=lambda response: b"three" in response.body)
        assert abs(metric(daemon, "understudy_key_budget_left_usd", period="day") - 0.01) < 1e-6  # held
    expect_metrics(daemon, (0.047, "understudy_key_budget_left_usd", {"period": "day"}))


def test_an_answer_without_usage_is_guessed_for_the_budget(start, upstream):
    primary = upstream(well("x" * 400, usage=None))
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.05}))
    assert talk(daemon, max_tokens=20).status == 200
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {}), (0, "understudy_cost_usd_total", {}))
    # Never more than was held for it.
    left = metric(daemon, "understudy_key_budget_left_usd", period="day")
    assert abs(left - 0.03) < 1e-6


def test_a_model_without_a_price_is_not_asked_under_a_budget(start, upstream):
    free, priced = upstream(well()), upstream(well(usage=usage(10)))
    both = limited(free.entry("primary"), priced.entry("backup", price=PRICE),
                   limits={"budget_usd_per_day": 1})
    got = talk(start(both), model="nobody-knows-this")
    assert got.status == 200 and [entry[1] for entry in got.trace] == ["unsupported", "ok"]
    alone = start(limited(free.entry("primary"), limits={"budget_usd_per_day": 1}))
    refused = talk(alone, model="nobody-knows-this")
    assert refused.status == 400 and refused.error["code"] == "unsupported_by_upstream"
    assert "price" in refused.error["message"] and not free.requests
    assert talk(alone, key=OTHER, model="nobody-knows-this").status == 200


# ---------------------------------------------------------------- rates

def test_requests_per_minute_hold_over_all_workers(start, upstream):
    primary = upstream(well())
    daemon = start(limited(primary, limits={"requests_per_minute": 10}, workers=2))
    answers = at_once(daemon, 40)
    assert sum(a.status == 200 for a in answers) == len(primary.requests) == 10
    refused = next(a for a in answers if a.status == 429)
    assert refused.error["code"] == "key_rate_limited" and "Rate limit" in refused.error["message"]
    assert 1 <= int(refused.header("retry-after")) <= 60
    assert (refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")) == ("10", "0")
    assert refused.header("x-ratelimit-remaining-requests") == "0"
    assert refused.header("x-should-retry") is None
    assert talk(daemon, key=OTHER).header("ratelimit-limit") is None
    expect_metrics(daemon, (30, "understudy_key_denied_total",
                            {"key": "team-a", "limit": "requests_per_minute"}),
                   (30, "understudy_requests_total", {"outcome": "rejected"}))


def test_tokens_per_minute_are_held_and_then_counted(start, upstream):
    gate = Gate(well(usage=usage(50, 50)))
    daemon = start(limited(upstream(gate), limits={"tokens_per_minute": 250}))
    with under_way(lambda: talk(daemon, max_tokens=200)) as (first,):
        gate.wait_for(1)
        refused = talk(daemon, max_tokens=200)
        assert refused.status == 429 and refused.error["code"] == "key_rate_limited"
        gate.open.set()
        assert first.result().status == 200
    assert talk(daemon, max_tokens=200).header("ratelimit-limit") == "250"
    assert talk(daemon, max_tokens=1).status == 200
    refused = talk(daemon, max_tokens=1)  # three answers of a hundred
    assert refused.status == 429 and "250 tokens per minute" in refused.error["message"]
    assert refused.header("ratelimit-remaining") == "0"


def test_requests_in_flight(start, upstream):
    gate = Gate(well())
    daemon = start(limited(upstream(gate), limits={"requests_in_flight": 2}, workers=2))
    with under_way(lambda: talk(daemon), lambda: talk(daemon)) as running:
        gate.wait_for(2)
        refused = talk(daemon)
        assert refused.status == 429 and refused.header("retry-after") == "1"
        assert talk_with_other_key_waits(daemon, gate)
        gate.open.set()
        assert [call.result().status for call in running] == [200, 200]
    assert talk(daemon).status == 200


def talk_with_other_key_waits(daemon, gate):
    threading.Thread(target=lambda: talk(daemon, key=OTHER), daemon=True).start()
    gate.wait_for(3)
    return True


def test_of_two_limits_the_one_that_is_reached_says_no(start, upstream):
    primary = upstream(well(usage=usage(10)))
    daemon = start(limited(primary, limits={"requests_per_minute": 4, "budget_usd_per_day": 0.02,
                                            "budget_usd_per_month": 0.5}))
    assert [talk(daemon).status for _ in range(2)] == [200, 200]
    assert [talk(daemon).error["code"] for _ in range(2)] == ["budget_exceeded"] * 2
    # Those were requests too: now it is their number.
    assert talk(daemon).error["code"] == "key_rate_limited"
    assert len(primary.requests) == 2


def test_an_upstreams_own_fields_give_way(start, upstream):
    primary = upstream(plain(completion(), "ratelimit-limit: 7", "RateLimit-Policy: 7;w=1",
                             "x-ratelimit-limit-requests: 9"))
    daemon = start(limited(primary, limits={"requests_per_minute": 10, "tokens_per_minute": 1_000_000}))
    got = talk(daemon)
    assert got.headers("ratelimit-limit") == ["10"] and got.headers("ratelimit-remaining") == ["9"]
    assert not got.headers("ratelimit-policy") and got.headers("x-ratelimit-limit-requests") == ["9"]
    assert talk(daemon, key=OTHER).headers("ratelimit-limit") == ["7"]
    got = talk(start(limited(upstream(status(400, None, "ratelimit-limit: 7")),
                             limits={"requests_per_minute": 10})))
    assert got.status == 400 and got.headers("ratelimit-limit") == ["10"]
    plain_one = talk(start(limited(upstream(well()), limits={"requests_per_minute": 10})), stream=True)
    assert plain_one.headers("x-ratelimit-remaining-requests") == ["9"]


def test_whatever_a_client_is_told_says_how_its_limits_stand(start, upstream):
    limits = {"requests_per_minute": 10}

    def check(got, code, openai="10"):
        assert got.status == code, got
        assert got.headers("ratelimit-limit") == ["10"] and got.headers("x-ratelimit-limit-requests") == [openai]

    def told(answer, **more):
        return talk(start(limited(upstream(answer), upstream(status(500)), limits=limits, **more)))
    check(told(status(400)), 400)
    check(told(close), 502)
    # The primary's own word at the end of the chain: when to come back to it.
    limit = status(429, None, "retry-after: 7", "ratelimit-limit: 3", "x-ratelimit-limit-requests: 9")
    got = told(limit)
    check(got, 429, "9")
    assert got.header("retry-after") == "7"
    # So it is where its words are not to be had.
    got = told(steps(limit.replace(b"Content-Length: ", b"Content-Length: 9"), close))
    check(got, 429, "9")
    assert got.header("retry-after") == "7" and got.error["code"] == "upstream_error"
    # An answer that nobody had a better one for.
    check(told(plain(completion("")), route={"fallback_on": ["empty", "server_error"]}), 200)
    # One that was counted here.
    daemon = start(limited(upstream(well()), limits=limits))
    check(ask(daemon, path="/v1/messages/count_tokens", headers={"x-api-key": KEY},
              body={"model": "m", "messages": [{"role": "user", "content": "x"}]}), 200)
    # A head that goes out before anybody has answered.

    def late(connection, request):
        time.sleep(1.5)
        connection.send(status(503))
    daemon = start(limited(upstream(late), limits=limits, route={"keepalive": "1s"}))
    check(talk(daemon, stream=True), 200)


@pytest.mark.parametrize("path,body,shape", [
    ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]},
     lambda e: (e["type"], e["error"]["type"], e["error"]["details"]["error_code"])),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "x"}]}]},
     lambda e: (e["error"]["code"], e["error"]["status"], e["error"]["details"][0]["reason"]))])
def test_a_refusal_has_the_shape_of_the_clients_api(start, upstream, path, body, shape):
    primary = upstream(well())
    daemon = start(limited(primary, limits={"requests_per_minute": 1}))
    headers = {"x-api-key": KEY}
    ask(daemon, path=path, body=body, headers=headers)
    refused = ask(daemon, path=path, body=body, headers=headers)
    assert refused.status == 429 and int(refused.header("retry-after")) > 0
    assert shape(refused.json) in (("error", "rate_limit_error", "key_rate_limited"),
                                   (429, "RESOURCE_EXHAUSTED", "KEY_RATE_LIMITED"))


# ---------------------------------------------------------------- restarts and reloads

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_budgets_and_minutes_survive_a_restart(start, upstream, tmp_path, how):
    primary = upstream(well(usage=usage(10, 90)))
    file = limited(primary, limits={"budget_usd_per_day": 0.03, "budget_usd_per_month": 9,
                                    "requests_per_minute": 50, "tokens_per_minute": 5000},
                   ledger=str(tmp_path / "ledger.db"))
    first = start(file, ends=(0, -signal.SIGKILL))
    assert [talk(first).status for _ in range(2)] == [200, 200]
    wait_until(lambda: metric(first, "understudy_ledger_rows_total", result="written") >= 4, "rows")
    first.signal(how)
    first.wait()
    second = start(file)
    assert abs(metric(second, "understudy_key_budget_left_usd", period="month") - 8.98) < 1e-6
    got = talk(second)
    assert got.status == 200 and got.header("x-ratelimit-remaining-requests") == "47"
    assert 4750 < int(got.header("x-ratelimit-remaining-tokens")) < 4800  # something is held
    assert talk(second).error["code"] == "budget_exceeded"
    assert len(primary.requests) == 3


def test_a_reload_keeps_what_was_used_and_holds_new_limits_against_the_ledger(start, upstream, tmp_path):
    primary = upstream(well(usage=usage(10)))
    ledger = str(tmp_path / "ledger.db")

    def reload(**limits):
        before = metric(daemon, "understudy_config_reloads_total", result="success")
        daemon.write_config(limited(primary, limits=limits, ledger=ledger))
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") > before,
                   "reload")

    daemon = start(limited(primary, limits={"requests_per_minute": 100}, ledger=ledger))
    assert [talk(daemon).status for _ in range(3)] == [200] * 3
    wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") >= 6, "rows")
    reload(budget_usd_per_day=0.04)  # of which three answers are spent
    assert talk(daemon).status == 200
    assert talk(daemon).error["code"] == "budget_exceeded"
    reload(budget_usd_per_day=0.05)
    assert talk(daemon).status == 200
    reload(requests_in_flight=9)
    assert talk(daemon).status == 200
    assert len(primary.requests) == 6


def test_a_key_that_goes_and_comes_back_has_what_its_streams_cost_meanwhile(start, upstream, tmp_path):
    gate = Gate(well(usage=usage(10)))
    primary = upstream(gate)
    ledger = str(tmp_path / "ledger.db")

    def reload(text):
        before = metric(daemon, "understudy_config_reloads_total", result="success")
        daemon.write_config(text)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") > before, "reload")

    def left():
        return metric(daemon, "understudy_key_budget_left_usd", period="day")

    with_key = limited(primary, limits={"budget_usd_per_day": 0.05}, ledger=ledger)
    without = config(primary.entry("primary", price=PRICE), keys=keys()[1:], ledger=ledger)
    no_limit = config(primary.entry("primary", price=PRICE), ledger=ledger,
                      keys=[{"name": "team-a", "key": KEY}, {"name": "team-b", "key": OTHER}])
    daemon = start(with_key)
    with under_way(lambda: talk(daemon), lambda: talk(daemon)) as running:
        gate.wait_for(2)
        reload(without)
        reload(with_key)
        assert abs(left() - 0.03) < 1e-6  # what is held is held still
        gate.open.set()
        assert [call.result().status for call in running] == [200, 200]
    assert abs(left() - 0.03) < 1e-6
    # A key that had no limit when its requests began: what they cost is in the ledger, and is learned.
    reload(no_limit)
    gate.open.clear()
    with under_way(lambda: talk(daemon)) as (running,):
        gate.wait_for(3)
        reload(with_key)
        assert abs(left() - 0.03) < 1e-6
        gate.open.set()
        assert running.result().status == 200
    wait_until(lambda: abs(left() - 0.02) < 1e-6, "what it cost")
    assert [talk(daemon).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("days", [1, 40])
def test_what_a_clock_that_was_ahead_has_dated_is_not_spent_today(start, upstream, tmp_path, shim, days):
    primary = upstream(well(usage=usage(10)))
    file = limited(primary, limits={"budget_usd_per_day": 0.03, "requests_per_minute": 6},
                   ledger=str(tmp_path / "ledger.db"))
    shim.jump(days * 86_400)
    daemon = start(file, env=shim.env)
    assert [talk(daemon).status for _ in range(4)] == [200, 200, 200, 429]
    daemon.stop()
    shim.jump(0)
    daemon = start(file, env=shim.env)
    answers = [talk(daemon) for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert answers[0].header("ratelimit-remaining") == "5"
    assert answers[3].error["code"] == "budget_exceeded"


def test_a_day_into_which_the_clock_is_set_has_what_the_ledger_knows_of_it(start, upstream, tmp_path, shim):
    """A machine that begins with a wrong clock, and learns the time when the daemon runs already."""
    primary = upstream(well(usage=usage(10)))
    file = limited(primary, limits={"budget_usd_per_day": 0.03, "budget_usd_per_month": 0.03},
                   ledger=str(tmp_path / "ledger.db"))
    daemon = start(file, env=shim.env)

    def left(period):
        return round(metric(daemon, "understudy_key_budget_left_usd", period=period), 6)

    assert [talk(daemon).status for _ in range(4)] == [200, 200, 200, 429]
    daemon.stop()
    shim.jump(-40 * 86_400)
    daemon = start(file, env=shim.env)
    assert (left("day"), left("month")) == (0.03, 0.03)
    assert talk(daemon).status == 200
    shim.jump(0)
    talk(daemon)  # may be let in: nobody has looked yet
    wait_until(lambda: (left("day"), left("month")) == (0, 0), "what the ledger knows")
    assert talk(daemon).error["code"] == "budget_exceeded" and len(primary.requests) <= 5
    shim.jump(-40 * 86_400)
    assert (left("day"), left("month")) == (0.02, 0.02)
    assert talk(daemon).status == 200


# ---------------------------------------------------------------- sessions

def in_session(name, budget):
    return {"x-understudy-session": name, "x-understudy-session-budget-usd": budget}


def test_a_session_has_the_budget_that_its_client_names(start, upstream, tmp_path):
    primary = upstream(well(usage=usage(10)))
    file = config(primary.entry("primary", price=PRICE), workers=2, ledger=str(tmp_path / "ledger.db"))
    daemon = start(file)

    def say(name="s1", budget="0.03", headers=None):
        return chat(daemon, headers=headers or in_session(name, budget), max_tokens=10)

    assert say(headers={"x-understudy-session": "s1"}).status == 200  # nobody has named one yet
    wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") >= 2, "rows")
    assert say().header("x-understudy-budget-remaining-usd") == "0.01"
    assert say(headers={"x-understudy-session": "s1"}).status == 200  # counts all the same
    refused = say()
    assert refused.status == 429 and refused.error["code"] == "budget_exceeded"
    assert refused.header("x-should-retry") == "false" and refused.header("retry-after") is None
    assert 'session "s1"' in refused.error["message"] and "0.03 USD" in refused.error["message"]
    assert say("s2").status == 200
    assert say(budget="0.2").status == 200  # the client may think better of it
    wait_until(lambda: metric(daemon, "understudy_ledger_rows_total", result="written") >= 12, "rows")
    assert settled(daemon, "understudy_session_budget_denied_total") == 1
    daemon.stop()
    daemon = start(file)
    assert say().error["code"] == "budget_exceeded" and say("s2").status == 200
    assert len(primary.requests) == 6


@pytest.mark.parametrize("headers,said", [
    ({"x-understudy-session-budget-usd": "1"}, "x-understudy-session"),
    (in_session("s", "much"), "amount in dollars"), (in_session("s", "-1"), "amount in dollars"),
    (in_session("s", "nan"), "amount in dollars"), (in_session("s", "1e9"), "amount in dollars"),
    (in_session("s", ""), "amount in dollars")])
def test_a_budget_that_cannot_be_read_is_no_budget(start, upstream, headers, said):
    primary = upstream(well())
    refused = chat(start(config(primary)), headers=headers)
    assert refused.status == 400 and said in refused.error["message"] and not primary.requests


def test_a_request_right_behind_an_answer_finds_what_that_one_cost(start, upstream, tmp_path):
    """Nothing is waited for between them, and each is on a connection of its own."""
    primary = upstream(well(usage=usage(10)))
    daemon = start(config(primary.entry("primary", price=PRICE), workers=2, ledger=str(tmp_path / "ledger.db")))

    def left(session):
        return chat(daemon, headers=in_session(session, "1"), max_tokens=10).header(
            "x-understudy-budget-remaining-usd")

    for i in range(10):
        unbudgeted = {"x-understudy-session": f"s{i}"}
        assert chat(daemon, headers=unbudgeted, max_tokens=10, stream=i % 2 == 0).status == 200
        assert left(f"s{i}") == "0.98"  # of which one answer is in the ledger, or about to be
        assert chat(daemon, headers=unbudgeted, max_tokens=10).status == 200
        assert left(f"s{i}") == "0.96"


def test_a_request_without_a_budget_holds_what_those_beside_it_may_not_spend(start, upstream):
    gate = Gate(well(usage=usage(10)))
    primary = upstream(well(usage=usage(10)))
    daemon = start(config(primary.entry("primary", price=PRICE), workers=2))
    assert chat(daemon, headers=in_session("s", "0.03"), max_tokens=10).status == 200
    primary.answer = gate
    with under_way(lambda: chat(daemon, headers={"x-understudy-session": "s"}, max_tokens=15)) as (first,):
        gate.wait_for(1)
        refused = chat(daemon, headers=in_session("s", "0.03"), max_tokens=10)
        assert refused.status == 429 and refused.error["code"] == "budget_held"
        gate.open.set()
        assert first.result().status == 200
    assert chat(daemon, headers=in_session("s", "0.03"), max_tokens=10).status == 200
    assert chat(daemon, headers=in_session("s", "0.03"), max_tokens=10).error["code"] == "budget_exceeded"


def test_a_request_that_was_under_way_when_its_sessions_budget_came_counts(start, upstream):
    gate = Gate(well(usage=usage(10)))
    primary = upstream(gate)
    daemon = start(config(primary.entry("primary", price=PRICE), workers=2))
    with under_way(lambda: chat(daemon, headers={"x-understudy-session": "s"}, max_tokens=10)) as (first,):
        gate.wait_for(1)
        primary.answer = well(usage=usage(10))
        assert chat(daemon, headers=in_session("s", "0.03"), max_tokens=10).status == 200
        gate.open.set()
        assert first.result().status == 200
    assert chat(daemon, headers=in_session("s", "0.03"), max_tokens=10).header(
        "x-understudy-budget-remaining-usd") == "0"


def test_the_place_of_a_request_is_free_when_its_answer_ends(start, upstream):
    daemon = start(limited(upstream(well()), limits={"requests_in_flight": 1}, workers=2))
    assert [talk(daemon, stream=i % 2 == 0).status for i in range(40)] == [200] * 40
    # Also where the answer is made here.
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
    counted = [ask(daemon, path="/v1/messages/count_tokens", body=body,
                   headers={"Authorization": f"Bearer {KEY}"}).status for _ in range(60)]
    assert counted == [200] * 60


def test_a_burst_of_new_sessions_with_a_budget_is_let_in(start, upstream, tmp_path):
    daemon = start(config(upstream(well(usage=usage(1))).entry("primary", price=PRICE), workers=2,
                          ledger=str(tmp_path / "ledger.db")))
    with ThreadPoolExecutor(64) as pool:
        answers = pool.map(lambda i: chat(daemon, headers=in_session(f"s{i}", "1"), max_tokens=1), range(200))
        assert [answer.status for answer in answers] == [200] * 200


def test_two_keys_have_each_a_session_of_one_name(start, upstream, tmp_path):
    primary = upstream(well(usage=usage(10)))
    file = limited(primary, limits={"requests_per_minute": 100}, ledger=str(tmp_path / "ledger.db"))
    daemon = start(file)

    def say(key):
        return talk(daemon, key=key, headers=in_session("same", "0.02"))

    assert [say(KEY).status for _ in range(3)] == [200, 200, 429]
    assert [say(OTHER).status for _ in range(3)] == [200, 200, 429]
    daemon.stop()
    daemon = start(file)  # as it is in the ledger too
    assert [say(KEY).status, say(OTHER).status] == [429, 429] and len(primary.requests) == 4


def test_parallel_requests_of_a_new_session_share_its_budget(start, upstream):
    primary = upstream(well(usage=usage(10)))
    daemon = start(config(primary.entry("primary", price=PRICE), workers=2))
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: chat(daemon, headers=in_session("new", "0.05"), max_tokens=10),
                                range(30)))
    assert 1 <= sum(a.status == 200 for a in answers) == len(primary.requests) <= 5
    assert {a.error["code"] for a in answers if a.status != 200} <= {"budget_held", "budget_exceeded"}


def test_a_session_and_its_key_both_hold(start, upstream):
    primary = upstream(well(usage=usage(10)))
    daemon = start(limited(primary, limits={"budget_usd_per_day": 0.03}))
    assert [talk(daemon, headers=in_session("a", "0.02")).status for _ in range(2)] == [200, 200]
    refused = talk(daemon, headers=in_session("a", "0.02"))
    assert 'session "a"' in refused.error["message"]
    assert talk(daemon, headers=in_session("b", "0.02")).status == 200
    refused = talk(daemon, headers=in_session("b", "0.02"))
    assert 'key "team-a"' in refused.error["message"]
    assert len(primary.requests) == 3
