"""Requests with ambiguous or broken framing are refused and the connection closed; what a client
smuggles behind them never becomes a request. Raw bytes in, raw bytes out."""

import threading

import pytest

from harness import Client, as_bytes, chat, chat_body, config, request_bytes, status, well

BODY = as_bytes(chat_body())
N = len(BODY)
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % N
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (N, BODY)
SMUGGLED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: yes\r\n" + JSON \
    + LENGTH + b"\r\n" + BODY


def post(*fields: bytes, body=BODY, line=LINE, host=HOST):
    return line + host + JSON + b"".join(fields) + b"\r\n" + body


REFUSED = [
    # name, bytes, statuses that are right
    ("CL and TE", post(LENGTH, b"Transfer-Encoding: chunked\r\n", body=CHUNKED), (400,)),
    ("TE and CL", post(b"Transfer-Encoding: chunked\r\n", LENGTH, body=CHUNKED), (400,)),
    ("two different CL", post(LENGTH, b"Content-Length: 3\r\n"), (400,)),
    ("two equal CL", post(LENGTH, LENGTH), (400,)),
    ("a list of CL", post(b"Content-Length: %d, %d\r\n" % (N, N)), (400,)),
    ("a signed CL", post(b"Content-Length: +%d\r\n" % N), (400,)),
    ("a negative CL", post(b"Content-Length: -1\r\n"), (400,)),
    ("a hexadecimal CL", post(b"Content-Length: 0x%x\r\n" % N), (400,)),
    ("a CL with a space inside", post(b"Content-Length: 1 2\r\n"), (400,)),
    ("an empty CL", post(b"Content-Length: \r\n"), (400,)),
    ("a CL beyond 64 bits", post(b"Content-Length: 99999999999999999999999\r\n"), (400, 413)),
    ("a CL of words", post(b"Content-Length: many\r\n"), (400,)),
    ("TE gzip", post(b"Transfer-Encoding: gzip\r\n", body=CHUNKED), (400, 501)),
    ("TE gzip, chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", body=CHUNKED), (400, 501)),
    ("TE chunked, chunked", post(b"Transfer-Encoding: chunked, chunked\r\n", body=CHUNKED),
     (400, 501)),
    ("TE chunked, identity", post(b"Transfer-Encoding: chunked, identity\r\n", body=CHUNKED),
     (400, 501)),
    ("TE identity", post(b"Transfer-Encoding: identity\r\n", LENGTH), (400, 501)),
    ("TE xchunked", post(b"Transfer-Encoding: xchunked\r\n", body=CHUNKED), (400, 501)),
    ("TE twice", post(b"Transfer-Encoding: chunked\r\n" * 2, body=CHUNKED), (400, 501)),
    ("TE twice, other first", post(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
                                   body=CHUNKED), (400, 501)),
    ("TE with a vertical tab", post(b"Transfer-Encoding:\x0bchunked\r\n", body=CHUNKED),
     (400, 501)),
    ("TE in quotes", post(b'Transfer-Encoding: "chunked"\r\n', body=CHUNKED), (400, 501)),
    ("TE with a parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", body=CHUNKED), (400, 501)),
    ("an empty TE", post(b"Transfer-Encoding: \r\n", LENGTH), (400, 501)),
    ("a space before the colon", post(b"Transfer-Encoding : chunked\r\n", body=CHUNKED), (400,)),
    ("a tab before the colon", post(b"Content-Length\t: %d\r\n" % N), (400,)),
    ("a folded line", post(b"X-Folded: a\r\n b\r\n", LENGTH), (400,)),
    ("a folded TE", post(b"Transfer-Encoding:\r\n chunked\r\n", body=CHUNKED), (400,)),
    ("a first field that is folded", LINE + b" Host: h\r\n" + LENGTH + b"\r\n" + BODY, (400,)),
    ("a bare LF after a field", post(b"X-A: b\n", LENGTH), (400,)),
    ("a bare LF after the request line", LINE[:-2] + b"\n" + HOST + LENGTH + b"\r\n" + BODY,
     (400,)),
    ("bare LF everywhere", post(LENGTH).replace(b"\r\n", b"\n"), (400,)),
    ("a bare CR in a value", post(b"X-A: b\rX-B: c\r\n", LENGTH), (400,)),
    ("a NUL in a value", post(b"X-A: b\x00c\r\n", LENGTH), (400,)),
    ("a NUL in a name", post(b"X\x00A: b\r\n", LENGTH), (400,)),
    ("a control character in a value", post(b"X-A: \x01\r\n", LENGTH), (400,)),
    ("a name with a space", post(b"X A: b\r\n", LENGTH), (400,)),
    ("an empty name", post(b": b\r\n", LENGTH), (400,)),
    ("a field without a colon", post(b"nonsense\r\n", LENGTH), (400,)),
    ("a name beyond ASCII", post(b"X-\xe9: b\r\n", LENGTH), (400,)),
    ("no Host", LINE + JSON + LENGTH + b"\r\n" + BODY, (400,)),
    ("two Hosts", post(b"Host: other\r\n", LENGTH), (400,)),
    ("two equal Hosts", post(HOST, LENGTH), (400,)),
    ("a Host with a path", post(LENGTH, host=b"Host: h/x\r\n"), (400,)),
    ("a Host with userinfo", post(LENGTH, host=b"Host: a@h\r\n"), (400,)),
    ("HTTP/0.9", b"GET /healthz\r\n\r\n", (400, 505)),
    ("HTTP/2.0", post(LENGTH, line=LINE.replace(b"1.1", b"2.0")), (400, 505)),
    ("HTTP/1.2", post(LENGTH, line=LINE.replace(b"1.1", b"1.2")), (400, 505)),
    ("HTTP/11", post(LENGTH, line=LINE.replace(b"1.1", b"11")), (400, 505)),
    ("http/1.1 in lower case", post(LENGTH, line=LINE.replace(b"HTTP", b"http")), (400, 505)),
    ("two spaces in the request line", post(LENGTH, line=LINE.replace(b" /", b"  /")), (400,)),
    ("a tab in the request line", post(LENGTH, line=LINE.replace(b" /", b"\t/")), (400,)),
    ("a space in the target", post(LENGTH, line=LINE.replace(b"/chat", b"/ch at")), (400,)),
    ("a NUL in the target", post(LENGTH, line=LINE.replace(b"/chat", b"/ch\x00at")), (400,)),
    ("a fragment in the target", post(LENGTH, line=LINE.replace(b"completions", b"completions#x")),
     (400, 404)),
    ("a method with a parenthesis", post(LENGTH, line=LINE.replace(b"POST", b"P(ST")), (400,)),
    ("a TLS ClientHello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, (400,)),
    ("binary noise", bytes(range(256)), (400,)),
    ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    ("a PROXY line", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + post(LENGTH), (400,)),
    ("TE on HTTP/1.0", post(b"Transfer-Encoding: chunked\r\n", body=CHUNKED,
                            line=LINE.replace(b"1.1", b"1.0")), (400, 501)),
    ("CONNECT", b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
     (400, 404, 405, 501)),
    ("a target of another scheme", post(LENGTH, line=b"POST ftp://h/v1/chat/completions "
                                                     b"HTTP/1.1\r\n"), (400, 404)),
    ("a target with userinfo", post(LENGTH, line=b"POST http://a:b@h/v1/chat/completions "
                                                 b"HTTP/1.1\r\n"), (400,)),
    ("a relative target", post(LENGTH, line=b"POST v1/chat/completions HTTP/1.1\r\n"), (400,)),
    ("a chunk size of words", post(b"Transfer-Encoding: chunked\r\n", body=b"zz\r\nab\r\n"), (400,)),
    ("an empty chunk size", post(b"Transfer-Encoding: chunked\r\n", body=b"\r\nab\r\n"), (400,)),
    ("a signed chunk size", post(b"Transfer-Encoding: chunked\r\n", body=b"+2\r\nab\r\n"), (400,)),
    ("a chunk size with 0x", post(b"Transfer-Encoding: chunked\r\n", body=b"0x2\r\nab\r\n"), (400,)),
    ("a chunk size beyond 64 bits", post(b"Transfer-Encoding: chunked\r\n",
                                         body=b"fffffffffffffffff1\r\nab\r\n"), (400, 413)),
    ("a chunk longer than it says", post(b"Transfer-Encoding: chunked\r\n",
                                         body=b"2\r\nabc\r\n0\r\n\r\n"), (400,)),
    ("a chunk size line ended by LF", post(b"Transfer-Encoding: chunked\r\n",
                                           body=b"%x\n%s\r\n0\r\n\r\n" % (N, BODY)), (400,)),
    ("a space before the chunk size", post(b"Transfer-Encoding: chunked\r\n",
                                           body=b" %x\r\n%s\r\n0\r\n\r\n" % (N, BODY)), (400,)),
    ("chunk data ended by LF", post(b"Transfer-Encoding: chunked\r\n",
                                    body=b"%x\r\n%s\n0\r\n\r\n" % (N, BODY)), (400,)),
    ("a bare LF in a chunk extension", post(
        b"Transfer-Encoding: chunked\r\n", body=b"%x;a\nb\r\n%s\r\n0\r\n\r\n" % (N, BODY)), (400,)),
    ("garbage instead of a trailer", post(
        b"Transfer-Encoding: chunked\r\n",
        body=b"%x\r\n%s\r\n0\r\n\x00\x01\r\n\r\n" % (N, BODY)), (400,)),
]


