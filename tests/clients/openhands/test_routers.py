"""The recipes of docs/openhands.md for the SDK's routers, loaded as they stand there, beside the routers."""

import collections
import json
import pathlib
import re

import pytest

from openhands.sdk import ImageContent, Message, TextContent
from openhands.sdk.llm.router import MultimodalRouter, RandomRouter

from harness import well
from sdk import llm, plain_llm, store, text_of

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs/openhands.md"
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
         "AABJRU5ErkJggg==")


def recipe(word: str) -> str:
    [found] = [block for block in re.findall(r"```\n(.*?)```", DOCS.read_text(), re.DOTALL)
               if word in block]
    assert found.startswith("profiles: ~/.openhands/profiles\n")
    return found


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".openhands/profiles").mkdir(parents=True)
    return tmp_path


def said(*parts) -> list[Message]:
    return [Message(role="user", content=list(parts))]


def test_the_multimodal_router_and_its_recipe_choose_the_same(home, upstream, start):
    names = ("primary", "secondary")
    there = {name: upstream(well(name)) for name in names}
    models = {name: llm("openai/" + name, one.url,
                        **({"max_input_tokens": 120_000} if name == "secondary" else
                           {"capability_overrides": {"supports_vision": True}}))
              for name, one in there.items()}
    router = MultimodalRouter(usage_id="router", llms_for_routing=models)
    store(home / ".openhands/profiles", **models)
    daemon = start(recipe("images: true"), env={"HOME": str(home)})
    through = plain_llm(daemon, "any", capability_overrides={"supports_vision": True})
    rows = [
        (said(TextContent(text="Short.")), "secondary"),
        (said(TextContent(text="Look."), ImageContent(image_urls=[PIXEL])), "primary"),
        (said(TextContent(text="word " * 150_000)), "primary"),
        (said(TextContent(text="word " * 60_000)), "secondary"),
    ]
    for messages, expected in rows:
        assert text_of(router.completion(messages)) == expected
        assert text_of(through.completion(messages)) == expected


def test_the_random_router_and_its_recipe_share_alike(home, upstream, start):
    names = ("first", "second", "third")
    there = {name: upstream(well(name)) for name in names}
    models = {name: llm("openai/" + name, one.url) for name, one in there.items()}
    router = RandomRouter(usage_id="router", llms_for_routing=models)
    store(home / ".openhands/profiles", **models)
    daemon = start(recipe("by: random"), env={"HOME": str(home)})
    through = plain_llm(daemon, "any")
    messages = said(TextContent(text="Any of you."))
    for ask in (router, through):
        counts = collections.Counter(text_of(ask.completion(messages)) for _ in range(90))
        # Binomial, n = 90, p = 1/3: mean 30, six standard deviations are 27.
        assert set(counts) == set(names) and all(3 < count < 57 for count in counts.values())


def test_explain_says_for_a_saved_request_which_route_takes_it(home, upstream):
    from tests.support.daemon import run
    store(home / ".openhands/profiles", primary=llm("openai/a", "http://127.0.0.1:9/v1"),
          secondary=llm("openai/b", "http://127.0.0.1:9/v1"))
    (home / "understudy.yaml").write_text(recipe("images: true"))
    for content, expected in [("Hi", "secondary"), ([{"type": "image_url", "image_url": {
            "url": PIXEL}}], "primary")]:
        (home / "request.json").write_text(json.dumps({
            "model": "any", "messages": [{"role": "user", "content": content}]}))
        process = run("explain", "--request", "request.json", env={"HOME": str(home)}, cwd=str(home))
        assert process.returncode == 0
        assert expected in "\n".join(process.stdout_lines())
