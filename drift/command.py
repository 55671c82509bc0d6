"""What people decide about alerts. A command enters the log of observations, so a replay obeys it again, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Note: TypeAlias = Annotated[str, msgspec.Meta(max_length=1000)]


class Acknowledge(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="acknowledge"):
    """Somebody looks after a signal's alert; with `alert_id` only if it is this one."""

    author: Name
    signal: Name
    alert_id: Name | None = None
    reason: Note = ""
    id: str = ""


class Silence(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="silence"):
    """Nobody is to be called about a signal, or about any of the model, until an event time in ms; 0 ends a silence."""

    author: Name
    until: Annotated[int, msgspec.Meta(ge=0)]
    signal: Name | None = None
    reason: Note = ""
    id: str = ""


class Rebaseline(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="command", tag="rebaseline"):
    """The level of now is the one to compare with: of these signals, or of all whose alerts stand. `reset`: back to the
    profile's."""

    author: Name
    signals: Annotated[tuple[Name, ...], msgspec.Meta(max_length=1000)] = ()
    reset: bool = False
    reason: Note = ""
    id: str = ""


Command: TypeAlias = Acknowledge | Silence | Rebaseline


def signals_of(command: Command) -> tuple[str, ...]:
    """The keys that a command names; none where it is for whatever is due."""
    match command:
        case Acknowledge(signal=signal):
            return (signal,)
        case Silence(signal=signal):
            return () if signal is None else (signal,)
        case Rebaseline(signals=signals):
            return signals


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command at a watch."""

    id: str
    applied: bool
    why: str


class Silenced(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who silenced what until when (event time, ms)."""

    until: int
    by: str
    reason: str = ""


WHOLE_MODEL = ""
"""The key of a silence that covers every signal."""

MOST_TAKEN = 100
"""Ids remembered: a command that is published twice counts once."""


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What commands left behind, but for what belongs to one signal: silences by signal, and ids taken lately."""

    silences: dict[str, Silenced] = {}
    taken: tuple[str, ...] = ()

    def silence_of(self, signal: str) -> Silenced | None:
        """The one of the signal or of the whole model, whichever lasts longer."""
        found = [self.silences[key] for key in (signal, WHOLE_MODEL) if key in self.silences]
        return max(found, key=lambda silence: silence.until, default=None)

    def having_taken(self, command_id: str) -> Standing:
        return msgspec.structs.replace(self, taken=(*self.taken, command_id)[-MOST_TAKEN:])

    def with_silence(self, signal: str, silence: Silenced | None) -> Standing:
        silences = {key: own for key, own in self.silences.items() if key != signal}
        if silence is not None:
            silences[signal] = silence
        return msgspec.structs.replace(self, silences=dict(sorted(silences.items())))
