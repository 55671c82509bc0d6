"""What `weir drift report` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from drift.profile import decode_profile
from streams.backfill.durable import replace_file
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.pipeline import Pipeline
from streams.registry import registry_of
from streams.roles import drift_settings, limits_of
from streams.settings import load_settings
from streams.telemetry.escape import printable
from streams.trial.against.page import html_page
from streams.trial.against.report import drift_report
from streams.trial.against.rows import read_reported
from streams.trial.against.words import in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArguments:
    """The options of `weir drift report`."""

    data: Path
    model: str
    version: str | None
    registry: Path | None
    time: str | None
    out: Path | None
    config: Path | None


def report(arguments: ReportArguments, *, as_json: bool) -> None:
    """Measure the file, draw and print the report. Exit 4 when a signal is away from its reference."""
    if arguments.out is not None and arguments.out.suffix != ".html":
        raise typer.BadParameter(f"{arguments.out} does not end in .html", param_hint="--out")
    if arguments.out is not None and not arguments.out.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {arguments.out.parent}", param_hint="--out")
    name, _, version = arguments.model.partition("/")
    if version and arguments.version not in (None, version):
        raise typer.BadParameter(f"--model names version {version}", param_hint="--version")
    settings = load_settings(arguments.config)
    model = registry_of(settings.model, arguments.registry).load(name, version or arguments.version)
    pipeline = Pipeline(model, limits_of(settings), settings.model.unknown_features)
    rows = read_reported(arguments.data, model, pipeline, arguments.time)
    profile = decode_profile(model.reference)
    found = drift_report(str(arguments.data), model.name, model.version, profile, drift_settings(settings), rows)
    if arguments.out is not None:
        replace_file(arguments.out, html_page(found).encode())
        say(f"drawn: {arguments.out}")
    if as_json:
        print_json(found)
    else:
        for line in in_words(found):
            typer.echo(printable(line))
    if found.findings:
        raise typer.Exit(ExitCode.FINDINGS)
