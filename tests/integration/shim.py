"""Names, clock and disk of the daemon's world, under a test's control (see libc_shim.c)."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).with_name("libc_shim.c")


class Shim:
    """`env` puts the shim under a daemon. names(api_test="127.0.0.1") makes api.test resolve (also to
    NXDOMAIN, SERVFAIL, HANG, or several addresses with commas); ports({"127.0.0.2:443": 40123}) leads
    connections to that address to a port of 127.0.0.1; jump(7200) moves the wall clock;
    disk(errno.ENOSPC) makes writes to the ledger fail, disk(-300) makes each take 300 ms longer, disk(0) ends it."""

    def __init__(self, directory: pathlib.Path):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            pytest.skip("no C compiler for the libc shim")
        library = directory / "libc_shim.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"],
                       check=True)
        self._names, self._clock = directory / "names", directory / "clock"
        self._ports, self._disk = directory / "ports", directory / "disk"
        self._write(self._names, "")
        self._write(self._clock, "0")
        self._write(self._ports, "")
        self._write(self._disk, "0")
        options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]
        self.env = {"LD_PRELOAD": str(library), "FAKE_NAMES": str(self._names),
                    "FAKE_CLOCK": str(self._clock), "FAKE_PORTS": str(self._ports),
                    "FAKE_DISK": str(self._disk),
                    "ASAN_OPTIONS": ":".join(filter(None, options))}

    def names(self, **answers: str):
        self._write(self._names, "".join(f"{name.replace('_', '.')} {answer}\n"
                                         for name, answer in answers.items()))

    def ports(self, ports: dict[str, int]):
        self._write(self._ports, "".join(f"{where} {port}\n" for where, port in ports.items()))

    def jump(self, seconds: int):
        self._write(self._clock, str(seconds))

    def disk(self, fault: int):
        self._write(self._disk, str(fault))

    @staticmethod
    def _write(path: pathlib.Path, text: str):
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
