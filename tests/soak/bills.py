"""Tokens and money of each attempt: what the upstream has reported, or else what may be guessed."""

from __future__ import annotations

from tests.soak.books import AttemptRow, Books, Delivery, Exchange
from tests.soak.canon import pico_dollars, tokens_of, usage_of, usage_so_far

BYTES_PER_TOKEN = 4     # the rule of thumb for text
# Of a plain answer, beside its text and what follows that: its head, and what JSON has around the text.
AROUND_THE_TEXT = 500
# The other strings of its choices, which one that is passed on unread counts with it.
BESIDE_THE_TEXT = len("assistant" "stop")


def check_bills(books: Books) -> list[str]:
    problems = []
    met = {id(attempt): delivery for attempt, delivery in books.met}
    for rid, rows in books.rows.items():
        exchange = books.exchanges.get(rid)
        for row in rows:
            delivery = met.get(id(row))
            wrong = usage_problems(row, delivery, exchange, books.shaken(rid)) + cost_problems(row)
            if delivery and row.usage == "missing" and said_in_vain(books, delivery):
                wrong.append("usage was reported and is missing")
            problems += [f"{rid}: {what}: {row}; {delivery}" for what in wrong]
        if told_in_vain(books, rid):
            problems.append(f"{rid}: its client has a part of a stream, and nothing is booked: {rows}")
    return problems


def usage_problems(row: AttemptRow, delivery: Delivery | None, exchange: Exchange | None,
                   shaken: bool) -> list[str]:
    problems = []
    if row.usage in ("reported", "both"):
        truths = [final_tokens(row), *early_tokens(row, delivery)]
        if row.tokens not in truths:
            problems.append(f"tokens {row.tokens}, but {truths} were reported")
    elif any(row.tokens.values()):
        problems.append("reported tokens that nobody reported")
    if row.usage in ("estimated", "both"):
        problems += estimate_problems(row, delivery, exchange)
    elif any(row.guessed.values()):
        problems.append("an estimate that is not called one")
    if delivery is None:
        if row.usage != "none" and not (shaken or row.reason == "dropped"):
            problems.append(f"usage {row.usage} of what was never delivered")
        return problems
    if row.reason == "ok" and row.usage not in ("reported", "missing"):
        problems.append(f"usage {row.usage} of what ended well")
    if row.usage == "missing" and row.reason != "ok":
        problems.append("usage is missed of what did not end well")
    # Read whole, also where it was no answer.
    let_go = row.cause == "rescue" and row.reason not in delivery.expected    # it told another answer
    if delivery.usage and row.reason in ("ok", "malformed") and not let_go and row.usage not in (
            "reported", "both", "missing"):
        problems.append(f"usage was reported and is {row.usage}")
    if row.usage == "none" and row.reason == "dropped" and row.deliveries > 0:
        problems.append("it was dropped, and nothing is booked")
    return problems


def said_in_vain(books: Books, delivery: Delivery) -> bool:
    """Usage comes behind the finish, which is the end for who has waited for it long enough."""
    return bool(delivery.usage) and not books.excused("*", ("late",), delivery.at, delivery.ended_at)


def final_tokens(row: AttemptRow) -> dict[str, int]:
    return tokens_of(usage_of(row.rid, row.upstream, row.model))


def early_tokens(row: AttemptRow, delivery: Delivery | None) -> list[dict[str, int]]:
    """What a stream that broke off may have told by then, by the number of events."""
    ended_well = row.reason == "ok" and not (delivery and delivery.cut)
    if delivery is None or not delivery.counts or ended_well:
        return []
    return [tokens_of(usage_so_far(row.rid, row.upstream, row.model, events))
            for events in range(1, delivery.words + 1)]


def told_in_vain(books: Books, rid: str) -> bool:
    """A stream had begun to go to the client, and then broke: its provider will want to be paid."""
    request = books.requests.get(rid)
    return request is not None and request.broken and request.stream and all(
        row.usage == "none" for row in books.rows[rid] if row.began)


