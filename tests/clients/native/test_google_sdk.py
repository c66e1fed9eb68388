"""The official `google-genai` package, unmodified, on upstreams that speak Gemini's API. The primary fails in one way
or another; the library must notice nothing, or raise exactly the error that belongs to the case."""

import re
import threading

import pytest
from google import genai
from google.genai import errors, types

from harness import (SSE_HEAD, chunk, close, config, expect_metrics, plain, reset, silent, status,
                     steps, timeouts)
from tests.support.daemon import ROOT
from natives import candidate, events, google as well, google_error, google_event, native

FAULTS = {
    "rate-limited": status(429, google_error(429, "RESOURCE_EXHAUSTED", "Slow down")),
    "overloaded": status(503, google_error(503, "UNAVAILABLE", "The model is overloaded.")),
    "reset": reset,
    "closed": close,
    "silent": silent,
    "web-page": plain("<html>502</html>", content_type="text/html"),
    "unreadable-call": plain(candidate(finish="MALFORMED_FUNCTION_CALL")),
}
every_fault = pytest.mark.parametrize("fault", FAULTS)
CALL = {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}, "thoughtSignature": "Eqo="}


@pytest.fixture
def stage(start, upstream):
    def make(primary, backup=None):
        entries = [native(upstream(primary), "primary", "gemini",
                          timeouts=timeouts(first_token=500, response=500))]
        if backup is not None:
            entries.append(native(upstream(backup), "backup", "gemini", model="gemini-backup"))
        daemon = start(config(*entries))
        return genai.Client(api_key="client", http_options={"base_url": daemon.url}), daemon
    return make


@every_fault
def test_an_answer_comes_from_the_backup(stage, fault):
    client, daemon = stage(FAULTS[fault], well("From the backup."))
    answer = client.models.generate_content(model="gemini-m", contents="Say something.")
    assert answer.text == "From the backup." and answer.usage_metadata.total_token_count == 16
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}))


@every_fault
def test_a_streamed_answer_comes_from_the_backup(stage, fault):
    client, _ = stage(FAULTS[fault], well("From the backup."))
    chunks = list(client.models.generate_content_stream(model="gemini-m", contents="Say something."))
    assert "".join(part.text or "" for part in chunks) == "From the backup."
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_a_call_keeps_its_seal_through_a_failing_primary(stage):
    seen = []

    def backup(connection, request):
        seen.append(request.json)
        answered = any("functionResponse" in part for content in request.json["contents"]
                       for part in content["parts"])
        connection.send(plain(candidate("3 degrees.") if answered else candidate(CALL)))

    client, _ = stage(FAULTS["overloaded"], backup)
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="get_weather")])
    asked = [types.Content(role="user", parts=[types.Part(text="Weather?")])]
    settings = types.GenerateContentConfig(tools=[tool])
    turn = client.models.generate_content(model="gemini-m", contents=asked, config=settings)
    assert turn.function_calls[0].args == {"city": "Oslo"}
    history = [*asked, turn.candidates[0].content, types.Content(role="user", parts=[
        types.Part.from_function_response(name="get_weather", response={"result": "3 C"})])]
    assert client.models.generate_content(model="gemini-m", contents=history,
                                          config=settings).text == "3 degrees."
    assert seen[1]["contents"][1]["parts"][0]["thoughtSignature"] == "Eqo="


@pytest.mark.parametrize("code, state", [(400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED"),
                                         (404, "NOT_FOUND")])
def test_an_error_of_the_client_is_raised_as_the_upstream_sent_it(stage, code, state):
    client, _ = stage(status(code, google_error(code, state, "words")), well())
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-m", contents="x")
    assert (caught.value.code, caught.value.status) == (code, state)
    assert caught.value.message == "words"


def test_an_error_of_ours_is_raised_with_its_words(stage):
    client, _ = stage(reset)
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model="gemini-m", contents="x")
    assert (caught.value.code, caught.value.status) == (502, "UNAVAILABLE")
    assert "could not be reached" in caught.value.message


def test_a_stream_that_breaks_behind_its_content_raises(stage):
    seen = threading.Event()
    client, _ = stage(steps(SSE_HEAD, chunk(google_event(candidate("Hi", finish=None))),
                            lambda c: c.wait(seen), close))
    got = []
    with pytest.raises(Exception) as caught:
        for part in client.models.generate_content_stream(model="gemini-m", contents="x"):
            got.append(part.text)
            seen.set()
    assert got == ["Hi"] and "before the answer was complete" in str(caught.value)


def test_models_are_listed_and_tokens_counted(start, upstream):
    def answer(connection, request):
        connection.send(plain({"totalTokens": 31} if "countTokens" in request.target else {
            "models": [{"name": "models/gemini-listed"}]}))

    daemon = start(config(native(upstream(answer), "primary", "gemini")))
    client = genai.Client(api_key="x", http_options={"base_url": daemon.url})
    assert [model.name for model in client.models.list()] == ["models/gemini-listed"]
    assert client.models.count_tokens(model="gemini-m", contents="x").total_tokens == 31


def test_the_recipe_of_the_page_works_as_it_stands(start, upstream):
    page = (ROOT / "docs/clients.md").read_text()
    [code] = re.findall(r"```python\n(from google.*?)```", page, re.S)
    daemon = start(config(native(upstream(well("Hello to you.")), "primary", "gemini")))
    said = []
    exec(code.replace("http://127.0.0.1:8080", daemon.url), {"print": said.append})
    assert said == ["Hello to you."]
