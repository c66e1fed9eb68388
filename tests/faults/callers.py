"""A client of each API: what it asks, and what it takes an answer for. Each reads with its own API's eyes and is
strict: an order of events, a count or an end that its library would stumble over is a `Nonsense`."""

from __future__ import annotations

import dataclasses
import json

from harness import Response
from natives import gemini_body, message_body


class Nonsense(AssertionError):
    """The answer is none of this API's."""


@dataclasses.dataclass
class Told:
    """What a client took from an answer."""
    text: str = ""
    whole: bool = False              # it is complete, and says so
    error: str | None = None         # what an error says, in the shape of the API
    model: str | None = None
    usage: tuple[int, int] | None = None    # of prompt and answer


def need(truth: bool, what: str):
    if not truth:
        raise Nonsense(what)


def one_of(values: list, what: str):
    need(len(set(values)) == 1, f"{what}: {sorted(map(str, set(values)))}")
    return values[0]


def at_rest(got: Response) -> bool:
    return got.status == 200 and got.ended in ("whole", "closed")


def blocks(got: Response) -> list[tuple[str | None, str]]:
    """Name and data of each whole event; comments are skipped."""
    found = []
    for block in got.body.decode().replace("\r\n", "\n").split("\n\n")[:-1]:
        lines = block.split("\n")
        data = [line[5:].strip() for line in lines if line.startswith("data:")]
        names = [line[6:].strip() for line in lines if line.startswith("event:")]
        if data:
            found.append((names[0] if names else None, "\n".join(data)))
    return found


def documents(got: Response) -> list[dict]:
    """The events of a stream that are JSON: what is not was the upstream's nonsense, and clients skip it."""
    found = []
    for _, data in blocks(got):
        try:
            found.append(json.loads(data))
        except ValueError:
            continue
    return found


class ChatCaller:
    api = "chat"

    def ask(self, model: str, stream: bool) -> tuple[str, dict]:
        body = {"model": model, "messages": [{"role": "user", "content": "Say something."}]}
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        return "/v1/chat/completions", body

    def error(self, body: dict) -> str:
        return body["error"]["message"]

    def read_plain(self, got: Response) -> Told:
        choice, = got.json["choices"]
        return Told(choice["message"]["content"], bool(choice["finish_reason"]), None,
                    got.json["model"], self._usage(got.json.get("usage")))

    def read_stream(self, got: Response) -> Told:
        told, usage = Told(), []
        chunks = documents(got)
        told.error = next((self.error(one) for one in chunks if "error" in one), None)
        chunks = [one for one in chunks if "error" not in one]
        choices = [one["choices"][0] for one in chunks if one["choices"]]
        told.text = "".join(choice["delta"].get("content") or "" for choice in choices)
        usage = [one["usage"] for one in chunks if one.get("usage")]
        ends = sum(bool(choice["finish_reason"]) for choice in choices)
        told.whole = at_rest(got) and ends > 0 and not told.error
        if told.whole:
            need(ends == 1, f"{ends} finishes")
            need(sum("role" in choice["delta"] for choice in choices) == 1, "not one role")
            one_of([one["id"] for one in chunks], "ids")
            told.model = one_of([one["model"] for one in chunks], "models")
            need(len(usage) == 1, f"{len(usage)} usages")
            told.usage = self._usage(usage[0])
        return told

    def _usage(self, usage):
        return (usage["prompt_tokens"], usage["completion_tokens"]) if usage else None


