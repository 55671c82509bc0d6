"""Keyed features of training rows, by name, or what the rows lack for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.keyed.definitions import KeyedFeatures
from models.keyed.offline import keyed_columns
from models.keyed.steps import KeyedSteps
from models.schema import InputSchema


def of_training(
    keyed: KeyedFeatures,
    schema: InputSchema,
    features: NDArray[np.float64],
    times_ms: NDArray[np.int64] | None,
    keys: Sequence[bytes | None] | None,
    *,
    where: str,
) -> Mapping[str, NDArray[np.float64]]:
    """n values each, for n rows (n x features, coded). Raises ModelError without the times, or without keys that are
    needed, and ValueError where the features do not fit."""
    if not keyed:
        return {}
    if times_ms is None:
        raise _lacking("times", "--time (in Python: times_ms)", where)
    if keys is None and None in keyed.by:
        raise _lacking("keys", "--key (in Python: keys)", where)
    columns = keyed_columns(KeyedSteps(keyed, schema), keys or [None] * len(features), times_ms, features)
    return dict(zip((feature.name for feature in keyed.features), columns.T, strict=True))


def _lacking(what: str, option: str, where: str) -> ModelError:
    return ModelError(
        f"keyed features tell of earlier rows of the same key, and these rows have no {what}",
        where=where,
        cause="the column was not named",
        fix=f"name it with {option}; `by` a category feature no key is needed",
    )
