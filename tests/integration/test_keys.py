"""Inbound keys, and the rule that without them only loopback is served."""

import json
import signal

import pytest

from harness import (MAX_WAIT, as_bytes, ask, chat, chat_body, config, get, plain_and_streamed,
                     status, well)
from tests.support.daemon import Daemon, StartError, wait_until

A, B = "sk-team-a-8c1f", "sk-team-b-55d0"
KEYS = [{"name": "team-a", "key": A}, {"name": "team-b", "key": B, "routes": ["gpt-4o*"]}]


@plain_and_streamed
@pytest.mark.parametrize("name,form", [("Authorization", "Bearer {}"),
                                       ("authorization", "bearer {}"), ("x-api-key", "{}"),
                                       ("api-key", "{}")])
def test_a_key_opens_in_each_of_its_forms(start, upstream, name, form, stream):
    daemon = start(config(upstream(), keys=KEYS))
    assert chat(daemon, stream=stream, headers={name: form.format(A)}).status == 200


@plain_and_streamed
@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": A}, {"Authorization": "Basic " + A},
    {"Authorization": "Bearer "}, {"Authorization": "Bearer " + A[:-1]},
    {"Authorization": f"Bearer {A}x"}, {"x-api-key": A.upper()}, {"Cookie": A}],
    ids=["none", "wrong", "bare", "basic", "empty", "prefix", "longer", "case", "cookie"])
def test_without_a_key_nothing_opens(start, upstream, headers, stream):
    primary = upstream()
    got = chat(start(config(primary, keys=KEYS)), stream=stream, headers=headers)
    assert got.status == 401
    assert got.error["type"] == "understudy_error" and got.error["code"] == "invalid_api_key"
    assert set(got.error) == {"message", "type", "param", "code"}
    assert A not in got.body.decode() and not primary.connections


def test_a_key_is_checked_before_the_body_is_judged(start, upstream):
    daemon = start(config(upstream(), keys=KEYS))
    assert ask(daemon, body=b"{not json").status == 401
    assert chat(daemon, model="x", headers={"x-api-key": "wrong"}).status == 401


def test_a_key_may_be_restricted_to_routes(start, upstream):
    primary = upstream()
    daemon = start(config(primary, keys=KEYS))
    auth = {"Authorization": f"Bearer {B}"}
    assert chat(daemon, model="gpt-4o-mini", headers=auth).status == 200
    refused = chat(daemon, model="o3", headers=auth)
    assert refused.status in (403, 404) and refused.error["type"] == "understudy_error"
    assert chat(daemon, model="o3", headers={"x-api-key": A}).status == 200
    assert len(primary.requests) == 2


OUTSIDE = [{"models": ["gpt-4o-mini", "o3"]}, {"Models": ["o3"]}, {"fallbacks": ["o3"]},
           {"fallbacks": [{"model": "o3"}]}, {"models": "o3"}, {"models": {"a": "o3"}},
           {"fallbacks": [{"gpt-4o-mini": ["o3"]}]}, {"preset": "big"}, {"plugins": [{"id": "x"}]},
           {"route": "fallback"}, {"user_config": {}}, {"providerOptions": {"gateway": {}}},
           {"fallbacks": [{"model": "gpt-4o-mini", "fallbacks": ["o3"]}]},
           {"fallbacks": [{"Model": "o3", "model": "gpt-4o-mini"}]},
           {"extra_body": {"models": ["o3"]}}, {"api_base": "https://x.test"}, {"mod\\u0065ls": ["o3"]},
           {"engine": "o3"}, {"deployment_id": "o3"}, {"model_id": "arn:x"}, {"Model_Name": "o3"},
           {"lora_path": "mine"}, {"lora_path": ["gpt-4o-mini"]}, {"adapter_id": "mine"},
           {"adapter_source": "hub"}, {"lora": [{"id": 0, "scale": 1}]}, {"custom_llm_provider": "x"},
           {"content_policy_fallbacks": [{"a": ["o3"]}]}, {"target_model_names": "o3"},
           {"tools": [{"type": "function"}, {"type": "image_generation", "model": "o3"}]},
           {"tools": [{"type": "advisor", "Model": "o3"}]}]


