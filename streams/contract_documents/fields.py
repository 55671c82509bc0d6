"""The fields of a schema, one a line, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.contract_documents.schema import DEFINITIONS, Schema

DEEPEST = 3
MOST_VALUES = 30


class Field(NamedTuple):
    """`name` with dots from the root; `about`: its bounds and words."""

    name: str
    kind: str
    required: bool
    about: str


def fields_of(schema: Schema) -> list[Field]:
    """In the order of the schema; of an object its own after it."""
    return list(_fields(schema, schema.get("$defs", {}), "", 0))


def _fields(schema: Schema, definitions: Mapping[str, Schema], lead: str, depth: int) -> Iterator[Field]:
    schema = _resolved(schema, definitions)
    for part in schema.get("allOf", ()):
        yield from _fields(part, definitions, lead, depth)
    if depth == 0:
        for part in schema.get("anyOf", ()):
            yield from _variant(_resolved(part, definitions), definitions)
    required = schema.get("required", ())
    for name, own in schema.get("properties", {}).items():
        yield Field(lead + name, _kind(own, definitions), name in required, _about(own, definitions))
        inner = _object_in(own, definitions)
        if inner is not None and depth < DEEPEST:
            yield from _fields(inner, definitions, f"{lead}{name}.", depth + 1)


def _variant(schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[Field]:
    """One of several forms, told apart by the first of its fields."""
    fields = list(_fields(schema, definitions, "", DEEPEST))
    words = ", ".join(field.name if field.required else f"[{field.name}]" for field in fields[1:])
    if fields:
        yield Field(fields[0].name, fields[0].about, True, f"{schema.get('description', '')} With {words}.".strip())


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.removeprefix(DEFINITIONS)] if isinstance(reference, str) else schema


def _parts(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    found = _resolved(schema, definitions)
    return [_resolved(part, definitions) for part in found["anyOf"]] if "anyOf" in found else [found]


def _object_in(schema: Schema, definitions: Mapping[str, Schema]) -> Schema | None:
    return next((part for part in _parts(schema, definitions) if "properties" in part), None)


def _kind(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    names = []
    for part in _parts(schema, definitions):
        if part.get("format") == "date-time":
            names.append("time (RFC 3339)")
        elif part.get("type") == "array":
            items = part.get("items")
            names.append(f"list of {_kind(items, definitions)}" if isinstance(items, dict) else "list")
        else:
            names.append(str(part.get("type", "string" if "enum" in part else "any")))
    return " or ".join(dict.fromkeys(names))


def _about(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    words: list[str] = []
    for part in _parts(schema, definitions):
        if part.get("description") and "properties" not in part:
            words.append(str(part["description"]))
        if "enum" in part:
            shown = ", ".join(str(value) for value in part["enum"][:MOST_VALUES])
            words.append(shown + (", …" if len(part["enum"]) > MOST_VALUES else ""))
        words += [f"{label} {part[word]}" for word, label in _BOUNDS.items() if word in part and _is_short(part[word])]
    return "; ".join(words)


def _is_short(bound: float | str) -> bool:
    """The first and the last millisecond of a calendar tell nobody anything."""
    return isinstance(bound, str) or abs(bound) < 1e12


_BOUNDS: Mapping[str, str] = {
    "minimum": "from",
    "maximum": "to",
    "maxLength": "at most this many characters:",
    "pattern": "like",
}
