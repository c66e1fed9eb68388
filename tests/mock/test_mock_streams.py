"""Every model name of the simulated upstream, streamed."""

import json
import time
import zlib

import pytest

from raw import WORDS, Connection, body_of, chat
from tests.support.daemon import wait_until


def deltas(answer):
    return [document["choices"][0]["delta"] for document in answer.documents
            if document.get("choices")]


def test_ok_is_role_sixty_words_finish_done_one_chunk_each(mock):
    answer = chat(mock, "ok", stream=True)
    assert answer.status == 200 and answer.whole and answer.text == WORDS
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.data[-1] == "[DONE]" and len(answer.chunks) == 1 + 60 + 1 + 1
    assert all(chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") for chunk in answer.chunks)
    assert deltas(answer)[0] == {"role": "assistant", "content": "", "refusal": None}
    assert all(len(delta["content"].split()) == 1 for delta in deltas(answer)[1:61])
    assert answer.documents[-1]["choices"][0]["finish_reason"] == "stop"
    assert all("usage" not in document for document in answer.documents)
    assert len({document["id"] for document in answer.documents}) == 1


def test_usage_comes_in_a_chunk_of_its_own_when_asked_for(mock):
    answer = chat(mock, "ok", stream=True, stream_options={"include_usage": True})
    *others, last = answer.documents
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 1080
    assert all(document["usage"] is None for document in others)
    silent = chat(mock, "no-usage", stream=True, stream_options={"include_usage": True})
    assert silent.text == WORDS and all("usage" not in d for d in silent.documents)


def test_slow_sends_the_head_at_once_and_the_first_word_late(mock):
    begin = time.monotonic()
    answer = chat(mock, "slow-300ms", stream=True)
    assert answer.text == WORDS
    first, second = answer.times[0], answer.times[1]
    assert b"data:" not in answer.raw[:first[1]]
    assert first[0] - begin < 0.29 <= second[0] - begin


@pytest.mark.parametrize("model, words, ended", [
    ("cut-40", 40, "closed"), ("cut-0", 0, "closed"), ("cut-60", 60, "closed"),
    ("cut-99", 60, "closed")])
def test_cut_dies_without_a_last_chunk(mock, model, words, ended):
    answer = chat(mock, model, stream=True)
    assert answer.ended == ended and not answer.whole
    assert answer.text.split() == WORDS.split()[:words]
    assert not any('"finish_reason":"stop"' in data for data in answer.data)


def test_reset_in_the_middle(mock):
    assert chat(mock, "reset-20+rate-500", stream=True).ended == "reset"


def test_stall_goes_silent_after_its_words(mock):
    answer = chat(mock, "stall-20", stream=True, patience=0.4)
    assert answer.ended == "silence" and answer.text.split() == WORDS.split()[:20]
    entry = wait_until(lambda: [e for e in mock.log() if e["finished"]], "the end of it")[0]
    assert entry["aborted"] and entry["words"] == 20


def test_malformed_is_one_bad_event_and_the_rest_is_fine(mock):
    answer = chat(mock, "malformed-10", stream=True)
    good, bad = [], []
    for index, data in enumerate(answer.data):
        try:
            good.append(json.loads(data) if data != "[DONE]" else data)
        except json.JSONDecodeError:
            bad.append(index)
    assert bad == [10], "the role chunk, nine words, then it"
    text = "".join(d["choices"][0]["delta"].get("content") or "" for d in good[:-1])
    assert text == WORDS and good[-1] == "[DONE]" and answer.whole


def test_no_done_and_error_events(mock):
    answer = chat(mock, "no-done", stream=True)
    assert answer.whole and answer.text == WORDS and "[DONE]" not in answer.data
    first = chat(mock, "error-event-first", stream=True)
    assert first.whole and [list(d) for d in first.documents] == [["error"]]
    later = chat(mock, "error-event-20", stream=True)
    assert later.whole and "error" in later.documents[-1]
    assert later.text.split() == WORDS.split()[:20]


def test_streams_that_say_nothing(mock):
    half = chat(mock, "truncated-json", stream=True)
    assert half.whole and len(half.data) == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.data[0])
    hollow = chat(mock, "no-choices", stream=True)
    assert hollow.documents and all("choices" not in d for d in hollow.documents)
    assert chat(mock, "empty", stream=True).body == b""
    error = chat(mock, "error-in-200", stream=True)
    assert error.headers["content-type"] == "application/json" and "error" in error.json


