"""Paths and fixtures: one simulated upstream for a module, reset before every test."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE.parents[1], HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from tests.support.daemon import Mock, fetch  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with Mock() as running:
        yield running


@pytest.fixture
def mock(server):
    fetch(server.url + "/control/script", method="DELETE")
    fetch(server.url + "/control/reset", method="POST", body=b"")
    return server
