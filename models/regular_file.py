"""Read a file of which nothing is trusted: no link, no pipe, never more than a cap."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from models.errors import ModelError


class Advice(NamedTuple):
    """Likely cause and fix where a path is no regular file, cannot be read, or holds too much."""

    not_regular: tuple[str, str]
    unreadable: tuple[str, str]
    too_large: tuple[str, str]


def read_regular(path: Path, cap: int, advice: Advice) -> bytes:
    """The bytes of a file of at most `cap`. Raises ModelError."""
    try:
        # O_NONBLOCK: a named pipe in place of the file must not hang
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise not_regular(path, "a regular file", advice)
            data = file.read(cap + 1) if status.st_size <= cap else b""
            size = max(status.st_size, len(data))
    except OSError as error:
        if error.errno == errno.ELOOP or path.is_symlink():
            raise not_regular(path, "a regular file", advice) from error
        raise unreadable(path, error, advice) from error
    if size > cap:
        cause, fix = advice.too_large
        raise ModelError(f"file of {size} bytes is over the cap of {cap}", where=str(path), cause=cause, fix=fix)
    return data


def not_regular(path: Path, due: str, advice: Advice) -> ModelError:
    """That something else is there than what is `due`."""
    cause, fix = advice.not_regular
    return ModelError(f"not {due} (a link?)", where=str(path), cause=cause, fix=fix)


def unreadable(path: Path, error: OSError, advice: Advice) -> ModelError:
    """That the system refused."""
    cause, fix = advice.unreadable
    return ModelError(f"cannot be read: {error.strerror or error}", where=str(path), cause=cause, fix=fix)
