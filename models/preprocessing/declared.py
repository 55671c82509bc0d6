"""Preprocessing as it is declared, and, with the numbers that were learnt, as the manifest keeps it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from models.keyed.definitions import NO_KEYED, KeyedFeatures
from models.preprocessing.clip import Clip
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot, Ordinal
from models.preprocessing.impute import Impute
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart

AnyStep: TypeAlias = Impute | Clip | Scale | OneHot | Ordinal | Derive | TimePart


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`keyed` features are computed first. `steps` in the order in which they are taken; `columns` are what the
    estimator takes, in its order. Without `columns`: all that are left (but not the event's own time)."""

    steps: tuple[AnyStep, ...] = ()
    columns: tuple[str, ...] = ()
    keyed: KeyedFeatures = NO_KEYED

    def __bool__(self) -> bool:
        return self != NO_PREPROCESSING


NO_PREPROCESSING = Preprocessing()


def step_name(step: AnyStep) -> str:
    """As it is declared."""
    name = step.__struct_config__.tag
    assert isinstance(name, str)
    return name
