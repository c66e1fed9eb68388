"""Profiles as the SDK's own store writes them: read back, listed, shown, and served while it rewrites them."""

import json
import re
import threading

import pytest

from openhands.sdk import LLM
from openhands.sdk.llm.llm_profile_store import LLMProfileStore
from openhands.sdk.utils.cipher import Cipher

from harness import chat, well
from sdk import llm, store
from tests.support.daemon import run, wait_until
from timing import LONG_WAIT

# A value that is none of the defaults for every member that the SDK saves. Members that a proxy
# cannot serve have a test of their own.
CHANGED = {
    "model": "openai/own-model", "api_key": "sk-own-secret", "base_url": "http://127.0.0.1:9/v1",
    "api_version": "2024-10-21", "aws_access_key_id": "AKIA-own-secret",
    "aws_secret_access_key": "aws-own-secret", "aws_session_token": "session-own-secret",
    "aws_region_name": "eu-west-1", "aws_profile_name": "p", "aws_role_name": "r",
    "aws_session_name": "s", "openrouter_site_url": "https://mine.example/",
    "openrouter_app_name": "Mine", "num_retries": 3, "retry_multiplier": 1.5, "retry_min_wait": 1,
    "retry_max_wait": 9, "timeout": 77, "stream_idle_timeout": 33, "max_message_chars": 1000,
    "temperature": 0.25, "top_p": 0.75, "top_k": 12.0, "max_input_tokens": 50000,
    "max_output_tokens": 1234, "model_canonical_name": "openai/gpt-4o", "api_mode": "chat",
    "capability_overrides": {"supports_vision": True}, "extra_headers": {"X-Team": "infra"},
    "input_cost_per_token": 2e-07, "output_cost_per_token": 8e-07,
    "ollama_base_url": "http://127.0.0.1:9", "stream": True, "drop_params": False,
    "disable_vision": True, "disable_stop_word": True, "caching_prompt": False,
    "log_completions": False, "log_completions_folder": "elsewhere",
    "native_tool_calling": False, "force_string_serializer": True, "inline_image_urls": True,
    "reasoning_effort": "medium", "reasoning_summary": "auto", "enable_encrypted_reasoning": False,
    "prompt_cache_retention": "in-memory", "extended_thinking_budget": 1000, "seed": 7,
    "usage_id": "mine", "litellm_extra_body": {"service_tier": "flex"},
}
NOT_SERVED = {"provider_connection_id", "auth_type", "subscription_vendor",
              "aws_bedrock_runtime_endpoint", "custom_tokenizer"}
NEVER_SAVED = {"fallback_strategy", "retry_listener"}


def printed(*args, **environment) -> str:
    process = run(*args, env=environment)
    return "\n".join(process.stdout_lines() + process.stderr_lines())


def listed(folder, **environment) -> dict:
    lines = printed("profiles", "list", "--profiles", str(folder), **environment).splitlines()
    return dict(line.split("  ", 1) for line in lines)


def test_every_member_that_the_sdk_saves_is_known(tmp_path):
    assert set(CHANGED) | NOT_SERVED | NEVER_SAVED == set(LLM.model_fields)
    store(tmp_path, everything=LLM(**CHANGED))
    saved = json.loads((tmp_path / "everything.json").read_text())
    defaults = LLM(model="openai/x").to_persisted(context={"expose_secrets": True})
    assert {name for name in CHANGED if saved[name] == defaults.get(name)} <= {"log_completions"}
    shown = printed("profiles", "show", "everything", "--profiles", str(tmp_path))
    assert "note:" not in shown  # each is mapped, or ignored by name
    for found in ("own-model", "http://127.0.0.1:9/v1", "service_tier", "temperature", "X-Team",
                  "response 77s", "idle 33s"):
        assert found in shown, shown
    assert "own-secret" not in shown


def test_names_that_the_store_takes_are_read_and_its_other_files_are_not(tmp_path):
    names = ["a", "0", "A.B-c_d", "a" * 64, "config.v2", "x.json.bak", "trailing-", "profiles.lock",
             "a..b"]
    saved = LLMProfileStore(tmp_path)
    for name in names:
        saved.save(name, llm("openai/m", "http://127.0.0.1:9/v1"), include_secrets=True)
    assert (tmp_path / ".profiles.lock").exists()
    assert set(listed(tmp_path)) == set(names) == {name.removesuffix(".json")
                                                   for name in saved.list()}
    for refused in ("a" * 65, ".hidden", "-x"):
        with pytest.raises(ValueError):
            saved.save(refused, llm("openai/m", "http://127.0.0.1:9/v1"))


@pytest.mark.parametrize("model, place", [
    ("openai/gpt-4o", "gpt-4o at https://api.openai.com/v1"),
    ("gpt-4o", "gpt-4o at https://api.openai.com/v1"),
    ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5 at https://api.anthropic.com/v1"),
    ("gemini/gemini-2.5-pro",
     "gemini-2.5-pro at https://generativelanguage.googleapis.com/v1beta/openai"),
    ("openrouter/openai/gpt-5", "openai/gpt-5 at https://openrouter.ai/api/v1"),
    ("groq/llama-3.3-70b-versatile", "llama-3.3-70b-versatile at https://api.groq.com/openai/v1"),
    ("mistral/mistral-large-latest", "mistral-large-latest at https://api.mistral.ai/v1"),
    ("deepseek/deepseek-chat", "deepseek-chat at https://api.deepseek.com"),
    ("xai/grok-4.3", "grok-4.3 at https://api.x.ai/v1"),
    ("openhands/claude-sonnet-4-5", "claude-sonnet-4-5 at https://llm-proxy.app.all-hands.dev"),
    ("digitalocean/llama3.3-70b-instruct",
     "llama3.3-70b-instruct at https://inference.do-ai.run/v1"),
    ("bedrock/x", "cannot be used: .*aws_region_name: is missing"),
])
def test_a_provider_without_an_address_is_where_the_sdk_sends_it(tmp_path, model, place):
    store(tmp_path, p=LLM(model=model, api_key="sk-x"))
    assert re.match(place, listed(tmp_path)["p"])


