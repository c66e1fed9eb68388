"""Paths and fixtures of the tests with LiteLLM."""

import os
import pathlib
import sys

for name in [*os.environ]:
    if name.startswith(("ANTHROPIC_", "GEMINI_", "GOOGLE_", "OPENAI_")):
        del os.environ[name]
# Otherwise it asks GitHub for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in (ROOT, ROOT / "tests/integration", ROOT / "tests/clients"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
