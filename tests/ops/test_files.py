#!/usr/bin/env python3
"""The files operators copy are whole: they parse, fit each other, and name only metrics that exist.

    test_files.py [path/to/understudy]     with the program, its configurations are loaded too
"""

import decimal
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
WITHOUT_TOOL = 77  # ctest shows the test as skipped
PROGRAM = ""

try:
    import yaml
except ImportError:
    print("skipped: needs the Debian package python3-yaml")
    sys.exit(WITHOUT_TOOL)

_METRIC = re.compile(r"\b(?:understudy|gen_ai|process)_[a-z_]+\b")
# Words of that form that are no metrics: labels.
_NO_METRIC = re.compile(r"gen_ai_(operation_name|provider_name|system|request_model|token_type)")


def families() -> dict[str, str]:
    """Name -> type, from the one table in the source."""
    source = (ROOT / "metrics/families.hpp").read_text()
    found = re.findall(r'Family k\w+\{\s*"(\w+)",\s*(\w+),', source)
    assert len(found) > 20, "families.hpp is no longer what this test reads"
    return dict(found)


def samples() -> set[str]:
    """Every name a query may use."""
    names = set()
    for name, kind in families().items():
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names.update(name + suffix for suffix in suffixes)
    return names


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((DOCKER / name).read_text()))


def document(name: str) -> dict:
    [only] = documents(name)
    return only


def dashboards() -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((DOCKER / "grafana/dashboards").glob("*.json"))]


def targets(board: dict) -> list[dict]:
    return [target for panel in board["panels"] for target in panel.get("targets", [])]


def queries_of(board: dict) -> list[str]:
    return [target["expr"] for target in targets(board) if "expr" in target] + [
        note["expr"] for note in board["annotations"]["list"]]


def dashboard_queries() -> list[str]:
    return [query for board in dashboards() for query in queries_of(board)]


def rule_queries() -> list[str]:
    return [rule["expr"] for group in document("prometheus-rules.yml")["groups"]
            for rule in group["rules"]]


def documented_queries() -> list[str]:
    text = (ROOT / "docs/metrics.md").read_text()
    blocks = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    return [query for block in blocks for query in block.strip().split("\n\n")]


def names_in(text: str) -> set[str]:
    return {name for name in _METRIC.findall(text) if not _NO_METRIC.fullmatch(name)}


class Metrics(unittest.TestCase):
    def test_queries_name_only_metrics_that_exist(self):
        for query in dashboard_queries() + rule_queries() + documented_queries():
            # What stands in quotes or after a label's comma is a value or a label.
            bare = re.sub(r'"[^"]*"', '""', query)
            self.assertLessEqual(names_in(bare), samples(), query)

    def test_the_documentation_has_every_metric_and_no_other(self):
        text = (ROOT / "docs/metrics.md").read_text()
        rows = "\n".join(line.split("|")[1] for line in text.split("\n") if line.startswith("| `"))
        self.assertEqual(names_in(rows), set(families()))

    def test_the_documentation_has_every_alert(self):
        text = (ROOT / "docs/metrics.md").read_text()
        rules = {rule["alert"] for group in document("prometheus-rules.yml")["groups"]
                 for rule in group["rules"]}
        self.assertEqual(set(re.findall(r"^\| `(Understudy\w+)`", text, re.MULTILINE)), rules)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool (Debian package prometheus)")
    def test_prometheus_understands_every_query(self):
        rules = []
        for number, query in enumerate(dashboard_queries() + documented_queries()):
            query = query.replace("$__rate_interval", "5m").replace("$__range", "1h")
            rules.append({"record": f"query:{number}", "expr": query})
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}, file)
            file.flush()
            self.promtool("check", "rules", file.name)

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool (Debian package prometheus)")
    def test_prometheus_takes_its_configuration(self):
        self.promtool("check", "config", str(DOCKER / "prometheus.yml"))

    def promtool(self, *arguments: str):
        result = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


