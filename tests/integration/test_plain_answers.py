"""Plain answers are held until whole, so that what is cut, stalled or no answer at all still falls
back; answers larger than the hold buffer start streaming and then break visibly."""

import threading
import time

import pytest

from harness import (Client, chat, chat_body, chunk, close, completion, config, expect_metrics,
                     head, plain, request_bytes, reset, seconds, silent, status, steps, timeouts,
                     well, LAST_CHUNK)

BIG = completion("y" * 3_000_000)
SMALL_HOLD = {"buffer_response": "64KiB"}


@pytest.mark.row(33)
def test_no_byte_of_a_plain_answer_leaves_before_it_is_whole(start, upstream):
    opened = threading.Event()
    answer = plain(completion("z" * 20_000))
    primary = upstream(steps(answer[:-1], lambda c: c.wait(opened), answer[-1:]))
    with Client(start(config(primary))) as client:
        client.ask(body=chat_body())
        primary.wait_requests(1)
        assert client.quiet()
        opened.set()
        assert client.response().body == completion("z" * 20_000)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_the_answer_passes_byte_exact_whatever_its_framing(start, upstream, framing):
    body = b'{ "id":"a", "choices" : [ {"index":0,"message":{"role":"assistant",' \
           b'"content":"\\u00fc\xc3\xbc"},"finish_reason":"stop"} ],\n\t"extra":1.50e+3 }\n'
    type_ = "Content-Type: application/json"
    answers = {
        "length": plain(body),
        "chunked": head("200 OK", type_, "Transfer-Encoding: chunked")
        + b"".join(chunk(body[i:i + 5]) for i in range(0, len(body), 5)) + LAST_CHUNK,
        "close": steps(head("200 OK", type_, "Connection: close") + body, close)}
    got = chat(start(config(upstream(answers[framing]))))
    assert (got.body, got.ended) == (body, "whole")
    assert got.header("content-length") == str(len(body))


@pytest.mark.parametrize("end", [close, reset, silent], ids=["close", "reset", "stall"])
@pytest.mark.parametrize("cut", [1, 700, -1])
@pytest.mark.row(33)
def test_an_answer_cut_anywhere_falls_back(start, upstream, cut, end):
    answer = plain(completion("z" * 5_000))
    body_at = answer.index(b"\r\n\r\n") + 4
    keep = body_at + cut if cut > 0 else len(answer) - 1
    primary, backup = upstream(steps(answer[:keep], end)), upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(response=500, idle=400)),
                          backup))
    assert chat(daemon).text == "Backup."


def test_the_response_limit_covers_an_answer_that_trickles(start, upstream):
    def trickle(connection, request):
        for i in plain(completion("z" * 2_000)):
            connection.send(bytes([i]))
            threading.Event().wait(0.02)
    primary, backup = upstream(trickle), upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(response=600)), backup))
    began = time.monotonic()
    assert chat(daemon).text == "Backup."
    assert time.monotonic() - began < seconds(3)


