"""From rounds to cells: medians, ratios with their spread, and whether the target is met."""

from typing import Optional

from .cells import Cell
from .rounds import Measured
from .stats import Spread, hardest, ratios, spread

RIVALS = ("nginx", "haproxy")


def series(measured: Measured, target: str, cell: Cell) -> list[Optional[float]]:
    """The cell's figure of one proxy, round by round; `added` ones less the direct connection's."""
    values = [row.get(cell.metric) if row else None for row in measured.rounds.get(target, [])]
    if cell.kind != "added" or target == "direct":
        return values
    direct = series(measured, "direct", cell)
    return [None if value is None or base is None else value - base
            for value, base in zip(values, direct)]


def evaluate(measured: Measured, cell: Cell) -> dict:
    figures = {name: series(measured, name, cell) for name in measured.rounds}
    if not any(figures.get("direct", [])):  # no proxy, no CPU and no memory to tell of
        figures.pop("direct", None)
    ours = figures.get("understudy", [])
    found = {} if cell.kind == "own" else {
        name: spread(ratios(ours, figures[name])) for name in cell.rivals if name in figures}
    found = {name: ratio for name, ratio in found.items() if ratio}
    judged = spread(ours) if cell.kind == "own" else hardest(found, cell.higher_is_better)
    return {
        "scenario": measured.scenario.name,
        "title": cell.title,
        "unit": cell.unit,
        "kind": cell.kind,
        "higher_is_better": cell.higher_is_better,
        "target": cell.target,
        "figures": {name: as_dict(spread(values)) for name, values in figures.items()},
        "ratios": {name: as_dict(ratio) for name, ratio in found.items()},
        "to_earlier": as_dict(spread(ratios(ours, figures.get("earlier", [])))),
        "judged": as_dict(judged),
        "verdict": verdict(judged, cell),
    }


def as_dict(found: Optional[Spread]) -> Optional[dict]:
    return vars(found) if found else None


def verdict(judged: Optional[Spread], cell: Cell) -> str:
    if judged is None:
        return "not measured"
    if cell.target is None:
        return ""
    met = judged.median >= cell.target if cell.higher_is_better else judged.median <= cell.target
    return "met" if met else "MISSED"


def evaluate_all(all_measured: list[Measured]) -> list[dict]:
    return [evaluate(measured, cell) for measured in all_measured for cell in measured.scenario.cells]


def number(value: Optional[float]) -> str:
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(results: list[dict], labels: dict[str, str]) -> str:
    """The terminal's table: one line per cell."""
    names = [name for name in labels if any(name in row["figures"] for row in results)]
    head = ["cell", "unit", *(labels[name] for name in names),
            *(f"to {labels[name]}" for name in RIVALS), "judged (spread)", "target", "",
            *(["to earlier build (spread)"] if "earlier" in names else [])]
    lines = [head]
    for row in results:
        figures = [row["figures"].get(name) for name in names]
        lines.append([
            row["title"], row["unit"],
            *(number(figure["median"]) if figure else "-" for figure in figures),
            *judgement(row, "earlier" in names)])
    return _aligned(lines)


def judgement(row: dict, with_earlier: bool) -> list[str]:
    """The columns behind the figures: each rival's ratio, the one that counts, target, verdict, and what there was
    to compare with of ourselves."""
    sign = ">=" if row["higher_is_better"] else "<="
    judged, times = row["judged"], "" if row["kind"] == "own" else "x"
    single = [row.get("ratios", {}).get(name) for name in RIVALS]  # not in reports before 2026-11-26
    return [
        *(f"x{number(ratio['median'])}" if ratio else "-" for ratio in single),
        shown(judged, times) if judged else "-",
        f"{sign} {number(row['target'])}" if row["target"] is not None else "",
        row["verdict"],
        *([shown(earlier, "x") if (earlier := row.get("to_earlier")) else "-"] if with_earlier else []),
    ]


def shown(found: dict, times: str) -> str:
    return f"{times}{number(found['median'])} ({number(found['low'])} to {number(found['high'])})"


def markdown(result: dict) -> str:
    """The same table for documents, with the machine above it."""
    about, labels = result["machine"], result["labels"]
    names = [name for name in labels if any(name in row["figures"] for row in result["cells"])]
    lines = [
        f"`{result['settings']['command'].strip()}` on {result['started'][:10]}: {about['cpu']}, "
        f"{about['cores']} cores, Linux {about['kernel']}, {about['system']}; "
        f"nginx {about['versions']['nginx'].removeprefix('nginx/')}, "
        f"HAProxy {about['versions']['haproxy'].split()[0]}; "
        + (f"earlier build {earlier}; " if (earlier := about["versions"].get("earlier build")) else "") + "medians of "
        f"{result['settings']['rounds']} rounds{more_rounds(result)}.", "",
        "| cell | unit | " + " | ".join(labels[name] for name in names) + " | "
        + " | ".join(f"to {labels[name]}" for name in RIVALS) + " | judged (spread) | target | |"
        + (" to earlier build (spread) |" if "earlier" in names else ""),
        "|---|---|" + "---:|" * (len(names) + len(RIVALS)) + "---:|---:|---|"
        + ("---:|" if "earlier" in names else ""),
    ]
    for row in result["cells"]:
        figures = [row["figures"].get(name) for name in names]
        cells = [row["title"], row["unit"],
                 *(number(figure["median"]) if figure else "-" for figure in figures),
                 *judgement(row, "earlier" in names)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def more_rounds(result: dict) -> str:
    """" (streams: 21)": which scenarios had another number of rounds than the rest."""
    usual = result["settings"]["rounds"]
    counts = {name: max(map(len, part["figures"].values())) for name, part in result["rounds"].items()}
    odd = [f"{name}: {count}" for name, count in counts.items() if count != usual]
    return f" ({', '.join(odd)})" if odd else ""


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = []
    for index, line in enumerate(lines):
        cells = [cell.ljust(width) if i in (0, 1) else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
        if index == 0:
            text.append("-" * len(text[0]))
    return "\n".join(text)


def sink_share(all_measured: list[Measured]) -> list[str]:
    """What the simulated upstream costs beside the proxies: it must be much less than any of them."""
    lines = []
    for measured in all_measured:
        rows = [row for name in ("nginx", "haproxy", "understudy")
                for row in measured.rounds.get(name, []) if row and "sink_cpu_us" in row]
        if not rows:
            continue
        sink = spread([row["sink_cpu_us"] for row in rows])
        user = spread([row["sink_user_us"] for row in rows])
        proxy = spread([row["cpu_us"] for row in rows])
        unit = "event" if measured.scenario.name == "streams" else "request"
        lines.append(f"{measured.scenario.name}: {sink.median:.1f} us of CPU per {unit}, of which "
                     f"{user.median:.1f} outside the kernel; the cheapest proxy {proxy.low:.1f} us")
    return lines


def unsaturated(all_measured: list[Measured]) -> list[str]:
    """Where a proxy's core was not full, its throughput is only a lower bound."""
    lines = []
    for measured in all_measured:
        if measured.scenario.name != "plain":
            continue
        for name, rows in measured.rounds.items():
            busy = spread([row["busy"] for row in rows if row and name != "direct"])
            if busy and busy.median < 0.93:
                lines.append(f"plain: {name} used {busy.median:.0%} of its core: the load could not "
                             "fill it, its throughput is a lower bound")
    return lines
