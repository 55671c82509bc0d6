"""What happens to workers: killed, frozen, replaced, started and stopped in a storm, with a clock that jumps."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from tests.faults.run import Run
from tests.faults.worker import Order

CRASHED = b"Crashed reason=CancelledError"


class KillAtPoint(msgspec.Struct, frozen=True, tag=True):
    """kill -9 when the lanes of one worker come to a point for the nth time from now."""

    slot: str
    point: str
    nth: int

    def carry(self, run: Run) -> None:
        deaths = len(run.fleet.deaths)
        run.fleet.order(self.slot, Order(do="kill", point=self.point, nth=self.nth))
        run.wait(lambda: len(run.fleet.deaths) > deaths, f"{self.slot} dies at {self.point}", 60)
        death = run.fleet.deaths[-1]
        assert death.how == self.point
        run.bit(f"died at {death.how}")
        run.recovered(death.at, 60)
        run.wait(run.fleet.is_up, "the worker is back", 60)


class KillBoth(msgspec.Struct, frozen=True, tag=True):
    """Two workers die at points of their own, one soon after the other."""

    first: KillAtPoint
    second: KillAtPoint

    def carry(self, run: Run) -> None:
        deaths = len(run.fleet.deaths)
        for kill in (self.first, self.second):
            run.fleet.order(kill.slot, Order(do="kill", point=kill.point, nth=kill.nth))
        run.wait(lambda: len(run.fleet.deaths) == deaths + 2, "both workers have died", 60)
        for death in run.fleet.deaths[deaths:]:
            run.bit(f"died at {death.how}")
        run.recovered(run.fleet.deaths[-1].at, 60)
        run.wait(run.fleet.is_up, "the workers are back", 60)


class KillAnywhere(msgspec.Struct, frozen=True, tag=True):
    """kill -9 after a while, wherever the worker is."""

    slot: str
    after_s: float

    def carry(self, run: Run) -> None:
        run.pause(self.after_s)
        killed_at = run.fleet.kill(self.slot)
        run.bit("killed")
        run.recovered(killed_at, 60)
        run.wait(run.fleet.is_up, "the worker is back", 60)


EXPIRED_S = 0.5
"""So long after its end the broker has told the others of a session that is over."""


class Zombie(msgspec.Struct, frozen=True, tag=True):
    """Freeze a worker at a point (anywhere without one), and thaw it when another has answered for its partitions.

    Nothing that the zombie still sends may be seen, and it must become a good member again; with `successor` a new
    worker takes its slot meanwhile, and one of the two must end as a fenced one.
    """

    slot: str
    point: str
    nth: int
    extra_s: float
    successor: bool
    role: str = ""

    def carry(self, run: Run) -> None:
        zombie, fenced = run.fleet.members[self.slot], run.fleet.fenced
        if self.point:
            run.fleet.order(self.slot, Order(do="stop", point=self.point, nth=self.nth, role=self.role))
            run.wait(zombie.is_stopped, f"{self.slot} is frozen at {self.point}", 60)
            stopped_at = next(bit["at"] for bit in reversed(list(zombie.bits())) if bit["bit"] == "stop")
        else:
            run.fleet.freeze(self.slot)
            run.wait(zombie.is_stopped, f"{self.slot} is frozen", 10)
            stopped_at = time.time()
        told = len(zombie.told())
        if self.successor:
            _, successor = run.fleet.supersede(self.slot)
            run.wait(successor.assigned, "the successor has its partitions", 60)
        run.recovered(stopped_at, 60)
        run.pause(self.extra_s)
        if not self.successor:
            # Where another still held its partitions, from the fault before, that was at once: it is no zombie yet.
            run.pause(max(0.0, stopped_at + run.scene.session_s + EXPIRED_S - time.time()))
        run.fleet.thaw(zombie.name)
        thawed_at = time.time()
        if self.successor:
            run.wait(lambda: run.fleet.fenced > fenced, "one of the two has ended with 70", 60)
        else:
            run.wait(lambda: zombie.assigned(told), "the zombie is a member again", 60)
        run.bit("superseded" if self.successor else "zombies")
        run.bit("zombies refused", zombie.told()[told:].count(b"did not commit"))
        run.answered(thawed_at, 60)
        run.wait(run.fleet.is_up, "all are up", 60)


class Move(msgspec.Struct, frozen=True):
    after_s: float
    do: Literal["start", "stop", "kill"]
    slot: str


class Storm(msgspec.Struct, frozen=True, tag=True):
    """Workers come and go faster than a group comes to rest."""

    moves: tuple[Move, ...]

    def carry(self, run: Run) -> None:
        before = run.fleet.count(b'"assigned"')
        for move in self.moves:
            run.pause(move.after_s)
            run.note("move", do=move.do, slot=move.slot)
            if move.do == "start":
                run.fleet.start(move.slot)
            else:
                run.fleet.dismiss(move.slot, kill=move.do == "kill")
        run.recovered(time.time(), 60)
        run.wait(run.fleet.is_up, "all that were started are up", 60)
        run.bit("assignments", run.fleet.count(b'"assigned"') - before)
        run.bit("storms")


class ClockJump(msgspec.Struct, frozen=True, tag=True):
    """The wall clock of one worker jumps."""

    slot: str
    seconds: float

    def carry(self, run: Run) -> None:
        member = run.fleet.members[self.slot]
        before = sum(bit["bit"] == "clock" for bit in member.bits())
        run.fleet.order(self.slot, Order(do="clock", seconds=self.seconds))
        run.wait(lambda: sum(bit["bit"] == "clock" for bit in member.bits()) > before, "the jump is noticed", 30)
        run.answered(time.time(), 30)


class Aborts(msgspec.Struct, frozen=True, tag=True):
    """Every nth transaction of all workers (of the lanes of `role`) fails after its records were handed over, for a
    while."""

    nth: int
    seconds: float
    role: str = ""

    def carry(self, run: Run) -> None:
        before = run.fleet.bits()["abort"]
        for slot in run.scene.slots:
            run.fleet.order(slot, Order(do="abort", nth=self.nth, role=self.role))
        run.pause(self.seconds)
        run.wait(lambda: run.fleet.bits()["abort"] > before, "a transaction was given up", 60)
        for slot in run.scene.slots:
            run.fleet.order(slot, Order(do="abort", nth=1_000_000_000))
        run.recovered(time.time(), 60)


class AgentsKilled(msgspec.Struct, frozen=True, tag=True):
    """The tasks of all Faust agents are cancelled, again and again."""

    times: int

    def carry(self, run: Run) -> None:
        before = run.fleet.count(CRASHED)
        for slot in run.scene.slots:
            run.fleet.order(slot, Order(do="agents", nth=self.times))
        run.wait(lambda: run.fleet.count(CRASHED) >= before + 2 * self.times, "the agents have died", 120)
        run.bit("agents killed", run.fleet.count(CRASHED) - before)
        run.recovered(time.time(), 60)
