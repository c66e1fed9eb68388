#!/usr/bin/env python3
"""The sixteen provider faults (README.md) through the real daemon, plain and streamed, with a
verdict each: pass, partial, safe or fail.

    tests/faults/scoreboard.py              prints the board; exit 1 if a required verdict is missed
    FAULTS_SPEED=1 tests/faults/scoreboard.py    in the list's own times (minutes) instead of a tenth

Verdicts: pass = rescued (for S13 a clean error) and every check holds, in the strictest reading: the
words are the provider's, up to [DONE], under the name of the model that told them; partial = rescued,
but one check failed; safe = not rescued, but a clean error within its bound; fail = anything else: a
hang, a truncated answer presented as success. Everything has to pass.

The settings are those that docs/failover.md recommends. S15 takes the list's own times at any speed:
a breaker's rests have a floor and a ceiling that do not shrink with them.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import pathlib
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/faults"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from harness import TIME_SCALE, Client, Response, Upstream, chat_body, config  # noqa: E402
from provider import SIXTY, SPEED, USAGE, Provider, hangs, resets, scaled  # noqa: E402
from tests.support.daemon import Daemon, wait_until  # noqa: E402

PRIMARY, FALLBACK = "primary-model", "fallback-model"
ORDER = ["fail", "safe", "partial", "pass"]
SLACK = 2.0 * TIME_SCALE  # of a busy machine, on bounds that were scaled down


def seconds_text(real: float) -> str:
    return f"{max(1, round(scaled(real) * 1000))}ms"


def documented() -> dict:
    """The settings to start from, as docs/failover.md has them."""
    page = (ROOT / "docs/failover.md").read_text(encoding="utf-8")
    block = re.search(r"## Settings to start from\n\n```yaml\n(.*?)```", page, re.DOTALL)
    page = yaml.safe_load(block.group(1))
    for route in page["routes"]:  # `on` is a truth value in YAML 1.1, which this library speaks
        route["on"] = route.pop(True, {})
    return page


def scaled_times(times: dict) -> dict:
    return {name: seconds_text(float(text.removesuffix("s"))) for name, text in times.items()}


def configuration(primary: Upstream, fallback: Upstream, fault: Fault) -> str:
    """What is recommended, with these two providers, and times of this run."""
    page = documented()
    upstreams = []
    for entry, upstream, model in zip(page["upstreams"], (primary, fallback), (PRIMARY, FALLBACK)):
        more = {"continuation": fault.continuation} if upstream is fallback else {}
        times = entry["timeouts"] if fault.real_time else scaled_times(entry["timeouts"])
        upstreams.append(upstream.entry(entry["name"], model=model, timeouts=times,
                                        price={"input": 1, "output": 1}, **more))
    return config(*upstreams, routes=page["routes"], breaker=page["breaker"])


@dataclasses.dataclass
class Run:
    """One fault under test: the daemon between a sick primary and a healthy fallback."""
    daemon: Daemon
    primary: Upstream
    fallback: Upstream
    sick: Provider
    stream: bool
    answer: Response | None = None
    took: float = 0.0
    notes: list[str] = dataclasses.field(default_factory=list)
    verdict: str = "pass"

    @property
    def attempts(self) -> list[float]:
        """When each attempt reached a provider, in seconds after the first one."""
        times = sorted(r.at for r in self.primary.requests + self.fallback.requests)
        return [at - times[0] for at in times]

    def ask(self, timeout: float) -> Response:
        """One call of the client under test; a call without an end is a hang."""
        extra = {"stream_options": {"include_usage": True}} if self.stream else {}
        began = time.monotonic()
        with Client(self.daemon) as client:
            client.ask(body=chat_body(self.stream, model="asked", **extra))
            answer = client.response(timeout)
        self.took = time.monotonic() - began
        return answer

    def require(self, truth: bool, what: str):
        if not truth:
            self._lower("fail", f"required: {what}")

    def expect(self, truth: bool, what: str):
        if not truth:
            self._lower("partial", what)

    def judge_answer(self, bound: float):
        """Whole: rescued. A clean error: safe. Anything else: fail."""
        self.require(self.took <= scaled(bound) + SLACK, f"bounded by {bound:g} s")
        if self.answer.finished or self._ended_without_done():
            self.require(self.text() == SIXTY, "a truncated answer was presented as success")
            self.judge_form()
        elif self.clean_error():
            self._lower("safe", self.error_text())
        else:
            self.require(False, f"neither an answer nor a clean error: {self.answer!r:.300}")

    def judge_form(self):
        """It reads as one answer, by the model that told it (its beginning, where it was rescued)."""
        names = {"primary": PRIMARY, "backup": FALLBACK}
        told_by = PRIMARY if self.rescued() else names[self.answer.header("x-understudy-upstream")]
        documents = [json.loads(data) for data in self.answer.events if data.startswith("{")
                     and data.endswith("}")] if self.stream else [self.answer.json]
        self.require({one["model"] for one in documents} == {told_by},
                     f"it does not name {told_by} alone")
        self.require(len({one["id"] for one in documents}) == 1, "it has more than one id")
        choices = [one["choices"][0] for one in documents if one["choices"]]
        self.require(sum(bool(c["finish_reason"]) for c in choices) == 1, "not exactly one finish")
        if self.stream:
            self.require(sum("role" in c["delta"] for c in choices) == 1, "not exactly one role")

    def rescued(self) -> bool:
        return b": understudy rescue " in self.answer.body

    def clean_error(self) -> bool:
        if self.answer.status >= 400:
            return self.answer.ended == "whole" and "error" in self.answer.json
        return bool(self.answer.stream_error) and self.answer.ended in ("cut", "reset")

    def error_text(self) -> str:
        error = self.answer.error if self.answer.status >= 400 else self.answer.stream_error
        return f"{self.answer.status} {error.get('code') or error.get('type')}"

    def text(self) -> str:
        return self.answer.text if self.answer.status == 200 else ""

    def usage(self) -> dict | None:
        if not self.stream:
            return self.answer.json.get("usage")
        blocks = [data for data in self.answer.events if '"completion_tokens"' in data]

        return json.loads(blocks[-1])["usage"] if blocks else None

    def _ended_without_done(self) -> bool:
        """S11: a stream with a finish_reason and a clean end is whole even without [DONE]."""
        return (self.stream and self.answer.status == 200 and self.answer.ended == "whole"
                and '"finish_reason": "stop"' in self.answer.body.decode("utf-8", "replace")
                and not self.answer.stream_error)

    def _lower(self, verdict: str, note: str):
        self.notes.append(note)
        if ORDER.index(verdict) < ORDER.index(self.verdict):
            self.verdict = verdict


@dataclasses.dataclass
class Fault:
    id: str
    title: str
    fault: Callable[[Provider], Callable]
    check: Callable[[Run], None]
    bound: float = 30.0                       # seconds of the list's own time
    fallback: Callable[[], Provider] = lambda: Provider(FALLBACK)
    continuation: str = "auto"                # how the fallback is asked to go on
    real_time: bool = False


def nothing_more(run: Run):
    pass


def at_most(count: int, within: float | None = None):
    def check(run: Run):
        times = [at for at in run.attempts if within is None or at <= within]
        run.require(len(times) <= count, f"{len(times)} attempts, at most {count}"
                    + (f" in {within:g} s" if within else ""))
    return check


def tries(run: Run, primary: int, fallback: int):
    counts = len(run.primary.requests), len(run.fallback.requests)
    run.expect(counts == (primary, fallback), f"{counts} attempts, not {(primary, fallback)}")


def check_s01(run: Run):
    """The limit is waited out and the request made again there, before anything rests."""
    tries(run, 2, 0)
    times = [r.at for r in run.primary.requests]
    run.require(len(times) == 2 and times[1] - times[0] >= 1.8,
                "did not wait for the primary's Retry-After")


def check_s02(run: Run):
    at_most(4, 3.0)(run)
    at_most(6)(run)


def check_s03(run: Run):
    tries(run, 2, 0)


def check_s06(run: Run):
    tries(run, 1, 1)


def check_s07(run: Run):
    tries(run, 1, 1)
    run.expect(run.took <= scaled(15) + SLACK / 2, f"whole after {run.took * SPEED:.0f} s")


def check_rescue(run: Run):
    """A stream is gone on with; its books are the client's: the prompt once, sixty words."""
    run.expect(run.rescued() == run.stream, "not rescued in mid-stream")
    usage = run.usage() or {}
    run.expect(usage == USAGE, f"its usage is {usage}")