class MessagesCaller:
    api = "messages"

    def ask(self, model, stream):
        return "/v1/messages", message_body(stream, model)

    def error(self, body):
        need(body["type"] == "error" and body["error"]["type"], f"not Anthropic's error: {body}")
        return body["error"]["message"]

    def read_plain(self, got):
        body = got.json
        need(body["type"] == "message" and body["role"] == "assistant", "no message")
        return Told("".join(block["text"] for block in body["content"]), bool(body["stop_reason"]),
                    None, body["model"], self._usage(body["usage"]))

    def read_stream(self, got):
        told, open_block, last, stopped = Told(), None, -1, None
        seen = [one for one in documents(got) if one["type"] != "ping"]
        for index, one in enumerate(seen):
            kind = one["type"]
            if kind == "error":
                told.error = self.error(one)
                need(index == len(seen) - 1, "events behind an error")
            elif kind == "message_start":
                need(index == 0, "a second beginning")
                told.model, told.usage = one["message"]["model"], self._usage(one["message"]["usage"])
            elif kind == "content_block_start":
                need(open_block is None and one["index"] == last + 1, "blocks out of order")
                open_block = last = one["index"]
            elif kind == "content_block_delta":
                need(one["index"] == open_block, "a delta outside of its block")
                told.text += one["delta"].get("text", "")
            elif kind == "content_block_stop":
                need(one["index"] == open_block, "an end without a beginning")
                open_block = None
            elif kind == "message_delta":
                need(open_block is None, "a block is open at the end")
                stopped = one["delta"]["stop_reason"] or stopped
                told.usage = (one["usage"].get("input_tokens", told.usage[0]),
                              one["usage"]["output_tokens"])
            else:
                need(kind == "message_stop" and index == len(seen) - 1, f"unexpected {kind}")
        # Its libraries take a stream that ends behind the reason for whole, too.
        told.whole = at_rest(got) and stopped is not None and not told.error
        return told

    def _usage(self, usage):
        return usage["input_tokens"], usage["output_tokens"]


class ResponsesCaller:
    api = "responses"

    def ask(self, model, stream):
        body = {"model": model, "input": "Say something."}
        return "/v1/responses", {**body, "stream": True} if stream else body

    def error(self, body):
        return body["error"]["message"]

    def read_plain(self, got):
        body = got.json
        need(body["object"] == "response" and body["error"] is None, "no response")
        return Told(self._text(body), body["status"] == "completed", None, body["model"],
                    self._usage(body["usage"]))

    def read_stream(self, got):
        told = Told()
        seen = documents(got)
        kinds = [one["type"] for one in seen]
        need(not kinds or kinds[0] == "response.created", f"begins with {kinds[:1]}")
        told.text = "".join(one["delta"] for one in seen if one["type"] == "response.output_text.delta")
        if "error" in kinds or "response.failed" in kinds:
            need(kinds[-2:] == ["error", "response.failed"], f"a failure told by {kinds[-2:]}")
            told.error = seen[-2]["message"]
            need(seen[-1]["response"]["error"]["message"] == told.error, "two errors")
        elif kinds[-1:] == ["response.completed"]:
            final = seen[-1]["response"]
            told.whole = at_rest(got) and final["status"] == "completed"
            told.model, told.usage = final["model"], self._usage(final["usage"])
            need(self._text(final) == told.text, "the response is not what was streamed")
            for begun, ended in (("response.output_item.added", "response.output_item.done"),
                                 ("response.content_part.added", "response.content_part.done")):
                need(kinds.count(begun) == kinds.count(ended) == 1, f"{begun} and {ended}")
        return told

    def _text(self, body):
        return "".join(part["text"] for item in body["output"] if item["type"] == "message"
                       for part in item["content"])

    def _usage(self, usage):
        return usage["input_tokens"], usage["output_tokens"]


class GeminiCaller:
    api = "gemini"

    def ask(self, model, stream):
        way = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{way}", gemini_body()

    def error(self, body):
        need(isinstance(body["error"]["code"], int) and body["error"]["status"], "not Google's error")
        return body["error"]["message"]

    def read_plain(self, got):
        return self._read([got.json], True)

    def read_stream(self, got):
        return self._read(documents(got), at_rest(got))

    def _read(self, seen, complete):
        told, finish = Told(), []
        for index, one in enumerate(seen):
            if "error" in one:
                told.error = self.error(one)
                need(index == len(seen) - 1, "pieces behind an error")
                continue
            told.model = one.get("modelVersion", told.model)
            for candidate in one.get("candidates", []):
                told.text += "".join(part.get("text", "") for part in
                                     candidate.get("content", {}).get("parts", []))
                finish += [candidate["finishReason"]] if "finishReason" in candidate else []
            usage = one.get("usageMetadata")
            if usage:
                told.usage = usage["promptTokenCount"], usage.get("candidatesTokenCount", 0)
        told.whole = complete and finish == ["STOP"] and not told.error
        return told


CALLERS = {caller.api: caller for caller in
           (ChatCaller(), MessagesCaller(), ResponsesCaller(), GeminiCaller())}
