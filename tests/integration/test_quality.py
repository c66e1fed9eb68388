"""Fallback by quality: answers that are none of use, where the route says so; and entries whose context
window is too small, which are not asked."""

import json

import pytest

from harness import (ask, chat, close, completion, config, expect_metrics, gzipped, plain,
                     plain_and_streamed, status, well)

TRANSIENT = ["connection", "timeout", "rate_limit", "quota", "server_error", "malformed"]
ALL = [*TRANSIENT, "empty", "length", "refusal", "invalid_json", "invalid_tool_call"]
JSON_WANTED = {"type": "json_schema", "json_schema": {"name": "n", "schema": {
    "type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def answering(message, finish="stop"):
    """An answer with this message, made from a good one."""
    body = json.loads(completion())
    body["choices"][0].update(message={"role": "assistant", **message}, finish_reason=finish)
    return plain(body)


def calling(name, arguments):
    return answering({"content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}]},
        "tool_calls")


def saying(text):
    return plain(completion(text))


CASES = {
    "empty": (saying("  "), {}),
    "length": (answering({"content": "The answer is"}, "length"), {}),
    "refusal": (answering({"content": None, "refusal": "I can't help with that."}), {}),
    "invalid_json": (saying('{"sum": "four"}'), {"response_format": JSON_WANTED}),
    "invalid_tool_call": (calling("weather", '{"town": "Ulm"}'), {"tools": TOOLS}),
}
GOOD = saying('{"sum": 4}')
cases = pytest.mark.parametrize("name", CASES)


def daemon_with(start, *upstreams, fallback_on=ALL, **route):
    return start(config(*upstreams, route={"fallback_on": fallback_on, **route}))


@cases
def test_the_next_entry_is_asked_for_a_better_answer(start, upstream, name):
    poor, request = CASES[name]
    servers = upstream(poor), upstream(GOOD)
    daemon = daemon_with(start, *servers)
    got = chat(daemon, **request)
    assert got.status == 200 and got.text == '{"sum": 4}'
    assert [item[1:3] for item in got.trace] == [[name, "200"], ["ok", "200"]]
    assert got.header("x-understudy-upstream") == "backup"
    assert len(servers[0].requests) == len(servers[1].requests) == 1
    # It is booked: the provider has been paid for it.
    expect_metrics(daemon,
                   (1, "understudy_attempts_total", {"upstream": "primary", "reason": name}),
                   (1, "understudy_failovers_total",
                    {"from": "primary", "to": "backup", "reason": name}),
                   (12, "understudy_tokens_total", {"upstream": "primary", "type": "input"}),
                   (12, "understudy_tokens_total", {"upstream": "backup", "type": "input"}),
                   (1, "understudy_requests_total", {"outcome": "fallback"}))


@cases
def test_a_route_that_does_not_ask_for_it_takes_every_answer(start, upstream, name):
    poor, request = CASES[name]
    servers = upstream(poor), upstream(GOOD)
    others = [other for other in ALL if other != name]
    # An answer that is cut or refuses may be no JSON either; it is judged by what is asked alone.
    others = [other for other in others if name in ("invalid_json", "invalid_tool_call")
              or other not in ("invalid_json", "invalid_tool_call")]
    daemon = daemon_with(start, *servers, fallback_on=others)
    got = chat(daemon, **request)
    assert got.status == 200 and [item[1] for item in got.trace] == ["ok"]
    assert got.body == poor.partition(b"\r\n\r\n")[2] and not servers[1].requests


@cases
def test_where_nobody_has_a_better_one_the_client_gets_the_answer_that_came(start, upstream, name):
    poor, request = CASES[name]
    servers = upstream(poor), upstream(poor)
    daemon = daemon_with(start, *servers)
    got = chat(daemon, **request)
    assert got.status == 200 and got.body == poor.partition(b"\r\n\r\n")[2]
    assert [item[:2] for item in got.trace] == [["primary/m", name], ["backup/m", name]]
    assert got.header("x-understudy-upstream") == "primary"
    assert got.header("x-understudy-attempts") == "2"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "primary"}),
                   (0, "understudy_requests_total", {"outcome": "exhausted"}))


@pytest.mark.parametrize("backup", [status(503), status(401), close, saying("")],
                         ids=["503", "401", "closed", "empty"])
def test_an_answer_is_better_than_an_error_behind_it(start, upstream, backup):
    poor, request = CASES["length"]
    got = chat(daemon_with(start, upstream(poor), upstream(backup)), **request)
    assert got.status == 200 and got.text == "The answer is"
    assert [item[1] for item in got.trace][0] == "length"


def test_the_first_answer_that_says_anything_is_the_better_one(start, upstream):
    servers = upstream(saying("")), upstream(answering({"content": "Fo"}, "length"))
    daemon = daemon_with(start, *servers)
    got = chat(daemon)
    assert got.text == "Fo" and got.header("x-understudy-upstream") == "backup"
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "fallback"}))


