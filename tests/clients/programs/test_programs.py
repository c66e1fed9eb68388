"""Claude Code, codex and opencode, unmodified, each a session of three turns with a tool on upstreams of another API than
they speak, the first of which is down. PROGRAMS is the folder that npm installed them into."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.support.daemon import ROOT
from agents import DOWN, Call, agent
from harness import config, expect_metrics, timeouts
from natives import native

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
LIMIT_SECONDS = 300  # patience with a program that starts slowly on a busy machine; nothing of ours takes as long
NOTES = {"first.txt": "Look into second.txt.", "second.txt": "The weather in Oslo is purple."}
QUESTION = "What does first.txt lead to?"


def run(command, folder, **variables):
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **variables}
    return subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LIMIT_SECONDS)


@pytest.fixture
def stage(start, upstream, tmp_path):
    """stage(choose) -> a daemon whose first upstream is down and whose second answers so, what that was asked, and a
    folder with notes."""
    def make(choose, dialect="chat"):
        for name, text in NOTES.items():
            (tmp_path / name).write_text(text + "\n")
        seen = []
        there = upstream(agent(dialect, choose, seen))
        daemon = start(config(upstream(DOWN["chat"]), native(there, "backup", dialect, model="other-m",
                                                             timeouts=timeouts())))
        return daemon, there, seen, tmp_path
    return make


def reads_the_notes(tool: str, arguments):
    """A model that looks into each note by this tool and then says what it found."""
    def choose(asked):
        if tool not in asked.tools:
            return "A title"
        read = len(asked.results)
        if read < len(NOTES):
            return Call(tool, arguments([*NOTES][read]))
        return "It says: purple." if "purple" in asked.results[-1] else "It could not be read."
    return choose


def test_claude_code_reads_a_file_on_an_upstream_of_chat(stage):
    daemon, there, seen, folder = stage(reads_the_notes(
        "Read", lambda note: {"file_path": str(folder / note)}))
    done = run([str(PROGRAMS / "claude"), "-p", QUESTION, "--output-format", "json",
                "--allowedTools", "Read", "--model", "claude-sonnet-4-5"], folder,
               ANTHROPIC_BASE_URL=daemon.url, ANTHROPIC_AUTH_TOKEN="unused",
               CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_AUTOUPDATER="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["result"] == "It says: purple."
    assert [len(asked.results) for asked in seen if "Read" in asked.tools] == [0, 1, 2]
    assert all(r.header("anthropic-beta") is None for r in there.requests)
    assert all("x-anthropic-billing-header" not in r.body.decode() for r in there.requests)
    expect_metrics(daemon, (0, "understudy_requests_total", {"outcome": "exhausted"}))


def recipe(language: str) -> str:
    """What docs/clients.md says to write, as it stands there."""
    page = (ROOT / "docs/clients.md").read_text()
    [text] = re.findall(rf"```{language}\n(.*?)```", page, re.S)
    return text


def test_codex_runs_a_command_on_an_upstream_of_chat(stage):
    daemon, _, seen, folder = stage(reads_the_notes("exec_command", lambda note: {"cmd": f"cat {note}"}))
    home = folder / "home/.codex"
    home.mkdir(parents=True)
    (home / "config.toml").write_text(recipe("toml").replace("http://127.0.0.1:8080", daemon.url))
    done = run([str(PROGRAMS / "codex"), "exec", "--skip-git-repo-check", "--json",
                "--dangerously-bypass-approvals-and-sandbox", QUESTION], folder,
               UNDERSTUDY_KEY="unused")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It says: purple." in done.stdout, done.stdout + done.stderr
    assert [len(asked.results) for asked in seen] == [0, 1, 2]
    expect_metrics(daemon, (0, "understudy_requests_total", {"outcome": "exhausted"}))


@pytest.mark.parametrize("package, dialect", [
    ("@ai-sdk/openai-compatible", "messages"), ("@ai-sdk/anthropic", "chat"), ("@ai-sdk/openai", "gemini")])
def test_opencode_reads_files_by_each_of_its_apis(stage, package, dialect):
    daemon, _, seen, folder = stage(reads_the_notes(
        "read", lambda note: {"filePath": str(folder / note)}), dialect)
    written = recipe("json").replace("http://127.0.0.1:8080", daemon.url)
    (folder / "opencode.json").write_text(written.replace("@ai-sdk/openai-compatible", package))
    done = run([str(PROGRAMS / "opencode"), "run", "--format", "json", QUESTION], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[-1]["part"]["reason"] == "stop", done.stdout + done.stderr
    assert [one["part"]["text"] for one in told if one["type"] == "text"][-1] == "It says: purple."
    assert [len(asked.results) for asked in seen if "read" in asked.tools] == [0, 1, 2]
    expect_metrics(daemon, (0, "understudy_requests_total", {"outcome": "exhausted"}))
