"""What the drift tests share: a small profile, rows, and the way from rows through observations into a watch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from drift.alert import Alert
from drift.observation import Observation
from drift.profile import ReferenceProfile, SignalSpec, build_profile
from drift.settings import DriftSettings
from drift.summary import Summariser
from drift.watch import Figures, Watch, WatchState

START = 1_700_000_000_000
SPECS = (
    SignalSpec("size", "number", "feature"),
    SignalSpec("colour", "category", "feature", ("red", "green", "blue")),
    SignalSpec("fixed", "number", "feature"),
    SignalSpec("class", "boolean", "output"),
)
SIZE, COLOUR, FIXED, CLASS = range(4)


def rows(rng: np.random.Generator, n: int) -> np.ndarray:
    """n rows as in training: a normal number, a category, a constant and an answer that is true for one in five."""
    matrix = np.empty((n, 4))
    matrix[:, SIZE] = rng.normal(50, 10, n)
    matrix[:, COLOUR] = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    matrix[:, FIXED] = 7.0
    matrix[:, CLASS] = rng.random(n) < 0.2
    return matrix


def reference(seed: int = 0, n: int = 10_000) -> ReferenceProfile:
    return build_profile(SPECS, rows(np.random.default_rng(seed), n))


def evenly(n: int, per_second: float = 2000, start: int = START) -> np.ndarray:
    """n event times at a steady rate."""
    return start + (np.arange(n) * 1000 / per_second).astype(np.int64)


def make_watch(profile: ReferenceProfile, settings: DriftSettings | None = None, partitions: int = 1) -> Watch:
    return Watch("fraud", "3", profile, settings or DriftSettings(), partitions)


def observation(
    profile: ReferenceProfile,
    settings: DriftSettings,
    partition: int,
    offsets: np.ndarray,
    times: np.ndarray,
    matrix: np.ndarray,
) -> Observation:
    """What a worker writes about consecutive rows of one partition."""
    owners = np.full(len(times), partition)
    deltas = Summariser(profile, settings.slice_ms).summarise(owners, times, matrix, offsets)
    return Observation(
        model="fraud",
        version="3",
        profile=profile.id,
        topic="events",
        partition=partition,
        first_offset=int(offsets[0]),
        last_offset=int(offsets[-1]),
        max_time=int(times.max()),
        slices=deltas[partition],
    )


def idle(profile: ReferenceProfile, partition: int, idle_ms: int = 1000) -> Observation:
    return Observation("fraud", "3", profile.id, "events", partition, -1, -1, 0, idle_ms=idle_ms)


def one_partition(
    profile: ReferenceProfile, settings: DriftSettings, times: np.ndarray, matrix: np.ndarray, batch: int = 500
) -> list[Observation]:
    """Rows of partition 0 in batches, and the idle mark that closes everything at the end."""
    offsets = np.arange(len(times))
    cuts = [slice(at, at + batch) for at in range(0, len(times), batch)]
    return [
        *(observation(profile, settings, 0, offsets[cut], times[cut], matrix[cut]) for cut in cuts),
        idle(profile, 0),
    ]


def run(
    watch: Watch, observations: Iterable[Observation], state: WatchState | None = None
) -> tuple[WatchState, list[Alert], Figures]:
    step = watch.observe(state or watch.fresh(), list(observations))
    return step.state, step.alerts, step.figures


def stream(
    matrix: np.ndarray, settings: DriftSettings | None = None, per_second: float = 2000, seed: int = 0
) -> tuple[list[Alert], Figures]:
    """Alerts over rows that arrive at a steady rate in one partition."""
    settings = settings or DriftSettings()
    profile = reference(seed)
    observations = one_partition(profile, settings, evenly(len(matrix), per_second), matrix)
    _, alerts, figures = run(make_watch(profile, settings), observations)
    return alerts, figures


def encoded(alerts: Sequence[Alert]) -> list[bytes]:
    return [msgspec.json.encode(alert) for alert in alerts]


def ms(time: str) -> int:
    """RFC 3339 to ms after START."""
    return round(datetime.fromisoformat(time).timestamp() * 1000) - START
