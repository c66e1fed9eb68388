"""Starts and stops the real binary for tests: the daemon (`understudy serve`) and the simulated
upstream (`understudy mock`).

    with Mock() as mock, Daemon(config, env={"KEY": "k"}) as daemon:
        requests.post(daemon.url + "/v1/chat/completions", ...)
        assert daemon.metrics().value("understudy_failovers_total", reason="rate_limit") == 1
        assert mock.log()[0]["model"] == "429"

Ports come from the kernel, every wait is bounded by MAX_WAIT, and only processes started here are
ever ended, by pid. The child gets a small environment of its own, so that a developer's
OPENAI_API_KEY or proxy settings cannot change a result. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The one bound for everything that should happen soon. Sanitizer builds on a busy machine are slow;
# a test that waits this long has failed.
MAX_WAIT = float(os.environ.get("UNDERSTUDY_MAX_WAIT", "30"))

# Lines kept per stream. A test that needs more than this should look while it runs.
_KEPT_LINES = 200_000

_URL = re.compile(r"https?://(?:\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):\d+")

# What every sanitizer of g++ and clang prints with a finding.
_SANITIZER = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error: ")

_PASSED_ON = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LANG")

_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """The program did not come up; the message holds what it printed."""


def binary() -> str:
    """The program under test: $UNDERSTUDY_BIN, else the release build."""
    path = pathlib.Path(os.environ.get("UNDERSTUDY_BIN") or ROOT / "build/release/understudy")
    if not path.exists():
        raise StartError(f"{path} is missing: run ./dev build, or set UNDERSTUDY_BIN")
    return str(path)


def wait_until(condition, what: str, timeout: float | None = None):
    """Polls until `condition()` is true and returns its value; fails with `what` after `timeout`."""
    limit = time.monotonic() + (MAX_WAIT if timeout is None else timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= limit:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.005)


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections for as long as the block runs: it is bound, so nobody
    else can get it, but nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def free_port() -> int:
    """A port that was free a moment ago. Use port 0 wherever the program allows it."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def fetch(url: str, method: str = "GET", body: bytes | str | None = None,
          headers: Mapping[str, str] | None = None, timeout: float | None = None):
    """One request without proxies or redirects: (status, headers, body). Errors are answers too."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout or MAX_WAIT) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def _die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Output:
    """Collects one stream of the child line by line, so that the child never blocks on a full pipe."""

    def __init__(self, stream):
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._pump, args=(stream,), daemon=True)
        self._thread.start()

    def _pump(self, stream):
        for raw in stream:
            with self._lock:
                if len(self._lines) < _KEPT_LINES:
                    self._lines.append(raw.decode("utf-8", "replace").rstrip("\r\n"))
        stream.close()

    def lines(self) -> list[str]:
        with self._lock:
            return list(self._lines)

    def join(self):
        self._thread.join(MAX_WAIT)


class Process:
    """A child process with its output. Use as a context manager; leaving the block ends it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None,
                 cwd: str | None = None):
        self.argv = list(argv)
        self._env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._env.update(env or {})
        self._cwd = cwd
        self._child: subprocess.Popen | None = None

    def start(self):
        # The signal follows the thread that forks, so it is only asked for where that thread lasts.
        lasting = threading.current_thread() is threading.main_thread()
        self._child = subprocess.Popen(
            self.argv, env=self._env, cwd=self._cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent if lasting else None)
        self._out = _Output(self._child.stdout)
        self._err = _Output(self._child.stderr)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is None:
            self.check_sanitizers()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._child.poll()

    def stdout_lines(self) -> list[str]:
        return self._out.lines()

    def stderr_lines(self) -> list[str]:
        return self._err.lines()

    def wait_line(self, pattern: str, timeout: float | None = None) -> re.Match:
        """Waits for a line (either stream) that matches, and returns the match."""
        compiled = re.compile(pattern)

        def search():
            lines = self.stderr_lines() + self.stdout_lines()
            return next((match for match in map(compiled.search, lines) if match), None)

        def look():
            ended = self.returncode is not None
            found = search()
            if found or not ended:
                return found
            self._join()  # which takes long where a child of its own has the pipes
            found = search()
            if found is None:
                raise StartError(f"{self._ended_text()}, without a line like {pattern!r}\n"
                                 + self._printed())
            return found

        try:
            return wait_until(look, f"a line like {pattern!r}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._printed()}") from None

    def signal(self, number: int):
        self._child.send_signal(number)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end and returns the exit code."""
        try:
            code = self._child.wait(MAX_WAIT if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.argv}\n{self._printed()}") from None
        self._join()
        return code

    def stop(self) -> int:
        """SIGTERM, a second one (the daemon then ends at once), SIGKILL; returns the exit code."""
        for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGTERM, 5.0)):
            if self.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self.signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(patience)
        if self.returncode is None:
            self._child.kill()
            self._child.wait()
        self._join()
        return self.returncode

    def check_sanitizers(self):
        """Fails when the sanitizer runtime of an instrumented build reported something."""
        lines = self.stderr_lines()
        for index, line in enumerate(lines):
            if _SANITIZER.search(line):
                raise AssertionError("sanitizer finding:\n" + "\n".join(lines[index:index + 60]))

    def resident_bytes(self) -> int:
        """Memory of its own: pages of the program and its libraries come and go as they are used."""
        resident, of_files = pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1:3]
        return (int(resident) - int(of_files)) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _join(self):
        self._out.join()
        self._err.join()

    def _ended_text(self) -> str:
        return f"{' '.join(self.argv)} ended with {self.returncode}"

    def _printed(self) -> str:
        return "\n".join(["--- stderr", *self.stderr_lines()[-60:],
                          "--- stdout", *self.stdout_lines()[-60:]])


def run(*args: str, env: Mapping[str, str] | None = None, cwd: str | None = None,
        timeout: float | None = None) -> Process:
    """Runs one command of the program to its end: `run("check", "-c", path).returncode`."""
    process = Process([binary(), *args], env=env, cwd=cwd)
    process.start()
    try:
        process.wait(timeout)
    finally:
        process.stop()
    process.check_sanitizers()
    return process


class Mock(Process):
    """`understudy mock` on a port of its own. Arguments are passed on: Mock("--script", path)."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None):
        listen = () if "--listen" in args else ("--listen", "127.0.0.1:0")
        super().__init__([binary(), "mock", *listen, *args], env=env)
        self.url = ""

    def start(self):
        super().start()
        try:
            self.url = self.wait_line(_URL.pattern).group(0)
        except BaseException:
            self.stop()
            raise
        return self

    def log(self) -> list[dict]:
        """What it received so far, oldest first."""
        status, _, body = fetch(self.url + "/control/log")
        assert status == 200, body
        document = json.loads(body)
        return document["requests"] if isinstance(document, dict) else document


