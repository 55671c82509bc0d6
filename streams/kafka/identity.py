"""Who a lane is to the broker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneIdentity:
    """Group, static member and transactional id come from role and slot."""

    group: str
    slot: str
    host: str

    @property
    def instance(self) -> str:
        return f"{self.group}-{self.slot}"
