#!/usr/bin/env python3
"""Which test proves which row of README.md's second list: read from the tests' `row` marks, written into
README.md (`rows.py --write`). A row without a test must say why here."""

from __future__ import annotations

import ast
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
README = HERE / "README.md"
BEGIN, END = "<!-- rows: begin -->\n", "<!-- rows: end -->\n"

ROWS = {
    1: "connection refused", 2: "SYN black hole", 3: "network unreachable",
    4: "DNS says no", 5: "DNS hangs", 6: "first address dead, second works",
    7: "DNS answer changes", 8: "TLS handshake stalls", 9: "certificate does not verify",
    10: "TLS close without close_notify", 11: "accept, then RST or EOF",
    12: "stale pooled connection", 13: "RST while the body is sent",
    14: "answer before the body was read", 15: "upstream stops reading",
    16: "100-continue from the upstream or not", 17: "no answer", 18: "head dripped",
    19: "RST or EOF in the head", 20: "garbage instead of HTTP", 21: "header bomb",
    22: "ambiguous response framing", 23: "NUL, bare CR or LF, folding in a header",
    24: "1xx, many, 101", 25: "body bytes where none may be", 26: "surplus bytes on keep-alive",
    27: "429 with Retry-After", 28: "5xx moves on, 4xx is relayed", 29: "all upstreams fail",
    30: "3xx", 31: "200 with an error body", 32: "gzip unasked", 33: "EOF or RST in the body",
    34: "broken chunks", 35: "SSE stall", 36: "first event never comes",
    37: "[DONE] or usage missing, error event, two usages", 38: "events split anywhere, odd events",
    39: "slow but alive", 40: "upstream much faster than the client",
    41: "client disconnects", 42: "client half-closes", 43: "slow head, body, reader",
    44: "request header bomb", 45: "body over the limit", 46: "ambiguous request framing",
    47: "pipelining", 48: "Expect", 49: "Upgrade, CONNECT, TRACE, h2, PROXY",
    50: "targets and hosts of an attacker", 51: "hop-by-hop headers", 52: "credentials",
    53: "hostile JSON", 54: "idle connections by the thousand",
    57: "ledger on a full disk", 58: "kill -9 during a ledger write", 59: "SIGTERM during streams",
    60: "reload under load", 61: "clock jumps", 62: "SIGSTOP of the upstream, of the daemon",
    63: "thundering retries", 64: "flapping and lying health checks",
}
# Parts of rows that these tests do not prove, and why.
OPEN = {
    6: "IPv6 itself: test machines often have none; two IPv4 addresses of one name stand in",
    54: "400 connections instead of 10,000, for machines with small descriptor limits",
}
LATER = {
    55: "descriptor exhaustion", 56: "memory exhaustion",
}


def marked_tests() -> dict[int, list[str]]:
    """Row -> tests, as path::name relative to tests/, in file order."""
    found: dict[int, list[str]] = {row: [] for row in ROWS}
    for path in sorted([*TESTS.glob("integration/test_*.py"), *TESTS.glob("faults/test_*.py")]):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in _rows_of(node):
                    found[row].append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def _rows_of(function: ast.FunctionDef) -> list[int]:
    rows = []
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
            rows += [ast.literal_eval(argument) for argument in mark.args]
    return rows


def table() -> str:
    lines = ["| row | fault | tests |", "|---|---|---|"]
    for row, tests in marked_tests().items():
        files: dict[str, list[str]] = {}
        for test in tests:
            path, _, name = test.partition("::")
            files.setdefault(path, []).append(name.removeprefix("test_").replace("_", " "))
        cells = [f"[{path.split('/')[-1]}](../{path}): " + "; ".join(names)
                 for path, names in files.items()]
        if row in OPEN:
            cells.append(f"*not here:* {OPEN[row]}")
        lines.append(f"| {row} | {ROWS[row]} | {'<br>'.join(cells)} |")
    return "\n".join(lines) + "\n"


def current() -> str:
    match = re.search(re.escape(BEGIN) + "(.*)" + re.escape(END), README.read_text(), re.S)
    return match.group(1) if match else ""


def write():
    text = README.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    README.write_text(text[:start] + table() + text[end:])


if __name__ == "__main__":
    write() if "--write" in sys.argv else print(table())
