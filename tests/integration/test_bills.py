"""What an answer costs, by where it says what it was: tiers of service, pictures, headers."""

import json

import pytest

from answers import plain
from harness import ask, chat, config, log_events, settled, status, well
from natives import message, message_body, native

RATES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5,
         "input_cost_per_token_priority": 2e-6, "output_cost_per_token_priority": 2e-5,
         "input_cost_per_token_flex": 5e-7, "output_cost_per_token_flex": 5e-6,
         "input_cost_per_token_batches": 5e-7, "output_cost_per_token_batches": 5e-6}
COSTS = {"standard": "0.0002", "priority": "0.0004", "flex": "0.0001", "batch": "0.0001"}


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"tiered-1": RATES}))
    return str(path)


def converse(tier):
    return json.dumps({"output": {"message": {"role": "assistant", "content": [{"text": "It works."}]}},
                       "stopReason": "end_turn", "usage": {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110},
                       "serviceTier": {"type": tier}}).encode()


def google(tier):
    return json.dumps({"candidates": [{"content": {"role": "model", "parts": [{"text": "It works."}]},
                                       "finishReason": "STOP", "index": 0}],
                       "modelVersion": "tiered-1",
                       "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10,
                                         "totalTokenCount": 110, "serviceTier": tier}}).encode()


def anthropic(tier):
    return message(model="tiered-1", usage={"input_tokens": 100, "output_tokens": 10, "service_tier": tier})


@pytest.mark.parametrize("tier", COSTS)
@pytest.mark.parametrize("dialect, answer", [("messages", anthropic), ("gemini", google), ("converse", converse)])
def test_the_tier_of_service_is_read_where_each_api_says_it(start, upstream, prices, dialect, answer, tier):
    entry = native(upstream(lambda c, r: c.send(plain(answer(tier)))), "primary", dialect, model="tiered-1")
    daemon = start(config(entry, prices=prices))
    assert chat(daemon).header("x-understudy-cost-usd") == COSTS[tier]


def test_a_client_of_the_same_api_pays_by_the_tier_too(start, upstream, prices):
    entry = native(upstream(lambda c, r: c.send(plain(anthropic("batch")))), "primary", "messages", model="tiered-1")
    daemon = start(config(entry, prices=prices))
    got = ask(daemon, path="/v1/messages", body=message_body(model="tiered-1"))
    assert got.header("x-understudy-cost-usd") == COSTS["batch"]


DETAILS = {"input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}
PICTURES = {"total_tokens": 100, "input_tokens": 50, "output_tokens": 50, **DETAILS}


@pytest.mark.parametrize("more", [{}, {"output_tokens_details": {"text_tokens": 0, "image_tokens": 50}}],
                         ids=["no details", "details"])
@pytest.mark.parametrize("model, cost", [("gpt-image-1", "0.00245"), ("painter-1", "0.00245")])
def test_what_an_endpoint_for_pictures_puts_out_is_pictures(start, upstream, tmp_path, model, cost, more):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"painter-1": {
        "mode": "image_generation", "input_cost_per_token": 5e-6, "output_cost_per_token": 1e-5,
        "input_cost_per_image_token": 1e-5, "output_cost_per_image_token": 4e-5}}))
    body = json.dumps({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {**PICTURES, **more}}).encode()
    daemon = start(config(upstream(lambda c, r: c.send(plain(body))), prices=str(path)))
    got = ask(daemon, path="/v1/images/generations", body={"model": model, "prompt": "A fox."})
    assert got.header("x-understudy-cost-usd") == cost


def test_an_error_that_cost_something_says_by_which_prices(start, upstream):
    error = json.dumps({"error": {"message": "No.", "type": "server_error"},
                        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}).encode()
    primary = upstream(status(500, error))
    daemon = start(config(primary.entry("primary", price={"input": 1, "output": 10})))
    got = chat(daemon)
    assert got.status == 500 and got.header("x-understudy-cost-usd") == "0.0002"
    assert got.header("x-understudy-price-version") == "configuration"


def test_an_answer_whose_pictures_nobody_counts_has_no_price_and_is_no_gift(start, upstream, tmp_path):
    """A model that is paid for by the picture alone, in a chat."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"m": {"mode": "image_generation", "output_cost_per_image": 0.04}}))
    primary = upstream(well(usage={"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}))
    daemon = start(config(primary, prices=str(path), ledger=str(tmp_path / "ledger.db"), log={"format": "json"},
                          keys=[{"name": "free", "key": "sk-free-0123456789"},
                                {"name": "team-a", "key": "sk-team-0123456789", "limits": {"budget_usd_per_day": 1}}]))
    free = chat(daemon, headers={"Authorization": "Bearer sk-free-0123456789"})
    assert free.status == 200 and free.header("x-understudy-cost-usd") is None
    assert settled(daemon, "understudy_unpriced_total", upstream="primary", model="m") == 1
    (told,) = log_events(daemon, "unpriced", len)
    assert "no price is known" in told["message"]
    # So a budget does not let it through.
    limited = chat(daemon, headers={"Authorization": "Bearer sk-team-0123456789"})
    assert limited.status == 400 and limited.error["code"] == "unsupported_by_upstream"
    assert len(primary.requests) == 1
