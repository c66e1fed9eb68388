#!/usr/bin/env python3
"""Brings the facts of published price lists over into the built-in table.

    config/prices/update.py              the newest list, and OpenRouter's routes
    config/prices/update.py --check      says what would change, writes nothing; exit code 1 if anything

The lists are data files inside releases of the Python package `litellm` (MIT), which `pip download`
fetches; nothing of the package is installed or run. Its later releases have no routes of OpenRouter any
more, so those come from an earlier one (--openrouter VERSION). overrides.json has the last word: what a
provider publishes and the list has otherwise, or not at all, each with its source.

The result is builtin.prices, a line for each model as metrics/packed_price.hpp describes it, in the order
of the names: `git diff` shows what became dearer.
"""
import argparse
import decimal
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
LIST = "litellm/model_prices_and_context_window_backup.json"

# Whose models an upstream can have: providers of the presets (config/presets.cpp), hosts that are known
# without one (config/provider_hosts.cpp), and names that are bare.
PROVIDERS = """
    anthropic azure azure_ai bedrock bedrock_converse cerebras cohere cohere_chat dashscope deepinfra
    deepseek fireworks_ai gemini groq huggingface minimax mistral moonshot nvidia_nim ollama openai
    openrouter perplexity sambanova together_ai xai zai
""".split()

RATES = {  # member: letter
    "input_cost_per_token": "i",
    "output_cost_per_token": "o",
    "cache_read_input_token_cost": "r",
    "cache_creation_input_token_cost": "w",
    "cache_creation_input_token_cost_above_1hr": "h",
    "output_cost_per_reasoning_token": "t",
    "input_cost_per_audio_token": "a",
    "cache_read_input_audio_token_cost": "c",
    "output_cost_per_audio_token": "s",
    "input_cost_per_image_token": "m",
    "output_cost_per_image_token": "n",
}
SERVICES = {"": "", "priority": "p", "flex": "f", "batches": "b"}
# Names that hold a size ("1024-x-1024/gpt-image-1") are names of prices, not of models.
SIZED = re.compile(r"(\w+/)?(\d+-x-\d+|(low|medium|high|standard|hd)/\d+-x-\d+|\d+-steps|max-steps)/")
MOST_PER_TOKEN = decimal.Decimal("0.001")  # as the loader of price files has it
MOST_PER_PIECE = decimal.Decimal(1000)
MOST_ALIASES = 8  # one of the other: in a circle they end somewhere


