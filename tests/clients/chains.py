"""The configuration that both client libraries are tested with: what a client may ask for, and the chain
behind it. The simulated upstreams choose their fault by the model that the chain entry names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.daemon import Daemon, Mock

# What the primary does, by the name that the client asks for. The backup is well.
FAULTS = {
    "rate-limited": "429",
    "unavailable": "503",
    "reset": "reset",
    "silent": "silent",
    "web-page": "html",
    "conflict": "409",  # the official libraries retry it too
}

# Errors of the primary that belong to the client, with a backup that would have answered.
CLIENT_ERRORS = {
    "too-long": "context-length",
    "filtered": "content-filter",
    "bad": "400",
    "wrong-key": "401",
    "forbidden": "403",
    "missing": "404",
    "unprocessable": "422",
}

OTHERS = {
    "healthy": ["primary/ok", "backup/ok"],
    "all-limited": ["primary/429-retry-7s", "backup/503"],
    "all-down": ["primary/503", "backup/401"],
    "all-silent": ["primary/silent", "primary/late-60s"],
    "all-reset": ["primary/reset", "backup/reset"],
    "breaks-off": ["primary/cut-20", "backup/ok"],
    "gives-up": ["primary/rate-200+error-event-20", "backup/ok"],
    "thinks-long": ["patient/late-60s"],
    "own-key": ["open/ok"],
}

# Streams of the primary that break behind so many words, and how the backup goes on with them.
RESCUES = {f"rescued-by-{rung}-after-{words}": (rung, words)
           for rung in ("prefill", "restart") for words in (1, 20, 40, 59)}

UPSTREAMS = """
upstreams:
  - name: primary
    base_url: {primary}/v1
    api_key: sk-primary
    timeouts: {{ connect: 5s, first_token: 700ms, response: 700ms, idle: 10s }}
  - name: backup
    base_url: {backup}/v1
    api_key: sk-backup
  - name: patient
    base_url: {backup}/v1
    api_key: sk-patient
  - name: open
    base_url: {backup}/v1
  - name: prefill
    base_url: {backup}/v1
    api_key: sk-prefill
    continuation: prefill
  - name: restart
    base_url: {backup}/v1
    api_key: sk-restart
    continuation: restart
"""


def chains() -> dict[str, list[str]]:
    """Every model name that a client may ask for, with its chain."""
    found = dict(OTHERS)
    for name, fault in FAULTS.items():
        found[name] = [f"primary/{fault}", "backup/ok"]
        found[f"{name}-tools"] = [f"primary/{fault}", "backup/tools"]
    for name, fault in CLIENT_ERRORS.items():
        found[name] = [f"primary/{fault}", "backup/ok"]
    return found


def configuration(primary: str, backup: str) -> str:
    lines = [UPSTREAMS.format(primary=primary, backup=backup), "routes:"]
    for name, chain in chains().items():
        lines.append(f"  - {{ model: {name}, chain: [{', '.join(chain)}] }}")
    for name, (rung, words) in RESCUES.items():
        lines.append(f"  - {{ model: {name}, chain: [primary/cut-{words}, {rung}/ok], "
                     "midstream: continue }")
    return "\n".join(lines) + "\n"


@dataclass
class Gateway:
    """The daemon between a client and two simulated upstreams."""
    daemon: Daemon
    primary: Mock
    backup: Mock

    @property
    def base_url(self) -> str:
        return self.daemon.url + "/v1"


@contextlib.contextmanager
def gateway() -> Iterator[Gateway]:
    with Mock() as primary, Mock() as backup:
        with Daemon(configuration(primary.url, backup.url)) as daemon:
            daemon.wait_ready()
            yield Gateway(daemon, primary, backup)
