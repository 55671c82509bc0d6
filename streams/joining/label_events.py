"""Decode: bytes of the topic `labels` to labels, and why those that are none are none. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol, TypeAlias, cast

import msgspec

from streams.event_time import EventTime
from streams.json_text import encoding_problem

Number64: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
LabelValue: TypeAlias = str | bool | Number64 | float


class LabelReason(StrEnum):
    """Why a record of `labels` is no label, or was not passed on; in metrics, logs and documents."""

    TOMBSTONE = "tombstone"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    JSON = "json"
    NOT_OBJECT = "not_object"
    ID_MISSING = "id_missing"
    ID_TOO_LONG = "id_too_long"
    LABEL = "label"  # missing, null, no scalar, or a number beyond 64 bits
    TIME = "time"
    GIVEN_UP = "given_up"  # the fault is not the producer's: twice no decision, or `joins` did not take it


class LabelEvent(Protocol):
    """What an event turned out to be. `time`: since when that is known, where the producer says so."""

    event_id: str
    label: LabelValue
    time: int | datetime | None


@dataclass(frozen=True, slots=True)
class DecodedLabels:
    """`labels[i]` came from the value at `rows[i]`; `refused` are the other rows."""

    rows: list[int] = field(default_factory=list)
    labels: list[LabelEvent] = field(default_factory=list)
    refused: list[tuple[int, LabelReason]] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[LabelReason]:
        return Counter(reason for _, reason in self.refused)


def label_type(id_length: int) -> type[msgspec.Struct]:
    """A Struct of a label, as `LabelEvent`."""
    return msgspec.defstruct(
        "LabelEvent",
        [
            ("event_id", Annotated[str, msgspec.Meta(min_length=1, max_length=id_length)]),
            ("label", LabelValue),
            ("time", EventTime, None),
        ],
        gc=False,
    )


class LabelDecoder:
    """Decides whether bytes are a label. Beyond `value_bytes` and `id_length` they are none."""

    def __init__(self, value_bytes: int, id_length: int) -> None:
        self._value_bytes, self._id_length = value_bytes, id_length
        kind = label_type(id_length)
        self._decode = cast("msgspec.json.Decoder[LabelEvent]", msgspec.json.Decoder(kind)).decode

    def decode(self, values: Sequence[bytes | None]) -> DecodedLabels:
        """Every value on its own: a bad one takes no neighbour along."""
        decoded = DecodedLabels()
        for row, value in enumerate(values):
            label = self._label(value)
            if label is None:
                decoded.refused.append((row, self._why(value)))
            else:
                decoded.rows.append(row)
                decoded.labels.append(label)
        return decoded

    def _label(self, value: bytes | None) -> LabelEvent | None:
        if value is None or len(value) > self._value_bytes:
            return None
        try:
            return self._decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None

    def _why(self, value: bytes | None) -> LabelReason:
        if value is None:
            return LabelReason.TOMBSTONE
        if len(value) > self._value_bytes:
            return LabelReason.TOO_LARGE
        if encoding_problem(value):
            return LabelReason.ENCODING
        try:
            parsed: Any = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return LabelReason.JSON
        if not isinstance(parsed, dict):
            return LabelReason.NOT_OBJECT
        event_id, label = parsed.get("event_id"), parsed.get("label")
        if not isinstance(event_id, str) or not event_id:
            return LabelReason.ID_MISSING
        if len(event_id) > self._id_length:
            return LabelReason.ID_TOO_LONG
        try:
            msgspec.convert(label, LabelValue)
        except msgspec.ValidationError:
            return LabelReason.LABEL
        return LabelReason.TIME
