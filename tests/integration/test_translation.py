"""Clients of one API on upstreams of another: what is sent is said in the upstream's words, what comes back
in the client's, and failover, commit, books and errors are those of any other request."""

import json
import threading

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk,
                     completion, config, event, expect_metrics, gzipped, plain, plain_and_streamed,
                     reset, sse, status, steps, stream_events, usage_event, well, words)
from natives import (MESSAGE_STOP, anthropic, anthropic_error, block_start, block_stop, candidate,
                     events, gemini_body, google, google_error, google_event, message, message_body,
                     message_delta, message_events, message_start, native, text_delta, tool_events,
                     typed)

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
ANTHROPIC_TOOL = {"name": "get_weather", "description": "Of a city.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}}}
VERSION = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-management-2025-06-27"}


def messages(daemon, stream=False, headers=VERSION, path="/v1/messages", **more):
    return ask(daemon, path=path, body=message_body(stream, **more), headers=headers)


def responses(daemon, stream=False, **more):
    body = {"model": "m", "input": "Say something.", **more}
    return ask(daemon, path="/v1/responses", body={**body, "stream": True} if stream else body)


def one(start, upstream, answer, dialect, **settings):
    """A daemon on one upstream of that dialect, and the upstream."""
    there = upstream(answer)
    return start(config(native(there, "primary", dialect, **settings))), there


def typed_events(got) -> list[dict]:
    """The events of Anthropic's or OpenAI's typed streams; each is named as its data says."""
    found = []
    for block in got.body.decode().split("\n\n")[:-1]:
        lines = block.split("\n")
        data = json.loads("".join(line[6:] for line in lines if line.startswith("data: ")))
        assert lines[0] == f"event: {data['type']}", block
        found.append(data)
    return found


def said_in_messages(got) -> str:
    """The text of a stream of Anthropic's, which must be one from start to stop."""
    kinds = [data["type"] for data in typed_events(got) if data["type"] != "ping"]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    return "".join(data["delta"].get("text", "") for data in typed_events(got)
                   if data["type"] == "content_block_delta")


# --- what is asked

def test_a_chat_request_reaches_an_upstream_of_messages_in_its_words(start, upstream):
    daemon, there = one(start, upstream, anthropic(), "messages", model="claude-x")
    got = ask(daemon, path="/v1/chat/completions?trace=1", body={
        "model": "m", "max_completion_tokens": 50, "tools": [TOOL], "tool_choice": "required",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Caf\u00e9?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function",
                 "function": {"name": "get_weather", "arguments": "{\"city\": \"Oslo\"}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "cold"}],
    }, headers={"Authorization": "Bearer sk-client", "OpenAI-Beta": "x=1", "OpenAI-Organization": "o",
                "Content-Type": "application/json; charset=utf-8", "X-Own": "kept"})
    assert got.status == 200 and got.text == "It works."
    sent = there.requests[0]
    assert sent.target == "/v1/messages"
    assert sent.headers("x-api-key") == ["sk-primary"]
    assert sent.headers("anthropic-version") == ["2023-06-01"]
    assert sent.headers("content-type") == ["application/json"] and sent.header("x-own") == "kept"
    for name in ("authorization", "openai-beta", "openai-organization"):
        assert sent.header(name) is None
    body = sent.json
    assert body["model"] == "claude-x" and body["max_tokens"] == 50
    assert json.dumps(body["system"]).count("Be brief.") == 1
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"][1]["source"] == {
        "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    call, = body["messages"][1]["content"]
    assert (call["type"], call["input"]) == ("tool_use", {"city": "Oslo"})
    result, = body["messages"][2]["content"]
    assert result["type"] == "tool_result" and result["tool_use_id"] == call["id"]
    assert body["tools"][0]["name"] == "get_weather" and body["tool_choice"]["type"] == "any"


def test_a_chat_request_reaches_an_upstream_of_gemini_in_its_words(start, upstream):
    daemon, there = one(start, upstream, google(), "gemini", model="gemini-x")
    got = chat(daemon, stream=True, tools=[TOOL])
    assert got.text == "It works." and got.events[-1] == "[DONE]" and got.ended == "whole"
    sent = there.requests[0]
    assert sent.target == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    assert sent.headers("x-goog-api-key") == ["sk-primary"] and sent.header("authorization") is None
    assert sent.json["contents"][0]["parts"] == [{"text": "Say something."}]
    assert "model" not in sent.json and "stream" not in sent.json
    assert chat(daemon).text == "It works."
    assert there.requests[1].target == "/v1beta/models/gemini-x:generateContent"


def test_a_messages_request_reaches_an_upstream_of_chat_in_its_words(start, upstream):
    daemon, there = one(start, upstream, well(), "chat", model="gpt-x")
    got = messages(daemon, path="/v1/messages?beta=true", system="Be brief.", tools=[ANTHROPIC_TOOL],
                   headers={**VERSION, "x-api-key": "sk-client", "x-stainless-lang": "python"})
    assert got.status == 200 and got.header("content-type") == "application/json"
    answer = got.json
    assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant",
                                                                       "end_turn")
    assert answer["content"] == [{"type": "text", "text": "It works."}]
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (12, 5)
    sent = there.requests[0]
    assert sent.target == "/v1/chat/completions"
    assert sent.headers("authorization") == ["Bearer sk-primary"]
    for name in ("x-api-key", "anthropic-version", "anthropic-beta"):
        assert sent.header(name) is None
    assert [turn["role"] for turn in sent.json["messages"]] == ["system", "user"]
    assert sent.json["max_tokens"] == 64 and sent.json["model"] == "gpt-x"
    assert sent.json["tools"][0]["function"]["name"] == "get_weather"


def test_azures_deployment_and_version_are_in_the_target(start, upstream):
    there = upstream(well())
    daemon = start(config({"name": "azure", "provider": "azure", "api_version": "2024-10-21",
                           "base_url": f"http://127.0.0.1:{there.port}/openai", "model": "mine"}))
    assert said_in_messages(messages(daemon, True)) == "It works."
    sent = there.requests[0]
    assert sent.target == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert sent.headers("api-key") == ["sk-azure"] and sent.header("authorization") is None


def test_a_configured_rewrite_is_of_the_body_that_is_sent(start, upstream):
    daemon, there = one(start, upstream, anthropic(), "messages", body={
        "set": {"service_tier": "standard_only"}, "drop": ["top_k"]})
    assert chat(daemon).status == 200
    assert there.requests[0].json["service_tier"] == "standard_only"


CREDENTIALS = [
    ("chat to messages", "/v1/chat/completions", chat_body(), {"Authorization": "Bearer sk-client"},
     "messages", "x-api-key", "sk-client"),
    ("chat to gemini", "/v1/chat/completions", chat_body(), {"Authorization": "Bearer sk-client"},
     "gemini", "x-goog-api-key", "sk-client"),
    ("messages to chat", "/v1/messages", message_body(), {"x-api-key": "sk-client"},
     "chat", "authorization", "Bearer sk-client"),
    ("a token of Claude Code's", "/v1/messages", message_body(), {"Authorization": "Bearer sk-client"},
     "chat", "authorization", "Bearer sk-client"),
]


@pytest.mark.parametrize("path, body, offered, dialect, name, value",
                         [row[1:] for row in CREDENTIALS], ids=[row[0] for row in CREDENTIALS])
def test_a_clients_own_key_goes_on_in_the_upstreams_form(start, upstream, path, body, offered,
                                                         dialect, name, value):
    answers = {"messages": anthropic(), "gemini": google(), "chat": well()}
    daemon, there = one(start, upstream, answers[dialect], dialect, api_key=None)
    assert ask(daemon, path=path, body=body,
               headers={**offered, "Cookie": "s=1"}).status == 200
    shown = [field for field in there.requests[0].fields if "sk-client" in field[1]]
    assert shown == [(name, value)] and there.requests[0].header("cookie") is None


def test_an_upstream_with_a_key_of_its_own_gets_none_of_the_clients(start, upstream):
    daemon, there = one(start, upstream, anthropic(), "messages")
    ask(daemon, body=chat_body(), headers={"Authorization": "Bearer sk-client",
                                           "api-key": "sk-client"})
    assert b"sk-client" not in there.requests[0].raw_head


# --- what comes back

def test_a_plain_answer_is_the_clients_and_is_billed_as_the_upstreams(start, upstream):
    daemon, there = one(start, upstream, plain(message(), "request-id: req_1",
                                               "anthropic-ratelimit-requests-remaining: 9"),
                        "messages", model="claude-sonnet-4-5",
                        price={"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75})
    got = chat(daemon)
    assert got.json["object"] == "chat.completion" and got.json["model"] == "claude-served"
    assert got.json["choices"][0]["finish_reason"] == "stop"
    usage = got.json["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (22, 6, 28)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 5
    assert got.headers("content-type") == ["application/json"]
    assert got.header("request-id") == "req_1"
    assert got.header("x-understudy-model") == "claude-sonnet-4-5"
    cost = (14 * 3 + 3 * 3.75 + 5 * 0.3 + 6 * 15) / 1e6
    assert abs(float(got.header("x-understudy-cost-usd")) - cost) < 1e-12
    expect_metrics(
        daemon,
        (14, "understudy_tokens_total", {"type": "input", "source": "reported"}),
        (5, "understudy_tokens_total", {"type": "cache_read"}),
        (3, "understudy_tokens_total", {"type": "cache_write"}),
        (6, "understudy_tokens_total", {"type": "output"}),
        (cost, "understudy_cost_usd_total", {"upstream": "primary"}),
        (0, "understudy_usage_missing_total", {}))


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream_is_the_clients_with_its_usage_only_where_it_was_asked_for(start, upstream,
                                                                            include_usage):
    daemon, there = one(start, upstream, anthropic(), "messages")
    more = {"stream_options": {"include_usage": True}} if include_usage else {}
    got = chat(daemon, stream=True, **more)
    assert got.finished and got.text == "It works."
    assert got.header("content-type") == "text/event-stream; charset=utf-8"
    bodies = [json.loads(data) for data in got.events[:-1]]
    assert bodies[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len({body["id"] for body in bodies}) == 1
    assert [c["finish_reason"] for body in bodies for c in body["choices"]][-1] == "stop"
    told = [body["usage"] for body in bodies if body.get("usage")]
    assert [usage["prompt_tokens"] for usage in told] == ([22] if include_usage else [])
    expect_metrics(daemon, (14, "understudy_tokens_total", {"type": "input"}),
                   (6, "understudy_tokens_total", {"type": "output"}),
                   (0, "understudy_usage_missing_total", {}))


def test_thoughts_and_calls_are_told_as_chat_tells_them(start, upstream):
    daemon, there = one(start, upstream, events(tool_events()), "messages")
    bodies = [json.loads(data) for data in chat(daemon, stream=True, tools=[TOOL]).events[:-1]]
    deltas = [choice["delta"] for body in bodies for choice in body["choices"]]
    assert "".join(d.get("reasoning_content") or "" for d in deltas) == "Where is it?"
    calls = [call for d in deltas for call in d.get("tool_calls") or []]
    assert calls[0]["function"]["name"] == "get_weather" and calls[0]["id"]
    assert "".join(c["function"].get("arguments", "") for c in calls) == "{\"city\":\"Oslo\"}"
    assert bodies[-1]["choices"][0]["finish_reason"] == "tool_calls"


CALL = [event({"role": "assistant", "content": None, "tool_calls": [
            {"index": 0, "id": "call_9", "type": "function",
             "function": {"name": "get_weather", "arguments": ""}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": "{\"city\":"}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": "\"Oslo\"}"}}]}),
        event({}, "tool_calls")]


def test_a_tool_call_of_chat_is_a_block_of_messages(start, upstream):
    daemon, there = one(start, upstream, sse([*CALL, usage_event(), DONE]), "chat")
    told = typed_events(messages(daemon, True, tools=[ANTHROPIC_TOOL]))
    begun, = [data["content_block"] for data in told if data["type"] == "content_block_start"]
    assert (begun["type"], begun["name"]) == ("tool_use", "get_weather")
    assert json.loads("".join(data["delta"].get("partial_json", "") for data in told
                              if data["type"] == "content_block_delta")) == {"city": "Oslo"}
    last, = [data for data in told if data["type"] == "message_delta"]
    assert last["delta"]["stop_reason"] == "tool_use" and last["usage"]["output_tokens"] == 5
    assert there.requests[0].json["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("dialect", ["messages", "gemini", "chat"])
def test_a_stream_is_the_same_however_it_is_cut(start, upstream, dialect, size):
    parts = {"messages": b"".join(message_events("Caf\u00e9 is here.")),
             "gemini": b"".join(google_event(candidate(word, finish=end)) for word, end in (
                 ("Caf\u00e9 ", None), ("is here.", "STOP"))),
             "chat": b"".join(stream_events("Caf\u00e9 is here."))}[dialect]
    answer = SSE_HEAD + b"".join(chunk(parts[i:i + size]) for i in range(0, len(parts), size)) \
        + LAST_CHUNK
    daemon, there = one(start, upstream,
                        lambda connection, request: connection.pieces(answer, max(size * 3, 40)),
                        dialect)
    if dialect == "chat":
        assert said_in_messages(messages(daemon, True)) == "Caf\u00e9 is here."
    else:
        got = chat(daemon, stream=True)
        assert got.finished and got.text == "Caf\u00e9 is here."


def test_each_event_goes_on_as_it_comes(start, upstream):
    go_on = threading.Event()
    first = events([message_start(), block_start(), text_delta("One")], last=b"")
    rest = b"".join(chunk(part) for part in (text_delta(" two"), block_stop(), message_delta(),
                                             MESSAGE_STOP)) + LAST_CHUNK
    daemon, there = one(start, upstream, steps(first, lambda c: c.wait(go_on), rest), "messages")
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda r: "One" in r.text)
        assert got.text == "One" and client.quiet()
        go_on.set()
        assert client.body(got).text == "One two" and got.finished


def test_a_comment_that_keeps_the_connection_alive_goes_on(start, upstream):
    parts = [*message_events("It works.")[:4], b": still here\n\n", *message_events("It works.")[4:]]
    daemon, there = one(start, upstream, events(parts), "messages")
    got = chat(daemon, stream=True)
    assert got.finished and got.body.count(b": still here\n\n") == 1


def test_a_members_harmless_loss_is_named(start, upstream):
    daemon, there = one(start, upstream, google(), "gemini", model="gemini-x")
    body = {**chat_body(), "user": "someone", "prompt_cache_key": "k"}
    got = ask(daemon, body=body)
    assert got.status == 200 and set(got.header("x-understudy-dropped").split(", ")) >= {
        "prompt_cache_key"}
    assert chat(daemon).header("x-understudy-dropped") is None


# --- what fails

def test_what_is_wrong_in_its_own_api_is_told_in_it_and_nobody_is_asked(start, upstream):
    first, second = upstream(anthropic()), upstream(anthropic())
    daemon = start(config(native(first, "first", "messages"), native(second, "second", "messages")))
    got = ask(daemon, body={"model": "m", "messages": "hello"})
    assert got.status == 400 and got.error["type"] == "understudy_error"
    assert got.error["code"] == "invalid_request" and "messages" in got.error["message"]
    assert not first.connections and not second.connections
    daemon, there = one(start, upstream, well(), "chat")
    got = messages(daemon, messages="hello")
    assert got.status == 400 and got.json["error"]["type"] == "invalid_request_error"
    assert not there.connections


def test_what_cannot_be_said_there_moves_the_chain_on(start, upstream):
    first, second = upstream(anthropic()), upstream(well())
    daemon = start(config(native(first, "first", "messages", model="c"), second.entry("second")))
    got = chat(daemon, n=2)
    assert got.status == 200 and got.header("x-understudy-upstream") == "second"
    assert got.trace[0][:3] == ["first/c", "unsupported", "-"] and not first.connections
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "first",
                                                             "reason": "unsupported"}))
    daemon, there = one(start, upstream, anthropic(), "messages")
    got = chat(daemon, n=2)
    assert got.status == 400 and got.error["code"] == "unsupported_by_upstream"
    assert not there.connections


ERRORS = [
    (429, anthropic_error("rate_limit_error", "Slow down"), "messages", "Slow down"),
    (401, anthropic_error("authentication_error", "invalid x-api-key"), "messages", "invalid x-api"),
    (400, google_error(400, "INVALID_ARGUMENT", "No such thing"), "gemini", "No such thing"),
    (503, b"<html>down</html>", "gemini", ""),
]


@pytest.mark.parametrize("code, body, dialect, text", ERRORS)
def test_an_upstreams_error_has_the_clients_shape_and_its_own_status(start, upstream, code, body,
                                                                     dialect, text):
    daemon, there = one(start, upstream, status(code, body, "retry-after: 7"), dialect)
    got = chat(daemon)
    assert got.status == code and got.header("retry-after") == "7"
    assert got.headers("content-type") == ["application/json"]
    assert text in got.error["message"] and got.error["type"]


def test_a_compressed_error_is_read_and_an_unreadable_one_leaves_its_status(start, upstream):
    packed = gzipped(anthropic_error("rate_limit_error", "Slow down"))
    daemon, there = one(start, upstream, status(429, packed, "Content-Encoding: gzip"), "messages")
    got = chat(daemon)
    assert got.status == 429 and got.error["message"] == "Slow down"
    assert got.header("content-encoding") is None
    daemon, there = one(start, upstream, status(500, packed[:-9], "Content-Encoding: gzip"),
                        "messages")
    got = chat(daemon)
    assert got.status == 500 and got.error["message"].isprintable()


def test_a_wait_that_google_has_in_its_body_is_in_the_head(start, upstream):
    body = google_error(429, "RESOURCE_EXHAUSTED", "Slow down", [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}])
    daemon, there = one(start, upstream, status(429, body), "gemini")
    got = chat(daemon)
    assert got.status == 429 and got.headers("retry-after") == ["35"]