def check_s10(run: Run):
    if run.stream:
        tries(run, 1, 0)


def check_s11(run: Run):
    tries(run, 1, 0)
    run.expect(run.usage() == USAGE, "usage was not reported")


def check_s12(run: Run):
    tries(run, 1, 1)


def check_s13(run: Run):
    """The caller must get the provider's own refusal after exactly one attempt."""
    run.require(len(run.attempts) == 1, f"{len(run.attempts)} attempts")
    run.require(run.answer.status == 400 and
                run.answer.error.get("code") == "content_policy_violation" and
                "safety system" in run.answer.error["message"], "the reason did not arrive")
    if run.verdict == "safe":
        run.verdict = "pass"  # a clean error is what is asked for here


def check_s14(run: Run):
    check_rescue(run)
    if run.stream:
        asked = [r.json["messages"][-1]["role"] for r in run.fallback.requests]
        run.expect(asked == ["assistant", "user"], f"was asked {asked}")
    leaked = run.answer.body.decode().replace(", prefill", "")
    run.require("prefill" not in leaked, "the prefill's rejection leaked")


def check_s15(run: Run):
    """The first request has been judged; nineteen more follow, 4 s apart, over a 60 s outage."""
    began = run.primary.requests[0].at
    recovery = began + 60 * TIME_SCALE
    threading.Timer(max(0.0, recovery - time.monotonic()),
                    lambda: setattr(run.sick, "faulty", False)).start()
    back = None
    for i in range(1, 20):
        due = began + 4 * i * TIME_SCALE
        wait_until(lambda: time.monotonic() >= due, "the next request's time", 60 * TIME_SCALE)
        run.answer = run.ask(30 * TIME_SCALE)
        outage = time.monotonic() < recovery  # still, so that no attempt can have been healthy
        served = run.answer.header("x-understudy-upstream")
        run.require(run.answer.finished and run.text() == SIXTY, f"request {i} was not answered")
        run.require(not outage or served == "backup", f"request {i} went to {served}")
        if not outage and served == "primary" and back is None:
            back = time.monotonic() - recovery
    run.require(back is not None and back <= 16 * TIME_SCALE, f"primary used again after {back}")
    tried = [r.at for r in run.primary.requests if r.at < recovery]
    # Five failures open the breaker; then only probes, at the ends of rests of 3, 6 and then 10 s,
    # each up to a quarter shorter, so that the next request comes after 4, 8 and 8 s at the least.
    run.require(len(tried) <= 12, f"{len(tried)} attempts at the primary during the outage")
    rests = [later - earlier for earlier, later in zip(tried[4:], tried[5:])]
    run.require(all(rest >= 2 * TIME_SCALE for rest in rests), f"more than probes: {rests}")


