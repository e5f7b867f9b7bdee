"""The command line: `sentinel COMMAND`.

serve, demo      run the sidecar
screen           texts in, decisions out
rules            check, test, explain
records          what was decided lately
config           every key with its meaning
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: a mistake of the user's is one clear message, not a traceback."""
    import typer

    from sentinel.cli import demo, records, rules, screen, serve
    from sentinel.core.errors import SentinelError

    app = typer.Typer(
        help="Sentinel screens what goes into and comes out of a language model, and records why it decided.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.command()(serve.serve)
    app.command()(demo.demo)
    app.command()(screen.screen)
    app.add_typer(rules.app, name="rules")
    app.command()(records.records)
    app.command()(serve.config)
    try:
        app()
    except SentinelError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
