"""`sentinel serve` and `sentinel config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file (default: the built-in defaults)."),
]


def serve(config: ConfigOption = None) -> None:
    """Run the sidecar: callers speak gRPC to it instead of to the model server.

    SIGTERM drains it, SIGHUP and a changed file reload its rules. `sentinel config` lists what can be set.
    """
    from sentinel.app.serve import serve as run

    raise typer.Exit(run(config))


def config(
    check: Annotated[
        Path | None, typer.Option("--check", help="Only check this file; exit 1 on mistakes.")
    ] = None,
) -> None:
    """List every configuration key with its default and meaning, or check a file."""
    from sentinel.cli.config_reference import reference
    from sentinel.config import load_config

    if check is None:
        typer.echo(reference())
        return
    load_config(check)
    typer.echo(f"{check}: correct")
