"""Options that commands share, and the exit codes of the contract."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file. Default: WEIR_CONFIG, else ./pipeline.toml."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")]


class ExitCode(IntEnum):
    """How a command ended. An exception names its own in an attribute `exit_code`; without one it is FAILED."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    FINDINGS = 4
    FENCED = 70
