"""Two features in one request: each keeps its promise beside the other, and log, metrics and what upstreams saw
say the same."""

import json
import os
import signal
import threading
import time
import zlib

import pytest

from harness import (LAST_CHUNK, MAX_WAIT, ROLE, SSE_HEAD, Client, ask, chat, chat_body, chunk,
                     completion, config, error_body, gzipped, head, in_turn, metric, ms, plain, plain_and_streamed,
                     request_lines, run_answer, silent, status, stream_events, well, words)
from natives import (anthropic, anthropic_error, block_start, candidate, gemini_body, google_error, google_event,
                     message_body, message_events, message_start, native, text_delta, typed)
from tests.support.daemon import wait_until

TEXT = "The quick brown fox jumps over the lazy dog and runs away."
HALF = "The quick brown fox jumps"
REST = " over the lazy dog and runs away."
RESCUE = {"midstream": "continue", "retries": 0}
HEDGE = {"hedge": {"after": ms(200), "budget": "100%"}, "retries": 0}
WAITS = {"keepalive": "1s"}
RESTS = {"breaker": {"failures": 1, "window": "60s", "cooldown": "60s"}}
KEYS = ["sk-first-0123456789", "sk-second-0123456789", "sk-third-0123456789"]
LIMITED = status(429, error_body(), "Retry-After: 30")
TOO_LONG = status(400, error_body("This model's maximum context length is 10 tokens.", "invalid_request_error",
                                  "context_length_exceeded"))


def late(delay, then):
    def script(connection, request):
        time.sleep(delay)
        run_answer(then, connection, request)
    return script


def once_asked(server, then):
    """Answers when `server` has got a request: the hedge is under way then, however slow the machine."""
    def script(connection, request):
        wait_until(lambda: server.requests, "the other's request", MAX_WAIT)
        run_answer(then, connection, request)
    return script


def cut(text=HALF, how="reset"):
    """A stream that breaks behind this text."""
    def script(connection, request):
        connection.send(SSE_HEAD + b"".join(map(chunk, [ROLE, *words(text)])))
        time.sleep(0.05)
        if how == "error":
            connection.send(chunk(b'data: {"error":{"message":"engine died"}}\n\n') + LAST_CHUNK)
        else:
            {"reset": connection.reset, "close": connection.close, "hold": connection.hold}[how]()
    return script


def by_key(answers, otherwise):
    def answer(connection, request):
        key = (request.header("authorization") or "").removeprefix("Bearer ")
        run_answer(answers.get(key, otherwise), connection, request)
    return answer


def chained(start, *servers, route=(), dialects=None, settings=(), **top):
    """A daemon in front of these; each can tell it all again. `settings`: of the entries, by place."""
    names = ("primary", "backup", "third", "fourth")
    entries = [native(server, names[i], dialects[i], continuation="restart") if dialects and dialects[i] != "chat"
               else server.entry(names[i], **{"continuation": "restart", **dict(settings).get(i, {})})
               for i, server in enumerate(servers)]
    return start(config(*entries, route=dict(route), **{"log": {"level": "info", "format": "json"}, **top}))


def books(daemon, count, *servers):
    """The log's lines of so many requests, which agree with the metrics and with what the servers saw."""
    def all_of_them():
        found = [line for line in request_lines(daemon) if line["event"] == "request"]
        return found if len(found) >= count else None
    lines = wait_until(all_of_them, "the lines", MAX_WAIT)
    assert len(lines) == count
    made, outcomes = {}, {}
    for line in lines:
        tried = [item.strip().split(";") for item in line["trace"].split(",")]
        tried = [item for item in tried if item[1] != "skipped"]
        assert len(tried) == line["attempts"], line
        for entry, reason, *_ in tried:
            made[entry.split("/")[0], reason] = made.get((entry.split("/")[0], reason), 0) + 1
        outcomes[line["outcome"]] = outcomes.get(line["outcome"], 0) + 1
    for name, server in zip(("primary", "backup", "third", "fourth"), servers):
        sent = sum(n for (upstream, _), n in made.items() if upstream == name)
        # One that was dropped is reset: a server that has not read it by then never does.
        surely = sent - made.get((name, "dropped"), 0)
        wait_until(lambda: len(server.requests) >= surely, f"{surely} requests at {name}: {made}", MAX_WAIT)
        assert len(server.requests) <= sent, (name, made)
    metrics = daemon.metrics()
    for (name, reason), n in made.items():
        assert metrics.value("understudy_attempts_total", upstream=name, reason=reason) == n, (name, reason)
    assert metrics.value("understudy_attempts_total") == sum(made.values())
    for outcome, n in outcomes.items():
        assert metrics.value("understudy_requests_total", outcome=outcome) == n, outcome
    return lines


