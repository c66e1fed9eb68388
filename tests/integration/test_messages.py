"""Anthropic's Messages at /v1/messages, on upstreams that speak it: every byte passes as it came, and the
failover, the commit, the books and the errors are those of any other request."""

import json
import threading
import time

import pytest

from harness import (LAST_CHUNK, QUIET, SSE_HEAD, Client, ask, chat_body, chunk, close, config,
                     expect_metrics, get, head, metric, plain, plain_and_streamed, reset, seconds,
                     silent, status, steps, timeouts, well)
from natives import (MESSAGE_PING, MESSAGE_STOP, MESSAGE_USAGE, anthropic, anthropic_error,
                     block_delta, block_start, block_stop, events, message, message_body,
                     message_delta, message_events, message_start, native, text_delta, tool_events,
                     typed)

PATH = "/v1/messages"
HEADERS = {"anthropic-version": "2023-06-01", "x-api-key": "sk-client"}
# What is said for a server that forgets it.
THE_END = b'\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'


def two(start, primary, backup, *, route=None, primary_settings=None, **top):
    return start(config(native(primary, "primary", "messages", **(primary_settings or {})),
                        native(backup, "backup", "messages", model="claude-backup"),
                        route=route, **top))


def send(daemon, stream=False, path=PATH, headers=(), **more):
    return ask(daemon, path=path, body=message_body(stream, **more),
               headers={**HEADERS, **dict(headers)})


# --- byte for byte

def test_a_request_reaches_its_upstream_as_it_was_and_so_does_the_answer(start, upstream):
    body = (b'{ "model":"claude-m" ,"max_tokens": 64,"system":[{"type":"text","text":"Be brief.",'
            b'"cache_control":{"type":"ephemeral","ttl":"1h"}}],\n"messages":[{"role":"assistant",'
            b'"content":[{"type":"thinking","thinking":"","signature":"EqQB\\u002f=="}]}],'
            b'"unknown_field":{"b":1.50,"a":[]}}')
    answer = message(content=[{"type": "thinking", "thinking": "x", "signature": "Eq"},
                              {"type": "text", "text": "Caf\u00e9"}])
    primary = upstream(plain(answer, "request-id: req_upstream",
                             "anthropic-ratelimit-requests-remaining: 9"))
    daemon = start(config(native(primary, "primary", "messages")))
    got = ask(daemon, path=PATH + "?beta=true", body=body, headers={
        **HEADERS, "anthropic-beta": "context-management-2025-06-27,effort-2025-11-24",
        "Authorization": "Bearer sk-client", "X-Claude-Code-Session-Id": "s-1"})
    assert (got.status, got.body) == (200, answer)
    assert got.header("request-id") == "req_upstream"
    assert got.header("anthropic-ratelimit-requests-remaining") == "9"
    assert got.header("x-understudy-upstream") == "primary"
    sent = primary.requests[0]
    assert sent.target == "/v1/messages?beta=true" and sent.body == body
    assert sent.headers("x-api-key") == ["sk-primary"] and sent.header("authorization") is None
    assert sent.header("anthropic-version") == "2023-06-01"
    assert sent.header("anthropic-beta") == "context-management-2025-06-27,effort-2025-11-24"
    assert sent.header("x-claude-code-session-id") == "s-1"


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_arrives_byte_for_byte_however_it_is_cut(start, upstream, size):
    text = b"".join(tool_events())
    answer = SSE_HEAD + b"".join(chunk(text[i:i + size]) for i in range(0, len(text), size)) \
        + LAST_CHUNK
    primary = upstream(lambda connection, request: connection.pieces(answer, max(size * 3, 50)))
    got = send(start(config(native(primary, "primary", "messages"))), stream=True)
    assert got.body == text and got.ended == "whole"
    assert "stream_options" not in primary.requests[0].json


def test_only_the_model_changes_for_an_entry_that_names_another(start, upstream):
    primary, backup = upstream(status(529, anthropic_error("overloaded_error"))), upstream(anthropic())
    body = b'{"max_tokens":1, "model" : "claude-m","messages":[]}'
    got = ask(two(start, primary, backup), path=PATH, body=body, headers=HEADERS)
    assert got.json["content"][0]["text"] == "It works."
    assert primary.requests[0].body == body
    assert backup.requests[0].body == body.replace(b'"claude-m"', b'"claude-backup"')
    assert got.header("x-understudy-model") == "claude-backup"


