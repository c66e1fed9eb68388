#!/usr/bin/env python3
"""Prometheus' own parsers read both formats of the scrape page: `promtool check metrics` the text
format, and the importer of `promtool tsdb` OpenMetrics (check metrics knows the text format only).

    test_scrape_page.py path/to/metrics_page
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PAGE = ""  # set from the command line
WITHOUT_TOOL = 77  # ctest shows the test as skipped


def page(*arguments: str) -> str:
    # Bytes, not text mode: a carriage return in a label value is not a line end here.
    return subprocess.run([PAGE, *arguments], check=True, capture_output=True).stdout.decode()


def promtool(*arguments: str, text: str = "") -> None:
    result = subprocess.run(["promtool", *arguments], input=text.encode(), capture_output=True)
    # Lint findings are printed even where the exit code is 0.
    output = (result.stdout + result.stderr).decode()
    if result.returncode != 0 or "lint" in output:
        raise AssertionError(f"promtool {' '.join(arguments)}: {output}")


def import_openmetrics(text: str) -> int:
    """Has Prometheus' OpenMetrics parser read the page; the number of series it understood."""
    with tempfile.TemporaryDirectory() as folder:
        # The importer wants a time with every sample, which a scrape leaves to Prometheus.
        lines = [line if line.startswith("#") or not line else line + " 1700000000"
                 for line in text.split("\n")]
        source = pathlib.Path(folder, "page.txt")
        source.write_bytes("\n".join(lines).encode())
        promtool("tsdb", "create-blocks-from", "openmetrics", str(source), folder + "/blocks")
        listed = subprocess.run(["promtool", "tsdb", "list", folder + "/blocks"], check=True,
                                capture_output=True, text=True).stdout.splitlines()
        columns = re.split(r"\s{2,}", listed[0].strip())
        return int(re.split(r"\s{2,}", listed[1].strip())[columns.index("NUM SERIES")])


def samples(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


class ScrapePage(unittest.TestCase):
    def test_the_text_format_passes_the_linter(self):
        promtool("check", "metrics", text=page("prometheus"))

    def test_hostile_names_pass_the_linter(self):
        promtool("check", "metrics", text=page("prometheus", "hostile"))

    def test_openmetrics_is_read_sample_by_sample(self):
        text = page("openmetrics")
        self.assertEqual(import_openmetrics(text), len(samples(text)))

    def test_hostile_names_are_read_in_openmetrics(self):
        text = page("openmetrics", "hostile")
        self.assertEqual(import_openmetrics(text), len(samples(text)))

    def test_both_formats_hold_the_same_series(self):
        def names(format_name):
            kept = (line.rpartition(" ")[0] for line in samples(page(format_name)))
            return sorted(kept)
        self.assertEqual(names("prometheus"), names("openmetrics"))

    def test_openmetrics_keeps_its_own_rules(self):
        text = page("openmetrics")
        self.assertTrue(text.endswith("\n# EOF\n"))
        self.assertEqual(text.count("# EOF"), 1)
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        for name, unit in re.findall(r"^# UNIT (\S+) (\S+)$", text, re.MULTILINE):
            self.assertTrue(name.endswith("_" + unit), f"{name} does not end in its unit {unit}")
        for line in samples(text):
            name = re.match(r"\w+", line).group(0)
            for kind, suffixes in (("counter", ["_total"]), ("info", ["_info"]), ("gauge", [""]),
                                   ("histogram", ["_bucket", "_sum", "_count"])):
                if any(types.get(name.removesuffix(s)) == kind and name.endswith(s)
                       for s in suffixes):
                    break
            else:
                self.fail(f"{name} does not fit any family")


if __name__ == "__main__":
    PAGE = sys.argv.pop(1)
    if shutil.which("promtool") is None:
        print("skipped: there is no promtool here (Debian package prometheus)")
        sys.exit(WITHOUT_TOOL)
    unittest.main()
