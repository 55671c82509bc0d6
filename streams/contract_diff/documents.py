"""What changed from one document to another, whichever of the three sorts it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.contract_diff.change import Change, Direction, schema_changes
from streams.contract_diff.paths import path_changes
from streams.contract_diff.shapes import Document
from streams.contract_diff.topics import topic_changes

DIRECTION = "x-weir-direction"
BOTH: tuple[Direction, ...] = ("in", "out")


class NoContract(ValueError):
    """What is no contract, or another sort of it than what it is to be compared with."""


def document_changes(name: str, old: Any, new: Any, *, with_payloads: bool = True) -> list[Change]:
    """Of two JSON Schemas, AsyncAPI or OpenAPI documents. Without `with_payloads` the schemas in an AsyncAPI document
    are left out: they are files of their own beside it. Raises NoContract."""
    sort = _sort(old)
    if sort != _sort(new):
        raise NoContract(f"{name} is {sort} before and {_sort(new)} after")
    try:
        if sort == "an AsyncAPI document":
            return topic_changes(old, new, with_payloads=with_payloads)
        if sort == "an OpenAPI document":
            return path_changes(old, new)
        return schema_changes(name, (Document(old), old), (Document(new), new), _directions(old, new))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise NoContract(f"{name} cannot be read as {sort}: {type(error).__name__}: {error}") from None


def folder_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Of the documents of two folders, by file name. Raises NoContract."""
    changes = [Change(name, "", "removed", "a file", "", breaking=True) for name in sorted(set(old) - set(new))]
    changes += [Change(name, "", "added", "", "a file", breaking=False) for name in sorted(set(new) - set(old))]
    beside = any(name.endswith(".schema.json") for name in old)
    for name in sorted(set(old) & set(new)):
        changes += document_changes(name, old[name], new[name], with_payloads=not beside)
    return sorted(changes, key=lambda change: not change.breaking)


def _sort(document: Any) -> str:
    if not isinstance(document, Mapping):
        raise NoContract("a contract is a JSON object")
    if "asyncapi" in document:
        return "an AsyncAPI document"
    return "an OpenAPI document" if "openapi" in document else "a JSON Schema"


def _directions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Sequence[Direction]:
    """Where a schema does not say, whoever writes and whoever reads may be hurt."""
    said = old.get(DIRECTION, new.get(DIRECTION))
    return (said,) if said in BOTH else BOTH
