"""An upstream that is Bedrock's runtime: it checks signatures, and frames its streams as AWS does. Written from
AWS's pages (Signature 4, the event stream's encoding), apart from what the daemon is made of."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import struct
import urllib.parse
import zlib

from answers import LAST_CHUNK, as_bytes, chunk, plain

KEY_ID, SECRET, TOKEN = "AKIDBEDROCKTEST", "wJalr/secret+of/Bedrock0Test", "session/token+of0Bedrock=="
REGION = "eu-north-1"
AWS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
WITH_TOKEN = {**AWS, "AWS_SESSION_TOKEN": TOKEN}
USAGE = {"inputTokens": 11, "outputTokens": 5, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2,
         "totalTokens": 21}
STREAM_HEAD = (b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
               b"x-amzn-requestid: aws-1\r\ntransfer-encoding: chunked\r\n\r\n")


# ---------------------------------------------------------------- Signature 4

def canonical_path(path: str) -> str:
    """What is encoded already is encoded again."""
    return urllib.parse.quote(path, safe="/-_.~")


def signature_of(request, secret: str, region: str, names: list[str], date: str) -> str:
    path, _, query = request.target.partition("?")
    assert query == ""
    lines = [request.method, canonical_path(path), ""]
    lines += [f"{name}:{' '.join(request.header(name).split())}" for name in names]
    lines += ["", ";".join(names), hashlib.sha256(request.body).hexdigest()]
    scope = f"{date[:8]}/{region}/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def assert_signed(request, *, key_id=KEY_ID, secret=SECRET, token=None, region=REGION):
    """The request is what its signature says, all of it is signed that has to be, and it is of now."""
    authorization, = request.headers("authorization")
    algorithm, _, rest = authorization.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert algorithm == "AWS4-HMAC-SHA256"
    date, = request.headers("x-amz-date")
    told = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - told).total_seconds()) < 120
    assert parts["Credential"] == f"{key_id}/{date[:8]}/{region}/bedrock/aws4_request"
    names = parts["SignedHeaders"].split(";")
    needed = {name.lower() for name, _ in request.fields
              if name.lower() in ("host", "content-type") or name.lower().startswith("x-amz-")}
    assert names == sorted(names) and needed <= set(names)
    assert request.headers("x-amz-security-token") == ([token] if token else [])
    assert parts["Signature"] == signature_of(request, secret, region, names, date)


# ---------------------------------------------------------------- the event stream

def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def message(headers: dict[str, str], payload: bytes) -> bytes:
    packed = b"".join(header(name, value) for name, value in headers.items())
    front = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    front += struct.pack(">I", zlib.crc32(front))
    return front + packed + payload + struct.pack(">I", zlib.crc32(front + packed + payload))


def event(kind: str, **members) -> bytes:
    """As the service sends them, with padding that hides how long they are."""
    return message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
                   json.dumps({**members, "p": "abcdefghijklmnop"[:len(members) * 3]}).encode())


def exception(kind: str, text: str) -> bytes:
    return message({":exception-type": kind, ":content-type": "application/json",
                    ":message-type": "exception"}, json.dumps({"message": text}).encode())


def text_delta(text: str, index=0) -> bytes:
    return event("contentBlockDelta", delta={"text": text}, contentBlockIndex=index)


def stop(reason="end_turn") -> bytes:
    return event("messageStop", stopReason=reason)


def metadata(usage=None) -> bytes:
    return event("metadata", usage=usage or USAGE, metrics={"latencyMs": 7})


START = event("messageStart", role="assistant")


def text_events(text="It works.") -> list[bytes]:
    words = text.split(" ")
    return [START, *(text_delta(word if i == 0 else " " + word) for i, word in enumerate(words)),
            event("contentBlockStop", contentBlockIndex=0), stop(), metadata()]


def tool_events() -> list[bytes]:
    """Thinks, says something and calls two tools, the second one without arguments."""
    return [START,
            event("contentBlockDelta", delta={"reasoningContent": {"text": "Where is it?"}}, contentBlockIndex=0),
            event("contentBlockDelta", delta={"reasoningContent": {"signature": "c2VhbA=="}}, contentBlockIndex=0),
            event("contentBlockStop", contentBlockIndex=0),
            text_delta("Checking.", 1), event("contentBlockStop", contentBlockIndex=1),
            event("contentBlockStart", start={"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather"}},
                  contentBlockIndex=2),
            event("contentBlockDelta", delta={"toolUse": {"input": "{\"city\":"}}, contentBlockIndex=2),
            event("contentBlockDelta", delta={"toolUse": {"input": "\"Oslo\"}"}}, contentBlockIndex=2),
            event("contentBlockStop", contentBlockIndex=2),
            event("contentBlockStart", start={"toolUse": {"toolUseId": "tooluse_2", "name": "get_time"}},
                  contentBlockIndex=3),
            event("contentBlockStop", contentBlockIndex=3),
            stop("tool_use"), metadata()]


def stream(events: list[bytes]) -> bytes:
    return STREAM_HEAD + b"".join(chunk(one) for one in events) + LAST_CHUNK


def answer(text="It works.", content=None, reason="end_turn") -> bytes:
    """A whole answer of Converse."""
    return json.dumps({
        "output": {"message": {"role": "assistant", "content": content or [{"text": text}]}},
        "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 7}}).encode()


def refusal(code: int, kind: str, text: str) -> bytes:
    """As it refuses a request; the kind stands in a header."""
    body = json.dumps({"message": text}).encode()
    return (b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\nx-amzn-errortype: %s:http://internal/\r\n"
            b"content-length: %d\r\n\r\n" % (code, kind.encode(), len(body))) + body


def runtime(text="It works.", events=None, whole=None, **signed):
    """A healthy one: it checks the signature, and answers plainly or as a stream as the path says."""
    def run(connection, request):
        assert_signed(request, **signed)
        if request.target.endswith("/converse-stream"):
            connection.send(stream(events or text_events(text)))
        else:
            assert request.target.endswith("/converse")
            connection.send(as_bytes(plain(whole or answer(text))))
    return run


def entry(there, name="primary", model="eu.amazon.nova-lite-v1:0", **more) -> dict:
    """An upstream of `provider: bedrock` at this address, with AWS's keys of the environment."""
    return {"name": name, "provider": "bedrock", "base_url": f"http://127.0.0.1:{there.port}",
            "region": REGION, "model": model, "api_key": None, **more}