def whole(got, text=TEXT):
    assert got.text == text and got.finished and got.events.count("[DONE]") == 1, got
    assert sum(bool(c["finish_reason"]) for e in got.events if e != "[DONE]" for c in json.loads(e)["choices"]) == 1


def shows_no_key(daemon, *answers):
    for key in KEYS:
        assert not any(key in line for line in daemon.stderr_lines())
        assert not any(key.encode() in answer.raw for answer in answers)


# --- hedges

def test_a_hedge_that_won_and_breaks_is_gone_on_with_and_rests(start, upstream):
    servers = upstream(silent), upstream(cut()), upstream(well(TEXT))
    daemon = chained(start, *servers, route={**RESCUE, **HEDGE}, **RESTS)
    whole(chat(daemon, stream=True))
    (line,) = books(daemon, 1, *servers)
    assert line["outcome"] == "rescued"
    got = chat(daemon, stream=True)
    assert sorted(item[:2] for item in got.trace) == [["backup/m", "skipped"], ["primary/m", "dropped"], ["third/m", "ok"]]
    books(daemon, 2, *servers)


@pytest.mark.parametrize("client", ["chat", "messages", "responses", "gemini"])
@pytest.mark.parametrize("first", ["chat", "messages"])
def test_a_hedge_may_speak_another_api(start, upstream, client, first):
    said = {"chat": well("From the backup."), "messages": anthropic("From the backup.")}
    second = "messages" if first == "chat" else "chat"
    servers = upstream(silent), upstream(said[second])
    daemon = chained(start, *servers, route=HEDGE, dialects=(first, second))
    got = ask_as(daemon, client)
    assert got.status == 200 and got.ended == "whole" and b"backup" in got.body
    (line,) = books(daemon, 1, *servers)
    assert "dropped" in line["trace"]


def test_keys_that_are_limited_change_beside_a_hedge(start, upstream):
    primary = upstream(late(0.4, by_key({KEYS[0]: LIMITED, KEYS[1]: LIMITED}, late(0.5, well("Third key.")))))
    backup = upstream(late(4, well("From the backup.")))
    daemon = chained(start, primary, backup, route=HEDGE, settings={0: {"api_key": KEYS}})
    answers = [chat(daemon, stream=stream) for stream in (False, True)]
    assert [got.text for got in answers] == ["Third key."] * 2
    books(daemon, 2, primary, backup)
    shows_no_key(daemon, *answers)


def test_a_hedge_takes_no_second_place_of_its_key(start, upstream):
    price = {"price": {"input": 1, "output": 1}}
    limits = {"requests_in_flight": 1, "budget_usd_per_day": 1}
    primary, backup = upstream(silent), upstream(late(0.2, well("From the backup.")))
    daemon = chained(start, primary, backup, route=HEDGE, settings={0: price, 1: price},
                     keys=[{"name": "a", "key": "client-key-0123456789", "limits": limits}])
    for stream in (True, False) * 3:
        got = chat(daemon, stream=stream, headers={"Authorization": "Bearer client-key-0123456789"})
        assert got.status == 200 and got.text == "From the backup.", got
    books(daemon, 6, primary, backup)


