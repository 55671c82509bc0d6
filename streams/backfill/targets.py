"""Whether an output can get its name at the end, asked before any row is answered."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.errors import ModelError


def require_free(targets: Iterable[Path], beside: Path, *, overwrite: bool) -> None:
    """`beside`: a folder on the file system where the output grows. Raises ModelError."""
    for path in targets:
        if path.is_dir():
            raise ModelError(
                f"{path} is a folder",
                where=str(path),
                cause="a name that was mistyped",
                fix="name a file",
            )
        # A link that leads nowhere would be replaced as well
        if not overwrite and (path.exists() or path.is_symlink()):
            raise ModelError(
                f"{path} is there already",
                where=str(path),
                cause="an earlier run, or a name that was mistyped",
                fix="name another output, or replace it with --overwrite",
            )
        if path.absolute().parent.stat().st_dev != beside.stat().st_dev:
            raise ModelError(
                f"{path} is on another file system than the output",
                where=str(path),
                cause="a file gets its name only when it is whole, which is possible on one file system only",
                fix="name a file beside the output",
            )
