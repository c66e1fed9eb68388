"""Scripted models for sessions with tools, in the words of each upstream API: what they say next is chosen from what
the conversation offers and has brought so far, whatever client began it. And one that is overloaded."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import zlib
from collections.abc import Callable

from harness import (DONE, FINISH, ROLE, Upstream, completion, config, event, plain, sse, status, usage_event,
                     words)
from natives import (MESSAGE_STOP, anthropic_error, block_delta, block_start, block_stop, candidate, events,
                     google_error, google_event, message, message_delta, message_start, native, text_events)
from tests.support.daemon import Daemon

# A primary that is down, in each API.
DOWN = {"chat": status(503), "messages": status(529, anthropic_error("overloaded_error", "Overloaded")),
        "gemini": status(503, google_error(503, "UNAVAILABLE", "Overloaded"))}


@dataclasses.dataclass
class Call:
    """Of a tool."""
    name: str
    arguments: dict


@dataclasses.dataclass
class Asked:
    """A request, as a model looks at it."""
    tools: set[str]
    turns: list[tuple[str, str]]    # who speaks ("user", "assistant", ..., "result") and what, as JSON text

    @property
    def results(self) -> list[str]:
        """Of tools, in order."""
        return [text for who, text in self.turns if who == "result"]

    @property
    def fresh(self) -> list[str]:
        """The results since the user last spoke."""
        last = max((i for i, (who, _) in enumerate(self.turns) if who == "user"), default=-1)
        return [text for who, text in self.turns[last + 1:] if who == "result"]


Choose = Callable[[Asked], "str | Call"]


class OfChat:
    paths = ("/chat/completions",)

    def asked(self, request) -> Asked:
        body = request.json
        turns = [("result" if turn["role"] == "tool" else turn["role"], json.dumps(turn.get("content")))
                 for turn in body["messages"]]
        return Asked({tool["function"]["name"] for tool in body.get("tools") or []}, turns)

    def plain(self, said):
        if isinstance(said, str):
            return plain(completion(said))
        return plain(completion(choices=[{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": None, "tool_calls": [self._call(said, said.arguments)]}}]))

    def streamed(self, said):
        if isinstance(said, str):
            return sse([ROLE, *words(said), FINISH, usage_event(), DONE])
        text = json.dumps(said.arguments)
        pieces = [text[i:i + 7] for i in range(0, len(text), 7)]
        return sse([ROLE, event({"content": "I look."}),
                    event({"tool_calls": [{"index": 0, **self._call(said, None)}]}),
                    *(event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
                      for piece in pieces),
                    event({}, "tool_calls"), usage_event(), DONE])

    def streams(self, request) -> bool:
        return request.wants_stream

    def _call(self, call, arguments):
        return {"id": call_id("call", call), "type": "function", "function": {
            "name": call.name, "arguments": json.dumps(arguments) if arguments else ""}}


class OfMessages:
    paths = ("/messages",)

    def asked(self, request) -> Asked:
        body = request.json
        turns = []
        for turn in body["messages"]:
            blocks = turn["content"]
            if isinstance(blocks, str):
                blocks = [{"type": "text", "text": blocks}]
            turns += [("result" if block["type"] == "tool_result" else turn["role"], json.dumps(block))
                      for block in blocks]
        return Asked({tool["name"] for tool in body.get("tools") or []}, turns)

    def plain(self, said):
        if isinstance(said, str):
            return plain(message(said))
        return plain(message(content=[{"type": "text", "text": "I look."}, {
            "type": "tool_use", "id": call_id("toolu", said), "name": said.name,
            "input": said.arguments}], stop_reason="tool_use"))

    def streamed(self, said):
        if isinstance(said, str):
            return events([message_start(), block_start(), *text_events(said), block_stop(), message_delta(),
                           MESSAGE_STOP])
        text = json.dumps(said.arguments)
        return events([message_start(), block_start(), *text_events("I look."), block_stop(),
                       block_start(1, type="tool_use", id=call_id("toolu", said), name=said.name, input={}),
                       *(block_delta(1, type="input_json_delta", partial_json=text[i:i + 7])
                         for i in range(0, len(text), 7)),
                       block_stop(1), message_delta("tool_use"), MESSAGE_STOP])

    def streams(self, request) -> bool:
        return request.wants_stream


class OfGemini:
    paths = (":generateContent", ":streamGenerateContent")

    def asked(self, request) -> Asked:
        body = request.json
        turns = [("result" if "functionResponse" in part else turn.get("role", "user"), json.dumps(part))
                 for turn in body["contents"] for part in turn["parts"]]
        names = {one["name"] for tool in body.get("tools") or [] for one in tool["functionDeclarations"]}
        return Asked(names, turns)

    def plain(self, said):
        return plain(self._candidate(said))

    def streamed(self, said):
        return events([google_event(self._candidate(said))])

    def streams(self, request) -> bool:
        return ":streamGenerateContent" in request.target

    def _candidate(self, said):
        if isinstance(said, str):
            return candidate(said)
        return candidate({"functionCall": {"name": said.name, "args": said.arguments},
                          "thoughtSignature": "Eqo="})


APIS = {"chat": OfChat(), "messages": OfMessages(), "gemini": OfGemini()}


NO_SUCH_PATH = status(404, "404 page not found", content_type="text/plain")


def call_id(style: str, call: Call) -> str:
    """Its last digits are put in when it is sent."""
    return f"{style}_{zlib.crc32(json.dumps(call.arguments).encode()):08x}_T1"


def agent(dialect: str, choose: Choose, seen: list[Asked] | None = None):
    """An upstream that speaks this API, and nothing else."""
    api = APIS[dialect]
    numbers = itertools.count(10)

    def answer(connection, request):
        if not request.target.partition("?")[0].endswith(api.paths):
            connection.send(NO_SUCH_PATH)
            return
        asked = api.asked(request)
        if seen is not None:
            seen.append(asked)
        said = choose(asked)
        told = api.streamed(said) if api.streams(request) else api.plain(said)
        # Ids are never the same twice: clients take what has the same id for the same.
        number = b"%02d" % next(numbers)
        for before in (b"-", b"_", b'"'):
            told = told.replace(before + b'T1"', before + number + b'"')
        connection.send(told)
    return answer


def weather(asked: Asked) -> "str | Call":
    """Asks for the weather of two cities, one behind the other, where it may; then says both."""
    cities = ["Oslo", "Bergen"]
    if "get_weather" not in asked.tools or len(asked.fresh) == len(cities):
        return "Oslo has 3 degrees, Bergen 5." if asked.fresh else "Hello."
    return Call("get_weather", {"city": cities[len(asked.fresh)]})


# ---------------------------------------------------------------- a daemon between

TOO_LONG = {"chat": status(400, {"error": {
                "message": "This model's maximum context length is 8192 tokens, however you requested 9000.",
                "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
            "messages": status(400, anthropic_error("invalid_request_error",
                                                    "prompt is too long: 9000 tokens > 8192 maximum")),
            "gemini": status(400, google_error(400, "INVALID_ARGUMENT", "The input token count (9000) exceeds "
                                               "the maximum number of tokens allowed (8192)."))}
LIMITED = {"chat": status(429), "messages": status(429, anthropic_error("rate_limit_error", "status 429")),
           "gemini": status(429, google_error(429, "RESOURCE_EXHAUSTED", "status 429"))}


def breaks_off(dialect: str):
    """Two words of a stream, and its end without an end."""
    said = {"chat": [ROLE, *words("Oslo has")],
            "messages": [message_start(), block_start(), *text_events("Oslo has")],
            "gemini": [google_event(candidate("Oslo has", finish=None))]}[dialect]

    def answer(connection, request):
        if not request.target.partition("?")[0].endswith(APIS[dialect].paths):
            connection.send(NO_SUCH_PATH)
            return
        connection.send(events(said, last=b""))
        connection.close()
    return answer


@contextlib.contextmanager
def crossing():
    """A daemon whose routes are told by the model: `on-chat`, `on-messages` and `on-gemini` have a primary of another
    API, which is down, and a backup that works; at `too-long-...` and `limited-...` nobody takes the request, and
    `broken-...` break off. Yields the daemon and what each backup was asked."""
    seen = {dialect: [] for dialect in APIS}
    answers = {f"{kind}-{dialect}": answer
               for kind, of in (("down", DOWN), ("too-long", TOO_LONG), ("limited", LIMITED))
               for dialect, answer in of.items()}
    answers |= {f"up-{dialect}": agent(dialect, weather, seen[dialect]) for dialect in APIS}
    answers |= {f"broken-{dialect}": breaks_off(dialect) for dialect in APIS}
    with contextlib.ExitStack() as stack:
        entries = [native(stack.enter_context(Upstream(answer)), name, name.rpartition("-")[2], model="other-m")
                   for name, answer in answers.items()]
        others = dict(zip(APIS, [*APIS][1:] + [*APIS][:1]))
        chains = {f"on-{dialect}": [f"down-{others[dialect]}", f"up-{dialect}"] for dialect in APIS}
        chains |= {name: [name] for name in answers if not name.startswith(("down", "up"))}
        daemon = stack.enter_context(Daemon(config(*entries, routes=[
            {"model": model, "chain": chain, "retries": 0} for model, chain in chains.items()])))
        yield daemon, seen
