#!/usr/bin/env python3
"""Prepares and runs the tests with one client library: run.py
python|native|translated|litellm|programs|node|aisdk|openhands --build FOLDER.

The library comes from its registry, pinned, into FOLDER. Exit code 77 (ctest: skipped) and a line
that says why, only where the language is missing or the registry cannot be reached.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SKIPPED = 77
INSTALL_LIMIT_SECONDS = 600
TEST_LIMIT_SECONDS = 600

# How pip and npm say that there is no network, in contrast to a package that does not exist.
NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network timeout"
    r"|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|Temporary failure in name resolution"
    r"|Network is unreachable|Connection refused|ProxyError|Cannot connect to proxy")


def skip(why: str):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def install(command: list[str], cwd: pathlib.Path):
    """Runs an installer; without a network the test is skipped, any other failure fails it."""
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=INSTALL_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        skip(f"the package registry did not answer within {INSTALL_LIMIT_SECONDS} s")
    if done.returncode == 0:
        return
    printed = done.stdout + done.stderr
    if NO_NETWORK.search(printed):
        skip(f"the package registry cannot be reached ({command[0]} failed)")
    sys.exit(f"{' '.join(command)} failed:\n{printed}")


def fresh(folder: pathlib.Path, *inputs: pathlib.Path) -> bool:
    """True when what stands in `folder` was installed from these very files."""
    mark = folder / "installed-from"
    return mark.exists() and mark.read_text() == fingerprint(*inputs)


def fingerprint(*inputs: pathlib.Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in inputs:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run(command: list[str], cwd: pathlib.Path, **variables: str) -> int:
    environment = {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        environment.pop(name, None)
    return subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                          timeout=TEST_LIMIT_SECONDS).returncode


def pytest_in_venv(python: str, folder: pathlib.Path, requirements: pathlib.Path,
                   tests: pathlib.Path, **variables: str) -> int:
    """Runs `tests` in a virtual environment of that Python with just these packages."""
    if not fresh(folder, requirements):
        shutil.rmtree(folder, ignore_errors=True)
        made = subprocess.run([python, "-m", "venv", folder], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if made.returncode != 0:
            skip(f"{python} cannot make a virtual environment: {made.stdout.strip()}")
        install([str(folder / "bin/python"), "-m", "pip", "install", "--quiet",
                 "--disable-pip-version-check", "--no-deps", "-r", str(requirements)], ROOT)
        (folder / "installed-from").write_text(fingerprint(requirements))
    return run([str(folder / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider",
                str(tests)], ROOT, PYTHONPATH=str(ROOT), **variables)


def run_python(build: pathlib.Path) -> int:
    return pytest_in_venv(sys.executable, build / "python", HERE / "requirements.txt",
                          HERE / "test_python_sdk.py")


def run_native(build: pathlib.Path) -> int:
    return pytest_in_venv(sys.executable, build / "native", HERE / "native/requirements.txt",
                          HERE / "native")


def run_translated(build: pathlib.Path) -> int:
    return pytest_in_venv(sys.executable, build / "translated",
                          HERE / "translated/requirements.txt", HERE / "translated")


def node_packages(folder: pathlib.Path, package: pathlib.Path, *scripts: list[str]) -> str:
    """Installs what `package` names in that folder, then runs these scripts of it; returns node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip("Node.js or npm is missing")
    if not fresh(folder, package):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(package, folder)
        install([npm, "install", "--no-package-lock", "--no-audit", "--no-fund",
                 "--no-update-notifier", "--ignore-scripts"], folder)
        for script in scripts:
            install([node, *script], folder)
        (folder / "installed-from").write_text(fingerprint(package))
    return node


def run_litellm(build: pathlib.Path) -> int:
    return pytest_in_venv(sys.executable, build / "litellm", HERE / "litellm/requirements.txt",
                          HERE / "litellm")


def run_programs(build: pathlib.Path) -> int:
    folder = build / "programs"
    # The scripts that have to run: they put the programs for this machine in their places.
    node_packages(folder, HERE / "programs/package.json",
                  ["node_modules/@anthropic-ai/claude-code/install.cjs"],
                  ["node_modules/opencode-ai/postinstall.mjs"])
    return pytest_in_venv(sys.executable, build / "programs-python",
                          HERE / "translated/requirements.txt", HERE / "programs",
                          PROGRAMS=str(folder / "node_modules/.bin"))


def newer_python(least: tuple[int, int]) -> str:
    """The first Python of at least this version that works, on the path or among pyenv's."""
    names = [sys.executable, *(f"python3.{minor}" for minor in range(12, 20)), "python3"]
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    names += sorted(str(path) for path in pyenv.glob("versions/*/bin/python3"))
    for name in names:
        python = shutil.which(name)
        if python is None:
            continue
        # Names that pyenv knows but does not have chosen are there and fail.
        told = subprocess.run([python, "-c", "import ensurepip, ssl, sys, venv; print(sys.executable);"
                               f" sys.exit(sys.version_info < {least})"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if told.returncode == 0:
            return told.stdout.strip()
    skip(f"openhands-sdk needs Python {least[0]}.{least[1]} or newer, and there is none on the path"
         " or in pyenv (Debian 12 has 3.11 only)")


def run_openhands(build: pathlib.Path) -> int:
    home = build / "openhands-home"  # the SDK keeps files in its user's home
    home.mkdir(exist_ok=True)
    return pytest_in_venv(newer_python((3, 12)), build / "openhands",
                          HERE / "openhands/requirements.txt", HERE / "openhands", HOME=str(home))


def run_node(build: pathlib.Path) -> int:
    folder = build / "node"
    node = node_packages(folder, HERE / "node/package.json")
    shutil.copy(HERE / "node/sdk.test.mjs", folder)
    sys.path.insert(0, str(ROOT))
    from tests.clients.chains import FAULTS, RESCUES, chains, gateway
    with gateway() as running:
        return run([node, "--test", "--test-concurrency=1", "sdk.test.mjs"], folder,
                   GATEWAY=running.daemon.url, PRIMARY=running.primary.url,
                   BACKUP=running.backup.url, FAULTS=" ".join(FAULTS), RESCUES=" ".join(RESCUES),
                   MODELS=" ".join([*chains(), *RESCUES]))


def run_aisdk(build: pathlib.Path) -> int:
    folder = build / "aisdk"
    node = node_packages(folder, HERE / "aisdk/package.json")
    shutil.copy(HERE / "aisdk/sdk.test.mjs", folder)
    return pytest_in_venv(sys.executable, build / "aisdk-python", HERE / "aisdk/requirements.txt",
                          HERE / "aisdk", NODE=node, FOLDER=str(folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=["python", "native", "translated", "litellm", "programs",
                                            "node", "aisdk", "openhands"])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.build.mkdir(parents=True, exist_ok=True)
    runs = {"python": run_python, "native": run_native, "translated": run_translated,
            "litellm": run_litellm, "programs": run_programs, "node": run_node, "aisdk": run_aisdk,
            "openhands": run_openhands}
    sys.exit(runs[arguments.library](arguments.build.resolve()))
