"""Decode: bytes to typed events, a whole batch at C speed, with any bad record on its own.

The model's schema becomes a msgspec type, so one pass decodes and checks types, ranges, categories and the id. Every
record is decoded by itself: in one list a malformed record could swallow its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, cast

import msgspec

from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.event_time import EventTime
from streams.json_text import depth, openings, parse, repeated_key
from streams.limits import Limits, UnknownFeatures

AT_ONCE_BYTES = 128 << 10
"""Looked at together: enough for a call's own time not to count, and little enough to stay in the processor's cache."""


class Event(Protocol):
    """An event whose fields are as the schema wants them; `features` is a Struct in schema order."""

    id: str
    features: msgspec.Struct
    time: int | datetime | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """`events[i]` came from the value at `rows[i]`. `refused`: rows that are no events, with the decoder's word."""

    rows: list[int]
    events: list[Event]
    refused: list[tuple[int, str]]


class EventDecoder:
    """Decides whether bytes are an event; `streams.diagnosis` finds out why they are not."""

    def __init__(self, schema: InputSchema, limits: Limits, unknown_features: UnknownFeatures) -> None:
        self._limits = limits
        event = event_type(features_type(schema, unknown_features), limits.id_length)
        self._decode = cast("msgspec.json.Decoder[Event]", msgspec.json.Decoder(event)).decode

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """Sort values into events and refused rows. A null value is refused too."""
        events: list[Event] = []
        refused: list[tuple[int, str]] = []
        results = map(self._decode, cast("Sequence[bytes]", values))
        while True:
            try:
                events.extend(results)  # keeps what it took before an exception, and goes on behind it
                break
            except Exception as error:  # noqa: BLE001  # any fault of the value, UnicodeDecodeError and RecursionError too
                refused.append((len(events) + len(refused), f"{type(error).__name__}: {error}"))
        rows = list(range(len(values)))
        if refused:
            bad = {row for row, _ in refused}
            rows = [row for row in rows if row not in bad]
        return self._without_hidden_faults(values, Decoded(rows, events, refused))

    def _without_hidden_faults(self, values: Sequence[bytes | None], decoded: Decoded) -> Decoded:
        """Refuse what the typed decoder skips over: size, and depth, encoding or repeated keys in ignored fields."""
        accepted = cast("list[bytes]", values if not decoded.refused else [values[row] for row in decoded.rows])
        if not accepted or not self._may_hide_faults(accepted):
            return decoded
        faults = {index: fault for index, value in enumerate(accepted) if (fault := self._hidden_fault(value))}
        if not faults:
            return decoded
        return Decoded(
            [row for index, row in enumerate(decoded.rows) if index not in faults],
            [event for index, event in enumerate(decoded.events) if index not in faults],
            [*decoded.refused, *((decoded.rows[index], fault) for index, fault in faults.items())],
        )

    def _may_hide_faults(self, accepted: Sequence[bytes]) -> bool:
        """A cheap bound over all values at once: False only if every one is in order."""
        longest = max(map(len, accepted))
        if self._limits.strict_json or longest > self._limits.value_bytes:
            return True
        return any(self._may_hide(piece) for piece in _pieces(accepted, longest))

    def _may_hide(self, accepted: Sequence[bytes]) -> bool:
        joined = b"\n".join(accepted)
        # Each accepted event has two brackets of its own, so none can have more than what is left over, and two.
        left_over = openings(joined) - 2 * len(accepted)
        return left_over + 2 > self._limits.depth or not (joined.isascii() or _is_utf8(joined))

    def _hidden_fault(self, value: bytes) -> str | None:
        if len(value) > self._limits.value_bytes:
            return "too large"
        if openings(value) > self._limits.depth and depth(value) > self._limits.depth:
            return "nested too deeply"
        if not (value.isascii() or _is_utf8(value)):
            return "not UTF-8"
        if self._limits.strict_json and _repeats_a_key(value):
            return "a key is repeated"
        return None


def event_type(features: Any, id_length: int) -> type[msgspec.Struct]:
    """A Struct of an event whose `features` have that type."""
    return msgspec.defstruct(
        "Event",
        [
            ("id", Annotated[str, msgspec.Meta(min_length=1, max_length=id_length)]),
            ("features", features),
            ("time", EventTime, None),
        ],
        gc=False,  # holds no other object than strings, numbers and times: nothing for the collector to find
    )


def features_type(schema: InputSchema, unknown_features: UnknownFeatures) -> type[msgspec.Struct]:
    """A Struct of the features of a schema, in its order."""
    names = {f"f{index}": feature.name for index, feature in enumerate(schema.features)}
    return msgspec.defstruct(
        "Features",
        [(field, _type_of(feature)) for field, feature in zip(names, schema.features, strict=True)],
        rename=names,
        gc=False,
        forbid_unknown_fields=unknown_features == "reject",
    )


def _type_of(feature: Feature) -> Any:
    kind: Any
    if feature.kind is Kind.BOOLEAN:
        kind = bool
    elif feature.kind is Kind.NUMBER:
        kind = Annotated[float, msgspec.Meta(ge=feature.minimum, le=feature.maximum)]
    elif feature.unseen is UnseenPolicy.REJECT:
        kind = Literal[feature.categories]
    else:
        kind = str
    return kind | None if feature.nullable else kind


def _pieces(values: Sequence[bytes], longest: int) -> Iterator[Sequence[bytes]]:
    """The values in turn, about AT_ONCE_BYTES of them at a time."""
    count = max(1, AT_ONCE_BYTES // longest)
    return (values[start : start + count] for start in range(0, len(values), count))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _repeats_a_key(value: bytes) -> bool:
    try:
        return repeated_key(parse(value.decode())) is not None
    except (ValueError, RecursionError):
        return True  # for the diagnosis to say
