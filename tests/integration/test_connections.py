"""Connections to upstreams: kept, bounded, replaced without a word when they went stale; TLS that
resumes; names that resolve, or do not, without anybody waiting for them."""

import concurrent.futures
import re
import signal
import socket
import ssl
import threading
import time
from contextlib import nullcontext

import pytest

from harness import (MAX_WAIT, Client, chat, chat_body, config, expect_metrics, get, in_turn,
                     metric, plain_and_streamed, request_bytes, request_lines, reset, seconds, silent,
                     status, timeouts, well, full_backlog, plain)
from tests.support.daemon import wait_until


def test_a_connection_is_used_again(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    for stream in (False, True, False, True):
        assert chat(daemon, stream=stream).status == 200
    assert len(primary.connections) == 1 and len(primary.connections[0].requests) == 4


def test_a_connection_that_says_close_is_not(start, upstream):
    primary = upstream(lambda c, r: (c.send(plain(None, "Connection: close")), c.close()))
    daemon = start(config(primary))
    for _ in range(3):
        assert chat(daemon).status == 200
    assert len(primary.connections) == 3
    expect_metrics(daemon, (3, "understudy_attempts_total", {}))


def test_a_burst_of_clients_is_accepted_and_answered(start, upstream):
    """More at once than are accepted in one turn; some have sent their request, some not yet."""
    primary = upstream()
    daemon = start(config(primary, workers=1))
    clients = [Client(daemon) for _ in range(150)]
    for client in clients[::2]:
        client.ask(body=chat_body())
    for client in clients[1::2]:
        client.ask(body=chat_body(stream=True))
    for client in clients:
        got = client.response()
        assert got.status == 200 and got.ended == "whole"
        client.close()
    expect_metrics(daemon, (150, "understudy_requests_total", {"outcome": "primary"}))


@pytest.mark.parametrize("request_is_there", [True, False])
def test_a_client_that_leaves_while_it_waits_to_be_accepted_is_no_harm(
        start, upstream, request_is_there):
    daemon = start(config(upstream(), workers=1))
    daemon.signal(signal.SIGSTOP)
    clients = []
    try:
        for how in ("close", "reset", "half"):
            client = Client(daemon)
            clients.append(client)
            if request_is_there:
                client.send(request_bytes(body=chat_body()))
            {"close": client.close, "reset": client.reset, "half": client.half_close}[how]()
    finally:
        daemon.signal(signal.SIGCONT)
    assert chat(daemon).status == 200
    wait_until(lambda: metric(daemon, "understudy_connections") <= 1, "they are gone", MAX_WAIT)


class EndsIdle:
    """An upstream's script: well, but the first connection rests unread after its answer, until it is
    ended; `then` answers on later ones."""

    def __init__(self, how, then=None):
        self._how, self._then = how, then or well()
        self._told = threading.Event()

    def __call__(self, connection, request):
        if connection.index > 0:
            self._then(connection, request)
            return
        well()(connection, request)
        connection.wait(self._told)
        getattr(connection, self._how)()

    def end(self, upstream):
        self._told.set()
        wait_until(lambda: upstream.connections[0].ended, "the connection is ended", MAX_WAIT)


def ask_while_it_ends(daemon, script, upstream, **request):
    """One request that crosses the end of a kept connection on the way. The daemon stands still
    meanwhile, so that it sees neither long before the other, however busy the machine is."""
    with Client(daemon) as client:
        daemon.signal(signal.SIGSTOP)
        try:
            client.ask(body=chat_body(**request))
            script.end(upstream)
        finally:
            daemon.signal(signal.SIGCONT)
        return client.response()


def seen_too_late(got) -> bool:
    """Nearby, an end is an idle one for 20 ms; a daemon that had to wait longer for its turn on a busy
    machine cannot tell, and calls it an attempt."""
    first = re.match(r"primary/[^;]*;connection;-;(\d+)ms, ", got.header("x-understudy-trace"))
    return first is not None and int(first[1]) >= 20


@pytest.mark.row(12)
@plain_and_streamed
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("when", ["while resting", "when the request comes"])
def test_a_stale_connection_is_replaced_without_anybody_noticing(start, upstream, how, when, stream):
    """The request is sent again, on a fresh connection to the same upstream: no further attempt."""
    for _ in range(5):
        script = EndsIdle(how)
        primary, backup = upstream(script), upstream()
        daemon = start(config(primary, backup))
        assert chat(daemon, stream=stream).header("x-understudy-upstream") == "primary"
        if when == "while resting":
            script.end(primary)
            got = chat(daemon, stream=stream)
        else:
            got = ask_while_it_ends(daemon, script, primary, stream=stream)
        if not seen_too_late(got):
            break
    assert got.status == 200 and got.header("x-understudy-upstream") == "primary"
    assert got.header("x-understudy-attempts") == "1"
    assert len(primary.connections) == 2 and not backup.connections
    expect_metrics(daemon, (2, "understudy_attempts_total", {"reason": "ok"}),
                   (2, "understudy_attempts_total", {}), (0, "understudy_failovers_total", {}))


@pytest.mark.row(12)
def test_every_request_that_was_sent_again_is_counted(start, upstream):
    """So that what an upstream received is its attempts and its replays, and nothing else."""
    hot = threading.Event()

    def answer(connection, request):
        if hot.is_set():
            hot.clear()
            connection.close()
        else:
            well()(connection, request)
    primary, backup = upstream(answer), upstream()
    daemon = start(config(primary, backup, log={"format": "json"}))
    counted = ("understudy_stale_replays_total", {"upstream": "primary"})
    assert '{upstream="backup"} 0' in [line.removeprefix(counted[0])
                                       for line in daemon.metrics_text().splitlines()]
    for count in range(1, 21):
        chat(daemon)
        hot.set()
        assert chat(daemon).status == 200
        if metric(daemon, counted[0], **counted[1]) > 0:
            break  # on a busy machine the end may come too late to be an idle one
    expect_metrics(daemon, (1, *counted), (0, counted[0], {"upstream": "backup"}))
    expect_metrics(daemon, (len(primary.requests) - 1, "understudy_attempts_total",
                            {"upstream": "primary"}))
    replays = [None] * (2 * count - 1) + [1]
    wait_until(lambda: [line.get("stale_replays") for line in request_lines(daemon)
                        if line.get("event") == "request"] == replays, "the log says so too")


@pytest.mark.row(12)
@plain_and_streamed
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_end_that_an_idle_connection_cannot_have_is_an_attempt(start, upstream, how, stream):
    """Nearby, an idle close is seen within milliseconds; here the upstream works for 60 ms."""
    def answer(connection, request):
        if len(connection.requests) == 2:
            time.sleep(0.06)
            getattr(connection, how)()
        else:
            well()(connection, request)
    primary, backup = upstream(answer), upstream(well("Backup."))
    daemon = start(config(primary, backup))
    chat(daemon, stream=stream)
    got = chat(daemon, stream=stream)
    assert got.text == "Backup." and got.header("x-understudy-attempts") == "2"
    assert len(primary.requests) == 2
    expect_metrics(daemon, (0, "understudy_stale_replays_total", {}))


@pytest.mark.row(12)
def test_the_replay_of_a_stale_connection_happens_once(start, upstream):
    """The fresh connection fails too: that is a failure of the upstream, and counted."""
    for _ in range(5):
        script = EndsIdle("close", then=lambda connection, request: connection.close())
        primary, backup = upstream(script), upstream(well("Backup."))
        daemon = start(config(primary, backup))
        chat(daemon)
        assert ask_while_it_ends(daemon, script, primary).text == "Backup."
        if len(primary.connections) == 2:
            break   # else the end came too late to be an idle one
    assert len(primary.connections) == 2
    expect_metrics(daemon, (1, "understudy_attempts_total", {"upstream": "primary",
                                                            "reason": "connection"}))


@pytest.mark.row(12)
def test_a_reused_connection_that_breaks_in_its_answer_is_not_replayed(start, upstream):
    def answer(connection, request):
        if len(connection.upstream.requests) == 1:
            well()(connection, request)
        else:
            connection.send(plain()[:30])
            connection.reset()
    primary, backup = upstream(answer), upstream(well("Backup."))
    daemon = start(config(primary, backup))
    chat(daemon)
    assert chat(daemon).text == "Backup." and len(primary.requests) == 2


def test_idle_connections_are_counted_and_go_when_the_upstream_closes_them(start, upstream):
    opened = threading.Event()
    def together(connection, request):
        if not connection.upstream.stopping and request.model == "together":
            connection.wait(opened)
        well()(connection, request)
    primary = upstream(together)
    daemon = start(config(primary))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(chat, daemon, model="together") for _ in range(6)]
        primary.wait_requests(6)
        wait_until(lambda: daemon.metrics().value("understudy_upstream_connections",
                                                  state="active") == 6, "six active", MAX_WAIT)
        opened.set()
        assert all(one.result().status == 200 for one in waiting)
    expect_metrics(daemon, (0, "understudy_upstream_connections", {"state": "active"}))
    assert daemon.metrics().value("understudy_upstream_connections", state="idle") >= 1
    for connection in list(primary.connections):
        connection.sock.shutdown(socket.SHUT_RDWR)
    assert chat(daemon).status == 200


