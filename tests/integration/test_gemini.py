"""Google's generateContent and streamGenerateContent, on upstreams that speak them: the model stands in the path,
streams have no end marker, and everything else is as for any other request."""

import json
import time

import pytest

from harness import (LAST_CHUNK, QUIET, SSE_HEAD, Client, ask, chat_body, chunk, close, config,
                     expect_metrics, get, plain, plain_and_streamed, reset, silent, status, steps,
                     stream_events, timeouts, well)
from natives import (candidate, candidate_bodies, events, gemini_body, google, google_error,
                     google_event, google_events, google_list, native)

MODELS = "/v1beta/models/"
RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]


def two(start, primary, backup, *, route=None, primary_settings=None, **top):
    return start(config(native(primary, "primary", "gemini", **(primary_settings or {})),
                        native(backup, "backup", "gemini", model="gemini-backup"),
                        route=route, **top))


def target(stream=False, model="gemini-m", query="alt=sse"):
    action = ":streamGenerateContent?" + query if stream else ":generateContent"
    return MODELS + model + action


def send(daemon, stream=False, *, model="gemini-m", query="alt=sse", headers=(), **more):
    return ask(daemon, path=target(stream, model, query), body=gemini_body(**more),
               headers={"x-goog-api-key": "client-key", **dict(headers)})


# --- byte for byte

def test_a_request_reaches_its_upstream_as_it_was_and_so_does_the_answer(start, upstream):
    body = (b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1.0}},'
            b'"thoughtSignature":"Eqo\\u002f"}]}] , "generationConfig":{"topP":0.90}}')
    answer = json.dumps(candidate({"functionCall": {"name": "g"}, "thoughtSignature": "E"})).encode()
    primary = upstream(plain(answer, "X-Gemini-Service-Tier: standard"))
    got = ask(start(config(native(primary, "primary", "gemini"))),
              path=MODELS + "gemini-m:generateContent?key=client-key&$prettyPrint=false", body=body,
              headers={"x-goog-api-client": "genai-py/1", "Authorization": "Bearer client"})
    assert (got.status, got.body) == (200, answer)
    assert got.header("x-gemini-service-tier") == "standard"
    sent = primary.requests[0]
    assert sent.target == "/v1beta/models/gemini-m:generateContent?$prettyPrint=false"
    assert sent.body == body
    assert sent.headers("x-goog-api-key") == ["sk-primary"] and sent.header("authorization") is None
    assert sent.header("x-goog-api-client") == "genai-py/1"


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_arrives_byte_for_byte_however_it_is_cut(start, upstream, size):
    text = b"".join(google_events("Zwölf Boxkämpfer 🥊 jagen"))
    answer = SSE_HEAD + b"".join(chunk(text[i:i + size]) for i in range(0, len(text), size)) \
        + LAST_CHUNK
    primary = upstream(lambda connection, request: connection.pieces(answer, max(size * 3, 50)))
    got = send(start(config(native(primary, "primary", "gemini"))), True)
    assert got.body == text and got.ended == "whole"


@plain_and_streamed
def test_another_entrys_model_goes_into_the_path_and_nowhere_else(start, upstream, stream):
    primary, backup = upstream(status(503, google_error(503, "UNAVAILABLE"))), upstream(google())
    daemon = start(config(native(primary, "primary", "gemini"),
                          native(backup, "backup", "gemini", model="tuned/a b")))
    got = send(daemon, stream)
    assert got.status == 200 and got.header("x-understudy-model") == "tuned/a_b"
    assert primary.requests[0].target == target(stream)
    assert backup.requests[0].target == target(stream, "tuned/a%20b")
    assert primary.requests[0].body == backup.requests[0].body


def test_a_body_that_names_the_model_too_names_the_same_one(start, upstream):
    primary = upstream(google())
    daemon = start(config(native(primary, "primary", "gemini", model="gemini-sent")))
    assert send(daemon).status == 200 and "model" not in primary.requests[0].json
    same = ask(daemon, path=target(), body={**gemini_body(), "model": "models/gemini-m"})
    assert same.status == 200 and primary.requests[1].json["model"] == "gemini-sent"
    other = ask(daemon, path=target(), body={**gemini_body(), "model": "gemini-other"})
    assert other.status == 400 and other.error["status"] == "INVALID_ARGUMENT"
    assert len(primary.requests) == 2


