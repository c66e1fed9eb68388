"""Headers on their way up and down, whose credentials go where, the x-understudy-* requests and what
the answer tells about itself."""

import json
import re

import pytest

from harness import (Client, ask, chat, chat_body, completion, config, expect_metrics,
                     host_of, metric, settled, ms, plain, plain_and_streamed, request_lines, reset, silent,
                     sse, status, stream_events, well, DONE, ROLE)
from tests.support.daemon import wait_until

CLIENT_KEY = "sk-client-5f2a9c"
UPSTREAM_KEY = "sk-upstream-77e1d0"
JSON_LOG = {"level": "info", "format": "json"}


# --- up

def test_the_upstream_gets_its_own_host_and_a_body_with_a_length(start, upstream):
    primary = upstream()
    chat(start(config(primary)))
    sent = primary.requests[0]
    assert sent.headers("host") == [host_of(primary.url)]
    assert sent.headers("content-length") == [str(len(sent.body))]
    assert sent.headers("content-type") == ["application/json"]
    assert sent.header("accept-encoding") in (None, "identity")
    assert (sent.method, sent.target, sent.version) == ("POST", "/v1/chat/completions", "HTTP/1.1")


def test_headers_of_the_client_are_passed_on(start, upstream):
    primary = upstream()
    headers = [("User-Agent", "OpenAI/Python 3.3.1"), ("X-Stainless-Lang", "python"),
               ("OpenAI-Beta", "a=b"), ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
               ("X-Twice", "one"), ("X-Twice", "two"), ("X-Umlaut", "\xfc")]
    chat(start(config(primary)), headers=headers)
    for name, value in headers:
        assert value in primary.requests[0].headers(name), name


def test_configured_headers_are_added_and_win(start, upstream):
    primary = upstream()
    entry = primary.entry("primary", headers={"OpenAI-Organization": "org-1", "X-Both": "ours"})
    chat(start(config(entry)), headers={"x-both": "theirs", "openai-organization": "org-2"})
    assert primary.requests[0].headers("openai-organization") == ["org-1"]
    assert primary.requests[0].headers("x-both") == ["ours"]


