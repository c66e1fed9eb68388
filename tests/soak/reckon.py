"""Whether the books agree. Pure: upstreams' deliveries, clients' exchanges, the daemon's access log and
its metrics go in; every disagreement comes out as a sentence.

The rule for deliveries: an attempt that met an upstream is one delivery. A delivery beyond the attempts
is a silent replay (understudy_stale_replays_total), possible only where the upstream ended a kept
connection at once and without a byte. An attempt or a replay without a delivery needs an excuse
in the upstream's own book: it was down, or it closed a connection unread, or stood still.
"""

from __future__ import annotations

import collections
import itertools
import math

from tests.soak.books import Attempt, Delivery, Exchange, Trouble, read_trace
from tests.soak.canon import digest, text_of, usage_of

# An end that the upstream makes so soon after it has read a request may be seen as an idle one (200 ms
# at most by the daemon's clock, which starts earlier, but may be read later).
IDLE_CLOSE = 0.2
# The clocks of the two sides are read at different moments, and either may be late.
SLACK = 0.5
# How long after its client's leaving a request may still come to an upstream.
AFTER_LEAVING = 1.0


class Books:
    """The four sides, indexed by request id."""

    def __init__(self, deliveries: list[Delivery], exchanges: list[Exchange], log: list[dict],
                 metrics, troubles: list[Trouble] = ()):
        self.metrics = metrics
        self.troubles = list(troubles)
        self.log = [line for line in log if line.get("event") == "request"]
        self.rejected = [line for line in log if line.get("event") == "rejected"]
        self.traces = {line["id"]: read_trace(line.get("trace", "")) for line in self.log}
        self.exchanges = {exchange.rid: exchange for exchange in exchanges}
        self.deliveries: dict[str, list[Delivery]] = collections.defaultdict(list)
        for delivery in deliveries:
            self.deliveries[delivery.rid].append(delivery)
        # Found by matching: which attempt met which delivery, and what was replayed.
        self.met: list[tuple[dict, Attempt, Delivery]] = []
        self.replays: collections.Counter[str] = collections.Counter()

    def excused(self, upstream: str, kinds: tuple[str, ...], begin: float, end: float) -> bool:
        return any(t.upstream in (upstream, "*") and t.kind in kinds and t.begin <= end + SLACK and
                   t.end >= begin - SLACK for t in self.troubles)


def reckon(deliveries: list[Delivery], exchanges: list[Exchange], log: list[dict], metrics,
           troubles: list[Trouble] = ()) -> list[str]:
    """Every disagreement; none is what a soak must end with."""
    books = Books(deliveries, exchanges, log, metrics, troubles)
    problems: list[str] = []
    for check in (check_log, check_ends, check_answers, check_deliveries, check_after_leaving,
                  check_attempts, check_requests, check_failovers, check_tokens, check_replays,
                  check_gauges):
        problems += check(books)
    return problems


# ---------------------------------------------------------------- clients and the access log

def check_log(books: Books) -> list[str]:
    """One line per request, and it says what the client saw."""
    problems = []
    counts = collections.Counter(line["id"] for line in books.log)
    problems += [f"{rid}: {n} lines in the log" for rid, n in counts.items() if n > 1]
    for line in books.log:
        exchange = books.exchanges.get(line["id"])
        if exchange is None:
            problems.append(f"{line['id']}: in the log, but no client asked for it")
            continue
        problems += [f"{line['id']}: {what} {line} {exchange}" for what in
                     log_differs(line, books.traces[line["id"]], exchange)]
    for rid, exchange in books.exchanges.items():
        if rid not in counts and exchange.status and not exchange.left:
            problems.append(f"{rid}: answered with {exchange.status}, but not in the log")
        if rid not in counts and books.deliveries.get(rid):
            problems.append(f"{rid}: delivered to {books.deliveries[rid]}, but not in the log")
    return problems


