"""The sums: /metrics is what the rows of the ledger add up to, and what the access log says."""

from __future__ import annotations

import collections
import re

from tests.soak.bills import final_tokens
from tests.soak.books import AttemptRow, Books, RequestRow, Settled

LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def differing(what: str, counted: dict, expected: dict) -> list[str]:
    names = sorted({*counted, *expected})
    return [f"metrics: {what}{name}: {counted.get(name, 0):g}, the books have {expected.get(name, 0):g}"
            for name in names if counted.get(name, 0) != expected.get(name, 0)]


def counted(metrics, name: str, *labels: str) -> dict:
    """Sums of one family by these labels, as a dictionary."""
    sums: dict[tuple, float] = {}
    for sample, value in metrics.items():
        family, _, rest = sample.partition("{")
        if family == name:
            found = dict(LABEL.findall(rest))
            key = tuple(found.get(label, "") for label in labels)
            sums[key] = sums.get(key, 0) + value
    return sums


def check_totals(books: Books) -> list[str]:
    """A process that starts when all is over knows what all before it have counted."""
    problems = kept_problems(books.evidence.total, books.rows, books.requests.values())
    return [problem.replace("metrics:", "metrics after a restart:", 1) for problem in problems]


def check_settled(books: Books) -> list[str]:
    problems = []
    for settled in books.evidence.settled:
        rows = {rid: books.rows[rid] for rid in settled.requests if rid in books.rows}
        requests = [books.requests[rid] for rid in settled.requests if rid in books.requests]
        problems += kept_problems(settled.metrics, rows, requests, settled.rejected)
        problems += own_problems(books, settled, rows)
    return problems


def kept_problems(metrics, rows: dict[str, list[AttemptRow]], requests: list[RequestRow],
                  rejected: int = 0) -> list[str]:
    """Of the counters that the ledger keeps."""
    attempts = [row for of_one in rows.values() for row in of_one]
    tokens, cost = collections.Counter(), collections.Counter()
    for row in attempts:
        for source, counts, money in (("reported", row.tokens, row.cost),
                                      ("estimated", row.guessed, row.guessed_cost)):
            for kind, count in counts.items():
                tokens[row.upstream, row.model, kind, source] += count
            cost[row.upstream, row.model, source] += money
    broken = {request.rid for request in requests if request.broken}
    wanted = {
        ("attempts_total", "upstream", "model", "reason"): collections.Counter(
            (row.upstream, row.model, row.reason) for row in attempts),
        ("tokens_total", "upstream", "model", "type", "source"): tokens,
        ("usage_missing_total", "upstream", "model"): collections.Counter(
            (row.upstream, row.model) for row in attempts if row.usage == "missing"),
        ("requests_total", "route", "outcome"): collections.Counter(
            (row.route or "none", row.outcome) for row in requests) + collections.Counter(
                {("none", "rejected"): rejected}),
        ("failovers_total", "from", "to", "reason"): collections.Counter(
            move for of_one in rows.values() for move in failovers(of_one)),
        ("stale_replays_total", "upstream"): replays(attempts),
        **hedges(rows, broken),
    }
    problems = []
    for (name, *labels), expected in wanted.items():
        problems += differing(f"understudy_{name}", counted(
            metrics, f"understudy_{name}", *labels), expected)
    nano = {labels: round(value * 1e9) for labels, value in counted(
        metrics, "understudy_cost_usd_total", "upstream", "model", "source").items()}
    return problems + differing("understudy_cost_usd_total", nano, cost)


def replays(attempts: list[AttemptRow]) -> collections.Counter:
    sums = collections.Counter()
    for row in attempts:
        sums[row.upstream,] += max(0, row.deliveries - 1)
    return sums


def failovers(rows: list[AttemptRow]) -> list[tuple[str, str, str]]:
    """Who was left for whom, and why: the one whose failure came last before the next was asked."""
    moves = []
    for row in rows:
        if row.cause not in ("failover", "rescue"):
            continue
        before = [other for other in rows if other.number < row.number]
        if not before:     # its row was lost with the process
            continue
        last = max(before, key=lambda other: (other.ended, other.number))
        # Whoever went on with an answer, and ended well with another one, is left for that.
        why = "malformed" if (last.reason, last.cause) == ("ok", "rescue") else last.reason
        if last.position != row.position:
            moves.append((last.upstream, row.upstream, why))
    return moves


def hedges(rows: dict[str, list[AttemptRow]], broken: set[str]) -> dict:
    """By route: what was started, what answered first, what the others had cost. `broken`: the requests
    whose answer had begun, and then broke."""
    result, wasted = collections.Counter(), collections.Counter()
    for rid, of_one in rows.items():
        for row in of_one:
            if row.cause == "hedge":
                result[row.route, "started"] += 1
                result[row.route, "won"] += won(row, of_one, rid in broken)
            if row.reason == "dropped":
                wasted[row.route,] += row.all_tokens()
    return {("hedges_total", "route", "result"): result,
            ("hedge_wasted_tokens_total", "route"): wasted}


def won(row: AttemptRow, of_one: list[AttemptRow], broken: bool) -> bool:
    """It was whole, or the answer had begun with it. What broke in the read that brought its first words
    was nobody's answer; it has been paid for, too."""
    if row.reason in ("ok", "dropped"):
        return row.reason == "ok"
    paid = any(row.guessed.values()) or row.tokens == final_tokens(row)
    if not (row.began and paid):
        return False
    if row.reason == "client_closed":
        return True
    # From where an answer begins, nobody is beside it: what ended last had begun it.
    rescued = any(other.cause == "rescue" for other in of_one)
    before = [other for other in of_one if other.cause != "rescue" and other.reason != "dropped"]
    return (broken or rescued) and row is max(before, key=lambda other: (other.ended, other.number))


def refusals_are_booked(books: Books) -> bool:
    """Requests that were refused before they had a route: if one is in the ledger, all are."""
    return any(row.outcome == "rejected" and rid not in books.lines
               for rid, row in books.requests.items())


def own_problems(books: Books, settled: Settled, rows: dict[str, list[AttemptRow]]) -> list[str]:
    """Of what each process counts for itself."""
    metrics = settled.metrics
    took = collections.Counter()
    for of_one in rows.values():
        for row in of_one:
            took[row.upstream,] += 1
    problems = differing("understudy_attempt_duration_seconds_count", counted(
        metrics, "understudy_attempt_duration_seconds_count", "upstream"), took)
    skipped = collections.Counter((entry.upstream, entry.model) for rid in settled.requests
                                  for entry in books.skipped.get(rid, []))
    problems += differing("understudy_skipped_total", counted(
        metrics, "understudy_skipped_total", "upstream", "model"), skipped)
    count = sum(map(len, rows.values())) + len(settled.requests)
    if refusals_are_booked(books):
        count += settled.rejected
    problems += differing("understudy_ledger_rows_total", counted(
        metrics, "understudy_ledger_rows_total", "result"), {("written",): count})
    expected = [(0, "understudy_inflight_requests", {}),
                (0, "understudy_upstream_connections", {"state": "active"}),
                (1, "understudy_connections", {}),  # the one that asks
                (1, "understudy_ledger_up", {})]
    return problems + [f"metrics: {name}{labels} is {metrics.value(name, **labels):g}, not {value}"
                       for value, name, labels in expected
                       if metrics.value(name, **labels) != value]