class Dashboard(unittest.TestCase):
    def test_panels_do_not_overlap_and_have_their_own_ids(self):
        for board in dashboards():
            taken, ids = set(), set()
            for panel in board["panels"]:
                box = panel["gridPos"]
                self.assertLessEqual(box["x"] + box["w"], 24, panel["title"])
                self.assertNotIn(panel["id"], ids)
                ids.add(panel["id"])
                for x in range(box["x"], box["x"] + box["w"]):
                    for y in range(box["y"], box["y"] + box["h"]):
                        self.assertNotIn((x, y), taken, panel["title"])
                        taken.add((x, y))

    def test_every_query_uses_the_chosen_data_source(self):
        for board in dashboards():
            for target in targets(board):
                chosen = "${datasource}" if "expr" in target else "${ledger}"
                self.assertEqual(target["datasource"]["uid"], chosen, board["title"])

    def test_every_variable_that_is_used_is_defined(self):
        for board in dashboards():
            defined = {v["name"] for v in board["templating"]["list"]}
            texts = queries_of(board) + [target.get("url", "") for target in targets(board)]
            used = set(re.findall(r"\$\{?(\w+)", " ".join(texts)))
            self.assertLessEqual(used - {"__rate_interval", "__range", "__from", "__to"}, defined)

    def test_questions_to_the_ledger_are_ones_that_it_answers(self):
        source = (ROOT / "ledger/reader.hpp").read_text()
        known = set(re.search(r"enum class By : [^{]*\{([^}]*)\}", source)[1].replace(" ", "").split(","))
        header = re.search(r'",(requests,[^;]*)\\r\\n"', (ROOT / "proxy/ledger_json.cpp").read_text())[1]
        columns = set(re.sub(r'"\s*"', "", header).split(","))
        asked = [target for board in dashboards() for target in targets(board) if "url" in target]
        self.assertGreater(len(asked), 3)
        for target in asked:
            by = re.search(r"^\$\{address\}/api/usage\?format=csv&by=(\w+)&", target["url"])[1]
            self.assertIn(by, known)
            self.assertLessEqual({c["selector"] for c in target["columns"]} - {by}, columns)


