"""What an upstream says: whole answers, errors and streams as bytes, and the scripts that send them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upstream import Connection, Request

USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
CREATED = 1790000000


def as_bytes(value) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def completion(text="It works.", *, usage=USAGE, model="served", **more) -> bytes:
    """The body of a whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text},
              "logprobs": None, "finish_reason": "stop"}
    body = {"id": "chatcmpl-T1", "object": "chat.completion", "created": CREATED, "model": model,
            "choices": [choice], **more}
    if usage is not None:
        body["usage"] = usage
    return json.dumps(body).encode()


def error_body(message="something broke", type="server_error", code=None, param=None) -> bytes:
    return json.dumps({"error": {"message": message, "type": type, "param": param,
                                 "code": code}}).encode()


def head(status_line="200 OK", *fields: str) -> bytes:
    """A response head from a status and raw field lines."""
    return "\r\n".join([f"HTTP/1.1 {status_line}", *fields, "", ""]).encode("latin-1")


def plain(body=None, *fields: str, status_line="200 OK", content_type="application/json") -> bytes:
    """A response with Content-Length."""
    body = completion() if body is None else as_bytes(body)
    return head(status_line, f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
                *fields) + body


def status(code: int, body=None, *fields: str, content_type="application/json") -> bytes:
    """An error answer."""
    body = error_body(f"status {code}") if body is None else as_bytes(body)
    return plain(body, *fields, status_line=f"{code} Status", content_type=content_type)


SSE_HEAD = head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(delta: Mapping | None = None, finish: str | None = None, **more) -> bytes:
    """One chat.completion.chunk event; with neither delta nor finish, what `more` says."""
    body = {"id": "chatcmpl-T1", "object": "chat.completion.chunk", "created": CREATED,
            "model": "served", "choices": [], **more}
    if delta is not None or finish is not None:
        body["choices"] = [{"index": 0, "delta": dict(delta or {}), "finish_reason": finish}]
    return b"data: " + json.dumps(body).encode() + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
FINISH = event({}, "stop")
PING = b": keep-alive\n\n"


def words(text: str) -> list[bytes]:
    """One content event per word, white space kept."""
    pieces = text.split(" ")
    return [event({"content": piece if i == 0 else " " + piece}) for i, piece in enumerate(pieces)]


def usage_event(usage=USAGE) -> bytes:
    return event(usage=usage)


def stream_events(text: str, usage=USAGE) -> list[bytes]:
    """A whole healthy stream, as events."""
    tail = [usage_event(usage)] if usage is not None else []
    return [ROLE, *words(text), FINISH, *tail, DONE]


def sse(events: Iterable[bytes]) -> bytes:
    """A whole chunked SSE response, one chunk per event."""
    return SSE_HEAD + b"".join(map(chunk, events)) + LAST_CHUNK


def well(text="It works.", usage=USAGE, model="served"):
    """A healthy upstream: plain or streamed as asked, usage where it is due."""
    def answer(connection: "Connection", request: "Request"):
        if not request.wants_stream:
            connection.send(plain(completion(text, usage=usage, model=model)))
            return
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        connection.send(sse(stream_events(text, usage if asked else None)))
    return answer


def in_turn(*answers):
    """First request: first answer, and so on; the last one stays. Counts over all connections."""
    lock = threading.Lock()
    left = list(answers)

    def answer(connection, request):
        with lock:
            current = left.pop(0) if len(left) > 1 else left[0]
        run_answer(current, connection, request)
    return answer


def steps(*script):
    """An exchange as a list: bytes are sent, functions are called with the connection."""
    def answer(connection, request):
        for step in script:
            run_step(step, connection)
            if connection.ended:
                return
    return answer


def run_step(step, connection: "Connection"):
    if isinstance(step, (bytes, bytearray)):
        connection.send(bytes(step))
    else:
        step(connection)


def run_answer(answer, connection: "Connection", request: "Request"):
    if isinstance(answer, (bytes, bytearray)):
        connection.send(bytes(answer))
    else:
        answer(connection, request)


def silent(connection: "Connection", request=None):
    """Never answers; ends when the other side gives up."""
    connection.hold()


def reset(connection: "Connection", request=None):
    connection.reset()


def close(connection: "Connection", request=None):
    connection.close()
