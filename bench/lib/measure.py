"""One measurement each: given a running proxy, put a load on it and return plain numbers.

CPU is the proxy's own time from the operating system, divided by what it did meanwhile. Every
measurement starts with a short run of the same load that is not counted: it opens the connections.
"""

import json
import threading
import time

from .bench import Bench
from .configs import STREAMS_MANY
from .process import Process
from .targets import Running, Target

WARM_SECONDS = 0.4
PLAIN_CONNECTIONS = 64
STREAMS = 256
EVENTS_PER_STREAM = 100
EVENT_INTERVAL_US = 10_000
# Gateways written in Python and JavaScript cannot carry 25,600 events a second on one core; what
# would be measured is their queue.
STREAMS_FOR_GATEWAYS = 8
CONNECTIONS_FOR_GATEWAYS = 8
NEW_PER_SECOND = 500
BODIES = {"100k": (100_000, 8), "1m": (1_000_000, 4), "16m": (16_000_000, 2)}


class Meter:
    """CPU of a proxy and of the sink over a `with` block."""

    def __init__(self, running: Running, sink: Process):
        self.running, self.sink = running, sink

    def __enter__(self):
        self._proxy, self._sink = self.running.cpu_seconds(), self.sink.cpu_seconds()
        self._sink_user, _ = self.sink.cpu_split()
        self._start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._start
        self.proxy = self.running.cpu_seconds() - self._proxy
        self.sink_cpu = self.sink.cpu_seconds() - self._sink
        self.sink_user = self.sink.cpu_split()[0] - self._sink_user


def plain(bench: Bench, target: Target, running: dict[str, Running], tls=False) -> dict:
    connections = CONNECTIONS_FOR_GATEWAYS if target.gateway else PLAIN_CONNECTIONS
    return wrk(bench, running["main"], connections, tls=tls and target.name == "direct")


