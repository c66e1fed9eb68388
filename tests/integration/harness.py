"""Both ends of the wire, scripted: upstreams that misbehave, a client that sees every byte, and short
configurations to put the real daemon between them.

    with Upstream(status(503)) as primary, Upstream(well("Hello.")) as backup:
        daemon = start(config(primary, backup))
        answer = chat(daemon, stream=True)
        assert answer.text == "Hello." and answer.ended == "whole"
        assert len(primary.requests) == 1

An upstream runs its `answer` for every request it receives, on a thread per connection. An answer is
bytes (sent as they are) or a function (connection, request) that scripts the exchange with the
methods of `Connection`: send, pieces, wait, reset, hold ... When the function returns, the connection
waits for the next request, unless it was ended. Every wait has a bound. Standard library and pytest only.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import select
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from tests.support.daemon import Daemon, wait_until

# Sanitizers and busy machines stretch time: limits that a test sets for the daemon, and bounds that
# it asserts, are multiplied by this.
TIME_SCALE = float(os.environ.get("TEST_TIME_SCALE", "1"))
# Everything that should happen soon happens within this, or the test has failed.
MAX_WAIT = 10.0 * TIME_SCALE
# How long we look before we believe that nothing happens.
QUIET = 0.12 * TIME_SCALE


def ms(milliseconds: float) -> str:
    """A duration for the configuration, stretched."""
    return f"{round(milliseconds * TIME_SCALE)}ms"


def seconds(value: float) -> float:
    """A bound for an assertion, stretched."""
    return value * TIME_SCALE


# ---------------------------------------------------------------- answers, as bytes

USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
CREATED = 1790000000


def as_bytes(value) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def completion(text="It works.", *, usage=USAGE, model="served", **more) -> bytes:
    """The body of a whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text},
              "logprobs": None, "finish_reason": "stop"}
    body = {"id": "chatcmpl-T1", "object": "chat.completion", "created": CREATED, "model": model,
            "choices": [choice], **more}
    if usage is not None:
        body["usage"] = usage
    return json.dumps(body).encode()


def error_body(message="something broke", type="server_error", code=None, param=None) -> bytes:
    return json.dumps({"error": {"message": message, "type": type, "param": param,
                                 "code": code}}).encode()


def head(status_line="200 OK", *fields: str) -> bytes:
    """A response head from a status and raw field lines."""
    return "\r\n".join([f"HTTP/1.1 {status_line}", *fields, "", ""]).encode("latin-1")


def plain(body=None, *fields: str, status_line="200 OK", content_type="application/json") -> bytes:
    """A response with Content-Length."""
    body = completion() if body is None else as_bytes(body)
    return head(status_line, f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
                *fields) + body


def status(code: int, body=None, *fields: str, content_type="application/json") -> bytes:
    """An error answer."""
    body = error_body(f"status {code}") if body is None else as_bytes(body)
    return plain(body, *fields, status_line=f"{code} Status", content_type=content_type)


SSE_HEAD = head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(delta: Mapping | None = None, finish: str | None = None, **more) -> bytes:
    """One chat.completion.chunk event; with neither delta nor finish, what `more` says."""
    body = {"id": "chatcmpl-T1", "object": "chat.completion.chunk", "created": CREATED,
            "model": "served", "choices": [], **more}
    if delta is not None or finish is not None:
        body["choices"] = [{"index": 0, "delta": dict(delta or {}), "finish_reason": finish}]
    return b"data: " + json.dumps(body).encode() + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
FINISH = event({}, "stop")
PING = b": keep-alive\n\n"


def words(text: str) -> list[bytes]:
    """One content event per word, white space kept."""
    pieces = text.split(" ")
    return [event({"content": piece if i == 0 else " " + piece}) for i, piece in enumerate(pieces)]


def usage_event(usage=USAGE) -> bytes:
    return event(usage=usage)


def stream_events(text: str, usage=USAGE) -> list[bytes]:
    """A whole healthy stream, as events."""
    tail = [usage_event(usage)] if usage is not None else []
    return [ROLE, *words(text), FINISH, *tail, DONE]


