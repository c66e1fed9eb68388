"""Medians and spreads. Ratios are taken within a round, so that drift of the machine cancels out."""

from dataclasses import dataclass
from statistics import median
from typing import Optional


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float
    rounds: int


def spread(values: list[Optional[float]]) -> Optional[Spread]:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(median(known), min(known), max(known), len(known))


def ratios(ours: list, rival: list) -> list[Optional[float]]:
    """Ours to one rival's, round by round; None where one side is missing.

    An added time may come out as zero or less when a machine is noisy; such a round has no ratio.
    """
    return [None if value is None or other is None or other <= 0 else max(value, 0) / other
            for value, other in zip(ours, rival)]


def hardest(found: dict[str, Spread], higher_is_better: bool) -> Optional[Spread]:
    """The ratio to the better rival: the one beside which we look worst over the whole run.

    Not the better one of each round: the least of two noisy figures is less than either, so that
    a proxy measured against itself and a copy of itself would come out as slower than both.
    """
    key = lambda spread: spread.median  # noqa: E731
    if not found:
        return None
    return min(found.values(), key=key) if higher_is_better else max(found.values(), key=key)
