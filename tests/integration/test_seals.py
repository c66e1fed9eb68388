"""Thoughts of earlier turns are sealed by whoever thought them: an upstream that refuses a seal is asked again
without any, once, and the client sees nothing of it."""

import json

import pytest

from harness import ask, config, expect_metrics, metric, plain, plain_and_streamed, status, well
from natives import (anthropic, anthropic_error, google, google_error, message_body, message_events,
                     native)

REFUSAL = anthropic_error("invalid_request_error",
                          "messages.1.content.0: Invalid `signature` in `thinking` block")
HISTORY = [{"role": "user", "content": "Weather?"},
           {"role": "assistant", "content": [
               {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
               {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1.0}}]},
           {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
                                         "content": "3 C"}]}]


def sealed(request) -> bool:
    return b'"signature"' in request.body or b"thoughtSignature\": \"Eq" in request.body \
        or b"encrypted_content" in request.body


def refusing(refusal, answer):
    """An upstream that takes nobody's seals."""
    def serve(connection, request):
        if sealed(request):
            connection.send(status(400, refusal))
        else:
            answer(connection, request)
    return serve


def send(daemon, stream=False, **more):
    return ask(daemon, path="/v1/messages", body=message_body(stream, messages=HISTORY, **more),
               headers={"anthropic-version": "2023-06-01"})


@plain_and_streamed
def test_a_refused_seal_is_taken_out_and_the_same_upstream_asked_again(start, upstream, stream):
    there, backup = upstream(refusing(REFUSAL, anthropic())), upstream(anthropic())
    daemon = start(config(native(there, "primary", "messages", model="claude-x"),
                          native(backup, "backup", "messages")))
    got = send(daemon, stream, thinking={"type": "enabled", "budget_tokens": 1024})
    assert got.status == 200 and got.header("x-understudy-upstream") == "primary"
    if stream:
        assert got.body == b"".join(message_events("It works."))
    assert [step[1] for step in got.trace] == ["bad_request", "ok"] and not backup.requests
    first, second = [request.json for request in there.requests]
    assert first["messages"] == HISTORY and second["model"] == "claude-x"
    assert second["messages"][1]["content"] == HISTORY[1]["content"][1:]
    assert "thinking" not in second and second["messages"][2] == HISTORY[2]
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}),
                   (0, "understudy_failovers_total", {}))


def test_it_is_done_once(start, upstream):
    there = upstream(status(400, REFUSAL))
    got = send(start(config(native(there, "primary", "messages"))))
    assert (got.status, got.body) == (400, REFUSAL) and len(there.requests) == 2


def test_without_seals_then_cut_is_not_told_as_the_refusal(start, upstream):
    there = upstream(refusing(REFUSAL, lambda connection, request: connection.reset()))
    got = send(start(config(native(there, "primary", "messages"))))
    assert [sealed(request) for request in there.requests[:2]] == [True, False]
    assert got.status == 502, got.body


def test_what_holds_no_thoughts_is_not_asked_twice(start, upstream):
    there = upstream(status(400, REFUSAL))
    daemon = start(config(native(there, "primary", "messages")))
    got = ask(daemon, path="/v1/messages", body=message_body(),
              headers={"anthropic-version": "2023-06-01"})
    assert got.status == 400 and len(there.requests) == 1


def test_each_entry_is_shown_the_seals_first(start, upstream):
    first = upstream(refusing(REFUSAL, lambda c, r: c.send(status(503))))
    second = upstream(anthropic())
    daemon = start(config(native(first, "primary", "messages"),
                          native(second, "backup", "messages")))
    assert send(daemon).header("x-understudy-upstream") == "backup"
    assert [sealed(r) for r in first.requests] == [True, False]
    assert [sealed(r) for r in second.requests] == [True]


def test_a_seal_of_googles(start, upstream):
    refusal = google_error(400, "INVALID_ARGUMENT", "Thought signature is not valid.")
    there = upstream(refusing(refusal, google()))
    daemon = start(config(native(there, "primary", "gemini")))
    body = {"contents": [{"role": "user", "parts": [{"text": "Weather?"}]},
                         {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}},
                                                      "thoughtSignature": "Eqo="}]},
                         {"role": "user", "parts": [{"functionResponse": {"name": "f",
                                                                          "response": {}}}]}]}
    got = ask(daemon, path="/v1beta/models/gemini-m:generateContent", body=body)
    assert got.status == 200 and len(there.requests) == 2
    call = there.requests[1].json["contents"][1]["parts"][0]
    assert call["thoughtSignature"] == "skip_thought_signature_validator"


def test_seals_of_another_provider_never_reach_one_of_another_api(start, upstream):
    there = upstream(well())
    assert send(start(config(there))).status == 200
    assert b"EqQB" not in there.requests[0].body


def test_an_item_of_thought_that_openai_cannot_read_is_taken_out(start, upstream):
    refusal = {"error": {"message": "The encrypted content could not be verified.",
                         "type": "invalid_request_error", "param": None,
                         "code": "invalid_encrypted_content"}}
    answer = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt",
              "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                          "content": [{"type": "output_text", "text": "Ok", "annotations": []}]}]}
    there = upstream(refusing(refusal, lambda c, r: c.send(plain(answer))))
    daemon = start(config(there))
    items = [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
             {"role": "user", "content": "Hello"}]
    got = ask(daemon, path="/v1/responses", body={"model": "m", "input": items})
    assert got.status == 200 and there.requests[1].json["input"] == items[1:]


def test_an_upstream_that_was_sent_no_seals_is_not_asked_again(start, upstream):
    there = upstream(status(400, REFUSAL))
    got = send(start(config(there)))  # an upstream of chat: the translation leaves thoughts out
    assert got.status == 400 and len(there.requests) == 1


CHAT_HISTORY = [
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"},
         "extra_content": {"google": {"thought_signature": "Eqo="}}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "3 C"}]


def test_a_seal_that_a_chat_client_carries_for_google(start, upstream):
    refusal = google_error(400, "INVALID_ARGUMENT", "Thought signature is not valid.")

    def serve(connection, request):
        if b"Eqo=" in request.body:
            connection.send(status(400, refusal))
        else:
            google()(connection, request)
    there = upstream(serve)
    daemon = start(config(native(there, "primary", "gemini", model="gemini-3-pro")))
    got = ask(daemon, body={"model": "m", "messages": CHAT_HISTORY})
    assert got.status == 200 and got.text == "It works."
    seals = [request.json["contents"][1]["parts"][0]["thoughtSignature"] for request in there.requests]
    assert seals == ["Eqo=", "skip_thought_signature_validator"]


@pytest.mark.parametrize("signature", ["", "understudy-seal-openai:gAAA"])
def test_thoughts_that_came_from_elsewhere_are_never_sent_to_claude(start, upstream, signature):
    there = upstream(anthropic())
    daemon = start(config(native(there, "primary", "messages", model="claude-x")))
    history = json.loads(json.dumps(HISTORY))
    history[1]["content"][0]["signature"] = signature
    for turn in range(2):
        got = ask(daemon, path="/v1/messages", headers={"anthropic-version": "2023-06-01"},
                  body=message_body(messages=history))
        assert got.status == 200 and [step[1] for step in got.trace] == ["ok"]
        assert there.requests[turn].json["messages"][1]["content"] == history[1]["content"][1:]
