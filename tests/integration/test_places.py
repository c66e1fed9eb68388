"""A client keeps its place only while it makes progress, idle ones go first when places run out, and
health and metrics answer when nothing else does."""

import contextlib
import resource
import threading
import time

import pytest

from harness import (MAX_WAIT, Client, as_bytes, chat, chat_body, config, get, metric, ms,
                     request_bytes, seconds, well)
from tests.support.daemon import wait_until

PLACES = 20


def waiting(opened):
    return lambda c, r: (c.wait(opened), well()(c, r))


def send_quietly(client, data):
    with contextlib.suppress(OSError):
        client.send(data)


def fill(stack, daemon, count):
    clients = [stack.enter_context(Client(daemon)) for _ in range(count)]
    wait_until(lambda: metric(daemon, "understudy_connections") >= count, "accepted", MAX_WAIT)
    return clients


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("used", [False, True], ids=["never used", "kept alive"])
def test_idle_connections_give_way_the_longest_idle_first(start, upstream, used, workers):
    daemon = start(config(upstream(), admin="127.0.0.1:0", workers=workers,
                          limits={"connections": PLACES}))
    with contextlib.ExitStack() as stack:
        clients = fill(stack, daemon, PLACES)
        if used:
            for client in clients:
                client.ask(body=chat_body())
                assert client.response().status == 200
        for _ in range(5):
            newcomer = stack.enter_context(Client(daemon))
            newcomer.ask(body=chat_body())
            assert newcomer.response().status == 200
        ended = [not client.quiet(0.05) for client in clients]
        assert sum(ended) == 5
        if workers == 1:
            assert ended == [True] * 5 + [False] * (PLACES - 5)
        assert metric(daemon, "understudy_connections_refused_total") == 5


@pytest.mark.parametrize("what", ["connections", "memory", "descriptors"])
def test_health_and_metrics_answer_when_everything_is_taken(start, upstream, what):
    opened = threading.Event()
    primary = upstream(waiting(opened))
    limits = {"connections": PLACES} if what == "connections" else {}
    if what == "memory":
        limits = {"memory": "8MiB", "body": "4MiB"}
    daemon = start(config(primary, limits=limits))
    with contextlib.ExitStack() as stack:
        clients = fill(stack, daemon, PLACES - 1)  # and the one that asked for metrics
        if what == "descriptors":
            most = daemon.open_files() + 8
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (most, most))
        size = 800_000 if what == "memory" else 10
        for client in clients:
            data = request_bytes(body=as_bytes(chat_body(content="x" * size)))
            threading.Thread(target=send_quietly, args=(client, data), daemon=True).start()
        time.sleep(seconds(0.3))
        for path in ("/healthz", "/readyz", "/metrics", "/healthz"):
            assert get(daemon, path).status == 200, path
        if what == "connections":
            for place in range(3):
                client = stack.enter_context(Client(daemon))
                client.ask(body=chat_body())
                got = client.response() if place > 0 else None  # one takes the last place
                if got is None:
                    continue
                assert got.status == 503 and got.error["code"] == "overloaded"
                assert got.header("retry-after") and client.at_end()
        opened.set()
    wait_until(lambda: metric(daemon, "understudy_inflight_requests") == 0, "settled", MAX_WAIT)
    if what != "descriptors":
        assert chat(daemon).status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_a_body_that_trickles_loses_its_place(start, upstream, chunked):
    primary = upstream()
    daemon = start(config(primary, limits={"body_timeout": ms(600)}))
    body = as_bytes(chat_body(content="x" * 3000))
    with Client(daemon) as client:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
        client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\n" + framing + b"\r\n\r\n")
        began = time.monotonic()
        at = 0
        while client.quiet(0.05) and time.monotonic() - began < seconds(5):
            piece = body[at:at + 1]
            with contextlib.suppress(OSError):
                client.send(b"1\r\n%s\r\n" % piece if chunked else piece)
            at += 1
        got = client.response()
        assert got.status == 408 and got.error["code"] == "request_timeout"
        assert seconds(0.5) < time.monotonic() - began < seconds(3)
    assert not primary.requests


