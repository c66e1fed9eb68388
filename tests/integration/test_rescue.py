"""Mid-stream rescue: a committed stream that breaks is gone on with by the next entry, inside the same
client stream; where nobody can, the client is told."""

import json
import threading
import time

import pytest

from answers import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, chunk, error_body, event, plain,
                     words)
from client import Client
from harness import (MAX_WAIT, chat, chat_body, config, expect_metrics, gzipped, head, ms, request_lines,
                     reset, seconds, settled, silent, status, timeouts, well)
from tests.support.daemon import wait_until

TEXT = "The quick brown fox jumps over the lazy dog and runs away."
HALF = "The quick brown fox jumps"
REST = " over the lazy dog and runs away."
ROUTE = {"midstream": "continue", "retries": 0}


def cut_after(text=HALF, how="reset", **more):
    """A stream that breaks behind this text."""
    def script(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        for piece in words(text):
            connection.send(chunk(piece))
        time.sleep(0.05)
        if how == "reset":
            connection.reset()
        elif how == "close":
            connection.close()
        elif how == "error":
            connection.send(chunk(b'data: {"error":{"message":"engine died"}}\n\n') + LAST_CHUNK)
        elif how == "end":
            connection.send(LAST_CHUNK)
        else:
            connection.hold()
    return script


def stream(text, usage=None, model="second", finish="stop", **more):
    def script(connection, request):
        connection.send(SSE_HEAD)
        ids = {"id": "chatcmpl-2nd", "created": 42, "model": model, **more}
        connection.send(chunk(event({"role": "assistant", "content": ""}, **ids)))
        for i, piece in enumerate(text.split(" ")):
            connection.send(chunk(event({"content": piece if i == 0 else " " + piece}, **ids)))
        connection.send(chunk(event({}, finish, **ids)))
        if usage:
            connection.send(chunk(event(usage=usage, **ids)))
        connection.send(chunk(DONE) + LAST_CHUNK)
    return script


def prefilled(rest=REST):
    """A server that takes a prefill and goes on behind it."""
    def script(connection, request):
        last = request.json["messages"][-1]
        assert last["role"] == "assistant", request.json
        stream(rest, usage={"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}
               if (request.json.get("stream_options") or {}).get("include_usage") else None)(
                   connection, request)
    return script


def rescuing(start, primary, backup, *more, how="prefill", **top):
    entries = [primary.entry("primary"), backup.entry("backup", continuation=how),
               *(u.entry(n, continuation=how) for u, n in zip(more, ["third", "fourth"]))]
    return start(config(*entries, routes=[
        {"model": "*", "chain": [e["name"] for e in entries], "deadline": ms(30_000), **ROUTE}],
        **top))


def one_answer(got, text=TEXT):
    """It reads as one answer from one server."""
    assert got.status == 200 and got.ended == "whole"
    assert got.text == text and got.finished
    events = [json.loads(e) for e in got.events if e != "[DONE]"]
    assert {e["id"] for e in events} == {"chatcmpl-T1"}
    assert {e["model"] for e in events} == {"served"}
    assert len({e["created"] for e in events}) == 1
    choices = [c for e in events for c in e["choices"]]
    assert sum(1 for c in choices if c["finish_reason"]) == 1
    assert sum(1 for c in choices if c["delta"].get("role")) == 1
    assert got.events.count("[DONE]") == 1


@pytest.mark.parametrize("how", ["reset", "close", "error", "end"])
def test_the_next_entry_goes_on_behind_the_words_that_were_sent(start, upstream, how):
    primary, backup = upstream(cut_after(how=how)), upstream(prefilled())
    daemon = rescuing(start, primary, backup)
    got = chat(daemon, stream=True)
    one_answer(got)
    assert b": understudy rescue backup/m after malformed, prefill" in got.body
    assert backup.requests[0].json["messages"][-1] == {"role": "assistant", "content": HALF}
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}),
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": "malformed"}),
                   (1, "understudy_attempts_total", {"upstream": "backup", "reason": "ok"}),
                   (1, "understudy_failovers_total", {"from": "primary", "to": "backup"}))


