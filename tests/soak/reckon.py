"""Whether the books agree. Pure: upstreams' deliveries, clients' exchanges, the daemon's access log, its
ledger and its metrics go in; every disagreement comes out as a sentence."""

from __future__ import annotations

import collections

from tests.soak.bills import check_bills
from tests.soak.books import AttemptRow, Attempt, Books, Evidence, Exchange, RequestRow, read_trace
from tests.soak.canon import digest, disjoint, text_of, texts_like
from tests.soak.matching import check_after_leaving, check_deliveries
from tests.soak.rests import check_keys, check_skips
from tests.soak.totals import check_settled, check_totals, refusals_are_booked


def reckon(evidence: Evidence) -> list[str]:
    """Every disagreement; none is what a soak must end with."""
    books = Books(evidence)
    problems: list[str] = []
    for check in (check_log, check_ledger, check_ends, check_answers, check_deliveries,
                  check_after_leaving, check_bills, check_skips, check_keys, check_totals,
                  check_settled):
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
        if rid in counts or books.shaken(rid):
            continue
        if exchange.status and not exchange.left:
            problems.append(f"{rid}: answered with {exchange.status}, but not in the log")
        if books.deliveries.get(rid):
            problems.append(f"{rid}: delivered to {books.deliveries[rid]}, but not in the log")
    return problems


def log_differs(line: dict, trace: list[Attempt], exchange: Exchange) -> list[str]:
    problems = []
    outcome = line["outcome"]
    if line["attempts"] != len(trace):
        problems.append(f"attempts={line['attempts']}, but the trace has {len(trace)}")
    if exchange.off and len({attempt.entry for attempt in trace}) > 1:
        problems.append("fell back although x-understudy-fallback is off")
    answered = outcome in ("primary", "fallback", "rescued")
    if answered and (not trace or trace[-1].reason != "ok"):
        problems.append("an answer that the trace calls a failure")
    if exchange.status == 0:
        return problems
    if line["status"] != exchange.status:
        problems.append(f"the client got {exchange.status}")
    if exchange.cost and exchange.cost != line_cost(line):
        problems.append(f"the client was told a cost of {exchange.cost}")
    problems += header_differs(line, trace, exchange)
    if exchange.clean and exchange.status == 200 and not exchange.error and not answered:
        problems.append(f"outcome={outcome}, but the client has a whole answer")
    return problems


def line_cost(line: dict) -> str:
    nano = round(line.get("cost_usd", 0) * 1e9)
    return f"{nano // 10**9}.{nano % 10**9:09}".rstrip("0").rstrip(".")


def header_differs(line: dict, trace: list[Attempt], exchange: Exchange) -> list[str]:
    """The header tells what was known when it was sent: of a stream that broke, or that was gone on
    with, the log knows more."""
    told, _ = read_trace(exchange.trace)
    more = line["outcome"] == "rescued" or line.get("ended") == "broken" or exchange.waited
    problems = []
    if not more and len(told) != len(trace) or len(told) > len(trace):
        problems.append("the trace header has other attempts")
    # Who was kept waiting is not told how many there are: more come.
    if exchange.attempts != (0 if exchange.waited else len(told)):
        problems.append("the number of attempts in the header is another one")
    if [(a.entry, a.status) for a in told] != [(a.entry, a.status) for a in trace[:len(told)]]:
        problems.append("the trace header says otherwise")
    pairs = list(zip(told, trace))
    if any(a.reason != b.reason for a, b in pairs[:-1]):
        problems.append("the trace header gives other reasons")
    if any(a.reason not in ("ok", b.reason) for a, b in pairs[-1:]):
        problems.append("the last reason of the trace header is another one")
    return problems


# ---------------------------------------------------------------- the ledger