def test_a_body_that_comes_slowly_but_steadily_is_waited_for(start, upstream):
    primary = upstream()
    daemon = start(config(primary, limits={"body_timeout": ms(1500)}))
    raw = request_bytes(body=as_bytes(chat_body(content="x" * 4000)))
    with Client(daemon) as client:
        for at in range(0, len(raw), 400):
            client.send(raw[at:at + 400])
            time.sleep(0.1)
        assert client.response().status == 200


def test_a_byte_that_begins_no_request_buys_no_place(start, upstream):
    """One CR counts neither as idle nor lets others in beyond the limit."""
    opened = threading.Event()
    primary = upstream(waiting(opened))
    daemon = start(config(primary, workers=2, admin="127.0.0.1:0", limits={"connections": PLACES}))
    with contextlib.ExitStack() as stack:
        for client in fill(stack, daemon, PLACES // 2):
            client.send(b"\r")
        time.sleep(0.2)
        for _ in range(4 * PLACES):
            client = stack.enter_context(Client(daemon))
            send_quietly(client, request_bytes(body=as_bytes(chat_body())))
        time.sleep(seconds(0.5))
        assert len(primary.requests) <= PLACES + 16
        opened.set()


@pytest.mark.parametrize("what", ["silent", "a CR", "half a head", "a body that does not come",
                                  "metrics, not read"])
def test_the_reserve_cannot_be_held(start, upstream, what):
    opened = threading.Event()
    daemon = start(config(upstream(waiting(opened)), limits={"connections": PLACES}))
    with contextlib.ExitStack() as stack:
        for client in fill(stack, daemon, PLACES - 1):
            client.ask(body=chat_body())
        busy = stack.enter_context(Client(daemon))
        busy.ask(body=chat_body())
        time.sleep(seconds(0.3))
        said = {"silent": b"", "a CR": b"\r", "half a head": b"GET /healthz HTTP/1.1\r\nHost:",
                "a body that does not come":
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n",
                "metrics, not read": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400}[what]
        for _ in range(24):
            client = stack.enter_context(Client(daemon, receive_buffer=4096))
            send_quietly(client, said)
        wait_until(lambda: get(daemon, "/healthz").status == 200, "health answers", seconds(4))
        opened.set()


def test_silent_connections_do_not_use_up_the_memory_that_is_kept_for_health(start, upstream):
    opened = threading.Event()
    daemon = start(config(upstream(waiting(opened)), limits={"memory": "8MiB", "body": "4MiB"}))
    with contextlib.ExitStack() as stack:
        for client in fill(stack, daemon, PLACES):
            data = request_bytes(body=as_bytes(chat_body(content="x" * 800_000)))
            threading.Thread(target=send_quietly, args=(client, data), daemon=True).start()
        time.sleep(seconds(0.3))
        for _ in range(300):
            stack.enter_context(Client(daemon))
        time.sleep(seconds(1.5))
        assert get(daemon, "/healthz").status == 200
        opened.set()


def test_connections_of_the_admin_listener_give_no_place_away(start, upstream):
    opened = threading.Event()
    daemon = start(config(upstream(waiting(opened)), admin="127.0.0.1:0",
                          limits={"connections": PLACES}))
    with contextlib.ExitStack() as stack:
        scraper = stack.enter_context(Client(daemon, port=int(daemon.admin_url.rsplit(":", 1)[1])))
        scraper.ask("GET", "/metrics")
        assert scraper.response().status == 200
        for client in fill(stack, daemon, PLACES):
            client.ask(body=chat_body())
        time.sleep(seconds(0.2))
        late = stack.enter_context(Client(daemon))
        late.ask(body=chat_body())
        assert late.response().status == 503
        scraper.ask("GET", "/metrics")
        assert scraper.response().status == 200
        opened.set()
