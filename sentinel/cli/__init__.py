"""The command line: `sentinel COMMAND`.

serve, demo      run the sidecar
screen           texts in, decisions out
models           serve, prepare and look at larger models
rules            check, test, explain
eval             how good the detectors are on labelled data
records          what was decided lately
config           every key with its meaning
envoy-config     Envoy's side of external processing
"""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from typing import Annotated, NoReturn

import typer


def main() -> None:
    """Entry point: a mistake of the user's is one clear message, not a traceback."""
    from sentinel.cli import demo, envoy_config, eval, models, records, rules, screen, serve
    from sentinel.core.errors import SentinelError

    # It logs what it raises; we tell each error once, in our own words.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    app.command(short_help="Run the sidecar before a model server.")(serve.serve)
    app.command(short_help="See all of it at work on this machine.")(demo.demo)
    app.command(short_help="Screen texts: JSON lines in, JSON lines out.")(screen.screen)
    app.add_typer(rules.app, name="rules")
    app.command("eval", short_help="Measure detectors on labelled data.")(eval.evaluate)
    app.add_typer(models.app, name="models")
    app.command(short_help="Show what was decided lately, and why.")(records.records)
    app.command(short_help="List every setting, or check a file.")(serve.config)
    app.command(short_help="Print a bootstrap for Envoy before a model server.")(envoy_config.envoy_config)
    try:
        app()
    except SentinelError as error:
        _end(str(error))
    except OSError as error:
        _end(f"{error.filename or 'system'}: {error.strerror or error}")


def _end(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1) from None


def _print_version(asked: bool) -> None:
    if asked:
        print(importlib.metadata.version("sentinel-sidecar"))
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
]


def _options(version: Version = False) -> None:
    """Sentinel screens what goes into and comes out of a language model, and records why it decided."""
