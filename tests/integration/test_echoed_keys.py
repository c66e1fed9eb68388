"""An upstream that sends our own key back: nobody sees it, wherever it stands and however it comes."""

import gzip
import os
import time

import pytest

from harness import (DONE, FINISH, ROLE, SSE_HEAD, as_bytes, chat, chunk, completion, config,
                     error_body, event, head, plain, sse, status, steps, well)

KEY = "sk-live-Zx81QpK3vW"
STARS = "*" * len(KEY)


def daemon_for(start, *upstreams, **more):
    entries = [u.entry(f"u{i}", api_key=KEY) for i, u in enumerate(upstreams)]
    return start(config(*entries, log={"level": "debug"}, **more))


def seen(daemon, answer):
    return answer.raw + "\n".join(daemon.stderr_lines() + daemon.stdout_lines()).encode()


def pause(connection):
    time.sleep(0.03)


ECHOES = [
    ("a whole answer", plain(completion(f"You sent {KEY}."))),
    ("a field of its head", plain(completion(), f"X-Echo: Bearer {KEY}", f"X-Two: {KEY}{KEY}")),
    ("its reason phrase", status(401).replace(b"401 Unauthorized", b"401 No " + KEY.encode())),
    ("an error", status(401, error_body(f"Incorrect API key provided: {KEY}.", code="invalid_api_key"))),
    ("an error in words", status(400, f"no such key {KEY}".encode(), content_type="text/plain")),
    ("an error in a 200", status(200, error_body(f"bad key {KEY}"))),
    ("a page", status(502, f"<html>{KEY}</html>".encode(), content_type="text/html")),
    ("an unreadable coding", plain(completion(), f"Content-Encoding: {KEY}")),
]


@pytest.mark.parametrize("answer", [a for _, a in ECHOES], ids=[name for name, _ in ECHOES])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_an_echoed_key_is_masked(start, upstream, answer, stream):
    daemon = daemon_for(start, upstream(answer))
    got = chat(daemon, stream=stream)
    assert got.ended == "whole" and KEY.encode() not in seen(daemon, got)


@pytest.mark.parametrize("before", [180, 185, 190])
def test_of_a_redirect_no_part_of_a_key_is_told(start, upstream, before):
    """Its address is told, as much as fits of it."""
    to = f"http://login.example/{'p' * (before - 21)}{KEY}/more"
    daemon = daemon_for(start, upstream(status(302, b"", f"Location: {to}")))
    got = chat(daemon)
    assert got.status == 502 and b"login.example" in got.raw
    assert KEY[:8].encode() not in seen(daemon, got)


def test_what_is_masked_keeps_its_length_and_its_neighbours(start, upstream):
    daemon = daemon_for(start, upstream(plain(completion(f"<{KEY}>{KEY[:-1]}<"))))
    got = chat(daemon)
    assert got.status == 200 and got.text == f"<{STARS}>{KEY[:-1]}<"


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_a_key_that_comes_in_two_pieces_is_masked(start, upstream, cut):
    """Split inside an event, across chunks and reads."""
    whole = event({"content": f"a {KEY} b"})
    at = whole.index(KEY.encode()) + cut
    script = steps(SSE_HEAD + chunk(ROLE), chunk(event({"content": "first "})),
                   chunk(whole[:at]), pause, chunk(whole[at:]), chunk(FINISH + DONE), b"0\r\n\r\n")
    got = chat(daemon_for(start, upstream(script)), stream=True)
    assert got.text == f"first a {STARS} b" and got.finished


def test_a_stream_that_breaks_with_it_in_an_error_event(start, upstream):
    script = steps(SSE_HEAD + chunk(ROLE + event({"content": "x"})), pause,
                   chunk(b"data: " + error_body(f"key {KEY}") + b"\n\n"), b"0\r\n\r\n")
    daemon = daemon_for(start, upstream(script))
    got = chat(daemon, stream=True)
    assert got.text == "x" and STARS.encode() in got.raw and KEY.encode() not in seen(daemon, got)


@pytest.mark.parametrize("at", [0, 1, 3_000_000])
def test_a_large_answer_that_is_passed_on_as_it_comes(start, upstream, at):
    text = "x" * at + KEY + "y" * (6_000_000 - at)
    body = completion(text)
    middle = body.index(KEY.encode()) + 5
    script = steps(head("200 OK", "Content-Type: application/json",
                        f"Content-Length: {len(body)}") + body[:middle], pause, body[middle:])
    got = chat(daemon_for(start, upstream(script)))
    assert got.ended == "whole" and len(got.body) == len(body)
    assert got.body == body.replace(KEY.encode(), STARS.encode())


def test_a_compressed_answer_with_it_is_not_passed_on(start, upstream):
    packed = gzip.compress(completion(f"key {KEY}"))
    primary, backup = upstream(plain(packed, "Content-Encoding: gzip")), upstream()
    got = chat(daemon_for(start, primary, backup))
    assert got.status == 200 and got.text == "It works." and len(backup.requests) == 1


