"""When a worker process that ended is started again, and when there is no hope that it will stay."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S, GROWTH, MOST_S = 0.2, 4.0, 30.0
"""A pause before it is started again: 0.2, 0.8, 3.2, 12.8 and then 30 s."""

SETTLED_S = 60.0
"""Who lived so long has started well: the next end is a first one."""

HOPELESS_AFTER = 5

FOR_GOOD = {2: "its settings or files cannot be used", 70: "another worker has its slot"}
"""Exit codes that starting again would not mend."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How often one process ended by itself. `in_a_row`: without having settled in between; `last_code`: negative for a
    signal."""

    total: int = 0
    in_a_row: int = 0
    last_code: int | None = None

    def after(self, code: int, lived_s: float) -> Ends:
        """It ended again, so long after it was started."""
        return Ends(self.total + 1, 1 if lived_s >= SETTLED_S else self.in_a_row + 1, code)

    @property
    def pause_s(self) -> float:
        """Before it is started again."""
        return min(MOST_S, FIRST_S * GROWTH ** (self.in_a_row - 1)) if self.in_a_row else 0.0

    def hopeless(self, lived_s: float) -> bool:
        """Whether it ends again and again. `lived_s`: since it was last started; 0 when it is not running."""
        return self.in_a_row >= HOPELESS_AFTER and lived_s < SETTLED_S
