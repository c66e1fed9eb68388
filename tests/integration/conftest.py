"""Paths and fixtures for the tests in this folder."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/faults"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from fixtures import certificates, shim, start, upstream  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "row(*numbers): rows of tests/faults/README.md under test")
