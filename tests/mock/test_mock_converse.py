"""The simulated upstream in Bedrock's API: healthy answers, every fault in its words, and the framing of its streams,
which is read here by AWS's page of it and by nothing of the server's."""

import json
import struct
import zlib

import pytest

from raw import WORDS, Connection
from tests.support.daemon import Daemon, Mock, fetch, run

CALL = {"city": "Lisbon", "unit": "celsius"}
plain_or_not = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


def converse(mock, model="ok", stream=False, headers=(), patience=10.0, messages=None):
    body = {"messages": messages or [{"role": "user", "content": [{"text": "Hello"}]}]}
    with Connection(mock.url) as connection:
        connection.send(f"/model/{model}/converse{'-stream' if stream else ''}", json.dumps(body).encode(),
                        headers=headers)
        return connection.receive(patience)


class Corrupt(ValueError):
    """A message that does not match a checksum of its own."""


def messages_of(data: bytes) -> list[tuple[dict, bytes]]:
    """Headers and payload of each whole message; what is left of a torn one is skipped."""
    found = []
    while len(data) >= 12:
        total, size, checksum = struct.unpack(">III", data[:12])
        if zlib.crc32(data[:8]) != checksum:
            raise Corrupt("prelude")
        if len(data) < total:
            break
        if zlib.crc32(data[:total - 4]) != struct.unpack(">I", data[total - 4:total])[0]:
            raise Corrupt("message")
        headers, packed = {}, data[12:12 + size]
        while packed:
            name = packed[1:1 + packed[0]].decode()
            kind, length = struct.unpack(">BH", packed[1 + packed[0]:4 + packed[0]])
            assert kind == 7
            headers[name] = packed[4 + packed[0]:4 + packed[0] + length].decode()
            packed = packed[4 + packed[0] + length:]
        found.append((headers, data[12 + size:total - 4]))
        data = data[total:]
    return found


def events_of(answer) -> list[tuple[str, dict]]:
    """Type and payload of each event; of an exception, too."""
    assert answer.headers["content-type"] == "application/vnd.amazon.eventstream"
    told = []
    for headers, payload in messages_of(answer.body):
        assert headers[":content-type"] == "application/json"
        kind = headers[":message-type"]
        told.append((headers[f":{kind}-type"], json.loads(payload)))
    return told


def text_of(answer, stream) -> str:
    if not stream:
        return "".join(block.get("text", "") for block in answer.json["output"]["message"]["content"])
    return "".join(one["delta"].get("text", "") for kind, one in events_of(answer) if kind == "contentBlockDelta")


# --- healthy

def test_a_whole_answer_counts_as_bedrock_does(mock):
    answer = converse(mock)
    body = answer.json
    assert text_of(answer, False) == WORDS and body["output"]["message"]["role"] == "assistant"
    assert body["stopReason"] == "end_turn" and body["metrics"]["latencyMs"]
    assert body["usage"] == {"inputTokens": 600, "outputTokens": 80, "totalTokens": 1080,
                             "cacheReadInputTokens": 400, "cacheWriteInputTokens": 0}
    assert answer.headers["x-amzn-requestid"] and "x-amzn-errortype" not in answer.headers


def test_a_stream_has_bedrocks_events_in_their_order_one_in_each_write(mock):
    answer = converse(mock, stream=True)
    told = events_of(answer)
    assert [kind for kind, _ in told] == ["messageStart", *["contentBlockDelta"] * 60, "contentBlockStop",
                                          "messageStop", "metadata"]
    assert told[0][1] == {"role": "assistant"} and told[-2][1] == {"stopReason": "end_turn"}
    assert told[-1][1]["usage"]["outputTokens"] == 80 and text_of(answer, True) == WORDS
    assert [len(messages_of(chunk)) for chunk in answer.chunks] == [1] * 64


