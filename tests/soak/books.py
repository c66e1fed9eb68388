"""What each side writes down while the soak runs. Times are time.monotonic() of the soak's process,
in which all clients and upstreams live."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass
class Delivery:
    """A request that an upstream has read, from the moment its head was there."""
    rid: str
    upstream: str
    model: str
    at: float
    fate: str                       # the script's name
    expected: frozenset[str]        # reasons that the daemon may give for an attempt that met it
    reused: bool                    # not the first request on its connection
    usage: dict | None = None       # what was reported, where that was sent whole
    sent: int = 0                   # bytes of the answer
    ended_at: float = math.inf      # when the upstream was through with it
    lost: str = ""                  # how the daemon ended the connection meanwhile
    cut: bool = False               # the upstream ended the connection, and not behind a whole answer


@dataclasses.dataclass
class Trouble:
    """When an upstream (or "*", this process) could not do what it should, and how."""
    upstream: str
    kind: str                       # down, vanished, unread (a connection closed unread), late
    begin: float
    end: float = math.inf


@dataclasses.dataclass
class Exchange:
    """One request as its client saw it."""
    rid: str
    started: float
    route: str = ""
    stream: bool = False
    off: bool = False               # x-understudy-fallback: off
    deadline: float = 5.0           # that the request was given, seconds
    slow: bool = False              # reads slowly
    hidden: bool = False            # sent so much behind it that its leaving cannot be seen
    left: bool = False              # went before the end; also where the request was never whole
    asked_usage: bool = False
    ended: float = math.inf
    end: str = "none"               # whole, closed (by FIN, without framing), cut, reset, none
    status: int = 0
    upstream: str = ""
    model: str = ""
    attempts: int = 0
    trace: str = ""
    coded: bool = False             # a compressed answer
    chunked: bool = False
    digest: str = ""                # of the words that came
    finish: bool = False            # a finish_reason came
    error: str = ""                 # that came inside of a 200
    saw_usage: bool = False
    hung: bool = False

    @property
    def clean(self) -> bool:
        return self.end in ("whole", "closed")


@dataclasses.dataclass
class Attempt:
    """One element of a trace."""
    upstream: str
    model: str
    reason: str
    status: str

    @property
    def entry(self) -> str:
        return f"{self.upstream}/{self.model}"


def read_trace(text: str) -> list[Attempt]:
    attempts = []
    for item in text.split(", ") if text else []:
        name, reason, status, _ = item.split(";")
        upstream, _, model = name.partition("/")
        attempts.append(Attempt(upstream, model, reason, status))
    return attempts