def test_a_configured_rewrite_holds_for_messages_too(start, upstream):
    primary = upstream(anthropic())
    send(start(config(native(primary, "primary", "messages", body={
        "set": {"service_tier": "standard_only"}, "drop": ["top_k"]}))), top_k=4)
    sent = primary.requests[0].json
    assert sent["service_tier"] == "standard_only" and "top_k" not in sent


def test_a_key_may_be_sent_as_a_bearer_token_where_a_header_says_so(start, upstream):
    primary = upstream(anthropic())
    entry = native(primary, "primary", "messages", api_key=None,
                   headers={"Authorization": "Bearer sk-own", "anthropic-version": "2023-06-01"})
    ask(start(config(entry)), path=PATH, body=message_body(), headers={"x-api-key": "sk-client"})
    sent = primary.requests[0]
    assert sent.header("authorization") == "Bearer sk-own" and sent.header("x-api-key") is None
    assert sent.headers("anthropic-version") == ["2023-06-01"]


def test_a_clients_own_key_passes_where_the_upstream_has_none(start, upstream):
    primary = upstream(anthropic())
    send(start(config(native(primary, "primary", "messages", api_key=None))))
    assert primary.requests[0].headers("x-api-key") == ["sk-client"]


def test_tokens_are_counted_by_an_upstream_with_failover_and_without_books(start, upstream):
    primary, backup = upstream(status(500)), upstream(plain({"input_tokens": 12}))
    daemon = two(start, primary, backup)
    got = send(daemon, path=PATH + "/count_tokens")
    assert got.json == {"input_tokens": 12}
    assert backup.requests[0].target == "/v1/messages/count_tokens"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (0, "understudy_usage_missing_total", {}))


# --- failover

FAILURES = [
    ("500", "server_error", status(500, anthropic_error())),
    ("529", "server_error", status(529, anthropic_error("overloaded_error", "Overloaded"))),
    ("429", "rate_limit", status(429, anthropic_error("rate_limit_error", "Slow down"))),
    ("402", "quota", status(402, anthropic_error("billing_error", "Pay"))),
    ("no credit", "quota", status(400, anthropic_error(
        "invalid_request_error", "Your credit balance is too low to access the Anthropic API."))),
    ("spend limit", "quota", status(429, anthropic_error(
        "rate_limit_error", "Limit", error_code="enforced_spend_limit_reached"))),
    ("504", "timeout", status(504, anthropic_error("timeout_error"))),
    ("reset", "connection", reset),
    ("closed", "connection", close),
    ("HTML", "malformed", plain("<html>502</html>", content_type="text/html")),
    ("empty", "malformed", plain(b"")),
    ("an error inside", "malformed", plain(anthropic_error("overloaded_error"))),
    ("no content", "malformed", plain({"type": "message", "role": "assistant"})),
]


@plain_and_streamed
@pytest.mark.parametrize("reason, answer", [row[1:] for row in FAILURES],
                         ids=[row[0] for row in FAILURES])
def test_a_failing_primary_is_not_seen(start, upstream, reason, answer, stream):
    primary, backup = upstream(answer), upstream(anthropic("From the backup."))
    daemon = two(start, primary, backup)
    got = send(daemon, stream)
    expected = b"".join(message_events("From the backup.")) if stream else message("From the backup.")
    assert (got.status, got.body) == (200, expected)
    trace = got.header("x-understudy-trace")
    assert trace.startswith(f"primary/claude-m;{reason};") and ";ok;200;" in trace
    expect_metrics(daemon,
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": reason}),
                   (1, "understudy_failovers_total", {"from": "primary", "reason": reason}))


@plain_and_streamed
def test_a_silent_primary_is_left_in_time(start, upstream, stream):
    primary, backup = upstream(silent), upstream(anthropic())
    daemon = two(start, primary, backup, primary_settings={
        "timeouts": timeouts(first_token=300, response=300)})
    got = send(daemon, stream)
    assert got.status == 200 and "timeout" in got.header("x-understudy-trace")