def test_an_error_of_chat_has_anthropics_shape(start, upstream):
    body = json.dumps({"error": {"message": "Too fast", "type": "requests", "param": None,
                                 "code": "rate_limit_exceeded"}}).encode()
    daemon, there = one(start, upstream, status(429, body), "chat")
    got = messages(daemon)
    assert got.status == 429 and got.json["type"] == "error"
    assert got.json["error"]["type"] == "rate_limit_error" and got.json["error"]["message"] == "Too fast"


@plain_and_streamed
def test_an_error_inside_a_200_is_none_in_the_clients_words_either(start, upstream, stream):
    inside = anthropic_error("overloaded_error", "Overloaded")
    answer = events([typed("error", error={"type": "overloaded_error", "message": "Overloaded"})]) \
        if stream else plain(inside)
    daemon, there = one(start, upstream, answer, "messages")
    got = chat(daemon, stream=stream)
    assert got.status >= 500 and got.error["message"] == "Overloaded"
    assert got.headers("content-type") == ["application/json"]


@plain_and_streamed
@pytest.mark.parametrize("failing", [status(503), reset, plain(b""), plain(b"<html>")])
def test_a_chat_primary_fails_over_to_anthropic_and_nobody_sees_it(start, upstream, failing, stream):
    primary, backup = upstream(failing), upstream(anthropic("From the backup."))
    daemon = start(config(primary, native(backup, "backup", "messages", model="claude-b")))
    got = chat(daemon, stream=stream)
    assert got.finished and got.text == "From the backup."
    assert got.header("x-understudy-upstream") == "backup"
    assert got.header("x-understudy-model") == "claude-b"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (1, "understudy_failovers_total", {"from": "primary", "to": "backup"}))


