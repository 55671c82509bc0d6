"""Definitions and events for the tests of keyed features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.steps import KeyedSteps
from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.keyed.advance import KeyedEvents

SCHEMA = InputSchema(
    (
        Feature("amount", nullable=True),
        Feature("shop", Kind.CATEGORY, nullable=True, categories=("a", "b"), unseen=UnseenPolicy.ACCEPT),
        Feature("online", Kind.BOOLEAN),
    )
)

EVERY = KeyedFeatures(
    (
        KeyedFeature("count", "count"),
        KeyedFeature("count_60", "count", window_s=60),
        KeyedFeature("rate", "rate", window_s=30),
        KeyedFeature("since", "time_since_last"),
        KeyedFeature("sum", "sum", of="amount"),
        KeyedFeature("mean", "mean", of="amount"),
        KeyedFeature("mean_60", "mean", of="amount", window_s=60),
        KeyedFeature("variance", "variance", of="amount"),
        KeyedFeature("variance_60", "variance", of="amount", window_s=60),
        KeyedFeature("least", "min", of="amount"),
        KeyedFeature("greatest", "max", of="amount", window_s=60),
        KeyedFeature("fading", "ewma", of="amount", half_life_s=10),
        KeyedFeature("share_online", "mean", of="online", by="shop"),
        KeyedFeature("of_shop", "count", by="shop"),
    ),
    ttl_s=90,
)


@dataclass(frozen=True)
class Row:
    """One event; a shop of -1 is one that training never saw, NaN none."""

    key: bytes | None
    time_ms: int
    amount: float
    shop: float = np.nan
    online: float = 0.0


def steps_of(keyed: KeyedFeatures = EVERY) -> KeyedSteps:
    return KeyedSteps(keyed, SCHEMA)


def matrix_of(rows: list[Row]) -> np.ndarray:
    return np.array([(row.amount, row.shop, row.online) for row in rows], dtype=np.float64).reshape(-1, 3)


def events_of(steps: KeyedSteps, rows: list[Row], first_offset: int = 0) -> KeyedEvents:
    matrix = matrix_of(rows)
    return KeyedEvents(
        range(first_offset, first_offset + len(rows)),
        steps.keys([row.key for row in rows], matrix),
        steps.inputs(matrix),
        [row.time_ms for row in rows],
    )


KEYS = st.sampled_from([None, b"", b"k", b"other", b"x" * 200])
AMOUNTS = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6), st.integers(-3, 3).map(float))
ROWS = st.builds(
    Row,
    key=KEYS,
    time_ms=st.integers(0, 400_000),
    amount=AMOUNTS,
    shop=st.sampled_from([np.nan, -1.0, 0.0, 1.0]),
    online=st.sampled_from([0.0, 1.0]),
)


def lists_of_rows(most: int = 40, *, in_time: bool = False) -> st.SearchStrategy[list[Row]]:
    rows = st.lists(ROWS, max_size=most)
    return rows.map(lambda found: sorted(found, key=lambda row: row.time_ms)) if in_time else rows