@pytest.mark.parametrize("code, kind, text", [
    (400, "invalid_request_error", "max_tokens: Field required"),
    (400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
    (401, "authentication_error", "invalid x-api-key"), (403, "permission_error", "no"),
    (404, "not_found_error", "model: claude-m"), (413, "request_too_large", "too large")])
@plain_and_streamed
def test_an_error_that_is_the_clients_reaches_it_as_it_was(start, upstream, code, kind, text, stream):
    body = anthropic_error(kind, text)
    primary, backup = upstream(status(code, body)), upstream(anthropic())
    got = send(two(start, primary, backup), stream)
    assert (got.status, got.body) == (code, body) and not backup.requests


def test_when_all_fail_the_primarys_error_is_the_answer_in_its_own_shape(start, upstream):
    body = anthropic_error("overloaded_error", "Overloaded")
    primary, backup = upstream(status(529, body)), upstream(status(500, anthropic_error()))
    got = send(two(start, primary, backup))
    assert (got.status, got.body) == (529, body)
    assert got.header("x-should-retry") == "false"


def test_an_error_event_in_place_of_content_falls_back_or_leaves_as_an_error(start, upstream):
    error = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})
    for before in ([], [message_start()], [message_start(), block_start(), MESSAGE_PING]):
        primary = upstream(events([*before, error]))
        got = send(two(start, primary, upstream(anthropic())), stream=True)
        assert got.body == b"".join(message_events()), before
    got = send(start(config(native(primary, "primary", "messages"), route={"retries": 0})), stream=True)
    assert got.status == 503 and got.json["error"] == {"type": "overloaded_error",
                                                       "message": "Overloaded"}


def test_an_error_event_behind_words_that_were_not_sent_yet_leaves_as_an_error(start, upstream):
    error = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})
    primary = upstream(SSE_HEAD + chunk(message_start() + block_start() + text_delta("Hi") + error)
                       + LAST_CHUNK)
    got = send(start(config(native(primary, "primary", "messages"), route={"retries": 0})), stream=True)
    assert got.status == 503 and got.json["error"] == {"type": "overloaded_error",
                                                       "message": "Overloaded"}


# --- the commit, and what comes behind it

@pytest.mark.parametrize("held", [
    [message_start()], [message_start(), block_start()],
    [message_start(), MESSAGE_PING, block_start(0, type="thinking", thinking="", signature="")],
    [message_start(), block_start(), block_stop(), MESSAGE_PING]],
    ids=["start", "block", "thinking", "an empty block"])
def test_nothing_reaches_the_client_before_the_first_content(start, upstream, held):
    primary = upstream(steps(SSE_HEAD, *map(chunk, held), silent))
    with Client(start(config(native(primary, "primary", "messages")))) as client:
        client.ask(path=PATH, body=message_body(True), headers=HEADERS)
        primary.wait_requests(1)
        assert client.quiet(QUIET * 2)


@pytest.mark.parametrize("first", [
    text_delta("x"), block_delta(type="thinking_delta", thinking="x"),
    block_delta(type="input_json_delta", partial_json="{"),
    block_start(type="tool_use", id="toolu_1", name="f", input={}),
    block_start(type="redacted_thinking", data="Eq")],
    ids=["text", "thinking", "arguments", "call", "redacted"])
def test_the_first_content_commits(start, upstream, first):
    held = message_start() + block_start() + MESSAGE_PING
    primary = upstream(steps(SSE_HEAD, chunk(held + first), silent))
    with Client(start(config(native(primary, "primary", "messages")))) as client:
        client.ask(path=PATH, body=message_body(True), headers=HEADERS)
        got = client.body(client.head(), until=lambda r: first in r.body)
        assert got.status == 200 and got.body == held + first


@pytest.mark.parametrize("end", [close, reset], ids=["close", "reset"])
def test_a_stream_that_is_cut_anywhere_never_looks_whole(start, upstream, end):
    whole = tool_events()
    for cut in range(len(whole)):
        sent = b"".join(whole[:cut])
        primary = upstream(steps(SSE_HEAD, *( [chunk(sent)] if sent else []), end))
        backup = upstream(anthropic())
        got = send(two(start, primary, backup), stream=True)
        if got.body == b"".join(message_events()):
            # Nothing had been seen: no content had come, or its end came with it.
            assert b"stop_reason\": \"tool_use" not in sent, cut
            continue
        assert b"Where is it?" in sent, cut
        if b'"stop_reason": "tool_use"' in sent:
            assert got.body == sent + THE_END and got.ended == "whole", cut  # it says nothing more
        else:
            assert got.body.startswith(sent) and got.ended != "whole", cut
            name, data = got.body[len(sent):].decode().strip().split("\n")
            assert name == "event: error"
            error = json.loads(data.removeprefix("data: "))
            assert error["type"] == "error" and error["error"]["type"] == "api_error"
            assert "before the answer was complete" in error["error"]["message"]


