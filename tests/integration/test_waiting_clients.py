"""`keepalive`: the client of a stream that waits for long gets the head and comments while entries are
still tried; fallback goes on behind them, and a final error comes inside the stream."""

import json
import time

import pytest

from answers import DONE, FINISH, LAST_CHUNK, PING, ROLE, SSE_HEAD, chunk, words
from client import Client
from harness import (MAX_WAIT, ask, chat, chat_body, config, expect_metrics, gzipped, head, ms,
                     silent, status, well)

KEEPALIVE = {"keepalive": "1s"}


def late(delay, then):
    def script(connection, request):
        time.sleep(delay)
        then(connection, request) if callable(then) else connection.send(then)
    return script


def test_a_waiting_client_gets_the_head_and_comments_and_then_the_answer(start, upstream):
    primary = upstream(late(2.5, well("Worth the wait.")))
    daemon = start(config(primary, route=KEEPALIVE))
    begun = time.monotonic()
    got = chat(daemon, stream=True)
    assert got.status == 200 and got.header("content-type").startswith("text/event-stream")
    assert got.text == "Worth the wait." and got.finished and got.ended == "whole"
    first = got.arrivals[0][0] - begun
    assert first < 2.4, "nothing came while it waited"
    assert got.body.count(b": understudy still waiting\n\n") >= 2
    # Who answers was not known yet when the head went out.
    assert got.header("x-understudy-upstream") is None
    assert got.header("x-understudy-attempts") is None
    assert got.header("x-request-id")
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}))


def test_fallback_goes_on_behind_the_comments(start, upstream):
    primary, backup = upstream(late(1.5, status(503))), upstream(well("From the backup."))
    daemon = start(config(primary, backup, route=KEEPALIVE))
    got = chat(daemon, stream=True)
    assert got.status == 200 and got.text == "From the backup." and got.finished
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (1, "understudy_failovers_total", {}))


def test_a_final_error_comes_inside_the_stream_and_never_reads_as_success(start, upstream):
    primary, backup = upstream(late(1.5, status(503))), upstream(status(500))
    daemon = start(config(primary, backup, route=KEEPALIVE))
    got = chat(daemon, stream=True)
    assert got.status == 200
    assert got.stream_error["message"] == "status 503"
    assert not got.finished and got.ended == "cut"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


def test_the_final_error_inside_the_stream_is_the_primarys_own(start, upstream):
    said = {"message": "slow down", "type": "rate_limit_error", "param": "p1", "code": "c1"}
    primary, backup = upstream(late(1.5, status(429, {"error": said}))), upstream(status(500))
    got = chat(start(config(primary, backup, route=KEEPALIVE)), stream=True)
    assert got.status == 200 and got.stream_error == said and got.ended == "cut"


@pytest.mark.parametrize("refusal", [
    status(401, {"error": {"message": "Incorrect API key provided: sk-x.", "type": "invalid_request_error",
                           "param": None, "code": "invalid_api_key"}}),
    status(403, {"error": {"message": "Your account may not.", "type": "permission_error", "param": None,
                           "code": None}}),
    SSE_HEAD + chunk(b'data: {"error":{"message":"Incorrect API key provided","type":"invalid_request_error",'
                     b'"param":null,"code":"invalid_api_key"}}\n\n') + LAST_CHUNK], ids=["401", "403", "in a 200"])
def test_a_refused_key_of_ours_is_the_servers_failure_and_the_clients_its_own(start, upstream, refusal):
    primary, backup = upstream(late(1.5, refusal)), upstream(status(500))
    got = chat(start(config(primary, backup, route=KEEPALIVE)), stream=True)
    assert got.status == 200 and got.ended == "cut"
    assert got.stream_error["type"] == "understudy_error" and got.stream_error["code"] == "upstream_error"
    assert "key that is configured" in got.stream_error["message"]
    for word in (b"Incorrect", b"invalid", b"permission", b"account may"):
        assert word not in got.body
    passed = config(primary.entry("primary", api_key=None), backup, route=KEEPALIVE)
    got = chat(start(passed), stream=True, headers={"Authorization": "Bearer sk-of-the-client"})
    assert got.status == 200 and got.stream_error["message"].startswith(("Incorrect API key", "Your account"))


