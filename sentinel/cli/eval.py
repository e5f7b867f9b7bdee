"""`sentinel eval`: how good the detectors are on labelled data."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sentinel.core.errors import ConfigError

if TYPE_CHECKING:
    from sentinel.evaluation.report import Report

_PIPED_WIDTH = 220
_MALFORMED_SHOWN = 20


class Rows(StrEnum):
    """Which rows `--split` reads."""

    ALL = "all"
    HELDOUT = "heldout"


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder with labelled data: AREA/NAME.jsonl[.gz].")],
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="A detector, by default every one; may be given again. Models of --config are ones too: an "
            "encoder's heads, others by their names. NAME=AREA measures it on the labels of that area "
            "(toxicity, injection, harm, groundedness, pii)."
        ),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Rule files or folders to judge by; by default those of the configuration."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where everything is saved as JSON.")] = Path(
        "sentinel-eval.json"
    ),
    html: Annotated[
        Path, typer.Option(help="Where one HTML file with curves is saved; it needs nothing else.")
    ] = Path("sentinel-eval.html"),
    limit: Annotated[int | None, typer.Option(min=1, help="About so many texts of each file.")] = None,
    split: Annotated[
        Rows, typer.Option(help="heldout: only the fifth of the clusters that no shipped model learned from.")
    ] = Rows.ALL,
    show_texts: Annotated[
        bool, typer.Option("--show-texts", help="Write the texts of the worst mistakes, too.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Configuration file (default: the built-in defaults)."),
    ] = None,
) -> None:
    """Measure detectors on labelled data, with the rules and thresholds that are in force.

    Reads JSON lines: {"text", "label"} in toxicity/, injection/ and harm/ (1 is the bad thing), {"question",
    "context", "answer", "label"} in groundedness/ (1 is unsupported), {"text", "spans"} in pii/, {"prompt",
    "response"} in traffic/, whose texts should raise no alarm. "cluster", "source" and "kind" are optional.

    Prints tables, and saves all figures as JSON and as an HTML page with curves: ranking (ROC AUC, recall at
    few false alarms), calibration, confusion at the rules' threshold, results by source and group of people,
    false alarms on traffic, latency. Intervals are of 95 %, and near copies (rows of one cluster) count as
    one.

    Models of the configuration are loaded into this process, or asked at `models.connect`. A name that the
    smaller detectors have too is measured three times: both planes as a call asks them (the models about what
    the smaller one is unsure of), the smaller one alone, and the models alone, about every text.

    A malformed line is told on stderr with file and number and does not stop the rest; the exit status is
    then 1.
    """
    from sentinel.cli._policy import policy_of
    from sentinel.config import load_config
    from sentinel.detectors.registry import known_detectors, load_detectors
    from sentinel.evaluation.collecting import Split
    from sentinel.evaluation.modelled import Models
    from sentinel.evaluation.page import page
    from sentinel.evaluation.report import as_json
    from sentinel.evaluation.run import evaluate as run
    from sentinel.evaluation.run import files_for, parsed
    from sentinel.sdk import models_of

    settings = load_config(config)
    for target in (out, html):
        _check_can_be_written(target)
    areas = parsed(detector or (), known_detectors(), settings.models)
    files = files_for(data, areas)  # a wrong folder is told before seconds are spent on loading detectors
    asked = settings.models.served.intersection(areas)
    policy = policy_of(rules, settings, config)
    here = known_detectors().intersection(areas)
    detectors = load_detectors(settings.detectors, here, settings.cache_dir)
    detectors.warm()
    console = Console(stderr=True)
    models = None
    if asked:
        told = f"loading the models behind {', '.join(sorted(asked))}"
        console.print(told, markup=False, highlight=False)
        models = Models(models_of(settings), settings.models, asked)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        steps = progress.add_task("files", total=len(files) + 1, completed=-1)
        current = progress.add_task("reading", total=None)

        def watch(what: str, count: int) -> None:
            if what:
                progress.advance(steps)
                progress.reset(current, description=what, total=count)
                if not console.is_terminal:
                    console.print(f"{what}: {count:,}", markup=False, highlight=False)
            else:
                progress.advance(current, count)

        report = run(
            data,
            areas,
            detectors,
            policy,
            models=models,
            split=Split(split),
            limit=limit,
            show_texts=show_texts,
            watch=watch,
        )
    _print(report)
    out.write_bytes(as_json(report))
    html.write_text(page(report), encoding="utf-8")
    console.print(f"saved: {out}, {html}", markup=False, highlight=False, soft_wrap=True)
    if report.malformed:
        _tell_malformed(report, console)
        raise typer.Exit(1)


def _check_can_be_written(target: Path) -> None:
    """Before minutes are spent on what could not be saved."""
    folder = target.absolute().parent
    if not folder.is_dir():
        raise ConfigError("its folder does not exist", file=str(target))
    if target.is_dir() or not os.access(target if target.exists() else folder, os.W_OK):
        raise ConfigError("cannot be written; name another file", file=str(target))


def _print(report: Report) -> None:
    from sentinel.evaluation.tables import labels_of, passed_on, rows_read, rules_of, tables

    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    console.print(f"rows: {rows_read(report)}", markup=False, highlight=False)
    for each in report.detectors:
        console.rule(f"{each.title} {each.version}", style="")
        about = (f"{each.rows:,} texts", passed_on(each), rules_of(each), labels_of(each))
        console.print("; ".join(filter(None, about)), markup=False, highlight=False)
        for why, count in each.failed.items():
            told = f"no answer for {count:,} texts, left out: {why}"
            console.print(told, markup=False, highlight=False)
        for table in tables(each):
            console.print(table)
    if report.skipped:
        console.print(f"not read: {', '.join(report.skipped)}", markup=False, highlight=False)


def _tell_malformed(report: Report, console: Console) -> None:
    for each in report.malformed[:_MALFORMED_SHOWN]:
        told = f"{each.file}:{each.line}: {each.why}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    count = len(report.malformed)
    if count > _MALFORMED_SHOWN:
        console.print(f"and {count - _MALFORMED_SHOWN:,} more; --out has them all", markup=False)
    console.print(f"{count:,} malformed line{'s' * (count != 1)}", markup=False)
