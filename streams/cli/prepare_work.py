"""What `weir model prepare` does."""

from __future__ import annotations

from pathlib import Path

import typer

from models.errors import ModelError
from models.prepared_file import prepare_file
from models.preprocessing_file import read_preprocessing
from streams.cli.model_work import say_error
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.cli.preprocessing_words import preprocessing_words


def prepare(
    training_file: Path,
    out: Path,
    preprocess: Path,
    target: str | None,
    time: str | None,
    key: str | None,
    rows_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write prepared rows, and say what the steps learnt."""
    try:
        declared = read_preprocessing(preprocess)
        written = prepare_file(training_file, out, declared, target=target, time=time, key=key, rows_file=rows_file)
    except ModelError as error:
        say_error(error)
        raise typer.Exit(ExitCode.FAILED) from error
    training = written.training
    for words in preprocessing_words(training.preprocessing):
        say(words)
    if written.refused or written.failed:
        say(
            f"left out: {written.refused} rows that the schema would refuse, "
            f"{written.failed} that preprocessing has no answer for"
        )
    say(f"{written.rows} rows, {len(training.preparation.outputs.features)} columns for the estimator")
    if as_json:
        print_json(
            {
                "path": str(out),
                "rows": written.rows,
                "refused": written.refused,
                "failed": written.failed,
                "columns": training.preparation.outputs.names,
                "preprocessing": training.preprocessing,
            }
        )
    else:
        typer.echo(str(out))
