"""Promise 5 on every endpoint: an answer that did not come to its end is never presented as one that did, whatever
stands in the place of its end; and what had come of it is booked."""

import threading

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk, close, completion,
                     config, event, expect_metrics, head, plain, request_lines, reset, silent, sse, status, steps,
                     stream_events, timeouts, usage_event, wait_until, well, words)
from natives import (block_start, block_stop, events, message, message_body, message_delta, message_events,
                     message_start, native, text_delta, typed)

STOP = typed("message_stop")
HALF = [message_start(), block_start(type="text", text=""), text_delta("half ")]


def in_two(upstream, start, first, rest, *, path="/v1/chat/completions", body=None, headers=None, until=b"half",
           entry=None, backup=(), end=LAST_CHUNK, **top):
    """The answer to a request whose upstream goes on with `rest` only once the client has had some of `first`."""
    opened = threading.Event()
    more = b"".join(map(chunk, rest))
    ends = [more + end] if isinstance(end, bytes) else [more, end] if more else [end]
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, first)), lambda c: c.wait(opened), *ends))
    daemon = start(config(entry(primary) if entry else primary, *backup, **top))
    with Client(daemon) as client:
        client.ask(path=path, body=body or chat_body(stream=True), headers=headers or ())
        got = client.body(client.head(), until=lambda r: until in r.body)
        opened.set()
        return client.body(got)


def claude(primary, name="primary"):
    return native(primary, name, "messages")


# --- a finish_reason that names a failure

@pytest.mark.parametrize("reason", ["error", "abort", "overloaded_error"])
@pytest.mark.parametrize("end", [[DONE], []], ids=["marker", "none"])
def test_a_finish_that_names_a_failure_is_told_in_band(start, upstream, reason, end):
    first, rest = [ROLE, *words("half an")], [event({}, reason), *end]
    got = in_two(upstream, start, first, rest)
    assert got.ended != "whole" and DONE not in got.body
    assert got.body.startswith(b"".join(first)) and got.stream_error["type"] == "understudy_error"
    said = in_two(upstream, start, first, rest, path="/v1/messages", body=message_body(stream=True))
    assert said.ended != "whole" and said.body.count(b"event: error") == 1 and b"message_stop" not in said.body


def test_a_finish_that_names_a_failure_is_told_when_nobody_goes_on(start, upstream):
    got = in_two(upstream, start, [ROLE, *words("half an")], [event({}, "abort"), DONE],
                 backup=[upstream(status(503))], route={"midstream": "continue"})
    assert DONE not in got.body and got.stream_error["type"] == "understudy_error"


# --- a response whose last event names another state

@pytest.mark.parametrize("state", ["in_progress", "queued", "failed", "cancelled", "unheard-of"])
@pytest.mark.parametrize("client", ["responses", "chat"])
def test_a_response_that_is_completed_by_name_alone_is_broken(start, upstream, state, client):
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    first = [typed("response.created", response={"id": "resp_1", "object": "response", "status": "in_progress"}),
             typed("response.output_text.delta", **place, delta="half")]
    last = typed("response.completed", response={"id": "resp_1", "object": "response", "status": state, "output": []})
    opened = threading.Event()
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, first)), lambda c: c.wait(opened),
                             chunk(last) + LAST_CHUNK))
    daemon = start(config(native(primary, "primary", "responses"), log={"format": "json"}))
    with Client(daemon) as there:
        if client == "chat":
            there.ask(body=chat_body(stream=True))
        else:
            there.ask(path="/v1/responses", body={"model": "m", "input": "Hi", "stream": True})
        got = there.body(there.head(), until=lambda r: b"half" in r.body)
        opened.set()
        got = there.body(got)
    assert got.ended != "whole" and b"error" in got.body
    assert b"response.completed" not in got.body and DONE not in got.body
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "malformed"}),
                   (1, "understudy_requests_total", {"outcome": "exhausted"}))
    line = wait_until(lambda: next((line for line in request_lines(daemon) if line["event"] == "request"), None),
                      "the line")
    assert line["ended"] == "broken" and ";malformed;" in line["trace"]


