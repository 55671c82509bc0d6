"""What changed from one document to another, whichever of the three sorts it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.contract_diff.change import Change, Direction, schema_changes
from streams.contract_diff.shapes import Document

DIRECTION = "x-weir-direction"
BOTH: tuple[Direction, ...] = ("in", "out")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


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
            return _of_topics(old, new, with_payloads=with_payloads)
        if sort == "an OpenAPI document":
            return _of_paths(old, new)
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


def _of_topics(old: Any, new: Any, *, with_payloads: bool) -> list[Change]:
    changes: list[Change] = []
    documents = Document(old), Document(new)
    ways = {
        each["channel"]["$ref"] + "/" + part["$ref"].rpartition("/")[2]: each["action"]
        for each in old["operations"].values()
        for part in each["messages"]
    }
    for role, channel in old["channels"].items():
        other = new["channels"].get(role)
        if other is None:
            changes.append(Change(channel["address"], "", "removed", "a topic", "", breaking=True))
            continue
        address = channel["address"]
        if address != other["address"]:
            changes.append(Change(address, "", "renamed", address, other["address"], breaking=True))
        changes += _of_bindings(address, *(each.get("bindings", {}).get("kafka", {}) for each in (channel, other)))
        for name, reference in channel["messages"].items():
            if name not in other["messages"]:
                changes.append(Change(address, name, "removed", "a message", "", breaking=True))
                continue
            pair = documents[0].at(reference["$ref"]), documents[1].at(other["messages"][name]["$ref"])
            way: Direction = "out" if ways.get(f"#/channels/{role}/{name}") == "send" else "in"
            changes += _of_messages(f"{address} {name}", documents, pair, way, with_payloads=with_payloads)
        changes += [
            Change(address, name, "added", "", "a message", breaking=False)
            for name in other["messages"].keys() - channel["messages"].keys()
        ]
    for role, channel in new["channels"].items():
        if role not in old["channels"]:
            changes.append(Change(channel["address"], "", "added", "", "a topic", breaking=False))
    return changes


def _of_bindings(address: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """How a topic is made. What is compacted, or deleted sooner, may be gone before it is read."""
    found = []
    before, after = (
        {"partitions": each.get("partitions"), **each.get("topicConfiguration", {})} for each in (old, new)
    )
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was != now:
            sooner = key == "retention.ms" and isinstance(was, int) and isinstance(now, int) and 0 <= now < was % 2**63
            breaking = key == "cleanup.policy" or sooner
            found.append(Change(address, key, "changed", str(was), str(now), breaking=breaking))
    return found


def _of_messages(
    name: str, documents: tuple[Document, Document], pair: tuple[Any, Any], way: Direction, *, with_payloads: bool
) -> list[Change]:
    old, new = pair
    changes: list[Change] = []
    if old.get("contentType") != new.get("contentType"):
        was, now = (str(each.get("contentType")) for each in pair)
        changes.append(Change(name, "contentType", "changed", was, now, breaking=True))
    for part in ("payload", "headers") if with_payloads else ():
        sides = (documents[0], old.get(part, True)), (documents[1], new.get(part, True))
        changes += schema_changes(f"{name} {part}", *sides, (way,))
    return changes


def _of_paths(old: Any, new: Any) -> list[Change]:
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
