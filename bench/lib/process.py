"""Processes under test: started by us on chosen cores, ended by their own pid, and read through /proc."""

import os
import resource
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator

DESCRIPTORS_WANTED = 65_536
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port: int, seconds: float, process: "Process") -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.exited():
            raise RuntimeError(f"{process.name} ended at once; its words: {process.last_words()}")
        if process.listens(port):  # not: somebody does, who happened on the port meanwhile
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.name} does not listen after {seconds:.0f} s: {process.last_words()}")


def descriptors() -> int:
    """How many descriptors a process of ours may have; only a privileged user goes past the hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < DESCRIPTORS_WANTED:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS_WANTED, DESCRIPTORS_WANTED))
        except (ValueError, PermissionError):
            return hard
    return DESCRIPTORS_WANTED


def prepare_child(cores: set[int]):
    """Runs in the child before exec: its cores, its descriptor limit."""
    limit = descriptors()

    def prepare() -> None:
        if cores:
            os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    return prepare


@contextmanager
def attached(command: list[str]):
    """A tool that watches other processes (strace, perf) for the length of a `with` block."""
    tool = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)  # until it is there
    try:
        yield
    finally:
        tool.send_signal(signal.SIGINT)
        tool.wait(20)


class Process:
    """One server with all its children (nginx: master and worker)."""

    def __init__(self, name: str, command: list[str], cores: set[int], log: Path, env=None, cwd=None):
        self.name, self.log = name, log
        self._out = open(log, "wb")
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT,
            preexec_fn=prepare_child(cores), env=env, cwd=cwd)
        self.pid = self._child.pid

    def exited(self) -> bool:
        return self._child.poll() is not None

    def status(self) -> int | None:
        """What it ended with, negative for a signal; None: it has not ended."""
        return self._child.poll()

    def last_words(self) -> str:
        text = self.log.read_text(errors="replace").strip()
        return " | ".join(text.splitlines()[-3:]) or "nothing"

    def stop(self, patience: float = 3) -> None:
        if not self.exited():
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(patience)
            except subprocess.TimeoutExpired:
                for pid in reversed(self.pids()):
                    os.kill(pid, signal.SIGKILL)
                self._child.wait()
        self._out.close()

    def pids(self) -> list[int]:
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in _read(children).split()]
        return found

    def listens(self, port: int) -> bool:
        """Whether one of its sockets waits for connections on that port."""
        wanted = {f"socket:[{inode}]" for inode in listeners(port)}
        return bool(wanted) and any(not wanted.isdisjoint(_descriptors(pid)) for pid in self.pids())

    def cpu_seconds(self) -> float:
        """Time on a CPU, all threads of all processes, as the scheduler accounts it (nanoseconds).

        It is the figure utime + stime of /proc/<pid>/stat are scaled to, without their 10 ms steps.
        """
        total = 0
        for pid in self.pids():
            for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int((_read(stat) or "0").split()[0])
        return total / 1e9 if total else sum(self.cpu_split())

    def cpu_split(self) -> tuple[float, float]:
        """User and system time from /proc/<pid>/stat."""
        user = system = 0
        for pid in self.pids():
            fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
            if fields:
                user, system = user + int(fields[11]), system + int(fields[12])
        return user / TICKS_PER_SECOND, system / TICKS_PER_SECOND

    def rss_bytes(self) -> int:
        """Resident memory; pages that processes of one tree share are counted in each of them."""
        total = 0
        for pid in self.pids():
            for line in _read(Path(f"/proc/{pid}/status")).splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total


def listeners(port: int) -> list[str]:
    """The inodes of the sockets that listen on a port, of either family (proc(5), /proc/net/tcp)."""
    listening = "0A"
    rows = [line.split() for table in ("tcp", "tcp6") for line in _read(Path("/proc/net") / table).splitlines()[1:]]
    return [row[9] for row in rows if row[3] == listening and int(row[1].rpartition(":")[2], 16) == port]


def _descriptors(pid: int) -> Iterator[str]:
    """What they stand for; not those that are closed meanwhile."""
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                yield os.readlink(f"/proc/{pid}/fd/{name}")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread or process is gone
        return ""
