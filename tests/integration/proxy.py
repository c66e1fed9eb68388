"""A scripted HTTP proxy that takes CONNECT: it lets through to the upstreams that a test gives it, whatever
name was asked for, or says what a script says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from timing import MAX_WAIT

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Passage:
    """One connection to the proxy."""

    def __init__(self, proxy: "Proxy", sock: socket.socket):
        self.proxy = proxy
        self.sock = sock
        self.head = b""             # of the CONNECT
        self.through = 0            # bytes that came through the tunnel towards the upstream

    @property
    def target(self) -> str:
        return self.head.split(b" ")[1].decode()

    def header(self, name: str) -> str | None:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def send(self, data: bytes):
        self.sock.sendall(data)

    def tunnel(self, port: int):
        """Passes bytes on to the upstream at `port` and back until both have ended."""
        with socket.create_connection(("127.0.0.1", port), MAX_WAIT) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._pump, args=(far, self.sock, False), daemon=True)
            back.start()
            self._pump(self.sock, far, True)
            back.join(MAX_WAIT)

    def hold(self):
        """Says nothing until the other side has ended."""
        with contextlib.suppress(OSError):
            while self.sock.recv(4096):
                pass

    def _pump(self, source: socket.socket, to: socket.socket, counted: bool):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    self.through += len(data)
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


class Proxy:
    """`script(passage)` runs when a CONNECT has been read whole; without one it opens a tunnel to
    `ports[target]`, else to `port`."""

    def __init__(self, port: int = 0, script: Callable | None = None, *,
                 ports: dict[str, int] | None = None):
        self.to_port, self.ports, self.script = port, ports or {}, script
        self.passages: list[Passage] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.address
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def targets(self) -> list[str]:
        return [passage.target for passage in self.passages]

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for passage in list(self.passages):
            with contextlib.suppress(OSError):
                passage.sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket):
        passage = Passage(self, sock)
        with sock, contextlib.suppress(OSError):
            while b"\r\n\r\n" not in passage.head:
                data = sock.recv(1)  # nothing behind the head is taken
                if not data:
                    return
                passage.head += data
            self.passages.append(passage)
            if self.script:
                self.script(passage)
            else:
                passage.send(ESTABLISHED)
                passage.tunnel(self.ports.get(passage.target, self.to_port))