@plain_and_streamed
def test_and_back_again(start, upstream, stream):
    primary, backup = upstream(status(529, anthropic_error("overloaded_error"))), upstream(well())
    daemon = start(config(native(primary, "primary", "messages", model="c"),
                          backup.entry("backup", model="gpt")))
    got = chat(daemon, stream=stream)
    assert got.finished and got.text == "It works."
    # The same chain serves Anthropic's clients.
    again = messages(daemon, stream)
    if stream:
        assert said_in_messages(again) == "It works."
    else:
        assert again.json["content"][0]["text"] == "It works."
    assert [r.json["model"] for r in backup.requests] == ["gpt", "gpt"]


def test_when_all_fail_the_client_gets_the_primarys_error_in_its_own_shape(start, upstream):
    primary = upstream(status(529, anthropic_error("overloaded_error", "Overloaded"),
                              "retry-after: 3"))
    daemon = start(config(native(primary, "primary", "messages"), upstream(status(500))))
    got = chat(daemon)
    assert got.status == 529 and got.header("retry-after") == "3"
    assert got.error["message"] == "Overloaded" and got.header("x-should-retry") == "false"


CUT = [message_start(), block_start(), text_delta("Half an")]


def test_a_stream_that_breaks_says_so_in_the_clients_words(start, upstream):
    broken = events(CUT, last=b"")
    daemon, there = one(start, upstream, steps(broken, lambda c: c.close()), "messages")
    got = chat(daemon, stream=True)
    assert got.text == "Half an" and got.ended != "whole" and not got.finished
    assert got.stream_error["code"] == "stream_interrupted" and "[DONE]" not in got.events

    half = SSE_HEAD + b"".join(map(chunk, [ROLE, *words("Half an")]))
    daemon, there = one(start, upstream, steps(half, lambda c: c.close()), "chat")
    got = messages(daemon, True)
    told = typed_events(got)
    assert got.ended != "whole" and told[-1]["type"] == "error"
    assert "message_stop" not in [data["type"] for data in told]


