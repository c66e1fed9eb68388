"""An upstream's error in another API's words: what kind it is of survives the way, in a plain answer and
behind the first word of a stream, because clients' libraries decide by it whether to ask again."""

import json
import threading
import time

import bedrock
import pytest
from bedrock import AWS, exception, refusal
from harness import LAST_CHUNK, SSE_HEAD, Client, ask, chat_body, chunk, config, event, status, steps
from natives import (anthropic_error, block_start, candidate, gemini_body, google_error, google_event,
                     message_body, message_start, native, text_delta, typed)

RATE = {"chat": "rate_limit_exceeded", "responses": "rate_limit_exceeded", "messages": "rate_limit_error",
        "gemini": (429, "RESOURCE_EXHAUSTED")}
BUSY = {"chat": "server_is_overloaded", "responses": "server_is_overloaded", "messages": "overloaded_error",
        "gemini": (503, "UNAVAILABLE")}
WRONG = {"chat": None, "responses": "invalid_prompt", "messages": "invalid_request_error",
         "gemini": (400, "INVALID_ARGUMENT")}
BROKE = {"chat": None, "responses": "server_error", "messages": "api_error", "gemini": (500, "INTERNAL")}
TYPES = {"rate_limit_error": RATE, "service_unavailable_error": BUSY, "invalid_request_error": WRONG,
         "server_error": BROKE}


def request(client: str, stream: bool) -> tuple[str, dict]:
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{verb}", gemini_body()
    if client == "messages":
        return "/v1/messages", message_body(stream)
    if client == "responses":
        return "/v1/responses", {"model": "m", "input": "Say something.", "stream": stream}
    return "/v1/chat/completions", chat_body(stream)


def entry_of(there, dialect: str) -> dict:
    return bedrock.entry(there) if dialect == "converse" else native(there, "primary", dialect, model="m")


def said(client: str, error: dict):
    """What its client's library looks at."""
    if client == "gemini":
        return error["code"], error["status"]
    return error["type"] if client == "messages" else error["code"]


def check(client: str, error: dict, kind: dict):
    assert said(client, error) == kind[client], error
    if client in ("chat", "responses"):
        assert TYPES[error["type"]] is kind, error


FIRST_WORD = {
    "gemini": google_event(candidate("Once", finish=None)),
    "messages": message_start() + block_start() + text_delta("Once"),
    "converse": bedrock.START + bedrock.text_delta("Once"),
    "chat": event({"content": "Once"}),
}


def google_tail(code, state):
    return google_event(json.loads(google_error(code, state)))


def anthropic_tail(kind):
    return typed("error", error={"type": kind, "message": "m"})


IN_BAND = [
    ("gemini", google_tail(429, "RESOURCE_EXHAUSTED"), RATE),
    ("gemini", google_tail(503, "UNAVAILABLE"), BUSY),
    ("gemini", google_tail(500, "INTERNAL"), BROKE),
    ("messages", anthropic_tail("rate_limit_error"), RATE),
    ("messages", anthropic_tail("overloaded_error"), BUSY),
    ("messages", anthropic_tail("api_error"), BROKE),
    ("converse", exception("throttlingException", "m"), RATE),
    ("converse", exception("serviceUnavailableException", "m"), BUSY),
    ("converse", exception("validationException", "m"), WRONG),
    ("converse", exception("modelStreamErrorException", "m"), BROKE),
    ("chat", b'data: {"error":{"message":"m","type":"server_error","code":503}}\n\n', BUSY),
    ("chat", b'data: {"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}\n\n', RATE),
]


def told_in_two(start, upstream, client, dialect, pieces, **settings):
    """What the client has of a stream whose second piece, which ends it badly, comes when the first has been told."""
    go_on = threading.Event()
    first, second = pieces
    there = upstream(steps(first, lambda connection: connection.wait(go_on), second))
    daemon = start(config(entry_of(there, dialect), **settings), env=AWS)
    path, body = request(client, True)
    with Client(daemon) as asking:
        asking.ask(path=path, body=body)
        got = asking.body(asking.head(), until=lambda answer: b"Once" in answer.body)
        go_on.set()
        got = asking.body(got)
    assert got.status == 200 and got.ended == "cut"
    return got


