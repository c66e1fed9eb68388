"""Section 5: every way in which an upstream can fail gets its class, and the class decides whether the
request falls back or the failure goes to the client. Plain and streamed; transports over TLS too."""

import contextlib
import json

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, PING, ROLE, SSE_HEAD, ask, chat, chunk, close,
                     completion, config, error_body, event, expect_metrics, full_backlog, head, ms,
                     plain, plain_and_streamed, reset, silent, sse, status, steps, timeouts, well)
from tests.support.daemon import closed_port

SHORT = timeouts(connect=400, first_token=400, response=400)


def insufficient_quota():
    return error_body("You exceeded your current quota, please check your plan and billing.",
                      "insufficient_quota", "insufficient_quota")


def inline_error(message="Upstream request failed.", type="error"):
    return b"data: " + error_body(message, type) + b"\n\n"


def cut(answer: bytes, keep: int):
    return steps(answer[:keep], close)


HTML = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"

# name, class, what the primary does
FALLS_BACK = [
    ("closes without a word", "connection", close),
    ("resets without a word", "connection", reset),
    ("closes in the middle of the head", "connection", cut(plain(), 20)),
    ("resets in the middle of the head", "connection", steps(plain()[:20], reset)),
    ("never answers", "timeout", silent),
    ("stops in the middle of the head", "timeout", steps(plain()[:20], silent)),
    ("408", "timeout", status(408)),
    ("504", "timeout", status(504)),
    ("524", "timeout", status(524)),
    ("429", "rate_limit", status(429, error_body("Rate limit reached for requests.", "requests",
                                                 "rate_limit_exceeded"))),
    ("429 without a body", "rate_limit", status(429, b"")),
    ("429 that is a quota", "quota", status(429, insufficient_quota())),
    ("402", "quota", status(402, error_body("Insufficient credits.", "billing_error"))),
    ("429 usage_limit_reached", "quota",
     status(429, error_body("The usage limit has been reached.", "usage_limit_reached"))),
    ("500", "server_error", status(500)),
    ("502 with HTML", "server_error", status(502, HTML, content_type="text/html")),
    ("503", "server_error", status(503)),
    ("520", "server_error", status(520)),
    ("529", "server_error", status(529, error_body("Overloaded", "overloaded_error"))),
    ("599", "server_error", status(599)),
    ("500 whose message speaks of a rate limit", "server_error",
     status(500, error_body("Could not look up your rate limit.", "server_error"))),
    ("409", "server_error", status(409, error_body("locked"))),
    ("425", "server_error", status(425, b"")),
    ("498", "rate_limit", status(498, error_body("No capacity left."))),
    ("a 400 whose head names throttling", "rate_limit",
     status(400, b'{"message":"Rate exceeded"}', "X-Amzn-ErrorType: ThrottlingException")),
    ("a 400 without credit", "quota",
     status(400, error_body("Your credit balance is too low to access the API."))),
    ("a 403 without credit", "quota",
     status(403, error_body("No.", "new_api_error", "insufficient_user_quota"))),
    ("an outage told in a 400", "server_error",
     status(400, error_body("Overloaded", "overloaded_error"))),
    ("an empty 200", "malformed", plain(b"")),
    ("HTML in a 200", "malformed", plain(HTML, content_type="text/html")),
    ("HTML that says it is JSON", "malformed", plain(HTML)),
    ("an error object in a 200", "malformed", plain(error_body("Upstream failed.", "error"))),
    ("an error object in a 200 that names its kind", "malformed",
     plain(error_body("Internal error.", "server_error"))),
    ("a quota error in a 200", "malformed", plain(insufficient_quota())),
    ("204", "malformed", head("204 No Content")),
]

FALLS_BACK_PLAIN = FALLS_BACK + [
    ("half of a declared body", "malformed", cut(plain(), -40)),
    ("a reset in the body", "malformed", steps(plain()[:-40], reset)),
    ("a stall in the body", "timeout", steps(plain()[:-40], silent)),
    ("a chunked body without its last chunk", "malformed",
     steps(head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked"),
           chunk(completion()), close)),
    ("not JSON", "malformed", plain(b"{'choices': oops")),
    ("JSON that stops early", "malformed", plain(completion()[:-10])),
    ("no choices", "malformed", plain({"id": "x", "object": "chat.completion"})),
    ("an empty list of choices", "malformed", plain({"id": "x", "choices": []})),
    ("null", "malformed", plain(b"null")),
]

