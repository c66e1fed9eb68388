"""Whatever upstreams of three APIs do to clients of four, by chance and many at once: no half answer looks whole, no
word is lost or told twice, one end, one error, no key, and what upstreams saw is what was counted."""

import json
import random
import threading
import time
import zlib

import pytest

from harness import (DONE, LAST_CHUNK, MAX_WAIT, ROLE, SSE_HEAD, Client, chat_body, chunk, completion, config,
                     error_body, gzipped, ms, plain, status, stream_events, words)
from natives import (MESSAGE_STOP, anthropic_error, block_start, candidate, gemini_body, google_error, google_event,
                     message, message_body, message_events, message_start, native, text_delta)
from tests.support.daemon import wait_until

TEXT = "The quick brown fox jumps over the lazy dog and runs away."
HALF = "The quick brown fox jumps"
KEYS = ["sk-first-0123456789", "sk-second-0123456789", "sk-third-0123456789"]
NAMES = ("primary", "backup", "third")
CLIENTS, EACH = 6, 20

STREAM = {"chat": b"".join(stream_events(TEXT)), "messages": b"".join(message_events(TEXT)),
          "gemini": google_event(candidate(HALF, finish=None)) + google_event(candidate(TEXT.removeprefix(HALF)))}
PLAIN = {"chat": completion(TEXT), "messages": message(TEXT), "gemini": json.dumps(candidate(TEXT)).encode()}
PIECES = {"chat": [ROLE, *words(HALF)],
          "messages": [message_start(), block_start(), text_delta("The quick"), text_delta(" brown fox jumps")],
          "gemini": [google_event(candidate(piece, finish=None)) for piece in ("The quick", " brown fox jumps")]}
FAILS = {"chat": b'data: {"error":{"message":"m","type":"t","code":"server_error"}}\n\n',
         "messages": b"event: error\ndata: " + anthropic_error("overloaded_error", "m") + b"\n\n",
         "gemini": b"data: " + google_error(503, "UNAVAILABLE", "m") + b"\r\n\r\n"}


# --- upstreams

def bare(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = [(None, bytes)] * 3 + [("gzip", gzipped), ("deflate", zlib.compress), ("deflate", bare)]


def whole(connection, body, kind, rng, codings):
    """The answer, in one of the ways in which it may come."""
    coding, pack = rng.choice(codings)
    body = pack(body)
    answer = plain(body, *([f"Content-Encoding: {coding}"] if coding else []), content_type=kind)
    connection.send(answer[:-len(body)])
    connection.pieces(body, rng.choice([3, 50, len(body)]))


REFUSALS = [status(503), status(500), status(401), status(429, error_body(), "Retry-After: 1"),
            status(302, b"", "Location: http://login.test/"), plain(b"<html></html>", content_type="text/html"), plain(b""),
            plain(error_body("no", code="server_error"))]
ENDS = {"reset": lambda c: c.reset(), "close": lambda c: c.close(), "end": lambda c: c.send(LAST_CHUNK),
        "done": lambda c: c.send(chunk(DONE) + LAST_CHUNK),
        "half": lambda c: (c.send(b'b\r\ndata: {"cho'), c.close())}


def broken(connection, dialect, rng):
    """A stream that ends too soon, somewhere and somehow."""
    pieces = PIECES[dialect]
    connection.send(SSE_HEAD + b"".join(map(chunk, pieces[:rng.randrange(1, len(pieces) + 1)])))
    if rng.random() < 0.7:
        time.sleep(0.03)
    end = rng.choice([*ENDS, "error"])
    if end == "error":
        connection.send(chunk(FAILS[dialect]) + LAST_CHUNK)
    else:
        ENDS[end](connection)


def moody(dialect, rng):
    def answer(connection, request):
        if request.target.endswith("/responses"):
            return connection.send(status(404, error_body("Unknown path")))
        stream = request.wants_stream or "streamGenerate" in request.target
        mood = rng.random()
        if mood < 0.25:
            connection.send(rng.choice(REFUSALS))
        elif mood < 0.5 and stream:
            broken(connection, dialect, rng)
        elif mood < 0.55:
            time.sleep(0.25)  # too late for the close of an idle connection
            connection.reset()
        else:
            time.sleep(rng.choice([0, 0, rng.random() * 0.4]))
            ends_oddly = stream and dialect == "messages" and rng.random() < 0.3
            body = (STREAM if stream else PLAIN)[dialect]
            body = body.removesuffix(MESSAGE_STOP) + rng.choice([b"", DONE]) if ends_oddly else body
            # To one that is passed on compressed nothing can be added.
            whole(connection, body, "text/event-stream" if stream else "application/json", rng,
                  CODINGS[:1] if ends_oddly else CODINGS)
    return answer


# --- clients

def request(api, stream):
    return {"chat": ("/v1/chat/completions", chat_body(stream)), "messages": ("/v1/messages", message_body(stream)),
            "responses": ("/v1/responses", {"model": "m", "input": "Hi", "stream": stream}),
            "gemini": ("/v1beta/models/m:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"),
                       gemini_body())}[api]


def ask_some(daemon, rng, answers):
    for _ in range(EACH):
        api, stream = rng.choice(["chat", "messages", "responses", "gemini"]), rng.random() < 0.75
        path, body = request(api, stream)
        with Client(daemon) as client:
            client.ask(path=path, body=body, version=rng.choice(["HTTP/1.1"] * 5 + ["HTTP/1.0"]))
            if rng.random() < 0.1:
                time.sleep(rng.random() * 0.4)
                client.reset()
            else:
                answers.append((api, stream, client.response(MAX_WAIT * 2)))


def unpack(got):
    """What of the body can be read."""
    coding = got.header("content-encoding")
    if not coding or not got.body:
        return
    unpacker = zlib.decompressobj(31 if coding == "gzip" else 15 if got.body[0] & 15 == 8 else -15)
    got._body = bytearray(unpacker.decompress(got.body))


def plain_text(api, data):
    if api == "chat":
        return data["choices"][0]["message"]["content"]
    if api == "messages":
        return "".join(block.get("text", "") for block in data["content"])
    if api == "responses":
        return "".join(part["text"] for item in data["output"] if item["type"] == "message" for part in item["content"])
    return "".join(part.get("text", "") for part in data["candidates"][0]["content"]["parts"])


def streamed_text(api, data):
    if api == "chat":
        return "".join(choice["delta"].get("content") or "" for choice in data.get("choices", []))
    if api == "messages":
        return data["delta"].get("text", "") if data["type"] == "content_block_delta" else ""
    if api == "responses":
        return data["delta"] if data["type"] == "response.output_text.delta" else ""
    return "".join(part.get("text", "") for one in data.get("candidates", [])
                   for part in one.get("content", {}).get("parts", []))


def check_stream(api, got):
    found = [json.loads(data) for data in got.events if data != "[DONE]"]
    kinds = [data.get("type") for data in found]
    said = "".join(streamed_text(api, data) for data in found)
    errors = kinds.count("error") if api in ("messages", "responses") else sum("error" in data for data in found)
    ends = {"chat": got.events.count("[DONE]"), "messages": kinds.count("message_stop"),
            "responses": kinds.count("response.completed"),
            "gemini": sum("finishReason" in one for data in found for one in data.get("candidates", []))}[api]
    if api == "responses":
        assert [data["sequence_number"] for data in found] == list(range(len(found)))
        assert kinds[-1] == ("response.completed" if ends else "response.failed")
    if got.ended in ("whole", "closed"):
        assert said == TEXT and ends == 1 and errors == 0
    else:
        assert TEXT.startswith(said) and ends == 0 and errors <= 1


def check(api, stream, got):
    unpack(got)
    for key in KEYS:
        assert key.encode() not in got.raw
    if stream and (got.header("content-type") or "").startswith("text/event-stream"):
        return check_stream(api, got)
    assert got.ended in ("whole", "closed")
    if got.status == 200:
        assert plain_text(api, got.json) == TEXT
    else:
        assert got.status >= 400 and "error" in got.json


def some_config(servers, dialects, rng):
    entries = [server.entry(name, continuation="restart") if dialect == "chat"
               else native(server, name, dialect, continuation="restart")
               for name, dialect, server in zip(NAMES, dialects, servers)]
    entries[rng.randrange(len(entries))]["api_key"] = KEYS
    route = {"midstream": rng.choice(["continue", "continue", "error"]), "retries": rng.choice([0, 1]),
             "retry": {"base": ms(10)}}
    if rng.random() < 0.6:
        route["keepalive"] = "1s"
    if rng.random() < 0.6:
        route["hedge"] = {"after": "100ms", "budget": "100%"}
    top = {"breaker": {"failures": 3, "window": "5s", "cooldown": "100ms"}} if rng.random() < 0.5 else {}
    return config(*entries, route=route, workers=2, **top)


@pytest.mark.parametrize("seed", range(6))
def test_no_answer_is_more_or_less_than_it_looks(start, upstream, seed):
    rng = random.Random(seed)
    dialects = [rng.choice(["chat", "messages", "gemini"]) for _ in NAMES]
    servers = [upstream(moody(dialect, random.Random(seed * 10 + i))) for i, dialect in enumerate(dialects)]
    daemon = start(some_config(servers, dialects, rng))
    answers = []
    asking = [threading.Thread(target=ask_some, args=(daemon, random.Random(seed * 100 + i), answers))
              for i in range(CLIENTS)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(MAX_WAIT * 10)
    assert len(answers) > CLIENTS * EACH * 0.7
    for api, stream, got in answers:
        try:
            check(api, stream, got)
        except Exception as error:
            raise AssertionError(f"{api}, {'streamed' if stream else 'plain'}: {got}") from error
    metrics = wait_until(lambda: (lambda m: m if m.value("understudy_inflight_requests") == 0 else None)(
        daemon.metrics()), "the end of every request", MAX_WAIT)
    for name, server in zip(NAMES, servers):
        counted = sum(metrics.value(series, upstream=name) for series in (
            "understudy_attempts_total", "understudy_stale_replays_total"))
        unsent = metrics.value("understudy_attempts_total", upstream=name, reason="unsupported")
        # These may have ended before the upstream had read their request.
        early = sum(metrics.value("understudy_attempts_total", upstream=name, reason=reason)
                    for reason in ("client_closed", "dropped", "connection"))
        assert 0 <= counted - unsent - len(server.requests) <= early, name
