"""What can become of a request at an upstream, one function each, with the reasons that the daemon may
give for it. A fate scripts the exchange with the methods of the connection."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable

from tests.soak import canon
from tests.soak.canon import completion, continuation, text_of, usage_of, usage_so_far

FATES: list[tuple[str, float, frozenset[str], Callable]] = []


def fate(weight: float, *reasons: str):
    def register(function):
        FATES.append((function.__name__, weight, frozenset(reasons), function))
        return function
    return register


def choose(rng) -> tuple[str, frozenset[str], Callable]:
    """For a request whose head has come."""
    [(name, _, reasons, function)] = rng.choices(FATES, [weight for _, weight, _, _ in FATES])
    return name, reasons, function


# ---------------------------------------------------------------- bytes

def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def whole(body: bytes, *fields: str, status="200 OK", kind="application/json") -> bytes:
    return head(status, f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields) + body


def error(message: str, kind="server_error", code=None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(c, delta=None, finish=None, **more) -> bytes:
    return canon.event(c.delivery.upstream, c.delivery.model, delta, finish, **more)


SSE = head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
DONE = b"data: [DONE]\n\n"
COMMENT = b": working\n\n"


class Misled(Exception):
    """We are asked to go on with words that nobody has said."""


class Answer:
    """The one right answer to this request, in pieces; or the rest of the one that it wants gone on
    with."""

    def __init__(self, c, with_usage=True, counts=False):
        d = c.delivery
        self.text = text_of(d.rid, d.upstream, d.model)
        if d.asked:
            _, rest = continuation(c.body, d.rid)
            if rest is None:
                raise Misled(d, c.body["messages"][-2:])
            self.text = rest
        self.usage = usage_of(d.rid, d.upstream, d.model) if with_usage else None
        self.body = completion(self.text, d.upstream, d.model, self.usage)
        self.role = event(c, {"role": "assistant", "content": ""})
        pieces = canon.pieces_of(self.text, c.rng.choice((1, 3, 10, 40)))
        d.counts = counts
        self.words = [event(c, {"content": piece}, **(
            {"usage": usage_so_far(d.rid, d.upstream, d.model, number)} if counts else {}))
                      for number, piece in enumerate(pieces, 1)]
        d.pieces = tuple(len(piece.encode()) for piece in pieces)
        d.in_json = len(json.dumps(self.text)) - 2
        self.finish = event(c, {}, "stop")
        self.tail = ([event(c, usage=self.usage)] if self.usage else []) + [DONE]

    @property
    def events(self) -> list[bytes]:
        return [self.role, *self.words, self.finish, *self.tail]


async def pause(c, most: float):
    if c.rng.random() < 0.5:
        await asyncio.sleep(c.rng.random() * most)


# ---------------------------------------------------------------- well

async def plain(c, answer: Answer):
    body, how = answer.body, c.rng.random()
    await pause(c, 0.2)
    if c.accepts_gzip and c.rng.random() < 0.5:
        packed = zlib.compressobj(wbits=31)
        body = packed.compress(body) + packed.flush()
        fields = ["Content-Encoding: gzip"]
    else:
        fields = []
    if how < 0.6:
        data = whole(body, *fields)
        if len(data) > 4096 and c.rng.random() < 0.5:
            cut = c.rng.randrange(len(data))
            await c.send(data[:cut])
            await pause(c, 0.1)
            data = data[cut:]
        await c.send(data)
    elif how < 0.9:
        await c.send(head("200 OK", "Content-Type: application/json", *fields,
                          "Transfer-Encoding: chunked"))
        size = max(1, len(body) // c.rng.choice((1, 2, 7)))
        for at in range(0, len(body), size):
            await c.send(chunk(body[at:at + size]))
            await pause(c, 0.01)
        await c.send(b"0\r\n\r\n")
    else:
        await c.send(head("200 OK", "Content-Type: application/json", *fields, "Connection: close")
                     + body)
        c.close()


async def streamed(c, answer: Answer, slow=0.01):
    await pause(c, 0.2)
    if c.accepts_gzip and c.rng.random() < 0.5:
        await gzipped_stream(c, answer)
        return
    await c.send(SSE + chunk(answer.role))
    at_once = c.rng.random() < 0.3
    for item in answer.events[1:]:
        if c.rng.random() < 0.05:
            await c.send(chunk(COMMENT))
        await c.send(chunk(item))
        if not at_once:
            await pause(c, slow)
    await c.send(b"0\r\n\r\n")


async def gzipped_stream(c, answer: Answer):
    packed = zlib.compressobj(wbits=31)
    await c.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                      "Transfer-Encoding: chunked"))
    for item in answer.events:
        c.delivery.words += item in answer.words
        data = packed.compress(item) + packed.flush(zlib.Z_SYNC_FLUSH)
        await c.send(chunk(data))
        await pause(c, 0.01)
    await c.send(chunk(packed.flush()) + b"0\r\n\r\n")


async def answer_well(c, with_usage: bool):
    answer = Answer(c, with_usage)
    await (streamed if c.stream else plain)(c, answer)
    c.delivery.usage = answer.usage


@fate(90, "ok")
async def well(c):
    await answer_well(c, True)


@fate(4, "ok")
async def without_usage(c):
    await answer_well(c, False)


@fate(2, "ok")
async def slow_drip(c):
    answer = Answer(c)
    if c.stream:
        await streamed(c, answer, slow=0.05)
    else:
        data = whole(answer.body)
        await c.send(data[:40])
        for at in range(40, 60):
            await asyncio.sleep(0.02)
            await c.send(data[at:at + 1])
        await c.send(data[60:])
    c.delivery.usage = answer.usage


@fate(1, "ok")
async def no_end_behind_the_finish(c):
    """All is said; the end of the stream never comes, or comes as the connection's end."""
    answer = Answer(c)
    if not c.stream:
        await answer_well(c, True)
        return
    await c.send(SSE + b"".join(map(chunk, answer.events[:-1])))
    c.delivery.usage = answer.usage
    if c.rng.random() < 0.5:
        c.close()
    else:
        await c.hold()


