"""What is measured: nothing at all (direct), nginx, HAProxy, Understudy; gateways are in gateways.py."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from . import configs, process
from .configs import Upstreams


@dataclass
class Running:
    """One started proxy. `server` is None for the direct connection to the sink."""

    port: int
    server: Optional[process.Process] = None
    headers: list[str] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        return self.server.cpu_seconds() if self.server else 0.0

    def stop(self) -> None:
        if self.server:
            self.server.stop()


@dataclass(frozen=True)
class Target:
    name: str
    label: str
    start: Callable[["Site", str, int, set[int]], Running]
    gateway: bool = False


@dataclass(frozen=True)
class Site:
    """Where things are for one run: binaries, scratch folder, the sink's ports."""

    understudy: Path
    folder: Path
    upstreams: Upstreams
    earlier: Optional[Path] = None  # another build of it, to compare with

    def scratch(self, name: str) -> Path:
        count = len(list(self.folder.iterdir()))
        made = self.folder / f"{count:04d}-{name}"
        made.mkdir()
        return made


def start_server(name: str, command: list[str], port: int, folder: Path, cores: set[int],
                 headers=(), patience: float = 10, env=None) -> Running:
    server = process.Process(name, command, cores, folder / "output.log", env=env, cwd=folder)
    try:
        process.wait_for_port(port, patience, server)
    except BaseException:
        server.stop()
        raise
    return Running(port, server, list(headers))


def _direct(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    return Running(site.upstreams.chain(flavour)[0])


def _nginx(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("nginx"), process.free_port()
    config = folder / "nginx.conf"
    config.write_text(configs.nginx(port, site.upstreams, flavour, workers, folder))
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"]
    return start_server("nginx", command, port, folder, cores)


def _haproxy(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("haproxy"), process.free_port()
    config = folder / "haproxy.cfg"
    config.write_text(configs.haproxy(port, site.upstreams, flavour, workers))
    return start_server("haproxy", ["haproxy", "-f", str(config)], port, folder, cores)


def _understudy(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("understudy"), process.free_port()
    config = folder / "understudy.yaml"
    config.write_text(configs.understudy(port, site.upstreams, flavour, workers))
    command = [str(site.understudy), "serve", "-c", str(config)]
    return start_server("understudy", command, port, folder, cores)


def _earlier(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("earlier"), process.free_port()
    config = folder / "understudy.yaml"
    text = configs.understudy(port, site.upstreams, flavour, workers)
    config.write_text(text)
    checked = subprocess.run([str(site.earlier), "check", "-c", str(config)], capture_output=True, text=True, timeout=10)
    if "ledger" in checked.stdout + checked.stderr:  # from before there was one: the word is refused
        config.write_text(text.replace("ledger: off\n", ""))
    return start_server("earlier", [str(site.earlier), "serve", "-c", str(config)], port, folder, cores)


DIRECT = Target("direct", "direct", _direct)
NGINX = Target("nginx", "nginx", _nginx)
HAPROXY = Target("haproxy", "HAProxy", _haproxy)
UNDERSTUDY = Target("understudy", "Understudy", _understudy)
EARLIER = Target("earlier", "earlier build", _earlier)
PROXIES = [NGINX, HAPROXY, UNDERSTUDY]
