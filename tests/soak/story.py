"""A small run whose books agree, for the tests of the reckoning: a failover, a silent replay, a refused
connection, a client that left, broken streams, rescues, a hedge, a key that is refused, an entry that
rests, a client that was kept waiting, and a process that was killed in the middle of its work."""

from __future__ import annotations

import collections
import dataclasses

from tests.soak.books import (AttemptRow, Delivery, Evidence, Exchange, RequestRow, Settled, Trouble)
from tests.soak.canon import answer_id, digest, nano_dollars, of_one_mind, text_of, tokens_of, usage_of, usage_so_far
from tests.soak.config import KEYS
from tests.soak.reckon import reckon, usage_of_all
from tests.support.daemon import Metrics

EXPECTED = {"well": "ok", "ends_in_the_body": "malformed", "clean_end_without_a_finish": "malformed",
            "status_429": "rate_limit", "status_401": "auth", "status_503": "server_error",
            "silent": "timeout", "crossed": "connection", "counts_and_breaks": "malformed"}
KILL = 200.0
SIZE = 4000     # bytes of each request's text


def named(prefix: str, one_mind: bool) -> str:
    """An id of a request to which all upstreams say the same, or each its own."""
    return next(rid for n in range(100) if of_one_mind(rid := f"{prefix}-{n}") == one_mind)


@dataclasses.dataclass
class Step:
    """One attempt and what its upstream knows of it."""
    upstream: str
    reason: str = "ok"
    fate: str = "well"              # none: it never came there
    cause: str = "first"
    position: int = 0
    status: int = 200
    usage: str = "reported"
    words: int = 3                  # guessed where it broke off
    began: bool = True
    asked: str = ""
    counts: bool = False            # tells its usage as it goes
    key: int = 0
    at: float = 0.0                 # behind the request's beginning
    took: float = 0.01


