"""The campaigns: which faults, how many, and what proves that they did something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol, TypeAlias

import msgspec

from tests.faults.broker_faults import BrokerKill, BrokerStall
from tests.faults.connection import Way
from tests.faults.fleet import POINTS
from tests.faults.holding import END_TXN, PRODUCE, TXN_OFFSET_COMMIT
from tests.faults.model_faults import Misbehave
from tests.faults.network_faults import Held, HeldIntoNext, Hole, Latency, Reset, Throttle
from tests.faults.run import Run, Scene
from tests.faults.worker import WorkerSetup
from tests.faults.worker_faults import (
    Aborts,
    AgentsKilled,
    ClockJump,
    KillAnywhere,
    KillAtPoint,
    KillBoth,
    Move,
    Storm,
    Zombie,
)

Tier: TypeAlias = Literal["commit", "nightly", "full"]
AnyStep: TypeAlias = (
    KillAtPoint
    | KillBoth
    | KillAnywhere
    | AgentsKilled
    | Zombie
    | Storm
    | ClockJump
    | Aborts
    | Held
    | HeldIntoNext
    | Latency
    | Throttle
    | Reset
    | Hole
    | BrokerKill
    | BrokerStall
    | Misbehave
)

ZOMBIE_POINTS = ("", "after_decide", "after_produce", "after_offsets", "before_commit")
QUICK = WorkerSetup(idle_marks=False, transaction_timeout_s=5.0)
"""A transaction's time-out of 5 s instead of 10 s, so that what waits for it is quick."""


class Step(Protocol):
    """One fault, from its beginning to the answers after it."""

    def carry(self, run: Run) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """`plan` draws a schedule of so many faults. A run holds at most `per_run` of them, and is void unless each of
    `bites` was counted."""

    name: str
    plan: Callable[[Random, int], list[AnyStep]]
    counts: Mapping[Tier, int]
    bites: tuple[str, ...]
    brokers: int = 1
    per_run: int = 25
    scene: Scene = field(default_factory=Scene)


def kills_at_points(rng: Random, count: int) -> list[AnyStep]:
    points = [POINTS[n % len(POINTS)] for n in range(count)]
    rng.shuffle(points)
    # A snapshot comes every half second, the other points with every batch.
    return [
        KillAtPoint(rng.choice("ab"), point, rng.randrange(1, 4 if point == "in_snapshot" else 40)) for point in points
    ]


def kills_anywhere(rng: Random, count: int) -> list[AnyStep]:
    return [KillAnywhere(rng.choice("ab"), round(rng.uniform(0.1, 1.5), 3)) for _ in range(count)]


def twenty_kills(rng: Random, count: int) -> list[AnyStep]:
    """Two workers at a time, at every point twice, and some anywhere."""
    points = kills_at_points(rng, 2 * len(POINTS))
    steps: list[AnyStep] = [
        KillBoth(msgspec.structs.replace(first, slot="a"), msgspec.structs.replace(second, slot="b"))
        for first, second in zip(points[::2], points[1::2], strict=True)
        if isinstance(first, KillAtPoint) and isinstance(second, KillAtPoint)
    ]
    steps += kills_anywhere(rng, count - len(points))
    rng.shuffle(steps)
    return steps


