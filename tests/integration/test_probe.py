"""`understudy check --probe`: every upstream is asked, whatever is configured, and what is wrong is said."""

import json
import pathlib
import ssl

import pytest

from harness import (close, error_body, gzipped, head, plain, reset, run_answer, silent, status, timeouts,
                     well)
from tests.support.daemon import closed_port, run

CELLS = ("upstream", "dns", "tcp", "tls", "key", "model", "streams", "usage", "first token", "verdict")
KEY = "sk-probe-secret-0001"


class Probe:
    """The table of one run, by upstream."""

    def __init__(self, done):
        self.code = done.returncode
        self.lines = done.stdout_lines()
        self.text = "\n".join(self.lines + done.stderr_lines())
        start = next(i for i, line in enumerate(self.lines) if line.startswith("upstream  "))
        edges = [self.lines[start].index(cell) for cell in CELLS] + [None]
        self.rows = [dict(zip(CELLS, (line[a:b].strip() for a, b in zip(edges, edges[1:]))))
                     for line in self.lines[start + 1:]]

    def __getitem__(self, name):
        (row,) = [row for row in self.rows if row["upstream"] == name]
        return row


def probe(directory, *entries, args=(), env=None, routes=None, **top):
    path = directory / "understudy.yaml"
    entries = [{"timeouts": timeouts(), **entry} for entry in entries]
    path.write_text(json.dumps({"listen": "127.0.0.1:0", "upstreams": entries,
                                **({"routes": routes} if routes else {}), **top}))
    return Probe(run("check", "-c", str(path), "--probe", *args, env=env))


