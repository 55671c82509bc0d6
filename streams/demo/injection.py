"""The drift that the demo makes: one sensor starts to read too high, as one does that lost its calibration. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drift.binning import clip_range
from streams.demo.sensors import SensorData

SHIFT_SD = 1.5
"""A mean moves by so many standard deviations of the training half; 0.25 would count as material."""

TELLING_AUC = 0.6
"""A sensor tells something about anomalies if it ranks them so well by itself, in either direction."""

LEAST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Injection:
    """From a moment on, `amount` is added to every reading of `feature`, which is column `index`."""

    feature: str
    index: int
    amount: int
    kind: Literal["shift"] = "shift"

    def apply(self, readings: NDArray[np.int64]) -> NDArray[np.int64]:
        """The readings (n x features) as the drifted sensor gives them."""
        drifted = readings.copy()
        drifted[:, self.index] += self.amount
        return drifted

    def __str__(self) -> str:
        return f"sensor {self.feature} reads {self.amount} too high ({SHIFT_SD:g} standard deviations)"


def choose_injection(training: SensorData, seed: int) -> Injection:
    """One of the sensors that tell something, by the seed."""
    telling = [index for index in range(len(training.features)) if _tells(training, index)]
    index = random.Random(seed).choice(telling)
    values = training.readings[:, index].astype(np.float64)
    # Clipped as drift's reference is: a few readings of this data are hundreds of deviations out.
    amount = round(SHIFT_SD * float(np.clip(values, *clip_range(values)).std()))
    return Injection(training.features[index], index, max(1, amount))


def _tells(data: SensorData, index: int) -> bool:
    values = data.readings[:, index]
    if len(np.unique(values)) < LEAST_VALUES:
        return False
    auc = _auc(values[data.anomalous], np.sort(values[~data.anomalous]))
    return max(auc, 1 - auc) >= TELLING_AUC


def _auc(positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> float:
    """How often a positive is above a negative, ties by half; `negatives` sorted."""
    below = np.searchsorted(negatives, positives, "left") + np.searchsorted(negatives, positives, "right")
    return float(below.mean() / 2 / len(negatives))
