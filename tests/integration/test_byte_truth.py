"""Promise 6: what the upstream gets differs from what the client sent only in the spliced ranges."""

import json
import random

import pytest

from harness import Client, ask, chat, config, plain, request_bytes

SEED = 20260912
SPACE = ["", "", "", " ", "\n", "\t", "\r\n", "  \n\t "]
STRINGS = ['""', '"model"', '"\\u006dodel"', '"a\\"model\\":\\"x\\""', '"\\\\"', '"\\\\\\""',
           '"\\ud83e\\udd4a"', '"🥊 zwölf"', '"\\ud800"', '"\\u0000"', '"{\\"model\\": 1}"',
           '"]}"', '"/\\/\\b\\f\\n\\r\\t"', '"stream\\": true, \\""']
NUMBERS = ["0", "-0", "1.50", "1e5", "1E+05", "-1.0e-10", "123456789012345678901234567890",
           "0.1000000000000000055511151231257827", "1e400"]
NAMES = ['"a"', '"Models"', '"MODELS"', '"modelx"', '"mode"', '" model"', '"x-model"', '"messages"',
         '"temperature"', '"\\u0061"', '"unknown_field"']


class Body:
    """A hostile JSON object, written piece by piece, that remembers where its model values are."""

    def __init__(self, seed: int, stream: bool = False):
        self.random = random.Random(seed)
        self.parts: list[str] = []
        self.models: list[int] = []  # indices into parts
        members = [self._member for _ in range(self.random.randint(0, 6))]
        members.append(self._model)  # one: a body that names it twice is refused
        if stream:
            members.append(self._stream)
        self.random.shuffle(members)
        self._space()
        self._put("{")
        for index, write in enumerate(members):
            if index:
                self._put(",")
            self._space()
            write()
            self._space()
        self._put("}")
        self._space()

    @property
    def bytes(self) -> bytes:
        return "".join(self.parts).encode("utf-8")

    def with_model(self, model: str) -> bytes:
        parts = list(self.parts)
        for index in self.models:
            parts[index] = json.dumps(model)
        return "".join(parts).encode("utf-8")

    def _put(self, text: str):
        self.parts.append(text)

    def _space(self):
        self._put(self.random.choice(SPACE))

    def _member(self):
        self._name(self.random.choice(NAMES))
        self._value(0)

    def _model(self):
        self._name(self.random.choice(['"model"', '"model"', '"mod\\u0065l"']))
        self.models.append(len(self.parts))
        self._put('"asked-' + self.random.choice(["", "\\u0061", "/b", "\\\\"]) + '"')

    def _stream(self):
        self._name('"stream"')
        self._put("true")

    def _name(self, name: str):
        self._put(name)
        self._space()
        self._put(":")
        self._space()

    def _value(self, depth: int):
        kind = self.random.randint(0, 5 if depth < 6 else 2)
        if kind == 0:
            self._put(self.random.choice(STRINGS))
        elif kind == 1:
            self._put(self.random.choice(NUMBERS))
        elif kind == 2:
            self._put(self.random.choice(["true", "false", "null"]))
        elif kind == 3:
            self._sequence("[", "]", lambda: self._value(depth + 1))
        else:
            def member():
                self._name(self.random.choice(NAMES + ['"model"', '"stream"']))
                self._value(depth + 1)
            self._sequence("{", "}", member)

    def _sequence(self, opening: str, closing: str, item):
        self._put(opening)
        for index in range(self.random.randint(0, 3)):
            if index:
                self._put(",")
            self._space()
            item()
            self._space()
        self._put(closing)


def send_in_pieces(client: Client, body: bytes, pieces: random.Random, headers=()):
    """The body cut at random places, each piece a packet: reads end anywhere, in UTF-8 too."""
    raw = request_bytes(body=body, headers=headers)
    cuts = sorted({pieces.randrange(1, len(raw)) for _ in range(3)})
    for begin, end in zip([0, *cuts], [*cuts, len(raw)]):
        client.send(raw[begin:end])
    return client.response()


