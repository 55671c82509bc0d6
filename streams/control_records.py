"""Wire records of topic `control`: what people propose, what the controller accepted, and the answers.

Keys: ``proposal/<setting>/<id>``, the setting's name of what was accepted, ``answer/<id>``. A proposal is a command of
`drift.command` or `streams.serving_commands` and the fields of `Proposal` in one flat object. What was accepted about
``model/<name>`` holds the fields of `ServedVersions` too.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec

from drift.command import Acknowledge, Name, Rebaseline, Silence
from drift.command import Command as DriftCommand
from streams.serving_commands import EndChallenge, Promote, Rollback, ServedVersions, ServingCommand, Shadow

PROPOSAL, ANSWER = "proposal/", "answer/"
MAX_ID = 64

Command: TypeAlias = DriftCommand | ServingCommand
Revision: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class Proposal(msgspec.Struct, frozen=True):
    """The part of a proposal that every command has. With `expected_revision` it is refused when the setting has
    changed since the author looked; 0 stands for never set."""

    model: Name
    expected_revision: Revision | None = None


class Accepted(msgspec.Struct, frozen=True):
    """Of an accepted record, what the controller goes on from: each acceptance of a setting has one revision more."""

    revision: Revision


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """To a proposer: `accepted` by the controller, then `applied` by the watch; or `refused` by either, and why."""

    outcome: Literal["accepted", "applied", "refused"]
    why: str
    revision: int | None = None


class Proposed(NamedTuple):
    """A proposal as it was read."""

    setting: str
    model: str
    expected_revision: int | None
    command: Command


def setting_of(model: str, command: Command) -> str:
    """The name that a command's revisions are counted under."""
    match command:
        case Acknowledge(signal=signal):
            return f"acknowledge/{model}/{signal}"
        case Silence(signal=None):
            return f"silence/{model}"
        case Silence(signal=signal):
            return f"silence/{model}/{signal}"
        case Rebaseline():
            return f"baseline/{model}"
        case Promote() | Rollback() | Shadow() | EndChallenge():
            return model_setting(model)


def model_setting(model: str) -> str:
    """The setting that says which version of a model answers, and which one challenges it."""
    return f"model/{model}"


def proposal_key(setting: str, proposal_id: str) -> bytes:
    return f"{PROPOSAL}{setting}/{proposal_id}".encode()


def answer_key(proposal_id: str) -> bytes:
    return f"{ANSWER}{proposal_id}".encode()


def encode_proposal(proposal: Proposal, command: Command) -> bytes:
    return msgspec.json.encode(_fields(command) | _fields(proposal))


def encode_accepted(proposed: Proposed, revision: int, served: ServedVersions | None = None) -> bytes:
    """As it was proposed, with the id that it came with and its revision, and with what is served from then on."""
    proposal = Proposal(proposed.model, proposed.expected_revision)
    fields = _fields(proposed.command) | _fields(proposal) | {"revision": revision}
    return msgspec.json.encode(fields | _fields(served) if served else fields)


_decode_proposal, _decode_command = msgspec.json.Decoder(Proposal).decode, msgspec.json.Decoder(Command).decode
_decode_accepted = msgspec.json.Decoder(Accepted).decode
decode_answer = msgspec.json.Decoder(Answer).decode
decode_served = msgspec.json.Decoder(ServedVersions).decode


def decode_proposal(proposal_id: str, value: bytes) -> Proposed:
    """Raises msgspec.MsgspecError, which says what is wrong."""
    proposal, command = _decode_proposal(value), _decode_command(value)
    command = msgspec.structs.replace(command, id=proposal_id)
    return Proposed(setting_of(proposal.model, command), proposal.model, proposal.expected_revision, command)


def decode_revision(value: bytes) -> int:
    """Of an accepted record. Raises msgspec.MsgspecError."""
    return _decode_accepted(value).revision


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(struct)
    return fields
