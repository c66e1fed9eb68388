"""LiteLLM, unmodified, by each of its providers that Understudy stands in for, on upstreams of another API whose
primary is down: sessions of three turns with a tool, plain and streamed, errors as its own exceptions."""

import json
import re

import litellm
import pytest

from agents import crossing
from tests.support.daemon import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of its own models

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city",
                                         "parameters": SCHEMA}}
QUESTION = [{"role": "user", "content": "Weather in Oslo and Bergen?"}]
# provider of LiteLLM: what stands between the daemon's address and the API's own paths, and the API
PROVIDERS = {"openai": ("/v1", "chat"), "anthropic": ("", "messages"), "gemini": ("/v1beta", "gemini")}
CROSSINGS = [(provider, dialect) for provider, (_, own) in PROVIDERS.items()
             for dialect in ("chat", "messages", "gemini") if dialect != own]
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


@pytest.fixture(scope="module")
def running():
    with crossing() as (daemon, seen):
        yield daemon, seen


def ask(daemon, provider, model, history=QUESTION, stream=False, **more):
    """One completion; a stream is put together by LiteLLM itself."""
    got = litellm.completion(model=f"{provider}/{model}", api_base=daemon.url + PROVIDERS[provider][0],
                             api_key="unused", messages=history, stream=stream, num_retries=0,
                             max_retries=0, timeout=30, **more)
    return litellm.stream_chunk_builder([*got], messages=history) if stream else got


@streamed_or_not
@pytest.mark.parametrize("provider, dialect", CROSSINGS)
def test_a_session_of_three_turns_calls_a_tool(running, provider, dialect, stream):
    daemon, seen = running
    seen[dialect].clear()
    history = [*QUESTION]
    for turn, city in enumerate(["Oslo", "Bergen"]):
        choice = ask(daemon, provider, f"on-{dialect}", history, stream, tools=[TOOL]).choices[0]
        assert choice.finish_reason == "tool_calls"
        call, = choice.message.tool_calls
        assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": city}
        history += [choice.message.model_dump(exclude_none=True),
                    {"role": "tool", "tool_call_id": call.id, "content": f"{3 + 2 * turn} C"}]
    last = ask(daemon, provider, f"on-{dialect}", history, stream, tools=[TOOL])
    assert last.choices[0].message.content == "Oslo has 3 degrees, Bergen 5."
    assert last.choices[0].finish_reason == "stop" and last.usage.prompt_tokens > 0
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert [len(asked.results) for asked in seen[dialect]] == [0, 1, 2]
    assert ["3 C" in asked.results[0] for asked in seen[dialect][1:]] == [True, True]


@streamed_or_not
@pytest.mark.parametrize("dialect", ["chat", "messages", "gemini"])
def test_its_responses_come_from_any_upstream(running, dialect, stream):
    daemon, _ = running
    got = litellm.responses(model=f"openai/on-{dialect}", api_base=daemon.url + "/v1", api_key="unused",
                            input="Hello?", stream=stream)
    if stream:
        got = [event for event in got][-1].response
    assert got.output[-1].content[0].text == "Hello." and got.status == "completed"


@pytest.mark.parametrize("provider, dialect", CROSSINGS)
def test_errors_are_its_own_exceptions(running, provider, dialect):
    daemon, _ = running
    with pytest.raises(litellm.RateLimitError):
        ask(daemon, provider, f"limited-{dialect}")
    with pytest.raises(litellm.ContextWindowExceededError):
        ask(daemon, provider, f"too-long-{dialect}")


@pytest.mark.parametrize("provider, dialect", CROSSINGS)
def test_a_stream_that_breaks_raises(running, provider, dialect):
    daemon, _ = running
    with pytest.raises(litellm.exceptions.MidStreamFallbackError, match="before the answer was complete"):
        ask(daemon, provider, f"broken-{dialect}", stream=True)


def test_the_recipe_of_the_page_works_as_it_stands(running):
    daemon, _ = running
    page = (ROOT / "docs/clients.md").read_text()
    [code] = re.findall(r"```python\n(import litellm.*?)```", page, re.S)
    said = []
    code = code.replace("http://127.0.0.1:8080", daemon.url).replace("openai/gpt-5", "openai/on-messages")
    exec(code, {"print": said.append})
    assert said == ["Hello."]