def test_no_descriptor_is_left_behind(start, upstream):
    primary = upstream(in_turn(status(503), reset, well(), status(429), silent, well()))
    backup = upstream(well())
    daemon = start(config(primary.entry("primary", timeouts=timeouts(response=300,
                                                                     first_token=300)), backup))
    for i in range(4):
        chat(daemon, stream=bool(i % 2))
    before = daemon.open_files()
    for i in range(30):
        chat(daemon, stream=bool(i % 2))
    wait_until(lambda: daemon.open_files() <= before + 2, "descriptors are closed", MAX_WAIT)


# --- TLS

def test_tls_sends_the_name_and_resumes_sessions(start, upstream, certificates):
    context = certificates.context("good")
    names = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    primary = upstream(lambda c, r: (c.send(plain(None, "Connection: close")), c.close()),
                       tls=context)
    entry = {**primary.entry("primary", tls={"ca": certificates.ca}),
             "base_url": f"https://localhost:{primary.port}/v1"}
    daemon = start(config(entry))
    for _ in range(3):
        assert chat(daemon).status == 200
    assert names == ["localhost"] * 3
    assert context.session_stats()["hits"] >= 1, "no session was resumed"


def test_a_configured_name_is_sent_and_checked_instead(start, upstream, certificates):
    context = certificates.context("wrong_name")
    names = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    primary = upstream(tls=context)
    daemon = start(config(primary.entry("primary", tls={"ca": certificates.ca,
                                                        "sni": "somebody.else.test"})))
    assert chat(daemon).status == 200 and names == ["somebody.else.test"]


