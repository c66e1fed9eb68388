"""Section 10: after a known scenario every counter has its exact value, whatever clients send the
number of series stays bounded, and Prometheus's own linter has no complaint."""

import shutil
import signal
import subprocess

import pytest

from harness import (ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk, completion, config,
                     event, expect_metrics, in_turn, metric, plain, plain_and_streamed, reset,
                     silent, sse, status, steps, usage_event, well, FINISH, DONE)
from tests.support.daemon import wait_until

DETAILED = {"prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
            "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 250}}


def requests(outcome, count=1):
    return (count, "understudy_requests_total", {"outcome": outcome})


def attempts(upstream, reason, count=1):
    return (count, "understudy_attempts_total", {"upstream": upstream, "reason": reason})


@plain_and_streamed
def test_a_failover_is_counted_once_in_every_place(start, upstream, stream):
    primary, backup = upstream(status(429)), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2"),
                          route={"model": "gpt-*"}))
    for _ in range(3):
        chat(daemon, stream=stream, model="gpt-4o")
    labels = {"upstream": "backup", "model": "m2"}
    expect_metrics(
        daemon, requests("fallback", 3), (3, "understudy_requests_total", {"route": "gpt-*"}),
        attempts("primary", "rate_limit", 3), attempts("backup", "ok", 3),
        (6, "understudy_attempts_total", {}),
        (3, "understudy_failovers_total", {"reason": "rate_limit"}),
        (3, "understudy_failovers_total", {}),
        (36, "understudy_tokens_total", {**labels, "type": "input"}),
        (15, "understudy_tokens_total", {**labels, "type": "output"}),
        (51, "understudy_tokens_total", {}),
        (3, "understudy_request_duration_seconds_count", {"route": "gpt-*"}),
        (3, "understudy_attempt_duration_seconds_count", labels),
        (3 if stream else 0, "understudy_time_to_first_token_seconds_count", labels))
    metrics = daemon.metrics()
    (failover,) = [labels for labels in metrics.labels("understudy_failovers_total")
                   if metrics.value("understudy_failovers_total", **labels)]
    assert failover["from"].startswith("primary") and failover["to"].startswith("backup")


@plain_and_streamed
def test_the_kinds_of_tokens_are_disjoint(start, upstream, stream):
    daemon = start(config(upstream(well(usage=DETAILED)).entry("primary", model="m1")))
    chat(daemon, stream=stream)
    expect_metrics(daemon, *[
        (count, "understudy_tokens_total", {"type": kind, "source": "reported"})
        for kind, count in (("input", 300), ("cache_read", 600), ("cache_write", 100),
                            ("output", 50), ("reasoning", 250))],
        (1300, "understudy_tokens_total", {}), (0, "understudy_usage_missing_total", {}))


def test_each_outcome_has_its_name(start, upstream):
    primary = upstream(lambda c, r: {
        "ok": well(), "bad": lambda c, r: c.send(status(400)), "down": reset,
        "hang": silent, "down-both": reset}[r.model](c, r))
    backup = upstream(lambda c, r: reset(c) if r.model == "down-both" else well()(c, r))
    daemon = start(config(primary, backup))
    for model, outcome in (("ok", "primary"), ("down", "fallback"), ("bad", "client_error"),
                           ("down-both", "exhausted")):
        chat(daemon, model=model)
        expect_metrics(daemon, requests(outcome))
    with Client(daemon) as client:
        client.ask(body=chat_body(model="hang"))
        primary.wait_requests(5)
    expect_metrics(daemon, requests("client_closed"), (5, "understudy_requests_total", {}))
    with Client(daemon) as client:
        client.ask(body=b"{")
        assert client.response().status == 400
    expect_metrics(daemon, requests("rejected"), (6, "understudy_requests_total", {}))


def test_what_is_in_flight_is_seen_and_goes_back_to_zero(start, upstream):
    primary = upstream(steps(SSE_HEAD, chunk(event({"content": "x"})), silent))
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.body(client.head(), until=lambda r: r.body)
        assert metric(daemon, "understudy_inflight_requests") == 1
        assert metric(daemon, "understudy_upstream_connections", state="active") == 1
        assert metric(daemon, "understudy_connections") >= 1
    expect_metrics(daemon, (0, "understudy_upstream_connections", {"state": "active"}))