@plain_or_not
def test_a_tool_is_called(mock, stream):
    answer = converse(mock, "tools", stream)
    if stream:
        told = events_of(answer)
        [begun] = [one["start"]["toolUse"] for kind, one in told if kind == "contentBlockStart"]
        pieces = [one["delta"]["toolUse"]["input"] for kind, one in told if kind == "contentBlockDelta"]
        call, reason = {**begun, "input": json.loads("".join(pieces))}, told[-2][1]["stopReason"]
        assert len(pieces) == 8
    else:
        [block] = answer.json["output"]["message"]["content"]
        call, reason = block["toolUse"], answer.json["stopReason"]
    assert call == {"toolUseId": "tooluse_mock", "name": "get_weather", "input": CALL}
    assert reason == "tool_use"


@plain_or_not
def test_thoughts_come_first_with_their_signature(mock, stream):
    answer = converse(mock, "reasoning", stream)
    if stream:
        told = events_of(answer)
        thoughts = [one["delta"]["reasoningContent"] for kind, one in told
                    if "reasoningContent" in one.get("delta", {})]
        assert [*thoughts[-1]] == ["signature"] and all([*one] == ["text"] for one in thoughts[:-1])
        assert len("".join(one["text"] for one in thoughts[:-1]).split()) == 20
        assert [one["contentBlockIndex"] for _, one in told if "contentBlockIndex" in one] == \
            [0] * 22 + [1] * 61
    else:
        thought, said = answer.json["output"]["message"]["content"]
        assert thought["reasoningContent"]["reasoningText"]["signature"] and said == {"text": WORDS}
    assert text_of(answer, stream) == WORDS


@plain_or_not
def test_what_is_begun_is_gone_on_with(mock, stream):
    begun = [{"role": "user", "content": [{"text": "Go."}]},
             {"role": "assistant", "content": [{"text": WORDS[:100]}]}]
    assert text_of(converse(mock, stream=stream, messages=begun), stream) == WORDS[100:]
    refused = converse(mock, "no-prefill", stream, messages=begun)
    assert refused.status == 400 and "prefill" in refused.json["message"]


def test_the_model_stands_in_the_path_and_may_be_encoded(mock):
    assert converse(mock, "503-once").status == 503 and converse(mock, "503-once").status == 200
    arn = "arn%3Aaws%3Abedrock%3Aeu-north-1%3A1%3Ainference-profile%2Feu.anthropic.claude"
    assert converse(mock, arn).status == 200
    assert converse(mock, "slow-1ms%2Bcut-2", stream=True).ended == "closed"
    log = json.loads(fetch(mock.url + "/control/log")[2])["requests"]
    assert [(one["model"], one["behaviour"], one["stream"]) for one in log[1:]] == [
        ("503-once", "503-once (well)", False),
        ("arn:aws:bedrock:eu-north-1:1:inference-profile/eu.anthropic.claude", "ok", False),
        ("slow-1ms+cut-2", "slow-1ms+cut-2", True)]
    assert fetch(mock.url + "/model/ok/converse")[0] == 405
    assert fetch(mock.url + "/model/ok/invoke", method="POST", body=b"{}")[0] == 404
    with Connection(mock.url) as connection:
        connection.send("/model/ok/converse", b"[1")
        broken = connection.receive()
    assert broken.status == 400 and broken.headers["x-amzn-errortype"] == "ValidationException"


def test_the_log_tells_whose_key_signed_and_shows_neither_key_nor_signature(mock):
    signed = ("AWS4-HMAC-SHA256 Credential=AKIDMOCKMOCK/20260102/us-east-1/bedrock/aws4_request, "
              "SignedHeaders=host;x-amz-date, Signature=5e11ab5e11ab")
    converse(mock, headers=[("authorization", signed), ("x-amz-security-token", "token-of-the-session")])
    text = fetch(mock.url + "/control/log")[2].decode()
    assert not any(secret in text for secret in ("AKIDMOCKMOCK", "5e11ab5e11ab", "token-of-the-session"))
    shown = json.loads(text)["requests"][0]["headers"]["authorization"]
    assert shown.startswith("AWS4-HMAC-SHA256 Credential=sha256:") and "/20260102/us-east-1/bedrock/" in shown


# --- sick

