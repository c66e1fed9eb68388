"""The official `anthropic` package, unmodified, on upstreams that speak Messages. The primary fails in one way or
another; the library must notice nothing, or raise exactly the error that belongs to the case."""

import re
import threading

import anthropic
import pytest

from harness import (LAST_CHUNK, SSE_HEAD, chunk, close, config, expect_metrics, plain, reset,
                     silent, status, steps, timeouts)
from tests.support.daemon import ROOT
from natives import (anthropic as well, anthropic_error, block_start, events, message, message_start,
                     native, text_delta, tool_events, typed)

QUESTION = [{"role": "user", "content": "Say something."}]
TOOLS = [{"name": "get_weather", "description": "Weather of a city",
          "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
ASK = dict(model="claude-m", max_tokens=64, messages=QUESTION)
OVERLOADED = typed("error", error={"type": "overloaded_error", "message": "Overloaded"})

# Scripts of a failing primary; each hides behind the backup.
FAULTS = {
    "rate-limited": status(429, anthropic_error("rate_limit_error", "Slow down")),
    "overloaded": status(529, anthropic_error("overloaded_error", "Overloaded")),
    "reset": reset,
    "closed": close,
    "silent": silent,
    "web-page": plain("<html>502</html>", content_type="text/html"),
    "error-event": events([message_start(), OVERLOADED]),
}
every_fault = pytest.mark.parametrize("fault", FAULTS)


@pytest.fixture
def stage(start, upstream):
    """stage(primary, backup=...) -> a client whose chain these are, and the daemon."""
    def make(primary, backup=None, **options):
        entries = [native(upstream(primary), "primary", "messages",
                          timeouts=timeouts(first_token=500, response=500))]
        if backup is not None:
            entries.append(native(upstream(backup), "backup", "messages", model="claude-backup"))
        daemon = start(config(*entries))
        return anthropic.Anthropic(base_url=daemon.url, api_key="sk-client",
                                   **{"max_retries": 0, "timeout": 30, **options}), daemon
    return make


@every_fault
def test_a_message_comes_from_the_backup(stage, fault):
    client, _ = stage(FAULTS[fault], well("From the backup."))
    answer = client.messages.with_raw_response.create(**ASK)
    assert answer.headers["x-understudy-upstream"] == "backup"
    parsed = answer.parse()
    assert parsed.content[0].text == "From the backup." and parsed.stop_reason == "end_turn"
    assert parsed.usage.cache_read_input_tokens == 5


@every_fault
def test_a_streamed_message_comes_from_the_backup(stage, fault):
    client, daemon = stage(FAULTS[fault], well("From the backup."))
    with client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == "From the backup."
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn" and final.usage.output_tokens == 6
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}))


def test_a_session_with_a_tool_goes_on_while_the_primary_fails(stage):
    """Thinking with its seal, a call and its result: three turns as an agent makes them."""
    seen = []

    def backup(connection, request):
        seen.append(request.json)
        last = request.json["messages"][-1]
        results = isinstance(last["content"], list) and last["content"][0]["type"] == "tool_result"
        connection.send(events(tool_events()) if not results else plain(message("3 degrees.")))

    client, daemon = stage(FAULTS["overloaded"], backup)
    with client.messages.stream(**ASK, tools=TOOLS) as stream:
        turn = stream.get_final_message()
    assert [block.type for block in turn.content] == ["thinking", "text", "tool_use"]
    assert turn.content[0].signature == "EqQBCg==" and turn.content[2].input == {"city": "Oslo"}
    history = [*QUESTION, {"role": "assistant", "content": turn.content}, {
        "role": "user", "content": [{"type": "tool_result", "tool_use_id": turn.content[2].id,
                                     "content": "3 C"}]}]
    final = client.messages.create(model="claude-m", max_tokens=64, messages=history, tools=TOOLS)
    assert final.content[0].text == "3 degrees."
    sealed = seen[1]["messages"][1]["content"][0]
    assert sealed["type"] == "thinking" and sealed["signature"] == "EqQBCg=="
    expect_metrics(daemon, (2, "understudy_requests_total", {"outcome": "fallback"}))


@pytest.mark.parametrize("code, error, body", [
    (400, anthropic.BadRequestError, anthropic_error("invalid_request_error", "max_tokens: no")),
    (401, anthropic.AuthenticationError, anthropic_error("authentication_error", "bad key")),
    (403, anthropic.PermissionDeniedError, anthropic_error("permission_error", "no")),
    (404, anthropic.NotFoundError, anthropic_error("not_found_error", "model: claude-m"))])
def test_an_error_of_the_client_is_raised_as_the_upstream_sent_it(stage, code, error, body):
    client, _ = stage(status(code, body), well())
    with pytest.raises(error) as caught:
        client.messages.create(**ASK)
    assert caught.value.status_code == code and caught.value.body["error"]["message"]


def test_when_all_fail_the_library_asks_once_although_it_would_retry(stage):
    client, daemon = stage(FAULTS["overloaded"], status(500, anthropic_error()), max_retries=2)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASK)
    assert caught.value.status_code == 529
    expect_metrics(daemon, (1, "understudy_requests_total", {}))


def test_an_error_of_ours_is_raised_with_its_words(stage):
    client, _ = stage(reset)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASK)
    assert caught.value.status_code == 502 and caught.value.body["error"]["type"] == "api_error"
    assert caught.value.body["error"]["details"]["error_code"] == "upstream_unreachable"
    assert "could not be reached" in str(caught.value)


def test_a_stream_that_breaks_behind_its_content_raises(stage):
    seen = threading.Event()
    client, _ = stage(steps(SSE_HEAD, chunk(message_start() + block_start() + text_delta("Hi")),
                            lambda c: c.wait(seen), close))
    got = []
    with pytest.raises(anthropic.APIStatusError, match="before the answer was complete"):
        with client.messages.stream(**ASK) as stream:
            for text in stream.text_stream:
                got.append(text)
                seen.set()
    assert got == ["Hi"]


def test_models_are_listed_and_tokens_counted(start, upstream):
    def answer(connection, request):
        connection.send(plain({"input_tokens": 12} if "count" in request.target else {
            "data": [{"type": "model", "id": "claude-listed", "display_name": "L"}]}))

    daemon = start(config(native(upstream(answer), "primary", "messages")))
    client = anthropic.Anthropic(base_url=daemon.url, api_key="x", max_retries=0)
    assert [model.id for model in client.models.list(limit=1000)] == ["claude-listed"]
    assert client.models.retrieve("claude-listed").display_name == "claude-listed"
    assert client.messages.count_tokens(model="claude-m", messages=QUESTION).input_tokens == 12


def test_the_recipe_of_the_page_works_as_it_stands(start, upstream):
    page = (ROOT / "docs/clients.md").read_text()
    [code] = re.findall(r"```python\n(from anthropic.*?)```", page, re.S)
    daemon = start(config(native(upstream(well("Hello to you.")), "primary", "messages")))
    said = []
    exec(code.replace("http://127.0.0.1:8080", daemon.url), {"print": said.append})
    assert said == ["Hello to you."]
