"""Scripts: which requests a rule takes, and everything it can do to them."""

import json

import pytest

from raw import chat
from tests.support.daemon import fetch


def set_script(mock, text):
    status, _, body = fetch(mock.url + "/control/script", method="POST", body=text)
    assert status == 200, body


def test_scripts_choose_by_model_path_and_order(mock):
    set_script(mock, """
        rules:
          - match: {model: "gpt-4*", nth: 2}
            status: 529
            headers: {retry-after: 9}
          - match: {path: "*/embeddings"}
            do: html
          - match: {model: limited}
            times: 2
            do: "503"
          - match: {model: third, every: 3}
            reset: true
    """)
    assert [chat(mock, "gpt-4o").status for _ in range(3)] == [200, 529, 200]
    assert [chat(mock, "limited").status for _ in range(3)] == [503, 503, 200]
    assert [chat(mock, "third").ended for _ in range(6)] == ["open", "open", "reset"] * 2
    _, fields, _ = fetch(mock.url + "/v1/embeddings", "POST", '{"model":"x","input":"a"}')
    assert fields["content-type"].startswith("text/html")
    fetch(mock.url + "/control/reset", method="POST", body=b"")
    assert [chat(mock, "gpt-4o").status for _ in range(2)] == [200, 529], "counters start anew"
    assert chat(mock, "429").status == 429, "names still work where no rule matches"
    assert mock.log()[1]["behaviour"] == "rule 1"


def test_scripts_write_whole_answers_and_breaks(mock):
    set_script(mock, json.dumps([
        {"match": {"model": "words", "stream": True}, "words": 5, "cut_after": 3},
        {"match": {"model": "words"}, "body": "plain text", "content_type": "text/plain"},
        {"match": {"model": "events"}, "events": ['{"a":1}', ": ping\n\n", "data: [DONE]\n\n"],
         "event_delay": "10ms"},
        {"match": {"model": "stalls"}, "stall_after": 2, "stall": "100ms"}]))
    answer = chat(mock, "words", stream=True)
    assert answer.ended == "closed" and len(answer.text.split()) == 3
    assert chat(mock, "words").body == b"plain text"
    assert chat(mock, "events").body == b'data: {"a":1}\n\n: ping\n\ndata: [DONE]\n\n'
    assert chat(mock, "stalls", stream=True).ended == "closed"
    assert b"stall_after" in fetch(mock.url + "/control/script")[2]


def test_chance_is_the_same_on_every_run(mock):
    set_script(mock, '[{"match": {"chance": "30%"}, "status": 500}]')
    first = [chat(mock, "any").status for _ in range(40)]
    assert 4 <= first.count(500) <= 20
    fetch(mock.url + "/control/reset", method="POST", body=b"")
    assert [chat(mock, "any").status for _ in range(40)] == first


@pytest.mark.parametrize("script, said", [
    ("rules: [{do: nonsense}]", "not a fault"), ("rules:\n- {colour: red}", "line 2: unknown key"),
    ("x: 1", "list of rules"), ("rules: [{delay: 5}]", "duration"), ("rules: [{", "line"),
    ("rules: [{status: 99}]", "status"), ("rules: [{match: {chance: 2}}]", "chance")])
def test_a_bad_script_is_refused_and_the_old_one_stays(mock, script, said):
    set_script(mock, "[{status: 418}]")
    status, _, body = fetch(mock.url + "/control/script", "POST", script)
    assert status == 400 and said in json.loads(body)["error"]["message"]
    assert chat(mock, "ok").status == 418