def test_without_a_ca_of_its_own_the_systems_decides(start, upstream, certificates):
    primary, backup = upstream(tls=certificates.context("good")), upstream(well("Backup."))
    got = chat(start(config(primary, backup)))
    assert got.text == "Backup." and got.trace[0][1] == "connection" and not primary.requests


@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "self_signed"])
def test_verification_can_be_switched_off_with_a_warning(start, upstream, certificates,
                                                         certificate):
    primary = upstream(tls=certificates.context(certificate))
    daemon = start(config(primary.entry("primary", tls={"verify": False})))
    assert chat(daemon).status == 200
    assert any("verify" in line for line in daemon.stderr_lines()), "no warning"


@pytest.mark.row(9)
def test_the_log_names_why_a_certificate_was_refused(start, upstream, certificates):
    primary = upstream(tls=certificates.context("expired"))
    daemon = start(config(primary.entry("primary", tls={"ca": certificates.ca}),
                          log={"level": "debug"}))
    got = chat(daemon)
    assert got.status == 502
    said = " ".join([*daemon.stderr_lines(), got.error["message"]]).lower()
    assert "expired" in said or "certificate" in said


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_1_0_is_not_spoken(start, upstream, certificates):
    context = certificates.context("good")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    primary, backup = upstream(tls=context), upstream(well("Backup."))
    daemon = start(config(primary.entry("primary", tls={"ca": certificates.ca}), backup))
    assert chat(daemon).text == "Backup." and not primary.requests


