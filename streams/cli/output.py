"""Data goes to stdout, talk to stderr."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import typer

from streams.telemetry.escape import printable


def print_json(value: Any) -> None:
    """One JSON value on a line of its own, at once, so that a pipe can follow."""
    typer.echo(msgspec.json.encode(value).decode())
    sys.stdout.flush()


def say(message: str) -> None:
    """Tell the person at the terminal; escape sequences from outside are shown, not obeyed."""
    typer.echo(printable(message, keep="\n"), err=True)