def test_failed_attempts_are_not_billed(start, upstream):
    price = {"input": 1.0, "output": 1.0}
    broken = steps(SSE_HEAD, chunk(ROLE), reset)
    primary, backup = upstream(broken), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1", price=price),
                          backup.entry("backup", model="m2", price=price)))
    chat(daemon, stream=True)
    expect_metrics(daemon, (0, "understudy_tokens_total", {"upstream": "primary",
                                                           "source": "reported"}),
                   (17e-6, "understudy_cost_usd_total", {"upstream": "backup"}),
                   (17e-6, "understudy_cost_usd_total", {"source": "reported"}))


def test_usage_that_came_before_a_stream_broke_is_counted(start, upstream):
    broken = steps(SSE_HEAD, chunk(event({"content": "x"})), chunk(usage_event()), reset)
    daemon = start(config(upstream(broken).entry("primary", model="m1")))
    chat(daemon, stream=True)
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input"}),
                   (5, "understudy_tokens_total", {"type": "output"}))


@plain_and_streamed
@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": None}],
                         ids=["absent", "empty", "null"])
def test_usage_that_says_nothing_is_missing_not_zero(start, upstream, usage, stream):
    answer = well(usage=usage) if not stream else \
        sse([ROLE, event({"content": "x"}), FINISH,
             *([usage_event(usage)] if usage is not None else []), DONE])
    daemon = start(config(upstream(answer).entry("primary", model="m1")))
    assert chat(daemon, stream=stream).status == 200
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {"upstream": "primary",
                                                                  "model": "m1"}),
                   (0, "understudy_tokens_total", {"source": "reported"}))


@plain_and_streamed
@pytest.mark.parametrize("usage", [
    '{"prompt_tokens":-5,"completion_tokens":-1,"total_tokens":-6}',
    '{"prompt_tokens":"many","completion_tokens":[],"total_tokens":{}}',
    '{"prompt_tokens":1e999,"completion_tokens":99999999999999999999}', '"none"', "[1,2]", "true"])
def test_nonsense_in_usage_neither_breaks_the_answer_nor_the_counters(start, upstream, usage,
                                                                      stream):
    body = b'{"id":"x","object":"o","choices":[{"index":0,"message":{"content":"Fine."},' \
           b'"finish_reason":"stop"}],"usage":%s}' % usage.encode()
    answer = plain(body) if not stream else sse(
        [ROLE, event({"content": "Fine."}), FINISH,
         b'data: {"choices":[],"usage":%s}\n\n' % usage.encode(), DONE])
    daemon = start(config(upstream(answer).entry("primary", model="m1")))
    assert chat(daemon, stream=stream).text == "Fine."
    assert 0 <= metric(daemon, "understudy_tokens_total") < 1e21


@plain_and_streamed
@pytest.mark.parametrize("member", ['"completion_tokens":-3', '"completion_tokens":1.5',
                                    '"completion_tokens":"5"', '"completion_tokens":100000001',
                                    '"completion_tokens":5,"cost":-1'])
def test_usage_with_one_impossible_number_is_missing_as_a_whole(start, upstream, member, stream):
    usage = b'{"prompt_tokens":12,%s}' % member.encode()
    body = b'{"choices":[{"message":{"content":"Fine."},"finish_reason":"stop"}],' \
           b'"usage":%s}' % usage
    answer = plain(body) if not stream else sse(
        [ROLE, event({"content": "Fine."}), FINISH, b'data: {"choices":[],"usage":%s}\n\n' % usage,
         DONE])
    daemon = start(config(upstream(answer).entry("primary", model="m1")))
    assert chat(daemon, stream=stream).text == "Fine."
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {"model": "m1"}),
                   (0, "understudy_tokens_total", {"source": "reported"}),
                   (0, "understudy_cost_usd_total", {}))


