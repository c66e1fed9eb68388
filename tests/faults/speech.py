"""How a provider of each API says an answer, its pieces and its errors, and how it reads whether the beginning of
an answer was put into its mouth. One object per API; the faults (provider.py) are the same for all."""

from __future__ import annotations

import json
import urllib.parse

import bedrock
from harness import DONE, FINISH, ROLE, SSE_HEAD, completion, error_body, event, usage_event
from natives import (MESSAGE_STOP, anthropic_error, block_start, block_stop, google_error,
                     google_event, message, message_delta, text_delta, typed)

TOO_LONG, FILTERED, PREFILL, BROKEN = "too long", "filtered", "prefill", "broken"


def words_of(text: str) -> list[str]:
    """As tokens: each but the first brings its space."""
    if not text:
        return []
    return [word if i == 0 else " " + word for i, word in enumerate(text.split(" "))]


class Speech:
    """What is the same for most."""
    head = SSE_HEAD     # of a stream
    names_model = True  # an answer says who gave it

    def fields(self, kind: str, status: int) -> list[str]:
        """Of an error answer, beside its body."""
        return []


class Chat(Speech):
    """OpenAI's chat completions."""
    dialect = "chat"
    path = "/v1"

    def streamed(self, request) -> bool:
        return request.wants_stream

    def model(self, request) -> str:
        return request.json["model"]

    def whole(self, text: str, model: str, usage: tuple[int, int]) -> bytes:
        return completion(text, usage=self._usage(usage), model=model)

    def start(self, model: str) -> list[bytes]:
        return [self._named(ROLE, model)]

    def pieces(self, text: str, model: str) -> list[bytes]:
        return [self._named(event({"content": word}), model) for word in words_of(text)]

    def finish(self, request, text: str, model: str, usage: tuple[int, int]) -> list[bytes]:
        """What stands between the last word and the end marker."""
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        told = [self._named(usage_event(self._usage(usage)), model)] if asked else []
        return [self._named(FINISH, model), *told]

    def end(self, text: str, model: str, usage: tuple[int, int]) -> list[bytes]:
        return [DONE]

    def broken_event(self) -> bytes:
        return b'data: {"id":"chatcmpl-T1","choices":[{"index":0,"delta":{"cont\n\n'

    def begun(self, request) -> str | None:
        """The beginning that the request ends with, if it does."""
        last = (request.json.get("messages") or [{}])[-1]
        return last.get("content") or "" if last.get("role") == "assistant" else None

    def error(self, kind: str, status: int = 400) -> bytes:
        invalid = "invalid_request_error"
        bodies = {
            TOO_LONG: (TEXTS[TOO_LONG], invalid, "context_length_exceeded", "messages"),
            FILTERED: (TEXTS[FILTERED], invalid, "content_policy_violation"),
            PREFILL: (TEXTS[PREFILL], invalid),
            BROKEN: (f"status {status}",)}
        return error_body(*bodies[kind])

    def _usage(self, usage: tuple[int, int]) -> dict:
        return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}

    def _named(self, one: bytes, model: str) -> bytes:
        return one.replace(b'"served"', b'"%s"' % model.encode())