def test_the_model_of_the_path_decides_the_route_and_who_may_use_it(start, upstream):
    one, two = upstream(google("one")), upstream(google("two"))
    key = "sk-understudy-0123456789"
    daemon = start(config(native(one, "one", "gemini"), native(two, "two", "gemini"), routes=[
        {"model": "gemini-*", "chain": ["one"]}, {"model": "tuned/*", "chain": ["two"]}],
        keys=[{"name": "k", "key": key, "routes": ["gemini-*"]}]))
    for headers, query in (({"x-goog-api-key": key}, ""), ({"Authorization": "Bearer " + key}, ""),
                           ({}, "?key=" + key)):
        got = ask(daemon, path=MODELS + "gemini-a:generateContent" + query, body=gemini_body(),
                  headers=headers)
        assert got.json["candidates"][0]["content"]["parts"] == [{"text": "one"}]
    for sent in one.requests:
        assert key.encode() not in sent.raw_head
    refused = ask(daemon, path=MODELS + "tuned%2Fx:generateContent", body=gemini_body(),
                  headers={"x-goog-api-key": key})
    assert refused.status == 403 and refused.error["status"] == "PERMISSION_DENIED"
    assert not two.connections
    missing = ask(daemon, path=MODELS + "gpt:generateContent", body=gemini_body())
    assert missing.status == 401 and missing.error["status"] == "UNAUTHENTICATED"


def test_no_model_name_reaches_another_path_of_the_upstream(start, upstream):
    primary = upstream(google())
    daemon = start(config(native(primary, "primary", "gemini")))
    for model in ("..%2F..%2Fadmin", "%2e%2e/x", "a%3Fb", "a%23b"):
        ask(daemon, path=MODELS + model + ":generateContent", body=gemini_body())
    assert [sent.target for sent in primary.requests] == [
        MODELS + encoded + ":generateContent"
        for encoded in ("_../_../admin", "_../x", "a%3Fb", "a%23b")]


def test_tokens_are_counted_by_an_upstream(start, upstream):
    primary, backup = upstream(status(500)), upstream(plain({"totalTokens": 31}))
    daemon = two(start, primary, backup)
    got = ask(daemon, path=MODELS + "gemini-m:countTokens", body=gemini_body())
    assert got.json == {"totalTokens": 31}
    assert backup.requests[0].target == MODELS + "gemini-backup:countTokens"
    expect_metrics(daemon, (0, "understudy_usage_missing_total", {}))


# --- failover

FAILURES = [
    ("500", "server_error", status(500, google_error())),
    ("503", "server_error", status(503, google_error(503, "UNAVAILABLE", "The model is overloaded."))),
    ("429", "rate_limit", status(429, google_error(429, "RESOURCE_EXHAUSTED", "Slow", RETRY))),
    ("504", "timeout", status(504, google_error(504, "DEADLINE_EXCEEDED"))),
    ("in a list", "rate_limit", status(429, b"[" + google_error(429, "RESOURCE_EXHAUSTED") + b"]")),
    ("reset", "connection", reset),
    ("closed", "connection", close),
    ("HTML", "malformed", plain("<html>502</html>", content_type="text/html")),
    ("empty", "malformed", plain(b"")),
    ("an error inside", "malformed", plain(google_error(503, "UNAVAILABLE"))),
    ("no candidates", "malformed", plain({"modelVersion": "g"})),
    ("a call that cannot be read", "malformed",
     plain(candidate(finish="MALFORMED_FUNCTION_CALL"))),
]


@plain_and_streamed
@pytest.mark.parametrize("reason, answer", [row[1:] for row in FAILURES],
                         ids=[row[0] for row in FAILURES])
def test_a_failing_primary_is_not_seen(start, upstream, reason, answer, stream):
    primary, backup = upstream(answer), upstream(google("From the backup."))
    daemon = two(start, primary, backup)
    got = send(daemon, stream)
    assert got.status == 200
    if stream:
        assert got.body == b"".join(google_events("From the backup."))
    else:
        assert got.json == candidate("From the backup.")
    assert got.header("x-understudy-trace").startswith(f"primary/gemini-m;{reason};")
    expect_metrics(daemon,
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": reason}),
                   (1, "understudy_failovers_total", {"from": "primary", "reason": reason}))


@pytest.mark.parametrize("first", [google_event(json.loads(google_error(503, "UNAVAILABLE"))),
                                   google_event(candidate(finish="UNEXPECTED_TOOL_CALL"))],
                         ids=["error", "vain"])
