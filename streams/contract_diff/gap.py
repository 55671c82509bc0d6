"""A place where a schema admits more than another one. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["missing", "refused", "demanded", "unpromised", "type", "values", "bounds", "closed", "other"]
"""A field that the other lacks (`missing`), or does not let pass (`refused`), wants (`demanded`), or has besides
(`unpromised`: no value tells the two apart, readers may)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`path`: fields from the root, `[]` for what is in a list, `{}` for values under any name."""

    kind: Kind
    path: tuple[str, ...]
    wide: str
    narrow: str


def text_of(value: Any) -> str:
    """A value in a gap."""
    return "none" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