class Messages(Speech):
    """Anthropic's."""
    dialect = "messages"
    path = "/v1"

    def streamed(self, request) -> bool:
        return request.wants_stream

    def model(self, request) -> str:
        return request.json["model"]

    def whole(self, text, model, usage):
        return message(text, model=model, usage=self._usage(usage))

    def start(self, model):
        head = {"id": "msg_T1", "type": "message", "role": "assistant", "model": model, "content": [],
                "stop_reason": None, "stop_sequence": None, "usage": self._usage((20, 1))}
        return [typed("message_start", message=head), block_start()]

    def pieces(self, text, model):
        return [text_delta(word) for word in words_of(text)]

    def finish(self, request, text, model, usage):
        return [block_stop(), message_delta(usage=self._usage(usage))]

    def end(self, text, model, usage):
        return [MESSAGE_STOP]

    def broken_event(self):
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

    def begun(self, request):
        last = request.json["messages"][-1]
        if last["role"] != "assistant":
            return None
        content = last["content"]
        return content if isinstance(content, str) else "".join(b.get("text", "") for b in content)

    def error(self, kind, status=400):
        if kind == BROKEN:
            known = {429: "rate_limit_error", 503: "overloaded_error"}
            return anthropic_error(known.get(status, "api_error"), f"status {status}")
        return anthropic_error("invalid_request_error", {
            TOO_LONG: "prompt is too long: 20000 tokens > 8192 maximum",
            FILTERED: "Output blocked by content filtering policy", PREFILL: TEXTS[PREFILL]}[kind])

    def _usage(self, usage):
        return {"input_tokens": usage[0], "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0, "output_tokens": usage[1]}


class Gemini(Speech):
    """Google's: the last piece of a stream is its end, and nothing stands behind it."""
    dialect = "gemini"
    path = "/v1beta"

    def streamed(self, request) -> bool:
        return ":streamGenerateContent" in request.target

    def model(self, request) -> str:
        return request.target.rpartition("/models/")[2].partition(":")[0]

    def whole(self, text, model, usage):
        return json.dumps(self._candidate(text, model, usage, "STOP")).encode()

    def start(self, model):
        return []

    def pieces(self, text, model):
        return [google_event(self._candidate(word, model, (20, i + 1), None))
                for i, word in enumerate(words_of(text))]

    def finish(self, request, text, model, usage):
        return [google_event(self._candidate("", model, usage, "STOP"))]

    def end(self, text, model, usage):
        return []

    def broken_event(self):
        return b'data: {"candidates":[{"content":{"parts":[{"te\r\n\r\n'

    def begun(self, request):
        last = request.json["contents"][-1]
        if last.get("role") != "model":
            return None
        return "".join(part.get("text", "") for part in last["parts"])

    def error(self, kind, status=400):
        if kind == BROKEN:
            known = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
            return google_error(status, known.get(status, "INTERNAL"), f"status {status}")
        texts = {TOO_LONG: "The input token count (20000) exceeds the maximum number of tokens allowed "
                           "(8192)."}
        return google_error(400, "INVALID_ARGUMENT", texts.get(kind, TEXTS[kind]))

    def _candidate(self, text, model, usage, finish):
        one = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if finish:
            one["finishReason"] = finish
        return {"candidates": [one], "modelVersion": model, "responseId": "T1", "usageMetadata": {
            "promptTokenCount": usage[0], "candidatesTokenCount": usage[1],
            "totalTokenCount": sum(usage)}}


class Responses(Speech):
    """OpenAI's Responses: its last event is the end marker, and carries the whole answer again."""
    dialect = "responses"
    path = "/v1"
    _AT = {"item_id": "msg_T1", "output_index": 0, "content_index": 0}

    def streamed(self, request) -> bool:
        return request.wants_stream

    def model(self, request) -> str:
        return request.json["model"]

    def whole(self, text, model, usage):
        return json.dumps(self._response(text, model, usage)).encode()

    def start(self, model):
        begun = self._response(None, model, None)
        item = {**self._item(""), "status": "in_progress", "content": []}
        return [typed("response.created", response=begun), typed("response.in_progress", response=begun),
                typed("response.output_item.added", output_index=0, item=item),
                typed("response.content_part.added", part=self._part(""), **self._AT)]

    def pieces(self, text, model):
        return [typed("response.output_text.delta", delta=word, **self._AT) for word in words_of(text)]

    def finish(self, request, text, model, usage):
        return [typed("response.output_text.done", text=text, **self._AT),
                typed("response.content_part.done", part=self._part(text), **self._AT),
                typed("response.output_item.done", output_index=0, item=self._item(text)),
                typed("response.completed", response=self._response(text, model, usage))]

    def end(self, text, model, usage):
        return []

    def broken_event(self):
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.del\n\n'

    def begun(self, request):
        last = request.json["input"]
        if isinstance(last, str) or last[-1].get("role") != "assistant":
            return None
        content = last[-1]["content"]
        return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)

    def error(self, kind, status=400):
        return Chat().error(kind, status)

    def _part(self, text):
        return {"type": "output_text", "text": text, "annotations": []}

    def _item(self, text):
        return {"type": "message", "id": "msg_T1", "role": "assistant", "status": "completed",
                "content": [self._part(text)]}

    def _response(self, text, model, usage):
        told = {"id": "resp_T1", "object": "response", "created_at": 1790000000, "model": model,
                "status": "in_progress" if text is None else "completed", "error": None,
                "incomplete_details": None, "output": [] if text is None else [self._item(text)],
                "usage": None}
        if usage is not None:
            told["usage"] = {"input_tokens": usage[0], "input_tokens_details": {"cached_tokens": 0},
                             "output_tokens": usage[1], "total_tokens": sum(usage),
                             "output_tokens_details": {"reasoning_tokens": 0}}
        return told


class Converse(Speech):
    """Bedrock's: an event stream of AWS's, whose counts come behind the end; and it never says which model it is."""
    dialect = "converse"
    path = ""
    head = bedrock.STREAM_HEAD
    names_model = False

    def streamed(self, request) -> bool:
        return request.target.endswith("/converse-stream")

    def model(self, request) -> str:
        return urllib.parse.unquote(request.target.split("/")[2])

    def whole(self, text, model, usage):
        answer = json.loads(bedrock.answer(text))
        return json.dumps({**answer, "usage": self._usage(usage)}).encode()

    def start(self, model):
        return [bedrock.START]

    def pieces(self, text, model):
        return [bedrock.text_delta(word) for word in words_of(text)]

    def finish(self, request, text, model, usage):
        return [bedrock.event("contentBlockStop", contentBlockIndex=0), bedrock.stop(),
                bedrock.metadata(self._usage(usage))]

    def end(self, text, model, usage):
        return []

    def broken_event(self):
        return bedrock.message({":event-type": "contentBlockDelta", ":content-type": "application/json",
                                ":message-type": "event"}, b'{"delta":{"te')

    def begun(self, request):
        last = request.json["messages"][-1]
        if last["role"] != "assistant":
            return None
        return "".join(block["text"] for block in last["content"])

    def error(self, kind, status=400):
        texts = {BROKEN: f"status {status}", TOO_LONG: "Input is too long for requested model.",
                 FILTERED: "The model returned the following errors: Output blocked by content filtering policy",
                 PREFILL: TEXTS[PREFILL]}
        return json.dumps({"message": texts[kind]}).encode()

    def fields(self, kind, status):
        known = {429: "ThrottlingException", 500: "InternalServerException", 503: "ServiceUnavailableException"}
        name = known.get(status, "ValidationException" if status < 500 else "InternalServerException")
        return [f"x-amzn-errortype: {name}:http://internal.amazon.com/coral/com.amazon.bedrock/"]

    def _usage(self, usage):
        return {"inputTokens": usage[0], "outputTokens": usage[1], "totalTokens": sum(usage)}


TEXTS = {
    TOO_LONG: "This model's maximum context length is 8192 tokens, however you requested 20000 tokens.",
    FILTERED: "Your request was rejected as a result of our safety system.",
    PREFILL: "This model does not support assistant message prefill.",
}
SPEECHES = {speech.dialect: speech for speech in (Chat(), Messages(), Gemini(), Responses(), Converse())}