def test_a_broken_end_of_the_framing_alone_is_no_error(start, upstream):
    primary = upstream(steps(SSE_HEAD, chunk(b"".join(message_events())), close))
    got = send(start(config(native(primary, "primary", "messages"))), stream=True)
    assert got.body == b"".join(message_events()) and got.ended == "whole"


def test_the_last_event_ends_the_answer_although_the_connection_stays_open(start, upstream):
    primary = upstream(steps(SSE_HEAD, chunk(b"".join(message_events())), silent))
    got = send(start(config(native(primary, "primary", "messages"))), stream=True,
               headers={"Connection": "close"})
    assert got.body == b"".join(message_events()) and got.ended == "whole"


def test_an_error_event_behind_content_passes_and_the_end_is_unclean(start, upstream):
    error = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})
    begun, seen = message_start() + block_start() + text_delta("Hi"), threading.Event()
    primary = upstream(steps(SSE_HEAD, chunk(begun), lambda c: c.wait(seen), chunk(error), LAST_CHUNK))
    with Client(start(config(native(primary, "primary", "messages")))) as client:
        client.ask(path=PATH, body=message_body(True), headers=HEADERS)
        got = client.body(client.head(), until=lambda r: r.body == begun)
        seen.set()
        client.body(got)
    assert got.body == begun + error and got.ended != "whole"


def test_pings_do_not_keep_a_silent_answer_alive(start, upstream):
    def pinging(connection, request):
        connection.send(SSE_HEAD + chunk(message_start() + block_start() + text_delta("Hi")))
        while True:
            connection.send(chunk(MESSAGE_PING))
            connection.sock.settimeout(0.05)
            try:
                if not connection.sock.recv(100):
                    connection._note_gone(None)
            except TimeoutError:
                pass

    daemon = start(config(native(upstream(pinging), "primary", "messages",
                                 timeouts=timeouts(idle=400))))
    got = send(daemon, stream=True)
    assert b"event: error" in got.body and got.ended != "whole"


# --- the books

@plain_and_streamed
def test_usage_is_booked_in_openais_meaning(start, upstream, stream):
    daemon = start(config(native(upstream(anthropic()), "primary", "messages", model="claude-x",
                                 price={"input": 1, "output": 10, "cache_read": 0.1,
                                        "cache_write": 2})))
    got = send(daemon, stream)
    cost = (14 * 1 + 5 * 0.1 + 3 * 2 + 6 * 10) / 1e6
    if not stream:
        assert float(got.header("x-understudy-cost-usd")) == pytest.approx(cost)
    labels = {"upstream": "primary", "model": "claude-x", "source": "reported"}
    expect_metrics(daemon,
                   (14, "understudy_tokens_total", {**labels, "type": "input"}),
                   (5, "understudy_tokens_total", {**labels, "type": "cache_read"}),
                   (3, "understudy_tokens_total", {**labels, "type": "cache_write"}),
                   (6, "understudy_tokens_total", {**labels, "type": "output"}),
                   (cost, "understudy_cost_usd_total", labels))


@pytest.mark.parametrize("last, expected", [
    ({"output_tokens": 6}, (14, 5, 6)),
    ({"input_tokens": 61, "cache_read_input_tokens": 0, "output_tokens": 6}, (61, 0, 6)),
    ({"input_tokens": 20, "output_tokens": 6}, (20, 5, 6)),
    ({"input_tokens": 0, "output_tokens": 6}, (14, 5, 6)),
    ({"output_tokens": 6, "output_tokens_details": {"thinking_tokens": 4}}, (14, 5, 2))],
    ids=["output only", "all again", "no cache", "a zero", "thinking"])
def test_the_end_of_a_stream_corrects_what_its_start_said(start, upstream, last, expected):
    sent = [message_start(), block_start(), text_delta("Hi"), block_stop(),
            message_delta(usage=last), MESSAGE_STOP]
    daemon = start(config(native(upstream(events(sent)), "primary", "messages")))
    send(daemon, stream=True)
    expect_metrics(daemon, *((count, "understudy_tokens_total", {"type": kind})
                             for count, kind in zip(expected, ("input", "cache_read", "output"))))


