"""Section 6: a stream is held to its first delta, then passed on event by event, byte for byte. Slow
clients slow the upstream, clients that leave cancel it, and a truncated stream never looks whole."""

import json
import os
import signal
import threading
import time

import pytest

from harness import (DONE, FINISH, LAST_CHUNK, MAX_WAIT, PING, QUIET, ROLE, SSE_HEAD, USAGE, Client,
                     chat, chat_body, chunk, close, config, error_body, event, expect_metrics, gzipped, head,
                     ms, plain, plain_and_streamed, reset, seconds, silent, sse, status, steps, stream_events, stream_text,
                     timeouts, usage_event, well, words)
from tests.support.daemon import wait_until

FIRST = event({"content": "Hello"})
SECOND = event({"content": " world"})


def gate():
    """An event, and a step that waits for it."""
    opened = threading.Event()
    return opened, lambda connection: connection.wait(opened)


# --- the commit point

@pytest.mark.row(36)
def test_nothing_reaches_the_client_before_the_first_delta(start, upstream):
    opened, wait = gate()
    primary = upstream(steps(SSE_HEAD, chunk(ROLE), chunk(PING), chunk(ROLE), wait, chunk(FIRST),
                             silent))
    with Client(start(config(primary))) as client:
        client.ask(body=chat_body(stream=True))
        primary.wait_requests(1)
        assert client.quiet(QUIET * 2), "committed before the first content"
        opened.set()
        got = client.body(client.head(), until=lambda r: FIRST in r.body)
        assert got.body == ROLE + PING + ROLE + FIRST  # what was held comes first, unchanged


@pytest.mark.parametrize("before", [b"", PING, ROLE, ROLE + PING + ROLE],
                         ids=["head", "ping", "role", "all"])
@pytest.mark.parametrize("end", [close, reset], ids=["close", "reset"])
def test_whatever_breaks_before_the_first_delta_is_invisible(start, upstream, before, end):
    held = chunk(before) if before else b""
    primary, backup = upstream(steps(SSE_HEAD + held, end)), upstream(well("Backup."))
    got = chat(start(config(primary, backup)), stream=True)
    assert got.finished and got.body == b"".join(stream_events("Backup.", None))


def test_the_head_of_the_upstream_is_the_head_of_the_answer(start, upstream):
    answer = (head("200 OK", "Content-Type: text/event-stream; charset=utf-8",
                   "openai-processing-ms: 12", "x-ratelimit-remaining-requests: 99",
                   "Cache-Control: no-cache", "Transfer-Encoding: chunked")
              + b"".join(map(chunk, stream_events("x", None))) + LAST_CHUNK)
    got = chat(start(config(upstream(answer))), stream=True)
    assert got.header("content-type") == "text/event-stream; charset=utf-8"
    assert got.header("openai-processing-ms") == "12"
    assert got.header("x-ratelimit-remaining-requests") == "99"
    assert got.header("cache-control") == "no-cache"


# --- passing events on

def test_each_event_leaves_soon_after_it_arrived_and_as_it_was(start, upstream):
    sent = []
    go = threading.Semaphore(0)

    def dictated(connection, request):
        connection.send(SSE_HEAD)
        for one in [FIRST] + [event({"content": f" w{i}"}) for i in range(20)]:
            assert go.acquire(timeout=MAX_WAIT)
            sent.append((time.monotonic(), one))
            connection.send(chunk(one))
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)

    with Client(start(config(upstream(dictated)))) as client:
        client.ask(body=chat_body(stream=True))
        delays, expected, got = [], b"", None
        for _ in range(21):
            go.release()
            got = got or client.head()
            already = len(expected)
            client.body(got, until=lambda r: len(r.body) > already)
            at, one = sent[-1]
            expected += one
            assert got.body.startswith(expected)
            delays.append(time.monotonic() - at)
        client.body(got)
    assert got.finished and got.body == expected + FINISH + DONE
    # One stall of a busy machine is forgiven, a timer that batches events is not.
    assert sorted(delays)[-3] < seconds(0.020), delays