def test_an_answer_that_came_all_the_while_is_not_called_silent(start, upstream):
    def trickle(connection, request):
        head_of_it, body = plain(completion("z" * 2_000)).split(b"\r\n\r\n")
        connection.send(head_of_it + b"\r\n\r\n")
        for i in body:
            connection.send(bytes([i]))
            threading.Event().wait(0.02)

    def stall(connection, request):
        connection.send(plain(completion("z" * 2_000))[:-5])
        threading.Event().wait(seconds(3))

    for behaviour, limits, words in [
            (trickle, {"response": 500}, "took longer than timeouts.response"),
            (stall, {"response": 60_000, "idle": 400}, "the answer went silent")]:
        slow = upstream(behaviour)
        got = chat(start(config(slow.entry("slow", timeouts=timeouts(**limits)))))
        assert got.status == 504 and words in got.json["error"]["message"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_answer_passes_whole_and_exact(start, upstream, framing):
    answer = plain(BIG) if framing == "length" else (
        head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
        + b"".join(chunk(BIG[i:i + 10_000]) for i in range(0, len(BIG), 10_000)) + LAST_CHUNK)
    for limits in ({}, SMALL_HOLD):
        got = chat(start(config(upstream(answer), limits=limits)))
        assert got.body == BIG and got.ended == "whole"


def test_an_answer_beyond_the_hold_buffer_starts_before_it_is_whole(start, upstream):
    opened = threading.Event()
    answer = plain(BIG)
    primary = upstream(steps(answer[:1_000_000], lambda c: c.wait(opened), answer[1_000_000:]))
    with Client(start(config(primary, limits=SMALL_HOLD))) as client:
        client.ask(body=chat_body())
        got = client.head()
        client.body(got, until=lambda r: len(r.body) > 500_000)
        opened.set()
        assert client.body(got).body == BIG


@pytest.mark.row(33, 34)
@pytest.mark.parametrize("end", [close, reset, silent], ids=["close", "reset", "stall"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_that_breaks_after_it_started_streaming_breaks_visibly(start, upstream, framing,
                                                                         end):
    start_of = plain(BIG)[:1_000_000] if framing == "length" else (
        head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
        + chunk(BIG[:1_000_000]))
    primary, backup = upstream(steps(start_of, end)), upstream(well())
    daemon = start(config(primary.entry("primary", timeouts=timeouts(idle=400)), backup,
                          limits=SMALL_HOLD))
    got = chat(daemon)
    assert got.status == 200 and got.ended in ("cut", "reset"), got.ended
    assert not backup.requests
    expect_metrics(daemon, (0, "understudy_attempts_total", {"reason": "ok"}),
                   (1, "understudy_attempts_total", {"upstream": "primary"}))


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_large_answer_that_ends_inside_its_json_never_ends_well(start, upstream, framing):
    """Its framing is whole: only the missing brackets tell. Its last bytes are held back."""
    half = BIG[:1_000_000]
    primary = upstream({
        "length": plain(half),
        "chunked": head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
        + chunk(half) + LAST_CHUNK,
        "close": steps(head("200 OK", "Content-Type: application/json") + half, close)}[framing])
    daemon = start(config(primary, upstream(well()), limits=SMALL_HOLD))
    got = chat(daemon)
    assert got.status == 200 and got.ended in ("cut", "reset"), got.ended
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "malformed"}),
                   (1, "understudy_requests_total", {"outcome": "exhausted"}))


@pytest.mark.parametrize("body", [
    b'{"error":{"message":"' + b"busy " * 40_000 + b'","code":503}}',
    b'{"id":"x","object":"chat.completion","error":{"code":503,"message":"no capacity"},"padding":"'
    + b"z" * 200_000 + b'"}'], ids=["a long one", "with much behind it"])
def test_a_large_error_in_a_200_falls_back(start, upstream, body):
    primary, backup = upstream(plain(body)), upstream(well("Backup."))
    daemon = start(config(primary, backup, limits=SMALL_HOLD))
    got = chat(daemon)
    assert got.text == "Backup."
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "malformed"}))


@pytest.mark.parametrize("tail", [b'","error":{"message":"lost the model"}}', b'"}'],
                         ids=["an error at its end", "no answer in it"])
def test_a_large_answer_that_proves_to_be_none_never_ends_well(start, upstream, tail):
    daemon = start(config(upstream(plain(b'{"padding":"' + b"z" * 1_000_000 + tail)),
                          upstream(well()), limits=SMALL_HOLD))
    got = chat(daemon)
    assert got.status == 200 and got.ended in ("cut", "reset"), got.ended
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "malformed"}))


def test_an_answer_beside_an_error_that_says_all_is_well_is_good(start, upstream):
    body = completion()[:-1] + b',"error":{"code":"0","message":"OK"}}'
    backup = upstream(well("Backup."))
    for size in ({}, {"buffer_response": "1KiB"}):
        big = body.replace(b'"choices"', b'"padding":"' + b"z" * 4000 + b'","choices"')
        assert chat(start(config(upstream(plain(big)), backup, limits=size))).body == big
    assert not backup.requests


