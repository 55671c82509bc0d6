"""An ONNX file as its user has it: read once, never through a link, under a cap."""

from __future__ import annotations

from pathlib import Path

from models.artifact import MAX_FILE_BYTES
from models.regular_file import Advice, read_regular

SUFFIX = ".onnx"


ADVICE = Advice(
    not_regular=("a link may point to another file than the one that was looked at", "give the file itself"),
    unreadable=("no such file, or no permission", "check the path"),
    too_large=("not a model, or one too large to serve", "serve a smaller one"),
)


def read_onnx_file(path: Path) -> bytes:
    """The bytes, not yet parsed. Raises ModelError."""
    return read_regular(path, MAX_FILE_BYTES, ADVICE)