@pytest.mark.parametrize("last", ["incomplete", "completed"])   # the latter is vLLM's, also where a limit was met
def test_an_incomplete_response_is_an_end(start, upstream, last):
    parts = [typed("response.output_text.delta", item_id="m", output_index=0, content_index=0, delta="half"),
             typed(f"response.{last}", response={"status": "incomplete", "output": [],
                                              "incomplete_details": {"reason": "max_output_tokens"}})]
    primary = upstream(SSE_HEAD + b"".join(map(chunk, parts)) + LAST_CHUNK)
    got = ask(start(config(native(primary, "primary", "responses"))), path="/v1/responses",
              body={"model": "m", "input": "Hi", "stream": True})
    assert got.ended == "whole" and got.body == b"".join(parts)


# --- a message without its stop_reason

UNSAID = {"no delta": [block_stop(), STOP], "null": [block_stop(), message_delta(None), STOP], "open": [STOP]}


@pytest.mark.parametrize("end", UNSAID.values(), ids=UNSAID)
def test_a_message_without_a_stop_reason_is_cut(start, upstream, end):
    body = message_body(stream=True)
    said = in_two(upstream, start, HALF, end, entry=claude, path="/v1/messages", body=body)
    assert said.ended != "whole" and b"message_stop" not in said.body and said.body.count(b"event: error") == 1
    got = in_two(upstream, start, HALF, end, entry=claude)
    assert DONE not in got.body and b'"finish_reason":"' not in got.body and got.stream_error


@pytest.mark.parametrize("end", UNSAID.values(), ids=UNSAID)
def test_a_message_without_a_stop_reason_is_gone_on_with(start, upstream, end):
    backup = claude(upstream(events(message_events("half the rest"))), "backup")
    said = in_two(upstream, start, HALF, end, entry=claude, path="/v1/messages", body=message_body(stream=True),
                  backup=[backup], route={"midstream": "continue"})
    assert said.ended == "whole" and b"rest" in said.body and said.body.count(b"event: message_stop") == 1


def test_a_plain_answer_without_a_reason_gets_none_in_another_dialect(start, upstream):
    half = {"index": 0, "message": {"role": "assistant", "content": "half"}, "finish_reason": None}
    daemon = start(config(upstream(plain(completion("x", choices=[half])))))
    said = ask(daemon, path="/v1/messages", body=message_body()).json
    assert said["content"][0]["text"] == "half" and said["stop_reason"] is None
    google = ask(daemon, path="/v1beta/models/m:generateContent",
                 body={"contents": [{"parts": [{"text": "x"}]}]}).json
    assert "finishReason" not in google["candidates"][0]
    other = claude(upstream(plain(message("half", stop_reason=None))))
    got = chat(start(config(other))).json
    assert got["choices"][0]["message"]["content"] == "half" and got["choices"][0]["finish_reason"] is None


# --- the streams of other endpoints

OTHERS = {
    "transcription": ("/v1/audio/transcriptions", "transcript.text.delta", "transcript.text.done"),
    "speech": ("/v1/audio/speech", "speech.audio.delta", "speech.audio.done"),
    "image": ("/v1/images/generations", "image_generation.partial_image", "image_generation.completed"),
    "edit": ("/v1/images/edits", "image_edit.partial_image", "image_edit.completed"),
}