FALLS_BACK_STREAMED = FALLS_BACK + [
    ("a head and silence", "timeout", steps(SSE_HEAD, silent)),
    ("a role chunk and silence", "timeout", steps(SSE_HEAD, chunk(ROLE), silent)),
    ("a head and the end", "malformed", SSE_HEAD + LAST_CHUNK),
    ("a head and a close", "malformed", steps(SSE_HEAD, close)),
    ("a role chunk and a close", "malformed", steps(SSE_HEAD, chunk(ROLE), close)),
    ("a role chunk and a reset", "malformed", steps(SSE_HEAD, chunk(ROLE), reset)),
    ("nothing but [DONE]", "malformed", sse([DONE])),
    ("an error event first", "malformed", sse([inline_error(), DONE])),
    ("an error event after the role", "malformed", sse([ROLE, PING, inline_error(), DONE])),
    ("an event that is no JSON first", "malformed", sse([b"data: {oops\n\n"])),
    ("an error event that is a quota", "malformed", sse([
        ROLE, b"data: " + insufficient_quota() + b"\n\n", DONE])),
    ("an error named error", "malformed", sse([b"event: error\n" + inline_error()])),
]

# name, class, status, body
TO_THE_CLIENT = [
    ("invalid key", "auth", 401, error_body("Incorrect API key provided.", "invalid_request_error",
                                            "invalid_api_key")),
    ("forbidden", "auth", 403, error_body("Country not supported.", "request_forbidden")),
    ("unknown model", "not_found", 404, error_body("The model does not exist.",
                                                   "invalid_request_error", "model_not_found")),
    ("too long", "context_length", 400, error_body(
        "This model's maximum context length is 8192 tokens.", "invalid_request_error",
        "context_length_exceeded", "messages")),
    ("too long as 413", "context_length", 413, error_body(
        "This model's maximum context length is 8192 tokens.", "invalid_request_error",
        "context_length_exceeded")),
    ("content policy", "content_filter", 400, error_body(
        "Your request was rejected as a result of our safety system.", "invalid_request_error",
        "content_policy_violation")),
    ("bad parameter", "bad_request", 400, error_body("temperature is too high",
                                                     "invalid_request_error", None,
                                                     "temperature")),
    ("a prompt that mentions 429 and rate limits", "bad_request", 400, error_body(
        "Invalid value: 'error 429 rate limit'.", "invalid_request_error")),
    ("unprocessable", "bad_request", 422, b'{"detail":[{"loc":["body","x"],"msg":"extra"}]}'),
    ("an answer that is asked to be too long", "bad_request", 400, error_body(
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "invalid_request_error")),
    ("a prompt that is too long in other words", "context_length", 400, error_body(
        "Your prompt of 300000 tokens is larger than the limit (262144).", "invalid_request_error")),
    ("teapot in HTML", "bad_request", 418, HTML),
    ("an empty 400", "bad_request", 400, b""),
]


EMPTY_ERROR = {"message": "", "type": "", "param": None, "code": None}

# path, content type, a body that is no answer there
NO_ANSWER_ELSEWHERE = [
    ("/v1/audio/transcriptions", "application/json", b'{"text":"Hello wor'),
    ("/v1/audio/translations", "application/json; charset=utf-8", b'{"language":"en"}'),
    ("/v1/audio/transcriptions", "", b'{"text":"Hello wor'),
    ("/v1/audio/speech", "application/json", b'{"audio":"AAAA'),
    ("/v1/moderations", "application/json", b'{"id":"m"}'),
    ("/v1/images/generations", "application/json", b'{"created":1,"data":[]}'),
    ("/v1/embeddings", "application/json", b'{"object":"list"}'),
]


@pytest.mark.parametrize("path,content_type,body", NO_ANSWER_ELSEWHERE)
def test_json_that_is_cut_or_empty_falls_back_on_every_endpoint(start, upstream, path,
                                                                content_type, body):
    good = {"/v1/audio/transcriptions": b'{"text":"Hello world"}',
            "/v1/audio/translations": b"Hello world", "/v1/audio/speech": b"\xff\xfb\x90",
            "/v1/moderations": b'{"results":[]}',
            "/v1/images/generations": b'{"data":[{"url":"u"}]}',
            "/v1/embeddings": b'{"data":[{"embedding":[1]}]}'}[path]
    # No content type at all is an empty field here.
    primary = upstream(plain(body, content_type=content_type))
    kind = "application/json" if good.startswith(b"{") else "text/plain"
    backup = upstream(plain(good, content_type=kind))
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2")))
    got = ask(daemon, path=path, body={"model": "m", "input": "x"})
    assert (got.status, got.body) == (200, good)
    assert [item[:2] for item in got.trace] == [["primary/m1", "malformed"], ["backup/m2", "ok"]]


