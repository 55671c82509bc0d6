"""`weir key …`: who may ask over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.http.keys import Scope, new_key
from streams.http.watched_file import further_writers
from streams.settings import load_settings

key_app = typer.Typer(no_args_is_help=True, help="Keys of those who may ask over HTTP.")


@key_app.callback()
def key() -> None:
    """Keys of those who may ask over HTTP."""


@key_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Who will use it: 1 to 64 letters, digits, '.', '_' or '-'.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; may be repeated.")] = None,
    file: Annotated[Path | None, typer.Option(help="The key file. Default: http.keys_file.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key, and let it in: a running worker takes it within a second. The key is shown once; the file has its
    hash only. To take a key away, remove its line: it begins with the key's id."""
    path = file or load_settings(config).http.keys_file
    if path is None:
        say("error: there is no key file; fix: --file FILE, or set http.keys_file")
        raise typer.Exit(ExitCode.USAGE)
    try:
        shown, record = new_key(name, tuple(dict.fromkeys(scope or [Scope.PREDICT])))
    except msgspec.ValidationError:
        say(f"error: {name!r} is no name for a key: 1 to 64 letters, digits, '.', '_' or '-'")
        raise typer.Exit(ExitCode.USAGE) from None
    _append(path, msgspec.json.encode(record))
    if as_json:
        print_json({"key": shown, "id": record.id, "name": record.name, "scopes": list(record.scopes)})
    else:
        typer.echo(shown)
    say(f"{record.name} may {', '.join(record.scopes)}; its line in {path} begins with the id {record.id}")


def _append(path: Path, line: bytes) -> None:
    """One write, so that a worker that reads meanwhile sees the line or not. Only its owner may read a new file."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "r+b", buffering=0) as opened:  # noqa: PTH123  # of a descriptor
        who = further_writers(os.fstat(descriptor).st_mode)
        if who == "everybody":
            say(f"error: everybody may write to {path}, and so let in whom they like; fix: chmod o-w {path}")
            raise typer.Exit(ExitCode.FAILED)
        if who is not None:
            say(f"warning: {who} may write to {path} too")
        size = opened.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(opened.fileno(), 1, size - 1) != b"\n"
        opened.write((b"\n" if torn else b"") + line + b"\n")
