"""What bug reports of proxies and clients told, over real sockets: nothing is committed without a
token, timers wait for what they name, and what we asked for does not show."""

import gzip
import json
import threading
import time

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, Client, as_bytes, chat, chat_body,
                     chunk, completion, config, event, expect_metrics, head, metric, ms, plain,
                     plain_and_streamed, seconds, status, steps, timeouts, well)
from tests.support.daemon import wait_until
from timing import TIME_SCALE

BIG = 5 * 1024 * 1024


def until_left(connection, request=None):
    """Keeps the connection open, saying nothing."""
    connection.wait(threading.Event())


def endless(piece: bytes):
    """SSE of one repeated piece, a little more than may be held, and then silence."""
    return steps(SSE_HEAD, chunk(piece * (BIG // len(piece))), until_left)


NO_TOKENS = [
    ("comments", endless(b": keep-alive, please wait\n\n")),
    ("pings", endless(b"event: ping\ndata: {\"type\":\"ping\"}\n\n")),
    ("roles", endless(ROLE)),
    ("empty deltas", endless(event({}))),
    ("a call's empty arguments", endless(event({"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}))),
    ("one line without an end", steps(SSE_HEAD, chunk(b"data: " + b"x" * BIG), until_left)),
    ("a page", plain(b"<html>" + b"x" * BIG, content_type="text/html")),
    ("a page called JSON", plain(b"<html>" + b"x" * BIG)),
    ("an unknown coding", plain(completion(), "Content-Encoding: br")),
    ("a body labelled gzip that is none", plain(completion(), "Content-Encoding: gzip")),
    ("a gzip body that is cut", plain(gzip.compress(completion("x" * 3000))[:-9], "Content-Encoding: gzip")),
]


@pytest.mark.parametrize("answer", [a for _, a in NO_TOKENS], ids=[name for name, _ in NO_TOKENS])
@plain_and_streamed
def test_nothing_is_committed_without_a_token_while_another_is_well(start, upstream, answer, stream):
    primary, backup = upstream(answer), upstream()
    daemon = start(config(primary, backup))
    began = time.monotonic()
    got = chat(daemon, stream=stream)
    assert got.status == 200 and got.text == "It works." and got.ended == "whole"
    assert got.header("x-understudy-upstream") == "backup"
    assert time.monotonic() - began < seconds(6)
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary", "reason": "malformed"}))


def slow_body(pause_for):
    body = completion()
    whole = head("200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return steps(whole, lambda c, r=None: time.sleep(pause_for), body)


def test_idle_begins_with_the_first_byte_of_a_plain_answer(start, upstream):
    primary = upstream(slow_body(1.2))
    limits = timeouts(idle=400, response=6000)
    daemon = start(config(primary.entry("primary", timeouts=limits)))
    assert chat(daemon).status == 200
    half = completion()
    primary.answer = steps(head("200 OK", "Content-Type: application/json",
                                f"Content-Length: {len(half)}") + half[:9], until_left)
    began = time.monotonic()
    got = chat(daemon)
    assert got.status == 504 and seconds(0.3) < time.monotonic() - began < seconds(4)


@pytest.mark.parametrize("noise", [
    b": keep-alive\n\n", b"event: ping\ndata: {}\n\n", b'data: {"type":"keepalive"}\n\n',
    event({}), ROLE, event({"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}),
    event({"reasoning_details": [{"type": "reasoning.text", "text": "", "format": "f", "index": 0}]})],
    ids=["comment", "ping", "keepalive object", "empty delta", "role", "empty arguments", "empty details"])
def test_noise_behind_the_first_token_keeps_no_stream_alive(start, upstream, noise):
    def drone(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE + event({"content": "x"})))
        for _ in range(400):
            connection.send(chunk(noise))
            time.sleep(0.05)
    primary = upstream(drone)
    daemon = start(config(primary.entry("primary", timeouts=timeouts(idle=600))))
    began = time.monotonic()
    got = chat(daemon, stream=True)
    assert time.monotonic() - began < seconds(4)
    assert got.text == "x" and got.ended != "whole" and got.stream_error["code"] == "stream_interrupted"


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("choices", [[], None], ids=["empty", "null"])
def test_usage_that_we_asked_for_is_counted_and_does_not_show(start, upstream, asked, choices):
    last = {"id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": USAGE}
    raw = b"data: " + json.dumps(last).encode() + b"\n\n"
    script = steps(SSE_HEAD, chunk(ROLE + event({"content": "x"}) + FINISH + raw + DONE), LAST_CHUNK)
    daemon = start(config(upstream(script)))
    got = chat(daemon, stream=True, **({"stream_options": {"include_usage": True}} if asked else {}))
    assert got.text == "x" and got.finished
    assert (b'"usage"' in got.raw) == asked
    expect_metrics(daemon, (7, "understudy_tokens_total", {"type": "input"}),
                   (2, "understudy_tokens_total", {"type": "output"}))


def test_what_rides_on_the_usage_event_stays(start, upstream):
    last = {"choices": [], "usage": USAGE, "timings": {"predicted_per_second": 41.5}}
    raw = b"data: " + json.dumps(last).encode() + b"\n\n"
    script = steps(SSE_HEAD, chunk(ROLE + event({"content": "x"}) + FINISH + raw + DONE), LAST_CHUNK)
    got = chat(start(config(upstream(script))), stream=True)
    assert got.finished and b'"timings": {"predicted_per_second": 41.5}' in got.raw
    assert b'"usage"' not in got.raw


def test_usage_long_behind_the_finish_still_arrives(start, upstream):
    last = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
    script = steps(SSE_HEAD, chunk(ROLE + event({"content": "x"}) + FINISH),
                   lambda c, r=None: time.sleep(3.5), chunk(last + DONE), LAST_CHUNK)
    got = chat(start(config(upstream(script))), stream=True, stream_options={"include_usage": True})
    assert got.finished and b'"usage"' in got.raw and got.events[-1] == "[DONE]"


def test_inflated_bytes_count_and_nobody_waits_for_them(start, upstream):
    """Thirty small bodies that decode to sixty megabytes each, in front of a small limit."""
    bomb = gzip.compress(ROLE + b": " + b"\0" * 60_000_000 + b"\n\n", 9)
    primary = upstream(plain(bomb, "Content-Encoding: gzip", content_type="text/event-stream"))
    daemon = start(config(primary, limits={"memory": "32MiB", "body": "1MiB"}))
    before = daemon.resident_bytes()
    clients = [Client(daemon) for _ in range(30)]
    try:
        for client in clients:
            client.ask(body=chat_body(stream=True))
        slowest = 0.0
        for _ in range(10):
            began = time.monotonic()
            with Client(daemon) as other:
                other.ask("GET", "/healthz")
                assert other.response().status == 200
            slowest = max(slowest, time.monotonic() - began)
        codes = {client.response().status for client in clients}
    finally:
        for client in clients:
            client.close()
    assert codes <= {502, 503}, codes
    assert slowest < seconds(2)
    if TIME_SCALE == 1:  # a sanitizer keeps freed memory
        assert daemon.resident_bytes() - before < 64_000_000
    wait_until(lambda: metric(daemon, "understudy_inflight_requests") == 0, "settled")
    primary.answer = well()
    assert chat(daemon).status == 200
