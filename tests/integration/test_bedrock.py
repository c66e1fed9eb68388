"""Bedrock as an upstream: signed requests, framed streams, every client's API, and what it says when it fails."""

import json
import signal
import threading

import pytest

import bedrock
from bedrock import (AWS, KEY_ID, SECRET, START, TOKEN, WITH_TOKEN, entry, exception, metadata,
                     refusal, runtime, stop, text_delta, text_events, tool_events)
from harness import (LAST_CHUNK, SSE_HEAD, Client, ask, chat, chat_body, chunk, config, event, expect_metrics, metric,
                     plain_and_streamed, status, timeouts, well)
from natives import gemini_body, message_body
from tests.support.daemon import Daemon, StartError, run, wait_until

PRICED = "eu.amazon.nova-lite-v1:0"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
         for name in ("get_weather", "get_time")]


@plain_and_streamed
def test_a_signed_request_in_its_words_and_a_whole_answer(start, upstream, stream):
    there = upstream(runtime(token=TOKEN))
    daemon = start(config(entry(there)), env=WITH_TOKEN)
    got = chat(daemon, stream=stream, headers={"authorization": "Bearer of-the-client", "accept": "text/event-stream",
                                               "x-amz-date": "client", "openai-beta": "x"},
               max_tokens=50, stop=["END"], stream_options={"include_usage": True} if stream else None)
    assert got.status == 200 and got.text == "It works." and got.ended == "whole"
    sent = there.requests[0]
    assert sent.target == f"/model/eu.amazon.nova-lite-v1%3A0/converse{'-stream' if stream else ''}"
    assert sent.json["messages"] == [{"role": "user", "content": [{"text": "Say something."}]}]
    assert sent.json["inferenceConfig"] == {"maxTokens": 50, "stopSequences": ["END"]}
    assert b"of-the-client" not in sent.raw_head and sent.header("accept") is None
    assert sent.header("content-type") == "application/json" and sent.header("openai-beta") is None
    # Every answer says what it took: what the cache had no part in, read and wrote makes the prompt.
    usage = (json.loads(got.events[-2]) if stream else got.json)["usage"]
    assert usage["prompt_tokens"] == 16 and usage["completion_tokens"] == 5
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "ok"}),
                   (11, "understudy_tokens_total", {"type": "input"}),
                   (3, "understudy_tokens_total", {"type": "cache_read"}))
    assert metric(daemon, "understudy_cost_usd_total", upstream="primary") > 0


def test_the_path_names_a_model_by_its_arn_and_the_body_is_signed_as_it_is_sent(start, upstream):
    arn = "arn:aws:bedrock:eu-north-1:1:inference-profile/eu.anthropic.claude-sonnet-4-5"
    there = upstream(runtime())
    daemon = start(config(entry(there, model=arn, body={"set": {"requestMetadata": {"team": "ü"}}},
                                headers={"X-Amz-Extra": "a  b"})), env=AWS)
    assert chat(daemon).text == "It works."
    sent = there.requests[0]
    assert sent.target == ("/model/arn%3Aaws%3Abedrock%3Aeu-north-1%3A1%3Ainference-profile%2F"
                           "eu.anthropic.claude-sonnet-4-5/converse")
    assert sent.json["requestMetadata"] == {"team": "ü"}
    assert "x-amz-extra" in sent.header("authorization")


def test_keys_of_its_own_are_sent_and_nothing_is_signed(start, upstream):
    seen = []

    def answer(connection, request):
        seen.append(request.headers("authorization"))
        connection.send(bedrock.plain(bedrock.answer()))
    there = upstream(answer)
    daemon = start(config(entry(there, api_key="bedrock-api-key-of-the-file")), env=AWS)
    assert chat(daemon).text == "It works."
    assert seen == [["Bearer bedrock-api-key-of-the-file"]]
    assert not there.requests[0].headers("x-amz-date")