def test_without_a_model_of_its_own_the_upstream_gets_the_very_same_bytes(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for seed in range(SEED, SEED + 150):
            body = Body(seed).bytes
            got = send_in_pieces(client, body, random.Random(seed))
            assert got.status == 200, (body, got)
            assert primary.requests[-1].body == body


def test_only_the_model_values_change_when_the_upstream_has_its_own(start, upstream):
    primary = upstream()
    with Client(start(config(primary.entry("primary", model='gpt "quoted" \\\\')))) as client:
        for seed in range(SEED, SEED + 150):
            body = Body(seed)
            got = send_in_pieces(client, body.bytes, random.Random(seed))
            assert got.status == 200, (body.bytes, got)
            sent = primary.requests[-1].body
            assert json.loads(sent)["model"] == 'gpt "quoted" \\\\'
            # However the name itself was written, everything around the model values is as it was.
            pieces = body.with_model("\0").split(json.dumps("\0").encode())
            position = 0
            for index, piece in enumerate(pieces):
                found = sent.find(piece, position)
                assert found == (0 if index == 0 else found) and found >= 0, (body.bytes, sent)
                position = found + len(piece)
            assert position == len(sent)


def test_asking_for_usage_only_inserts(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for seed in range(SEED, SEED + 100):
            body = Body(seed, stream=True).bytes
            got = send_in_pieces(client, body, random.Random(seed))
            assert got.finished, (body, got)
            sent = primary.requests[-1].body
            same = next((i for i, (a, b) in enumerate(zip(body, sent)) if a != b), len(body))
            grown = len(sent) - len(body)
            assert grown > 0 and any(
                sent[:at] + sent[at + grown:] == body
                for at in range(max(0, same - grown), same + 1)), (body, sent)
            assert json.loads(sent)["stream_options"] == {"include_usage": True}


def test_a_chunked_body_arrives_the_same_however_it_was_cut(start, upstream):
    primary = upstream()
    with Client(start(config(primary))) as client:
        for seed in range(SEED, SEED + 40):
            body, cutter = Body(seed).bytes, random.Random(seed)
            client.send(request_bytes(headers=[("Transfer-Encoding", "chunked"),
                                               ("Content-Type", "application/json")]))
            at = 0
            while at < len(body):
                size = cutter.randint(1, 9)
                piece = body[at:at + size]
                extension = cutter.choice([b"", b";a=b", b';q="x"'])
                client.send(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece))
                at += size
            client.send(b"0\r\n\r\n")
            assert client.response().status == 200
            assert primary.requests[-1].body == body


def test_fields_nobody_knows_survive(start, upstream):
    primary = upstream()
    fields = {"top_k": 40, "guided_json": {"type": "object"}, "provider": {"order": ["x"]},
              "chat_template_kwargs": {"enable_thinking": False}, "metadata": {"model": "inner"}}
    chat(start(config(primary.entry("primary", model="outer"))), **fields)
    sent = primary.requests[0].json
    assert {k: sent[k] for k in fields} == fields and sent["model"] == "outer"


REWRITES = [
    # body settings, what the client sends, what the upstream gets
    ({"set": {"service_tier": "default"}}, b'{"model":"m"}',
     {"model": "m", "service_tier": "default"}),
    ({"set": {"temperature": 0.5}}, b'{"temperature" : 1.0, "model":"m"}',
     {"temperature": 0.5, "model": "m"}),
    ({"set": {"extra": {"deep": [1, None]}}}, b'{"model":"m"}',
     {"model": "m", "extra": {"deep": [1, None]}}),
    ({"drop": ["logit_bias"]}, b'{"logit_bias":{"1":2},"model":"m"}', {"model": "m"}),
    ({"drop": ["logit_bias"]}, b'{"model":"m" , "logit_bias":{"1":2} }', {"model": "m"}),
    ({"drop": ["a", "b"]}, b'{"a":1,"b":2,"model":"m"}', {"model": "m"}),
    ({"drop": ["absent"]}, b'{"model":"m"}', {"model": "m"}),
    ({"rename": {"max_tokens": "max_completion_tokens"}}, b'{"max_tokens": 1e2,"model":"m"}',
     {"max_completion_tokens": 100.0, "model": "m"}),
    ({"rename": {"max_tokens": "max_completion_tokens"}},
     b'{"max_tokens":1,"model":"m","max_completion_tokens":2}',
     {"model": "m", "max_completion_tokens": 2}),
    ({"set": {"x": 1}, "drop": ["y"], "rename": {"z": "w"}}, b'{"y":0,"z":[1],"model":"m"}',
     {"w": [1], "model": "m", "x": 1}),
]


@pytest.mark.parametrize("settings,sent,expected", REWRITES)
def test_body_set_drop_and_rename_do_what_they_say(start, upstream, settings, sent, expected):
    primary = upstream()
    with Client(start(config(primary.entry("primary", body=settings)))) as client:
        client.ask(body=sent)
        assert client.response().status == 200
    assert primary.requests[0].json == expected
    duplicates = json.loads(primary.requests[0].body, object_pairs_hook=list)
    assert len({name for name, _ in duplicates}) == len(duplicates)


def test_rewrites_leave_the_rest_of_the_bytes_alone(start, upstream):
    primary = upstream()
    with Client(start(config(primary.entry("primary", body={
            "rename": {"max_tokens": "max_completion_tokens"}})))) as client:
        client.ask(body=b'{ "temperature" : 1.50,\n "max_tokens" : 1e2 ,\t"model":"m"}')
        client.response()
    assert primary.requests[0].body == \
        b'{ "temperature" : 1.50,\n "max_completion_tokens" : 1e2 ,\t"model":"m"}'


@pytest.mark.row(53)
@pytest.mark.parametrize("body", [
    b"", b"{", b"}", b"[]", b"null", b'"model"', b'{"model":"m"', b'{"model":}', b"{'model':'m'}",
    b'{"model":"m"}x', b'{"model":"m",}', b'{"model":"m" "a":1}', b'{"model":"m"}{"model":"m"}',
    b"\xef\xbb\xbf", b'{"model":01}', b'{"a":NaN,"model":"m"}', b'{"model":"m","a":"\x01"}'],
    ids=repr)
def test_a_body_that_is_no_json_object_is_refused_and_never_forwarded(start, upstream, body):
    primary = upstream()
    with Client(start(config(primary))) as client:
        client.ask(body=body)
        got = client.response()
        assert got.status == 400 and set(got.error) == {"message", "type", "param", "code"}
        assert not primary.requests
        client.ask(body=b'{"model":"m"}')  # and the connection is fit for the next one
        assert client.response().status == 200


@pytest.mark.row(53)
@pytest.mark.parametrize("body", [
    b'{"model":"m","a":"\xff\xfe"}',                        # invalid UTF-8
    b'{"model":"m","a":"\\ud800"}',                         # lone surrogate
    b'{"model":"m","a":' + b"[" * 5000 + b"]" * 5000 + b"}",  # deep
    b'{"model":"m","a":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    b'{"model":"m",' + b",".join(b'"k%d":%d' % (i, i) for i in range(20_000)) + b"}",
    b'{"model":"m","n":' + b"9" * 100_000 + b"}",
    b'{"model":7}', b'{"model":null}', b'{"model":["m"]}', b'{"model":{"a":1}}', b"{}",
    b'{"model":"' + b"m" * 100_000 + b'"}', b'{"model":"a\\u0000b\\n"}'],
    ids=lambda body: repr(body[:24]))
def test_hostile_json_is_refused_or_passed_on_unchanged(start, upstream, body):
    primary = upstream()
    daemon = start(config(primary))
    with Client(daemon) as client:
        client.ask(body=body)
        got = client.response()
    assert got.status in (200, 400, 404), got
    assert [request.body for request in primary.requests] == ([body] if got.status == 200 else [])
    assert chat(daemon).status == 200


def test_an_opaque_answer_passes_as_it_is(start, upstream):
    noise = bytes(range(256)) * 100
    daemon = start(config(upstream(plain(noise, content_type="audio/mpeg"))))
    got = ask(daemon, path="/v1/audio/speech", body={"model": "tts-1", "input": "x"})
    assert got.body == noise and got.header("content-type") == "audio/mpeg"
