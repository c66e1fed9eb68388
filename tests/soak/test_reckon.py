"""The reckoning itself: books that agree pass, and every single lie in them is found."""

import copy

import pytest

from tests.soak.books import Delivery, Exchange, Trouble
from tests.soak.canon import digest, text_of, usage_of
from tests.soak.reckon import reckon, tokens_of
from tests.support.daemon import Metrics

WELL, GONE = frozenset(("ok",)), frozenset(("connection",))


class Story:
    """A small run whose books agree: a failover, a silent replay, a refused connection, a client that
    left, a broken stream, and a request that was refused here."""

    def __init__(self):
        self.deliveries, self.exchanges, self.log, self.troubles = [], [], [], []
        self.metrics = Metrics()
        self.fallback()
        self.replayed()
        self.refused_connection()
        self.left()
        self.broken()
        self.exchanges.append(Exchange("never-whole", 90.0, left=True, ended=90.1))
        self.log.append({"event": "rejected", "id": "req_1", "status": 400})
        self.add("understudy_requests_total", 1, route="none", outcome="rejected")
        self.add("understudy_connections", 1)

    def add(self, name, count=1, **labels):
        sample = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}"
                         if labels else "")
        self.metrics[sample] = self.metrics.get(sample, 0) + count

    def attempt(self, upstream, reason):
        self.add("understudy_attempts_total", upstream=upstream, model="m", reason=reason)
        self.add("understudy_attempt_duration_seconds_count", upstream=upstream, model="m")

    def delivered(self, rid, upstream, at, fate, expected, **more):
        self.deliveries.append(Delivery(rid, upstream, "m", at, fate, expected, **{
            "reused": False, "sent": 100, "ended_at": at + 0.1, **more}))

    def served(self, rid, upstream, at, trace, outcome, line=(), **more):
        usage = usage_of(rid, upstream, "m")
        for kind, count in tokens_of(usage).items():
            self.add("understudy_tokens_total", count, upstream=upstream, model="m", type=kind,
                     source="reported")
        tokens = {"usage": "reported", "prompt_tokens": usage["prompt_tokens"],
                  "completion_tokens": usage["completion_tokens"],
                  "cache_read_tokens": tokens_of(usage)["cache_read"],
                  "reasoning_tokens": tokens_of(usage)["reasoning"]}
        self.delivered(rid, upstream, at, "well", WELL, usage=usage)
        self.attempt(upstream, "ok")
        self.end(rid, at, trace, outcome, 200, {**tokens, **dict(line)}, upstream=upstream, model="m",
                 end="whole", digest=digest(text_of(rid, upstream, "m")), finish=True, **more)

    def end(self, rid, at, trace, outcome, status, line, **exchange):
        count = len(trace.split(", "))
        told = exchange.pop("told", trace)
        self.log.append({"event": "request", "id": rid, "route": "*", "outcome": outcome,
                         "status": status, "attempts": count, "trace": trace, **line})
        self.add("understudy_requests_total", route="*", outcome=outcome)
        self.exchanges.append(Exchange(rid, at - 0.1, ended=at + 0.2, status=status, trace=told,
                                       attempts=count if told else 0, **exchange))

    def fallback(self):
        self.delivered("fallback", "alpha", 10.0, "status_429", frozenset(("rate_limit",)))
        self.attempt("alpha", "rate_limit")
        self.add("understudy_failovers_total", **{"from": "alpha"}, to="beta", reason="rate_limit")
        self.served("fallback", "beta", 10.1, "alpha/m;rate_limit;429;1ms, beta/m;ok;200;2ms",
                    "fallback")

    def replayed(self):
        self.delivered("replayed", "alpha", 20.0, "crossed", GONE, reused=True, sent=0, cut=True)
        self.add("understudy_stale_replays_total", upstream="alpha")
        self.served("replayed", "alpha", 20.1, "alpha/m;ok;200;2ms", "primary", {"stale_replays": 1})

    def refused_connection(self):
        self.troubles.append(Trouble("alpha", "down", 29.0, 30.5))
        self.attempt("alpha", "connection")
        self.add("understudy_failovers_total", **{"from": "alpha"}, to="beta", reason="connection")
        self.served("refused", "beta", 30.0, "alpha/m;connection;-;1ms, beta/m;ok;200;2ms",
                    "fallback")

    def left(self):
        self.delivered("left", "beta", 40.0, "well", WELL)
        self.attempt("beta", "client_closed")
        self.end("left", 40.0, "beta/m;client_closed;-;9ms", "client_closed", 0, {}, told="",
                 left=True)
        self.deliveries[-1].sent = 0

    def broken(self):
        self.delivered("broken", "beta", 50.0, "ends_in_the_body", frozenset(("malformed",)))
        self.attempt("beta", "malformed")
        self.end("broken", 50.0, "beta/m;malformed;200;9ms", "exhausted", 200, {},
                 told="beta/m;ok;200;5ms", stream=True, chunked=True, end="cut", error="it broke")

    def reckon(self):
        return reckon(self.deliveries, self.exchanges, self.log, self.metrics, self.troubles)

    # --- for the lies

    def delivery(self, rid, upstream):
        return next(d for d in self.deliveries if (d.rid, d.upstream) == (rid, upstream))

    def exchange(self, rid):
        return next(e for e in self.exchanges if e.rid == rid)

    def line(self, rid):
        return next(line for line in self.log if line["id"] == rid)

    def sample(self, *parts):
        [found] = [s for s in self.metrics if all(part in s for part in parts)]
        return found

    def count(self, *parts, by=1):
        self.metrics[self.sample(*parts)] += by


def test_books_that_agree_pass():
    assert Story().reckon() == []


def test_no_books_agree_too():
    assert reckon([], [], [], Metrics({"understudy_connections": 1})) == []


def delivery(rid, at, /, **values):
    """A lie: these fields of one delivery are others."""
    return lambda story: change(story.delivery(rid, at), values)


def exchange(rid, /, **values):
    return lambda story: change(story.exchange(rid), values)


def change(book, values):
    for name, value in values.items():
        assert getattr(book, name) != value
        setattr(book, name, value)


def hide(rid, upstream):
    return lambda story: story.deliveries.remove(story.delivery(rid, upstream))


def repeat(rid, upstream):
    return lambda story: story.deliveries.append(copy.copy(story.delivery(rid, upstream)))


def count(*parts, by=1):
    return lambda story: story.count(*parts, by=by)


def say(rid, **values):
    return lambda story: story.line(rid).update(values)


LIES = {
    # an upstream that hides a delivery, or says one too many
    "a hidden delivery of an answer": hide("fallback", "beta"),
    "a hidden delivery of a refusal": hide("fallback", "alpha"),
    "a hidden delivery of a broken stream": hide("broken", "beta"),
    "a hidden delivery that was sent again": hide("replayed", "alpha"),
    "delivered twice, counted once": repeat("fallback", "beta"),
    "a failed delivery twice, counted once": repeat("fallback", "alpha"),
    "delivered to another upstream": delivery("fallback", "alpha", upstream="gamma"),
    "delivered with another model": delivery("fallback", "beta", model="other"),
    "delivered without a client": delivery("broken", "beta", rid="nobody"),
    "a request that was never whole": delivery("broken", "beta", rid="never-whole"),
    "delivered after the client had left": delivery("left", "beta", at=45.0),
    "another reason than the upstream gave": delivery("fallback", "alpha", expected=frozenset(("server_error",))),
    "a refused connection without an excuse": lambda story: story.troubles.clear(),
    "a connection refused at another time": lambda story: setattr(story.troubles[0], "end", 29.1),
    # replays that an idle close cannot explain
    "a replay behind a byte of an answer": delivery("replayed", "alpha", sent=1),
    "a replay on a fresh connection": delivery("replayed", "alpha", reused=False),
    "a replay of what was worked on": delivery("replayed", "alpha", ended_at=21.0),
    "a replay of a connection that stayed": delivery("replayed", "alpha", cut=False),
    "a replay that the log leaves out": say("replayed", stale_replays=0),
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
    "a token too many": count("tokens_total", "alpha", '"output"'),
    "usage that nobody misses": lambda story: story.add("understudy_usage_missing_total",
                                                        upstream="beta", model="m"),
    "a request that never ends": lambda story: story.add("understudy_inflight_requests"),
    "a connection to an upstream that is never given back": lambda story: story.add(
        "understudy_upstream_connections", state="active"),
    "a client's connection that stays": count("understudy_connections"),
    # answers
    "the words of another upstream": exchange("fallback", digest=digest("words")),
    "half an answer with a clean end": exchange("broken", end="whole"),
    "half an answer without a word": exchange("broken", end="whole", error=""),
    "a broken stream without an error": exchange("broken", error=""),
    "a whole answer without a finish": exchange("fallback", finish=False),
    "usage that was not asked for": exchange("fallback", stream=True, saw_usage=True),
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
    "a fallback although it was off": exchange("fallback", off=True),
    "a backup called the primary": say("fallback", outcome="primary"),
    "a broken answer called a good one": say("broken", outcome="primary"),
    "tokens that were not reported": say("replayed", prompt_tokens=1),
    "an estimate of what ended well": say("replayed", usage="estimated"),
    "reported tokens that are missing": lambda story: story.line("replayed").pop("usage"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_every_lie_is_found(lie):
    story = Story()
    lie(story)
    assert story.reckon()


def test_a_reason_that_the_trouble_of_the_moment_explains_passes():
    story = Story()
    for line in (story.line("fallback"),):
        line["trace"] = line["trace"].replace("rate_limit;429", "timeout;-")
    story.exchange("fallback").trace = story.line("fallback")["trace"]
    story.delivery("fallback", "alpha").sent = 0
    for name in ("attempts", "failovers"):
        sample = story.sample(name, "rate_limit")
        story.metrics[sample.replace("rate_limit", "timeout")] = story.metrics.pop(sample)
    assert story.reckon()
    story.troubles.append(Trouble("alpha", "vanished", 9.9, 10.4))
    assert story.reckon() == []
