"""Clients of every kind, each of which writes down what it saw. One asyncio loop for all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import time
import zlib

from tests.soak.books import Exchange
from tests.soak.canon import digest

# No request may take longer: the deadline before the first token, an attempt's total, and what a
# slow client takes itself.
BOUND = 25.0
# What surely fits into the daemon's socket buffer, with the end of the connection behind it.
KERNEL_TAKES = 32_000
ROUTES = {"m-a": "m-a", "m-b": "m-b", "anything": "*", "m-c": "*"}


class Left(Exception):
    """This client goes now."""


class Leaving:
    """When a client goes, if it does: at a moment, or behind so many bytes of answers."""

    def __init__(self, rng: random.Random, leaves: bool):
        self.after_bytes = rng.choice((0, 1, 100, 2000, 50_000)) if leaves and rng.random() < 0.5 \
            else None
        self.after_time = rng.choice((0, 0.01, 0.1, 0.3, 1.0)) * rng.random() \
            if leaves and self.after_bytes is None else None
        self.reset = rng.random() < 0.5


class Client:
    """One connection. Reads into a buffer, slowly if it must."""

    def __init__(self, port: int, rng: random.Random, slow=False, leaving: Leaving | None = None):
        self.port, self.rng, self.slow = port, rng, slow
        self.leaving = leaving or Leaving(rng, False)
        self.received = 0
        self.over = ""              # closed, reset
        self.answers = 0
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()

    async def connect(self):
        limit = time.monotonic() + BOUND
        while True:
            self.sock = socket.socket()
            self.sock.setblocking(False)
            if self.slow:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            try:
                await self._loop.sock_connect(self.sock, ("127.0.0.1", self.port))
                break
            except (ConnectionRefusedError, ConnectionResetError):  # it was killed, and starts again
                self.sock.close()
                if time.monotonic() > limit:
                    raise
                await asyncio.sleep(0.02)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._limit = time.monotonic() + self.leaving.after_time \
            if self.leaving.after_time is not None else None

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._loop.remove_reader(self.sock)
        self._loop.remove_writer(self.sock)
        self.sock.close()

    async def send(self, data: bytes):
        try:
            await self._in_time(self._loop.sock_sendall(self.sock, data))
        except OSError:
            self.over = self.over or "reset"

    def still_open(self) -> bool:
        """Whether the kept connection can be used again, as any library looks before it does."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    async def _in_time(self, awaitable):
        if self._limit is None:
            return await awaitable
        try:
            return await asyncio.wait_for(awaitable, max(0, self._limit - time.monotonic()))
        except asyncio.TimeoutError:
            raise Left from None

    async def _more(self) -> bool:
        if self.over:
            return False
        if self.leaving.after_bytes is not None and self.received >= self.leaving.after_bytes:
            raise Left
        if self.slow:
            await self._in_time(asyncio.sleep(self.rng.random() * 0.02))
        try:
            data = await self._in_time(
                self._loop.sock_recv(self.sock, 4096 if self.slow else 262144))
        except OSError:
            self.over = "reset"
            return False
        if not data:
            self.over = "closed"
            return False
        self.received += len(data)
        self._buffer += data
        return True

    async def line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                data = bytes(self._buffer[:end])
                del self._buffer[:end + 2]
                return data
            if not await self._more():
                return None

    async def exactly(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            if not await self._more():
                return None
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    # --- one answer

    async def answer(self, exchange: Exchange):
        """Reads one answer to its end, and writes down how it ended."""
        body = bytearray()
        fields: dict[str, str] = {}
        exchange.kept = self.answers > 0
        try:
            ended = await self._read(exchange, fields, body)
            exchange.end = "whole" if ended else ("cut" if self.over == "closed" else "reset")
            if ended is None:
                exchange.end = self.over  # no framing: the close is the end, a reset is none
            if fields.get("connection") == "close":
                self.over = self.over or "closed"
            self.answers += 1
        finally:
            exchange.ended = time.monotonic()
            look_at(exchange, fields, bytes(body))

    async def _read(self, exchange: Exchange, fields: dict, body: bytearray) -> bool | None:
        first = await self.line()
        if first is None:
            return False
        while True:
            line = await self.line()
            if line is None:
                return False
            if not line:
                break
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        exchange.status = int(first.split(b" ")[1])
        if "chunked" in fields.get("transfer-encoding", ""):
            exchange.chunked = True
            return await self._chunks(body)
        if "content-length" in fields:
            left = int(fields["content-length"])
            while left > 0:
                if not self._buffer and not await self._more():
                    return False
                piece = bytes(self._buffer[:left])
                del self._buffer[:left]
                body += piece
                left -= len(piece)
            return True
        while await self._more():
            body += self._buffer
            self._buffer.clear()
        body += self._buffer
        return None

    async def _chunks(self, body: bytearray) -> bool:
        while True:
            size = await self.line()
            if size is None:
                return False
            data = await self.exactly(int(size, 16) + 2)
            if data is None:
                return False
            if len(data) == 2:
                return True
            body += data[:-2]


def look_at(exchange: Exchange, fields: dict[str, str], body: bytes):
    """What the answer says, as a client library would read it."""
    exchange.upstream = fields.get("x-understudy-upstream", "")
    exchange.model = fields.get("x-understudy-model", "")
    exchange.attempts = int(fields.get("x-understudy-attempts", 0))
    exchange.trace = fields.get("x-understudy-trace", "")
    exchange.cost = fields.get("x-understudy-cost-usd", "")
    exchange.coded = "content-encoding" in fields
    if exchange.status != 200:
        return
    if exchange.coded:
        with contextlib.suppress(zlib.error):
            body = zlib.decompressobj(wbits=31).decompress(body)
    exchange.waited = body.startswith(b": understudy still waiting")
    text = []
    if fields.get("content-type", "").startswith("text/event-stream"):
        events = [b"\n".join(line[5:].strip() for line in block.split(b"\n")
                             if line.startswith(b"data:")) for block in body.split(b"\n\n")[:-1]]
    else:
        events = [body]
    for data in events:
        text.append(look_at_event(exchange, data))
    exchange.digest = digest("".join(text))


def look_at_event(exchange: Exchange, data: bytes) -> str:
    exchange.dones += data == b"[DONE]"
    try:
        said = json.loads(data)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    exchange.error = exchange.error or json.dumps(said.get("error") or "")[:300].strip('"')
    for name, seen in (("id", exchange.ids), ("model", exchange.models)):
        if said.get(name) not in (None, *seen):
            setattr(exchange, name + "s", (*seen, said[name]))
    if usage := said.get("usage"):
        exchange.saw_usage = True
        exchange.usage_adds_up &= usage["total_tokens"] == (
            usage["prompt_tokens"] + usage["completion_tokens"])
    text = ""
    for choice in said.get("choices") or []:
        part = choice.get("delta") or choice.get("message") or {}
        text += part.get("content") or ""
        exchange.roles += bool(part.get("role"))
        exchange.finishes += bool(choice.get("finish_reason"))
    return text


# ---------------------------------------------------------------- requests

class Clients:
    """Keeps so many clients at work, and remembers all exchanges."""

    def __init__(self, port: int, seed: int):
        self.port, self.seed = port, seed
        self.exchanges: list[Exchange] = []
        self.mistakes: list[Exception] = []
        self.stopping = False

    def request(self, rng: random.Random, version="HTTP/1.1") -> tuple[Exchange, bytes]:
        exchange = Exchange(f"soak-{self.seed}-{len(self.exchanges)}", time.monotonic())
        self.exchanges.append(exchange)
        model = rng.choice(list(ROUTES))
        exchange.route = ROUTES[model]
        exchange.stream = rng.random() < 0.6
        size = rng.choice((10, 10, 10, 3000, 300_000 if rng.random() < 0.2 else 100))
        body = {"model": model, "messages": [{"role": "user", "content": "x" * size}]}
        fields = {"Host": "localhost", "Content-Type": "application/json",
                  "x-request-id": exchange.rid}
        if exchange.stream:
            body["stream"] = True
            exchange.asked_usage = rng.random() < 0.3
            if exchange.asked_usage:
                body["stream_options"] = {"include_usage": True}
        if rng.random() < 0.3:
            exchange.session = fields["x-understudy-session"] = f"session-{rng.randint(1, 9)}"
        if rng.random() < 0.2:
            fields["Accept-Encoding"] = "gzip"
        if rng.random() < 0.15:
            fields["x-understudy-fallback"], exchange.off = "off", True
        if rng.random() < 0.1:
            exchange.deadline = rng.choice((0.05, 0.3, 1.0))
            fields["x-understudy-deadline"] = f"{round(exchange.deadline * 1000)}ms"
        data = json.dumps(body).encode()
        exchange.prompt = size
        fields["Content-Length"] = str(len(data))
        lines = [f"POST /v1/chat/completions {version}", *(f"{k}: {v}" for k, v in fields.items())]
        return exchange, "\r\n".join([*lines, "", ""]).encode() + data

    # --- kinds of clients; each serves itself once

    async def in_turn(self, rng, slow=False, leaves=False, version="HTTP/1.1"):
        """Some requests, one after the other, on one connection."""
        client = Client(self.port, rng, slow, Leaving(rng, leaves))
        await client.connect()
        exchange = None
        try:
            for _ in range(1 if leaves or version != "HTTP/1.1" else rng.randint(1, 6)):
                if not client.still_open() or (exchange and self.stopping):
                    break
                exchange, data = self.request(rng, version)
                exchange.slow = slow
                await self.bounded(client, [exchange], data)
                if client.over or exchange.hung:
                    break
                # Where nobody is to be asked, a client that comes back at once has nothing of it.
                await asyncio.sleep(rng.random() * (0.5 if exchange.status == 503 else 0.05))
            client.close()
        except Left:
            client.close(client.leaving.reset)
            exchange.left, exchange.ended = True, time.monotonic()

    async def pipelined(self, rng, leaves=False):
        """Several requests in one write; the answers come in order."""
        client = Client(self.port, rng, leaving=Leaving(rng, leaves))
        await client.connect()
        pairs = [self.request(rng) for _ in range(rng.randint(2, 4))]
        exchanges = [exchange for exchange, _ in pairs]
        for number, exchange in enumerate(exchanges):
            behind = sum(len(data) for _, data in pairs[number + 1:])
            exchange.hidden = behind > KERNEL_TAKES
        try:
            await self.bounded(client, exchanges, b"".join(data for _, data in pairs))
            client.close()
        except Left:
            client.close(client.leaving.reset)
        for exchange in exchanges:
            if exchange.end == "none" and not exchange.hung:
                exchange.left, exchange.ended = True, time.monotonic()

    async def never_whole(self, rng):
        """A request that ends in its middle."""
        client = Client(self.port, rng)
        await client.connect()
        exchange, data = self.request(rng)
        await client.send(data[:rng.randrange(len(data))])
        await asyncio.sleep(rng.random() * 0.1)
        client.close(rng.random() < 0.5)
        exchange.left, exchange.ended = True, time.monotonic()

    async def bounded(self, client: Client, exchanges: list[Exchange], data: bytes):
        async def talk():
            await client.send(data)
            for exchange in exchanges:
                await client.answer(exchange)
                if client.over:
                    return
        try:
            await asyncio.wait_for(talk(), BOUND * len(exchanges))
        except asyncio.TimeoutError:
            for exchange in exchanges:
                exchange.hung = exchange.end == "none"
            client.close(reset=True)

    async def work(self, number: int):
        rng = random.Random(f"{self.seed}|client|{number}")
        kinds = [(50, self.in_turn, {}), (8, self.in_turn, {"slow": True}),
                 (20, self.in_turn, {"leaves": True}), (3, self.in_turn, {"version": "HTTP/1.0"}),
                 (3, self.in_turn, {"slow": True, "leaves": True}),
                 (6, self.pipelined, {}), (3, self.pipelined, {"leaves": True}),
                 (4, self.never_whole, {})]
        while not self.stopping:
            [(_, kind, options)] = rng.choices(kinds, [weight for weight, _, _ in kinds])
            try:
                await kind(rng, **options)
            except Exception as mistake:  # of the soak; the daemon's are in the books
                self.mistakes.append(mistake)
            await asyncio.sleep(rng.random() * 0.1)
