"""What an upstream says to a request: a pure function of the request's id and of who is asked for
which model. So everybody who knows these can tell the one right answer from every other."""

from __future__ import annotations

import hashlib
import json
import random

WORDS = ("alpha ", "beta\n", "gamma ", "δέλτα ", "\"quoted\" ", "back\\slash ", "e", "data: ",
         "finish_reason ", "🙂 ", "[DONE] ", "usage ", "{}, ", "longer-than-the-others ")
SIZES, WEIGHTS = (1, 4, 20, 80, 400, 2000, 12000), (10, 20, 30, 20, 12, 5, 1)
CREATED = 1790000000


def text_of(rid: str, upstream: str, model: str) -> str:
    rng = random.Random(f"{rid}|{upstream}|{model}")
    count = rng.choices(SIZES, WEIGHTS)[0]
    return f"{upstream}/{model} {rid}: " + "".join(rng.choices(WORDS, k=count))


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


def digest(text: str | bytes) -> str:
    return hashlib.sha1(text.encode() if isinstance(text, str) else text).hexdigest()


def completion(text: str, model: str, usage: dict | None, choices: bool = True) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None,
              "finish_reason": "stop"}
    body = {"id": "chatcmpl-S", "object": "chat.completion", "created": CREATED, "model": model,
            "choices": [choice] if choices else []}
    if usage is not None:
        body["usage"] = usage
    return json.dumps(body).encode()


def event(model: str, delta: dict | None = None, finish: str | None = None, **more) -> bytes:
    body = {"id": "chatcmpl-S", "object": "chat.completion.chunk", "created": CREATED,
            "model": model, "choices": [], **more}
    if delta is not None or finish is not None:
        body["choices"] = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def content_events(text: str, model: str, count: int) -> list[bytes]:
    """The text in so many deltas, more where one would be larger than what may come before a first
    token (limits.buffer_response)."""
    size = min(2000, -(-len(text) // count))
    return [event(model, {"content": text[at:at + size]}) for at in range(0, len(text), size)]
