"""Paths, fixtures and surroundings of the tests with the real openhands-sdk."""

import logging
import os
import pathlib
import sys

# Before the SDK is imported: nothing is fetched, nothing is printed over the results.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["OPENHANDS_SUPPRESS_BANNER"] = "1"
for name in [*os.environ]:
    if name.endswith("_API_KEY") or name.startswith(("LLM_", "OH_", "LITELLM_PROXY")):
        del os.environ[name]

ROOT = pathlib.Path(__file__).resolve().parents[3]
for folder in (ROOT, ROOT / "tests/integration"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# Last: a folder of the SDK's name stands there.
sys.path.append(str(ROOT / "tests/clients"))

from fixtures import start, upstream  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore")
    logging.disable(logging.ERROR)