@plain_and_streamed
def test_when_both_of_a_hedge_fail_the_error_is_the_primarys(start, upstream, stream):
    primary = upstream(late(0.8, status(503, error_body("Of the primary."), "Retry-After: 7")))
    backup = upstream(late(0.2, status(500, error_body("Of the backup."))))
    daemon = chained(start, primary, backup, route=HEDGE)
    got = chat(daemon, stream=stream)
    assert got.status == 503 and got.error["message"] == "Of the primary." and got.header("retry-after") == "7"
    books(daemon, 1, primary, backup)


@pytest.mark.parametrize("second, text", [(plain(completion("Good.")), "Good."), (status(503), "")])
def test_an_answer_that_is_not_good_enough_waits_for_the_hedge(start, upstream, second, text):
    servers = upstream(late(0.5, plain(completion("")))), upstream(late(0.8, second))
    daemon = chained(start, *servers, route={**HEDGE, "fallback_on": ["connection", "timeout", "empty"]})
    got = chat(daemon)
    assert got.status == 200 and got.text == text and got.trace[0][1] == "empty"
    books(daemon, 1, *servers)


def test_a_stream_below_its_rate_is_gone_on_with_by_the_hedge_that_was_dropped(start, upstream):
    backup = upstream(in_turn(silent, well(TEXT)))
    primary = upstream(once_asked(backup, cut(how="hold")))
    daemon = chained(start, primary, backup, route={**RESCUE, **HEDGE}, settings={0: {"min_rate": "3/1s"}})
    whole(chat(daemon, stream=True))
    (line,) = books(daemon, 1, primary, backup)
    assert [item.split(";")[1] for item in line["trace"].split(", ")] == ["dropped", "timeout", "ok"]


# --- clients that are kept waiting

@pytest.mark.parametrize("how", ["reset", "error", "close"])
def test_a_waiting_client_gets_one_answer_of_three_entries(start, upstream, how):
    servers = upstream(late(1.3, cut(how=how))), upstream(late(1.3, status(503))), upstream(late(0.3, well(TEXT)))
    daemon = chained(start, *servers, route={**RESCUE, **WAITS}, **RESTS)
    got = chat(daemon, stream=True)
    whole(got)
    assert got.body.count(b": understudy still waiting") >= 2
    (line,) = books(daemon, 1, *servers)
    assert line["outcome"] == "rescued"


def test_keys_change_behind_the_head_of_a_waiting_client(start, upstream):
    primary = upstream(by_key({KEYS[0]: late(1.3, LIMITED), KEYS[1]: late(0.3, status(401))}, well("Third key.")))
    daemon = chained(start, primary, route=WAITS, settings={0: {"api_key": KEYS}})
    got = chat(daemon, stream=True)
    whole(got, "Third key.")
    (line,) = books(daemon, 1, primary)
    assert line["attempts"] == 3
    shows_no_key(daemon, got)


def test_a_waiting_client_does_not_see_the_keys_that_were_all_refused(start, upstream):
    def echo(connection, request):
        time.sleep(0.6)
        said = error_body(f"Incorrect API key provided: {request.header('authorization')}", code="invalid_api_key")
        connection.send(status(401, said))
    primary = upstream(echo)
    daemon = chained(start, primary, route={**WAITS, "retries": 0}, settings={0: {"api_key": KEYS}})
    got = chat(daemon, stream=True)
    assert got.status == 200 and not got.finished and got.stream_error["code"] == "upstream_error"
    books(daemon, 1, primary)
    shows_no_key(daemon, got)


def test_the_deadline_of_a_waiting_client_ends_both_attempts(start, upstream):
    servers = upstream(silent), upstream(silent)
    daemon = chained(start, *servers, route={**WAITS, **HEDGE, "deadline": "1800ms"})
    got = chat(daemon, stream=True)
    assert got.stream_error["code"] == "deadline_exceeded" and not got.finished and got.ended == "cut"
    books(daemon, 1, *servers)


