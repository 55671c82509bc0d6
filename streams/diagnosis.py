"""Why a value is not an event: the first broken rule, named by reason and described in one line.

Called for what the decoder refused, so it may be slow and must be exact. The rules in their order of precedence:

1. bytes: empty, too_large, framed, encoding (BOM, UTF-16, not UTF-8), depth
2. text: json, number (`NaN`, `Infinity`), encoding (half a surrogate pair), not_object, duplicate_key (strict_json)
3. id_missing, id_too_long; time, time_ahead
4. features as such: feature_missing, feature_type; then each in schema order: feature_missing, feature_null,
   feature_type, number (no float64), feature_range, category_unknown
5. feature_unknown

Of a repeated key every value must be good, as for the decoder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.contracts import Reason
from streams.event_time import EARLIEST_MS, LATEST_MS, Rfc3339, ahead_ms, to_ms
from streams.json_text import (
    NotFinite,
    Pairs,
    depth,
    encoding_problem,
    is_finite,
    lone_surrogate,
    parse,
    repeated_key,
)
from streams.limits import Limits, UnknownFeatures
from streams.one_line import one_line


@dataclass(frozen=True, slots=True)
class Finding:
    """`error` is one printable line without the value's data: where, which rule, what type was there."""

    reason: Reason
    error: str


class _Broken(Exception):
    def __init__(self, reason: Reason, error: str) -> None:
        self.finding = Finding(reason, one_line(error))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The rules of one model. Call it with a value and its record's timestamp."""

    schema: InputSchema
    limits: Limits
    unknown_features: UnknownFeatures

    def __call__(self, value: bytes, timestamp_ms: int) -> Finding | None:
        """The first broken rule, or None for a good event. Raises nothing."""
        try:
            event = self._parsed(self._text(value))
            self._check_id(event)
            self._check_time(event, timestamp_ms)
            self._check_features(event)
        except _Broken as broken:
            return broken.finding
        return None

    def _text(self, value: bytes) -> str:
        limits = self.limits
        if not value:
            raise _Broken(Reason.EMPTY, "the value has no bytes")
        if len(value) > limits.value_bytes:
            raise _Broken(Reason.TOO_LARGE, f"{len(value)} bytes, at most {limits.value_bytes} (limits.value_bytes)")
        if value.isspace():
            raise _Broken(Reason.EMPTY, "the value is white space")
        if value[0] == 0:
            raise _Broken(
                Reason.FRAMED, "begins with 0x00, so it is framed for a Confluent schema registry; none is configured"
            )
        if problem := encoding_problem(value):
            raise _Broken(Reason.ENCODING, problem)
        if (nested := depth(value)) > limits.depth:
            raise _Broken(Reason.DEPTH, f"nested {nested} deep, at most {limits.depth} (limits.depth)")
        return value.decode()

    def _parsed(self, text: str) -> Pairs:
        try:
            root = parse(text)
        except NotFinite as error:
            raise _Broken(Reason.NUMBER, f"{error} is no JSON number") from None
        except json.JSONDecodeError as error:
            raise _Broken(Reason.JSON, f"{error.msg} at character {error.pos}") from None
        except RecursionError:
            raise _Broken(Reason.DEPTH, "nested too deeply to be read") from None
        if "\\u" in text and lone_surrogate(root):
            raise _Broken(Reason.ENCODING, "an escaped surrogate without its other half")
        if not isinstance(root, Pairs):
            raise _Broken(Reason.NOT_OBJECT, f"expected an object, got {_kind(root)}")
        if self.limits.strict_json and (key := repeated_key(root)) is not None:
            raise _Broken(Reason.DUPLICATE_KEY, f"key {_quoted(key)} is repeated (limits.strict_json)")
        return root

    def _check_id(self, event: Pairs) -> None:
        ids = event.all("id")
        if not ids:
            raise _Broken(Reason.ID_MISSING, "id: missing")
        for value in ids:
            if not isinstance(value, str):
                raise _Broken(Reason.ID_MISSING, f"id: expected a string, got {_kind(value)}")
            if not value:
                raise _Broken(Reason.ID_MISSING, "id: empty")
            if len(value) > self.limits.id_length:
                raise _Broken(
                    Reason.ID_TOO_LONG,
                    f"id: {len(value)} characters, at most {self.limits.id_length} (limits.id_length)",
                )

    def _check_time(self, event: Pairs, timestamp_ms: int) -> None:
        time = to_ms(None, timestamp_ms)
        for value in event.all("time"):
            time = to_ms(_time(value), timestamp_ms)
        if not EARLIEST_MS <= time <= LATEST_MS:
            raise _Broken(Reason.TIME, "time: outside the years 1 to 9999, or absent from event and record")
        ahead = ahead_ms(self.limits.max_ahead_s)
        if timestamp_ms >= 0 and time - timestamp_ms > ahead:
            raise _Broken(
                Reason.TIME_AHEAD,
                f"time: {time - timestamp_ms} ms after the record's timestamp, at most {ahead} (limits.max_ahead_s)",
            )

    def _check_features(self, event: Pairs) -> None:
        occurrences = event.all("features")
        if not occurrences:
            raise _Broken(Reason.FEATURE_MISSING, "features: missing")
        for features in occurrences:
            if not isinstance(features, Pairs):
                raise _Broken(Reason.FEATURE_TYPE, f"features: expected an object, got {_kind(features)}")
        for features in occurrences:
            for feature in self.schema.features:
                values = features.all(feature.name)
                if not values:
                    raise _Broken(Reason.FEATURE_MISSING, f"{_path(feature)}: missing")
                for value in values:
                    _check_feature(feature, value)
        if self.unknown_features == "reject":
            known = set(self.schema.names)
            for name, _ in (pair for features in occurrences for pair in features):
                if name not in known:
                    raise _Broken(Reason.FEATURE_UNKNOWN, f"feature {_quoted(name)} is not in the model's schema")


