"""Answers with broken or ambiguous framing are failures, never relayed; what an upstream sends beyond
its answer never becomes part of another one."""

import gzip
import threading

import pytest

from harness import (LAST_CHUNK, SSE_HEAD, Client, chat, chat_body, chunk, completion,
                     config, expect_metrics, gzipped, head, in_turn, plain,
                     plain_and_streamed, seconds, silent, sse, status, steps, stream_events,
                     timeouts, well)

BODY = completion()
TYPE = "Content-Type: application/json"
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = chunk(BODY) + LAST_CHUNK


def raw(*fields: str, body=BODY, line="HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([line, TYPE, *fields, "", ""]).encode("latin-1") + body


BROKEN = [
    # name, bytes; the connection stays open afterwards
    ("an SMTP greeting", b"220 mail.test ESMTP ready\r\n\r\n"),
    ("HTTP/0.9", b"<html>hello</html>\r\n\r\n"),
    ("garbage", bytes(range(256)) + b"\r\n\r\n"),
    ("HTTP/2.0", raw(LENGTH, line="HTTP/2.0 200 OK")),
    ("HTTP/1.10", raw(LENGTH, line="HTTP/1.10 200 OK")),
    ("ICY", raw(LENGTH, line="ICY 200 OK")),
    ("a status of two digits", raw(LENGTH, line="HTTP/1.1 20 OK")),
    ("a status of words", raw(LENGTH, line="HTTP/1.1 abc OK")),
    ("a status of four digits", raw(LENGTH, line="HTTP/1.1 2000 OK")),
    ("a length of words", raw("Content-Length: many")),
    ("a negative length", raw("Content-Length: -1")),
    ("a signed length", raw(f"Content-Length: +{len(BODY)}")),
    ("a length beyond 64 bits", raw("Content-Length: 99999999999999999999999")),
    ("two different lengths", raw(LENGTH, "Content-Length: 3")),
    ("a list of different lengths", raw(f"Content-Length: {len(BODY)}, 3")),
    ("CL and TE", raw(LENGTH, "Transfer-Encoding: chunked", body=CHUNKED)),
    ("TE gzip", raw("Transfer-Encoding: gzip", body=CHUNKED)),
    ("TE chunked, chunked", raw("Transfer-Encoding: chunked, chunked", body=CHUNKED)),
    ("TE gzip, chunked", raw("Transfer-Encoding: gzip, chunked", body=CHUNKED)),
    ("TE xchunked", raw("Transfer-Encoding: xchunked", body=CHUNKED)),
    ("TE twice", raw("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED)),
    ("a NUL in a value", raw(LENGTH, "X-A: b\0c")),
    ("a bare CR in a value", raw(LENGTH, "X-A: b\rX-B: c")),
    ("a bare LF in a value", raw(LENGTH, "X-A: b\nX-B: c")),
    ("a space before the colon", raw("Content-Length : 3", LENGTH)),
    ("a field without a colon", raw(LENGTH, "nonsense")),
    ("an empty name", raw(LENGTH, ": x")),
    ("a bomb of one line", raw(LENGTH, "X-Big: " + "x" * 1_000_000)),
    ("a bomb of many fields", raw(LENGTH, *(f"X-{i}: {i}" for i in range(10_000)))),
    ("101 unasked", head("101 Switching Protocols", "Connection: Upgrade", "Upgrade: x")
     + raw(LENGTH)),
    ("a flood of interim answers", head("102 Processing") * 2000 + raw(LENGTH)),
]


@pytest.mark.row(20, 21, 22, 23, 24)
@pytest.mark.parametrize("answer", [case[1] for case in BROKEN],
                         ids=[case[0].replace(" ", "-") for case in BROKEN])
def test_this_answer_is_a_failure_and_falls_back(start, upstream, answer):
    primary, backup = upstream(answer), upstream(well("Backup."))
    daemon = start(config(primary, backup))
    before = daemon.resident_bytes()
    got = chat(daemon)
    assert got.text == "Backup." and got.trace[0][1] in ("connection", "malformed"), got.trace
    assert b"x-big" not in got.raw.lower() and b"esmtp" not in got.raw.lower()
    assert chat(daemon).text == "Backup."
    assert len(primary.connections) == 2, "a connection that broke the protocol was used again"
    assert daemon.resident_bytes() - before < 20_000_000


@pytest.mark.row(20, 22)
@pytest.mark.parametrize("answer", [case[1] for case in BROKEN[:3] + BROKEN[9:12]],
                         ids=[case[0].replace(" ", "-") for case in BROKEN[:3] + BROKEN[9:12]])
def test_when_it_is_the_last_the_client_gets_502_and_never_the_bytes(start, upstream, answer):
    got = chat(start(config(upstream(answer))))
    assert got.status == 502 and got.error["type"] == "understudy_error", got


CHUNK_ERRORS = [b"zz\r\n", b"-1\r\n", b"\r\n", b"fffffffffffffffff\r\n", b"5\r\nhello--\r\n",
                b"5\nhello\r\n", b" 5\r\nhello\r\n", b"0x5\r\nhello\r\n"]


@plain_and_streamed
@pytest.mark.row(34)
@pytest.mark.parametrize("garbage", CHUNK_ERRORS, ids=repr)
def test_a_broken_chunk_before_the_commit_falls_back(start, upstream, garbage, stream):
    answer = (SSE_HEAD if stream else raw("Transfer-Encoding: chunked", body=b"")) + garbage
    primary, backup = upstream(steps(answer, silent)), upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(
        first_token=3000, response=3000)), backup))
    got = chat(daemon, stream=stream)
    assert got.text == "Backup." and got.trace[0][1] == "malformed", got.trace