def test_the_usage_of_a_large_answer_is_still_counted(start, upstream):
    daemon = start(config(upstream(plain(BIG)).entry("primary", model="m1"), limits=SMALL_HOLD))
    assert chat(daemon).body == BIG
    expect_metrics(daemon, (12, "understudy_tokens_total", {"type": "input", "model": "m1"}))


@pytest.mark.row(31)
def test_an_error_inside_a_200_is_never_a_success_when_it_is_the_last(start, upstream):
    wrong = b'{"error":{"message":"no capacity","type":"overloaded","param":null,"code":null}}'
    for backups in ([], [upstream(status(500))]):
        got = chat(start(config(upstream(plain(wrong)), *backups, route={"retries": 0})))
        assert b"error" in got.body and b"choices" not in got.body
        assert got.status != 200 or got.body == wrong


@pytest.mark.row(41)
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_a_plain_request_cancels_it_and_ends_the_chain(start, upstream, leave):
    primary, backup = upstream(steps(plain()[:-5], silent)), upstream(well())
    daemon = start(config(primary, backup, route={"retries": 2}))
    client = Client(daemon)
    client.ask(body=chat_body())
    primary.wait_requests(1)
    left = time.monotonic()
    client.close() if leave == "close" else client.reset()
    assert primary.wait_gone().gone_at - left < seconds(1.0)
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}),
                   (1, "understudy_attempts_total", {"reason": "client_closed"}),
                   (0, "understudy_failovers_total", {}))
    assert not backup.connections


@pytest.mark.row(14)
@pytest.mark.parametrize("then", ["close", "reset", "keep"])
def test_an_answer_before_the_body_was_read_is_relayed(start, upstream, then):
    """413 or 401 at once, while megabytes are still on their way."""
    refusal = status(413, b'{"error":{"message":"too big","type":"x","param":null,"code":null}}',
                     "Connection: close" if then != "keep" else "X-Kept: 1")

    def early(connection):
        connection.read_no_more()  # the kernel's buffers must not swallow the rest of the body
        connection.read_head()
        connection.send(refusal)
        if then == "close":
            connection.half_close()  # a close with unread bytes would be a reset
        if then != "reset":
            connection.hold_unread()
        threading.Event().wait(0.05)  # let the answer out before the reset destroys it
        connection.reset()
    primary, backup = upstream(on_accept=early), upstream(well())
    daemon = start(config(primary, backup))
    got = chat(daemon, content="x" * 8_000_000)
    assert got.status == 413 and got.error["message"] == "too big", got
    assert not backup.requests
    chat(daemon)
    assert len(primary.connections) == 2, "a connection with half a request on it was used again"


@pytest.mark.row(13)
def test_a_reset_while_the_body_is_being_sent_moves_on_with_the_same_body(start, upstream):
    def early(connection):
        connection.read_head()
        connection.reset()
    primary, backup = upstream(on_accept=early), upstream(well("Backup."))
    body = chat_body(content="x" * 8_000_000)
    with Client(start(config(primary, backup))) as client:
        client.send(request_bytes(body=body))
        assert client.response().text == "Backup."
    assert backup.requests[0].json == body


@pytest.mark.row(15)
def test_an_upstream_that_stops_reading_times_out(start, upstream):
    def deaf(connection):
        while not connection.upstream.stopping:
            threading.Event().wait(0.05)
    primary = upstream(on_accept=deaf, receive_buffer=4096)
    backup = upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", timeouts=timeouts(response=600, total=2000)),
                          backup))
    before = daemon.resident_bytes()
    assert chat(daemon, content="x" * 16_000_000).text == "Backup."
    assert daemon.resident_bytes() - before < 100_000_000


@pytest.mark.row(16)
def test_interim_answers_of_the_upstream_do_not_reach_the_client(start, upstream):
    primary = upstream(head("100 Continue") + head("103 Early Hints", "Link: </x>") + plain())
    got = chat(start(config(primary)))
    assert got.status == 200 and got.text == "It works."
