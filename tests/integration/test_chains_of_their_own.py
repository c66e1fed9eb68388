"""`on`: what is too long, or was refused by a safety system, goes to a chain of its own."""

import pytest

from harness import (chat, config, error_body, expect_metrics, plain_and_streamed, status, well)

TOO_LONG = status(400, error_body("This model's maximum context length is 8192 tokens.",
                                  "invalid_request_error", "context_length_exceeded"))
FILTERED = status(400, error_body("The response was filtered.", "invalid_request_error",
                                  "content_filter"))


def daemon_with(start, on, *upstreams, **route):
    names = ["primary", "backup", "long", "lenient"]
    entries = [u.entry(name) for u, name in zip(upstreams, names)]
    return start(config(*entries, routes=[
        {"model": "*", "chain": ["primary", "backup"], "retries": 0, "on": on, **route}]))


@plain_and_streamed
@pytest.mark.parametrize("failure, name", [(TOO_LONG, "context_length"),
                                           (FILTERED, "content_filter")],
                         ids=["context_length", "content_filter"])
def test_a_class_with_a_chain_goes_there_and_nowhere_else(start, upstream, failure, name, stream):
    servers = upstream(failure), upstream(well("Backup.")), upstream(well("Long."))
    daemon = daemon_with(start, {name: ["long/big"]}, *servers)
    got = chat(daemon, stream=stream)
    assert got.text == "Long." and not servers[1].requests
    assert servers[2].requests[0].model == "big"
    expect_metrics(daemon, (1, "understudy_failovers_total",
                            {"from": "primary", "to": "long", "reason": name}),
                   (1, "understudy_requests_total", {"outcome": "fallback"}))


def test_another_class_does_not(start, upstream):
    servers = upstream(FILTERED), upstream(well()), upstream(well())
    got = chat(daemon_with(start, {"context_length": ["long"]}, *servers))
    assert got.status == 400
    assert not servers[1].requests and not servers[2].requests


def test_a_later_entry_may_find_it_out(start, upstream):
    servers = upstream(status(503)), upstream(TOO_LONG), upstream(well("Long."))
    assert chat(daemon_with(start, {"context_length": ["long"]}, *servers)).text == "Long."


def test_when_that_chain_fails_too_the_client_gets_the_primarys_error(start, upstream):
    servers = upstream(TOO_LONG), upstream(well()), upstream(status(503))
    got = chat(daemon_with(start, {"context_length": ["long"]}, *servers))
    assert got.status == 400 and got.error["code"] == "context_length_exceeded"
    assert not servers[1].requests


def test_the_same_entry_is_never_asked_again_with_the_same_body(start, upstream):
    servers = upstream(TOO_LONG), upstream(well("Backup.")), upstream(well("Long."))
    got = chat(daemon_with(start, {"context_length": ["primary", "long"]}, *servers))
    assert got.text == "Long." and len(servers[0].requests) == 1


@pytest.mark.parametrize("header", [{"x-understudy-fallback": "off"},
                                    {"x-understudy-chain": "primary,backup"}])
def test_a_client_that_narrows_its_chain_is_not_led_out_of_it(start, upstream, header):
    servers = upstream(TOO_LONG), upstream(well()), upstream(well())
    got = chat(daemon_with(start, {"context_length": ["long"]}, *servers), headers=header)
    assert got.status == 400 and not servers[2].requests


BOTH = {"context_length": ["long"], "content_filter": ["lenient"]}


def test_another_class_acts_in_the_chain_of_the_first(start, upstream):
    servers = (upstream(FILTERED), upstream(well("Backup.")), upstream(well("Long.")),
               upstream(TOO_LONG))
    got = chat(daemon_with(start, BOTH, *servers))
    assert got.text == "Long." and not servers[1].requests
    assert [entry[1] for entry in got.trace] == ["content_filter", "context_length", "ok"]


def test_the_same_class_acts_once(start, upstream):
    """Each leads to the other: every entry is asked once, and then it is over."""
    servers = (upstream(FILTERED), upstream(well("Backup.")), upstream(FILTERED), upstream(TOO_LONG))
    got = chat(daemon_with(start, BOTH, *servers))
    assert got.status == 400 and got.error["code"] == "content_filter"
    assert [len(server.requests) for server in servers] == [1, 0, 1, 1]
