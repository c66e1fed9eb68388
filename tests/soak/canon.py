"""What an upstream says to a request: a pure function of the request's id and of who is asked for
which model. So everybody who knows these can tell the one right answer from every other, and an
upstream that is asked to go on with somebody's answer knows the rest of it."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re

WORDS = ("alpha ", "beta\n", "gamma ", "δέλτα ", "\"quoted\" ", "back\\slash ", "e", "data: ",
         "finish_reason ", "🙂 ", "[DONE] ", "usage ", "{}, ", "longer-than-the-others ")
SIZES, WEIGHTS = (1, 4, 20, 80, 400, 2000, 12000), (10, 20, 30, 20, 12, 5, 1)
CREATED = 1790000000
NAMES = ("alpha", "beta", "gamma", "delta")
MODELS = ("m-a", "m-b", "m-d", "m-e", "m-large", "m-own")


def of_one_mind(rid: str) -> bool:
    """All upstreams say the same to this request, as if they were one model's."""
    return random.Random(f"{rid}|mind").random() < 0.5


def _head(rid: str, upstream: str, model: str) -> str:
    return f"all {rid}: " if of_one_mind(rid) else f"{upstream}/{model} {rid}: "


def text_of(rid: str, upstream: str, model: str) -> str:
    who = "all" if of_one_mind(rid) else f"{upstream}|{model}"
    rng = random.Random(f"{rid}|{who}")
    count = rng.choices(SIZES, WEIGHTS)[0]
    # Words count their places, so that no part of a text is like another.
    words = (f"{n}{word}" for n, word in enumerate(rng.choices(WORDS, k=count)))
    return _head(rid, upstream, model) + "".join(words)


def texts_like(rid: str, begun: str) -> list[str]:
    """Every answer to this request that begins so, by whomever."""
    texts = []
    for upstream, model in itertools.product(NAMES, MODELS):
        head = _head(rid, upstream, model)
        if begun.startswith(head[:len(begun)]):
            text = text_of(rid, upstream, model)
            if text.startswith(begun) and text not in texts:
                texts.append(text)
    return texts


def rest_of(rid: str, begun: str) -> str | None:
    """What comes behind the beginning of an answer; None: nobody has begun so."""
    texts = texts_like(rid, begun)
    return texts[0][len(begun):] if texts else None


def continuation(body: dict, rid: str) -> tuple[str, str | None]:
    """How a request asks to go on with an answer (prefill, instruct, or not at all), and the text that
    does; None where what it gives as the beginning is nobody's answer."""
    messages = body["messages"]
    if messages[-1]["role"] == "assistant":
        return "prefill", rest_of(rid, messages[-1]["content"])
    if len(messages) < 2 or messages[-2]["role"] != "assistant":
        return "", None
    rest = rest_of(rid, messages[-2]["content"])
    words = re.search(r"<last_words>(.*)</last_words>", messages[-1]["content"], re.DOTALL)
    if words is None or rest is None or not messages[-2]["content"].endswith(words.group(1)):
        return "instruct", None
    return "instruct", words.group(1) + rest


def usage_of(rid: str, upstream: str, model: str) -> dict:
    rng = random.Random(f"{rid}|{upstream}|{model}|usage")
    prompt, completion = rng.randint(1, 5000), rng.randint(1, 900)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion,
             "total_tokens": prompt + completion}
    if rng.random() < 0.3:
        usage["prompt_tokens_details"] = {"cached_tokens": rng.randint(0, prompt)}
    if rng.random() < 0.3:
        usage["completion_tokens_details"] = {"reasoning_tokens": rng.randint(0, completion)}
    return usage


def usage_so_far(rid: str, upstream: str, model: str, events: int) -> dict:
    """As a server tells it that counts as it goes; it is always a little behind."""
    prompt = usage_of(rid, upstream, model)["prompt_tokens"]
    return {"prompt_tokens": prompt, "completion_tokens": events // 2,
            "total_tokens": prompt + events // 2}


def disjoint(prompt: int, completion: int, cached: int, reasoning: int) -> dict[str, int]:
    return {"input": prompt - cached, "cache_read": cached, "cache_write": 0,
            "output": completion - reasoning, "reasoning": reasoning}


def tokens_of(usage: dict) -> dict[str, int]:
    return disjoint(usage["prompt_tokens"], usage["completion_tokens"],
                    usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
                    usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0))


# In pico-dollars per token: input, cache read, output. Whoever is not here has no price.
PRICES = {"alpha": (2_500_001, 1_250_007, 10_000_003), "gamma": (150_333, 75_777, 600_111),
          "delta": (3_000_000, 300_000, 15_000_000)}


def price_of(upstream: str) -> dict | None:
    """As the configuration has it, in dollars per million."""
    if upstream not in PRICES:
        return None
    names = ("input", "cache_read", "output")
    return {name: pico / 1e6 for name, pico in zip(names, PRICES[upstream])}


def pico_dollars(upstream: str, tokens: dict[str, int]) -> int | None:
    """What so many tokens cost there."""
    if upstream not in PRICES:
        return None
    prompt, cached, completion = PRICES[upstream]
    return (prompt * (tokens.get("input", 0) + tokens.get("cache_write", 0))
            + cached * tokens.get("cache_read", 0)
            + completion * (tokens.get("output", 0) + tokens.get("reasoning", 0)))


def nano_dollars(upstream: str, tokens: dict[str, int]) -> int | None:
    """The same, rounded once."""
    pico = pico_dollars(upstream, tokens)
    return None if pico is None else (pico + 500) // 1000


def digest(text: str | bytes) -> str:
    return hashlib.sha1(text.encode() if isinstance(text, str) else text).hexdigest()


def answer_id(upstream: str, model: str) -> str:
    return f"chatcmpl-{upstream}/{model}"


def completion(text: str, upstream: str, model: str, usage: dict | None, choices=True) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None,
              "finish_reason": "stop"}
    body = {"id": answer_id(upstream, model), "object": "chat.completion", "created": CREATED,
            "model": model, "choices": [choice] if choices else []}
    if usage is not None:
        body["usage"] = usage
    return json.dumps(body).encode()


def event(upstream: str, model: str, delta: dict | None = None, finish: str | None = None,
          **more) -> bytes:
    body = {"id": answer_id(upstream, model), "object": "chat.completion.chunk", "created": CREATED,
            "model": model, "choices": [], **more}
    if delta is not None or finish is not None:
        body["choices"] = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def pieces_of(text: str, count: int) -> list[str]:
    """The text in so many deltas, more where one would be larger than what may come before a first
    token (limits.buffer_response)."""
    size = max(1, min(2000, -(-len(text) // count)))
    return [text[at:at + size] for at in range(0, len(text), size)]