@pytest.mark.parametrize("status, name", [
    (400, "ValidationException"), (403, "AccessDeniedException"), (404, "ResourceNotFoundException"),
    (408, "ModelTimeoutException"), (424, "ModelErrorException"), (429, "ThrottlingException"),
    (500, "InternalServerException"), (503, "ServiceUnavailableException"), (529, "InternalServerException")])
@plain_or_not
def test_a_status_names_itself_in_a_header(mock, status, name, stream):
    answer = converse(mock, f"{status}-retry-3s", stream)
    assert answer.status == status and answer.headers["retry-after"] == "3"
    assert answer.headers["x-amzn-errortype"] == name and [*answer.json] == ["message"]


@pytest.mark.parametrize("model, name, says", [
    ("quota", "ServiceQuotaExceededException", "quota"), ("context-length", "ValidationException", "too long"),
    ("content-filter", "ValidationException", "content filtering policy")])
@plain_or_not
def test_refusals_are_bedrocks(mock, model, name, says, stream):
    answer = converse(mock, model, stream)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, name) and says in answer.json["message"]


@pytest.mark.parametrize("model, words, ended, torn", [
    ("cut-40", 40, "closed", False), ("reset-7", None, "reset", False), ("cut-60", 60, "closed", False),
    ("torn-40", 40, "closed", True), ("torn-0", 0, "closed", True)])
def test_streams_break_where_they_are_told_to(mock, model, words, ended, torn):
    answer = converse(mock, model, stream=True)
    assert answer.ended == ended and not answer.whole
    if words is not None:
        assert len(text_of(answer, True).split()) == words
        whole = sum(struct.unpack(">I", chunk[:4])[0] == len(chunk) for chunk in answer.chunks)
        assert len(answer.chunks) - whole == torn
    assert b"messageStop" not in answer.body


@pytest.mark.parametrize("api", ["/v1/chat/completions", "/v1/messages"])
def test_other_streams_are_torn_as_well(mock, api):
    with Connection(mock.url) as connection:
        connection.send(api, b'{"model":"torn-3","stream":true,"messages":[]}')
        answer = connection.receive()
    assert answer.ended == "closed" and not answer.body.endswith(b"\n\n")
    assert answer.body.count(b"knows") == 0 and b"waits" not in answer.body.split(b"\n\n")[-1]


def test_a_payload_that_is_not_json_stands_among_good_ones(mock):
    answer = converse(mock, "malformed-10", stream=True)
    broken = []
    for at, (_, payload) in enumerate(messages_of(answer.body)):
        try:
            json.loads(payload)
        except ValueError:
            broken.append(at)
    assert broken == [10] and answer.whole
    for model in ("malformed-1", "checksum-1", "prelude-1"):
        with pytest.raises(ValueError):
            json.loads(converse(mock, model).body)


@pytest.mark.parametrize("model, what", [("checksum-10", "message"), ("prelude-10", "prelude")])
def test_a_checksum_is_wrong(mock, model, what):
    answer = converse(mock, model, stream=True)
    with pytest.raises(Corrupt, match=what):
        messages_of(answer.body)
    good = [chunk for chunk in answer.chunks if b" corrupt" not in chunk]
    assert len(messages_of(b"".join(good[:10]))) == 10 and len(good) == len(answer.chunks) - 1


def test_an_exception_ends_a_stream(mock):
    for model, words in (("error-event-first", 0), ("error-event-5", 5)):
        answer = converse(mock, model, stream=True)
        told = events_of(answer)
        assert told[-1][0] == "internalServerException" and told[-1][1]["message"]
        assert len(text_of(answer, True).split()) == words and answer.whole
        assert messages_of(answer.body)[-1][0][":message-type"] == "exception"


@plain_or_not
def test_bodies_that_are_no_answer(mock, stream):
    assert converse(mock, "empty", stream).body == b""
    assert converse(mock, "html", stream).body.startswith(b"<!DOCTYPE")
    inside = converse(mock, "error-in-200", stream)
    assert inside.status == 200 and [*inside.json] == ["message"]
    hollow = converse(mock, "no-choices", stream)
    assert hollow.whole and b'"output"' not in hollow.body and b'"delta"' not in hollow.body
    assert not stream or len(messages_of(hollow.body)) == 3
    half = converse(mock, "truncated-json", stream)
    assert half.whole
    with pytest.raises(ValueError):
        json.loads(messages_of(half.body)[0][1] if stream else half.body)


