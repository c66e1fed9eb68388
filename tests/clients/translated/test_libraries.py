"""The official `anthropic`, `openai` and `google-genai` packages, unmodified, on upstreams that speak another API than
they do: a whole answer, a stream, a session of three turns with a tool, errors. The first upstream of each chain is
overloaded."""

import json
import threading

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from harness import (DONE, ROLE, SSE_HEAD, chunk, close, completion, config, event, plain, sse,
                     status, steps, stream_events, usage_event, well, words)
from natives import (anthropic as speaks_messages, anthropic_error, block_start, candidate, events,
                     google, google_error, google_event, message, message_start, native, text_delta,
                     tool_events)

QUESTION = [{"role": "user", "content": "Weather in Oslo?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
RESPONSES_TOOL = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
ASK = dict(model="claude-m", max_tokens=64)

OVERLOADED = {"chat": status(503), "messages": status(529, anthropic_error("overloaded_error")),
              "gemini": status(503, google_error(503, "UNAVAILABLE"))}
CHAT_CALL = [ROLE, event({"tool_calls": [{"index": 0, "id": "call_9", "type": "function", "function": {
                 "name": "get_weather", "arguments": ""}}]}),
             event({"tool_calls": [{"index": 0, "function": {"arguments": "{\"city\":"}}]}),
             event({"tool_calls": [{"index": 0, "function": {"arguments": "\"Oslo\"}"}}]}),
             event({}, "tool_calls")]
GOOGLE_CALL = candidate({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}},
                         "thoughtSignature": "Eqo="})


def answered(body) -> bool:
    """Whether a tool's result stands at the end of what is asked, in any API."""
    turn = (body.get("messages") or body.get("contents"))[-1]
    return "functionResponse" in json.dumps(turn) or "tool_result" in json.dumps(turn) \
        or turn["role"] == "tool"


def agent(dialect, seen):
    """An upstream of that dialect which calls the tool, and says the weather when it has the result."""
    def answer(connection, request):
        seen.append(request.json)
        done = answered(request.json)
        if dialect == "chat" and request.wants_stream:
            last = [*CHAT_CALL, usage_event(), DONE] if not done else stream_events("3 degrees.")
            connection.send(sse(last))
        elif dialect == "chat":
            call = {"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": None, "tool_calls": [{
                    "id": "call_9", "type": "function", "function": {
                        "name": "get_weather", "arguments": "{\"city\": \"Oslo\"}"}}]}}
            connection.send(plain(completion("3 degrees.") if done else completion(choices=[call])))
        elif dialect == "messages":
            if done or not request.wants_stream:
                speaks_messages("3 degrees.")(connection, request)
            else:
                connection.send(events(tool_events()))
        elif ":streamGenerateContent" in request.target:
            connection.send(events([google_event(GOOGLE_CALL)] if not done else
                                   [google_event(candidate("3 degrees."))]))
        else:
            connection.send(plain(candidate("3 degrees.") if done else GOOGLE_CALL))
    return answer


@pytest.fixture
def stage(start, upstream):
    """stage(dialect, answer) -> a daemon whose first upstream is overloaded and whose second says that."""
    def make(dialect, answer):
        return start(config(native(upstream(OVERLOADED[dialect]), "primary", dialect),
                            native(upstream(answer), "backup", dialect, model="other-m")))
    return make


def of_anthropic(daemon):
    return anthropic.Anthropic(base_url=daemon.url, api_key="sk-client", max_retries=0, timeout=30)


def of_openai(daemon):
    return openai.OpenAI(base_url=daemon.url + "/v1", api_key="sk-client", max_retries=0, timeout=30)


# ---------------------------------------------------------------- anthropic

@pytest.mark.parametrize("dialect, answer", [("chat", well("From the backup.")),
                                             ("gemini", google("From the backup."))])
def test_a_message_comes_from_an_upstream_of_another_api(stage, dialect, answer):
    client = of_anthropic(stage(dialect, answer))
    got = client.messages.create(**ASK, messages=QUESTION, system="Be brief.")
    assert got.content[0].text == "From the backup." and got.stop_reason == "end_turn"
    assert got.usage.input_tokens > 0 and got.usage.output_tokens > 0
    with client.messages.stream(**ASK, messages=QUESTION) as stream:
        assert "".join(stream.text_stream) == "From the backup."
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "gemini"])
def test_an_anthropic_session_of_three_turns_calls_a_tool(stage, dialect, streamed):
    seen = []
    client = of_anthropic(stage(dialect, agent(dialect, seen)))

    def ask(history):
        if not streamed:
            return client.messages.create(**ASK, messages=history, tools=[TOOL])
        with client.messages.stream(**ASK, messages=history, tools=[TOOL]) as stream:
            return stream.get_final_message()

    turn = ask(QUESTION)
    call = turn.content[-1]
    assert turn.stop_reason == "tool_use" and (call.name, call.input) == ("get_weather",
                                                                          {"city": "Oslo"})
    history = [*QUESTION, {"role": "assistant", "content": turn.content}, {
        "role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id,
                                     "content": "3 C"}]}]
    final = ask(history)
    assert final.content[-1].text == "3 degrees." and final.stop_reason == "end_turn"
    again = ask([*history, {"role": "assistant", "content": final.content},
                 {"role": "user", "content": "And tomorrow?"}])
    assert again.stop_reason == "tool_use"
    assert len(seen) == 3 and answered(seen[1])


