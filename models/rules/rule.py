"""A rule that answers in a model's place: an expression over its features whose values are its labels, or numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.coding import UNSEEN_TEXT
from models.prediction import FloatMatrix, Label
from models.rules.reading import RuleRefused, read_term
from models.rules.terms import Sort
from models.schema import InputSchema


class Rule:
    """Raises RuleRefused when made, unless every value that the expression can have is one of `labels` (without labels:
    unless it is a number)."""

    def __init__(self, text: str, schema: InputSchema, labels: tuple[Label, ...] = ()) -> None:
        self._term = read_term(text, schema)
        self._codes: dict[str | float | bool, float] | None = None
        if not labels:
            if self._term.sort is not Sort.NUMBER:
                raise RuleRefused(f"it gives a {self._term.sort}, the model numbers", text)
            return
        self._codes = {
            _comparable(label): float(code) for code, label in enumerate(labels) if _sort(label) is self._term.sort
        }
        given = self._term.possible
        if given is None or not given - {UNSEEN_TEXT} <= self._codes.keys():
            raise RuleRefused(f"it can give what is none of the labels {', '.join(map(repr, labels))}", text)

    def answers(self, matrix: FloatMatrix) -> NDArray[np.float64]:
        """Of n rows the index of the label, or the number; NaN where the rule has no answer."""
        with np.errstate(all="ignore"):
            values, known = self._term.column(matrix)
        if self._codes is not None:
            values = np.array([self._codes.get(value, np.nan) for value in values.tolist()], dtype=np.float64)
        return np.where(known & np.isfinite(values), values, np.nan)


def _sort(label: Label) -> Sort:
    if isinstance(label, bool):
        return Sort.TRUTH
    return Sort.TEXT if isinstance(label, str) else Sort.NUMBER


def _comparable(label: Label) -> str | float | bool:
    return label if isinstance(label, str | bool) else float(label)