def test_an_error_in_place_of_the_first_chunk_falls_back(start, upstream, first):
    primary, backup = upstream(events([first])), upstream(google())
    assert send(two(start, primary, backup), True).body == b"".join(google_events())


@plain_and_streamed
def test_a_silent_primary_is_left_in_time(start, upstream, stream):
    daemon = two(start, upstream(silent), upstream(google()), primary_settings={
        "timeouts": timeouts(first_token=300, response=300)})
    got = send(daemon, stream)
    assert got.status == 200 and "timeout" in got.header("x-understudy-trace")


@pytest.mark.parametrize("code, state, text, details", [
    (400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"x\".", ()),
    (400, "INVALID_ARGUMENT", "API key not valid.", [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]),
    (400, "INVALID_ARGUMENT",
     "The input token count (9) exceeds the maximum number of tokens allowed (8).", ()),
    (403, "PERMISSION_DENIED", "no", ()), (404, "NOT_FOUND", "models/gemini-m is not found", ())])
@plain_and_streamed
def test_an_error_that_is_the_clients_reaches_it_as_it_was(start, upstream, code, state, text,
                                                           details, stream):
    body = google_error(code, state, text, details)
    primary, backup = upstream(status(code, body)), upstream(google())
    got = send(two(start, primary, backup), stream)
    assert (got.status, got.body) == (code, body) and not backup.requests


@pytest.mark.parametrize("answer", [
    {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}},
    candidate(finish="SAFETY"), candidate(finish="MAX_TOKENS")], ids=["prompt", "answer", "length"])
@plain_and_streamed
def test_an_answer_without_text_that_says_why_is_an_answer(start, upstream, answer, stream):
    primary = upstream(events([google_event(answer)]) if stream else plain(answer))
    got = send(two(start, primary, upstream(google())), stream)
    assert got.status == 200 and got.header("x-understudy-upstream") == "primary"
    assert got.body == google_event(answer) if stream else got.json == answer


def test_a_call_that_cannot_be_read_behind_text_is_the_clients_to_see(start, upstream):
    sent = [google_event(candidate("Let me see.", finish=None)),
            google_event(candidate(finish="MALFORMED_FUNCTION_CALL"))]
    got = send(start(config(native(upstream(events(sent)), "primary", "gemini"))), True)
    assert got.body == b"".join(sent) and got.ended == "whole"


# --- the commit, and what comes behind it

@pytest.mark.parametrize("held", [
    {"usageMetadata": {"promptTokenCount": 3}}, {"candidates": []},
    candidate("", finish=None), candidate({"text": "", "thought": True}, finish=None)],
    ids=["usage", "nobody", "no text", "a thought to come"])
def test_nothing_reaches_the_client_before_the_first_content(start, upstream, held):
    primary = upstream(steps(SSE_HEAD, chunk(google_event(held)), silent))
    with Client(start(config(native(primary, "primary", "gemini")))) as client:
        client.ask(path=target(True), body=gemini_body())
        primary.wait_requests(1)
        assert client.quiet(QUIET * 2)


@pytest.mark.parametrize("part", ["x", {"text": "Hm", "thought": True},
                                  {"functionCall": {"name": "f"}},
                                  {"inlineData": {"mimeType": "image/png", "data": "AA"}}],
                         ids=["text", "thought", "call", "image"])
def test_the_first_content_commits(start, upstream, part):
    first = google_event(candidate(part, finish=None))
    primary = upstream(steps(SSE_HEAD, chunk(first), silent))
    with Client(start(config(native(primary, "primary", "gemini")))) as client:
        client.ask(path=target(True), body=gemini_body())
        got = client.body(client.head(), until=lambda r: first in r.body)
        assert got.status == 200 and got.body == first


@pytest.mark.parametrize("end", [close, reset, lambda c: c.send(LAST_CHUNK)],
                         ids=["close", "reset", "proper"])
def test_a_stream_that_is_cut_anywhere_never_looks_whole(start, upstream, end):
    whole = google_events("It works well enough.")
    for cut in range(len(whole)):
        sent = b"".join(whole[:cut])
        primary = upstream(steps(SSE_HEAD, *([chunk(sent)] if sent else []), end))
        got = send(two(start, primary, upstream(google())), True)
        if got.body == b"".join(google_events()):
            continue  # nothing had been seen: its end came with it
        assert sent
        assert got.body.startswith(sent) and got.ended != "whole", cut
        error = json.loads(got.body[len(sent):].decode().removeprefix("data: "))["error"]
        assert (error["code"], error["status"]) == (502, "UNAVAILABLE")
        assert "before the answer was complete" in error["message"]