@pytest.mark.row(38)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("size", [1, 7])
def test_a_stream_split_anywhere_arrives_byte_exact(start, upstream, newline, size):
    text = b"".join([PING, ROLE, *words("Zwölf Boxkämpfer 🥊 jagen"), FINISH, usage_event(), DONE])
    text = text.replace(b"\n", newline.encode())
    whole = SSE_HEAD + b"".join(chunk(text[i:i + size]) for i in range(0, len(text), size)) \
        + LAST_CHUNK
    primary = upstream(lambda connection, request: connection.pieces(whole, size * 3))
    got = chat(start(config(primary.entry("primary", model="m1"))), stream=True,
               stream_options={"include_usage": True})
    assert got.body == text and got.ended == "whole"


@pytest.mark.row(38)
def test_odd_events_pass_byte_exact(start, upstream):
    odd = (b"\xef\xbb\xbfdata: " + ROLE[6:] + b"id: 7\nretry: 10\n" + FIRST
           + b"data:" + SECOND[6:] + b": comment with \x00 NUL and \xff\n\n"
           + b"event: custom\ndata: {\"choices\":[]}\n\n" + b"data: not json at all\n\n"
           + b"data: line one\ndata: line two\n\n" + FINISH + DONE)
    answer = SSE_HEAD + chunk(odd) + LAST_CHUNK
    got = chat(start(config(upstream(answer))), stream=True,
               stream_options={"include_usage": True})
    assert got.body == odd and got.ended == "whole"


@pytest.mark.row(38)
def test_a_ten_megabyte_event_passes_in_bounded_memory(start, upstream):
    big = event({"content": "x" * 10_000_000})
    answer = SSE_HEAD + chunk(FIRST) + b"".join(
        chunk(big[i:i + 60_000]) for i in range(0, len(big), 60_000)) + chunk(FINISH + DONE) \
        + LAST_CHUNK
    daemon = start(config(upstream(answer)))
    before = daemon.resident_bytes()
    got = chat(daemon, stream=True)
    assert got.finished and got.body == FIRST + big + FINISH + DONE
    assert daemon.resident_bytes() - before < 30_000_000