def test_an_upstreams_error_event_is_the_clients(start, upstream):
    error = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})
    seen = threading.Event()
    daemon, there = one(start, upstream, steps(events(CUT, last=b""), lambda c: c.wait(seen),
                                               chunk(error) + LAST_CHUNK), "messages")
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda r: "Half an" in r.text)
        seen.set()
        client.body(got)
    assert got.text == "Half an" and got.ended != "whole" and "[DONE]" not in got.events
    assert got.stream_error["message"] == "Overloaded"


def test_a_broken_stream_is_gone_on_with_across_dialects(start, upstream):
    primary = upstream(steps(events([message_start(), block_start(), text_delta("One two three four "),
                                     text_delta("five")], last=b""), lambda c: c.close()))
    backup = upstream(lambda connection, request: connection.send(
        sse(stream_events("One two three four five six."))))
    daemon = start(config(native(primary, "primary", "messages", model="c"),
                          backup.entry("backup", continuation="restart"),
                          route={"midstream": "continue"}))
    got = chat(daemon, stream=True)
    assert got.text == "One two three four five six." and got.finished
    assert b": understudy rescue" in got.body
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


@pytest.mark.parametrize("event", [
    b'{"choices":[{"index":0,"delta":{"content":"LOST"}', b'{"choices":[{"index":0,"delta":NaN}]}'],
    ids=["cut", "no JSON"])