class Story:
    def __init__(self):
        self.deliveries: list[Delivery] = []
        self.exchanges: list[Exchange] = []
        self.log: list[dict] = []
        self.attempts: list[AttemptRow] = []
        self.requests: list[RequestRow] = []
        self.troubles: list[Trouble] = []
        self.reloads: list[float] = [0.0]
        self.total = Metrics()
        self.metrics = Metrics()
        self.open = (self.metrics, self.total)   # what counts just now
        self.first_chapter()
        self.settled = Settled(self.metrics, {line["id"] for line in self.log
                                              if line["event"] == "request"}, 1)
        self.add("understudy_connections", 1)
        self.add("understudy_ledger_up", 1)
        self.add("understudy_ledger_rows_total", len(self.attempts) + len(self.requests),
                 result="written")
        self.open = (self.total,)
        self.killed()

    # --- the counters

    def add(self, name, count=1, **labels):
        sample = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}"
                         if labels else "")
        for metrics in self.open:
            metrics[sample] = metrics.get(sample, 0) + count

    def count(self, row: AttemptRow):
        of = {"upstream": row.upstream, "model": row.model}
        self.add("understudy_attempts_total", **of, reason=row.reason)
        self.add("understudy_attempt_duration_seconds_count", **of)
        for source, tokens, cost in (("reported", row.tokens, row.cost),
                                     ("estimated", row.guessed, row.guessed_cost)):
            for kind, count in tokens.items():
                self.add("understudy_tokens_total", count, **of, type=kind, source=source)
            self.add("understudy_cost_usd_total", cost / 1e9, **of, source=source)
        if row.deliveries > 1:
            self.add("understudy_stale_replays_total", upstream=row.upstream)
        if row.cause == "hedge":
            self.add("understudy_hedges_total", route=row.route, result="started")
            self.add("understudy_hedges_total", row.reason == "ok", route=row.route, result="won")
        if row.reason == "dropped":
            self.add("understudy_hedge_wasted_tokens_total", row.all_tokens(), route=row.route)

    # --- requests

    def row(self, rid: str, number: int, begin: float, step: Step) -> AttemptRow:
        row = AttemptRow(rid, number, step.upstream, "m", step.cause, step.position, step.reason,
                         begin + step.at + step.took, step.took, "*", "", step.status,
                         int(step.fate != "none"), step.began and step.status == 200, step.usage)
        if step.usage == "reported":
            row.tokens = tokens_of(usage_of(rid, step.upstream, "m"))
            row.cost = nano_dollars(step.upstream, row.tokens) or 0
        if step.usage == "estimated":
            row.guessed = {"input": SIZE // 4, "output": step.words}
            row.guessed_cost = nano_dollars(step.upstream, row.guessed) or 0
        if step.usage == "both":
            row.tokens = tokens_of(usage_so_far(rid, step.upstream, "m", step.words))
            row.guessed = {"input": 0, "output": step.words - step.words // 2}
            row.cost = nano_dollars(step.upstream, row.tokens)
            row.guessed_cost = nano_dollars(step.upstream, row.guessed)
        row.unpriced = step.usage != "none" and nano_dollars(step.upstream, {}) is None
        return row

    def deliver(self, rid: str, begin: float, step: Step):
        if step.fate == "none":
            return
        self.deliveries.append(Delivery(
            rid, step.upstream, "m", begin + step.at, step.fate,
            frozenset((EXPECTED[step.fate],)), False,
            usage_of(rid, step.upstream, "m") if step.usage == "reported" else None,
            sent=100 if step.status else 0, words=step.words, ended_at=begin + step.at + step.took,
            key=KEYS[step.upstream][step.key], asked=step.asked,
            prompt=SIZE, pieces=(4,) * 10, counts=step.counts,
            cut=step.fate == "ends_in_the_body"))

    def request(self, rid: str, begin: float, outcome: str, *steps: Step, status=200, order=(),
                skipped=(), line=(), moves=(), **exchange):
        """`order`: of the steps in the trace, where it is not that in which they began."""
        rows = [self.row(rid, number + 1, begin, step) for number, step in enumerate(steps)]
        for row, step in zip(rows, steps):
            self.count(row)
            self.deliver(rid, begin, step)
        self.attempts += rows
        trace = [f"{who}/m;skipped;-;0ms" for who in skipped]
        trace += [f"{rows[i].entry};{rows[i].reason};{rows[i].status or '-'};1ms"
                  for i in order or range(len(rows))]
        for who in skipped:
            self.add("understudy_skipped_total", upstream=who, model="m")
        for before, after, reason in moves:
            self.add("understudy_failovers_total", **{"from": before, "to": after, "reason": reason})
        self.add("understudy_requests_total", route="*", outcome=outcome)
        self.write_down(rid, begin, outcome, rows, status, trace, dict(line), exchange)

    def write_down(self, rid, begin, outcome, rows, status, trace, line, exchange):
        served = [row for row in rows if row.reason == "ok"] or [
            row for row in rows if row.usage != "none" and row.reason != "dropped"]
        tokens = collections.Counter()
        for row in rows:
            tokens.update(row.tokens)
            tokens.update(row.guessed)
        cost = sum(row.cost + row.guessed_cost for row in rows)
        ended = max([begin, *(row.ended for row in rows)]) + 0.01
        stream = exchange.get("stream", False)
        self.requests.append(RequestRow(
            rid, outcome, ended, "*", "", status, stream, line.get("ended") == "broken", len(rows),
            served[-1].upstream if served else "", "m" if served else "",
            tokens["input"] + tokens["cache_read"], tokens["output"] + tokens["reasoning"], cost))
        if served:
            line = {"upstream": served[-1].upstream, "served_model": "m", **line}
        if kind := usage_of_all(rows):
            line = {"usage": kind, "prompt_tokens": tokens["input"] + tokens["cache_read"],
                    "completion_tokens": tokens["output"] + tokens["reasoning"],
                    "cache_read_tokens": tokens["cache_read"], "reasoning_tokens": tokens["reasoning"], **line}
        self.log.append({"event": "request", "id": rid, "route": "*", "outcome": outcome,
                         "status": status, "attempts": len(rows), "trace": ", ".join(trace),
                         "stream": stream, "cost_usd": cost / 1e9, **line})
        told = exchange.pop("told", ", ".join(trace))
        whole = {}
        if outcome in ("primary", "fallback", "rescued"):
            first = exchange.pop("by", served[-1].upstream)
            whole = {"end": "whole", "digest": digest(text_of(rid, first, "m")), "finishes": 1,
                     "roles": 1, "ids": (answer_id(first, "m"),), "models": ("m",),
                     "upstream": first, "model": "m"}
        count = len([item for item in told.split(", ") if item and "skipped" not in item])
        self.exchanges.append(Exchange(rid, begin - 0.01, prompt=SIZE, ended=ended + 0.01, status=status,
                                       trace=told, **{"attempts": count, **whole, **exchange}))

    def first_chapter(self):
        self.request("fallback", 10.0, "fallback",
                     Step("alpha", "rate_limit", "status_429", status=429, usage="none"),
                     Step("beta", cause="failover", position=1, at=0.02),
                     moves=[("alpha", "beta", "rate_limit")])
        self.replayed()
        self.troubles.append(Trouble("alpha", "down", 29.0, 30.5))
        self.request("refused", 30.0, "fallback",
                     Step("alpha", "connection", "none", status=0, usage="none"),
                     Step("beta", cause="failover", position=1, at=0.02),
                     moves=[("alpha", "beta", "connection")])
        self.request("left", 40.0, "client_closed",
                     Step("beta", "client_closed", "well", status=0, usage="none"), status=0, told="",
                     left=True)
        self.request("broken", 50.0, "exhausted", Step(
            "beta", "malformed", "clean_end_without_a_finish", usage="estimated"),
            line={"ended": "broken"}, told="beta/m;ok;200;5ms", stream=True, chunked=True, end="cut",
            error="it broke")
        self.request("counted", 55.0, "exhausted", Step(
            "delta", "malformed", "counts_and_breaks", usage="both", counts=True),
            line={"ended": "broken"}, told="delta/m;ok;200;5ms", stream=True, chunked=True, end="cut",
            error="it broke")
        self.rescues()
        self.too_large_to_hold()
        self.hedges()
        self.keys()
        self.request("resting", 100.0, "fallback", Step("beta", position=1), skipped=["alpha"])
        self.request("waited", 105.0, "exhausted",
                     Step("alpha", "server_error", "status_503", status=503, usage="none"),
                     status=200, told="alpha/m;server_error;503;1ms", attempts=0, stream=True,
                     chunked=True, waited=True, end="cut", error="nobody answers")
        self.exchanges.append(Exchange("never-whole", 110.0, left=True, ended=110.1))
        self.log.append({"event": "rejected", "id": "req_1", "status": 400})
        self.requests.append(RequestRow("req_1", "rejected", 110.0, status=400))
        self.add("understudy_requests_total", 1, route="none", outcome="rejected")

    def replayed(self):
        self.deliveries.append(Delivery(
            "replayed", "alpha", "m", 20.0, "crossed", frozenset(("connection",)), True, cut=True,
            ended_at=20.1, key=KEYS["alpha"][0]))
        self.request("replayed", 20.1, "primary", Step("alpha"), line={"stale_replays": 1})
        self.attempts[-1].deliveries = 2
        self.add("understudy_stale_replays_total", upstream="alpha")

    def too_large_to_hold(self):
        """A plain answer that broke: its client has a part of it, with all of the text and its role and end."""
        self.request("large", 57.0, "exhausted", Step(
            "beta", "malformed", "clean_end_without_a_finish", usage="estimated", words=1003),
            line={"ended": "broken"}, told="beta/m;ok;200;5ms", chunked=True, end="cut")
        delivery = self.delivery("large", "beta")
        delivery.words, delivery.in_json, delivery.sent = 0, 4000, 4300

    def hedges(self):
        """One that wins, one that breaks at its first words, and one that had answered when it broke."""
        self.request("hedged", 80.0, "fallback",
                     Step("alpha", "dropped", "well", status=0, usage="estimated", words=0, took=0.05),
                     Step("beta", cause="hedge", position=1, at=0.02))
        self.request("hedge-fails", 82.0, "primary", Step("alpha", took=0.05),
                     Step("beta", "malformed", "ends_in_the_body", cause="hedge", position=1, at=0.02,
                          usage="estimated"), order=(1, 0), stream=True, chunked=True)
        self.request("hedge-breaks", 84.0, "exhausted",
                     Step("alpha", "dropped", "well", status=0, usage="estimated", words=0, took=0.03),
                     Step("beta", "malformed", "ends_in_the_body", cause="hedge", position=1, at=0.02,
                          took=0.05, usage="estimated"),
                     line={"ended": "broken"}, told="alpha/m;dropped;-;1ms, beta/m;ok;200;5ms",
                     stream=True, chunked=True, end="cut", error="it broke")
        self.add("understudy_hedges_total", route="*", result="won")

    def rescues(self):
        """By a prefill, which the first one asked refuses; and by the same answer told anew."""
        self.own, self.same = named("own", False), named("same", True)
        self.request(self.own, 60.0, "rescued",
                     Step("alpha", "malformed", "ends_in_the_body", usage="estimated"),
                     Step("beta", asked="prefill", cause="rescue", position=1, at=0.02),
                     told="alpha/m;ok;200;1ms", by="alpha", stream=True, chunked=True,
                     moves=[("alpha", "beta", "malformed")])
        self.request(self.same, 70.0, "rescued",
                     Step("alpha", "malformed", "ends_in_the_body", usage="estimated"),
                     Step("beta", cause="rescue", position=1, at=0.02),
                     told="alpha/m;ok;200;1ms", by="alpha", stream=True, chunked=True,
                     moves=[("alpha", "beta", "malformed")])

    def keys(self):
        """The first key of the pool is refused, which retires it, until the reload."""
        self.request("pooled", 90.0, "primary",
                     Step("gamma", "auth", "status_401", status=401, usage="none"),
                     Step("gamma", cause="repair", key=1, at=0.02))
        self.request("pooled-later", 92.0, "primary", Step("gamma", key=2))
        self.reloads.append(95.0)
        self.request("pooled-again", 96.0, "primary", Step("gamma"))

    def killed(self):
        """One request was answered in time before it, one was not: of that the ledger knows half."""
        self.troubles.append(Trouble("*", "kill", KILL - 0.1, KILL))
        self.request("in-time", KILL - 0.5, "primary", Step("beta"))
        rid = "in-hand"
        step = Step("alpha", "rate_limit", "status_429", status=429, usage="none")
        self.attempts.append(self.row(rid, 1, KILL - 0.1, step))
        self.count(self.attempts[-1])
        self.deliver(rid, KILL - 0.1, step)
        self.deliver(rid, KILL - 0.05, Step("beta", "client_closed", cause="failover"))
        self.exchanges.append(Exchange(rid, KILL - 0.11, ended=KILL + 0.01, end="reset", prompt=SIZE))

    # --- for the lies

    def reckon(self) -> list[str]:
        return reckon(Evidence(self.deliveries, self.exchanges, self.log, self.attempts, self.requests,
                               self.troubles, [self.settled], self.total, self.reloads))

    def delivery(self, rid, upstream):
        return next(d for d in self.deliveries if (d.rid, d.upstream) == (rid, upstream))

    def exchange(self, rid):
        return next(e for e in self.exchanges if e.rid == rid)

    def line(self, rid):
        return next(line for line in self.log if line["id"] == rid)

    def attempt(self, rid, number=1):
        return next(row for row in self.attempts if (row.rid, row.number) == (rid, number))

    def asked(self, rid):
        return next(row for row in self.requests if row.rid == rid)

    def sample(self, *parts):
        [found] = [s for s in self.metrics if all(part in s for part in parts)]
        return found
