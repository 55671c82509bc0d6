"""`weir drift rebaseline`: the level of now is the reference."""

from __future__ import annotations

from typing import Annotated

import typer

from drift.command import Rebaseline
from streams.cli.options import ConfigOption, JsonOption
from streams.cli.proposing import AuthorOption, ReasonOption, author_of, propose


def rebaseline(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    signals: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SIGNAL]...", help="Default: each whose alert stands; with --reset each that has one."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the reference of the training data.")] = False,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the level since an alert's onset as the one to compare with. The alert resolves as `rebaselined`.

    Exit codes: 0 applied, 1 refused, 3 nobody answered.
    """
    command = Rebaseline(author_of(author), tuple(signals or ()), reset, reason)
    propose(model, command, config, as_json=as_json)
