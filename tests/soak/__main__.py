"""python3 -m tests.soak [SECONDS] [--seed N]: see README.md. Exit 0 only if all books agree."""

from __future__ import annotations

import argparse
import asyncio
import collections
import datetime
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from tests.soak import rows
from tests.soak.books import Clock, Delivery, Evidence, Settled, Trouble
from tests.soak.canon import NAMES
from tests.soak.clients import Clients
from tests.soak.config import configuration
from tests.soak.reckon import reckon
from tests.soak.server import Failed, Server, fallen, kept, safe_after
from tests.soak.upstreams import Upstream
from tests.support.daemon import Metrics, free_port

CLIENTS = 24
PROGRESS = 10.0
# The chapters' shares of the time: one process, then upgrades, then kills. The rest is for what comes to
# its end behind each.
STEADY, UPGRADES, KILLS = 0.47, 0.27, 0.18
# What the daemon may hold beyond what it held in the middle of the run.
MORE_MEMORY, MORE_FILES = 32 << 20, 40
# This process stood still for so long, at once or in the sum of two seconds: everybody's timers may have
# run out.
LATE, LATE_IN_SUM = 0.25, 0.5
SHOWN = 25


async def end(tasks: list[asyncio.Task]):
    """Of tasks that never end by themselves; one that has is a mistake of the soak's."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Soak:
    def __init__(self, seconds: float, seed: int, folder: pathlib.Path):
        self.seconds, self.seed = seconds, seed
        self.rng = random.Random(f"{seed}|soak")
        self.deliveries: list[Delivery] = []
        self.troubles: list[Trouble] = []
        self.settled: list[Settled] = []
        self.held: list[tuple[int, int]] = []    # memory and files, at each progress
        self.problems: list[str] = []
        self.server = Server(folder, self.troubles)
        self.port = free_port()
        self.clock = Clock()

    async def run(self) -> list[str]:
        self.upstreams = [Upstream(name, random.Random(f"{self.seed}|{name}"), self.deliveries,
                                   self.troubles) for name in NAMES]
        for upstream in self.upstreams:
            upstream.up()
        self.server.write(self.configuration())
        self.server.start()
        self.clients = Clients(self.port, self.seed)
        self.began = time.monotonic()
        late = asyncio.create_task(self.lateness())
        await self.chapter(STEADY * self.seconds, [])
        await self.settle()
        await self.chapter((UPGRADES + KILLS) * self.seconds, [self.unrest()])
        await self.server.stop()
        total = await self.start_once_more()
        await asyncio.gather(*(upstream.come_to_an_end() for upstream in self.upstreams))
        await end([late])
        for side in (*self.upstreams, self.clients):
            self.problems += [f"a mistake of the soak's: {mistake!r}" for mistake in side.mistakes]
        self.problems += self.server.endings() + rows.check_file(self.server.ledger)
        return self.problems + reckon(self.evidence(total))

    def configuration(self) -> str:
        ports = {upstream.name: upstream.port for upstream in self.upstreams}
        return configuration(self.rng, ports, self.port, str(self.server.ledger))

    def evidence(self, total: Metrics) -> Evidence:
        log = self.server.records()
        attempts, requests = rows.read(self.server.ledger, self.clock)
        reloads = [self.moment(line) for line in log if line.get("event") in ("reload", "started")]
        return Evidence(self.deliveries, self.clients.exchanges, log, attempts, requests,
                        self.troubles, self.settled, total, reloads)

    def moment(self, line: dict) -> float:
        when = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
        return self.clock.monotonic(when.timestamp())

    # --- chapters

    async def chapter(self, seconds: float, more: list):
        """Everybody is at work for so long, and then comes to an end."""
        self.clients.stopping = False
        chaos = [asyncio.create_task(task) for task in (
            *(upstream.misbehave() for upstream in self.upstreams), self.reload())]
        changes = [asyncio.create_task(task) for task in more]
        work = [asyncio.create_task(self.clients.work(number)) for number in range(CLIENTS)]
        await self.wait(seconds)
        self.clients.stopping = True
        await asyncio.gather(*changes)      # not in the middle of one
        await end(chaos)
        await asyncio.wait(work, timeout=150)
        self.problems += [f"a client is still at work: {task}" for task in work if not task.done()]

    async def wait(self, seconds: float):
        """Until the time is up, with a line now and then."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            await asyncio.sleep(min(PROGRESS, left))
            self.held.append(self.holds())
            memory, files = self.held[-1]
            done = [e for e in self.clients.exchanges if e.ended < 1e12]
            print(f"soak: {time.monotonic() - self.began:4.0f} s, {len(done)} requests, "
                  f"{sum(e.clean and e.status == 200 for e in done)} whole answers, "
                  f"{sum(e.left for e in done)} left, {len(self.deliveries)} deliveries, "
                  f"{memory >> 20} MiB, {files} files, {self.server.upgrades} upgrades, "
                  f"{self.server.kills} kills", flush=True)

    async def settle(self):
        """Nothing is under way: what this process says must be exact."""
        for _ in range(100):
            metrics = await self.server.metrics()
            if metrics.value("understudy_inflight_requests") == 0 and metrics.value(
                    "understudy_upstream_connections", state="active") == 0 and metrics.value(
                    "understudy_connections") == 1:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)    # rows are written a moment later
        metrics, log = await self.server.metrics(), self.server.records()
        self.settled.append(Settled(
            metrics, {line["id"] for line in log if line.get("event") == "request"},
            sum(line.get("event") == "rejected" for line in log)))
        self.problems += self.growth()

    async def unrest(self):
        """The processes change: by upgrades first, later by kills."""
        upgrades_until = time.monotonic() + UPGRADES * self.seconds
        kills_until = upgrades_until + KILLS * self.seconds - 1
        while time.monotonic() < kills_until:
            await asyncio.sleep(self.rng.uniform(0.5, 2.5))
            if time.monotonic() < upgrades_until:
                if self.rng.random() < 0.9:
                    self.server.write(self.configuration())
                await self.handover()
            elif time.monotonic() < kills_until:
                await self.crash()

    async def handover(self):
        """The next process soon counts all that the one before has counted."""
        before = kept(await self.server.metrics())
        await self.server.upgrade()
        limit = time.monotonic() + 5
        while missing := fallen(before, kept(await self.server.metrics())):
            if time.monotonic() > limit:
                self.problems += [f"a counter fell by an upgrade: {what}" for what in missing]
                break
            await asyncio.sleep(0.1)

    async def crash(self):
        """What was counted 100 ms before is counted afterwards, too."""
        before = kept(await self.server.metrics())
        await asyncio.sleep(safe_after() + self.rng.random() * 0.2)
        self.server.write(self.configuration())
        await self.server.kill()
        after = kept(await self.server.metrics())
        self.problems += [f"a counter fell by a kill: {what}" for what in fallen(before, after)]

    async def start_once_more(self) -> Metrics:
        """A process that has nothing to do but to say what all others have counted."""
        self.server.write(self.configuration())
        self.server.start()
        total = await self.server.metrics()
        await self.server.stop()
        return total

    # --- what goes on meanwhile

    async def reload(self):
        """Another configuration now and then, by a signal or found in the file; sometimes a bad one."""
        while True:
            await asyncio.sleep(self.rng.uniform(0.3, 4))
            if self.rng.random() < 0.1:
                self.server.write("listen: 127.0.0.1:0\nupstreams: 7\n")
            else:
                self.server.write(self.configuration())
            if self.rng.random() < 0.6:
                self.server.reload()

    async def lateness(self):
        """Notes when this process, and so every upstream, came too late to its turn."""
        step, turns = 0.05, collections.deque(maxlen=40)
        while True:
            before = time.monotonic()
            await asyncio.sleep(step)
            now = time.monotonic()
            turns.append((before, now - before - step))
            if now - before > LATE:
                self.troubles.append(Trouble("*", "late", before, now))
            elif sum(late for _, late in turns) > LATE_IN_SUM:
                self.troubles.append(Trouble("*", "late", turns[0][0], now))
                turns.clear()

    def holds(self) -> tuple[int, int]:
        process = pathlib.Path(f"/proc/{self.server.pid}")
        try:
            pages = int((process / "statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(process / "fd"))
        except OSError:     # it was killed just now
            return 0, 0

    def growth(self) -> list[str]:
        """Of the one process of the first chapter."""
        memory, files = self.holds()
        middle = self.held[len(self.held) // 2]
        problems = []
        if memory > middle[0] * 1.25 + MORE_MEMORY:
            problems.append(f"memory grew from {middle[0]} to {memory} bytes")
        if files > middle[1] + MORE_FILES:
            problems.append(f"descriptors grew from {middle[1]} to {files}")
        return problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"soak: {options.seconds:g} s, --seed {seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="understudy-soak-"))
    soak = Soak(options.seconds, seed, folder)
    try:
        problems = asyncio.run(soak.run())
    except Failed as failure:
        problems = [*soak.problems, str(failure)]
    finally:
        soak.server.end()
    for problem in problems[:SHOWN]:
        print(f"soak: {problem}")
    if problems:
        print(f"soak: FAILED, {len(problems)} disagreements; --seed {seed}; log: {soak.server.log}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print(f"soak: passed; {len(soak.clients.exchanges)} requests, {len(soak.deliveries)} deliveries, "
          f"{soak.server.upgrades} upgrades, {soak.server.kills} kills, all books agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
