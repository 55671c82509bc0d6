"""What a model takes: named, typed features, in the order of its input matrix.

The pipeline turns events into one float64 matrix, a column a feature, in schema order:

* ``number``: the value; ``boolean``: 0.0 or 1.0;
* ``category``: the index of the value in ``categories``, or `UNSEEN` for a value that is not among them;
* null, where allowed: NaN.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

UNSEEN = -1.0
"""Matrix code of a category that training never saw (policy ``accept``)."""


class Kind(StrEnum):
    """The type of one feature."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"


class UnseenPolicy(StrEnum):
    """What happens to an event with a category that training never saw."""

    REJECT = "reject"  # dead letter, reason category_unknown
    ACCEPT = "accept"  # predicted with the code UNSEEN, counted as unseen by drift


class Feature(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One input column. `minimum` and `maximum` are inclusive bounds of a number; outside them an event is rejected."""

    name: str
    kind: Kind = Kind.NUMBER
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    unseen: UnseenPolicy = UnseenPolicy.REJECT


class InputSchema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The features of a model, in matrix order."""

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        if not names:
            raise ValueError("a schema needs at least one feature")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"feature names repeat: {', '.join(repeated)}")
        for feature in self.features:
            if feature.kind is Kind.CATEGORY and not feature.categories:
                raise ValueError(f"feature {feature.name!r} is a category without categories")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)