@pytest.mark.parametrize("error", [
    inline_error("Overloaded.", "overloaded_error"), event({}, "error")], ids=["event", "finish"])
def test_an_error_behind_words_that_were_not_sent_yet_is_the_upstreams(start, upstream, error):
    """All in one read: nothing was committed, so it is an answer with a status, and not ours."""
    primary = upstream(SSE_HEAD + chunk(ROLE + event({"content": "Half an"}) + error) + LAST_CHUNK)
    got = chat(start(config(primary, route={"retries": 0})), stream=True)
    assert got.status in (502, 503) and got.json == json.loads(error.removeprefix(b"data: "))
    assert got.header("content-type") == "application/json" and len(primary.requests) == 1


@plain_and_streamed
def test_an_error_that_says_nothing_beside_a_good_answer_is_none(start, upstream, stream):
    answer = sse([ROLE, event({"content": "Four."}, error=EMPTY_ERROR),
                  event({}, "stop", error=EMPTY_ERROR), DONE]) if stream else plain(
        {**json.loads(completion("Four.")), "error": EMPTY_ERROR})
    primary, backup = upstream(answer), upstream(well("From the backup."))
    got = chat(start(config(primary, backup)), stream=stream)
    assert (got.status, got.text) == (200, "Four.") and len(primary.requests) == 1
    assert not backup.requests


def cases(table):
    return pytest.mark.parametrize("reason,answer", [case[1:] for case in table],
                                   ids=[case[0].replace(" ", "-") for case in table])


def assert_fell_back(start, upstream, answer, reason, stream, **settings):
    primary, backup = upstream(answer), upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", timeouts=SHORT, model="m1", **settings),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, reason, stream)
    assert len(backup.requests) == 1
    return primary


def check_fell_back(daemon, reason, stream):
    got = chat(daemon, stream=stream)
    assert (got.status, got.ended, got.text) == (200, "whole", "From the backup."), got
    assert not stream or got.finished
    assert got.header("x-understudy-upstream") == "backup"
    assert [item[:2] for item in got.trace] == [["primary/m1", reason], ["backup/m2", "ok"]]
    expect_metrics(
        daemon,
        (1, "understudy_attempts_total", {"upstream": "primary", "reason": reason}),
        (1, "understudy_attempts_total", {"upstream": "primary"}),
        (1, "understudy_attempts_total", {"upstream": "backup", "reason": "ok"}),
        (1, "understudy_failovers_total", {"reason": reason}),
        (1, "understudy_failovers_total", {}),
        (1, "understudy_requests_total", {"outcome": "fallback"}),
        (1, "understudy_requests_total", {}))


@cases(FALLS_BACK_PLAIN)
@pytest.mark.row(11, 17, 19, 28, 31, 33)
def test_a_plain_request_falls_back_when_the_primary_sends(start, upstream, reason, answer):
    primary = assert_fell_back(start, upstream, answer, reason, stream=False)
    assert len(primary.requests) == 1


@cases(FALLS_BACK_STREAMED)
@pytest.mark.row(11, 17, 19, 28, 31, 36)
def test_a_streamed_request_falls_back_when_the_primary_sends(start, upstream, reason, answer):
    primary = assert_fell_back(start, upstream, answer, reason, stream=True)
    assert len(primary.requests) == 1


@plain_and_streamed
@pytest.mark.parametrize("reason,code,body", [case[1:] for case in TO_THE_CLIENT],
                         ids=[case[0].replace(" ", "-") for case in TO_THE_CLIENT])
@pytest.mark.row(28)
def test_a_failure_that_is_the_requests_own_goes_to_the_client_untouched(
        start, upstream, reason, code, body, stream):
    primary, backup = upstream(status(code, body, "X-Told-By: provider")), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup,
                          route={"retries": 2}))
    got = chat(daemon, stream=stream)
    assert (got.status, got.body, got.ended) == (code, body, "whole")
    assert got.header("x-told-by") == "provider"
    assert got.header("x-understudy-upstream") == "primary"
    assert [item[:3] for item in got.trace] == [["primary/m1", reason, str(code)]]
    assert len(primary.requests) == 1 and not backup.requests
    expect_metrics(
        daemon,
        (1, "understudy_attempts_total", {"upstream": "primary", "reason": reason}),
        (1, "understudy_attempts_total", {}),
        (1, "understudy_requests_total", {"outcome": "client_error"}),
        (0, "understudy_failovers_total", {}))


