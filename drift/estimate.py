"""How accurate a classifier probably is while labels are missing, from its own confidence.

The idea of CBPE (NannyML, "Confidence-based Performance Estimation"): a calibrated confidence says how often such an
answer is right, so its mean over answers estimates their accuracy. Calibration is by bins, counted on answers whose
labels came; the counts add up, so the estimate depends on no order. It sees a change of the inputs, never one of what
they mean (pure concept drift): that is what its error against the labels is for.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

BINS = 20
PRIOR_ANSWERS = 10.0
"""A bin's own confidence counts as this many answers, so a bin with few labels stays near what the model says."""

Floats = NDArray[np.float64]


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers whose labels came, and those of them that were right, by bin of confidence."""

    labelled: tuple[int, ...] = (0,) * BINS
    right: tuple[int, ...] = (0,) * BINS

    def plus(self, confidences: Floats, right: NDArray[np.bool_]) -> Calibration:
        """With further answers; one without a confidence (NaN) says nothing."""
        known = ~np.isnan(confidences)
        bins, hits = _bins(confidences[known]), right[known]
        return Calibration(_added(self.labelled, bins), _added(self.right, bins[hits]))

    def expected_right(self, confidences: Floats) -> float:
        """How many of these answers are right, probably; those without a confidence are not among them."""
        known = confidences[~np.isnan(confidences)]
        bins = _bins(known)
        labelled, right = np.array(self.labelled)[bins], np.array(self.right)[bins]
        return float(((right + PRIOR_ANSWERS * known) / (labelled + PRIOR_ANSWERS)).sum())


def _bins(confidences: Floats) -> NDArray[np.int64]:
    return np.clip((confidences * BINS).astype(np.int64), 0, BINS - 1)


def _added(counts: tuple[int, ...], bins: NDArray[Any]) -> tuple[int, ...]:
    return tuple((np.array(counts) + np.bincount(bins, minlength=BINS)).tolist())
