#!/usr/bin/env python3
"""The sixteen provider faults (README.md) through the real daemon, plain and streamed, with a
verdict each: pass, partial, safe or fail.

    tests/faults/scoreboard.py              prints the board; exit 1 if a required verdict is missed
    FAULTS_SPEED=1 tests/faults/scoreboard.py    in the list's own times (minutes) instead of a tenth

Verdicts: pass = rescued (for S13 a clean error) and every check holds; partial = rescued, an advisory
check failed; safe = not rescued, but a clean error within its bound; fail = anything else: a hang, a
truncated answer presented as success, a required check that failed.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import pathlib
import sys
import threading
import time
import traceback
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/faults"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from harness import TIME_SCALE, Client, Response, Upstream, chat_body, config  # noqa: E402
from harness import error_body  # noqa: E402
from provider import SIXTY, SPEED, USAGE, Provider, hangs, resets, says, scaled  # noqa: E402
from tests.support.daemon import Daemon, wait_until  # noqa: E402

PRIMARY, FALLBACK = "primary-model", "fallback-model"
ORDER = ["fail", "safe", "partial", "pass"]
RESCUE, BREAKER = "needs mid-stream rescue", "needs a breaker"
SLACK = 2.0 * TIME_SCALE  # of a busy machine, on bounds that were scaled down


def seconds_text(real: float) -> str:
    return f"{max(1, round(scaled(real) * 1000))}ms"


def configuration(primary: Upstream, fallback: Upstream) -> str:
    """One configuration for all sixteen: up to two retries, one fallback, 30 s of stream idle, and
    limits on the first token and on plain answers. The fallback's model has the larger context, so
    a prompt that is too long goes there."""
    limits = {"connect": seconds_text(50), "first_token": seconds_text(10),
              "response": seconds_text(12), "idle": seconds_text(30), "total": seconds_text(900)}
    price = {"input": 1, "output": 1}
    return config(
        primary.entry("primary", model=PRIMARY, timeouts=limits, price=price),
        fallback.entry("fallback", model=FALLBACK, timeouts=limits, price=price),
        route={"retries": 2, "deadline": seconds_text(600),
               "retry": {"base": "250ms", "max": "5s", "max_retry_after": "5s"},
               "fallback_on": ["connection", "timeout", "rate_limit", "quota", "server_error",
                               "malformed", "context_length"]})


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

    def advise(self, truth: bool, what: str):
        if not truth:
            self._lower("partial", what)

    def judge_answer(self, bound: float):
        """Whole: rescued. A clean error: safe. Anything else: fail."""
        self.require(self.took <= scaled(bound) + SLACK, f"bounded by {bound:g} s")
        if self.answer.finished or self._ended_without_done():
            whole = self.text() == SIXTY
            self.require(whole, "a truncated answer was presented as success")
        elif self.clean_error():
            self._lower("safe", self.error_text())
        else:
            self.require(False, f"neither an answer nor a clean error: {self.answer!r:.300}")

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
    not_yet: str = ""                         # what a full pass needs, when this build has not got it
    not_yet_plain: bool = False               # ... for plain requests too
    least: str = "pass"                       # what is required while `not_yet`


def nothing_more(run: Run):
    pass


def at_most(count: int, within: float | None = None):
    def check(run: Run):
        times = [at for at in run.attempts if within is None or at <= within]
        run.require(len(times) <= count, f"{len(times)} attempts, at most {count}"
                    + (f" in {within:g} s" if within else ""))
    return check


def check_s01(run: Run):
    at_most(2, 1.5)(run)
    times = [r.at for r in run.primary.requests]
    run.advise(len(times) == 2 and times[1] - times[0] >= 1.8 and not run.fallback.requests,
               "did not wait for the primary's Retry-After")


def check_s02(run: Run):
    at_most(4, 3.0)(run)
    at_most(6)(run)


def check_s03(run: Run):
    run.advise(len(run.primary.requests) == 2 and not run.fallback.requests,
               "failed over instead of retrying once")


def check_s06(run: Run):
    run.advise(len(run.primary.requests) == 1, "tried a silent route twice")


def check_s07(run: Run):
    run.advise(run.took <= scaled(15) + SLACK / 2, f"whole after {run.took * SPEED:.0f} s")


def check_s11(run: Run):
    run.advise(run.usage() == USAGE, "usage was not reported")


def check_s12(run: Run):
    run.require(len(run.primary.requests) == 1, "the same model again with the same body")


def check_s13(run: Run):
    """The caller must get the provider's own refusal after exactly one attempt."""
    run.require(len(run.attempts) == 1, f"{len(run.attempts)} attempts")
    run.require(run.answer.status == 400 and
                run.answer.error.get("code") == "content_policy_violation" and
                "safety system" in run.answer.error["message"], "the reason did not arrive")
    if run.verdict == "safe":
        run.verdict = "pass"  # a clean error is what is asked for here


def check_s14(run: Run):
    if run.answer.status >= 400 or run.answer.stream_error:
        run.require("prefill" not in run.answer.body.decode(), "the prefill's rejection leaked")