def log_differs(line: dict, trace: list[Attempt], exchange: Exchange) -> list[str]:
    problems = []
    if line["attempts"] != len(trace):
        problems.append(f"attempts={line['attempts']}, but the trace has {len(trace)}")
    if exchange.off and len({attempt.entry for attempt in trace}) > 1:
        problems.append("fell back although x-understudy-fallback is off")
    if line["outcome"] == "primary" and trace[-1].entry != trace[0].entry:
        problems.append("outcome=primary, but a later entry answered")
    if line["outcome"] == "fallback" and trace[-1].entry == trace[0].entry:
        problems.append("outcome=fallback, but the first entry answered")
    if line["outcome"] in ("primary", "fallback") and trace[-1].reason != "ok":
        problems.append("an answer that the trace calls a failure")
    if exchange.status == 0:
        return problems
    if line["status"] != exchange.status:
        problems.append(f"the client got {exchange.status}")
    told = read_trace(exchange.trace)
    if exchange.attempts != len(told) or [(a.entry, a.status) for a in told] != [
            (a.entry, a.status) for a in trace]:
        problems.append("the trace header says otherwise")
    if [a.reason for a in told[:-1]] != [a.reason for a in trace[:-1]]:
        problems.append("the trace header gives other reasons")
    if told and told[-1].reason not in ("ok", trace[-1].reason):
        problems.append("the last reason of the trace header is another one")
    if exchange.clean and exchange.status == 200 and not exchange.error and line[
            "outcome"] not in ("primary", "fallback"):
        problems.append(f"outcome={line['outcome']}, but the client has a whole answer")
    return problems


def check_ends(books: Books) -> list[str]:
    """Every request of a client that stayed has an answer, and its end."""
    hung = [f"{rid}: no end within its bound: {exchange}" for rid, exchange in
            books.exchanges.items() if exchange.hung]
    return hung + [f"{rid}: no answer at all: {exchange}" for rid, exchange in
                   books.exchanges.items() if not (exchange.status or exchange.left or exchange.hung)]


def check_answers(books: Books) -> list[str]:
    """No false whole answer, no whole answer that is called broken, nothing that was not asked for."""
    problems = []
    for rid, exchange in books.exchanges.items():
        if exchange.status == 200:
            problems += [f"{rid}: {what}: {exchange}" for what in answer_problems(exchange)]
    return problems


def answer_problems(exchange: Exchange) -> list[str]:
    if not exchange.clean:
        told = exchange.error or exchange.left or not exchange.chunked or exchange.coded
        return [] if told or not exchange.stream else ["a broken stream without an error in it"]
    if exchange.error:
        return ["a broken answer with a clean end"]
    truth = text_of(exchange.rid, exchange.upstream, exchange.model)
    problems = []
    if exchange.digest != digest(truth):
        problems.append("FALSE WHOLE ANSWER: not what this upstream says")
    if not exchange.finish:
        problems.append("FALSE WHOLE ANSWER: a clean end without a finish_reason")
    if exchange.saw_usage and exchange.stream and not exchange.asked_usage and not exchange.coded:
        problems.append("usage that the client did not ask for")
    return problems


# ---------------------------------------------------------------- deliveries

def check_deliveries(books: Books) -> list[str]:
    problems = []
    for line in books.log:
        problems += match_request(books, line)
    return problems


def match_request(books: Books, line: dict) -> list[str]:
    rid, problems, replayed = line["id"], [], 0
    by_upstream = collections.defaultdict(lambda: ([], []))
    for attempt in books.traces[rid]:
        by_upstream[attempt.upstream][0].append(attempt)
    for delivery in books.deliveries.get(rid, []):
        by_upstream[delivery.upstream][1].append(delivery)
    for upstream, (attempts, deliveries) in by_upstream.items():
        pairs, undelivered, left = best_match(
            attempts, deliveries, lambda a, d: fits(books, line, a, d),
            lambda a: may_be_undelivered(books, line, a), may_be_replayed)
        books.met += [(line, attempt, delivery) for attempt, delivery in pairs]
        replays = [delivery for delivery in left if may_be_replayed(delivery)]
        replayed += len(replays)
        books.replays[upstream] += len(replays)
        problems += [f"{rid}: delivered, but no attempt is like it: {delivery}; of {deliveries}; "
                     f"log {line}" for delivery in left if not may_be_replayed(delivery)]
        problems += [f"{rid}: an attempt that {upstream} never got, without an excuse: {attempt}; "
                     f"deliveries {deliveries}; log {line}; {books.exchanges.get(rid)}"
                     for attempt in undelivered if not may_be_undelivered(books, line, attempt)]
    return problems + compare_replays(books, line, replayed, list(by_upstream))


def compare_replays(books: Books, line: dict, replayed: int, upstreams: list[str]) -> list[str]:
    rid, said = line["id"], line.get("stale_replays", 0)
    if replayed > said:
        return [f"{rid}: delivered {replayed} times beyond its attempts, the log says {said}: "
                f"{line}; {books.deliveries[rid]}"]
    unread = said - replayed
    if unread and not any(books.excused(u, ("unread", "down"), *times(books, rid))
                          for u in upstreams):
        return [f"{rid}: {unread} replays, but no upstream closed a connection: {line}; "
                f"{books.deliveries.get(rid)}"]
    return []


