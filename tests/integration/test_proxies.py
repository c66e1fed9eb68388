"""Proxies on the way to a provider: named by `proxy:` or by the environment, passed by CONNECT, for https
and http upstreams alike; what goes wrong at them is a failed connection that names them."""

import base64
import json
import time

import pytest

from harness import (Client, chat, chat_body, config, expect_metrics, in_turn, plain,
                     plain_and_streamed, status, timeouts, well)
from proxy import ESTABLISHED, Proxy
from tests.support.daemon import closed_port, run, wait_until

USER, PASSWORD = "user-7f3a", "p@ss:w%rd/é"
USERINFO = "user-7f3a:p%40ss%3Aw%25rd%2F%C3%A9"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, USERINFO.split(":")[1], BASIC, USER)


@pytest.fixture
def proxy():
    proxies = []

    def start_proxy(*args, **options) -> Proxy:
        proxies.append(Proxy(*args, **options))
        return proxies[-1]

    yield start_proxy
    for one in proxies:
        one.stop()


def https_entry(certificates, name="primary", host="api.provider.test", **settings) -> dict:
    """An upstream at a name that only the proxy knows."""
    return {"name": name, "base_url": f"https://{host}/v1",
            "tls": {"ca": certificates.ca, "sni": "localhost"}, **settings}


def printed(daemon) -> str:
    return "\n".join(daemon.stderr_lines() + daemon.stdout_lines())


# --- through it

@plain_and_streamed
def test_tls_goes_through_the_tunnel_end_to_end(start, upstream, proxy, certificates, stream):
    primary = upstream(tls=certificates.context("good"))
    way = proxy(primary.port)
    daemon = start(config(https_entry(certificates, proxy=way.url)))
    got = chat(daemon, stream=stream)
    assert got.finished and got.text == "It works."
    assert way.targets == ["api.provider.test:443"]
    assert way.passages[0].header("host") == "api.provider.test:443"
    assert way.passages[0].header("proxy-authorization") is None
    assert primary.requests[0].header("host") == "api.provider.test"
    assert not [name for name in ("proxy-authorization", "proxy-connection")
                if primary.requests[0].header(name)]


@plain_and_streamed
def test_a_plain_upstream_is_reached_by_connect_too(start, upstream, proxy, stream):
    primary = upstream()
    way = proxy(primary.port)
    daemon = start(config({"name": "primary", "base_url": "http://api.provider.test:8000/v1",
                           "proxy": way.url}))
    got = chat(daemon, stream=stream)
    assert got.text == "It works."
    assert way.targets == ["api.provider.test:8000"]
    assert primary.requests[0].raw_head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert primary.requests[0].header("host") == "api.provider.test:8000"


def test_a_connection_through_a_proxy_is_kept_and_used_again(start, upstream, proxy,
                                                              certificates):
    primary = upstream(tls=certificates.context("good"))
    way = proxy(primary.port)
    with Client(start(config(https_entry(certificates, proxy=way.url)))) as client:
        for stream in (False, True) * 4:
            client.ask(body=chat_body(stream))
            assert client.response().finished
    assert len(way.passages) == len(primary.connections) == 1
    assert len(primary.requests) == 8


def test_upstreams_of_one_address_keep_their_ways_apart(start, upstream, proxy):
    primary = upstream(lambda c, r: c.send(status(503)) if r.header("x-n") != "3" else well()(c, r))
    one, two = proxy(primary.port), proxy(primary.port)
    url = "http://api.provider.test:8000/v1"
    def entry(n, way):
        return {"name": f"n{n}", "base_url": url, "proxy": way, "headers": {"X-N": str(n)}}
    daemon = start(config(
        entry(1, one.url), entry(2, two.url), entry(3, one.url.replace("//", "//u:p@"))))
    with Client(daemon) as client:
        for _ in range(3):
            client.ask(body=chat_body())
            assert client.response().status == 200
    assert len(one.passages) == 2 and len(two.passages) == 1
    assert sorted(p.header("proxy-authorization") or "" for p in one.passages) == [
        "", "Basic dTpw"]