def test_an_event_that_cannot_be_read_is_not_left_out_in_silence(start, upstream, event):
    daemon, there = one(start, upstream, steps(
        SSE_HEAD + chunk(ROLE) + chunk(words("One two")[0]),
        chunk(b"data: " + event + b"\n\n") + chunk(FINISH) + chunk(DONE) + LAST_CHUNK), "chat")
    got = messages(daemon, True)
    assert got.ended != "whole" and b"message_stop" not in got.body and b"event: error" in got.body


def test_what_stands_before_an_event_that_cannot_be_read_is_told_and_gone_on_with(start, upstream):
    torn = b'data: {"choices":[{"index":0,"delta":{"content":" LOST"}\n\n'
    said = [ROLE, *words("One two three")]
    primary = upstream(SSE_HEAD + chunk(b"".join([*said, torn, *words(" behind"), FINISH, DONE])) + LAST_CHUNK)
    daemon = start(config(primary, native(upstream(anthropic("One two three four.")), "backup", "messages")))
    told = typed_events(messages(daemon, True))
    assert [data["delta"]["text"] for data in told if data["type"] == "content_block_delta"] == \
        ["One", " two", " three"]
    assert told[-1]["type"] == "error" and "message_stop" not in [data["type"] for data in told]

    # A chat client's stream, told by an upstream of Messages, is gone on with from there.
    torn = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" LOST"}\n\n'
    said = [message_start(), block_start(), text_delta("One"), text_delta(" two"), torn]
    primary = upstream(SSE_HEAD + chunk(b"".join(said)))
    backup = upstream(well("One two three four."))
    daemon = start(config(native(primary, "primary", "messages"),
                          backup.entry("backup", continuation="restart"), route={"midstream": "continue"}))
    got = chat(daemon, stream=True)
    assert got.finished and got.text == "One two three four." and b": understudy rescue " in got.body