# ---------------------------------------------------------------- statuses

def status(weight, code, *reasons, name=None, fields=(), body=None):
    async def script(c):
        await pause(c, 0.1)
        data = error(f"status {code}") if body is None else body
        await c.send(whole(data, *fields, status=f"{code} Status"))
    script.__name__ = name or f"status_{code}"
    fate(weight, *reasons)(script)


status(4, 429, "rate_limit")
status(2, 429, "rate_limit", name="rate_limit_short", fields=("retry-after-ms: 50",))
status(1, 429, "rate_limit", name="rate_limit_long", fields=("retry-after: 1",))
status(0.1, 429, "rate_limit", name="rate_limit_for_ever", fields=("retry-after: 10",))
status(3, 500, "server_error")
status(3, 503, "server_error")
status(1, 529, "server_error", body=error("overloaded", "overloaded_error"))
status(1, 504, "timeout")
status(0.4, 402, "quota")
status(1, 400, "bad_request", body=error("no such parameter", "invalid_request_error"))
status(0.4, 401, "auth", body=error("no such key", "authentication_error"))


@fate(1, "server_error")
async def cut_error(c):
    """The status counts, whatever becomes of its explanation."""
    data = whole(error("a long story " * 50), status="500 Status")
    await c.send(data[:c.rng.randint(200, len(data) - 1)])
    c.end(c.rng)


# ---------------------------------------------------------------- the connection ends

@fate(4, "connection")
async def ends_unanswered(c):
    await asyncio.sleep(c.rng.choice((0, 0.002, 0.01, 0.03, 0.1, 0.25, 0.5)))
    c.end(c.rng)


@fate(3, "ok")
async def counts_as_it_goes(c):
    if not c.stream:
        await answer_well(c, True)
        return
    answer = Answer(c, counts=True)
    await streamed(c, answer)
    c.delivery.usage = answer.usage


@fate(3, "malformed")
async def counts_and_breaks(c):
    answer = Answer(c, counts=c.stream)
    if c.stream:
        await c.send(SSE + chunk(answer.role))
        for item in answer.words[:c.rng.randint(0, len(answer.words))]:
            await c.send(chunk(item))
            await pause(c, 0.01)
    else:
        data = whole(answer.body)
        await c.send(data[:c.rng.randint(data.index(b"\r\n\r\n") + 4, len(data) - 1)])
    c.end(c.rng)


@fate(3, "ok")
async def slow_to_begin(c):
    """Well, but slow enough to get another one beside it where the route hedges."""
    await asyncio.sleep(c.rng.uniform(0.2, 0.9))
    await answer_well(c, True)