def sse(events: Iterable[bytes]) -> bytes:
    """A whole chunked SSE response, one chunk per event."""
    return SSE_HEAD + b"".join(map(chunk, events)) + LAST_CHUNK


def well(text="It works.", usage=USAGE, model="served"):
    """A healthy upstream: plain or streamed as asked, usage where it is due."""
    def answer(connection: "Connection", request: "Request"):
        if not request.wants_stream:
            connection.send(plain(completion(text, usage=usage, model=model)))
            return
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        connection.send(sse(stream_events(text, usage if asked else None)))
    return answer


def in_turn(*answers):
    """First request: first answer, and so on; the last one stays. Counts over all connections."""
    lock = threading.Lock()
    left = list(answers)

    def answer(connection, request):
        with lock:
            current = left.pop(0) if len(left) > 1 else left[0]
        run_answer(current, connection, request)
    return answer


def steps(*script):
    """An exchange as a list: bytes are sent, functions are called with the connection."""
    def answer(connection, request):
        for step in script:
            run_step(step, connection)
            if connection.ended:
                return
    return answer


def run_step(step, connection: "Connection"):
    if isinstance(step, (bytes, bytearray)):
        connection.send(bytes(step))
    else:
        step(connection)


def run_answer(answer, connection: "Connection", request: "Request"):
    if isinstance(answer, (bytes, bytearray)):
        connection.send(bytes(answer))
    else:
        answer(connection, request)


def silent(connection: "Connection", request=None):
    """Never answers; ends when the other side gives up."""
    connection.hold()


def reset(connection: "Connection", request=None):
    connection.reset()


def close(connection: "Connection", request=None):
    connection.close()


# ---------------------------------------------------------------- the upstream

class Gone(Exception):
    """The other side, or the test, ended the connection."""


class Request:
    """One request as the upstream received it: exact bytes and their parts."""

    def __init__(self, raw_head: bytes, body: bytes, at: float):
        self.raw_head = raw_head
        self.body = body
        self.at = at  # when it was whole
        lines = raw_head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [(name.strip(), value.strip()) for name, _, value in
                       (line.partition(":") for line in lines[1:] if line)]

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        return values[0] if values else None

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def model(self):
        return self.json.get("model")

    @property
    def wants_stream(self) -> bool:
        try:
            return self.json.get("stream") is True
        except (ValueError, AttributeError):
            return False


