"""What of a value in a streamed answer reaches the client: through the LiteLLM proxy with its content filter,
and through the sidecar, from the same stand-in model. `python -m bench.leaks`

Each value stands in a sentence, and is streamed at 1, 3, 7 and 20 characters a chunk. Both are told to cover
all of it. Leaked is the longest piece of the value, of 4 characters or more, in what was received; lost is
what of the text after the value was not received. Values that a system does not find in a whole answer are
told apart, and none of their streams counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import difflib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
from rich.console import Console
from rich.progress import track

from bench.http import printing_port
from bench.litellm_proxy import MODEL, litellm
from bench.litellm_values import Planted, planted
from bench.programs import sidecar
from bench.report import save, table

CHUNKS = (1, 3, 7, 20)
_LEAST = 4
_LABEL = re.compile(r"\[[A-Z_]+_REDACTED\]|<[A-Z_]+>")
_QUESTION = "What do we have on file?"
RULES = {
    "rules": [
        {
            "id": "bench-pii",
            "level": "high",
            "stage": "output",
            "detect": {
                "detector": "pii",
                "type": ["EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN", "IBAN_CODE", "PHONE_NUMBER"],
                "score": 0.4,
            },
            "action": "redact",
        },
        {
            "id": "bench-secrets",
            "level": "high",
            "stage": "output",
            "detect": {"detector": "secrets", "score": 0.8},
            "action": "redact",
        },
    ]
}


class Leak(NamedTuple):
    kind: str
    leaked: int
    lost: int


class Told(NamedTuple):
    """Of one system."""

    leaks: list[Leak]
    missed: list[str]
    """The kind of each value that it did not find in a whole answer."""


def leaked(value: str, received: str) -> int:
    """Characters of the longest common piece; 0 for one that is too short to be told from chance."""
    shown = _LABEL.sub("\n\n", received)
    matcher = difflib.SequenceMatcher(None, value, shown, autojunk=False)
    size = matcher.find_longest_match().size
    return size if size >= _LEAST else 0


def lost(after: str, received: str) -> int:
    """Characters of `after` that are not at the end of what was received."""
    return next(start for start in range(len(after) + 1) if received.endswith(after[start:]))


async def _answer(session: aiohttp.ClientSession, address: str, seed: int, size: int) -> str:
    """The text of an answer, streamed in chunks of `size` characters; 0 asks for the whole."""
    question = {"role": "user", "content": _QUESTION}
    asked = {
        "model": MODEL,
        "messages": [question],
        "seed": seed,
        "max_tokens": size or 1,
        "stream": size > 0,
    }
    async with session.post(f"http://{address}/v1/chat/completions", json=asked) as response:
        body = await response.text()
        if response.status != 200:
            raise SystemExit(f"{address} answered {response.status}: {body[:500]}")
    if not size:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
    choices = [choice for event in events for choice in json.loads(event).get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def told(name: str, address: str, values: list[Planted]) -> Told:
    leaks, missed = [], []
    async with aiohttp.ClientSession() as session:
        for seed, each in enumerate(track(values, name, console=Console(stderr=True))):
            if leaked(each.value, await _answer(session, address, seed, 0)):
                missed.append(each.kind)
                continue
            for size in CHUNKS:
                received = await _answer(session, address, seed, size)
                leaks.append(Leak(each.kind, leaked(each.value, received), lost(each.after, received)))
    return Told(leaks, missed)


@contextlib.contextmanager
def systems(values: list[Planted]) -> Iterator[dict[str, str]]:
    """LiteLLM and the sidecar before the stand-in model: their addresses."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "texts").write_text(json.dumps([each.text for each in values]))
        (folder / "rules.yaml").write_text(json.dumps(RULES))
        upstream, _ = stack.enter_context(printing_port("bench.litellm_upstream", str(folder / "texts")))
        ours = stack.enter_context(sidecar(upstream, [str(folder / "rules.yaml")], way="http"))
        yield {"LiteLLM": stack.enter_context(litellm(upstream)).address, "Sentinel": ours.address}


def rows(values: list[Planted], found: dict[str, Told]) -> Iterator[list[str]]:
    for kind in dict.fromkeys(each.kind for each in values):
        cells = []
        for each in found.values():
            leaks = [leak for leak in each.leaks if leak.kind == kind]
            out = [leak.leaked for leak in leaks if leak.leaked]
            gone = [leak.lost for leak in leaks]
            cells += [f"{len(out)} of {len(leaks)}", str(max(out, default=0)), str(max(gone, default=0))]
            if missed := each.missed.count(kind):
                cells[-3] += f" ({missed} values not found)"
        yield [kind, *cells]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--values", type=int, default=8, help="values of each kind (default 8)")
    values = planted(parser.parse_args().values)
    with systems(values) as addresses:
        found = {name: asyncio.run(told(name, address, values)) for name, address in addresses.items()}
    head = ["streamed value"]
    for name in found:
        head += [f"{name}: streams that leak", "most characters leaked", "most text lost after it"]
    body = list(rows(values, found))
    table("Leaks of values that straddle chunks", head, body)
    save("leaks", head, body)


if __name__ == "__main__":
    main()
