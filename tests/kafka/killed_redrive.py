"""`weir` with a redrive that kills itself at a point of its second transaction, or right after it."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from streams.cli import dlq_redrive, main
from streams.kafka.redriving import Redrive, Refused, Resend


class KilledRedrive(Redrive):
    def __init__(self, *arguments: Any, **names: Any) -> None:
        self._reached = Counter[str]()
        super().__init__(*arguments, **names, reach=self._reach)

    def send(self, batch: Sequence[Resend]) -> list[Refused]:
        refused = super().send(batch)
        self._reach("committed")
        return refused

    def _reach(self, point: str) -> None:
        self._reached[point] += 1
        if point == sys.argv[0] and self._reached[point] == 2:
            os.kill(os.getpid(), signal.SIGKILL)


dlq_redrive.Redrive = KilledRedrive  # type: ignore[misc]
del sys.argv[0]
main()
