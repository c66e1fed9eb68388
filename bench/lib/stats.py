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


def ratios(ours: list, others: dict[str, list], higher_is_better: bool) -> list[Optional[float]]:
    """Ours to the better of the others, round by round; None where one side is missing.

    An added time may come out as zero or less when a machine is noisy; such a round has no ratio.
    """
    result = []
    for index, value in enumerate(ours):
        rivals = [series[index] for series in others.values()
                  if index < len(series) and series[index] is not None]
        rivals = [rival for rival in rivals if rival > 0]
        if value is None or not rivals:
            result.append(None)
            continue
        best = max(rivals) if higher_is_better else min(rivals)
        result.append(max(value, 0) / best)
    return result