def check_s16(run: Run):
    at_most(6)(run)
    run.require(run.answer.header("x-understudy-model") == FALLBACK, "x-understudy-model")
    run.require(run.usage() == USAGE, "the answer does not carry the fallback's usage")

    def billed():
        metrics = run.daemon.metrics()
        return metrics.value("understudy_tokens_total", upstream="backup") == 80 and \
            metrics.value("understudy_tokens_total", upstream="primary") == 0
    wait_until(billed, "80 tokens for the fallback, none for the primary")


FAULTS = [
    Fault("S01", "429 with Retry-After: 2, then well",
          lambda p: p.until_well(p.says(429, "Retry-After: 2"), 1), check_s01, bound=60),
    Fault("S02", "always 429", lambda p: p.until_well(p.says(429)), check_s02),
    Fault("S03", "500, then well", lambda p: p.until_well(p.says(500), 1), check_s03),
    Fault("S04", "always 503", lambda p: p.until_well(p.says(503)), at_most(6)),
    Fault("S05", "reset before the first byte", lambda p: p.until_well(resets, 1), nothing_more),
    Fault("S06", "accepts and never answers", lambda p: p.until_well(hangs), check_s06, bound=100),
    Fault("S07", "first token after 20 s", lambda p: p.until_well(p.slow_first_token), check_s07),
    Fault("S08", "dies after 40 of 60 tokens", lambda p: p.until_well(p.dies_in_the_middle),
          check_rescue),
    Fault("S09", "silent after 20 tokens", lambda p: p.until_well(p.goes_silent), check_rescue,
          bound=45, continuation="prefill"),
    Fault("S10", "the tenth event is invalid JSON", lambda p: p.until_well(p.invalid_tenth_event),
          check_s10),
    Fault("S11", "no [DONE]", lambda p: p.until_well(p.no_done), check_s11, bound=8),
    Fault("S12", "context_length_exceeded", lambda p: p.until_well(p.says_too_long()), check_s12),
    Fault("S13", "content_policy_violation", lambda p: p.until_well(p.says_filtered()),
          check_s13),
    Fault("S14", "as S08, and the fallback refuses a prefill",
          lambda p: p.until_well(p.dies_in_the_middle), check_s14,
          fallback=lambda: Provider(FALLBACK, accepts_prefill=False), continuation="prefill"),
    Fault("S15", "503 for 60 s, 20 requests", lambda p: p.until_well(p.says(503)), check_s15,
          real_time=True),
    Fault("S16", "always 503: model and usage", lambda p: p.until_well(p.says(503)), check_s16),
]