def test_the_keys_of_a_file_and_its_region(start, upstream, tmp_path):
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=x\n"
                                          "[work]\naws_access_key_id = AKIDWORKWORK\n"
                                          "aws_secret_access_key = of-the-file/+=\n")
    (tmp_path / "config").write_text("[profile work]\nregion = ap-south-1\n")
    there = upstream(runtime(key_id="AKIDWORKWORK", secret="of-the-file/+=", region="ap-south-1"))
    of_files = entry(there)
    del of_files["region"]
    environment = {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(tmp_path / "config"),
                   "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    assert chat(start(config(of_files), env=environment)).text == "It works."


def test_keys_that_were_renewed_are_used_from_a_reload_on(start, upstream, tmp_path):
    def keys(key_id):
        (tmp_path / "credentials").write_text(
            f"[default]\naws_access_key_id={key_id}\naws_secret_access_key=of-{key_id}\naws_session_token=t-{key_id}\n")
    seen = []

    def answer(connection, request):
        key_id = request.header("authorization").split("Credential=")[1].split("/")[0]
        seen.append(key_id)
        runtime(key_id=key_id, secret=f"of-{key_id}", token=f"t-{key_id}")(connection, request)
    there = upstream(answer)
    keys("AKIDFIRSTFIRST")
    daemon = start(config(entry(there)), env={"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")})
    chat(daemon)
    keys("AKIDSECONDSECOND")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") == 1, "the reload")
    # Each worker takes the new configuration up by itself.
    wait_until(lambda: chat(daemon).text == "It works." and seen[-1] == "AKIDSECONDSECOND", "the second keys")
    assert seen[0] == "AKIDFIRSTFIRST" and set(seen) == {"AKIDFIRSTFIRST", "AKIDSECONDSECOND"}


@pytest.mark.parametrize("settings, env, said", [
    ({}, {}, "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ({}, {"AWS_ACCESS_KEY_ID": "AKIDONLY"}, "AWS_SECRET_ACCESS_KEY is not"),
    ({"region": None}, AWS, "region is missing: name one, such as us-east-1, or set AWS_REGION"),
    ({"region": "us east"}, AWS, "\"us east\" is not a region such as us-east-1")])
def test_what_is_missing_is_said_at_the_start(upstream, settings, env, said):
    one = {"name": "aws", "provider": "bedrock", "region": "us-east-1", "api_key": None, **settings}
    one = {key: value for key, value in one.items() if value is not None or key == "api_key"}
    with pytest.raises(StartError) as refused, Daemon(config(one), env=env):
        pass
    assert said in str(refused.value) and "ended with 2" in str(refused.value)
    assert SECRET not in str(refused.value)


# ---------------------------------------------------------------- every client

def of_messages(daemon, stream):
    got = ask(daemon, path="/v1/messages", body=message_body(stream))
    if not stream:
        return got.json["content"][0]["text"], got.json["usage"]["output_tokens"]
    told = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: ")]
    assert told[-1]["type"] == "message_stop"
    return ("".join(one["delta"].get("text", "") for one in told if one["type"] == "content_block_delta"),
            told[-2]["usage"]["output_tokens"])


def of_responses(daemon, stream):
    got = ask(daemon, path="/v1/responses", body={"model": "m", "input": "Say something.", "stream": stream})
    if stream:
        last = json.loads(got.events[-1])
        assert last["type"] == "response.completed"
        whole = last["response"]
    else:
        whole = got.json
    return whole["output"][0]["content"][0]["text"], whole["usage"]["output_tokens"]


def of_gemini(daemon, stream):
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    got = ask(daemon, path="/v1beta/models/m:" + verb, body=gemini_body())
    bodies = [got.json] if not stream else [
        json.loads(block.removeprefix("data: ")) for block in got.body.decode().split("\r\n\r\n")[:-1]]
    text = "".join(part["text"] for body in bodies for part in body["candidates"][0]["content"]["parts"])
    return text, bodies[-1]["usageMetadata"]["candidatesTokenCount"]


@plain_and_streamed
@pytest.mark.parametrize("client", [of_messages, of_responses, of_gemini])
def test_clients_of_every_api(start, upstream, client, stream):
    there = upstream(runtime())
    assert client(start(config(entry(there)), env=AWS), stream) == ("It works.", 5)
    assert there.requests[0].json["messages"][0]["content"] == [{"text": "Say something."}]


def test_thoughts_and_calls_of_tools_make_the_round(start, upstream):
    there = upstream(runtime(events=tool_events()))
    daemon = start(config(entry(there, model="eu.anthropic.claude-sonnet-4-5-20250929-v1:0")), env=AWS)
    got = chat(daemon, stream=True, tools=TOOLS)
    told = [json.loads(data) for data in got.events[:-1]]
    deltas = [one["choices"][0]["delta"] for one in told if one["choices"]]
    assert "".join(one.get("reasoning_content", "") for one in deltas) == "Where is it?"
    calls = {}
    for one in deltas:
        for call in one.get("tool_calls", ()):
            known = calls.setdefault(call["index"], {"id": call.get("id"), "arguments": "",
                                                     "name": call["function"].get("name")})
            known["arguments"] += call["function"].get("arguments", "")
    assert calls == {0: {"id": "tooluse_1", "name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"},
                     1: {"id": "tooluse_2", "name": "get_time", "arguments": "{}"}}
    assert told[-1]["choices"][0]["finish_reason"] == "tool_calls"
    history = [{"role": "user", "content": "Weather?"},
               {"role": "assistant", "content": "Checking.", "tool_calls": [
                   {"id": one["id"], "type": "function",
                    "function": {"name": one["name"], "arguments": one["arguments"]}} for one in calls.values()]},
               *({"role": "tool", "tool_call_id": one["id"], "content": "cold"} for one in calls.values())]
    chat(daemon, stream=True, tools=TOOLS, messages=history)
    user, assistant, results = there.requests[1].json["messages"]
    assert [block["toolUse"]["toolUseId"] for block in assistant["content"][1:]] == ["tooluse_1", "tooluse_2"]
    assert [block["toolResult"]["toolUseId"] for block in results["content"]] == ["tooluse_1", "tooluse_2"]


def thinking_body(content, stream=False, model="claude-m") -> dict:
    """A session of Claude Code's: what it was told is sent back as it came."""
    return message_body(stream, model, thinking={"type": "enabled", "budget_tokens": 1024},
                        tools=[{"name": "get_weather", "input_schema": {"type": "object"}},
                               {"name": "get_time", "input_schema": {"type": "object"}}],
                        messages=[{"role": "user", "content": "Weather?"},
                                  *([{"role": "assistant", "content": content},
                                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block["id"],
                                                                   "content": "cold"} for block in content
                                                                  if block["type"] == "tool_use"]}] if content else [])])


CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
SEALED = [{"type": "thinking", "thinking": "Where is it?", "signature": "c2VhbA=="},
          {"type": "tool_use", "id": "tooluse_1", "name": "get_weather", "input": {"city": "Oslo"}}]


def test_claudes_thoughts_make_the_round_under_their_seal(start, upstream):
    there = upstream(runtime(events=tool_events()))
    daemon = start(config(entry(there, model=CLAUDE)), env=AWS)
    got = ask(daemon, path="/v1/messages", body=thinking_body([], True))
    told = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: ")]
    deltas = [one["delta"] for one in told if one["type"] == "content_block_delta" and one["index"] == 0]
    assert deltas == [{"type": "thinking_delta", "thinking": "Where is it?"},
                      {"type": "signature_delta", "signature": "c2VhbA=="}]
    ask(daemon, path="/v1/messages", body=thinking_body(SEALED, True))
    assert there.requests[1].json["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Where is it?", "signature": "c2VhbA=="}}},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Oslo"}}}]
    assert there.requests[1].json["additionalModelRequestFields"]["thinking"]["type"] == "enabled"


@plain_and_streamed
@pytest.mark.parametrize("text", [
    "The model returned the following errors: messages.1.content.0: Invalid `signature` in `thinking` block",
    "User messages cannot contain reasoning content. Please remove the reasoning content and try again."])
def test_a_seal_that_it_refuses_is_taken_out_once_and_nobody_else_is_asked(start, upstream, stream, text):
    def answer(connection, request):
        if "reasoningContent" in request.body.decode():
            bedrock.assert_signed(request)
            connection.send(refusal(400, "ValidationException", text))
        else:
            runtime()(connection, request)
    primary, backup = upstream(answer), upstream(well())
    daemon = start(config(entry(primary, model=CLAUDE), backup), env=AWS)
    got = ask(daemon, path="/v1/messages", body=thinking_body(SEALED, stream))
    assert got.status == 200 and got.header("x-understudy-upstream") == "primary"
    first, second = (one.json for one in primary.requests)
    assert "thinking" in first["additionalModelRequestFields"] and "additionalModelRequestFields" not in second
    assert [[*block] for block in second["messages"][1]["content"]] == [["toolUse"]]
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "ok"}),
                   (0, "understudy_attempts_total", {"upstream": "backup"}))


