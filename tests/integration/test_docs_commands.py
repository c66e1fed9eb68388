"""The commands that the documentation shows, run as they stand there. What is replaced in them, because a test
has neither the providers nor their ports, is in SUBSTITUTES. A command that is new on a page fails
the first test until it is run here, or excused with a reason."""

import contextlib
import json
import os
import re

import pytest

from harness import chat, status, well
from test_profiles import write_profile
from tests.support.daemon import ROOT, Mock, Process, binary, fetch

PAGES = ("README.md", "docs/openhands.md", "docs/providers.md")
PROGRAM = re.compile(r"(build/release/)?understudy (serve|check|explain|profiles|demo|mock|health|usage)\b")

# In commands: a port from the kernel. In configurations: the scripted providers.
SUBSTITUTES = {
    "understudy serve": "understudy serve --listen 127.0.0.1:0",
    "listen: 127.0.0.1:8080": "listen: 127.0.0.1:0",
    "=sk-...": "=sk-of-the-test",  # a placeholder is refused as one
    "=gsk-...": "=gsk-of-the-test",
}

NOT_RUN = {
    "./dev demo": "builds the program; the demo itself is tests/mock/test_demo.py",
    "./dev test": "is what runs this",
    "./dev soak": "takes ten minutes; its short form is a step of .ci/run, its reckoning tests/soak/test_reckon.py",
    "./dev": "is a list of what the script can do",
    "docker compose -f docker/compose.yaml up --build": "needs docker; tests/ops reads its files",
    "export UNDERSTUDY_KEY=$(openssl rand -hex 24) OPENAI_API_KEY=sk-... OPENROUTER_API_KEY=sk-or-...":
        "is for docker compose",
}


def blocks(page: str) -> list[str]:
    """Fenced blocks without a language or with a shell's, and indented ones."""
    text = (ROOT / page).read_text()
    fenced = [body for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
              if language in ("", "sh", "bash", "console")]
    bare = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    indented = [re.sub(r"^    ", "", body, flags=re.M)
                for body in re.findall(r"(?:^    .*\n)+", bare, re.M)]
    return fenced + indented


def commands(page: str) -> list[str]:
    found = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+#.*", "", line).strip()
            if line.split(" ")[0] in ("curl", "export", "./dev", "docker", "understudy",
                                      "build/release/understudy", "kill", "openssl"):
                found.append(re.sub(r" {2,}", " ", line))
    prose = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.M | re.S)
    found += [span for span in re.findall(r"`([^`\n]+)`", prose) if PROGRAM.match(span)]
    return list(dict.fromkeys(found))


def yaml_block(page: str, word: str) -> str:
    text = (ROOT / page).read_text()
    [found] = [body for body in re.findall(r"^```(?:yaml)?\n(.*?)^```", text, re.M | re.S)
               if word in body]
    return found


def substituted(text: str, **more: str) -> str:
    for old, new in {**SUBSTITUTES, **more}.items():
        text = text.replace(old, new)
    return text


class Stage:
    """A directory as the pages assume it: the program in it and on the path, a home with profiles."""

    def __init__(self, folder, upstream, stack):
        self.folder, self.upstream, self.stack = folder, upstream, stack
        self.home = folder / "home"
        self.profiles = self.home / ".openhands/profiles"
        self.profiles.mkdir(parents=True)
        (folder / "build/release").mkdir(parents=True)
        os.symlink(binary(), folder / "build/release/understudy")
        self.env = {"HOME": str(self.home),
                    "PATH": f"{folder}/build/release:{os.environ['PATH']}"}

    def process(self, command: str) -> Process:
        return Process(["bash", "-c", command], env=self.env, cwd=str(self.folder))

    def run(self, command: str) -> str:
        """Runs it to its end, which must be good; what it printed."""
        with self.process(substituted(command)) as process:
            code = process.wait()
            printed = "\n".join(process.stdout_lines() + process.stderr_lines())
        assert code == 0, printed
        return printed

    def serve(self, command: str):
        """A daemon that this command starts, with `url` as the harness wants it."""
        process = self.stack.enter_context(self.process(substituted(command)))
        process.url = process.wait_line(r"listening on (http://[^\s\",]+)").group(1)
        process.port = int(process.url.rpartition(":")[2])
        return process

    def profile(self, name: str, text: str, answer=None, **members):
        there = self.upstream(answer or well(text))
        write_profile(self.profiles, name, there, **members)
        return there


