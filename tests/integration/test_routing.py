"""Routes that depend on what a request holds, and chains whose order is drawn."""

import json
import os
import subprocess
import threading
import time

import pytest

from harness import (Client, chat, chat_body, config, expect_metrics, plain_and_streamed, seconds, status,
                     well)

IMAGE = {"role": "user", "content": [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def ask(daemon, body, headers=None):
    with Client(daemon) as client:
        client.ask(body=json.dumps({"model": "any", **body}).encode(), headers=headers or {})
        return client.response().header("x-understudy-upstream")


def words(text):
    return {"role": "user", "content": text}


ROUTES = [
    {"model": "*", "when": {"images": True}, "chain": ["primary"]},
    {"model": "*", "when": {"prompt_tokens_over": 1000}, "chain": ["backup"]},
    {"model": "*", "when": {"tools": True, "header": {"x-team": "blue*"}}, "chain": ["third"]},
    {"model": "*", "chain": ["fourth"]},
]


def test_the_first_route_takes_the_request_whose_conditions_hold(start, upstream):
    daemon = start(config(upstream(), upstream(), upstream(), upstream(), routes=ROUTES))
    assert ask(daemon, {"messages": [words("Hi"), IMAGE]}) == "primary"
    assert ask(daemon, {"messages": [words("x" * 4100)]}) == "backup"
    assert ask(daemon, {"messages": [words("x" * 3900)]}) == "fourth"
    tools = {"messages": [words("Hi")], "tools": [TOOL]}
    assert ask(daemon, tools, {"X-Team": "blue-7"}) == "third"
    assert ask(daemon, tools, {"x-team": "red"}) == "fourth"
    assert ask(daemon, tools) == "fourth"
    # A screenshot is no prompt: its base64 has no tokens of text.
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    assert ask(daemon, {"messages": [{"role": "user", "content": [picture]}]}) == "primary"
    expect_metrics(daemon, (2, "understudy_requests_total", {"route": "* when images"}),
                   (3, "understudy_requests_total", {"route": "*"}))


def test_a_request_that_no_conditions_fit_has_no_route(start, upstream):
    daemon = start(config(upstream(), routes=ROUTES[:1]))
    assert chat(daemon).status == 404


def test_a_group_shares_the_requests_and_falls_back_within_itself_first(start, upstream):
    one, two, last = upstream(well("One.")), upstream(well("Two.")), upstream(well("Last."))
    daemon = start(config(one, two, last, route={
        "chain": [{"any": {"primary": 3, "backup": 1}, "by": "weight"}, "third"]}))
    for _ in range(200):
        assert chat(daemon).status == 200
    # Binomial, n = 200, p = 1/4: six standard deviations either side.
    assert 13 < len(two.requests) < 87 and len(one.requests) + len(two.requests) == 200
    one.answer = two.answer = status(503)
    got = chat(daemon)
    assert got.text == "Last." and got.header("x-understudy-attempts") == "3"
    two.answer = well("Two.")
    assert all(chat(daemon).text == "Two." for _ in range(10)) and len(last.requests) == 1


def test_explain_says_for_a_request_which_route_takes_it_and_why(tmp_path, upstream):
    file = tmp_path / "u.yaml"
    file.write_text(config(upstream(), upstream(), upstream(), upstream(), routes=ROUTES))
    body = tmp_path / "request.json"
    body.write_text(json.dumps({"model": "any", "messages": [IMAGE], "tools": [TOOL]}))
    binary = os.environ.get("UNDERSTUDY_BIN", "build/release/understudy")
    run = subprocess.run([binary, "explain", "-c", str(file), "--request", str(body)],
                         capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr
    assert 'any takes the route "* when images"' in run.stdout
    body.write_text(json.dumps({"model": "any", "messages": [words("Hi")]}))
    run = subprocess.run([binary, "explain", "-c", str(file), "--request", str(body)],
                         capture_output=True, text=True, timeout=20)
    assert "images: true, but there are none" in run.stdout
    assert "prompt_tokens_over: 1000, but the prompt has about 1" in run.stdout
    body.write_text("[1]")
    run = subprocess.run([binary, "explain", "-c", str(file), "--request", str(body)],
                         capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and "not one JSON object" in run.stderr


def test_by_latency_leaves_a_member_that_is_dead(start, upstream):
    """It never had an answer, so that nothing is known of how soon one would come."""
    dead, fine, last = upstream(status(503)), upstream(well("Fine.")), upstream(well("Last."))
    daemon = start(config(dead, fine, last, workers=1, route={
        "retries": 0, "chain": [{"any": ["primary", "backup"], "by": "latency"}, "third"]}))
    for _ in range(60):
        assert chat(daemon).text == "Fine."
    assert 1 <= len(dead.requests) <= 5, len(dead.requests)
    # One that was quick and then died is left as well, for one that is well again.
    dead.answer, fine.answer = well("Back."), status(503)
    for _ in range(30):
        assert chat(daemon).text == "Back."
    assert 61 <= len(fine.requests) <= 60 + 5, len(fine.requests)


@plain_and_streamed
@pytest.mark.parametrize("workers", [1, 2])
def test_by_latency_one_answer_of_each_member_is_enough(start, upstream, stream, workers):
    def late(connection, request):
        time.sleep(seconds(0.15))
        well("Slow.")(connection, request)
    slow, fast = upstream(late), upstream(well("Fast."))
    daemon = start(config(slow, fast, workers=workers, route={
        "retries": 0, "chain": [{"any": ["primary", "backup"], "by": "latency"}]}))
    for _ in range(30):
        assert chat(daemon, stream=stream).status == 200
    assert 1 <= len(slow.requests) <= workers, "each worker finds out for itself"


def test_by_load_tells_models_of_one_upstream_apart(start, upstream):
    """What is counted is requests for the entry, and not connections to its host."""
    go = threading.Event()

    def held(connection, request):
        if request.model == "busy":
            connection.wait(go)
        well(request.model)(connection, request)
    server = upstream(held)
    daemon = start(config(server.entry("one"), workers=1, routes=[
        {"model": "busy", "chain": ["one/busy"]},
        {"model": "*", "chain": [{"any": ["one/busy", "one/idle"], "by": "least_inflight"}]}]))
    with Client(daemon) as client:
        client.ask(body=chat_body(model="busy"))
        server.wait_requests(1)
        assert {chat(daemon, model="x").text for _ in range(12)} == {"idle"}
        go.set()
        assert client.response().text == "busy"
    assert {chat(daemon, model="x").text for _ in range(40)} == {"busy", "idle"}


def test_an_empty_model_is_none(start, upstream):
    primary = upstream()
    for entry, code in ((primary.entry("primary"), 400), (primary.entry("primary", model="m2"), 200)):
        daemon = start(config(entry))
        with Client(daemon) as client:
            client.ask(body=json.dumps({**chat_body(), "model": ""}).encode())
            answer = client.response()
        assert answer.status == code
        if code == 400:
            assert answer.error["code"] == "model_required" and answer.error["param"] == "model"
    assert [request.json["model"] for request in primary.requests] == ["m2"]
