"""Every model name of the simulated upstream, in bytes: healthy answers and plain faults."""

import gzip
import json
import pathlib
import time

import pytest

from raw import WORDS, Connection, body_of, chat
from tests.support.daemon import fetch, run, wait_until

USAGE = {"prompt_tokens": 1000, "completion_tokens": 80, "total_tokens": 1080}


def test_ok_is_always_the_same_sixty_words_in_about_a_kilobyte(mock):
    answer = chat(mock, "ok")
    assert answer.status == 200 and answer.whole and answer.text == WORDS
    assert 800 < len(answer.body) < 1100
    assert answer.json["model"] == "ok" and answer.json["choices"][0]["finish_reason"] == "stop"
    usage = answer.json["usage"]
    assert {name: usage[name] for name in USAGE} == USAGE
    assert usage["prompt_tokens_details"]["cached_tokens"] == 400
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 20
    fetch(mock.url + "/control/reset", method="POST", body=b"")
    assert chat(mock, "ok").raw == answer.raw, "the same bytes after a reset"


def test_a_name_without_a_fault_is_echoed_as_model(mock):
    assert chat(mock, "gpt-4o-mini").json["model"] == "gpt-4o-mini"
    assert chat(mock, 'odd "name"\n').json["model"] == 'odd "name"\n'


@pytest.mark.parametrize("status, code", [
    (400, None), (401, "invalid_api_key"), (402, "insufficient_quota"), (403, None),
    (404, "model_not_found"),
    (408, None), (413, None), (418, None), (422, None), (429, "rate_limit_exceeded"), (500, None),
    (502, None), (503, "server_is_overloaded"), (504, None), (529, None)])
@pytest.mark.parametrize("stream", [False, True])
def test_a_status_answers_with_an_error_in_openais_shape(mock, status, code, stream):
    answer = chat(mock, str(status), stream=stream)
    assert answer.status == status and answer.whole
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    assert code is None or error["code"] == code
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("model, status, code", [
    ("quota", 429, "insufficient_quota"), ("context-length", 400, "context_length_exceeded"),
    ("content-filter", 400, "content_policy_violation")])
def test_named_refusals(mock, model, status, code):
    answer = chat(mock, model)
    assert answer.status == status and answer.json["error"]["code"] == code


def test_retry_after_in_whole_seconds_and_exactly(mock):
    assert chat(mock, "429-retry-7s").headers["retry-after"] == "7"
    answer = chat(mock, "503-retry-1500ms")
    assert answer.headers["retry-after"] == "2" and answer.headers["retry-after-ms"] == "1500"


@pytest.mark.parametrize("model, first", [
    ("429-once-retry-2s", 429), ("500-once", 500), ("503-once", 503), ("quota-once", 429)])
def test_once_fails_the_first_request_of_that_name_only(mock, model, first):
    answer = chat(mock, model)
    assert answer.status == first
    assert answer.headers.get("retry-after") == ("2" if "retry" in model else None)
    assert [chat(mock, model).text for _ in range(2)] == [WORDS] * 2
    fetch(mock.url + "/control/reset", method="POST", body=b"")
    assert chat(mock, model).status == first, "a reset gives it its turn again"


@pytest.mark.parametrize("model, ended", [("reset", "reset"), ("close", "closed")])
@pytest.mark.parametrize("stream", [False, True])
def test_the_connection_ends_before_any_byte(mock, model, ended, stream):
    answer = chat(mock, model, stream=stream)
    assert answer.raw == b"" and answer.ended == ended
    assert chat(mock, model + "-once").ended == ended
    assert chat(mock, model + "-once").text == WORDS


def test_silent_says_nothing_and_notices_that_the_client_leaves(mock):
    answer = chat(mock, "silent", patience=0.3)
    assert answer.raw == b"" and answer.ended == "silence"
    entry = wait_until(lambda: [e for e in mock.log() if e["finished"]], "the end of it")[0]
    assert entry["aborted"] and not entry["complete"] and entry["status"] is None


def test_late_and_slow_plain_answers_hold_the_head_back(mock):
    for model in ("late-300ms", "slow-300ms"):
        begin = time.monotonic()
        answer = chat(mock, model)
        assert answer.text == WORDS and answer.times[0][0] - begin >= 0.3


def test_flap_is_503_until_its_time_is_over(mock):
    assert chat(mock, "flap-300ms").status == 503
    assert chat(mock, "flap-300ms").status == 503
    wait_until(lambda: chat(mock, "flap-300ms").status == 200, "its recovery")


@pytest.mark.parametrize("model, ended", [("cut-40", "closed"), ("reset-40", "reset")])
def test_a_plain_cut_sends_sixty_percent_of_the_declared_body(mock, model, ended):
    answer = chat(mock, model)
    declared = int(answer.headers["content-length"])
    assert answer.ended == ended and not answer.whole
    assert ended == "reset" or len(answer.body) == declared * 60 // 100


def test_a_plain_stall_sends_the_head_only(mock):
    answer = chat(mock, "stall-20", patience=0.3)
    assert answer.status == 200 and answer.body == b"" and answer.ended == "silence"
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("model", ["malformed-10", "truncated-json"])
def test_a_plain_body_that_is_not_json_is_framed_properly(mock, model):
    answer = chat(mock, model)
    assert answer.status == 200 and answer.whole
    with pytest.raises(json.JSONDecodeError):
        answer.json