@pytest.fixture
def stage(tmp_path, upstream):
    with contextlib.ExitStack() as stack:
        yield Stage(tmp_path, upstream, stack)


RUN = {}


def runs(*lines: str):
    def register(function):
        for line in lines:
            RUN[line] = function
        return function
    return register


@runs("understudy profiles list")
def lists(stage, command):
    stage.profile("fast", "x")
    stage.profile("slow", "x", api_key="**********")
    printed = stage.run(command)
    assert "fast  fast-model at http://127.0.0.1" in printed
    assert "slow  cannot be used: " in printed and "sk-fast" not in printed


@runs("understudy profiles show fast")
def shows(stage, command):
    stage.profile("fast", "x", temperature=0.5)
    printed = stage.run(command)
    assert "fast-model to http://127.0.0.1" in printed and "temperature" in printed
    assert "sk-fast" not in printed


@runs("understudy serve --profiles ~/.openhands/profiles --chain primary,fallback-1,fallback-2")
def serves_a_chain(stage, command):
    there = [stage.profile("primary", "", status(429)), stage.profile("fallback-1", "", status(503)),
             stage.profile("fallback-2", "It works.")]
    answer = chat(stage.serve(command), model="whatever")
    assert answer.text == "It works."
    assert [len(one.requests) for one in there] == [1, 1, 1]
    assert answer.header("x-understudy-upstream") == "fallback-2"


@runs("understudy explain --request FILE")
def explains(stage, command):
    stage.profile("primary", "x"), stage.profile("secondary", "x")
    (stage.folder / "understudy.yaml").write_text(yaml_block("docs/openhands.md", "images: true"))
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
    (stage.folder / "body.json").write_text(json.dumps({"model": "m", "messages": [image]}))
    printed = stage.run(command.replace("FILE", "body.json"))
    assert "primary-model to http" in printed and "images" in printed


@runs("understudy check --presets")
def lists_presets(stage, command):
    printed = stage.run(command)
    page = (ROOT / "docs/providers.md").read_text()
    # The table of the page, row by row.
    for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", page, re.M):
        [entry] = re.findall(rf"^{row[0]} .*\n(?: .*\n?)*", printed, re.M)
        for said in re.findall(r"`([^`]+)`", row[1] + row[2]):
            assert said in entry, (row, entry)


README_FILE = {"https://api.openai.com/v1": "PRIMARY", "https://openrouter.ai/api/v1": "BACKUP"}
README_KEYS = {"OPENAI_API_KEY": "sk-primary", "OPENROUTER_API_KEY": "sk-backup"}


def write_readme_file(stage, primary_url, backup_url):
    text = yaml_block("README.md", "- name: openrouter")
    for url in README_FILE:
        assert url in text
    (stage.folder / "understudy.yaml").write_text(substituted(text, **{
        url: {"PRIMARY": primary_url, "BACKUP": backup_url}[which]
        for url, which in README_FILE.items()}))
    stage.env.update(README_KEYS)


@runs("build/release/understudy check", "build/release/understudy check --probe")
def checks(stage, command):
    with Mock() as mock:
        write_readme_file(stage, mock.url + "/v1", mock.url + "/v1")
        printed = stage.run(command)
    assert "openrouter/openai/gpt-4o-mini" in printed
    assert "sk-primary" not in printed and "sk-backup" not in printed


@runs("build/release/understudy serve",
      "curl -i http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' "
      """-d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'""",
      "curl -s http://127.0.0.1:8080/metrics | grep understudy_failovers_total")
