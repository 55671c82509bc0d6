"""A JSON Schema as the shapes of which a value has to fit one: references, unions, `allOf` taken apart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from streams.contract_diff.joining import joined

Schema: TypeAlias = Any
Shape: TypeAlias = Mapping[str, Any]
"""A schema with one type at most, and without references and unions."""

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
MOST_NESTED = 64
"""References in a row; more of them go in circles."""

_KEYWORDS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "array": frozenset({"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    "object": frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames"}),
}


class Circular(ValueError):
    """References of a schema that lead to nothing but each other."""


class Document:
    """A document whose schemas refer to each other."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def shapes(self, schema: Schema) -> list[Shape]:
        """None of a schema that nothing fits. Raises ValueError: a reference leads nowhere."""
        return list(self._shapes(schema, 0))

    def _shapes(self, schema: Schema, nested: int) -> Iterator[Shape]:
        if nested > MOST_NESTED:
            raise Circular("a schema refers to itself")
        if schema is False:
            return
        if not isinstance(schema, Mapping):
            schema = {}
        schema = self._resolved(schema, nested)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                rest = {key: value for key, value in schema.items() if key != word}
                for part in schema[word]:
                    yield from self._shapes({**rest, "allOf": [*rest.get("allOf", []), part]}, nested + 1)
                return
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            yield from self._together(rest, schema["allOf"], nested)
            return
        kind = schema.get("type")
        if isinstance(kind, list):
            for each in kind:
                yield _only(schema, each)
        elif kind is None and "enum" in schema:
            for each in sorted({_type_of(value) for value in schema["enum"]}):
                yield _only({**schema, "enum": [v for v in schema["enum"] if _type_of(v) == each]}, each)
        else:
            yield schema

    def _together(self, rest: dict[str, Any], parts: list[Any], nested: int) -> Iterator[Shape]:
        if not parts:
            yield from self._shapes(rest, nested + 1)
            return
        for first in self._shapes(parts[0], nested + 1):
            both = joined(rest, first)
            if both is not None:
                yield from self._together(both, parts[1:], nested + 1)

    def _resolved(self, schema: Mapping[str, Any], nested: int) -> dict[str, Any]:
        found = dict(schema)
        if "const" in found:
            found["enum"] = [found.pop("const")]
        reference = found.pop("$ref", None)
        if reference is None:
            return found
        if nested > MOST_NESTED:
            raise Circular("a schema refers to itself")
        target = self.at(reference)
        return {**found, "allOf": [*found.get("allOf", []), target]} if isinstance(target, Mapping) else found

    def at(self, reference: str) -> Any:
        """What a reference within the document names. Raises ValueError."""
        place = self._root
        if not reference.startswith("#"):
            raise ValueError(f"{reference} leads out of the document")
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, Mapping) or key not in place:
                raise ValueError(f"{reference} leads nowhere")
            place = place[key]
        return place


def _only(schema: Mapping[str, Any], kind: str) -> Shape:
    """The part of a schema that is about values of one type."""
    own = "number" if kind == "integer" else kind
    others = {word for name, words in _KEYWORDS.items() if name != own for word in words}
    found = {key: value for key, value in schema.items() if key not in others}
    if "enum" in found:
        found["enum"] = [value for value in found["enum"] if _fits(value, kind)]
    return {**found, "type": kind}


def _fits(value: Any, kind: str) -> bool:
    own = _type_of(value)
    return own == kind or (kind == "number" and own == "integer")


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")
