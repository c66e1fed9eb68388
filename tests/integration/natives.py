"""What upstreams of Anthropic's and Google's own APIs say, as bytes, and the requests that their clients send."""

from __future__ import annotations

import json

from answers import LAST_CHUNK, SSE_HEAD, as_bytes, chunk, plain

MESSAGE_USAGE = {"input_tokens": 14, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5,
                 "output_tokens": 6}


# ---------------------------------------------------------------- Messages

def message_body(stream=False, model="claude-m", **more) -> dict:
    body = {"model": model, "max_tokens": 64,
            "messages": [{"role": "user", "content": "Say something."}], **more}
    return {**body, "stream": True} if stream else body


def message(text="It works.", *, model="claude-served", usage=MESSAGE_USAGE, content=None,
            stop_reason="end_turn") -> bytes:
    """The body of a whole message."""
    return json.dumps({
        "id": "msg_T1", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": text}] if content is None else content,
        "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}).encode()


def typed(kind: str, **members) -> bytes:
    """One event with its name, as Anthropic writes them."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def message_start(model="claude-served", message_id="msg_T1") -> bytes:
    usage = {**MESSAGE_USAGE, "output_tokens": 2}
    return typed("message_start", message={
        "id": message_id, "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage})


def block_start(index=0, **block) -> bytes:
    return typed("content_block_start", index=index,
                 content_block=block or {"type": "text", "text": ""})


def block_delta(index=0, **delta) -> bytes:
    return typed("content_block_delta", index=index, delta=delta)


def text_delta(text: str, index=0) -> bytes:
    return block_delta(index, type="text_delta", text=text)


def block_stop(index=0) -> bytes:
    return typed("content_block_stop", index=index)


def message_delta(stop_reason="end_turn", usage=MESSAGE_USAGE) -> bytes:
    return typed("message_delta", delta={"stop_reason": stop_reason, "stop_sequence": None},
                 usage=usage)


MESSAGE_PING = typed("ping")
MESSAGE_STOP = typed("message_stop")


def text_events(text="It works.") -> list[bytes]:
    """The text of a message, a word each."""
    return [text_delta(word if i == 0 else " " + word) for i, word in enumerate(text.split(" "))]


def message_events(text="It works.") -> list[bytes]:
    """A whole healthy message, as events."""
    return [message_start(), block_start(), MESSAGE_PING, *text_events(text), block_stop(),
            message_delta(), MESSAGE_STOP]


def tool_events() -> list[bytes]:
    """A message that thinks, says something and calls a tool."""
    return [message_start(),
            block_start(0, type="thinking", thinking="", signature=""),
            block_delta(0, type="thinking_delta", thinking="Where is it?"),
            block_delta(0, type="signature_delta", signature="EqQBCg=="), block_stop(0),
            block_start(1), text_delta("Checking.", 1), block_stop(1),
            block_start(2, type="tool_use", id="toolu_1", name="get_weather", input={}),
            block_delta(2, type="input_json_delta", partial_json=""),
            block_delta(2, type="input_json_delta", partial_json="{\"city\":"),
            block_delta(2, type="input_json_delta", partial_json="\"Oslo\"}"), block_stop(2),
            message_delta("tool_use"), MESSAGE_STOP]


def anthropic_error(kind="api_error", text="something broke", **details) -> bytes:
    error = {"type": kind, "message": text, **({"details": details} if details else {})}
    return json.dumps({"type": "error", "error": error, "request_id": "req_T1"}).encode()


def anthropic(text="It works."):
    """A healthy upstream: plain or streamed as asked."""
    def answer(connection, request):
        if request.wants_stream:
            connection.send(events(message_events(text)))
        else:
            connection.send(plain(message(text)))
    return answer


# ---------------------------------------------------------------- Gemini

def gemini_body(text="Say something.", **more) -> dict:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def candidate(*parts, finish="STOP", usage=(9, 4, 3), model="gemini-served", **more) -> dict:
    """One GenerateContentResponse. `usage`: of prompt, candidates and thoughts; None: none."""
    content = {"parts": [{"text": p} if isinstance(p, str) else p for p in parts], "role": "model"}
    one = {"content": content, "index": 0, **({"finishReason": finish} if finish else {}), **more}
    body = {"candidates": [one], "modelVersion": model, "responseId": "T1"}
    if usage is not None:
        prompt, candidates, thoughts = usage
        body["usageMetadata"] = {"promptTokenCount": prompt, "candidatesTokenCount": candidates,
                                 "thoughtsTokenCount": thoughts, "totalTokenCount": sum(usage)}
    return body


def google_event(body: dict) -> bytes:
    """As Google ends its lines."""
    return b"data: " + json.dumps(body).encode() + b"\r\n\r\n"


def candidate_bodies(text="It works.") -> list[dict]:
    """A whole answer in pieces, with counts that grow."""
    words = text.split(" ")
    return [*(candidate(word if i == 0 else " " + word, finish=None, usage=(9, i + 1, 3))
              for i, word in enumerate(words)),
            candidate("", usage=(9, 4, 3))]


def google_events(text="It works.") -> list[bytes]:
    return [google_event(body) for body in candidate_bodies(text)]


def google_list(text="It works.") -> bytes:
    """What a stream is without `alt=sse`."""
    return b"[" + b",\r\n".join(json.dumps(body).encode() for body in candidate_bodies(text)) + b"\n]"


def google_error(code=500, state="INTERNAL", text="something broke", details=()) -> bytes:
    return json.dumps({"error": {"code": code, "message": text, "status": state,
                                 "details": list(details)}}).encode()


def google(text="It works."):
    """A healthy upstream: plain, streamed or as a list, as asked."""
    def answer(connection, request):
        if ":streamGenerateContent" not in request.target:
            connection.send(plain(candidate(text)))
        elif "alt=sse" in request.target:
            connection.send(events(google_events(text)))
        else:
            connection.send(plain(google_list(text)))
    return answer


def native(upstream, name: str, dialect: str, **settings) -> dict:
    """A scripted upstream as an entry of the configuration that speaks `dialect`."""
    path = "/v1beta" if dialect == "gemini" else "/v1"
    return {"name": name, "base_url": f"http://127.0.0.1:{upstream.port}{path}", "dialect": dialect,
            **settings}


def events(parts, last=LAST_CHUNK) -> bytes:
    """A chunked stream of these events, a chunk each."""
    return SSE_HEAD + b"".join(chunk(as_bytes(part)) for part in parts) + last