def models(*names):
    return plain({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def provider(listing=None, answer=None, key=None):
    """A server with a list of models and chat; with `key`, both want it."""
    listing = status(404) if listing is None else listing
    answer = well() if answer is None else answer

    def serve(connection, request):
        if key and request.header("authorization") != f"Bearer {key}":
            connection.send(status(401, error_body(f"Incorrect API key provided: {KEY}")))
            return
        run_answer(listing if request.method == "GET" else answer, connection, request)
    return serve


def knows(*names):
    """Chat for these models, 404 for all others."""
    def answer(connection, request):
        if request.model in names:
            well()(connection, request)
        else:
            connection.send(status(404, error_body(f"The model `{request.model}` does not exist",
                                                   code="model_not_found")))
    return answer


def asked(server):
    return [request.model for request in server.requests if request.method == "POST"]


# --- which model is asked for

def test_without_a_model_one_of_the_list_is_asked_for_that_can_chat(upstream, tmp_path):
    there = upstream(provider(models("nomic-embed-text", "whisper-1", "openai/*", "qwen3:8b", "b"),
                              knows("qwen3:8b")))
    seen = probe(tmp_path, there.entry("local", api_key=KEY))
    assert seen.code == 0 and asked(there) == ["qwen3:8b"]
    assert seen["local"] == {"upstream": "local", "dns": "ok", "tcp": "ok", "tls": "-", "key": "ok",
                             "model": "ok", "streams": "ok", "usage": "ok",
                             "first token": seen["local"]["first token"],
                             "verdict": "usable, asked for qwen3:8b"}
    assert seen["local"]["first token"].endswith(" ms")
    listed = there.requests[0]
    assert (listed.method, listed.target) == ("GET", "/v1/models")
    assert listed.header("authorization") == f"Bearer {KEY}"


def test_a_compressed_list_is_read(upstream, tmp_path):
    listed = json.dumps({"object": "list", "data": [{"id": "qwen3:8b", "object": "model"}]}).encode()
    there = upstream(provider(plain(gzipped(listed), "Content-Encoding: gzip"), knows("qwen3:8b")))
    assert probe(tmp_path, there.entry("local", api_key=KEY)).code == 0
    assert asked(there) == ["qwen3:8b"]


def test_of_listed_models_the_cheapest_known_one_is_asked_for(upstream, tmp_path):
    there = upstream(provider(models("gpt-6.2-sol", "text-embedding-3-small", "unheard-of",
                                     "gpt-4o", "gpt-5-nano")))
    probe(tmp_path, there.entry("openai", provider="openai", api_key=KEY))
    assert asked(there) == ["gpt-5-nano"]


def test_another_model_of_the_list_is_tried_where_the_first_is_refused(upstream, tmp_path):
    there = upstream(provider(models("first", "second", "third"), knows("second")))
    seen = probe(tmp_path, there.entry("local"))
    assert seen.code == 0 and asked(there) == ["first", "second"]
    assert seen["local"]["verdict"] == "usable, asked for second"


@pytest.mark.parametrize("refusal", [
    status(400, error_body("Unknown parameter: 'stream_options'.")),
    status(422, b'{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}'),
    plain({"error": {"message": "stream_options is not supported"}})], ids=["400", "422", "200"])
def test_an_upstream_that_refuses_stream_options_is_asked_without_as_the_daemon_would(
        upstream, tmp_path, refusal):
    def chat(connection, request):
        run_answer(refusal if b"stream_options" in request.body else well(), connection, request)
    server = upstream(provider(models("m"), chat))
    row = (table := probe(tmp_path, server.entry("a")))["a"]
    assert table.code == 0 and row["model"] == row["streams"] == "ok"
    assert "refuses stream_options" in row["verdict"] and "drop: [stream_options]" in row["verdict"]


def test_the_upstreams_headers_go_to_the_list_too(upstream, tmp_path):
    there = upstream(provider(models("m")))
    probe(tmp_path, there.entry("there", api_key=KEY, headers={"OpenAI-Organization": "org-1"}))
    assert there.requests[0].header("openai-organization") == "org-1"


def test_what_the_configuration_names_goes_before_the_list(upstream, tmp_path):
    own, chained, literal = (upstream(provider(models("a", "own", "chained", "literal")))
                             for _ in range(3))
    seen = probe(tmp_path, own.entry("own", model="own"), chained.entry("chained"),
                 literal.entry("literal"),
                 routes=[{"model": "literal", "chain": ["literal", "chained/chained"]},
                         {"model": "*", "chain": ["own"]}])
    assert seen.code == 0
    assert [asked(own), asked(chained), asked(literal)] == [["own"], ["chained"], ["literal"]]


@pytest.mark.parametrize("arguments", [["--model", "mine"], ["-m", "mine"], ["--model=mine"]])
def test_the_users_model_is_asked_for_as_a_request_for_it_would_be_sent(upstream, tmp_path, arguments):
    first, second = (upstream(provider(models("other", "mine", "yours"))) for _ in range(2))
    seen = probe(tmp_path, first.entry("first"), second.entry("second"), args=arguments,
                 routes=[{"model": "*", "chain": ["first", "second/yours"]}])
    assert seen.code == 0
    assert [asked(first), asked(second)] == [["mine"], ["yours"]]


@pytest.mark.parametrize("arguments", [["--model", "m"], ["--probe", "--model", ""],
                                       ["--probe", "--model", "a,b"], ["--probe", "--model"]])
def test_a_model_without_a_probe_or_without_a_name_is_bad_usage(upstream, tmp_path, arguments):
    path = tmp_path / "understudy.yaml"
    path.write_text(json.dumps({"upstreams": [upstream().entry("there")]}))
    done = run("check", "-c", str(path), *arguments)
    assert done.returncode == 2 and "--model" in "\n".join(done.stderr_lines())


# --- no list, no model

def test_a_server_without_a_list_is_asked_for_a_model_of_the_price_table(upstream, tmp_path):
    there = upstream(provider(status(404), knows("sonar")))
    seen = probe(tmp_path, there.entry("perplexity", provider="perplexity", api_key=KEY))
    assert seen.code == 0 and asked(there) == ["sonar"]


def test_a_server_that_takes_any_model_needs_no_list(upstream, tmp_path):
    there = upstream(provider(status(404)))
    seen = probe(tmp_path, there.entry("local", api_key=KEY))
    assert seen.code == 0 and seen["local"]["verdict"] == "usable, answers under any model name"


@pytest.mark.parametrize("listing, why", [
    (status(404), "it has no list of models"),
    (models(), "its list of models is empty"),
    (models("text-embedding-3-small", "tts-1"), "none of the 2 models on its list"),
    (plain("<html>hello</html>", content_type="text/html"), "it has no list of models"),
    (silent, "its list of models did not come")])
def test_where_no_model_can_be_found_the_key_is_tried_and_the_way_out_is_said(upstream, tmp_path,
                                                                           listing, why):
    right = upstream(provider(listing, knows("hidden"), key=KEY))
    wrong = upstream(provider(listing, knows("hidden"), key="another"))
    seen = probe(tmp_path, right.entry("right", api_key=KEY), wrong.entry("wrong", api_key=KEY))
    assert seen.code == 1
    assert seen["right"]["key"] == "ok" and seen["right"]["dns"] == seen["right"]["tcp"] == "ok"
    assert why in seen["right"]["verdict"] and "--model NAME" in seen["right"]["verdict"]
    assert seen["wrong"]["key"] == "REFUSED"
    found = probe(tmp_path, right.entry("right", api_key=KEY), args=["--model", "hidden"])
    assert found.code == 0


def test_azures_list_tells_no_deployments_so_none_is_taken_from_it(upstream, tmp_path):
    def azure(connection, request):
        if request.method == "GET":
            connection.send(models("gpt-4o", "gpt-4"))
        elif "/deployments/mine/" in request.target:
            well()(connection, request)
        else:
            connection.send(status(404, error_body("The API deployment does not exist",
                                                   code="DeploymentNotFound")))
    there = upstream(azure)
    entry = {"name": "azure", "provider": "azure", "base_url": there.url.removesuffix("/v1"),
             "api_key": KEY, "api_version": "2024-10-21"}
    seen = probe(tmp_path, entry)
    assert seen.code == 1 and seen["azure"]["key"] == "ok"
    assert "--model NAME" in seen["azure"]["verdict"]
    assert probe(tmp_path, entry, args=["--model", "mine"])["azure"]["verdict"] == \
        "usable, asked for mine"


# --- a model that is not there

def test_a_model_that_the_list_lacks_is_named_with_the_nearest_names(upstream, tmp_path):
    there = upstream(provider(models("gpt-4o", "gpt-4o-mini", "o3", "whisper-1"),
                              knows("gpt-4o", "gpt-4o-mini")))
    seen = probe(tmp_path, there.entry("there", model="gpt-4o-mimi", api_key=KEY))
    row = seen["there"]
    assert seen.code == 1 and (row["key"], row["model"]) == ("ok", "MISSING")
    assert 'lacks "gpt-4o-mimi"; nearest: "gpt-4o", "gpt-4o-mini"' in row["verdict"], row
    assert "does not exist" in row["verdict"]


def test_every_configured_model_that_the_list_lacks_has_a_row(upstream, tmp_path):
    there = upstream(provider(models("good", "fine"), knows("good", "fine")))
    seen = probe(tmp_path, there.entry("there", api_key=KEY),
                 routes=[{"model": name, "chain": ["there"]} for name in ("good", "fine", "godo")])
    assert seen.code == 1 and asked(there) == ["good", "godo"]
    assert [row["model"] for row in seen.rows] == ["ok", "MISSING"]
    assert '"godo"' in seen.rows[1]["verdict"] and '"good"' in seen.rows[1]["verdict"]


@pytest.mark.parametrize("name, listed", [
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"), ("llama3", "llama3:latest"),
    ("deepseek/r1:free", "deepseek/r1"), ("gpt-4o-2024-08-06", "gpt-4o")])
def test_a_list_that_has_a_model_under_its_date_or_tag_has_it(upstream, tmp_path, name, listed):
    there = upstream(provider(models("zzz", listed)))
    seen = probe(tmp_path, there.entry("there", model=name))
    assert seen.code == 0 and seen["there"]["verdict"] == f"usable, asked for {name}"


def test_an_unlisted_model_that_answers_is_usable_but_remarked_upon(upstream, tmp_path):
    there = upstream(provider(models("loaded-model")))
    seen = probe(tmp_path, there.entry("there", model="alias"))
    assert seen.code == 0 and seen["there"]["model"] == "UNLISTED"
    assert "loaded-model" in seen["there"]["verdict"]


def test_a_path_that_is_not_the_apis_is_told_from_a_missing_model(upstream, tmp_path):
    there = upstream(status(404, "404 page not found", content_type="text/plain"))
    row = probe(tmp_path, {**there.entry("there", model="m"),
                           "base_url": there.url.removesuffix("/v1")})["there"]
    assert row["model"] == "-" and "/v1 missing" in row["verdict"]
    assert there.url.removesuffix("/v1") + "/models" in row["verdict"]


# --- keys

def test_a_refused_key_is_told_with_its_source_and_never_shown(upstream, tmp_path):
    there = upstream(provider(models("m"), key="the right one"))
    seen = probe(tmp_path, there.entry("by-file", api_key=KEY),
                 there.entry("by-header", headers={"Authorization": f"Bearer {KEY}"}))
    assert seen.code == 1 and KEY not in seen.text
    for name in ("by-file", "by-header"):
        assert seen[name]["key"] == "REFUSED" and "HTTP 401" in seen[name]["verdict"]
        assert "***" in seen[name]["verdict"]
    assert "the api_key was not accepted" in seen["by-file"]["verdict"]
    assert "`headers` was not accepted" in seen["by-header"]["verdict"]


def test_an_upstream_without_a_key_says_that_clients_keys_cannot_be_tried(upstream, tmp_path):
    there = upstream(provider(models("m"), key="somebody's"))
    seen = probe(tmp_path, there.entry("there"))
    assert seen.code == 1 and seen["there"]["key"] == "MISSING"
    assert "clients' own keys" in seen["there"]["verdict"]


def test_a_list_that_is_refused_does_not_condemn_a_key_that_may_chat(upstream, tmp_path):
    """OpenAI's restricted keys, and services whose list wants another header."""
    there = upstream(provider(status(403, error_body("missing scopes: api.model.read"))))
    seen = probe(tmp_path, there.entry("there", model="m", api_key=KEY))
    assert seen.code == 0 and seen["there"]["key"] == "ok"


def test_a_list_for_everybody_does_not_vouch_for_a_key(upstream, tmp_path):
    """OpenRouter lists its models to anybody."""
    there = upstream(provider(models("m"), status(401, error_body("No auth credentials found"))))
    assert probe(tmp_path, there.entry("there", api_key=KEY))["there"]["key"] == "REFUSED"


@pytest.mark.parametrize("answer, words", [
    (status(429, error_body("You exceeded your current quota", code="insufficient_quota")),
     "no credit left"),
    (status(429, error_body("Slow down")), "try again later"),
    (status(503, error_body("Overloaded")), "try again later")])
def test_other_refusals_are_told_in_words(upstream, tmp_path, answer, words):
    there = upstream(provider(models("m"), answer))
    seen = probe(tmp_path, there.entry("there", api_key=KEY))
    assert seen.code == 1 and words in seen["there"]["verdict"]


def test_what_an_upstream_says_cannot_play_with_the_terminal(upstream, tmp_path):
    there = upstream(provider(models("m"), status(400, error_body("\x1b[2J\u009b2J\u202egnp\nx"))))
    seen = probe(tmp_path, there.entry("there"))
    assert seen.code == 1 and len(seen.rows) == 1
    assert not {"\x1b", "\u009b", "\u202e"} & set(seen.text)


# --- the way there

def test_names_and_ports_that_lead_nowhere_are_told_apart(upstream, tmp_path, shim):
    shim.names(gone_test="NXDOMAIN")
    with closed_port() as port:
        seen = probe(tmp_path, {"name": "name", "base_url": "http://gone.test:1234/v1"},
                     {"name": "port", "base_url": f"http://127.0.0.1:{port}/v1"},
                     upstream(provider(models("m"))).entry("well"), env=shim.env)
    assert seen.code == 1
    assert seen["name"]["dns"] == "FAILED" and "gone.test" in seen["name"]["verdict"]
    assert seen["port"]["dns"] == "ok" and seen["port"]["tcp"] == "FAILED"
    assert f"127.0.0.1:{port}" in seen["port"]["verdict"]
    assert "is the server running" in seen["port"]["verdict"]
    assert seen["well"]["verdict"] == "usable, asked for m"


def test_long_names_keep_the_columns_in_line(upstream, tmp_path):
    name = "an-upstream-with-a-name-of-some-length"
    there = upstream(provider(models("m")))
    seen = probe(tmp_path, there.entry(name), there.entry("short"))
    assert seen[name]["dns"] == seen["short"]["dns"] == "ok"
    assert seen[name]["verdict"] == seen["short"]["verdict"] == "usable, asked for m"


def test_one_upstream_alone_that_fails_is_told_as_well(tmp_path):
    with closed_port() as port:
        seen = probe(tmp_path, {"name": "only", "base_url": f"http://127.0.0.1:{port}/v1"})
    assert seen.code == 1 and seen["only"]["tcp"] == "FAILED"


@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "self_signed"])
def test_a_certificate_that_is_not_trusted_is_no_wrong_scheme(upstream, tmp_path, certificates,
                                                           certificate):
    there = upstream(provider(models("m")), tls=certificates.context(certificate))
    row = probe(tmp_path, there.entry("there", tls={"ca": certificates.ca}))["there"]
    assert (row["tcp"], row["tls"], row["key"]) == ("ok", "FAILED", "-")
    assert "certificate" in row["verdict"] and "tls.ca" in row["verdict"]
    assert "scheme" not in row["verdict"] and not there.requests


