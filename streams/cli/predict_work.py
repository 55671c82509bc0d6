"""What `weir predict` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import typer

from models.artifact import Artifact
from streams.backfill.answers import AnswerFormat
from streams.backfill.run import BatchOptions, Summary, predict_file
from streams.backfill.task import RowFormat, Task
from streams.cli.output import print_json, say
from streams.cli.predict_progress import watching
from streams.registry import registry_of
from streams.roles import limits_of
from streams.served_model import name_of
from streams.settings import Settings, load_settings

FORMATS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictArguments:
    """The options of `weir predict`."""

    source: str
    output: str
    model: str | None
    version: str | None
    registry: Path | None
    id_column: str | None
    time_column: str | None
    keep: tuple[str, ...]
    rejected: Path | None
    processes: int
    input_format: Literal["csv", "jsonl"] | None
    output_format: Literal["csv", "jsonl"] | None
    restart: bool
    overwrite: bool
    config: Path | None


def predict(arguments: PredictArguments, *, as_json: bool) -> None:
    """Run it, and tell what became of the rows."""
    options = _options(arguments, as_json=as_json)
    settings = load_settings(arguments.config)
    registry = registry_of(settings.model, arguments.registry)
    name = arguments.model or name_of(registry, settings.model)
    # A version that the settings pin is one of the model that they name.
    pinned = settings.model.version if arguments.model in (None, settings.model.name) else None
    artifact = registry.artifact(name, arguments.version or pinned)
    task = _task(options, settings, registry.root, artifact)
    try:
        with watching() as watch:
            summary = predict_file(options, artifact, task, watch)
    except KeyboardInterrupt:
        if options.output is not None and options.source is not None:
            say("stopped: the same command goes on here")
        raise
    say(_in_words(summary))
    if as_json:
        print_json(summary)


def _options(arguments: PredictArguments, *, as_json: bool) -> BatchOptions:
    """Raises typer.BadParameter."""
    source = None if arguments.source == "-" else Path(arguments.source)
    output = None if arguments.output == "-" else Path(arguments.output)
    if output is None and as_json:
        raise typer.BadParameter("stdout is for the answers here", param_hint="--json")
    if output is not None and source is not None and output.resolve() == source.resolve():
        raise typer.BadParameter("it is IN", param_hint="OUT")
    if output is None and arguments.rejected is None:
        raise typer.BadParameter("with OUT - it must say where rejected rows go", param_hint="--rejected")
    rejected = arguments.rejected or Path(f"{arguments.output}.rejected.jsonl")
    if rejected.resolve() in {each.resolve() for each in (source, output) if each is not None}:
        raise typer.BadParameter("it is IN or OUT", param_hint="--rejected")
    for path in (output, rejected):
        if path is not None and not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint="OUT")
    return BatchOptions(
        source=source,
        rows=cast("RowFormat", _format(source, arguments.input_format, "IN", "--input-format")),
        output=output,
        answers=cast("AnswerFormat", _format(output, arguments.output_format, "OUT", "--format")),
        rejected=rejected,
        id_column=arguments.id_column,
        time_column=arguments.time_column,
        keep=arguments.keep,
        processes=arguments.processes,
        restart=arguments.restart,
        overwrite=arguments.overwrite,
    )


def _format(path: Path | None, said: str | None, argument: str, option: str) -> str:
    if path is None:
        return said or "jsonl"
    if said is not None:
        raise typer.BadParameter(f"the ending of {path.name} says the format", param_hint=option)
    if (form := FORMATS.get(path.suffix.lower())) is None:
        raise typer.BadParameter(f"{path} ends neither in .csv nor in .jsonl or .parquet", param_hint=argument)
    return form


def _task(options: BatchOptions, settings: Settings, registry: Path, artifact: Artifact) -> Task:
    own, manifest = settings.model, artifact.manifest
    return Task(
        registry=str(registry.resolve()),
        trusted_keys=None if own.trusted_keys is None else str(Path(own.trusted_keys).resolve()),
        model=manifest.name,
        version=manifest.version,
        digest=manifest.digest,
        isolation=own.isolation,
        deadline_ms=own.deadline_ms,
        limits=limits_of(settings),
        unknown_features=own.unknown_features,
        rows=options.rows,
        answers=options.answers,
        id_column=options.id_column,
        time_column=options.time_column,
        keep=options.keep,
    )


def _in_words(summary: Summary) -> str:
    by = f"{summary.model} {summary.version}"
    rate = f"{summary.rows_per_s:,.0f} rows/s"
    lines = [f"{summary.rows:,} rows, {summary.answered:,} answered by {by} ({rate}): {summary.output}"]
    if summary.went_on_at:
        lines.append(f"an earlier run had done the first {summary.went_on_at:,}")
    others = {rung: count for rung, count in summary.served_by.items() if rung != "model"}
    if others:
        lines.append(f"in the model's place: {_listed(others)}")
    if summary.rejected:
        lines.append(
            f"{sum(summary.rejected.values()):,} rejected ({_listed(summary.rejected)}): {summary.rejected_rows}"
        )
    return "\n".join(lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
