"""What of an answer is easily lost or told wrongly on its way into another API: who it is, what it begins with,
the order of its parts, why it ended, and what cannot be said there at all."""

import json

import bedrock
import pytest
from bedrock import AWS
from harness import ask, chat_body, config, plain, plain_and_streamed, status, steps, well
from natives import (MESSAGE_STOP, anthropic, block_delta, block_start, block_stop, candidate, events, gemini_body,
                     google_event, message_body, message_delta, message_start, native, text_delta, typed)

CALL = {"functionCall": {"name": "get", "args": {"a": 1}}}


def request(client: str, stream: bool, **more) -> tuple[str, dict]:
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{verb}", gemini_body(**more)
    if client == "messages":
        return "/v1/messages", message_body(stream, **more)
    if client == "responses":
        return "/v1/responses", {"model": "m", "input": "Say something.", "stream": stream, **more}
    return "/v1/chat/completions", chat_body(stream, **more)


def get(daemon, client: str, stream=False, headers=(), **more):
    path, body = request(client, stream, **more)
    return ask(daemon, path=path, body=body, headers=headers)


def datas(got) -> list[dict]:
    return [json.loads(line[6:]) for line in got.body.decode().replace("\r", "").split("\n")
            if line.startswith("data: {")]


def found(value, names) -> list[str]:
    """All that is called so, however deep."""
    if isinstance(value, list):
        return [one for inner in value for one in found(inner, names)]
    if not isinstance(value, dict):
        return []
    own = [inner for key, inner in value.items() if key in names and isinstance(inner, str)]
    return own + [one for inner in value.values() for one in found(inner, names)]


def nameless(stream: bool) -> dict:
    body = candidate(CALL)
    body.pop("responseId", None)
    return body


@plain_and_streamed
@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_who_gives_no_ids_gets_ids_that_no_other_answer_has(start, upstream, client, stream):
    body = nameless(stream)
    daemon = start(config(native(upstream(events([google_event(body)]) if stream else plain(json.dumps(body))),
                                 "primary", "gemini", model="m")))
    names = ("id", "call_id", "responseId", "item_id")
    seen = []
    for _ in range(3):
        # As clients do that give all of their requests one id.
        got = get(daemon, client, stream, headers={"x-request-id": "one"})
        ids = set(found(datas(got) if stream else got.json, names))
        assert got.status == 200 and len(ids) >= 2, got
        assert not any(one in ("chatcmpl-", "msg_", "resp_", "call_") for one in ids), ids
        seen.append(ids)
    assert not (seen[0] & seen[1] or seen[1] & seen[2] or seen[0] & seen[2]), seen


BEGUN = {"id": "resp_7", "object": "response", "created_at": 7, "model": "served", "status": "in_progress",
         "error": None, "incomplete_details": None, "output": [], "usage": None, "parallel_tool_calls": False,
         "tool_choice": "auto", "tools": [{"type": "web_search"}]}
ITEM = {"type": "message", "id": "msg_7", "role": "assistant", "status": "in_progress", "content": []}
PART = {"type": "output_text", "text": "", "annotations": []}
HALF = [typed("response.created", sequence_number=0, response=BEGUN),
        typed("response.output_item.added", sequence_number=1, output_index=0, item=ITEM),
        typed("response.content_part.added", sequence_number=2, output_index=0, content_index=0, item_id="msg_7",
              part=PART),
        typed("response.output_text.delta", sequence_number=3, output_index=0, content_index=0, item_id="msg_7",
              delta="Once \"upon")]
OUTPUTS = {
    "spliced": ("responses", HALF),
    "translated": ("messages", [message_start(), block_start(), text_delta("Once \"upon")]),
    "behind a call": ("responses", [
        HALF[0], *(typed(f"response.output_item.{what}", sequence_number=number, output_index=0, item={
            "type": "function_call", "id": "fc_7", "call_id": "call_7", "name": "get", "arguments": arguments})
            for number, (what, arguments) in enumerate((("added", ""), ("done", "{}")), 1)),
        *(one.replace(b'"output_index": 0', b'"output_index": 1') for one in HALF[1:])]),
}


@pytest.mark.parametrize("midstream", ["continue", "error"])
@pytest.mark.parametrize("what", OUTPUTS)
def test_a_response_that_is_cut_fails_as_its_libraries_types_want(start, upstream, what, midstream):
    dialect, parts = OUTPUTS[what]
    there = upstream(steps(events(parts, last=b""), lambda connection: connection.close()))
    daemon = start(config(native(there, "primary", dialect, model="m"), route={"midstream": midstream}))
    got = get(daemon, "responses", True)
    told = datas(got)
    assert got.ended == "cut" and [one["type"] for one in told[-2:]] == ["error", "response.failed"]
    begun, failed = told[0]["response"], told[-1]["response"]
    assert told[-2]["code"] == "stream_interrupted"
    same = ("id", "object", "created_at", "model", "parallel_tool_calls", "tool_choice", "tools")
    assert {key: failed[key] for key in same} == {key: begun[key] for key in same}
    assert failed["status"] == "failed" and failed["error"]["code"] == "server_error"
    assert failed["error"]["message"] == told[-2]["message"]
    if midstream == "error":    # nobody goes on with it, so nobody has followed it
        assert failed["output"] == []
        return
    output = [item for item in failed["output"] if item["type"] == "message"]
    assert [part["text"] for part in output[0]["content"]] == ["Once \"upon"]
    assert output[0]["id"] == next(one["item"]["id"] for one in told if one["type"] == "response.output_item.added"
                                   and one["item"]["type"] == "message")
    if what == "behind a call":
        assert [item["type"] for item in failed["output"]] == ["function_call", "message"]