@pytest.mark.parametrize("client", ["chat", "responses", "messages", "gemini"])
@pytest.mark.parametrize("dialect, tail, kind", IN_BAND)
def test_an_error_behind_the_first_word_keeps_its_kind(start, upstream, client, dialect, tail, kind):
    if client == dialect or (client, dialect) == ("responses", "chat"):  # that would be asked for a Response
        return
    head = bedrock.STREAM_HEAD if dialect == "converse" else SSE_HEAD
    got = told_in_two(start, upstream, client, dialect, [head + chunk(FIRST_WORD[dialect]), chunk(tail) + LAST_CHUNK])
    found = [json.loads(line[6:]) for line in got.body.decode().replace("\r", "").split("\n")
             if line.startswith("data: {")]
    errors = [data["error"] for data in found if data.get("error")]
    assert len(errors) == 1
    check(client, errors[0], kind)
    if client == "responses":
        assert found[-1]["response"]["error"]["code"] == kind["responses"]


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
@pytest.mark.parametrize("code, state, kind", [(429, "RESOURCE_EXHAUSTED", RATE), (503, "UNAVAILABLE", BUSY)])
def test_an_error_before_the_first_word_has_the_same_kind(start, upstream, client, code, state, kind):
    daemon = start(config(entry_of(upstream(SSE_HEAD + chunk(google_tail(code, state)) + LAST_CHUNK), "gemini"),
                          route={"retries": 0}))
    path, body = request(client, True)
    got = ask(daemon, path=path, body=body)
    assert got.status == code
    check(client, got.json["error"], kind)


RESPONSE_BEGUN = (
    typed("response.created", sequence_number=0, response={"id": "resp_T1", "object": "response", "model": "m",
                                                           "status": "in_progress", "output": []})
    + typed("response.output_item.added", sequence_number=1, output_index=0,
            item={"id": "msg_T1", "type": "message", "role": "assistant", "status": "in_progress", "content": []})
    + typed("response.content_part.added", sequence_number=2, item_id="msg_T1", output_index=0, content_index=0,
            part={"type": "output_text", "text": "", "annotations": []})
    + typed("response.output_text.delta", sequence_number=3, item_id="msg_T1", output_index=0, content_index=0,
            delta="Once"))
ABOUT_KEY = {
    "chat": b'data: {"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}}\n\n',
    "responses": typed("error", sequence_number=4, code="invalid_api_key", message="m", param=None),
    "messages": anthropic_tail("authentication_error"),
    "gemini": google_tail(401, "UNAUTHENTICATED"),
}


@pytest.mark.parametrize("midstream", ["continue", "error"])
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "gemini"])
def test_an_error_about_a_key_sends_no_client_of_the_same_api_to_its_login(start, upstream, dialect, midstream):
    begun = {**FIRST_WORD, "responses": RESPONSE_BEGUN}[dialect]
    got = told_in_two(start, upstream, dialect, dialect,
                      [SSE_HEAD + chunk(begun), chunk(ABOUT_KEY[dialect]) + LAST_CHUNK], route={"midstream": midstream})
    assert got.body.startswith(begun)  # all that is not about the key comes as it came
    tail = got.body.removeprefix(begun).decode()
    for word in ("auth", "invalid", "permission", "401", "api_key", "AUTH"):
        assert word not in tail, tail
    found = [json.loads(line[6:]) for line in tail.replace("\r", "").split("\n") if line.startswith("data: {")]
    (error,) = [data["error"] for data in found if data.get("error")]
    assert error["message"] in ("m", "something broke")
    if dialect == "responses":
        assert [data["sequence_number"] for data in found] == [4, 5]
        failed = found[-1]["response"]
        assert failed["id"] == "resp_T1" and failed["error"]["code"] == "server_error"
        if midstream == "continue":
            assert failed["output"][0]["content"][0]["text"] == "Once"


