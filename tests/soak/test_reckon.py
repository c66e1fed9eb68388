"""The reckoning itself: books that agree pass, and every single lie in them is found."""

import copy

import pytest

from tests.soak.books import Evidence, Trouble
from tests.soak.canon import digest, text_of
from tests.soak.reckon import reckon
from tests.soak.story import KILL, Story
from tests.support.daemon import Metrics


def test_books_that_agree_pass():
    assert Story().reckon() == []


def test_no_books_agree_too():
    assert reckon(Evidence([], [], [], [], [], [], [], Metrics())) == []


# ---------------------------------------------------------------- lies

def change(book, values):
    for name, value in values.items():
        assert getattr(book, name) != value
        setattr(book, name, value)


def delivery(rid, at, /, **values):
    """A lie: these fields of one delivery are others."""
    return lambda story: change(story.delivery(rid, at), values)


def exchange(rid, /, **values):
    return lambda story: change(story.exchange(rid), values)


def row(rid, number, /, **values):
    return lambda story: change(story.attempt(rid, number), values)


def request(rid, /, **values):
    return lambda story: change(story.asked(rid), values)


def hide(rid, upstream):
    return lambda story: story.deliveries.remove(story.delivery(rid, upstream))


def repeat(rid, upstream):
    return lambda story: story.deliveries.append(copy.copy(story.delivery(rid, upstream)))


def lose(rid, number=1):
    """From the ledger."""
    return lambda story: story.attempts.remove(story.attempt(rid, number))


def count(*parts, by=1):
    """In the metrics of the first process."""
    def lie(story):
        story.metrics[story.sample(*parts)] += by
    return lie


def restart(*parts, by=1):
    """In those of the last one, which has them from the ledger."""
    def lie(story):
        story.total[story.sample(*parts)] += by
    return lie


def say(rid, **values):
    return lambda story: story.line(rid).update(values)


def add(name, **labels):
    def lie(story):
        story.open = (story.metrics, story.total)
        story.add(name, **labels)
    return lie


def tokens(rid, number, kind, by):
    def lie(story):
        story.attempt(rid, number).tokens[kind] += by
    return lie


def guess(rid, number, **values):
    return lambda story: story.attempt(rid, number).guessed.update(values)


def words(rid, *names):
    """Its client reads what these upstreams say."""
    return exchange(rid, digest=digest("".join(text_of(rid, name, "m") for name in names)))


def of(name):
    """A lie about a request whose id the story chooses."""
    return lambda make: lambda story: make(getattr(story, name))(story)


own, same = of("own"), of("same")

LIES = {
    # an upstream that hides a delivery, or says one too many
    "a hidden delivery of an answer": hide("fallback", "beta"),
    "a hidden delivery of a refusal": hide("fallback", "alpha"),
    "a hidden delivery of a broken stream": hide("broken", "beta"),
    "a hidden delivery that was sent again": hide("replayed", "alpha"),
    "a hidden delivery of a hedge": hide("hedged", "beta"),
    "a hidden delivery of a rescue": own(lambda rid: hide(rid, "beta")),
    "delivered twice, counted once": repeat("fallback", "beta"),
    "a failed delivery twice, counted once": repeat("fallback", "alpha"),
    "a rescue twice, counted once": same(lambda rid: repeat(rid, "beta")),
    "delivered to another upstream": delivery("fallback", "alpha", upstream="gamma"),
    "delivered with another model": delivery("fallback", "beta", model="other"),
    "delivered without a client": delivery("broken", "beta", rid="nobody"),
    "a request that was never whole": delivery("broken", "beta", rid="never-whole"),
    "delivered after the client had left": delivery("left", "beta", at=45.0),
    "another reason than the upstream gave": delivery("fallback", "alpha", expected=frozenset(("server_error",))),
    "a refused connection without an excuse": lambda story: story.troubles.pop(0),
    "a connection refused at another time": lambda story: setattr(story.troubles[0], "end", 29.1),
    "delivered, and the ledger says not": row("fallback", 1, deliveries=0),
    "delivered behind its end": delivery("fallback", "beta", at=11.0),
    "dropped without another one beside it": row("hedged", 2, cause="failover"),
    "asked to go on without a rescue": own(lambda rid: row(rid, 2, cause="failover")),
    "a rescue that says something else": own(lambda rid: row(rid, 2, reason="malformed")),
    # keys
    "a key of another upstream": delivery("fallback", "beta", key="sk-soak-alpha"),
    "the key that was just refused": delivery("pooled", "gamma", key="sk-soak-gamma-2"),
    "a key that is retired": delivery("pooled-later", "gamma", key="sk-soak-gamma-1"),
    "a retired key without a reload": lambda story: story.reloads.pop(),
    # entries that rest
    "a rest without a failure": lambda story: (
        say("resting", trace="delta/n;skipped;-;0ms, beta/m;ok;200;1ms")(story),
        change(story.exchange("resting"), {"trace": story.line("resting")["trace"]}),
        count("skipped_total", by=-1)(story), story.metrics.update(
            {'understudy_skipped_total{upstream="delta",model="n"}': 1})),
    "a rest that nobody counts": count("skipped_total", by=-1),
    # replays that an idle close cannot explain
    "a replay behind a byte of an answer": delivery("replayed", "alpha", sent=1),
    "a replay on a fresh connection": delivery("replayed", "alpha", reused=False),
    "a replay of what was worked on": delivery("replayed", "alpha", ended_at=21.0),
    "a replay of a connection that stayed": delivery("replayed", "alpha", cut=False),
    "a replay that the log leaves out": say("replayed", stale_replays=0),
    "a replay that the ledger leaves out": row("replayed", 1, deliveries=1),
    "a replay that nothing explains": say("fallback", stale_replays=1),
    "a replay counted elsewhere": lambda story: story.metrics.update({
        story.sample("stale_replays"): 0, 'understudy_stale_replays_total{upstream="beta"}': 1}),
    "a replay too many in the metrics": count("stale_replays"),
    # the metrics
    "an attempt too many": count("attempts_total", "alpha", "rate_limit"),
    "an attempt too few": count("attempts_total", "beta", "malformed", by=-1),
    "a duration too many": count("duration_seconds_count", "beta"),
    "a request too many": count("requests_total", "fallback"),
    "a rejected one too few": count("requests_total", "rejected", by=-1),
    "a failover too few": count("failovers_total", "rate_limit", by=-1),
    "a rescue's move too few": count("failovers_total", "malformed", by=-1),
    "a hedge too many": count("hedges_total", "started"),
    "a hedge that won, and broke at its first words": request("hedge-fails", broken=True),
    "a hedge that had answered, and did not win": request("hedge-breaks", broken=False),
    "a hedge that did not win": count("hedges_total", "won", by=-1),
    "wasted tokens that were not": count("hedge_wasted"),
    "a token too many": count("tokens_total", "alpha", '"output"', "reported"),
    "an estimate among what was reported": count("tokens_total", "beta", '"output"', "reported", by=3),
    "a nano-dollar too many": count("cost_usd_total", "alpha", "reported", by=1e-9),
    "usage that nobody misses": add("understudy_usage_missing_total", upstream="beta", model="m"),
    "a request that never ends": add("understudy_inflight_requests"),
    "a connection to an upstream that is never given back": add(
        "understudy_upstream_connections", state="active"),
    "a client's connection that stays": add("understudy_connections"),
    "a row of the ledger too few": count("ledger_rows_total", by=-1),
    "a row that was lost": add("understudy_ledger_rows_total", result="lost"),
    # what the ledger gives to the next process
    "an attempt that a restart forgets": restart("attempts_total", "alpha", "rate_limit", by=-1),
    "a token that a restart forgets": restart("tokens_total", "alpha", '"input"', "reported", by=-1),
    "a nano-dollar that a restart adds": restart("cost_usd_total", "alpha", "reported", by=1e-9),
    "a failover that a restart forgets": restart("failovers_total", "connection", by=-1),
    "a request that a restart adds": restart("requests_total", "exhausted"),
    "a refusal that a restart adds": restart("requests_total", "rejected"),
    "a hedge that a restart forgets": restart("hedges_total", "started", by=-1),
    "a replay that a restart forgets": restart("stale_replays", by=-1),
    # answers
    "the words of another upstream": exchange("fallback", digest=digest("words")),
    "half an answer with a clean end": exchange("broken", end="whole"),
    "half an answer without a word": exchange("broken", end="whole", error=""),
    "a broken stream without an error": exchange("broken", error=""),
    "a whole answer without a finish": exchange("fallback", finishes=0),
    "two finishes": own(lambda rid: exchange(rid, finishes=2)),
    "two roles": own(lambda rid: exchange(rid, roles=2)),
    "two end markers": own(lambda rid: exchange(rid, dones=2)),
    "two ids in one answer": own(lambda rid: exchange(rid, ids=("chatcmpl-alpha/m", "chatcmpl-beta/m"))),
    "two models in one answer": own(lambda rid: exchange(rid, models=("m", "n"))),
    "two answers glued together": own(lambda rid: words(rid, "alpha", "beta")),
    "a word twice at the seam": same(lambda rid: words(rid, "alpha", "alpha")),
    "the answer of whoever went on": own(lambda rid: exchange(rid, upstream="beta")),
    "usage that was not asked for": own(lambda rid: exchange(rid, saw_usage=True)),
    "usage that does not add up": own(lambda rid: exchange(rid, usage_adds_up=False)),
    "a client that hangs": exchange("broken", hung=True, end="none"),
    "a client without an answer": exchange("fallback", status=0, end="cut"),
    # the log and the headers
    "a request that is not logged": lambda story: story.log.remove(story.line("fallback")),
    "a request that is logged twice": lambda story: story.log.append(story.line("broken")),
    "a request that nobody made": lambda story: story.exchanges.remove(story.exchange("left")),
    "another status": exchange("fallback", status=201),
    "another number of attempts in the header": exchange("fallback", attempts=1),
    "another trace in the header": exchange("fallback", trace="beta/m;ok;200;1ms"),
    "another reason in the header": exchange(
        "fallback", trace="alpha/m;quota;429;1ms, beta/m;ok;200;2ms"),
    "a number of attempts before the end of them": exchange("waited", attempts=1),
    "a header without a trace": exchange("fallback", trace="", attempts=0),
    "another cost in the header": exchange("fallback", cost="0.5"),
    "a fallback although it was off": exchange("fallback", off=True),
    "a backup called the primary": say("fallback", outcome="primary"),
    "a rescue called a fallback": own(lambda rid: say(rid, outcome="fallback")),
    "a fallback called a rescue": say("fallback", outcome="rescued"),
    "a broken answer called a good one": say("broken", outcome="primary"),
    "tokens that were not reported": say("replayed", prompt_tokens=1),
    "a cost that is not that of its attempts": say("replayed", cost_usd=0.5),
    # the ledger, request by request
    "an attempt that the ledger lacks": lose("fallback"),
    "an attempt that the ledger lacks, of a rescue": own(lambda rid: lose(rid, 2)),
    "a request that the ledger lacks": lambda story: story.requests.remove(story.asked("fallback")),
    "a request that it has twice": lambda story: story.requests.append(story.asked("fallback")),
    "a refusal that it lacks, and has another one": request("req_1", rid="req_2"),
    "a request that it alone knows": lambda story: story.requests.append(
        copy.copy(story.asked("broken"))) or change(story.requests[-1], {"rid": "never-whole"}),
    "another outcome": request("fallback", outcome="primary"),
    "another status in the ledger": request("fallback", status=201),
    "another number of attempts in the ledger": request("fallback", attempts=1),
    "broken, and not called so": request("broken", broken=False),
    "somebody else served": request("fallback", served_by="alpha"),
    "another session": request("fallback", session="mine"),
    "another route": row("fallback", 2, route="m-a"),
    "another reason in the ledger": row("fallback", 1, reason="quota"),
    "numbers with a hole": row("fallback", 2, number=3),
    "another place in the chain": row("fallback", 2, position=0),
    "another cost in the ledger": row("fallback", 2, cost=1),
    "the sum of another cost": request("replayed", cost=1),
    "the sum of other tokens": request("replayed", prompt=1),
    "reported tokens that are others": tokens("replayed", 1, "input", 1),
    "reported tokens of another kind": lambda story: (
        tokens("replayed", 1, "input", -1)(story), tokens("replayed", 1, "cache_read", 1)(story)),
    "an estimate of what ended well": row("replayed", 1, usage="estimated"),
    "reported tokens that are missing": row("replayed", 1, usage="missing"),
    "a broken stream that nobody pays": row("broken", 1, usage="none"),
    "more guessed than came": guess("broken", 1, output=4),
    "less guessed than came": guess("broken", 1, output=2),
    "a prompt beyond all bytes": guess("broken", 1, input=1001),
    "early usage that was not told": tokens("counted", 1, "input", 1),
    "early usage of another moment": tokens("counted", 1, "output", 1),
    "a guess that is told already": guess("counted", 1, output=3),
    "a prompt that was told, and guessed": guess("counted", 1, input=5),
    "more of a plain answer than was said": delivery("large", "beta", in_json=3900),
    "more of a plain answer than was sent": delivery("large", "beta", sent=3900),
    "less of a plain answer than came": delivery("large", "beta", sent=9000, in_json=6000),
    "a dropped one that nobody pays": row("hedged", 1, usage="none"),
    "a price where there is none": row("fallback", 2, unpriced=False),
    # a crash
    "what the client had was lost": lambda story: (
        lose("in-time")(story), story.requests.remove(story.asked("in-time"))),
    "half of what the client had was lost": lose("in-time"),
    "a crash at another time": lambda story: (
        setattr(story.troubles[-1], "begin", KILL - 3), setattr(story.troubles[-1], "end", KILL - 3)),
    "what was in hand is an attempt that never was": row("in-hand", 1, upstream="delta"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_every_lie_is_found(lie):
    story = Story()
    lie(story)
    assert story.reckon()


def test_a_reason_that_the_trouble_of_the_moment_explains_passes():
    story = Story()
    row, line = story.attempt("fallback"), story.line("fallback")
    row.reason, row.status, row.began = "timeout", 0, False
    line["trace"] = line["trace"].replace("rate_limit;429", "timeout;-")
    story.exchange("fallback").trace = line["trace"]
    story.delivery("fallback", "alpha").sent = 0
    for name in ("attempts", "failovers"):
        sample = story.sample(name, "alpha", "rate_limit")
        for metrics in (story.metrics, story.total):
            timeouts = sample.replace("rate_limit", "timeout")
            metrics[sample] -= 1
            metrics[timeouts] = metrics.get(timeouts, 0) + 1
    assert story.reckon()
    story.troubles.append(Trouble("alpha", "vanished", 9.9, 10.4))
    assert story.reckon() == []


def test_a_key_that_the_old_process_retired_is_none_of_the_next_ones_business():
    story = Story()
    story.reloads.pop()
    assert story.reckon()
    story.troubles.append(Trouble("*", "upgrade", 85.0, 97.0))
    assert story.reckon() == []


def test_what_a_killed_process_had_in_hand_may_be_lost():
    story = Story()
    lost = story.attempt("in-hand")
    story.attempts.remove(lost)
    story.total[story.sample("attempts", "alpha", "rate_limit")] -= 1
    assert story.reckon() == []


def test_who_is_killed_behind_its_error_cannot_reset_what_it_broke():
    for rid, excused in (("in-hand", True), ("in-time", False)):
        story = Story()
        broken = story.exchange(rid)
        broken.status, broken.stream, broken.chunked, broken.end, broken.error = 200, True, False, "closed", "it broke"
        problems = [problem for problem in story.reckon() if rid in problem]
        assert any("a broken answer with a clean end" in problem for problem in problems) is not excused, rid
        assert not (excused and problems), problems
