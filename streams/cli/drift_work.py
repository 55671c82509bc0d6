"""What the `weir drift` commands do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer
from rich.console import Console

from drift.scenarios import Scenario, ScenarioError, parse
from models.errors import ModelError
from streams.cli.cards import alert_card
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.detectors import detector_factories
from streams.pipeline import Pipeline
from streams.registry import registry_of
from streams.roles import drift_settings, limits_of
from streams.settings import Settings, load_settings
from streams.telemetry.escape import printable
from streams.trial.drawing.page import html_page
from streams.trial.drawing.picture import picture
from streams.trial.report import Report, Trial
from streams.trial.run import TrialOptions, try_model, try_rows
from streams.trial.words import in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class TryArguments:
    """The options of `weir drift try`."""

    data: Path
    reference: Path | None
    reference_rows: int | None
    model: str | None
    registry: Path | None
    time: str | None
    columns: str | None
    inject: list[str]
    seed: int
    out: Path | None
    config: Path | None


def try_file(arguments: TryArguments, *, cards: bool, as_json: bool) -> None:
    """Run the trial, draw it, print it. Exit 4 when there is an alert."""
    _check(arguments)
    options = TrialOptions(
        data=arguments.data,
        reference=arguments.reference,
        reference_rows=arguments.reference_rows,
        time=arguments.time,
        columns=named_columns(arguments.columns),
        scenarios=scenarios_of(arguments.inject),
        seed=arguments.seed,
    )
    settings = load_settings(arguments.config)
    try:
        trial = _trial(arguments, options, settings)
    except ScenarioError as error:
        raise typer.BadParameter(str(error), param_hint="--inject") from error
    for pattern in drift_settings(settings).unmatched(trial.report.signals):
        say(f'warning: drift.signals."{pattern}" matches none of {", ".join(trial.report.signals)}')
    if arguments.out is not None:
        text = html_page(trial) if arguments.out.suffix == ".html" else picture(trial)
        arguments.out.write_text(text, "utf-8")
        say(f"drawn: {arguments.out}")
    _print(trial.report, cards=cards, as_json=as_json)
    if trial.report.alerts:
        raise typer.Exit(ExitCode.FINDINGS)


def scenarios_of(texts: list[str]) -> list[Scenario]:
    """The changes to inject. Raises typer.BadParameter."""
    try:
        scenarios = [parse(text) for text in texts]
    except ScenarioError as error:
        raise typer.BadParameter(str(error), param_hint="--inject") from error
    for scenario, text in zip(scenarios, texts, strict=True):
        if not scenario.change.signals:
            raise typer.BadParameter(
                f"{text!r} changes when labels come, and there are none here", param_hint="--inject"
            )
    return scenarios


def named_columns(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _check(arguments: TryArguments) -> None:
    """Raises typer.BadParameter for options that do not go together, before any work is done."""
    if arguments.reference is not None and arguments.reference_rows is not None:
        raise typer.BadParameter("name a file or a number of rows, not both", param_hint="--reference")
    if arguments.model is not None:
        for name in ("reference", "reference_rows", "columns"):
            if getattr(arguments, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise typer.BadParameter("a model has its own reference and columns", param_hint=option)
    if arguments.out is not None and arguments.out.suffix not in (".html", ".svg"):
        raise typer.BadParameter(f"{arguments.out} ends neither in .html nor in .svg", param_hint="--out")


def _trial(arguments: TryArguments, options: TrialOptions, settings: Settings) -> Trial:
    detectors = detector_factories(settings)
    if arguments.model is None:
        return try_rows(options, drift_settings(settings), detectors)
    name, _, version = arguments.model.partition("/")
    model = registry_of(settings.model, arguments.registry).load(name, version or None)
    if model.keyed is not None:
        raise ModelError(
            "a model with keyed features cannot be tried on rows",
            where=f"{model.name} {model.version}",
            cause="its answers need what came before under the same key",
            fix="try detectors on the rows without --model, or on the stream with `weir drift inject`",
        )
    pipeline = Pipeline(model, limits_of(settings), settings.model.unknown_features)
    return try_model(options, drift_settings(settings), pipeline, model.reference, detectors)


def _print(report: Report, *, cards: bool, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for line in in_words(report):
        typer.echo(printable(line))
    if cards:
        console = Console(highlight=False)
        for alert in report.alerts:
            console.print(alert_card(msgspec.to_builtins(alert.changes[-1])))
