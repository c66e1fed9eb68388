"""Mid-stream rescue for clients of Anthropic's Messages, OpenAI's Responses and Google's Gemini: a committed
stream that breaks is gone on with by the next entry, in the words of the client's own API, whatever API
the entries speak."""

import json
import time

import pytest

from answers import DONE, LAST_CHUNK, ROLE, SSE_HEAD, chunk, error_body, event, words
from harness import ask, chat, config, expect_metrics, ms, status
from natives import (MESSAGE_STOP, MESSAGE_USAGE, anthropic_error, block_delta, block_start, block_stop,
                     candidate, events, gemini_body, google_event, message_body, message_delta,
                     message_start, native, text_delta, text_events, typed)

TEXT = "The quick brown fox jumps over the lazy dog and runs away."
HALF = "The quick brown fox jumps"
REST = " over the lazy dog and runs away."
ROUTE = {"midstream": "continue", "deadline": ms(30_000)}
VERSION = {"anthropic-version": "2023-06-01"}
TOOL = {"name": "get_weather", "input_schema": {"type": "object"}}


def breaks(parts, how="reset"):
    """These events, and then no more of them."""
    def script(connection, request):
        connection.send(events(parts, last=b""))
        time.sleep(0.05)
        if how == "end":
            connection.send(LAST_CHUNK)
        elif how == "hold":
            connection.hold()
        else:
            connection.reset()
    return script


def rescuing(start, *entries, route=None, **top):
    return start(config(*entries, route={**ROUTE, **(route or {})}, **top))


def parts_of(text: str) -> list[str]:
    pieces = text.split(" ")
    return [pieces[0], *(" " + piece for piece in pieces[1:])]


# ---------------------------------------------------------------- Messages

HALF_MESSAGE = [message_start(), block_start(), *text_events(HALF)]


def message_of(*blocks, stop="end_turn", usage=MESSAGE_USAGE):
    """The second upstream's message; a block is a text, or its events behind the start."""
    def script(connection, request):
        parts = [message_start("claude-second", "msg_2nd")]
        for i, block in enumerate(blocks):
            if isinstance(block, str):
                parts += [block_start(i), *(text_delta(piece, i) for piece in parts_of(block)),
                          block_stop(i)]
            else:
                parts += [part(i) for part in block]
        connection.send(events([*parts, message_delta(stop, usage), MESSAGE_STOP]))
    return script


THOUGHT = [lambda i: block_start(i, type="thinking", thinking="", signature=""),
           lambda i: block_delta(i, type="thinking_delta", thinking="Second thoughts."),
           lambda i: block_delta(i, type="signature_delta", signature="U2Vjb25k"), block_stop]
CALL = [lambda i: block_start(i, type="tool_use", id="toolu_2", name="get_weather", input={}),
        lambda i: block_delta(i, type="input_json_delta", partial_json="{\"city\":\"Oslo\"}"), block_stop]


def messages(daemon, **more):
    return ask(daemon, path="/v1/messages", body=message_body(True, **more), headers=VERSION)


def claude(there, name, model="claude-sonnet-4-5", **settings):
    return native(there, name, "messages", model=model, **settings)


class Message:
    """What a client makes of a stream; whatever no server would say fails."""

    def __init__(self, got):
        self.blocks, self.stop, self.usage, self.ended, self.error = [], None, None, False, None
        self.comments = [line for line in got.body.decode().split("\n") if line.startswith(":")]
        live = None
        for block in got.body.decode().split("\n\n"):
            lines = [line for line in block.split("\n") if line and not line.startswith(":")]
            if not lines:
                continue
            assert len(lines) == 2, block
            data = json.loads(lines[1].removeprefix("data: "))
            kind = data["type"]
            assert lines[0] == f"event: {kind}" and not self.ended, block
            if kind == "message_start":
                assert not hasattr(self, "start")
                self.start = data["message"]
            elif kind == "content_block_start":
                assert live is None and data["index"] == len(self.blocks)
                live = {"said": "", "signature": "", **data["content_block"]}
                self.blocks.append(live)
            elif kind == "content_block_delta":
                assert data["index"] == len(self.blocks) - 1 and live is not None
                delta = data["delta"]
                live["signature"] += delta.get("signature", "")
                live["said"] += "".join(delta.get(k, "") for k in ("text", "thinking", "partial_json"))
            elif kind == "content_block_stop":
                assert data["index"] == len(self.blocks) - 1 and live is not None
                live = None
            elif kind == "message_delta":
                assert live is None and self.stop is None
                self.stop, self.usage = data["delta"]["stop_reason"], data["usage"]
            elif kind == "message_stop":
                assert self.stop is not None
                self.ended = True
            elif kind == "error":
                self.error = data["error"]
        assert (self.start["id"], self.start["model"]) == ("msg_T1", "claude-served")

    def of(self, kind):
        return [block["said"] for block in self.blocks if block["type"] == kind]


def one_message(got, text=TEXT, stop="end_turn"):
    """It reads as one message from one server."""
    assert got.status == 200 and got.ended == "whole"
    message = Message(got)
    assert "".join(message.of("text")) == text
    assert message.ended and message.stop == stop and message.error is None
    return message


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_message_is_gone_on_with_behind_the_words_that_were_sent(start, upstream, how):
    primary, backup = upstream(breaks(HALF_MESSAGE, how)), upstream(message_of(REST))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    message = one_message(got := messages(daemon, system=[{
        "type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]))
    assert len(message.blocks) == 1, "the block that was open goes on"
    assert message.comments == [": understudy rescue backup/claude-sonnet-4-5 after malformed, prefill"]
    first, second = primary.requests[0].json, backup.requests[0].json
    assert second["messages"] == [*first["messages"], {"role": "assistant", "content": HALF}]
    assert second["system"] == first["system"] and second["max_tokens"] < first["max_tokens"]
    assert got.header("x-understudy-upstream") == "primary"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}),
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": "malformed"}),
                   (1, "understudy_attempts_total", {"upstream": "backup", "reason": "ok"}),
                   (1, "understudy_failovers_total", {"from": "primary", "to": "backup"}))


def test_a_messages_usage_is_the_clients_truth_and_both_attempts_are_booked(start, upstream):
    primary = upstream(breaks(HALF_MESSAGE))
    backup = upstream(message_of(REST, usage={
        "input_tokens": 40, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": 7}))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    message = one_message(messages(daemon))
    # The prompt as message_start has told it; five words of the first, seven tokens of the second.
    assert message.usage == {**MESSAGE_USAGE, "output_tokens": 12}
    expect_metrics(
        daemon,
        # message_start has reported two of them already.
        (2, "understudy_tokens_total", {"upstream": "primary", "type": "output", "source": "reported"}),
        (3, "understudy_tokens_total", {"upstream": "primary", "type": "output", "source": "estimated"}),
        (7, "understudy_tokens_total", {"upstream": "backup", "type": "output", "source": "reported"}),
        (40, "understudy_tokens_total", {"upstream": "backup", "type": "input", "source": "reported"}))


def test_a_rescued_message_gets_the_end_that_its_server_forgets(start, upstream):
    parts = [message_start("claude-second", "msg_2nd"), block_start(), *text_events(REST), block_stop(),
             message_delta()]
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(breaks(parts, "end"))
    one_message(messages(rescuing(start, claude(primary, "primary"), claude(backup, "backup"))))


@pytest.mark.parametrize("model, more, rung", [
    ("claude-sonnet-4-5", {}, "prefill"), ("claude-opus-4-6", {}, "instruct"),
    ("some-gateways-name", {}, "instruct"),
    ("claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 32}}, "instruct"),
    ("claude-sonnet-4-5", {"tools": [TOOL]}, "prefill"), ("claude-opus-4-6", {"tools": [TOOL]}, "restart"),
    ("claude-opus-4-5", {"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "restart"),
    ("claude-opus-4-5", {"output_config": {"effort": "low"}}, "prefill"),
])
def test_a_model_is_asked_for_the_rest_in_the_way_that_it_takes(start, upstream, model, more, rung):
    answers = {"prefill": REST, "instruct": "fox jumps" + REST, "restart": TEXT}
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(message_of(answers[rung]))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup", model))
    message = one_message(messages(daemon, **more))
    assert message.comments[0].endswith(rung)
    turns = [turn["role"] for turn in backup.requests[0].json["messages"]]
    assert turns == {"prefill": ["user", "assistant"], "instruct": ["user", "assistant", "user"],
                     "restart": ["user"]}[rung]


@pytest.mark.parametrize("code", [400, 500])
def test_a_prefill_that_a_message_server_refuses_is_remembered(start, upstream, code):
    refusal = anthropic_error("invalid_request_error", "This model does not support assistant message "
                              "prefill. The conversation must end with a user message.")

    def picky(connection, request):
        if request.json["messages"][-1]["role"] == "assistant":
            connection.send(status(code, refusal))
        else:
            message_of("fox jumps" + REST)(connection, request)
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(picky)
    daemon = rescuing(start, claude(primary, "primary"),
                      claude(backup, "backup", "gateway-m", continuation="prefill"))
    for _ in range(2):
        assert one_message(messages(daemon)).comments[0].endswith("instruct")
    assert [r.json["messages"][-1]["role"] for r in backup.requests] == ["assistant", "user", "user"]


def test_another_message_is_not_glued_on(start, upstream):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(message_of("Something else entirely."))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup", continuation="restart"))
    got = messages(daemon)
    message = Message(got)
    assert message.of("text") == [HALF] and not message.ended and got.ended == "cut"
    assert message.error["details"] == {"error_code": "stream_interrupted"}
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


def test_a_call_of_the_second_server_follows_under_the_next_number(start, upstream):
    primary = upstream(breaks(HALF_MESSAGE))
    backup = upstream(message_of(THOUGHT, REST, CALL, stop="tool_use"))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    message = one_message(messages(daemon, tools=[TOOL]), stop="tool_use")
    assert [block["type"] for block in message.blocks] == ["text", "tool_use"]
    assert message.blocks[1]["id"] == "toolu_2" and message.blocks[1]["said"] == '{"city":"Oslo"}'
    assert "thoughts" not in str(message.blocks)


def test_blocks_of_text_stay_apart(start, upstream):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(message_of(REST, "And more."))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    assert one_message(messages(daemon), TEXT + "And more.").of("text") == [TEXT, "And more."]


def test_behind_a_block_that_was_closed_the_text_goes_on_in_another(start, upstream):
    primary = upstream(breaks([*HALF_MESSAGE, block_stop()]))
    backup = upstream(message_of(REST))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    assert one_message(messages(daemon)).of("text") == [HALF, REST]


def test_a_thought_that_was_cut_is_closed_unsigned_and_told_by_nobody_else(start, upstream):
    thinks = [message_start(), block_start(0, type="thinking", thinking="", signature=""),
              block_delta(0, type="thinking_delta", thinking="First thou")]
    primary, backup = upstream(breaks(thinks)), upstream(message_of(THOUGHT, TEXT))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    message = one_message(messages(daemon, thinking={"type": "enabled", "budget_tokens": 32}))
    assert [(b["type"], b["said"], b["signature"]) for b in message.blocks] == [
        ("thinking", "First thou", ""), ("text", TEXT, "")]
    assert message.comments[0].endswith("restart")


def test_a_thought_that_was_told_keeps_its_own_signature(start, upstream):
    thinks = [message_start(), block_start(0, type="thinking", thinking="", signature=""),
              block_delta(0, type="thinking_delta", thinking="First."),
              block_delta(0, type="signature_delta", signature="Rmlyc3Q="), block_stop(),
              block_start(1), *(text_delta(piece, 1) for piece in parts_of(HALF))]
    primary = upstream(breaks(thinks))
    backup = upstream(message_of(THOUGHT, "fox jumps" + REST))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup", "claude-opus-4-6"))
    message = one_message(messages(daemon, thinking={"type": "adaptive"}))
    assert [(b["type"], b["said"], b["signature"]) for b in message.blocks] == [
        ("thinking", "First.", "Rmlyc3Q="), ("text", TEXT, "")]


@pytest.mark.parametrize("parts", [
    [block_start(1, type="tool_use", id="toolu_1", name="f", input={})],
    [block_start(1, type="server_tool_use", id="srvtoolu_1", name="web_search", input={})],
    [block_start(1), block_delta(1, type="citations_delta", citation={"type": "char_location"})],
], ids=["tool", "server's tool", "citation"])
def test_never_once_something_other_than_text_has_begun(start, upstream, parts):
    primary = upstream(breaks([*HALF_MESSAGE, block_stop(), *parts]))
    backup = upstream(message_of(REST))
    got = messages(rescuing(start, claude(primary, "primary"), claude(backup, "backup")))
    assert got.ended == "cut" and not backup.requests
    assert Message(got).error["details"] == {"error_code": "stream_interrupted"}


def test_an_error_event_that_nobody_goes_on_behind_is_passed_on(start, upstream):
    error = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def broken(connection, request):
        connection.send(events(HALF_MESSAGE, last=b""))
        time.sleep(0.05)
        connection.send(chunk(error) + LAST_CHUNK)
    primary, backup = upstream(broken), upstream(status(503))
    got = messages(rescuing(start, claude(primary, "primary"), claude(backup, "backup")))
    assert got.ended == "cut" and got.body.endswith(error) and len(backup.requests) == 1


def test_a_rescued_message_is_rescued(start, upstream):
    def second(connection, request):
        assert request.json["messages"][-1]["content"] == "The quick brown"
        connection.send(events([message_start(message_id="msg_2nd"), block_start(),
                                text_delta(" fox"), text_delta(" jumps")], last=b""))
        time.sleep(0.05)
        connection.reset()
    primary = upstream(breaks([message_start(), block_start(), *text_events("The quick brown")]))
    backup, third = upstream(second), upstream(message_of(REST))
    daemon = rescuing(start, *(claude(u, n) for u, n in [(primary, "primary"), (backup, "backup"),
                                                         (third, "third")]))
    assert len(one_message(messages(daemon)).comments) == 2
    assert third.requests[0].json["messages"][-1]["content"] == HALF


@pytest.mark.parametrize("content, together", [
    ("Well:", "Well: The quick brown"),
    ([{"type": "text", "text": "Well:"}], [{"type": "text", "text": "Well: The quick brown"}]),
], ids=["text", "list"])
def test_a_clients_own_beginning_of_a_message_is_gone_on_with(start, upstream, content, together):
    turns = [{"role": "user", "content": "Tell it."}, {"role": "assistant", "content": content}]
    primary = upstream(breaks([message_start(), block_start(), text_delta(" The quick"),
                               text_delta(" brown")]))
    backup = upstream(message_of(" fox."))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    one_message(messages(daemon, messages=turns), " The quick brown fox.")
    assert backup.requests[0].json["messages"] == [turns[0], {"role": "assistant", "content": together}]


@pytest.mark.parametrize("rest", [
    [block_start(), text_delta(" over"), b"event: x\ndata: {\"type\":\n\n", text_delta(" the"), block_stop(),
     message_delta(), MESSAGE_STOP],
    [text_delta(REST), block_stop(), message_delta(), MESSAGE_STOP],
    [block_start(), text_delta(REST), block_stop(), message_delta(), block_start(1), text_delta("!", 1),
     MESSAGE_STOP],
    [block_start(), text_delta(REST), block_stop(), CALL[0](1), CALL[0](2), CALL[1](1), CALL[1](2),
     block_stop(1), block_stop(2), message_delta("tool_use"), MESSAGE_STOP],
    [block_start(), text_delta(REST), block_stop(), CALL[0](1), CALL[1](1), message_delta("tool_use"),
     MESSAGE_STOP],
], ids=["no JSON", "no start", "behind the end", "two at once", "half a call"])
def test_what_has_no_place_in_the_message_is_not_left_out_in_silence(start, upstream, rest):
    primary = upstream(breaks(HALF_MESSAGE))
    backup = upstream(lambda c, request: c.send(events([message_start(message_id="msg_2nd"), *rest])))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    got = messages(daemon, tools=[TOOL])
    message = Message(got)
    assert got.ended == "cut" and not message.ended
    assert message.error["details"] == {"error_code": "stream_interrupted"}


def test_thoughts_of_earlier_turns_that_the_second_server_refuses_are_taken_out(start, upstream):
    turns = [{"role": "user", "content": "First?"}, {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "Rmlyc3Q="}, {"type": "text", "text": "Yes."}]},
        {"role": "user", "content": "Second?"}]

    def picky(connection, request):
        if "signature" in request.body.decode():
            connection.send(status(400, anthropic_error(
                "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block")))
        else:
            message_of(REST)(connection, request)
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(picky)
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    assert one_message(messages(daemon, messages=turns)).comments[0].endswith("prefill")
    first, second = (r.json["messages"] for r in backup.requests)
    assert first[:3] == turns and second[-1] == first[-1] == {"role": "assistant", "content": HALF}
    assert second[1]["content"] == [{"type": "text", "text": "Yes."}]


# --- across dialects

def chat_stream(text, usage=None):
    def script(connection, request):
        ids = {"id": "chatcmpl-2nd", "created": 42, "model": "second"}
        connection.send(SSE_HEAD + chunk(event({"role": "assistant", "content": ""}, **ids)))
        for piece in parts_of(text):
            connection.send(chunk(event({"content": piece}, **ids)))
        connection.send(chunk(event({}, "stop", **ids))
                        + chunk(event(usage=usage or {"prompt_tokens": 30, "completion_tokens": 7,
                                                      "total_tokens": 37}, **ids))
                        + chunk(DONE) + LAST_CHUNK)
    return script


@pytest.mark.parametrize("how, text, tokens", [
    ("prefill", REST, 5 + 7), ("instruct", "fox jumps" + REST, 5 + 7 - 2), ("restart", TEXT, 7)])
def test_a_message_is_gone_on_with_by_a_chat_server(start, upstream, how, text, tokens):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(chat_stream(text))
    daemon = rescuing(start, claude(primary, "primary"), backup.entry("backup", continuation=how))
    message = one_message(messages(daemon))
    assert message.comments == [f": understudy rescue backup/claude-m after malformed, {how}"]
    assert message.usage == {**MESSAGE_USAGE, "output_tokens": tokens}


def test_a_message_of_chat_servers_is_gone_on_with(start, upstream):
    def broken(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + b"".join(map(chunk, words(HALF))))
        time.sleep(0.05)
        connection.reset()
    primary, backup = upstream(broken), upstream(chat_stream("fox jumps" + REST))
    got = messages(rescuing(start, primary.entry("primary"), backup.entry("backup")))
    kinds = [json.loads(line[6:])["type"] for line in got.body.decode().split("\n")
             if line.startswith("data: ")]
    assert got.ended == "whole" and kinds.count("message_start") == kinds.count("message_stop") == 1
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    assert TEXT == "".join(json.loads(line[6:])["delta"]["text"] for line in got.body.decode().split("\n")
                           if line.startswith("data: ") and "text_delta" in line)


def test_a_chat_answer_of_message_servers_is_gone_on_with(start, upstream):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(message_of(REST))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup"))
    got = chat(daemon, stream=True)
    assert got.ended == "whole" and got.text == TEXT and got.finished
    assert b": understudy rescue backup/claude-sonnet-4-5 after malformed, prefill" in got.body
    assert backup.requests[0].json["messages"][-1]["role"] == "assistant"


def usages_of(got) -> list[dict]:
    """What a stream has told of its usage, in whatever API: its last word is the answer's."""
    said = [json.loads(line[6:]) for line in got.body.decode().split("\n")
            if line.startswith("data: ") and line != "data: [DONE]"]
    found = [e.get("usage") or e.get("usageMetadata") or e.get("response", {}).get("usage") for e in said]
    return [usage for usage in found if usage]


@pytest.mark.parametrize("how, text, tokens", [("instruct", "fox jumps" + REST, 5 + 7 - 2), ("restart", TEXT, 7)])
@pytest.mark.parametrize("client", ["chat", "responses", "gemini"])
def test_the_prompt_is_the_firsts_own_where_another_api_told_it(start, upstream, client, how, text, tokens):
    first = typed("message_start", message={
        "id": "msg_T1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 70, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 20,
                  "output_tokens": 1}})
    primary = upstream(breaks([first, block_start(), *text_events(HALF)]))
    told = chat_stream(text, {"prompt_tokens": 300, "completion_tokens": 7, "total_tokens": 307})

    def of_chat_alone(connection, request):
        if request.target.endswith("/responses"):
            connection.send(status(404, b"404 page not found", content_type="text/plain"))
        else:
            told(connection, request)
    backup = upstream(of_chat_alone)
    daemon = rescuing(start, claude(primary, "primary"),
                      backup.entry("backup", continuation=how, model="gpt-m"))
    got = {"chat": lambda: chat(daemon, stream=True, stream_options={"include_usage": True}),
           "responses": lambda: responses(daemon), "gemini": lambda: gemini(daemon)}[client]()
    assert got.ended == "whole"
    usage = usages_of(got)[-1]
    prompt, completion, cached = {
        "chat": lambda: (usage["prompt_tokens"], usage["completion_tokens"], 20),
        "responses": lambda: (usage["input_tokens"], usage["output_tokens"],
                              usage["input_tokens_details"]["cached_tokens"]),
        "gemini": lambda: (usage["promptTokenCount"], usage["candidatesTokenCount"],
                           usage["cachedContentTokenCount"])}[client]()
    assert (prompt, completion, cached) == (100, tokens, 20)


def test_a_prefill_that_a_translation_has_no_way_to_write_is_no_attempt(start, upstream):
    primary, backup = upstream(breaks([ROLE, *words(HALF)])), upstream(message_of("fox jumps" + REST))
    daemon = rescuing(start, primary.entry("primary"),
                      claude(backup, "backup", "claude-opus-4-6", continuation="prefill"))
    got = chat(daemon, stream=True)
    assert got.ended == "whole" and got.text == TEXT and got.finished
    assert b"after malformed, instruct" in got.body
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "backup"}))


def test_a_message_is_told_without_the_quotes_around_its_rest(start, upstream):
    primary = upstream(breaks(HALF_MESSAGE))
    backup = upstream(message_of(f'"fox jumps{REST}"'))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup", "claude-opus-4-6"))
    assert one_message(messages(daemon)).of("text") == [TEXT]


def test_what_may_close_a_quotation_stays_in_its_block_where_another_one_follows(start, upstream):
    primary = upstream(breaks(HALF_MESSAGE))
    backup = upstream(message_of(f'"brown fox jumps{REST}"', "And more."))
    daemon = rescuing(start, claude(primary, "primary"), claude(backup, "backup", "claude-opus-4-6"))
    assert one_message(messages(daemon), TEXT + '"And more.').of("text") == [TEXT + '"', "And more."]


# ---------------------------------------------------------------- Responses

class Numbered:
    """Events of a Responses stream, in their order."""

    def __init__(self, name):
        self.name, self.events, self.index = name, [], -1

    def add(self, kind, **members):
        self.events.append(typed(f"response.{kind}", sequence_number=len(self.events), **members))
        return self

    def start(self):
        return self.add("created", response={
            "id": f"resp_{self.name}", "object": "response", "created_at": 1, "status": "in_progress",
            "model": self.name, "instructions": "Be brief.", "output": [], "usage": None})

    def item(self, item, done=True):
        self.index += 1
        self.add("output_item.added", output_index=self.index, item=item)
        return self.add("output_item.done", output_index=self.index, item=item) if done else self

    def say(self, text, done=True):
        self.index += 1
        item = {"id": f"msg_{self.name}_{self.index}", "type": "message", "status": "in_progress",
                "role": "assistant", "phase": "final_answer", "content": []}
        place = {"item_id": item["id"], "output_index": self.index, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        self.add("output_item.added", output_index=self.index, item=item)
        self.add("content_part.added", **place, part=part)
        for piece in parts_of(text):
            self.add("output_text.delta", **place, delta=piece, obfuscation="x7")
        if done:
            self.add("output_text.done", **place, text=text)
            self.add("content_part.done", **place, part={**part, "text": text})
            self.add("output_item.done", output_index=self.index, item={
                **item, "status": "completed", "content": [{**part, "text": text}]})
        return self

    def end(self, state="completed", **more):
        return self.add(state, response={
            "id": f"resp_{self.name}", "object": "response", "created_at": 2, "status": state,
            "model": self.name, "output": [], "usage": {
                "input_tokens": 300, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 307}, **more})


def response_of(numbered):
    return lambda connection, request: connection.send(events(numbered.events))


HALF_RESPONSE = Numbered("first").start().say(HALF, done=False).events
CALL_ITEM = {"id": "fc_2", "type": "function_call", "status": "completed", "call_id": "call_2",
             "name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"}
THOUGHTS = {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "U2Vjb25k"}


def responses(daemon, **more):
    return ask(daemon, path="/v1/responses", body={"model": "m", "input": "Say something.",
                                                   "stream": True, **more})


class Response:
    """What a client makes of a stream of Responses; whatever no server would say fails."""

    def __init__(self, got):
        self.comments = [line for line in got.body.decode().split("\n") if line.startswith(":")]
        self.events = [json.loads(line[6:]) for line in got.body.decode().split("\n")
                       if line.startswith("data: ")]
        assert [e["sequence_number"] for e in self.events] == list(range(len(self.events)))
        self.items, self.texts = {}, {}
        for event in self.events:
            kind, place = event["type"].removeprefix("response."), event.get("output_index")
            if kind == "output_item.added":
                assert place == len(self.items)
                self.items[place] = None
                self.id = event["item"]["id"]
            elif kind == "output_item.done":
                assert self.items[place] is None, "done twice"
                self.items[place] = event["item"]
            elif kind == "output_text.delta":
                key = (event["item_id"], place, event["content_index"])
                self.texts[key] = self.texts.get(key, "") + event["delta"]
            elif kind == "output_text.done":
                assert self.texts[event["item_id"], place, event["content_index"]] == event["text"]
            elif kind == "content_part.done":
                assert self.texts[event["item_id"], place, event["content_index"]] == event["part"]["text"]
        self.last = self.events[-1]
        self.text = "".join(self.texts.values())


def one_response(got, text=TEXT, state="completed"):
    """It reads as one answer from one server, and its last event holds the whole of it."""
    assert got.status == 200 and got.ended == "whole"
    told = Response(got)
    assert told.text == text and told.last["type"] == f"response.{state}"
    answer = told.last["response"]
    assert (answer["id"], answer["model"], answer["status"]) == ("resp_first", "first", state)
    assert answer["instructions"] == "Be brief." and answer["created_at"] == 1
    assert answer["output"] == list(told.items.values())
    assert "".join(part["text"] for item in answer["output"] if item["type"] == "message"
                   for part in item["content"]) == text
    assert all(item["status"] == "completed" for item in answer["output"] if item["type"] == "message")
    return told


@pytest.mark.parametrize("given", ["Say something.", [{"role": "user", "content": "Say something."}]],
                         ids=["text", "list"])
def test_a_response_is_gone_on_with_by_an_instruction(start, upstream, given):
    primary = upstream(breaks(HALF_RESPONSE))
    backup = upstream(response_of(Numbered("second").start().say("fox jumps" + REST).end()))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup", continuation="prefill"))
    told = one_response(responses(daemon, input=given, max_output_tokens=500))
    assert told.comments == [": understudy rescue backup/m after malformed, instruct"]
    assert len(told.items) == 1 and told.items[0]["id"] == "msg_first_0"
    assert told.items[0]["phase"] == "final_answer"
    # Five words of the first, seven tokens of the second less the two that were said again.
    usage = told.last["response"]["usage"]
    assert usage["output_tokens"] == 10 and usage["input_tokens"] < 200, "the instruction is not its own"
    sent = backup.requests[0].json
    assert sent["input"][0] == {"role": "user", "content": "Say something."}
    assert sent["input"][1] == {"role": "assistant", "content": HALF}
    assert sent["input"][2]["role"] == "user" and HALF in sent["input"][2]["content"]
    assert sent["max_output_tokens"] < 600
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


def test_a_response_is_told_without_the_quotes_around_its_rest(start, upstream):
    primary = upstream(breaks(HALF_RESPONSE))
    backup = upstream(response_of(Numbered("second").start().say(f'"fox jumps{REST}"').end()))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup"))
    one_response(responses(daemon))


def test_a_call_of_the_second_server_is_an_item_of_the_one_response(start, upstream):
    second = Numbered("second").start().item(THOUGHTS).say(TEXT).item(CALL_ITEM).end()
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(response_of(second))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup"))
    told = one_response(responses(daemon, tools=[{"type": "function", "name": "get_weather"}]))
    assert told.comments[0].endswith("restart")
    # A call goes back together with the thoughts that led to it.
    assert [item["id"] for item in told.items.values()] == ["msg_first_0", "rs_2", "fc_2"]


def test_thoughts_of_the_second_server_are_not_told_for_nothing(start, upstream):
    second = Numbered("second").start().item(THOUGHTS).say("fox jumps" + REST).end()
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(response_of(second))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup"))
    assert len(one_response(responses(daemon)).items) == 1


def test_an_incomplete_response_says_why(start, upstream):
    second = Numbered("second").start().say("fox jumps" + REST).end(
        "incomplete", incomplete_details={"reason": "max_output_tokens"})
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(response_of(second))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup"))
    told = one_response(responses(daemon), state="incomplete")
    assert told.last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


@pytest.mark.parametrize("first, blocks", [
    (Numbered("first").start().say(HALF), [HALF, REST]),
    (Numbered("first").start().item({**THOUGHTS, "id": "rs_1"}).say(HALF, done=False), [TEXT]),
], ids=["message done", "thoughts done"])
def test_items_that_were_done_stay(start, upstream, first, blocks):
    primary = upstream(breaks(first.events))
    backup = upstream(response_of(Numbered("second").start().say("fox jumps" + REST).end()))
    told = one_response(responses(rescuing(start, primary.entry("primary"), backup.entry("backup"))))
    assert list(told.texts.values()) == blocks


@pytest.mark.parametrize("first", [
    Numbered("first").start().say(HALF).item({**CALL_ITEM, "arguments": ""}, done=False),
    Numbered("first").start().say(HALF).item(THOUGHTS, done=False),
], ids=["call", "thoughts"])
def test_never_once_a_call_or_half_a_thought_was_told(start, upstream, first):
    primary = upstream(breaks(first.events))
    backup = upstream(response_of(Numbered("second").start().say(TEXT).end()))
    got = responses(rescuing(start, primary.entry("primary"), backup.entry("backup")))
    assert got.ended == "cut" and not backup.requests
    assert [e["type"] for e in Response(got).events[-2:]] == ["error", "response.failed"]


def test_where_nobody_goes_on_with_a_response_the_error_goes_on_counting(start, upstream):
    second = Numbered("second").start().say(HALF + " over the lazy dog", done=False)
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(breaks(second.events))
    got = responses(rescuing(start, primary.entry("primary"), backup.entry("backup")))
    told = Response(got)
    assert got.ended == "cut" and told.text.startswith(HALF + " over the")
    assert [e["type"] for e in told.events[-2:]] == ["error", "response.failed"]


@pytest.mark.parametrize("rest", [
    [b"data: {\"type\":\n\n"],
    [typed("response.function_call_arguments.delta", output_index=5, item_id="fc_5", delta="{")],
    Numbered("second").say("More.").events[:3],
], ids=["no JSON", "no item", "behind the end"])
def test_what_has_no_place_in_the_response_is_not_left_out_in_silence(start, upstream, rest):
    second = Numbered("second").start().say("fox jumps" + REST).end().events
    behind = any(b"More" in event for event in rest)
    parts = [*second, *rest] if behind else [*second[:-1], *rest, second[-1]]
    primary = upstream(breaks(HALF_RESPONSE))
    backup = upstream(lambda connection, request: connection.send(events(parts)))
    got = responses(rescuing(start, primary.entry("primary"), backup.entry("backup", continuation="instruct")))
    assert got.ended == "cut" and Response(got).last["type"] == "response.failed"


def test_a_rescued_response_is_rescued(start, upstream):
    primary = upstream(breaks(Numbered("first").start().say("The quick brown", done=False).events))
    backup = upstream(breaks(Numbered("second").start().say("The quick brown fox jumps", done=False).events))
    third = upstream(response_of(Numbered("third").start().say("fox jumps" + REST).end()))
    daemon = rescuing(start, primary.entry("primary"), backup.entry("backup"), third.entry("third"))
    assert len(one_response(responses(daemon)).comments) == 2


def test_a_response_is_gone_on_with_by_a_message_server(start, upstream):
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(message_of("fox jumps" + REST))
    daemon = rescuing(start, primary.entry("primary"), claude(backup, "backup"))
    one_response(responses(daemon))
    assert [turn["role"] for turn in backup.requests[0].json["messages"]] == ["user", "assistant", "user"]


def test_a_response_is_gone_on_with_by_a_server_of_chat_completions_alone(start, upstream):
    def only_chat(connection, request):
        if request.target.endswith("/responses"):
            connection.send(status(404, b"404 page not found", content_type="text/plain"))
        else:
            chat_stream("fox jumps" + REST)(connection, request)
    primary, backup = upstream(breaks(HALF_RESPONSE)), upstream(only_chat)
    one_response(responses(rescuing(start, primary.entry("primary"), backup.entry("backup"))))
    assert [r.target for r in backup.requests] == ["/v1/responses", "/v1/chat/completions"]


def test_a_response_of_message_servers_is_gone_on_with(start, upstream):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(message_of("fox jumps" + REST))
    got = responses(rescuing(start, claude(primary, "primary"), claude(backup, "backup")))
    told = Response(got)
    assert got.ended == "whole" and told.text == TEXT and told.last["type"] == "response.completed"
    assert told.last["response"]["output"][0]["content"][0]["text"] == TEXT


# ---------------------------------------------------------------- Gemini

HALF_GEMINI = [google_event(candidate(piece, finish=None, usage=(9, i + 1, 0)))
               for i, piece in enumerate(parts_of(HALF))]


def gemini_of(text, *more, finish="STOP", usage=(40, 7, 0)):
    def script(connection, request):
        bodies = [candidate(piece, finish=None, usage=None, model="second", responseId="T2")
                  for piece in parts_of(text)]
        connection.send(events(map(google_event, [
            *bodies, *more, candidate(finish=finish, usage=usage, model="second")])))
    return script


def gemini(daemon, **more):
    return ask(daemon, path="/v1beta/models/gemini-m:streamGenerateContent?alt=sse",
               body=gemini_body(**more))


def google_entry(there, name, **settings):
    return native(there, name, "gemini", **settings)


def one_gemini(got, text=TEXT, finish="STOP"):
    assert got.status == 200 and got.ended == "whole"
    assert b"\n:" not in got.body and not got.body.startswith(b":"), "its libraries bear no comment"
    chunks = [json.loads(line[6:]) for line in got.body.decode().split("\r\n") if line]
    assert {(c["modelVersion"], c["responseId"]) for c in chunks} == {("gemini-served", "T1")}
    found = [c["candidates"][0] for c in chunks]
    assert "".join(p.get("text", "") for c in found for p in c["content"]["parts"]
                   if not p.get("thought")) == text
    assert [c["finishReason"] for c in found if "finishReason" in c] == [finish]
    assert "finishReason" in found[-1]
    return chunks


@pytest.mark.parametrize("how, text", [("prefill", REST), ("auto", "fox jumps" + REST), ("restart", TEXT)])
def test_a_gemini_answer_is_gone_on_with(start, upstream, how, text):
    primary, backup = upstream(breaks(HALF_GEMINI)), upstream(gemini_of(text))
    daemon = rescuing(start, google_entry(primary, "primary"),
                      google_entry(backup, "backup", continuation=how, model="gemini-b"))
    chunks = one_gemini(gemini(daemon, generationConfig={"maxOutputTokens": 500}))
    usage = chunks[-1]["usageMetadata"]
    assert usage["promptTokenCount"] == 9
    assert usage["candidatesTokenCount"] == {"prefill": 12, "auto": 10, "restart": 7}[how]
    assert usage["totalTokenCount"] == 9 + usage["candidatesTokenCount"]
    sent = backup.requests[0].json
    assert [turn["role"] for turn in sent["contents"]] == {
        "prefill": ["user", "model"], "auto": ["user", "model", "user"], "restart": ["user"]}[how]
    if how != "restart":
        assert sent["contents"][1]["parts"] == [{"text": HALF}]
        assert sent["generationConfig"]["maxOutputTokens"] <= 500
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


def test_a_gemini_answer_is_told_without_the_quotes_around_its_rest(start, upstream):
    primary, backup = upstream(breaks(HALF_GEMINI)), upstream(gemini_of(f'"fox jumps{REST}"'))
    daemon = rescuing(start, google_entry(primary, "primary"), google_entry(backup, "backup"))
    one_gemini(gemini(daemon))


def test_a_call_of_the_second_gemini_follows_the_text(start, upstream):
    thought = candidate({"text": "Second thoughts.", "thought": True}, finish=None, usage=None)
    call = candidate({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "U2Vj"}, finish=None,
                     usage=None)
    primary, backup = upstream(breaks(HALF_GEMINI)), upstream(gemini_of(TEXT, thought, call))
    daemon = rescuing(start, google_entry(primary, "primary"), google_entry(backup, "backup"))
    got = gemini(daemon, tools=[{"functionDeclarations": [{"name": "f"}]}])
    chunks = one_gemini(got)
    calls = [p for c in chunks for p in c["candidates"][0]["content"]["parts"] if "functionCall" in p]
    assert calls == [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "U2Vj"}]
    assert b"Second thoughts" not in got.body


@pytest.mark.parametrize("more, last", [
    ({"generationConfig": {"candidateCount": 2}}, None),
    ({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, None),
    ({}, {"functionCall": {"name": "f", "args": {}}}), ({}, {"executableCode": {"code": "1"}}),
], ids=["candidates", "images", "call", "code"])
def test_a_gemini_answer_that_cannot_be_gone_on_with_is_not(start, upstream, more, last):
    parts = [*HALF_GEMINI, *([google_event(candidate(last, finish=None))] if last else [])]
    primary, backup = upstream(breaks(parts)), upstream(gemini_of(TEXT))
    daemon = rescuing(start, google_entry(primary, "primary"), google_entry(backup, "backup"))
    got = gemini(daemon, **more)
    assert got.ended == "cut" and not backup.requests and b"STREAM_INTERRUPTED" in got.body


@pytest.mark.parametrize("parts", [
    [candidate(REST, finish=None), b"data: {\"candidates\":\r\n\r\n", candidate("")],
    [candidate(REST), candidate("More.")],
], ids=["no JSON", "behind the end"])
def test_what_has_no_place_in_the_gemini_answer_is_not_left_out_in_silence(start, upstream, parts):
    written = [part if isinstance(part, bytes) else google_event(part) for part in parts]
    primary = upstream(breaks(HALF_GEMINI))
    backup = upstream(lambda connection, request: connection.send(events(written)))
    daemon = rescuing(start, google_entry(primary, "primary"),
                      google_entry(backup, "backup", continuation="prefill"))
    got = gemini(daemon)
    assert got.ended == "cut" and b"STREAM_INTERRUPTED" in got.body


def test_a_rescued_gemini_answer_is_rescued(start, upstream):
    primary = upstream(breaks(HALF_GEMINI[:3]))
    backup = upstream(breaks([google_event(candidate(piece, finish=None, usage=None))
                              for piece in parts_of(HALF)]))
    third = upstream(gemini_of("fox jumps" + REST))
    daemon = rescuing(start, *(google_entry(u, n) for u, n in [(primary, "primary"), (backup, "backup"),
                                                               (third, "third")]))
    one_gemini(gemini(daemon))
    assert third.requests[0].json["contents"][1]["parts"] == [{"text": HALF}]


def test_a_gemini_answer_is_gone_on_with_by_a_message_server(start, upstream):
    primary, backup = upstream(breaks(HALF_GEMINI)), upstream(message_of(REST))
    daemon = rescuing(start, google_entry(primary, "primary"), claude(backup, "backup"))
    one_gemini(gemini(daemon))
    assert backup.requests[0].json["messages"][-1] == {
        "role": "assistant", "content": [{"type": "text", "text": HALF}]}


def test_a_message_is_gone_on_with_by_a_gemini_server(start, upstream):
    primary, backup = upstream(breaks(HALF_MESSAGE)), upstream(gemini_of("fox jumps" + REST))
    daemon = rescuing(start, claude(primary, "primary"), google_entry(backup, "backup"))
    one_message(messages(daemon))