def test_tls_that_is_well_is_said_to_be(upstream, tmp_path, certificates):
    there = upstream(provider(models("m")), tls=certificates.context("good"))
    seen = probe(tmp_path, there.entry("there", tls={"ca": certificates.ca}))
    assert seen.code == 0 and seen["there"]["tls"] == "ok"


# --- the wrong scheme

def bad_request_line(connection):
    """As most servers answer what is no HTTP."""
    connection.sock.recv(16)
    connection.send(head("400 Bad Request", "Connection: close", "Content-Length: 0"))
    connection.close()


def shy(first):
    """What a server does with bytes that are no HTTP; it speaks HTTP with those who do."""
    def accept(connection):
        start = connection.sock.recv(3)
        if start != b"GET":
            first(connection)
            return
        connection._buffer = bytearray(start)
        while (request := connection.read_request()) is not None:
            provider(models("m"))(connection, request)
    return accept


@pytest.mark.parametrize("behaviour", [bad_request_line, close, reset, silent],
                         ids=lambda f: f.__name__)
def test_https_to_a_plain_port_is_said_to_be_the_wrong_scheme(upstream, tmp_path, behaviour):
    there = upstream(on_accept=shy(behaviour))
    row = probe(tmp_path, {"name": "there", "base_url": there.url.replace("http://", "https://"),
                           "api_key": KEY, "headers": {"x-secret-token": KEY},
                           "timeouts": timeouts(connect=800)})["there"]
    assert (row["tcp"], row["tls"], row["key"]) == ("ok", "FAILED", "-")
    assert f"port {there.port} speaks plain HTTP, not TLS" in row["verdict"]
    assert f"base_url: {there.url}" in row["verdict"]
    # Tried without TLS, and so without anything secret.
    assert there.requests and KEY.encode() not in b"".join(c.received for c in there.connections)