@pytest.mark.parametrize("end", [FINISH[:-2], FINISH[:-1], FINISH + DONE[:-2], FINISH + DONE[:-1]],
                         ids=["finish", "finish, newline", "marker", "marker, newline"])
def test_a_rescue_may_end_without_a_blank_line(start, upstream, end):
    def rest(connection, request):
        connection.send(SSE_HEAD + b"".join(map(chunk, words(REST))) + chunk(end) + LAST_CHUNK)
    primary, backup = upstream(cut_after()), upstream(rest)
    got = chat(rescuing(start, primary, backup), stream=True)
    assert got.ended == "whole" and got.text == TEXT and b'"finish_reason": "stop"' in got.body
    assert ("[DONE]" in got.events) == (b"[DONE]" in end)


UNREADABLE = b'data: {"choices":[{"delta":{"content":" of old\n\n'


def test_behind_an_event_of_the_first_that_cannot_be_read_nobody_goes_on(start, upstream):
    """It may have held a word, and the client's library may have read it or not."""
    def torn(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + b"".join(map(chunk, words(HALF))) + chunk(UNREADABLE))
        time.sleep(0.05)
        connection.reset()
    primary, backup = upstream(torn), upstream(prefilled())
    got = chat(rescuing(start, primary, backup), stream=True)
    assert got.ended == "cut" and b"stream_interrupted" in got.body and not backup.requests


def test_an_event_of_the_rest_that_cannot_be_read_is_not_left_out(start, upstream):
    def torn(connection, request):
        connection.send(SSE_HEAD + b"".join(map(chunk, words(" over the"))) + chunk(UNREADABLE))
        for piece in words(" lazy dog"):
            connection.send(chunk(piece))
        connection.hold()
    primary, backup = upstream(cut_after()), upstream(torn)
    third = upstream(prefilled(" lazy dog and runs away."))
    daemon = rescuing(start, primary, backup, third)
    one_answer(chat(daemon, stream=True))
    assert third.requests[0].json["messages"][-1]["content"] == HALF + " over the"
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "backup", "reason": "malformed"}))


@pytest.mark.row(35)
def test_a_stream_that_falls_silent_is_gone_on_with(start, upstream):
    primary, backup = upstream(cut_after(how="hold")), upstream(prefilled())
    entries = [primary.entry("primary", timeouts=timeouts(idle=400)),
               backup.entry("backup", continuation="prefill")]
    daemon = start(config(*entries, route=ROUTE))
    got = chat(daemon, stream=True)
    one_answer(got)
    assert b"after timeout, prefill" in got.body


NO_PREFILL = error_body("This model does not support assistant message prefill. The conversation "
                        "must end with a user message.", "invalid_request_error")


@pytest.mark.parametrize("refusal", [
    status(400, NO_PREFILL), status(422, NO_PREFILL), status(500, NO_PREFILL),
    status(404, NO_PREFILL), plain(NO_PREFILL),
    SSE_HEAD + chunk(b"data: " + NO_PREFILL + b"\n\n") + LAST_CHUNK,
], ids=["400", "422", "500", "404", "inside a 200", "event"])
def test_a_refused_prefill_is_remembered_and_never_reaches_the_client(start, upstream, refusal):
    def picky(connection, request):
        if request.json["messages"][-1]["role"] == "assistant":
            connection.send(refusal)
        else:
            stream(TEXT)(connection, request)
    primary, backup = upstream(cut_after()), upstream(picky)
    daemon = rescuing(start, primary, backup)
    for _ in range(2):
        got = chat(daemon, stream=True)
        one_answer(got)
        assert b"prefill" not in got.body.replace(b", prefill", b"")
    prefills = [r for r in backup.requests if r.json["messages"][-1]["role"] == "assistant"]
    assert len(prefills) == 1, "the second request knew better"


