"""Section 1, promise by promise, in one scenario each. The details have files of their own."""

import fcntl
import json
import signal
import struct
import termios
import threading
import time

import pytest

from harness import (MAX_WAIT, ROLE, SSE_HEAD, Client, chat, chat_body, chunk, config,
                     completion, error_body, event, expect_metrics, plain, plain_and_streamed, reset,
                     silent, status, steps, timeouts, well)
from tests.support.daemon import wait_until


@plain_and_streamed
def test_1_every_request_starts_at_the_first_entry_of_its_chain(start, upstream, stream):
    primary, backup = upstream(status(500)), upstream()
    daemon = start(config(primary, backup))
    for count in range(1, 4):
        chat(daemon, stream=stream)
        assert len(primary.requests) == len(backup.requests) == count


@plain_and_streamed
def test_2_only_transient_failures_fall_back_and_then_anything_moves_on(start, upstream, stream):
    bad = error_body("Your fault.", "invalid_request_error")
    primary = upstream(lambda c, r: c.send(status(400, bad) if r.model == "mine" else status(503)))
    second, third = upstream(status(401)), upstream(well("Third."))
    daemon = start(config(primary, second, third))
    got = chat(daemon, stream=stream, model="mine")
    assert (got.status, got.body) == (400, bad) and not second.requests
    assert chat(daemon, stream=stream, model="theirs").text == "Third."


@plain_and_streamed
def test_3_when_all_fail_the_client_gets_the_primarys_error(start, upstream, stream):
    own = error_body("Primary's own words.", "overloaded")
    daemon = start(config(upstream(status(529, own, "retry-after: 7")), upstream(reset),
                          upstream(status(404))))
    got = chat(daemon, stream=stream)
    assert (got.status, got.body, got.header("retry-after")) == (529, own, "7")


@plain_and_streamed
@pytest.mark.parametrize("named, expected", [
    ({"message": "Busy.", "code": 429}, 429), ({"message": "x", "type": "overloaded_error"}, 503),
    ({"message": "x", "code": "insufficient_quota"}, 429), ({"message": "It broke."}, 502),
    ({"message": "x", "code": 200}, 502), ({"message": "x", "code": "context_length_exceeded"}, 400)])
@pytest.mark.parametrize("chain", ["alone", "exhausted", "off"])
def test_3_an_exhausted_chain_never_has_a_status_of_success(start, upstream, stream, named,
                                                           expected, chain):
    error = json.dumps({"error": named}).encode()
    body = b"data: " + error + b"\n\n" if stream else error
    kind = b"text/event-stream" if stream else b"application/json"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(body))
    others = [] if chain == "alone" else [upstream(status(503))]
    daemon = start(config(upstream(lambda c, r: c.send(head + body)), *others))
    got = chat(daemon, stream=stream,
               headers={"x-understudy-fallback": "off"} if chain == "off" else {})
    assert (got.status, got.body) == (expected, error)
    assert got.header("content-type") == "application/json"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "exhausted"}))


@plain_and_streamed
def test_4_nothing_is_delivered_twice_unseen(start, upstream, stream):
    """A kept connection that ends while its request is worked on: one more delivery, one more attempt."""
    def answer(connection, request):
        if len(connection.requests) == 2:
            time.sleep(0.6)
            connection.reset()
        else:
            well()(connection, request)
    primary, backup = upstream(answer), upstream(well("Backup."))
    daemon = start(config(primary, backup))
    chat(daemon, stream=stream)
    got = chat(daemon, stream=stream)
    assert got.text == "Backup." and got.header("x-understudy-attempts") == "2"
    assert len(primary.requests) == 2
    got = chat(daemon, stream=stream, headers={"x-understudy-fallback": "off"})
    assert got.status == 200 and len(primary.requests) == 3
    got = chat(daemon, stream=stream, headers={"x-understudy-fallback": "off"})
    assert got.status == 502 and len(primary.requests) == 4
    expect_metrics(daemon, (2, "understudy_attempts_total", {"reason": "connection"}),
                   (5, "understudy_attempts_total", {}))


