"""Answers that an upstream compresses whatever it is told, where they are put into another API's words or go on
with another upstream's stream: they are decoded, piece by piece and within the limits, and whatever is not in
its coding is no answer."""

import json
import threading
import time
import zlib

import pytest

from coding import zstd, zstd_in_pieces
from harness import (DONE, FINISH, LAST_CHUNK, Client, ask, chat, chat_body, chunk, completion, config,
                     expect_metrics, gzipped, head, plain, plain_and_streamed, status, steps, stream_events,
                     well, words)
from natives import (MESSAGE_STOP, anthropic_error, block_start, block_stop, message, message_body,
                     message_delta, message_events, message_start, native, text_delta, typed)

def bare(data: bytes) -> bytes:
    """Deflated, and nothing around it, as many servers understand the word."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = {"gzip": gzipped, "x-gzip": gzipped, "deflate": zlib.compress, "zstd": zstd}
KEY = "sk-secret-0123456789"


def one(start, upstream, answer, dialect="messages", backup=None, limits=None, **settings):
    """A daemon on an upstream of that dialect and a healthy one of chat's behind it."""
    primary, other = upstream(answer), upstream(backup or well("Backup."))
    more = {} if limits is None else {"limits": limits}
    return start(config(native(primary, "primary", dialect, **settings), other.entry("backup"), **more))


def coded_stream(body: bytes, coding="gzip", size=None, length=True, *fields: str):
    """A stream in that coding, in pieces of `size` bytes."""
    framing = f"Content-Length: {len(body)}" if length else "Connection: close"
    answer = head("200 OK", "Content-Type: text/event-stream", f"Content-Encoding: {coding}", framing, *fields)

    def send(connection, request):
        connection.send(answer)
        connection.pieces(body, size or max(len(body), 1))
        if not length:
            connection.close()
    return send


def coded_plain(body: bytes, coding="gzip"):
    return plain(body, f"Content-Encoding: {coding}")


@pytest.mark.parametrize("coding", CODINGS)
@plain_and_streamed
def test_a_compressed_answer_is_told_in_the_clients_words(start, upstream, stream, coding):
    pack = CODINGS[coding]
    answer = coded_stream(pack(b"".join(message_events("It is packed."))), coding) if stream \
        else coded_plain(pack(message("It is packed.")), coding)
    daemon = one(start, upstream, answer)
    got = chat(daemon, stream=stream, stream_options={"include_usage": True})
    assert got.status == 200 and got.ended == "whole" and got.text == "It is packed."
    assert got.header("content-encoding") is None and got.header("x-understudy-upstream") == "primary"
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}),
                   (6, "understudy_tokens_total", {"type": "output", "upstream": "primary"}))


@pytest.mark.parametrize("size", [None, 1], ids=["at once", "by bytes"])
@pytest.mark.parametrize("dialect", ["chat", "messages"])
@plain_and_streamed
def test_what_is_called_deflate_may_be_bare(start, upstream, stream, dialect, size):
    said = {("chat", False): completion("It is packed."), ("chat", True): b"".join(stream_events("It is packed.")),
            ("messages", False): message("It is packed."),
            ("messages", True): b"".join(message_events("It is packed."))}[dialect, stream]
    packed = bare(said)
    answer = coded_stream(packed, "deflate", size) if stream else steps(
        coded_plain(packed, "deflate")[:-len(packed)], lambda connection: connection.pieces(packed, size or 10_000))
    daemon = one(start, upstream, answer, dialect)
    got = chat(daemon, stream=stream, stream_options={"include_usage": True})
    assert got.status == 200 and got.ended == "whole" and got.header("x-understudy-upstream") == "primary"
    if got.header("content-encoding"):
        assert got.header("content-encoding") == "deflate" and got.body == packed
    else:
        assert got.text == "It is packed."
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}),
                   (5 if dialect == "chat" else 6, "understudy_tokens_total", {"type": "output", "upstream": "primary"}))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("harm", ["cut", "none of it", "under another name"])
def test_what_is_not_deflated_is_no_answer(start, upstream, coding, harm):
    packed = bare(completion("It is packed."))
    body = {"cut": packed[:-3], "none of it": completion("Not packed."), "under another name": packed}[harm]
    got = chat(one(start, upstream, coded_plain(body, coding), "chat"))
    fits = harm == "under another name" and coding == "deflate"
    assert got.header("x-understudy-upstream") == ("primary" if fits else "backup")


