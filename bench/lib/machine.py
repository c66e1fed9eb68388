"""What a reader needs to know of the machine, and how its cores are shared out."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class Placement:
    """Which cores each part runs on; empty sets: the scheduler decides."""

    proxy: set[int]
    two_workers: set[int]
    sink: set[int]
    load: set[int]
    everything: set[int]

    def describe(self) -> dict[str, str]:
        return {name: ",".join(map(str, sorted(cores))) or "not pinned"
                for name, cores in vars(self).items()}


def place() -> Placement:
    cores = sorted(os.sched_getaffinity(0))
    everything = set(cores)
    if len(cores) >= 4:
        return Placement({cores[0]}, set(cores[:2]), {cores[2]}, {cores[3]}, everything)
    if len(cores) >= 2:
        return Placement({cores[0]}, everything, {cores[1]}, {cores[1]}, everything)
    return Placement(set(), set(), set(), set(), everything)


def describe(versions: dict[str, str]) -> dict:
    return {
        "cpu": _field("/proc/cpuinfo", r"model name\s*: (.*)") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_field("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) / 2**20, 1),
        "kernel": platform.release(),
        "system": _field("/etc/os-release", r'PRETTY_NAME="(.*)"'),
        "virtual": bool(_field("/proc/cpuinfo", r"flags.*\b(hypervisor)\b")),
        "load_average_at_start": os.getloadavg()[0],
        "versions": versions,
    }


def versions(understudy: Path, earlier: Optional[Path] = None) -> dict[str, str]:
    return {
        "understudy": _first_line([str(understudy), "--version"]),
        **({"earlier build": _first_line([str(earlier), "--version"])} if earlier else {}),
        "nginx": _first_line(["nginx", "-v"]).replace("nginx version: ", ""),
        "haproxy": _first_line(["haproxy", "-v"]).split(" - ")[0].replace("HAProxy version ", ""),
        "wrk": _first_line(["wrk", "-v"]).split(" [")[0].replace("wrk ", ""),
        "openssl": _first_line(["openssl", "version"]),
    }


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=10)
    except OSError:
        return "not installed"
    return (done.stdout.strip().splitlines() or ["unknown"])[0]


def _field(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return found.group(1) if found else ""
