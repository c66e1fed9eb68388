"""The simulated upstream in Anthropic's and Google's API: healthy answers, and every fault in that API's words."""

import json

import pytest

from raw import WORDS, Connection, body_of
from tests.support.daemon import fetch

THOUGHTS = 20
CALL = {"city": "Lisbon", "unit": "celsius"}


def messages(mock, model="ok", stream=False, **more):
    with Connection(mock.url) as connection:
        connection.send("/v1/messages", body_of(model, stream, max_tokens=64, **more))
        return connection.receive()


def generate(mock, model="ok", stream=False, query="?alt=sse", **more):
    action = "streamGenerateContent" + query if stream else "generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], **more}
    with Connection(mock.url) as connection:
        connection.send(f"/v1beta/models/{model}:{action}", json.dumps(body).encode())
        return connection.receive()


def of_messages(answer) -> list[dict]:
    """The events, each named as its data says."""
    found = []
    for block in answer.body.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == "event: " + found[-1]["type"]
    return found


def of_google(answer) -> list[dict]:
    blocks = answer.body.decode().split("\r\n\r\n")
    assert blocks.pop() == ""
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def parts(documents) -> list[dict]:
    return [part for one in documents for part in one["candidates"][0]["content"]["parts"]]


def text_of(api, answer, stream) -> str:
    if api is messages:
        if not stream:
            return "".join(block["text"] for block in answer.json["content"])
        return "".join(one["delta"].get("text", "") for one in of_messages(answer)
                       if one["type"] == "content_block_delta")
    documents = of_google(answer) if stream else [answer.json]
    return "".join(part["text"] for part in parts(documents))


either = pytest.mark.parametrize("api", [messages, generate], ids=["messages", "gemini"])
plain_or_not = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


# --- healthy

def test_a_message_is_anthropics_and_counts_as_anthropic_does(mock):
    answer = messages(mock)
    body = answer.json
    assert text_of(messages, answer, False) == WORDS and body["model"] == "ok"
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "end_turn")
    assert body["usage"] == {"input_tokens": 600, "cache_creation_input_tokens": 0,
                             "cache_read_input_tokens": 400, "output_tokens": 80}
    assert answer.headers["request-id"] and "openai-version" not in answer.headers


def test_a_stream_of_messages_has_anthropics_events_in_their_order(mock):
    told = of_messages(messages(mock, stream=True))
    kinds = [one["type"] for one in told]
    assert kinds == ["message_start", "content_block_start", "ping", *["content_block_delta"] * 60,
                     "content_block_stop", "message_delta", "message_stop"]
    assert told[0]["message"]["usage"]["input_tokens"] == 600
    assert told[-2]["usage"]["output_tokens"] == 80 and told[-2]["delta"]["stop_reason"] == "end_turn"


def test_gemini_answers_as_google_does(mock):
    whole = generate(mock).json
    assert parts([whole]) == [{"text": WORDS}] and whole["modelVersion"] == "ok"
    assert whole["usageMetadata"] == {
        "promptTokenCount": 1000, "cachedContentTokenCount": 400, "candidatesTokenCount": 60,
        "thoughtsTokenCount": THOUGHTS, "totalTokenCount": 1080}
    told = of_google(generate(mock, stream=True))
    assert len(told) == 61 and "".join(part["text"] for part in parts(told)) == WORDS
    assert [one["candidates"][0].get("finishReason") for one in told] == [None] * 60 + ["STOP"]
    assert told[-1]["usageMetadata"] == whole["usageMetadata"]


def test_without_alt_sse_google_streams_one_list(mock):
    answer = generate(mock, stream=True, query="")
    listed = answer.json
    assert answer.headers["content-type"].startswith("application/json") and len(listed) == 61
    assert "".join(part["text"] for part in parts(listed)) == WORDS
    assert listed[-1]["candidates"][0]["finishReason"] == "STOP"
    broken = generate(mock, "cut-3", stream=True, query="")
    assert broken.ended == "closed" and broken.body.startswith(b"[{") and not broken.body.endswith(b"]")
    assert generate(mock, "error-event-2", stream=True, query="").json[-1]["error"]["code"] == 500