def check_ledger(books: Books) -> list[str]:
    """Its rows are the log, request by request; what a killed process had in hand may be missing."""
    problems = []
    seen = collections.Counter(row.rid for row in books.evidence.requests)
    problems += [f"{rid}: {n} rows of requests" for rid, n in seen.items() if n > 1]
    rejected = collections.Counter(line["id"] for line in books.rejected)
    for row in books.requests.values():
        if row.rid in books.lines or books.shaken(row.rid):
            continue
        if row.outcome != "rejected" or row.rid not in rejected:
            problems.append(f"{row.rid}: in the ledger, but not in the log: {row}")
    for rid, count in rejected.items():
        if refusals_are_booked(books) and seen[rid] < count and not books.shaken(rid):
            problems.append(f"{rid}: refused, but not in the ledger")
    for rid, line in books.lines.items():
        row, attempts = books.requests.get(rid), books.rows[rid]
        if books.shaken(rid) and (row is None or len(attempts) < row.attempts):
            if row is not None:
                problems.append(f"{rid}: a request without all of its attempts: {row} {attempts}")
            continue
        if row is None:
            problems.append(f"{rid}: not in the ledger: {line}, {books.exchanges.get(rid)}")
            continue
        problems += [f"{rid}: {what}: {row} {attempts}; log {line}"
                     for what in ledger_differs(books, row, attempts, line)]
    return problems


def ledger_differs(books: Books, row: RequestRow, attempts: list[AttemptRow], line: dict) -> list[str]:
    problems = []
    exchange = books.exchanges.get(row.rid)
    said = (row.outcome, row.status, row.attempts, row.stream, row.broken, row.route, row.served_by,
            row.served_model, row.session)
    wanted = (line["outcome"], line["status"], line["attempts"], line["stream"],
              line.get("ended") == "broken", line.get("route", ""), line.get("upstream", ""),
              line.get("served_model", ""), line.get("session", ""))
    if said != wanted:
        problems.append(f"the ledger says {said}, the log {wanted}")
    if exchange and (row.session, row.stream) != (exchange.session, exchange.stream):
        problems.append("another session, or kind of answer, than was asked for")
    found = sorted((a.entry, a.reason, str(a.status or "-"), a.route, a.session) for a in attempts)
    if found != sorted((a.entry, a.reason, a.status, row.route, row.session)
                       for a in books.traces[row.rid]):
        problems.append("other attempts than in the trace")
    if [a.number for a in attempts] != list(range(1, len(attempts) + 1)):
        problems.append("the attempts are not numbered from 1")
    problems += sum_problems(row, attempts, line)
    return problems + served_problems(row, attempts, books.traces[row.rid])


def sum_problems(row: RequestRow, attempts: list[AttemptRow], line: dict) -> list[str]:
    problems = []
    total = sum(a.cost + a.guessed_cost for a in attempts)
    if row.cost != total or round(line.get("cost_usd", 0) * 1e9) != total:
        problems.append(f"its attempts cost {total}")
    kinds = collections.Counter()
    for attempt in attempts:
        kinds.update(attempt.tokens)
        kinds.update(attempt.guessed)
    prompt = kinds["input"] + kinds["cache_read"] + kinds["cache_write"]
    if (row.prompt, row.completion) != (prompt, kinds["output"] + kinds["reasoning"]):
        problems.append("its tokens are not those of its attempts")
    said = None
    if "usage" in line:
        said = line["usage"], disjoint(line["prompt_tokens"], line["completion_tokens"],
                                       line.get("cache_read_tokens", 0), line.get("reasoning_tokens", 0))
    kind = usage_of_all(attempts)
    if said != (kind and (kind, {name: kinds[name] for name in disjoint(0, 0, 0, 0)})):
        problems.append(f"the log has other tokens: {said}")
    return problems


def usage_of_all(attempts: list[AttemptRow]) -> str | None:
    """How the log calls what they have used together; None: nothing was."""
    said = {kind for a in attempts for kind in
            (("reported", "estimated") if a.usage == "both" else (a.usage,))} & {"reported", "estimated"}
    return "both" if len(said) == 2 else next(iter(said), None)


