"""The fake provider of the sixteen faults: healthy, it gives the same sixty words; sick, it does what
one row of the list says. Times are divided by `SPEED` so that a run takes seconds."""

from __future__ import annotations

import os
import threading
import time

from harness import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, TIME_SCALE, Connection, Request,
                     chunk, completion, error_body, event, plain, status, usage_event)

SPEED = float(os.environ.get("FAULTS_SPEED", "10"))

SIXTY = ("A quiet harbour keeps twelve boats and one long pier where the baker walks each morning "
         "before the bells begin and counts the gulls along the rail because her father did "
         "so and taught that a number written down every day for many years becomes a story "
         "which nobody could have told on any single one of those days alone")
assert len(SIXTY.split()) == 60
USAGE = {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80}


def scaled(real_seconds: float) -> float:
    """What a span of the list lasts in this run."""
    return real_seconds / SPEED * TIME_SCALE


def pause(connection: Connection, real_seconds: float):
    """Silence for so long, or until the run is over."""
    end = time.monotonic() + scaled(real_seconds)
    while time.monotonic() < end and not connection.upstream.stopping:
        threading.Event().wait(0.02)


def tokens(text: str) -> list[bytes]:
    """One event per token."""
    words = text.split(" ")
    return [event({"content": word if i == 0 else " " + word}) for i, word in enumerate(words)]


class Provider:
    """Answers of one provider that names itself `model`."""

    def __init__(self, model: str, accepts_prefill: bool = True):
        self.model = model
        self.accepts_prefill = accepts_prefill
        self.faulty = True          # until the run says otherwise
        self.served = 0             # requests of this run, counted when they come
        self._lock = threading.Lock()

    # --- healthy

    def well(self, connection: Connection, request: Request):
        text = self._continued(request)
        if text is None:
            connection.send(status(400, error_body(
                "This model does not support assistant message prefill.",
                "invalid_request_error")))
        elif request.wants_stream:
            self.stream(connection, request, tokens(text) if text else [])
        else:
            connection.send(plain(completion(text, usage=USAGE, model=self.model)))

    def stream(self, connection: Connection, request: Request, events: list[bytes], done=True):
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        tail = [FINISH, *([usage_event(USAGE)] if asked else []), *([DONE] if done else [])]
        connection.send(SSE_HEAD + b"".join(self._named(e) for e in [ROLE, *events, *tail])
                        + LAST_CHUNK)

    def _named(self, one: bytes) -> bytes:
        return chunk(one.replace(b'"served"', b'"%s"' % self.model.encode()))

    def _continued(self, request: Request) -> str | None:
        """With an assistant prefill that begins the answer: the rest; None: prefill is refused."""
        last = (request.json.get("messages") or [{}])[-1]
        if last.get("role") != "assistant":
            return SIXTY
        if not self.accepts_prefill:
            return None
        begun = last.get("content") or ""
        return SIXTY[len(begun):] if SIXTY.startswith(begun) else SIXTY

    # --- sick

    def until_well(self, fault, times: int | None = None):
        """An answer that is `fault` for the first `times` requests (None: while `faulty`)."""
        def answer(connection, request):
            with self._lock:
                self.served += 1
                sick = self.faulty and (times is None or self.served <= times)
            (fault if sick else self.well)(connection, request)
        return answer

    def dies_in_the_middle(self, connection, request):
        if request.wants_stream:
            connection.send(SSE_HEAD + b"".join(map(self._named, [ROLE, *tokens(SIXTY)[:40]])))
        else:
            whole = plain(completion(SIXTY, usage=USAGE, model=self.model))
            connection.send(whole[:len(whole) * 6 // 10])
        connection.close()

    def goes_silent(self, connection, request):
        if request.wants_stream:
            connection.send(SSE_HEAD + b"".join(map(self._named, [ROLE, *tokens(SIXTY)[:20]])))
        else:
            connection.send(plain(completion(SIXTY)).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        pause(connection, 30)
        connection.close()

    def slow_first_token(self, connection, request):
        if request.wants_stream:
            connection.send(SSE_HEAD)
            pause(connection, 20)
            connection.send(b"".join(map(self._named, [ROLE, *tokens(SIXTY), FINISH, DONE]))
                            + LAST_CHUNK)
        else:
            whole = plain(completion(SIXTY, usage=USAGE, model=self.model))
            head, _, body = whole.partition(b"\r\n\r\n")
            connection.send(head + b"\r\n\r\n")
            pause(connection, 20)
            connection.send(body)

    def invalid_tenth_event(self, connection, request):
        if request.wants_stream:
            events = tokens(SIXTY)
            events.insert(8, b'data: {"id":"chatcmpl-T1","choices":[{"index":0,"delta":{"cont\n\n')
            self.stream(connection, request, events)
        else:
            connection.send(plain(completion(SIXTY)[:-30]))

    def no_done(self, connection, request):
        if request.wants_stream:
            self.stream(connection, request, tokens(SIXTY), done=False)
        else:
            self.well(connection, request)


def says(code: int, body=None, *fields: str):
    """An error answer, whatever is asked."""
    data = status(code, body, *fields)
    return lambda connection, request: connection.send(data)


def hangs(connection: Connection, request: Request):
    pause(connection, 120)


def resets(connection: Connection, request: Request):
    connection.reset()