class Connection:
    """The upstream's side of one connection, with what a script can do to it."""

    def __init__(self, upstream: "Upstream", sock: socket.socket, index: int):
        self.upstream = upstream
        self.sock = sock
        self.index = index
        self.requests: list[Request] = []
        self.received = b""          # every byte, requests included
        self.accepted_at = time.monotonic()
        self.gone_at: float | None = None   # when the other side ended it
        self.gone_how = ""                  # "fin" or "reset"
        self.ended = False                  # by us
        self._buffer = b""

    # --- scripting

    def send(self, data: bytes):
        """Sends all of it; the other side may have gone (then the script ends)."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            self._note_gone(error)

    def pieces(self, data: bytes, size: int = 1):
        """Sends in pieces of `size` bytes, each in a packet of its own."""
        for start in range(0, len(data), size):
            self.send(data[start:start + size])

    def wait(self, condition: threading.Event):
        """Goes on when the test sets the event, or when the upstream is stopped."""
        limit = time.monotonic() + MAX_WAIT * 3
        while not condition.wait(0.02):
            if self.upstream.stopping or time.monotonic() > limit:
                raise Gone

    def hold(self):
        """Says nothing more until the other side goes; remembers when and how."""
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError as error:
                self._note_gone(error)
            if not data:
                self._note_gone(None)
            self.received += data

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        """FIN (over TLS: without close_notify)."""
        self.ended = True
        with contextlib.suppress(OSError):
            self.sock.close()

    def reset(self):
        """RST."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    # --- receiving

    def read_head(self) -> bytes | None:
        """The next request's head with its blank line; None when the other side closed instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._receive():
                return None
        end = self._buffer.index(b"\r\n\r\n") + 4
        raw, self._buffer = self._buffer[:end], self._buffer[end:]
        return raw

    def read_request(self) -> Request | None:
        raw_head = self.read_head()
        if raw_head is None:
            return None
        fields = Request(raw_head, b"", 0)
        if (fields.header("transfer-encoding") or "").lower() == "chunked":
            body = self._chunked_body()
        else:
            body = self.read_exactly(int(fields.header("content-length") or 0))
        request = Request(raw_head, body, time.monotonic())
        self.requests.append(request)
        self.upstream._arrived(request)
        return request

    def read_exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not self._receive():
                raise Gone
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _chunked_body(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                if not self._receive():
                    raise Gone
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            data = self.read_exactly(int(line.split(b";")[0], 16) + 2)
            if len(data) == 2:
                return body
            body += data[:-2]

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(262144)
        except OSError as error:
            self._note_gone(error)
        if not data:
            self._remember("fin")
            return False
        self.received += data
        self._buffer += data
        return True

    def _note_gone(self, error: OSError | None):
        self._remember("reset" if isinstance(error, (ConnectionResetError, BrokenPipeError))
                       else "fin")
        raise Gone

    def _remember(self, how: str):
        if self.gone_at is None and not self.ended and not self.upstream.stopping:
            self.gone_at, self.gone_how = time.monotonic(), how


class Upstream:
    """A scripted server on a loopback port of its own. `answer` runs per request; `on_accept`, if
    given, runs instead of everything else (it gets the connection before any byte was read)."""

    def __init__(self, answer=None, *, on_accept: Callable | None = None,
                 tls: ssl.SSLContext | None = None, receive_buffer: int | None = None):
        self.answer = answer if answer is not None else well()
        self.on_accept = on_accept
        self.tls = tls
        self.connections: list[Connection] = []
        self.requests: list[Request] = []    # in the order they were whole
        self.stopping = False
        self.failures: list[BaseException] = []   # of scripts
        self._lock = threading.Lock()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(256)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    def entry(self, name: str, **settings) -> dict:
        return {"name": name, "base_url": self.url, **settings}

    def wait_requests(self, count: int):
        """Waits until that many requests have arrived whole."""
        wait_until(lambda: len(self.requests) >= count, f"{count} requests, got "
                   f"{len(self.requests)}", MAX_WAIT)
        return self.requests

    def wait_connections(self, count: int) -> list[Connection]:
        wait_until(lambda: len(self.connections) >= count, f"{count} connections", MAX_WAIT)
        return self.connections

    def wait_gone(self, index: int = 0) -> Connection:
        """Waits until the other side has ended connection `index`, which is reading or holding."""
        connection = self.wait_connections(index + 1)[index]
        wait_until(lambda: connection.gone_at is not None, "the other side ends the connection",
                   MAX_WAIT)
        return connection

    def stop(self):
        self.stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(MAX_WAIT)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is None and self.failures:
            raise self.failures[0]

    def _arrived(self, request: Request):
        with self._lock:
            self.requests.append(request)

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection):
        try:
            if self.tls and not getattr(self.on_accept, "before_tls", False):
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            if self.on_accept:
                self.on_accept(connection)
                return
            while not connection.ended:
                request = connection.read_request()
                if request is None:
                    break
                run_answer(self.answer, connection, request)
        except (Gone, OSError):
            pass
        except BaseException as failure:  # a mistake in a script must fail the test
            self.failures.append(failure)
        finally:
            if not connection.ended:
                with contextlib.suppress(OSError):
                    connection.sock.close()


@contextlib.contextmanager
def full_backlog(address: str = "127.0.0.1", port: int = 0):
    """A port whose accept queue is full: SYNs are dropped, so that a connect neither succeeds nor
    fails. What a black-holed address looks like, on loopback."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        probe = stack.enter_context(socket.socket())
        probe.settimeout(0.2)
        try:
            probe.connect(listener.getsockname())
        except TimeoutError:
            pass
        else:
            raise AssertionError("this kernel does not drop SYNs when the accept queue is full")
        yield listener.getsockname()[1]


# ---------------------------------------------------------------- configurations

