"""A client that sends exact bytes and sees every byte of an answer, how it was cut into chunks, when it
came and how it ended."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence

from answers import as_bytes
from timing import MAX_WAIT, QUIET


class Response:
    """What the client got: `ended` says how. "whole": its framing is complete; "open": it is not
    complete yet; "cut": the connection closed before it was; "reset": RST before it was; "closed":
    no framing, ended by the close of the connection."""

    def __init__(self):
        self._raw = bytearray()   # every byte of this response, head included
        self.status = 0
        self.reason = ""
        self.version = ""
        self.fields: list[tuple[str, str]] = []
        self._body = bytearray()
        self.chunks: list[bytes] = []
        self.arrivals: list[tuple[float, int]] = []   # when, and how much body we then had
        self.ended = "open"

    @property
    def raw(self) -> bytes:
        return bytes(self._raw)

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        return values[0] if values else None

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json["error"]

    @property
    def events(self) -> list[str]:
        """The data of every whole SSE event."""
        return sse_data(self.body)

    @property
    def text(self) -> str:
        """The answer's words, plain or streamed."""
        if not (self.header("content-type") or "").startswith("text/event-stream"):
            return self.json["choices"][0]["message"]["content"]
        return stream_text(self.body)

    @property
    def finished(self) -> bool:
        """What a client takes for success: a whole 200 that says why it finished and reports no
        error. Streams must say it with a finish_reason and [DONE]."""
        if self.status != 200 or self.ended not in ("whole", "closed"):
            return False
        if not (self.header("content-type") or "").startswith("text/event-stream"):
            return True
        return "[DONE]" in self.events and self.stream_error is None

    @property
    def stream_error(self) -> dict | None:
        for data in self.events:
            with contextlib.suppress(ValueError):
                error = json.loads(data).get("error")
                if error:
                    return error
        return None

    @property
    def trace(self) -> list[list[str]]:
        """x-understudy-trace, taken apart: [entry, reason, status, duration] per attempt."""
        value = self.header("x-understudy-trace") or ""
        return [item.strip().split(";") for item in value.split(",") if item.strip()]

    def __repr__(self):
        return f"<Response {self.status} {self.ended} {self.fields} {self.body[:2000]!r}>"