@pytest.mark.parametrize("newline", [b"", b"\n"], ids=["nothing", "one newline"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_last_event_without_its_blank_line_counts_however_it_was_cut(start, upstream, newline,
                                                                       pieces):
    events = ROLE + FIRST
    last = FINISH.rstrip(b"\n") + newline
    fields = head("200 OK", "Content-Type: text/event-stream",
                  f"Content-Length: {len(events + last)}")
    parts = [fields + events + last] if pieces == 1 else [
        fields + events, lambda _: time.sleep(0.05), last]
    got = chat(start(config(upstream(steps(*parts)))), stream=True)
    assert got.status == 200 and got.ended == "whole" and got.body == events + last


def test_half_a_last_event_in_the_same_write_is_no_finish(start, upstream):
    half = SSE_HEAD + chunk(ROLE + FIRST + FINISH[:-12]) + LAST_CHUNK
    primary, backup = upstream(half), upstream(well("Backup."))
    got = chat(start(config(primary, backup)), stream=True)
    assert got.finished and got.text == "Backup."


def test_streams_without_chunked_framing_are_passed_on_too(start, upstream):
    events = b"".join(stream_events("To the end.", None))
    for answer in (steps(head("200 OK", "Content-Type: text/event-stream") + events, close),
                   head("200 OK", "Content-Type: text/event-stream",
                        f"Content-Length: {len(events)}") + events):
        got = chat(start(config(upstream(answer))), stream=True)
        assert got.finished and got.body == events


def test_a_client_of_http_1_0_gets_a_stream_that_ends_with_the_connection(start, upstream):
    with Client(start(config(upstream(well("Old."))))) as client:
        client.ask(body=chat_body(stream=True), version="HTTP/1.0")
        got = client.response()
    assert got.header("transfer-encoding") is None and got.ended == "closed"
    assert got.text == "Old." and "[DONE]" in got.events


# --- usage

def test_usage_is_asked_for_and_its_chunk_kept_from_clients_that_did_not_ask(start, upstream):
    primary = upstream()
    daemon = start(config(primary.entry("primary", model="m1")))
    got = chat(daemon, stream=True)
    assert primary.requests[0].json["stream_options"] == {"include_usage": True}
    assert got.body == b"".join(stream_events("It works.", None)) and got.finished
    expect_metrics(
        daemon,
        (12, "understudy_tokens_total", {"upstream": "primary", "model": "m1", "type": "input",
                                         "source": "reported"}),
        (5, "understudy_tokens_total", {"type": "output", "source": "reported"}),
        (17, "understudy_tokens_total", {}))


def test_a_client_that_asked_for_usage_gets_it(start, upstream):
    primary = upstream()
    got = chat(start(config(primary)), stream=True, stream_options={"include_usage": True})
    assert got.body == b"".join(stream_events("It works.", USAGE))
    assert primary.requests[0].body == json.dumps(
        chat_body(True, stream_options={"include_usage": True})).encode()


@pytest.mark.parametrize("options", [{"include_usage": False}, {"include_obfuscation": False}, {},
                                     None])
def test_other_stream_options_survive(start, upstream, options):
    primary = upstream()
    got = chat(start(config(primary)), stream=True, stream_options=options)
    assert primary.requests[0].json["stream_options"] == {**(options or {}), "include_usage": True}
    assert got.finished and not any('"usage": {' in data for data in got.events)


def test_a_plain_request_is_not_asked_for_stream_options(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    for body in (chat_body(), {**chat_body(), "stream": False}, {**chat_body(), "stream": None}):
        chat_bytes = json.dumps(body).encode()
        with Client(daemon) as client:
            client.ask(body=chat_bytes)
            assert client.response().status == 200
        assert primary.requests[-1].body == chat_bytes


def test_usage_on_a_chunk_with_content_is_never_removed(start, upstream):
    last = event({"content": "."}, "stop", usage=USAGE)
    daemon = start(config(upstream(sse([ROLE, FIRST, last, DONE])).entry("primary", model="m1")))
    got = chat(daemon, stream=True)
    assert got.body == ROLE + FIRST + last + DONE
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input"}))


@pytest.mark.row(37)
def test_a_missing_done_and_two_usage_blocks_are_passed_on_and_counted_once(start, upstream):
    twice = [ROLE, FIRST, FINISH, usage_event({**USAGE, "completion_tokens": 3}), usage_event()]
    daemon = start(config(upstream(sse(twice)).entry("primary", model="m1")))
    got = chat(daemon, stream=True, stream_options={"include_usage": True})
    assert got.body == b"".join(twice) and got.ended == "whole"
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input"}),
                   (5, "understudy_tokens_total", {"type": "output"}),
                   (1, "understudy_attempts_total", {"reason": "ok"}))


def test_a_stream_without_usage_counts_as_missing_never_as_zero_tokens(start, upstream):
    daemon = start(config(upstream(sse([ROLE, FIRST, FINISH, DONE])).entry("primary", model="m1")))
    assert chat(daemon, stream=True).finished
    expect_metrics(daemon, (1, "understudy_usage_missing_total", {"upstream": "primary"}),
                   (0, "understudy_tokens_total", {"source": "reported"}))


# --- breaking after the commit

BREAKS = {
    "close": close,
    "reset": reset,
    "last-chunk": steps(LAST_CHUNK),
    "garbage-chunk-size": steps(b"zz\r\n"),
    "negative-chunk-size": steps(b"-1\r\n"),
    "huge-chunk-size": steps(b"ffffffffffffffffff\r\n"),
    "bad-chunk-end": steps(b"5\r\nhello--"),
    "half-an-event": steps(chunk(SECOND[:20]), close),
    "stall": silent,
}


@pytest.mark.row(33, 34, 35)
@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_stream_ends_in_an_error_event_and_an_unclean_close(start, upstream, how):
    opened, wait = gate()

    def broken(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(FIRST))
        wait(connection)  # until the client has it: what breaks earlier can still be rescued
        action = BREAKS[how]
        action(connection) if how in ("close", "reset", "stall") else action(connection, request)

    primary, backup = upstream(broken), upstream(well("Never asked."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(idle=400)), backup))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        got = client.body(client.head(), until=lambda r: FIRST in r.body)
        opened.set()
        client.body(got)
    assert got.status == 200 and got.body.startswith(ROLE + FIRST)
    assert got.ended in ("cut", "reset"), "a truncated stream ended cleanly"
    assert "[DONE]" not in got.events
    assert got.stream_error and got.stream_error["type"] == "understudy_error", got.events
    assert stream_text(got.body) == "Hello" and not backup.requests
    expect_metrics(daemon, (0, "understudy_attempts_total", {"reason": "ok"}),
                   (1, "understudy_attempts_total", {"upstream": "primary"}),
                   (0, "understudy_requests_total", {"outcome": "primary"}),
                   (1, "understudy_requests_total", {}))


@pytest.mark.parametrize("who, told", [("upstream", "malformed"), ("client", "client_closed")])
def test_the_log_says_of_a_broken_stream_how_it_ended(start, upstream, who, told):
    """Its head was sent while all was well and says ok; the log line is written afterwards."""
    opened, wait = gate()
    primary = upstream(steps(SSE_HEAD + chunk(ROLE) + chunk(FIRST), wait, close))
    daemon = start(config(primary, upstream(well("Never asked."))))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        got = client.body(client.head(), until=lambda r: FIRST in r.body)
        assert ";ok;200;" in got.header("x-understudy-trace")
        if who == "client":
            client.close()
        else:
            opened.set()
            client.body(got)
        line = daemon.wait_line(r'trace="?([^" ]+)').group(1)
        opened.set()
    assert f";{told};200;" in line and ";ok;" not in line, line


def test_only_the_attempt_that_broke_is_corrected_in_the_log(start, upstream):
    primary = upstream(status(429, error_body("Slow down.", "rate_limit_error")))
    backup = upstream(steps(SSE_HEAD + chunk(ROLE) + chunk(FIRST), close))
    daemon = start(config(primary.entry("primary"), backup.entry("backup")))
    chat(daemon, stream=True)
    line = daemon.wait_line(r'trace="([^"]+)"').group(1)
    first, second = line.split(", ")
    assert ";rate_limit;429;" in first and ";malformed;200;" in second, line


def test_a_stall_of_the_daemon_breaks_no_stream_whose_bytes_are_there(start, upstream):
    """Suspended (as by docker pause) for longer than `idle`, it finds bytes and deadlines at once."""
    streams, stall = 20, 2

    def talkative(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE) + chunk(FIRST))
        end = time.monotonic() + 2 * stall
        while time.monotonic() < end:
            time.sleep(0.05)
            connection.send(chunk(SECOND))
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)

    primary = upstream(talkative)
    daemon = start(config(primary.entry("primary", timeouts=timeouts(idle=int(stall * 500)))))
    clients = [Client(daemon) for _ in range(streams)]
    started = []
    for client in clients:
        client.ask(body=chat_body(stream=True))
        started.append(client.body(client.head(), until=lambda r: FIRST in r.body))
    os.kill(daemon.pid, signal.SIGSTOP)
    time.sleep(stall)
    os.kill(daemon.pid, signal.SIGCONT)
    ended = [client.body(got).ended for client, got in zip(clients, started)]
    for client in clients:
        client.close()
    assert ended == ["whole"] * streams, ended