def test_a_later_entrys_answer_is_judged_too(start, upstream):
    servers = upstream(status(503)), upstream(saying("")), upstream(saying("Good."))
    got = chat(daemon_with(start, *servers))
    assert got.text == "Good."
    assert [item[1] for item in got.trace] == ["server_error", "empty", "ok"]


def test_the_cost_is_that_of_all_answers(start, upstream):
    servers = upstream(saying("")), upstream(saying(""))
    entries = [server.entry(name, price={"input": 1000, "output": 1000})
               for server, name in zip(servers, ["primary", "backup"])]
    got = chat(daemon_with(start, *entries))
    assert float(got.header("x-understudy-cost-usd")) == pytest.approx(2 * 17 / 1000)


def test_the_same_entry_is_not_asked_again(start, upstream):
    server = upstream(saying(""))
    got = chat(daemon_with(start, server, retries=3))
    assert got.status == 200 and len(server.requests) == 1


def test_a_client_that_wants_no_fallback_gets_what_came(start, upstream):
    servers = upstream(saying("")), upstream(saying("Good."))
    got = chat(daemon_with(start, *servers), headers={"x-understudy-fallback": "off"})
    assert got.status == 200 and got.text == "" and not servers[1].requests


def test_streams_are_not_judged(start, upstream):
    servers = upstream(well("not json")), upstream(well())
    got = chat(daemon_with(start, *servers), stream=True, response_format={"type": "json_object"})
    assert got.text == "not json" and got.finished and not servers[1].requests


def test_a_compressed_answer_is_judged_by_what_it_decodes_to(start, upstream):
    body = gzipped(completion(""))
    servers = upstream(plain(body, "Content-Encoding: gzip")), upstream(saying("Good."))
    got = chat(daemon_with(start, *servers))
    assert got.text == "Good." and got.trace[0][1] == "empty"


def test_other_apis_are_judged_by_their_own_words(start, upstream):
    cut = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
           "content": [{"type": "text", "text": "Fo"}], "stop_reason": "max_tokens",
           "usage": {"input_tokens": 3, "output_tokens": 1}}
    whole = {**cut, "content": [{"type": "text", "text": "Four."}], "stop_reason": "end_turn"}
    servers = upstream(plain(cut)), upstream(plain(whole))
    entries = [server.entry(name, dialect="messages")
               for server, name in zip(servers, ["primary", "backup"])]
    daemon = daemon_with(start, *entries)
    got = ask_messages(daemon)
    assert json.loads(got.body)["content"][0]["text"] == "Four."
    assert got.trace[0][1] == "length"


def ask_messages(daemon):
    return ask(daemon, path="/v1/messages", body={
        "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "2+2?"}]})


# ---------------------------------------------------------------- context windows

LONG = "word " * 20_000   # 100,000 bytes: 25,000 tokens by the usual estimate, 12,500 at the least


def small(server, name="primary", tokens=8192):
    return server.entry(name, context_window=tokens)


@plain_and_streamed
def test_an_entry_that_is_surely_too_small_is_passed_over(start, upstream, stream):
    servers = upstream(well()), upstream(well("Long."))
    daemon = start(config(small(servers[0]), servers[1].entry("backup")))
    got = chat(daemon, stream=stream, content=LONG)
    assert got.text == "Long." and not servers[0].requests
    assert got.trace[0][:3] == ["primary/m", "unsupported", "-"]
    assert chat(daemon, stream=stream).text == "It works."  # a short prompt goes there
    expect_metrics(daemon, (1, "understudy_failovers_total",
                            {"from": "primary", "to": "backup", "reason": "unsupported"}))


def test_what_may_fit_is_asked(start, upstream):
    servers = upstream(well("Fits.")), upstream(well())
    daemon = start(config(small(servers[0], tokens=12_600), servers[1].entry("backup")))
    assert chat(daemon, content=LONG).text == "Fits."


def test_images_do_not_count(start, upstream):
    server = upstream(well("Seen."))
    daemon = start(config(small(server), upstream(well()).entry("backup")))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 200_000}}
    assert chat(daemon, content=[image]).text == "Seen."


def test_a_chain_for_what_is_too_long_takes_it(start, upstream):
    servers = upstream(well()), upstream(well()), upstream(well("Long."))
    entries = [small(servers[0]), servers[1].entry("backup"), servers[2].entry("long")]
    daemon = start(config(*entries, routes=[
        {"model": "*", "chain": ["primary", "backup"], "on": {"context_length": ["long"]}}]))
    assert chat(daemon, content=LONG).text == "Long."
    assert not servers[0].requests and not servers[1].requests


def test_where_all_are_too_small_the_client_is_told(start, upstream):
    server = upstream(well())
    got = chat(start(config(small(server))), content=LONG)
    assert got.status == 400 and got.error["code"] == "unsupported_by_upstream"
    assert "8192" in got.error["message"] and not server.requests
