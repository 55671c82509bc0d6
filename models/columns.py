"""Training columns, chunk by chunk, to a feature and its coded values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.errors import ModelError
from models.schema import Feature, Kind

MAX_CATEGORIES = 1000


def kind_of(column: str, arrow_type: Any, where: str) -> Kind:
    """The feature kind of an Arrow type. Raises ModelError for what cannot be a feature."""
    if pa.types.is_boolean(arrow_type):
        return Kind.BOOLEAN
    if pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_decimal(arrow_type):
        return Kind.NUMBER
    text = arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type
    if pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text):
        return Kind.CATEGORY
    if pa.types.is_null(arrow_type):
        raise ModelError(
            f"column {column!r} has no value",
            where=where,
            cause="every row is null, so neither a type nor a reference can be learnt",
            fix="fill the column, or train without it",
        )
    raise ModelError(
        f"column {column!r} is of type {arrow_type}, which is no feature",
        where=where,
        cause="features are numbers, booleans and strings",
        fix="name it with --time or --target if it is one of these, else turn it into numbers or leave it out",
    )


class ColumnCoder:
    """Codes one column as models.schema says; categories are found on the way and sorted at the end."""

    def __init__(self, name: str, kind: Kind, where: str, *, without_values: Feature | None = None) -> None:
        """`without_values`: what the column is taken for where every row is null; None: that is refused."""
        self._name = name
        self._kind = kind
        self._without_values = without_values
        self._where = where
        self._codes: list[NDArray[np.float64]] = []
        self._categories: dict[str, int] = {}

    def add(self, chunk: Any) -> None:
        """Take one Arrow array of the column's type."""
        if pa.types.is_null(chunk.type):
            self._codes.append(np.full(len(chunk), np.nan))
            return
        if self._kind is Kind.CATEGORY:
            self._codes.append(self._coded(chunk))
            return
        numbers = pc.cast(chunk, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        infinite = np.flatnonzero(np.isinf(numbers))
        if len(infinite):
            raise ModelError(
                f"column {self._name!r} is infinite in row {sum(map(len, self._codes)) + int(infinite[0]) + 1}",
                where=self._where,
                cause="a division by zero or an overflow in the training data",
                fix="leave such rows out, or write null where null is meant",
            )
        self._codes.append(numbers)

    def finish(self) -> tuple[Feature, NDArray[np.float64]]:
        """The feature (nullable when a null was seen, no bounds) and the coded column."""
        codes = np.concatenate(self._codes) if self._codes else np.empty(0)
        null = np.isnan(codes)
        if null.all():
            if self._without_values is not None:
                return self._without_values, codes
            kind_of(self._name, pa.null(), self._where)
        ordered = sorted(self._categories)
        if ordered:
            place = np.empty(len(ordered))
            place[[self._categories[category] for category in ordered]] = np.arange(len(ordered))
            codes[~null] = place[codes[~null].astype(np.intp)]
        return Feature(self._name, self._kind, nullable=bool(null.any()), categories=tuple(ordered)), codes

    def _coded(self, chunk: Any) -> NDArray[np.float64]:
        encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        seen = encoded.dictionary.to_pylist()
        here = np.array(
            [np.nan if value is None else self._categories.setdefault(value, len(self._categories)) for value in seen]
        )
        if len(self._categories) > MAX_CATEGORIES:
            raise ModelError(
                f"column {self._name!r} has more than {MAX_CATEGORIES} different strings",
                where=self._where,
                cause="an identifier or free text, or numbers with a word among them",
                fix="leave the column out (and train without it; with preprocessing, name the others with "
                "features = […] in its file), group it, or clean it",
            )
        at = pc.cast(encoded.indices, pa.float64()).to_numpy(zero_copy_only=False)
        codes = np.full(len(at), np.nan)
        codes[~np.isnan(at)] = here[at[~np.isnan(at)].astype(np.intp)] if len(here) else np.nan
        return codes
