"""What a client may call a session."""

import pytest

from harness import chat, config, get, well
from tests.support.daemon import wait_until

USAGE = {"prompt_tokens": 1, "completion_tokens": 100, "total_tokens": 101}
PRICE = {"input": 0, "output": 1000}


def sessions(daemon):
    usage = get(daemon, "/api/usage?by=session").json["usage"]
    return {line["session"]: line for line in usage}


@pytest.mark.parametrize("name", ["run 7 of 9", "Gespräch", "会話", "a" * 256, '"a", <b>; c=d'])
@pytest.mark.parametrize("header", ["x-understudy-session", "x-litellm-session-id"])
def test_any_text_names_a_session_and_holds_its_budget(start, upstream, tmp_path, name, header):
    primary = upstream(well(usage=USAGE))
    daemon = start(config(primary.entry("primary", price=PRICE), ledger=str(tmp_path / "ledger.db")))
    headers = {header: name.encode().decode("latin-1"), "x-understudy-session-budget-usd": "0.15"}
    assert [chat(daemon, headers=headers, max_tokens=10).status for _ in range(3)] == [200, 200, 429]
    wait_until(lambda: name in sessions(daemon), "the ledger has it")


@pytest.mark.parametrize("name", ["a" * 257, "a\tb", "\u009b31m".encode().decode("latin-1")])
@pytest.mark.parametrize("header", ["x-understudy-session", "x-litellm-session-id"])
def test_what_cannot_name_a_session_is_a_400_that_names_the_header(start, upstream, name, header):
    primary = upstream(well(usage=USAGE))
    refused = chat(start(config(primary)), headers={header: name})
    assert refused.status == 400 and not primary.requests
    assert refused.error["message"].startswith(header + ": expected")
