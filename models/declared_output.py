"""What the one who adds a model declares about its answers, and where rows to calibrate on come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration, Method
from models.manifest import Clip
from models.prediction import FloatMatrix, Label


class DeclaredOutput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See `models.manifest.Output`. `labels` maps a class, as text, to the label to publish. A `calibration` by its
    method only is fitted, on the rows in the file `calibration_data` or on rows that are given beside."""

    labels: dict[str, Label] = {}
    threshold: float | None = None
    decimals: int | None = None
    class_scores: bool = False
    clip: Clip | None = None
    calibration: Method | Calibration | None = None
    calibration_data: str | None = None


NOTHING_DECLARED = DeclaredOutput()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """n rows that the estimator was not fitted on (n x features, coded), and the class that each turned out to be.

    `refused` rows were left out: the model's schema would refuse them. `times_ms` are needed where preprocessing reads
    the event's own time, times and `keys` where there are keyed features."""

    matrix: FloatMatrix
    target: Sequence[Label | None]
    refused: int = 0
    times_ms: NDArray[np.int64] | None = None
    keys: Sequence[bytes | None] | None = None