PREFILL_REFUSED = 0.1       # of requests that begin the answer


async def refuses_prefill(c):
    await c.send(whole(error("This model does not support assistant message prefill.",
                             "invalid_request_error"), status="400 Bad Request"))


LARGE_REQUEST = 50_000


async def crossed(c):
    """Our end was sent before the request had come: nothing is to be said."""
    await c.hold()


@fate(2, "connection")
async def ends_in_the_head(c):
    await pause(c, 0.1)
    await c.send(b"HTTP/1.1 200 OK\r\nContent-Type: app")
    await pause(c, 0.1)
    c.end(c.rng)


@fate(12, "malformed")
async def ends_in_the_body(c):
    answer = Answer(c)
    if c.stream:
        events = answer.events[:c.rng.randint(0, len(answer.words))]
        await c.send(SSE + b"".join(map(chunk, events)))
    else:
        data = whole(answer.body)
        await c.send(data[:c.rng.randint(data.index(b"\r\n\r\n") + 4, len(data) - 1)])
    await pause(c, 0.1)
    c.end(c.rng)


@fate(3, "malformed")
async def clean_end_without_a_finish(c):
    answer = Answer(c)
    if c.stream:
        events = [*answer.events[:1 + c.rng.randint(0, len(answer.words))], *(
            [DONE] if c.rng.random() < 0.5 else [])]
        await c.send(SSE + b"".join(map(chunk, events)) + b"0\r\n\r\n")
    else:
        body = answer.body[:c.rng.randint(1, len(answer.body) - 1)]
        await c.send(whole(body))


# ---------------------------------------------------------------- silence

@fate(1, "timeout")
async def silent(c):
    await c.hold()


@fate(1, "timeout")
async def silent_behind_the_head(c):
    await c.send(SSE + chunk(event(c, {"role": "assistant", "content": ""}))
                 if c.stream else head("200 OK", "Content-Type: application/json",
                                       "Content-Length: 1000"))
    await c.hold()


@fate(3, "timeout")
async def silent_in_the_body(c):
    answer = Answer(c)
    if c.stream:
        events = answer.events[:1 + c.rng.randint(0, len(answer.words))]
        await c.send(SSE + b"".join(map(chunk, events)))
    else:
        data = whole(answer.body)
        await c.send(data[:c.rng.randint(data.index(b"\r\n\r\n") + 5, len(data) - 1)])
    await c.hold()


# ---------------------------------------------------------------- nonsense

@fate(1, "malformed")
async def html(c):
    await c.send(whole(b"<!DOCTYPE html><html><body>Welcome to the portal</body></html>",
                       kind="text/html"))


@fate(1, "malformed")
async def broken_json(c):
    answer = Answer(c)
    if c.stream:
        await c.send(SSE + chunk(b"data: {\"choices\": [\n\n") + b"0\r\n\r\n")
    else:  # small enough to be held: of a larger answer only beginning and end are judged
        body = completion(answer.text[:1000], c.delivery.upstream, c.delivery.model, answer.usage)
        await c.send(whole(body.replace(b'"choices":', b'"choices"', 1)))


@fate(1, "malformed")
async def empty(c):
    await c.send(whole(b""))


@fate(1, "malformed")
async def nothing_to_choose(c):
    """No choices, but usage: that much was billed."""
    d = c.delivery
    if c.stream:
        await c.send(whole(b"[]"))
        return
    usage = usage_of(d.rid, d.upstream, d.model)
    await c.send(whole(completion("", d.upstream, d.model, usage, choices=False)))
    d.usage = usage


@fate(2, "malformed")
async def error_in_200(c):
    if c.stream:
        await c.send(SSE + chunk(b"data: " + error("busy", "overloaded_error") + b"\n\n")
                     + b"0\r\n\r\n")
    else:
        await c.send(whole(error("busy", "overloaded_error", 503)))


@fate(4, "malformed")
async def error_in_the_stream(c):
    answer = Answer(c)
    if not c.stream:
        await c.send(whole(error("too late")))
        return
    await c.send(SSE + b"".join(map(chunk, answer.events[:1 + len(answer.words) // 2])))
    await pause(c, 0.05)
    await c.send(chunk(b"data: " + error("it broke") + b"\n\n"))
    await pause(c, 0.05)
    c.end(c.rng)


@fate(1, "malformed")
async def no_http(c):
    await c.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n")
    c.end(c.rng)
