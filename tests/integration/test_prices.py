"""Prices: a file over the built-in table, where a price is from, models without one."""

import json
import os
import subprocess

import pytest

from harness import ask, chat, config, expect_metrics, metric, settled, status, well
from tests.support.daemon import binary, wait_until

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


@pytest.fixture
def prices(tmp_path):
    """Writes a price file in one step, as an editor does."""
    path = tmp_path / "model_prices.json"

    def write(models: dict) -> str:
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(models))
        os.replace(fresh, path)
        return str(path)
    return write


def model(dollars_in: float, dollars_out: float, **more) -> dict:
    """Dollars per million tokens."""
    return {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": dollars_in / 1e6,
            "output_cost_per_token": dollars_out / 1e6, **more}


def run(tmp_path, text: str, *args: str) -> subprocess.CompletedProcess:
    file = tmp_path / "understudy.yaml"
    file.write_text(text)
    return subprocess.run([binary(), args[0], "-c", str(file), *args[1:]], capture_output=True, text=True,
                          timeout=30, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, check=False)


def test_a_file_goes_before_the_built_in_table_and_says_so(start, upstream, prices):
    path = prices({"gpt-4o": model(1, 2), "own-model": model(3, 4)})
    daemon = start(config(upstream(well(usage=USAGE, model="gpt-4o")), prices=path))
    answer = chat(daemon, model="gpt-4o")
    assert answer.header("x-understudy-cost-usd") == "0.0012"
    name, digest = answer.header("x-understudy-price-version").split()
    assert name == "model_prices.json" and len(digest) == 8
    assert chat(daemon, model="gpt-4o", stream=True).header("x-understudy-price-version") is None


def test_what_the_file_does_not_have_is_the_tables(start, upstream, prices):
    daemon = start(config(upstream(well(usage=USAGE, model="gpt-4o-mini")),
                          prices=prices({"own-model": model(3, 4)})))
    answer = chat(daemon, model="gpt-4o-mini")
    assert answer.header("x-understudy-cost-usd") == "0.00021"
    assert answer.header("x-understudy-price-version").startswith("built-in ")


def test_the_upstreams_own_price_goes_before_both(start, upstream, prices):
    primary = upstream(well(usage=USAGE, model="gpt-4o"))
    daemon = start(config(primary.entry("primary", price={"input": 10, "output": 10}),
                          prices=prices({"gpt-4o": model(1, 2)})))
    answer = chat(daemon, model="gpt-4o")
    assert answer.header("x-understudy-cost-usd") == "0.011"
    assert answer.header("x-understudy-price-version") == "configuration"


def test_the_cost_that_an_upstream_reports_goes_before_all(start, upstream, prices):
    daemon = start(config(upstream(well(usage={**USAGE, "cost": 0.5}, model="gpt-4o")),
                          prices=prices({"gpt-4o": model(1, 2)})))
    answer = chat(daemon, model="gpt-4o")
    assert answer.header("x-understudy-cost-usd") == "0.5"
    assert answer.header("x-understudy-price-version") == "upstream"


def test_a_changed_price_file_reloads_by_itself_and_a_bad_one_leaves_the_old(start, upstream, prices):
    path = prices({"own-model": model(1, 1)})
    daemon = start(config(upstream(well(usage=USAGE, model="own-model")), prices=path))
    assert chat(daemon, model="own-model").header("x-understudy-cost-usd") == "0.0011"
    prices({"own-model": model(2, 2)})
    wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="success") == 1, "the reload")
    answer = chat(daemon, model="own-model")
    assert answer.header("x-understudy-cost-usd") == "0.0022"
    prices({"own-model": {"input_cost_per_token": "much"}})
    wait_until(lambda: metric(daemon, "understudy_config_reloads_total", result="failure") == 1, "the refusal")
    daemon.wait_line("own-model.*input_cost_per_token")
    again = chat(daemon, model="own-model")
    assert again.header("x-understudy-cost-usd") == "0.0022"
    assert again.header("x-understudy-price-version") == answer.header("x-understudy-price-version")


