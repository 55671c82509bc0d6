"""Declared output as people write it: a TOML file with the fields of `models.declared_output.DeclaredOutput`."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.calibration import KINDS
from models.declared_output import NOTHING_DECLARED, DeclaredOutput
from models.errors import ModelError


def read_output(path: Path | None) -> DeclaredOutput:
    """What a file declares; without a file nothing. A relative `calibration_data` is beside the file.

    Raises ModelError. Whether it fits the model is found out when there is one.
    """
    if path is None:
        return NOTHING_DECLARED
    try:
        written = tomllib.loads(path.read_bytes().decode())
        _check_names(written, DeclaredOutput.__struct_fields__, "")
        _check_calibration(written.get("calibration"))
        declared = msgspec.convert(_without_infinity(written), DeclaredOutput)
    except (OSError, ValueError, RecursionError) as error:  # of TOML, msgspec and Unicode are ValueErrors
        raise ModelError(
            f"the output options cannot be read: {error}",
            where=str(path),
            cause="no such file, no TOML, or an option of another name or type",
            fix="write for example: threshold = 0.3, decimals = 4, clip = [0, 100], a line each; tables come last",
        ) from error
    if declared.calibration_data is None:
        return declared
    return msgspec.structs.replace(declared, calibration_data=str(path.parent / declared.calibration_data))


def _check_calibration(written: Any) -> None:
    """Name what msgspec would only say does not match."""
    if isinstance(written, str):
        _check_names([written], tuple(KINDS), "calibration ")
    if isinstance(written, dict):
        kinds = [kind for method, kind in KINDS.items() if method == written.get("method")]
        if not kinds:
            raise ValueError(f"calibration has a method: {', '.join(KINDS)}, not {written.get('method')!r}")
        _check_names(written, ("method", *kinds[0].__struct_fields__), "calibration.")


def _check_names(found: Mapping[str, Any] | Sequence[str], known: Sequence[str], lead: str) -> None:
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            instead = f"did you mean {lead}{near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"no {lead}{name}; {instead}")


def _without_infinity(written: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: an open end of `clip` is written -inf or inf."""
    clip = written.get("clip")
    if not isinstance(clip, list) or len(clip) != 2:
        return written
    ends = zip(clip, (-math.inf, math.inf), strict=True)
    return {**written, "clip": [None if bound == end else bound for bound, end in ends]}
