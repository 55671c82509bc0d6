"""A type as a JSON Schema of its own (draft 2020-12). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

Schema: TypeAlias = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS = "#/$defs/"


def schema_of(kind: Any) -> Schema:
    """What msgspec says of a type, its own definition at the root."""
    schema = _tidy(msgspec.json.schema(kind))
    definitions: dict[str, Schema] = schema.pop("$defs", {})
    root = schema.pop("$ref", None)
    if root is not None:
        name = root.removeprefix(DEFINITIONS)
        schema = definitions[name] if _is_used(name, definitions.values()) else definitions.pop(name)
    return {**schema, **({"$defs": definitions} if definitions else {})}


def _is_used(name: str, schemas: Iterable[Any]) -> bool:
    return any(reference == DEFINITIONS + name for schema in schemas for reference in references(schema))


def references(schema: Any) -> Iterable[str]:
    """Every `$ref` in a schema."""
    if isinstance(schema, dict):
        if isinstance(found := schema.get("$ref"), str):
            yield found
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def _tidy(schema: Any) -> Any:
    """Texts in one line; no `discriminator`, which is OpenAPI's; no default that says nothing."""
    if isinstance(schema, dict):
        return {
            key: " ".join(part.split()) if key == "description" and isinstance(part, str) else _tidy(part)
            for key, part in schema.items()
            if not (key == "discriminator" or (key == "default" and part in (None, "", [], {})))
        }
    return [_tidy(part) for part in schema] if isinstance(schema, list) else schema