@pytest.mark.row(51)
def test_hop_by_hop_headers_stop_here_in_both_directions(start, upstream):
    primary = upstream(plain(completion(), "Connection: keep-alive, X-Answer-Hop",
                             "Keep-Alive: timeout=5", "X-Answer-Hop: secret",
                             "Proxy-Authenticate: Basic", "X-Answer: kept"))
    got = chat(start(config(primary)), headers=[
        ("Connection", "keep-alive, X-Hop"), ("Keep-Alive", "timeout=5"), ("X-Hop", "secret"),
        ("Proxy-Authorization", "Basic eA=="), ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"), ("Trailer", "X-T"), ("Upgrade", "h2c"), ("X-Kept", "yes")])
    sent = primary.requests[0]
    for name in ("keep-alive", "x-hop", "proxy-authorization", "proxy-connection", "te", "trailer",
                 "upgrade", "transfer-encoding"):
        assert sent.header(name) is None, name
    assert sent.header("x-kept") == "yes" and "x-hop" not in (sent.header("connection") or "")
    for name in ("keep-alive", "x-answer-hop", "proxy-authenticate"):
        assert got.header(name) is None, name
    assert got.header("x-answer") == "kept" and got.status == 200


@pytest.mark.row(51)
@pytest.mark.parametrize("named", ["Authorization", "Content-Length", "Content-Type", "Host",
                                   "Transfer-Encoding"])
def test_connection_cannot_strip_what_carries_meaning(start, upstream, named):
    primary = upstream()
    got = chat(start(config({"name": "primary", "base_url": primary.url, "api_key": UPSTREAM_KEY})),
               headers={"Connection": f"{named}, keep-alive", "Authorization": "Bearer x"})
    assert got.status in (200, 400)
    if got.status == 200:
        sent = primary.requests[0]
        assert sent.header("authorization") == f"Bearer {UPSTREAM_KEY}"
        assert sent.header("content-type") == "application/json" and sent.json["model"] == "m"


@pytest.mark.row(50)
@pytest.mark.parametrize("target,host", [
    ("http://attacker.test/v1/chat/completions", "attacker.test"),
    ("/v1/chat/completions", "attacker.test:9999"),
    ("http://127.0.0.1:1/v1/chat/completions", "127.0.0.1:1"),
    ("/v1/chat/completions", "localhost")])
def test_the_upstream_is_chosen_by_configuration_alone(start, upstream, target, host):
    primary = upstream()
    got = ask(start(config(primary, hosts=["*"])), path=target, body=chat_body(),
              headers={"Host": host, "X-Forwarded-Host": "attacker.test",
                       "X-Original-URL": "http://attacker.test/"})
    assert got.status == 200
    assert primary.requests[0].headers("host") == [host_of(primary.url)]
    assert primary.requests[0].target == "/v1/chat/completions"


# --- whose credentials

@plain_and_streamed
@pytest.mark.row(52)
@pytest.mark.parametrize("name,value", [("Authorization", f"Bearer {CLIENT_KEY}"),
                                        ("x-api-key", CLIENT_KEY), ("api-key", CLIENT_KEY)])
def test_the_clients_key_never_goes_to_an_upstream_with_its_own(start, upstream, name, value,
                                                                stream):
    primary, backup = upstream(status(503)), upstream(well())
    daemon = start(config(primary.entry("primary", api_key=UPSTREAM_KEY),
                          backup.entry("backup", api_key="${BACKUP_KEY}")),
                   env={"BACKUP_KEY": "sk-from-the-environment"})
    chat(daemon, stream=stream, headers={name: value})
    assert primary.requests[0].headers("authorization") == [f"Bearer {UPSTREAM_KEY}"]
    assert backup.requests[0].headers("authorization") == ["Bearer sk-from-the-environment"]
    for server in (primary, backup):
        assert CLIENT_KEY.encode() not in server.connections[0].received


def test_without_a_key_of_its_own_an_upstream_gets_the_clients(start, upstream):
    primary = upstream()
    daemon = start(config(primary.entry("primary", api_key=None)))
    chat(daemon, headers={"Authorization": f"Bearer {CLIENT_KEY}"})
    assert primary.requests[0].headers("authorization") == [f"Bearer {CLIENT_KEY}"]
    chat(daemon)
    assert primary.requests[1].header("authorization") is None


@pytest.mark.row(52)
def test_secrets_are_in_no_log_metric_header_or_error(start, upstream):
    primary, backup = upstream(reset), upstream(status(500))
    text = config(primary.entry("primary", api_key=UPSTREAM_KEY,
                                headers={"X-Extra-Secret": "s3cr3t-header"}),
                  backup.entry("backup", api_key="${BACKUP_KEY}"),
                  keys=[{"name": "team", "key": CLIENT_KEY}], log={"level": "trace"})
    daemon = start(text, env={"BACKUP_KEY": "sk-from-the-environment"})
    auth = {"Authorization": f"Bearer {CLIENT_KEY}"}
    answers = [chat(daemon, headers=auth), chat(daemon, headers=auth, stream=True),
               chat(daemon, headers={"Authorization": "Bearer sk-wrong-guess"}),
               ask(daemon, "GET", "/v1/models", headers=auth), ask(daemon, "GET", "/nowhere")]
    seen = "\n".join(daemon.stderr_lines() + daemon.stdout_lines()) + daemon.metrics_text() \
        + "".join(answer.raw.decode("latin-1") for answer in answers)
    for secret in (CLIENT_KEY, UPSTREAM_KEY, "sk-from-the-environment", "s3cr3t-header",
                   "sk-wrong-guess"):
        assert secret not in seen, f"{secret} leaked"


# --- x-understudy-* on requests

@plain_and_streamed
def test_a_request_may_reorder_or_shorten_its_chain(start, upstream, stream):
    ups = [upstream(well(name)) for name in ("primary", "backup", "third")]
    daemon = start(config(*ups))
    for chain, first in (("backup,primary", "backup"), ("third", "third"),
                         (" backup , third ", "backup"), ("primary", "primary")):
        assert chat(daemon, stream=stream, headers={"x-understudy-chain": chain}).text == first


def test_the_first_of_the_asked_chain_is_the_primary_of_that_request(start, upstream):
    ups = [upstream(well()), upstream(status(503, b"from backup")), upstream(status(500))]
    got = chat(start(config(*ups)), headers={"x-understudy-chain": "backup,third"})
    assert (got.status, got.body) == (503, b"from backup") and not ups[0].requests


@pytest.mark.parametrize("chain", ["nobody", "primary,nobody", "", ",", "primary/other-model"])
def test_a_chain_beyond_what_the_route_allows_is_refused(start, upstream, chain):
    ups = [upstream(), upstream()]
    stranger = upstream()
    daemon = start(config(*ups, stranger.entry("stranger"),
                          route={"chain": ["primary", "backup"]}))
    for asked in (chain, "stranger"):
        got = chat(daemon, headers={"x-understudy-chain": asked})
        assert got.status == 400 and got.error["type"] == "understudy_error", got
    assert not any(server.requests for server in (*ups, stranger))


@plain_and_streamed
def test_fallback_off_gives_the_primarys_answer_whatever_it_is(start, upstream, stream):
    primary, backup = upstream(status(503, b"{}")), upstream()
    daemon = start(config(primary, backup))
    got = chat(daemon, stream=stream, headers={"x-understudy-fallback": "off"})
    assert (got.status, got.body) == (503, b"{}") and not backup.requests
    assert chat(daemon, stream=stream, headers={"x-understudy-fallback": "on"}).status == 200


@plain_and_streamed
def test_a_request_may_bring_its_own_deadline(start, upstream, stream):
    daemon = start(config(upstream(silent), upstream()))
    got = chat(daemon, stream=stream, headers={"x-understudy-deadline": ms(300)})
    assert got.status == 504 and got.error["code"] == "deadline_exceeded"


@pytest.mark.parametrize("name,value", [("x-understudy-deadline", "soon"),
                                        ("x-understudy-deadline", "-1s"),
                                        ("x-understudy-deadline", "0s"),
                                        ("x-understudy-fallback", "perhaps")])
def test_a_nonsensical_override_is_refused(start, upstream, name, value):
    primary = upstream()
    got = chat(start(config(primary)), headers={name: value})
    assert got.status == 400 and name in got.error["message"] and not primary.requests


def test_our_request_headers_do_not_travel_upstream(start, upstream):
    primary = upstream()
    chat(start(config(primary)), headers={
        "x-understudy-chain": "primary", "X-Understudy-Deadline": "20s",
        "x-understudy-fallback": "off", "X-UNDERSTUDY-SESSION": "s1", "x-understudy-other": "x"})
    assert not [n for n, _ in primary.requests[0].fields if n.lower().startswith("x-understudy")]


# --- on answers

@plain_and_streamed
def test_an_answer_says_who_served_it_and_what_was_tried(start, upstream, stream):
    primary, backup = upstream(status(429)), upstream(well())
    daemon = start(config(primary.entry("openai", model="gpt-4o"), backup.entry("spare"),
                          route={"chain": ["openai", "spare/openai/gpt-4o-mini"]}))
    got = chat(daemon, stream=stream)
    assert got.header("x-understudy-upstream") == "spare"
    assert got.header("x-understudy-model") == "openai/gpt-4o-mini"
    assert got.header("x-understudy-attempts") == "2"
    assert re.fullmatch(r"openai/gpt-4o;rate_limit;429;\d+ms, "
                        r"spare/openai/gpt-4o-mini;ok;200;\d+ms", got.header("x-understudy-trace"))


@plain_and_streamed
def test_an_attempt_without_an_answer_is_in_the_trace_too(start, upstream, stream):
    got = chat(start(config(upstream(reset), upstream())), stream=stream)
    first, second = got.trace
    assert first[:2] == ["primary/m", "connection"] and first[2] in ("", "-", "0")
    assert second[:3] == ["backup/m", "ok", "200"]


def test_an_upstream_cannot_forge_our_headers(start, upstream):
    forged = plain(completion(), "x-understudy-upstream: forged", "X-Understudy-Attempts: 99",
                   "x-understudy-trace: forged", "x-understudy-cost-usd: 1",
                   "x-litellm-response-cost: 1")
    got = chat(start(config(upstream(forged))))
    assert got.headers("x-understudy-upstream") == ["primary"]
    assert got.headers("x-understudy-attempts") == ["1"]
    assert "forged" not in (got.header("x-understudy-trace") or "")
    assert len(got.headers("x-understudy-cost-usd")) <= 1
    assert "1" not in got.headers("x-understudy-cost-usd")


@plain_and_streamed
def test_a_request_id_is_passed_on_or_made(start, upstream, stream):
    primary = upstream()
    daemon = start(config(primary))
    got = chat(daemon, stream=stream, headers={"X-Request-Id": "req-42"})
    assert got.headers("x-request-id") == ["req-42"]
    assert primary.requests[0].headers("x-request-id") == ["req-42"]
    made = [chat(daemon, stream=stream).headers("x-request-id") for _ in range(3)]
    assert all(len(ids) == 1 and len(ids[0]) >= 8 for ids in made)
    assert len({ids[0] for ids in made}) == 3
    assert primary.requests[1].headers("x-request-id") == made[0]


@pytest.mark.parametrize("hostile", ["a" * 5000, "x y", 'quo"te', "\xfc", "a\tb"])
def test_a_hostile_request_id_cannot_break_anything(start, upstream, hostile):
    daemon = start(config(upstream(), log=JSON_LOG))
    got = chat(daemon, headers={"X-Request-Id": hostile})
    assert got.status in (200, 400)
    assert all(len(value) < 1000 for value in got.headers("x-request-id"))


def test_errors_made_here_carry_a_request_id_and_openais_shape(start, upstream):
    daemon = start(config(upstream(), route={"model": "known"}))
    for got in (chat(daemon, model="unknown"), ask(daemon, "GET", "/nowhere"),
                ask(daemon, body=b"{")):
        assert got.header("x-request-id") and got.error["type"] == "understudy_error"
        assert set(got.error) == {"message", "type", "param", "code"}


def test_the_cost_is_told_where_the_answer_was_complete_before_its_head(start, upstream):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
             "prompt_tokens_details": {"cached_tokens": 400},
             "completion_tokens_details": {"reasoning_tokens": 60}}
    primary, backup = upstream(status(500)), upstream(well(usage=usage))
    price = {"input": 2.0, "output": 10.0, "cache_read": 0.5, "cache_write": 0}
    daemon = start(config(primary, backup.entry("backup", model="m2", price=price)))
    got = chat(daemon)
    cost = (600 * 2.0 + 400 * 0.5 + 100 * 10.0) / 1e6
    assert float(got.header("x-understudy-cost-usd")) == pytest.approx(cost, rel=1e-9)
    assert got.header("x-litellm-response-cost") == got.header("x-understudy-cost-usd")
    streamed = chat(daemon, stream=True)
    assert streamed.header("x-understudy-cost-usd") is None
    for amount, labels in ((1200, {"type": "input"}), (800, {"type": "cache_read"}),
                           (80, {"type": "output"}), (120, {"type": "reasoning"})):
        expect_metrics(daemon, (amount, "understudy_tokens_total", {"upstream": "backup",
                                                                    "model": "m2", **labels}))
    assert settled(daemon, "understudy_cost_usd_total", upstream="backup") == \
        pytest.approx(2 * cost, rel=1e-9)
    assert settled(daemon, "understudy_tokens_total", upstream="primary") == 0


def test_an_answer_without_usage_claims_no_cost(start, upstream):
    price = {"input": 2.0, "output": 10.0}
    daemon = start(config(upstream(well(usage=None)).entry("primary", model="m1", price=price)))
    got = chat(daemon)
    assert got.header("x-understudy-cost-usd") in (None, "0") or \
        metric(daemon, "understudy_cost_usd_total", source="reported") == 0
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {"upstream": "primary",
                                                                  "model": "m1"}))


