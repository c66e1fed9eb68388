"""What each provider's preset makes of one and the same request, as a scripted upstream receives it."""

import pytest

from harness import chat, config, host_of, plain_and_streamed

# A request that asks for everything some provider does not take.
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}],
         "max_completion_tokens": 50, "n": 2, "temperature": 1.8, "seed": 7, "user": "u",
         "store": True, "metadata": {"a": "b"}, "logit_bias": {"1": 2}, "logprobs": True,
         "top_logprobs": 2, "frequency_penalty": 0.5, "presence_penalty": 0.5,
         "parallel_tool_calls": False, "service_tier": "auto", "prompt_cache_key": "c",
         "modalities": ["text"], "audio": {}, "prediction": {}, "x_unknown": 1,
         "prompt_cache_retention": "24h", "safety_identifier": "s", "verbosity": "low", "top_k": 4,
         "web_search_options": {}, "thinking": {}, "reasoning": {}, "enable_thinking": True}

MAX_TOKENS = {"max_completion_tokens": ("max_tokens", 50)}
FOREIGN = ("top_k", "thinking", "enable_thinking")
OF_OPENAI = ("store", "logit_bias", "logprobs", "top_logprobs", "prompt_cache_key",
             "prompt_cache_retention", "safety_identifier", "verbosity", "web_search_options")
GROQ = (*OF_OPENAI, *FOREIGN, "metadata", "modalities", "audio", "prediction")
GEMINI = (*OF_OPENAI, *FOREIGN, "reasoning", "frequency_penalty", "presence_penalty", "seed",
          "metadata", "user", "service_tier", "prediction")
MISTRAL = (*OF_OPENAI, *FOREIGN, "user", "service_tier", "modalities", "audio")
CEREBRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls",
            "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
            "top_k")
COHERE = ("store", "metadata", "logit_bias", "top_logprobs", "modalities", "prediction", "audio",
          "service_tier", "parallel_tool_calls")

# provider: (dropped, {old: (new, value)}, {changed: value})
PRESETS = {
    "openai": ((), {}, {}),
    "anthropic": ((), {}, {"n": 1}),
    "gemini": (GEMINI, {}, {}),
    "openrouter": ((), {}, {}),
    "groq": (GROQ, {}, {"n": 1}),
    "mistral": (MISTRAL, {**MAX_TOKENS, "seed": ("random_seed", 7)}, {"temperature": 1.5}),
    "deepseek": ((), MAX_TOKENS, {}),
    "azure": ((), {}, {}),
    "xai": ((), {}, {}),
    "together": ((), MAX_TOKENS, {}),
    "fireworks": ((), MAX_TOKENS, {}),
    "cerebras": (CEREBRAS, {}, {}),
    "moonshot": ((), MAX_TOKENS, {"temperature": 1}),
    "dashscope": ((), MAX_TOKENS, {}),
    "zai": ((), MAX_TOKENS, {"temperature": 1}),
    "nvidia": ((), MAX_TOKENS, {}),
    "perplexity": ((), MAX_TOKENS, {}),
    "cohere": (COHERE, MAX_TOKENS, {"n": 1}),
    "huggingface": ((), MAX_TOKENS, {}),
    "ollama": ((), MAX_TOKENS, {}),
    "lmstudio": ((), MAX_TOKENS, {}),
    "llamacpp": ((), MAX_TOKENS, {}),
    "vllm": ((), {}, {}),
    "sglang": ((), {}, {}),
    "litellm": ((), {}, {}),
}


def expected(provider):
    dropped, renamed, changed = PRESETS[provider]
    body = {name: value for name, value in ASKED.items() if name not in dropped}
    for old, (new, value) in renamed.items():
        del body[old]
        body[new] = value
    return {**body, **changed}


@pytest.mark.parametrize("provider", PRESETS)
def test_each_provider_gets_what_it_takes_and_its_key_as_it_wants_it(start, upstream, provider):
    there = upstream()
    answer = chat(start(config(there.entry("there", provider=provider, api_key="sk-there"))),
                  **{k: v for k, v in ASKED.items() if k != "messages"})
    assert answer.status == 200
    sent = there.requests[0]
    assert {**sent.json, "messages": ASKED["messages"]} == expected(provider)
    assert sent.target == "/v1/chat/completions"
    if provider == "azure":
        assert sent.headers("api-key") == ["sk-there"]
        assert sent.headers("authorization") == []
    else:
        assert sent.headers("authorization") == ["Bearer sk-there"]
        assert sent.headers("api-key") == []


@pytest.mark.parametrize("provider", PRESETS)
def test_usage_is_asked_for_except_where_the_question_is_refused(start, upstream, provider):
    there = upstream()
    answer = chat(start(config(there.entry("there", provider=provider))), stream=True, model="m")
    assert answer.ended == "whole"
    asked = there.requests[0].json.get("stream_options")
    assert asked == (None if provider == "mistral" else {"include_usage": True})


@plain_and_streamed
def test_the_own_body_goes_before_the_quirks_of_the_provider(start, upstream, stream):
    there = upstream()
    entry = there.entry("there", provider="mistral", body={
        "set": {"user": "me", "temperature": 1.9}, "rename": {"seed": "the_seed"}})
    chat(start(config(entry)), stream=stream, model="m", user="client", seed=3, temperature=0.1)
    sent = there.requests[0].json
    assert (sent["user"], sent["temperature"], sent["the_seed"]) == ("me", 1.9, 3)
    assert "seed" not in sent and "random_seed" not in sent


def test_azure_is_asked_at_the_deployment_that_the_model_names(start, upstream):
    there = upstream()
    base = there.url.removesuffix("/v1")
    entry = {"name": "azure", "provider": "azure", "base_url": base, "api_key": "sk-there",
             "api_version": "2024-10-21"}
    daemon = start(config(entry))
    for model, place in [("my-gpt", "my-gpt"), ("../../x", "..%2F..%2Fx")]:
        assert chat(daemon, model=model).status == 200
        assert there.requests[-1].target == (
            f"/openai/deployments/{place}/chat/completions?api-version=2024-10-21")
    assert there.requests[0].headers("host") == [host_of(there.url)]