NAMES = ("primary", "backup", "third", "fourth")


def timeouts(**changes: float) -> dict:
    """Per-attempt limits in milliseconds; what a test does not set is generous."""
    limits = {"connect": 3000, "first_token": 8000, "response": 8000, "idle": 8000, "total": 20000}
    return {name: ms(value) for name, value in {**limits, **changes}.items()}


def config(*upstreams, route: Mapping | None = None, routes: Sequence | None = None,
           **top) -> str:
    """A configuration with these upstreams (Upstream objects or entries) as one chain, in order.
    `route` changes the one route; `routes` replaces it; `top` sets top-level keys."""
    entries = [upstream.entry(NAMES[i]) if isinstance(upstream, Upstream) else dict(upstream)
               for i, upstream in enumerate(upstreams)]
    for entry in entries:
        entry.setdefault("timeouts", timeouts())
        if entry.setdefault("api_key", f"sk-{entry['name']}") is None:
            del entry["api_key"]  # the client's credentials are passed through
    if routes is None:
        routes = [{"model": "*", "chain": [entry["name"] for entry in entries], "retries": 0,
                   "deadline": ms(30_000), **(route or {})}]
    document = {"listen": "127.0.0.1:0", "workers": 1, "upstreams": entries, "routes": routes,
                "drain": ms(1500), **top}
    # One top-level key per line: still JSON, and so YAML.
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) + "\n"


# ---------------------------------------------------------------- the client

class Response:
    """What the client got: `ended` says how. "whole": its framing is complete; "open": it is not
    complete yet; "cut": the connection closed before it was; "reset": RST before it was; "closed":
    no framing, ended by the close of the connection."""

    def __init__(self):
        self.raw = b""            # every byte of this response, head included
        self.status = 0
        self.reason = ""
        self.version = ""
        self.fields: list[tuple[str, str]] = []
        self.body = b""
        self.chunks: list[bytes] = []
        self.arrivals: list[tuple[float, int]] = []   # when, and how much body we then had
        self.ended = "open"

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
                response.raw = self.buffer
                response.ended = "cut" if self.over == "fin" else "reset"
                self.buffer = b""
                return response
        raw, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        response.raw = raw + b"\r\n\r\n"
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
        before = len(response.body)
        getattr(self, "_parse_" + response.framing)(response)
        if len(response.body) > before:
            response.arrivals.append((time.monotonic(), len(response.body)))

    def _parse_length(self, response: Response):
        data = self._take(response, min(response.left, len(self.buffer)))
        response.body += data
        response.left -= len(data)
        if response.left == 0:
            response.ended = "whole"

    def _parse_close(self, response: Response):
        response.body += self._take(response, len(self.buffer))

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
        response.body += b"".join(parts)

    def _take(self, response: Response, count: int) -> bytes:
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        response.raw += data
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
        fields.insert(0, ("Host", "understudy.test"))
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


plain_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


# ---------------------------------------------------------------- looking at the daemon

def metric(daemon: Daemon, name: str, **labels: str) -> float:
    return daemon.metrics().value(name, **labels)


def expect_metrics(daemon: Daemon, *expected):
    """Each expectation is (value, name, {labels}). Waits until the daemon has settled (nothing in
    flight) and all are true at once; fails with what differs."""
    found = {}

    def differing():
        metrics = daemon.metrics()
        wanted = [(0, "understudy_inflight_requests", {}), *expected]
        found["wrong"] = [
            f"{name}{labels} is {metrics.value(name, **labels)}, not {value}"
            for value, name, labels in wanted
            if abs(metrics.value(name, **labels) - value) > 1e-9]
        return not found["wrong"]

    try:
        wait_until(differing, "", MAX_WAIT / 2)
    except AssertionError:
        raise AssertionError("metrics: " + "; ".join(found["wrong"])) from None


def request_lines(daemon: Daemon) -> list[dict]:
    """The access records so far; needs `log: {format: json}`."""
    lines = []
    for line in daemon.stderr_lines() + daemon.stdout_lines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                lines.append(record)
    return lines


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def host_of(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc
