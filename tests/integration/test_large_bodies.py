"""Requests of megabytes: looked at while they come, sent in turns, and still the very same bytes."""

import json
import random

import pytest

from harness import LONG_WAIT, Client, config, head, patient, request_bytes, well

BLOCK = 4096  # what is looked at at a time (wire/clear_blocks.hpp)
IMAGE = "data:image/png;base64," + "".join(random.Random(7).choices(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=1000))


def image(size: int) -> str:
    return (IMAGE * (size // len(IMAGE) + 1))[:size]


def body_with(*images: str, model="m") -> bytes:
    """As the official Python package writes it: the model comes behind the messages."""
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in images]
    text = {"type": "text", "text": 'What is this?\n"Quoted", \\ and 🥊 ' + "words " * 2000}
    return json.dumps({"messages": [{"role": "user", "content": [text, *parts, text]}],
                       "model": model, "temperature": 0.50}, ensure_ascii=False).encode()


BODIES = {
    "one image": body_with(image(3_000_000)),
    "ends on a block": body_with(image(300 * BLOCK), image(300 * BLOCK - 1), image(BLOCK)),
    "many small": body_with(*[image(size) for size in range(2 * BLOCK, 400 * BLOCK, 50_001)]),
    "short strings": json.dumps({"model": "m", "messages": [{"content": f"line {i}\n"}
                                                            for i in range(60_000)]}).encode(),
    "sixteen megabytes": body_with(image(16_000_000)),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_large_body_arrives_as_it_was_sent(start, upstream, name):
    primary = upstream()
    body = BODIES[name]
    with Client(start(patient(primary))) as client:
        for cut in (0, 1, 70_000):  # with its head, and in two pieces
            raw = request_bytes(body=body)
            client.send(raw[:cut])
            client.send(raw[cut:])
            assert client.response(LONG_WAIT).status == 200
            assert primary.requests[-1].body == body


def test_a_large_chunked_body_arrives_as_it_was_sent(start, upstream):
    primary = upstream()
    body = BODIES["ends on a block"]
    with Client(start(patient(primary))) as client:
        client.send(request_bytes(headers=[("Transfer-Encoding", "chunked"),
                                           ("Content-Type", "application/json")]))
        sizes = random.Random(3)
        at = 0
        while at < len(body):
            piece = body[at:at + sizes.choice([1, 4096, 60_000, 300_000])]
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            at += len(piece)
        client.send(b"0\r\n\r\n")
        assert client.response(LONG_WAIT).status == 200
    assert primary.requests[-1].body == body


def test_the_model_behind_a_large_image_is_replaced(start, upstream):
    primary = upstream()
    with Client(start(patient(primary.entry("primary", model="other")))) as client:
        client.send(request_bytes(body=body_with(image(2_000_000))))
        assert client.response(LONG_WAIT).status == 200
    assert primary.requests[0].body == body_with(image(2_000_000), model="other")


@pytest.mark.parametrize("broken", [b"\x01", b'"', b"\\q", b"\n"], ids=repr)
def test_a_large_body_that_is_broken_anywhere_is_refused_with_its_place(start, upstream, broken):
    primary = upstream()
    body = BODIES["one image"]
    with Client(start(patient(primary))) as client:
        for place in (600_000, 1_500_000, 2_900_000):
            # The first and the last byte of a block, and one in the middle.
            for at in (place - place % BLOCK, place - place % BLOCK + BLOCK - 1, place):
                client.send(request_bytes(body=body[:at] + broken + body[at + len(broken):]))
                got = client.response(LONG_WAIT)
                assert got.status == 400 and got.error["code"] == "invalid_json", got
                said = int(got.error["message"].rsplit("byte ", 1)[1].rstrip("."))
                assert at <= said <= at + 2, (at, got.error)
        client.send(request_bytes(body=body))
        assert client.response(LONG_WAIT).status == 200
    assert len(primary.requests) == 1


def test_what_was_known_of_one_body_is_forgotten_with_the_next(start, upstream):
    """The second body has its quotes where the first had an image."""
    primary = upstream()
    first, second = BODIES["one image"], BODIES["short strings"]
    with Client(start(patient(primary))) as client:
        for body in (first, second, first, b'{"model":"m"}', second):
            client.send(request_bytes(body=body))
            assert client.response(LONG_WAIT).status == 200
            assert primary.requests[-1].body == body


def test_a_large_body_is_replayed_whole_over_tls(start, upstream, certificates):
    primary = upstream(head("503 Service Unavailable", "Content-Length: 0"))
    backup = upstream(well("Backup."), tls=certificates.context("good"))
    body = BODIES["sixteen megabytes"]
    daemon = start(patient(primary, backup.entry("backup", tls={"ca": certificates.ca})))
    with Client(daemon) as client:
        client.send(request_bytes(body=body))
        assert client.response(LONG_WAIT).text == "Backup."
    assert primary.requests[0].body == body and backup.requests[0].body == body
