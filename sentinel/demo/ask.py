"""One question through a real gRPC client: `python -m sentinel.demo.ask --address HOST:PORT "..."`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from sentinel.demo.client import Result, run_conversations
from sentinel.demo.conversations import Conversation
from sentinel.demo.model import MODEL


def main() -> int:
    """The exit status: 1 when there was no answer, or it was refused."""
    parser = argparse.ArgumentParser(prog="python -m sentinel.demo.ask", description=__doc__)
    parser.add_argument("prompt")
    parser.add_argument("--address", default="127.0.0.1:8081", help="of the sidecar (default %(default)s)")
    parser.add_argument("--model", default=MODEL, help="the model's name (default %(default)s)")
    parser.add_argument("--stream", action="store_true", help="ask over the streaming method")
    chosen = parser.parse_args()
    conversation = Conversation("ask", chosen.prompt, "allow", "", stream=chosen.stream)
    (result,) = asyncio.run(run_conversations(chosen.address, _print, [conversation], model=chosen.model))
    return 0 if result.code == "OK" else 1


def _print(result: Result) -> None:
    if result.code == "OK":
        print(result.answer)
    else:
        print(f"{result.code}: {result.message}")
    for name, value in sorted(result.details.items()):
        print(f"  {name}: {value}")
    if result.exchange_id:
        print(f"[{result.action or 'not read'}; exchange {result.exchange_id}]")


if __name__ == "__main__":
    sys.exit(main())
