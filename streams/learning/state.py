"""What a learner is and remembers: its parameters, how it compares, and the features of events that wait for labels.

What is learnt from which record is decided in `streams.decide.lesson`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from models.online.parameters import Parameters
from streams.decider import StateUnusable
from streams.joining.log import Rows
from streams.learning.comparison import LearnerComparison
from streams.learning.waiting import WaitingRows

KNOWLEDGE = "learner"
"""The entry that `weir model freeze` reads."""


class Base(NamedTuple):
    """The published version that a learner began as. `digest`: of its manifest."""

    model: str
    version: str
    digest: str


class Knowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was learnt so far. `versions`: how the learner compares with each that answers, the one that was heard of
    last at the end. `end`: how many rows came to wait."""

    format: Literal[1] = 1
    base: Base
    parameters: Parameters
    versions: dict[str, LearnerComparison] = {}
    end: int = 0


encode_knowledge = msgspec.json.Encoder().encode
decode_knowledge = msgspec.json.Decoder(Knowledge).decode
"""Raises msgspec.MsgspecError."""


class LearnerChange(NamedTuple):
    """What a batch leads to: what is known then, and rows that came to wait."""

    knowledge: Knowledge
    rows: Rows


class LearnerState:
    """Only `apply` changes it."""

    def __init__(self, knowledge: Knowledge, waiting: WaitingRows) -> None:
        self.knowledge, self.waiting = knowledge, waiting

    @classmethod
    def load(cls, fresh: Knowledge, width: int, most: int, entries: Mapping[str, bytes]) -> LearnerState:
        """From the entries of `dump`, or `fresh` without any. Raises StateUnusable, also where they are of a learner
        that began as another version."""
        waiting = WaitingRows(width, most)
        if not entries:
            return cls(fresh, waiting)
        try:
            known = decode_knowledge(entries[KNOWLEDGE])
            waiting.load(entries, known.end)
        except (KeyError, ValueError) as error:  # a MsgspecError is a ValueError
            raise StateUnusable(f"what was learnt cannot be read ({error})") from error
        if known.base != fresh.base:
            began, due = known.base, fresh.base
            raise StateUnusable(
                f"it began as {began.model} {began.version} ({began.digest[:12]}), and learning.version is "
                f"{due.version} of {due.model} ({due.digest[:12]}): learning begins anew"
            )
        return cls(known, waiting)

    def apply(self, change: LearnerChange) -> None:
        self.knowledge = change.knowledge
        self.waiting.apply(change.rows)

    def dump(self) -> dict[str, bytes]:
        return {KNOWLEDGE: encode_knowledge(self.knowledge), **self.waiting.dump()}