class Compose(unittest.TestCase):
    def setUp(self):
        self.services = document("compose.yaml")["services"]

    def test_every_mounted_file_exists(self):
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((DOCKER / source).exists(), f"{name}: {source}")

    def test_ports_are_published_on_loopback_only(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")

    def test_prometheus_scrapes_the_port_that_serves_metrics(self):
        [job] = document("prometheus.yml")["scrape_configs"]
        [target] = job["static_configs"][0]["targets"]
        host, port = target.split(":")
        self.assertIn(host, self.services)
        self.assertTrue(document("understudy.container.yaml")["admin"].endswith(":" + port))

    def test_every_variable_of_the_configuration_is_passed_in(self):
        text = (DOCKER / "understudy.container.yaml").read_text()
        wanted = set(re.findall(r"\$\{(\w+)\}", text))
        self.assertEqual(wanted, set(self.services["understudy"]["environment"]))

    def test_grafana_finds_its_data_source_and_dashboards(self):
        source = document("grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
        self.assertIn(source["url"].split("//")[1].split(":")[0], self.services)
        ledger = document("grafana/provisioning/datasources/ledger.yml")["datasources"][0]
        [host] = ledger["jsonData"]["allowedHosts"]
        self.assertIn(host.split("//")[1].split(":")[0], self.services)
        self.assertTrue(document("understudy.container.yaml")["admin"].endswith(host.rsplit(":", 1)[1]))
        self.assertIn(ledger["type"], self.services["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"])
        path = document("grafana/provisioning/dashboards/understudy.yml")["providers"][0]
        mounts = {v.split(":")[1] for v in self.services["grafana"]["volumes"]}
        self.assertIn(path["options"]["path"], mounts)


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.objects = {d["kind"]: d for d in documents("kubernetes.yaml")}
        self.template = self.objects["Deployment"]["spec"]["template"]
        [self.sidecar] = self.template["spec"]["initContainers"]
        self.config = yaml.safe_load(self.objects["ConfigMap"]["data"]["understudy.yaml"])

    def test_probes_and_scrapes_go_to_a_port_beyond_loopback(self):
        port = self.sidecar["ports"][0]
        self.assertEqual(self.config["admin"], f"0.0.0.0:{port['containerPort']}")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertEqual(self.sidecar[probe]["httpGet"]["port"], port["name"])
        annotations = self.template["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/port"], str(port["containerPort"]))

    def test_prompts_stay_on_loopback(self):
        self.assertTrue(self.config["listen"].startswith("127.0.0.1:"))

    def test_every_key_file_is_in_the_secret(self):
        text = self.objects["ConfigMap"]["data"]["understudy.yaml"]
        keys = set(re.findall(r"\$\{file:/run/secrets/understudy/(\w+)\}", text))
        self.assertEqual(keys, set(self.objects["Secret"]["stringData"]))

    def test_the_sidecar_may_do_nothing_it_need_not(self):
        context = self.sidecar["securityContext"]
        self.assertNotEqual(context["runAsUser"], 0)
        self.assertTrue(context["readOnlyRootFilesystem"])
        self.assertFalse(context["allowPrivilegeEscalation"])
        self.assertEqual(context["capabilities"], {"drop": ["ALL"]})

    def test_the_pod_has_time_to_drain(self):
        [app] = self.template["spec"]["containers"]
        wait = app["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain = int(self.config["drain"].removesuffix("s"))
        self.assertGreater(self.template["spec"]["terminationGracePeriodSeconds"], wait + drain)


class Image(unittest.TestCase):
    def setUp(self):
        self.text = (DOCKER / "Dockerfile").read_text()

    def test_only_the_program_goes_into_the_image_and_not_as_root(self):
        last = self.text[self.text.rindex("\nFROM "):]
        self.assertIn("FROM scratch\n", last)
        self.assertRegex(last, r"\nUSER [1-9]\d*:[1-9]\d*\n")
        self.assertIn('HEALTHCHECK', last)
        self.assertIn('"/usr/bin/understudy", "health"', last)

    def test_the_ledger_has_a_place_that_the_user_may_write_to(self):
        user = re.search(r"\nUSER (\S+)\n", self.text)[1]
        place = re.search(r"\nENV STATE_DIRECTORY=(\S+)\n", self.text)[1]
        self.assertIn(f"\nVOLUME {place}\n", self.text)
        self.assertRegex(self.text, rf"\nCOPY --from=build --chown={user} \S+ {place}/\n")
        mounts = [v.split(":")[1] for v in document("compose.yaml")["services"]["understudy"]["volumes"]]
        self.assertIn(place, mounts)
        objects = {d["kind"]: d for d in documents("kubernetes.yaml")}
        [sidecar] = objects["Deployment"]["spec"]["template"]["spec"]["initContainers"]
        self.assertIn(place, [m["mountPath"] for m in sidecar["volumeMounts"]])

    def test_the_build_stage_installs_what_dev_installs(self):
        listed = re.search(r"^build_packages=\((.*?)\)", (ROOT / "dev").read_text(),
                           re.MULTILINE | re.DOTALL).group(1)
        wanted = set(listed.split()) - {"ccache"}  # one build has nothing to remember
        install = re.search(r"apt-get install(.*?)&&", self.text, re.DOTALL).group(1)
        self.assertEqual(set(re.findall(r"(?<![-\w])[a-z][\w.+-]+", install)), wanted)

    def test_ignored_paths_are_untracked(self):
        # A tracked file missing from the context would mark every image as built from changes.
        if not (ROOT / ".git").exists():
            self.skipTest("no git checkout")
        for line in (DOCKER / "Dockerfile.dockerignore").read_text().split("\n"):
            if not line or line.startswith("#"):
                continue
            pattern = line.removeprefix("/") + "/**"
            tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--", f":(glob){pattern}"],
                                     capture_output=True, text=True).stdout
            self.assertEqual(tracked, "", line)


class Prices(unittest.TestCase):
    """config/prices/update.py packs a list as the daemon does: tests/unit/config/prices_test.cpp has the
    same golden files."""

    def setUp(self):
        spec = importlib.util.spec_from_file_location("update", ROOT / "config/prices/update.py")
        self.update = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.update)

    def load(self, path: str) -> dict:
        return json.loads((ROOT / path).read_text(), parse_float=decimal.Decimal, parse_int=decimal.Decimal)

    def test_a_list_becomes_these_lines(self):
        lines, left_out = self.update.table(self.load("tests/unit/config/golden/prices.json"))
        self.assertEqual("\n".join(lines) + "\n",
                         (ROOT / "tests/unit/config/golden/prices.lines").read_text())
        self.assertEqual(left_out, ["gpt-absurd: input_cost_per_token is 0.135"])

    def test_what_overrides_lists_is_in_the_table_and_has_a_source(self):
        table = dict(line.split("\t", 1) for line in
                     (ROOT / "config/prices/builtin.prices").read_text().splitlines())
        for row in self.load("config/prices/overrides.json")["models"]:
            self.assertTrue(row["source"] and row["set"], row["model"])
            _, prompt, output, rates = table[row["model"]].split("\t")
            base = rates.split("|")[0]
            for name, letter in self.update.RATES.items():
                if name in row["set"]:
                    self.assertIn(letter + self.update.per_million(row["set"][name]), base, row["model"])
            self.assertIn(int(row["set"].get("max_input_tokens", prompt)), (int(prompt),))
            self.assertIn(int(row["set"].get("max_output_tokens", output)), (int(output),))