def test_a_large_body_is_signed_as_it_is_sent(start, upstream):
    there = upstream(runtime())
    daemon = start(config(entry(there, context_window=10_000_000)), env=AWS)
    words = "A word of many. " * 200_000
    assert chat(daemon, messages=[{"role": "user", "content": words}]).text == "It works."
    assert there.requests[0].json["messages"][0]["content"] == [{"text": words}]


# ---------------------------------------------------------------- what goes wrong

@plain_and_streamed
@pytest.mark.parametrize("code, kind, text, reason", [
    (429, "ThrottlingException", "Too many requests, please wait", "rate_limit"),
    (400, "ServiceQuotaExceededException", "Your quota is used up", "rate_limit"),
    (403, "AccessDeniedException", "You are not authorized", "auth"),
    (404, "ResourceNotFoundException", "Could not resolve the model", "not_found"),
    (408, "ModelTimeoutException", "The model took too long", "timeout"),
    (424, "ModelErrorException", "The model failed", "server_error"),
    (503, "ServiceUnavailableException", "Try again", "server_error"),
    (400, "ValidationException", "Input is too long for requested model.", "context_length")])
def test_a_refusal_has_its_class_and_the_next_entry_answers(start, upstream, code, kind, text, reason, stream):
    primary, backup = upstream(refusal(code, kind, text)), upstream(well())
    daemon = start(config(entry(primary), backup, route={"fallback_on": [reason]}), env=AWS)
    assert chat(daemon, stream=stream).text == "It works."
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": reason}),
                   (1, "understudy_attempts_total", {"upstream": "backup", "reason": "ok"}))


@plain_and_streamed
def test_an_entry_of_another_api_fails_over_to_it(start, upstream, stream):
    primary, backup = upstream(status(500)), upstream(runtime())
    daemon = start(config(primary, entry(backup, "backup")), env=AWS)
    got = chat(daemon, stream=stream)
    assert got.text == "It works." and got.header("x-understudy-upstream") == "backup"


def test_its_error_is_told_in_the_clients_words(start, upstream):
    there = upstream(refusal(429, "ThrottlingException", "Too many tokens"))
    daemon = start(config(entry(there)), env=AWS)
    got = ask(daemon, path="/v1/messages", body=message_body(True))
    assert got.status == 429 and got.json["error"] == {
        "type": "rate_limit_error", "message": "Too many tokens"} | {
            key: got.json["error"][key] for key in got.json["error"] if key not in ("type", "message")}


BROKEN = text_delta("never read")[:-1] + b"\x00"
BEFORE_ANYTHING = {
    "an exception": [START, exception("throttlingException", "Slow down")],
    "a checksum that is wrong": [START, BROKEN],
    "lengths that are wrong": [START, b"\xff" + text_delta("x")[1:]],
    "the end": [START],
    "the end inside a message": [START, text_delta("x")[:-3]],
    "counts without an end": [START, metadata()],
    "no answer": [START, stop("malformed_model_output"), metadata()],
    "no JSON": [START, bedrock.message({":event-type": "contentBlockDelta", ":message-type": "event"}, b"{"),
                exception("internalServerException", "x")],
}


@pytest.mark.parametrize("what", BEFORE_ANYTHING)
def test_what_is_no_answer_falls_back_before_a_word_was_told(start, upstream, what):
    primary, backup = upstream(bedrock.stream(BEFORE_ANYTHING[what])), upstream(well())
    daemon = start(config(entry(primary), backup), env=AWS)
    got = chat(daemon, stream=True)
    assert got.text == "It works." and got.header("x-understudy-upstream") == "backup"
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "malformed"}))


BEHIND_WORDS = {
    "an exception": ([exception("modelStreamErrorException", "The model broke")], "The model broke"),
    "a checksum that is wrong": ([BROKEN], "checksum"),
    "the end": ([], "without a finish_reason"),
    "counts without an end": ([metadata()], "without a finish_reason"),
    "the end inside a message": ([text_delta("x")[:-3]], "ends inside a message"),
}