def test_a_compressed_error_with_it_leaves_its_status_only(start, upstream):
    packed = gzip.compress(error_body(f"key {KEY}"))
    got = chat(daemon_for(start, upstream(status(401, packed, "Content-Encoding: gzip"))))
    assert got.status == 401 and got.error["type"] == "understudy_error"


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked", "usage not asked"])
def test_a_compressed_stream_with_it_falls_back_or_is_masked_where_it_is_decoded(start, upstream, asked):
    packed = gzip.compress(ROLE + event({"content": f"key {KEY}"}) + FINISH + DONE)
    primary = upstream(plain(packed, "Content-Encoding: gzip", content_type="text/event-stream"))
    backup = upstream()
    more = {"stream_options": {"include_usage": True}} if asked else {}
    got = chat(daemon_for(start, primary, backup), stream=True, **more)
    if asked:
        assert got.text == "It works." and len(backup.requests) == 1
    else:
        assert got.text == f"key {STARS}" and not backup.requests


def test_a_credential_in_a_configured_header_is_masked_too(start, upstream):
    primary = upstream(plain(completion(f"You sent {KEY}.")))
    entry = primary.entry("primary", api_key=None, headers={"Authorization": f"Bearer {KEY}"})
    got = chat(start(config(entry)))
    assert got.text == f"You sent {STARS}."


def test_words_of_servers_without_keys_are_text(start, upstream):
    primary = upstream(plain(completion("lm-studio and ollama")))
    got = chat(start(config(primary.entry("primary", api_key="lm-studio"))))
    assert got.text == "lm-studio and ollama"


@pytest.mark.parametrize("at", [10, 2_600_000, 4_999_000])
def test_an_event_too_large_to_be_held_is_searched_all_the_same(start, upstream, at):
    big = event({"content": "x" * at + KEY + "y" * (5_000_000 - at)})
    middle = big.index(KEY.encode()) + 7
    script = steps(SSE_HEAD, chunk(ROLE + event({"content": "first"})), pause, chunk(big[:middle]),
                   pause, chunk(big[middle:]), chunk(FINISH + DONE), b"0\r\n\r\n")
    got = chat(daemon_for(start, upstream(script)), stream=True)
    assert KEY.encode() not in got.body and STARS.encode() in got.body
    assert got.ended == "whole" and len(got.text) == len("first") + 5_000_000 + len(KEY)


def test_a_compressed_answer_too_large_to_be_searched_is_not_passed_on(start, upstream):
    noise = os.urandom(2_000_000).hex()
    packed = gzip.compress(completion(f"{noise} {KEY} {noise[:1000]}"))
    assert len(packed) > 1 << 20
    primary, backup = upstream(plain(packed, "Content-Encoding: gzip")), upstream()
    got = chat(daemon_for(start, primary, backup, limits={"buffer_response": "1MiB"}))
    assert got.status == 200 and got.text == "It works."


def test_an_error_in_a_coding_that_cannot_be_read_leaves_its_status_only(start, upstream):
    got = chat(daemon_for(start, upstream(status(401, b"\x1b" + KEY.encode(), "Content-Encoding: br"))))
    assert got.status == 401 and KEY.encode() not in got.raw


ODD = "ab+d/efgh-Zx81QpK3vW=="  # as base64 has them
WRITERS = {
    "json": lambda c: "\\u%04X" % ord(c), "slash": lambda c: "\\/" if c == "/" else c,
    "percent": lambda c: "%%%02X" % ord(c), "html": lambda c: "&#x%x;" % ord(c)}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_key_is_masked_as_others_write_it(start, upstream, writer, stream):
    echo = "".join(c if c.isalnum() else WRITERS[writer](c) for c in ODD)
    if stream:
        whole = event({"content": "a KEY b"}).replace(b"KEY", echo.encode())
        at = whole.index(echo.encode()) + 4
        answer = steps(SSE_HEAD + chunk(ROLE) + chunk(whole[:at]), pause, chunk(whole[at:]),
                       chunk(FINISH + DONE), b"0\r\n\r\n")
    else:
        answer = plain(completion("a KEY b").replace(b"KEY", echo.encode()))
    got = chat(start(config(upstream(answer).entry("u", api_key=ODD))), stream=stream)
    assert got.text == "a " + "*" * len(echo) + " b"
    body = b'{"padding":"' + b"z" * 200_000 + echo.encode() + b'","choices":[{"message":{}}]}'
    middle = body.index(echo.encode()) + 5
    script = steps(head("200 OK", "Content-Type: application/json",
                        f"Content-Length: {len(body)}") + body[:middle], pause, body[middle:])
    if not stream:
        got = chat(start(config(upstream(script).entry("u", api_key=ODD),
                                limits={"buffer_response": "64KiB"})))
        assert got.body == body.replace(echo.encode(), b"*" * len(echo))


def test_a_key_with_slashes_is_found_as_json_writes_it(start, upstream):
    key = "abcd/efgh/Zx81QpK3vW"
    body = completion("KEY").replace(b"KEY", key.replace("/", "\\/").encode())
    daemon = start(config(upstream(plain(body)).entry("u", api_key=key)))
    got = chat(daemon)
    assert got.status == 200 and key not in got.text
