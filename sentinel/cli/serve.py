"""`sentinel serve` and `sentinel config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sentinel.config import SentinelConfig

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
        Path | None,
        typer.Option("--check", help="Only check this file; exit status 1 when something is wrong."),
    ] = None,
) -> None:
    """List every configuration key with its default and meaning, or check a file.

    Checked is what `sentinel serve` would read: the keys, the rules, the detectors' settings, and the files
    of keys, passwords, certificates and (unless they run elsewhere, at `models.connect`) models that are
    named. Nothing is connected to, and no model is loaded. A rule about a type that its detector does not
    know is told, and is no mistake.
    """
    from sentinel.cli.config_reference import kind_reference, reference
    from sentinel.config import load_config, placed
    from sentinel.models.registry import KINDS

    if check is None:
        typer.echo(reference())
        for kind in KINDS:
            typer.echo(
                f"\n`models.detectors.NAME` with `kind: {kind}` has besides:\n\n{kind_reference(kind)}"
            )
        return
    settings = load_config(check)
    with placed(check):
        _check_what_it_names(settings)
    typer.echo(f"{check}: correct")


def _check_what_it_names(settings: SentinelConfig) -> None:
    """Raises ConfigError for the first thing that `serve` would refuse to start with, or a model to load."""
    from sentinel.app.models_asked import ModelsAsked
    from sentinel.cli._strange_types import strange_types
    from sentinel.guard.screener import load_screener
    from sentinel.models.registry import check_files
    from sentinel.proxy.tls import channel_credentials, server_credentials
    from sentinel.telemetry.keys import load_redactors

    models = ModelsAsked(settings)
    screener = load_screener(settings.rules.files(), settings.detectors, settings.cache_dir, models=models)
    for warning in strange_types(screener.policy, settings):
        typer.echo(warning, err=True)
    if settings.redaction.key_file:  # without one, `serve` makes it
        load_redactors(settings.redaction, settings.state_dir)
    if settings.listen.tls:
        server_credentials(settings.listen.tls)
    if settings.upstream.tls:
        channel_credentials(settings.upstream.tls)
    if settings.models.tls:
        server_credentials(settings.models.tls, "models.tls")
    if settings.models.detectors:
        settings.model_channel()
    if settings.models.connect is None:
        for name, model in settings.models.detectors.items():
            check_files(name, model.settings)
    settings.store.password()