@pytest.mark.parametrize("more", OUTSIDE, ids=[json.dumps(more) for more in OUTSIDE])
def test_a_keys_routes_hold_for_every_model_that_a_body_brings_in(start, upstream, more):
    primary = upstream()
    daemon = start(config(primary, keys=KEYS))
    body = as_bytes(chat_body(model="gpt-4o-mini", **more)).replace(b"\\\\u", b"\\u")
    refused = ask(daemon, body=body, headers={"Authorization": f"Bearer {B}"})
    assert refused.status == 403 and refused.error["code"] == "model_not_allowed"
    assert not primary.requests
    assert ask(daemon, body=body, headers={"Authorization": f"Bearer {A}"}).status == 200


def test_a_restricted_key_may_name_what_it_may_use(start, upstream):
    primary = upstream()
    daemon = start(config(primary, keys=KEYS))
    for more in ({"models": ["gpt-4o-mini"]}, {"models": None}, {"fallbacks": []}, {"route": None},
                 {"metadata": {"models": ["o3"]}}, {"engine": "gpt-4o-mini"}, {"lora_path": None},
                 {"tools": [{"type": "image_generation", "model": "gpt-4o-mini"}]},
                 {"tools": [{"type": "function", "function": {"name": "f", "parameters": {
                     "type": "object", "properties": {"model": {"type": "string"}}}}}]}):
        got = chat(daemon, model="gpt-4o-mini", headers={"x-api-key": B}, **more)
        assert got.status == 200, more
    assert len(primary.requests) == 9


def test_the_models_list_needs_a_key_and_shows_what_the_key_may_use(start, upstream):
    one = upstream()
    daemon = start(config(one.entry("one"), keys=KEYS, routes=[
        {"model": "gpt-4o-mini", "chain": ["one"]}, {"model": "o3", "chain": ["one"]}]))
    assert get(daemon, "/v1/models").status == 401
    def listed(key):
        got = get(daemon, "/v1/models", {"Authorization": f"Bearer {key}"})
        return {model["id"] for model in got.json["data"]}
    assert listed(A) == {"gpt-4o-mini", "o3"}
    assert listed(B) == {"gpt-4o-mini"}


def test_health_needs_no_key(start, upstream):
    daemon = start(config(upstream(), keys=KEYS))
    assert get(daemon, "/healthz").status == 200 and get(daemon, "/readyz").status == 200


@pytest.mark.row(52)
def test_a_key_of_ours_never_travels_upstream(start, upstream):
    primary = upstream()
    daemon = start(config(primary.entry("primary", api_key=None), keys=KEYS))
    for name, value in (("Authorization", f"Bearer {A}"), ("x-api-key", A), ("api-key", A)):
        assert chat(daemon, headers={name: value}).status == 200
    assert A.encode() not in b"".join(c.received for c in primary.connections)


def test_a_key_for_us_and_credentials_for_the_upstream_go_their_own_ways(start, upstream):
    primary = upstream()
    daemon = start(config(primary.entry("primary", api_key=None), keys=KEYS))
    chat(daemon, headers={"x-api-key": A, "Authorization": "Bearer sk-clients-own"})
    sent = primary.requests
    assert not sent or A.encode() not in primary.connections[0].received


@pytest.mark.parametrize("body", [
    b'{"model":"zzz","model":"gpt-4o","messages":[]}',
    b'{"Model":"zzz","model":"gpt-4o","messages":[]}',
    b'{"model":"gpt-4o","MODEL":"zzz","messages":[]}',
    b'{"model":"gpt-4o","\\u006dodel":"zzz","messages":[]}',
    b'{"model":"gpt-4o","stream":false,"Stream":true,"messages":[]}',
    b'{"Model":"zzz","messages":[]}'])
