"""What one event may be. Filled from the settings `limits.*` and `model.unknown_features`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

UnknownFeatures: TypeAlias = Literal["ignore", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Beyond these an event is rejected.

    `depth` counts nested arrays and objects, the event itself included. `max_ahead_s`: how far an event's time may
    be after its record's timestamp. `strict_json` refuses repeated keys, at
    the cost of a second parse of every event.
    """

    value_bytes: int = 1_048_576
    depth: int = 32
    id_length: int = 256
    max_ahead_s: int = 300
    strict_json: bool = False