# --- the access record

def test_every_request_has_one_line_in_the_log(start, upstream):
    primary, backup = upstream(status(429)), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2"),
                          log=JSON_LOG))
    ids = [chat(daemon, stream=stream, headers={"x-request-id": f"line-{stream}"}).header(
        "x-request-id") for stream in (False, True)]
    chat(daemon, headers={"x-request-id": "line-bad"}, stream=3)
    expect_metrics(daemon)

    def lines(wanted):
        return [r for r in request_lines(daemon) if wanted in json.dumps(r)]
    for wanted in ids:
        wait_until(lambda: lines(wanted), f"a line for {wanted}")
        (line,) = lines(wanted)
        text = json.dumps(line)
        assert "rate_limit" in text and "backup" in text, line


def test_text_logs_hold_one_line_per_request_too(start, upstream):
    daemon = start(config(upstream()))
    for i in range(3):
        with Client(daemon) as client:
            client.ask(body=chat_body(), headers={"x-request-id": f"text-{i}-id"})
            client.response()
    expect_metrics(daemon)
    for i in range(3):
        wait_until(lambda: [x for x in daemon.stderr_lines() + daemon.stdout_lines()
                            if f"text-{i}-id" in x], "the line")
        assert len([x for x in daemon.stderr_lines() + daemon.stdout_lines()
                    if f"text-{i}-id" in x]) == 1


def test_a_log_line_cannot_be_forged_through_a_header(start, upstream):
    daemon = start(config(upstream(sse([ROLE, *stream_events("x", None)[1:], DONE])), log=JSON_LOG))
    chat(daemon, model='evil"}\n{"forged": 1}')
    expect_metrics(daemon)
    assert not any("forged" in record for record in request_lines(daemon))
