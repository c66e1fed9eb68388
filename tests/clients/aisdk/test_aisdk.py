"""The daemon and the upstreams for sdk.test.mjs, which node runs in FOLDER, where npm has put the packages."""

import os
import pathlib
import re
import subprocess

from agents import crossing
from tests.support.daemon import ROOT

FOLDER = pathlib.Path(os.environ["FOLDER"])
LIMIT_SECONDS = 240


def node(*arguments: str, **variables: str):
    return subprocess.run([os.environ["NODE"], *arguments], cwd=FOLDER, env={**os.environ, **variables},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS)


def test_the_ai_sdk_on_upstreams_of_another_api():
    with crossing() as (daemon, seen):
        done = node("--test", "--test-concurrency=1", "sdk.test.mjs", GATEWAY=daemon.url)
        assert done.returncode == 0, done.stdout
        assert all(seen.values()), "an upstream was never asked"


def test_the_recipe_of_the_page_works_as_it_stands():
    page = (ROOT / "docs/clients.md").read_text()
    [code] = re.findall(r"```js\n(.*?)```", page, re.S)
    with crossing() as (daemon, _):
        code = code.replace("http://127.0.0.1:8080", daemon.url).replace('"gpt-5"', '"on-messages"')
        (FOLDER / "recipe.mjs").write_text(code)
        done = node("recipe.mjs")
    assert done.stdout == "Hello.\n", done.stdout + done.stderr
