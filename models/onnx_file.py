"""An ONNX file as its user has it: read once, never through a link, under a cap."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from models.artifact import MAX_FILE_BYTES
from models.errors import ModelError

SUFFIX = ".onnx"


def read_onnx_file(path: Path) -> bytes:
    """The bytes, not yet parsed. Raises ModelError."""
    try:
        # O_NONBLOCK: a named pipe in place of the file must not hang
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _no_file(path)
            data = file.read(MAX_FILE_BYTES + 1) if status.st_size <= MAX_FILE_BYTES else b""
            size = max(status.st_size, len(data))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _no_file(path) from error
        raise ModelError(
            f"cannot be read: {error.strerror or error}",
            where=str(path),
            cause="no such file, or no permission",
            fix="check the path",
        ) from error
    if size > MAX_FILE_BYTES:
        raise ModelError(
            f"file of {size} bytes is over the cap of {MAX_FILE_BYTES}",
            where=str(path),
            cause="not a model, or one too large to serve",
            fix="serve a smaller one",
        )
    return data


def _no_file(path: Path) -> ModelError:
    return ModelError(
        "not a regular file (a link?)",
        where=str(path),
        cause="a link may point to another file than the one that was looked at",
        fix="give the file itself",
    )
