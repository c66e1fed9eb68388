"""What of an answer is easily lost or told wrongly on its way into another API: who it is, what it begins with,
the order of its parts, why it ended, and what cannot be said there at all."""

import json

import bedrock
import pytest
from bedrock import AWS
from harness import ask, chat_body, config, plain, plain_and_streamed, status, steps, well
from natives import (MESSAGE_STOP, anthropic, block_delta, block_start, block_stop, candidate, events, gemini_body,
                     google_event, message_body, message_delta, message_start, native, text_delta, typed)

CALL = {"functionCall": {"name": "get", "args": {"a": 1}}}


def request(client: str, stream: bool, **more) -> tuple[str, dict]:
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{verb}", gemini_body(**more)
    if client == "messages":
        return "/v1/messages", message_body(stream, **more)
    if client == "responses":
        return "/v1/responses", {"model": "m", "input": "Say something.", "stream": stream, **more}
    return "/v1/chat/completions", chat_body(stream, **more)


def get(daemon, client: str, stream=False, headers=(), **more):
    path, body = request(client, stream, **more)
    return ask(daemon, path=path, body=body, headers=headers)


def datas(got) -> list[dict]:
    return [json.loads(line[6:]) for line in got.body.decode().replace("\r", "").split("\n")
            if line.startswith("data: {")]


def found(value, names) -> list[str]:
    """All that is called so, however deep."""
    if isinstance(value, list):
        return [one for inner in value for one in found(inner, names)]
    if not isinstance(value, dict):
        return []
    own = [inner for key, inner in value.items() if key in names and isinstance(inner, str)]
    return own + [one for inner in value.values() for one in found(inner, names)]


def nameless(stream: bool) -> dict:
    body = candidate(CALL)
    body.pop("responseId", None)
    return body


@plain_and_streamed
@pytest.mark.parametrize("client", ["chat", "responses", "messages"])
def test_who_gives_no_ids_gets_ids_that_no_other_answer_has(start, upstream, client, stream):
    body = nameless(stream)
    daemon = start(config(native(upstream(events([google_event(body)]) if stream else plain(json.dumps(body))),
                                 "primary", "gemini", model="m")))
    names = ("id", "call_id", "responseId", "item_id")
    seen = []
    for _ in range(3):
        # As clients do that give all of their requests one id.
        got = get(daemon, client, stream, headers={"x-request-id": "one"})
        ids = set(found(datas(got) if stream else got.json, names))
        assert got.status == 200 and len(ids) >= 2, got
        assert not any(one in ("chatcmpl-", "msg_", "resp_", "call_") for one in ids), ids
        seen.append(ids)
    assert not (seen[0] & seen[1] or seen[1] & seen[2] or seen[0] & seen[2]), seen
