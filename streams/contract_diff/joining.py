"""Two schemas that a value has to fit at once, as one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALSO = "x-all-of"
"""In a shape: what further schemas say that it has to fit."""

_JOINED = frozenset(
    {"type", "minimum", "maximum", "minLength", "maxLength", "enum", "properties", "required", ALSO}
    | {"title", "description", "default", "examples", "$defs", "x-weir-direction"}
)


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any] | None:
    """Both at once; None: nothing fits both."""
    found = {**other, **one}
    kinds = [kind for schema in (one, other) if (kind := schema.get("type")) is not None]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        both = _names(kinds[0]) & _names(kinds[1])
        if not both:
            return None
        found["type"] = sorted(both) if len(both) > 1 else both.pop()
    for word, join in (("minimum", max), ("maximum", min), ("minLength", max), ("maxLength", min)):
        if word in one and word in other:
            found[word] = join(one[word], other[word])
    if "enum" in one and "enum" in other:
        found["enum"] = [value for value in one["enum"] if value in other["enum"]]
    if "properties" in one and "properties" in other:
        shared = {
            name: {"allOf": [own, other["properties"][name]]} if name in other["properties"] else own
            for name, own in one["properties"].items()
        }
        found["properties"] = {**other["properties"], **shared}
    if "required" in one or "required" in other:
        found["required"] = sorted({*one.get("required", ()), *other.get("required", ())})
    found |= _beyond(one, other)
    return found


def _beyond(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What one schema cannot say of both: kept as it is, so that only the same again is taken to admit as much."""
    apart = {key: [one[key], other[key]] for key in one.keys() & other.keys() if one[key] != other[key]}
    apart = {key: both for key, both in apart.items() if key not in _JOINED}
    if any(schema.get("additionalProperties", True) is not True for schema in (one, other)):
        apart["properties"] = [sorted(schema.get("properties", ())) for schema in (one, other)]
    return {ALSO: [*one.get(ALSO, []), apart]} if apart else {}


def _names(kind: Any) -> set[str]:
    names = set(kind) if isinstance(kind, list) else {kind}
    return names | {"integer"} if "number" in names else names