@pytest.mark.row(10)
def test_over_tls_a_close_without_close_notify_is_a_truncation(start, upstream, certificates):
    primary = upstream(steps(head("200 OK", "Content-Type: text/event-stream") + ROLE + FIRST,
                             close), tls=certificates.context("good"))
    got = chat(start(config(primary.entry("primary", tls={"ca": certificates.ca}))), stream=True)
    assert got.ended in ("cut", "reset") and "[DONE]" not in got.events


def test_a_client_of_http_1_0_sees_a_broken_stream_as_a_reset(start, upstream):
    primary = upstream(steps(SSE_HEAD + chunk(FIRST), close))
    with Client(start(config(primary))) as client:
        client.ask(body=chat_body(stream=True), version="HTTP/1.0")
        got = client.response()
    assert got.ended == "reset" or got.stream_error, "nothing tells this client of the truncation"
    assert "[DONE]" not in got.events


@pytest.mark.row(37)
@pytest.mark.parametrize("together", [True, False], ids=["in one packet", "later"])
def test_an_error_event_of_the_upstream_after_content_is_passed_on_or_rescued(start, upstream,
                                                                              together):
    told = b"data: " + error_body("Provider gave up.", "server_error") + b"\n\n"
    opened, wait = gate()
    first = SSE_HEAD + chunk(ROLE) + chunk(FIRST)
    script = [first + chunk(told) + LAST_CHUNK] if together else [first, wait,
                                                                  chunk(told) + LAST_CHUNK]
    daemon = start(config(upstream(steps(*script)), upstream(well("Backup."))))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        got = client.body(client.head(), until=lambda r: FIRST in r.body)
        opened.set()
        client.body(got)
    if together and got.header("x-understudy-upstream") == "backup":
        assert got.finished and got.text == "Backup."
    else:
        assert got.body.startswith(ROLE + FIRST + told) and "[DONE]" not in got.events, got
    expect_metrics(daemon, (0, "understudy_attempts_total", {"upstream": "primary",
                                                            "reason": "ok"}),
                   (1, "understudy_attempts_total", {"upstream": "primary"}))


