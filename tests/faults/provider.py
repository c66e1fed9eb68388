"""The fake provider of the sixteen faults: healthy, it gives the same sixty words; sick, it does what
one row of the list says. It speaks any of the APIs (speech.py). Times are divided by `SPEED` so that
a run takes seconds."""

from __future__ import annotations

import os
import threading
import time

from harness import LAST_CHUNK, TIME_SCALE, Connection, Request, chunk, plain, status
from speech import BROKEN, FILTERED, PREFILL, SPEECHES, TOO_LONG

SPEED = float(os.environ.get("FAULTS_SPEED", "10"))

SIXTY = ("A quiet harbour keeps twelve boats and one long pier where the baker walks each morning "
         "before the bells begin and counts the gulls along the rail because her father did "
         "so and taught that a number written down every day for many years becomes a story "
         "which nobody could have told on any single one of those days alone")
assert len(SIXTY.split()) == 60
COUNTS = (20, 60)  # tokens of the prompt and of the answer
USAGE = {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80}


def scaled(real_seconds: float) -> float:
    """What a span of the list lasts in this run."""
    return real_seconds / SPEED * TIME_SCALE


def pause(connection: Connection, real_seconds: float):
    """Silence for so long, or until the run is over."""
    end = time.monotonic() + scaled(real_seconds)
    while time.monotonic() < end and not connection.upstream.stopping:
        threading.Event().wait(0.02)


def counts_of(text: str) -> tuple[int, int]:
    """One token for each word that is told; those that were given are part of the prompt."""
    told = len(text.split())
    return sum(COUNTS) - told, told


class Provider:
    """Answers of one provider that names itself `model` and speaks `dialect`."""

    def __init__(self, model: str, accepts_prefill: bool = True, dialect: str = "chat"):
        self.model = model
        self.accepts_prefill = accepts_prefill
        self.speech = SPEECHES[dialect]
        self.faulty = True          # until the run says otherwise
        self.served = 0             # requests of this run, counted when they come
        self._lock = threading.Lock()

    # --- healthy

    def well(self, connection: Connection, request: Request):
        text = self._continued(request)
        if text is None:
            connection.send(status(400, self.speech.error(PREFILL), *self.speech.fields(PREFILL, 400)))
        elif self.speech.streamed(request):
            self.stream(connection, request, text, counts_of(text))
        else:
            connection.send(plain(self._whole(text)))

    def stream(self, connection: Connection, request: Request, text=SIXTY, counts=COUNTS, end=True,
               insert: tuple[int, bytes] | None = None):
        events = [*self.speech.start(self.model), *self.speech.pieces(text, self.model),
                  *self.speech.finish(request, text, self.model, counts),
                  *(self.speech.end(text, self.model, counts) if end else [])]
        if insert:
            events.insert(*insert)
        connection.send(self.speech.head + b"".join(map(chunk, events)) + LAST_CHUNK)

    def _whole(self, text=SIXTY) -> bytes:
        return self.speech.whole(text, self.model, COUNTS)

    def _begin(self, words: int) -> bytes:
        """A stream up to this word."""
        events = self.speech.start(self.model) + self.speech.pieces(SIXTY, self.model)[:words]
        return self.speech.head + b"".join(map(chunk, events))

    def _continued(self, request: Request) -> str | None:
        """With an assistant prefill that begins the answer: the rest; None: prefill is refused."""
        begun = self.speech.begun(request)
        if begun is None:
            return SIXTY
        if not self.accepts_prefill:
            return None
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

    def says(self, code: int, *fields: str, kind: str = BROKEN):
        """An error answer, whatever is asked."""
        data = status(code, self.speech.error(kind, code), *self.speech.fields(kind, code), *fields)
        return lambda connection, request: connection.send(data)

    def says_too_long(self):
        return self.says(400, kind=TOO_LONG)

    def says_filtered(self):
        return self.says(400, kind=FILTERED)

    def dies_in_the_middle(self, connection, request):
        if self.speech.streamed(request):
            connection.send(self._begin(40))
        else:
            whole = plain(self._whole())
            connection.send(whole[:len(whole) * 6 // 10])
        connection.close()

    def goes_silent(self, connection, request):
        if self.speech.streamed(request):
            connection.send(self._begin(20))
        else:
            connection.send(plain(self._whole()).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        pause(connection, 30)
        connection.close()

    def slow_first_token(self, connection, request):
        if self.speech.streamed(request):
            connection.send(self.speech.head)
            pause(connection, 20)
            connection.send(self._begin(60)[len(self.speech.head):])
            rest = [*self.speech.finish(request, SIXTY, self.model, COUNTS),
                    *self.speech.end(SIXTY, self.model, COUNTS)]
            connection.send(b"".join(map(chunk, rest)) + LAST_CHUNK)
        else:
            head, _, body = plain(self._whole()).partition(b"\r\n\r\n")
            connection.send(head + b"\r\n\r\n")
            pause(connection, 20)
            connection.send(body)

    def invalid_tenth_event(self, connection, request):
        if self.speech.streamed(request):
            self.stream(connection, request, insert=(9, self.speech.broken_event()))
        else:
            connection.send(plain(self._whole()[:-30]))

    def no_done(self, connection, request):
        if self.speech.streamed(request):
            self.stream(connection, request, end=False)
        else:
            self.well(connection, request)


def hangs(connection: Connection, request: Request):
    pause(connection, 120)


def resets(connection: Connection, request: Request):
    connection.reset()
