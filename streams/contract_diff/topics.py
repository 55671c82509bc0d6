"""What changed from one AsyncAPI document to another: topics, how they are made, and their records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.contract_diff.change import Change, Direction, schema_changes
from streams.contract_diff.shapes import Document


def topic_changes(old: Any, new: Any, *, with_payloads: bool) -> list[Change]:
    """Without `with_payloads` records are left out."""
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
