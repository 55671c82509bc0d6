"""What becomes of a version's features before its estimator sees them, in words."""

from __future__ import annotations

from typing import Any

import msgspec

from models.preprocessing.declared import NO_PREPROCESSING, Preprocessing
from models.preprocessing.preparation import step_label

SHOWN = 10
"""Of names or numbers in a row."""


def preprocessing_words(preprocessing: Preprocessing | msgspec.UnsetType) -> list[str]:
    """A line for each step, with what it learnt, and one for the columns that the estimator takes."""
    declared = preprocessing or NO_PREPROCESSING
    words = []
    for number, step in enumerate(declared.steps, 1):
        told = msgspec.to_builtins(step)
        parts = [f"{name} {_told(value)}" for name, value in told.items() if name != "step"]
        words.append(f"{step_label(number, step)}: {'; '.join(parts)}")
    if declared.columns:
        words.append(f"the estimator takes {_told(list(declared.columns))}")
    return words


def _told(value: Any) -> str:
    match value:
        case list() | tuple():
            return ", ".join(_told(each) for each in value[:SHOWN]) + ", …" * (len(value) > SHOWN)
        case float():
            return f"{value:.6g}"
    return str(value)
