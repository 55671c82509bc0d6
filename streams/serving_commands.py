"""What people decide about which version of a model answers, and what comes of it. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from drift.challenge import Challenge, Terms
from drift.command import Name, Note

POLICY = "policy"
"""The author of what the drift worker proposes where a challenge is decided."""


class Promote(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="promote"):
    """This version answers from now on."""

    author: Name
    version: Name
    reason: Note = ""
    id: str = ""


class Rollback(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="rollback"):
    """The version that answered before the last promotion answers again."""

    author: Name
    reason: Note = ""
    id: str = ""


class Shadow(Terms, frozen=True, omit_defaults=True, tag_field="command", tag="shadow"):
    """This version challenges the one that answers (drift.challenge.Challenge)."""

    author: Name
    version: Name
    reason: Note = ""
    id: str = ""


class EndChallenge(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="end_challenge"):
    """The challenge ends, and the version that answers goes on."""

    author: Name
    reason: Note = ""
    id: str = ""


ServingCommand: TypeAlias = Promote | Rollback | Shadow | EndChallenge


class ServedVersions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which version of a model answers, and which one did before; after a rollback there is no such. And which one
    challenges it: whatever changes the version that answers ends the challenge, which was one of the version before."""

    active: Name
    previous: Name | None = None
    challenger: Challenge | None = None


def carried_out(command: ServingCommand, served: ServedVersions, revision: int) -> ServedVersions | str:
    """What is served after a command, which is to be this revision of the setting; or why it cannot be obeyed."""
    match command:
        case Promote(version=version):
            if version == served.active:
                return f"version {version} answers already"
            return ServedVersions(version, served.active)
        case Rollback():
            if served.previous is None:
                return f"nothing to go back to: no other version answered before {served.active}"
            return ServedVersions(served.previous)
        case Shadow(version=version):
            if version == served.active:
                return f"version {version} answers already: it cannot challenge itself"
            return msgspec.structs.replace(served, challenger=_challenge(command, served.challenger, revision))
        case EndChallenge():
            if served.challenger is None:
                return f"nothing to end: no version challenges {served.active}"
            return msgspec.structs.replace(served, challenger=None)


def _challenge(command: Shadow, stands: Challenge | None, revision: int) -> Challenge:
    """Another share or policy goes on with the pairs that were counted; with another error they would promise more than
    they hold."""
    since = revision
    if stands is not None and (stands.version, stands.error, stands.pairs) == (
        command.version,
        command.error,
        command.pairs,
    ):
        since = stands.since
    terms = {name: getattr(command, name) for name in Terms.__struct_fields__}
    return Challenge(command.version, since, **terms)