@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
@pytest.mark.parametrize("midstream", ["continue", "error"])
def test_events_of_a_response_that_are_held_back_leave_no_gap_in_its_numbers(start, upstream, midstream, together):
    told = ABOUT_KEY["responses"], typed("response.failed", sequence_number=5, response={
        "id": "resp_T1", "object": "response", "status": "failed", "output": [],
        "error": {"code": "invalid_api_key", "message": "m"}})

    def apart(connection):
        connection.send(chunk(told[0]))
        time.sleep(0.05)
        connection.send(chunk(told[1]) + LAST_CHUNK)
    last = chunk(b"".join(told)) + LAST_CHUNK if together else apart
    got = told_in_two(start, upstream, "responses", "responses", [SSE_HEAD + chunk(RESPONSE_BEGUN), last],
                      route={"midstream": midstream})
    found = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
    assert [data["sequence_number"] for data in found] == list(range(6))
    assert [data["type"] for data in found[4:]] == ["error", "response.failed"]


def test_half_an_event_of_a_response_leaves_no_gap_in_its_numbers(start, upstream):
    half = typed("response.output_text.delta", sequence_number=4, delta=" upon").rstrip(b"\n")
    got = told_in_two(start, upstream, "responses", "responses",
                      [SSE_HEAD + chunk(RESPONSE_BEGUN), chunk(half) + LAST_CHUNK])
    found = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
    assert [data["sequence_number"] for data in found] == list(range(len(found)))
    assert [data["type"] for data in found[-2:]] == ["error", "response.failed"]


MISSING = {"chat": "model_not_found", "responses": "model_not_found", "messages": "not_found_error",
           "gemini": (404, "NOT_FOUND")}
KEY = {"chat": "invalid_api_key", "responses": "invalid_api_key", "messages": "authentication_error",
       "gemini": (401, "UNAUTHENTICATED")}
SLOW = {"chat": None, "responses": "server_error", "messages": "timeout_error",
        "gemini": (408, "DEADLINE_EXCEEDED")}
FAILED = {**BROKE, "gemini": (424, "INTERNAL")}
PLAIN = [
    ("gemini", status(400, google_error(400, "INVALID_ARGUMENT", "bad field")), 400, WRONG, "invalid_request_error"),
    ("converse", refusal(400, "ValidationException", "bad"), 400, WRONG, "invalid_request_error"),
    ("messages", status(404, anthropic_error("not_found_error", "model: x")), 404, MISSING, "invalid_request_error"),
    ("converse", refusal(429, "ThrottlingException", "m"), 429, RATE, "rate_limit_error"),
    ("gemini", status(503, google_error(503, "UNAVAILABLE", "m")), 503, BUSY, "service_unavailable_error"),
    ("messages", status(401, anthropic_error("authentication_error", "m")), 401, KEY, "invalid_request_error"),
    ("converse", refusal(424, "ModelErrorException", "m"), 424, FAILED, "server_error"),
    ("converse", refusal(408, "ModelTimeoutException", "m"), 408, SLOW, "server_error"),
]


@pytest.mark.parametrize("client", ["chat", "responses", "messages", "gemini"])
@pytest.mark.parametrize("dialect, answer, code, kind, openai", PLAIN)
def test_a_plain_error_has_its_status_and_the_clients_words(start, upstream, client, dialect, answer, code, kind,
                                                            openai):
    if client == dialect:
        return
    daemon = start(config(entry_of(upstream(answer), dialect), route={"retries": 0}), env=AWS)
    path, body = request(client, False)
    got = ask(daemon, path=path, body=body)
    assert got.status == code
    assert said(client, got.json["error"]) == kind[client], got.json
    if client in ("chat", "responses"):
        assert got.json["error"]["type"] == openai
    if client == "messages":
        assert got.json["request_id"] == got.header("x-request-id")
