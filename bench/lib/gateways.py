"""Other LLM gateways, when asked: Portkey's from npm, LiteLLM's proxy from PyPI.

They are installed into a folder of this repository that git ignores. One that cannot be installed
or does not start is left out with a word; it never fails the run.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import process
from .targets import Running, Site, Target, start_server

HOME = Path(__file__).resolve().parents[1] / ".cache" / "gateways"
INSTALL_SECONDS = 600
START_SECONDS = 90


def available() -> list[Target]:
    found = []
    for target, install in ((PORTKEY, install_portkey), (LITELLM, install_litellm)):
        try:
            install()
            found.append(target)
        except (OSError, RuntimeError, subprocess.SubprocessError) as problem:
            print(f"bench: {target.label} left out: {str(problem)[-300:]}", file=sys.stderr)
    return found


def versions(targets: list[Target]) -> dict[str, str]:
    readers = {"portkey": portkey_version, "litellm": litellm_version}
    return {target.name: readers[target.name]() for target in targets if target.name in readers}


def _install(command: list[str]) -> None:
    print("bench: " + " ".join(command[:4]) + " ...", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())


# ---------------------------------------------------------------- Portkey

PORTKEY_HOME = HOME / "portkey"
PORTKEY_PACKAGE = PORTKEY_HOME / "node_modules" / "@portkey-ai" / "gateway"


def install_portkey() -> None:
    if PORTKEY_PACKAGE.exists():
        return
    if not shutil.which("npm"):
        raise RuntimeError("there is no npm")
    PORTKEY_HOME.mkdir(parents=True, exist_ok=True)
    _install(["npm", "install", "--prefix", str(PORTKEY_HOME), "@portkey-ai/gateway"])


def portkey_version() -> str:
    return json.loads((PORTKEY_PACKAGE / "package.json").read_text())["version"]


def start_portkey(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("portkey"), process.free_port()
    command = ["node", str(PORTKEY_PACKAGE / "build" / "start-server.js"), f"--port={port}", "--headless"]
    upstream = f"http://127.0.0.1:{site.upstreams.plain}/v1"
    headers = ["x-portkey-provider: openai", f"x-portkey-custom-host: {upstream}"]
    env = dict(os.environ, NODE_ENV="production", TRUSTED_CUSTOM_HOSTS="127.0.0.1")
    return start_server("portkey", command, port, folder, cores, headers, START_SECONDS, env)


# ---------------------------------------------------------------- LiteLLM

LITELLM_HOME = HOME / "litellm"


def install_litellm() -> None:
    if (LITELLM_HOME / "bin" / "litellm").exists():
        return
    LITELLM_HOME.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(LITELLM_HOME)], check=True, capture_output=True)
    _install([str(LITELLM_HOME / "bin" / "pip"), "install", "-q", "litellm[proxy]"])


def litellm_version() -> str:
    done = subprocess.run([str(LITELLM_HOME / "bin" / "pip"), "show", "litellm"], capture_output=True,
                          text=True)
    return next((line.split()[1] for line in done.stdout.splitlines() if line.startswith("Version:")),
                "unknown")


def start_litellm(site: Site, flavour: str, workers: int, cores: set[int]) -> Running:
    folder, port = site.scratch("litellm"), process.free_port()
    config = folder / "litellm.yaml"
    config.write_text(f"""
model_list:
  - model_name: "*"
    litellm_params:
      model: "openai/*"
      api_base: http://127.0.0.1:{site.upstreams.plain}/v1
      api_key: sk-bench
""")
    command = [str(LITELLM_HOME / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1",
               "--port", str(port), "--num_workers", str(workers), "--telemetry", "False"]
    env = dict(os.environ, LITELLM_LOG="ERROR", LITELLM_LOCAL_MODEL_COST_MAP="True",
               LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true")
    return start_server("litellm", command, port, folder, cores, [], START_SECONDS, env)


PORTKEY = Target("portkey", "Portkey", start_portkey, gateway=True)
LITELLM = Target("litellm", "LiteLLM", start_litellm, gateway=True)
