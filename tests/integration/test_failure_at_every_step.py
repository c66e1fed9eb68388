"""The happy path, replayed once per step with a failure injected at that step: close, reset, stall.
Wherever it strikes, the client has the whole answer, or sees that it does not; nothing is tried more
often than allowed; the counters settle and no descriptor stays behind."""

import time

import pytest

from harness import (DONE, FINISH, MAX_WAIT, PING, ROLE, SSE_HEAD, Client, chat,
                     chat_body, chunk, close, completion, config, event, expect_metrics, head,
                     plain, request_bytes, reset, seconds, silent, timeouts, usage_event, well)
from tests.support.daemon import wait_until

TEXT = "The whole answer."
WORDS = [event({"content": word}) for word in ("The ", "whole ", "answer.")]
ANSWER = plain(completion(TEXT))
BODY = ANSWER.index(b"\r\n\r\n") + 4

PLAIN_STEPS = [ANSWER[:9], ANSWER[9:40], ANSWER[40:BODY], ANSWER[BODY:BODY + 1],
               ANSWER[BODY + 1:-1], ANSWER[-1:]]
CHUNKED_STEPS = [
    head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked"),
    b"%x\r\n" % len(completion(TEXT)), completion(TEXT)[:50], completion(TEXT)[50:], b"\r\n",
    b"0\r\n", b"\r\n"]
STREAM_STEPS = [SSE_HEAD[:20], SSE_HEAD[20:], chunk(ROLE), chunk(PING), chunk(WORDS[0])[:30],
                chunk(WORDS[0])[30:], chunk(WORDS[1]), chunk(WORDS[2][:25]), chunk(WORDS[2][25:]),
                chunk(FINISH), chunk(usage_event()), chunk(DONE), b"0\r\n", b"\r\n"]
FAULTS = {"close": close, "reset": reset, "stall": silent}
LIMITS = timeouts(first_token=350, response=350, idle=350)


def broken_after(steps, count, fault):
    def answer(connection, request):
        for step in steps[:count]:
            connection.send(step)
        fault(connection)
    return answer


def scenarios():
    for name, steps in (("plain", PLAIN_STEPS), ("chunked", CHUNKED_STEPS),
                        ("streamed", STREAM_STEPS)):
        for fault in FAULTS:
            yield pytest.param(name, steps, fault, id=f"{name}-{fault}")


@pytest.mark.row(11, 19, 33, 34, 35, 36)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("framing,steps,fault", scenarios())
def test_a_failure_at_any_step_of_the_answer_is_rescued_or_visible(
        start, upstream, certificates, framing, steps, fault, secure):
    stream = framing == "streamed"
    primary = upstream(tls=certificates.context("good") if secure else None)
    backup = upstream(well(TEXT))
    # A stall ends with a limit; an end of the connection is noticed by itself, long before one.
    limits = LIMITS if fault == "stall" else timeouts()
    daemon = start(config(primary.entry("primary", timeouts=limits, tls={"ca": certificates.ca}),
                          backup))
    chat(daemon, stream=stream)  # warm: the connections that are kept are open
    chat(daemon, stream=stream, headers={"x-understudy-chain": "backup"})
    files = daemon.open_files()
    for count in range(len(steps) + 1):
        primary.answer = broken_after(steps, count, FAULTS[fault])
        before = len(primary.requests), len(backup.requests)
        began = time.monotonic()
        got = chat(daemon, stream=stream)
        assert time.monotonic() - began < seconds(3), (count, "the end was not noticed")
        # A finish_reason says that the answer is whole, even if nothing came after it.
        says_whole = got.finished or b'"finish_reason": "stop"' in got.body
        if says_whole:
            assert got.status == 200 and got.text == TEXT, (count, got)
        else:
            assert got.ended in ("cut", "reset") or got.status >= 500, (count, got)
            assert "[DONE]" not in got.events
        committed = stream and count > STREAM_STEPS.index(chunk(WORDS[0])[30:])
        assert says_whole or committed, (count, "could have been rescued", got)
        # One request, and its replay if the kept connection looked stale.
        assert 1 <= len(primary.requests) - before[0] <= 2, count
        assert len(backup.requests) - before[1] <= 1, count
    expect_metrics(daemon, (len(steps) + 3, "understudy_requests_total", {}),
                   (0, "understudy_upstream_connections", {"state": "active"}))
    primary.answer = well(TEXT)
    assert chat(daemon, stream=stream).text == TEXT
    wait_until(lambda: daemon.open_files() <= files + 1, "descriptors are closed", MAX_WAIT)


@pytest.mark.row(11, 13, 19)
@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_failure_at_any_step_of_the_request_is_rescued(start, upstream, fault):
    """The upstream ends the connection after it has read so many bytes of the request."""
    body = chat_body(content="x" * 200_000)
    for taken in (0, 1, 100, 1_000, 100_000, 200_100):
        def greedy(connection):
            connection.read_exactly(taken)
            FAULTS[fault](connection)
        primary, backup = upstream(on_accept=greedy), upstream(well(TEXT))
        daemon = start(config(primary.entry("primary", timeouts=LIMITS), backup))
        with Client(daemon) as client:
            client.ask(body=body)
            got = client.response()
        assert got.text == TEXT and backup.requests[0].json == body, taken
        assert len(primary.connections) == 1


@pytest.mark.row(41)
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_client_that_leaves_at_any_step_of_its_request_leaves_nothing_behind(start, upstream,
                                                                               stream, leave):
    primary = upstream(silent)
    daemon = start(config(primary, upstream(well())))
    raw = request_bytes(body=chat_body(stream=stream))
    files = daemon.open_files()
    cuts = (0, 1, 20, raw.index(b"\r\n\r\n") + 2, raw.index(b"\r\n\r\n") + 4, len(raw) - 1, len(raw))
    for cut in cuts:
        client = Client(daemon)
        client.send(raw[:cut])
        if cut == len(raw):
            primary.wait_requests(1)
        client.reset() if leave == "reset" else client.close()
    primary.wait_gone()
    expect_metrics(daemon, (1, "understudy_attempts_total", {}),
                   (0, "understudy_upstream_connections", {"state": "active"}))
    wait_until(lambda: daemon.open_files() <= files + 1, "descriptors are closed", MAX_WAIT)
    primary.answer = well()
    assert chat(daemon).status == 200 and len(primary.requests) == 2
