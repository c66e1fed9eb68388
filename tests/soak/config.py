"""The daemon's configuration: chains, retries, hedges, rescues, breakers and bounds at random. Names,
addresses, keys, prices and the deadline stay."""

from __future__ import annotations

import json
import random

from tests.soak.canon import NAMES, price_of

KEYS = {name: [f"sk-soak-{name}"] for name in NAMES} | {
    "gamma": [f"sk-soak-gamma-{number}" for number in (1, 2, 3)]}
CLASSES = ("connection", "timeout", "rate_limit", "quota", "server_error", "malformed")
LIMITS = {"connect": "1s", "first_token": "1500ms", "response": "2s", "idle": "1s", "total": "8s"}


def upstream(rng: random.Random, name: str, port: int) -> dict:
    entry = {"name": name, "base_url": f"http://127.0.0.1:{port}/v1", "timeouts": LIMITS,
             "api_key": KEYS[name] if len(KEYS[name]) > 1 else KEYS[name][0],
             "continuation": rng.choice(("prefill", "prefill", "instruct", "restart", "auto",
                                         "none"))}
    if price_of(name):
        entry["price"] = price_of(name)
    if name == "delta":
        entry["model"] = "m-own"
    if rng.random() < 0.1:
        entry["breaker"] = {"failures": rng.randint(1, 3)}
    return entry


def route(rng: random.Random, model: str) -> dict:
    chain = rng.sample(NAMES, rng.randint(1, 4))
    if model == "*":
        chain = [f"{name}/m-{rng.choice('de')}" for name in chain]
    elif rng.random() < 0.3:
        chain.append(f"{rng.choice(chain)}/m-large")
    made = {"model": model, "chain": chain, "retries": rng.choice((0, 0, 1, 2)),
            "retry": {"base": "20ms", "max": "100ms", "max_retry_after": "500ms"},
            "deadline": "5s"}
    if rng.random() < 0.3:
        made["fallback_on"] = rng.sample(CLASSES, rng.randint(2, 6))
    if rng.random() < 0.8:
        made["midstream"] = "continue"
    if rng.random() < 0.5:
        made["hedge"] = {"after": rng.choice(("50ms", "150ms", "p90")),
                         "budget": rng.choice(("100%", "30%"))}
    if rng.random() < 0.2:
        made["keepalive"] = "1s"
    return made


def configuration(rng: random.Random, ports: dict[str, int], listen: int, ledger: str) -> str:
    document = {"listen": f"127.0.0.1:{listen}", "workers": 2,
                "upstreams": [upstream(rng, name, ports[name]) for name in NAMES],
                "routes": [route(rng, model) for model in ("m-a", "m-b", "*")],
                "limits": {"buffer_response": rng.choice(("4MiB", "64KiB", "16KiB"))},
                "retry_budget": rng.choice(({"percent": 100}, {"percent": 20, "min": 3},
                                            {"percent": 5, "min": 1, "failovers": True})),
                "ledger": {"path": ledger, "keep": "forever"},
                "log": {"level": "info", "format": "json"}, "drain": "12s"}
    if rng.random() < 0.4:
        document["breaker"] = {"failures": rng.randint(2, 4), "window": "5s",
                               "cooldown": rng.choice(("200ms", "1s"))}
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) + "\n"