@plain_or_not
def test_a_tool_is_called(mock, stream):
    if stream:
        told = of_messages(messages(mock, "tools", stream=True))
        [begun] = [one["content_block"] for one in told if one["type"] == "content_block_start"]
        arguments = "".join(one["delta"].get("partial_json", "") for one in told if "delta" in one)
        call, reason = {**begun, "input": json.loads(arguments)}, told[-2]["delta"]["stop_reason"]
        google = of_google(generate(mock, "tools", stream=True))
    else:
        body = messages(mock, "tools").json
        [call], reason = body["content"], body["stop_reason"]
        google = [generate(mock, "tools").json]
    assert call == {"type": "tool_use", "id": "toolu_mock", "name": "get_weather", "input": CALL}
    assert reason == "tool_use"
    assert parts(google)[0]["functionCall"] == {"name": "get_weather", "args": CALL}


@plain_or_not
def test_thoughts_come_first(mock, stream):
    if stream:
        told = of_messages(messages(mock, "reasoning", stream=True))
        blocks = [one["content_block"]["type"] for one in told if one["type"] == "content_block_start"]
        thoughts = [one["delta"]["thinking"] for one in told
                    if one.get("delta", {}).get("type") == "thinking_delta"]
        assert len(thoughts) == THOUGHTS and [one["index"] for one in told if "index" in one][-1] == 1
        google = of_google(generate(mock, "reasoning", stream=True))
        assert [bool(part.get("thought")) for part in parts(google)] == [True] * 20 + [False] * 61
    else:
        blocks = [block["type"] for block in messages(mock, "reasoning").json["content"]]
        assert [bool(part.get("thought")) for part in parts([generate(mock, "reasoning").json])] == \
            [True, False]
    assert blocks == ["thinking", "text"]