def test_and_by_an_entry_of_another_dialect(start, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, [ROLE, *words("One two three four")])),
                             lambda c: c.close()))
    backup = upstream(anthropic("One two three four five."))
    daemon = start(config(primary, native(backup, "backup", "messages", model="c",
                                          continuation="restart"),
                          route={"midstream": "continue"}))
    got = chat(daemon, stream=True)
    assert got.text == "One two three four five." and got.finished
    assert backup.requests[0].target == "/v1/messages"


def test_a_model_whose_api_takes_no_prefill_is_asked_to_go_on_in_the_next_way(start, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, [ROLE, *words("One two three four")])),
                             lambda c: c.close()))
    backup = upstream(anthropic("One two three four five."))
    daemon = start(config(primary, native(backup, "backup", "messages", model="claude-opus-5",
                                          continuation="prefill"), route={"midstream": "continue"}))
    got = chat(daemon, stream=True)
    assert got.text == "One two three four five." and got.finished
    asked, = [r.json["messages"] for r in backup.requests]
    assert [turn["role"] for turn in asked] == ["user", "assistant", "user"]


def test_a_refused_stream_option_of_ours_is_repaired(start, upstream):
    refusal = status(400, {"error": {"message": "Unknown parameter: 'stream_options'.",
                                     "type": "invalid_request_error", "param": "stream_options"}})

    def answer(connection, request):
        if "stream_options" in request.json:
            connection.send(refusal)
        else:
            connection.send(sse(stream_events("It works.", None)))
    daemon, there = one(start, upstream, answer, "chat")
    for _ in range(2):
        assert said_in_messages(messages(daemon, True)) == "It works."
    assert ["stream_options" in r.json for r in there.requests] == [True, False, False]


def test_a_hedged_pair_of_two_dialects(start, upstream):
    slow = upstream(steps(lambda c: c.hold()))
    quick = upstream(anthropic("From the hedge."))
    daemon = start(config(slow, native(quick, "backup", "messages", model="c"),
                          route={"hedge": {"after": "50ms", "budget": "100%"}}))
    got = chat(daemon, stream=True)
    assert got.finished and got.text == "From the hedge."
    slow.wait_gone()


def test_an_answer_by_quality_is_judged_and_kept_in_either_dialect(start, upstream):
    poor = upstream(plain(message("Cut sho", stop_reason="max_tokens")))
    daemon = start(config(native(poor, "primary", "messages", model="c"), upstream(status(500)),
                          route={"fallback_on": ["server_error", "length"]}))
    got = chat(daemon)
    assert got.status == 200 and got.text == "Cut sho"
    assert got.json["choices"][0]["finish_reason"] == "length"
    assert [step[1] for step in got.trace] == ["length", "server_error"]


