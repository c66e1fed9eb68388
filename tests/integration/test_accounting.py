"""What is counted when (docs/accounting.md): whatever an upstream says of usage, and however its answer ends, the
metrics, the ledger and the cost headers agree to the nano-dollar."""

import base64
import json
import pathlib
import random

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk, close, completion,
                     config, event, get, gzipped, head, metric, plain, silent, sse, status, steps, stream_events,
                     usage_event, wait_until, well, words)
from natives import message_body, message_start, native, text_events

PRICE = {"input": 2, "output": 10, "cache_read": 0.2, "cache_write": 2.5}
RATES = (2000, 200, 2500, 10000, 10000)  # nano-dollars a token
TYPES = ("input", "cache_read", "cache_write", "output", "reasoning")
USAGE = {"prompt_tokens": 1420, "completion_tokens": 212, "total_tokens": 1632,
         "prompt_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 256},
         "completion_tokens_details": {"reasoning_tokens": 192}}
COUNTS = (140, 1024, 256, 20, 192)
OTHER = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


def nano(counts) -> int:
    return sum(count * rate for count, rate in zip(counts, RATES))


class Books:
    """A daemon with a ledger, and what its books say."""

    def __init__(self, start, path: pathlib.Path, *entries, **top):
        for entry in entries:
            entry.setdefault("price", PRICE)
        self.daemon = start(config(*entries, ledger=str(path), **top))

    def attempts(self, requests: int = 1) -> list[dict]:
        """Of all requests, oldest first, once everything is written; all books have been compared."""
        wait_until(lambda: metric(self.daemon, "understudy_ledger_rows_total", result="written") >= requests
                   + metric(self.daemon, "understudy_attempts_total"), "the rows")
        listed = json.loads(get(self.daemon, "/api/requests?limit=1000").body)["requests"]
        assert len(listed) == requests
        stories = [json.loads(get(self.daemon, "/api/requests/" + request["id"]).body) for request in listed[::-1]]
        attempts = [attempt for story in stories for attempt in story["story"]]
        self.compare(stories, attempts)
        return attempts

    def compare(self, stories, attempts):
        said = [sum(said_of(attempt)[i] for attempt in attempts) for i in range(5)]
        guessed = [sum(attempt["estimated_prompt_tokens"] for attempt in attempts), 0, 0,
                   sum(attempt["estimated_completion_tokens"] for attempt in attempts), 0]
        metrics = self.daemon.metrics()
        for source, counts, cost in (("reported", said, "cost_usd"), ("estimated", guessed, "estimated_cost_usd")):
            for kind, count in zip(TYPES, counts):
                assert metrics.value("understudy_tokens_total", type=kind, source=source) == count, (kind, source)
            total = sum(attempt[cost] for attempt in attempts)
            assert metrics.value("understudy_cost_usd_total", source=source) == pytest.approx(total, abs=5e-10)
        missing = sum(attempt["usage"] == "missing" for attempt in attempts)
        assert metrics.value("understudy_usage_missing_total") == missing
        for story in stories:
            cost = sum(attempt["cost_usd"] + attempt["estimated_cost_usd"] for attempt in story["story"])
            assert story["cost_usd"] == pytest.approx(cost, abs=5e-10)
            assert story["prompt_tokens"] == sum(
                attempt["prompt_tokens"] + attempt["estimated_prompt_tokens"] for attempt in story["story"])


