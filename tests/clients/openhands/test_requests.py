"""A profile that the SDK saved, asked through the daemon, against the same LLM asking by itself: every
member that differs is in the table, with the reason."""

import pathlib
import re

import pytest

from openhands.sdk import LLM

from harness import config, well
from sdk import MESSAGES, carried, differences, llm, plain_llm, store, text_of

# Why a request may differ from the SDK's own.
OLD_NAME = "the same bound under the older name, which every version of that server knows"
NEW_NAME = "the same bound under the newer name, which that service has as well"
NO_GUESS = "the SDK takes a model that nobody knows for one that reasons; the profile asks for this"
KNOWN_NOT = "LiteLLM lets it through although the service answers 400"
BY_DEFAULT = "the service thinks unless it is told not to"
OWN_LOSS = "LiteLLM leaves out what its table of the service's members lacks"
OWN_GAIN = "LiteLLM adds it; the service answers the same without"
BY_TABLE = "the most that LiteLLM's table says of the model, which is the service's own bound"
BY_CLIENT = "messages are rendered by the client, for the name that it knows the model by"

SETTINGS = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7, "max_output_tokens": 99,
            "reasoning_effort": "low"}
OLDER = {"max_completion_tokens": OLD_NAME, "max_tokens": OLD_NAME}
NEWER = {"max_completion_tokens": NEW_NAME, "max_tokens": NEW_NAME}
SAMPLING = {"temperature": NO_GUESS, "top_p": NO_GUESS, "top_k": NO_GUESS}

# model: what differs, and why. Providers that LiteLLM speaks to in another dialect are further down.
CHAT = {
    "openai/qwen-coder": SAMPLING,
    "openai/gpt-4o": {**SAMPLING, "reasoning_effort": NO_GUESS},
    "openai/o3": {"messages": BY_CLIENT},
    "openai/gpt-5-mini": {},
    "openai/gpt-6-sol": {},
    "hosted_vllm/Qwen/Qwen3": SAMPLING,
    "lm_studio/qwen3": OLDER,
    "llamafile/x": OLDER,
    "openrouter/openai/gpt-5": {"usage": OWN_GAIN},
    "openrouter/anthropic/claude-sonnet-4.5": {"usage": OWN_GAIN, "messages": BY_CLIENT},
    "groq/llama-3.3-70b-versatile": {**NEWER, "top_k": KNOWN_NOT},
    "groq/openai/gpt-oss-120b": NEWER,
    "mistral/mistral-large-latest": {"top_k": KNOWN_NOT, "messages": BY_CLIENT},
    "deepseek/deepseek-chat": {**OLDER, **SAMPLING, "thinking": BY_DEFAULT, "messages": BY_CLIENT},
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo": OLDER,
    "fireworks_ai/accounts/fireworks/models/gpt-oss-120b": {},
    "cerebras/gpt-oss-120b": NEWER,
    "xai/grok-4": NEWER,
    "xai/grok-4.3": NEWER,
    "moonshot/kimi-k2.6": {"messages": BY_CLIENT},
    "dashscope/qwen-max": {**OLDER, **SAMPLING},
    "nvidia_nim/meta/llama3-70b-instruct": {},
    "perplexity/sonar": {**OLDER, "seed": OWN_LOSS},
    "huggingface/meta-llama/x": {**OLDER, "max_retries": OWN_GAIN},
    "litellm_proxy/alias": {},
    "azure/my-deployment": {**NEWER, "top_k": KNOWN_NOT},
    "azure/o3": {"messages": BY_CLIENT},
    "zai/glm-4.6": {"max_tokens": OWN_LOSS, "seed": OWN_LOSS, "messages": BY_CLIENT},
}


def compared(model, tmp_path, upstream, start, **members):
    there = upstream(well())
    own = llm(model, there.url, **members)
    try:
        own.completion(MESSAGES)
    except Exception:  # what LiteLLM makes of the answer is not asked here
        pass
    direct = next(one for one in there.requests if one.method == "POST")
    there.requests.clear()
    store(tmp_path, p=own)
    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n")
    assert text_of(plain_llm(daemon, "p").completion(MESSAGES)) == "It works."
    [through] = there.requests
    return differences(carried(direct), carried(through))


@pytest.mark.parametrize("model", CHAT)
def test_a_request_through_the_daemon_carries_what_the_sdk_would_send(tmp_path, upstream, start,
                                                                      model):
    found = compared(model, tmp_path, upstream, start, **SETTINGS)
    assert set(found) == set(CHAT[model]), found
    # Where only the name differs, the value does not.
    assert all(99 in found[name] for name in OLDER if name in found)


@pytest.mark.parametrize("settings, expected", [
    ({}, {}),
    ({"reasoning_effort": "none"}, {}),
    ({"extra_headers": {"X-Team": "infra", "HTTP-Referer": "https://mine.example"}}, {}),
    ({"litellm_extra_body": {"service_tier": "flex", "nested": {"kept": [1, None]}}}, {}),
    ({"model_canonical_name": "openai/o3", "temperature": 0.4}, {"max_completion_tokens": BY_TABLE}),
    ({"openrouter_app_name": "Mine"}, {}),
], ids=lambda value: next(iter(value), "defaults") if isinstance(value, dict) else "")
def test_members_that_are_saved_reach_the_server(tmp_path, upstream, start, settings, expected):
    found = compared("openai/own-model", tmp_path, upstream, start, **settings)
    assert set(found) <= set(expected), found


# LiteLLM speaks to these in dialects of their own; the daemon at their OpenAI-compatible endpoints.
NATIVE = {
    "anthropic/claude-sonnet-4-5": ("/v1/chat/completions", {
        "model": "claude-sonnet-4-5", "max_completion_tokens": 99, "reasoning_effort": "low",
        "seed": 7}),
    "gemini/gemini-2.5-flash": ("/v1/chat/completions", {
        "model": "gemini-2.5-flash", "max_completion_tokens": 99, "reasoning_effort": "low",
        "temperature": 0.5, "top_p": 0.9}),
    "cohere_chat/command-a-03-2025": ("/v1/chat/completions", {
        "model": "command-a-03-2025", "max_tokens": 99, "temperature": 0.5, "top_p": 0.9, "top_k": 40,
        "seed": 7}),
    "ollama_chat/mistral-big": ("/v1/chat/completions", {
        "model": "mistral-big", "max_tokens": 99, "temperature": 0.5, "top_p": 0.9, "top_k": 40,
        "seed": 7}),
}


@pytest.mark.parametrize("model", NATIVE)
def test_what_has_another_dialect_is_asked_for_at_the_compatible_endpoint(tmp_path, upstream, start,
                                                                          model):
    there = upstream(well())
    store(tmp_path, p=llm(model, there.url, **SETTINGS))
    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n")
    assert text_of(plain_llm(daemon, "p").completion(MESSAGES)) == "It works."
    body = there.requests[0].json
    del body["messages"]
    assert (there.requests[0].target, body) == NATIVE[model]
    assert there.requests[0].header("authorization") == "Bearer sk-profile"


def test_the_lines_of_the_readme_point_an_llm_at_the_daemon(upstream, start):
    page = (pathlib.Path(__file__).resolve().parents[3] / "README.md").read_text()
    [line] = re.findall(r"^llm = LLM\(.*\)$", page, re.M)
    there = upstream(well())
    daemon = start(config(there))
    shown = {}
    exec(line.replace("http://127.0.0.1:8080", daemon.url), {"LLM": LLM}, shown)
    assert text_of(shown["llm"].completion(MESSAGES)) == "It works."
    assert there.requests[0].model == "gpt-4o-mini"