def test_masked_plain_and_encrypted_secrets(tmp_path, upstream, start):
    there = upstream(well())
    saved = LLMProfileStore(tmp_path)
    one = llm("openai/m", there.url, api_key="sk-of-the-profile")
    saved.save("masked", one)
    saved.save("plain", one, include_secrets=True)
    saved.save("encrypted", one, include_secrets=True, cipher=Cipher("the key"))
    saved.save("older", one, include_secrets=True, cipher=Cipher("the key before"))
    saved.save("keyless", llm("openai/m", there.url, api_key=None), include_secrets=True)
    assert "sk-of-the-profile" not in (tmp_path / "encrypted.json").read_text()
    keys = {"OH_SECRET_KEY": "the key", "OH_PREVIOUS_SECRET_KEYS": '["the key before"]'}
    found = listed(tmp_path, **keys)
    assert {name for name, text in found.items() if "cannot be used" in text} == {"masked"}
    assert "include_secrets=True" in found["masked"]
    # The same from a cipher of the SDK with both keys.
    assert saved.load("older", cipher=Cipher("the key", ["the key before"])
                      ).api_key.get_secret_value() == "sk-of-the-profile"
    alone = listed(tmp_path, OH_SECRET_KEY="the key")
    assert "OH_PREVIOUS_SECRET_KEYS" in alone["older"]
    assert "set OH_SECRET_KEY" in listed(tmp_path)["encrypted"]

    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n", env=keys)
    for name, sent in [("plain", "Bearer sk-of-the-profile"), ("older", "Bearer sk-of-the-profile"),
                       ("encrypted", "Bearer sk-of-the-profile")]:
        assert chat(daemon, model=name).status == 200
        assert there.requests[-1].header("authorization") == sent
    assert chat(daemon, model="masked").status == 404


def test_versions_of_the_schema(tmp_path):
    store(tmp_path, now=llm("openai/m", "http://127.0.0.1:9/v1"))
    document = json.loads((tmp_path / "now.json").read_text())
    assert document["schema_version"] == 1
    newer = {**document, "schema_version": 2}
    # As the store's first versions wrote: without these.
    older = {name: value for name, value in document.items()
             if name not in ("schema_version", "auth_type", "api_mode", "is_subscription")}
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    (tmp_path / "older.json").write_text(json.dumps({**older, "modify_params": True}))
    found = listed(tmp_path)
    assert found["now"] == found["older"] and "up to version 1" in found["newer"]
    saved = LLMProfileStore(tmp_path)
    saved.load("older")
    with pytest.raises(ValueError):
        saved.load("newer")


def test_profiles_that_the_store_rewrites_in_a_loop_are_never_seen_half(tmp_path, upstream, start):
    there = {name: upstream(well(name)) for name in ("old", "new")}
    saved = LLMProfileStore(tmp_path)
    # Long enough that a write that is not atomic would show.
    versions = {name: llm(f"openai/{name}-model", one.url, api_key=f"sk-{name}",
                          litellm_extra_body={"version": name, "padding": "x" * 50_000})
                for name, one in there.items()}
    saved.save("main", versions["old"], include_secrets=True)
    saved.save("other", versions["old"], include_secrets=True)
    daemon = start(f"listen: 127.0.0.1:0\nprofiles: {tmp_path}\n")
    done, answers, writes = threading.Event(), [], []

    def write():
        while not done.is_set():
            name = ("new", "old")[len(writes) % 2]
            saved.save("main", versions[name], include_secrets=True)
            saved.save("temporary", versions[name], include_secrets=True)
            saved.delete("temporary")
            writes.append(name)

    def ask(model):
        while not done.is_set():
            answer = chat(daemon, model=model)
            answers.append((model, answer.status, answer.text))

    threads = [threading.Thread(target=write), *(threading.Thread(target=ask, args=(model,))
                                                 for model in ("main", "main", "other"))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(writes) > 100 and len(answers) > 300
                   and {text for _, _, text in answers} == {"old", "new"}, "both versions",
                   LONG_WAIT)   # the store takes its time, beside everything else that runs
    finally:
        done.set()
        for thread in threads:
            thread.join(30)
    assert {status for _, status, _ in answers} == {200}
    assert {text for model, _, text in answers if model == "other"} == {"old"}
    for name, one in there.items():
        for request in one.requests:  # never one version's key with the other's address or body
            assert request.header("authorization") == f"Bearer sk-{name}"
            assert request.json["version"] == name and request.model == f"{name}-model"
    said = "\n".join(daemon.stderr_lines())
    assert "left out" not in said and "old configuration stays" not in said
    saved.save("main", versions["new"], include_secrets=True)  # and the last write is what stays
    wait_until(lambda: chat(daemon, model="main").text == "new", "the last version")
