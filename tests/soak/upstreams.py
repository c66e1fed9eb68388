"""Upstreams that misbehave at random, on one asyncio loop. What is read is written down in the same
step, so that no delivery can be read and lost."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import random
import socket
import struct
import time

from tests.soak import fates
from tests.soak.books import Delivery, Trouble
from tests.soak.canon import continuation


WORDS = b'"delta": {"content"'     # what an event with content has, and no other
SIOCOUTQNSD = 0x894B    # linux/sockios.h: bytes that wait to be sent


REFUSED = frozenset(("bad_request",))


class Gone(Exception):
    """The daemon has ended the connection."""


class Connection:
    """One connection from the daemon. Reads whatever comes at once, unless its upstream has vanished."""

    def __init__(self, upstream: "Upstream", sock: socket.socket):
        self.upstream, self.sock, self.rng = upstream, sock, upstream.rng
        self.loop = asyncio.get_running_loop()
        self.delivery: Delivery | None = None   # of the request that is being answered
        self._last: Delivery | None = None      # the one before
        self.stream = self.accepts_gzip = False
        self.requests = 0
        self.open = True
        self._buffer = bytearray()
        self._arrived, self._gone = asyncio.Event(), asyncio.Event()
        self.body: dict | None = None
        self._size = 0                  # of the body
        self._crossed = False           # our end is sent; what still comes gets no answer
        self._reading = False
        sock.setblocking(False)
        self.read_on()
        self._task = self.loop.create_task(self._live())

    # --- scripting

    async def send(self, data: bytes):
        if self._gone.is_set() or not self.open:
            raise Gone
        self.delivery.words += data.count(WORDS)
        try:
            await self.loop.sock_sendall(self.sock, data)
        except OSError as lost:
            self.delivery.lost = f"send: {lost}"
            raise Gone from None
        self.delivery.sent += len(data)

    async def hold(self):
        await self._gone.wait()
        raise Gone

    def end(self, rng):
        """In one way or another, before the answer was whole."""
        self.delivery.cut = True
        (self.reset if rng.random() < 0.5 else self.close)()

    def close(self):
        self._finish(reset=False)

    def reset(self):
        self._finish(reset=True)

    # --- reading

    def read_on(self):
        if self.open and not self._reading and not self._gone.is_set():
            self._reading = True
            self.loop.add_reader(self.sock, self._on_readable)

    def read_no_more(self):
        if self._reading:
            self._reading = False
            self.loop.remove_reader(self.sock)

    def _on_readable(self):
        how = "the daemon closed"
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            return
        except OSError as lost:
            data, how = b"", f"receive: {lost}"
        if not data:
            self.read_no_more()
            if self.delivery is not None:
                self.delivery.lost = self.delivery.lost or how
            if self._buffer and self.delivery is None:  # in no log of the daemon's
                self.upstream.deliveries.append(Delivery(
                    "half a head", self.upstream.name, "?", time.monotonic(),
                    bytes(self._buffer[:200]).decode("latin-1"), frozenset(), self.requests > 0))
            self._gone.set()
            self._arrived.set()
            return
        self._buffer += data
        self._look()
        self._arrived.set()

    def _look(self):
        """Writes down what there is. The daemon never pipelines: a next request begins behind the end
        of this one's answer."""
        if self.delivery is None:
            self._take_head()
        if self.body is None and self.delivery is not None and len(self._buffer) >= self._size:
            self.body = json.loads(self._buffer[:self._size])
            del self._buffer[:self._size]
            self.delivery.model = self.body["model"]
            self.stream = self.body.get("stream") is True
            self.delivery.prompt = sum(len(message["content"].encode())
                                       for message in self.body["messages"])
            self.delivery.asked, _ = continuation(self.body, self.delivery.rid)
            if self.delivery.asked:
                given = [m for m in self.body["messages"] if m["role"] == "assistant"]
                self.delivery.begun = len(given[-1]["content"].encode())
            decided = self._crossed or self.delivery.fate == "ends_before_the_body"
            if (self.delivery.asked == "prefill" and not decided
                    and self.rng.random() < fates.PREFILL_REFUSED):
                self.delivery.fate, self.delivery.expected = "refuses_prefill", REFUSED
                self.script = fates.refuses_prefill

    def _take_head(self):
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in
                  (line.partition(":") for line in lines[1:])}
        del self._buffer[:end + 4]
        self.body, self._size = None, int(fields.get("content-length", 0))
        self.accepts_gzip = "gzip" in fields.get("accept-encoding", "")
        name, reasons, self.script = fates.choose(self.rng)
        if self._crossed:
            name, reasons, self.script = "crossed", frozenset(("connection",)), fates.crossed
        elif self._size > fates.LARGE_REQUEST and self.rng.random() < 0.1:
            name, reasons = "ends_before_the_body", frozenset(("connection",))
        self.requests += 1
        now = time.monotonic()
        self.delivery = Delivery(fields.get("x-request-id", "?"), self.upstream.name, "?", now, name,
                                 reasons, self.requests > 1,
                                 key=fields.get("authorization", "").removeprefix("Bearer "))
        self.upstream.deliveries.append(self.delivery)
        if self._crossed:
            self.delivery.cut, self.delivery.ended_at = True, now

    async def _next(self):
        self._arrived.clear()
        if self._gone.is_set():
            raise Gone
        await self._arrived.wait()
        if self._gone.is_set():
            raise Gone

    # --- living

    async def _live(self):
        try:
            while self.open:
                while self.delivery is None:
                    await self._next()
                if self.delivery.fate == "ends_before_the_body":
                    self.end(self.rng)
                    break
                while self.body is None:
                    await self._next()
                await self.script(self)
                self._through()
        except Gone:
            pass
        except Exception as mistake:  # of the soak
            self.upstream.mistakes.append(mistake)
        finally:
            self._through()
            self._finish(reset=False)

    def _through(self):
        if self.delivery is None:
            return
        self.delivery.ended_at = min(self.delivery.ended_at, time.monotonic())
        self._last, self.delivery = self.delivery, None
        self._look()

    def _finish(self, reset: bool, killed=False):
        if not self.open:
            return
        # What has come by now is read: it is a delivery, even if it gets no answer.
        if self._reading:
            self._on_readable()
        if killed:
            self._cut_short()
        self.open = False
        self.read_no_more()
        self.loop.remove_writer(self.sock)
        if self.delivery is not None:
            self.delivery.ended_at = min(self.delivery.ended_at, time.monotonic())
        if reset:
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self.upstream.connections.discard(self)

    def kill(self, polite=False):
        """From outside, at any moment. Politely: our end first, and what crosses it is read."""
        if not self.open:
            return
        if polite and self.delivery is None:
            self._crossed = True
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
            self.loop.call_later(1.0, self.kill)
            return
        now = time.monotonic()
        self.upstream.troubles.append(Trouble(self.upstream.name, "unread", now, now))
        self._finish(reset=True, killed=True)
        self._task.cancel()

    def _unsent(self) -> int:
        """What a reset takes back: the end of an answer may still be waiting in this kernel."""
        return struct.unpack("i", fcntl.ioctl(self.sock, SIOCOUTQNSD, b"\0" * 4))[0]

    def _cut_short(self):
        """Killed in the middle of an answer: nobody can say how far the daemon has got."""
        delivery = self.delivery or (self._last if self._unsent() else None)
        if delivery is None or self._crossed:
            return
        delivery.cut, delivery.usage = True, None
        delivery.fate += "+killed"
        delivery.expected |= {"connection", "malformed"}


