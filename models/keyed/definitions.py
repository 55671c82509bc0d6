"""Keyed features as a manifest declares them: a number for each event, from earlier events of the same key.

The value is that *before* the event: neither the event itself nor anything after it is in it, so training on it leaks
no label. `count`, `sum` and `rate` begin at 0, the others are null (NaN) while there is nothing to tell.
"""

from __future__ import annotations

import hashlib
import math
from typing import Literal, TypeAlias, get_args

import msgspec

from models.schema import Feature, InputSchema, Kind

Statistic: TypeAlias = Literal["count", "sum", "mean", "variance", "min", "max", "rate", "ewma", "time_since_last"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

_OF_A_FEATURE = frozenset({"sum", "mean", "variance", "min", "max", "ewma"})
_WINDOWED = frozenset({"count", "sum", "mean", "variance", "min", "max", "rate"})

MOST = 64
"""Keyed features of one model: what a key costs in memory is bounded by it."""

LONGEST_S = 10 * 366 * 86_400
"""Of a window and of a time to live."""

DEFAULT_TTL_S = 30 * 86_400


class KeyedFeature(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One column. `of`: the number or boolean feature that is looked at. `window_s`: only events so young, by their own
    time; without it all since the key is known. `half_life_s`: the age at which an event weighs half. `by`: the
    category feature that is the key; without it the record's Kafka key."""

    name: str
    statistic: Statistic
    of: str | None = None
    window_s: int | None = None
    half_life_s: float | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        own = f"keyed feature {self.name!r}, {self.statistic}"
        if not self.name:
            raise ValueError("a keyed feature has a name")
        if (self.statistic in _OF_A_FEATURE) is not (self.of is not None):
            raise ValueError(f"{own}: {'needs' if self.of is None else 'takes no'} `of`, the feature to look at")
        if self.window_s is not None and self.statistic not in _WINDOWED:
            raise ValueError(f"{own}: takes no `window_s`")
        if self.statistic == "rate" and self.window_s is None:
            raise ValueError(f"{own}: needs `window_s`")
        if self.window_s is not None and not 1 <= self.window_s <= LONGEST_S:
            raise ValueError(f"{own}: `window_s` lies in 1 to {LONGEST_S}")
        if (self.statistic == "ewma") is not (self.half_life_s is not None):
            raise ValueError(f"{own}: {'needs' if self.half_life_s is None else 'takes no'} `half_life_s`")
        if self.half_life_s is not None and not (math.isfinite(self.half_life_s) and self.half_life_s >= 0.001):
            raise ValueError(f"{own}: `half_life_s` is at least 0.001")


class KeyedFeatures(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All of a model, in the order of their columns. A key begins anew after `ttl_s` without an event, by the events'
    own time."""

    features: tuple[KeyedFeature, ...] = ()
    ttl_s: int = DEFAULT_TTL_S

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"names of keyed features repeat: {', '.join(repeated)}")
        if len(names) > MOST:
            raise ValueError(f"{len(names)} keyed features are more than {MOST}")
        if not 1 <= self.ttl_s <= LONGEST_S:
            raise ValueError(f"ttl_s of keyed features lies in 1 to {LONGEST_S}")
        longest = max((feature.window_s or 0 for feature in self.features), default=0)
        if self.ttl_s < longest:
            raise ValueError(f"ttl_s of keyed features is {self.ttl_s}, shorter than a window of {longest}")

    def __bool__(self) -> bool:
        return bool(self.features)

    @property
    def columns(self) -> tuple[Feature, ...]:
        """The columns as features: numbers that may be null."""
        return tuple(Feature(feature.name, nullable=True) for feature in self.features)

    @property
    def by(self) -> tuple[str | None, ...]:
        """What the features are by, each once, in the order in which they are first named."""
        return tuple(dict.fromkeys(feature.by for feature in self.features))

    @property
    def digest(self) -> str:
        """What tells these definitions from others: state of the one is none of the other."""
        # As they come back from a manifest: a half-life of 10 is one of 10.0.
        read = _decode(msgspec.json.encode(self))
        return hashlib.sha256(msgspec.json.encode(read)).hexdigest()[:16]

    def check(self, schema: InputSchema) -> None:
        """Raises ValueError unless every feature that is named is there, and of a kind that fits."""
        kinds = {feature.name: feature.kind for feature in schema.features}
        for feature in self.features:
            own = f"keyed feature {feature.name!r}"
            if feature.name in kinds:
                raise ValueError(f"{own} has the name of a feature of the events")
            for what, name, wanted in (
                ("of", feature.of, (Kind.NUMBER, Kind.BOOLEAN)),
                ("by", feature.by, (Kind.CATEGORY,)),
            ):
                if name is not None and name not in kinds:
                    raise ValueError(f"{own}: no feature {name!r} for `{what}`; there are {', '.join(kinds)}")
                if name is not None and kinds[name] not in wanted:
                    raise ValueError(f"{own}: `{what}` names {name!r}, a {kinds[name]}, not a {' or '.join(wanted)}")


_decode = msgspec.json.Decoder(KeyedFeatures).decode

NO_KEYED = KeyedFeatures()
