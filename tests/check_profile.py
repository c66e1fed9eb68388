#!/usr/bin/env python3
"""Whether the profile that releases are compiled with (cmake/profile) knows the sources by name.

A source that was renamed or added since the last `./dev train` is compiled as without a profile. A few of
those do no harm; more of them, and requests take more time than they have to, which no other test sees. How
much of what it says of each source still fits is not looked at: the guard's counts of instructions rise with that.
"""

import io
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The rooms that requests run through.
ROOMS = ("wire", "metrics", "net", "upstreams", "proxy", "dialects", "limits", "ledger")
MOST_UNKNOWN = 0.05


def known_sources(archive) -> set[str]:
    """Of an open archive: proxy#CMakeFiles#understudy_proxy.dir#rescue#seam.cpp.gcda is proxy/rescue/seam.cpp."""
    found = set()
    with tarfile.open(fileobj=archive) as files:
        for entry in files.getmembers():
            room, _, _, *path = entry.name.removesuffix(".gcda").split("#")
            if entry.size > 0:
                found.add("/".join((room, *path)))
    return found


def sources(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for room in ROOMS for path in (root / room).rglob("*.cpp")
            if "plain_asio" not in path.parts}


def unknown(known: set[str], there: set[str]) -> list[str]:
    return sorted(there - known)


def self_test() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as files:
        for name, size in (("proxy#CMakeFiles#understudy_proxy.dir#rescue#seam.cpp.gcda", 1), ("a#b#c#d.cpp.gcda", 0)):
            entry = tarfile.TarInfo(name)
            entry.size = size
            files.addfile(entry, io.BytesIO(b"x" * size))
    packed.seek(0)
    assert known_sources(packed) == {"proxy/rescue/seam.cpp"}
    assert unknown({"a/b.cpp"}, {"a/b.cpp", "a/c.cpp"}) == ["a/c.cpp"]
    assert len(sources(ROOT)) > 200


def main() -> int:
    self_test()
    archives = sorted((ROOT / "cmake" / "profile").glob("*.tar.xz"))
    if not archives:
        print("there is no profile in cmake/profile: ./dev train makes it")
        return 1
    there = sources(ROOT)
    bad = 0
    for archive in archives:
        with archive.open("rb") as opened:
            missing = unknown(known_sources(opened), there)
        print(f"{archive.name}: knows {len(there) - len(missing)} of {len(there)} sources")
        if len(missing) > MOST_UNKNOWN * len(there):
            print(f"too many are new to it: {', '.join(missing)}; count anew with ./dev train")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