def test_a_stream_is_whole_with_its_finish_reason_even_without_a_last_chunk(start, upstream):
    # Everything the client needs has come; how the answer ends to the client is then ours to say,
    # but [DONE] is never made up.
    for end in (close, silent):
        primary = upstream(steps(SSE_HEAD + chunk(FIRST) + chunk(FINISH), end))
        daemon = start(config(primary.entry("primary", timeouts=timeouts(idle=300))))
        got = chat(daemon, stream=True)
        assert got.body.startswith(FIRST + FINISH) and "[DONE]" not in got.events


def test_pings_do_not_keep_a_stalled_stream_alive(start, upstream):
    def pinging(connection, request):
        connection.send(SSE_HEAD + chunk(FIRST))
        connection.sock.settimeout(0.05)
        while True:
            connection.send(chunk(PING))
            try:
                if not connection.sock.recv(1):
                    return
            except TimeoutError:
                continue
    daemon = start(config(upstream(pinging).entry("primary", timeouts=timeouts(idle=500))))
    began = time.monotonic()
    got = chat(daemon, stream=True)
    assert got.stream_error and got.ended in ("cut", "reset")
    assert seconds(0.4) < time.monotonic() - began < seconds(3)


@pytest.mark.row(39)
def test_a_slow_stream_that_keeps_moving_is_left_alone(start, upstream):
    def slow(connection, request):
        connection.send(SSE_HEAD)
        for one in words("slow but very much alive indeed"):
            connection.send(chunk(one))
            threading.Event().wait(seconds(0.3))
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    primary = upstream(slow)
    daemon = start(config(primary.entry("primary", timeouts=timeouts(
        first_token=1500, idle=1500, response=1500))))
    assert chat(daemon, stream=True).finished


# --- the client's side of a stream

@pytest.mark.row(41)
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("when", ["before the head", "before the first token", "in the stream"])
def test_a_client_that_leaves_cancels_the_upstream_and_ends_the_chain(start, upstream, when, leave):
    script = {"before the head": [], "before the first token": [SSE_HEAD, chunk(ROLE)],
              "in the stream": [SSE_HEAD, chunk(ROLE), chunk(FIRST)]}[when]
    primary, backup = upstream(steps(*script, silent)), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 2}))
    client = Client(daemon)
    client.ask(body=chat_body(stream=True))
    primary.wait_requests(1)
    if when == "in the stream":
        client.body(client.head(), until=lambda r: FIRST in r.body)
    left = time.monotonic()
    client.close() if leave == "close" else client.reset()
    assert primary.wait_gone().gone_at - left < seconds(1.0)
    expect_metrics(
        daemon,
        (1, "understudy_requests_total", {"outcome": "client_closed"}),
        (1, "understudy_requests_total", {}),
        (1, "understudy_attempts_total", {"upstream": "primary", "reason": "client_closed"}),
        (1, "understudy_attempts_total", {}), (0, "understudy_failovers_total", {}))
    assert len(primary.requests) == 1 and not backup.connections


