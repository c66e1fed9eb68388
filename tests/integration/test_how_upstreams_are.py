"""GET /api/upstreams: how each upstream is at this moment. The states' rules are in tests/unit/proxy."""

from harness import Client, ask, chat, chat_body, config, get, status, steps, well
from tests.support.daemon import wait_until


def upstreams(daemon, **headers) -> dict[str, dict]:
    answer = get(daemon, "/api/upstreams", headers=headers)
    assert answer.status == 200 and answer.header("content-type") == "application/json"
    return {one["name"]: one for one in answer.json["upstreams"]}


def test_attempts_times_and_what_is_under_way(start, upstream):
    primary, backup = upstream(status(429)), upstream(well())
    daemon = start(config(primary.entry("primary", model="m1"), backup.entry("backup", model="m2")))
    fresh = upstreams(daemon)
    assert list(fresh) == ["primary", "backup"]
    assert fresh["backup"]["models"][0]["duration_ms"] == {"count": 0, "p50": None, "p90": None, "p95": None,
                                                           "p99": None}
    for stream in (False, True, False):
        assert chat(daemon, stream=stream).status == 200
    known = wait_until(lambda: (now := upstreams(daemon))["backup"]["in_flight"] == 0 and now, "the last")
    [model] = known["primary"]["models"]
    assert (model["model"], model["attempts"], model["breaker"]) == ("m1", {"ok": 0, "rate_limit": 3}, None)
    [model] = known["backup"]["models"]
    assert (model["model"], model["attempts"]) == ("m2", {"ok": 3})
    assert model["duration_ms"]["count"] == 3 and 0 < model["duration_ms"]["p50"] <= model["duration_ms"]["p99"]
    assert model["first_token_ms"]["count"] == 1
    assert known["backup"]["state"] == "ready" and known["backup"]["dialect"] == "chat"
    assert known["backup"]["base_url"] == backup.url
    assert known["backup"]["keys"] == [{"position": 1, "state": "in_use"}]


def test_a_request_that_waits_is_under_way(start, upstream):
    silent = upstream(steps(lambda c: c.hold()))
    daemon = start(config(silent))
    with Client(daemon) as client:
        client.ask(body=chat_body())
        wait_until(lambda: upstreams(daemon)["primary"]["in_flight"] == 1, "the request")
    wait_until(lambda: upstreams(daemon)["primary"]["in_flight"] == 0, "its end")


def test_keys_are_told_by_their_places_and_breakers_by_their_models(start, upstream):
    def answer(connection, request):
        bad = request.header("authorization") == "Bearer sk-secret-one"
        connection.send(status(401) if bad else status(500))
    pooled = upstream(answer)
    daemon = start(config(pooled.entry("primary", model="m", api_key=["sk-secret-one", "sk-secret-two"]),
                          breaker={"failures": 1, "window": "60s", "cooldown": "60s"}))
    chat(daemon)
    known = wait_until(lambda: (now := upstreams(daemon)["primary"])["state"] != "ready" and now, "the breaker")
    assert known["state"] == "resting"
    assert known["models"][0]["breaker"] == "open"
    assert known["keys"] == [{"position": 1, "state": "retired"}, {"position": 2, "state": "in_use"}]
    assert b"secret" not in get(daemon, "/api/upstreams").body


def test_it_wants_a_key_where_metrics_do_and_no_ledger(start, upstream):
    daemon = start(config(upstream(well()), ledger="off", keys=[{"name": "team", "key": "k" * 20}]))
    assert ask(daemon, "GET", "/api/upstreams").status == 401
    assert "primary" in upstreams(daemon, authorization="Bearer " + "k" * 20)
    assert get(daemon, "/api/usage", headers={"authorization": "Bearer " + "k" * 20}).error["code"] == "no_ledger"
