"""Paths of the test with the AI SDK."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/clients"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