def test_the_last_usage_of_a_stream_counts_though_it_is_the_smaller(start, upstream):
    blocks = [{"prompt_tokens": 12, "completion_tokens": 9, "prompt_tokens_details":
               {"cached_tokens": 4}}, {"prompt_tokens": 12, "completion_tokens": 5}]
    answer = sse([ROLE, event({"content": "x"}), FINISH, *map(usage_event, blocks), DONE])
    daemon = start(config(upstream(answer).entry("primary", model="m1")))
    chat(daemon, stream=True)
    expect_metrics(daemon, (5, "understudy_tokens_total", {"type": "output"}),
                   (8, "understudy_tokens_total", {"type": "input"}),
                   (4, "understudy_tokens_total", {"type": "cache_read"}))


def test_a_thousand_made_up_models_make_no_thousand_series(start, upstream):
    primary = upstream(well())
    daemon = start(config(
        primary.entry("primary"), primary.entry("named", model="configured-model"),
        routes=[{"model": "configured-model", "chain": ["named"]},
                {"model": "*", "chain": ["primary"]}]))
    chat(daemon, model="configured-model")
    with Client(daemon) as client:
        for i in range(1000):
            client.ask(body=chat_body(model=f"made-up-{i}"),
                       headers={"x-understudy-session": f"s{i}", "x-request-id": f"r{i}-abcdef"})
            assert client.response().status == 200
    for i in range(10):
        assert ask(daemon, path=f"/v1/nowhere-{i}", body=b"{}").status == 404
    # The upstream says yes to all of them; a hundred names are all that it is believed.
    expect_metrics(daemon, (900, "understudy_attempts_total", {"model": "other"}),
                   (1, "understudy_attempts_total", {"model": "made-up-99"}),
                   (1, "understudy_attempts_total", {"model": "configured-model"}))
    text = daemon.metrics_text()
    assert "made-up-100" not in text and "nowhere" not in text


def test_a_model_is_a_label_once_an_upstream_has_answered_it_and_not_before(start, upstream):
    primary = upstream(lambda c, r: c.send(
        status(404) if r.model.startswith("no-such") else plain(completion("Yes."))))
    daemon = start(config(primary.entry("primary"), workers=2))
    for i in range(20):
        assert chat(daemon, model=f"no-such-{i}").status == 404
    for _ in range(8):  # over both workers
        assert chat(daemon, model="gpt-real").status == 200
    expect_metrics(daemon, (8, "understudy_attempts_total", {"model": "gpt-real", "reason": "ok"}),
                   (20, "understudy_attempts_total", {"model": "other", "reason": "not_found"}),
                   (96, "understudy_tokens_total", {"model": "gpt-real", "type": "input"}))
    assert "no-such" not in daemon.metrics_text()
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") == 1,
               "the reload")
    chat(daemon, model="gpt-real")
    expect_metrics(daemon, (9, "understudy_attempts_total", {"model": "gpt-real"}))


def test_all_that_the_configuration_names_is_there_at_zero_before_anything_happens(start, upstream):
    price = {"input": 1.0, "output": 1.0}
    daemon = start(config(
        upstream().entry("one", model="m1", price=price), upstream().entry("two", model="m2"),
        upstream().entry("three"), routes=[
            {"model": "gpt-*", "chain": ["one", "two", "three"],
             "fallback_on": ["rate_limit", "timeout"]}]))
    metrics = daemon.metrics()

    def values(name, **labels):
        return [metrics.value(name, **found) for found in metrics.labels(name)
                if labels.items() <= found.items()]
    reasons = {found["reason"] for found in metrics.labels("understudy_attempts_total")}
    assert {"ok", "timeout", "rate_limit", "auth", "client_closed"} <= reasons
    for name, model in (("one", "m1"), ("two", "m2"), ("three", "other")):
        labels = {"upstream": name, "model": model}
        assert values("understudy_attempts_total", **labels) == [0] * len(reasons)
        assert values("understudy_tokens_total", **labels) == [0] * 10
        assert values("understudy_usage_missing_total", **labels) == [0]
    assert values("understudy_cost_usd_total", upstream="one") == [0, 0]
    assert not values("understudy_cost_usd_total", upstream="two")  # what it costs is not known
    assert values("understudy_requests_total", route="gpt-*") == [0] * 7
    left = {(found["from"], found["to"], found["reason"])
            for found in metrics.labels("understudy_failovers_total")}
    assert {reason for came, to, reason in left if came == "one"} == {
        "rate_limit", "timeout", "unsupported"}
    assert ("two", "three", "auth") in left and ("two", "three", "client_closed") not in left
    assert {(came, to) for came, to, _ in left} == {("one", "two"), ("two", "three")}
    assert not any(values("understudy_failovers_total"))


