"""The other endpoints, the control log, connections, TLS, and how the program ends."""

import base64
import hashlib
import json
import signal
import ssl
import struct
import subprocess
import urllib.request

import pytest

from raw import WORDS, Connection, body_of, chat
from tests.support.daemon import Mock, fetch, run, wait_until


POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"  # the rest of the head follows


def post(mock, path, document, headers=None):
    status, fields, body = fetch(mock.url + path, method="POST", body=json.dumps(document),
                                 headers={"content-type": "application/json", **(headers or {})})
    return status, fields, body


def test_every_endpoint_answers_in_its_shape(mock):
    assert json.loads(post(mock, "/v1/completions", {"model": "ok", "prompt": "x"})[2]
                      )["choices"][0]["text"] == WORDS
    vectors = json.loads(post(mock, "/v1/embeddings", {"model": "ok", "input": ["a", "b"]})[2])
    assert [d["index"] for d in vectors["data"]] == [0, 1]
    assert len(vectors["data"][0]["embedding"]) == 8
    packed = json.loads(post(mock, "/embeddings", {"model": "ok", "input": "a", "dimensions": 4,
                                                   "encoding_format": "base64"})[2])
    numbers = struct.unpack("<4f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(numbers) == vectors["data"][0]["embedding"][:4]
    response = json.loads(post(mock, "/v1/responses", {"model": "ok", "input": "x"})[2])
    assert response["output"][0]["content"][0]["text"] == WORDS
    assert response["status"] == "completed"
    moderation = json.loads(post(mock, "/v1/moderations", {"input": "x"})[2])
    assert moderation["results"][0]["flagged"] is False
    image = json.loads(post(mock, "/v1/images/generations", {"prompt": "x"})[2])
    assert base64.b64decode(image["data"][0]["b64_json"]).startswith(b"\x89PNG")
    status, fields, sound = post(mock, "/v1/audio/speech", {"input": "x"})
    assert status == 200 and fields["content-type"] == "audio/mpeg" and len(sound) > 4000


def test_forms_are_read_for_their_model(mock):
    form = (b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            b'RIFF\x00\xff\r\n--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s'
            b'\r\n--XX--\r\n')
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    path = mock.url + "/v1/audio/transcriptions"
    status, _, body = fetch(path, "POST", form % b"ok", headers)
    assert status == 200 and json.loads(body)["text"] == WORDS
    assert fetch(path, "POST", form % b"503", headers)[0] == 503


def test_models_and_what_is_refused(mock):
    ids = [m["id"] for m in json.loads(fetch(mock.url + "/v1/models")[2])["data"]]
    assert "ok" in ids and "silent" in ids
    assert json.loads(fetch(mock.url + "/v1/models/gpt-4o")[2])["id"] == "gpt-4o"
    assert fetch(mock.url + "/v1/nothing")[0] == 404
    assert fetch(mock.url + "/v1/chat/completions")[0] == 405
    status, _, body = fetch(mock.url + "/v1/chat/completions", "POST", b'{"model":')
    assert status == 400 and "JSON" in json.loads(body)["error"]["message"]


def test_the_log_shows_what_came_and_hides_credentials(mock):
    body = body_of("ok")
    secret = "sk-very-secret"
    post_headers = [("Authorization", f"Bearer {secret}"), ("x-api-key", secret), ("X-Thing", "a"),
                    ("X-Thing", "b")]
    with Connection(mock.url) as connection:
        for _ in range(2):
            connection.send("/v1/chat/completions?key=" + secret, body, headers=post_headers)
            assert connection.receive().text == WORDS
    text = fetch(mock.url + "/control/log")[2].decode()
    assert secret not in text
    first, second = json.loads(text)["requests"]
    short = "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:12]
    assert first["headers"]["authorization"] == "Bearer " + short
    assert first["headers"]["x-api-key"] == short and first["query"] == "key=" + short
    assert first["headers"]["x-thing"] == "a, b" and ["X-Thing", "b"] in first["header_list"]
    assert first["body"].encode() == body and not first["body_truncated"]
    assert first["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert first["method"] == "POST" and first["path"] == "/v1/chat/completions"
    assert (first["model"], first["status"], first["complete"]) == ("ok", 200, True)
    assert second["connection"] == first["connection"]
    assert (first["request"], second["request"]) == (1, 2) and second["id"] == first["id"] + 1
    later = json.loads(fetch(f"{mock.url}/control/log?since={first['id']}")[2])
    assert later["requests"] == [second]
    assert json.loads(fetch(f"{mock.url}/control/log?model=other")[2])["requests"] == []


def test_large_bodies_are_logged_in_part_and_hashed_whole(mock):
    body = body_of("ok", pad="x" * 200_000)
    with Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body)
        assert connection.receive().text == WORDS
    entry = mock.log()[0]
    assert entry["body_bytes"] == len(body) and entry["body_truncated"]
    assert len(entry["body"]) == 65536 and entry["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_a_client_that_leaves_in_the_middle_is_logged_as_such(mock):
    with Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body_of("rate-100+long-1000", True))
        connection.socket.recv(1000)
    entry = wait_until(lambda: [e for e in mock.log() if e["aborted"]], "the abort")[0]
    assert 0 <= entry["words"] < 1000 and entry["finished"]
    with Connection(mock.url) as connection:
        connection.socket.sendall(POST + b"content-length: 100\r\n\r\n{\"model\"")
    entry = wait_until(lambda: [e for e in mock.log() if e["behaviour"] == "unfinished request"],
                       "the unfinished request")[0]
    assert entry["aborted"] and entry["body_bytes"] == 8


def test_chunked_requests_expect_and_pipelining(mock):
    body = body_of("echo")
    with Connection(mock.url) as connection:
        connection.socket.sendall(POST + b"expect: 100-continue\r\n"
                                  b"transfer-encoding: chunked\r\n\r\n")
        assert connection.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        pieces = b"".join(b"%x;ext=1\r\n%s\r\n" % (1, body[i:i + 1]) for i in range(len(body)))
        connection.socket.sendall(pieces + b"0\r\ntrailer: x\r\n\r\n")
        assert connection.receive().text.encode() == body
        connection.send("/v1/chat/completions", body_of("503"))
        connection.send("/control/stats", b"", method="GET")
        first = connection.receive()
        assert first.status == 503  # both answers may have come in one piece


def test_bad_framing_is_refused(mock):
    for head in (b"content-length: 1\r\ntransfer-encoding: chunked", b"content-length: x",
                 b"content-length: 1\r\ncontent-length: 1", b"transfer-encoding: gzip",
                 b"nonsense"):
        with Connection(mock.url) as connection:
            connection.socket.sendall(POST + head + b"\r\n\r\n")
            answer = connection.receive()
            assert answer.status == 400 and answer.headers["connection"] == "close"


def test_stats_and_unknown_controls(mock):
    chat(mock, "ok"), chat(mock, "cut-3")
    stats = json.loads(fetch(mock.url + "/control/stats")[2])
    assert (stats["requests"], stats["complete"], stats["broken"]) == (2, 1, 1)
    assert fetch(mock.url + "/control/nothing")[0] == 404


def test_no_log_answers_the_same_and_keeps_nothing():
    with Mock("--no-log", "--threads", "2", "--name", "fp_other") as mock:
        with Connection(mock.url) as connection:
            for number in (1, 2):
                connection.send("/v1/chat/completions", body_of("ok"))
                answer = connection.receive()
                assert answer.text == WORDS
                assert answer.json["id"] == f"chatcmpl-mock-{number:08}"
                assert answer.json["system_fingerprint"] == "fp_other"
        assert chat(mock, "cut-40").ended == "closed"
        assert fetch(mock.url + "/control/log")[0] == 409


def test_https(tmp_path):
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    context = ssl.create_default_context(cafile=cert)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    with Mock("--tls-cert", cert, "--tls-key", key) as mock:
        assert mock.url.startswith("https://")
        for stream in (False, True):
            request = urllib.request.Request(mock.url + "/v1/chat/completions",
                                             body_of("ok", stream, pad="x" * 100_000))
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                assert b"slowly." in answer.read()
        with Connection(mock.url) as plain:
            tls = context.wrap_socket(plain.socket, server_hostname="127.0.0.1",
                                      suppress_ragged_eofs=False)
            body = body_of("cut-5", True)
            tls.sendall(POST + b"content-length: %d\r\n\r\n" % len(body) + body)
            with pytest.raises(ssl.SSLError):  # no close_notify: a truncation
                while tls.recv(65536):
                    pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_exit_0_also_amid_streams(number):
    with Mock() as mock, Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body_of("rate-10", True))
        connection.socket.recv(100)
        mock.signal(number)
        assert mock.wait() == 0


def test_it_explains_what_it_cannot_do(tmp_path):
    with Mock() as mock:
        taken = mock.url.partition("://")[2]
        process = run("mock", "--listen", taken)
        assert process.returncode == 3 and taken in process.stderr_lines()[0]
        assert run("mock", "--listen", taken.rpartition(":")[0]).returncode == 2
    bad = tmp_path / "script.yaml"
    bad.write_text("rules:\n  - wrong: 1\n")
    process = run("mock", "--script", str(bad))
    assert process.returncode == 2 and "line 2" in process.stderr_lines()[0]
    assert run("mock", "--threads", "0").returncode == 2