def best_match(attempts: list[Attempt], deliveries: list[Delivery], fit, excused, replayed):
    """Pairs of attempts and deliveries that can be the same thing, and what is left of either: as
    little as possible that nothing explains, then as many pairs as possible."""
    best = None
    small, large = sorted((len(attempts), len(deliveries)))
    for chosen in itertools.permutations(range(large), small):
        pairs = [(i, j) if len(attempts) == small else (j, i) for i, j in enumerate(chosen)]
        pairs = [(i, j) for i, j in pairs if fit(attempts[i], deliveries[j])]
        undelivered = [a for i, a in enumerate(attempts) if i not in {i for i, _ in pairs}]
        left = [d for j, d in enumerate(deliveries) if j not in {j for _, j in pairs}]
        unexplained = sum(not excused(a) for a in undelivered) + sum(not replayed(d) for d in left)
        if best is None or (unexplained, -len(pairs)) < best[0]:
            best = ((unexplained, -len(pairs)),
                    ([(attempts[i], deliveries[j]) for i, j in pairs], undelivered, left))
        if best[0] == (0, -small):
            break
    return best[1]


def fits(books: Books, line: dict, attempt: Attempt, delivery: Delivery) -> bool:
    """Whether the daemon may say this of that delivery."""
    exchange = books.exchanges.get(line["id"])
    if delivery.model not in ("?", attempt.model):  # ?: its body never came whole
        return False
    if delivery.sent == 0 and attempt.status != "-":
        return False
    if attempt.reason in delivery.expected:
        return True
    if exchange is None:
        return False
    if attempt.reason == "client_closed":
        return exchange.left
    if attempt.reason == "timeout":
        late = books.excused(delivery.upstream, ("vanished", "late"), delivery.at,
                             min(delivery.ended_at, delivery.at + 10))
        return late or exchange.slow or out_of_time(exchange)
    return False


def out_of_time(exchange: Exchange) -> bool:
    """The deadline that was given may have ended the request."""
    return exchange.ended - exchange.started >= exchange.deadline * 0.9


def may_be_replayed(delivery: Delivery) -> bool:
    return (delivery.cut and delivery.sent == 0 and delivery.reused
            and delivery.ended_at - delivery.at <= IDLE_CLOSE)


def times(books: Books, rid: str) -> tuple[float, float]:
    exchange = books.exchanges.get(rid)
    return (exchange.started, exchange.ended) if exchange else (-math.inf, math.inf)


def may_be_undelivered(books: Books, line: dict, attempt: Attempt) -> bool:
    exchange = books.exchanges.get(line["id"])
    if attempt.status != "-" or exchange is None:
        return False
    if attempt.reason == "client_closed":
        return exchange.left
    if attempt.reason == "connection":
        return books.excused(attempt.upstream, ("down", "unread"), exchange.started, exchange.ended)
    if attempt.reason == "timeout":
        return out_of_time(exchange) or books.excused(
            attempt.upstream, ("down", "vanished", "late"), exchange.started, exchange.ended)
    return False


def check_after_leaving(books: Books) -> list[str]:
    return [f"{rid}: delivered after its client had left: {delivery} {exchange}"
            for rid, exchange in books.exchanges.items() if exchange.left and not exchange.hidden
            for delivery in books.deliveries.get(rid, [])
            if delivery.at > exchange.ended + AFTER_LEAVING and not books.excused(
                delivery.upstream, ("vanished", "late"), exchange.ended, delivery.at)]


# ---------------------------------------------------------------- metrics

def differing(what: str, counted: dict, expected: dict) -> list[str]:
    names = sorted({*counted, *expected})
    return [f"metrics: {what}{name}: {counted.get(name, 0):g}, the log has {expected.get(name, 0):g}"
            for name in names if counted.get(name, 0) != expected.get(name, 0)]


def counted(metrics, name: str, *labels: str) -> dict:
    """Sums of one family by these labels, as a dictionary."""
    sums: collections.Counter[tuple] = collections.Counter()
    for sample in metrics.labels(name):
        key = tuple(sample.get(label, "") for label in labels)
        if key not in sums:
            sums[key] = metrics.value(name, **dict(zip(labels, key)))
    return dict(sums)