def test_several_candidates_have_ended_when_the_stream_has(start, upstream):
    ended = google_event({"candidates": [{"index": 0, "finishReason": "STOP", "content": {
        "parts": [{"text": "one"}]}}]})
    primary = upstream(steps(SSE_HEAD, chunk(ended), reset))
    daemon = start(config(native(primary, "primary", "gemini")))
    got = ask(daemon, path=target(True), body=gemini_body(generationConfig={"candidateCount": 2}))
    assert got.ended != "whole"
    assert send(daemon, True).ended == "whole"  # one was asked for, and it has come


# --- the form without events

def test_a_list_is_passed_on_as_it_came_when_it_is_whole(start, upstream):
    primary, backup = upstream(status(503)), upstream(google())
    daemon = two(start, primary, backup)
    for query in ("", "alt=json"):
        got = send(daemon, True, query=query)
        assert (got.status, got.body) == (200, google_list())
    assert backup.requests[0].target == MODELS + "gemini-backup:streamGenerateContent?"
    expect_metrics(daemon, (18, "understudy_tokens_total", {"type": "input"}),
                   (8, "understudy_tokens_total", {"type": "output"}),
                   (6, "understudy_tokens_total", {"type": "reasoning"}))


@pytest.mark.parametrize("bad", [
    google_list()[:-1], google_list()[:60], b"[]", b"[" + google_error(503, "UNAVAILABLE") + b"]",
    b"[" + json.dumps(candidate_bodies()[0]).encode() + b"]"],
    ids=["open", "cut", "empty", "an error", "no end"])
def test_a_list_that_is_not_whole_falls_back(start, upstream, bad):
    got = send(two(start, upstream(plain(bad)), upstream(google())), True, query="")
    assert got.body == google_list()


def test_a_long_list_is_passed_on_as_it_comes_and_cut_visibly(start, upstream):
    big = b"[" + b",".join(json.dumps(candidate("x" * 60_000, finish=None)).encode()
                           for _ in range(8))
    settings = {"limits": {"buffer_response": "64KiB"}}
    whole = big + b"," + json.dumps(candidate("end")).encode() + b"]"
    daemon = start(config(native(upstream(plain(whole)), "primary", "gemini"), **settings))
    assert send(daemon, True, query="").body == whole
    expect_metrics(daemon, (9, "understudy_tokens_total", {"type": "input"}))
    cut = steps(SSE_HEAD.replace(b"text/event-stream", b"application/json"),
                *(chunk(big[i:i + 50_000]) for i in range(0, len(big), 50_000)), LAST_CHUNK)
    got = send(start(config(native(upstream(cut), "primary", "gemini"), **settings)), True, query="")
    assert got.ended != "whole" and big.startswith(got.body)


# --- the books

@plain_and_streamed
def test_usage_is_booked_in_openais_meaning(start, upstream, stream):
    daemon = start(config(native(upstream(google()), "primary", "gemini", model="gemini-x",
                                 price={"input": 1, "output": 10})))
    got = send(daemon, stream)
    cost = (9 * 1 + 7 * 10) / 1e6
    if not stream:
        assert float(got.header("x-understudy-cost-usd")) == pytest.approx(cost)
    labels = {"upstream": "primary", "model": "gemini-x", "source": "reported"}
    expect_metrics(daemon,
                   (9, "understudy_tokens_total", {**labels, "type": "input"}),
                   (4, "understudy_tokens_total", {**labels, "type": "output"}),
                   (3, "understudy_tokens_total", {**labels, "type": "reasoning"}),
                   (cost, "understudy_cost_usd_total", labels))


# --- whose errors, and for whom