@dataclasses.dataclass
class Result:
    fault: Fault
    stream: bool
    verdict: str
    notes: str

    def __str__(self):
        kind = "streamed" if self.stream else "plain"
        return f"{self.fault.id}  {self.fault.title:44} {kind:9} {self.verdict:8} {self.notes}"


def run_fault(fault: Fault, stream: bool) -> Result:
    sick, healthy = Provider(PRIMARY), fault.fallback()
    with Upstream(fault.fault(sick)) as primary, Upstream(healthy.well) as fallback:
        daemon = Daemon(configuration(primary, fallback, fault))
        with daemon:
            run = Run(daemon, primary, fallback, sick, stream)
            try:
                run.answer = run.ask(scaled(fault.bound) + 10 * TIME_SCALE)
                run.judge_answer(fault.bound)
                fault.check(run)
                well_again(run)
            except Exception as error:  # a hang, or an answer that is none
                traceback.print_exc(file=sys.stderr) if "-v" in sys.argv else None
                run.require(False, f"{type(error).__name__}: {error}")
            return Result(fault, stream, run.verdict, "; ".join(run.notes))


def well_again(run: Run):
    """After each fault a healthy request succeeds within 10 s, the primary is used again within
    16 s, and the process lives."""
    run.sick.faulty = False
    recovered = time.monotonic()
    while True:
        answer = run.ask(10 * TIME_SCALE)
        assert answer.finished and answer.text == SIXTY, answer
        if answer.header("x-understudy-upstream") == "primary":
            break
        assert time.monotonic() - recovered < 16 * TIME_SCALE, "the primary was not used again"
        threading.Event().wait(0.5)
    assert run.daemon.returncode is None


def run_all(jobs: int = 6) -> list[Result]:
    cases = [(fault, stream) for fault in FAULTS for stream in (False, True)]
    # The long ones first, so that the run is as short as its longest.
    cases.sort(key=lambda case: case[0].id != "S15")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda case: run_fault(*case), cases))
    return sorted(results, key=lambda r: (r.fault.id, r.stream))


def summary(results: list[Result]) -> str:
    def line(kind, chosen):
        counts = {verdict: sum(r.verdict == verdict for r in chosen) for verdict in ORDER}
        return f"{kind:9}" + "  ".join(f"{name} {counts[name]}" for name in reversed(ORDER))
    return "\n".join([line("plain", [r for r in results if not r.stream]),
                      line("streamed", [r for r in results if r.stream])])


def main() -> int:
    results = run_all()
    print("\n".join(map(str, results)))
    print(f"\n{summary(results)}\ntimes divided by {SPEED:g}, S15 in its own")
    missed = [r for r in results if r.verdict != "pass"]
    if missed:
        print(f"{len(missed)} of {len(results)} did not pass", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
