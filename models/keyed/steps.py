"""One event after the other: the values of its key before it, and what the key keeps after it.

Training, serving and replays all go through `KeyedSteps.step`, so that they cannot differ.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.keyed.accumulators import accumulator_of
from models.keyed.definitions import KeyedFeatures
from models.schema import InputSchema

KeyState: TypeAlias = tuple[Any, ...]
"""The greatest time of the key's events in ms, then what each of its features keeps."""

encode_state = msgspec.msgpack.Encoder().encode
"""The bytes of a KeyState: a tenth of the memory, which counts where there are many keys."""

Key: TypeAlias = bytes
"""The place of what it is by in `KeyedFeatures.by`, one byte; then the key itself."""

LONGEST_KEY = 64
"""Longer keys are kept as a digest, which bounds memory and the size of a snapshot's entry."""


class KeyedSteps:
    """Declared keyed features, ready to be computed from events of a schema."""

    def __init__(self, keyed: KeyedFeatures, schema: InputSchema) -> None:
        """Raises ValueError where they do not fit each other."""
        keyed.check(schema)
        self.keyed = keyed
        self.width = len(keyed.features)
        self._ttl_ms = keyed.ttl_s * 1000
        names = schema.names
        self._inputs = [None if each.of is None else names.index(each.of) for each in keyed.features]
        self._by = [
            (bytes([place]), None if name is None else names.index(name), _category_keys(schema, name))
            for place, name in enumerate(keyed.by)
        ]
        accumulators = [accumulator_of(feature) for feature in keyed.features]
        self._of_key = [
            [(column, accumulators[column]) for column, each in enumerate(keyed.features) if each.by == name]
            for name in keyed.by
        ]
        # Each by its own type: what another release wrote is found out here.
        self._decoders = [
            msgspec.msgpack.Decoder(tuple[int, *(own.form for _, own in group)]).decode  # type: ignore[misc]
            for group in self._of_key
        ]
        self._empty = [tuple(own.empty for _, own in group) for group in self._of_key]
        self._unknown = [0.0 if each.statistic in {"count", "sum", "rate"} else math.nan for each in keyed.features]

    def inputs(self, matrix: NDArray[np.float64]) -> list[list[float]]:
        """What each feature looks at, a row an event (n x features, coded); 0 where it looks at none."""
        columns = [np.zeros(len(matrix)) if column is None else matrix[:, column] for column in self._inputs]
        rows: list[list[float]] = np.column_stack(columns).tolist()
        return rows

    def keys(self, record_keys: Sequence[bytes | None], matrix: NDArray[np.float64]) -> list[list[Key]]:
        """The keys of each event. Where it has none (no Kafka key, null, an unseen category) nothing is kept."""
        found: list[list[Key]] = [[] for _ in record_keys]
        for prefix, column, categories in self._by:
            values = record_keys if column is None else [categories.get(code) for code in matrix[:, column].tolist()]
            for own, value in zip(found, values, strict=True):
                if value is not None:
                    own.append(prefix + _short(value))
        return found

    def step(
        self, key: Key, state: KeyState | None, time_ms: int, inputs: Sequence[float], values: list[float]
    ) -> KeyState:
        """Write the key's features before an event into `values`; what the key keeps after it. None: it is new."""
        group = self._of_key[key[0]]
        if state is None or self.is_over(state[0], time_ms):
            now_ms, kept = time_ms, self._empty[key[0]]
        else:
            now_ms, kept = max(time_ms, state[0]), state[1:]
        after: list[Any] = [now_ms]
        for (column, accumulator), own in zip(group, kept, strict=True):
            value, number = accumulator.value(own, now_ms), inputs[column]
            values[column] = value if math.isfinite(value) else math.nan
            after.append(own if math.isnan(number) else accumulator.add(own, number, time_ms, now_ms))
        return tuple(after)

    def is_over(self, latest_ms: int, time_ms: int) -> bool:
        """Whether a key, by the time of its latest event, has had none for longer than it is kept."""
        return time_ms - latest_ms > self._ttl_ms

    def nothing_known(self) -> list[float]:
        """The values of an event without keys; what `step` writes into."""
        return list(self._unknown)

    def decode(self, key: Key, data: bytes | msgspec.Raw) -> KeyState:
        """A state from its bytes. Raises msgspec.MsgspecError, and IndexError for a key of something else."""
        state: KeyState = self._decoders[key[0]](data)
        return state


def _category_keys(schema: InputSchema, name: str | None) -> dict[float, bytes]:
    if name is None:
        return {}
    feature = schema.features[schema.names.index(name)]
    return {float(code): category.encode() for code, category in enumerate(feature.categories)}


def _short(key: bytes) -> bytes:
    # A digest is longer than any key that is kept as it is, so the two cannot meet.
    return key if len(key) <= LONGEST_KEY else hashlib.blake2b(key, digest_size=40).hexdigest().encode()