@pytest.mark.parametrize("path, part, last", OTHERS.values(), ids=OTHERS)
def test_parts_without_their_closing_event_are_cut(start, upstream, path, part, last):
    body = {"model": "m", "input": "x", "stream": True}
    parts = [typed(part, delta="a"), typed(part, delta="b")]
    got = in_two(upstream, start, parts[:1], parts[1:], path=path, body=body, until=part.encode())
    assert got.ended != "whole" and got.stream_error
    whole = upstream(events([*parts, typed(last)]))
    got = ask(start(config(whole)), path=path, body=body)
    assert got.ended == "whole" and got.body == b"".join([*parts, typed(last)])
    # In one read nothing has been told yet, and the next one is asked.
    got = ask(start(config(upstream(events(parts)), whole)), path=path, body=body)
    assert got.ended == "whole" and got.body == b"".join([*parts, typed(last)])


PICTURE = [typed("image_generation.partial_image", b64_json="AA"), typed("image_generation.completed", b64_json="AB")]


def pictures(n):
    return {"model": "m", "prompt": "x", "stream": True, "partial_images": 1, "n": n}


def form(n):
    parts = [("model", "m"), ("prompt", "x"), ("stream", "true"), ("n", n)]
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    return {"path": "/v1/images/edits", "body": body.encode() + b"--x--\r\n",
            "headers": {"Content-Type": "multipart/form-data; boundary=x"}}


@pytest.mark.parametrize("end", [LAST_CHUNK, silent], ids=["its end", "silence"])
@pytest.mark.parametrize("ask_for", [{"path": "/v1/images/generations", "body": pictures(2)}, form(2)],
                         ids=["JSON", "form"])
def test_each_of_several_pictures_has_its_closing_event(start, upstream, ask_for, end):
    """What is to come is known from the request, so nobody waits behind the last one."""
    got = in_two(upstream, start, PICTURE, PICTURE, until=b"AB", end=end, **ask_for)
    assert got.ended == "whole" and got.body == b"".join(PICTURE * 2)


@pytest.mark.parametrize("n, rest, end, whole", [
    (2, [], LAST_CHUNK, True), (2, PICTURE[:1], LAST_CHUNK, False), (2, [], reset, False), (2, PICTURE[:1], reset, False),
    ("2", PICTURE, LAST_CHUNK, True), ("2", PICTURE, reset, False), (1, [], silent, True), (None, [], silent, True),
], ids=["fewer", "half of one", "cut between", "cut within", "not counted", "not counted, cut", "one", "none named"])
def test_pictures_end_with_the_last_one_or_the_stream(start, upstream, n, rest, end, whole):
    got = in_two(upstream, start, PICTURE, rest, path="/v1/images/generations", body=pictures(n), until=b"AB", end=end)
    assert (got.ended == "whole") == whole and got.body.startswith(b"".join(PICTURE))
    assert bool(got.stream_error) == (not whole)


@pytest.mark.parametrize("prompt", [["a", "b"], [[1, 2], [3]]], ids=["texts", "tokens"])
@pytest.mark.parametrize("end", [reset, silent], ids=["reset", "silent"])
def test_the_first_of_several_prompts_is_not_all(start, upstream, prompt, end):
    first = b'data: {"id":"x","object":"text_completion","choices":[{"index":0,"text":"one","finish_reason":null}]}\n\n'
    stop = b'data: {"id":"x","object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}\n\n'
    primary = upstream(steps(SSE_HEAD + chunk(first) + chunk(stop), end))
    entry = {**primary.entry("primary"), "timeouts": timeouts(idle=300)}
    got = ask(start(config(entry)), path="/v1/completions", body={"model": "m", "prompt": prompt, "stream": True})
    assert got.ended != "whole" and got.stream_error


# --- what is booked does not depend on timing