def test_a_compressed_answer_of_chat_is_told_to_a_client_of_messages(start, upstream):
    packed = gzipped(b"".join(stream_events("It is packed.")))
    primary = upstream(lambda connection, request: (
        coded_stream(packed)(connection, request) if request.wants_stream
        else connection.send(coded_plain(gzipped(completion("It is packed."))))))
    daemon = start(config(primary.entry("primary")))
    got = ask(daemon, path="/v1/messages", body=message_body(False))
    assert got.json["content"][0]["text"] == "It is packed."
    got = ask(daemon, path="/v1/messages", body=message_body(True))
    assert b"packed." in got.body and got.body.count(b"message_stop") == 2 and got.ended == "whole"


def in_members(data: bytes, size=100) -> bytes:
    """gzip members in a row (RFC 1952 2.2), and what some servers pad them with."""
    return b"".join(gzipped(data[at:at + size]) for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 20, 1000])
@plain_and_streamed
def test_members_of_gzip_in_a_row_are_one_answer(start, upstream, stream, size):
    data = b"".join(message_events("It is packed.")) if stream else message("It is packed.")
    packed = in_members(data) + b"\0" * 8
    daemon = one(start, upstream, coded_stream(packed, size=size) if stream else coded_plain(packed))
    got = chat(daemon, stream=stream)
    assert got.status == 200 and got.ended == "whole" and got.text == "It is packed."


def test_members_of_gzip_that_are_passed_on_as_they_came_are_metered(start, upstream):
    packed = in_members(b"".join(message_events("It is packed.")))
    daemon = one(start, upstream, coded_stream(packed, size=50))
    got = ask(daemon, path="/v1/messages", body=message_body(stream=True))
    assert got.ended == "whole" and got.body == packed
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}),
                   (6, "understudy_tokens_total", {"type": "output", "upstream": "primary"}))


@pytest.mark.parametrize("size", [1, 2, 7, 63])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_compressed_stream_is_the_same_however_it_is_cut(start, upstream, coding, size):
    events = b"".join(message_events("Caf\u00e9 is here."))
    packed = gzipped(events) if coding == "gzip" else zstd_in_pieces(events)
    got = chat(one(start, upstream, coded_stream(packed, coding, size)), stream=True)
    assert got.text == "Caf\u00e9 is here." and got.finished and got.ended == "whole"


def test_each_event_goes_on_as_it_is_flushed(start, upstream):
    go_on = threading.Event()
    packer = zlib.compressobj(wbits=31)
    first = b"".join([message_start(), block_start(), text_delta("One")])
    rest = b"".join([text_delta(" two"), block_stop(), message_delta(), MESSAGE_STOP])
    first = packer.compress(first) + packer.flush(zlib.Z_SYNC_FLUSH)
    rest = packer.compress(rest) + packer.flush()
    answer = head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                  "Transfer-Encoding: chunked")
    daemon = one(start, upstream, steps(answer + chunk(first), lambda c: c.wait(go_on),
                                        chunk(rest) + LAST_CHUNK))
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda r: "One" in r.text)
        assert got.text == "One" and client.quiet()
        go_on.set()
        assert client.body(got).text == "One two" and got.finished


GARBAGE = {"garbage": b"this is in no coding at all", "nothing": b"",
           "as it is": message("Not packed."), "another coding": zstd(message("Not packed."))}


@pytest.mark.parametrize("what", GARBAGE)
@plain_and_streamed
def test_what_is_not_in_its_coding_is_no_answer(start, upstream, stream, what):
    body = GARBAGE[what]
    if stream and what == "as it is":
        body = b"".join(message_events("Not packed."))
    answer = coded_stream(body) if stream else coded_plain(body)
    got = chat(one(start, upstream, answer), stream=stream)
    assert got.status == 200 and got.text == "Backup." and got.trace[0][1] == "malformed"


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "compress"])
def test_a_coding_that_nobody_reads_here_is_no_answer(start, upstream, coding):
    got = chat(one(start, upstream, coded_plain(gzipped(message("Hidden.")), coding)))
    assert got.text == "Backup." and got.trace[0][1] == "malformed"


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_plain_answer_whose_coding_is_cut_is_no_answer(start, upstream, keep):
    packed = gzipped(message("Cut. " * 50))
    got = chat(one(start, upstream, coded_plain(packed[:int(len(packed) * keep)])))
    assert got.text == "Backup." and got.trace[0][1] == "malformed"