def test_a_body_that_servers_would_read_differently_reaches_none(start, upstream, body):
    primary = upstream()
    got = ask(start(config(primary, keys=KEYS)), body=body,
              headers={"Authorization": f"Bearer {B}"})
    assert got.status == 400 and got.error["param"] in ("model", "stream")
    assert not primary.requests


@pytest.mark.parametrize("query,left", [
    ("?key=SECRET", ""), ("?api-version=1&api_key=SECRET", "?api-version=1"),
    ("?access%5Ftoken=SECRET&a=b", "?a=b"), ("?x-vendor-token=SECRET", "")])
def test_credentials_in_a_query_stay_here_where_the_upstream_has_a_key(start, upstream, query, left):
    primary = upstream()
    got = ask(start(config(primary)), path="/v1/chat/completions" + query, body=chat_body())
    assert got.status == 200
    assert primary.requests[0].target == "/v1/chat/completions" + left


@pytest.mark.parametrize("name", [
    "Authorization", "Proxy-Authorization", "x-api-key", "api-key", "x-goog-api-key", "Cookie",
    "x-portkey-api-key", "helicone-auth", "X-New-Vendor-Secret", "private-token",
    "OpenAI-Organization", "OpenAI-Project", "ChatGPT-Account-ID", "Origin", "Referer",
    "Sec-Fetch-Mode"])
def test_nothing_of_the_clients_own_travels_to_an_upstream_with_a_key(start, upstream, name):
    primary = upstream()
    daemon = start(config(primary))
    headers = {name: "http://127.0.0.1" if name == "Origin" else "CLIENTS-OWN"}
    assert chat(daemon, headers=headers).status == 200
    assert b"CLIENTS-OWN" not in primary.connections[0].received
    assert primary.requests[0].header("origin") is None


def test_a_request_that_comes_back_is_answered_508(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    chat(daemon)
    mark = primary.requests[0].header("via")
    got = chat(daemon, headers={"Via": f"1.1 other, {mark}"})
    assert got.status == 508 and got.error["code"] == "loop_detected"
    assert "base_url" in got.error["message"] and len(primary.requests) == 1
    assert got.header("x-should-retry") == "false"
    assert chat(daemon, headers={"Via": "1.1 other"}).status == 200


def test_a_loop_is_told_by_each_daemon_of_it_once(start, upstream):
    told = (b'{"error":{"message":"m","type":"understudy_error","param":null,'
            b'"code":"loop_detected"}}')
    primary, backup = upstream(status(508, told)), upstream()
    daemon = start(config(primary, backup, route={"retries": 3}))
    got = chat(daemon)
    assert got.status == 508 and got.error["code"] == "loop_detected"
    assert len(primary.requests) == 1 and not backup.requests


def test_a_reload_cannot_lead_back_to_a_port_that_the_kernel_chose(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    daemon.write_config(config(primary).replace(primary.url, daemon.url + "/v1"))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: any("leads back to this daemon" in line for line in daemon.stderr_lines()),
               "refused", MAX_WAIT)
    assert chat(daemon).status == 200 and len(primary.requests) == 1


# --- where it listens

@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_without_keys_only_loopback_is_served(upstream, listen):
    text = config(upstream(), listen=listen)
    with pytest.raises(StartError) as refusal, Daemon(text):
        pass
    said = str(refusal.value)
    assert "keys" in said and "--insecure" in said
    assert "ended with 2" in said


def test_with_keys_or_insecure_it_listens_elsewhere_too(start, upstream):
    text = config(upstream(), listen="0.0.0.0:0")
    daemon = start(text, args=["--insecure"])
    daemon.wait_line("(?i)warning.*(insecure|without keys)")
    assert chat(daemon).status == 200
    keyed = start(config(upstream(), listen="0.0.0.0:0", keys=KEYS))
    assert chat(keyed, headers={"api-key": A}).status == 200


def test_a_loopback_listener_without_keys_needs_none(start, upstream):
    assert chat(start(config(upstream(well("Open."))))).text == "Open."
