"""The schemas of what lies in the topic `control`, where a command and its frame are one flat object. Pure."""

from __future__ import annotations

from streams.contract_documents.schema import Schema, schema_of
from streams.control_records import Accepted, Command, Proposal
from streams.serving_commands import ServedVersions


def _together(description: str, *parts: Schema) -> Schema:
    """One object that fits every part."""
    definitions: dict[str, Schema] = {}
    for part in parts:
        definitions |= part.get("$defs", {})
    own = [{key: value for key, value in part.items() if key != "$defs"} for part in parts]
    return {"description": description, "type": "object", "allOf": own, "$defs": definitions}


def _optional(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "required"}


PROPOSAL = _together(
    "Under `proposal/<setting>/<id>`. `command` says which; it gets a tombstone with its answer.",
    schema_of(Proposal),
    schema_of(Command),
)
ACCEPTED = _together(
    "Under `<setting>`: the proposal that holds, with its revision; of a model, also which version answers.",
    schema_of(Proposal),
    schema_of(Accepted),
    _optional(schema_of(ServedVersions)),
    schema_of(Command),
)