def sse_data(body: bytes) -> list[str]:
    blocks = body.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]
    lines = [[line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")]
             for block in blocks]
    return [b"\n".join(parts).decode("utf-8", "replace") for parts in lines if parts]


def stream_text(body: bytes) -> str:
    text = ""
    for data in sse_data(body):
        with contextlib.suppress(ValueError):
            for choice in json.loads(data).get("choices") or []:
                text += choice.get("delta", {}).get("content") or ""
    return text


class Client:
    """One client connection: sends exact bytes, reads answers piece by piece."""

    def __init__(self, daemon, *, receive_buffer: int | None = None, port: int | None = None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(MAX_WAIT)
        self.sock.connect(("127.0.0.1", port or daemon.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.over = ""            # "fin" or "reset" once the other side has ended
        self._methods: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # --- sending

    def send(self, data: bytes):
        self.sock.sendall(data)

    def ask(self, method="POST", path="/v1/chat/completions", body=None,
            headers: Mapping | Sequence = (), version="HTTP/1.1"):
        """Sends one request with Content-Length (where it has a body); the method is remembered for
        reading the answer."""
        self.send(request_bytes(method, path, body, headers, version))
        self._methods.append(method)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    # --- receiving

    def head(self, timeout: float | None = None) -> Response:
        """Reads the next response's head (1xx included)."""
        response = Response()
        while b"\r\n\r\n" not in self.buffer:
            if not self._receive(timeout):
                response._raw += self.buffer
                response.ended = "cut" if self.over == "fin" else "reset"
                self.buffer = b""
                return response
        raw, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        response._raw += raw + b"\r\n\r\n"
        lines = raw.decode("latin-1").split("\r\n")
        response.version, code, response.reason = (lines[0].split(" ", 2) + [""])[:3]
        response.status = int(code)
        response.fields = [(name, value.strip()) for name, _, value in
                           (line.partition(":") for line in lines[1:])]
        self._frame(response)
        return response

    def body(self, response: Response, until: Callable[[Response], bool] | None = None,
             timeout: float | None = None) -> Response:
        """Reads on until the response has ended, or until `until(response)`."""
        while True:
            self._parse(response)
            if response.ended != "open" or (until and until(response)):
                return response
            if not self._receive(timeout):
                self._parse(response)
                if response.ended == "open":
                    response.ended = self._ending(response)
                return response

    def response(self, timeout: float | None = None) -> Response:
        return self.body(self.head(timeout), timeout=timeout)

    def quiet(self, duration: float | None = None) -> bool:
        """True when nothing more arrives for a moment."""
        if self.buffer:
            return False
        return not select.select([self.sock], [], [], QUIET if duration is None else duration)[0]

    def at_end(self, timeout: float | None = None) -> str:
        """Waits for the other side to end the connection: "fin" or "reset"; "" when it sent bytes or
        kept it open."""
        if self.over:
            return self.over
        if self.buffer:
            return ""
        try:
            self._receive(MAX_WAIT if timeout is None else timeout)
        except AssertionError:
            return ""
        return self.over

    def _receive(self, timeout: float | None = None) -> bool:
        if self.over:
            return False
        self.sock.settimeout(MAX_WAIT if timeout is None else timeout)
        try:
            data = self.sock.recv(262144)
        except TimeoutError:
            raise AssertionError(f"nothing came for {self.sock.gettimeout()} s; "
                                 f"before that: {self.buffer[-300:]!r}") from None
        except OSError:
            self.over = "reset"
            return False
        if not data:
            self.over = "fin"
            return False
        self.buffer += data
        return True

    def _frame(self, response: Response):
        interim = 100 <= response.status < 200
        method = "" if interim else (self._methods.pop(0) if self._methods else "POST")
        length = response.header("content-length")
        response.left = None
        if interim or method == "HEAD" or response.status in (204, 304):
            response.ended = "whole"
        elif "chunked" in (response.header("transfer-encoding") or ""):
            response.framing = "chunked"
        elif length is not None:
            response.framing, response.left = "length", int(length)
        else:
            response.framing = "close"

    def _parse(self, response: Response):
        if response.ended != "open":
            return
        before = len(response._body)
        getattr(self, "_parse_" + response.framing)(response)
        if len(response._body) > before:
            response.arrivals.append((time.monotonic(), len(response._body)))

    def _parse_length(self, response: Response):
        data = self._take(response, min(response.left, len(self.buffer)))
        response._body += data
        response.left -= len(data)
        if response.left == 0:
            response.ended = "whole"

    def _parse_close(self, response: Response):
        response._body += self._take(response, len(self.buffer))

    def _parse_chunked(self, response: Response):
        parts = []
        while b"\r\n" in self.buffer:
            line, _, rest = self.buffer.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if len(rest) < size + 2:
                break
            assert rest[size:size + 2] == b"\r\n", f"bad chunk: {self.buffer[:200]!r}"
            self._take(response, len(line) + 2 + size + 2)
            if size == 0:
                response.ended = "whole"
                break
            parts.append(rest[:size])
        response.chunks += parts
        response._body += b"".join(parts)

    def _take(self, response: Response, count: int) -> bytes:
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        response._raw += data
        return data

    def _ending(self, response: Response) -> str:
        if self.over == "reset":
            return "reset"
        return "closed" if response.framing == "close" else "cut"


def request_bytes(method="POST", path="/v1/chat/completions", body=None,
                  headers: Mapping | Sequence = (), version="HTTP/1.1") -> bytes:
    fields = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    named = {name.lower() for name, _ in fields}
    if "host" not in named:
        fields.insert(0, ("Host", "localhost"))
    data = b"" if body is None else as_bytes(body)
    if body is not None:
        if "content-type" not in named:
            fields.append(("Content-Type", "application/json"))
        if not named & {"content-length", "transfer-encoding"}:
            fields.append(("Content-Length", str(len(data))))
    lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1") + data


def ask(daemon, method="POST", path="/v1/chat/completions", body=None,
        headers: Mapping | Sequence = (), timeout: float | None = None) -> Response:
    """One request on a connection of its own."""
    with Client(daemon) as client:
        client.ask(method, path, body, headers)
        return client.response(timeout)


def get(daemon, path: str, headers: Mapping | Sequence = ()) -> Response:
    return ask(daemon, "GET", path, headers=headers)


def chat_body(stream=False, model="m", content="Say something.", **more) -> dict:
    body = {"model": model, "messages": [{"role": "user", "content": content}], **more}
    if stream:
        body["stream"] = True
    return body


def chat(daemon, *, stream=False, headers: Mapping | Sequence = (), timeout: float | None = None,
         **fields) -> Response:
    """One chat completion on a connection of its own."""
    return ask(daemon, body=chat_body(stream, **fields), headers=headers, timeout=timeout)