@pytest.mark.parametrize("refusal", [
    status(400, error_body("No.", "invalid_request_error")), status(422, error_body("Wrong roles.", "x")),
    status(400, b""),
], ids=["400", "422", "empty"])
def test_a_prefill_that_is_refused_in_unknown_words_is_remembered_once_the_next_way_is_taken(
        start, upstream, refusal):
    def picky(connection, request):
        if request.json["messages"][-1]["role"] == "assistant":
            connection.send(refusal)
        else:
            stream(TEXT)(connection, request)
    primary, backup = upstream(cut_after()), upstream(picky)
    daemon = rescuing(start, primary, backup)
    for _ in range(3):
        one_answer(chat(daemon, stream=True))
    assert [r.json["messages"][-1]["role"] for r in backup.requests] == ["assistant"] + ["user"] * 3
    one_answer(chat(daemon, stream=True, model="another"))
    assert [r.json["messages"][-1]["role"] for r in backup.requests[4:]] == ["assistant", "user"]


def test_what_was_refused_in_every_way_is_no_refusal_of_a_prefill(start, upstream):
    mood = {"refuses": True}

    def moody(connection, request):
        if mood["refuses"]:
            connection.send(status(400, error_body("No.", "invalid_request_error")))
        else:
            prefilled()(connection, request)
    primary, backup = upstream(cut_after()), upstream(moody)
    daemon = rescuing(start, primary, backup)
    assert chat(daemon, stream=True).ended != "whole"
    mood["refuses"] = False
    one_answer(chat(daemon, stream=True))


def test_a_restart_drops_what_was_sent_where_it_is_the_same(start, upstream):
    primary, backup = upstream(cut_after()), upstream(stream(TEXT))
    got = chat(rescuing(start, primary, backup, how="restart"), stream=True)
    one_answer(got)
    assert b", restart" in got.body
    assert backup.requests[0].json["messages"] == primary.requests[0].json["messages"]


def test_another_answer_is_not_glued_on(start, upstream):
    primary, backup = upstream(cut_after()), upstream(stream("Something else entirely."))
    daemon = rescuing(start, primary, backup, how="restart")
    got = chat(daemon, stream=True)
    assert got.text == HALF and not got.finished and got.ended == "cut"
    assert got.stream_error
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


def test_an_instruction_is_trimmed_at_the_seam(start, upstream):
    primary, backup = upstream(cut_after()), upstream(stream("fox jumps over the lazy dog and runs away."))
    got = chat(rescuing(start, primary, backup, how="instruct"), stream=True)
    one_answer(got)
    assert backup.requests[0].json["messages"][-1]["role"] == "user"


QUOTED = "fox jumps" + REST[:-1] + ' for "home".'


@pytest.mark.parametrize("said, text", [
    (f'"fox jumps{REST}"', TEXT), (f'"fox jumps{REST}"\n', TEXT),
    (f"<last_words>fox jumps{REST}</last_words>", TEXT), (f"```\nfox jumps{REST}\n```", TEXT + "\n"),
    (f'"{QUOTED}"', HALF + QUOTED[9:]), (f'"{QUOTED[:-2]}."', HALF + QUOTED[9:-2] + '."'),
], ids=["quotes", "line break", "marks", "block", "quotes in quotes", "a quote of the text"])
def test_what_a_model_puts_around_the_rest_is_not_told(start, upstream, said, text):
    primary, backup = upstream(cut_after()), upstream(stream(said))
    one_answer(chat(rescuing(start, primary, backup, how="instruct"), stream=True), text)


def test_a_quote_that_the_first_stream_has_opened_is_closed(start, upstream):
    primary, backup = upstream(cut_after('He said: "' + HALF)), upstream(stream(f'"fox jumps{REST}"'))
    one_answer(chat(rescuing(start, primary, backup, how="instruct"), stream=True), f'He said: "{TEXT}"')


@pytest.mark.parametrize("said", ["I'm sorry, but I can't help with that.",
                                  "It seems your message was cut off. What would you like?", "",
                                  "A swift fox leaps over a dog."])
def test_an_instruction_that_is_not_followed_gives_no_answer(start, upstream, said):
    primary, backup = upstream(cut_after()), upstream(stream(said))
    daemon = rescuing(start, primary, backup, how="instruct")
    got = chat(daemon, stream=True)
    assert got.text == HALF and not got.finished and got.ended == "cut" and got.stream_error
    # It was told to begin with the last words, and then asked anew.
    assert [r.json["messages"][-1]["content"] == primary.requests[0].json["messages"][-1]["content"]
            for r in backup.requests] == [False, True]
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


