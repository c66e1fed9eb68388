"""The command line of `bench/run`, and the order of a run."""

import argparse
import datetime
import json
import sys
from pathlib import Path

from . import (cells, configs, gateways, machine, measure, packages, plots, profile, report, rounds,
               syscalls)
from .bench import FULL, QUICK, Bench, bench
from .progress import Progress
from .targets import DIRECT, EARLIER, PROXIES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short measurements, 2 rounds")
    parser.add_argument("--rounds", type=int, help="rounds of every cell (7; quick: 2)")
    parser.add_argument("--cells", help="only these: " + ",".join(s.name for s in cells.SCENARIOS))
    parser.add_argument("--gateways", action="store_true", help="also Portkey and LiteLLM")
    parser.add_argument("--profile", action="store_true",
                        help="instead: where Understudy's time goes in each cell (perf)")
    parser.add_argument("--no-strace", action="store_true", help="do not count system calls")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release",
                        help="where understudy, loadgen and benchsink are")
    parser.add_argument("--earlier", type=Path, metavar="PROGRAM",
                        help="another build of understudy, measured in the same rounds")
    parser.add_argument("--show", type=Path, metavar="JSON", help="report and plots of an earlier run")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    options = parser.parse_args()
    if options.earlier and options.profile:
        parser.error("--profile looks at one build: leave out --earlier")
    options.build = options.build.resolve()  # servers are started in folders of their own
    options.earlier = options.earlier and options.earlier.resolve()
    return options


def main() -> int:
    options = arguments()
    if options.show:
        result = json.loads(options.show.read_text())
        show(result)
        save(result, options.out)
        return 0
    scenarios = cells.chosen(options.cells)
    for program in ("understudy", "loadgen", "benchsink"):
        if not (options.build / program).exists():
            print(f"bench: {options.build / program} is missing; `./dev bench` builds it", file=sys.stderr)
            return 1
    if options.earlier and not options.earlier.is_file():
        print(f"bench: --earlier: there is no {options.earlier}; give the program of another build", file=sys.stderr)
        return 1
    packages.ensure(want_strace=not options.no_strace)
    if options.profile:
        return write_profile(options)
    others = gateways.available() if options.gateways else []
    others += [EARLIER] if options.earlier else []
    count = options.rounds or (2 if options.quick else 7)
    with bench(options.build, QUICK if options.quick else FULL, options.earlier) as site:
        result = run(site, scenarios, count, others, strace=not options.no_strace)
    # Where things lie on one machine is nobody else's affair.
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    result["settings"]["command"] = " ".join(["bench/run", *words])
    show(result)
    save(result, options.out)
    ours = f": {result['labels']['understudy']}: "  # what others fail at is told, and is not ours to mend
    return 1 if any(ours in problem for problem in result["problems"]) else 0


def write_profile(options) -> int:
    with bench(options.build, FULL) as site:
        progress = Progress(len(profile.loads(site)))
        about = machine.describe(machine.versions(site.site.understudy))
        found = profile.take(site, progress.step)
    progress.clear()
    profile.show(found)
    options.out.mkdir(parents=True, exist_ok=True)
    page = options.out / f"{datetime.date.today().isoformat()}-profile.md"
    page.write_text(f"`bench/run --profile`: {about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, "
                    f"{about['versions']['understudy']}.\n\n{profile.markdown(found)}")
    print(f"\nwritten: {page.name} in {options.out}")
    return 0


def run(site: Bench, scenarios, count: int, others, strace: bool) -> dict:
    started = datetime.datetime.now(datetime.timezone.utc)
    about = machine.describe(machine.versions(site.site.understudy, site.site.earlier) | gateways.versions(others))
    progress = Progress(sum(rounds.rounds_of(s, count) * len(rounds.targets_of(s, others))
                            for s in scenarios))
    measured = [rounds.run(site, scenario, count, others, progress) for scenario in scenarios]
    progress.clear()
    labels = {t.name: t.label for t in [DIRECT, *PROXIES, *others]}
    return {
        "started": started.isoformat(timespec="seconds"),
        "machine": about,
        "settings": settings(site, count),
        "labels": labels,
        "cells": report.evaluate_all(measured),
        "sink": report.sink_share(measured),
        "unsaturated": report.unsaturated(measured),
        "system_calls": syscalls.measure(site) if strace else {},
        "problems": sorted({f"{m.scenario.name}: {text}" for m in measured for text in m.problems}),
        "rounds": {m.scenario.name: {"what": m.scenario.what, "figures": m.rounds} for m in measured},
    }


def settings(site: Bench, count: int) -> dict:
    return {
        "rounds": count,
        "seconds": vars(site.durations),
        "cores": site.placement.describe(),
        "plain_connections": measure.PLAIN_CONNECTIONS,
        "streams": measure.STREAMS,
        "events_per_stream": measure.EVENTS_PER_STREAM,
        "streams_many": configs.STREAMS_MANY,
        "event_interval_us": measure.EVENT_INTERVAL_US,
        "streams_for_gateways": measure.STREAMS_FOR_GATEWAYS,
    }


def show(result: dict) -> None:
    about, labels = result["machine"], result["labels"]
    print(f"\n{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, Linux {about['kernel']}, "
          f"{about['system']}{', virtual' if about['virtual'] else ''}")
    print("; ".join(f"{name}: {version}" for name, version in about["versions"].items()))
    print("cores: " + "; ".join(f"{part}: {where}" for part, where in result["settings"]["cores"].items()))
    print(f"medians of {result['settings']['rounds']} interleaved rounds{report.more_rounds(result)}; "
          "`judged` is the ratio to the better of nginx and HAProxy, where a cell has both (x; of the ratios "
          "of all rounds the median), or our own figure\n")
    print(report.table(result["cells"], labels))
    for title, lines in (("simulated upstream", result["sink"]),
                         ("saturation", result["unsaturated"]),
                         ("system calls", syscalls.lines(result["system_calls"], labels)),
                         ("problems", result["problems"])):
        if lines:
            print(f"\n{title}:")
            print("\n".join("  " + line for line in lines))


def save(result: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['started'][:10]}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    page = path.with_suffix(".md")
    page.write_text(report.markdown(result))
    written = [page, *plots.write(result, folder)]
    print(f"\nwritten: {path.name}, {', '.join(name.name for name in written)} in {folder}")