NGINX = ("<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"
         "\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n")
GO = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


@pytest.mark.parametrize("said", [
    status(400, NGINX, content_type="text/html"), GO, ALERT, b""], ids=["nginx", "go", "alert", "closed"])
def test_plain_http_to_a_tls_port_is_said_to_be_the_wrong_scheme(upstream, tmp_path, certificates,
                                                             said):
    def accept(connection):
        if connection.sock.recv(1, 2)[:1] != b"\x16":  # MSG_PEEK: a handshake begins so
            connection.sock.recv(4096)
            connection.send(said)
            connection.close()
            return
        context = certificates.context("self_signed")
        connection.sock = context.wrap_socket(connection.sock, server_side=True)
        while connection.read_request() is not None:
            connection.send(models("m"))
    there = upstream(on_accept=accept)
    row = probe(tmp_path, there.entry("there", api_key=KEY))["there"]
    assert (row["tcp"], row["tls"], row["key"]) == ("ok", "-", "-")
    assert f"port {there.port} speaks TLS, not plain HTTP" in row["verdict"]
    assert f"base_url: https://127.0.0.1:{there.port}/v1" in row["verdict"]


def test_a_redirect_to_the_same_place_by_https_is_the_wrong_scheme(upstream, tmp_path, shim,
                                                                   certificates):
    """As most providers answer at port 80."""
    plain_one = upstream(status(301, b"", "Location: https://api.openai.com/v1/models"))
    tls_one = upstream(provider(models("m")), tls=certificates.context("providers"))
    env = playing(shim, certificates, openai=tls_one)
    shim.ports({"127.0.0.2:80": plain_one.port, "127.0.0.2:443": tls_one.port})
    row = probe(tmp_path, {"name": "there", "base_url": "http://api.openai.com/v1", "api_key": KEY},
                env=env)["there"]
    assert row["verdict"].endswith("write base_url: https://api.openai.com/v1")
    assert KEY.encode() not in b"".join(c.received for c in tls_one.connections)


