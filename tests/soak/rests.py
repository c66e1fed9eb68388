"""Who is not asked, and why: breakers and key pools."""

from __future__ import annotations

import collections

from tests.soak.books import AttemptRow, Books
from tests.soak.config import KEYS

# A breaker rests for 10 s at most, and no provider here names a longer time; a key that meets its limit
# again and again rests for a minute.
REST = 65.0
# What makes an entry rest, or one of its keys.
FAILING = ("connection", "timeout", "server_error", "malformed", "rate_limit", "quota", "auth")
OF_KEYS = ("rate_limit", "quota", "auth")
# Attempts are judged in one moment and their successors sent in the next; clocks differ.
SOON = 0.25


def check_skips(books: Books) -> list[str]:
    """An entry that was passed over had failed before."""
    failed = collections.defaultdict(list)
    for rows in books.rows.values():
        for row in rows:
            if row.reason in FAILING:
                failed[row.entry].append(row)
                if row.reason in OF_KEYS and len(KEYS[row.upstream]) > 1:
                    failed[row.upstream].append(row)
    problems = []
    for rid, skipped in books.skipped.items():
        exchange = books.exchanges.get(rid)
        if exchange is None:
            continue
        for entry in skipped:
            causes = [*failed[entry.entry], *failed[entry.upstream]]
            if not any(may_rest(row, exchange) for row in causes):
                problems.append(f"{rid}: {entry.entry} was passed over, but it had not failed: "
                                f"{books.lines[rid]}")
    return problems


def may_rest(row: AttemptRow, exchange) -> bool:
    # What has no credit, or no valid key, is down until a reload.
    longest = 1e9 if row.reason in ("quota", "auth") else REST
    return row.ended - SOON <= exchange.ended and row.ended >= exchange.started - longest


def check_keys(books: Books) -> list[str]:
    """Each upstream gets its own keys only, another one where one was refused, and never again one that
    is no key."""
    problems = [f"{rid}: sent with a key that is not this upstream's: {delivery}"
                for rid, deliveries in books.deliveries.items() for delivery in deliveries
                if rid in books.lines and delivery.key not in KEYS[delivery.upstream]]
    refused: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
    sent = collections.defaultdict(list)
    for row, delivery in books.met:
        sent[row.rid, row.position].append((row, delivery))
        if row.status == 401 and row.reason == "auth" and len(KEYS[row.upstream]) > 1:
            refused[row.upstream, delivery.key].append(row.ended)
    for (rid, _), pairs in sent.items():
        if any(row.deliveries > 1 for row, _ in pairs):     # which delivery was whose is not sure
            continue
        problems += [f"{rid}: sent again with the key that was refused: {delivery}"
                     for row, delivery in pairs if row.cause == "repair"
                     if any(other.number < row.number and other.reason in OF_KEYS
                            and before.key == delivery.key for other, before in pairs)]
    for deliveries in books.deliveries.values():
        problems += [f"{delivery.rid}: sent with a retired key: {delivery}"
                     for delivery in deliveries
                     for moment in refused.get((delivery.upstream, delivery.key), [])
                     if delivery.at > moment + SOON and not revived(books, moment, delivery.at)]
    return problems


def revived(books: Books, retired: float, used: float) -> bool:
    """A reload, or another process, does not know that this one is no key. While two processes live, it is
    the old one that may have found out."""
    two = any(trouble.kind == "upgrade" and trouble.begin - SOON <= retired <= trouble.end
              for trouble in books.evidence.troubles)
    return two or any(retired - SOON <= moment <= used + SOON for moment in books.evidence.reloads)