def test_a_stream_whose_coding_is_cut_before_its_first_word_falls_back(start, upstream):
    packed = gzipped(message_start())
    got = chat(one(start, upstream, coded_stream(packed[:-9])), stream=True)
    assert got.text == "Backup." and got.trace[0][1] == "malformed"


def half_packed() -> bytes:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"".join([message_start(), block_start(), text_delta("Half an")]))
    return first + packer.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("rest", [LAST_CHUNK, chunk(b"\xff" * 100) + LAST_CHUNK, None],
                         ids=["its end", "garbage", "a reset"])
def test_a_stream_whose_coding_is_cut_behind_its_first_word_breaks_off(start, upstream, rest):
    answer = head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                  "Transfer-Encoding: chunked")
    go_on = threading.Event()
    daemon = one(start, upstream, steps(answer + chunk(half_packed()), lambda c: c.wait(go_on),
                                        rest or (lambda c: c.reset())))
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda r: "Half an" in r.text)
        go_on.set()
        client.body(got)
    assert got.text == "Half an" and got.ended != "whole" and not got.finished
    assert got.stream_error["code"] == "stream_interrupted"


def bomb(front: bytes, byte: bytes, times: int) -> bytes:
    """A little that decodes to `times` megabytes behind `front`."""
    packer = zlib.compressobj(9, wbits=31)
    out = packer.compress(front)
    for _ in range(times):
        out += packer.compress(byte * 1_000_000)
    return out + packer.flush()


@plain_and_streamed
def test_a_bomb_is_no_answer_and_does_not_fill_the_memory(start, upstream, stream):
    front = b"".join([message_start(), b"data: "]) if stream else b'{"content":["'
    packed = bomb(front, b"0", 300)
    primary = upstream(coded_stream(packed) if stream else coded_plain(packed))
    daemon = start(config(native(primary, "primary", "messages"), upstream(well("Backup.")).entry("backup")),
                   env={"ASAN_OPTIONS": "quarantine_size_mb=1"})  # freed is freed
    before = daemon.resident_bytes()
    got = chat(daemon, stream=stream)
    assert got.text == "Backup." and got.trace[0][1] == "malformed"
    assert daemon.resident_bytes() - before < 60_000_000


def test_a_bomb_behind_the_first_word_breaks_off(start, upstream):
    front = b"".join([message_start(), block_start(), text_delta("Half an"), b"data: "])
    daemon = one(start, upstream, coded_stream(bomb(front, b"0", 300)),
                 limits={"buffer_response": "1MiB"})
    before = daemon.resident_bytes()
    got = chat(daemon, stream=True)
    assert not got.finished and got.text in ("Half an", "Backup.")
    assert daemon.resident_bytes() - before < 60_000_000


def test_many_events_in_few_bytes_flow_without_filling_the_memory(start, upstream):
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(message_start() + block_start())
    event = text_delta("x" * 200)
    for _ in range(500):
        body += packer.compress(event * 100)
    body += packer.compress(block_stop() + message_delta() + MESSAGE_STOP) + packer.flush()
    daemon = one(start, upstream, coded_stream(body, size=1000))
    before = daemon.resident_bytes()
    got = chat(daemon, stream=True)
    assert got.finished and len(got.text) == 200 * 500 * 100
    assert daemon.resident_bytes() - before < 40_000_000


def test_what_decodes_to_more_than_the_memory_holds_is_told_as_overload(start, upstream):
    packed = gzipped(message("x" * 6_000_000))
    daemon = one(start, upstream, coded_plain(packed), limits={"memory": "4MiB", "buffer_response": "2MiB",
                                                               "body": "1MiB"})
    got = chat(daemon)
    assert got.status == 503 and got.error["code"] == "overloaded"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_error_is_read_in_any_coding(start, upstream, coding):
    packed = CODINGS[coding](anthropic_error("rate_limit_error", "Slow down"))
    daemon = start(config(native(upstream(status(429, packed, f"Content-Encoding: {coding}")), "primary",
                                 "messages")))
    got = chat(daemon)
    assert got.status == 429 and got.error["message"] == "Slow down"
    assert got.header("content-encoding") is None


