"""What the tests of this folder share: LLMs and stores of the SDK, and what one request carried."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from openhands.sdk import LLM, Message, TextContent
from openhands.sdk.llm.llm_profile_store import LLMProfileStore

from harness import Upstream

MESSAGES = [Message(role="system", content=[TextContent(text="Be brief.")]),
            Message(role="user", content=[TextContent(text="Say it works.")])]

# Headers that say how a request travelled, not what it asks for.
_OF_TRANSPORT = {"host", "accept", "accept-encoding", "connection", "content-length", "content-type",
                 "user-agent", "x-request-id", "via"}


def llm(model: str, url: str, **members) -> LLM:
    """One attempt, in the chat dialect."""
    return LLM(**{"model": model, "base_url": url, "api_key": "sk-profile", "num_retries": 0,
                  "api_mode": "chat", "usage_id": "test", **members})


def plain_llm(daemon, model: str, **members) -> LLM:
    """What a user points at the daemon."""
    return llm("openai/" + model, daemon.url + "/v1", api_key="unused", **members)


def store(folder: pathlib.Path, **profiles: LLM) -> LLMProfileStore:
    saved = LLMProfileStore(folder)
    for name, one in profiles.items():
        saved.save(name.replace("_", "-"), one, include_secrets=True)
    return saved


def text_of(response) -> str:
    return "".join(part.text for part in response.message.content)


def carried(request) -> dict:
    """What one request asked for: its target, its headers and each member of its body."""
    found = {"target": request.target}
    for name, value in request.fields:
        key = name.lower()
        if key not in _OF_TRANSPORT and not key.startswith(("x-stainless", "x-understudy")):
            found["header " + key] = value
    found.update((name, value) for name, value in request.json.items())
    return found


def differences(direct: dict, through: dict) -> dict:
    """member: (the SDK's, the daemon's), null where there is none."""
    return {name: (direct.get(name), through.get(name)) for name in {*direct, *through}
            if direct.get(name) != through.get(name)}


def order(upstreams: Sequence[Upstream]) -> list[int]:
    """The upstreams that were asked, in the order in which each was first."""
    firsts = [(one.requests[0].at, index) for index, one in enumerate(upstreams) if one.requests]
    return [index for _, index in sorted(firsts)]
