"""Where the proxy's time goes, cell by cell: samples by perf while the cell's load runs.

Samples are taken by the kernel's clock (cpu-clock), which works in virtual machines. What runs with
interrupts off is seen where they come on again: the end of a wake-up, `_raw_spin_unlock_irqrestore`,
stands for the wake-up itself.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from . import measure
from .bench import Bench
from .configs import STREAMS_MANY
from .rounds import start, stop
from .cells import Scenario
from .process import attached
from .targets import UNDERSTUDY, Running

SECONDS = 4
FREQUENCY = 5000
TOP = 6

# The first rule that fits says where a sample belongs.
KERNEL = [
    ("copying", r"_copy_(to|from)_iter|copy_user|check_object_size|simple_copy"),
    ("waking and sleeping", r"spin_unlock_irq|finish_task_switch|try_to_wake|ttwu|sched|sock_def_readable"
                            r"|wake_up|hrtimer|pick_next|enqueue_|dequeue_|idle|update_curr|futex|kick"),
    ("epoll", r"^ep_|epoll|eventpoll"),
    ("memory", r"kmem|slab|kfree|kmalloc|page_fault|handle_mm|clear_page|folio|anon|rmqueue|alloc_pages|mprotect|vma"),
    ("TCP and IP", r"tcp|^_*ip_|ipv4|inet|skb|^_*sk_|sock|dev_|netif|net_rx|napi|loopback|backlog|eth_|neigh"
                   r"|bbr|nf_|xfrm|xmit|dst_|softirq|bh_|net_|mod_timer|timer|ktime|tsc"),
    ("entering the kernel", r"entry_|syscall|^_*x64_|fdget|fput|^_*sys_|exit_to|import_|iovec|audit|security|bpf_lsm"),
]
PROGRAM = [
    ("wire: formats", r"understudy::wire|wire::"),
    ("upstreams: attempts, connections", r"understudy::upstreams"),
    ("proxy: sessions, failover, relay", r"understudy::proxy"),
    ("metrics and price", r"understudy::metrics"),
    ("Asio", r"boost::asio"),
]


def loads(bench: Bench) -> dict:
    """Cell: (flavour, what puts the load on and returns how many of `unit` it was, unit)."""
    def plain(proxy: Running) -> int:
        return bench.load.wrk(proxy.port, SECONDS, measure.PLAIN_CONNECTIONS)["requests"]

    def single(proxy: Running) -> int:
        return bench.load.run("latency", proxy.port, SECONDS)["completed"]

    def streams(proxy: Running) -> int:
        spread = measure.EVENTS_PER_STREAM * measure.EVENT_INTERVAL_US / 1e6
        return bench.load.run("streams", proxy.port, SECONDS, connections=measure.STREAMS, spread=spread,
                              events=measure.EVENTS_PER_STREAM,
                              interval_us=measure.EVENT_INTERVAL_US)["events"]

    def many(proxy: Running) -> int:
        return bench.load.run("streams", proxy.port, 12, connections=STREAMS_MANY, events=8,
                              interval_us=1_000_000, spread=4, once=True)["events"]

    def body(name: str):
        size, connections = measure.BODIES[name]

        def load(proxy: Running) -> int:
            return bench.load.run("body", proxy.port, SECONDS, connections=connections,
                                  body_bytes=size)["body_bytes"] // 10**6
        return load

    return {
        "plain request, 64 connections": ("plain", plain, "request"),
        "plain request, 1 connection": ("plain", single, "request"),
        "streamed event, 256 streams": ("streams", streams, "event"),
        "plain request over HTTPS upstream": ("tls", plain, "request"),
        "bodies of 100 KB": ("bodies", body("100k"), "MB"),
        "bodies of 1 MB": ("bodies", body("1m"), "MB"),
        "bodies of 16 MB": ("bodies", body("16m"), "MB"),
        "failover hop, 1 connection": ("failover", single, "request"),
        f"streamed event, {STREAMS_MANY:,} streams": ("streams", many, "event"),
    }


def take(bench: Bench, progress=lambda text: None) -> dict:
    """{cell: {"unit", "cpu_us", "parts": {name: share}, "top": [[symbol, share]]}}"""
    if not shutil.which("perf"):
        raise SystemExit("bench: --profile needs perf; on Debian: apt-get install linux-perf")
    found = {}
    for cell, (flavour, load, unit) in loads(bench).items():
        progress(cell)
        scenario = Scenario("profile", "", load, (), roles={"main": (flavour, 1)}, fresh=True)
        running = start(bench, scenario, UNDERSTUDY)
        try:
            found[cell] = {"unit": unit, **sample(running["main"], bench.site.scratch("perf"), load)}
        finally:
            stop(running)
    return found


def sample(proxy: Running, folder: Path, load) -> dict:
    data = folder / "perf.data"
    load_before = proxy.cpu_seconds()
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", str(data),
               "-p", str(proxy.server.pid)]
    with attached(command):
        units = load(proxy)
    cpu = proxy.cpu_seconds() - load_before
    report = subprocess.run(
        ["perf", "report", "-i", str(data), "--stdio", "--no-children", "--sort", "dso,sym"],
        capture_output=True, text=True, timeout=120).stdout
    return {"cpu_us": cpu / max(units, 1) * 1e6, **divide(report)}


def divide(report: str) -> dict:
    parts, symbols = Counter(), Counter()
    for line in report.splitlines():
        match = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(.*)$", line)
        if not match:
            continue
        share, place, ring, symbol = float(match[1]), match[2], match[3], match[4].strip()
        parts[part_of(place, ring, symbol)] += share
        symbols[shorter(symbol)] += share
    return {"parts": {name: round(share, 1) for name, share in parts.most_common()},
            "top": [[name, round(share, 1)] for name, share in symbols.most_common(TOP)]}


def part_of(place: str, ring: str, symbol: str) -> str:
    if ring == "k":
        return "kernel: " + next((name for name, rule in KERNEL if re.search(rule, symbol)), "other")
    if re.search(r"libssl|libcrypto", place):
        return "OpenSSL"
    if re.search(r"libc\b|libc\.|libm|libstdc|vdso|ld-linux", place):
        return "libc"
    return next((name for name, rule in PROGRAM if re.search(rule, symbol)), "program: other")


def shorter(symbol: str) -> str:
    symbol = symbol.replace("understudy::", "").replace("(anonymous namespace)::", "")
    return re.sub(r"\(.*|<.*|\.isra.*|\.constprop.*|\.part.*", "", symbol)[:48]


def markdown(found: dict) -> str:
    """One table: a row per part, a column per cell; and the heaviest functions of each cell."""
    names = sorted({part for cell in found.values() for part in cell["parts"]},
                   key=lambda part: (not part.startswith("kernel"),
                                     -sum(cell["parts"].get(part, 0) for cell in found.values())))
    lines = ["| share of CPU time, % | " + " | ".join(found) + " |",
             "|---|" + "---:|" * len(found)]
    for part in names:
        row = [cell["parts"].get(part, 0) for cell in found.values()]
        if max(row) >= 0.5:
            lines.append(f"| {part} | " + " | ".join(f"{share:.1f}" for share in row) + " |")
    lines += ["", "| cell | CPU while sampled | heaviest functions (share of the cell, %) |", "|---|---|---|"]
    for name, cell in found.items():
        top = ", ".join(f"`{symbol}` {share:.1f}" for symbol, share in cell["top"])
        lines.append(f"| {name} | {cell['cpu_us']:.1f} us per {cell['unit']} | {top} |")
    return "\n".join(lines) + "\n"


def show(found: dict) -> None:
    for name, cell in found.items():
        print(f"\n{name}: {cell['cpu_us']:.1f} us per {cell['unit']}, sampled")
        for part, share in cell["parts"].items():
            if share >= 1:
                print(f"  {share:5.1f} %  {part}")
    sys.stdout.flush()
