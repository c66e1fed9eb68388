"""Request bodies in gzip and zstd: decoded once, before anything reads them, and sent up as they are
without their coding. What cannot be decoded is refused, and what decodes to too much costs little."""

import json
import struct
import time

import pytest

from coding import (MAGIC, block, frame, gzipped, repeat, sized_frame, zstd, zstd_bomb,
                    zstd_in_pieces)
from harness import (LONG_WAIT, MAX_WAIT, Client, ask, as_bytes, chat, chat_body, config, expect_metrics, get,
                     in_turn, patient, plain, plain_and_streamed, request_bytes, status, well)
from tests.support.daemon import wait_until
from test_endpoints import form
from test_keys import KEYS, B
from test_large_bodies import BODIES
from timing import TIME_SCALE

BODY = as_bytes(chat_body(content="Grüße, \"quoted\" " * 40))
CODED = {
    "gzip": ("gzip", gzipped(BODY)),
    "x-gzip": ("X-GZip", gzipped(BODY)),
    "gzip members": ("gzip", gzipped(BODY[:100]) + gzipped(b"") + gzipped(BODY[100:])),
    "zstd": ("zstd", zstd(BODY)),
    "zstd in blocks": ("zstd", zstd_in_pieces(BODY)),
    "zstd frames": ("Zstd", zstd(BODY[:100]) + zstd(b"") + zstd_in_pieces(BODY[100:])),
    "identity": ("identity", BODY),
}
every_coding = pytest.mark.parametrize("name,data", CODED.values(), ids=CODED)
both_codings = pytest.mark.parametrize("name,encode", [("gzip", gzipped), ("zstd", zstd)],
                                       ids=["gzip", "zstd"])


def coded(name: str, **more) -> dict:
    return {"Content-Type": "application/json", "Content-Encoding": name, **more}


def chunked(data: bytes, size: int) -> bytes:
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


# --- what an upstream gets

@every_coding
def test_the_upstream_gets_the_decoded_body_and_no_coding(start, upstream, name, data):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for _ in range(3):
            client.ask(body=data, headers=coded(name))
            assert client.response().text == "It works."
    for request in primary.requests:
        assert request.body == BODY
        assert request.header("content-encoding") is None
        assert request.headers("content-length") == [str(len(BODY))]


@every_coding
def test_a_stream_is_asked_for_inside_the_coding(start, upstream, name, data):
    primary = upstream()
    daemon = start(config(primary))
    body = as_bytes(chat_body(stream=True))
    encode = gzipped if "gzip" in name.lower() else zstd if "zstd" in name.lower() else bytes
    got = ask(daemon, body=encode(body), headers=coded(name))
    assert got.finished and got.text == "It works."
    sent = primary.requests[0].json
    assert sent.pop("stream_options") == {"include_usage": True}, "the body was not spliced"
    assert sent == json.loads(body)


@both_codings
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_chunked_compressed_body_is_decoded(start, upstream, name, encode, size):
    primary = upstream()
    raw = request_bytes(headers=coded(name, **{"Transfer-Encoding": "chunked"}))
    with Client(start(config(primary))) as client:
        client.send(raw)
        for part in chunked(encode(BODY), size).splitlines(keepends=True):
            client.send(part)
        client.ask(body=BODY)
        assert client.response().status == 200 and client.response().status == 200
    assert [request.body for request in primary.requests] == [BODY, BODY]


@both_codings
def test_a_compressed_request_in_single_bytes_is_decoded(start, upstream, name, encode):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for byte in request_bytes(body=encode(BODY), headers=coded(name)):
            client.send(bytes([byte]))
        assert client.response().status == 200
    assert primary.requests[0].body == BODY


@both_codings
def test_the_body_is_asked_for_with_100_continue(start, upstream, name, encode):
    primary = upstream()
    data = encode(BODY)
    raw = request_bytes(body=data, headers=coded(name, Expect="100-continue"))
    with Client(start(config(primary))) as client:
        client.send(raw[:-len(data)])
        assert client.head().status == 100
        client.send(raw[-len(data):])
        assert client.response().status == 200
    assert primary.requests[0].body == BODY and primary.requests[0].header("expect") is None


@plain_and_streamed
def test_pipelined_requests_of_every_coding_are_answered_in_order(start, upstream, stream):
    primary = upstream(lambda c, r: well(r.model)(c, r))
    bodies = [as_bytes(chat_body(stream, model=f"m{i}", content="x" * (7 ** i))) for i in range(6)]
    codings = [("gzip", gzipped), ("zstd", zstd), ("identity", bytes)] * 2
    with Client(start(config(primary))) as client:
        client.send(b"".join(request_bytes(body=encode(body), headers=coded(name))
                             for body, (name, encode) in zip(bodies, codings)))
        assert [client.response().text for _ in bodies] == [f"m{i}" for i in range(6)]
        client.ask(body=BODY)  # and what comes later
        assert client.response().text == "m"
    models = [request.model for request in primary.requests]
    assert models == [f"m{i}" for i in range(6)] + ["m"]


@both_codings
def test_the_next_upstream_gets_the_decoded_body_too(start, upstream, certificates, name, encode):
    primary = upstream(in_turn(status(503), status(500)))
    backup = upstream(well("Backup."), tls=certificates.context("good"))
    daemon = start(config(primary, backup.entry("backup", model="other",
                                                tls={"ca": certificates.ca}),
                          route={"retries": 1, "retry": {"base": "10ms"}}))
    got = ask(daemon, body=encode(BODY), headers=coded(name))
    assert got.text == "Backup." and len(got.trace) == 3
    assert [request.body for request in primary.requests] == [BODY, BODY]
    assert backup.requests[0].body == BODY.replace(b'"model": "m"', b'"model": "other"')
    for request in primary.requests + backup.requests:
        assert request.header("content-length") == str(len(request.body))
        assert request.header("content-encoding") is None


# --- what is decided by the body

@both_codings
def test_the_decoded_model_chooses_the_route(start, upstream, name, encode):
    one, two = upstream(well("one")), upstream(well("two"))
    daemon = start(config(one.entry("one"), two.entry("two"), routes=[
        {"model": "a-*", "chain": ["one"]},
        {"model": "*", "when": {"tools": True}, "chain": ["one"]},
        {"model": "*", "chain": ["two"]}]))
    tools = [{"type": "function", "function": {"name": "f"}}]
    for body, text in ((chat_body(model="a-1"), "one"), (chat_body(model="b"), "two"),
                       (chat_body(model="b", tools=tools), "one")):
        assert ask(daemon, body=encode(as_bytes(body)), headers=coded(name)).text == text


@both_codings
def test_a_key_is_authorised_for_the_decoded_model(start, upstream, name, encode):
    primary = upstream()
    daemon = start(config(primary, keys=KEYS))
    def asked(model: str, key: str):
        return ask(daemon, body=encode(as_bytes(chat_body(model=model))),
                   headers=coded(name, Authorization=f"Bearer {key}"))
    assert asked("gpt-4o-mini", B).status == 200
    refused = asked("o3", B)
    assert refused.status == 403 and refused.error["code"] == "model_not_allowed"
    assert asked("gpt-4o", "wrong").status == 401
    assert len(primary.requests) == 1


@both_codings
def test_two_models_inside_a_coding_are_seen(start, upstream, name, encode):
    primary = upstream()
    got = ask(start(config(primary)), body=encode(b'{"model":"a","messages":[],"Model":"b"}'),
              headers=coded(name))
    assert got.status == 400 and got.error["param"] == "model" and not primary.requests


