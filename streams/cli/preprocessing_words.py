"""What becomes of a version's features before its estimator sees them, in words."""

from __future__ import annotations

from typing import Any

import msgspec

from models.keyed.definitions import KeyedFeature
from models.preprocessing.declared import NO_PREPROCESSING, Preprocessing
from models.preprocessing.preparation import step_label

SHOWN = 10
"""Of names or numbers in a row."""


def preprocessing_words(preprocessing: Preprocessing | msgspec.UnsetType) -> list[str]:
    """A line for each step, with what it learnt, and one for the columns that the estimator takes."""
    declared = preprocessing or NO_PREPROCESSING
    words = [keyed_words(feature, declared.keyed.ttl_s) for feature in declared.keyed.features]
    for number, step in enumerate(declared.steps, 1):
        told = msgspec.to_builtins(step)
        parts = [f"{name} {_told(value)}" for name, value in told.items() if name != "step"]
        words.append(f"{step_label(number, step)}: {'; '.join(parts)}")
    if declared.columns:
        words.append(f"the estimator takes {_told(list(declared.columns))}")
    return words


def keyed_words(feature: KeyedFeature, ttl_s: int) -> str:
    """A keyed feature in a line."""
    of = "" if feature.of is None else f" of {feature.of}"
    over = "" if feature.window_s is None else f" over {feature.window_s} s"
    half = "" if feature.half_life_s is None else f", half-life {feature.half_life_s:g} s"
    return f"keyed {feature.name}: {feature.statistic}{of}{over}{half}, by {feature.by or 'key'}, kept {ttl_s} s"


def _told(value: Any) -> str:
    match value:
        case list() | tuple():
            return ", ".join(_told(each) for each in value[:SHOWN]) + ", …" * (len(value) > SHOWN)
        case float():
            return f"{value:.6g}"
    return str(value)