class Upstream:
    """One provider on a loopback port of its own, up or down."""

    def __init__(self, name: str, rng: random.Random, deliveries: list[Delivery],
                 troubles: list[Trouble]):
        self.name, self.rng = name, rng
        self.deliveries, self.troubles = deliveries, troubles
        self.connections: set[Connection] = set()
        self.mistakes: list[Exception] = []
        # Keeps the port while nobody listens.
        self._holder = self._socket(0)
        self.port = self._holder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task | None = None

    def _socket(self, port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        sock.setblocking(False)
        return sock

    def up(self, backlog=256):
        self._listener = self._socket(self.port)
        self._listener.listen(backlog)
        self._accept_on()

    def _accept_on(self):
        asyncio.get_running_loop().add_reader(self._listener, self._on_connection)

    def _on_connection(self):
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock)
            self.connections.add(connection)
            if self.rng.random() < 0.01:   # taken, and ended before anything is read
                connection.kill()

    def down(self):
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()   # whoever waits to be accepted is reset
        self._listener = None

    async def be_down(self, duration: float, kill: bool):
        trouble = Trouble(self.name, "down", time.monotonic())
        self.troubles.append(trouble)
        self.down()
        if kill:
            for connection in list(self.connections):
                connection.kill()
        try:
            await asyncio.sleep(duration)
        finally:
            self.up()
            trouble.end = time.monotonic()

    async def be_vanished(self, duration: float):
        """Neither accepts nor reads; what is under way stands still."""
        trouble = Trouble(self.name, "vanished", time.monotonic())
        self.troubles.append(trouble)
        asyncio.get_running_loop().remove_reader(self._listener)
        for connection in self.connections:
            connection.read_no_more()
        try:
            await asyncio.sleep(duration)
        finally:
            self._accept_on()
            for connection in list(self.connections):
                connection.read_on()
            trouble.end = time.monotonic()

    async def misbehave(self):
        """The part of its behaviour that belongs to no request. Never ends."""
        while True:
            await asyncio.sleep(self.rng.expovariate(8))
            dice = self.rng.random()
            if dice < 0.85:
                idle = [c for c in self.connections if c.delivery is None]
                if idle:
                    self.rng.choice(idle).kill(polite=self.rng.random() < 0.5)
            elif dice < 0.95 and self.connections:
                self.rng.choice(list(self.connections)).kill()
            elif dice < 0.975:
                await self.be_down(self.rng.uniform(0.05, 1.5), kill=self.rng.random() < 0.5)
            elif dice < 0.985:
                await self.be_vanished(self.rng.uniform(0.2, 3))

    async def come_to_an_end(self):
        """Reads all that the daemon has left behind; it has ended."""
        limit = time.monotonic() + 5
        while time.monotonic() < limit:
            await asyncio.sleep(0.2)
            if not self.connections:
                break
        self.down()
        self._holder.close()
