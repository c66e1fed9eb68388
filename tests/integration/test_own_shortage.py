"""What this process lacks (memory, descriptors, places) is told as its own: 503 `overloaded`, no
failover, no failure booked against the upstream."""

import contextlib
import resource
import threading
import time

import pytest

from harness import (MAX_WAIT, ROLE, SSE_HEAD, Client, chat, chat_body, chunk, config, metric,
                     plain_and_streamed, seconds, status, steps, well)
from tests.support.daemon import wait_until

CLIENTS = 24


def ask_all(stack, daemon, stream):
    clients = [stack.enter_context(Client(daemon)) for _ in range(CLIENTS)]
    for client in clients:
        client.ask(body=chat_body(stream=stream))
    return clients


def shed_of(clients, least):
    """The answers of those who have one while the others wait."""
    wait_until(lambda: sum(not c.quiet(0.01) for c in clients) >= least, "some are shed", MAX_WAIT)
    return [c.response() for c in clients if not c.quiet(0.01)]


def expect_overloaded(answer):
    assert answer.status == 503, answer.header("x-understudy-trace")
    assert answer.error["code"] == "overloaded" and answer.header("retry-after") == "1"
    assert answer.header("x-should-retry") is None


def settled(daemon):
    wait_until(lambda: metric(daemon, "understudy_inflight_requests") == 0, "settled", MAX_WAIT)


def held(opened, size, stream):
    """An answer of which `size` bytes come, and can be held, before it waits."""
    if stream:
        filling = SSE_HEAD + chunk(ROLE + (b": " + b"x" * 1000 + b"\n\n") * (size // 1000))
    else:
        filling = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n" % (2 * size) + b" " * size)
    return steps(filling, lambda c, r=None: c.wait(opened))


@plain_and_streamed
def test_answers_that_cannot_be_held_within_the_memory_are_our_own_failure(start, upstream, stream):
    opened = threading.Event()
    primary, backup = upstream(held(opened, 1_500_000, stream)), upstream()
    daemon = start(config(primary, backup, limits={"memory": "16MiB", "body": "1MiB"}))
    with contextlib.ExitStack() as stack:
        shed = shed_of(ask_all(stack, daemon, stream), 3)
        opened.set()
    for answer in shed:
        expect_overloaded(answer)
        assert ";overloaded;" in answer.header("x-understudy-trace")
    settled(daemon)
    assert metric(daemon, "understudy_attempts_total", reason="connection") == 0
    assert metric(daemon, "understudy_attempts_total", reason="overloaded") >= len(shed)
    assert metric(daemon, "understudy_requests_total", outcome="rejected") >= len(shed)
    assert metric(daemon, "understudy_failovers_total", reason="overloaded") == 0
    primary.answer = well()
    assert chat(daemon, stream=stream).status == 200


@plain_and_streamed
def test_a_connection_for_which_there_is_no_descriptor_is_our_own_failure(start, upstream, stream):
    opened = threading.Event()
    primary, backup = upstream(steps(lambda c, r=None: c.wait(opened))), upstream()
    daemon = start(config(primary, backup))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(daemon)) for _ in range(CLIENTS)]
        wait_until(lambda: metric(daemon, "understudy_connections") >= CLIENTS, "accepted", MAX_WAIT)
        open_now = daemon.open_files()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (open_now + 8, open_now + 8))
        for client in clients:
            client.ask(body=chat_body(stream=stream))
        shed = shed_of(clients, 10)
        opened.set()
    for answer in shed:
        expect_overloaded(answer)
        assert "too many open files" in answer.error["message"].lower()
    settled(daemon)
    assert metric(daemon, "understudy_attempts_total", reason="overloaded") >= len(shed)
    assert metric(daemon, "understudy_failovers_total", reason="overloaded") == 0
    assert not backup.requests


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_let_in_finds_a_descriptor_for_its_upstream(start, upstream, workers):
    """More clients than there are descriptors for: they are turned away at the door, by all workers together."""
    opened = threading.Event()
    primary = upstream(lambda c, r: (c.wait(opened), well()(c, r)))
    daemon = start(config(primary, workers=workers),
                   wrap=["sh", "-c", 'ulimit -n 160 && exec "$@"', "sh"])
    answers = []

    def one():
        with contextlib.suppress(OSError):
            answers.append(chat(daemon))
    threads = [threading.Thread(target=one) for _ in range(120)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(primary.requests) >= 20 and len(answers) >= 20, "full", MAX_WAIT)
    time.sleep(seconds(0.3))
    opened.set()
    for thread in threads:
        thread.join(MAX_WAIT)
    # 0: who was slow to ask was idle, and gave way to another.
    assert {200, 503} <= {answer.status for answer in answers} <= {0, 200, 503}
    for answer in answers:
        if answer.status == 503:
            assert "Too many client connections" in answer.error["message"], answer.error
            assert answer.header("x-understudy-trace") is None
    assert metric(daemon, "understudy_attempts_total", reason="overloaded") == 0


def test_a_shortage_behind_a_failed_primary_ends_the_chain_with_503(start, upstream):
    opened = threading.Event()
    primary, backup = upstream(status(500)), upstream(held(opened, 1_500_000, False))
    daemon = start(config(primary, backup, limits={"memory": "16MiB", "body": "1MiB"}))
    with contextlib.ExitStack() as stack:
        shed = shed_of(ask_all(stack, daemon, False), 3)
        opened.set()
    for answer in shed:
        expect_overloaded(answer)
        assert answer.header("x-understudy-attempts") == "2"


def test_an_upstream_whose_places_are_taken_is_passed_over_without_blame(start, upstream):
    opened = threading.Event()
    primary = upstream(steps(lambda c, r=None: c.wait(opened)))
    backup = upstream()
    limits = {"connect": "300ms", "first_token": "8s", "response": "8s", "idle": "8s", "total": "20s"}
    daemon = start(config(primary.entry("primary", max_connections=1, timeouts=limits), backup))
    with Client(daemon) as first:
        first.ask(body=chat_body())
        primary.wait_requests(1)
        second = chat(daemon)
        assert second.status == 200 and ";overloaded;-;" in second.header("x-understudy-trace")
        opened.set()
    assert metric(daemon, "understudy_attempts_total", reason="connection") == 0


def test_when_all_places_everywhere_are_taken_it_is_503(start, upstream):
    opened = threading.Event()
    primary = upstream(steps(lambda c, r=None: c.wait(opened)))
    limits = {"connect": "300ms", "first_token": "8s", "response": "8s", "idle": "8s", "total": "20s"}
    daemon = start(config(primary.entry("primary", max_connections=1, timeouts=limits)))
    with Client(daemon) as first:
        first.ask(body=chat_body())
        primary.wait_requests(1)
        second = chat(daemon)
        assert second.status == 503 and "max_connections" in second.error["message"]
        expect_overloaded(second)
        opened.set()
