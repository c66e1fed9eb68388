"""The report as pictures: plain SVG, readable on light and dark pages, no library needed."""

from pathlib import Path
from xml.sax.saxutils import escape

COLOURS = {"direct": "#9aa0a6", "nginx": "#2e9e5b", "haproxy": "#3b74c9", "understudy": "#d9480f", "earlier": "#f0a882",
           "portkey": "#8f6bb8", "litellm": "#b89a2b"}
FONT = "font-family='system-ui,sans-serif'"


def write(result: dict, folder: Path) -> list[Path]:
    cells = [cell for cell in result["cells"] if cell["judged"]]
    judged = [cell for cell in cells if cell["kind"] != "own" and cell["target"]]
    costs = [cell for cell in cells if cell["unit"] == "us" and cell["title"].startswith("CPU per")]
    times = [cell for cell in cells if cell["title"].startswith("added ")]
    pictures = {
        "ratios.svg": ratios(judged, result),
        "cpu.svg": bars(costs, result, "CPU time (microseconds; less is better)"),
        "latency.svg": bars(times, result, "Time added to a direct connection (microseconds; less is better)"),
    }
    written = []
    for name, picture in pictures.items():
        if picture:
            (folder / name).write_text(picture)
            written.append(folder / name)
    return written


def caption(result: dict) -> str:
    about = result["machine"]
    return f"{about['cpu']}, Linux {about['kernel']}, {result['started'][:10]}, one worker each"


def frame(width: int, height: int, title: str, under: str, body: list[str]) -> str:
    return "\n".join([
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' {FONT} font-size='13'>",
        f"<rect width='{width}' height='{height}' rx='6' fill='#ffffff'/>",
        text(16, 28, title, size=16, weight="bold"),
        text(16, height - 12, under, size=11, colour="#666666"),
        *body, "</svg>", ""])


def text(x: float, y: float, words: str, size=13, colour="#222222", anchor="start", weight="normal") -> str:
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' "
            f"text-anchor='{anchor}' font-weight='{weight}'>{escape(words)}</text>")


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width=1.0, dash="") -> str:
    dashed = f" stroke-dasharray='{dash}'" if dash else ""
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' "
            f"stroke-width='{width}'{dashed}/>")


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0.5):.1f}' height='{height:.1f}' rx='2' "
            f"fill='{colour}'/>")


def short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratios(cells: list[dict], result: dict) -> str:
    """Every judged cell as a bar up to its ratio, with the spread of the rounds and the target."""
    if not cells:
        return ""
    left, scale_width, row = 290, 420, 30
    top, height = 50, 50 + 30 * len(cells) + 44
    limit = max(1.5, *(min(cell["judged"]["high"], 3.0) for cell in cells))
    body = []
    for index, cell in enumerate(cells):
        y, judged = top + index * row, cell["judged"]
        at = lambda value: left + min(value, limit) / limit * scale_width  # noqa: E731
        colour = COLOURS["understudy"] if cell["verdict"] == "met" else "#8a8a8a"
        better = " (more is better)" if cell["higher_is_better"] else ""
        body += [
            text(left - 10, y + 15, cell["title"] + better, anchor="end", size=12),
            box(left, y + 3, at(judged["median"]) - left, 16, colour),
            line(at(judged["low"]), y + 11, at(judged["high"]), y + 11, "#222222", 1.5),
            line(at(cell["target"]), y, at(cell["target"]), y + 22, "#222222", 1.5, "3 2"),
            text(left + scale_width + 12, y + 15, f"{judged['median']:.2f}  {cell['verdict']}", size=12),
        ]
    under = "dashed: target; thin line: spread of the rounds; " + caption(result)
    return frame(left + scale_width + 120, height,
                 "Understudy to the better of nginx and HAProxy", under, body)


def bars(cells: list[dict], result: dict, title: str) -> str:
    """Each cell as a group of bars, one per proxy, every group in its own scale."""
    if not cells:
        return ""
    left, scale_width, bar, body, y = 290, 420, 17, [], 50
    for cell in cells:
        shown = {name: figure["median"] for name, figure in cell["figures"].items()
                 if figure and name != "direct"}
        most = max(max(shown.values()), 1e-9)
        body.append(text(left - 10, y + 13 + (len(shown) - 1) * bar / 2, cell["title"], anchor="end", size=12))
        for name, value in shown.items():
            width = max(value, 0) / most * scale_width
            label = f"{short(value)}  {result['labels'][name]}"
            body += [box(left, y + 2, width, bar - 4, COLOURS[name]),
                     text(left + width + 6, y + 13, label, size=11)]
            y += bar
        y += 12
    return frame(left + scale_width + 150, y + 30, title, caption(result), body)