def _time(value: Any) -> int | datetime | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        if not EARLIEST_MS <= value <= LATEST_MS:
            raise _Broken(Reason.TIME, "time: epoch milliseconds outside the years 1 to 9999")
        return value
    if isinstance(value, str):
        try:
            return msgspec.convert(value, Rfc3339)
        except msgspec.ValidationError:
            raise _Broken(Reason.TIME, "time: not an RFC 3339 date and time with an offset") from None
    raise _Broken(
        Reason.TIME, f"time: expected RFC 3339 with an offset or integer epoch milliseconds, got {_kind(value)}"
    )


def _check_feature(feature: Feature, value: Any) -> None:
    if value is None:
        if feature.nullable:
            return
        raise _Broken(Reason.FEATURE_NULL, f"{_path(feature)}: null is not allowed")
    match feature.kind:
        case Kind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise _Broken(Reason.FEATURE_TYPE, f"{_path(feature)}: expected a number, got {_kind(value)}")
            if not is_finite(value):
                raise _Broken(Reason.NUMBER, f"{_path(feature)}: out of the range of a float")
            low, high = feature.minimum, feature.maximum
            if (low is not None and float(value) < low) or (high is not None and float(value) > high):
                raise _Broken(Reason.FEATURE_RANGE, f"{_path(feature)}: outside {_interval(feature)}")
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                raise _Broken(Reason.FEATURE_TYPE, f"{_path(feature)}: expected a boolean, got {_kind(value)}")
        case Kind.CATEGORY:
            if not isinstance(value, str):
                raise _Broken(Reason.FEATURE_TYPE, f"{_path(feature)}: expected a string, got {_kind(value)}")
            if feature.unseen is UnseenPolicy.REJECT and value not in feature.categories:
                raise _Broken(
                    Reason.CATEGORY_UNKNOWN,
                    f"{_path(feature)}: not one of the {len(feature.categories)} categories that training saw",
                )


def _interval(feature: Feature) -> str:
    low = "" if feature.minimum is None else f"{feature.minimum!r}"
    high = "" if feature.maximum is None else f"{feature.maximum!r}"
    return f"{low}..{high}"


def _path(feature: Feature) -> str:
    return f"features.{feature.name}" if feature.name.isidentifier() else f"features[{_quoted(feature.name)}]"


def _quoted(name: str) -> str:
    return json.dumps(name if len(name) <= 64 else f"{name[:61]}...", ensure_ascii=False)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, Pairs) else "an array"