@plain_and_streamed
def test_4_nothing_is_retried_after_the_client_has_left(start, upstream, stream):
    primary, backup = upstream(silent), upstream()
    limits = timeouts(first_token=2000, response=2000)  # it leaves before
    daemon = start(config(primary.entry("primary", timeouts=limits), backup, route={"retries": 3}))
    with Client(daemon) as client:
        client.ask(body=chat_body(stream=stream))
        primary.wait_requests(1)
    primary.wait_gone()
    expect_metrics(daemon, (1, "understudy_attempts_total", {}))
    assert len(primary.requests) == 1 and not backup.connections


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("route", [{"retries": 3}, {}], ids=["retry", "fallback"])
def test_4_a_client_that_leaves_behind_further_requests_has_left_all_the_same(start, upstream, leave,
                                                                             route):
    """So many bytes are pipelined that no more are read: the end behind them is seen all the same, once
    the kernel has it."""
    asked, left = threading.Event(), threading.Event()

    def answer(connection, request):
        asked.set()
        connection.wait(left)
        connection.send(status(500))
    primary, backup = upstream(answer), upstream()
    daemon = start(config(primary, backup, route=route))
    client = Client(daemon)
    client.ask(body=chat_body())
    assert asked.wait(MAX_WAIT)
    client.ask(body=chat_body(content="x" * 50_000))
    wait_until(lambda: unsent(client) == 0, "the kernel has it all", MAX_WAIT)
    getattr(client, leave)()
    left.set()
    expect_metrics(daemon, (1, "understudy_attempts_total", {}),
                   (1, "understudy_requests_total", {"outcome": "client_closed"}))
    assert len(primary.requests) == 1 and not backup.requests


def unsent(client) -> int:
    """What the other side's kernel has not taken yet."""
    return struct.unpack("i", fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0" * 4))[0]


def test_5_a_truncated_answer_is_never_presented_as_complete(start, upstream):
    half = event({"content": "Half"})
    daemon = start(config(upstream(steps(SSE_HEAD, chunk(ROLE), chunk(half), reset)), upstream()))
    got = chat(daemon, stream=True)
    assert got.ended in ("cut", "reset") and got.stream_error and "[DONE]" not in got.events


@plain_and_streamed
def test_6_bytes_are_not_rewritten_without_need(start, upstream, stream):
    primary = upstream()
    body = b'{\n "unknown" : 1.50e+2,\t"model":"asked" , "messages":[ ]%s}' % (
        b', "stream" :true,"stream_options":{ "include_usage" : true }' if stream else b"")
    with Client(start(config(primary.entry("primary", model="ours")))) as client:
        client.ask(body=body)
        client.response()
    assert primary.requests[0].body == body.replace(b'"asked"', b'"ours"')


@plain_and_streamed
def test_7_every_attempt_is_accounted_where_it_was_served(start, upstream, stream):
    primary, backup = upstream(status(503)), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2")))
    chat(daemon, stream=stream)
    expect_metrics(daemon, (0, "understudy_tokens_total", {"upstream": "primary"}),
                   (17, "understudy_tokens_total", {"upstream": "backup", "model": "m2"}))


def test_8_secrets_never_leave(start, upstream):
    secret = "sk-very-secret-0815"
    daemon = start(config(upstream(status(500)).entry("primary", api_key=secret),
                          log={"level": "trace"}))
    answers = [chat(daemon), chat(daemon, stream=True)]
    said = "\n".join(daemon.stderr_lines()) + daemon.metrics_text() + str([a.raw for a in answers])
    assert secret not in said


def test_9_bad_configuration_never_runs(start, upstream):
    daemon = start(config(upstream(well("Old."))))
    daemon.write_config(config(upstream(), limits={"boddy": "1KiB"}))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: any("boddy" in line and "body" in line for line in daemon.stderr_lines()),
               "the complaint")
    assert chat(daemon).text == "Old."


def test_10_the_cost_header_is_that_of_all_attempts(start, upstream):
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    empty = plain({"id": "x", "object": "chat.completion", "choices": [], "usage": usage})
    primary = upstream(empty)
    backup = upstream(plain(completion(usage={**usage, "prompt_tokens": 10, "total_tokens": 10})))
    price = {"input": 1000, "output": 1000}  # a dollar for a thousand tokens
    daemon = start(config(primary.entry("primary", price=price), backup.entry("backup", price=price)))
    got = chat(daemon)
    assert got.status == 200 and float(got.header("x-understudy-cost-usd")) == pytest.approx(1.01)
    assert got.header("x-litellm-response-cost") == got.header("x-understudy-cost-usd")
    expect_metrics(daemon, (1, "understudy_cost_usd_total", {"upstream": "primary"}),
                   (0.01, "understudy_cost_usd_total", {"upstream": "backup"}))


@plain_and_streamed
def test_3_a_budget_denied_behind_the_primary_is_what_the_client_gets(start, upstream, stream):
    denied = status(400, error_body("Budget has been exceeded!", "budget_exceeded", "budget_exceeded"))
    primary, backup, third = upstream(status(503)), upstream(denied), upstream()
    got = chat(start(config(primary, backup, third)), stream=stream)
    assert got.status == 400 and got.error["code"] == "budget_exceeded"
    assert got.header("x-understudy-upstream") == "backup" and not third.requests
    assert got.header("x-understudy-attempts") == "2"
