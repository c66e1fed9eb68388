"""No web page spends the money of a proxy on loopback without keys, and pages that may call can."""

import pytest

from harness import Client, ask, as_bytes, chat_body, config, get, steps

EVIL = {"Origin": "https://evil.test"}
GOOD = {"Origin": "https://chat.example.com"}
CORS = {"origins": ["https://chat.example.com"]}


@pytest.mark.parametrize("headers", [
    {**EVIL, "Content-Type": "text/plain"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/metrics"])
def test_a_page_of_another_site_gets_403_that_names_the_setting(start, upstream, path, headers):
    primary = upstream()
    daemon = start(config(primary, cors=CORS))
    method = "POST" if path.endswith("completions") else "GET"
    got = ask(daemon, method, path, body=chat_body() if method == "POST" else None, headers=headers)
    assert got.status == 403 and "cors.origins" in got.error["message"]
    assert got.header("access-control-allow-origin") is None and not primary.connections


def test_a_rebound_name_gets_403_and_configured_names_are_served(start, upstream):
    primary = upstream()
    daemon = start(config(primary, hosts=["*.lan"]))
    for host, expected in (("evil.test", 403), ("gateway.lan", 200), ("localhost:1", 200)):
        body = as_bytes(chat_body())
        with Client(daemon) as client:
            client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (host.encode(), len(body), body))
            got = client.response()
            assert got.status == expected
            assert expected == 200 or "`hosts`" in got.error["message"]
    assert len(primary.requests) == 2


def test_pages_of_allowed_origins_may_ask_call_and_read(start, upstream):
    primary = upstream()
    daemon = start(config(primary, cors=CORS))
    wishes = {"Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "authorization,content-type"}
    got = ask(daemon, "OPTIONS", headers={**GOOD, **wishes})
    assert got.status == 204 and got.header("access-control-allow-origin") == GOOD["Origin"]
    assert got.header("access-control-allow-headers") == "authorization,content-type"
    assert "POST" in got.header("access-control-allow-methods")
    assert got.header("content-length") is None
    # Bytes of none are no body; one is, and what has a body is no preflight.
    assert ask(daemon, "OPTIONS", headers={**GOOD, **wishes, "Content-Length": "0"}).status == 204
    assert ask(daemon, "OPTIONS", body=b"x", headers={**GOOD, **wishes}).status == 405
    got = ask(daemon, body=chat_body(), headers=GOOD)
    assert got.status == 200 and got.headers("access-control-allow-origin") == [GOOD["Origin"]]
    assert got.header("vary") == "origin"
    readable = got.header("access-control-expose-headers").split(", ")
    assert {"x-understudy-upstream", "x-understudy-budget-remaining-usd", "ratelimit-remaining", "x-should-retry",
            "x-ratelimit-reset-tokens"} <= set(readable) and len(set(readable)) == len(readable)
    got = ask(daemon, "OPTIONS", headers={**EVIL, **wishes})
    assert got.status == 403
    primary.answer = steps(lambda connection: connection.reset())  # an error made here
    got = ask(daemon, body=chat_body(), headers=GOOD)
    assert got.status == 502 and got.headers("access-control-allow-origin") == [GOOD["Origin"]]


def test_with_keys_the_key_decides_and_other_pages_cannot_read_the_answer(start, upstream):
    key = "sk-inbound-0123456789"
    daemon = start(config(upstream(), keys=[{"name": "k", "key": key}]))
    got = ask(daemon, body=chat_body(), headers={**EVIL, "Authorization": f"Bearer {key}"})
    assert got.status == 200 and got.header("access-control-allow-origin") is None


def test_health_answers_whatever_the_host(start, upstream):
    with Client(start(config(upstream()))) as client:
        client.send(b"GET /healthz HTTP/1.1\r\nHost: probe.test\r\n\r\n")
        assert client.response().status == 200