@pytest.mark.parametrize("end", ["well", "reset", "no blank line"])
def test_a_message_that_is_whole_gets_the_end_that_its_server_forgets(start, upstream, end):
    """Its clients throw away what does not end with message_stop, finish and all."""
    sent = message_events("All of it.")[:-1]

    def script(connection, request):
        body = b"".join(sent)
        connection.send(SSE_HEAD + chunk(body.rstrip(b"\n") if end == "no blank line" else body))
        if end == "reset":
            time.sleep(0.05)
            connection.reset()
        else:
            connection.send(LAST_CHUNK)
    daemon = start(config(native(upstream(script), "primary", "messages")))
    got = send(daemon, stream=True)
    said = b"".join(sent)
    assert got.body == (said.rstrip(b"\n") if end == "no blank line" else said) + THE_END
    assert got.ended == "whole"
    assert [json.loads(e)["type"] for e in got.events][-2:] == ["message_delta", "message_stop"]
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}),
                   (1, "understudy_attempts_total", {"reason": "ok"}))


@pytest.mark.parametrize("behind", [b"", MESSAGE_STOP], ids=["alone", "and behind it its own"])
@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_message_that_ends_like_a_chat_gets_the_end_of_its_own_api(start, upstream, apart, behind):
    sent = b"".join(message_events("All of it.")[:-1])
    last = b"data: [DONE]\n\n" + behind

    def script(connection, request):
        connection.send(SSE_HEAD + chunk(sent if apart else sent + last))
        if apart:
            time.sleep(0.05)
            connection.send(chunk(last))
        connection.send(LAST_CHUNK)
    daemon = start(config(native(upstream(script), "primary", "messages")))
    got = send(daemon, stream=True)
    assert got.ended == "whole" and got.body.startswith(sent)
    assert [json.loads(e)["type"] for e in got.events if e != "[DONE]"][-2:] == ["message_delta", "message_stop"]
    assert got.body.count(b"event: message_stop") == 1


def test_a_message_without_a_stop_reason_gets_no_end(start, upstream):
    def script(connection, request):
        connection.send(SSE_HEAD + chunk(b"".join(message_events("Half of it.")[:-2])))
        time.sleep(0.05)
        connection.send(LAST_CHUNK)
    daemon = start(config(native(upstream(script), "primary", "messages"), route={"retries": 0}))
    got = send(daemon, stream=True)
    assert got.ended == "cut" and b"message_stop" not in got.body and b"event: error" in got.body


# --- whose errors, and for whom

def test_errors_made_here_have_anthropics_shape(start, upstream):
    primary = upstream(reset)
    daemon = start(config(native(primary, "primary", "messages"),
                          routes=[{"model": "claude-*", "chain": ["primary"], "retries": 0}],
                          keys=[{"name": "k", "key": "sk-understudy-0123456789"}],
                          limits={"body": "10KiB"}))
    key = {"x-api-key": "sk-understudy-0123456789"}
    cases = [
        (401, "authentication_error", "invalid_api_key",
         lambda: ask(daemon, path=PATH, body=message_body())),
        (404, "not_found_error", "model_not_found", lambda: send(daemon, headers=key, model="gpt")),
        (400, "invalid_request_error", "invalid_json",
         lambda: ask(daemon, path=PATH, body=b"{", headers=key)),
        (413, "request_too_large", "body_too_large",
         lambda: ask(daemon, path=PATH, body=message_body(x="y" * 20_000), headers=key)),
        (405, "invalid_request_error", "method_not_allowed",
         lambda: ask(daemon, "PUT", PATH, body=b"{}", headers=key)),
        (502, "api_error", "upstream_unreachable", lambda: send(daemon, headers=key)),
        (404, "not_found_error", "not_found",
         lambda: ask(daemon, path=PATH + "/batches", body=message_body(), headers=key)),
    ]
    for code, kind, own, run in cases:
        got = run()
        assert got.status == code, (own, got)
        body = got.json
        assert body["type"] == "error" and body["error"]["type"] == kind, own
        assert body["error"]["details"]["error_code"] == own
        assert body["error"]["message"] and body["request_id"] == got.header("x-request-id")
        if code == 413:
            continue
    # What comes next on the same connection is answered as what it is.
    with Client(daemon) as client:
        client.ask(path=PATH, body=message_body(model="gpt"), headers=key)
        assert client.response().json["type"] == "error"
        client.ask(body=chat_body(), headers={"Authorization": "Bearer " + key["x-api-key"]})
        assert client.response().error["type"] == "understudy_error"
        client.ask(path=PATH, body=message_body(model="gpt"), headers=key)
        assert client.response().json["type"] == "error"
        client.send(b"NONSENSE\r\n\r\n")
        assert client.response().error["type"] == "understudy_error"


