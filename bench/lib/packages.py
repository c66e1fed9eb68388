"""The Debian packages a run needs. They are installed without starting what they bring."""

import os
import shutil
import subprocess
from pathlib import Path

NEEDED = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "openssl": "openssl"}
OPTIONAL = {"strace": "strace"}
SBIN = ["/usr/sbin", "/sbin"]


def ensure(want_strace: bool) -> None:
    """Installs what is missing; raises with the command to type where it may not."""
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *SBIN])
    wanted = NEEDED | (OPTIONAL if want_strace else {})
    missing = [package for program, package in wanted.items() if not shutil.which(program)]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RuntimeError(f"missing programs; install them first: {' '.join(command)}")
    print(f"bench: installing {' '.join(missing)}", flush=True)
    _install(command)


def _install(command: list[str]) -> None:
    # Debian starts a daemon when its package is installed, unless this file says no.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.run(["apt-get", "update", "-q"], check=True, env=env, stdout=subprocess.DEVNULL)
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()