def may_be_guessed(row: AttemptRow) -> bool:
    """An attempt that broke off behind its first token, or that another one overtook, is estimated."""
    return row.began or (row.reason == "dropped" and row.deliveries > 0)


def estimate_problems(row: AttemptRow, delivery: Delivery | None,
                      exchange: Exchange | None) -> list[str]:
    """What may be guessed of an attempt that broke off (docs/accounting.md): the one place that knows this
    rule. Its output is what had come of it by some time, its prompt what its request says."""
    problems = []
    if row.reason == "ok" or not may_be_guessed(row):
        problems.append("an estimate of what neither broke off nor was overtaken")
    # It was sent, and there is an excuse why nobody has read it (whole).
    if delivery is None or delivery.model == "?":
        asked, least, most = exchange.prompt if exchange else 0, 0, 0
    else:
        asked, most = delivery.prompt, delivery.words
        # One that goes on with an answer may be let go before.
        ended_by_itself = delivery.fate == "clean_end_without_a_finish" and row.cause != "rescue"
        some = row.reason != "dropped" and exchange is not None and exchange.stream
        least = most if row.reason == "malformed" and ended_by_itself else int(some)
    pieces = delivery.pieces if delivery else ()
    said, guess = row.tokens.get("output", 0), row.guessed.get("output", 0)
    told = delivery is not None and delivery.counts
    if delivery and exchange and not exchange.stream:
        problems += plain_problems(row, delivery, guess)
    # What was said by then, and what is guessed beyond it.
    elif (said, guess) not in {(told * (events // 2), guessed_output(pieces[:events]) - told * (events // 2))
                             for events in range(least, most + 1)}:
        problems.append(f"{said} + {guess} tokens of {most} events with {sum(pieces[:most])} bytes")
    prompt = row.guessed.get("input", 0)
    # A continuation has quotes and line breaks, which are two bytes each in JSON.
    fits = tokens_in(asked) <= prompt <= tokens_in(2 * asked) if delivery and delivery.asked else (
        prompt == tokens_in(asked))
    if row.usage == "both":
        fits = prompt == 0      # it was said
    if not fits:
        problems.append(f"a prompt of {prompt} tokens guessed, of {asked} bytes")
    return problems


def plain_problems(row: AttemptRow, delivery: Delivery, guess: int) -> list[str]:
    """Of one that was passed on as it came, for it was too large to be held: the text that came by."""
    text = delivery.in_json
    most = min(text + BESIDE_THE_TEXT, delivery.sent)
    # What the end took along was not seen, and of an overtaken one nothing may have come.
    seen_whole = row.reason == "malformed" and not delivery.cut and not delivery.lost
    least = min(text, delivery.sent - AROUND_THE_TEXT) if seen_whole else 0
    if least // BYTES_PER_TOKEN <= guess <= tokens_in(most):
        return []
    return [f"{guess} tokens of {least} to {most} bytes of a plain answer's text"]


def tokens_in(text: int) -> int:
    return -(-text // BYTES_PER_TOKEN)


def guessed_output(pieces: tuple[int, ...]) -> int:
    """A token for each event; where they hold whole phrases, by their bytes."""
    phrases = sum(pieces) > 2 * BYTES_PER_TOKEN * len(pieces)
    return sum(pieces) // BYTES_PER_TOKEN if phrases else len(pieces)


def cost_problems(row: AttemptRow) -> list[str]:
    said = pico_dollars(row.upstream, row.tokens)
    priced = said is not None
    whole = pico_dollars(row.upstream, {kind: count + row.guessed.get(kind, 0)
                                        for kind, count in row.tokens.items()} or row.guessed)
    due = (rounded(said), rounded(whole - said)) if priced else (0, 0)
    problems = []
    if (row.cost, row.guessed_cost) != due:
        problems.append(f"cost {row.cost} and {row.guessed_cost}, {due} are due")
    if row.unpriced != (not priced and row.all_tokens() > 0):
        problems.append(f"unpriced={row.unpriced}")
    return problems


def rounded(pico: int) -> int:
    return (pico + 500) // 1000
