"""What each side writes down while the soak runs. Times are time.monotonic() of the soak's process,
in which all clients and upstreams live; the daemon's own are brought to it by `Clock`."""

from __future__ import annotations

import bisect
import collections
import dataclasses
import math
import time


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
    words: int = 0                  # events with content among them, whole or not
    pieces: tuple[int, ...] = ()    # bytes of the text in each such event that it would have
    in_json: int = 0                # bytes of JSON of all of it
    prompt: int = 0                 # bytes of text in its messages
    counts: bool = False            # each such event tells the usage so far
    ended_at: float = math.inf      # when the upstream was through with it
    lost: str = ""                  # how the daemon ended the connection meanwhile
    cut: bool = False               # the upstream ended the connection, and not behind a whole answer
    key: str = ""                   # that it was sent with
    asked: str = ""                 # to go on with an answer: prefill, instruct; else nothing
    begun: int = 0                  # bytes of what it is given of that


@dataclasses.dataclass
class Trouble:
    """When an upstream (or "*", this process) could not do what it should, and how; or what was done
    to the daemon (upgrade; kill, from when on its last doings may not be in the ledger, until its door
    is closed)."""
    upstream: str
    kind: str                       # down, vanished, unread (a connection closed unread), late
    begin: float
    end: float = math.inf


LONGEST = 30.0      # that a trouble takes


@dataclasses.dataclass
class Exchange:
    """One request as its client saw it."""
    rid: str
    started: float
    route: str = ""
    session: str = ""
    stream: bool = False
    off: bool = False               # x-understudy-fallback: off
    deadline: float = 5.0           # that the request was given, seconds
    prompt: int = 0                 # bytes of text in its messages
    slow: bool = False              # reads slowly
    hidden: bool = False            # sent so much behind it that its leaving cannot be seen
    kept: bool = False              # on a connection that had had an answer before
    left: bool = False              # went before the end; also where the request was never whole
    asked_usage: bool = False
    ended: float = math.inf
    end: str = "none"               # whole, closed (by FIN, without framing), cut, reset, none
    status: int = 0
    upstream: str = ""
    model: str = ""
    attempts: int = 0               # as its head says; 0: that says nothing of it
    trace: str = ""
    cost: str = ""                  # x-understudy-cost-usd
    coded: bool = False             # a compressed answer
    chunked: bool = False
    waited: bool = False            # got a head and comments while entries were still tried
    digest: str = ""                # of the words that came
    ids: tuple[str, ...] = ()       # of all events, each once; and so the models
    models: tuple[str, ...] = ()
    roles: int = 0
    finishes: int = 0               # finish_reasons that came
    dones: int = 0                  # [DONE]s
    error: str = ""                 # that came inside of a 200
    saw_usage: bool = False
    usage_adds_up: bool = True
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


def read_trace(text: str) -> tuple[list[Attempt], list[Attempt]]:
    """The attempts of a trace, and the entries that were passed over."""
    attempts: list[Attempt] = []
    skipped: list[Attempt] = []
    for item in text.split(", ") if text else []:
        name, reason, status, _ = item.split(";")
        upstream, _, model = name.partition("/")
        (skipped if reason == "skipped" else attempts).append(
            Attempt(upstream, model, reason, status))
    return attempts, skipped


TOKENS = ("input", "cache_read", "cache_write", "output", "reasoning")


@dataclasses.dataclass
class AttemptRow:
    """An attempt as the ledger has it."""
    rid: str
    number: int
    upstream: str
    model: str
    cause: str
    position: int
    reason: str
    ended: float                    # or a little later: no two rows have one time
    took: float
    route: str = ""
    session: str = ""
    status: int = 0
    deliveries: int = 1
    began: bool = False             # a first token came
    usage: str = "none"
    tokens: dict[str, int] = dataclasses.field(default_factory=dict)     # as reported
    guessed: dict[str, int] = dataclasses.field(default_factory=dict)    # as estimated
    cost: int = 0                   # nano-dollars
    guessed_cost: int = 0
    unpriced: bool = False

    @property
    def entry(self) -> str:
        return f"{self.upstream}/{self.model}"

    @property
    def started(self) -> float:
        return self.ended - self.took

    def all_tokens(self) -> int:
        return sum(self.tokens.values()) + sum(self.guessed.values())


