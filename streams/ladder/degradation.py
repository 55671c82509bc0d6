"""What is said of an answer that the model did not give. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from streams.contracts import Reason, ServedBy


@dataclass(frozen=True, slots=True)
class Degradation:
    """The rung that answered, the version that it answered for, and why the model did not."""

    served_by: ServedBy
    version: str
    reason: Reason

    @property
    def scored(self) -> bool:
        """Whether there is a probability: only models give one, now or before."""
        return self.served_by in (ServedBy.PREVIOUS, ServedBy.CACHE)


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Of one batch: rows looked up, those found, and the age in seconds of the oldest answer among them."""

    lookups: int
    hits: int
    oldest_s: float
