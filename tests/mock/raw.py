"""A client made of one socket, which sees how a connection ends: the tests here are about bytes."""

import json
import socket
import time

PATIENCE = 10.0  # for what must happen; nothing here takes long

WORDS = ("The understudy waits in the wings, knows every line, and hopes never to be needed. When "
         "the lead falls silent in the middle of a sentence, she walks on, picks up the very next "
         "word, and carries the scene to its end. The audience hears one voice, one story, and no "
         "pause at all. Then the lights go down slowly.")
assert len(WORDS.split()) == 60


class Answer:
    """What came back, up to the end of the message or of the connection."""

    def __init__(self, raw: bytes, ended: str, times: list):
        self.raw, self.ended, self.times = raw, ended, times
        self.interim = []
        head, _, rest = raw.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 1"):
            self.interim.append(head)
            head, _, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split()  # the head may have come in part only
        self.status = int(words[1]) if len(words) > 1 else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunks, self.whole = None, False
        self.body = self._decode(rest)

    def _decode(self, rest: bytes) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            self.chunks = []
            while rest:
                line, found, rest = rest.partition(b"\r\n")
                if not found:
                    break
                size = int(line, 16)
                if size == 0:
                    self.whole = rest == b"\r\n"
                    break
                self.chunks.append(rest[:size])
                rest = rest[size + 2:]
            return b"".join(self.chunks)
        if "content-length" in self.headers:
            self.whole = len(rest) == int(self.headers["content-length"])
        return rest

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self) -> list:
        """The data of every event, as text."""
        events = self.body.decode().split("\n\n")
        assert events[-1] == ""
        return ["".join(line[6:] for line in event.split("\n") if line.startswith("data: "))
                for event in events[:-1]]

    @property
    def documents(self) -> list:
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def text(self) -> str:
        """The content of a chat answer, streamed or not."""
        if "event-stream" not in self.headers["content-type"]:
            return self.json["choices"][0]["message"]["content"]
        return "".join(choice["delta"].get("content") or "" for document in self.documents
                       for choice in document.get("choices", []))


class Connection:
    def __init__(self, url: str):
        host, _, port = url.partition("://")[2].rpartition(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, path: str, body: bytes, method="POST", version="1.1", headers=()):
        fields = [("host", "mock"), ("content-type", "application/json"),
                  ("content-length", str(len(body))), *headers]
        head = f"{method} {path} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def receive(self, patience: float = PATIENCE) -> Answer:
        """One message, or everything until the connection ends or `patience` has passed."""
        raw, times, limit = b"", [], time.monotonic() + patience
        while True:
            answer = Answer(raw, "", times)
            if answer.whole:
                answer.ended = "open"
                return answer
            self.socket.settimeout(max(limit - time.monotonic(), 0.001))
            try:
                piece = self.socket.recv(1 << 20)
            except TimeoutError:
                return Answer(raw, "silence", times)
            except ConnectionResetError:
                return Answer(raw, "reset", times)
            if not piece:
                return Answer(raw, "closed", times)
            raw += piece
            times.append((time.monotonic(), len(piece)))


def body_of(model: str, stream=False, **more) -> bytes:
    document = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}
    if stream:
        document["stream"] = True
    return json.dumps(document).encode()


def chat(mock, model: str, stream=False, patience=PATIENCE, headers=(), version="1.1",
         **more) -> Answer:
    with Connection(mock.url) as connection:
        connection.send("/v1/chat/completions", body_of(model, stream, **more), headers=headers,
                        version=version)
        return connection.receive(patience)
