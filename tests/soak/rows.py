"""What the ledger says: its rows, read when all is over."""

from __future__ import annotations

import pathlib
import sqlite3

from tests.soak.books import TOKENS, AttemptRow, Clock, RequestRow

ATTEMPTS = f"""SELECT id / 1e6, request_id, number, upstream, model, cause, position, reason, total_ms,
    route, session, status, deliveries, first_token_ms, usage, cost_nano_usd, estimated_cost_nano_usd,
    unpriced, estimated_input, estimated_output, {", ".join(TOKENS)} FROM attempts"""
REQUESTS = """SELECT id / 1e6, request_id, outcome, route, session, status, stream, broken, attempts,
    served_by, served_model, prompt_tokens, completion_tokens, cost_nano_usd FROM requests"""


def _attempt(row, clock: Clock) -> AttemptRow:
    (ended, rid, number, upstream, model, cause, position, reason, took, route, session, status,
     deliveries, first, usage, cost, guessed_cost, unpriced, guessed_in, guessed_out, *tokens) = row
    return AttemptRow(
        rid, number, upstream, model or "", cause, position, reason, clock.monotonic(ended),
        took / 1000, route or "", session or "", status or 0, deliveries, first is not None, usage,
        {kind: count or 0 for kind, count in zip(TOKENS, tokens)},
        {"input": guessed_in or 0, "output": guessed_out or 0},
        cost or 0, guessed_cost or 0, bool(unpriced))


def _request(row, clock: Clock) -> RequestRow:
    (ended, rid, outcome, route, session, status, stream, broken, attempts, served_by, served_model,
     prompt, completion, cost) = row
    return RequestRow(rid, outcome, clock.monotonic(ended), route or "", session or "", status or 0,
                      bool(stream), bool(broken), attempts, served_by or "", served_model or "",
                      prompt or 0, completion or 0, cost or 0)


def read(path: pathlib.Path, clock: Clock) -> tuple[list[AttemptRow], list[RequestRow]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
        return ([_attempt(row, clock) for row in database.execute(ATTEMPTS)],
                [_request(row, clock) for row in database.execute(REQUESTS)])


def check_file(path: pathlib.Path) -> list[str]:
    """Whether the file is whole, and its sums are those of its rows."""
    sums = {"requests": "total(number = 1)", "attempts": "count(*)",
            "cost_nano_usd": "total(cost_nano_usd)", "missing": "total(usage = 4)",
            **{kind: f"total({kind})" for kind in (*TOKENS, "estimated_input", "estimated_output")}}
    with sqlite3.connect(path, timeout=10) as database:
        said = database.execute("PRAGMA integrity_check").fetchone()[0]
        problems = [] if said == "ok" else [f"ledger: integrity_check says {said}"]
        for column, expression in sums.items():
            [(hours,)] = database.execute(f"SELECT total({column}) FROM usage_hour")
            [(rows,)] = database.execute(f"SELECT {expression} FROM attempt")
            if hours != rows:
                problems.append(f"ledger: {column} of all hours is {hours:g}, of all rows {rows:g}")
    return problems
