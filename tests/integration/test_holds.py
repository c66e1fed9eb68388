"""What is held for a request before it is sent, and how its limits are told."""

from decimal import Decimal

import pytest

from harness import chat, config, well

KEY = "sk-limited-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def keys(**limits):
    return [{"name": "team-a", "key": KEY, "limits": limits}]


def held(answer, budget) -> Decimal:
    """While it was answered."""
    return Decimal(budget) - Decimal(answer.header("x-understudy-budget-remaining-usd"))


@pytest.mark.parametrize("asks, tokens", [
    ({"model": "gpt-4o"}, 16_384), ({"model": "gpt-4o-2024-08-06"}, 16_384), ({"model": "acme-1"}, 500),
    ({"model": "own-1"}, 700), ({"model": "silent-1"}, 4096), ({"model": "gpt-4o", "max_tokens": 30}, 30),
    ({"model": "gpt-4o", "n": 2}, 2 * 16_384)], ids=str)
def test_without_a_limit_the_longest_answer_of_the_row_that_prices_it_is_held(start, upstream, tmp_path, asks, tokens):
    row = {"input_cost_per_token": 0, "output_cost_per_token": 1e-6}
    path = tmp_path / "prices.json"
    path.write_text(str({"acme-1": {**row, "litellm_provider": "acme", "max_output_tokens": 500},
                         "own-1": {**row, "max_output_tokens": 700}, "silent-1": row,
                         "gpt-4o": {**row, "litellm_provider": "openai"}}).replace("'", '"'))
    # At loopback, as at any gateway's address, nobody knows whose models these are.
    daemon = start(config(upstream(well(usage=USAGE)), prices=str(path), keys=keys(budget_usd_per_day=100)))
    answer = chat(daemon, headers=HEADERS, **asks)
    assert answer.status == 200
    assert held(answer, 100) == tokens * Decimal("0.000001")