@dataclasses.dataclass
class RequestRow:
    """A request as the ledger has it."""
    rid: str
    outcome: str
    ended: float
    route: str = ""
    session: str = ""
    status: int = 0
    stream: bool = False
    broken: bool = False
    attempts: int = 0
    served_by: str = ""
    served_model: str = ""
    prompt: int = 0
    completion: int = 0
    cost: int = 0


class Clock:
    """Brings the time of day, which the daemon writes, to that of this process."""

    def __init__(self):
        self._ahead = time.time() - time.monotonic()

    def monotonic(self, since_1970: float) -> float:
        return since_1970 - self._ahead


@dataclasses.dataclass
class Settled:
    """One process that has lived through all it was asked, when nothing was under way: its metrics, and
    the requests (by id) and refusals of its access log until then."""
    metrics: dict
    requests: set[str]
    rejected: int


@dataclasses.dataclass
class Evidence:
    """All that is known when a run is over."""
    deliveries: list[Delivery]
    exchanges: list[Exchange]
    log: list[dict]
    attempts: list[AttemptRow]
    requests: list[RequestRow]
    troubles: list[Trouble]
    settled: list[Settled]
    total: dict                     # metrics of a process started at the end, for the ledger's counters
    reloads: list[float] = dataclasses.field(default_factory=list)


class Books:
    """The same, indexed by request id."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence
        self.troubles = evidence.troubles
        self.log = [line for line in evidence.log if line.get("event") == "request"]
        self.rejected = [line for line in evidence.log if line.get("event") == "rejected"]
        self.lines = {line["id"]: line for line in self.log}
        self.traces = {line["id"]: read_trace(line.get("trace", ""))[0] for line in self.log}
        self.skipped = {line["id"]: read_trace(line.get("trace", ""))[1] for line in self.log}
        self.exchanges = {exchange.rid: exchange for exchange in evidence.exchanges}
        self.deliveries: dict[str, list[Delivery]] = collections.defaultdict(list)
        for delivery in evidence.deliveries:
            self.deliveries[delivery.rid].append(delivery)
        self.rows: dict[str, list[AttemptRow]] = collections.defaultdict(list)
        for row in sorted(evidence.attempts, key=lambda row: row.number):
            self.rows[row.rid].append(row)
        self.requests = {row.rid: row for row in evidence.requests}
        self.kills = [t for t in evidence.troubles if t.kind == "kill"]
        self._by_begin: dict[tuple, list[Trouble]] = collections.defaultdict(list)
        for trouble in sorted(evidence.troubles, key=lambda t: t.begin):
            self._by_begin[trouble.upstream, trouble.kind].append(trouble)
        # Found by matching: which attempt met which delivery, and what was replayed.
        self.met: list[tuple[AttemptRow, Delivery]] = []
        self.replays: collections.Counter[str] = collections.Counter()

    def excused(self, upstream: str, kinds: tuple[str, ...], begin: float, end: float,
                slack: float = 0.5) -> bool:
        return any(self._was(who, kind, begin - slack, end + slack)
                   for who in {upstream, "*"} for kind in kinds)

    def _was(self, who: str, kind: str, begin: float, end: float) -> bool:
        troubles = self._by_begin.get((who, kind), [])
        for i in range(bisect.bisect_right(troubles, end, key=lambda t: t.begin) - 1, -1, -1):
            if troubles[i].end >= begin:
                return True
            if troubles[i].begin < begin - LONGEST:
                break
        return False

    def shaken(self, rid: str) -> bool:
        """Whether the daemon was killed while it may have been at work for this request: its books need
        not be whole. What a client has had for 100 ms is in them."""
        exchange = self.exchanges.get(rid)
        if exchange is None:
            return False
        # Its client's leaving may have been seen later than it was.
        late = 2.0 if exchange.left or exchange.hung else 0.0
        return any(exchange.started <= kill.end and exchange.ended + late >= kill.begin
                   for kill in self.kills)

    def due(self, rid: str) -> bool:
        return rid in self.exchanges and not self.shaken(rid)
