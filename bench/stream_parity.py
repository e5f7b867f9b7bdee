"""Every labelled text, streamed in pieces of 1, 3 and 7 characters, against the whole text in one piece.

    python -m bench.stream_parity --data DIR [--sample N]

DIR holds `pii/*.jsonl.gz`, whose rows have text fields. Rules: the bundled packs.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from bench.patterns import texts_of
from bench.programs import request_message
from bench.report import save, table
from bench.stream_peers import METHOD, message
from sentinel.adapters.open_inference import OpenInference, OpenInferenceConfig
from sentinel.core.exchange import CallContext, Role, TextPart
from sentinel.core.redact import Redactor
from sentinel.detectors.registry import DetectorsConfig
from sentinel.guard.answer import open_answer
from sentinel.guard.commands import Answer, Command, Cut, Inspect, Send, StreamCommand
from sentinel.guard.events import Event, Inspected, RequestRead, ResponseRead
from sentinel.guard.screener import Screener, load_screener
from sentinel.guard.session import Session
from sentinel.pb.open_inference_pb2 import ModelStreamInferResponse
from sentinel.policy.load import bundled_rules

_SIZES = (1, 3, 7)
_REDACTOR = Redactor(b"a key of the benchmark's own....", "bench")


def told(session: Session, event: Event) -> Command:
    command = session.receive(event)
    while isinstance(command, Inspect):
        command = session.receive(
            Inspected(
                session.screener.inspect(command.texts, command.needs, backgrounds=command.backgrounds), 0
            )
        )
    return command


def asked(screener: Screener) -> Session:
    session = Session(screener, CallContext(METHOD), "0" * 32, _REDACTOR)
    told(session, RequestRead([TextPart(Role.PROMPT, "hi", "p")]))
    return session


def whole(screener: Screener, text: str) -> str | None:
    """The answer as it leaves in one piece; None when it is refused."""
    command = told(asked(screener), ResponseRead([TextPart(Role.ANSWER, text, "a")]))
    if not isinstance(command, Answer):
        return None
    return command.texts[0] if command.texts else text


def streamed(screener: Screener, adapter: OpenInference, text: str, size: int) -> tuple[str, bool]:
    """What leaves of the answer in pieces, and whether it is cut."""
    call = adapter.open_call(METHOD, {})
    answer, _ = call.open(adapter.decode_request(METHOD, request_message("hi")), b"")
    screen = open_answer(asked(screener), answer)
    assert screen is not None
    commands: list[StreamCommand] = []
    for start in range(0, len(text), size):
        commands += screen.take(call.feed(message(text[start : start + size])).elements, 0.0)
        if commands and isinstance(commands[-1], Cut):
            break
    commands += screen.close(0.0)
    left = "".join(said(command.data) for command in commands if isinstance(command, Send))
    return left, any(isinstance(command, Cut) for command in commands)


def said(data: bytes) -> str:
    raw = ModelStreamInferResponse.FromString(data).infer_response.raw_output_contents
    return b"".join(each[4:] for each in raw).decode()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="directory with pii/")
    parser.add_argument("--sample", type=int, default=0, help="so many texts instead of all")
    options = parser.parse_args()
    texts = list(texts_of(options.data / "pii"))
    if options.sample:
        texts = random.Random(1).sample(texts, min(options.sample, len(texts)))
    with tempfile.TemporaryDirectory() as cache:
        screener = load_screener([bundled_rules()], DetectorsConfig(), Path(cache))
    adapter = OpenInference(OpenInferenceConfig())
    edited = refused = 0
    differing = dict.fromkeys(_SIZES, 0)
    for text in track(texts, "texts", console=Console(stderr=True)):
        expected = whole(screener, text)
        edited += expected is not None and expected != text
        refused += expected is None
        for size in _SIZES:
            left, cut = streamed(screener, adapter, text, size)
            differing[size] += cut is not (expected is None) or (expected is not None and left != expected)
    head = ["texts", "edited", "refused", *(f"differ at {size} a piece" for size in _SIZES)]
    rows = [[f"{len(texts):,}", f"{edited:,}", f"{refused:,}", *(str(differing[size]) for size in _SIZES)]]
    table("Streamed against whole", head, rows)
    save("stream-parity", head, rows)
    if any(differing.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
