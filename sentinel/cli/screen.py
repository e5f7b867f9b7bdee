"""`sentinel screen`: JSON lines in, JSON lines out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sentinel.guard.screening import NotLoaded, ScreenRequest
from sentinel.sdk import Guard

_decoder = msgspec.json.Decoder(ScreenRequest)
_encoder = msgspec.json.Encoder()


def screen(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Configuration file (default: the built-in defaults)."),
    ] = None,
    detectors: Annotated[
        str,
        typer.Option(help="Run these detectors whatever the rules say, and fill `scores`: a,b."),
    ] = "",
) -> None:
    """Screen texts: JSON lines on stdin, one JSON line of result for each on stdout.

    In:  {"id": "1", "stage": "input" | "output", "text": "...", "question": "...", "context": ["..."]}

    Besides: "system" (system prompt), "schema" (JSON Schema of the answer), "detectors", "route", "model",
    "tenant". Documents in "context" are screened with a prompt, and an answer is compared with them.

    Out: {"id", "action", "text", "findings", "scores", "decision_id", "policy", "elapsed_us", ...}

    A malformed line is told on stderr with its number and does not stop the rest; the exit status is then 1.
    A mistake in the configuration (a model that cannot be loaded) ends the run.
    """
    names = tuple(name.strip() for name in detectors.split(",") if name.strip())
    guard = Guard.from_config(config, names)
    bad = 0
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed} screened"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("screen", total=None)
        for number, line in enumerate(sys.stdin.buffer, 1):
            if not line.strip():
                continue
            try:
                request = _decoder.decode(line)
                if names:
                    request = msgspec.structs.replace(request, detectors=(*request.detectors, *names))
                result = guard.screen_request(request)
            except (msgspec.DecodeError, UnicodeDecodeError, NotLoaded) as error:
                bad += 1
                told = f"line {number}: {_reason(error)}"
                console.print(told, markup=False, highlight=False, soft_wrap=True)
                continue
            sys.stdout.buffer.write(_encoder.encode(result) + b"\n")
            sys.stdout.buffer.flush()
            progress.advance(task)
    if bad:
        console.print(f"{bad} malformed line{'s' if bad > 1 else ''}", markup=False)
        raise typer.Exit(1)


def _reason(error: Exception) -> str:
    """Why a line is malformed. msgspec names keys and positions, never values."""
    if isinstance(error, NotLoaded):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    return f"{error}; a line is " + '{"id": "1", "stage": "input", "text": "..."}'
