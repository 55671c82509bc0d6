"""A fallback as people write it: a TOML file with the fields of models.fallback."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.errors import ModelError
from models.fallback import NO_FALLBACK, Fallback


def read_fallback(path: Path | None) -> Fallback:
    """The fallback in a file; without a file none. Raises ModelError. Whether it fits a model its manifest says."""
    if path is None:
        return NO_FALLBACK
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Fallback)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as error:
        raise ModelError(
            f"the fallback cannot be read: {error}",
            where=str(path),
            cause="no such file, or it is no TOML with previous, cache, rule and default",
            fix='write for example: previous = true, rule = "1 if age > 30 else 0", default = 0, a line each',
        ) from error
