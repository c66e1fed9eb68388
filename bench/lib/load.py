"""The load: wrk for plain requests, our loadgen for streams, latency and large bodies."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import process

POST = Path(__file__).with_name("post.lua")


@dataclass(frozen=True)
class Load:
    """Runs load programs on their cores against one port of this machine."""

    loadgen: Path
    cores: set[int]

    def _run(self, command: list[str], seconds: float) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds,
                              preexec_fn=process.prepare_child(self.cores))
        if not done.stdout.strip():
            raise RuntimeError(f"{command[0]} said nothing: {done.stderr.strip()[-300:]}")
        return done.stdout

    def wrk(self, port: int, seconds: int, connections: int = 64, headers=(), tls=False) -> dict:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1/chat/completions"
        out = self._run(["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency", "-s",
                         str(POST), url, "--", *headers], seconds + 30)
        for line in out.splitlines():
            if line.startswith("json "):
                return self._checked(json.loads(line[5:]))
        raise RuntimeError(f"wrk gave no summary: {out.strip()[-300:]}")

    @staticmethod
    def _checked(result: dict) -> dict:
        if result["errors"] >= result["requests"]:
            raise RuntimeError(f"no request of {result['requests']} succeeded")
        return result

    def run(self, mode: str, port: int, seconds: float, headers=(), patience: float = 30,
            **options) -> dict:
        command = self.command(mode, port, seconds, headers, patience, **options)
        result = json.loads(self._run(command, seconds + patience + 15))
        if not result["completed"]:
            raise RuntimeError(f"no request of {result['started']} succeeded: {result['errors']}")
        return result

    def start(self, mode: str, port: int, seconds: float, **options) -> subprocess.Popen:
        """For whoever looks at the proxy while the load runs; stdout and stderr are pipes."""
        return subprocess.Popen(self.command(mode, port, seconds, **options), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=process.prepare_child(self.cores))

    def command(self, mode, port, seconds, headers=(), patience: float = 30, **options) -> list[str]:
        words = [str(self.loadgen), mode, "--target", f"127.0.0.1:{port}", "--seconds", str(seconds),
                 "--patience", str(patience)]
        for header in headers:
            words += ["--header", header]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            words += [flag] if value is True else [flag, str(value)]
        return words
