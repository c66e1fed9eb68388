"""System calls per request, by strace, apart from all timing (strace slows its subject tenfold)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from .bench import Bench
from .rounds import start, stop
from .cells import Scenario
from .process import attached
from .targets import PROXIES, Running, Target

SECONDS = 3


def measure(bench: Bench) -> dict:
    """{load: {proxy: {"calls": per request, "by_name": {...}}}}; empty without strace."""
    if not shutil.which("strace"):
        return {}
    found: dict = {"busy, 64 connections": {}, "quiet, 1 connection": {}, "per streamed event": {},
                   "HTTPS upstream, busy": {}}
    for target in PROXIES:
        try:
            found["busy, 64 connections"][target.name] = plain(bench, target, 64)
            found["quiet, 1 connection"][target.name] = plain(bench, target, 1)
            found["per streamed event"][target.name] = streamed(bench, target)
            found["HTTPS upstream, busy"][target.name] = plain(bench, target, 64, "tls")
        except (OSError, RuntimeError, subprocess.SubprocessError) as problem:
            print(f"bench: no system calls of {target.label}: {problem}", file=sys.stderr)
    return found


def plain(bench: Bench, target: Target, connections: int, flavour: str = "plain") -> dict:
    def load(proxy: Running) -> int:
        return bench.load.wrk(proxy.port, SECONDS, connections)["requests"]

    return counted(bench, target, flavour, load)


def streamed(bench: Bench, target: Target) -> dict:
    def load(proxy: Running) -> int:
        # Few streams and long ones: what is left is the cost of an event that comes alone.
        return bench.load.run("streams", proxy.port, SECONDS, connections=8, events=250,
                              interval_us=10_000, spread=0.01)["events"]

    return counted(bench, target, "streams", load)


def counted(bench: Bench, target: Target, flavour: str, load) -> dict:
    scenario = Scenario("strace", "", load, (), roles={"main": (flavour, 1)})
    running = start(bench, scenario, target)
    try:
        return trace(running["main"], bench.site.scratch("strace") / "calls", load)
    finally:
        stop(running)


def trace(proxy: Running, output: Path, load) -> dict:
    # The busiest process: of nginx the worker, which is the last one.
    command = ["strace", "-c", "-f", "-q", "-o", str(output)]
    for pid in proxy.server.pids():
        command += ["-p", str(pid)]
    with attached(command):
        units = load(proxy)
    return per_unit(output.read_text(), max(units, 1))


def per_unit(text: str, units: int) -> dict:
    by_name = {}
    for line in text.splitlines():
        # "% time  seconds  usecs/call  calls  [errors]  syscall"
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match.group(2) != "total":
            by_name[match.group(2)] = round(int(match.group(1)) / units, 3)
    shown = {name: calls for name, calls in by_name.items() if calls >= 0.01}
    return {"calls": round(sum(by_name.values()), 2), "by_name": shown}


def lines(found: dict, labels: dict[str, str]) -> list[str]:
    text = []
    for load, proxies in found.items():
        for name, result in proxies.items():
            detail = ", ".join(f"{call} {count:.2f}" for call, count in
                               sorted(result["by_name"].items(), key=lambda pair: -pair[1]))
            text.append(f"{load:22} {labels[name]:11} {result['calls']:6.2f}   {detail}")
    return text