def kills_and_moves(rng: Random, count: int) -> list[AnyStep]:
    """Kills at points and anywhere; after each tenth partitions move to a third worker, and back as it dies."""
    points = kills_at_points(rng, (count + 1) // 2)
    kills = [*points, *kills_anywhere(rng, count - len(points))]
    rng.shuffle(kills)
    steps: list[AnyStep] = []
    for number, kill in enumerate(kills, 1):
        steps.append(kill)
        if number % 10 == 5:
            steps.append(Storm((Move(0.5, "start", "c"), Move(4.0, "kill", "c"))))
    return steps


def one_of_each(rng: Random, _count: int) -> list[AnyStep]:
    """A short run with a fault of each kind that needs no broker of its own."""
    return [
        *zombies(rng, 3),
        *held(rng, 2),
        *cut(rng, 2),
        Aborts(5, 3.0),
        *clocks(rng, 2),
        Reset(2, 0.3),
        AgentsKilled(3),
    ]


def zombies(rng: Random, count: int) -> list[AnyStep]:
    return [
        Zombie(
            rng.choice("ab"),
            ZOMBIE_POINTS[n % len(ZOMBIE_POINTS)],
            rng.randrange(1, 20),
            round(rng.uniform(0, 1), 3),
            successor=n % 3 == 2,
        )
        for n in range(count)
    ]


def held(rng: Random, count: int) -> list[AnyStep]:
    keys = (END_TXN, TXN_OFFSET_COMMIT, END_TXN, TXN_OFFSET_COMMIT, PRODUCE)
    return [Held(keys[n % len(keys)], round(rng.uniform(0, 0.5), 3)) for n in range(count)]


def cut(rng: Random, count: int) -> list[AnyStep]:
    """Half of them come after their client went on, half into whatever it does by then."""
    return [
        Held(
            (END_TXN, TXN_OFFSET_COMMIT)[n % 2],
            round(rng.uniform(0, 3.0 if n % 4 < 2 else 0.3), 3),
            cut=True,
            soon=n % 4 < 2,
            role="predict",
        )
        for n in range(count)
    ]


def brokers(of: int) -> Callable[[Random, int], list[AnyStep]]:
    def plan(rng: Random, count: int) -> list[AnyStep]:
        steps: list[AnyStep] = [
            BrokerKill(rng.randrange(of), round(rng.uniform(0, 3), 3))
            if n % 3 == 0
            # Most stalls are shorter than the time-outs, some are longer than all of them.
            else BrokerStall(rng.randrange(of), round(rng.choice((rng.uniform(1, 4), rng.uniform(4, 20))), 3))
            for n in range(count)
        ]
        rng.shuffle(steps)
        return steps

    return plan


def storms(rng: Random, count: int) -> list[AnyStep]:
    up = {"a", "b"}
    steps: list[AnyStep] = []
    for _ in range(count):
        moves = []
        for _ in range(6):
            can_start, can_stop = sorted({*"abcd"} - up), sorted(up) if len(up) > 2 else []
            slot = rng.choice([*can_start, *can_stop])
            do: Literal["start", "stop", "kill"] = (
                "start" if slot not in up else "stop" if rng.random() < 0.5 else "kill"
            )
            up.symmetric_difference_update({slot})
            moves.append(Move(round(rng.uniform(0.5, 3), 3), do, slot))
        steps.append(Storm(tuple(moves)))
    return steps


def network(rng: Random, count: int) -> list[AnyStep]:
    ways: tuple[tuple[Way, ...], ...] = (("up",), ("down",), ("up", "down"))
    kinds: tuple[Callable[[], AnyStep], ...] = (
        lambda: Latency(round(rng.uniform(0.05, 0.3), 3), 5.0),
        lambda: Reset(rng.randrange(2, 6), round(rng.uniform(0.2, 1), 3)),
        lambda: Hole(rng.choice(ways), round(rng.uniform(0.5, 2), 3)),  # shorter than a session
        lambda: Hole(rng.choice(ways), round(rng.uniform(5, 12), 3)),  # longer than session and transaction
    )
    return [kinds[n % len(kinds)]() for n in range(count)]


def throttles(rng: Random, count: int) -> list[AnyStep]:
    return [Throttle(rng.randrange(40_000, 80_000), 6.0) for _ in range(count)]


def clocks(rng: Random, count: int) -> list[AnyStep]:
    jumps = (3600.0, -3600.0, 86_400.0, -86_400.0)
    return [ClockJump(rng.choice("ab"), jumps[n % len(jumps)]) for n in range(count)]


CAMPAIGNS = (
    Campaign(
        name="twenty kills",
        plan=twenty_kills,
        counts={"commit": 20},
        bites=("aborted records", *(f"died at {point}" for point in POINTS)),
    ),
    Campaign(
        name="one of each",
        plan=one_of_each,
        counts={"commit": 13},
        bites=("zombies", "superseded", "zombies refused", "late requests", "abort", "clock", "agents killed"),
        scene=Scene(worker=QUICK, through_proxies=True),
    ),
    Campaign(
        name="kills at fail-points",
        plan=kills_at_points,
        counts={"nightly": 100, "full": 300},
        bites=("aborted records",),
    ),
    Campaign(
        name="keyed features",
        plan=kills_and_moves,
        counts={"commit": 6, "nightly": 50, "full": 100},
        bites=("killed", "storms", "answers as computed offline"),
        scene=Scene(keyed=True),
    ),
    Campaign(name="kills anywhere", plan=kills_anywhere, counts={"nightly": 50, "full": 300}, bites=("killed",)),
    Campaign(
        name="zombies",
        plan=zombies,
        counts={"nightly": 50, "full": 100},
        bites=("zombies", "zombies refused", "aborted records"),
        scene=Scene(worker=QUICK),
    ),
    Campaign(
        name="held past the time-out",
        plan=held,
        counts={"nightly": 30, "full": 100},
        bites=("late requests",),
        scene=Scene(worker=QUICK, through_proxies=True),
    ),
    Campaign(
        name="held past the real time-out of 10 s",
        plan=held,
        counts={"nightly": 2, "full": 10},
        bites=("late requests",),
        scene=Scene(through_proxies=True),
    ),
    Campaign(
        name="held behind a lost connection",
        plan=cut,
        counts={"nightly": 20, "full": 100},
        bites=("late requests",),
        scene=Scene(worker=QUICK, through_proxies=True),
    ),
    Campaign(
        name="one broker killed and stalled",
        plan=brokers(1),
        counts={"nightly": 15, "full": 50},
        bites=("brokers stalled", "partitions silent"),
    ),
    Campaign(
        name="three brokers killed and stalled",
        plan=brokers(3),
        counts={"nightly": 15, "full": 50},
        bites=("brokers stalled", "partitions silent"),
        brokers=3,
    ),
    Campaign(
        name="rebalance storms",
        plan=storms,
        counts={"nightly": 20, "full": 100},
        bites=("storms", "assignments"),
        per_run=10,
    ),
    Campaign(
        name="network",
        plan=network,
        counts={"nightly": 20, "full": 60},
        bites=("connections reset", "bytes delayed", "bytes swallowed"),
        scene=Scene(worker=QUICK, through_proxies=True),
    ),
    Campaign(
        name="thin network, small queue",
        plan=throttles,
        counts={"nightly": 4, "full": 20},
        bites=("bytes throttled", "buffer_error"),
        scene=Scene(worker=WorkerSetup(idle_marks=False, queue_records=100), through_proxies=True),
    ),
    Campaign(name="clock jumps", plan=clocks, counts={"nightly": 20, "full": 50}, bites=("clock",)),
)
