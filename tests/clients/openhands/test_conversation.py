"""The conversation of OpenHands' fallback example: an agent with its real tools writes a file although its
primary model is rate limited. Once by the SDK's strategy, each of its models behind the daemon; once
by the daemon, for an LLM that knows of no fallback."""

import json

import pytest

from openhands.sdk import Agent, Conversation, Tool
from openhands.sdk.llm import FallbackStrategy
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.terminal import TerminalTool

from agents import DOWN, Call, agent
from harness import config, expect_metrics, plain, status
from natives import native
from sdk import llm, plain_llm, store

PRICES = {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
         "prompt_tokens_details": {"cached_tokens": 400}}
HAIKU = "A backup answers\nbefore the silence is heard\nthe work carries on\n"


def answer(message, finish):
    return plain(json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "served",
        "choices": [{"index": 0, "message": {"role": "assistant", **message},
                     "finish_reason": finish}], "usage": USAGE}))


def author(path):
    """Writes the file by a tool first, says so when the tool has answered."""
    arguments = {"command": "create", "path": str(path), "file_text": HAIKU, "summary": "write it",
                 "security_risk": "LOW"}
    call = {"id": "call_1", "type": "function",
            "function": {"name": FileEditorTool.name, "arguments": json.dumps(arguments)}}

    def say(connection, request):
        if request.json["messages"][-1]["role"] == "tool":
            connection.send(answer({"content": "Written."}, "stop"))
        else:
            connection.send(answer({"content": None, "tool_calls": [call]}, "tool_calls"))
    return say


def converse(asked, workspace):
    """One conversation of an agent with its real tools, to its end."""
    writer = Agent(llm=asked, tools=[Tool(name=TerminalTool.name), Tool(name=FileEditorTool.name)])
    conversation = Conversation(agent=writer, workspace=str(workspace), visualizer=None)
    try:
        conversation.send_message("Write a haiku about resilience into HAIKU.txt.")
        conversation.run()
    finally:
        conversation.close()
    return conversation


@pytest.mark.parametrize("way", ["strategy", "daemon"])
def test_an_agent_writes_its_file_although_the_primary_is_limited(tmp_path, upstream, start, way):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    path = workspace / "HAIKU.txt"
    there = {"primary": upstream(status(429)), "fallback-1": upstream(author(path)),
             "fallback-2": upstream()}
    folder = tmp_path / "profiles"
    store(folder, **{name: llm(f"openai/{name}-model", one.url, **PRICES)
                     for name, one in there.items()})
    if way == "daemon":
        daemon = start("listen: 127.0.0.1:0\n",
                       args=["--profiles", str(folder), "--chain", ",".join(there)])
        asked = plain_llm(daemon, "the-one-name")
    else:
        daemon = start(f"listen: 127.0.0.1:0\nprofiles: {folder}\n")
        own = tmp_path / "own"
        store(own, **{name: plain_llm(daemon, name, **PRICES) for name in there})
        asked = plain_llm(daemon, "primary", **PRICES).model_copy(update={
            "fallback_strategy": FallbackStrategy(fallback_llms=["fallback-1", "fallback-2"],
                                                  profile_store_dir=own)})
    conversation = converse(asked, workspace)
    assert path.read_text() == HAIKU
    assert len(there["fallback-1"].requests) == 2 and not there["fallback-2"].requests
    assert len(there["primary"].requests) >= 2  # each call began there
    # One conversation is one session: its name goes along, whoever answers.
    keys = {one.json.get("prompt_cache_key") for one in there["fallback-1"].requests}
    assert len(keys) == 1

    metrics = conversation.conversation_stats.get_combined_metrics()
    cost = 2 * (1000 * 2e-6 + 50 * 8e-6)
    assert metrics.accumulated_cost == pytest.approx(cost)
    usage = metrics.accumulated_token_usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cache_read_tokens) == (2000, 100, 800)
    labels = {"upstream": "fallback-1", "source": "reported"}
    expect_metrics(daemon, (cost, "understudy_cost_usd_total", labels),
                   *((count, "understudy_tokens_total", {**labels, "type": kind})
                     for kind, count in [("input", 1200), ("cache_read", 800), ("output", 100)]))


@pytest.mark.parametrize("dialect", ["messages", "gemini"])
def test_an_agent_writes_and_reads_its_file_on_an_upstream_of_another_api(tmp_path, upstream, start, dialect):
    path = tmp_path / "HAIKU.txt"
    calls = [{"command": "create", "path": str(path), "file_text": HAIKU, "summary": "write it",
              "security_risk": "LOW"},
             {"command": "view", "path": str(path), "summary": "read it", "security_risk": "LOW"}]

    def choose(asked):
        done = len(asked.results)
        return Call(FileEditorTool.name, calls[done]) if done < len(calls) else "Written."

    seen = []
    daemon = start(config(upstream(DOWN["chat"]),
                          native(upstream(agent(dialect, choose, seen)), "backup", dialect, model="other-m")))
    converse(plain_llm(daemon, "the-one-name"), tmp_path)
    assert path.read_text() == HAIKU
    assert [len(asked.results) for asked in seen] == [0, 1, 2]
    assert "the work carries on" in seen[-1].results[-1]
    expect_metrics(daemon, (3, "understudy_requests_total", {"outcome": "fallback"}))