def served_problems(row: RequestRow, attempts: list[AttemptRow], trace: list[Attempt]) -> list[str]:
    """Who answered, and in which place of the chain."""
    problems = []
    if row.outcome not in ("primary", "fallback", "rescued"):
        return problems
    last = trace[-1]
    like = [a for a in attempts if (a.entry, a.reason) == (last.entry, "ok")]
    if row.outcome == "primary" and all(a.position for a in like):
        problems.append("outcome=primary, but a later entry answered")
    if row.outcome == "fallback" and not any(a.position for a in like):
        problems.append("outcome=fallback, but the first entry answered")
    if row.outcome == "rescued" and not any(a.cause == "rescue" for a in like):
        problems.append("outcome=rescued, but nobody went on with anything")
    if row.served_by != last.upstream:
        problems.append(f"served_by is {row.served_by}, but {last.entry} answered")
    return problems


# ---------------------------------------------------------------- what clients got

def check_ends(books: Books) -> list[str]:
    """Every request of a client that stayed has an answer, and its end."""
    problems = []
    for rid, exchange in books.exchanges.items():
        if exchange.hung:
            problems.append(f"{rid}: no end within its bound: {exchange}")
        elif not (exchange.status or exchange.left or books.shaken(rid) or
                  closed_while_idle(books, exchange)):
            problems.append(f"{rid}: no answer at all: {exchange}")
    return problems


def closed_while_idle(books: Books, exchange: Exchange) -> bool:
    """A kept connection may end while nothing is asked on it, and this request may cross that."""
    rid = exchange.rid
    asked = books.deliveries.get(rid) or rid in books.lines
    return exchange.kept and not asked and books.excused("*", ("upgrade",), exchange.started,
                                                         exchange.ended)


def check_answers(books: Books) -> list[str]:
    """No false whole answer, no whole answer that is called broken, nothing that was not asked for."""
    problems = []
    for rid, exchange in books.exchanges.items():
        if exchange.status == 200:
            rescued = books.lines.get(rid, {}).get("outcome") == "rescued" or (
                rid not in books.lines and exchange.stream)
            wrong = answer_problems(exchange, rescued, books.shaken(rid))
            if saw_too_much(exchange) and not any(d.counts for d in books.deliveries[rid]):
                wrong.append("usage that the client did not ask for")
            problems += [f"{rid}: {what}: {exchange} {books.lines.get(rid)} {books.rows[rid]}"
                         for what in wrong]
    return problems


def answer_problems(exchange: Exchange, rescued: bool, shaken: bool) -> list[str]:
    if not exchange.clean:
        told = exchange.error or exchange.left or not exchange.chunked or exchange.coded or shaken
        return [] if told or not exchange.stream else ["a broken stream without an error in it"]
    # Without framing a dead process's end is a clean one, also behind the error that it would have reset.
    if shaken and exchange.end == "closed":
        return []
    if exchange.error:
        return ["a broken answer with a clean end"]
    problems = []
    if len(exchange.ids) != 1 or len(exchange.models) != 1:
        return [f"not one answer: ids {exchange.ids}, models {exchange.models}"]
    upstream, _, model = exchange.ids[0].partition("-")[2].partition("/")
    header = (exchange.upstream, exchange.model)
    if header != (upstream, model) and not exchange.waited:
        problems.append(f"the header names {header}, the answer {upstream}/{model}")
    if exchange.models != (model,):
        problems.append("the model of another answer")
    if not is_true(exchange, upstream, model, rescued):
        problems.append("FALSE WHOLE ANSWER: not what this upstream says")
    if exchange.finishes != 1:
        problems.append(f"FALSE WHOLE ANSWER: a clean end with {exchange.finishes} finish_reasons")
    if exchange.roles > 1 or exchange.dones > 1:
        problems.append(f"{exchange.roles} roles, {exchange.dones} end markers")
    if not exchange.usage_adds_up:
        problems.append("usage whose total is not its sum")
    return problems


def saw_too_much(exchange: Exchange) -> bool:
    return (exchange.clean and exchange.saw_usage and exchange.stream and not exchange.asked_usage
            and not exchange.coded)


def is_true(exchange: Exchange, upstream: str, model: str, rescued: bool) -> bool:
    if exchange.digest == digest(text_of(exchange.rid, upstream, model)):
        return True
    # Whoever goes on with so little that it begins more than one answer has given one of these.
    return rescued and exchange.digest in {digest(text) for text in texts_like(exchange.rid, "")}
