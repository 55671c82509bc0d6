"""What a model does to its worker: it misbehaves for a while, as the scene says."""

from __future__ import annotations

import time

import msgspec

from tests.faults.run import Run


class Misbehave(msgspec.Struct, frozen=True, tag=True):
    """For so many seconds, and until `restarts` workers were ended by it. Answers of the model must come from every
    partition within `within_s` after that. A worker that lives on must have kept its partitions all along."""

    seconds: float
    within_s: float = 20.0
    restarts: int = 0

    def carry(self, run: Run) -> None:
        before = run.fleet.count(REVOKED)
        run.misbehave(True)
        run.pause(self.seconds)
        run.wait(lambda: run.bitten() > 0, "the fault bites", 60)
        run.wait(lambda: run.fleet.ends.total() >= self.restarts, "the workers are ended", 120)
        run.misbehave(False)
        run.recovered(time.time(), self.within_s)
        run.wait(run.fleet.is_up, "every worker has its partitions", 60)
        run.bit("bitten calls", run.bitten())
        run.bit("restarts", run.fleet.ends.total())
        if not run.scene.mortal:
            assert run.fleet.count(REVOKED) == before, "the group took partitions away"


REVOKED = b'"event": "revoked"'