@both_codings
def test_a_compressed_form_is_read_and_spliced(start, upstream, name, encode):
    primary = upstream(plain({"text": "hello"}))
    daemon = start(config(primary.entry("primary", model="whisper-large")))
    body, headers = form()
    got = ask(daemon, path="/v1/audio/transcriptions", body=encode(body),
              headers={**headers, "Content-Encoding": name})
    assert got.json == {"text": "hello"}
    assert primary.requests[0].body == form(model=b"whisper-large")[0]
    assert primary.requests[0].header("content-type") == headers["Content-Type"]


@both_codings
def test_a_problem_in_the_body_is_told_by_its_place_in_the_decoded_one(start, upstream, name,
                                                                       encode):
    with Client(start(config(upstream()))) as client:
        client.ask(body=encode(b'{"model": nonsense}'), headers=coded(name))
        got = client.response()
        assert got.status == 400 and got.error["code"] == "invalid_json"
        assert "byte 10" in got.error["message"]
        client.ask(body=encode(BODY), headers=coded(name))
        assert client.response().status == 200


@both_codings
@pytest.mark.parametrize("size", BODIES)
def test_a_large_compressed_body_arrives_decoded(start, upstream, name, encode, size):
    primary = upstream()
    body = BODIES[size]
    with Client(start(patient(primary))) as client:
        for _ in range(2):
            client.ask(body=encode(body), headers=coded(name))
            assert client.response(LONG_WAIT).status == 200
            assert primary.requests[-1].body == body
        client.ask(body=BODIES["short strings"])
        assert client.response().status == 200
    assert primary.requests[-1].body == BODIES["short strings"]


def test_an_administrative_path_does_not_care_for_codings(start, upstream):
    with Client(start(config(upstream()))) as client:
        for name in ("br", "gzip"):
            client.ask("GET", "/healthz", body=b"nothing of the kind", headers=coded(name))
            assert client.response().status == 200
        client.ask("GET", "/v1/models", headers={"Content-Encoding": "br"})
        assert client.response().status == 200


# --- what is refused

@pytest.mark.parametrize("fields", [
    ["br"], ["deflate"], ["compress"], ["gzip, zstd"], ["gzip, gzip"], ["gzip", "gzip"],
    ["identity", "gzip"], ["zstd;level=3"], ["aws-chunked"], ["*"]], ids=repr)
def test_another_coding_gets_415_and_the_list_of_those_that_are_read(start, upstream, fields):
    primary = upstream()
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(body=gzipped(BODY), headers=[("Content-Type", "application/json"),
                                                *(("Content-Encoding", f) for f in fields)])
        got = client.response()
        assert got.status == 415 and got.ended == "whole"
        assert got.error["code"] == "unsupported_content_encoding"
        assert got.error["type"] == "understudy_error"
        assert got.header("accept-encoding") == "gzip, zstd, identity"
        assert all(word in got.error["message"] for word in ("gzip", "zstd", "identity"))
        assert client.at_end() == "fin", "the body was not read, so nothing can follow"
    assert not primary.requests
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "rejected"}))


def test_a_coding_that_is_not_read_is_refused_before_the_body_is_sent(start, upstream):
    with Client(start(config(upstream()))) as client:
        client.send(request_bytes(headers=coded("br", Expect="100-continue",
                                                **{"Content-Length": "5000"})))
        assert client.response().status == 415


@pytest.mark.parametrize("headers,code", [({}, 401), ({"Authorization": f"Bearer {B}"}, 415)])
def test_a_key_is_asked_for_before_the_coding(start, upstream, headers, code):
    daemon = start(config(upstream(), keys=KEYS))
    assert ask(daemon, body=BODY, headers=coded("br", **headers)).status == code


