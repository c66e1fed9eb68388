"""Section 4: what is served, with and without /v1, and that nothing else is ever forwarded."""

import json
import pathlib
import re

import pytest

from harness import (DONE, SSE_HEAD, LAST_CHUNK, Client, ask, chat, chat_body, chunk, completion,
                     config, event, expect_metrics, get, plain, status)
from tests.support.daemon import wait_until

LIST = {"object": "list"}
PASSED_ON = [
    # path, request, answer, tokens counted
    ("/chat/completions", chat_body(), completion(), (12, 5)),
    ("/completions", {"model": "m", "prompt": "x"},
     {"object": "text_completion", "choices": [{"text": "y", "index": 0, "finish_reason": "stop"}],
      "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}, (3, 4)),
    ("/embeddings", {"model": "m", "input": "x"},
     {**LIST, "data": [{"object": "embedding", "index": 0, "embedding": "AAAA"}], "model": "m",
      "usage": {"prompt_tokens": 8, "total_tokens": 8}}, (8, 0)),
    ("/responses", {"model": "m", "input": "x"},
     {"object": "response", "status": "completed", "error": None,
      "output": [{"type": "message", "content": [{"type": "output_text", "text": "y"}]}],
      "usage": {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}}, (6, 2)),
    ("/moderations", {"model": "m", "input": "x"},
     {"id": "modr-1", "model": "m", "results": [{"flagged": False}]}, (0, 0)),
    ("/images/generations", {"model": "m", "prompt": "x"},
     {"created": 1, "data": [{"url": "https://x.test/a.png"}]}, (0, 0)),
    ("/audio/speech", {"model": "m", "input": "x", "voice": "v"}, b"ID3\x04binary\x00\xff", (0, 0)),
]
IDS = [case[0] for case in PASSED_ON]


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("path,body,answer,tokens", PASSED_ON, ids=IDS)
def test_an_endpoint_is_passed_on_with_failover_and_accounting(start, upstream, path, body, answer,
                                                               tokens, prefix):
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    type_ = "audio/mpeg" if path == "/audio/speech" else "application/json"
    primary, backup = upstream(status(503)), upstream(plain(data, content_type=type_))
    daemon = start(config(primary, backup.entry("backup", model="m2")))
    got = ask(daemon, path=prefix + path, body=body)
    assert (got.status, got.body) == (200, data)
    assert [r.target for r in primary.requests + backup.requests] == ["/v1" + path] * 2
    assert backup.requests[0].json == {**body, "model": "m2"}
    expect_metrics(daemon,
                   (1, "understudy_requests_total", {"outcome": "fallback"}),
                   (tokens[0], "understudy_tokens_total", {"type": "input"}),
                   (tokens[1], "understudy_tokens_total", {"type": "output"}))


def test_a_query_string_is_passed_on(start, upstream):
    primary = upstream()
    ask(start(config(primary)), path="/v1/chat/completions?api-version=2024&x=%2F", body=chat_body())
    assert primary.requests[0].target == "/v1/chat/completions?api-version=2024&x=%2F"


def test_completions_and_responses_stream_too(start, upstream):
    completions = [event(choices=[{"text": "a", "index": 0, "finish_reason": None}]),
                   event(choices=[{"text": "", "index": 0, "finish_reason": "stop"}]), DONE]
    usage = {"input_tokens": 6, "output_tokens": 2, "total_tokens": 8}
    def typed(name, **fields):
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()
    responses = [typed("response.created", response={"status": "in_progress", "usage": None}),
                 typed("response.output_text.delta", delta="a"),
                 typed("response.completed", response={"status": "completed", "usage": usage})]
    for path, field, events in (("/v1/completions", "prompt", completions),
                                ("/v1/responses", "input", responses)):
        primary = upstream(SSE_HEAD + b"".join(map(chunk, events)) + LAST_CHUNK)
        got = ask(start(config(primary)), path=path,
                  body={"model": "m", field: "x", "stream": True})
        assert got.body == b"".join(events) and got.ended == "whole", path
    assert "stream_options" not in primary.requests[0].json  # /responses has no include_usage


def test_a_responses_stream_that_fails_before_it_speaks_falls_back(start, upstream):
    def typed(name, **fields):
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()
    failed = [typed("response.created", response={"status": "in_progress"}),
              typed("response.in_progress", response={"status": "in_progress"}),
              typed("error", error={"code": "insufficient_quota", "message": "no quota"}),
              typed("response.failed", response={"status": "failed", "usage": None,
                                                 "error": {"code": "insufficient_quota"}})]
    fine = [typed("response.output_text.delta", delta="a"),
            typed("response.completed", response={"status": "completed"})]
    primary, backup = (upstream(SSE_HEAD + b"".join(map(chunk, events)) + LAST_CHUNK)
                       for events in (failed, fine))
    got = ask(start(config(primary, backup)), path="/v1/responses",
              body={"model": "m", "input": "x", "stream": True})
    assert got.body == b"".join(fine)


# --- multipart

def form(boundary="X-BOUND", model=b"whisper-1"):
    """A form with a binary file first, then the model."""
    blob = bytes(range(256)) * 20 + b'\r\n--X-BOUN\r\nname="model"\r\n\r\nnot-me\r\n'
    body = (b"preamble\r\n--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\""
            b"\r\nContent-Type: audio/mpeg\r\n\r\n%s\r\n--%s\r\nContent-Disposition: form-data; "
            b"name=\"model\"\r\n\r\n%s\r\n--%s--\r\n" % (
                boundary.encode(), blob, boundary.encode(), model, boundary.encode()))
    return body, {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}


@pytest.mark.parametrize("path", ["/audio/transcriptions", "/audio/translations", "/images/edits"])
def test_in_a_form_only_the_model_field_changes(start, upstream, path):
    answer = {"data": [{"b64_json": "AA"}]} if "images" in path else {"text": "hello"}
    primary, backup = upstream(status(503)), upstream(plain(answer))
    daemon = start(config(primary, backup.entry("backup", model="a-much-longer-model-name")))
    body, headers = form()
    got = ask(daemon, path="/v1" + path, body=body, headers=headers)
    assert got.json == answer
    assert primary.requests[0].body == body
    assert backup.requests[0].body == form(model=b"a-much-longer-model-name")[0]
    assert backup.requests[0].header("content-type") == headers["Content-Type"]
    assert backup.requests[0].header("content-length") == str(len(backup.requests[0].body))


def test_a_form_is_routed_by_its_model_field(start, upstream):
    one, two = upstream(plain({"text": "one"})), upstream(plain({"text": "two"}))
    daemon = start(config(one.entry("one"), two.entry("two"), routes=[
        {"model": "whisper-*", "chain": ["one"]}, {"model": "*", "chain": ["two"]}]))
    for model, text in ((b"whisper-1", "one"), (b"other", "two")):
        body, headers = form(model=model)
        assert ask(daemon, path="/v1/audio/transcriptions", body=body,
                   headers=headers).json["text"] == text


def test_a_broken_form_is_refused(start, upstream):
    primary = upstream()
    daemon = start(config(primary))
    for type_, body in (("multipart/form-data", b"x"),
                        ("multipart/form-data; boundary=zzz", b"--other\r\n\r\nx"),
                        ("multipart/form-data; boundary=", b"x")):
        got = ask(daemon, path="/v1/audio/transcriptions", body=body,
                  headers={"Content-Type": type_})
        assert got.status == 400 and got.error["type"] == "understudy_error", (type_, got)
    assert not primary.requests


# --- models

@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_the_models_list_names_what_clients_may_ask_for(start, upstream, prefix):
    primary = upstream()
    daemon = start(config(primary.entry("one", model="served-by-one"), routes=[
        {"model": "gpt-4o", "chain": ["one"]}, {"model": "team/fast", "chain": ["one"]},
        {"model": "claude-*", "chain": ["one"]}]))
    got = get(daemon, prefix + "/models")
    assert got.status == 200 and got.json["object"] == "list"
    models = {model["id"]: model for model in got.json["data"]}
    assert {"gpt-4o", "team/fast"} <= set(models)
    for model in models.values():
        assert model["object"] == "model" and "created" in model and "owned_by" in model
    for name in ("gpt-4o", "team/fast"):
        one = get(daemon, f"{prefix}/models/{name}")
        assert one.status == 200 and one.json == models[name]
    missing = get(daemon, prefix + "/models/nobody")
    assert missing.status == 404 and missing.error["code"] == "model_not_found"
    assert not primary.connections


# --- everything else

@pytest.mark.row(50)
@pytest.mark.parametrize("path", [
    "/v1", "/v1/", "/v2/chat/completions", "/v1/files", "/v1/chat/completions/",
    "/v1/chat/completions/extra", "/v1//chat/completions", "//v1/chat/completions",
    "/v1/../v1/chat/completions", "/v1/chat/%63ompletions", "/v1/chat%2Fcompletions",
    "/V1/chat/completions", "/v1/chat/completions;x", "/.env", "/v1/engines/x/completions",
    "/v1/images", "/v1/images/../chat/completions", "/v1/audio/%2e%2e/files",
    "/control/log", "//evil.test/v1/chat/completions"])
def test_an_unknown_path_is_a_404_in_openais_shape_and_never_forwarded(start, upstream, path):
    primary = upstream()
    daemon = start(config(primary))
    for method in ("POST", "GET"):
        got = ask(daemon, method, path, body=chat_body() if method == "POST" else None)
        assert got.status in (404, 400), got
        assert got.error["type"] == "understudy_error"
    assert not primary.connections


@pytest.mark.parametrize("host", ["localhost", "probe.test"])
def test_the_root_says_who_is_there_and_takes_no_requests(start, upstream, host):
    primary = upstream()
    daemon = start(config(primary, keys=[{"name": "k", "key": "sk-inbound-0123456789"}]))
    got = ask(daemon, "GET", "/", headers={"Host": host})
    assert got.status == 200 and got.json["name"] == "understudy" and got.json["version"]
    head = ask(daemon, "HEAD", "/", headers={"Host": host})
    assert head.status == 200 and not head.body and head.header("content-length")
    assert ask(daemon, "POST", "/", body=chat_body()).status == 404
    assert not primary.connections


@pytest.mark.parametrize("path,right", [
    ("/v1/v1/chat/completions?key=hush", "/v1/chat/completions"),
    ("/v1/chat/completions/embeddings", "/v1/embeddings"),
    ("/openai/deployments/gpt/chat/completions?api-version=1", "Azure")])
def test_a_404_names_the_path_and_the_likely_mistake_to_client_and_log(start, upstream, path, right):
    daemon = start(config(upstream()))
    got = ask(daemon, path=path, body=chat_body())
    shown = path.split("?")[0]
    assert got.status == 404 and shown in got.error["message"] and right in got.error["message"]
    assert "hush" not in got.error["message"] and "api-version" not in got.error["message"]
    assert wait_until(lambda: shown in "\n".join(daemon.stderr_lines()),
                      "a log line that names the path")


def test_errors_for_paths_of_other_dialects_have_their_shape(start, upstream):
    daemon = start(config(upstream()))
    anthropic = ask(daemon, path="/v1/messages/batches", body=chat_body()).json
    assert anthropic["type"] == "error" and anthropic["error"]["type"] == "not_found_error"
    assert anthropic["request_id"]
    google = ask(daemon, path="/v1beta/models/g:embedContent", body=chat_body()).error
    assert (google["code"], google["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions", "/", "/nowhere"])
def test_a_websocket_upgrade_is_refused_with_426_wherever_it_is_asked_for(start, upstream, path):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask("GET", path, headers={"Connection": "Upgrade", "Upgrade": "websocket",
                                         "Sec-WebSocket-Version": "13",
                                         "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        got = client.response()
        assert got.status == 426 and got.header("upgrade") == "HTTP/1.1"
        assert "upgrade" in got.headers("connection") and "POST" in got.error["message"]
    assert not primary.connections


def test_a_body_without_a_model_is_a_400_where_no_route_takes_that(start, upstream):
    primary = upstream()
    daemon = start(config(primary, routes=[{"model": "gpt-*", "chain": ["primary"]}]))
    got = ask(daemon, body={"messages": []})
    assert got.status == 400 and got.error["code"] == "model_required"


@pytest.mark.parametrize("method,path,allowed", [
    ("GET", "/v1/chat/completions", "POST"), ("PUT", "/v1/chat/completions", "POST"),
    ("DELETE", "/v1/embeddings", "POST"), ("PATCH", "/v1/responses", "POST"),
    ("POST", "/v1/models", "GET"), ("DELETE", "/v1/models/m", "GET"),
    ("POST", "/healthz", "GET"), ("POST", "/metrics", "GET")])
def test_a_wrong_method_is_a_405_that_names_the_right_one(start, upstream, method, path, allowed):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask(method, path, b"{}" if method != "GET" else None)
        got = client.response()
        assert got.status == 405 and allowed in (got.header("allow") or "")
        assert got.error["type"] == "understudy_error" and path in got.error["message"]
        if got.header("connection") == "close":  # a body that was not read cannot be skipped
            assert client.at_end()
        else:
            client.ask(body=chat_body())
            assert client.response().status == 200 and len(primary.requests) == 1


def test_health_readiness_and_metrics_answer(start, upstream):
    daemon = start(config(upstream()))
    assert get(daemon, "/healthz").status == 200
    assert get(daemon, "/readyz").status == 200
    got = get(daemon, "/metrics")
    assert got.status == 200 and got.header("content-type").startswith("text/plain")
    assert b"understudy_build_info" in got.body
    openmetrics = get(daemon, "/metrics", {"Accept": "application/openmetrics-text"})
    assert openmetrics.header("content-type").startswith("application/openmetrics-text")
    assert openmetrics.body.rstrip().endswith(b"# EOF")


def test_with_an_admin_listener_the_metrics_move_there(start, upstream):
    daemon = start(config(upstream(), admin="127.0.0.1:0"))
    moved = get(daemon, "/metrics")
    assert moved.status == 404 and "`admin`" in moved.json["error"]["message"]
    port = int(daemon.admin_url.rpartition(":")[2])
    for path in ("/metrics", "/healthz", "/readyz"):
        with Client(daemon, port=port) as client:
            client.ask("GET", path)
            assert client.response().status == 200, path
    with Client(daemon, port=port) as client:
        client.ask(body=chat_body())
        refused = client.response()
        assert refused.status == 404 and "`listen`" in refused.json["error"]["message"]
    assert chat(daemon).status == 200


def documented_paths():
    """The paths of the table "Paths" in docs/operations.md, with their method."""
    text = (pathlib.Path(__file__).parents[2] / "docs/operations.md").read_text()
    table = text.partition("\n## Paths\n")[2].partition("\n## ")[0]
    for line in table.splitlines():
        cell = line.split("|")[1] if line.startswith("| `") else ""
        method = re.search(r"`(GET|POST) ", cell)
        for path in re.findall(r"(/[^`]+)`", cell):
            yield method[1], path


def test_every_documented_path_is_served(start, upstream):
    paths = list(documented_paths())
    assert len(paths) == 20 and ("POST", "/v1/responses/compact") in paths
    daemon = start(config(upstream()))
    for method, path in paths:
        path = path.replace("{id}", "gpt-4o").replace("*", "speech")
        for path in {path, path.removeprefix("/v1beta").removeprefix("/v1")}:
            with Client(daemon) as client:
                client.ask("PUT", path, body=b"{}")
                refused = client.response()
                assert refused.status == 405, (path, refused.status)
                assert method in refused.header("allow"), path


@pytest.mark.parametrize("said", [{"object": "response.compaction"}, {"output": None}, {"output": "text"}, {}])
def test_a_compaction_without_output_is_no_answer(start, upstream, said):
    compacted = {"object": "response.compaction", "output": [{"type": "compaction", "encrypted_content": "g"}]}
    primary, backup = upstream(plain(said)), upstream(plain(compacted))
    daemon = start(config(primary, backup))
    got = ask(daemon, path="/v1/responses/compact", body={"model": "m", "input": "Hi"})
    assert got.json == compacted and [item[1] for item in got.trace] == ["malformed", "ok"]


def test_head_answers_without_a_body(start, upstream):
    daemon = start(config(upstream()))
    with Client(daemon) as client:
        for path in ("/healthz", "/v1/models", "/metrics", "/nowhere"):
            client.ask("HEAD", path)
            got = client.response()
            assert got.status in (200, 404, 405) and client.quiet(0.02), path
        client.ask(body=chat_body())
        assert client.response().text == "It works."
