"""`sentinel records`: what was decided lately, and why."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentinel.core.decision import Action
from sentinel.core.record import Screened

_STYLES = {"allow": "green", "flag": "yellow", "redact": "magenta", "block": "bold red"}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PIPED_WIDTH = 180
_WIDE = 130


def records(
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=100_000, help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines with everything that is kept.")] = False,
    since: Annotated[str, typer.Option(help="Only from then on: 90s, 15m, 2h, 7d or an ISO time.")] = "",
    action: Annotated[
        str, typer.Option(help="Only these outcomes: allow, flag, redact, block; several with commas.")
    ] = "",
    route: Annotated[str, typer.Option(help="Only this route.")] = "",
    exchange: Annotated[str, typer.Option(help="Only the exchange with this id.")] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Configuration file (default: the built-in defaults)."),
    ] = None,
) -> None:
    """Show the latest exchanges: what was decided, by which rule, for which findings. Newest last.

    Works beside a running sidecar and without one.
    """
    from sentinel.config import load_config
    from sentinel.store.base import open_store
    from sentinel.store.queries import Where

    where = Where(since_ns(since, time.time()), actions=actions(action), route=route, exchange_id=exchange)
    settings = load_config(config)
    with open_store(settings.store, settings.state_dir) as store:
        rows = store.recent(last, where)
    rows.reverse()
    if as_json:
        for row in rows:
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
        sys.stdout.buffer.flush()
    elif rows:
        console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
        console.print(table(rows, console.width))
    else:
        typer.echo("no records yet" if where == Where() else "no such records")


def since_ns(text: str, now: float) -> int:
    """When `--since` is, in nanoseconds since the Unix epoch; 0 for "". `now` in seconds."""
    if not text:
        return 0
    if ago := re.fullmatch(r"(\d+)([smhd])", text):
        return int((now - int(ago[1]) * _SECONDS[ago[2]]) * 1e9)
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1e9)
    except ValueError:
        hint = f"{text!r} is no time: write 90s, 15m, 2h, 7d or 2026-01-31T12:00"
        raise typer.BadParameter(hint, param_hint="--since") from None


def actions(text: str) -> tuple[str, ...]:
    """The labels in `--action`, checked."""
    known = [action.label for action in Action]
    asked = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in asked:
        if name not in known:
            hint = f"{name!r} is no action: write {', '.join(known)}"
            raise typer.BadParameter(hint, param_hint="--action")
    return asked


def table(rows: Iterable[Mapping[str, Any]], width: int = _PIPED_WIDTH) -> Table:
    """Exchanges as a table for people, one line each where `width` allows. A narrow one leaves out what
    `--json` tells: the model, the two halves, the time it took and the id."""
    names: tuple[str, ...] = ("at", "action", "rule", "findings", "status")
    if width >= _WIDE:
        names = ("time", "route/model", "prompt", "answer", *names[1:], "ms", "exchange")
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        shown.add_column(name, overflow="fold", justify="right" if name == "ms" else "left")
    for row in rows:
        cells = _cells(row)
        shown.add_row(*(cells[name] for name in names))
    return shown


def _cells(row: Mapping[str, Any]) -> dict[str, Text | str]:
    return {
        "at": _local_time(row["started_at"])[:-4],
        "time": _local_time(row["started_at"]),
        "route/model": Text("/".join(filter(None, (row["route"], row["model"])))),
        "prompt": _stage(row, "input"),
        "answer": _stage(row, "output"),
        "action": _action(row["action"]),
        "rule": Text(row["rule"]),
        "findings": Text(_findings(row["findings"])),
        "status": Text(_status(row)),
        "ms": f"{row['duration_ns'] / 1e6:.1f}",
        "exchange": Text(row["exchange_id"]),
    }


def _local_time(at: datetime) -> Text:
    return Text(at.astimezone().strftime("%m-%d %H:%M:%S.%f")[:-3])


def _action(label: str) -> Text:
    return Text(label, _STYLES.get(label, ""))


def _stage(row: Mapping[str, Any], stage: str) -> Text:
    """What was decided for one half, or why it was not screened."""
    decided = [decision["action"] for decision in row["decisions"] if decision["stage"] == stage]
    if decided:
        return _action(decided[-1])
    screened = row[f"{stage}_screened"]
    if screened == Screened.NOT_REACHED:
        return Text("-", "dim")
    return Text("allow" if screened == Screened.YES else str(screened).replace("_", " "), "dim")


def _findings(findings: Iterable[Mapping[str, Any]]) -> str:
    """`EMAIL_ADDRESS x2, PERSON (shadow)`: types, counted, enforced ones first."""
    counted = Counter((not finding["enforced"], finding["type"]) for finding in findings)
    return ", ".join(
        kind + (f" x{count}" if count > 1 else "") + (" (shadow)" if shadow else "")
        for (shadow, kind), count in sorted(counted.items())
    )


def _status(row: Mapping[str, Any]) -> str:
    if row["outcome"] in ("answered", "refused"):
        return str(row["grpc_code"])
    return f"{row['grpc_code']} {str(row['outcome']).replace('_', ' ')}"
