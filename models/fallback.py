"""What answers when a model does not, as its manifest declares it: the rungs of the ladder, asked in this order."""

from __future__ import annotations

import math

import msgspec

from models.prediction import Label
from models.rules.rule import Rule
from models.schema import InputSchema


class Fallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`previous`: the version that answered before. `cache`: what the model answered lately to the very same features.
    `rule`: an expression over the features (models.rules). `default`: one answer for all. Nothing: no fallback.
    """

    previous: bool = False
    cache: bool = False
    rule: str | None = None
    default: Label | None = None

    def __bool__(self) -> bool:
        return self != NO_FALLBACK

    def check(self, schema: InputSchema, labels: tuple[Label, ...]) -> None:
        """Raises ValueError unless rule and default give what the model can: one of its `labels`, or (without) finite
        numbers."""
        if self.rule is not None:
            Rule(self.rule, schema, labels)
        if self.default is None:
            return
        if not labels:
            if isinstance(self.default, bool | str) or not math.isfinite(self.default):
                raise ValueError(f"the default answer {self.default!r} is no finite number")
        elif (type(self.default), self.default) not in [(type(label), label) for label in labels]:
            raise ValueError(
                f"the default answer {self.default!r} is none of the labels {', '.join(map(repr, labels))}"
            )


NO_FALLBACK = Fallback()
