#!/usr/bin/env python3
"""The sixteen provider faults for a client of each API, between a sick primary and a healthy backup that speak two
different APIs, plain and streamed: chat, Messages, Responses and Gemini on either side, and Bedrock's Converse behind.

    tests/faults/matrix.py            five pairs for each client: every API as primary and as backup
    tests/faults/matrix.py --all      all twenty pairs for each client
    tests/faults/matrix.py -v S08     the rows of one fault, each with its notes

One daemon with the settings that docs/failover.md recommends serves all rows, each with upstreams and a route of its
own. Verdicts are those of scoreboard.py, read through the eyes of the client's API (callers.py); S15 has a shorter
outage and a breaker with shorter rests. A stream that broke after its first words must come whole to every client.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import itertools
import json
import sys
import threading
import time
import traceback

import scoreboard
from scoreboard import FAULTS, ORDER, SLACK, documented, scaled_times
import bedrock
from callers import CALLERS, Nonsense, Told
from harness import TIME_SCALE, Client, Response, Upstream, config, status
from natives import native
from provider import COUNTS, SIXTY, Provider, scaled
from speech import SPEECHES
from tests.support.daemon import Daemon

APIS = [*SPEECHES]
OUTAGE = 1.5 * TIME_SCALE
QUICK_BREAKER = {"failures": 3, "window": "60s", "cooldown": f"{round(300 * TIME_SCALE)}ms"}
JOBS = 48


def pairs(client: str, everything: bool) -> list[tuple[str, str]]:
    """(primary, backup). Five: each API once as primary and once as backup; all clients together have all twenty."""
    shifts = range(1, len(APIS)) if everything else [APIS.index(client) % (len(APIS) - 1) + 1]
    return [(APIS[i], APIS[(i + shift) % len(APIS)]) for shift in shifts for i in range(len(APIS))]


@dataclasses.dataclass
class Row:
    """One fault for one client on one pair."""
    fault: scoreboard.Fault
    client: str
    primary: str
    backup: str
    stream: bool
    sick: Provider = None
    healthy: Provider = None
    asked: dict = dataclasses.field(default_factory=lambda: {"p": [], "b": []})  # requests at each
    served: list[str] = dataclasses.field(default_factory=list)     # who gave each whole answer
    got: Response | None = None
    told: Told | None = None
    took: float = 0.0
    verdict: str = "pass"
    notes: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.sick = Provider(self.model("p", self.primary), dialect=self.primary)
        accepts = self.fault.fallback().accepts_prefill
        self.healthy = Provider(self.model("b", self.backup), accepts, dialect=self.backup)

    def model(self, role: str, dialect: str) -> str:
        """At Bedrock the name tells what a model takes: these Claudes take a prefill. Upstreams have the same name,
        which may have 64 characters."""
        maker = "anthropic.claude-3-" if dialect == "converse" else ""
        return f"{maker}{role}.{self.name}"

    @property
    def name(self) -> str:
        way = "streamed" if self.stream else "plain"
        return f"{self.fault.id}.{self.client}.{self.primary}.{self.backup}.{way}"

    @property
    def breaks(self) -> bool:
        """A stream that breaks behind its first words. An event that is not JSON passes within one API, as any other;
        between two it cannot be said, and may be some of the words: left out, the answer would have a hole."""
        between = self.client != self.primary
        return self.stream and self.fault.id in ("S08", "S09", "S14", *(["S10"] if between else []))

    def __str__(self):
        return f"{self.name:46} {self.verdict:8} {'; '.join(self.notes)}"

    # --- what the daemon is told of it

    def entries(self, upstream: Upstream) -> list[dict]:
        page = documented()["upstreams"]
        more = {"breaker": QUICK_BREAKER} if self.fault.id == "S15" else {}
        return [self.entry(upstream, provider, timeouts=scaled_times(entry["timeouts"]),
                           price={"input": 1, "output": 1}, **more,
                           **({"continuation": self.fault.continuation} if provider is self.healthy else {}))
                for entry, provider in zip(page, (self.sick, self.healthy))]

    def entry(self, upstream: Upstream, provider: Provider, **settings) -> dict:
        if provider.speech.dialect == "converse":
            return bedrock.entry(upstream, provider.model, provider.model, **settings)
        return native(upstream, provider.model, provider.speech.dialect, model=provider.model, api_key="sk-any",
                      **{**settings, "base_url": f"http://127.0.0.1:{upstream.port}{provider.speech.path}"})

    def route(self) -> dict:
        first, second = self.sick.model, self.healthy.model
        return {**documented()["routes"][0], "model": "asked." + self.name, "chain": [first, second],
                "on": {"context_length": [second]}}

    # --- what happens

    def ask(self, daemon: Daemon, timeout: float):
        """One call of the client; a call without an end is a hang."""
        caller = CALLERS[self.client]
        path, body = caller.ask("asked." + self.name, self.stream)
        began = time.monotonic()
        with Client(daemon) as client:
            client.ask(path=path, body=body)
            self.got = client.response(timeout)
        self.took = time.monotonic() - began
        if self.got.status != 200:
            self.told = Told(error=caller.error(self.got.json))
        else:
            self.told = (caller.read_stream if self.stream else caller.read_plain)(self.got)
        if self.told.whole:
            self.served.append(self.got.header("x-understudy-upstream"))

    def require(self, truth: bool, what: str):
        self._lower(truth, "fail", what)

    def expect(self, truth: bool, what: str):
        self._lower(truth, "partial", what)

    def _lower(self, truth: bool, verdict: str, note: str):
        if not truth:
            self.notes.append(note)
            self.verdict = min(self.verdict, verdict, key=ORDER.index)

    def judge(self):
        """Whole: rescued. A clear error: safe. Anything else: fail."""
        self.require(self.took <= scaled(self.fault.bound) + SLACK, f"took {self.took:.1f} s")
        if self.told.whole:
            self.require(self.told.text == SIXTY, f"a wrong answer as success: {self.told.text!r:.80}")
            told_by = self.sick if self.rescued() or self.served[-1] == self.sick.model else self.healthy
            named = told_by.model if told_by.speech.names_model else "asked." + self.name
            self.require(self.told.model == named, f"names {self.told.model}, told by {told_by.model}")
        else:
            ends = ("whole",) if self.got.status != 200 else ("cut", "reset")
            clear = bool(self.told.error) and self.got.ended in ends
            self._lower(False, "safe" if clear else "fail", f"{self.got.status} {self.got.ended}: "
                        f"{self.told.error or 'neither an answer nor an error'}")

    def rescued(self) -> bool:
        if self.client != "gemini":
            return b": understudy rescue " in self.got.body
        # No comment marks the seam there: who began it did not end it.
        return (self.got.header("x-understudy-upstream") == self.sick.model and self.told.whole
                and bool(self.asked["b"]))

    def attempts(self) -> list[float]:
        times = sorted(r.at for r in self.asked["p"] + self.asked["b"])
        return [at - times[0] for at in times]

    def tries(self, primary: int, backup: int):
        counts = len(self.asked["p"]), len(self.asked["b"])
        self.expect(counts == (primary, backup), f"{counts} attempts, not {(primary, backup)}")


# ---------------------------------------------------------------- what each fault demands

def retried(row: Row, daemon: Daemon):
    row.tries(2, 0)


def waited_out(row: Row, daemon: Daemon):
    row.tries(2, 0)
    first, second = [r.at for r in row.asked["p"]]
    row.require(second - first >= 1.8, "did not wait for the primary's Retry-After")


def few_attempts(row: Row, daemon: Daemon):
    row.require(len(row.attempts()) <= 6, f"{len(row.attempts())} attempts")
    row.require(sum(at <= 3 for at in row.attempts()) <= 4, f"attempts at {row.attempts()}")


def once_each(row: Row, daemon: Daemon):
    row.tries(1, 1)


def soon(row: Row, daemon: Daemon):
    row.tries(1, 1)
    row.expect(row.took <= scaled(15) + SLACK / 2, f"whole after {row.took:.1f} s")


def gone_on_with(row: Row, daemon: Daemon):
    """Where it is whole, its books are the client's: the prompt once, sixty words. Nothing that was asked for on our
    account shows."""
    if row.told.whole:
        row.expect(row.rescued() == row.stream, "not rescued in mid-stream")
        row.expect(row.told.usage == COUNTS, f"its usage is {row.told.usage}")
    shown = row.got.body.decode().replace(", prefill", "")
    row.require("prefill" not in shown, "a prefill's rejection leaked")


def carried_on(row: Row, daemon: Daemon):
    if row.breaks:
        row.expect(row.rescued() == row.told.whole, "not rescued in mid-stream")
    elif row.stream:
        row.tries(1, 0)


def whole_without_end(row: Row, daemon: Daemon):
    row.tries(1, 0)
    row.expect(row.told.usage == COUNTS, f"its usage is {row.told.usage}")


def refused_with_its_reason(row: Row, daemon: Daemon):
    row.require(len(row.attempts()) == 1, f"{len(row.attempts())} attempts")
    claude = row.primary in ("messages", "converse")
    reason = "content filtering policy" if claude else "safety system"
    row.require(row.got.status == 400 and reason in (row.told.error or ""), "the reason did not arrive")
    if row.verdict == "safe":
        row.verdict = "pass"  # a clear error is what is asked for here


def told_by_the_backup(row: Row, daemon: Daemon):
    few_attempts(row, daemon)
    row.require(row.got.header("x-understudy-model") == row.healthy.model, "x-understudy-model")
    row.require(row.told.usage == COUNTS, f"its usage is {row.told.usage}")


def outage(row: Row, daemon: Daemon):
    """Requests go on through an outage; the primary rests meanwhile, and is used again soon behind it."""
    recovery = row.asked["p"][0].at + OUTAGE
    threading.Timer(max(0.0, recovery - time.monotonic()),
                    lambda: setattr(row.sick, "faulty", False)).start()
    while row.served[-1] != row.sick.model:
        threading.Event().wait(0.1 * TIME_SCALE)
        row.ask(daemon, 30 * TIME_SCALE)
        now = time.monotonic()
        row.judge()
        row.require(now >= recovery or row.served[-1] == row.healthy.model, "told by the primary in its outage")
        if not row.told.whole or now > recovery + 3 * TIME_SCALE:
            break
    row.require(row.served[-1] == row.sick.model, "the primary was not used again")
    tried = sum(r.at < recovery for r in row.asked["p"])
    row.require(tried <= 8, f"{tried} attempts at the primary during the outage")


CHECKS = {"S01": waited_out, "S02": few_attempts, "S03": retried, "S04": few_attempts,
          "S05": lambda row, daemon: None, "S06": once_each, "S07": soon, "S08": gone_on_with,
          "S09": gone_on_with, "S10": carried_on, "S11": whole_without_end, "S12": once_each,
          "S13": refused_with_its_reason, "S14": gone_on_with, "S15": outage, "S16": told_by_the_backup}
assert [*CHECKS] == [fault.id for fault in FAULTS]


# ---------------------------------------------------------------- the run

class Stage:
    """One server with every provider: who is asked is told by the model, and in which API by the path."""

    def __init__(self, rows: list[Row]):
        self.providers = {}
        for row in rows:
            self.providers[row.sick.model] = row, "p", row.fault.fault(row.sick)
            self.providers[row.healthy.model] = row, "b", row.healthy.well

    def __call__(self, connection, request):
        path = request.target.partition("?")[0]
        spoken = next(name for end, name in (("/chat/completions", "chat"), ("/messages", "messages"),
                                             ("/responses", "responses"), ("/converse", "converse"),
                                             ("/converse-stream", "converse"), ("", "gemini"))
                      if path.endswith(end))
        row, role, answer = self.providers[SPEECHES[spoken].model(request)]
        if spoken != (row.primary if role == "p" else row.backup):
            # A server of chat completions is asked for /responses once, to see whether it has them.
            connection.send(status(404, "404 page not found", content_type="text/plain"))
            return
        if spoken == "converse":
            bedrock.assert_signed(request)
        row.asked[role].append(request)
        answer(connection, request)


def run_row(row: Row, daemon: Daemon):
    try:
        row.ask(daemon, scaled(row.fault.bound) + 10 * TIME_SCALE)
        row.judge()
        CHECKS[row.fault.id](row, daemon)
        verdict, notes = row.verdict, [*row.notes]
        row.sick.faulty = False
        row.ask(daemon, 10 * TIME_SCALE)  # after each fault all is well again
        row.judge()
        row.require(row.told.whole, "not well again")
        if row.told.whole and row.verdict != "fail":
            row.verdict, row.notes = verdict, notes
    except Exception as error:  # a hang, or an answer that is none
        traceback.print_exc(file=sys.stderr) if not isinstance(error, Nonsense) else None
        row.require(False, f"{type(error).__name__}: {error} {row.got!r:.400}")


def check_books(rows: list[Row], daemon: Daemon):
    """Of what failed nothing is booked, and all of what was told."""
    metrics = daemon.metrics()
    for row in rows:
        if row.fault.id not in ("S02", "S04", "S16"):
            continue
        for provider in (row.sick, row.healthy):
            told = sum(COUNTS) * row.served.count(provider.model)
            booked = metrics.value("understudy_tokens_total", upstream=provider.model)
            row.require(booked == told, f"{booked:g} tokens booked for {provider.model}, {told} told")


def all_rows(everything: bool = False, only: str = "") -> list[Row]:
    rows = [Row(fault, client, primary, backup, stream)
            for fault, client, stream in itertools.product(FAULTS, CALLERS, (False, True))
            for primary, backup in pairs(client, everything)]
    return [row for row in rows if only in row.name]


def run(rows: list[Row]) -> list[Row]:
    with Upstream(Stage(rows)) as upstream:
        text = config(*itertools.chain(*(row.entries(upstream) for row in rows)),
                      routes=[row.route() for row in rows], breaker=documented()["breaker"],
                      retry_budget={"percent": 100})
        # The long ones first, so that the run is as short as its longest.
        slow = ["S15", "S09", "S01", "S06", "S07"]
        order = sorted(rows, key=lambda row: slow.index(row.fault.id) if row.fault.id in slow else 99)
        with Daemon(text, env=bedrock.AWS) as daemon, concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda row: run_row(row, daemon), order))
            check_books(rows, daemon)
            assert daemon.returncode is None
    return rows


def board(rows: list[Row]) -> str:
    """Verdicts of each fault for each client, plain and streamed: how many, where not all pass."""
    lines = [f"{'':4}" + "".join(f"{client + (' streamed' if stream else ''):20}"
                                 for client in CALLERS for stream in (False, True))]
    for fault in FAULTS:
        cells = []
        for client, stream in itertools.product(CALLERS, (False, True)):
            verdicts = [row.verdict for row in rows
                        if (row.fault.id, row.client, row.stream) == (fault.id, client, stream)]
            cells.append(", ".join(f"{verdicts.count(v)} {v}" for v in reversed(ORDER) if v in verdicts))
        lines.append(f"{fault.id:4}" + "".join(f"{cell:20}" for cell in cells))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="?", default="", help="a part of the rows' names")
    parser.add_argument("--all", action="store_true", help="all pairs for each client")
    parser.add_argument("-v", action="store_true", help="every row, not only those that missed")
    arguments = parser.parse_args()
    began = time.monotonic()
    rows = all_rows(arguments.all, arguments.only)
    # All of them make a larger configuration than is read: a daemon for each client.
    for client in CALLERS if arguments.all else [""]:
        run([row for row in rows if client in ("", row.client)])
    missed = [row for row in rows if row.verdict != "pass"]
    print("\n".join(map(str, rows if arguments.v else missed)))
    print(board(rows))
    print(f"{len(rows)} rows in {time.monotonic() - began:.0f} s, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
