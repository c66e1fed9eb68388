"""`understudy serve`, whatever process it is just now: started, reloaded, upgraded, killed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from tests.soak.books import Trouble
from tests.support.daemon import Metrics, binary, fetch

PATIENCE = 20.0
CANNOT_BIND = 3
_PR_SET_CHILD_SUBREAPER = 36
# What the ledger keeps of /metrics (docs/metrics.md).
KEPT = ("understudy_requests_total", "understudy_attempts_total", "understudy_failovers_total",
        "understudy_tokens_total", "understudy_cost_usd_total", "understudy_usage_missing_total",
        "understudy_stale_replays_total", "understudy_hedges_total",
        "understudy_hedge_wasted_tokens_total")


class Failed(Exception):
    """The soak cannot go on."""


def safe_after() -> float:
    """How long a client has to have had an answer for its attempts to be in the ledger: 100 ms, but where
    threads wait that long for their turn."""
    return 0.1 if os.getloadavg()[0] <= 2 * len(os.sched_getaffinity(0)) else 1.0


class Server:
    """The log of all its processes goes to one file: minutes of it are too much for a pipe."""

    def __init__(self, folder: pathlib.Path, troubles: list[Trouble]):
        self.config, self.log = folder / "understudy.yaml", folder / "log"
        self.ledger = folder / "state/ledger.db"
        self.troubles = troubles
        self.port = self.pid = 0
        self.ended: dict[int, int] = {}     # exit codes by pid
        self.leaving: set[int] = set()      # processes that others have taken over from
        self.upgrades = self.refused = self.kills = 0
        self._folder = folder
        self.log.touch()
        # Whom an upgrade leaves behind becomes ours, to be waited for.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def write(self, config: str):
        new = self.config.with_suffix(".new")
        new.write_text(config)
        os.replace(new, self.config)

    # --- processes

    def alive(self, pid: int) -> bool:
        if pid in self.ended:
            return False
        with contextlib.suppress(ChildProcessError):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found == pid:
                self.ended[pid] = os.waitstatus_to_exitcode(status)
                return False
            return True
        return pathlib.Path(f"/proc/{pid}").exists()   # its parent has not ended yet

    def start(self):
        for _ in range(5):
            where = self.log.stat().st_size
            with open(self.log, "ab") as log:
                child = subprocess.Popen([binary(), "serve", "-c", str(self.config)],
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         cwd=self._folder, env={"HOME": str(self._folder)})
            self.pid = child.pid
            limit = time.monotonic() + PATIENCE
            while self.alive(self.pid) and time.monotonic() < limit:
                found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.said(where))
                if found:
                    self.port = int(found.group(1))
                    child.returncode = 0    # it is waited for by alive() alone
                    return
                time.sleep(0.01)
            if self.ended.get(self.pid) != CANNOT_BIND:  # a connection may hold the port for a while
                break
            time.sleep(0.2)
        raise Failed("the daemon does not start:\n" + self.said(where))

    def said(self, where: int = 0) -> str:
        with open(self.log, "rb") as log:
            log.seek(where)
            return log.read().decode("utf-8", "replace")

    def reload(self):
        with contextlib.suppress(ProcessLookupError):   # it was killed just now
            os.kill(self.pid, signal.SIGHUP)

    async def upgrade(self):
        """The next process takes over, unless its configuration is a bad one just now."""
        where, old, begin = self.log.stat().st_size, self.pid, time.monotonic()
        trouble = Trouble("*", "upgrade", begin)
        os.kill(old, signal.SIGUSR2)
        while time.monotonic() < begin + 2 * PATIENCE:
            await asyncio.sleep(0.02)
            said = self.said(where)
            if '"did not start' in said or "new program did not start" in said:
                self.refused += 1
                return
            found = re.search(r'"event":"upgrade","result":"begun","pid":(\d+)', said)
            if found and "handed over" in said:
                self.pid = int(found.group(1))
                self.leaving.add(old)
                self.upgrades += 1
                self.troubles.append(trouble)
                # What is silent is closed after a second, and answers may come until the drain ends.
                trouble.end = time.monotonic() + 12
                return
            if not self.alive(old):
                break
        raise Failed("an upgrade came to nothing:\n" + self.said(where)[-3000:])

    async def kill(self):
        """Ends it as a crash would, and starts it anew."""
        os.kill(self.pid, signal.SIGKILL)
        trouble = Trouble("*", "kill", time.monotonic() - safe_after())
        self.troubles.append(trouble)
        self.kills += 1
        while self.alive(self.pid):
            await asyncio.sleep(0.002)
        trouble.end = time.monotonic()
        await asyncio.to_thread(self.start)

    async def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        limit = time.monotonic() + PATIENCE
        waiting = {self.pid, *self.leaving}
        while waiting := {pid for pid in waiting if self.alive(pid)}:
            if time.monotonic() > limit:
                raise Failed(f"processes {waiting} did not end within {PATIENCE:g} s of SIGTERM")
            await asyncio.sleep(0.02)

    def end(self):
        """Whatever has gone wrong: nothing is left running."""
        for pid in {self.pid, *self.leaving} - {0}:
            if self.alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def endings(self) -> list[str]:
        """Of those that were not killed."""
        killed = self.kills
        problems = []
        for pid, code in self.ended.items():
            if code == -signal.SIGKILL and killed > 0:
                killed -= 1
            elif code not in (0, CANNOT_BIND):
                problems.append(f"process {pid} ended with {code}")
        return problems

    # --- what it says

    async def metrics(self) -> Metrics:
        url = f"http://127.0.0.1:{self.port}/metrics"
        status, _, body = await asyncio.to_thread(fetch, url)
        if status != 200:
            raise Failed(f"/metrics answers {status}")
        return Metrics.parse(body.decode())

    def records(self) -> list[dict]:
        lines = []
        for line in self.said().splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return lines


def kept(metrics: Metrics) -> dict[str, float]:
    return {sample: value for sample, value in metrics.items()
            if sample.partition("{")[0] in KEPT and 'route="none"' not in sample}


def fallen(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """Counters that have gone backwards."""
    return [f"{sample}: {value:g}, then {after.get(sample, 0):g}"
            for sample, value in before.items() if after.get(sample, 0) < value - 1e-12]