def test_a_client_of_http_1_0_takes_no_error_for_an_end(start, upstream):
    servers = upstream(late(1.3, status(503))), upstream(late(0.2, status(500)))
    daemon = chained(start, *servers, route=WAITS)
    with Client(daemon) as client:
        client.ask(body=chat_body(True), version="HTTP/1.0")
        got = client.response()
    assert got.stream_error and got.ended == "reset"
    books(daemon, 1, *servers)


@pytest.mark.parametrize("fields", [{}, {"Connection": "keep-alive"}], ids=["close", "keep-alive"])
def test_a_client_of_http_1_0_gets_a_rescued_stream_whole(start, upstream, fields):
    servers = upstream(cut()), upstream(well(TEXT))
    daemon = chained(start, *servers, route={**RESCUE, **WAITS})
    with Client(daemon) as client:
        client.ask(body=chat_body(True), version="HTTP/1.0", headers=fields)
        got = client.response()
    whole(got)
    assert got.ended == "closed"
    books(daemon, 1, *servers)


@pytest.mark.parametrize("leaves", [0.1, 0.5, 1.3, 2.2])
def test_whenever_a_client_leaves_nobody_is_asked_any_more(start, upstream, leaves):
    servers = upstream(late(0.8, cut())), upstream(late(0.9, status(503))), upstream(silent)
    daemon = chained(start, *servers, route={**RESCUE, **WAITS, "hedge": {"after": "300ms", "budget": "100%"}}, **RESTS)
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        time.sleep(leaves)
        client.reset()
    (line,) = books(daemon, 1, *servers)
    assert line["outcome"] == "client_closed"
    time.sleep(1)
    books(daemon, 1, *servers)


# --- streams that are gone on with

def ask_as(daemon, api):
    path, body = {
        "chat": ("/v1/chat/completions", chat_body(True)), "messages": ("/v1/messages", message_body(True)),
        "responses": ("/v1/responses", {"model": "m", "input": "Hi", "stream": True}),
        "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", gemini_body())}[api]
    return ask(daemon, path=path, body=body)


def text_of(api, found):
    said = ""
    for data in map(json.loads, (one for one in found if one != "[DONE]")):
        if api == "chat":
            said += "".join(choice["delta"].get("content") or "" for choice in data["choices"])
        elif api == "messages":
            said += data["delta"].get("text", "") if data["type"] == "content_block_delta" else ""
        else:
            said += "".join(part.get("text", "") for part in data["candidates"][0].get("content", {}).get("parts", []))
    return said


WHOLE = {"chat": b"".join(stream_events(TEXT)), "messages": b"".join(message_events(TEXT)),
         "gemini": google_event(candidate(HALF, finish=None)) + google_event(candidate(REST))}
PART = {"chat": b"".join([ROLE, *words(HALF)]),
        "messages": b"".join([message_start(), block_start(), text_delta("The quick"), text_delta(" brown fox jumps")])}


def sends(body, coding=None, cut_off=0):
    """These events, in pieces, compressed or not; `cut_off`: less than was announced."""
    pack = {None: bytes, "gzip": gzipped, "deflate": zlib.compress, "bare deflate": bare}[coding]
    data = pack(body)

    def script(connection, request):
        fields = [f"Content-Encoding: {coding.split()[-1]}"] if coding else []
        connection.send(head("200 OK", "Content-Type: text/event-stream", *fields,
                             f"Content-Length: {len(data) + cut_off}"))
        connection.pieces(data, 50)
        if cut_off:
            time.sleep(0.05)
            connection.reset()
    return script


