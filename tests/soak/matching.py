"""Attempts beside deliveries. The rule: an attempt that met an upstream is one delivery. A delivery
beyond the attempts is a silent replay (understudy_stale_replays_total), possible only where the
upstream ended a kept connection at once and without a byte. An attempt or a replay without a delivery
needs an excuse in the upstream's own book: it was down, or it closed a connection unread, or stood
still; or the attempt was dropped before it was sent."""

from __future__ import annotations

import collections
import itertools
import math

from tests.soak.books import AttemptRow, Books, Delivery, Exchange
from tests.soak.canon import of_one_mind

# An end that the upstream makes so soon after it has read a request may be seen as an idle one (200 ms
# at most by the daemon's clock, which starts earlier, but may be read later).
IDLE_CLOSE = 0.2
# What is read when it has been given up may have waited to be accepted, or have crossed our end; nothing
# else is read that late.
GIVEN_UP = ("timeout", "client_closed", "dropped")
CLOCKS = 0.1
TELLING = 12    # bytes
# How long after its client's leaving a request may still come to an upstream.
AFTER_LEAVING = 1.0


def check_deliveries(books: Books) -> list[str]:
    problems = []
    for rid in {*books.rows, *books.lines}:
        problems += match_request(books, rid)
    return problems


def match_request(books: Books, rid: str) -> list[str]:
    problems, replayed = [], 0
    shaken = books.shaken(rid)
    by_upstream = collections.defaultdict(lambda: ([], []))
    for attempt in books.rows[rid]:
        by_upstream[attempt.upstream][0].append(attempt)
    for delivery in books.deliveries.get(rid, []):
        by_upstream[delivery.upstream][1].append(delivery)
    for upstream, (attempts, deliveries) in by_upstream.items():
        pairs, undelivered, left = best_match(
            attempts, deliveries, lambda a, d: fits(books, a, d),
            lambda a: may_be_undelivered(books, a), may_be_replayed)
        books.met += pairs
        replays = [delivery for delivery in left if may_be_replayed(delivery)]
        replayed += len(replays)
        problems += [f"{rid}: an attempt that {upstream} never got, without an excuse: {attempt}; "
                     f"{describe(books, rid)}" for attempt in undelivered if not may_be_undelivered(books, attempt)]
        if shaken:
            continue
        books.replays[upstream] += len(replays)
        problems += [f"{rid}: delivered, but no attempt is like it: {delivery}; {describe(books, rid)}"
                     for delivery in left if not may_be_replayed(delivery)]
    return problems + ([] if shaken else compare_replays(books, rid, replayed, list(by_upstream)))


def describe(books: Books, rid: str) -> str:
    return (f"rows {books.rows[rid]}; deliveries {books.deliveries.get(rid)}; log "
            f"{books.lines.get(rid)}; {books.exchanges.get(rid)}")


def compare_replays(books: Books, rid: str, replayed: int, upstreams: list[str]) -> list[str]:
    said = books.lines.get(rid, {}).get("stale_replays", 0)
    kept = sum(max(0, row.deliveries - 1) for row in books.rows[rid])
    problems = [] if said == kept else [f"{rid}: {said} replays in the log, {kept} in the ledger"]
    if replayed > said:
        return [*problems, f"{rid}: delivered {replayed} times beyond its attempts, the log says {said}: "
                f"{describe(books, rid)}"]
    unread = said - replayed
    given_up = any(row.deliveries > 1 and row.reason in GIVEN_UP for row in books.rows[rid])
    if unread and not given_up and not any(books.excused(u, ("unread", "down"), *times(books, rid))
                          for u in upstreams):
        problems.append(f"{rid}: {unread} replays, but no upstream closed a connection: "
                        f"{describe(books, rid)}")
    return problems


def best_match(attempts: list, deliveries: list[Delivery], fit, excused, replayed):
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


def fits(books: Books, attempt: AttemptRow, delivery: Delivery) -> bool:
    """Whether the daemon may say this of that delivery."""
    exchange = books.exchanges.get(attempt.rid)
    if delivery.model not in ("?", attempt.model):  # ?: its body never came whole
        return False
    if attempt.deliveries == 0 and delivery.model != "?":
        return False
    if delivery.sent == 0 and attempt.status:
        return False
    if delivery.asked and attempt.cause != "rescue":
        return False
    late = delivery.at > attempt.ended + CLOCKS
    if late and attempt.reason not in GIVEN_UP and delivery.fate != "crossed":
        return False
    if attempt.reason in delivery.expected:
        return True
    if exchange is None:
        return False
    if attempt.reason == "dropped":
        return hedged(books, attempt)
    if attempt.reason == "client_closed":
        return exchange.left
    if attempt.reason == "malformed":
        return another_answer(attempt, delivery)
    if attempt.reason == "timeout":
        # What waited to be accepted may be read when it has long been given up.
        late = books.excused(delivery.upstream, ("vanished", "late"),
                             min(delivery.at, attempt.started),
                             min(delivery.ended_at, delivery.at + 10))
        return late or exchange.slow or out_of_time(exchange, attempt)
    return False


def hedged(books: Books, attempt: AttemptRow) -> bool:
    """It may have had another one beside it, whose row may be lost with its process."""
    return books.shaken(attempt.rid) or any(other.cause == "hedge"
                                            for other in books.rows[attempt.rid])


def another_answer(attempt: AttemptRow, delivery: Delivery) -> bool:
    """Asked anew for a rescue, it may well say something else than what had begun. And of very few last
    words nobody can say whether they are told again."""
    if attempt.cause != "rescue":
        return False
    if delivery.asked == "instruct":
        return delivery.begun < TELLING
    return not delivery.asked and not of_one_mind(attempt.rid)


def out_of_time(exchange: Exchange, attempt: AttemptRow) -> bool:
    """The deadline that was given may have ended the request. Of a client that left before it, that
    is seen by the daemon alone, which may learn of the leaving later."""
    ended = max(exchange.ended, attempt.ended) if exchange.left else exchange.ended
    return ended - exchange.started >= exchange.deadline * 0.9


def may_be_replayed(delivery: Delivery) -> bool:
    return (delivery.cut and delivery.sent == 0 and delivery.reused
            and delivery.ended_at - delivery.at <= IDLE_CLOSE)


def times(books: Books, rid: str) -> tuple[float, float]:
    exchange = books.exchanges.get(rid)
    return (exchange.started, exchange.ended) if exchange else (-math.inf, math.inf)


def may_be_undelivered(books: Books, attempt: AttemptRow) -> bool:
    exchange = books.exchanges.get(attempt.rid)
    if attempt.status or exchange is None:
        return False
    if attempt.reason == "client_closed":
        return exchange.left
    if attempt.reason == "dropped":
        return hedged(books, attempt)
    if attempt.reason == "connection":
        return books.excused(attempt.upstream, ("down", "unread"), exchange.started, exchange.ended)
    if attempt.reason == "timeout":
        return out_of_time(exchange, attempt) or books.excused(
            attempt.upstream, ("down", "vanished", "late"), exchange.started, exchange.ended)
    return False


def check_after_leaving(books: Books) -> list[str]:
    return [f"{rid}: delivered after its client had left: {delivery} {exchange}"
            for rid, exchange in books.exchanges.items() if exchange.left and not exchange.hidden
            for delivery in books.deliveries.get(rid, [])
            if delivery.at > exchange.ended + AFTER_LEAVING and not books.excused(
                delivery.upstream, ("vanished", "late"), exchange.ended, delivery.at)]
