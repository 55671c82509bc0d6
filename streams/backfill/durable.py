"""Writes that a power cut does not undo, that are whole, and that follow no link and replace no file unasked."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol


class _Writes(Protocol):
    def write(self, data: memoryview, /) -> int | None: ...


def no_follow(path: str, flags: int) -> int:
    """For `open(..., opener=)`: a link that stands in a file's place is an OSError."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def write_whole(file: _Writes, data: bytes) -> None:
    """An unbuffered file may take a part only, as when the disk gets full: the next call then says why. Raises
    OSError."""
    left = memoryview(data)
    while left:
        written = file.write(left)
        if not written:
            raise BlockingIOError(errno.EAGAIN, "the file takes no more for now")
        left = left[written:]


def write_new(path: Path, data: bytes) -> None:
    """The content of a file that may be there. Returns when it is on the disk."""
    with open(path, "wb", buffering=0, opener=no_follow) as file:
        write_whole(file, data)
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """The whole content of a file, at once or not at all."""
    draft = path.with_name(f"{path.name}.new")
    write_new(draft, data)
    draft.replace(path)
    sync_folder(path.parent)


def give_name(source: Path, target: Path, *, replace: bool) -> None:
    """Move a file. Raises FileExistsError where another one is there that is not to be replaced. Can be done again."""
    if replace:
        source.replace(target)
    else:
        try:
            os.link(source, target, follow_symlinks=False)
        except FileExistsError:
            if not os.path.samestat(source.lstat(), target.lstat()):
                raise
        except OSError:  # a file system without hard links: what comes between the next two calls is lost
            if os.path.lexists(target):
                raise FileExistsError(str(target)) from None
            source.replace(target)
    sync_folder(target.parent)
    source.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make names that were given or taken in a folder stay so."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