def bare(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("client", ["chat", "messages", "gemini"])
@pytest.mark.parametrize("first, second", [("chat", "messages"), ("messages", "chat"), ("chat", "gemini")])
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_whatever_is_spoken_and_packed_the_client_reads_one_answer(start, upstream, client, first, second, coding):
    servers = upstream(sends(PART[first], coding, 10)), upstream(sends(WHOLE[second], coding))
    daemon = chained(start, *servers, route={**RESCUE, "keepalive": "30s"}, dialects=(first, second))
    got = ask_as(daemon, client)
    assert got.ended == "whole" and text_of(client, got.events) == TEXT, got
    books(daemon, 1, *servers)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare deflate"])
@pytest.mark.parametrize("more", [{}, {"stream_options": {"include_usage": True}}], ids=["", "usage asked"])
def test_packed_streams_are_rescued_twice(start, upstream, coding, more):
    further = b"".join([ROLE, *words(HALF + " over")])
    servers = [upstream(sends(body, coding, cut)) for body, cut in ((PART["chat"], 9), (further, 9), (WHOLE["chat"], 0))]
    daemon = chained(start, *servers, route={**RESCUE, "keepalive": "30s"})
    whole(chat(daemon, stream=True, **more))
    books(daemon, 1, *servers)


def test_keys_change_while_a_stream_is_gone_on_with(start, upstream):
    servers = upstream(cut()), upstream(by_key({KEYS[0]: LIMITED, KEYS[1]: status(401)}, well(TEXT)))
    daemon = chained(start, *servers, route=RESCUE, settings={1: {"api_key": KEYS}})
    got = chat(daemon, stream=True)
    whole(got)
    (line,) = books(daemon, 1, *servers)
    assert line["attempts"] == 4
    shows_no_key(daemon, got)


def test_what_we_add_is_taken_back_while_a_stream_is_gone_on_with(start, upstream):
    def picky(connection, request):
        refused = error_body("Unknown parameter: 'stream_options'.", "invalid_request_error", "unknown_parameter",
                             "stream_options")
        run_answer(status(400, refused) if request.json.get("stream_options") else well(TEXT), connection, request)
    servers = upstream(cut()), upstream(picky)
    daemon = chained(start, *servers, route=RESCUE)
    whole(chat(daemon, stream=True))
    books(daemon, 1, *servers)


def test_a_chain_of_its_own_goes_on_with_what_its_first_entry_began(start, upstream):
    servers = upstream(TOO_LONG), upstream(well("Never.")), upstream(cut()), upstream(well(TEXT))
    daemon = chained(start, *servers, route={**RESCUE, "chain": ["primary", "backup"],
                                             "on": {"context_length": ["third", "fourth"]}})
    whole(chat(daemon, stream=True))
    assert not servers[1].requests
    books(daemon, 1, *servers)


def test_whoever_finds_out_that_the_rest_is_too_long_the_chain_for_it_goes_on(start, upstream):
    servers = upstream(cut()), upstream(TOO_LONG), upstream(well(TEXT))
    daemon = chained(start, *servers, route={**RESCUE, "chain": ["primary", "backup"], "on": {"context_length": ["third"]}})
    whole(chat(daemon, stream=True))
    (line,) = books(daemon, 1, *servers)
    assert line["outcome"] == "rescued" and line["attempts"] == 3


def test_what_is_too_long_for_a_prefill_is_not_asked_in_more_words_first(start, upstream):
    servers = upstream(cut()), upstream(TOO_LONG), upstream(well(TEXT))
    daemon = chained(start, *servers, settings={1: {"continuation": "prefill"}},
                     route={**RESCUE, "chain": ["primary", "backup"], "on": {"context_length": ["third"]}})
    whole(chat(daemon, stream=True))
    assert len(servers[1].requests) == 1
    books(daemon, 1, *servers)


@pytest.mark.parametrize("second", ["gemini", "messages", "chat"])
def test_a_client_that_leaves_while_another_api_is_asked_to_go_on_ends_that(start, upstream, second):
    primary, backup = upstream(cut()), upstream(silent)
    daemon = chained(start, primary, backup, route=RESCUE, dialects=("chat", second))
    with Client(daemon) as client:
        client.ask(path="/v1/messages", body=message_body(True))
        client.body(client.head(), until=lambda answer: b"jumps" in answer.body)
        backup.wait_requests(1)
    assert backup.wait_gone()
    (line,) = books(daemon, 1, primary, backup)
    assert line["outcome"] == "client_closed"


def test_a_request_behind_a_rescued_one_is_served_on_its_connection(start, upstream):
    servers = upstream(in_turn(cut(), well("Second."))), upstream(well(TEXT))
    daemon = chained(start, *servers, route=RESCUE)
    with Client(daemon) as client:
        client.ask(body=chat_body(True))
        client.ask(body=chat_body(False))
        whole(client.response())
        assert client.response().text == "Second."
    books(daemon, 2, *servers)


@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
@pytest.mark.parametrize("midstream", ["continue", "error"])
def test_a_response_that_its_server_fails_says_so_to_all_its_clients(start, upstream, midstream, together):
    """Some read `error`, codex `response.failed` alone."""
    item = {"id": "msg_T1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    begun = [typed("response.created", sequence_number=0, response={"id": "resp_T1", "object": "response", "model": "m",
                                                                    "status": "in_progress", "output": []}),
             typed("response.output_item.added", sequence_number=1, output_index=0, item=item),
             typed("response.content_part.added", sequence_number=2, item_id="msg_T1", output_index=0, content_index=0,
                   part={"type": "output_text", "text": "", "annotations": []}),
             typed("response.output_text.delta", sequence_number=3, item_id="msg_T1", output_index=0, content_index=0,
                   delta="Once")]
    died = {"code": "server_error", "message": "The engine died."}
    told = [typed("error", sequence_number=4, param=None, **died),
            typed("response.failed", sequence_number=5, response={"id": "resp_T1", "object": "response",
                                                                  "status": "failed", "output": [], "error": died})]

    def script(connection, request):
        connection.send(SSE_HEAD + chunk(b"".join(begun)))
        time.sleep(0.05)
        for piece in [b"".join(told)] if together else told:
            connection.send(chunk(piece))
            time.sleep(0.05)
        connection.send(LAST_CHUNK)
    servers = upstream(script), upstream(status(503))
    daemon = chained(start, *servers, route={**RESCUE, "midstream": midstream}, dialects=["responses"] * 2)
    got = ask_as(daemon, "responses")
    books(daemon, 1, *servers)
    found = [json.loads(data) for data in got.events]
    assert got.ended == "cut" and [data["sequence_number"] for data in found] == list(range(6))
    assert [data["type"] for data in found[4:]] == ["error", "response.failed"]
    assert found[4]["message"] == found[5]["response"]["error"]["message"] == died["message"]
    assert found[5]["response"]["id"] == "resp_T1" and found[5]["response"]["error"]["code"] == "server_error"


