"""The official `anthropic`, `openai` (Responses) and `google-genai` packages, unmodified, on streams that break behind
their first words and are gone on with by another upstream, of the client's API or of another one: each library
reads one answer."""

import itertools
import time

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from harness import SSE_HEAD, chunk, config, expect_metrics, sse, stream_events
from natives import (block_start, candidate, events, google_event, message_events, message_start, native,
                     text_delta)

TEXT = "The quick brown fox jumps over the lazy dog and runs away."
WORDS = [word if i == 0 else " " + word for i, word in enumerate(TEXT.split(" "))]
APIS = ["chat", "messages", "gemini"]
# An identical restart drops what the client has; an instruction is followed by saying all of it again.
WAYS = ["restart", "instruct"]


def halves(dialect):
    """The first five words as an upstream of that dialect writes them."""
    if dialect == "messages":
        return [message_start(), block_start(), *map(text_delta, WORDS[:5])]
    if dialect == "gemini":
        return [google_event(candidate(word, finish=None)) for word in WORDS[:5]]
    return stream_events(" ".join(TEXT.split(" ")[:5]))[:6]


def breaks(dialect):
    def script(connection, request):
        connection.send(SSE_HEAD + b"".join(map(chunk, halves(dialect))))
        time.sleep(0.05)
        connection.reset()
    return script


def whole(dialect):
    def script(connection, request):
        if dialect == "messages":
            connection.send(events(message_events(TEXT)))
        elif dialect == "gemini":
            connection.send(events([*(google_event(candidate(word, finish=None)) for word in WORDS),
                                    google_event(candidate(""))]))
        elif request.target.endswith("/responses"):
            connection.send(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
                            b"Content-Length: 18\r\n\r\n404 page not found")
        else:
            connection.send(sse(stream_events(TEXT)))
    return script


every_pair = pytest.mark.parametrize("way, first, second", [
    (way, first, second) for way, (first, second) in zip(
        itertools.cycle(WAYS), itertools.product(["messages", "gemini"], APIS))])


@pytest.fixture
def stage(start, upstream):
    def make(way, first, second):
        return start(config(
            native(upstream(breaks(first)), "primary", first),
            native(upstream(whole(second)), "backup", second, continuation=way),
            route={"midstream": "continue"}))
    return make


def rescued(daemon):
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


@every_pair
def test_a_message_is_one(stage, way, first, second):
    daemon = stage(way, first, second)
    client = anthropic.Anthropic(base_url=daemon.url, api_key="sk-client", max_retries=0)
    with client.messages.stream(model="claude-m", max_tokens=64, messages=[
            {"role": "user", "content": "Say something."}]) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["text"]
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0
    rescued(daemon)


@every_pair
def test_a_response_is_one(stage, way, first, second):
    daemon = stage(way, first, second)
    client = openai.OpenAI(base_url=daemon.url + "/v1", api_key="sk-client", max_retries=0)
    with client.responses.stream(model="m", input="Say something.") as stream:
        told = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert final.output_text == TEXT and final.status == "completed"
    assert final.id == told[0].response.id and final.usage.output_tokens > 0
    rescued(daemon)


@every_pair
def test_what_google_reads_is_one(stage, way, first, second):
    daemon = stage(way, first, second)
    client = genai.Client(api_key="client", http_options={"base_url": daemon.url})
    parts = list(client.models.generate_content_stream(model="gemini-m", contents="Say something."))
    assert "".join(part.text or "" for part in parts) == TEXT
    assert [part.candidates[0].finish_reason for part in parts if part.candidates[0].finish_reason] == [
        types.FinishReason.STOP]
    assert len({(part.response_id, part.model_version) for part in parts}) == 1
    rescued(daemon)