@pytest.mark.parametrize("apart", [False, True], ids=["one write", "two"])
def test_what_came_before_the_break_is_estimated(start, upstream, apart):
    said = SSE_HEAD + b"".join(map(chunk, [ROLE, *words("one two three four")]))
    broke = chunk(b'data: {"error":{"message":"boom"}}\n\n') + LAST_CHUNK
    opened = threading.Event()
    primary = upstream(steps(said, lambda c: c.wait(opened), broke) if apart else steps(said + broke))
    daemon = start(config(primary, route={"midstream": "error"}))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        got = client.body(client.head(), until=lambda r: b"four" in r.body)
        opened.set()
        client.body(got)
    wait_until(lambda: daemon.metrics().value("understudy_tokens_total", type="output", source="estimated") == 4,
               "four tokens")
    assert daemon.metrics().value("understudy_tokens_total", type="input", source="estimated") > 0


def test_a_large_plain_answer_that_breaks_is_estimated(start, upstream):
    text = "word " * 40_000
    body = completion(text)
    primary = upstream(steps(head("200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
                             + body[:-50], close))
    daemon = start(config(primary, limits={"buffer_response": "64KiB"}))
    assert not chat(daemon).finished
    wait_until(lambda: daemon.metrics().value("understudy_tokens_total", type="output", source="estimated")
               == pytest.approx(50_000, rel=0.01), "a quarter of its bytes")


# --- what is asked, and what is answered

@pytest.mark.parametrize("value", [1, "true", "1", "yes", "On"])
def test_a_stream_is_asked_for_in_other_words(start, upstream, value):
    primary = upstream(sse(stream_events("It works.", None)))
    got = ask(start(config(primary)), body={**chat_body(), "stream": value})
    assert got.status == 200 and got.finished and got.body.endswith(DONE)
    assert primary.requests[0].json["stream"] == value


def test_what_no_server_reads_as_a_stream_is_refused(start, upstream):
    primary = upstream(well())
    daemon = start(config(primary))
    for value in (2, "maybe", [True], {}):
        got = ask(daemon, body={**chat_body(), "stream": value})
        assert got.status == 400 and got.json["error"]["param"] == "stream"
    assert not primary.requests


def test_the_label_of_a_plain_answer_does_not_make_it_events(start, upstream):
    primary = upstream(plain(completion("It works."), content_type="text/event-stream"))
    got = chat(start(config(primary)))
    assert got.status == 200 and got.body == completion("It works.")
    wrong = upstream(sse(stream_events("It works.", None)))
    assert chat(start(config(wrong))).status == 502


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1beta/models/m:generateContent"])
def test_an_error_in_a_list_leaves_as_the_error_it_is(start, upstream, path):
    body = b'[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}]'
    google = path.startswith("/v1beta")
    primary = upstream(plain(body))
    entry = native(primary, "primary", "gemini") if google else primary
    asked = {"contents": [{"parts": [{"text": "x"}]}]} if google else chat_body()
    got = ask(start(config(entry)), path=path, body=asked)
    assert got.status == 429 and got.body == body


def test_speech_without_audio_is_none(start, upstream):
    primary = upstream(plain(b'{"id":"x","status":"ok"}'))
    backup = upstream(plain(b"ID3\x04audio", content_type="audio/mpeg"))
    got = ask(start(config(primary, backup)), path="/v1/audio/speech", body={"model": "m", "input": "x", "voice": "v"})
    assert got.body == b"ID3\x04audio" and ";malformed;" in got.header("x-understudy-trace")


def test_what_our_asking_for_usage_causes_is_not_seen(start, upstream):
    def openai(connection, request):
        asked = "stream_options" in request.json
        more = {"usage": None} if asked else {}
        parts = [event({"role": "assistant", "content": ""}, **more), event({"content": "Hi"}, **more),
                 event({}, "stop", **more), *([usage_event()] if asked else []), DONE]
        connection.send(sse(part.replace(b', "usage": null', b',"usage":null') for part in parts))

    daemon = start(config(upstream(openai)))
    got = chat(daemon, stream=True)
    assert got.body == b"".join([ROLE, event({"content": "Hi"}), FINISH, DONE])
    asked = chat(daemon, stream=True, stream_options={"include_usage": True})
    assert asked.body.count(b'"usage":null') == 3
