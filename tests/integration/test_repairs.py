"""What an upstream refuses of what a translation says is mended at the same upstream, and remembered
for that model; what a client says in the upstream's own words is between the two of them."""

import json
import time

import pytest

from harness import (ask, chat, config, error_body, expect_metrics, ms, seconds, status, timeouts,
                     well)
from natives import anthropic, anthropic_error, message_body, native

TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]
BODY = {"model": "m", "max_tokens": 64000, "temperature": 0.5, "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"}, "tools": TOOLS}


def messages(daemon, **more):
    return ask(daemon, path="/v1/messages", body=message_body(False, **{**BODY, **more}),
               headers={"anthropic-version": "2023-06-01"})


def picky(minds, refusal, good=None):
    """Refuses every request of which `minds` says so."""
    def answer(connection, request):
        refused = minds(json.loads(request.body))
        if refused:
            connection.send(refusal)
        else:
            (good or well())(connection, request)
    return answer


def openai(message, param=None, code=None):
    return status(400, error_body(message, "invalid_request_error", code, param))


REFUSALS = {
    "temperature": (lambda body: "temperature" in body, "temperature",
                    openai("Unsupported value: 'temperature' does not support 0.5 with this model. "
                           "Only the default (1) value is supported.",
                           "temperature", "unsupported_value")),
    "reasoning_effort": (lambda body: "reasoning_effort" in body, "reasoning_effort",
                         openai("Unrecognized request argument supplied: reasoning_effort")),
    "max_tokens range": (lambda body: body.get("max_tokens", 0) > 8192, "max_tokens",
                         openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
                                "max_tokens")),
    "max_tokens name": (lambda body: "max_tokens" in body, None,
                        openai("Unsupported parameter: 'max_tokens' is not supported with this "
                               "model. Use 'max_completion_tokens' instead.", "max_tokens",
                               "unsupported_parameter")),
    "tools": (lambda body: "tools" in body and body.get("reasoning_effort") != "none",
              "reasoning_effort",
              openai("Function tools with reasoning_effort are not supported for m in "
                     "/v1/chat/completions. To use function tools, use /v1/responses or set "
                     "reasoning_effort to 'none'.", "reasoning_effort")),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_a_translation_says_is_mended_at_the_same_upstream_and_remembered(start, upstream, kind):
    minds, dropped, refusal = REFUSALS[kind]
    primary, backup = upstream(picky(minds, refusal)), upstream()
    daemon = start(config(native(primary, "primary", "chat"), native(backup, "backup", "chat"),
                          workers=2))
    first = messages(daemon)
    assert first.status == 200 and first.header("x-understudy-attempts") == "2"
    assert first.header("x-understudy-dropped") == dropped
    assert "primary/m;bad_request;400;" in first.header("x-understudy-trace")
    for _ in range(3):
        again = messages(daemon)
        assert again.status == 200 and again.header("x-understudy-attempts") == "1"
        assert again.header("x-understudy-dropped") == dropped
    # Another model has not refused anything yet.
    assert messages(daemon, model="other").header("x-understudy-attempts") == "2"
    assert not backup.requests
    expect_metrics(daemon, (0, "understudy_failovers_total", {}))


def test_what_is_refused_one_thing_at_a_time_is_mended_one_by_one(start, upstream):
    def answer(connection, request):
        body = json.loads(request.body)
        for name in ("max_tokens", "temperature", "reasoning_effort"):
            if name in body:
                return connection.send(openai(f"Unsupported parameter: '{name}' is not supported.",
                                              name, "unsupported_parameter"))
        return well()(connection, request)
    primary = upstream(answer)
    daemon = start(config(native(primary, "primary", "chat")))
    assert messages(daemon).header("x-understudy-attempts") == "4"
    assert messages(daemon).header("x-understudy-attempts") == "1"
    assert primary.requests[-1].json["max_completion_tokens"] == 64000


def test_a_limit_that_an_upstream_of_messages_names_is_kept_to(start, upstream):
    refusal = status(400, anthropic_error(
        "invalid_request_error", "max_tokens: 128000 > 8192, which is the maximum allowed number of "
                                 "output tokens for x"))
    there = upstream(picky(lambda body: body["max_tokens"] > 8192, refusal, anthropic()))
    daemon = start(config(native(there, "primary", "messages")))
    assert chat(daemon).text == "It works."
    assert chat(daemon, max_tokens=100).text == "It works."
    assert [request.json["max_tokens"] for request in there.requests] == [128000, 8192, 100]


def test_a_refusal_that_a_repair_does_not_help_is_the_clients(start, upstream):
    minds, _, refusal = REFUSALS["temperature"]
    always = upstream(refusal)
    got = messages(start(config(native(always, "primary", "chat"))))
    assert got.status == 400 and "temperature" in got.body.decode()
    assert len(always.requests) == 2
    # One that is about something else is not even tried to mend.
    again = upstream(picky(minds, openai("Unknown parameter: 'stop'.", "stop")))
    got = messages(start(config(native(again, "primary", "chat"))))
    assert got.status == 400 and len(again.requests) == 1