@pytest.mark.row(41)
def test_a_client_that_leaves_a_busy_stream_cancels_it_too(start, upstream):
    def endless(connection, request):
        connection.send(SSE_HEAD)
        while True:
            connection.send(chunk(FIRST) * 20)
    primary = upstream(endless)
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.body(client.head(), until=lambda r: len(r.body) > 100_000)
    primary.wait_gone()
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}))


def test_an_aborted_stream_is_accounted_with_the_usage_it_had_reported(start, upstream):
    early = event({"content": "x"}, usage={"prompt_tokens": 40, "completion_tokens": 1,
                                           "total_tokens": 41})
    primary = upstream(steps(SSE_HEAD + chunk(early), silent))
    daemon = start(config(primary.entry("primary", model="m1")))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.body(client.head(), until=lambda r: early in r.body)
    expect_metrics(daemon, (40, "understudy_tokens_total", {"type": "input"}),
                   (1, "understudy_tokens_total", {"type": "output"}))


def test_an_aborted_stream_without_usage_is_estimated_and_not_missing(start, upstream):
    primary = upstream(steps(SSE_HEAD + b"".join(map(chunk, words("one two three four"))), silent))
    daemon = start(config(primary.entry("primary", model="m1")))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        client.body(client.head(), until=lambda r: b"four" in r.body)
    def accounted():
        metrics = daemon.metrics()
        return (metrics.value("understudy_usage_missing_total", upstream="primary") == 0
                and metrics.value("understudy_tokens_total", source="estimated") > 0
                and metrics.value("understudy_tokens_total", source="reported") == 0)
    wait_until(accounted, "the aborted stream in the accounts", MAX_WAIT)


@pytest.mark.parametrize("end", ["done", "cut", "plain"])
def test_an_answer_that_ended_well_without_usage_is_missing_and_not_estimated(start, upstream, end):
    rest = b"" if end == "cut" else chunk(DONE) + LAST_CHUNK
    stream = steps(SSE_HEAD, *map(chunk, words("one two")), chunk(FINISH) + rest, close)
    primary = upstream(well(usage=None) if end == "plain" else stream)
    daemon = start(config(primary.entry("primary", model="m1")))
    assert chat(daemon, stream=end != "plain").status == 200
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}),
                   (1, "understudy_usage_missing_total", {"upstream": "primary"}),
                   (0, "understudy_tokens_total", {}))


@pytest.mark.row(40)
def test_a_slow_client_slows_the_upstream_and_memory_stays_bounded(start, upstream):
    total = 64 << 20
    sent = [0]
    filler = event({"content": "x" * 60_000})

    def firehose(connection, request):
        connection.send(SSE_HEAD)
        while sent[0] < total:
            connection.send(chunk(filler))
            sent[0] += len(filler)
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)

    daemon = start(config(upstream(firehose), limits={"body_timeout": "60s"}))
    with Client(daemon, receive_buffer=16384) as client:
        client.ask(body=chat_body(stream=True))
        got = client.head()
        before = daemon.resident_bytes()

        def stalled():  # the upstream's sending stops by itself
            seen = sent[0]
            threading.Event().wait(QUIET * 2)
            return sent[0] == seen
        wait_until(stalled, "back-pressure", MAX_WAIT)
        assert sent[0] < 24 << 20, "the upstream was not slowed"
        assert daemon.resident_bytes() - before < 12 << 20
        got = client.body(got)  # and everything is there once the client reads again
    assert got.ended == "whole" and len(got.body) > total
    assert got.body.count(filler) == len(got.body) // len(filler)


@pytest.mark.row(43)
def test_a_client_that_never_reads_is_cut_off(start, upstream):
    def firehose(connection, request):
        connection.send(SSE_HEAD)
        while True:
            connection.send(chunk(event({"content": "x" * 60_000})))
    primary = upstream(firehose)
    daemon = start(config(primary, limits={"body_timeout": ms(500)}))
    with Client(daemon, receive_buffer=8192) as client:
        client.ask(body=chat_body(stream=True))
        primary.wait_gone()
    expect_metrics(daemon, (1, "understudy_requests_total", {}))