@pytest.mark.parametrize("model, between", [("rate-20+long-5", 0.05), ("drip-50ms+long-5", 0.05)])
def test_events_come_at_their_pace_one_by_one(mock, model, between):
    for _ in range(5):  # a busy machine reads two at once now and then
        begin = time.monotonic()
        answer = chat(mock, model, stream=True)
        assert len(answer.text.split()) == 5
        assert answer.times[-1][0] - begin >= 4 * between
        if len(answer.times) >= 5:
            return
    pytest.fail("events came together, five times")


def test_byte_by_byte_arrives_whole(mock):
    answer = chat(mock, "byte-by-byte+long-3", stream=True)
    assert answer.whole and answer.text == "The understudy waits"


def test_slow_drip_keeps_coming(mock):
    answer = chat(mock, "slow-drip", stream=True, patience=1.5)
    assert answer.ended == "silence" and len(answer.times) > 4


def test_lean_events_are_about_a_hundred_bytes(mock):
    answer = chat(mock, "lean", stream=True)
    assert answer.text == WORDS and all(90 < len(chunk) < 125 for chunk in answer.chunks[:60])


def test_gzip_streams_flush_every_event(mock):
    answer = chat(mock, "gzip", stream=True)
    inflater, events = zlib.decompressobj(31), []
    for chunk in answer.chunks:
        events.append(inflater.decompress(chunk))
    assert inflater.eof and len(events) == 64
    assert all(event.endswith(b"\n\n") for event in events[:-1])


def test_tools_and_reasoning_deltas(mock):
    calls = [d["tool_calls"][0] for d in deltas(chat(mock, "tools", stream=True))
             if "tool_calls" in d]
    assert calls[0]["function"]["name"] == "get_weather" and calls[0]["id"]
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(arguments) == {"city": "Lisbon", "unit": "celsius"}
    thought = chat(mock, "reasoning", stream=True)
    kinds = ["reasoning" if "reasoning_content" in d else "content" for d in deltas(thought)[1:-1]]
    assert kinds == ["reasoning"] * 20 + ["content"] * 60 and thought.text == WORDS


def test_prefill_streams_the_rest(mock):
    messages = [{"role": "user", "content": "Go"}, {"role": "assistant", "content": WORDS[:50]}]
    assert chat(mock, "ok", stream=True, messages=messages).text == WORDS[50:]
    assert chat(mock, "no-prefill", stream=True, messages=messages).status == 400


def test_http_1_0_gets_a_stream_without_chunks(mock):
    answer = chat(mock, "ok", stream=True, version="1.0")
    assert answer.ended == "closed" and answer.chunks is None and answer.data[-1] == "[DONE]"


def test_responses_stream_typed_and_numbered_events(mock):
    body = json.dumps({"model": "ok", "input": "Hello", "stream": True}).encode()
    with Connection(mock.url) as connection:
        connection.send("/v1/responses", body)
        answer = connection.receive()
    types = [document["type"] for document in answer.documents]
    assert types[0] == "response.created" and types[-1] == "response.completed"
    assert [d["sequence_number"] for d in answer.documents] == list(range(len(types)))
    assert "".join(d["delta"] for d in answer.documents
                   if d["type"] == "response.output_text.delta") == WORDS
    assert answer.documents[-1]["response"]["usage"]["output_tokens"] == 80
    assert "[DONE]" not in answer.data


def test_completions_stream_text(mock):
    with Connection(mock.url) as connection:
        connection.send("/v1/completions", body_of("ok", True, prompt="x"))
        answer = connection.receive()
    assert "".join(d["choices"][0]["text"] for d in answer.documents) == WORDS
    assert answer.data[-1] == "[DONE]"
