"""Both ends of the wire, scripted: upstreams that misbehave, a client that sees every byte, and short
configurations to put the real daemon between them.

    with Upstream(status(503)) as primary, Upstream(well("Hello.")) as backup:
        daemon = start(config(primary, backup))
        answer = chat(daemon, stream=True)
        assert answer.text == "Hello." and answer.ended == "whole"
        assert len(primary.requests) == 1

An upstream runs its `answer` for every request it receives, on a thread per connection. An answer is
bytes (sent as they are) or a function (connection, request) that scripts the exchange with the
methods of `Connection`: send, pieces, wait, reset, hold ... When the function returns, the connection
waits for the next request, unless it was ended. Every wait has a bound. Standard library and pytest only.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import urllib.parse
from collections.abc import Mapping, Sequence

import pytest

from answers import *  # noqa: F401, F403
from client import *  # noqa: F401, F403
from tests.support.daemon import Daemon, wait_until
from timing import *  # noqa: F401, F403
from timing import MAX_WAIT, ms
from upstream import *  # noqa: F401, F403
from upstream import Upstream


# ---------------------------------------------------------------- configurations

NAMES = ("primary", "backup", "third", "fourth")


def timeouts(**changes: float) -> dict:
    """Per-attempt limits in milliseconds; what a test does not set is generous."""
    limits = {"connect": 3000, "first_token": 8000, "response": 8000, "idle": 8000, "total": 20000}
    return {name: ms(value) for name, value in {**limits, **changes}.items()}


def config(*upstreams, route: Mapping | None = None, routes: Sequence | None = None,
           **top) -> str:
    """A configuration with these upstreams (Upstream objects or entries) as one chain, in order.
    `route` changes the one route; `routes` replaces it; `top` sets top-level keys."""
    entries = [upstream.entry(NAMES[i]) if isinstance(upstream, Upstream) else dict(upstream)
               for i, upstream in enumerate(upstreams)]
    for entry in entries:
        entry.setdefault("timeouts", timeouts())
        if entry.setdefault("api_key", f"sk-{entry['name']}") is None:
            del entry["api_key"]  # the client's credentials are passed through
    if routes is None:
        routes = [{"model": "*", "chain": [entry["name"] for entry in entries], "retries": 0,
                   "deadline": ms(30_000), **(route or {})}]
    document = {"listen": "127.0.0.1:0", "workers": 1, "upstreams": entries, "routes": routes,
                "drain": ms(1500), **top}
    # One top-level key per line: still JSON, and so YAML.
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in document.items()) + "\n"


def patient(*upstreams: Upstream, **top) -> str:
    """The same for bodies of megabytes: beside a busy machine the test's own upstream, written in
    Python, takes its time to read them. Their answers are waited for with LONG_WAIT."""
    entries = [upstream if isinstance(upstream, Mapping) else upstream.entry(NAMES[i])
               for i, upstream in enumerate(upstreams)]
    slow = timeouts(response=60_000, total=120_000)
    return config(*({**entry, "timeouts": slow} for entry in entries),
                  route={"deadline": ms(120_000)}, **top)


plain_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


# ---------------------------------------------------------------- looking at the daemon

def metric(daemon: Daemon, name: str, **labels: str) -> float:
    return daemon.metrics().value(name, **labels)


def settled(daemon: Daemon, name: str, **labels: str) -> float:
    """A figure once nothing is in flight: a client may have its answer whole a moment before the
    request is in the books."""
    def look():
        metrics = daemon.metrics()
        return metrics if metrics.value("understudy_inflight_requests") == 0 else None

    return wait_until(look, "the end of every request").value(name, **labels)


def expect_metrics(daemon: Daemon, *expected):
    """Each expectation is (value, name, {labels}). Waits until the daemon has settled (nothing in
    flight) and all are true at once; fails with what differs."""
    found = {}

    def differing():
        metrics = daemon.metrics()
        wanted = [(0, "understudy_inflight_requests", {}), *expected]
        found["wrong"] = [
            f"{name}{labels} is {metrics.value(name, **labels)}, not {value}"
            for value, name, labels in wanted
            if abs(metrics.value(name, **labels) - value) > 1e-9]
        return not found["wrong"]

    try:
        wait_until(differing, "", MAX_WAIT / 2)
    except AssertionError:
        raise AssertionError("metrics: " + "; ".join(found["wrong"])) from None


def request_lines(daemon: Daemon) -> list[dict]:
    """The access records so far; needs `log: {format: json}`."""
    lines = []
    for line in daemon.stderr_lines() + daemon.stdout_lines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                lines.append(record)
    return lines


def log_events(daemon: Daemon, event: str, enough) -> list[dict]:
    """The lines of this event, once `enough(lines)`: what happens is logged by a thread of its own, a moment later."""
    def found():
        lines = [line for line in request_lines(daemon) if line["event"] == event]
        return lines if enough(lines) else None
    return wait_until(found, f"lines about {event}", MAX_WAIT)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def host_of(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc
