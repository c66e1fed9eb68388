"""Clients of Google's API on upstreams of others, and any client on an upstream of Responses."""

import json

import pytest

from harness import DONE, SSE_HEAD, LAST_CHUNK, ask, chat, chunk, config, event, expect_metrics, sse, status, \
    usage_event, well
from natives import (anthropic, anthropic_error, events, gemini_body, google_error, native,
                     tool_events, typed)

MODELS = "/v1beta/models/gemini-m:"
TOOLS = [{"functionDeclarations": [{"name": "get_weather", "parameters": {
    "type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]}]


def generate(daemon, stream=False, query="?alt=sse", headers=(), **more):
    verb = "streamGenerateContent" + query if stream else "generateContent"
    return ask(daemon, path=MODELS + verb, body=gemini_body(**more), headers=headers)


def chunks(got) -> list[dict]:
    blocks = got.body.decode().split("\r\n\r\n")
    assert blocks[-1] == ""
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-1]]


def parts(bodies) -> list[dict]:
    return [part for body in bodies for one in body["candidates"]
            for part in one["content"]["parts"]]


def text(bodies) -> str:
    return "".join(part.get("text", "") for part in parts(bodies) if not part.get("thought"))


@pytest.mark.parametrize("dialect, path", [("chat", "/v1/chat/completions"), ("messages", "/v1/messages")])
def test_a_request_of_googles_reaches_other_upstreams_in_their_words(start, upstream, dialect, path):
    there = upstream({"chat": well(), "messages": anthropic()}[dialect])
    daemon = start(config(native(there, "primary", dialect, model="served")))
    got = generate(daemon, headers={"x-goog-api-key": "client", "x-goog-api-client": "genai-py/1"},
                   systemInstruction={"parts": [{"text": "Be brief."}]}, tools=TOOLS)
    assert got.status == 200 and got.header("content-type") == "application/json"
    assert text([got.json]) == "It works." and got.json["usageMetadata"]["candidatesTokenCount"] > 0
    assert got.json["candidates"][0]["finishReason"] == "STOP"
    sent = there.requests[0]
    assert sent.target == path and sent.json["model"] == "served"
    assert "Be brief." in json.dumps(sent.json) and "get_weather" in json.dumps(sent.json["tools"])
    assert b"x-goog-api" not in sent.raw_head
    streamed = generate(daemon, True)
    assert streamed.header("content-type") == "text/event-stream; charset=utf-8"
    assert text(chunks(streamed)) == "It works." and there.requests[1].json["stream"] is True
    assert chunks(streamed)[-1]["usageMetadata"]["totalTokenCount"] > 0
    expect_metrics(daemon, (2, "understudy_attempts_total", {"reason": "ok"}))


def test_without_events_the_answer_is_a_list_of_one(start, upstream):
    there = upstream(well())
    daemon = start(config(native(there, "primary", "chat")))
    got = generate(daemon, True, query="")
    assert got.status == 200 and text(got.json) == "It works." and len(got.json) == 1
    assert "stream" not in there.requests[0].json


def test_a_call_of_a_tool_and_its_result_make_the_round(start, upstream):
    there = upstream(events(tool_events()))
    daemon = start(config(native(there, "primary", "messages", model="claude-sonnet-4-5")))
    asked = {"role": "user", "parts": [{"text": "Weather?"}]}
    told = parts(chunks(generate(daemon, True, tools=TOOLS)))
    call, = [part for part in told if "functionCall" in part]
    assert call["functionCall"]["args"] == {"city": "Oslo"}
    assert call["thoughtSignature"] == "skip_thought_signature_validator"
    answer = {"role": "user", "parts": [{"functionResponse": {
        "name": "get_weather", "response": {"output": "cold"}}}]}
    generate(daemon, True, tools=TOOLS,
             contents=[asked, {"role": "model", "parts": [call]}, answer])
    use, = there.requests[1].json["messages"][1]["content"]
    result, = there.requests[1].json["messages"][2]["content"]
    assert use["id"] == call["functionCall"]["id"] == result["tool_use_id"]
    assert result["content"] == [{"type": "text", "text": "cold"}]


def test_a_chain_goes_from_googles_to_another_and_back(start, upstream):
    primary = upstream(status(503, google_error(503, "UNAVAILABLE")))
    backup = upstream(sse([event({"role": "assistant", "content": ""}), event({"content": "It works."}),
                           event({}, "stop"), usage_event(), DONE]))
    daemon = start(config(native(primary, "primary", "gemini"), native(backup, "backup", "chat")))
    got = generate(daemon, True)
    assert text(chunks(got)) == "It works." and got.header("x-understudy-upstream") == "backup"
    assert primary.requests[0].json == gemini_body()


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_googles_shape(start, upstream, stream):
    there = upstream(status(429, anthropic_error("rate_limit_error", "Slow down")))
    got = generate(start(config(native(there, "primary", "messages"))), stream)
    assert got.status == 429 and got.json["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert got.json["error"]["code"] == 429 and "Slow down" in got.json["error"]["message"]


def test_what_is_wrong_or_only_googles_is_told_in_its_shape(start, upstream):
    there = upstream(well())
    daemon = start(config(native(there, "primary", "chat")))
    wrong = generate(daemon, contents=[{"parts": [{"text": 5}]}])
    assert wrong.status == 400 and wrong.json["error"]["status"] == "INVALID_ARGUMENT"
    assert "contents[0]" in wrong.json["error"]["message"]
    alone = generate(daemon, tools=[{"googleSearch": {}}])
    assert alone.status == 400 and "googleSearch" in alone.json["error"]["message"]
    assert not there.connections


def response(**more) -> dict:
    return {"id": "resp_1", "object": "response", "model": "gpt-served", "status": "completed", "output": [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "It works.", "annotations": []}]}],
        "usage": {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17}, **more}


def responses_upstream(connection, request):
    if not request.json.get("stream"):
        body = json.dumps(response()).encode()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                        % (len(body), body))
        return
    told = [typed("response.created", response=response(status="in_progress", output=[], usage=None)),
            typed("response.output_text.delta", output_index=0, content_index=0, item_id="msg_1",
                  delta="It works."),
            typed("response.completed", response=response())]
    connection.send(SSE_HEAD + b"".join(chunk(part) for part in told) + LAST_CHUNK)


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_request_reaches_an_upstream_of_responses_in_its_words(start, upstream, stream):
    there = upstream(responses_upstream)
    daemon = start(config(native(there, "primary", "responses", model="gpt-x")))
    got = chat(daemon, stream=stream)
    assert got.status == 200 and got.text == "It works."
    sent = there.requests[0]
    assert sent.target == "/v1/responses" and sent.json["store"] is False
    assert sent.json["input"][0]["content"] == [{"type": "input_text", "text": "Say something."}]
    if stream:
        assert got.finished and got.events[-1] == "[DONE]"
    expect_metrics(daemon, (5, "understudy_tokens_total", {"type": "output", "source": "reported"}))
    assert text(chunks(generate(daemon, True))) == "It works."