@pytest.mark.parametrize("body,coding", [(b"neither", "gzip"), (gzipped(anthropic_error())[:-9], "gzip"),
                                         (zstd(anthropic_error())[:-3], "zstd"),
                                         (b"\x0b\x02\x80", "br")])
def test_of_a_compressed_error_that_cannot_be_read_the_status_is_left(start, upstream, body, coding):
    daemon = start(config(native(upstream(status(503, body, f"Content-Encoding: {coding}")), "primary",
                                 "messages")))
    got = chat(daemon)
    assert got.status == 503 and "said nothing that can be read" in got.error["message"]


def refused(start, upstream, answer, lane):
    """Errors are decoded for a client of another API, and for one of a stream that may hear of us before."""
    primary = upstream(answer)
    clear = lane == "in the clear"
    entry = primary.entry("primary") if clear else native(primary, "primary", "messages")
    route = {"model": "*", "chain": ["primary"], "retries": 0, **({"keepalive": "10s"} if clear else {})}
    return chat(start(config(entry, routes=[route])), stream=lane != "translated")


LANES = pytest.mark.parametrize("lane", ["translated", "translated stream", "in the clear"])


UNREADABLE = {"no gzip": (b"neither", "gzip"), "cut": (gzipped(anthropic_error())[:-9], "gzip"),
              "cut zstd": (zstd(anthropic_error())[:-3], "zstd"), "brotli": (b"\x0b\x02\x80", "br"),
              "nothing": (b"", "gzip")}


@LANES
@pytest.mark.parametrize("body,coding", UNREADABLE.values(), ids=UNREADABLE)
def test_an_error_that_cannot_be_read_is_told_in_our_words(start, upstream, lane, body, coding):
    got = refused(start, upstream, status(503, body, f"Content-Encoding: {coding}", "Retry-After: 7"), lane)
    assert got.status == 503 and got.error["code"] == "upstream_error" and got.header("retry-after") == "7"
    assert "said nothing that can be read" in got.error["message"] and "primary/m: HTTP 503" in got.error["message"]
    assert got.header("content-encoding") is None


def long_error(size=3_000_000) -> bytes:
    return b'{"error":{"message":"Slow down","type":"rate_limit_error","trace":"' + b"x" * size + b'"}}'


@LANES
@pytest.mark.parametrize("coding", [None, *CODINGS])
def test_of_an_error_too_large_to_be_held_its_beginning_is_told(start, upstream, lane, coding):
    body = CODINGS[coding](long_error()) if coding else long_error()
    fields = [f"Content-Encoding: {coding}"] if coding else []
    got = refused(start, upstream, status(429, body, *fields), lane)
    assert got.status == 429 and got.error["code"] == "upstream_error" and len(got.body) < 10_000
    assert "Slow down" in got.error["message"] and "primary/m: HTTP 429" in got.error["message"]


def test_in_the_beginning_of_an_error_too_large_a_key_is_masked(start, upstream):
    body = gzipped(b'{"error":{"message":"Not with ' + KEY.encode() + b'"' + b" " * 2_000_000 + b"}}")
    primary = upstream(status(401, body, "Content-Encoding: gzip"))
    got = chat(start(config(native(primary, "primary", "messages", api_key=KEY))))
    assert got.status == 401 and "Not with ***" in got.error["message"] and KEY.encode() not in got.body


@plain_and_streamed
def test_an_error_inside_a_compressed_200_is_an_error(start, upstream, stream):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    answer = coded_stream(gzipped(typed("error", error=error["error"]))) if stream \
        else coded_plain(gzipped(json.dumps(error).encode()))
    got = chat(one(start, upstream, answer), stream=stream)
    assert got.text == "Backup." and got.trace[0][1] == "malformed"