FAILS = {"chat": b'data: {"error":{"message":"m","type":"t","code":"server_error"}}\n\n',
         "messages": b"event: error\ndata: " + anthropic_error("overloaded_error", "m") + b"\n\n",
         "gemini": b"data: " + google_error(503, "UNAVAILABLE", "m") + b"\r\n\r\n"}
REFUSES = {"chat": FAILS["chat"].replace(b"server_error", b"invalid_api_key"),
           "messages": FAILS["messages"].replace(b"overloaded_error", b"authentication_error"),
           "gemini": FAILS["gemini"].replace(b"503", b"401").replace(b"UNAVAILABLE", b"UNAUTHENTICATED")}


@pytest.mark.parametrize("midstream", ["continue", "error"])
@pytest.mark.parametrize("said", [FAILS, REFUSES], ids=["fails", "refuses the key"])
@pytest.mark.parametrize("dialect", FAILS)
@pytest.mark.parametrize("client", ["chat", "messages", "responses", "gemini"])
def test_an_error_that_nobody_goes_on_behind_is_told_once_in_every_api(start, upstream, client, dialect, said, midstream):
    part = {**PART, "gemini": google_event(candidate(HALF, finish=None))}[dialect]

    def script(connection, request):
        if request.target.endswith("/responses"):
            return connection.send(status(404, error_body("Unknown path")))
        connection.send(SSE_HEAD + chunk(part))
        time.sleep(0.05)
        connection.send(chunk(said[dialect]) + LAST_CHUNK)
    servers = upstream(script), upstream(status(503))
    daemon = chained(start, *servers, route={**RESCUE, "midstream": midstream}, dialects=(dialect, dialect))
    got = ask_as(daemon, client)
    assert got.status == 200 and got.ended == "cut" and "[DONE]" not in got.events
    found = [json.loads(data) for data in got.events]
    if client == "responses":
        assert [data["sequence_number"] for data in found] == list(range(len(found)))
        kinds = [data["type"] for data in found]
        assert kinds[-2:] == ["error", "response.failed"] and kinds.count("error") == kinds.count("response.failed") == 1
    else:
        assert "error" in found[-1] and sum("error" in data for data in found) == 1
    if said is REFUSES:
        assert not any(word in got.body for word in (b"auth", b"invalid", b"UNAUTH", b"401"))
    books(daemon, 1, *servers)


