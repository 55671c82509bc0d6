"""What the network does to workers: late, thin, cut, gone for a while, or one request kept back until it is stale."""

from __future__ import annotations

import time

import msgspec

from tests.faults.connection import Way
from tests.faults.holding import END_TXN, NAMES, Hold
from tests.faults.run import Run
from tests.faults.worker import Order


class Held(msgspec.Struct, frozen=True, tag=True):
    """Keep back one request until its client has given it up and gone on, and deliver it then.

    With `cut` the client loses its connection at once, as by a reset, and asks again on another one; without, it
    waits until a time-out of its own. With `soon` it is delivered `after_s` after that, whether or not anything was
    answered since: into the client's next transaction, if that has the same epoch. With `role`, one of its lane.
    """

    key: int
    after_s: float
    cut: bool = False
    soon: bool = False
    role: str = ""

    def carry(self, run: Run) -> None:
        hold = run.stage.proxies.hold(self.key, naming=self.role.encode())
        run.wait(lambda: hold.held == 1, f"a {NAMES[self.key]} is held", 30)
        if self.cut:
            run.stage.proxies.reset()
        run.wait(lambda: hold.abandoned == 1, "its client has given it up", 60)
        gone_at = time.time()
        if not self.soon:
            run.recovered(gone_at, 60)
        run.pause(self.after_s)
        _deliver(run, hold, self.key)
        run.answered(time.time(), 60)


class HeldIntoNext(msgspec.Struct, frozen=True, tag=True):
    """Keep back the EndTxn of a worker that loses its connection, and deliver it into the worker's next transaction of
    answers, when that has its records and not yet its offsets. Then the worker dies: what it had not committed is never
    seen."""

    slot: str
    role: str

    def carry(self, run: Run) -> None:
        member = run.fleet.members[self.slot]
        hold = run.stage.proxies.hold(END_TXN, naming=f"{self.role}-{self.slot}".encode())
        run.wait(lambda: hold.held == 1, "an EndTxn is held", 30)
        run.fleet.order(self.slot, Order(do="stop", point="after_delivery", role=self.role, answers=True))
        run.stage.proxies.reset()
        run.wait(lambda: hold.abandoned == 1, "its client has given it up", 30)
        run.wait(member.is_stopped, "its client is in the next transaction", 30)
        _deliver(run, hold, END_TXN)
        run.bit("killed")
        run.recovered(run.fleet.kill(self.slot), 60)
        run.wait(run.fleet.is_up, "the worker is back", 60)


class Latency(msgspec.Struct, frozen=True, tag=True):
    """Every byte takes so long, each way."""

    latency_s: float
    seconds: float

    def carry(self, run: Run) -> None:
        paths = run.stage.proxies.paths
        before = sum(path.bytes_delayed for path in paths)
        for path in paths:
            path.latency_s = self.latency_s
        run.pause(self.seconds)
        run.stage.proxies.clear()
        run.bit("bytes delayed", sum(path.bytes_delayed for path in paths) - before)
        run.recovered(time.time(), 60)


class Throttle(msgspec.Struct, frozen=True, tag=True):
    """All connections to a broker share so many bytes a second, each way."""

    bytes_per_s: float
    seconds: float

    def carry(self, run: Run) -> None:
        paths = run.stage.proxies.paths
        before = sum(path.bytes_delayed for path in paths)
        for path in paths:
            path.bytes_per_s = self.bytes_per_s
        run.pause(self.seconds)
        run.stage.proxies.clear()
        run.bit("bytes throttled", sum(path.bytes_delayed for path in paths) - before)
        run.recovered(time.time(), 60)


class Reset(msgspec.Struct, frozen=True, tag=True):
    """Every connection is reset, several times."""

    times: int
    apart_s: float

    def carry(self, run: Run) -> None:
        for _ in range(self.times):
            run.bit("connections reset", run.stage.proxies.reset())
            run.pause(self.apart_s)
        run.recovered(time.time(), 60)


class Hole(msgspec.Struct, frozen=True, tag=True):
    """Nothing arrives for a while, and then all of it."""

    ways: tuple[Way, ...]
    seconds: float

    def carry(self, run: Run) -> None:
        paths = run.stage.proxies.paths
        before = sum(path.bytes_swallowed for path in paths)
        for path in paths:
            path.hole = frozenset(self.ways)
        run.pause(self.seconds)
        run.stage.proxies.clear()
        run.bit("bytes swallowed", sum(path.bytes_swallowed for path in paths) - before)
        run.recovered(time.time(), 90)


def _deliver(run: Run, hold: Hold, key: int) -> None:
    """Let what is held go on, and note what the broker makes of it."""
    hold.release()
    run.wait(lambda: len(hold.late) == 1, "the late request is answered", 30)
    code = hold.late[0][1]
    run.note("late", request=NAMES[key], error=code)
    run.bit(f"late {NAMES[key]} {f'refused ({code})' if code else 'accepted'}")
    run.bit("late requests")