def test_a_key_is_taken_from_either_header_of_anthropics_clients(start, upstream):
    primary = upstream(anthropic())
    daemon = start(config(native(primary, "primary", "messages"),
                          keys=[{"name": "k", "key": "sk-understudy-0123456789"}]))
    for headers in ({"x-api-key": "sk-understudy-0123456789"},
                    {"Authorization": "Bearer sk-understudy-0123456789"}):
        assert ask(daemon, path=PATH, body=message_body(), headers=headers).status == 200
    for sent in primary.requests:
        assert b"sk-understudy" not in sent.raw_head


# --- entries of another dialect

def test_an_entry_that_cannot_count_is_passed_over_and_never_asked(start, upstream):
    other, own = upstream(well()), upstream(anthropic())
    daemon = start(config(other.entry("other", model="gpt"), native(own, "own", "gemini", model="g"),
                          native(own, "claude", "messages", model="claude-x")))
    got = send(daemon, path=PATH + "/count_tokens")
    assert got.status == 200 and got.header("x-understudy-upstream") == "claude"
    assert got.header("x-understudy-trace").startswith(
        "other/gpt;unsupported;-;0ms, own/g;unsupported;-;0ms, claude/claude-x;ok;200;")
    assert not other.connections
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "other",
                                                             "reason": "unsupported"}))
    # The same chain serves a client of the other API with its own entry.
    assert ask(daemon, body=chat_body(model="m")).header("x-understudy-upstream") == "other"


def test_where_no_entry_can_count_the_client_gets_an_estimate(start, upstream):
    primary = upstream(well())
    daemon = start(config(primary, upstream(well())))
    got = send(daemon, path=PATH + "/count_tokens",
               messages=[{"role": "user", "content": "0123456789ab" * 100}])
    assert got.status == 200 and got.header("content-type") == "application/json"
    assert list(got.json) == ["input_tokens"] and 300 <= got.json["input_tokens"] < 320
    assert got.header("x-understudy-attempts") == "0" and got.header("x-understudy-upstream") is None
    assert not primary.connections
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}),
                   (0, "understudy_attempts_total", {}))


def test_the_first_entry_that_speaks_it_stands_in_the_primarys_place(start, upstream):
    body = anthropic_error("authentication_error", "invalid x-api-key")
    refusing, backup = upstream(status(401, body)), upstream(anthropic())
    daemon = start(config(upstream(well()).entry("chat", model="gpt"),
                          native(refusing, "first", "messages"),
                          native(backup, "second", "messages")))
    got = send(daemon, path=PATH + "/count_tokens")
    assert (got.status, got.body) == (401, body) and not backup.requests


def test_other_endpoints_are_not_asked_of_an_upstream_of_messages(start, upstream):
    primary = upstream(anthropic())
    daemon = start(config(native(primary, "primary", "messages")))
    for path in ("/v1/completions", "/v1/embeddings", "/v1/responses/compact", "/v1/audio/speech"):
        got = ask(daemon, path=path, body=chat_body())
        assert got.status == 400 and got.error["code"] == "unsupported_by_upstream", path
    assert not primary.connections


# --- lists of models

def test_anthropics_clients_get_the_list_in_their_own_form(start, upstream):
    listing = {"data": [{"type": "model", "id": "claude-listed", "display_name": "C"}],
               "has_more": False}
    primary = upstream(plain(listing))
    daemon = start(config(native(primary, "primary", "messages"), routes=[
        {"model": "claude-x", "chain": ["primary"]}, {"model": "*", "chain": ["primary"]}]))
    got = get(daemon, "/v1/models?limit=1000", headers=HEADERS)
    assert [model["id"] for model in got.json["data"]] == ["claude-listed", "claude-x"]
    assert got.json["has_more"] is False and got.json["last_id"] == "claude-x"
    assert all(model["type"] == "model" and model["display_name"] for model in got.json["data"])
    assert primary.requests[0].target == "/v1/models?limit=1000"
    assert primary.requests[0].header("anthropic-version") == "2023-06-01"
    assert get(daemon, "/v1/models/claude-x", headers=HEADERS).json["type"] == "model"
    assert get(daemon, "/v1/models").json["object"] == "list"