def test_an_answer_too_large_to_be_held_is_none(start, upstream):
    large = plain(message("x" * 20_000))
    backup = upstream(well())
    daemon = start(config(native(upstream(large), "primary", "messages"), backup,
                          limits={"buffer_response": "8KiB"}))
    got = chat(daemon)
    assert got.text == "It works." and got.trace[0][1] == "malformed"


# --- Responses

def test_a_responses_request_is_answered_by_an_upstream_of_messages(start, upstream):
    daemon, there = one(start, upstream, anthropic(), "messages", model="claude-x")
    got = responses(daemon, instructions="Be brief.", max_output_tokens=40)
    assert got.json["object"] == "response" and got.json["status"] == "completed"
    assert got.json["output"][0]["content"][0]["text"] == "It works."
    assert got.json["usage"]["input_tokens"] == 22
    assert there.requests[0].json["max_tokens"] == 40

    told = typed_events(responses(daemon, True))
    assert told[0]["type"] == "response.created" and told[-1]["type"] == "response.completed"
    assert [data["sequence_number"] for data in told] == list(range(len(told)))
    assert "".join(data["delta"] for data in told
                   if data["type"] == "response.output_text.delta") == "It works."
    assert told[-1]["response"]["usage"]["output_tokens"] == 6


def test_a_broken_responses_stream_goes_on_counting(start, upstream):
    daemon, there = one(start, upstream, steps(events(CUT, last=b""), lambda c: c.close()),
                        "messages")
    got = responses(daemon, True)
    told = typed_events(got)
    assert got.ended != "whole" and [data["type"] for data in told[-2:]] == ["error",
                                                                            "response.failed"]
    assert [data["sequence_number"] for data in told] == list(range(len(told)))


def without_responses(body=b"404 page not found", code=404, answer=None):
    """A server that has chat completions and no /responses."""
    def serve(connection, request):
        if request.target == "/v1/chat/completions":
            (answer or well())(connection, request)
        else:
            connection.send(status(code, body, content_type="text/plain"))
    return serve


@pytest.mark.parametrize("body, code", [(b"404 page not found", 404), (b'{"detail":"Not Found"}', 404),
                                        (b"", 405)])
def test_a_server_without_responses_is_asked_for_a_chat_completion(start, upstream, body, code):
    there = upstream(without_responses(body, code))
    daemon = start(config(there))
    assert responses(daemon).json["output"][0]["content"][0]["text"] == "It works."
    told = typed_events(responses(daemon, True))
    assert told[-1]["type"] == "response.completed"
    assert [r.target for r in there.requests] == ["/v1/responses", *["/v1/chat/completions"] * 2]
    # It is learned once, whatever the model.
    assert responses(daemon, model="other").json["status"] == "completed"
    assert there.requests[-1].target == "/v1/chat/completions"
    reason = "not_found" if code == 404 else "bad_request"
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": reason}),
                   (3, "understudy_attempts_total", {"reason": "ok"}),
                   (3, "understudy_requests_total", {"outcome": "primary"}))


def test_a_server_that_lacks_both_says_so_once(start, upstream):
    there = upstream(status(404, b"404 page not found", content_type="text/plain"))
    daemon = start(config(there))
    got = responses(daemon)
    assert got.status == 404 and len(there.requests) == 2


def test_a_model_that_is_not_there_is_no_missing_path(start, upstream):
    body = {"error": {"message": "The model `m` does not exist", "type": "invalid_request_error",
                      "param": None, "code": "model_not_found"}}
    there = upstream(status(404, body))
    got = responses(start(config(there)))
    assert got.status == 404 and got.error["code"] == "model_not_found"
    assert [r.target for r in there.requests] == ["/v1/responses"]


def test_both_repairs_are_made_in_one_request(start, upstream):
    refusal = status(400, {"error": {"message": "Unknown parameter: 'stream_options'.",
                                     "type": "invalid_request_error", "param": "stream_options"}})

    def answer(connection, request):
        connection.send(refusal if "stream_options" in request.json else
                        sse(stream_events("It works.", None)))
    there = upstream(without_responses(answer=answer))
    daemon = start(config(there))
    for _ in range(2):
        assert typed_events(responses(daemon, True))[-1]["type"] == "response.completed"
    assert len(there.requests) == 4


# --- Google's clients

GEMINI = "/v1beta/models/gemini-m:"


def generate(daemon, stream=False, target=None, **more):
    target = target or ("streamGenerateContent?alt=sse" if stream else "generateContent")
    return ask(daemon, path=GEMINI + target, body=gemini_body(**more),
               headers={"x-goog-api-key": "sk-client"})