@plain_or_not
def test_what_is_begun_is_gone_on_with(mock, stream):
    begun, rest = WORDS[:100], WORDS[100:]
    answer = messages(mock, stream=stream, messages=[
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": [{"type": "text", "text": begun}]}])
    assert text_of(messages, answer, stream) == rest
    answer = generate(mock, stream=stream, contents=[
        {"role": "user", "parts": [{"text": "Go."}]}, {"role": "model", "parts": [{"text": begun}]}])
    assert text_of(generate, answer, stream) == rest
    refused = messages(mock, "no-prefill", messages=[{"role": "assistant", "content": begun}])
    assert refused.status == 400 and "prefill" in refused.json["error"]["message"]
    assert generate(mock, "no-prefill", contents=[
        {"role": "model", "parts": [{"text": begun}]}]).json["error"]["status"] == "INVALID_ARGUMENT"


def test_tokens_are_counted_and_models_listed(mock):
    with Connection(mock.url) as connection:
        connection.send("/v1/messages/count_tokens", body_of("ok"))
        assert connection.receive().json == {"input_tokens": 1000}
        connection.send("/v1beta/models/ok:countTokens", b"{}")
        assert connection.receive().json == {"totalTokens": 1000}
    _, _, listed = fetch(mock.url + "/v1/models", headers={"anthropic-version": "2023-06-01"})
    assert {"type": "model", "id": "ok"}.items() <= json.loads(listed)["data"][0].items()
    _, _, listed = fetch(mock.url + "/v1beta/models")
    assert json.loads(listed)["models"][0]["name"] == "models/ok"
    assert fetch(mock.url + "/v1beta/models/ok:unknown", method="POST", body=b"{}")[0] == 405
    assert fetch(mock.url + "/v1beta/chat/completions", method="POST", body=b"{}")[0] == 404


# --- sick

@pytest.mark.parametrize("status, anthropics, googles", [
    (400, "invalid_request_error", "INVALID_ARGUMENT"), (401, "authentication_error", "UNAUTHENTICATED"),
    (403, "permission_error", "PERMISSION_DENIED"), (404, "not_found_error", "NOT_FOUND"),
    (429, "rate_limit_error", "RESOURCE_EXHAUSTED"), (500, "api_error", "INTERNAL"),
    (503, "api_error", "UNAVAILABLE"), (529, "overloaded_error", "INTERNAL")])
@plain_or_not
def test_a_status_answers_in_the_shape_of_the_api(mock, status, anthropics, googles, stream):
    answer = messages(mock, f"{status}-retry-3s", stream)
    assert answer.status == status and answer.headers["retry-after"] == "3"
    assert answer.json["type"] == "error" and answer.json["error"]["type"] == anthropics
    answer = generate(mock, str(status), stream)
    assert answer.status == status and answer.json["error"]["message"]
    assert (answer.json["error"]["code"], answer.json["error"]["status"]) == (status, googles)


@pytest.mark.parametrize("model, status, says, googles, google_says", [
    ("quota", 400, "credit balance", 429, "RequestsPerDay"),
    ("context-length", 400, "prompt is too long", 400, "token count"),
    ("content-filter", 400, "content filtering policy", 200, "PROHIBITED_CONTENT")])
@plain_or_not
def test_refusals_are_those_of_the_api(mock, model, status, says, googles, google_says, stream):
    answer = messages(mock, model, stream)
    assert answer.status == status and says in answer.json["error"]["message"]
    answer = generate(mock, model, stream)
    assert answer.status == googles and google_says in answer.body.decode()
    if googles == 200:
        [said] = of_google(answer) if stream else [answer.json]
        assert "candidates" not in said and said["promptFeedback"]["blockReason"] == google_says


@either
@pytest.mark.parametrize("model, words, ended", [
    ("cut-40", 40, "closed"), ("reset-7", None, "reset"), ("cut-60", 60, "closed")])
def test_streams_break_where_they_are_told_to(mock, api, model, words, ended):
    answer = api(mock, model, stream=True)
    assert answer.ended == ended and not answer.whole
    if words:
        assert text_of(api, answer, True).split() == WORDS.split()[:words]
    assert b"message_delta" not in answer.body and b"finishReason" not in answer.body


@either
def test_an_event_that_is_not_json_stands_among_good_ones(mock, api):
    answer = api(mock, "malformed-10", stream=True)
    data = [line for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    broken = []
    for line in data:
        try:
            json.loads(line[6:])
        except ValueError:
            broken.append(line)
    assert len(broken) == 1 and answer.whole and len(data) > 60
    with pytest.raises(ValueError):
        json.loads(api(mock, "malformed-1").body)


@either
def test_an_error_event_ends_a_stream(mock, api):
    for model, words in (("error-event-first", 0), ("error-event-5", 5)):
        told = (of_messages if api is messages else of_google)(api(mock, model, stream=True))
        error = told[-1]["error"]
        assert error["message"] and (error.get("type") == "api_error" or error.get("status") == "INTERNAL")
        assert sum(one.get("type") == "content_block_delta" or "candidates" in one for one in told) == words


@either
@plain_or_not
def test_bodies_that_are_no_answer(mock, api, stream):
    assert api(mock, "empty", stream).body == b""
    assert api(mock, "html", stream).body.startswith(b"<!DOCTYPE")
    inside = api(mock, "error-in-200", stream)
    assert inside.status == 200 and "error" in inside.json
    hollow = api(mock, "no-choices", stream)
    assert b"content" not in hollow.body and b"candidates" not in hollow.body
    assert hollow.whole and b"DONE" not in hollow.body
    half = api(mock, "truncated-json", stream)
    with pytest.raises(ValueError):
        json.loads(half.body.strip().removeprefix(b"data: "))
    assert half.whole and half.body


def test_no_done_and_no_usage(mock):
    told = of_messages(messages(mock, "no-done", stream=True))
    assert told[-1]["type"] == "message_delta"
    for api in (messages, generate):
        for stream in (False, True):
            answer = api(mock, "no-usage", stream)
            assert text_of(api, answer, stream) == WORDS and b'"usage' not in answer.body


def test_once_counts_by_the_model_in_the_path(mock):
    assert [generate(mock, "503-once").status for _ in range(2)] == [503, 200]
    log = json.loads(fetch(mock.url + "/control/log")[2])["requests"]
    assert [(one["model"], one["behaviour"], one["stream"]) for one in log] == [
        ("503-once", "503-once", False), ("503-once", "503-once (well)", False)]
    assert generate(mock, "slow-1ms%2Bcut-2", stream=True).ended == "closed"
    last = json.loads(fetch(mock.url + "/control/log")[2])["requests"][-1]
    assert (last["model"], last["stream"]) == ("slow-1ms+cut-2", True)
    assert generate(mock, "100%25%zz").json["modelVersion"] == "100%%zz"
