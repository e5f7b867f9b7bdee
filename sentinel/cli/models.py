"""`sentinel models`: the model plane."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sentinel.cli.serve import ConfigOption

if TYPE_CHECKING:
    from sentinel.config import SentinelConfig
    from sentinel.models.base import Model
    from sentinel.models.config import ModelConfig

app = typer.Typer(
    help="Serve the configured models (without a command), prepare them, or see how they are.",
    short_help="Serve, prepare and look at larger models.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def serve(context: typer.Context, config: ConfigOption = None) -> None:
    """Serve the models of `models.detectors` until SIGTERM.

    `sentinel serve` starts this by itself where a rule needs it. Run it alone for a pool that several
    sidecars share (`models.listen`, `models.tls`; on their side `models.connect`).
    """
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    import logging

    from sentinel.app.log import set_up_logging
    from sentinel.app.models import run
    from sentinel.config import load_config

    set_up_logging("info", "models")
    settings = load_config(config)
    logging.getLogger().setLevel(settings.log_level.upper())
    raise typer.Exit(run(settings, config))


@app.command(short_help="Download and build what the models need.")
def prepare(context: typer.Context, config: ConfigOption = None) -> None:
    """Download, convert and try the models, so that serving them starts quickly and needs no network."""
    from sentinel.config import load_config, located
    from sentinel.core.errors import ConfigError
    from sentinel.models import registry
    from sentinel.models.base import key_of
    from sentinel.models.inference import failure

    path = config or context.obj
    settings = load_config(path)
    _some(settings)
    if settings.models.connect is not None:
        typer.echo(f"models run at {settings.model_plane} (models.connect): prepare them there", err=True)
        return
    console = Console(stderr=True)
    bad = 0
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for name, entry in settings.models.detectors.items():
            task = progress.add_task(name, total=1.0)

            def told(what: str, share: float, name: str = name, task: int = task) -> None:
                progress.update(progress.task_ids[task], description=f"{name}: {what}", completed=share)

            started = time.monotonic()
            try:
                model = registry.make(name, entry.settings, settings.state_dir, settings.detectors)
                _prepare(model, entry, told)
            except Exception as error:  # a library's, or that of a model of the user's own
                bad += 1
                progress.update(task, description=f"{name}: failed")
                if isinstance(error, ConfigError):
                    line = str(located(error, path))
                else:
                    line = f"{key_of(name)}: {failure(error)}"
                console.print(escape(line), highlight=False, soft_wrap=True)
            else:
                took = time.monotonic() - started
                progress.update(task, description=f"{name}: ready ({took:.0f} s)", completed=1.0)
    if bad:
        raise typer.Exit(1)


@app.command(short_help="How each model of a running plane is.")
def status(context: typer.Context, config: ConfigOption = None) -> None:
    """Ask the running model plane, here or at `models.connect`. Exit status 1 when a model is broken."""
    from sentinel.config import load_config
    from sentinel.models.client import BlockingModelClient

    settings = load_config(config or context.obj)
    client = BlockingModelClient(*settings.model_channel())
    found = client.health()
    client.close()
    if found is None:
        here = settings.models.connect is None
        do = (
            "start `sentinel serve` or `sentinel models`"
            if here
            else "see models.connect, and whether it runs"
        )
        typer.echo(f"no model plane answers at {settings.model_plane}: {do} ({client.why})", err=True)
        raise typer.Exit(1)
    table = Table("model", "kind", "state", "answers for", "version", "device", "waiting", box=None)
    for model in found.models:
        row = (model.name, model.kind, model.state, ", ".join(model.detectors), model.version, model.device)
        table.add_row(*map(escape, row), str(model.waiting))
    console = Console()
    console.print(table)
    for model in found.models:
        if model.why:
            console.print(f"{model.name}: {model.why}", markup=False, highlight=False, soft_wrap=True)
    if any(model.state == "broken" for model in found.models):
        raise typer.Exit(1)


def _prepare(model: Model, entry: ModelConfig, told: object) -> None:
    from sentinel.models.runner import try_out

    prepare = getattr(model, "prepare", None)
    if prepare is not None:
        prepare(told)
    model.load()
    try_out(model, entry)
    model.unload()


def _some(settings: SentinelConfig) -> None:
    from sentinel.core.errors import ConfigError

    if not settings.models.detectors:
        raise ConfigError("names no model, so there is nothing to prepare", key="models.detectors")