def said_by_google(bodies) -> str:
    return "".join(part.get("text", "") for body in bodies
                   for candidate in body.get("candidates", ())
                   for part in candidate["content"]["parts"])


@pytest.mark.parametrize("dialect, answer", [("chat", well()), ("messages", anthropic())])
def test_a_client_of_googles_is_served_by_an_upstream_of_another_api(start, upstream, dialect,
                                                                     answer):
    daemon, there = one(start, upstream, answer, dialect, model="other-m")
    got = generate(daemon)
    assert said_by_google([got.json]) == "It works."
    assert got.json["candidates"][0]["finishReason"] == "STOP"
    assert got.json["usageMetadata"]["totalTokenCount"] == (17 if dialect == "chat" else 28)
    streamed = generate(daemon, True)
    bodies = [json.loads(data) for data in streamed.events]
    assert said_by_google(bodies) == "It works." and streamed.ended == "whole"
    assert bodies[-1]["candidates"][0]["finishReason"] == "STOP"
    listed = generate(daemon, target="streamGenerateContent")
    assert said_by_google(listed.json) == "It works."
    assert [r.model for r in there.requests] == ["other-m"] * 3
    assert [r.wants_stream for r in there.requests] == [False, True, False]
    assert b"sk-client" not in there.requests[0].raw_head
    expect_metrics(daemon, (0, "understudy_usage_missing_total", {}))


def test_errors_and_breaks_have_googles_shape(start, upstream):
    daemon, there = one(start, upstream, status(429, anthropic_error("rate_limit_error", "Slow")),
                        "messages")
    got = generate(daemon)
    assert got.status == 429 and got.error["message"] == "Slow"
    assert (got.error["code"], got.error["status"]) == (429, "RESOURCE_EXHAUSTED")
    daemon, there = one(start, upstream, steps(events(CUT, last=b""), lambda c: c.close()),
                        "messages")
    got = generate(daemon, True)
    assert got.ended != "whole" and json.loads(got.events[-1])["error"]["code"] == 502


# --- how much may be written

def test_where_a_limit_is_demanded_it_is_the_models_own(start, upstream, tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"claude-of-mine": {
        "litellm_provider": "anthropic", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6,
        "max_output_tokens": 12345, "mode": "chat"}}))
    there = upstream(anthropic())
    daemon = start(config(native(there, "primary", "messages", model="claude-of-mine",
                                 provider="anthropic"),
                          prices=str(prices)))
    assert chat(daemon).status == 200 and chat(daemon, max_tokens=99_999).status == 200
    assert [r.json["max_tokens"] for r in there.requests] == [12345, 12345]


# --- what is no answer, whatever its status says

def response_object(status, output):
    return {"id": "resp_1", "object": "response", "status": status, "model": "gpt", "output": output}


def test_a_response_that_is_not_finished_is_no_answer_to_a_client_of_another_api(start, upstream):
    waiting = upstream(plain(response_object("queued", [])))
    backup = upstream(well())
    daemon = start(config(native(waiting, "primary", "responses"), backup.entry("backup")))
    got = messages(daemon)
    assert got.status == 200 and got.json["content"] == [{"type": "text", "text": "It works."}]
    assert [step[1] for step in got.trace] == ["malformed", "ok"]
    # In its own API it is what a client that asked for it in the background wants to have.
    got = responses(daemon, background=True)
    assert got.status == 200 and got.json["status"] == "queued"


def test_a_call_without_a_name_is_no_answer(start, upstream):
    nameless = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "arguments": "{}"}
    primary = upstream(plain(response_object("completed", [nameless])))
    daemon = start(config(native(primary, "primary", "responses"), upstream(well()).entry("backup")))
    assert [step[1] for step in chat(daemon).trace] == ["malformed", "ok"]


def test_a_request_that_is_no_utf8_is_refused_in_the_clients_words(start, upstream):
    primary = upstream(anthropic())
    daemon = start(config(native(primary, "primary", "messages")))
    got = ask(daemon, body=b'{"model":"m","messages":[{"role":"user","content":"\xe9"}]}')
    assert got.status == 400 and "its text is no UTF-8" in got.error["message"]
    assert not primary.requests


def test_a_stream_without_usage_ends_with_an_estimate_for_messages(start, upstream):
    def serve(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(event({"content": "0123456789ab"})) + chunk(FINISH)
                        + chunk(DONE) + LAST_CHUNK)
    got = messages(start(config(upstream(serve))), True)
    end = [event for event in typed_events(got) if event["type"] == "message_delta"][-1]
    assert end["usage"]["output_tokens"] == 3 and end["usage"]["input_tokens"] > 0
