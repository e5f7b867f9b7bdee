"""`sentinel demo`: the whole of it on one machine, with something to watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sentinel.config import SentinelConfig, load_config
from sentinel.core.errors import SentinelError
from sentinel.demo.client import Result, run_conversations
from sentinel.demo.conversations import bundled_conversations
from sentinel.demo.model import MODEL
from sentinel.store.base import Store, open_store
from sentinel.store.queries import Where

_STYLES = {"allow": "green", "flag": "yellow", "redact": "magenta", "block": "bold red"}
_START_S, _RECORD_S, _STOP_S = 120.0, 15.0, 40.0
_WIDE = 130
_TOUR = """
Sentinel is up. Callers: {grpc}   metrics and health: http://{admin}/metrics   (Ctrl-C stops)

  your own call   {python} -m sentinel.demo.ask --address {grpc}{model} "My card is 4111 1111 1111 1111."
{over_http}  what happened   {sentinel} records --last 20 --config {config}
  why             {sentinel} rules explain "write to jane.doe@example.com"
  the log         {log}
"""
_OVER_HTTP = """\
  streamed, HTTP  curl -N http://{http}/v1/chat/completions -H 'content-type: application/json' -d \\
                  '{{"model": "{model_name}", "stream": true, "messages": [{{"role": "user", "content":
                  "Who is the harbour master of Ravensby?"}}]}}'
"""


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after the summary.")] = False,
    upstream: Annotated[
        str, typer.Option(help="HOST:PORT of a real model server instead of the stand-in.")
    ] = "",
    model: Annotated[str, typer.Option(help="The model's name there.")] = MODEL,
    state_dir: Annotated[Path, typer.Option(help="Where spool, store and log go.")] = Path(".sentinel"),
) -> None:
    """Start the sidecar with its store and a stand-in model, and hold conversations through it.

    Shows live what was decided and why, then stays up for your own calls.
    """
    console = Console(width=None if sys.stdout.isatty() else 150)
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = state_dir / "demo.log"
    _stop_in_order()
    try:
        with contextlib.ExitStack() as running, log.open("w") as log_file:
            models = {"address": upstream}
            if not upstream:
                models["address"] = running.enter_context(_stand_in("sentinel.demo.model", log_file))
                models["http"] = "http://" + running.enter_context(
                    _stand_in("sentinel.demo.http_model", log_file)
                )
            config = _write_config(state_dir, models)
            with console.status("starting (the first start compiles the patterns, some seconds)"):
                process, state = running.enter_context(_sidecar(config, log_file, log))
            complete = asyncio.run(_converse(console, load_config(config), state, model, bool(upstream)))
            if not once:
                told = f" --model {model}" if upstream else ""
                paths = {"python": sys.executable, "sentinel": f"{sys.executable} -m sentinel.cli"}
                over_http = _OVER_HTTP.format(**state, model_name=MODEL) if "http" in state else ""
                tour = _TOUR.format(**state, **paths, log=log, config=config, model=told, over_http=over_http)
                console.print(tour, highlight=False, soft_wrap=True)
                _wait(process)
    except KeyboardInterrupt:
        if once:
            raise typer.Exit(130) from None
        return
    if not complete:
        raise typer.Exit(1)


def _stop_in_order() -> None:
    """Both signals end the demo with all that it started, from the first moment on. SIGINT is named because a
    shell ignores it for what it starts in the background."""

    def stop(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is the way out
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _write_config(state_dir: Path, models: Mapping[str, str]) -> Path:
    """The defaults, with free ports where the usual ones are taken; HTTP where there is a model for it."""
    defaults = SentinelConfig()
    over_http = {"http": _free("127.0.0.1:8080")} if "http" in models else {}
    config = {
        "state_dir": str(state_dir.resolve()),
        "listen": {
            "grpc": _free(defaults.listen.grpc or "127.0.0.1:0"),
            "admin": _free(defaults.listen.admin),
            **over_http,
        },
        "store": {"listen": _free(defaults.store.listen)},
        "upstream": dict(models),
        "exporter": {"linger_seconds": 0.05, "poll_seconds": 0.05},  # to watch it live
    }
    file = state_dir / "demo.yaml"
    file.write_text(json.dumps(config, indent=1))  # JSON is YAML
    return file


def _free(address: str) -> str:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return f"{host}:0"
    return address


@contextlib.contextmanager
def _process(command: list[str], log: Any, **options: Any) -> Iterator[subprocess.Popen[str]]:
    # A session of its own: Ctrl-C reaches us alone, and we stop the others in order.
    process = subprocess.Popen(command, stderr=log, text=True, start_new_session=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _stand_in(module: str, log: Any) -> Iterator[str]:
    command = [sys.executable, "-m", module, "--listen", "127.0.0.1:0"]
    with _process(command, log, stdout=subprocess.PIPE) as process:
        assert process.stdout
        address = process.stdout.readline().strip().rpartition(" ")[2]
        if not address:
            raise SentinelError("the stand-in model did not start; see the log")
        yield address


@contextlib.contextmanager
def _sidecar(
    config: Path, log: Any, log_path: Path
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    state_file = load_config(config).state_dir / "serve.json"
    state_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sentinel.cli", "serve", "--config", str(config)]
    with _process(command, log, stdout=log) as process:
        deadline = time.monotonic() + _START_S
        while not state_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log_path.read_text().strip().splitlines()[-3:]
                raise SentinelError("\n".join(["the sidecar did not start:", *last]))
            time.sleep(0.05)
        yield process, json.loads(state_file.read_text())


async def _converse(
    console: Console, config: SentinelConfig, state: Mapping[str, Any], model: str, real: bool
) -> bool:
    """Hold the conversations; whether each has its record, and (with the stand-in) went as expected."""
    shown = _columns(console.width, real)
    table = _table(shown)
    results: list[tuple[Result, Mapping[str, Any] | None]] = []
    with _store(config) as store, Live(table, console=console, refresh_per_second=8) as live:
        for conversation in bundled_conversations():
            (result,) = await run_conversations(
                state["grpc"], lambda _: None, [conversation], model=model if real else None
            )
            record = await asyncio.to_thread(_record, store, result.exchange_id)
            results.append((result, record))
            row = _row(result, record)
            table.add_row(*(row[name] for name in shown))
            live.refresh()
    return _summary(console, results, real)


def _store(config: SentinelConfig) -> Store:
    """The exporter's store, once it is up."""
    deadline = time.monotonic() + _START_S
    while not (config.state_dir / "store.addr").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return open_store(config.store, config.state_dir)