@pytest.mark.parametrize("what", BEHIND_WORDS)
def test_a_stream_that_breaks_is_never_told_as_whole(start, upstream, what):
    rest, said = BEHIND_WORDS[what]

    def answer(connection, request):
        connection.send(bedrock.STREAM_HEAD + b"".join(chunk(one) for one in [START, text_delta("It ")]))
        connection.wait(told)
        connection.send(b"".join(chunk(one) for one in rest) + LAST_CHUNK)
    told = threading.Event()
    there = upstream(answer)
    daemon = start(config(entry(there)), env=AWS)
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda response: response.text == "It ")
        told.set()
        client.body(got)
    assert got.text == "It " and b"[DONE]" not in got.body
    assert b'"error"' in got.body and said.encode() in got.body


GONE_ON_WITH = {"midstream": "continue"}


def test_a_stream_that_breaks_is_gone_on_with_by_another_api(start, upstream):
    def answer(connection, request):
        connection.send(bedrock.STREAM_HEAD + chunk(START) + chunk(text_delta("The fox jumps over ")))
        connection.wait(told)
        connection.send(chunk(exception("modelStreamErrorException", "broke")) + LAST_CHUNK)
    told = threading.Event()
    primary, backup = upstream(answer), upstream(well("the dog."))
    daemon = start(config(entry(primary), {**backup.entry("backup"), "continuation": "prefill"},
                          route=GONE_ON_WITH), env=AWS)
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda response: "over" in response.text)
        told.set()
        client.body(got)
    assert got.text == "The fox jumps over the dog." and got.body.endswith(b"data: [DONE]\n\n")
    assert backup.requests[0].json["messages"][-1]["role"] == "assistant"


def test_it_goes_on_with_a_stream_of_another_api_that_broke(start, upstream):
    def answer(connection, request):
        connection.send(SSE_HEAD + chunk(event({"role": "assistant", "content": "The fox jumps over "})))
        connection.wait(told)
        connection.reset()
    told = threading.Event()
    primary, backup = upstream(answer), upstream(runtime("the dog."))
    claude = entry(backup, "backup", model="eu.anthropic.claude-sonnet-4-5", continuation="prefill")
    daemon = start(config(primary, claude, route=GONE_ON_WITH), env=AWS)
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda response: "over" in response.text)
        told.set()
        client.body(got)
    assert got.text == "The fox jumps over the dog." and got.body.endswith(b"data: [DONE]\n\n")
    assert backup.requests[0].json["messages"][-1] == {
        "role": "assistant", "content": [{"text": "The fox jumps over"}]}


def test_messages_arrive_wherever_they_are_split_and_several_at_once(start, upstream):
    def answer(connection, request):
        connection.send(bedrock.STREAM_HEAD)
        whole = b"".join(text_events("One two three."))
        size = sizes[len(there.requests) - 1]
        for at in range(0, len(whole), size):
            connection.send(chunk(whole[at:at + size]))
        connection.send(LAST_CHUNK)
    sizes = [1, 7, 113, 100_000]
    there = upstream(answer)
    daemon = start(config(entry(there)), env=AWS)
    for _ in sizes:
        got = chat(daemon, stream=True)
        assert got.text == "One two three." and got.ended == "whole"


def test_a_message_that_is_too_large_is_refused_by_its_lengths(start, upstream):
    large = text_delta("x" * (2 << 20))
    primary = upstream(lambda connection, request: (
        connection.send(bedrock.STREAM_HEAD + chunk(START) + chunk(large[:1000])), connection.hold()))
    backup = upstream(well())
    daemon = start(config(entry(primary), backup, limits={"buffer_response": "1MiB"}), env=AWS)
    assert chat(daemon, stream=True).text == "It works."
    primary.wait_gone()


def test_a_silent_stream_is_left_in_time(start, upstream):
    primary = upstream(lambda connection, request: (
        connection.send(bedrock.STREAM_HEAD + chunk(START)), connection.hold()))
    backup = upstream(well())
    daemon = start(config(entry(primary, timeouts=timeouts(first_token=300)), backup), env=AWS)
    assert chat(daemon, stream=True).text == "It works."
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "timeout"}))


