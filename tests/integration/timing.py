"""How long things may take: one factor stretches every limit and every bound."""

import os

# Sanitizers and busy machines stretch time: limits that a test sets for the daemon, and bounds that
# it asserts, are multiplied by this.
TIME_SCALE = float(os.environ.get("TEST_TIME_SCALE", "1"))
# Everything that should happen soon happens within this, or the test has failed.
MAX_WAIT = 20.0 * TIME_SCALE
# The same for what moves megabytes through a test's own upstream, which is written in Python.
LONG_WAIT = 90.0 * TIME_SCALE
# How long we look before we believe that nothing happens.
QUIET = 0.12 * TIME_SCALE


def ms(milliseconds: float) -> str:
    """A duration for the configuration, stretched."""
    return f"{round(milliseconds * TIME_SCALE)}ms"


def seconds(value: float) -> float:
    """A bound for an assertion, stretched."""
    return value * TIME_SCALE
