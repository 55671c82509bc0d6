"""What people decide about which version of a model answers, and what comes of it. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from drift.command import Name, Note


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


ServingCommand: TypeAlias = Promote | Rollback


class ServedVersions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which version of a model answers, and which one did before; after a rollback there is no such."""

    active: Name
    previous: Name | None = None


def carried_out(command: ServingCommand, served: ServedVersions) -> ServedVersions | str:
    """What is served after a command; or why it cannot be obeyed."""
    match command:
        case Promote(version=version):
            if version == served.active:
                return f"version {version} answers already"
            return ServedVersions(version, served.active)
        case Rollback():
            if served.previous is None:
                return f"nothing to go back to: no other version answered before {served.active}"
            return ServedVersions(served.previous)
