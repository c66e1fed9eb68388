"""A server whose every byte is scripted, and which remembers every byte it got."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

from answers import run_answer, well
from tests.support.daemon import wait_until
from timing import MAX_WAIT


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
        self.received = bytearray()  # every byte, requests included; grows where it stands
        self.accepted_at = time.monotonic()
        self.gone_at: float | None = None   # when the other side ended it
        self.gone_how = ""                  # "fin" or "reset"
        self.ended = False                  # by us
        self._buffer = bytearray()

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

    def read_no_more(self):
        """From now on little more fits into this end; what has not been sent yet stays with the sender."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)

    def hold_unread(self):
        """Like hold(), but reads nothing: the other side's going is told by poll()."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        while not poll.poll(50):
            if self.upstream.stopping:
                raise Gone
        self._note_gone(None)

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
        return self._take(self._buffer.index(b"\r\n\r\n") + 4)

    def _take(self, count: int) -> bytes:
        data = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return data

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
        return self._take(count)

    def _chunked_body(self) -> bytes:
        body = bytearray()
        while True:
            while b"\r\n" not in self._buffer:
                if not self._receive():
                    raise Gone
            line = self._take(self._buffer.index(b"\r\n") + 2)
            data = self.read_exactly(int(line.split(b";")[0], 16) + 2)
            if len(data) == 2:
                return bytes(body)
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
