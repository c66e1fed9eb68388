"""What is compared and which figure is wanted: the table of the goal, as data."""

from dataclasses import dataclass, field
from typing import Callable, Optional

from . import measure


@dataclass(frozen=True)
class Cell:
    """One line of the report.

    kind `ratio`: the median of the rounds' ratios to the one of `rivals` beside which we look worst,
    wanted at most (or, where higher is better, at least) `target`. `added`: the same after
    subtracting what the direct connection took. `own`: our figure alone against `target`.
    """

    metric: str
    title: str
    unit: str
    target: Optional[float]
    kind: str = "ratio"
    higher_is_better: bool = False
    rivals: tuple[str, ...] = ("nginx", "haproxy")


@dataclass(frozen=True)
class Scenario:
    """A load, the proxies that get it, and the cells it fills.

    `roles` maps a name to (configuration flavour, workers): most need one proxy, some a second to
    compare with. `fresh` starts new processes for every measurement. `rounds_times`: so many rounds
    for one of the others', where a figure is the machine's as much as the proxy's.
    """

    name: str
    what: str
    measure: Callable
    cells: tuple[Cell, ...]
    roles: dict[str, tuple[str, int]] = field(default_factory=lambda: {"main": ("plain", 1)})
    targets: tuple[str, ...] = ("direct", "nginx", "haproxy", "understudy")
    gateways: bool = False
    fresh: bool = False
    shared_cores: bool = False
    rounds_max: Optional[int] = None
    rounds_times: int = 1


SCENARIOS = [
    Scenario(
        "plain", "2 KB in, 1 KB out, 64 connections", measure.plain,
        (Cell("cpu_us", "CPU per plain request", "us", 1.0),
         Cell("requests_per_second", "throughput at saturation", "req/s", 1.0, higher_is_better=True)),
        gateways=True),
    Scenario(
        "latency", "one connection, one request at a time", measure.latency,
        (Cell("p50_us", "added latency p50", "us", 1.0, "added"),
         Cell("p99_us", "added latency p99", "us", 1.0, "added")),
        gateways=True),
    Scenario(
        "streams", "256 streams of 100-byte events, one per 10 ms each, 100 per stream",
        measure.streams,
        (Cell("cpu_us", "CPU per streamed event", "us", 1.0),
         Cell("first_token_p50_us", "added time to first token p50", "us", 1.0, "added"),
         Cell("first_token_p99_us", "added time to first token p99", "us", 1.0, "added"),
         # Exact per event (gap here less gap at the sink): nothing is left to subtract.
         Cell("added_gap_p99_us", "added gap between events p99", "us", 1.0),
         Cell("lost", "events lost at 256 streams", "", 0, "own")),
        roles={"main": ("streams", 1)}, gateways=True, rounds_times=3),
    Scenario(
        "connections", "500 new connections a second, a streamed request of one event on each",
        measure.connections,
        (Cell("cpu_us", "CPU per new connection and its request", "us", 1.0),
         Cell("first_token_p50_us", "added first token p50, new connection", "us", 1.0, "added")),
        roles={"main": ("streams", 1)}),
    Scenario(
        "tls", "the plain request over an HTTPS upstream, keep-alive", measure.tls,
        (Cell("cpu_us", "CPU per request, HTTPS upstream", "us", 1.0),),
        roles={"main": ("tls", 1)}, targets=("nginx", "haproxy", "understudy")),
    Scenario(
        "bodies", "request bodies of 100 KB, 1 MB and 16 MB", measure.bodies,
        (Cell("cpu_us_per_mb_100k", "CPU per MB, bodies of 100 KB", "us", 1.2),
         Cell("cpu_us_per_mb_1m", "CPU per MB, bodies of 1 MB", "us", 1.2),
         Cell("cpu_us_per_mb_16m", "CPU per MB, bodies of 16 MB", "us", 1.2),
         # How much dearer a byte is where the machine's caches end. To nginx, the better one in the
         # three cells above: HAProxy grows less, from a price at 1 MB that is twice as high. Its
         # figure is shown, and the absolute one is judged, too.
         Cell("growth", "CPU per MB, 16 MB to 1 MB", "x", 1.2, rivals=("nginx",)),
         Cell("growth", "CPU per MB, 16 MB to 1 MB, absolute", "x", 1.2, "own")),
        roles={"main": ("bodies", 1)}, targets=("nginx", "haproxy", "understudy")),
    Scenario(
        "failover", "the first upstream answers 503 at once, the second is well", measure.failover,
        (Cell("hop_p50_us", "failover hop p50", "us", 1.0, rivals=("nginx",)),
         Cell("hop_p50_us", "failover hop p50, absolute", "us", 1000, "own")),
        roles={"main": ("failover", 1), "without": ("plain", 1)}, targets=("nginx", "understudy")),
    Scenario(
        "ten_thousand", "10,000 concurrent streams, one event a second each", measure.ten_thousand,
        (Cell("idle_mib", "memory idle", "MiB", 7, "own"),
         Cell("stream_kib", "memory per idle stream", "KiB", 20, "own"),
         Cell("after_ratio", "memory 30 s after, to idle", "x", 1.5, "own"),
         Cell("stalls", "events late by over 100 ms", "", 0, "own"),
         Cell("lost", "events lost at 10,000 streams", "", 0, "own")),
        roles={"main": ("streams", 1)}, fresh=True, rounds_max=2),
    Scenario(
        "workers", "the plain load on two workers and on one, on the same cores", measure.workers,
        (Cell("two_to_one", "CPU per request, two workers to one", "x", 1.1, "own"),),
        roles={"one": ("plain", 1), "two": ("plain", 2)},
        targets=("nginx", "haproxy", "understudy"), shared_cores=True),
]


def chosen(names: Optional[str]) -> list[Scenario]:
    if not names:
        return SCENARIOS
    wanted = names.split(",")
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"bench: no cell {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted]