def said_of(attempt) -> tuple:
    read, written, thought = (attempt[name] for name in ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"))
    return (attempt["prompt_tokens"] - read - written, read, written, attempt["completion_tokens"] - thought, thought)


def guessed_of(attempt) -> tuple:
    return attempt["estimated_prompt_tokens"], attempt["estimated_completion_tokens"]


def nano_of(usd) -> int:
    return round(float(usd) * 1e9)


@pytest.fixture
def books(start, tmp_path):
    return lambda *entries, **top: Books(start, tmp_path / "ledger.db", *entries, **top)


def leave(daemon, until: bytes, path="/v1/chat/completions", body=None):
    with Client(daemon) as client:
        client.ask(path=path, body=body or chat_body(stream=True))
        client.body(client.head(), until=lambda answer: until in answer.body)


def test_a_plain_answer_is_booked_alike_everywhere(books, upstream):
    it = books(upstream(well(usage=USAGE)).entry("primary"))
    answer = chat(it.daemon)
    (attempt,) = it.attempts()
    assert said_of(attempt) == COUNTS and attempt["usage"] == "reported"
    assert nano_of(attempt["cost_usd"]) == nano(COUNTS)
    for name in ("x-understudy-cost-usd", "x-litellm-response-cost"):
        assert nano_of(answer.header(name)) == nano(COUNTS)


def large(size=200_000, **more) -> bytes:
    """An answer larger than what is held in these tests, with a "usage" in its text and one inside."""
    rest = {"metadata": {"usage": {"prompt_tokens": 7, "completion_tokens": 7}}, **more}
    text = '{"usage":{"prompt_tokens":9}}' + "".join(random.Random(1).choices("abcdefgh ", k=size))
    return completion(text, usage=None, **rest)


HELD = {"limits": {"buffer_response": "64KiB"}}


def answers(upstream, body: bytes, coded: bool, **more):
    """An entry that always says this, and the bytes that it sends. What is compressed cannot be searched for a
    key, so that the client's own is used."""
    sent = gzipped(body) if coded else body
    return upstream(plain(sent, *(["Content-Encoding: gzip"] if coded else []), **more)).entry(
        "primary", api_key=None), sent


@pytest.mark.parametrize("front", [False, True], ids=["behind", "in front"])
@pytest.mark.parametrize("coded", [False, True], ids=["plain", "gzip"])
def test_an_answer_too_large_to_be_held_tells_its_usage_in_passing(books, upstream, front, coded):
    body = large()
    usage = b'"usage":' + json.dumps(USAGE).encode()
    body = b"{" + usage + b"," + body[1:] if front else body[:-1] + b"," + usage + b"}"
    entry, sent = answers(upstream, body, coded)
    it = books(entry, **HELD)
    answer = ask(it.daemon, body=chat_body(), headers={"accept-encoding": "gzip"})
    assert answer.body == sent
    (attempt,) = it.attempts()
    assert said_of(attempt) == COUNTS and attempt["answered_model"] == "served"


def test_a_nested_usage_is_none(books, upstream):
    it = books(upstream(plain(large())).entry("primary"), **HELD)
    assert chat(it.daemon).status == 200
    (attempt,) = it.attempts()
    assert attempt["usage"] == "missing" and said_of(attempt) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("coded", [False, True], ids=["plain", "gzip"])
def test_usage_behind_an_event_too_large_to_be_held_is_read(books, upstream, coded):
    huge = event({"content": "".join(random.Random(2).choices("abcdefgh ", k=1_500_000))})
    body = b"".join([ROLE, *words("One two"), huge, FINISH, usage_event(USAGE), DONE])
    entry, sent = answers(upstream, body, coded, content_type="text/event-stream")
    it = books(entry, **HELD)
    answer = ask(it.daemon, body=chat_body(stream=True, stream_options={"include_usage": True}))
    assert answer.body == sent
    (attempt,) = it.attempts()
    assert said_of(attempt) == COUNTS


def test_nothing_counts_behind_the_end_marker(books, upstream):
    events = [ROLE, *words("One two"), FINISH]
    it = books(upstream(steps(SSE_HEAD + b"".join(map(chunk, [*events, DONE, usage_event(USAGE)])) + LAST_CHUNK))
               .entry("primary"))
    answer = chat(it.daemon, stream=True)
    assert answer.finished and b"usage" not in answer.body
    (attempt,) = it.attempts()
    assert attempt["usage"] == "missing"


def continuous(text: str) -> list[bytes]:
    return [event({"content": word}, usage={"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41})
            for word in text.split()]


def test_usage_that_came_before_a_client_left_is_reported_and_the_rest_estimated(books, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, continuous("one two three"))), silent))
    it = books(primary.entry("primary"))
    leave(it.daemon, b"three")
    (attempt,) = it.attempts()
    assert (attempt["verdict"], attempt["usage"]) == ("client_closed", "both")
    assert said_of(attempt) == (40, 0, 0, 1, 0) and guessed_of(attempt) == (0, 2)
    assert nano_of(attempt["cost_usd"]) == nano((40, 0, 0, 1, 0))
    assert nano_of(attempt["estimated_cost_usd"]) == nano((0, 0, 0, 2, 0))


def test_a_message_that_breaks_has_the_prompt_of_its_start(books, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, [message_start(), *text_events("a b c d e")])), close))
    it = books(native(primary, "primary", "messages"))
    answer = ask(it.daemon, path="/v1/messages", body=message_body(True))
    assert answer.ended != "whole"
    (attempt,) = it.attempts()
    assert said_of(attempt) == (14, 5, 3, 2, 0) and guessed_of(attempt) == (0, 3) and attempt["usage"] == "both"