# --- while the daemon changes

class Rest:
    """An answer that waits until it may go on."""

    def __init__(self):
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __call__(self, connection, request):
        self.asked.set()
        connection.wait(self.go_on)
        run_answer(well(TEXT), connection, request)


def chat_beside(daemon, rest, meanwhile):
    """A stream that breaks; `meanwhile` is done while somebody is asked to go on with it."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(chat(daemon, stream=True, timeout=MAX_WAIT * 2)))
    asking.start()
    assert rest.asked.wait(MAX_WAIT)
    meanwhile()
    rest.go_on.set()
    asking.join(MAX_WAIT * 2)
    return answers[0]


def test_an_upgrade_while_a_stream_is_gone_on_with_loses_nothing(start, upstream):
    rest = Rest()
    daemon = chained(start, upstream(cut()), upstream(rest), route={**RESCUE, **WAITS}, drain=ms(8000))

    def upgrade():
        daemon.signal(signal.SIGUSR2)
        wait_until(lambda: [r for r in request_lines(daemon) if r.get("why") == "handed over"], "the new process")
    try:
        whole(chat_beside(daemon, rest, upgrade))
    finally:
        for record in request_lines(daemon):
            if record.get("result") == "begun":
                os.kill(int(record["pid"]), signal.SIGTERM)


def test_a_reload_while_a_stream_is_gone_on_with_changes_nothing_for_it(start, upstream):
    rest, other = Rest(), upstream(well("Other."))
    daemon = chained(start, upstream(cut()), upstream(rest), route={**RESCUE, **WAITS, **HEDGE}, **RESTS)

    def reload():
        daemon.write_config(config(other.entry("other")))
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success"), "the reload", MAX_WAIT)
        assert chat(daemon).text == "Other."
    whole(chat_beside(daemon, rest, reload))


def test_what_a_drain_cuts_was_not_left_by_its_client(start, upstream):
    primary, backup = upstream(cut(how="hold")), upstream(silent)
    daemon = chained(start, primary, backup, drain="1s", routes=[
        {"model": "begun", "chain": ["primary"]}, {"model": "waits", "chain": ["backup"]}])
    with Client(daemon) as begun, Client(daemon) as waits:
        begun.ask(body=chat_body(True, model="begun"))
        waits.ask(body=chat_body(False, model="waits"))
        got = begun.body(begun.head(), until=lambda answer: b"jumps" in answer.body)
        backup.wait_requests(1)
        daemon.signal(signal.SIGTERM)
        assert begun.body(got).ended in ("cut", "reset") and waits.at_end(MAX_WAIT)
    lines = wait_until(lambda: (lambda found: found if len(found) == 2 else None)(
        [line for line in request_lines(daemon) if line["event"] == "request"]), "the lines", MAX_WAIT)
    for line in lines:
        assert line["outcome"] == "exhausted" and line["trace"].split(";")[1] == "overloaded", line
        assert (line.get("ended") == "broken") == (line["model"] == "begun")