@pytest.mark.parametrize("to", ["http://api.example.test/v1/models", "https://api.example.test/v1"])
def test_another_redirect_says_where_to(upstream, tmp_path, to):
    there = upstream(status(308, b"", f"Location: {to}"))
    row = probe(tmp_path, there.entry("there", model="m"))["there"]
    assert f'308 to "{to}"' in row["verdict"] and "scheme" not in row["verdict"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_tls_server_that_refuses_the_handshake_is_no_wrong_scheme(upstream, tmp_path, certificates):
    context = certificates.context("good")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    there = upstream(provider(models("m")), tls=context)
    row = probe(tmp_path, there.entry("there", tls={"ca": certificates.ca}))["there"]
    assert (row["tcp"], row["tls"]) == ("ok", "FAILED") and "refused the handshake" in row["verdict"]


def test_a_server_that_only_goes_away_is_not_taken_for_the_wrong_scheme(upstream, tmp_path):
    row = probe(tmp_path, upstream(close).entry("there", model="m"))["there"]
    assert "scheme" not in row["verdict"] and "base_url" in row["verdict"]


# --- no configuration, and the README's

def playing(shim, certificates, **servers):
    """An environment in which providers' own addresses are these servers."""
    hosts = {"openai": "api.openai.com", "groq": "api.groq.com", "openrouter": "openrouter.ai"}
    addresses = {name: f"127.0.0.{i}" for i, name in enumerate(servers, 2)}
    shim.names(**{hosts[name].replace(".", "_"): addresses[name] for name in servers})
    shim.ports({f"{addresses[name]}:443": server.port for name, server in servers.items()})
    return {**shim.env, "SSL_CERT_FILE": certificates.ca}


def test_the_start_without_configuration_is_probed_by_the_providers_lists(upstream, tmp_path, shim,
                                                                       certificates):
    tls = certificates.context("providers")
    openai = upstream(provider(models("gpt-4o", "gpt-4o-mini", "dall-e-3"), knows("gpt-4o-mini"),
                               key="sk-o"), tls=tls)
    groq = upstream(provider(models("whisper-large-v3", "llama-3.1-8b-instant"), key="gsk-other"),
                    tls=tls)
    openrouter = upstream(provider(models("a/free:free", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4.5"),
                                   key="sk-or"), tls=tls)
    env = {**playing(shim, certificates, openai=openai, groq=groq, openrouter=openrouter),
           "HOME": str(tmp_path), "OPENAI_API_KEY": "sk-o", "GROQ_API_KEY": "gsk-g",
           "OPENROUTER_API_KEY": "sk-or"}
    seen = Probe(run("check", "--probe", env=env, cwd=str(tmp_path)))
    assert seen.code == 1
    assert [asked(openai), asked(openrouter)] == [["gpt-4o-mini"], ["openai/gpt-4o-mini"]]
    assert seen["openai"]["tls"] == "ok" and seen["openai"]["verdict"].startswith("usable")
    assert seen["openrouter"]["verdict"].startswith("usable")
    assert seen["groq"]["key"] == "REFUSED" and "$GROQ_API_KEY" in seen["groq"]["verdict"]
    named = Probe(run("check", "--probe", "--model", "gpt-4o-mini", env=env, cwd=str(tmp_path)))
    assert asked(openrouter)[1:] == ["openai/gpt-4o-mini"], named.text
    env["GROQ_API_KEY"] = "gsk-other"
    assert Probe(run("check", "--probe", env=env, cwd=str(tmp_path))).code == 0


def documented(page, begins):
    """The first YAML of this page that begins so."""
    text = (pathlib.Path(__file__).parents[2] / page).read_text()
    return next(part.removeprefix("yaml\n") for part in text.split("```")[1::2]
                if part.startswith("yaml\n" + begins) and part.count("  - name:") > 1)


@pytest.mark.parametrize("page, begins, backup, models_there", [
    ("README.md", "listen:", "openrouter", {"openai": "gpt-4o-mini", "openrouter": "openai/gpt-4o-mini"}),
    ("docs/configuration.md", "upstreams:", "groq", {"openai": "gpt-4o", "groq": "openai/gpt-oss-120b"})])
def test_the_documented_files_of_two_providers_are_probed(upstream, tmp_path, shim, certificates, page,
                                                          begins, backup, models_there):
    (tmp_path / "understudy.yaml").write_text(documented(page, begins))
    tls = certificates.context("providers")
    servers = {name: upstream(provider(models("tts-1", models_there[name]), key=f"sk-{name}"), tls=tls)
               for name in ("openai", backup)}
    env = {**playing(shim, certificates, **servers), "HOME": str(tmp_path),
           "OPENAI_API_KEY": "sk-openai", f"{backup.upper()}_API_KEY": f"sk-{backup}"}
    seen = Probe(run("check", "--probe", env=env, cwd=str(tmp_path)))
    assert seen.code == 0, seen.text
    assert {name: asked(server) for name, server in servers.items()} == \
        {name: [model] for name, model in models_there.items()}


@pytest.mark.parametrize("base", ["https://api.provider.test/v1", "http://api.provider.test:443/v1"])
def test_a_proxy_that_is_not_there_is_blamed_and_nothing_else(tmp_path, base):
    with closed_port() as port:
        got = probe(tmp_path, {"name": "far", "base_url": base, "api_key": KEY, "model": "m",
                               "proxy": f"http://127.0.0.1:{port}"})
    row = got["far"]
    assert got.code == 1 and (row["dns"], row["tcp"], row["tls"], row["key"]) == ("-",) * 4
    assert f"proxy 127.0.0.1:{port}" in row["verdict"] and "HTTPS_PROXY" in row["verdict"]
    assert "scheme" not in got.text and "speaks" not in got.text
