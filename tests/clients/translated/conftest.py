"""Paths and fixtures of the tests with libraries whose upstreams speak another API."""

import os
import pathlib
import sys

for name in [*os.environ]:
    if name.startswith(("ANTHROPIC_", "GEMINI_", "GOOGLE_", "OPENAI_")):
        del os.environ[name]

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in (ROOT, ROOT / "tests/integration"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from fixtures import start, upstream  # noqa: E402, F401
