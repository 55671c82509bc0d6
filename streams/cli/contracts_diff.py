"""What `weir contracts diff` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.contract_diff.change import Change
from streams.contract_diff.documents import NoContract, document_changes, folder_changes

MOST_BYTES = 64 << 20


class NoContractFile(Exception):
    """A file or folder that holds no contract: nothing can be compared."""

    exit_code = ExitCode.USAGE


def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Raises NoContractFile."""
    try:
        if old.is_dir() and new.is_dir():
            changes = folder_changes(_folder(old), _folder(new))
        else:
            changes = document_changes(new.name, _document(old), _document(new))
    except NoContract as error:
        raise NoContractFile(
            f"{error}; fix: name two folders that `weir contracts export` wrote, or a file of each"
        ) from None
    breaking = sum(change.breaking for change in changes)
    if as_json:
        print_json(changes)
    else:
        for change in changes:
            typer.echo(_line(change))
        say(f"{breaking} breaking, {len(changes) - breaking} other changes")
    if breaking:
        raise typer.Exit(ExitCode.FINDINGS)


def _line(change: Change) -> str:
    where = f"{change.contract}: {change.field}" if change.field else change.contract
    told = f": {change.was or 'nothing'} -> {change.now or 'nothing'}" if change.was and change.now else ""
    return f"{'breaking' if change.breaking else 'fine':<9} {where} {change.what}{told}"


def _folder(folder: Path) -> dict[str, Any]:
    found = {path.name: _document(path) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise NoContractFile(f"{folder} has no contracts (*.json); fix: weir contracts export --out {folder}")
    return found


def _document(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NoContractFile(f"{path} is larger than {MOST_BYTES >> 20} MB: no contract is")
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise NoContractFile(
            f"{path} cannot be read: {error.strerror}; OLD and NEW are two files or two folders"
        ) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoContractFile(f"{path} is no JSON: {error}") from None