def check_attempts(books: Books) -> list[str]:
    expected = collections.Counter((a.upstream, a.model, a.reason) for trace in books.traces.values()
                                   for a in trace)
    problems = differing("understudy_attempts_total", counted(
        books.metrics, "understudy_attempts_total", "upstream", "model", "reason"), expected)
    by_upstream: collections.Counter[tuple] = collections.Counter()
    for (upstream, _, _), count in expected.items():
        by_upstream[upstream,] += count
    return problems + differing("understudy_attempt_duration_seconds_count", counted(
        books.metrics, "understudy_attempt_duration_seconds_count", "upstream"), by_upstream)


def check_requests(books: Books) -> list[str]:
    expected = collections.Counter((line.get("route", "none"), line["outcome"]) for line in books.log)
    expected["none", "rejected"] += len(books.rejected)
    return differing("understudy_requests_total", counted(
        books.metrics, "understudy_requests_total", "route", "outcome"), expected)


def check_failovers(books: Books) -> list[str]:
    expected = collections.Counter(
        (before.upstream, after.upstream, before.reason) for trace in books.traces.values()
        for before, after in zip(trace, trace[1:]) if before.entry != after.entry)
    return differing("understudy_failovers_total", counted(
        books.metrics, "understudy_failovers_total", "from", "to", "reason"), expected)


def disjoint(prompt: int, completion: int, cached: int, reasoning: int) -> dict[str, int]:
    return {"input": prompt - cached, "cache_read": cached, "cache_write": 0,
            "output": completion - reasoning, "reasoning": reasoning}


def tokens_in(line: dict) -> dict[str, int]:
    return disjoint(line["prompt_tokens"], line["completion_tokens"],
                    line.get("cache_read_tokens", 0), line.get("reasoning_tokens", 0))


def tokens_of(usage: dict) -> dict[str, int]:
    return disjoint(usage["prompt_tokens"], usage["completion_tokens"],
                    usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
                    usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0))


def check_tokens(books: Books) -> list[str]:
    """Reported figures are the upstream's, whoever of the two sums them up; missing is what ended well
    without."""
    problems, tokens, missing = [], collections.Counter(), collections.Counter()
    for line in books.log:
        trace = books.traces[line["id"]]
        if "usage" in line:
            last = trace[-1]
            found = tokens_in(line)
            for kind, count in found.items():
                tokens[last.upstream, last.model, kind, line["usage"]] += count
            truth = tokens_of(usage_of(line["id"], last.upstream, last.model))
            if line["usage"] == "reported" and found != truth:
                problems.append(f"{line['id']}: tokens {found}, but {truth} were reported: {line}")
        if trace and trace[-1].reason == "ok" and line.get("usage") == "estimated":
            problems.append(f"{line['id']}: estimated, although it ended well: {line}")
        if trace and trace[-1].reason == "ok" and line.get("usage") != "reported":
            missing[trace[-1].upstream, trace[-1].model] += 1
    for line, attempt, delivery in books.met:
        served = attempt is books.traces[line["id"]][-1] and "usage" in line
        if attempt.reason == "ok" and delivery.usage and line.get("usage") != "reported":
            problems.append(f"{line['id']}: {delivery} reported usage, but the log has none: {line}")
        if not served and delivery.usage and attempt.reason == "malformed":  # read whole, and no answer
            for kind, count in tokens_of(delivery.usage).items():
                tokens[attempt.upstream, attempt.model, kind, "reported"] += count
    return problems + differing("understudy_tokens_total", counted(
        books.metrics, "understudy_tokens_total", "upstream", "model", "type", "source"),
        tokens) + differing("understudy_usage_missing_total", counted(
            books.metrics, "understudy_usage_missing_total", "upstream", "model"), missing)


def check_replays(books: Books) -> list[str]:
    found = counted(books.metrics, "understudy_stale_replays_total", "upstream")
    problems = [f"metrics: {found.get((upstream,), 0):g} replays at {upstream}, it got {count}"
                for upstream, count in books.replays.items() if found.get((upstream,), 0) < count]
    said = sum(line.get("stale_replays", 0) for line in books.log)
    if sum(found.values()) != said:
        problems.append(f"metrics: {sum(found.values()):g} replays, the log has {said}")
    return problems


def check_gauges(books: Books) -> list[str]:
    expected = [(0, "understudy_inflight_requests", {}),
                (0, "understudy_upstream_connections", {"state": "active"}),
                (1, "understudy_connections", {})]  # the one that asks
    return [f"metrics: {name}{labels} is {books.metrics.value(name, **labels):g}, not {value}"
            for value, name, labels in expected if books.metrics.value(name, **labels) != value]