def test_bodies_that_are_no_answer(mock):
    assert chat(mock, "empty").body == b"" and chat(mock, "empty").whole
    html = chat(mock, "html")
    assert html.body.startswith(b"<!DOCTYPE html>") and "text/html" in html.headers["content-type"]
    for model in ("error-in-200", "error-event-first", "error-event-20"):
        answer = chat(mock, model)
        assert answer.status == 200 and answer.json["error"]["type"] == "server_error"
    assert "choices" not in chat(mock, "no-choices").json


def test_no_usage_keeps_the_counts_to_itself(mock):
    answer = chat(mock, "no-usage")
    assert answer.text == WORDS and "usage" not in answer.json


def test_gzip_unasked(mock):
    answer = chat(mock, "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    document = json.loads(gzip.decompress(answer.body))
    assert document["choices"][0]["message"]["content"] == WORDS


def test_tool_calls_and_reasoning(mock):
    choice = chat(mock, "tools").json["choices"][0]
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    call = choice["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"city": "Lisbon", "unit": "celsius"}
    message = chat(mock, "reasoning").json["choices"][0]["message"]
    assert message["content"] == WORDS and len(message["reasoning_content"].split()) == 20


def test_long_answers_repeat_the_words(mock):
    answer = chat(mock, "long-150")
    assert len(answer.text.split()) == 150 and answer.text.startswith(WORDS + " The understudy")
    assert answer.json["usage"]["completion_tokens"] == 170


def test_echo_gives_back_the_very_bytes(mock):
    body = b'{ "model":"echo",\t"x":"\\u00e9 \xc3\xa9 \xff\xed\xa0\x80 \\" ", "n":1e400}'
    with Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body)
        answer = connection.receive()
    assert answer.text.encode("utf-8", "surrogateescape") == body


def test_prefill_continues_where_the_text_ends(mock):
    def told(text, model="ok"):
        return chat(mock, model, messages=[{"role": "user", "content": "Go"},
                                           {"role": "assistant", "content": text}])

    for cut in (1, 3, 17, 100, len(WORDS) - 1, len(WORDS)):
        assert told(WORDS[:cut]).text == WORDS[cut:]
    assert told([{"type": "text", "text": WORDS[:9]}]).text == WORDS[9:]
    assert told("Something else").text == WORDS
    refused = told(WORDS[:10], "no-prefill")
    assert refused.status == 400 and "prefill" in refused.json["error"]["message"]
    assert chat(mock, "no-prefill").text == WORDS


def test_an_instruction_to_go_on_is_followed(mock):
    def told(text, ask, model="ok"):
        return chat(mock, model, messages=[{"role": "user", "content": "Go"},
                                           {"role": "assistant", "content": text},
                                           {"role": "user", "content": ask}]).text

    begun = WORDS[:100]
    words = begun[-20:]
    assert told(begun, "You were cut off. Go on.") == WORDS[100:]
    assert told(begun, f"You were cut off: <last_words>{words}</last_words>") == words + WORDS[100:]
    assert told(begun, "<last_words>other words</last_words>") == WORDS[100:]
    assert told(begun, "Thank you.") == WORDS, "another question"
    assert told("Something else", "You were cut off.") == WORDS
    assert told(begun, "You were cut off.", "starts-over") == WORDS
    assert told(begun, "You were cut off.", "no-prefill") == WORDS[100:]


def test_ways_to_end_a_message(mock):
    answer = chat(mock, "close-delimited")
    assert answer.ended == "closed" and answer.text == WORDS
    assert "content-length" not in answer.headers and answer.headers["connection"] == "close"
    with Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body_of("keep-alive-close"))
        answer = connection.receive()
        assert answer.whole and "connection" not in answer.headers
        assert connection.socket.recv(1) == b""


def test_interim_answers_and_redirects(mock):
    assert chat(mock, "100-continue").interim == [b"HTTP/1.1 100 Continue"]
    assert chat(mock, "early-hints").interim[0].startswith(b"HTTP/1.1 103")
    answer = chat(mock, "redirect")
    assert answer.status == 307
    assert answer.headers["location"].startswith("https://elsewhere.invalid/")


def test_head_drip_and_combinations(mock):
    begin = time.monotonic()
    answer = chat(mock, "head-drip", patience=0.5)
    assert answer.ended == "silence" and len(answer.raw) >= 3
    # A byte each 20 ms: however late it is read, never more than have left by then.
    read = 0
    for moment, size in answer.times:
        read += size
        assert read <= (moment - begin) / 0.02 + 2
    answer = chat(mock, "long-10+no-usage")
    assert len(answer.text.split()) == 10 and "usage" not in answer.json
    assert chat(mock, "long-10+nonsense").text == WORDS, "not a fault: an ordinary name"


def test_the_help_lists_what_the_documentation_lists(mock):
    text = "\n".join(run("mock", "--help").stdout_lines())
    page = (pathlib.Path(__file__).parents[2] / "docs/mock.md").read_text()
    for fault in json.loads(fetch(mock.url + "/control/faults")[2])["faults"]:
        assert fault["name"] in text, fault["name"]
        assert f"`{fault['name']}`" in page, fault["name"]
