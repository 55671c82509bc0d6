"""What changed from one OpenAPI document to another: operations, bodies and answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.contract_diff.change import Change, Direction, schema_changes
from streams.contract_diff.shapes import Document

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def path_changes(old: Any, new: Any) -> list[Change]:
    """Of the answers those that succeed."""
    changes: list[Change] = []
    documents = Document(old), Document(new)
    for path in sorted(old["paths"].keys() | new["paths"].keys()):
        before, after = (each["paths"].get(path, {}) for each in (old, new))
        for method in METHODS:
            name = f"{method.upper()} {path}"
            if method not in after or method not in before:
                if method in before:
                    changes.append(Change(name, "", "removed", "an operation", "", breaking=True))
                elif method in after:
                    changes.append(Change(name, "", "added", "", "an operation", breaking=False))
                continue
            own, other = before[method], after[method]
            changes += _of_contents(f"{name} body", documents, _body(own), _body(other), "in")
            changes += _of_contents(f"{name} answer", documents, _answer(own), _answer(other), "out")
    return changes


def _body(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    return found


def _answer(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = operation.get("responses", {}).get("200", {}).get("content", {})
    return found


def _of_contents(
    name: str, documents: tuple[Document, Document], old: Mapping[str, Any], new: Mapping[str, Any], way: Direction
) -> list[Change]:
    """By media type."""
    changes = [Change(name, kind, "removed", "a media type", "", breaking=True) for kind in sorted(old.keys() - new)]
    changes += [Change(name, kind, "added", "", "a media type", breaking=False) for kind in sorted(new.keys() - old)]
    for kind in sorted(old.keys() & new):
        own, other = (each[kind].get("schema", True) for each in (old, new))
        changes += schema_changes(name, (documents[0], own), (documents[1], other), (way,))
    return changes