def check_s15(run: Run):
    """The first request has been judged; nineteen more follow, 4 s apart, over a 60 s outage."""
    began = run.primary.requests[0].at
    recovery = began + scaled(60)
    threading.Timer(max(0.0, recovery - time.monotonic()),
                    lambda: setattr(run.sick, "faulty", False)).start()
    back = None
    for i in range(1, 20):
        due = began + scaled(4) * i
        wait_until(lambda: time.monotonic() >= due, "the next request's time", 60 * TIME_SCALE)
        run.answer = run.ask(scaled(30) + SLACK)
        outage = time.monotonic() < recovery  # still, so that no attempt can have been healthy
        served = run.answer.header("x-understudy-upstream")
        run.require(run.answer.finished and run.text() == SIXTY, f"request {i} was not answered")
        run.require(not outage or served == "fallback", f"request {i} went to {served}")
        if not outage and served == "primary" and back is None:
            back = time.monotonic() - recovery
    run.require(back is not None and back <= scaled(30) + SLACK, "the primary was not used again")
    tried = sum(1 for r in run.primary.requests if r.at < recovery)
    run.advise(tried <= 10, f"{tried} attempts at the primary during the outage")


def check_s16(run: Run):
    at_most(6)(run)
    named = run.answer.json["model"] if not run.stream else FALLBACK \
        if f'"model": "{FALLBACK}"' in run.answer.body.decode() else "?"
    run.require(named == FALLBACK, f"the answer names {named}")
    run.require(run.usage() == USAGE, "the answer does not carry the fallback's usage")
    run.require(run.answer.header("x-understudy-model") == FALLBACK, "x-understudy-model")
    def billed():
        metrics = run.daemon.metrics()
        return metrics.value("understudy_tokens_total", upstream="fallback") == 80 and \
            metrics.value("understudy_tokens_total", upstream="primary") == 0
    wait_until(billed, "80 tokens for the fallback, none for the primary")


TOO_LONG = error_body("This model's maximum context length is 8192 tokens, however you requested "
                      "20000 tokens.", "invalid_request_error", "context_length_exceeded",
                      "messages")
FILTERED = error_body("Your request was rejected as a result of our safety system.",
                      "invalid_request_error", "content_policy_violation")

FAULTS = [
    Fault("S01", "429 with Retry-After: 2, then well",
          lambda p: p.until_well(says(429, None, "Retry-After: 2"), 1), check_s01, bound=60),
    Fault("S02", "always 429", lambda p: p.until_well(says(429)), check_s02),
    Fault("S03", "500, then well", lambda p: p.until_well(says(500), 1), check_s03),
    Fault("S04", "always 503", lambda p: p.until_well(says(503)), at_most(6)),
    Fault("S05", "reset before the first byte", lambda p: p.until_well(resets, 1), nothing_more),
    Fault("S06", "accepts and never answers", lambda p: p.until_well(hangs), check_s06, bound=100),
    Fault("S07", "first token after 20 s", lambda p: p.until_well(p.slow_first_token), check_s07),
    Fault("S08", "dies after 40 of 60 tokens", lambda p: p.until_well(p.dies_in_the_middle),
          nothing_more, not_yet=RESCUE, least="safe"),
    Fault("S09", "silent after 20 tokens", lambda p: p.until_well(p.goes_silent), nothing_more,
          bound=45, not_yet=RESCUE, least="safe"),
    Fault("S10", "the tenth event is invalid JSON", lambda p: p.until_well(p.invalid_tenth_event),
          nothing_more),
    Fault("S11", "no [DONE]", lambda p: p.until_well(p.no_done), check_s11, bound=8),
    Fault("S12", "context_length_exceeded", lambda p: p.until_well(says(400, TOO_LONG)), check_s12),
    Fault("S13", "content_policy_violation", lambda p: p.until_well(says(400, FILTERED)),
          check_s13),
    Fault("S14", "as S08, and the fallback refuses a prefill",
          lambda p: p.until_well(p.dies_in_the_middle), check_s14,
          fallback=lambda: Provider(FALLBACK, accepts_prefill=False), not_yet=RESCUE,
          least="safe"),
    Fault("S15", "503 for 60 s, 20 requests", lambda p: p.until_well(says(503)), check_s15,
          not_yet=BREAKER, not_yet_plain=True, least="partial"),
    Fault("S16", "always 503: model and usage", lambda p: p.until_well(says(503)), check_s16),
]


@dataclasses.dataclass
class Result:
    fault: Fault
    stream: bool
    verdict: str
    notes: str

    @property
    def required(self) -> str:
        waits = self.fault.not_yet and (self.stream or self.fault.not_yet_plain)
        return self.fault.least if waits else "pass"

    @property
    def good_enough(self) -> bool:
        return ORDER.index(self.verdict) >= ORDER.index(self.required)

    def __str__(self):
        kind = "streamed" if self.stream else "plain"
        later = ""
        if self.required != "pass" and self.verdict != "pass":
            later = f"not yet: {self.fault.not_yet}"
        missed = "" if self.good_enough else f"REQUIRED: {self.required}"
        words = "; ".join(filter(None, (missed, later, self.notes)))
        return f"{self.fault.id}  {self.fault.title:44} {kind:9} {self.verdict:8} {words}"


def run_fault(fault: Fault, stream: bool) -> Result:
    sick, healthy = Provider(PRIMARY), fault.fallback()
    with Upstream(fault.fault(sick)) as primary, Upstream(healthy.well) as fallback:
        daemon = Daemon(configuration(primary, fallback))
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
    """After each fault a healthy request succeeds within 10 s, and the process lives."""
    run.sick.faulty = False
    answer = run.ask(10 * TIME_SCALE)
    assert answer.finished and answer.header("x-understudy-upstream") == "primary", answer
    assert run.daemon.returncode is None


def run_all(jobs: int = 4) -> list[Result]:
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
    print(f"\n{summary(results)}\ntimes divided by {SPEED:g}")
    missed = [r for r in results if not r.good_enough]
    if missed:
        print(f"{len(missed)} required verdicts missed", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