@pytest.mark.row(46, 49)
@pytest.mark.parametrize("raw,right", [case[1:] for case in REFUSED],
                         ids=[case[0].replace(" ", "-") for case in REFUSED])
def test_this_is_refused_closed_and_never_forwarded(start, upstream, raw, right):
    primary = upstream()
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.send(raw + SMUGGLED)
        got = client.response()
        assert got.status in right, got
        assert got.ended == "whole" and got.header("connection") == "close"
        assert got.error["type"] == "understudy_error"
        assert client.at_end() in ("fin", "reset"), "the connection stayed open"
        assert not client.buffer, "a second answer: the smuggled request was served"
    assert not primary.requests, primary.requests[0].raw_head
    assert chat(daemon).status == 200


def test_a_trailer_cannot_smuggle_a_header(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.send(post(b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n", body=CHUNKED[:-2]
                         + b"X-T: 1\r\nAuthorization: Bearer t\r\nContent-Length: 3\r\n\r\n"))
        assert client.response().status in (200, 400)
    for request in primary.requests:
        assert request.header("x-t") is None and request.body == BODY
        assert request.header("authorization") == "Bearer sk-primary"


# --- what is allowed

def test_a_chunked_request_goes_up_with_a_length(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.send(post(b"Transfer-Encoding: Chunked\r\n", body=CHUNKED))
        assert client.response().status == 200
    assert primary.requests[0].body == BODY
    assert primary.requests[0].header("content-length") == str(N)


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_request_in_small_pieces_is_understood(start, upstream, size):
    primary = upstream()
    raw = request_bytes(body=BODY)
    with Client(start(config(primary))) as client:
        for at in range(0, len(raw), size):
            client.send(raw[at:at + size])
        assert client.response().status == 200
    assert primary.requests[0].body == BODY


def test_empty_lines_before_a_request_are_skipped(start, upstream):
    with Client(start(config(upstream()))) as client:
        for _ in range(2):
            client.send(b"\r\n" + request_bytes(body=BODY))
            assert client.response().status == 200


@pytest.mark.row(47)
def test_pipelined_requests_are_answered_in_order(start, upstream):
    def echo(connection, request):
        well(request.model)(connection, request)
    primary = upstream(echo)
    models = [f"m{i}" for i in range(12)]
    with Client(start(config(primary))) as client:
        client.send(b"".join(request_bytes(body=chat_body(model=m, stream=i % 3 == 0))
                             for i, m in enumerate(models)))
        assert [client.response().text for _ in models] == models
    assert [request.model for request in primary.requests] == models


@pytest.mark.row(47)
def test_pipelined_requests_behind_a_slow_or_failing_one_wait_their_turn(start, upstream):
    opened = threading.Event()
    def first_waits(connection, request):
        if request.model == "slow":
            connection.wait(opened)
        if request.model == "bad":
            connection.send(status(400))
        else:
            well(request.model)(connection, request)
    primary = upstream(first_waits)
    with Client(start(config(primary))) as client:
        for model in ("slow", "bad", "fast"):
            client.send(request_bytes(body=chat_body(model=model)))
        client.send(request_bytes("GET", "/healthz"))
        primary.wait_requests(1)
        assert client.quiet()
        opened.set()
        assert client.response().text == "slow"
        assert client.response().status == 400
        assert client.response().text == "fast"
        assert client.response().status == 200


@pytest.mark.row(48)
def test_expect_100_continue_is_answered_before_the_body(start, upstream):
    primary = upstream()
    raw = request_bytes(body=BODY, headers={"Expect": "100-continue"})
    with Client(start(config(primary))) as client:
        client.send(raw[:-N])
        assert client.head().status == 100
        client.send(raw[-N:])
        assert client.response().status == 200
    assert primary.requests[0].header("expect") is None


@pytest.mark.row(48)
def test_a_body_that_does_not_wait_for_100_is_taken_too(start, upstream):
    with Client(start(config(upstream()))) as client:
        client.send(request_bytes(body=BODY, headers={"Expect": "100-Continue"}))
        got = client.head()
        if got.status == 100:
            got = client.head()
        assert client.body(got).text == "It works."


@pytest.mark.row(48)
def test_an_expectation_is_refused_early_when_the_request_is(start, upstream):
    daemon = start(config(upstream(), limits={"body": "1KiB"}))
    with Client(daemon) as client:
        client.send(post(b"Content-Length: 5000\r\nExpect: 100-continue\r\n", body=b""))
        assert client.response().status == 413
    with Client(daemon) as client:
        client.send(post(LENGTH, b"Expect: a-miracle\r\n"))
        assert client.response().status in (417, 200)


def test_a_client_of_http_1_0_is_answered_and_the_connection_closed(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask(body=BODY, version="HTTP/1.0")
        got = client.response()
        assert got.text == "It works." and got.version in ("HTTP/1.0", "HTTP/1.1")
        assert client.at_end() == "fin"
    assert primary.requests[0].version == "HTTP/1.1"


def test_http_1_0_may_ask_to_keep_the_connection(start, upstream):
    with Client(start(config(upstream()))) as client:
        client.ask(body=BODY, version="HTTP/1.0", headers={"Connection": "keep-alive"})
        got = client.response()
        assert got.text == "It works." and got.ended == "whole"


def test_connection_close_is_honoured(start, upstream):
    with Client(start(config(upstream()))) as client:
        client.ask(body=BODY, headers={"Connection": "close"})
        got = client.response()
        assert got.status == 200 and got.header("connection") == "close"
        assert client.at_end() == "fin"


def test_a_connection_is_kept_for_many_requests_and_their_failures(start, upstream):
    primary = upstream(lambda c, r: c.send(status(400)) if r.model == "bad" else well()(c, r))
    with Client(start(config(primary))) as client:
        for model, code in [("m", 200), ("bad", 400)] * 10:
            client.ask(body=chat_body(model=model))
            assert client.response().status == code
    assert len(primary.connections) == 1, "the upstream's connection was not kept"


@pytest.mark.row(49)
def test_an_upgrade_is_ignored_or_refused_but_never_tunnelled(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask(body=BODY, headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert client.response().status in (200, 400, 426, 501)
    for request in primary.requests:
        assert request.header("upgrade") is None


@pytest.mark.row(49)
@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "FOO", "PURGE"])
def test_other_methods_are_refused(start, upstream, method):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.send(request_bytes(method, "/v1/chat/completions", headers={"X-Echo": "secret"}))
        got = client.response()
        assert 400 <= got.status < 600 and b"secret" not in got.body or got.status == 204
    assert not primary.requests


def test_absolute_form_is_served_like_origin_form(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(path=f"http://127.0.0.1:{daemon.port}/v1/chat/completions", body=BODY)
        assert client.response().status == 200
        client.ask("GET", "http://anything.test/healthz")
        assert client.response().status == 200


def test_a_get_with_a_body_does_not_desynchronise_the_connection(start, upstream):
    daemon = start(config(upstream()))
    with Client(daemon) as client:
        client.ask("GET", "/healthz", body=SMUGGLED)
        got = client.response()
        assert got.status in (200, 400)
        if got.status == 200 and got.header("connection") != "close":
            client.ask("GET", "/readyz")
            assert client.response().status == 200
        assert not client.buffer


def test_an_error_answer_to_an_unread_body_does_not_desynchronise(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask("POST", "/nowhere", body=SMUGGLED)
        assert client.response().status == 404
        ended = client.at_end(0.2)
        if not ended:
            client.ask(body=BODY)
            assert client.response().status == 200
    assert all(request.header("x-smuggled") is None for request in primary.requests)


@pytest.mark.parametrize("head", [
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"A : b\r\n\r\n", b"Host: .\r\n\r\n",
    b"Transfer_Encoding: chunked\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nx\r\n"])
def test_an_answer_to_head_has_no_body_also_where_the_request_is_refused(start, upstream, head):
    host = b"" if b"Host" in head else HOST
    with Client(start(config(upstream()))) as client:
        client.send(b"HEAD /healthz HTTP/1.1\r\n" + host + head)
        client.at_end()
        sent = client.buffer
        assert sent.startswith(b"HTTP/1.1 400 ") and sent.endswith(b"\r\n\r\n"), sent
        assert sent.count(b"\r\n\r\n") == 1


def test_an_unclosed_quote_in_a_chunk_extension_is_refused(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        body = b'%x;x="\r\n%s\r\n0\r\n\r\n' % (N, BODY)
        client.send(post(b"Transfer-Encoding: chunked\r\n", body=body))
        assert client.response().status == 400 and client.at_end()
    assert not primary.requests