@plain_and_streamed
@pytest.mark.parametrize("code", [400, 429])
def test_a_budget_denial_ends_the_chain_wherever_it_happens(start, upstream, code, stream):
    denial = error_body("Budget has been exceeded! Current cost: 12.0, Max budget: 10.0",
                        "budget_exceeded", "budget_exceeded")
    primary, backup, third = upstream(status(503)), upstream(status(code, denial)), upstream(well())
    daemon = start(config(primary, backup, third, route={"retries": 1, "retry": {
        "base": ms(1), "max": ms(2), "max_retry_after": ms(1)}}))
    got = chat(daemon, stream=stream)
    assert got.status != 200
    assert [item[1] for item in got.trace][-1] == "budget"
    assert len(backup.requests) == 1 and not third.requests


@plain_and_streamed
@pytest.mark.row(1)
def test_a_refused_connection_falls_back_at_once(start, upstream, stream):
    backup = upstream(well("From the backup."))
    with closed_port() as port:
        daemon = start(config({"name": "primary", "base_url": f"http://127.0.0.1:{port}/v1",
                               "model": "m1"}, backup.entry("backup", model="m2")))
        check_fell_back(daemon, "connection", stream)


@plain_and_streamed
@pytest.mark.row(2)
def test_a_connect_that_gets_no_answer_falls_back_after_the_connect_timeout(start, upstream,
                                                                             stream):
    backup = upstream(well("From the backup."))
    with full_backlog() as port:
        daemon = start(config({"name": "primary", "base_url": f"http://127.0.0.1:{port}/v1",
                               "model": "m1", "timeouts": SHORT},
                              backup.entry("backup", model="m2")))
        check_fell_back(daemon, "timeout", stream)


@plain_and_streamed
@pytest.mark.row(3)
def test_an_unreachable_network_falls_back_at_once(start, upstream, stream):
    # No route leads to the broadcast address: connect() fails and nothing is sent.
    backup = upstream(well("From the backup."))
    daemon = start(config({"name": "primary", "base_url": "http://255.255.255.255:9/v1",
                           "model": "m1", "timeouts": SHORT},
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "connection", stream)


@pytest.mark.row(11)
@plain_and_streamed
@pytest.mark.parametrize("how", [close, reset], ids=["close", "reset"])
def test_a_connection_ended_at_accept_falls_back(start, upstream, how, stream):
    primary, backup = upstream(on_accept=how), upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", timeouts=SHORT, model="m1"),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "connection", stream)


# --- the transports again, over TLS

TRANSPORT = ("closes without a word", "resets without a word", "closes in the middle of the head",
             "never answers", "half of a declared body", "a reset in the body",
             "a stall in the body", "a head and silence", "a role chunk and a close",
             "a role chunk and a reset", "a chunked body without its last chunk")


def over_tls(table):
    return cases([case for case in table if case[0] in TRANSPORT])


@over_tls(FALLS_BACK_PLAIN)
def test_over_tls_a_plain_request_falls_back_when_the_primary(start, upstream, certificates,
                                                              reason, answer):
    tls_fallback(start, upstream, certificates, reason, answer, stream=False)


@over_tls(FALLS_BACK_STREAMED)
def test_over_tls_a_streamed_request_falls_back_when_the_primary(start, upstream, certificates,
                                                                 reason, answer):
    tls_fallback(start, upstream, certificates, reason, answer, stream=True)


def tls_fallback(start, upstream, certificates, reason, answer, stream):
    good = certificates.context("good")
    primary = upstream(answer, tls=good)
    backup = upstream(well("From the backup."), tls=good)
    tls = {"ca": certificates.ca}
    daemon = start(config(
        primary.entry("primary", model="m1", tls=tls,
                      timeouts={**SHORT, "connect": ms(3000), "first_token": ms(800),
                                "response": ms(800)}),
        backup.entry("backup", model="m2", tls=tls)))
    check_fell_back(daemon, reason, stream)


@plain_and_streamed
@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "self_signed"])
@pytest.mark.row(9)
def test_a_certificate_that_does_not_verify_is_a_connection_failure(
        start, upstream, certificates, certificate, stream):
    primary = upstream(well("From an impostor."), tls=certificates.context(certificate))
    backup = upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", model="m1", tls={"ca": certificates.ca}),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "connection", stream)
    assert not primary.requests, "a request went to a server that could not prove its name"