def test_who_does_not_follow_an_instruction_may_tell_it_anew(start, upstream):
    def stubborn(connection, request):
        told = len(request.json["messages"]) > 2
        stream("What do you mean?" if told else TEXT)(connection, request)
    primary, backup = upstream(cut_after()), upstream(stubborn)
    got = chat(rescuing(start, primary, backup, how="instruct"), stream=True)
    one_answer(got)
    assert b", restart" in got.body and b"instruct" not in got.body


def test_a_rescue_can_be_rescued(start, upstream):
    primary = upstream(cut_after("The quick brown"))

    def second(connection, request):
        assert request.json["messages"][-1]["content"] == "The quick brown"
        cut_after(" fox jumps")(connection, request)
    backup, third = upstream(second), upstream(prefilled())
    daemon = rescuing(start, primary, backup, third)
    got = chat(daemon, stream=True)
    one_answer(got)
    assert third.requests[0].json["messages"][-1]["content"] == HALF
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


def test_an_event_without_end_is_not_gone_on_with_but_replaced(start, upstream):
    endless = event({"content": "x" * 1_400_000})[:-4]

    def flood(connection, request):
        connection.send(SSE_HEAD + chunk(event({"content": " over"})))
        for at in range(0, len(endless), 50_000):
            connection.send(chunk(endless[at:at + 50_000]))
        connection.hold()
    primary, backup, third = upstream(cut_after()), upstream(flood), upstream(prefilled(REST[5:]))
    daemon = rescuing(start, primary, backup, third, limits={"buffer_response": "256KiB"})
    got = chat(daemon, stream=True)
    one_answer(got)
    assert third.requests[0].json["messages"][-1]["content"] == HALF + " over"
    assert b": understudy rescue third/m after malformed, prefill" in got.body
    backup.wait_gone()


def test_a_rescue_that_fails_moves_on_and_the_last_one_tells(start, upstream):
    primary, backup, third = upstream(cut_after()), upstream(status(503)), upstream(reset)
    daemon = rescuing(start, primary, backup, third)
    got = chat(daemon, stream=True)
    assert got.text == HALF and got.ended == "cut" and got.stream_error
    assert len(backup.requests) == 1
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


@pytest.mark.parametrize("body", [
    {"n": 2}, {"logprobs": True},
], ids=["several choices", "logprobs"])
def test_what_cannot_be_gone_on_with_is_not(start, upstream, body):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    got = chat(rescuing(start, primary, backup), stream=True, **body)
    assert got.ended == "cut" and got.stream_error and not backup.requests


def test_never_once_a_tool_call_has_begun(start, upstream):
    def calls(connection, request):
        call = {"index": 0, "id": "c1", "type": "function",
                "function": {"name": "f", "arguments": "{\"a\""}}
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(event({"tool_calls": [call]})))
        time.sleep(0.05)
        connection.reset()
    primary, backup = upstream(calls), upstream(prefilled())
    got = chat(rescuing(start, primary, backup), stream=True)
    assert got.ended == "cut" and got.stream_error and not backup.requests


def test_with_tools_an_instruction_is_never_given(start, upstream):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    primary, backup = upstream(cut_after()), upstream(stream(TEXT))
    got = chat(rescuing(start, primary, backup, how="instruct"), stream=True, tools=tools)
    one_answer(got)  # by an identical restart
    assert backup.requests[0].json["messages"] == primary.requests[0].json["messages"]


def test_a_client_that_wants_no_fallback_gets_the_error(start, upstream):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    got = chat(rescuing(start, primary, backup), stream=True,
               headers={"x-understudy-fallback": "off"})
    assert got.ended == "cut" and got.stream_error and not backup.requests


def test_a_break_whose_class_does_not_fall_back_is_the_clients(start, upstream):
    primary, backup = upstream(cut_after(how="hold")), upstream(prefilled())
    entries = [primary.entry("primary", timeouts=timeouts(idle=400)),
               backup.entry("backup", continuation="prefill")]
    daemon = start(config(*entries, route={**ROUTE, "fallback_on": ["connection", "malformed"]}))
    got = chat(daemon, stream=True)
    assert got.text == HALF and got.ended == "cut" and got.stream_error and not backup.requests


