"""python3 -m tests.soak [SECONDS] [--seed N]: see README.md. Exit 0 only if all books agree."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tests.soak.books import Delivery, Trouble
from tests.soak.clients import Clients
from tests.soak.reckon import reckon
from tests.soak.upstreams import Upstream
from tests.support.daemon import Metrics, binary, fetch

CLIENTS = 24
NAMES = ("alpha", "beta", "gamma", "delta")
PROGRESS = 10.0
# What the daemon may hold beyond what it held in the middle of the run.
MORE_MEMORY, MORE_FILES = 32 << 20, 40
# This process stood still for so long: everybody's timers may have run out.
LATE = 0.25
SHOWN = 25


class Failed(Exception):
    """The soak cannot go on."""


# ---------------------------------------------------------------- the daemon

class Server:
    """`understudy serve` whose access log goes to a file: minutes of it are too much for a pipe."""

    def __init__(self, folder: pathlib.Path):
        self.config, self.log = folder / "understudy.yaml", folder / "log"
        self._folder = folder

    def start(self, config: str):
        self.write(config)
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([binary(), "serve", "-c", str(self.config)],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          cwd=self._folder, env={"HOME": str(self._folder)})
        limit = time.monotonic() + 20
        while True:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text())
            if found:
                self.port = int(found.group(1))
                return
            if self.child.poll() is not None or time.monotonic() > limit:
                raise Failed("the daemon does not start:\n" + self.log.read_text())
            time.sleep(0.02)

    def write(self, config: str):
        new = self.config.with_suffix(".new")
        new.write_text(config)
        os.replace(new, self.config)

    async def metrics(self) -> Metrics:
        url = f"http://127.0.0.1:{self.port}/metrics"
        status, _, body = await asyncio.to_thread(fetch, url)
        if status != 200:
            raise Failed(f"/metrics answers {status}")
        return Metrics.parse(body.decode())

    def records(self) -> list[dict]:
        lines = []
        for line in self.log.read_text("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return lines

    async def stop(self):
        self.child.send_signal(signal.SIGTERM)
        for _ in range(400):
            if self.child.poll() is not None:
                return
            await asyncio.sleep(0.05)
        self.child.kill()
        raise Failed("the daemon did not end within 20 s of SIGTERM")


def configuration(rng: random.Random, upstreams: list[Upstream]) -> str:
    """Chains, retries and bounds at random; names, addresses and the deadline stay."""
    limits = {"connect": "1s", "first_token": "1500ms", "response": "2s", "idle": "1s", "total": "8s"}
    entries = [{"name": u.name, "base_url": f"http://127.0.0.1:{u.port}/v1", "api_key": "sk-soak",
                "timeouts": limits, **({"model": "m-own"} if u.name == "delta" else {})}
               for u in upstreams]
    classes = ["connection", "timeout", "rate_limit", "quota", "server_error", "malformed"]
    routes = []
    for model in ("m-a", "m-b", "*"):
        chain = rng.sample(NAMES, rng.randint(1, 4))
        if model == "*":
            chain = [f"{name}/m-{rng.choice('de')}" for name in chain]
        elif rng.random() < 0.3:
            chain.append(f"{rng.choice(chain)}/m-large")
        route = {"model": model, "chain": chain, "retries": rng.choice((0, 0, 1, 2)),
                 "retry": {"base": "20ms", "max": "100ms", "max_retry_after": "500ms"},
                 "deadline": "5s"}
        if rng.random() < 0.3:
            route["fallback_on"] = rng.sample(classes, rng.randint(2, 6))
        routes.append(route)
    document = {"listen": "127.0.0.1:0", "workers": 2, "upstreams": entries, "routes": routes,
                "limits": {"buffer_response": rng.choice(("4MiB", "64KiB", "16KiB"))},
                "log": {"level": "info", "format": "json"}, "drain": "10s"}
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) + "\n"


# ---------------------------------------------------------------- the run

async def end(tasks: list[asyncio.Task]):
    """Of tasks that never end by themselves; one that has is a mistake of the soak's."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Soak:
    def __init__(self, seconds: float, seed: int, server: Server):
        self.seconds, self.seed, self.server = seconds, seed, server
        self.rng = random.Random(f"{seed}|soak")
        self.deliveries: list[Delivery] = []
        self.troubles: list[Trouble] = []
        self.held: list[tuple[int, int]] = []    # memory and files, at each progress

    async def run(self) -> list[str]:
        self.upstreams = [Upstream(name, random.Random(f"{self.seed}|{name}"), self.deliveries,
                                   self.troubles) for name in NAMES]
        for upstream in self.upstreams:
            upstream.up()
        self.server.start(configuration(self.rng, self.upstreams))
        self.clients = Clients(self.server.port, self.seed)
        late = asyncio.create_task(self.lateness())
        chaos = [asyncio.create_task(task) for task in (
            *(upstream.misbehave() for upstream in self.upstreams), self.reload())]
        work = [asyncio.create_task(self.clients.work(number)) for number in range(CLIENTS)]
        await self.wait()
        self.clients.stopping = True
        await end(chaos)
        await asyncio.wait(work, timeout=150)
        hung = [f"a client is still at work: {task}" for task in work if not task.done()]
        metrics = await self.settled()
        problems = self.growth()
        await self.server.stop()
        await asyncio.gather(*(upstream.come_to_an_end() for upstream in self.upstreams))
        await end([late])
        if self.server.child.returncode != 0:
            problems.append(f"the daemon ended with {self.server.child.returncode}")
        for side in (*self.upstreams, self.clients):
            problems += [f"a mistake of the soak's: {mistake!r}" for mistake in side.mistakes]
        return hung + problems + reckon(self.deliveries, self.clients.exchanges,
                                        self.server.records(), metrics, self.troubles)

    async def wait(self):
        """Until the time is up, with a line now and then."""
        began = time.monotonic()
        while time.monotonic() - began < self.seconds:
            left = self.seconds - (time.monotonic() - began)
            await asyncio.sleep(min(PROGRESS, left))
            if self.server.child.poll() is not None:
                raise Failed(f"the daemon has died: {self.server.child.returncode}\n"
                             + self.server.log.read_text()[-3000:])
            self.held.append(self.holds())
            memory, files = self.held[-1]
            done = [e for e in self.clients.exchanges if e.ended < 1e12]
            print(f"soak: {time.monotonic() - began:4.0f} s, {len(done)} requests, "
                  f"{sum(e.clean and e.status == 200 for e in done)} whole answers, "
                  f"{sum(e.left for e in done)} left, {len(self.deliveries)} deliveries, "
                  f"{memory >> 20} MiB, {files} files", flush=True)

    def holds(self) -> tuple[int, int]:
        process = pathlib.Path(f"/proc/{self.server.child.pid}")
        pages = int((process / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(process / "fd"))

    def growth(self) -> list[str]:
        memory, files = self.holds()
        middle = self.held[len(self.held) // 2]
        problems = []
        if memory > middle[0] * 1.25 + MORE_MEMORY:
            problems.append(f"memory grew from {middle[0]} to {memory} bytes")
        if files > middle[1] + MORE_FILES:
            problems.append(f"descriptors grew from {middle[1]} to {files}")
        return problems

    async def settled(self) -> Metrics:
        """The metrics once nothing is under way; if that does not come, as they are."""
        for _ in range(100):
            metrics = await self.server.metrics()
            if metrics.value("understudy_inflight_requests") == 0 and metrics.value(
                    "understudy_upstream_connections", state="active") == 0 and metrics.value(
                    "understudy_connections") == 1:
                break
            await asyncio.sleep(0.1)
        return metrics

    async def reload(self):
        """Another configuration now and then, by a signal or found in the file; sometimes a bad one."""
        while True:
            await asyncio.sleep(self.rng.uniform(0.3, 4))
            if self.rng.random() < 0.1:
                self.server.write("listen: 127.0.0.1:0\nupstreams: 7\n")
            else:
                self.server.write(configuration(self.rng, self.upstreams))
            if self.rng.random() < 0.6:
                self.server.child.send_signal(signal.SIGHUP)

    async def lateness(self):
        """Notes when this process, and so every upstream, came too late to its turn."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            now = time.monotonic()
            if now - before > LATE:
                self.troubles.append(Trouble("*", "late", before, now))


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"soak: {options.seconds:g} s, --seed {seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="understudy-soak-"))
    server = Server(folder)
    soak = Soak(options.seconds, seed, server)
    try:
        problems = asyncio.run(soak.run())
    except Failed as failure:
        problems = [str(failure)]
    finally:
        if getattr(server, "child", None) and server.child.poll() is None:
            server.child.kill()
    for problem in problems[:SHOWN]:
        print(f"soak: {problem}")
    if problems:
        print(f"soak: FAILED, {len(problems)} disagreements; --seed {seed}; log: {server.log}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print(f"soak: passed; {len(soak.clients.exchanges)} requests, {len(soak.deliveries)} deliveries, "
          f"all books agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
