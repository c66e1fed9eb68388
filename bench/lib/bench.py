"""One run's surroundings: the sink, the load, the cores; and how long each measurement takes."""

import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from . import machine, process
from .configs import Upstreams
from .load import Load
from .process import free_port
from .targets import Site


@dataclass(frozen=True)
class Durations:
    """Seconds of load per measurement, and seconds each of the 10,000 streams lives."""

    plain: float
    streams: float
    latency: float
    body: float
    connections: float
    ten_thousand: int
    quiet_after: float = 30


# Short measurements and many rounds: on a machine that others share, a round is one sample.
FULL = Durations(plain=3, streams=2, latency=3, body=2, connections=2, ten_thousand=20)
QUICK = Durations(plain=2, streams=2, latency=2, body=1, connections=1, ten_thousand=8)


@dataclass(frozen=True)
class Bench:
    site: Site
    sink: process.Process
    load: Load
    placement: machine.Placement
    durations: Durations


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "sink.pem", folder / "sink.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out",
         str(certificate), "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def start_sink(build: Path, folder: Path, cores: set[int]) -> tuple[process.Process, Upstreams]:
    certificate, key = make_certificate(folder)
    up = Upstreams(free_port(), free_port(), free_port(), free_port(), certificate)
    sink = process.Process(
        "benchsink",
        [str(build / "benchsink"), "--listen", f"127.0.0.1:{up.plain}", "--listen",
         f"127.0.0.1:{up.second}", "--tls", f"127.0.0.1:{up.tls}", "--fail", f"127.0.0.1:{up.fail}",
         "--certificate", str(certificate), "--key", str(key)],
        cores, folder / "sink.log")
    process.wait_for_port(up.plain, 5, sink)
    return sink, up


@contextmanager
def bench(build: Path, durations: Durations, earlier: Optional[Path] = None):
    placement = machine.place()
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as name:
        folder = Path(name)
        # nginx started by root gives its worker to another user, who must get through here.
        folder.chmod(0o755)
        sink, upstreams = start_sink(build, folder, placement.sink)
        try:
            site = Site(build / "understudy", folder, upstreams, earlier)
            yield Bench(site, sink, Load(build / "loadgen", placement.load), placement, durations)
        finally:
            sink.stop()