def test_midstream_error_is_as_before(start, upstream):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    got = chat(start(config(primary, backup)), stream=True)
    assert got.text == HALF and got.ended == "cut" and got.stream_error and not backup.requests


def test_usage_is_the_clients_truth_and_both_attempts_are_booked(start, upstream):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    daemon = rescuing(start, primary, backup)
    got = chat(daemon, stream=True, stream_options={"include_usage": True})
    one_answer(got)
    usage = [json.loads(e)["usage"] for e in got.events
             if e != "[DONE]" and json.loads(e).get("usage")]
    assert len(usage) == 1
    # Five words were sent by the first, seven tokens reported by the second.
    assert usage[0]["completion_tokens"] == 12
    assert usage[0]["total_tokens"] == usage[0]["prompt_tokens"] + 12
    expect_metrics(
        daemon,
        (7, "understudy_tokens_total", {"upstream": "backup", "type": "output",
                                        "source": "reported"}),
        (5, "understudy_tokens_total", {"upstream": "primary", "type": "output",
                                        "source": "estimated"}))


def test_what_the_cache_had_of_the_prompt_is_the_first_ones_word(start, upstream):
    def usage(prompt, cached, completion):
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
                "prompt_tokens_details": {"cached_tokens": cached}}

    def first(connection, request):
        told = [event({"role": "assistant", "content": ""}, usage=usage(30, 8, 0)), *words(HALF)]
        connection.send(SSE_HEAD + b"".join(map(chunk, told)))
        time.sleep(0.05)
        connection.reset()
    primary, backup = upstream(first), upstream(stream(REST, usage=usage(40, 24, 7)))
    got = chat(rescuing(start, primary, backup), stream=True, stream_options={"include_usage": True})
    one_answer(got)
    told = [json.loads(e)["usage"] for e in got.events if e != "[DONE]" and json.loads(e).get("usage")]
    assert told[-1] == usage(30, 8, 12)


def test_the_log_has_the_counts_of_both_attempts(start, upstream):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    daemon = rescuing(start, primary, backup, log={"format": "json"})
    one_answer(chat(daemon, stream=True))
    line = wait_until(lambda: next((line for line in request_lines(daemon) if line["event"] == "request"), None),
                      "the line", MAX_WAIT)
    assert line["outcome"] == "rescued" and line["usage"] == "both"
    # Five words of the first, seven tokens that the second reported; its prompt, and that of the first.
    assert line["completion_tokens"] == 12
    guessed = settled(daemon, "understudy_tokens_total", upstream="primary", type="input")
    assert guessed > 0 and line["prompt_tokens"] == 20 + guessed


def test_a_client_that_did_not_ask_for_usage_sees_none(start, upstream):
    primary, backup = upstream(cut_after()), upstream(prefilled())
    got = chat(rescuing(start, primary, backup), stream=True)
    one_answer(got)
    assert b"usage" not in got.body


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked", "usage not asked"])
def test_a_compressed_stream_is_gone_on_with_where_it_is_decoded_anyway(start, upstream, asked):
    """It is where the client did not ask for usage: ours must not be seen."""
    body = gzipped(b"".join([ROLE, *words(HALF)]))

    def coded(connection, request):
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             f"Content-Length: {len(body) + 10}") + body)
        time.sleep(0.05)
        connection.reset()
    primary, backup = upstream(coded), upstream(prefilled())
    more = {"stream_options": {"include_usage": True}} if asked else {}
    got = chat(rescuing(start, primary, backup), stream=True, headers={"accept-encoding": "gzip"}, **more)
    if asked:
        assert got.ended in ("cut", "reset") and not backup.requests
    else:
        one_answer(got)