@plain_and_streamed
@pytest.mark.row(8)
def test_a_tls_handshake_that_stalls_ends_with_the_connect_timeout(start, upstream, certificates,
                                                                   stream):
    def stall(connection):
        connection.hold()
    stall.before_tls = True
    primary = upstream(on_accept=stall, tls=certificates.context("good"))
    backup = upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", model="m1", tls={"ca": certificates.ca},
                                        timeouts=SHORT),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "timeout", stream)


@plain_and_streamed
def test_a_plain_server_where_tls_is_expected_is_a_connection_failure(start, upstream, stream):
    primary = upstream(on_accept=lambda connection: connection.send(status(400)))
    backup = upstream(well("From the backup."))
    entry = {**primary.entry("primary", model="m1"),
             "base_url": f"https://127.0.0.1:{primary.port}/v1"}
    daemon = start(config(entry, backup.entry("backup", model="m2")))
    check_fell_back(daemon, "connection", stream)


# --- limits within one attempt

def test_the_total_limit_ends_a_stream_that_only_pings(start, upstream):
    def pings(connection, request):
        connection.send(SSE_HEAD)
        while True:
            connection.send(chunk(PING))
            connection.sock.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                if not connection.sock.recv(1):
                    return
    assert_total = timeouts(first_token=9000, idle=9000, total=500)
    primary, backup = upstream(pings), upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", model="m1", timeouts=assert_total),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "timeout", stream=True)


@pytest.mark.row(36, 39)
def test_pings_and_role_chunks_do_not_count_as_a_first_token(start, upstream):
    def pings(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        while True:
            connection.send(chunk(PING) + chunk(ROLE))
            connection.sock.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                if not connection.sock.recv(1):
                    return
    primary, backup = upstream(pings), upstream(well("From the backup."))
    daemon = start(config(primary.entry("primary", model="m1", timeouts=SHORT),
                          backup.entry("backup", model="m2")))
    check_fell_back(daemon, "timeout", stream=True)


@plain_and_streamed
def test_fallback_on_decides_which_classes_leave_the_primary(start, upstream, stream):
    primary, backup = upstream(status(503)), upstream(well("From the backup."))
    daemon = start(config(primary, backup, route={"fallback_on": ["rate_limit"]}))
    assert chat(daemon, stream=stream).status == 503 and not backup.requests

    too_long = status(400, TO_THE_CLIENT[3][3])
    primary, backup = upstream(too_long), upstream(well("From the backup."))
    daemon = start(config(primary, backup, route={"fallback_on": ["context_length"]}))
    assert chat(daemon, stream=stream).text == "From the backup."


def test_a_model_that_answers_with_tools_or_a_refusal_is_no_malformed_answer(start, upstream):
    for message in ({"role": "assistant", "content": None, "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f",
                                                                      "arguments": "{}"}}]},
                    {"role": "assistant", "content": None, "refusal": "I cannot help with that."},
                    {"role": "assistant", "content": ""}):
        body = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
                           "choices": [{"index": 0, "message": message,
                                        "finish_reason": "stop"}]}).encode()
        primary, backup = upstream(plain(body)), upstream(well())
        got = chat(start(config(primary, backup)))
        assert got.body == body and not backup.requests


def test_a_stream_that_finishes_without_content_is_an_answer(start, upstream):
    primary, backup = upstream(sse([ROLE, FINISH, DONE])), upstream(well())
    got = chat(start(config(primary, backup)), stream=True)
    assert got.finished and got.body == ROLE + FINISH + DONE and not backup.requests


@pytest.mark.parametrize("delta", [
    {"tool_calls": [{"index": 0, "id": "c1", "type": "function",
                     "function": {"name": "f", "arguments": ""}}]},
    {"refusal": "I"}, {"reasoning_content": "Hm"}, {"content": "x"}],
    ids=["tool", "refusal", "reasoning", "content"])
def test_these_deltas_commit_a_stream(start, upstream, delta):
    from harness import Client, chat_body
    primary, backup = upstream(steps(SSE_HEAD + chunk(ROLE), chunk(event(delta)), silent)), \
        upstream(well())
    with Client(start(config(primary, backup))) as client:
        client.ask(body=chat_body(stream=True))
        got = client.head()
        client.body(got, until=lambda r: event(delta) in r.body)
        assert got.status == 200 and not backup.requests