def test_the_upstreams_certificate_is_checked_behind_the_proxy(start, upstream, proxy,
                                                               certificates):
    primary = upstream(tls=certificates.context("wrong_name"))
    backup = upstream(well("Backup."))
    way = proxy(primary.port)
    daemon = start(config(https_entry(certificates, proxy=way.url), backup.entry("backup")))
    got = chat(daemon)
    assert got.text == "Backup." and got.trace[0][1] == "connection"
    assert not primary.requests


def test_a_large_request_and_answer_pass(start, upstream, proxy, certificates):
    primary = upstream(well("y" * 3_000_000), tls=certificates.context("good"))
    way = proxy(primary.port)
    daemon = start(config(https_entry(certificates, proxy=way.url)))
    got = chat(daemon, content="x" * 5_000_000)
    assert got.text == "y" * 3_000_000 and way.passages[0].through > 5_000_000
    assert len(primary.requests[0].json["messages"][0]["content"]) == 5_000_000


# --- how it answers

HEADS = {
    "established": ESTABLISHED,
    "http 1.0 with fields": b"HTTP/1.0 200 OK\r\nProxy-agent: Apache\r\nVia: 1.0 a\r\n\r\n",
    "no reason": b"HTTP/1.1 200\r\n\r\n",
    "a length that means nothing": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
                                   b"Transfer-Encoding: chunked\r\n\r\n",
    "after interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + ESTABLISHED,
}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("name", HEADS)
def test_its_answer_may_come_split_at_every_byte(start, upstream, proxy, certificates, name, tls):
    primary = upstream(plain(None, "Connection: close"),  # each request needs a way of its own
                       tls=certificates.context("good") if tls else None)
    answer = HEADS[name]
    cuts = iter(range(len(answer)))
    def split(passage):
        cut = next(cuts)
        passage.send(answer[:cut])
        time.sleep(0.005)
        passage.send(answer[cut:])
        passage.tunnel(primary.port)
    way = proxy(script=split)
    entry = https_entry(certificates, proxy=way.url)
    if not tls:
        entry = {"name": "primary", "base_url": "http://api.provider.test/v1", "proxy": way.url}
    daemon = start(config(entry))
    for _ in answer:
        assert chat(daemon).text == "It works."
    assert len(way.passages) == len(answer)


def failing(start, upstream, proxy, script, certificates, **limits):
    """A request whose primary is behind a proxy with this script: the answer, the daemon."""
    backup = upstream(well("Backup."))
    way = proxy(script=script)
    url = way.url.replace("//", f"//{USERINFO}@")
    daemon = start(config(
        https_entry(certificates, proxy=url, timeouts=timeouts(**limits)), backup.entry("backup"),
        log={"format": "json"}, routes=[
            {"model": "alone", "chain": ["primary"], "retries": 0},
            {"model": "*", "chain": ["primary", "backup"]}]))
    assert chat(daemon).text == "Backup."
    got = chat(daemon, model="alone")
    return got, daemon, way


REFUSALS = {
    "407": (b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
            b"Content-Length: 4\r\n\r\nlost", "answered 407 Proxy Authentication Required"),
    "403": (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answered 403 Forbidden to CONNECT"),
    "429": (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n", "answered 429"),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "answered 502 Bad Gateway to CONNECT"),
    "503": (b"HTTP/1.0 503 DNS failed\r\n\r\n", "answered 503 DNS failed to CONNECT"),
    "302": (b"HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n\r\n", "answered 302 Found"),
    "garbage": (b"SSH-2.0-OpenSSH_9.2\r\n", "something that is not HTTP/1"),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", "something that is not HTTP/1"),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "something that is not HTTP/1"),
    "a head without end": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000, "not HTTP/1"),
    "bytes behind it": (ESTABLISHED + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                        "sent bytes behind its answer"),
    "nothing": (b"", "closed before it answered CONNECT"),
    "half a head": (ESTABLISHED[:20], "closed before it answered CONNECT"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_fails_at_the_proxy_is_a_failed_connection_that_names_it(
        start, upstream, proxy, certificates, name):
    data, said = REFUSALS[name]
    got, daemon, way = failing(start, upstream, proxy, lambda p: p.send(data), certificates)
    assert got.status == 502 and got.error["code"] == "upstream_unreachable", got
    assert got.trace[0][1] == "connection"
    assert f"proxy {way.address}: " in got.error["message"] and said in got.error["message"]
    assert "retry-after" not in {key.lower() for key, _ in got.fields}
    assert way.passages[0].header("proxy-authorization") == "Basic " + BASIC
    expect_metrics(daemon, (2, "understudy_attempts_total",
                            {"upstream": "primary", "reason": "connection"}))
    everything = printed(daemon) + got.raw.decode("latin-1") + daemon.metrics_text()
    assert not [secret for secret in SECRETS if secret in everything]
    assert way.address in printed(daemon)


def test_a_proxy_that_is_not_there_is_named(start, upstream, certificates):
    backup = upstream(well("Backup."))
    with closed_port() as port:
        daemon = start(config(https_entry(certificates, proxy=f"http://127.0.0.1:{port}"),
                              backup.entry("backup"), routes=[
                                  {"model": "alone", "chain": ["primary"], "retries": 0},
                                  {"model": "*", "chain": ["primary", "backup"]}]))
        assert chat(daemon).text == "Backup."
        got = chat(daemon, model="alone")
    assert got.status == 502
    assert f"proxy 127.0.0.1:{port}: connect 127.0.0.1:{port}: connection refused" \
        in got.error["message"]


def test_a_proxy_whose_name_does_not_resolve_is_named(start, shim, certificates):
    shim.names(proxy_test="NXDOMAIN")
    daemon = start(config(https_entry(certificates, proxy="http://proxy.test:3128")), env=shim.env)
    got = chat(daemon)
    assert got.status == 502 and "proxy proxy.test:3128: resolve proxy.test" \
        in got.error["message"]


@pytest.mark.parametrize("sent", [b"", ESTABLISHED[:-1], b"HTTP/1.1 100 Continue\r\n\r\n",
                                  ESTABLISHED],
                         ids=["nothing", "most of a head", "interim", "then no TLS"])
def test_the_connect_timeout_covers_the_way_through_the_proxy(start, upstream, proxy, certificates,
                                                              sent):
    def slow(passage):
        passage.send(sent)
        passage.hold()
    begun = time.monotonic()
    got, daemon, way = failing(start, upstream, proxy, slow, certificates, connect=400)
    assert got.status == 504 and got.trace[0][1] == "timeout"
    assert 0.7 < time.monotonic() - begun < 6


def test_after_a_failure_at_the_proxy_the_next_request_may_pass(start, upstream, proxy,
                                                                certificates):
    primary = upstream(tls=certificates.context("good"))
    script = in_turn(lambda p, _: p.send(REFUSALS["503"][0]),
                     lambda p, _: (p.send(ESTABLISHED), p.tunnel(primary.port)))
    way = proxy(script=lambda passage: script(passage, None))
    daemon = start(config(https_entry(certificates, proxy=way.url),
                          route={"retries": 1, "retry": {"base": "10ms"}}))
    got = chat(daemon)
    assert got.text == "It works." and [step[1] for step in got.trace] == ["connection", "ok"]


def test_a_client_that_leaves_closes_the_way_through_the_proxy(start, upstream, proxy,
                                                               certificates):
    ended = []
    way = proxy(script=lambda passage: (passage.hold(), ended.append(True)))
    daemon = start(config(https_entry(certificates, proxy=way.url)))
    with Client(daemon) as client:
        client.ask(body=chat_body())
        wait_until(lambda: way.passages, "a CONNECT")
        client.reset()
        wait_until(lambda: ended, "the daemon ends the connection to the proxy")
    expect_metrics(daemon, (1, "understudy_requests_total", {"outcome": "client_closed"}))


# --- the environment

@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_the_proxy_of_https_upstreams(start, upstream, proxy, certificates,
                                                            variable):
    primary, local = upstream(tls=certificates.context("good")), upstream(well("Local."))
    way = proxy(primary.port)
    daemon = start(config(https_entry(certificates), local.entry("local"), routes=[
        {"model": "local", "chain": ["local"]}, {"model": "*", "chain": ["primary"]}]),
        env={variable: way.url.replace("//", f"//{USERINFO}@"),
             "HTTP_PROXY": "http://127.0.0.1:1"})
    assert chat(daemon).text == "It works."
    assert chat(daemon, model="local").text == "Local."  # loopback: never through it
    assert way.targets == ["api.provider.test:443"]
    assert way.passages[0].header("proxy-authorization") == "Basic " + BASIC
    assert f"proxy={way.address}" in printed(daemon)
    assert not [secret for secret in SECRETS if secret in printed(daemon)]


def test_the_environment_names_the_proxy_of_http_upstreams(start, upstream, proxy):
    primary = upstream()
    way = proxy(primary.port)
    daemon = start(config({"name": "primary", "base_url": "http://api.provider.test/v1"}),
                   env={"HTTP_PROXY": way.address, "HTTPS_PROXY": "http://127.0.0.1:1"})
    assert chat(daemon).text == "It works."
    assert way.targets == ["api.provider.test:80"]


@pytest.mark.parametrize("except_", ["*", "provider.test", ".provider.test", "*.provider.test",
                                     "x, API.provider.test:PORT"])
def test_no_proxy_and_proxy_none_go_directly(start, upstream, shim, except_):
    primary = upstream()
    shim.names(api_provider_test="127.0.0.1", other_test="127.0.0.1")
    url = f"http://api.provider.test:{primary.port}/v1"
    nobody = "http://127.0.0.1:1"
    daemon = start(config(
        {"name": "primary", "base_url": url},
        {"name": "own", "base_url": f"http://other.test:{primary.port}/v1", "proxy": "none"},
        routes=[{"model": "own", "chain": ["own"]}, {"model": "*", "chain": ["primary"]}]),
        env={**shim.env, "HTTP_PROXY": nobody,
             "NO_PROXY": except_.replace("PORT", str(primary.port))})
    assert chat(daemon).text == "It works."
    assert chat(daemon, model="own").text == "It works."


def test_an_upstreams_own_proxy_goes_before_the_environments_and_also_for_loopback(
        start, upstream, proxy):
    primary = upstream()
    way, other = proxy(primary.port), proxy(primary.port)
    daemon = start(config(primary.entry("primary", proxy=way.url)),
                   env={"HTTP_PROXY": other.url, "NO_PROXY": "*"})
    assert chat(daemon).text == "It works."
    assert way.targets == [f"127.0.0.1:{primary.port}"] and not other.passages


def test_a_reload_changes_the_way(start, upstream, proxy):
    primary = upstream()
    one, two = proxy(primary.port), proxy(primary.port)
    entry = {"name": "primary", "base_url": "http://api.provider.test/v1"}
    daemon = start(config({**entry, "proxy": one.url}))
    assert chat(daemon).status == 200
    daemon.write_config(config({**entry, "proxy": two.url}))
    daemon.signal(1)
    daemon.wait_line("reload")
    assert chat(daemon).status == 200
    assert len(one.passages) == 1 and len(two.passages) == 1


def test_what_cannot_be_a_proxy_stops_the_start_without_telling_its_password(tmp_path):
    file = tmp_path / "u.yaml"
    entry = {"name": "one", "base_url": "https://api.provider.test/v1", "api_key": "sk-one"}
    for proxy, env, said in (
            ("socks5://u:hunter2@p:1080", {}, "upstreams[0].proxy: is a SOCKS proxy"),
            ("https://u:hunter2@p:1", {}, "upstreams[0].proxy: is an https:// proxy"),
            (None, {"HTTPS_PROXY": "socks5h://u:hunter2@p:1"}, "HTTPS_PROXY: is a SOCKS proxy")):
        document = {"upstreams": [{**entry, "proxy": proxy} if proxy else entry]}
        file.write_text(json.dumps(document))
        done = run("check", "-c", str(file), env=env)
        text = "\n".join(done.stderr_lines() + done.stdout_lines())
        assert done.returncode == 2 and said in text, text
        assert "hunter2" not in text


def test_explain_and_check_say_which_proxy_is_used(tmp_path):
    file = tmp_path / "u.yaml"
    file.write_text(json.dumps({"upstreams": [
        {"name": "one", "base_url": "https://api.provider.test/v1", "api_key": "sk-one"}]}))
    env = {"HTTPS_PROXY": f"http://{USERINFO}@proxy.test:3128"}
    for command in (["check"], ["explain", "--model", "m"]):
        done = run(*command, "-c", str(file), env=env)
        text = "\n".join(done.stdout_lines() + done.stderr_lines())
        assert done.returncode == 0 and "proxy.test:3128" in text, text
        assert not [secret for secret in SECRETS if secret in text]