@pytest.mark.row(18)
@plain_and_streamed
def test_a_head_that_drips_meets_the_total_limit(start, upstream, stream):
    def drip(connection, request):
        for byte in plain():
            connection.send(bytes([byte]))
            threading.Event().wait(0.05)
    primary, backup = upstream(drip), upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(
        first_token=400, response=400)), backup))
    got = chat(daemon, stream=stream, timeout=seconds(5))
    assert got.text == "Backup." and got.trace[0][1] == "timeout"


@pytest.mark.row(24)
@plain_and_streamed
@pytest.mark.parametrize("interim", [
    head("100 Continue"), head("102 Processing") * 3, head("103 Early Hints", "Link: </x>") * 2],
    ids=["100", "102", "103"])
def test_interim_answers_are_swallowed_and_the_final_one_awaited(start, upstream, interim, stream):
    events = stream_events("Final.", None)
    final = sse(events) if stream else plain(completion("Final."))
    got = chat(start(config(upstream(interim + final))), stream=stream)
    assert (got.status, got.text) == (200, "Final.")


@pytest.mark.row(23)
def test_a_folded_header_is_refused_or_unfolded_but_never_passed_on_raw(start, upstream):
    answer = raw(LENGTH, "X-Folded: one\r\n two")
    got = chat(start(config(upstream(answer), upstream(well("Backup.")))))
    assert b"one\r\n" not in got.raw.partition(b"\r\n\r\n")[0]
    assert got.status == 200


@pytest.mark.row(22)
def test_equal_lengths_repeated_are_collapsed_or_refused(start, upstream):
    got = chat(start(config(upstream(raw(LENGTH, LENGTH)), upstream(well("Backup.")))))
    assert got.status == 200 and len(got.headers("content-length")) == 1


@pytest.mark.row(25)
@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_body_bytes_where_no_body_may_be_are_discarded_with_the_connection(start, upstream, line):
    canary = in_turn(head(line, "Content-Length: 5") + b"EVIL!", well("Canary."))
    primary, backup = upstream(canary), upstream(well("Backup."))
    daemon = start(config(primary, backup))
    first, second = chat(daemon), chat(daemon)
    assert b"EVIL!" not in first.raw + second.raw
    assert second.text == "Canary." and len(primary.connections) == 2


@pytest.mark.row(26)
@plain_and_streamed
def test_surplus_bytes_after_an_answer_never_answer_the_next_request(start, upstream, stream):
    extra = plain(completion("Poison."))
    answer = sse(stream_events("First.", None)) if stream else plain(completion("First."))
    primary = upstream(in_turn(answer + extra, well("Canary.")))
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=stream))
        assert client.response().text == "First."
        client.ask(body=chat_body(stream=stream))
        assert client.response().text == "Canary."
    assert len(primary.connections) == 2


@pytest.mark.row(26)
def test_bytes_that_come_while_a_connection_rests_close_it(start, upstream):
    late = threading.Event()
    def answer(connection, request):
        connection.send(plain(completion("First.")))
        if len(connection.upstream.requests) == 1:
            connection.wait(late)
            connection.send(plain(completion("Poison.")))
            done.set()
    done = threading.Event()
    primary = upstream(answer)
    daemon = start(config(primary))
    assert chat(daemon).text == "First."
    late.set()
    assert done.wait(5)
    assert chat(daemon).text == "First." and len(primary.connections) == 2