class Metrics(dict):
    """Samples by their full text: 'name{a="b"}' -> value."""

    _SAMPLE = re.compile(r'^([A-Za-z_:][\w:]*)(\{.*\})?\s+(\S+)')
    _LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        metrics = cls()
        for line in text.splitlines():
            match = None if line.startswith("#") else cls._SAMPLE.match(line)
            if match:
                metrics[match.group(1) + (match.group(2) or "")] = float(match.group(3))
        return metrics

    def value(self, name: str, **labels: str) -> float:
        """Sum over all samples of that name whose labels include `labels`; 0 when there is none."""
        return sum(value for sample, value in self.items() if self._is(sample, name, labels))

    def labels(self, name: str) -> list[dict[str, str]]:
        """The label sets of all samples of that name."""
        return [dict(self._LABEL.findall(sample)) for sample in self if self._is(sample, name, {})]

    def _is(self, sample: str, name: str, labels: Mapping[str, str]) -> bool:
        if sample.partition("{")[0] != name:
            return False
        found = dict(self._LABEL.findall(sample))
        return all(found.get(key) == text for key, text in labels.items())


class Daemon(Process):
    """`understudy serve` with a configuration file of its own. A configuration without a top-level
    `listen` gets one with a port from the kernel. `wrap` goes before the program (strace -c ...)."""

    def __init__(self, config: str, env: Mapping[str, str] | None = None,
                 args: Sequence[str] = (), wrap: Sequence[str] = ()):
        self._directory = tempfile.mkdtemp(prefix="understudy-test-")
        self.config_path = os.path.join(self._directory, "understudy.yaml")
        self._has_admin = re.search(r"^admin\s*:", config, re.MULTILINE) is not None
        self._adds_listen = "--listen" not in args
        self.write_config(config)
        super().__init__([*wrap, binary(), "serve", "-c", self.config_path, *args],
                         env={"HOME": self._directory, **(env or {})}, cwd=self._directory)
        self.url = ""

    def write_config(self, config: str):
        """Replaces the file as editors do, whole; send SIGHUP for a reload."""
        if self._adds_listen and not re.search(r"^listen\s*:", config, re.MULTILINE):
            config = "listen: 127.0.0.1:0\n" + config
        # Most tests are about something else, and a ledger is on by default (`ledger: on`).
        if not re.search(r"^ledger\s*:", config, re.MULTILINE):
            config = config.rstrip("\n") + "\nledger: off\n"
        temporary = self.config_path + ".new"
        pathlib.Path(temporary).write_text(config)
        os.replace(temporary, self.config_path)

    def start(self):
        super().start()
        try:
            self.url = self.wait_line(r"listening on (https?://[^\s\",]+)").group(1).rstrip("/")
        except BaseException:
            self.stop()
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def admin_url(self) -> str:
        """Where /metrics is: the admin listener if the configuration has one."""
        if not self._has_admin:
            return self.url
        return self.wait_line(r"admin .*?(" + _URL.pattern + ")").group(1)

    def metrics_text(self) -> str:
        status, _, body = fetch(self.admin_url + "/metrics")
        assert status == 200, body
        return body.decode()

    def metrics(self) -> Metrics:
        return Metrics.parse(self.metrics_text())

    def wait_ready(self):
        wait_until(lambda: fetch(self.admin_url + "/readyz")[0] == 200, "/readyz")