def test_errors_of_chat_are_raised_as_anthropics(start, upstream):
    body = {"error": {"message": "Incorrect key", "type": "invalid_request_error", "param": None,
                      "code": "invalid_api_key"}}
    client = of_anthropic(start(config(upstream(status(401, body)))))
    with pytest.raises(anthropic.AuthenticationError, match="Incorrect key"):
        client.messages.create(**ASK, messages=QUESTION)


def test_a_chat_stream_that_breaks_raises_in_anthropics_library(start, upstream):
    seen = threading.Event()
    half = SSE_HEAD + b"".join(map(chunk, [ROLE, *words("Hi")]))
    client = of_anthropic(start(config(upstream(steps(half, lambda c: c.wait(seen), close)))))
    got = []
    with pytest.raises(anthropic.APIStatusError, match="before the answer was complete"):
        with client.messages.stream(**ASK, messages=QUESTION) as stream:
            for text in stream.text_stream:
                got.append(text)
                seen.set()
    assert got == ["Hi"]


# ---------------------------------------------------------------- openai, chat

ELSEWHERE = [("messages", speaks_messages("From the backup.")), ("gemini", google("From the backup."))]


@pytest.mark.parametrize("dialect, answer", ELSEWHERE)
def test_a_completion_comes_from_an_upstream_of_another_api(stage, dialect, answer):
    client = of_openai(stage(dialect, answer))
    got = client.chat.completions.create(model="m", messages=QUESTION)
    assert got.choices[0].message.content == "From the backup."
    assert got.choices[0].finish_reason == "stop" and got.usage.total_tokens > 0
    chunks = list(client.chat.completions.create(model="m", messages=QUESTION, stream=True,
                                                 stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == \
        "From the backup."
    assert chunks[-1].usage.total_tokens == got.usage.total_tokens


@pytest.mark.parametrize("dialect", ["messages", "gemini"])
def test_a_chat_session_of_three_turns_calls_a_tool(stage, dialect):
    seen = []
    client = of_openai(stage(dialect, agent(dialect, seen)))

    def ask(history):
        with client.chat.completions.stream(model="m", messages=history, tools=[CHAT_TOOL]) as stream:
            return stream.get_final_completion().choices[0]

    turn = ask(QUESTION)
    call, = turn.message.tool_calls
    assert turn.finish_reason == "tool_calls" and call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    history = [*QUESTION, turn.message, {"role": "tool", "tool_call_id": call.id, "content": "3 C"}]
    final = ask(history)
    assert final.message.content == "3 degrees." and final.finish_reason == "stop"
    again = ask([*history, final.message, {"role": "user", "content": "And tomorrow?"}])
    assert again.finish_reason == "tool_calls"
    assert len(seen) == 3 and answered(seen[1])


@pytest.mark.parametrize("code, error", [(400, openai.BadRequestError), (404, openai.NotFoundError),
                                         (401, openai.AuthenticationError)])
def test_errors_of_messages_are_raised_as_openais(start, upstream, code, error):
    client = of_openai(start(config(native(
        upstream(status(code, anthropic_error("invalid_request_error", "its own words"))),
        "primary", "messages"))))
    with pytest.raises(error, match="its own words"):
        client.chat.completions.create(model="m", messages=QUESTION)


def test_a_stream_of_messages_that_breaks_raises_in_openais_library(start, upstream):
    seen = threading.Event()
    half = SSE_HEAD + chunk(message_start() + block_start() + text_delta("Hi"))
    client = of_openai(start(config(native(
        upstream(steps(half, lambda c: c.wait(seen), close)), "primary", "messages"))))
    got = []
    with pytest.raises(openai.APIError, match="before the answer was complete"):
        for part in client.chat.completions.create(model="m", messages=QUESTION, stream=True):
            got += [c.delta.content for c in part.choices if c.delta.content]
            seen.set()
    assert got == ["Hi"]


# ---------------------------------------------------------------- openai, Responses

def only_chat(answer):
    """A server that has chat completions and nothing else."""
    def serve(connection, request):
        if request.target.endswith("/chat/completions"):
            answer(connection, request)
        else:
            connection.send(status(404, "404 page not found", content_type="text/plain"))
    return serve


@pytest.mark.parametrize("dialect, answer", [*ELSEWHERE, ("chat", only_chat(well("From the backup.")))])
def test_a_response_comes_from_an_upstream_of_another_api(stage, dialect, answer):
    client = of_openai(stage(dialect, answer))
    got = client.responses.create(model="m", input="Say something.", instructions="Be brief.")
    assert got.output_text == "From the backup." and got.status == "completed"
    assert got.usage.input_tokens > 0
    with client.responses.stream(model="m", input="Say something.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert final.output_text == "From the backup." and final.usage.output_tokens > 0


@pytest.mark.parametrize("dialect", ["messages", "gemini", "chat"])
def test_a_responses_session_of_three_turns_calls_a_tool(stage, dialect):
    seen = []
    answer = agent(dialect, seen)
    client = of_openai(stage(dialect, only_chat(answer) if dialect == "chat" else answer))

    def ask(items):
        with client.responses.stream(model="m", input=items, tools=[RESPONSES_TOOL],
                                     store=False) as stream:
            return stream.get_final_response()

    turn = ask(QUESTION)
    call, = [item for item in turn.output if item.type == "function_call"]
    assert call.name == "get_weather" and json.loads(call.arguments) == {"city": "Oslo"}
    history = [*QUESTION, *[item.model_dump(exclude_none=True) for item in turn.output],
               {"type": "function_call_output", "call_id": call.call_id, "output": "3 C"}]
    final = ask(history)
    assert final.output_text == "3 degrees."
    again = ask([*history, *[item.model_dump(exclude_none=True) for item in final.output],
                 {"role": "user", "content": "And tomorrow?"}])
    assert [item.type for item in again.output][-1] == "function_call"
    assert len(seen) == 3 and answered(seen[1])


def test_a_broken_stream_raises_at_responses(start, upstream):
    half = SSE_HEAD + chunk(message_start() + block_start() + text_delta("Hi"))
    client = of_openai(start(config(native(upstream(steps(half, close)), "primary", "messages"))))
    with pytest.raises(openai.APIError, match="before the answer was complete"):
        with client.responses.stream(model="m", input="x") as stream:
            for _ in stream:
                pass


# ---------------------------------------------------------------- google-genai

def of_google(daemon):
    return genai.Client(api_key="client", http_options={"base_url": daemon.url})


@pytest.mark.parametrize("dialect, answer", [("chat", well("From the backup.")),
                                             ("messages", speaks_messages("From the backup."))])
def test_content_comes_from_an_upstream_of_another_api(stage, dialect, answer):
    client = of_google(stage(dialect, answer))
    got = client.models.generate_content(model="gemini-m", contents="Say something.")
    assert got.text == "From the backup." and got.usage_metadata.total_token_count > 0
    parts = list(client.models.generate_content_stream(model="gemini-m", contents="Say something."))
    assert "".join(part.text or "" for part in parts) == "From the backup."
    assert parts[-1].candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_session_of_googles_of_three_turns_calls_a_tool(stage, dialect):
    seen = []
    client = of_google(stage(dialect, agent(dialect, seen)))
    settings = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[
        types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)])])

    def ask(history):
        parts = [part for piece in client.models.generate_content_stream(
                     model="gemini-m", contents=history, config=settings)
                 for part in piece.candidates[0].content.parts or []]
        return types.Content(role="model", parts=parts)

    asked = [types.Content(role="user", parts=[types.Part(text="Weather in Oslo?")])]
    turn = ask(asked)
    call, = [part.function_call for part in turn.parts if part.function_call]
    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})
    result = types.Part.from_function_response(name="get_weather", response={"result": "3 C"})
    history = [*asked, turn, types.Content(role="user", parts=[result])]
    final = ask(history)
    assert "".join(part.text or "" for part in final.parts) == "3 degrees."
    again = ask([*history, final, types.Content(role="user", parts=[types.Part(text="Tomorrow?")])])
    assert any(part.function_call for part in again.parts)
    assert len(seen) == 3 and answered(seen[1])


def test_errors_of_chat_are_raised_as_googles(start, upstream):
    body = {"error": {"message": "its own words", "type": "invalid_request_error", "param": None,
                      "code": None}}
    client = of_google(start(config(upstream(status(400, body)))))
    with pytest.raises(errors.ClientError, match="its own words") as caught:
        client.models.generate_content(model="gemini-m", contents="x")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