def serves_the_file_of_the_readme(stage, command):
    primary, backup = stage.upstream(status(429)), stage.upstream(well("From the backup."))
    write_readme_file(stage, primary.url, backup.url)
    daemon = stage.serve("exec build/release/understudy serve")
    at = {"http://127.0.0.1:8080": daemon.url}
    if "metrics" in command:
        chat(daemon, model="gpt-4o-mini")
        printed = stage.run(substituted(command, **at))
        assert 'from="openai",to="openrouter",reason="rate_limit"} 1' in printed
        return
    curl = next(line for line in RUN if line.startswith("curl -i"))
    printed = stage.run(substituted(curl, **at))
    assert "From the backup." in printed
    assert "x-understudy-upstream: openrouter" in printed and "x-understudy-attempts: 2" in printed
    # As the page shows it, but for the times.
    assert re.search(r"x-understudy-trace: openai/gpt-4o-mini;rate_limit;429;\d+ms, "
                     r"openrouter/openai/gpt-4o-mini;ok;200;\d+ms", printed)
    assert (primary.requests[0].model, backup.requests[0].model) == (
        "gpt-4o-mini", "openai/gpt-4o-mini")
    assert backup.requests[0].header("authorization") == "Bearer sk-backup"


@runs("export OPENAI_API_KEY=sk-... GROQ_API_KEY=gsk-...")
def serves_keys_of_the_environment(stage, command):
    daemon = stage.serve(f"{command}; exec build/release/understudy serve")
    said = "\n".join(daemon.stderr_lines())
    assert said.index("openai") < said.index("groq")  # both, in this order
    assert "of-the-test" not in said
    assert fetch(daemon.url + "/readyz")[0] == 200


def test_every_command_of_the_pages_is_run_or_excused():
    shown = {command for page in PAGES for command in commands(page)}
    assert len(shown) > 12
    assert shown - set(RUN) - set(NOT_RUN) == set()
    assert (set(RUN) | set(NOT_RUN)) - shown == set()


@pytest.mark.parametrize("command", RUN)
def test_the_command_does_what_its_page_says(stage, command):
    RUN[command](stage, command)


def test_a_file_with_profiles_alone_serves_each_by_its_name(stage):
    stage.profile("one", "From one."), stage.profile("two", "From two.")
    [text] = [block for block in blocks("docs/openhands.md")
              if block.strip() == "profiles: ~/.openhands/profiles"]
    (stage.folder / "understudy.yaml").write_text(text)
    daemon = stage.serve("exec understudy serve")
    assert [chat(daemon, model=name).text for name in ("one", "two")] == ["From one.", "From two."]
    assert chat(daemon, model="three").status == 404


def test_the_recipe_of_the_multimodal_router_routes_as_the_page_says(stage):
    there = {name: stage.profile(name, name) for name in ("primary", "secondary")}
    (stage.folder / "understudy.yaml").write_text(yaml_block("docs/openhands.md", "images: true"))
    daemon = stage.serve("exec understudy serve")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    for content, expected in [("Short.", "secondary"), ([image], "primary"),
                              ("word " * 150_000, "primary")]:
        body = json.dumps({"model": "any", "messages": [{"role": "user", "content": content}]})
        code, headers, _ = fetch(daemon.url + "/v1/chat/completions", "POST", body,
                                 {"content-type": "application/json"})
        assert (code, headers["x-understudy-upstream"]) == (200, expected)
    # "Unlike there, the others take over when one fails."
    there["secondary"].answer = status(503)
    assert chat(daemon, model="any").text == "primary"


def test_the_recipe_of_the_random_router_routes_as_the_page_says(stage):
    names = ("first", "second", "third")
    there = {name: stage.profile(name, name) for name in names}
    (stage.folder / "understudy.yaml").write_text(yaml_block("docs/openhands.md", "by: random"))
    daemon = stage.serve("exec understudy serve")
    for _ in range(90):
        assert chat(daemon, model="any").status == 200
    # Binomial, n = 90, p = 1/3: mean 30, six standard deviations are 27.
    assert all(3 < len(one.requests) < 57 for one in there.values())
    there["first"].answer = there["second"].answer = status(503)
    assert {chat(daemon, model="any").text for _ in range(10)} == {"third"}


def test_the_chain_by_names_of_the_providers_page_starts_with_keys_alone(stage):
    (stage.folder / "understudy.yaml").write_text(
        yaml_block("docs/providers.md", "chain: [groq/llama-3.3-70b-versatile"))
    stage.env.update(GROQ_API_KEY="gsk-x", TOGETHER_API_KEY="t-x")
    printed = stage.run("understudy explain --model any")
    assert "llama-3.3-70b-versatile to https://api.groq.com/openai/v1" in printed
    assert "meta-llama/Llama-3.3-70B-Instruct-Turbo to https://api.together.xyz/v1" in printed
