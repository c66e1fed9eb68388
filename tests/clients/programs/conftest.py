"""Paths and fixtures of the tests with whole programs whose upstreams speak another API."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/clients"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from fixtures import start, upstream  # noqa: E402, F401
