"""understudy usage reconcile: the ledger beside a bill. What the verdicts mean is in tests/unit/cmd; here the
daemon's own ledger meets exports as the providers write them."""

import json
import os
import subprocess
import time

import pytest

from harness import SSE_HEAD, Client, chat, chat_body, chunk, config, event, steps, well
from test_ledger import wait_rows
from tests.support.daemon import binary

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
OPENAI = ("start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\r\n"
          "0,0,{day}T00:00:00+00:00,,{cost},usd,\"{model}, input\",proj\r\n"
          "0,0,{day}T00:00:00+00:00,,0.001,usd,\"{model}, output\",proj\r\n")
ANTHROPIC = ("\ufeffusage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
             "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,"
             "usage_input_tokens_cache_read,usage_output_tokens,web_search_count\n"
             "{day},{model},Key,Default,standard,\"≤ 200k\",{tokens},0,0,0,100,0\n")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def today() -> str:
    """The day of what is written now; not at the very end of one."""
    while time.time() % 86400 > 86400 - 20:
        time.sleep(0.5)
    return time.strftime("%Y-%m-%d", time.gmtime())


def reconcile(tmp_path, text: str, provider: str, bill: str, *args: str) -> subprocess.CompletedProcess:
    (tmp_path / "understudy.yaml").write_text(text)
    (tmp_path / "bill.csv").write_text(bill)
    return subprocess.run([binary(), "usage", "reconcile", "--provider", provider, "-c",
                           str(tmp_path / "understudy.yaml"), str(tmp_path / "bill.csv"), *args],
                          capture_output=True, text=True, timeout=30, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})


def lines(done: subprocess.CompletedProcess) -> dict[str, dict]:
    return {line["model"]: line for line in json.loads(done.stdout)["lines"]}


