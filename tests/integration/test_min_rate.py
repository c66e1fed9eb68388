"""`min_rate`: a stream that has begun and then goes on too slowly counts as a timeout."""

import time

from answers import DONE, FINISH, LAST_CHUNK, ROLE, SSE_HEAD, chunk, words
from client import Client
from harness import chat, chat_body, config, expect_metrics, well


def dripping(pause, count, text="word"):
    def script(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        for i in range(count):
            connection.send(chunk(words(f"{text}{i} ")[0]))
            time.sleep(pause)
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    return script


def entry(server, rate="3/2s"):
    return server.entry("primary", min_rate=rate)


def test_a_stream_that_is_too_slow_is_broken_off(start, upstream):
    primary = upstream(dripping(1.2, 12))
    daemon = start(config(entry(primary)))
    begun = time.monotonic()
    got = chat(daemon, stream=True)
    assert not got.finished and got.ended == "cut"
    assert "min_rate" in got.stream_error["message"]
    assert 1.8 < time.monotonic() - begun < 8
    expect_metrics(daemon, (1, "understudy_attempts_total", {"reason": "timeout"}))


def test_a_stream_that_keeps_up_is_left_alone(start, upstream):
    got = chat(start(config(entry(upstream(dripping(0.4, 12))))), stream=True)
    assert got.finished and got.ended == "whole"


def test_a_slow_reader_is_not_a_slow_upstream(start, upstream):
    def flood(connection, request):
        connection.send(SSE_HEAD + chunk(ROLE))
        for i in range(4000):
            connection.send(chunk(words("x" * 2000)[0]))
        connection.send(chunk(FINISH) + chunk(DONE) + LAST_CHUNK)
    daemon = start(config(entry(upstream(flood))))
    with Client(daemon, receive_buffer=4096) as client:
        client.ask(body=chat_body(stream=True))
        response = client.head()
        time.sleep(3)
        client.body(response)
    assert response.finished and response.ended == "whole"


def test_waiting_for_the_first_token_is_another_matter(start, upstream):
    def late(connection, request):
        time.sleep(3)
        well()(connection, request)
    got = chat(start(config(entry(upstream(late)))), stream=True)
    assert got.text == "It works."
