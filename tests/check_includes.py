#!/usr/bin/env python3
"""Proves the structure that the folders promise (docs/internals.md):

  1. Includes and CMake links point one way: cmd -> proxy -> upstreams -> config, everyone may use
     wire and metrics, and those two depend on nothing here, like the ledger, limits and net; net
     (sockets) is for upstreams and who stands above it, never for dialects or config; mock stands
     beside and shares config.
  2. No umbrella headers of Boost: they cost seconds per file.
  3. YAML stays in config (and in the simulated upstream), command-line parsing in cmd, SQLite in
     ledger/sqlite, Asio's internals in net/asio. Of the two makes of what needs them (net/asio,
     net/plain_asio) nobody knows but net and the file that compiles Asio.
  4. What g++ 12 miscompiles stays out: in a full expression with `co_await` there are only names,
     calls and std::move; no braces, no lambda (temporaries would be destroyed twice). And no
     `co_await` in the condition of if, while, for or switch: without a local variable in the
     outermost scope of its function it gets a misplaced frame.

Run it without arguments for the repository, with --self-test to prove that each rule bites.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What each folder may include, besides itself.
ALLOWED = {
    "wire": set(),
    "metrics": set(),
    "config": {"wire", "metrics"},
    "ledger": set(),
    "limits": set(),
    "dialects": {"wire"},
    "net": set(),
    "upstreams": {"net", "dialects", "config", "wire", "metrics"},
    "proxy": {"upstreams", "net", "ledger", "limits", "dialects", "config", "wire", "metrics"},
    # It testifies about what the daemon sends, so it must not read with the daemon's eyes.
    "mock": {"config"},
    "cmd": {"mock", "proxy", "upstreams", "net", "ledger", "limits", "dialects", "config",
            "wire", "metrics"},
    "tests": {"cmd", "mock", "proxy", "upstreams", "net", "ledger", "limits", "dialects", "config",
              "wire", "metrics"},
    "bench": {"proxy", "upstreams", "net", "ledger", "config", "wire", "metrics"},
}

UMBRELLAS = {
    "bits/stdc++.h", "boost/algorithm/string.hpp", "boost/asio.hpp", "boost/asio/ssl.hpp",
    "boost/beast.hpp", "boost/beast/core.hpp", "boost/beast/http.hpp", "boost/beast/ssl.hpp",
    "boost/beast/websocket.hpp", "boost/json.hpp", "boost/url.hpp",
}

# Programs of their own, with include folders of their own.
SEPARATE = {"bench", "tests"}

# Third-party headers and the folders they stay in (tests may use all). The simulated upstream reads
# YAML scripts of its own.
HOMES = {"yaml-cpp/": ("config/", "mock/"), "CLI/": ("cmd/",), "sqlite3.h": ("ledger/sqlite/",),
         "boost/asio/detail/": ("net/asio/",)}
# The same of headers of ours.
MAKES = re.compile(r"net/(asio|plain_asio)/")
KNOW_MAKES = ("net/", "cmake/", "tests/")

# Generated into the build folder.
GENERATED = {"understudy_version.hpp"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
ROOM_CALL = re.compile(r"understudy_room\(\s*(\w+)([^)]*)\)")

# Comments, raw strings, strings and characters, in one pass so that one cannot open inside another.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^\s()\\]{0,16})\(.*?\)(?P=d)"'
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
CONDITION_PROBLEM = "co_await in a condition: g++ 12 may misplace the frame"
BRACES_PROBLEM = " in an expression with co_await: g++ 12 destroys such temporaries twice"
CONDITION = re.compile(r"\b(if|while|for|switch)(\s+constexpr)?\s*$")


def blank_out(code: str) -> str:
    """Comments and literals become spaces; positions and lines stay."""
    def blank(match: re.Match) -> str:
        text = match.group(0)
        # A digit separator (1'000) is no character literal.
        if text[0] == "'" and match.start() and code[match.start() - 1].isalnum():
            return text
        return re.sub(r"[^\n]", " ", text)
    return NOT_CODE.sub(blank, code)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def check_include(file: pathlib.PurePath, header: str, quoted: bool) -> str | None:
    """What is wrong with including `header` in `file` (path from the root), or None."""
    room = file.parts[0]
    if header in UMBRELLAS:
        return f"umbrella header <{header}>: include the headers you use"
    for prefix, homes in HOMES.items():
        if header.startswith(prefix) and not str(file).startswith((*homes, "tests/")):
            return f"<{header}> belongs to {' and '.join(homes)} only"
    if MAKES.match(header) and not str(file).startswith(KNOW_MAKES):
        return f'"{header}": one of two makes; include what chooses between them in net/'
    if header.startswith("."):
        return f'"{header}": write the path from the root of the repository'
    target = header.partition("/")[0] if "/" in header else None
    if target in ALLOWED:
        if target != room and target not in ALLOWED.get(room, set()):
            return f'{room}/ must not include "{header}": includes point one way'
        if not quoted:
            return f'<{header}> is ours: use quotes'
    elif quoted and header not in GENERATED and room not in SEPARATE:
        return f'"{header}": ours is written from the root ("{room}/..."), others in <>'
    return None


def await_violations(code: str) -> list[tuple[int, str]]:
    """Positions of co_await in a condition, or whose full expression holds braces or a lambda."""
    text = blank_out(code)
    conditions = []  # (open, close) of the parentheses of if, while, for, switch
    opened = []
    for position, char in enumerate(text):
        if char == "(":
            opened.append((position, bool(CONDITION.search(text, max(0, position - 40), position))))
        elif char == ")" and opened:
            start, is_condition = opened.pop()
            if is_condition:
                conditions.append((start, position))
    found = []
    for match in re.finditer(r"\bco_await\b", text):
        start = match.end()
        end = text.find(";", start)
        end = len(text) if end < 0 else end
        # A lambda inside a condition has statements of its own; `for (auto x : co_await ...)` has none.
        if any(opening < start <= closing and "{" not in text[opening:start]
               for opening, closing in conditions):
            found.append((start, CONDITION_PROBLEM))
            continue
        rest = text[start:end]
        if "{" in rest:
            found.append((start, "braces" + BRACES_PROBLEM))
        elif re.search(r"(?<![\w)\]\s])\s*\[[^\]&]", rest):
            found.append((start, "a lambda with captures" + BRACES_PROBLEM))
    return found


def check_source(file: pathlib.PurePath, code: str) -> list[str]:
    problems = []
    comments_gone = re.sub(r"//[^\n]*", "", code)
    for match in INCLUDE.finditer(comments_gone):
        problem = check_include(file, match.group(2), match.group(1) == '"')
        if problem:
            problems.append(f"{file}:{line_of(comments_gone, match.start(2))}: {problem}")
    for position, what in await_violations(code):
        problems.append(f"{file}:{line_of(code, position)}: {what}; "
                        "name it on the line above")
    return problems


def check_cmake(file: pathlib.PurePath, text: str) -> list[str]:
    problems = []
    for match in ROOM_CALL.finditer(re.sub(r"#[^\n]*", "", text)):
        room = match.group(1)
        for target in re.findall(r"understudy_(\w+)", match.group(2)):
            if target not in ALLOWED.get(room, set()):
                problems.append(f"{file}: {room} must not link {target}")
    return problems


def check_repository() -> list[str]:
    problems, sources = [], 0
    for room in ALLOWED:
        for path in sorted((ROOT / room).rglob("*")):
            relative = path.relative_to(ROOT)
            if {"build", "node_modules", ".venv"} & set(relative.parts):
                continue
            if path.suffix in (".cpp", ".hpp"):
                sources += 1
                problems += check_source(relative, path.read_text(encoding="utf-8"))
            elif path.name == "CMakeLists.txt":
                problems += check_cmake(relative, path.read_text(encoding="utf-8"))
    if sources == 0:
        problems.append(f"no sources below {ROOT}: wrong folder?")
    else:
        print(f"{sources} files looked at, {len(problems)} problems")
    return problems


# (file, code, problems expected)
SAMPLES = [
    ("wire/a.cpp", '#include "wire/sse.hpp"\n#include <vector>\n', 0),
    ("wire/a.cpp", '#include "config/config.hpp"\n', 1),
    ("metrics/a.hpp", '#include "wire/sse.hpp"\n', 1),
    ("config/a.cpp", '#include "upstreams/pool.hpp"\n', 1),
    ("upstreams/a.cpp", '#include "proxy/server.hpp"\n', 1),
    ("upstreams/a.cpp", '#include "config/config.hpp"\n#include "metrics/price.hpp"\n', 0),
    ("upstreams/a.cpp", '#include "net/stream.hpp"\n', 0),
    ("net/a.cpp", '#include "upstreams/peer.hpp"\n', 1),
    ("net/a.cpp", '#include "config/config.hpp"\n', 1),
    ("dialects/a.cpp", '#include "net/bytes.hpp"\n', 1),
    ("config/a.cpp", '#include "net/tls.hpp"\n', 1),
    ("net/asio/a.cpp", "#include <boost/asio/detail/epoll_reactor.hpp>\n", 0),
    ("net/plain_asio/a.cpp", "#include <boost/asio/detail/epoll_reactor.hpp>\n", 1),
    ("net/a.cpp", "#include <boost/asio/detail/reactor_op.hpp>\n", 1),
    ("upstreams/a.cpp", "#include <boost/asio/detail/reactor_op.hpp>\n", 1),
    ("net/read_op.hpp", '#include "net/asio/read_op.hpp"\n', 0),
    ("proxy/a.cpp", '#include "net/asio/turn_order.hpp"\n', 1),
    ("upstreams/a.cpp", '#include "net/plain_asio/read_op.hpp"\n', 1),
    ("proxy/a.cpp", '#include "cmd/commands.hpp"\n', 1),
    ("proxy/a.cpp", '#include "../config/config.hpp"\n', 1),
    ("proxy/a.cpp", '#include <config/config.hpp>\n', 1),
    ("proxy/a.cpp", '#include "server.hpp"\n', 1),
    ("mock/a.cpp", '#include "config/config.hpp"\n#include <yaml-cpp/yaml.h>\n', 0),
    ("mock/a.cpp", '#include "wire/sse.hpp"\n', 1),
    ("proxy/a.cpp", '#include "mock/server.hpp"\n', 1),
    ("bench/load/a.cpp", '#include "common/histogram.hpp"\n', 0),
    ("bench/load/a.cpp", '#include "cmd/commands.hpp"\n', 1),
    ("proxy/a.cpp", "#include <boost/asio.hpp>\n", 1),
    ("proxy/a.cpp", "#include <yaml-cpp/yaml.h>\n", 1),
    ("config/a.cpp", "#include <yaml-cpp/yaml.h>\n", 0),
    ("proxy/a.cpp", '// #include "cmd/commands.hpp"\n', 0),
    ("proxy/a.cpp", "auto [ec, n] = co_await read(buffer, token);\nFoo f{1};\n", 0),
    ("proxy/a.cpp", "if (auto r = co_await f(x)) {\n  g({1});\n}\n", 1),
    ("proxy/a.cpp", "while (co_await f()) return Foo{};\n", 1),
    ("proxy/a.cpp", "co_await f(list[i], g(1'000));\n", 0),
    ("proxy/a.cpp", "co_await f(\"{\"); // {\nint a[2] = {1, 2};\n", 0),
    ("proxy/a.cpp", "co_await f(\n    Options{.a = 1});\n", 1),
    ("proxy/a.cpp", "co_await f({a, b});\n", 1),
    ("proxy/a.cpp", "co_spawn(co_await executor, [c = 1] { return c; }, detached);\n", 1),
    ("proxy/a.cpp", "return (co_await f(x)) == 1 ? T{} : T{};\n", 1),
    ("proxy/a.cpp", "if ((co_await f(T{})) == 1) return;\n", 1),
    ("cmd/a.cpp", "if (!co_await f()) co_return;\n", 1),
    ("cmd/a.cpp", "if (a &&\n    (b || co_await f(c))) co_return;\n", 1),
    ("upstreams/a.cpp", "switch (co_await f()) {\n}\n", 1),
    ("upstreams/a.cpp", "for (auto& x : co_await f()) g(x);\n", 1),
    ("upstreams/a.cpp", "for (int i = 0; i < co_await f(); ++i) g(i);\n", 1),
    ("proxy/a.cpp", "while (!done) co_await f();\nif (a) b = co_await f();\n", 0),
    ("proxy/a.cpp", "do {\n  co_await f();\n} while (!done);\n", 0),
    ("proxy/a.cpp", "if (spawn([]() -> Task { co_await f(); })) return;\n", 0),
]
CMAKE_SAMPLES = [
    ("wire", "understudy_room(wire DEPENDS third_party ZLIB::ZLIB)", 0),
    ("wire", "understudy_room(wire DEPENDS understudy_config)", 1),
    ("proxy", "understudy_room(proxy DEPENDS understudy_upstreams)", 0),
    ("net", "understudy_room(net WITHOUT plain_asio DEPENDS understudy_config)", 1),
    ("config", "understudy_room(config DEPENDS understudy_wire\n  understudy_proxy)", 1),
]


def self_test() -> list[str]:
    failed = []
    for name, code, expected in SAMPLES:
        found = check_source(pathlib.PurePath(name), code)
        if len(found) != expected:
            failed.append(f"{name}: {code!r}: expected {expected}, found {found}")
    for room, text, expected in CMAKE_SAMPLES:
        found = check_cmake(pathlib.PurePath(room, "CMakeLists.txt"), text)
        if len(found) != expected:
            failed.append(f"{room}: {text!r}: expected {expected}, found {found}")
    print(f"{len(SAMPLES) + len(CMAKE_SAMPLES) - len(failed)} passed, {len(failed)} failed")
    return failed


if __name__ == "__main__":
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and sys.argv[1] != "--self-test"):
        sys.exit(__doc__)
    result = self_test() if len(sys.argv) == 2 else check_repository()
    for line in result:
        print(line, file=sys.stderr)
    sys.exit(1 if result else 0)