def fetch(version, folder):
    """The price list of one release of the package, numbers as they are written."""
    wanted = "litellm" + (f"=={version}" if version else "")
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                    "-d", folder, wanted], check=True)
    wheel = max(pathlib.Path(folder).glob("litellm-*.whl"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(LIST)
    release = wheel.name.split("-")[1]
    wheel.unlink()
    return release, json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def split_member(name):
    """"output_cost_per_token_above_272k_tokens_flex" -> ("output_cost_per_token", 272000, "flex")."""
    service, above = "", 0
    for suffix in ("priority", "flex", "batches"):
        if name.endswith("_" + suffix):
            service, name = suffix, name[: -len(suffix) - 1]
    tier = re.fullmatch(r"(.+)_above_(\d+)k_tokens", name)
    if tier:
        name, above = tier[1], int(tier[2]) * 1000
    return name, above, service


def per_million(usd):
    text = f"{(usd * 1_000_000).quantize(decimal.Decimal('0.000001')):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text[1:] if text.startswith("0.") else text or "0"


class Unusable(Exception):
    pass


def number(entry, name, most):
    value = entry[name]
    if not isinstance(value, decimal.Decimal) or not 0 <= value <= most:
        raise Unusable(f"{name} is {value}")
    return value


def groups_of(entry):
    """{(above, service): {letter: USD}}"""
    groups = {(0, ""): {}}
    for name in entry:
        base, above, service = split_member(name)
        if base in RATES and entry[name] is not None:
            groups.setdefault((above, service), {})[RATES[base]] = number(entry, name, MOST_PER_TOKEN)
    base = groups[(0, "")]
    if "input_cost_per_token_cache_hit" in entry:
        base.setdefault("r", number(entry, "input_cost_per_token_cache_hit", MOST_PER_TOKEN))
    for tier in entry.get("tiered_pricing") or []:
        if "range" not in tier:
            continue
        target = groups.setdefault((int(tier["range"][0]), ""), {})
        for name in tier:
            if name in RATES:
                target.setdefault(RATES[name], number(tier, name, MOST_PER_TOKEN))
    return groups


def pieces_of(entry):
    pieces = {}
    if "input_cost_per_request" in entry:
        pieces["q"] = number(entry, "input_cost_per_request", MOST_PER_PIECE)
    if entry.get("mode") in ("image_generation", "image_edit"):
        for name in ("output_cost_per_image", "input_cost_per_image"):
            if name in entry:
                pieces.setdefault("g", number(entry, name, MOST_PER_PIECE))
    return pieces


def tokens(entry, name):
    if entry.get("litellm_provider") == "ollama":
        return 0  # a server of one's own: it is started with any window
    value = entry.get(name)
    return int(value) if isinstance(value, decimal.Decimal) and 1 <= value <= 10**9 else 0


def pack(key, entry):
    """The line of a model; None: it has nothing that could be counted."""
    groups, pieces = groups_of(entry), pieces_of(entry)
    base = groups[(0, "")]
    if not pieces and "i" not in base and "o" not in base:
        return None
    def text(rates):
        order = "".join(RATES.values()) + "qg"
        return "".join(letter + per_million(rates[letter]) for letter in order if letter in rates)
    parts = [text({**base, **pieces})]
    services = list(SERVICES)
    for above, service in sorted(groups, key=lambda g: (g[0], services.index(g[1]))):
        if (above, service) != (0, "") and groups[(above, service)]:
            label = (f">{above}" if above else "") + SERVICES[service]
            parts.append(label + ":" + text(groups[(above, service)]))
    return "\t".join([key, entry.get("litellm_provider", ""), str(tokens(entry, "max_input_tokens")),
                      str(tokens(entry, "max_output_tokens")), "|".join(parts)])


def meant(prices, entry):
    """What an alias stands for; one of another alias stands for what that does."""
    for _ in range(MOST_ALIASES):
        entry = prices.get(entry.get("alias_of"), entry)
    return entry


def table(prices):
    lines, left_out = [], []
    for key, entry in prices.items():
        if not isinstance(entry, dict) or key == "sample_spec":
            continue
        entry = meant(prices, entry)
        if entry.get("litellm_provider") not in PROVIDERS or any(ord(c) < 32 for c in key):
            continue
        if SIZED.match(key):
            continue
        try:
            line = pack(key, entry)
        except Unusable as why:
            left_out.append(f"{key}: {why}")
            continue
        if line:
            lines.append(line)
    lines.sort(key=lambda line: line.split("\t")[0].encode())
    return lines, left_out


def overridden(prices):
    """The list with overrides.json over it; a member that is null there is taken out."""
    text = (HERE / "overrides.json").read_text(encoding="utf-8")
    for row in json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)["models"]:
        entry = dict(prices.get(row["model"], {}))
        entry.update(row["set"])
        prices[row["model"]] = {name: value for name, value in entry.items() if value is not None}
    return prices


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--litellm", metavar="VERSION", default="", help="another than the newest")
    options.add_argument("--openrouter", metavar="VERSION", default="1.106.1",
                         help="of the release that OpenRouter's routes come from (%(default)s)")
    options.add_argument("--check", action="store_true", help="write nothing")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release, prices = fetch(options.litellm, folder)
        routes_release, routes = fetch(options.openrouter, folder)
    for key, entry in routes.items():
        if key.startswith("openrouter/"):
            prices.setdefault(key, entry)
    lines, left_out = table(overridden(prices))
    for why in left_out:
        print("left out:", why, file=sys.stderr)
    target = HERE / "builtin.prices"
    new = "\n".join(lines) + "\n"
    old = target.read_text(encoding="utf-8") if target.exists() else ""
    changed = len(set(new.splitlines()) ^ set(old.splitlines()))
    print(f"{len(lines)} models of {release} and {routes_release}, {len(new)} bytes, "
          f"{changed} lines differ", file=sys.stderr)
    if options.check:
        sys.exit(1 if changed else 0)
    target.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
