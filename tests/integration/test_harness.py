"""The tools first: what the scripted upstream sends is what the raw client sees, ends included."""

import socket
import ssl
import threading

import pytest

from harness import (LAST_CHUNK, MAX_WAIT, ROLE, SSE_HEAD, Client, Upstream, chunk, full_backlog,
                     head, in_turn, plain, reset, silent, sse, status, steps, stream_events, well)


def exchange(upstream, body=b"{}", stream=False):
    with Client(None, port=upstream.port) as client:
        client.ask(body=b'{"stream": true}' if stream else body)
        return client.response()


def test_a_plain_answer_arrives_whole(upstream):
    answer = exchange(upstream(well("Hello there.")))
    assert (answer.status, answer.ended, answer.text) == (200, "whole", "Hello there.")


def test_a_stream_arrives_event_by_event(upstream):
    answer = exchange(upstream(well("a b c", usage=None)), stream=True)
    assert (answer.text, answer.ended, answer.finished) == ("a b c", "whole", True)
    assert answer.chunks == stream_events("a b c", None)


def test_the_upstream_keeps_exact_bytes_and_counts_requests_per_connection(upstream):
    server = upstream(well())
    with Client(None, port=server.port) as client:
        for body in (b'{ "a" : 1.50 }', b"[]"):
            client.ask(body=body)
            client.response()
    assert [r.body for r in server.connections[0].requests] == [b'{ "a" : 1.50 }', b"[]"]
    assert server.wait_gone(0).gone_how == "fin"


@pytest.mark.parametrize("how", ["cut", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_truncated_answer_is_told_from_a_whole_one(upstream, how, framing):
    sent = plain(b"0123456789")[:-4] if framing == "length" else SSE_HEAD + chunk(ROLE)
    received = threading.Event()
    def end(connection):
        connection.wait(received)
        reset(connection) if how == "reset" else connection.close()
    with Client(None, port=upstream(steps(sent, end)).port) as client:
        client.ask(body=b"{}")
        answer = client.head()
        client.body(answer, until=lambda r: r.body)
        received.set()
        assert client.body(answer).ended == how and not answer.finished


def test_the_client_sees_when_nothing_comes_and_when_the_connection_stays_open(upstream):
    with Client(None, port=upstream(silent).port) as client:
        client.ask(body=b"{}")
        assert client.quiet() and client.at_end(0.05) == ""


def test_answers_can_differ_in_turn(upstream):
    server = upstream(in_turn(status(500), plain(b"{}")))
    assert [exchange(server).status for _ in range(3)] == [500, 200, 200]


def test_a_reset_by_the_client_is_told_from_a_close(upstream):
    server = upstream(silent)
    client = Client(None, port=server.port)
    client.ask(body=b"{}")
    server.wait_requests(1)
    client.reset()
    assert server.wait_gone().gone_how == "reset"


def test_interim_heads_come_one_by_one(upstream):
    server = upstream(head("103 Early Hints", "Link: </a>") + plain(b"{}"))
    with Client(None, port=server.port) as client:
        client.ask(body=b"{}")
        assert [client.head().status, client.response().status] == [103, 200]


def test_tls_upstreams_present_the_certificate_they_were_given(upstream, certificates):
    for name, trusted in (("good", True), ("wrong_name", False), ("expired", False),
                          ("self_signed", False)):
        server = upstream(well(), tls=certificates.context(name))
        context = ssl.create_default_context(cafile=certificates.ca)
        client = Client(None, port=server.port)
        client.sock.settimeout(MAX_WAIT)
        try:
            client.sock = context.wrap_socket(client.sock, server_hostname="127.0.0.1")
            client.ask(body=b"{}")
            assert client.response().status == 200 and trusted
        except ssl.SSLCertVerificationError:
            assert not trusted, name
        finally:
            client.close()


def test_a_full_backlog_neither_accepts_nor_refuses():
    with full_backlog() as port, socket.socket() as sock, pytest.raises(TimeoutError):
        sock.settimeout(0.1)
        sock.connect(("127.0.0.1", port))


def test_scripts_may_be_chunks_by_hand():
    with Upstream(steps(SSE_HEAD, chunk(b"data: 1\n\n"), LAST_CHUNK)) as server:
        assert exchange(server).body == b"data: 1\n\n"
        assert sse([b"data: 1\n\n"]) == SSE_HEAD + chunk(b"data: 1\n\n") + LAST_CHUNK