class Unit(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_systemd_reads_every_line(self):
        result = subprocess.run(["systemd-analyze", "verify", str(DOCKER / "understudy.service")],
                                capture_output=True, text=True)
        # That the program is not installed here is no fault of the file.
        complaints = [line for line in (result.stdout + result.stderr).split("\n")
                      if "understudy.service" in line and "is not executable" not in line]
        self.assertEqual(complaints, [])


class Configurations(unittest.TestCase):
    """Those that are shipped load in the program as it is."""

    ENVIRONMENT = {"UNDERSTUDY_KEY": "k" * 32, "OPENAI_API_KEY": "a", "OPENROUTER_API_KEY": "b"}

    def setUp(self):
        if not PROGRAM or not os.path.exists(PROGRAM):
            self.skipTest("no program given")

    def check(self, text: str, environment: dict[str, str]):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            return subprocess.run([PROGRAM, "check", "-c", file.name], env=environment,
                                  capture_output=True, text=True)

    def test_the_image_configuration(self):
        text = (DOCKER / "understudy.container.yaml").read_text()
        result = self.check(text, self.ENVIRONMENT)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_image_refuses_to_start_without_a_key(self):
        text = (DOCKER / "understudy.container.yaml").read_text()
        result = self.check(text, {"OPENAI_API_KEY": "a", "OPENROUTER_API_KEY": "b"})
        self.assertEqual(result.returncode, 2)
        self.assertIn("UNDERSTUDY_KEY", result.stderr + result.stdout)

    def test_the_sidecar_configuration(self):
        objects = {d["kind"]: d for d in documents("kubernetes.yaml")}
        text = objects["ConfigMap"]["data"]["understudy.yaml"]
        with tempfile.TemporaryDirectory() as folder:
            for name, value in objects["Secret"]["stringData"].items():
                pathlib.Path(folder, name).write_text(value + "\n")
            text = text.replace("/run/secrets/understudy/", folder + "/")
            result = self.check(text, {})
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        PROGRAM = sys.argv.pop(1)
    unittest.main()