def test_usage_is_missing_only_where_an_answer_came_to_its_end_without_it(start, upstream):
    whole = [ROLE, event({"content": "x"}), FINISH, DONE]
    primary = upstream(lambda c, r: {
        "whole": lambda c, r: c.send(sse(whole)),
        "broken": steps(SSE_HEAD, chunk(event({"content": "x"})), reset),
        "left": steps(SSE_HEAD, chunk(event({"content": "x"})), silent)}[r.model](c, r))
    daemon = start(config(primary.entry("primary")))
    chat(daemon, stream=True, model="broken")
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True, model="left"))
        client.body(client.head(), until=lambda r: b'"x"' in r.body)
    expect_metrics(daemon, (2, "understudy_attempts_total", {}),
                   (0, "understudy_usage_missing_total", {}))
    chat(daemon, stream=True, model="whole")
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {"model": "whole"}),
                   (1, "understudy_usage_missing_total", {}))


def test_a_hostile_model_name_cannot_break_the_exposition(start, upstream):
    hostile = 'a"} 1 # HELP \\n\\'
    primary = upstream(well())
    daemon = start(config(primary.entry("primary", model=hostile)))
    chat(daemon)
    expect_metrics(daemon)
    assert r'''model="a\"} 1 # HELP \\n\\"''' in daemon.metrics_text()


def test_promtool_has_no_complaint_about_a_live_scrape(start, upstream):
    tool = shutil.which("promtool")
    if not tool:
        pytest.skip("promtool (Debian package prometheus) is not installed")
    primary = upstream(in_turn(status(503), reset, well()))
    daemon = start(config(primary.entry("primary", model="m1", price={"input": 1, "output": 1}),
                          upstream(well(usage=None)).entry("backup", model="m2")))
    for i in range(4):
        chat(daemon, stream=bool(i % 2))
    done = subprocess.run([tool, "check", "metrics"], input=daemon.metrics_text().encode(),
                          capture_output=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr.decode()


def test_histograms_are_cumulative_and_agree_with_their_counts(start, upstream):
    daemon = start(config(upstream().entry("primary", model="m1")))
    for i in range(10):
        chat(daemon, stream=bool(i % 2))
    expect_metrics(daemon, requests("primary", 10))
    metrics = daemon.metrics()
    for name in ("understudy_request_duration_seconds", "understudy_attempt_duration_seconds",
                 "understudy_time_to_first_token_seconds", "understudy_overhead_seconds",
                 "gen_ai_client_operation_duration_seconds"):
        buckets = [(float(labels["le"]), metrics.value(f"{name}_bucket", **labels))
                   for labels in metrics.labels(f"{name}_bucket")]
        assert buckets, name
        counts = [count for _, count in sorted(buckets)]
        assert counts == sorted(counts)
        assert counts[-1] == metrics.value(f"{name}_count") == (
            5 if "first_token" in name or "overhead" in name else 10), name
        assert metrics.value(f"{name}_sum") >= 0
    assert metrics.value("gen_ai_client_token_usage_sum") == 10 * 17


def test_figures_of_the_build_and_the_process_are_there(start, upstream):
    daemon = start(config(upstream()))
    metrics = daemon.metrics()
    (build,) = metrics.labels("understudy_build_info")
    assert build["version"] and metrics.value("understudy_build_info") == 1
    assert metrics.value("process_resident_memory_bytes") > 1_000_000
    assert metrics.value("process_open_fds") > 3
    assert metrics.value("process_start_time_seconds") > 1e9
    assert metrics.value("process_cpu_seconds_total") >= 0


def test_a_scrape_while_requests_run_disturbs_nobody(start, upstream):
    daemon = start(config(upstream(), workers=2))
    with Client(daemon) as client:
        for _ in range(50):
            client.ask(body=chat_body())
            assert client.response().status == 200
            assert "understudy_requests_total" in daemon.metrics_text()
    expect_metrics(daemon, requests("primary", 50))