# --- names

def named(server, name="api_test", **settings):
    return {"name": "primary", "base_url": f"http://{name.replace('_', '.')}:{server.port}/v1",
            **settings}


def test_a_name_is_resolved(start, upstream, shim):
    primary = upstream()
    shim.names(api_test="127.0.0.1")
    daemon = start(config(named(primary)), env=shim.env)
    assert chat(daemon).status == 200
    assert primary.requests[0].header("host") == f"api.test:{primary.port}"


@pytest.mark.row(4)
@plain_and_streamed
@pytest.mark.parametrize("answer", ["NXDOMAIN", "SERVFAIL"])
def test_a_name_that_does_not_resolve_falls_back_and_is_tried_again_later(start, upstream, shim,
                                                                          answer, stream):
    primary, backup = upstream(), upstream(well("Backup."))
    shim.names(api_test=answer)
    daemon = start(config(named(primary), backup), env=shim.env)
    got = chat(daemon, stream=stream)
    assert got.text == "Backup." and got.trace[0][1] == "connection"
    shim.names(api_test="127.0.0.1")
    wait_until(lambda: chat(daemon).header("x-understudy-upstream") == "primary",
               "the negative answer is forgotten", 3 * MAX_WAIT)


@pytest.mark.row(5)
def test_a_lookup_that_hangs_blocks_nobody_else(start, upstream, shim):
    slow, fast = upstream(), upstream(well("Fast."))
    shim.names(api_test="HANG")
    daemon = start(config(
        named(slow, timeouts=timeouts(connect=600)), fast.entry("fast"),
        routes=[{"model": "slow", "chain": ["primary", "fast"]},
                {"model": "*", "chain": ["fast"]}]), env=shim.env)
    with Client(daemon) as client:
        client.ask(body=chat_body(model="slow"))
        began = time.monotonic()
        for _ in range(5):
            assert chat(daemon).text == "Fast." and get(daemon, "/healthz").status == 200
        assert time.monotonic() - began < seconds(0.5), "a worker waited for the resolver"
        got = client.response()
    assert got.text == "Fast." and got.trace[0][1] in ("timeout", "connection")


@pytest.mark.row(6)
@pytest.mark.parametrize("first", ["refused", "silent"])
def test_the_second_address_is_tried_within_the_connect_budget(start, upstream, shim, first):
    """A name with two addresses, the first of which is dead."""
    primary = upstream()
    dead = full_backlog("127.0.0.2", primary.port) if first == "silent" else nullcontext()
    with dead:
        shim.names(api_test="127.0.0.2,127.0.0.1")
        daemon = start(config(named(primary, timeouts=timeouts(connect=3000))), env=shim.env)
        assert chat(daemon).header("x-understudy-attempts") == "1"


@pytest.mark.row(7)
def test_a_changed_address_is_used_for_new_connections(start, upstream, shim):
    old = upstream(well("Old."))
    shim.names(api_test="127.0.0.1")
    daemon = start(config(named(old)), env=shim.env)
    assert chat(daemon).text == "Old."
    new = socket.socket()
    new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    new.bind(("127.0.0.2", old.port))
    new.listen(16)
    new.settimeout(0.02)
    shim.names(api_test="127.0.0.2")
    old.answer = lambda c, r: (c.send(plain(None, "Connection: close")), c.close())
    def moved():
        try:
            connection, _ = new.accept()
        except TimeoutError:
            with Client(daemon) as client:
                client.ask(body=chat_body())
                client.quiet(0.2)
            return False
        connection.close()
        return True
    try:
        wait_until(moved, "a connection to the new address", 45 + MAX_WAIT)
    finally:
        new.close()