@pytest.mark.row(42)
@plain_and_streamed
def test_a_client_that_closes_its_sending_side_counts_as_gone(start, upstream, stream):
    """As nginx has it: no FIN says whether the reading side is still wanted."""
    primary, backup = upstream(silent), upstream()
    daemon = start(config(primary, backup))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=stream))
        primary.wait_requests(1)
        client.half_close()
        primary.wait_gone()
        assert client.at_end() in ("fin", "reset") and not client.buffer
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}))
    assert not backup.connections


def test_two_streams_on_one_connection_follow_each_other(start, upstream):
    with Client(start(config(upstream()))) as client:
        for _ in range(3):
            client.ask(body=chat_body(stream=True))
            assert client.response().finished


def test_a_stream_that_was_not_asked_for_is_still_an_answer_or_a_clear_failure(start, upstream):
    """stream absent, the upstream streams anyway: never a truncated success."""
    got = chat(start(config(upstream(sse(stream_events("Unasked.", None))),
                            upstream(status(500)))))
    assert got.status != 200 or got.body == b"".join(stream_events("Unasked.", None))


def test_a_plain_answer_to_a_streamed_request_is_no_answer(start, upstream):
    """What reads events would find none: the next entry is asked."""
    got = chat(start(config(upstream(plain()), upstream(well("Streamed.")))), stream=True)
    assert got.finished and got.text == "Streamed." and got.trace[0][1] == "malformed"


def test_done_without_a_finish_reason_is_not_an_end(start, upstream):
    """Promise 5: the marker alone does not make an answer whole, and must not hide the error event."""
    opened, wait = gate()
    paused = upstream(steps(SSE_HEAD, chunk(ROLE + FIRST), wait, chunk(DONE), LAST_CHUNK))
    with Client(start(config(paused))) as client:
        client.ask(body=chat_body(stream=True))
        first = client.head()
        opened.set()
        got = client.body(first)
    assert got.body.startswith(ROLE + FIRST) and DONE not in got.body
    assert b"stream_interrupted" in got.body and not got.finished


def test_every_choice_that_said_something_needs_a_finish(start, upstream):
    def piece(index, delta, reason=None):
        return event(delta, reason).replace(b'"index": 0', b'"index": %d' % index)

    def answered(*events):
        primary = upstream(steps(SSE_HEAD, chunk(events[0]), lambda c: time.sleep(seconds(0.1)),
                                 *(chunk(e) for e in events[1:]), chunk(DONE), LAST_CHUNK))
        return chat(start(config(primary)), stream=True, n=2)
    both = (piece(0, {"content": "One"}), piece(1, {"content": "Two"}))
    ends = (piece(0, {}, "stop"), piece(1, {}, "length"))
    assert answered(*both, *ends).finished
    for half in (ends[0], ends[1]):
        got = answered(*both, half)
        assert not got.finished and b"stream_interrupted" in got.body, got.body


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked", "usage not asked"])
def test_our_usage_chunk_does_not_show_in_a_compressed_stream(start, upstream, asked):
    """The upstream compresses whatever it is told, and so hides what has to be taken out."""
    body = ROLE + FIRST + SECOND + FINISH + usage_event() + DONE
    packed = gzipped(body)
    primary = upstream(steps(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                                  f"Content-Length: {len(packed)}") + packed[:60],
                             lambda c: time.sleep(0.02), packed[60:]))
    daemon = start(config(primary))
    more = {"stream_options": {"include_usage": True}} if asked else {}
    got = chat(daemon, stream=True, headers={"accept-encoding": "gzip"}, **more)
    assert got.status == 200 and got.ended == "whole"
    if asked:
        assert got.header("content-encoding") == "gzip" and got.body == packed
    else:
        assert got.header("content-encoding") is None
        assert got.body == body.replace(usage_event(), b"")
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input"}))