def test_what_was_signed_with_is_in_no_answer_log_or_metric(start, upstream):
    said = f"The canonical string was {KEY_ID} {SECRET} {TOKEN} " + SECRET.replace("/", "\\/")

    def answer(connection, request):
        connection.send([bedrock.plain(bedrock.answer(said)), bedrock.stream(text_events(said)),
                         bedrock.stream([START, text_delta("x"), exception("validationException", said)]),
                         refusal(403, "InvalidSignatureException", said)][len(there.requests) - 1])
    there = upstream(answer)
    daemon = start(config(entry(there), log={"level": "trace"}), env=WITH_TOKEN)
    bodies = [chat(daemon, stream=stream).body.decode() for stream in (False, True, True, False)]
    printed = "\n".join(daemon.stderr_lines()) + ask(daemon, "GET", "/metrics").body.decode()
    for text in (*bodies, printed):
        assert "canonical" in text or text in (bodies[2], printed)
        for secret in (KEY_ID, SECRET, TOKEN):
            assert secret not in text


def test_the_probe_and_check_speak_it(start, upstream, tmp_path):
    there = upstream(runtime())
    place = tmp_path / "understudy.yaml"
    place.write_text(config(entry(there)))
    done = run("check", "--probe", "-c", str(place), env=AWS)
    line = next(line for line in done.stdout_lines() if line.startswith("primary"))
    assert done.returncode == 0 and "usable, asked for " + PRICED in line
    assert [one.target for one in there.requests] == ["/model/eu.amazon.nova-lite-v1%3A0/converse-stream"]
    told = "\n".join(run("check", "-c", str(place), env=AWS).stdout_lines())
    assert "signed, AWS_ACCESS_KEY_ID, speaks converse" in told and SECRET not in told
    refusing = upstream(refusal(403, "UnrecognizedClientException", "The security token is invalid"))
    place.write_text(config(entry(refusing)))
    done = run("check", "--probe", "-c", str(place), env=AWS)
    assert done.returncode == 1 and "AWS key of AWS_ACCESS_KEY_ID" in "\n".join(done.stdout_lines())


def test_a_profile_of_openhands_and_a_chain_that_names_it(start, upstream, tmp_path):
    there = upstream(runtime(key_id="AKIDPROFILE", secret="of-the-profile", region="us-west-2"))
    (tmp_path / "aws.json").write_text(json.dumps({
        "model": "bedrock/converse/amazon.nova-pro-v1:0", "aws_region_name": "us-west-2",
        "aws_access_key_id": "AKIDPROFILE", "aws_secret_access_key": "of-the-profile",
        "aws_bedrock_runtime_endpoint": f"http://127.0.0.1:{there.port}", "temperature": 0.2}))
    text = config({"name": "other", "base_url": "http://127.0.0.1:9/v1"}, profiles=str(tmp_path),
                  routes=[{"model": "*", "chain": ["aws"]}])
    assert chat(start(text)).text == "It works."
    assert there.requests[0].target == "/model/amazon.nova-pro-v1%3A0/converse"


def test_answers_are_judged_by_what_they_say(start, upstream):
    cut = bedrock.plain(bedrock.answer("It wor", reason="max_tokens"))
    primary, backup = upstream(cut), upstream(well())
    daemon = start(config(entry(primary), backup, route={"fallback_on": ["length"]}), env=AWS)
    assert chat(daemon).text == "It works."
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "length"}))


def test_a_clients_own_key_goes_to_a_gateway_that_speaks_it(start, upstream):
    there = upstream(lambda connection, request: connection.send(bedrock.plain(bedrock.answer())))
    gateway = {"name": "gateway", "base_url": f"http://127.0.0.1:{there.port}/aws", "dialect": "converse",
               "model": "m", "api_key": None}
    got = ask(start(config(gateway)), path="/v1/messages", body=message_body(),
              headers={"x-api-key": "of-the-client"})
    assert got.json["content"][0]["text"] == "It works."
    sent = there.requests[0]
    assert sent.target == "/aws/model/m/converse" and sent.headers("authorization") == ["Bearer of-the-client"]
