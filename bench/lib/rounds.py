"""Runs scenarios: rounds one after the other, and within a round every proxy in turn.

Interleaving is what makes ratios honest on a machine that is not idle: whatever slows it down for a
minute slows all of them.
"""

import sys
from dataclasses import dataclass, field

from .bench import Bench
from .cells import Scenario
from .progress import Progress
from .targets import DIRECT, EARLIER, PROXIES, UNDERSTUDY, Running, Target


@dataclass
class Measured:
    """Everything one scenario gave: per proxy a list with one dict (or None) per round."""

    scenario: Scenario
    rounds: dict[str, list]
    problems: list[str] = field(default_factory=list)


def targets_of(scenario: Scenario, others: list[Target]) -> list[Target]:
    own = [target for target in [DIRECT, *PROXIES] if target.name in scenario.targets]
    others = [target for target in others
              if scenario.gateways or target is EARLIER and UNDERSTUDY.name in scenario.targets]
    return own + others


def rounds_of(scenario: Scenario, rounds: int) -> int:
    return min(rounds * scenario.rounds_times, scenario.rounds_max or sys.maxsize)


def run(bench: Bench, scenario: Scenario, rounds: int, others: list[Target],
        progress: Progress) -> Measured:
    targets = targets_of(scenario, others)
    measured = Measured(scenario, {target.name: [] for target in targets})
    standing: dict[str, dict[str, Running]] = {}
    try:
        for number in range(rounds_of(scenario, rounds)):
            # Another one goes first in each round: nobody always follows the same neighbour.
            start = number % len(targets)
            for target in targets[start:] + targets[:start]:
                progress.step(f"{scenario.name}: {target.label}, round {number + 1}")
                figures = attempt(bench, scenario, target, standing, measured.problems)
                measured.rounds[target.name].append(figures)
    finally:
        for running in standing.values():
            stop(running)
    return measured


def attempt(bench: Bench, scenario: Scenario, target: Target, standing: dict,
            problems: list[str]):
    """One measurement; a proxy that fails is reported and leaves a hole, the run goes on."""
    running = None
    try:
        running = standing.get(target.name) or start(bench, scenario, target)
        if not scenario.fresh:
            standing[target.name] = running
        figures = scenario.measure(bench, target, running)
    except Exception as problem:  # whatever a proxy under test may do
        problems.append(f"{target.label}: {problem}")
        figures = None
        stop(standing.pop(target.name, {}))
    if scenario.fresh and running:
        stop(running)
    if figures and figures.get("errors"):
        problems.append(f"{target.label}: {figures['errors']} failed requests in one round")
    return figures


def start(bench: Bench, scenario: Scenario, target: Target) -> dict[str, Running]:
    running: dict[str, Running] = {}
    place = bench.placement
    cores = place.two_workers if scenario.shared_cores else place.proxy
    try:
        for role, (flavour, workers) in scenario.roles.items():
            running[role] = target.start(bench.site, flavour, workers, cores)
    except BaseException:
        stop(running)
        raise
    return running


def stop(running: dict[str, Running]) -> None:
    for one in running.values():
        one.stop()
