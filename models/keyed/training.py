"""Keyed features of rows of a file, by name, or what the rows lack for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.keyed.definitions import KeyedFeatures
from models.keyed.offline import keyed_columns
from models.keyed.steps import KeyedSteps
from models.schema import InputSchema


@dataclass(frozen=True, slots=True)
class TimedRows:
    """n rows (n x features, coded), with times in ms and Kafka keys where they are known."""

    features: NDArray[np.float64]
    times_ms: NDArray[np.int64] | None
    keys: Sequence[bytes | None] | None


def keyed_of_rows(
    keyed: KeyedFeatures, schema: InputSchema, rows: TimedRows, *, beside: TimedRows | None = None, where: str
) -> Mapping[str, NDArray[np.float64]]:
    """n values each. Rows `beside` are events of the same stream: of training, for rows that were held apart from it.

    Raises ModelError without the times, or without keys that are needed, and ValueError where the features do not fit.
    """
    if not keyed:
        return {}
    parts = [rows] if beside is None else [beside, rows]
    times: list[NDArray[np.int64]] = []
    keys: list[bytes | None] = []
    for part in parts:
        if part.times_ms is None:
            raise _lacking("times", "--time (in Python: times_ms)", where)
        if part.keys is None and None in keyed.by:
            raise _lacking("keys", "--key (in Python: keys)", where)
        times.append(part.times_ms)
        keys += part.keys or [None] * len(part.features)
    features = np.concatenate([part.features for part in parts])
    columns = keyed_columns(KeyedSteps(keyed, schema), keys, np.concatenate(times), features)
    own = columns[len(columns) - len(rows.features) :]
    return dict(zip((feature.name for feature in keyed.features), own.T, strict=True))


def _lacking(what: str, option: str, where: str) -> ModelError:
    return ModelError(
        f"keyed features tell of earlier rows of the same key, and these rows have no {what}",
        where=where,
        cause="the column was not named",
        fix=f"name it with {option}; `by` a category feature no key is needed",
    )