def test_errors_made_here_have_googles_shape(start, upstream):
    daemon = start(config(native(upstream(reset), "primary", "gemini"),
                          routes=[{"model": "gemini-*", "chain": ["primary"], "retries": 0}]))
    cases = [
        (404, "NOT_FOUND", "MODEL_NOT_FOUND", lambda: send(daemon, model="gpt")),
        (400, "INVALID_ARGUMENT", "INVALID_JSON", lambda: ask(daemon, path=target(), body=b"{")),
        (405, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED", lambda: ask(daemon, "PUT", target(), body=b"{}")),
        (502, "UNAVAILABLE", "UPSTREAM_UNREACHABLE", lambda: send(daemon)),
        (404, "NOT_FOUND", "NOT_FOUND",
         lambda: ask(daemon, path=MODELS + "gemini-m:embedContent", body=gemini_body())),
    ]
    for code, state, reason, run in cases:
        got = run()
        assert (got.status, got.error["code"], got.error["status"]) == (code, code, state), reason
        assert got.error["details"][0]["reason"] == reason and got.error["message"]


def test_an_entry_that_cannot_count_is_passed_over_and_never_asked(start, upstream):
    other, own = upstream(well()), upstream(plain({"totalTokens": 31}))
    daemon = start(config(other.entry("other"), native(own, "own", "gemini", model="gemini-x")))
    count = MODELS + "gemini-m:countTokens"
    got = ask(daemon, path=count, body=gemini_body())
    assert got.status == 200 and not other.connections
    assert got.header("x-understudy-trace").startswith("other/gemini-m;unsupported;-;0ms, ")
    alone = ask(start(config(upstream(well()))), path=count, body=gemini_body())
    assert alone.status == 200 and list(alone.json) == ["totalTokens"] and alone.json["totalTokens"] > 0


def test_tokens_of_a_whole_request_are_counted_where_nobody_else_can(start, upstream):
    daemon = start(config(upstream(well())))
    contents = [{"role": "user", "parts": [{"text": "word " * 400}]}]
    plainly, nested = ({"contents": contents}, {"generateContentRequest": {"contents": contents}})
    counts = [ask(daemon, path=MODELS + "m:countTokens", body=json.dumps(body).encode()).json["totalTokens"]
              for body in (plainly, nested)]
    assert all(450 <= count <= 550 for count in counts), counts


# --- lists of models

def test_googles_clients_get_the_list_in_their_own_form(start, upstream):
    primary = upstream(plain({"models": [{"name": "models/gemini-listed"}], "nextPageToken": "t"}))
    daemon = start(config(native(primary, "primary", "gemini"), routes=[
        {"model": "gemini-x", "chain": ["primary"]}, {"model": "*", "chain": ["primary"]}]))
    got = get(daemon, "/v1beta/models")
    assert [model["name"] for model in got.json["models"]] == ["models/gemini-listed",
                                                               "models/gemini-x"]
    assert primary.requests[0].target == "/v1beta/models?pageSize=1000"
    assert primary.requests[0].header("x-goog-api-key") == "sk-primary"
    assert get(daemon, "/v1beta/models/gemini-x").json["name"] == "models/gemini-x"
    assert "models" in get(daemon, "/v1/models", {"x-goog-api-key": "k"}).json  # as its SDKs ask
    missing = get(daemon, "/v1beta/models/nobody")
    assert missing.status == 404 and missing.error["status"] == "NOT_FOUND"
    assert {m["id"] for m in get(daemon, "/v1/models").json["data"]} == {"gemini-listed", "gemini-x"}


@pytest.mark.parametrize("dialect", ["gemini", "chat"])
def test_googles_libraries_get_no_comments_which_they_take_for_broken_events(start, upstream, dialect):
    def slow(connection, request):
        connection.send(SSE_HEAD + chunk(b": PROCESSING\n\n"))
        time.sleep(1.5)
        parts = google_events("At last.") if dialect == "gemini" else stream_events("At last.")
        for part in parts:
            connection.send(chunk(part))
        connection.send(LAST_CHUNK)
    primary = upstream(slow)
    entry = native(primary, "primary", "gemini") if dialect == "gemini" else primary.entry("primary")
    got = send(start(config(entry, route={"keepalive": "1s"})), stream=True)
    lines = [line for line in got.body.decode().split("\n") if line.strip()]
    assert len(lines) >= 2 and all(line.startswith("data: {") for line in lines if dialect == "chat" or
                                   "PROCESSING" not in line)
    told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    said = "".join(part.get("text", "") for event in told for candidate_ in event["candidates"]
                   for part in candidate_.get("content", {}).get("parts", []))
    assert said == "At last." and told[0]["candidates"][0]["content"]["parts"] == [{"text": ""}]