def test_a_screenshot_is_no_text(books, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, words("one two"))), silent))
    it = books(primary.entry("primary"))
    picture = base64.b64encode(random.Random(3).randbytes(750_000)).decode()
    content = [{"type": "text", "text": "What is this, please?"},
               {"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}}]
    leave(it.daemon, b"two", body=chat_body(stream=True, content=content))
    (attempt,) = it.attempts()
    assert guessed_of(attempt) == (6, 2) and attempt["usage"] == "estimated"


def test_an_impossible_block_is_missing(books, upstream):
    it = books(upstream(well(usage={**OTHER, "completion_tokens": -5, "cost": 1})).entry("primary"))
    answer = chat(it.daemon)
    assert answer.header("x-understudy-cost-usd") is None
    (attempt,) = it.attempts()
    assert attempt["usage"] == "missing" and said_of(attempt) == (0, 0, 0, 0, 0)


def failed(usage=OTHER) -> bytes:
    return status(500, {"error": {"message": "It broke at the end.", "type": "server_error"}, "usage": usage})


def test_the_cost_of_a_request_is_that_of_all_its_attempts(books, upstream):
    it = books(upstream(failed()).entry("primary"), upstream(well(usage=USAGE)).entry("backup"))
    answer = chat(it.daemon)
    first, second = it.attempts()
    assert said_of(first) == (12, 0, 0, 5, 0) and said_of(second) == COUNTS
    assert nano_of(answer.header("x-understudy-cost-usd")) == nano((12, 0, 0, 5, 0)) + nano(COUNTS)


def test_an_error_that_cost_something_says_so(books, upstream):
    it = books(upstream(failed()).entry("primary"), upstream(failed(USAGE)).entry("backup"))
    answer = chat(it.daemon)
    assert answer.status == 500
    it.attempts()
    assert nano_of(answer.header("x-litellm-response-cost")) == nano((12, 0, 0, 5, 0)) + nano(COUNTS)


def test_the_loser_of_a_hedge_is_in_the_cost_of_the_request(books, upstream):
    it = books(upstream(silent).entry("primary"), upstream(well(usage=USAGE)).entry("backup"),
               route={"hedge": {"after": "100ms", "budget": "100%"}, "retries": 0})
    answer = chat(it.daemon)
    lost, won = it.attempts()
    assert (lost["verdict"], lost["usage"]) == ("dropped", "estimated") and guessed_of(lost)[0] > 0
    assert nano_of(answer.header("x-understudy-cost-usd")) == (
        nano_of(lost["estimated_cost_usd"]) + nano_of(won["cost_usd"])) > nano(COUNTS)


def test_a_rescued_stream_is_two_bills(books, upstream):
    broken = upstream(steps(SSE_HEAD + b"".join(map(chunk, [ROLE, *words("One two three ")])), close))

    def goes_on(connection, request):
        connection.send(sse(stream_events("four five.", OTHER)))
    it = books(broken.entry("primary"), upstream(goes_on).entry("backup", continuation="prefill"),
               route={"midstream": "continue", "retries": 0})
    answer = chat(it.daemon, stream=True)
    assert answer.finished and answer.header("x-understudy-cost-usd") is None
    first, second = it.attempts()
    assert first["usage"] == "estimated" and guessed_of(first)[1] > 0
    assert second["usage"] == "reported" and said_of(second) == (12, 0, 0, 5, 0)


def form(**fields: str) -> tuple[bytes, str]:
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                    for name, value in fields.items())
    sound = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    return (parts + sound).encode(), "multipart/form-data; boundary=b"


SOUND = {"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
         "output_tokens": 45, "total_tokens": 59}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_transcription_is_read(books, upstream, stream):
    said = [{"type": "transcript.text.delta", "delta": "Hello."},
            {"type": "transcript.text.done", "text": "Hello.", "usage": SOUND}]
    events = sse([b"data: " + json.dumps(each).encode() + b"\n\n" for each in said])
    it = books(upstream(events if stream else plain({"text": "Hello.", "usage": SOUND})).entry("primary"))
    body, kind = form(model="m", **({"stream": "true"} if stream else {}))
    answer = ask(it.daemon, path="/v1/audio/transcriptions", body=body, headers={"content-type": kind})
    assert answer.status == 200 and b"Hello." in answer.body
    (attempt,) = it.attempts()
    assert said_of(attempt) == (14, 0, 0, 45, 0)


def test_reasoning_stands_beside_the_completion_at_perplexity(books, upstream):
    usage = {"prompt_tokens": 33, "completion_tokens": 10, "total_tokens": 43, "reasoning_tokens": 500,
             "cost": {"total_cost": 0.25}}
    it = books(upstream(well(usage=usage)).entry("primary", provider="perplexity"))
    answer = chat(it.daemon)
    (attempt,) = it.attempts()
    assert said_of(attempt) == (33, 0, 0, 10, 500)
    assert nano_of(answer.header("x-understudy-cost-usd")) == nano_of(attempt["cost_usd"]) == 250_000_000