@pytest.mark.parametrize("text, says", [
    ("{", "is not JSON"),
    ("[]", "is not a JSON object of models"),
    ('{"m": {"input_cost_per_token": "0.1"}}',
     'has a text for "m", input_cost_per_token, where a number belongs'),
    ('{"m": {"litellm_provider": "x"}}', "has no usable price")])
def test_a_bad_file_is_told_with_its_name_model_and_member(upstream, tmp_path, text, says):
    path = tmp_path / "bad.json"
    path.write_text(text)
    done = run(tmp_path, config(upstream(), prices=str(path)), "check")
    assert done.returncode == 2
    assert "bad.json" in done.stderr and says in done.stderr


def test_explain_shows_where_a_price_is_from(prices, tmp_path):
    path = prices({"own-model": model(1, 2, input_cost_per_token_above_200k_tokens=4e-6,
                                      input_cost_per_token_priority=3e-6, max_output_tokens=777,
                                      litellm_provider="openai")})
    text = config({"name": "primary", "base_url": "https://api.openai.com/v1"}, prices=path)
    own = run(tmp_path, text, "explain", "--model", "own-model").stdout
    assert "input $1, output $2 per million tokens (model_prices.json " in own and path in own
    assert "above 200000 prompt tokens: input $4" in own
    assert "service tier priority: input $3" in own
    table = run(tmp_path, text, "explain", "--model", "gpt-4o").stdout
    assert "input $2.5, output $10" in table and "(built-in table, built-in " in table
    assert "max output" in table and "16384 tokens" in table
    assert "unknown: tokens are counted, cost is not" in run(tmp_path, text, "explain", "--model", "none").stdout


def test_a_model_without_a_price_is_counted_and_named_once(start, upstream, tmp_path):
    path = tmp_path / "ledger.db"
    daemon = start(config(upstream(well(usage=USAGE, model="nobodys")).entry("primary", model="nobodys"),
                          ledger=str(path)))
    expect_metrics(daemon, (0, "understudy_unpriced_total", {"upstream": "primary", "model": "nobodys"}))
    for _ in range(3):
        assert chat(daemon).header("x-understudy-price-version") is None
    expect_metrics(daemon, (3, "understudy_unpriced_total", {"upstream": "primary", "model": "nobodys"}))
    daemon.stop()
    said = [line for line in daemon.stderr_lines() if " unpriced upstream=primary model=nobodys" in line]
    assert len(said) == 1 and "set `price`" in said[0]
    again = start(config(upstream(well(usage=USAGE)).entry("primary", model="nobodys"), ledger=str(path)))
    expect_metrics(again, (3, "understudy_unpriced_total", {"upstream": "primary", "model": "nobodys"}))


def test_images_are_paid_for_by_the_piece(start, upstream, prices):
    made = upstream(lambda c, r: c.send(status(200, {"created": 1, "data": [{"url": "x"}] * 2})))
    path = prices({"painter": {"litellm_provider": "acme", "mode": "image_generation",
                               "output_cost_per_image": 0.04}})
    daemon = start(config(made, prices=path))
    answer = ask(daemon, path="/v1/images/generations", body={"model": "painter", "prompt": "p", "n": 2})
    assert answer.header("x-understudy-cost-usd") == "0.08"
    one = ask(daemon, path="/v1/images/generations", body={"model": "painter", "prompt": "p"})
    assert one.header("x-understudy-cost-usd") == "0.04"
    assert settled(daemon, "understudy_cost_usd_total", source="reported") == pytest.approx(0.12)


def test_a_request_has_a_price_of_its_own(start, upstream, prices):
    daemon = start(config(upstream(well(usage=USAGE, model="searcher")),
                          prices=prices({"searcher": model(1, 1, input_cost_per_request=0.005)})))
    assert chat(daemon, model="searcher").header("x-understudy-cost-usd") == "0.0061"