@pytest.mark.row(30)
@plain_and_streamed
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(start, upstream, code, stream):
    elsewhere = upstream(well("Stolen."))
    primary = upstream(status(code, b"", f"Location: {elsewhere.url}/chat/completions"))
    got = chat(start(config(primary)), stream=stream)
    assert not elsewhere.connections and got.status == 502


@pytest.mark.row(30)
@plain_and_streamed
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_behind_a_redirect_the_next_entry_is_asked_and_no_client_is_sent_there(start, upstream, code, stream):
    elsewhere = upstream(well("Stolen."))
    to = f"Location: {elsewhere.url}/chat/completions?state=private"
    primary, backup = upstream(status(code, b"", to)), upstream(well("From the backup."))
    got = chat(start(config(primary, backup, route={"retries": 2})), stream=stream)
    assert got.text == "From the backup." and [item[1] for item in got.trace] == ["malformed", "ok"]
    assert len(primary.requests) == 1  # it would say the same
    got = chat(start(config(primary)), stream=stream)
    assert got.status == 502 and got.header("location") is None and got.error["code"] == "upstream_malformed"
    assert f"{code}, a redirect to {elsewhere.url}" in got.error["message"] and b"private" not in got.raw
    assert not elsewhere.connections


# --- content codings

@pytest.mark.row(32)
@plain_and_streamed
def test_a_gzip_answer_nobody_asked_for_passes_and_is_metered(start, upstream, stream):
    events = b"".join(stream_events("Zipped."))
    body = gzipped(events if stream else completion("Zipped."))
    type_ = "text/event-stream" if stream else "application/json"
    answer = plain(body, "Content-Encoding: gzip", content_type=type_)
    daemon = start(config(upstream(answer).entry("primary", model="m1")))
    got = chat(daemon, stream=stream, stream_options={"include_usage": True})
    assert got.status == 200 and got.ended == "whole"
    coded = got.header("content-encoding") == "gzip"
    assert (gzip.decompress(got.body) if coded else got.body) == (events if stream else completion("Zipped."))
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input"}),
                   (5, "understudy_tokens_total", {"type": "output"}),
                   (1, "understudy_attempts_total", {"reason": "ok"}))


@pytest.mark.row(32)
def test_a_gzip_error_is_read_for_its_class_and_passed_untouched(start, upstream):
    quota = b'{"error":{"message":"no money","type":"insufficient_quota",' \
            b'"param":null,"code":"insufficient_quota"}}'
    answer = status(429, gzipped(quota), "Content-Encoding: gzip")
    got = chat(start(config(upstream(answer), upstream(status(500)))))
    assert got.trace[0][1] == "quota"
    assert got.body == gzipped(quota) and got.header("content-encoding") == "gzip"


@pytest.mark.row(32)
@pytest.mark.parametrize("coding,body", [("br", b"\x0b\x02\x80\x00"), ("zstd", b"(\xb5/\xfd"),
                                         ("gzip", b"this is no gzip"),
                                         ("gzip", gzipped(completion())[:-20])])
def test_an_answer_we_cannot_read_counts_as_usage_missing_or_as_malformed(start, upstream, coding,
                                                                          body):
    answer = plain(body, f"Content-Encoding: {coding}")
    daemon = start(config(upstream(answer).entry("primary", model="m1"), upstream(well("Backup."))))
    got = chat(daemon)
    if got.header("x-understudy-upstream") == "primary":
        assert got.body == body
        expect_metrics(daemon, (1, "understudy_usage_missing_total", {"upstream": "primary"}),
                       (0, "understudy_tokens_total", {"upstream": "primary"}))
    else:
        assert got.text == "Backup." and got.trace[0][1] == "malformed"


def test_a_gzip_bomb_does_not_fill_the_memory(start, upstream):
    bomb = gzip.compress(b'{"choices":["' + b"0" * 300_000_000 + b'"]}', 1)
    daemon = start(config(upstream(plain(bomb, "Content-Encoding: gzip")), upstream(well())),
                   env={"ASAN_OPTIONS": "quarantine_size_mb=1"})  # freed is freed
    before = daemon.resident_bytes()
    chat(daemon)
    assert daemon.resident_bytes() - before < 60_000_000


def test_the_client_may_accept_codings_but_the_upstream_is_asked_for_none(start, upstream):
    primary = upstream()
    chat(start(config(primary)), headers={"Accept-Encoding": "gzip, deflate, br"})
    assert primary.requests[0].header("accept-encoding") in (None, "identity")