# --- Anthropic's streams

def prefilled(*content) -> bytes:
    start = json.loads(message_start().split(b"data: ")[1])
    start["message"]["content"] = list(content)
    return typed("message_start", message=start["message"])


def anthropics(start, upstream, parts):
    return start(config(native(upstream(events(parts)), "primary", "messages", model="m")))


def test_what_a_message_begins_with_is_told(start, upstream):
    daemon = anthropics(start, upstream, [
        prefilled({"type": "text", "text": "Well. "},
                  {"type": "tool_use", "id": "t1", "name": "get", "input": {"a": 1}}),
        message_delta("tool_use"), MESSAGE_STOP])
    deltas = [one["choices"][0]["delta"] for one in datas(get(daemon, "chat", True)) if one["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Well. "
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert calls[0]["id"] == "t1" and calls[0]["function"]["name"] == "get"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"a": 1}


def test_the_same_message_may_start_twice_and_another_one_not(start, upstream):
    tail = [text_delta("too"), block_stop(), message_delta(), MESSAGE_STOP]
    for second, fine in ((message_start(), True), (message_start(message_id="msg_X"), False)):
        daemon = anthropics(start, upstream, [message_start(), block_start(), text_delta("One "), second, *tail])
        got = get(daemon, "chat", True)
        assert ("[DONE]" in got.events) == fine and (got.stream_error is None) == fine, got


# --- order, ends, pictures

def test_thoughts_stand_before_what_came_of_them(start, upstream):
    for message in ({"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
                    {"role": "assistant", "reasoning_content": "Hm.", "content": "Yes."}):
        body = {"id": "c", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}]}

        def answer(connection, asked):
            there = asked.target == "/v1/chat/completions"
            connection.send(plain(json.dumps(body)) if there else status(404, b"404 page not found"))
        daemon = start(config(native(upstream(answer), "primary", "chat", model="m")))
        got = get(daemon, "responses", reasoning={"effort": "high", "summary": "auto"})
        assert [item["type"] for item in got.json["output"]] == ["reasoning", "message"]


@plain_and_streamed
@pytest.mark.parametrize("client, word", [("messages", "model_context_window_exceeded"), ("chat", "length"),
                                          ("gemini", "MAX_TOKENS"), ("responses", "max_output_tokens")])
def test_a_full_context_is_called_so(start, upstream, client, word, stream):
    reason = "model_context_window_exceeded"
    there = upstream(bedrock.runtime(whole=bedrock.answer(reason=reason),
                                     events=[*bedrock.text_events()[:-2], bedrock.stop(reason), bedrock.metadata()]))
    daemon = start(config(bedrock.entry(there)), env=AWS)
    got = get(daemon, client, stream)
    said = found(datas(got) if stream else got.json, ("stop_reason", "finish_reason", "finishReason", "reason"))
    assert said[-1] == word


TOOLS = [{"type": "custom", "custom": {"name": "patch"}}, {"type": "function", "function": {"name": "get"}}]


def test_calls_of_free_text_keep_their_place_among_the_others(start, upstream):
    def call(index, name, *pieces):
        return [block_start(index, type="tool_use", id=f"t{index}", name=name, input={}),
                *(block_delta(index, type="input_json_delta", partial_json=piece) for piece in pieces),
                block_stop(index)]
    daemon = anthropics(start, upstream, [
        message_start(), *call(0, "patch", "{\"input\":", "\"A\"}"), *call(1, "get", "{\"a\":", "1}"),
        *call(2, "patch", "{\"input\":\"B\"}"), *call(3, "get", "{\"b\":2}"), message_delta("tool_use"), MESSAGE_STOP])
    got = get(daemon, "chat", True, tools=TOOLS)
    calls = [call for one in datas(got) if one["choices"] for call in one["choices"][0]["delta"].get("tool_calls", ())]
    indexes = [call["index"] for call in calls]
    assert indexes == sorted(indexes) and set(indexes) == {0, 1, 2, 3}
    assert [call["custom"]["input"] for call in calls if "custom" in call] == ["A", "B"]
    for index, arguments in ((1, {"a": 1}), (3, {"b": 2})):
        assert json.loads("".join(call["function"]["arguments"] for call in calls
                                  if call["index"] == index)) == arguments


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_a_picture_alone_is_no_answer_where_none_can_be_told(start, upstream, client):
    first = upstream(plain(json.dumps(candidate(PICTURE))))
    second = upstream(anthropic() if client != "messages" else well())
    entry = native(first, "first", "gemini", model="m")
    got = get(start(config(entry, native(second, "second", "chat" if client == "messages" else "messages",
                                                  model="m"))), client)
    assert got.status == 200 and got.header("x-understudy-upstream") == "second"
    assert [attempt[1] for attempt in got.trace] == ["malformed", "ok"]
    got = get(start(config(entry, route={"retries": 0})), client)
    assert got.status == 502 and "picture" in got.body.decode()


def test_a_picture_beside_words_is_named(start, upstream):
    daemon = start(config(native(upstream(plain(json.dumps(candidate({"text": "Here."}, PICTURE)))), "primary",
                                 "gemini", model="m")))
    got = get(daemon, "chat")
    assert got.text == "Here." and got.header("x-understudy-dropped") == "inlineData"


def test_a_picture_alone_in_a_stream_is_an_error(start, upstream):
    daemon = start(config(native(upstream(events([google_event(candidate(PICTURE))])), "primary", "gemini", model="m"),
                          route={"retries": 0}))
    got = get(daemon, "chat", True)
    assert "[DONE]" not in got.events and (got.status == 502 or got.stream_error), got