def _record(store: Store, exchange_id: str) -> Mapping[str, Any] | None:
    """The exchange's row; it follows the answer by the exporter's pace."""
    deadline = time.monotonic() + _RECORD_S
    while exchange_id and time.monotonic() < deadline:
        with contextlib.suppress(SentinelError):
            if rows := store.recent(1, Where(exchange_id=exchange_id)):
                return rows[0]
        time.sleep(0.05)
    return None


def _columns(width: int, real: bool) -> tuple[str, ...]:
    """What was decided, and why, has room on any terminal; the rest on a wide one."""
    if width < _WIDE:
        return ("conversation", "decided", "why")
    expected = () if real else ("as expected",)
    return ("conversation", "what was said", "decided", *expected, "why", "ms")


def _table(columns: tuple[str, ...]) -> Table:
    table = Table(title="Conversations through Sentinel", title_justify="left", box=None, pad_edge=False)
    for name in columns:
        match name:
            case "conversation" | "what was said":
                table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=46)
            case "why":
                table.add_column(name, overflow="fold")
            case _:
                table.add_column(name, justify="right" if name == "ms" else "left", no_wrap=True)
    return table


def _row(result: Result, record: Mapping[str, Any] | None) -> dict[str, Text | str]:
    decided = _decided(result)
    return {
        "conversation": Text(result.conversation.id),
        "what was said": Text(" ".join(result.conversation.text.split())),
        "decided": Text(decided, _STYLES.get(decided, "")),
        "as expected": "yes" if decided == result.conversation.expect else "NO",
        "why": Text(_why(result, record)),
        "ms": f"{result.duration_ms:.1f}",
    }


def _decided(result: Result) -> str:
    return "block" if result.details.get("reason") else result.action or "pass"


def _why(result: Result, record: Mapping[str, Any] | None) -> str:
    if record is None:
        return f"no record ({result.code} {result.message})".strip()
    acted = [finding for finding in record["findings"] if finding["rule"] == record["rule"]]
    found = Counter(f"{finding['stage']} {finding['type']}" for finding in acted)
    findings = ", ".join(name + (f" x{count}" if count > 1 else "") for name, count in sorted(found.items()))
    if record["rule"]:
        return f"{record['rule']}: {findings}" if findings else str(record["rule"])
    return "" if result.code == "OK" else f"{result.code}: {result.message}"


def _summary(console: Console, results: list[tuple[Result, Mapping[str, Any] | None]], real: bool) -> bool:
    decided = Counter(_decided(result) for result, _ in results)
    recorded = sum(record is not None for _, record in results)
    surprises = [] if real else [r for r, _ in results if _decided(r) != r.conversation.expect]
    counts = ", ".join(f"{count} {action}" for action, count in decided.most_common())
    console.print(f"\n{len(results)} conversations: {counts}. {recorded} rows in the store.", highlight=False)
    for result in surprises:
        wanted, got = result.conversation.expect, _decided(result)
        console.print(f"{result.conversation.id}: expected {wanted}, got {got}", style="red", highlight=False)
    answered = any(result.code == "OK" for result, _ in results)
    if not answered:
        told = "The model server never answered: are its address and the model's name right?"
        console.print(told, style="red", highlight=False)
    return recorded == len(results) and not surprises and answered


def _wait(process: subprocess.Popen[str]) -> None:
    """Until Ctrl-C or SIGTERM, or the sidecar's own end."""
    process.wait()
    raise SentinelError(f"the sidecar ended with status {process.returncode}; see the log")