def test_responses_that_fail_have_ids_of_their_own_whatever_their_requests_have(start, upstream):
    primary, backup = upstream(late(1.5, status(503))), upstream(status(500))
    daemon = start(config(primary, backup, route=KEEPALIVE))
    ids = set()
    for _ in range(2):
        got = ask(daemon, path="/v1/responses", body={"model": "m", "input": "Hi", "stream": True},
                  headers={"x-request-id": "always-the-same"})
        (failed,) = [json.loads(line[6:]) for line in got.body.decode().split("\n")
                     if line.startswith('data: {"type":"response.failed"')]
        ids.add(failed["response"]["id"])
    assert len(ids) == 2 and all(one.startswith("resp_") for one in ids)


@pytest.mark.parametrize("code, word", [
    (400, "invalid_prompt"), (429, "rate_limit_exceeded"), (409, "server_error"), (503, "server_error")])
def test_a_response_fails_with_a_code_that_its_clients_know(start, upstream, code, word):
    """OpenAI's own errors mostly name none, and codex asks again for any that it does not know."""
    said = {"message": "so it is", "type": "some_error", "param": None, "code": None}
    primary = upstream(late(1.5, status(code, {"error": said})))
    daemon = start(config(primary, route={**KEEPALIVE, "retries": 0}))
    got = ask(daemon, path="/v1/responses", body={"model": "m", "input": "Say something.", "stream": True})
    assert got.status == 200 and got.events, got.raw
    failed = json.loads(got.events[-1])
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"] == {"code": word, "message": "so it is"}


def test_a_primary_that_says_nothing_is_told_of_inside_the_stream(start, upstream):
    primary = upstream(silent)
    entry = primary.entry("primary", timeouts={"first_token": ms(1500)})
    got = chat(start(config(entry, route=KEEPALIVE)), stream=True)
    assert got.status == 200 and got.ended == "cut"
    assert got.stream_error["code"] == "upstream_timeout"
    assert "primary/m" in got.stream_error["message"]


def test_without_a_wait_nothing_changes(start, upstream):
    primary, backup = upstream(status(429)), upstream(well())
    daemon = start(config(primary, backup, route=KEEPALIVE))
    got = chat(daemon, stream=True)
    assert got.text == "It works." and b"understudy" not in got.body
    assert got.header("x-understudy-upstream") == "backup"
    assert got.header("x-understudy-attempts") == "2"
    primary, backup = upstream(status(429)), upstream(status(500))
    got = chat(start(config(primary, backup, route=KEEPALIVE)), stream=True)
    assert got.status == 429


def test_a_plain_answer_is_waited_for_in_silence(start, upstream):
    got = chat(start(config(upstream(late(1.6, well())), route=KEEPALIVE)))
    assert got.text == "It works." and got.header("x-understudy-upstream") == "primary"
    assert len(got.arrivals) >= 1 and got.arrivals[0][1] > 0


def test_pings_of_the_upstream_do_not_end_the_wait(start, upstream):
    def pings(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        for _ in range(5):
            time.sleep(0.5)
            connection.send(chunk(PING))
        for piece in [*words("At last."), FINISH, DONE]:
            connection.send(chunk(piece))
        connection.send(LAST_CHUNK)
    got = chat(start(config(upstream(pings), route=KEEPALIVE)), stream=True)
    assert got.text == "At last." and got.finished
    assert b"understudy still waiting" in got.body


def test_a_compressed_stream_follows_comments_in_the_clear_decoded(start, upstream):
    body = gzipped(b"".join([*words("Hidden."), FINISH, DONE]))

    def coded(connection, request):
        time.sleep(1.5)
        connection.send(head("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip",
                             f"Content-Length: {len(body)}") + body)
    primary, backup = upstream(coded), upstream(well("In the clear."))
    got = chat(start(config(primary, backup, route=KEEPALIVE)), stream=True,
               stream_options={"include_usage": True})
    assert got.text == "Hidden." and got.finished and got.header("content-encoding") is None
    assert not backup.requests


def test_a_client_that_leaves_while_it_waits_ends_the_attempt(start, upstream):
    primary, backup = upstream(silent), upstream(well())
    daemon = start(config(primary, backup, route=KEEPALIVE))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=True))
        assert client.head(MAX_WAIT).status == 200
    deadline = time.monotonic() + MAX_WAIT
    while primary.connections[0].gone_at is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert primary.connections[0].gone_at is not None
    assert not backup.requests
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}))
