"""The options of `weir replay`, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import typer

from streams.backfill.answers import AnswerFormat
from streams.cli.predict_work import FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayArguments:
    """The options of `weir replay`."""

    output: Path | None
    partition: list[str]
    since: str | None
    until: str | None
    alert: str | None
    model: str | None
    version: str | None
    registry: Path | None
    rejected: Path | None
    to_topic: str | None
    compare: bool
    tolerance: float
    drift: bool
    overwrite: bool
    config: Path | None

    @property
    def rejected_rows(self) -> Path:
        """Where events without an answer go, if there is an OUT."""
        return self.rejected or Path(f"{self.output}.rejected.jsonl")


def checked_format(arguments: ReplayArguments) -> AnswerFormat | None:
    """The format of the output, if there is one. Raises typer.BadParameter for options that do not go together."""
    named = {
        "--partition": bool(arguments.partition),
        "--since": arguments.since is not None or arguments.until is not None,
        "--alert": arguments.alert is not None,
    }
    if sum(named.values()) != 1:
        raise typer.BadParameter("name one range: by --partition, by --since and --until, or by --alert")
    if arguments.to_topic == "":
        raise typer.BadParameter("a replay needs names of its own", param_hint="--to-topic")
    if arguments.output is None:
        for option, value in (("--rejected", arguments.rejected), ("--overwrite", arguments.overwrite or None)):
            if value is not None:
                raise typer.BadParameter("it goes with OUT", param_hint=option)
        return None
    form = FORMATS.get(arguments.output.suffix.lower())
    if form is None:
        raise typer.BadParameter(f"{arguments.output} ends neither in .csv nor in .jsonl or .parquet", param_hint="OUT")
    if arguments.rejected_rows.resolve() == arguments.output.resolve():
        raise typer.BadParameter("it is OUT", param_hint="--rejected")
    for path in (arguments.output, arguments.rejected_rows):
        if not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint="OUT")
    return cast("AnswerFormat", form)