def tls(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    return plain(bench, target, running, tls=True)


def wrk(bench: Bench, proxy: Running, connections: int = PLAIN_CONNECTIONS, tls: bool = False) -> dict:
    bench.load.wrk(proxy.port, 1, connections, proxy.headers, tls)
    with Meter(proxy, bench.sink) as meter:
        result = bench.load.wrk(proxy.port, bench.durations.plain, connections, proxy.headers, tls)
    requests = max(result["requests"], 1)
    return {
        "requests_per_second": result["requests"] / result["seconds"],
        "cpu_us": meter.proxy / requests * 1e6,
        "sink_cpu_us": meter.sink_cpu / requests * 1e6,
        "sink_user_us": meter.sink_user / requests * 1e6,
        "busy": meter.proxy / meter.seconds,
        "errors": result["errors"],
    }


def latency(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    return one_connection(bench, running["main"], bench.durations.latency)


def one_connection(bench: Bench, proxy: Running, seconds: float) -> dict:
    bench.load.run("latency", proxy.port, WARM_SECONDS, proxy.headers)
    result = bench.load.run("latency", proxy.port, seconds, proxy.headers)
    return {"p50_us": result["latency_us"]["p50"], "p99_us": result["latency_us"]["p99"],
            "errors": result["errors"]["total"]}


def streams(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    proxy = running["main"]
    connections = STREAMS_FOR_GATEWAYS if target.gateway else STREAMS
    # Starts are spread over one stream's life, so that afterwards they stay spread.
    settings = dict(headers=proxy.headers, connections=connections, events=EVENTS_PER_STREAM,
                    interval_us=EVENT_INTERVAL_US,
                    spread=EVENTS_PER_STREAM * EVENT_INTERVAL_US / 1e6)
    # As many short ones at once: whoever pools upstream connections has them then.
    bench.load.run("streams", proxy.port, WARM_SECONDS, **(settings | dict(
        events=20, spread=WARM_SECONDS / 4)), once=True)
    with Meter(proxy, bench.sink) as meter:
        result = bench.load.run("streams", proxy.port, bench.durations.streams, **settings)
    events = max(result["events"], 1)
    return {
        "cpu_us": meter.proxy / events * 1e6,
        "sink_cpu_us": meter.sink_cpu / events * 1e6,
        "sink_user_us": meter.sink_user / events * 1e6,
        "busy": meter.proxy / meter.seconds,
        "first_token_p50_us": result["first_token_us"]["p50"],
        "first_token_p99_us": result["first_token_us"]["p99"],
        "delay_p50_us": result["delay_us"]["p50"],
        "delay_p99_us": result["delay_us"]["p99"],
        "gap_p99_us": result["gap_us"]["p99"],
        "added_gap_p99_us": result["added_gap_us"]["p99"],
        "stalls": result["stalls_over_100ms"],
        "lost": result["events_expected"] - result["events"],
        "errors": result["errors"]["total"],
    }


def connections(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    """Each request on a connection of its own, which then stays: a stream of one event."""
    proxy = running["main"]
    settings = dict(headers=proxy.headers, events=1, interval_us=1000, once=True)
    bench.load.run("streams", proxy.port, WARM_SECONDS, connections=64, spread=0.1, **settings)
    with Meter(proxy, bench.sink) as meter:
        result = bench.load.run("streams", proxy.port, bench.durations.connections, **settings,
                                connections=round(NEW_PER_SECOND * bench.durations.connections),
                                spread=bench.durations.connections)
    return {
        "cpu_us": meter.proxy / max(result["started"], 1) * 1e6,
        "first_token_p50_us": result["first_token_us"]["p50"],
        "first_token_p99_us": result["first_token_us"]["p99"],
        "errors": result["errors"]["total"],
    }


def bodies(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    proxy, found = running["main"], {"errors": 0}
    for name, (size, connections) in BODIES.items():
        settings = dict(headers=proxy.headers, connections=connections, body_bytes=size)
        bench.load.run("body", proxy.port, WARM_SECONDS, **settings)
        with Meter(proxy, bench.sink) as meter:
            result = bench.load.run("body", proxy.port, bench.durations.body, **settings)
        carried = max(result["body_bytes"], 1)
        found[f"cpu_us_per_mb_{name}"] = meter.proxy / carried * 1e12
        found[f"mb_per_second_{name}"] = carried / result["seconds"] / 1e6
        found["errors"] += result["errors"]["total"]
    found["growth"] = found["cpu_us_per_mb_16m"] / max(found["cpu_us_per_mb_1m"], 1e-9)
    return found


def failover(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    """The same request with and without a first upstream that answers 503 at once."""
    seconds = bench.durations.latency / 2
    without = one_connection(bench, running["without"], seconds)
    with_hop = one_connection(bench, running["main"], seconds)
    return {"hop_p50_us": with_hop["p50_us"] - without["p50_us"],
            "hop_p99_us": with_hop["p99_us"] - without["p99_us"],
            "errors": with_hop["errors"] + without["errors"]}


def workers(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    """Both may use the same cores: only the number of workers differs."""
    one, two = wrk(bench, running["one"]), wrk(bench, running["two"])
    return {"cpu_us_one": one["cpu_us"], "cpu_us_two": two["cpu_us"],
            "two_to_one": two["cpu_us"] / max(one["cpu_us"], 1e-9),
            "requests_per_second_one": one["requests_per_second"],
            "requests_per_second_two": two["requests_per_second"],
            "errors": one["errors"] + two["errors"]}


def ten_thousand(bench: Bench, target: Target, running: dict[str, Running]) -> dict:
    """10,000 streams with an event a second: what is late or lost, what they cost in memory."""
    proxy = running["main"]
    one_connection(bench, proxy, 0.2)
    time.sleep(0.5)
    idle = rss(proxy)
    with Meter(proxy, bench.sink) as meter:
        result, loaded = load_ten_thousand(bench, proxy)
    after, settled = wait_for_memory(proxy, idle * 1.5, bench.durations.quiet_after)
    return {
        "idle_mib": idle / 2**20,
        "stream_kib": (loaded - idle) / STREAMS_MANY / 1024,
        "after_ratio": after / idle if idle else 0,
        "after_mib": after / 2**20,
        "after_seconds": settled,
        "cpu_us": meter.proxy / max(result["events"], 1) * 1e6,
        "concurrent": result["concurrent_max"],
        "delay_p99_us": result["delay_us"]["p99"],
        "delay_max_us": result["delay_us"]["max"],
        "stalls": result["stalls_over_100ms"],
        "lost": result["events_expected"] - result["events"],
        "errors": result["errors"]["total"],
    }


def load_ten_thousand(bench: Bench, proxy: Running) -> tuple[dict, int]:
    events, spread = bench.durations.ten_thousand, 5
    child = bench.load.start("streams", proxy.port, events + spread, connections=STREAMS_MANY,
                             events=events, interval_us=1_000_000, spread=spread, once=True)
    loaded = []

    def watch() -> None:
        # loadgen says so when every stream has had its first event.
        if "all streaming" in child.stderr.readline():
            time.sleep(1)
            loaded.append(rss(proxy))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = child.stdout.read(), child.wait()
    watcher.join()
    return json.loads(out), loaded[0] if loaded else rss(proxy)


def wait_for_memory(proxy: Running, wanted: float, seconds: float) -> tuple[int, float]:
    start = time.monotonic()
    while rss(proxy) > wanted and time.monotonic() - start < seconds:
        time.sleep(0.5)
    return rss(proxy), time.monotonic() - start


def rss(proxy: Running) -> int:
    return proxy.server.rss_bytes() if proxy.server else 0
