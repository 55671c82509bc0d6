"""Which dead letters a command is about. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from streams.contracts import Reason
from streams.dead_letters.letter import DeadLetter


@dataclass(frozen=True, slots=True)
class Wanted:
    """An empty set wants any."""

    reasons: frozenset[Reason] = frozenset()
    models: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()

    def __contains__(self, letter: DeadLetter) -> bool:
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.models or letter.model in self.models)
            and (not self.fields or letter.field in self.fields)
        )
