"""`weir predict`: a file of rows through the same pipeline as events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streams.cli.options import ConfigOption, JsonOption


def predict(
    source: Annotated[str, typer.Argument(metavar="IN", help="Rows: .csv, .jsonl or .parquet; - is stdin.")],
    output: Annotated[str, typer.Argument(metavar="OUT", help="Answers: .csv, .jsonl or .parquet; - is stdout.")],
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Default: model.name.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Default: model.version, else the active one.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="Column with the ids. Default: the row's number.")
    ] = None,
    time_column: Annotated[
        str | None, typer.Option("--time", metavar="COLUMN", help="Column with the times of the rows.")
    ] = None,
    keep: Annotated[
        list[str],
        typer.Option("--keep", metavar="COLUMN", help="A column to carry over to OUT. May be given several times."),
    ] = [],  # noqa: B006  # typer copies it
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="Rows without an answer. Default: OUT.rejected.jsonl."),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, max=256, help="Side by side.")] = 1,
    input_format: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option("--input-format", help="Of stdin. Default: jsonl.")
    ] = None,
    output_format: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option("--format", help="Of stdout. Default: jsonl.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what an earlier run did.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT where it is there.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer the rows of a file with a model of the registry. Needs no broker.

    Every row becomes one answer in OUT, or one line with a reason in the file of rejected rows. OUT appears when it is
    whole. Run again after a kill, the same command goes on where it was.
    """
    from streams.cli import predict_work  # noqa: PLC0415  Arrow and scikit-learn take a second that others need not wait

    predict_work.predict(
        predict_work.PredictArguments(
            source=source,
            output=output,
            model=model,
            version=version,
            registry=registry,
            id_column=id_column,
            time_column=time_column,
            keep=tuple(keep),
            rejected=rejected,
            processes=processes,
            input_format=input_format,
            output_format=output_format,
            restart=restart,
            overwrite=overwrite,
            config=config,
        ),
        as_json=as_json,
    )
