"""A store of OpenHands' profiles behind the daemon: one line is its whole FallbackStrategy, a profile
rewritten under load takes effect, and secrets are never shown."""

import json
import os
import threading

import pytest

from harness import MAX_WAIT, chat, settled, status, well
from tests.support.daemon import run, wait_until


def write_profile(folder, name: str, upstream, **members):
    """As the store writes: to a temporary file, then renamed."""
    document = {"model": f"openai/{name}-model", "base_url": upstream.url, "api_key": f"sk-{name}",
                "num_retries": 5, "retry_min_wait": 8, "retry_max_wait": 64, "timeout": 300,
                "reasoning_effort": "high", "schema_version": 1, **members}
    temporary = folder / f"{name}.tmp"
    temporary.write_text(json.dumps(document))
    os.replace(temporary, folder / f"{name}.json")


@pytest.mark.parametrize("failures", [1, 2])
def test_one_line_is_the_whole_of_a_fallback_strategy(tmp_path, upstream, start, failures):
    names = ["primary", "fallback-1", "fallback-2"]
    upstreams = [upstream(status(503)) for _ in range(failures)]
    upstreams += [upstream(well(f"from {i}")) for i in range(failures, 3)]
    for name, one in zip(names, upstreams):
        write_profile(tmp_path, name, one, temperature=0.5)
    daemon = start("listen: 127.0.0.1:0\n",
                   args=["--profiles", str(tmp_path), "--chain", ",".join(names)])
    answer = chat(daemon, model="whatever")
    assert answer.text == f"from {failures}"
    assert [len(one.requests) for one in upstreams] == [1] * (failures + 1) + [0] * (2 - failures)
    served = upstreams[failures].requests[0]
    assert served.json["model"] == f"{names[failures]}-model"
    assert served.json["temperature"] == 0.5
    assert settled(daemon, "understudy_failovers_total", reason="server_error") == failures


def test_a_profile_rewritten_under_load_takes_effect_without_a_failed_request(tmp_path, upstream,
                                                                              start):
    old, new = upstream(well("old")), upstream(well("new"))
    write_profile(tmp_path, "main", old)
    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n")
    texts, done = [], threading.Event()

    def load():
        while not done.is_set():
            answer = chat(daemon, model="main")
            texts.append((answer.status, answer.text))

    client = threading.Thread(target=load)
    client.start()
    try:
        wait_until(lambda: len(texts) > 3, "requests", MAX_WAIT)
        write_profile(tmp_path, "main", new)
        wait_until(lambda: texts[-1] == (200, "new"), "the new profile", MAX_WAIT)
        (tmp_path / "main.json").write_text("{")  # a broken one: the good version stays
        daemon.wait_line("refused, the old configuration stays")
        count = len(texts)
        wait_until(lambda: len(texts) > count + 3, "requests", MAX_WAIT)
    finally:
        done.set()
        client.join(MAX_WAIT)
    assert {code for code, _ in texts} == {200}
    assert texts[-1] == (200, "new")


def test_profiles_that_are_always_being_rewritten_take_effect_all_the_same(tmp_path, upstream, start):
    old, new = upstream(well("old")), upstream(well("new"))
    write_profile(tmp_path, "main", old)
    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n")
    assert chat(daemon, model="main").text == "old"
    done = threading.Event()

    def rewrite():
        while not done.wait(0.05):
            write_profile(tmp_path, "main", new)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        wait_until(lambda: chat(daemon, model="main").text == "new", "the new profile", MAX_WAIT)
    finally:
        done.set()
        writer.join(MAX_WAIT)


def test_list_and_show_say_everything_but_secrets(tmp_path, upstream):
    write_profile(tmp_path, "good", upstream())
    write_profile(tmp_path, "masked", upstream(), api_key="**********")
    def printed(process):
        return "\n".join(process.stdout_lines() + process.stderr_lines())

    listed = printed(run("profiles", "list", "--profiles", str(tmp_path)))
    assert "good" in listed and "masked.json: api_key: is masked" in listed
    shown = printed(run("profiles", "show", "good", "--profiles", str(tmp_path)))
    assert "good-model" in shown
    assert "sk-good" not in listed + shown