def test_an_entry_that_was_dropped_goes_on(start, upstream):
    """The hedge gave way to the first entry, whose stream then breaks."""
    def slow(connection, request):
        time.sleep(seconds(0.5))
        cut_after()(connection, request)

    def second(connection, request):
        if len(backup.requests) == 1:
            connection.hold()
        else:
            stream(REST)(connection, request)
    primary, backup = upstream(slow), upstream(second)
    entries = [primary.entry("primary"), backup.entry("backup", continuation="prefill")]
    daemon = start(config(*entries, route={**ROUTE, "hedge": {"after": ms(150), "budget": "100%"}}))
    got = chat(daemon, stream=True)
    one_answer(got)
    assert len(backup.requests) == 2


def test_an_entry_that_rested_when_the_request_began_goes_on(start, upstream):
    broken = threading.Event()

    def first(connection, request):
        if not broken.is_set():
            broken.set()
            connection.send(status(503))
        elif request.wants_stream:
            stream(REST)(connection, request)
        else:
            well()(connection, request)  # the probe

    def second(connection, request):
        if not request.wants_stream:
            return well()(connection, request)
        connection.send(SSE_HEAD + chunk(ROLE))
        for piece in words(HALF):
            connection.send(chunk(piece))
        time.sleep(seconds(0.5))  # as long as the first rests
        connection.reset()
    primary, backup = upstream(first), upstream(second)
    entries = [primary.entry("primary", continuation="prefill"), backup.entry("backup")]
    daemon = start(config(*entries, route=ROUTE, breaker={"failures": 1, "cooldown": ms(200)}))
    assert chat(daemon).text == "It works."
    got = chat(daemon, stream=True)
    one_answer(got)
    assert b": understudy rescue primary/m after malformed" in got.body


def test_one_entry_goes_on_by_itself_where_it_may_be_tried_again(start, upstream):
    def flaky(connection, request):
        if request.json["messages"][-1]["role"] == "assistant":
            stream(REST)(connection, request)
        else:
            cut_after()(connection, request)
    primary = upstream(flaky)
    daemon = start(config(primary.entry("primary", continuation="prefill"), routes=[
        {"model": "*", "chain": ["primary"], "midstream": "continue", "retries": 1}]))
    one_answer(chat(daemon, stream=True))
    assert len(primary.requests) == 2


def test_a_rescue_that_failed_is_tried_again_where_nobody_else_is_left(start, upstream):
    def flaky(connection, request):
        if len(primary.requests) == 1:
            cut_after()(connection, request)
        elif len(primary.requests) == 2:
            connection.send(status(503))
        else:
            stream(REST)(connection, request)
    primary = upstream(flaky)
    daemon = start(config(primary.entry("primary", continuation="prefill"), route={
        **ROUTE, "retries": 2, "retry": {"base": ms(10)}}))
    one_answer(chat(daemon, stream=True))
    assert len(primary.requests) == 3


def test_a_rescue_that_is_held_is_not_silent(start, upstream):
    """An identical restart repeats for long what the client has."""
    def slow(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        for piece in words(HALF):
            connection.send(chunk(piece))
            time.sleep(0.5)
        connection.send(b"".join(map(chunk, words(REST))) + chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    primary, backup = upstream(cut_after()), upstream(slow)
    entries = [primary.entry("primary"), backup.entry("backup", continuation="restart")]
    daemon = start(config(*entries, route={**ROUTE, "keepalive": "1s"}))
    got = chat(daemon, stream=True)
    one_answer(got)
    held, _, rest = got.body.partition(b": understudy rescue")
    assert held.count(b": understudy still waiting\n\n") >= 2
    assert b"still waiting" not in rest


def test_a_plain_answer_that_broke_is_simply_asked_again(start, upstream):
    def cut(connection, request):
        connection.send(head("200 OK", "Content-Type: application/json", "Content-Length: 500")
                        + b'{"choices":[{"message":{"content":"Hal')
        connection.reset()
    primary, backup = upstream(cut), upstream(well("Whole."))
    assert chat(rescuing(start, primary, backup)).text == "Whole."


def test_a_client_that_leaves_after_the_break_ends_it(start, upstream):
    primary, backup = upstream(cut_after()), upstream(silent)
    daemon = rescuing(start, primary, backup)
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.head()
        while not backup.requests:
            time.sleep(0.01)
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}),
                   (0, "understudy_upstream_connections", {"state": "active"}))