def test_no_done_and_no_usage(mock):
    assert events_of(converse(mock, "no-done", stream=True))[-1][0] == "messageStop"
    assert events_of(converse(mock, "no-usage", stream=True))[-1] == ("metadata", {"metrics": {"latencyMs": 7}})
    assert "usage" not in converse(mock, "no-usage").json


def test_a_script_says_events_with_their_type(mock):
    script = {"rules": [{"match": {"path": "/model/*"}, "events": [
        '{"messageStart":{"role":"assistant"}}',
        '{"contentBlockDelta":{"delta":{"text":"Hm."},"contentBlockIndex":0}}',
        '{"throttlingException":{"message":"Slow down"}}'], "headers": {"x-more": "y"}}]}
    fetch(mock.url + "/control/script", method="POST", body=json.dumps(script).encode())
    answer = converse(mock, stream=True)
    assert events_of(answer) == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"delta": {"text": "Hm."}, "contentBlockIndex": 0}),
        ("throttlingException", {"message": "Slow down"})]
    assert messages_of(answer.body)[-1][0][":message-type"] == "exception"


# --- signatures

KEY = {"AWS_ACCESS_KEY_ID": "AKIDMOCKMOCK", "AWS_SECRET_ACCESS_KEY": "mock/secret+0", "AWS_SESSION_TOKEN": "mock-token"}


@pytest.fixture(scope="module")
def keyed():
    with Mock("--aws-key", ":".join(KEY.values())) as running:
        yield running


def through_the_daemon(keyed, stream, **key):
    text = "upstreams: " + json.dumps([{"name": "aws", "provider": "bedrock", "base_url": keyed.url,
                                        "region": "eu-north-1", "model": "eu.amazon.nova-lite-v1:0"}])
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}).encode()
    with Daemon(text, env={**KEY, **key}) as daemon:
        return fetch(daemon.url + "/v1/chat/completions", method="POST", body=body)


@plain_or_not
def test_who_signs_with_the_key_is_answered(keyed, stream):
    status, _, body = through_the_daemon(keyed, stream)
    assert status == 200 and b"understudy" in body
    assert through_the_daemon(keyed, stream, AWS_SECRET_ACCESS_KEY="another")[0] == 403
    assert through_the_daemon(keyed, stream, AWS_SESSION_TOKEN="another")[0] == 403
    assert [one["behaviour"] for one in keyed.log()[-3:]] == ["ok", "signature refused", "signature refused"]


SCOPE = "/20260102/us-east-1/bedrock/aws4_request"


@pytest.mark.parametrize("authorization, name", [
    (None, "MissingAuthenticationTokenException"), ("Bearer x", "IncompleteSignatureException"),
    ("AWS4-HMAC-SHA256 Credential=AKIDMOCKMOCK, Signature=0", "IncompleteSignatureException"),
    (f"AWS4-HMAC-SHA256 Credential=AKIDOTHER{SCOPE}, SignedHeaders=host, Signature=0", "UnrecognizedClientException"),
    (f"AWS4-HMAC-SHA256 Credential=AKIDMOCKMOCK{SCOPE}, SignedHeaders=host, Signature=0",
     "InvalidSignatureException")])
def test_who_does_not_is_refused_in_awss_words(keyed, authorization, name):
    headers = [("authorization", authorization)] if authorization else []
    answer = converse(keyed, "reset", headers=[*headers, ("x-amz-security-token", "mock-token"),
                                               ("x-amz-date", "20260102T030405Z")])
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, name) and answer.json["message"]


def test_a_key_of_another_form_is_a_bad_option():
    refused = run("mock", "--aws-key", "only-an-id")
    assert refused.returncode == 2 and "--aws-key: expected ID:SECRET" in "\n".join(refused.stderr_lines())
