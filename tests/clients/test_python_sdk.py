"""The official `openai` package for Python, unmodified, through the real daemon. The primary fails in one
way or another; the library must notice nothing, or raise exactly the error that belongs to the case.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import pathlib
import re
import time

import openai
import pytest

from tests.clients.chains import CLIENT_ERRORS, FAULTS, RESCUES, chains, gateway
from tests.support.daemon import wait_until

QUESTION = [{"role": "user", "content": "Say the sixty words, caf\u00e9 \U0001f600."}]
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                   "required": ["city"]}}}]
CLIENT_KEY = "sk-of-the-client"


@pytest.fixture(scope="module")
def stage():
    with gateway() as running:
        yield running


@pytest.fixture(scope="module")
def client(stage):
    """As a user has it, but without retries of its own: they would hide what the daemon does."""
    with openai.OpenAI(base_url=stage.base_url, api_key=CLIENT_KEY, max_retries=0,
                       timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def direct(stage):
    """Straight to the simulated upstream: what a healthy answer looks like."""
    with openai.OpenAI(base_url=stage.backup.url + "/v1", api_key="any", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def healthy_text(direct):
    answer = direct.chat.completions.create(model="ok", messages=QUESTION)
    assert len(answer.choices[0].message.content.split()) == 60
    return answer.choices[0].message.content


every_fault = pytest.mark.parametrize("fault", FAULTS)


def rescued(headers) -> bool:
    return headers["x-understudy-upstream"] == "backup" and headers["x-understudy-attempts"] == "2"


def text_of(chunks) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finish_of(chunks) -> list[str]:
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices
            if choice.finish_reason]


# ---------------------------------------------------------------- broken streams

@pytest.mark.parametrize("model", RESCUES)
def test_a_broken_stream_reads_as_one_answer(client, healthy_text, model):
    chunks = list(client.chat.completions.create(
        model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}))
    assert text_of(chunks) == healthy_text
    assert finish_of(chunks) == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usage) == 1
    assert usage[0].total_tokens == usage[0].prompt_tokens + usage[0].completion_tokens


# ---------------------------------------------------------------- answers

@every_fault
def test_a_plain_answer_comes_from_the_backup(client, healthy_text, fault):
    raw = client.chat.completions.with_raw_response.create(model=fault, messages=QUESTION)
    answer = raw.parse()
    assert answer.choices[0].message.content == healthy_text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert rescued(raw.headers)


@every_fault
def test_a_streamed_answer_comes_from_the_backup(client, healthy_text, fault):
    with client.chat.completions.create(model=fault, messages=QUESTION, stream=True) as stream:
        assert rescued(stream.response.headers)
        chunks = list(stream)
    assert text_of(chunks) == healthy_text
    assert finish_of(chunks) == ["stop"]
    # The client did not ask for usage: the chunk that only carries it stays behind.
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@every_fault
def test_a_stream_reports_usage_when_asked(client, healthy_text, fault):
    stream = client.chat.completions.create(model=fault, messages=QUESTION, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    assert text_of(chunks) == healthy_text
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0


@every_fault
def test_a_tool_call_comes_from_the_backup(client, direct, fault):
    arguments = dict(messages=QUESTION, tools=TOOLS)
    expected = direct.chat.completions.create(model="tools", **arguments).choices[0]
    got = client.chat.completions.create(model=f"{fault}-tools", **arguments).choices[0]
    assert got.finish_reason == "tool_calls"
    assert got.message.tool_calls[0].function == expected.message.tool_calls[0].function
    assert isinstance(json.loads(got.message.tool_calls[0].function.arguments), dict)


@every_fault
def test_a_streamed_tool_call_comes_from_the_backup(client, direct, fault):
    arguments = dict(messages=QUESTION, tools=TOOLS)
    expected = direct.chat.completions.create(model="tools", **arguments).choices[0].message
    with client.chat.completions.stream(model=f"{fault}-tools", **arguments) as stream:
        for _ in stream:
            pass
        got = stream.get_final_completion().choices[0]
    assert got.finish_reason == "tool_calls"
    assert got.message.tool_calls[0].function.name == expected.tool_calls[0].function.name
    assert (json.loads(got.message.tool_calls[0].function.arguments)
            == json.loads(expected.tool_calls[0].function.arguments))


@every_fault
def test_embeddings_come_from_the_backup(client, direct, fault):
    expected = direct.embeddings.create(model="ok", input=["one", "two"])
    raw = client.embeddings.with_raw_response.create(model=fault, input=["one", "two"])
    got = raw.parse()
    assert [item.embedding for item in got.data] == [item.embedding for item in expected.data]
    assert got.data[0].embedding and rescued(raw.headers)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_uploaded_recording_reaches_the_backup(stage, client, direct, fault):
    recording = bytes(range(256)) * 200  # binary, larger than one read, within what the log keeps
    upload = dict(file=("speech.wav", recording, "audio/wav"), language="en")
    expected = direct.audio.transcriptions.create(model="ok", **upload)
    raw = client.audio.transcriptions.with_raw_response.create(model=fault, **upload)
    assert raw.parse().text == expected.text
    assert rescued(raw.headers)
    received = stage.backup.log()[-1]["body"].encode("utf-8", "surrogateescape")
    assert recording in received
    assert b'name="model"\r\n\r\nok\r\n' in received


@every_fault
def test_responses_come_from_the_backup(client, direct, fault):
    expected = direct.responses.create(model="ok", input="Say the sixty words.")
    raw = client.responses.with_raw_response.create(model=fault, input="Say the sixty words.")
    assert raw.parse().output_text == expected.output_text
    assert rescued(raw.headers)


@every_fault
def test_streamed_responses_come_from_the_backup(client, direct, fault):
    expected = direct.responses.create(model="ok", input="Say the sixty words.")
    with client.responses.stream(model=fault, input="Say the sixty words.") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == expected.output_text


def test_many_requests_at_once_all_come_back(stage, healthy_text):
    """The asynchronous client: plain and streamed, every fault, 40 at a time."""
    async def plain(client, model):
        answer = await client.chat.completions.create(model=model, messages=QUESTION)
        return answer.choices[0].message.content

    async def streamed(client, model):
        chunks = []
        async for chunk in await client.chat.completions.create(
                model=model, messages=QUESTION, stream=True):
            chunks.append(chunk)
        assert finish_of(chunks) == ["stop"]
        return text_of(chunks)

    async def everything():
        async with openai.AsyncOpenAI(base_url=stage.base_url, api_key=CLIENT_KEY,
                                      max_retries=0, timeout=60) as client:
            models = [*FAULTS, "healthy"]
            jobs = [kind(client, models[index % len(models)])
                    for index in range(20) for kind in (plain, streamed)]
            return await asyncio.gather(*jobs)

    assert set(asyncio.run(everything())) == {healthy_text}


def test_the_example_of_the_readme_runs(stage, healthy_text, capsys):
    page = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
                 if block.startswith("from openai import OpenAI\n")]
    for shown, here in [("http://127.0.0.1:8080/v1", stage.base_url),
                        ("gpt-4o-mini", "rate-limited")]:
        assert shown in example
        example = example.replace(shown, here)
    exec(example, {})
    assert capsys.readouterr().out == healthy_text + "\n"


def test_a_healthy_primary_answers_itself(client, healthy_text):
    raw = client.chat.completions.with_raw_response.create(model="healthy", messages=QUESTION)
    assert raw.parse().choices[0].message.content == healthy_text
    assert raw.headers["x-understudy-upstream"] == "primary"
    assert raw.headers["x-understudy-attempts"] == "1"


# ---------------------------------------------------------------- errors

ERROR_CLASSES = {
    "too-long": (openai.BadRequestError, "context_length_exceeded"),
    "filtered": (openai.BadRequestError, "content_policy_violation"),
    "bad": (openai.BadRequestError, None),
    "wrong-key": (openai.AuthenticationError, "invalid_api_key"),
    "forbidden": (openai.PermissionDeniedError, "unsupported_country_region_territory"),
    "missing": (openai.NotFoundError, "model_not_found"),
    "unprocessable": (openai.UnprocessableEntityError, "invalid_value"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("case", CLIENT_ERRORS)
def test_what_is_wrong_with_the_request_reaches_the_client(stage, client, case, stream):
    kind, code = ERROR_CLASSES[case]
    before = len(stage.backup.log())
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=case, messages=QUESTION, stream=stream)
    assert caught.value.code == code
    assert caught.value.response.headers["x-understudy-upstream"] == "primary"
    assert caught.value.response.headers["x-understudy-attempts"] == "1"
    assert caught.value.request_id
    assert len(stage.backup.log()) == before


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_when_all_fail_the_primarys_error_is_raised(client, stream):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="all-limited", messages=QUESTION, stream=stream)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="all-down", messages=QUESTION, stream=stream)
    assert caught.value.status_code == 503
    assert caught.value.code == "server_is_overloaded"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("case, status, code", [("all-silent", 504, "upstream_timeout"),
                                                ("all-reset", 502, "upstream_unreachable")])
def test_a_chain_without_any_answer_says_so(client, case, status, code, stream):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=case, messages=QUESTION, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.code == code
    assert caught.value.type == "understudy_error"
    assert caught.value.body["message"]


def test_an_unknown_model_is_not_found_and_the_message_helps(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)
    assert caught.value.code == "model_not_found"
    assert "healthy" in caught.value.body["message"]


@pytest.mark.parametrize("model, message", [("breaks-off", "ended before the answer was complete"),
                                            ("gives-up", "The server had an error")])
def test_a_stream_that_breaks_off_is_never_taken_for_whole(client, healthy_text, model, message):
    chunks = []
    with pytest.raises(openai.APIError, match=message):
        for chunk in client.chat.completions.create(model=model, messages=QUESTION, stream=True):
            chunks.append(chunk)
    # Everything that the provider said before is there.
    assert text_of(chunks).split() == healthy_text.split()[:20]
    assert finish_of(chunks) == []


def test_a_plain_answer_that_breaks_off_falls_back(client, healthy_text):
    raw = client.chat.completions.with_raw_response.create(model="breaks-off", messages=QUESTION)
    assert raw.parse().choices[0].message.content == healthy_text
    assert rescued(raw.headers)


def test_a_client_that_gives_up_ends_the_request(stage, client):
    def left() -> float:
        return stage.daemon.metrics().value("understudy_requests_total", outcome="client_closed")

    before = left()
    started = time.monotonic()
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(model="thinks-long",
                                                                 messages=QUESTION)
    assert time.monotonic() - started < 5
    wait_until(lambda: left() == before + 1, "the request is counted as client_closed")


# ---------------------------------------------------------------- the rest of the surface

def test_models_are_the_names_that_a_client_may_ask_for(client):
    assert {model.id for model in client.models.list()} == {*chains(), *RESCUES}
    assert client.models.retrieve("healthy").id == "healthy"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_request_ids_are_made_and_passed_on(client):
    answer = client.chat.completions.create(model="rate-limited", messages=QUESTION)
    assert answer._request_id
    raw = client.chat.completions.with_raw_response.create(
        model="rate-limited", messages=QUESTION, extra_headers={"x-request-id": "mine-17"})
    assert raw.headers["x-request-id"] == "mine-17"


def test_the_client_can_keep_to_the_primary(client):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="rate-limited", messages=QUESTION,
                                       extra_headers={"x-understudy-fallback": "off"})
    assert caught.value.response.headers["x-understudy-attempts"] == "1"


def test_fields_that_the_library_does_not_know_reach_the_backup(stage, client):
    client.chat.completions.create(model="unavailable", messages=QUESTION, temperature=0.1,
                                   extra_body={"new_field": {"kept": [1, 2.50, "x"]}})
    received = json.loads(stage.backup.log()[-1]["body"])
    assert received["new_field"] == {"kept": [1, 2.50, "x"]}
    assert received["model"] == "ok" and received["messages"] == QUESTION


def test_keys_stay_where_they_belong(stage, client):
    def shown(key):  # the simulated upstream logs keys as a short hash
        return "Bearer sha256:" + hashlib.sha256(key.encode()).hexdigest()[:12]

    def sent(mock):
        return mock.log()[-1]["headers"]["authorization"]

    client.chat.completions.create(model="rate-limited", messages=QUESTION)
    assert sent(stage.primary) == shown("sk-primary")
    assert sent(stage.backup) == shown("sk-backup")
    client.chat.completions.create(model="own-key", messages=QUESTION)
    assert sent(stage.backup) == shown(CLIENT_KEY)
    printed = "\n".join(stage.daemon.stderr_lines() + stage.daemon.stdout_lines())
    printed += stage.daemon.metrics_text()
    for secret in ("sk-primary", "sk-backup", CLIENT_KEY):
        assert secret not in printed


def test_the_books_agree_with_what_the_library_saw(stage, client):
    def tokens(kind):
        return stage.daemon.metrics().value("understudy_tokens_total", upstream="backup", type=kind)

    before = tokens("input") + tokens("cache_read"), tokens("output") + tokens("reasoning")
    answer = client.chat.completions.create(model="unavailable", messages=QUESTION)
    list(client.chat.completions.create(model="unavailable", messages=QUESTION, stream=True))

    def booked():
        return (tokens("input") + tokens("cache_read") - before[0],
                tokens("output") + tokens("reasoning") - before[1])

    expected = (2 * answer.usage.prompt_tokens, 2 * answer.usage.completion_tokens)
    wait_until(lambda: booked() == expected, f"{expected} tokens booked")