GZIP, ZSTD = gzipped(BODY), zstd(BODY)
BROKEN = {
    "gzip: plain text": ("gzip", BODY),
    "gzip: empty": ("gzip", b""),
    "gzip: cut": ("gzip", GZIP[:-1]),
    "gzip: cut in its header": ("gzip", GZIP[:5]),
    "gzip: half": ("gzip", GZIP[:len(GZIP) // 2]),
    "gzip: a wrong checksum": ("gzip", GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:]),
    "gzip: a wrong length": ("gzip", GZIP[:-4] + b"\0\0\0\0"),
    "gzip: a byte behind it": ("gzip", GZIP + b"\n"),
    "gzip: garbage behind it": ("gzip", GZIP + BODY),
    "gzip: zeros behind it": ("gzip", GZIP + bytes(512)),
    "gzip: a second member that is cut": ("gzip", GZIP + GZIP[:20]),
    "gzip: it is zstd": ("gzip", ZSTD),
    "gzip: it is zlib": ("gzip", __import__("zlib").compress(BODY)),
    "zstd: plain text": ("zstd", BODY),
    "zstd: empty": ("zstd", b""),
    "zstd: cut": ("zstd", ZSTD[:-1]),
    "zstd: cut in its header": ("zstd", ZSTD[:5]),
    "zstd: no last block": ("zstd", frame(block(BODY))),
    "zstd: a reserved block": ("zstd", frame(b"\x07\0\0")),
    "zstd: a byte behind it": ("zstd", ZSTD + b"\n"),
    "zstd: garbage behind it": ("zstd", ZSTD + BODY),
    "zstd: a second frame that is cut": ("zstd", ZSTD + ZSTD[:20]),
    "zstd: less than it says": ("zstd", sized_frame(len(BODY) + 1, block(BODY, last=True))),
    "zstd: more than it says": ("zstd", sized_frame(len(BODY) - 1, block(BODY, last=True))),
    "zstd: a dictionary": ("zstd", MAGIC + b"\x01\x38\x07" + block(BODY, last=True)),
    "zstd: it is gzip": ("zstd", GZIP),
}


@pytest.mark.parametrize("name,data", BROKEN.values(), ids=BROKEN)
def test_what_does_not_decode_is_refused_and_the_connection_goes_on(start, upstream, name, data):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.send(request_bytes(body=data, headers=coded(name)) + request_bytes(body=BODY))
        got = client.response()
        assert got.status == 400 and got.error["code"] == "invalid_request", got
        assert f"decoded as {name}" in got.error["message"]
        assert client.response().status == 200, "the request behind it was lost"
    assert [request.body for request in primary.requests] == [BODY]


def test_every_cut_of_a_body_is_refused(start, upstream):
    primary = upstream()
    small = as_bytes({"model": "m", "messages": []})
    with Client(start(config(primary))) as client:
        for name, data in (("gzip", gzipped(small)), ("zstd", zstd(small))):
            for size in range(len(data)):
                client.ask(body=data[:size], headers=coded(name))
                assert client.response().status == 400, (name, size)
    assert not primary.requests


def test_a_zstd_window_beyond_eight_megabytes_is_refused_with_what_to_do(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for log in (24, 27, 31, 41):
            client.ask(body=frame(block(BODY, last=True), window_log=log), headers=coded("zstd"))
            got = client.response()
            assert got.status == 400 and "8 MiB" in got.error["message"]
        client.ask(body=frame(block(BODY, last=True), window_log=23), headers=coded("zstd"))
        assert client.response().status == 200


# --- limits

@both_codings
def test_limits_body_bounds_what_a_body_decodes_to(start, upstream, name, encode):
    primary = upstream()
    daemon = start(config(primary, limits={"body": "64KiB"}))
    fits = as_bytes({"model": "m", "messages": [], "x": ""})
    fits = fits[:-2] + b"a" * (64 * 1024 - len(fits)) + fits[-2:]
    with Client(daemon) as client:
        for body, code in ((fits, 200), (fits + b" ", 413), (fits, 200)):
            client.ask(body=encode(body), headers=coded(name))
            got = client.response()
            assert got.status == code
            if code == 413:
                assert got.error["code"] == "body_too_large"
    assert [len(request.body) for request in primary.requests] == [64 * 1024] * 2


@pytest.mark.parametrize("name,bomb", [
    ("gzip", gzipped(bytes(64 << 20), 9)), ("zstd", zstd(bytes(64 << 20), 19)),
    ("zstd", zstd_bomb(64 << 20)), ("zstd", sized_frame(2 ** 63, repeat(b"0", 100, last=True))),
    ("zstd", frame(repeat(b"0", 100), block(b"", last=True)) * 20_000)],
    ids=["gzip", "zstd", "zstd of unknown size", "zstd that says so", "many frames"])
def test_a_bomb_is_refused_and_leaves_no_memory_behind(start, upstream, name, bomb):
    primary = upstream()
    daemon = start(config(primary, limits={"body": "1MiB"}))
    chat(daemon)
    before = daemon.resident_bytes()
    for _ in range(20):
        got = ask(daemon, body=bomb, headers=coded(name))
        assert got.status == 413 and got.error["code"] == "body_too_large"
    if TIME_SCALE == 1:  # a sanitizer keeps freed memory
        assert daemon.resident_bytes() - before < 12_000_000
    assert len(primary.requests) == 1


@both_codings
def test_what_a_body_decodes_to_counts_against_the_memory(start, upstream, name, encode):
    primary = upstream()
    daemon = start(config(primary, limits={"memory": "16MiB", "body": "16MiB"}))
    bomb = encode(json.dumps({"model": "m", "messages": [], "x": "0" * 16_770_000}).encode())
    with Client(daemon) as client:
        client.ask(body=bomb, headers=coded(name))
        got = client.response()
        assert got.status == 503 and got.error["code"] == "overloaded"
        assert got.header("retry-after") == "1"
        client.ask(body=encode(BODY), headers=coded(name))
        assert client.response().status == 200
    assert len(primary.requests) == 1


def test_the_window_of_zstd_counts_against_the_memory(start, upstream):
    primary = upstream()
    daemon = start(config(primary, limits={"memory": "6MiB", "body": "1MiB"}))
    with Client(daemon) as client:
        for log, code in ((23, 503), (20, 200), (23, 503), (20, 200)):
            client.ask(body=frame(block(BODY, last=True), window_log=log), headers=coded("zstd"))
            assert client.response().status == code, log
    assert len(primary.requests) == 2


def test_others_are_served_while_a_large_body_is_decoded(start, upstream):
    primary = upstream()
    daemon = start(config(primary, limits={"body": "192MiB"}))
    body = b'{"model":"m","messages":[],"x":"' + b"0" * (160 << 20) + b'"}'
    raw = request_bytes(body=gzipped(body, 1), headers=coded("gzip"))
    with Client(daemon) as slow, Client(daemon) as quick:
        quick.ask("GET", "/healthz")
        assert quick.response().status == 200
        slow.send(raw)
        served = 0
        until = time.monotonic() + MAX_WAIT
        while not primary.connections and time.monotonic() < until:
            quick.ask("GET", "/healthz")
            assert quick.response().status == 200
            served += 1
        assert primary.connections and served > 20, served
    wait_until(lambda: get(daemon, "/healthz").status == 200, "/healthz")


def test_a_body_of_frames_that_hold_nothing_holds_nobody_up(start, upstream):
    """Work without output: half a million empty frames, and blocks, and skippable frames."""
    daemon = start(config(upstream()))
    empty = frame(block(b"", last=True))
    blocks = frame(*[block(b"")] * 1_000_000, block(b"", last=True))
    skipped = struct.pack("<II", 0x184D2A50, 0) * 500_000
    members = gzipped(b"") * 200_000
    with Client(daemon) as slow, Client(daemon) as quick:
        for name, data in (("zstd", empty * 500_000), ("zstd", blocks), ("zstd", skipped),
                           ("gzip", members)):
            slow.ask(body=data, headers=coded(name))
            quick.ask("GET", "/healthz")
            assert quick.response().status == 200
            got = slow.response(MAX_WAIT)
            assert got.status == 400 and got.error["code"] == "invalid_json", got