@plain_and_streamed
def test_an_upstreams_own_key_is_masked_where_it_is_decoded(start, upstream, stream):
    said = f"key {KEY}"
    answer = coded_stream(gzipped(b"".join(message_events(said))), "gzip", 11) if stream \
        else coded_plain(gzipped(message(said)))
    got = chat(one(start, upstream, answer, api_key=KEY), stream=stream)
    assert got.header("x-understudy-upstream") == "primary"
    assert got.text == f"key {'*' * len(KEY)}" and KEY.encode() not in got.body


def test_a_compressed_stream_that_breaks_is_gone_on_with_by_a_compressed_one(start, upstream):
    packer = zlib.compressobj(wbits=31)
    half = packer.compress(b"".join([message_start(), block_start(), text_delta("One two three four "),
                                     text_delta("five")])) + packer.flush(zlib.Z_SYNC_FLUSH)
    rest = gzipped(b"".join(stream_events("One two three four five six.")))
    go_on = threading.Event()
    primary = upstream(steps(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                                  "Connection: close") + half, lambda c: c.wait(go_on), lambda c: c.close()))
    backup = upstream(coded_stream(rest))
    daemon = start(config(native(primary, "primary", "messages", model="c"),
                          backup.entry("backup", continuation="restart"), route={"midstream": "continue"}))
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        got = client.body(client.head(), until=lambda r: "five" in r.text)
        go_on.set()
        client.body(got)
    assert got.text == "One two three four five six." and got.finished
    assert b": understudy rescue" in got.body
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rescued"}))


def test_where_a_client_may_hear_of_us_a_compressed_stream_is_decoded(start, upstream):
    body = b"".join([*words("It is packed."), FINISH, DONE])
    primary = upstream(coded_stream(gzipped(body)))
    daemon = start(config(primary.entry("primary"), route={"keepalive": "10s"}))
    got = chat(daemon, stream=True, stream_options={"include_usage": True})
    assert got.header("content-encoding") is None and got.body == body and got.ended == "whole"


@pytest.mark.parametrize("last", [1, 4, 8])
def test_an_answer_whose_end_can_be_read_before_its_coding_has_ended_is_passed_on_whole(start, upstream, last):
    packed = gzipped(b"".join(stream_events("It is packed.")))

    def answer(connection, request):
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             f"Content-Length: {len(packed)}") + packed[:-last])
        threading.Event().wait(0.3)
        connection.send(packed[-last:])
    daemon = start(config(upstream(answer)))
    got = chat(daemon, stream=True, stream_options={"include_usage": True})
    assert got.ended == "whole" and got.header("content-encoding") == "gzip" and got.body == packed


@pytest.mark.parametrize("how", ["hold", "close"])
@pytest.mark.parametrize("choices", [1, 2])
def test_an_answer_that_is_whole_but_for_the_end_of_its_coding_counts_as_whole(start, upstream, how, choices):
    packed = gzipped(b"".join(stream_events("It is packed.")))[:-8]

    def answer(connection, request):
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             "Transfer-Encoding: chunked") + chunk(packed))
        {"hold": connection.hold, "close": connection.close}[how]()
    daemon = start(config(upstream(answer).entry("primary", min_rate="9/1s", timeouts={"idle": "1s"})))
    got = chat(daemon, stream=True, n=choices, stream_options={"include_usage": True})
    assert got.body == packed
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}))


def test_the_end_of_a_coding_is_not_waited_for_as_long_as_an_answer(start, upstream):
    packed = gzipped(b"".join(stream_events("It is packed.")))[:-8]

    def answer(connection, request):
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             "Transfer-Encoding: chunked") + chunk(packed))
        connection.hold()
    daemon = start(config(upstream(answer)))  # timeouts.idle is 60 s
    began = time.monotonic()
    got = chat(daemon, stream=True, stream_options={"include_usage": True}, timeout=50)
    assert got.body == packed and 4 < time.monotonic() - began < 40


def test_a_client_that_leaves_at_the_marker_has_had_its_answer(start, upstream):
    packed = gzipped(b"".join(stream_events("It is packed.")))[:-8]

    def answer(connection, request):
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             "Transfer-Encoding: chunked") + chunk(packed))
        connection.hold()
    daemon = start(config(upstream(answer)))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True, stream_options={"include_usage": True}))
        client.body(client.head(), until=lambda got: got.body == packed)
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "ok"}),
                   (0, "understudy_attempts_total", {"reason": "client_closed"}))