def test_a_bill_that_agrees_and_one_that_does_not(start, upstream, path, tmp_path):
    primary = upstream(well(usage=USAGE, model="gpt-4o-2024-08-06"))
    text = config(primary.entry("primary", provider="openai", price={"input": 2.5, "output": 10}),
                  ledger=str(path))
    day = today()
    daemon = start(text)
    for _ in range(2):
        chat(daemon, model="gpt-4o")
    wait_rows(path, "requests", 2)
    here = ("--upstream", "primary")  # which is not at OpenAI's address
    done = reconcile(tmp_path, text, "openai", OPENAI.format(day=day, model="gpt-4o-2024-08-06", cost=0.006),
                     *here, "--tolerance", "0", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    line = lines(done)["gpt-4o-2024-08-06"]
    assert (line["verdict"], line["day"], line["attempts"]) == ("agrees", day, 2)
    assert line["billed_cost_usd"] == line["cost_usd"] == 0.007
    dearer = OPENAI.format(day=day, model="gpt-4o", cost=9) + OPENAI.format(day=day, model="o3", cost=1).split(
        "\r\n", 1)[1]
    done = reconcile(tmp_path, text, "openai", dearer, *here, "--format", "json")
    assert done.returncode == 1
    assert {name: line["verdict"] for name, line in lines(done).items()} == {"gpt-4o": "differs",
                                                                            "o3": "only_billed"}
    table = reconcile(tmp_path, text, "openai", dearer, *here).stdout
    assert "somebody may have used the account" in table and "total" in table
    csv = reconcile(tmp_path, text, "openai", dearer, *here, "--format", "csv").stdout
    assert csv.startswith("day,model,billed_cost_usd,") and ",only_billed," in csv


def test_differences_are_explained(start, upstream, path, tmp_path):
    def answer(connection, request):
        if request.wants_stream:
            steps(SSE_HEAD, chunk(event({"content": "One "})), chunk(event({"content": "two"})),
                  lambda c: c.hold())(connection, request)
        else:
            well(usage=None if request.model == "silent" else USAGE, model=request.model)(connection, request)
    claude = upstream(answer)
    price = {name: {"input": 1, "output": 2} for name in ("cut", "silent", "claude-*")}
    text = config(claude.entry("claude", provider="anthropic", price=price), ledger=str(path))
    day = today()
    daemon = start(text)
    chat(daemon, model="nobodys")
    chat(daemon, model="silent")
    chat(daemon, model="claude-sonnet-4-5")
    with Client(daemon) as client:
        client.ask(body=chat_body(model="cut", stream=True))
        client.body(client.head(), until=lambda answer: "two" in answer.text)
    wait_rows(path, "requests", 4)
    bill = (ANTHROPIC.format(day=day, model="claude-sonnet-4-5-20250929", tokens=1000)
            + "".join(ANTHROPIC.format(day=day, model=model, tokens=tokens).split("\n", 1)[1]
                      for model, tokens in (("nobodys", 1001), ("silent", 30), ("cut", 500))))
    done = reconcile(tmp_path, text, "anthropic", bill, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {name: line["verdict"] for name, line in lines(done).items()} == {
        "claude-sonnet-4-5-20250929": "agrees", "nobodys": "unpriced", "silent": "missing", "cut": "estimated"}
    assert all(line["why"] for line in lines(done).values() if line["verdict"] != "agrees")


def test_openrouters_own_costs_agree_to_the_last_digit(start, upstream, path, tmp_path):
    router = upstream(well(usage={**USAGE, "cost": 0.0123456}, model="openai/gpt-4o"))
    text = config(router.entry("router", provider="openrouter"), ledger=str(path))
    day = today()
    chat(start(text), model="openai/gpt-4o")
    wait_rows(path, "requests", 1)
    bill = ("generation_id,created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug,variant\n"
            f"gen-1,{day} 03:46:57.713,0.0123456,1000,100,openai/gpt-4o,standard\n")
    done = reconcile(tmp_path, text, "openrouter", bill, "--tolerance", "0")
    assert (done.returncode, done.stderr) == (0, "") and "agrees" in done.stdout


@pytest.mark.parametrize("provider, bill", [("openai", OPENAI.format(day="2026-11-29", model="m", cost=1)),
                                           ("anthropic", ANTHROPIC.format(day="2026-11-29", model="m", tokens=1))])
def test_an_upstream_is_its_providers_wherever_it_is(start, upstream, tmp_path, path, provider, bill):
    text = config(upstream().entry("mine", provider=provider), upstream().entry("theirs", provider="groq"),
                  upstream().entry("nobodys"), ledger=str(path))
    start(text)
    done = reconcile(tmp_path, text, provider, bill, "--format", "json")
    assert done.stderr == "" and json.loads(done.stdout)["upstreams"] == ["mine"]


def test_what_cannot_be_compared_is_told(upstream, tmp_path, path):
    text = config(upstream().entry("primary"), ledger=str(path))
    good = OPENAI.format(day="2026-11-29", model="m", cost=1)
    for provider, bill, args, code, says in (
            ("openai", "when,cost\n1,2\n", (), 2, "bill.csv: no column holds the day"),
            ("openai", good.replace("0.001", "much"), (), 2, "line 3: amount_value is \"much\""),
            ("openai", "date,cost\n", (), 2, "there is nothing on it"),
            ("anthropic", "date,cost\n2026-11-29,1\n", (), 2, "no upstream of this configuration is anthropic's"),
            ("openai", good, (), 2, "no upstream of this configuration is openai's"),
            ("openai", good, ("--upstream", "primary"), 1, "there is no ledger yet at"),
            ("openai", good, ("--upstream", "x", "--ledger", str(tmp_path)), 1, "cannot be read")):
        done = reconcile(tmp_path, text, provider, bill, *args)
        assert done.returncode == code and says in done.stderr, (done.returncode, done.stderr)


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "1e308", "x"])
def test_a_tolerance_that_is_none_is_told(path, tmp_path, tolerance):
    bill = OPENAI.format(day="2026-11-30", model="gpt-4o", cost=1)
    done = reconcile(tmp_path, f"ledger: {path}\n", "openai", bill, "--upstream", "primary", "--tolerance", tolerance)
    assert done.returncode == 2
    assert f'--tolerance: "{tolerance}" is not an amount in dollars such as 0.01' in done.stderr


def test_a_bill_in_another_currency_is_not_compared_as_dollars(path, tmp_path):
    bill = OPENAI.format(day="2026-11-30", model="gpt-4o", cost=1).replace("usd", "eur")
    done = reconcile(tmp_path, f"ledger: {path}\n", "openai", bill, "--upstream", "primary")
    assert done.returncode == 2 and 'line 2: amount_currency is "eur"' in done.stderr