def test_what_the_client_says_in_the_upstreams_words_is_refused_to_it(start, upstream):
    minds, _, refusal = REFUSALS["temperature"]
    primary = upstream(picky(minds, refusal))
    got = chat(start(config(primary)), temperature=0.5)
    assert got.status == 400 and got.error["param"] == "temperature"
    assert len(primary.requests) == 1


def test_a_model_that_must_think_and_takes_no_tools_then_leaves_them_to_the_next(start, upstream):
    minds, _, refusal = REFUSALS["tools"]
    primary, backup = upstream(picky(minds, refusal)), upstream()
    daemon = start(config(native(primary, "primary", "chat", model="gpt-6-astra"),
                          native(backup, "backup", "chat")))
    for _ in range(3):
        got = messages(daemon)
        assert got.status == 200 and got.header("x-understudy-upstream") == "backup"
    assert len(primary.requests) == 1


def test_a_value_that_is_refused_is_left_out_of_that_request_alone(start, upstream):
    refusal = openai("Unsupported value: 'reasoning_effort' does not support 'high' with this model. "
                     "Supported values are: 'low', 'medium'.", "reasoning_effort", "unsupported_value")
    primary = upstream(picky(lambda body: body.get("reasoning_effort") == "high", refusal))
    daemon = start(config(native(primary, "primary", "chat")))
    for _ in range(2):
        got = messages(daemon)
        assert got.status == 200 and got.header("x-understudy-attempts") == "2"
        assert got.header("x-understudy-dropped") == "reasoning_effort"
    low = messages(daemon, output_config={"effort": "low"})
    assert low.header("x-understudy-attempts") == "1" and low.header("x-understudy-dropped") is None
    assert primary.requests[-1].json["reasoning_effort"] == "low"


def test_a_limit_that_had_to_be_lowered_twice_is_of_that_request_alone(start, upstream):
    def answer(connection, request):
        limit = request.json["max_tokens"]
        if limit <= 8192:
            return well()(connection, request)
        named = 32768 if limit > 32768 else 8192
        return connection.send(openai(f"max_tokens: {limit} > {named:,}, which is the maximum",
                                      "max_tokens"))
    primary = upstream(answer)
    daemon = start(config(native(primary, "primary", "chat")))
    for _ in range(2):
        got = messages(daemon)
        assert got.status == 200 and got.header("x-understudy-dropped") == "max_tokens"
    assert [request.json["max_tokens"] for request in primary.requests] == [64000, 32768, 8192] * 2


def test_no_attempt_is_spent_on_the_same_request(start, upstream):
    # What the entry's own `body:` says is no translation's to leave out.
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {"user": {"type": "string"}}}}
    primary = upstream(openai("property 'user' is unsupported", "user"))
    daemon = start(config(native(primary, "primary", "chat")))
    assert messages(daemon, tools=[tool]).status == 400
    assert len(primary.requests) == 1


@pytest.mark.parametrize("end", ["reset", "timeout"])
def test_mended_then_cut_is_not_told_as_the_refusal(start, upstream, end):
    minds, _, refusal = REFUSALS["temperature"]

    def cut(connection, request):
        if end == "reset":
            connection.reset()
        else:
            time.sleep(seconds(1.5))
    primary = upstream(picky(minds, refusal, cut))
    entry = {**native(primary, "primary", "chat"), "timeouts": timeouts(response=300, first_token=300)}
    got = messages(start(config(entry)))
    # A connection that was used before and is reset gets the same once more on a new one.
    assert [minds(request.json) for request in primary.requests[:2]] == [True, False]
    assert got.status == {"reset": 502, "timeout": 504}[end], got.body


def test_a_refused_addition_then_cut_is_not_told_as_the_refusal(start, upstream):
    refusal = openai("Unrecognized request argument supplied: stream_options", "stream_options")
    primary = upstream(picky(lambda body: "stream_options" in body, refusal,
                             lambda connection, request: connection.reset()))
    got = chat(start(config(primary)), stream=True)
    assert ["stream_options" in request.json for request in primary.requests[:2]] == [True, False]
    assert got.status == 502, got.body


def test_four_repairs_are_made_in_a_request_whoever_is_asked_beside(start, upstream):
    def answer(connection, request):
        time.sleep(seconds(0.1))
        for name in ("temperature", "user", "parallel_tool_calls", "reasoning_effort", "max_tokens"):
            if name in request.json:
                return connection.send(openai(f"Unsupported parameter: '{name}' is not supported.",
                                              name, "unsupported_parameter"))
        return well()(connection, request)
    primary, backup = upstream(answer), upstream(answer)
    daemon = start(config(native(primary, "primary", "chat"), native(backup, "backup", "chat"),
                          route={"hedge": {"after": ms(50), "budget": "100%"}}))
    got = messages(daemon, metadata={"user_id": "u"},
                   tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert got.status == 400
    assert backup.requests and len(primary.requests) + len(backup.requests) <= 2 + 4
