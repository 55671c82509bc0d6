"""The AsyncAPI 3.0 document of the topics (Kafka bindings 0.4.0). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from streams.contract_documents.messages import MESSAGES, Message
from streams.contract_documents.records import DIRECTION, RecordContract
from streams.contract_documents.schema import DEFINITIONS, Schema

BINDING = "0.4.0"
TELLS = {"retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes"}
"""Settings of a topic that the binding has words for, besides `cleanup.policy`; all of them are numbers."""


class PlannedTopic(Protocol):
    """A topic as it is made."""

    @property
    def role(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def partitions(self) -> int: ...

    @property
    def config(self) -> Mapping[str, str]: ...


def asyncapi(records: Sequence[RecordContract], plan: Iterable[PlannedTopic], version: str) -> dict[str, Any]:
    """The document. A `send` operation is Weir's own: others read what it sends, and send what it receives."""
    planned = {each.role: each for each in plan}
    roles = list(dict.fromkeys(message.role for message in MESSAGES))
    schemas: dict[str, Schema] = {}
    told = {name for message in MESSAGES for name in (message.payload, message.headers)}
    for record in records:
        if record.name in told:
            schemas |= _components(record)
    examples = {record.name: list(record.examples) for record in records}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Weir",
            "version": version,
            "description": "Streaming inference on Kafka: each event becomes one prediction or one dead letter.",
        },
        "defaultContentType": "application/json",
        "channels": {role: _channel(planned[role]) for role in roles},
        "operations": {_operation(message): _action(message) for message in MESSAGES},
        "components": {
            "messages": {message.name: _message(message, examples) for message in MESSAGES},
            "schemas": schemas,
        },
    }


def _channel(plan: PlannedTopic) -> dict[str, Any]:
    messages = [message.name for message in MESSAGES if message.role == plan.role]
    return {
        "address": plan.name,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": _binding(plan)},
    }


def _binding(plan: PlannedTopic) -> dict[str, Any]:
    known: dict[str, Any] = {"cleanup.policy": plan.config["cleanup.policy"].split(",")}
    known |= {key: int(value) for key, value in plan.config.items() if key in TELLS}
    further = {key: value for key, value in plan.config.items() if key not in known}
    binding = {
        "topic": plan.name,
        "partitions": plan.partitions,
        "topicConfiguration": known,
        "bindingVersion": BINDING,
    }
    return binding | ({"x-further-configuration": further} if further else {})


def _operation(message: Message) -> str:
    return f"{'send' if message.sent else 'receive'}{message.name[0].upper()}{message.name[1:]}"


def _action(message: Message) -> dict[str, Any]:
    return {
        "action": "send" if message.sent else "receive",
        "channel": {"$ref": f"#/channels/{message.role}"},
        "title": message.title,
        "messages": [{"$ref": f"#/channels/{message.role}/messages/{message.name}"}],
    }


def _message(message: Message, examples: dict[str, list[Any]]) -> dict[str, Any]:
    key = {"type": "string", "description": message.key}
    found: dict[str, Any] = {
        "name": message.name,
        "title": message.title,
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
    }
    if message.headers is not None:
        found["headers"] = _ref(message.headers)
    if message.payload is None:
        shown = [{"headers": each} for each in examples.get(message.headers or "", [])]
        return found | {"contentType": "application/octet-stream", "examples": shown}
    shown = [{"payload": each} for each in examples.get(message.payload, [])]
    return found | {"contentType": "application/json", "payload": _ref(message.payload), "examples": shown}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _components(record: RecordContract) -> dict[str, Schema]:
    """A schema and its definitions, side by side, as AsyncAPI's Schema Object has them."""
    own = {key: value for key, value in record.schema.items() if key != "$defs"}
    own |= {"title": record.title, DIRECTION: record.direction}
    found = {record.name: _draft_7(own, record.name)}
    for name, definition in record.schema.get("$defs", {}).items():
        found[_part(record.name, name)] = _draft_7(definition, record.name)
    return found


def _draft_7(schema: Any, record: str) -> Any:
    """The Schema Object follows draft 7, where a tuple's `prefixItems` are its `items`."""
    if isinstance(schema, list):
        return [_draft_7(part, record) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, part in schema.items():
        if key == "$ref":
            found[key] = f"#/components/schemas/{_part(record, part.removeprefix(DEFINITIONS))}"
        elif key == "prefixItems":
            found["items"] = _draft_7(part, record)
        elif key == "items" and "prefixItems" in schema:
            found["additionalItems"] = part
        else:
            found[key] = _draft_7(part, record)
    return found


def _part(record: str, name: str) -> str:
    return f"{record}.{name}"
