"""What we add to a request (stream_options) is never refused towards a client: it is taken out, and
remembered for that model of that upstream."""

import json

import pytest

from harness import (ROLE, SSE_HEAD, chat, config, error_body, expect_metrics, metric, sse, status,
                     well)

OPENAI = error_body("Unknown parameter: 'stream_options'.", "invalid_request_error",
                    "unknown_parameter", "stream_options")
FASTAPI = json.dumps({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"],
                                  "msg": "Extra inputs are not permitted", "input": {}}]}).encode()
PYTHON = b"create() got an unexpected keyword argument 'stream_options'"


def picky(refusal):
    """Refuses every request with stream_options."""
    def answer(connection, request):
        (refusal if b"stream_options" in request.body else well())(connection, request) \
            if callable(refusal) or b"stream_options" not in request.body \
            else connection.send(refusal)
    return answer


REFUSALS = [
    ("400", status(400, OPENAI)), ("422 of FastAPI", status(422, FASTAPI)),
    ("500 in words", status(500, PYTHON, content_type="text/plain")),
    ("404", status(404, error_body("stream_options: no such field"))),
    ("include_usage", status(400, error_body("include_usage is not supported"))),
    ("an object in a 200", status(200, OPENAI)),
    ("an error event", sse([ROLE, b"data: " + OPENAI + b"\n\n"])),
]


@pytest.mark.parametrize("refusal", [r for _, r in REFUSALS], ids=[name for name, _ in REFUSALS])
@pytest.mark.parametrize("headers", [{}, {"x-understudy-fallback": "off"}])
def test_a_refusal_of_what_we_added_is_mended_at_the_same_upstream_and_remembered(
        start, upstream, refusal, headers):
    primary, backup = upstream(picky(refusal)), upstream()
    daemon = start(config(primary, backup, workers=2))
    first = chat(daemon, stream=True, headers=headers)
    assert first.status == 200 and first.text == "It works." and first.ended == "whole"
    assert first.header("x-understudy-attempts") == "2"
    asked = [b"stream_options" in request.body for request in primary.requests]
    assert asked == [True, False]
    for _ in range(4):
        again = chat(daemon, stream=True, headers=headers)
        assert again.text == "It works." and again.header("x-understudy-attempts") == "1"
    other = chat(daemon, stream=True, model="other", headers=headers)
    assert other.text == "It works." and other.header("x-understudy-attempts") == "2"
    assert not backup.requests
    expect_metrics(daemon, (8, "understudy_attempts_total", {"upstream": "primary"}),
                   (6, "understudy_attempts_total", {"upstream": "primary", "reason": "ok"}),
                   (0, "understudy_failovers_total", {}))


@pytest.mark.parametrize("options", [{"include_usage": True}, {"include_obfuscation": False}])
def test_what_the_client_itself_asked_for_is_refused_to_it(start, upstream, options):
    primary, backup = upstream(picky(status(400, OPENAI))), upstream()
    got = chat(start(config(primary, backup)), stream=True, stream_options=options)
    assert got.status == 400 and got.error["param"] == "stream_options"
    assert len(primary.requests) == 1 and not backup.requests


@pytest.mark.parametrize("answer", [
    status(400, error_body("Unknown parameter: 'seed'.", "invalid_request_error", None, "seed")),
    status(429, error_body("Too many requests for stream_options")),
    status(401, error_body("stream_options need another key"))])
def test_other_refusals_are_not_taken_for_one(start, upstream, answer):
    primary = upstream(answer)
    got = chat(start(config(primary)), stream=True)
    assert got.status in (400, 401, 429) and len(primary.requests) == 1
