"""Change detectors over block values, by name; the only module that knows River.

A detector sees standardised block values: around 0 with variance about 1 while nothing changes. It starts primed with
`PRIME` such values, so that a stream that is off its reference from the first block is a change too.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Any, Protocol, TypeAlias, cast

import msgspec
from river.__version__ import __version__ as river_version
from river.drift import ADWIN, KSWIN, PageHinkley

from drift.settings import DetectorSpec

RESTORE_WINDOW = 100
"""Block values that a detector without a codec of its own is rebuilt from; it never remembers more than twice that."""

# Normal quantiles in a fixed, well mixed order (37 and 100 have no common factor): no randomness, no trend.
PRIME = tuple(NormalDist().inv_cdf((index * 37 % 100 + 0.5) / 100) for index in range(100))


class ChangeDetector(Protocol):
    """What a detector of one's own must offer: River's interface. Deterministic: same values, same answers."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float, /) -> object: ...


Factory: TypeAlias = Callable[..., ChangeDetector]

_ADWIN = cast(Any, ADWIN)  # River's class says py.typed and carries no types


class Detection(msgspec.Struct, frozen=True):
    """A detector fired. `statistic` and `threshold` are its own, where it tells them."""

    name: str
    parameters: dict[str, float | int | str | bool]
    statistic: float | None = None
    threshold: float | None = None


class DetectorState(msgspec.Struct, frozen=True):
    """A detector at rest: `values` to replay, or `data` with its checksum in the form of one River version."""

    values: tuple[float, ...] = ()
    data: bytes = b""
    checksum: int = 0
    river: str = ""


class UnknownDetector(ValueError):
    """A detector was asked for by a name or with parameters that do not exist."""


class Detector(Protocol):
    """A detector as the watch holds it. Once it fired it is replaced by a fresh one."""

    def update(self, value: float) -> Detection | None: ...

    def copy(self) -> Detector: ...

    def dump(self) -> DetectorState: ...


class AdwinDetector:
    """River's ADWIN, kept as the bytes of its Rust window."""

    def __init__(self, spec: DetectorSpec, data: bytes | None = None) -> None:
        self._spec = spec
        self._window = _ADWIN(**spec.parameters)
        if data is not None:
            self._window._helper.__setstate__(data)

    def update(self, value: float) -> Detection | None:
        self._window.update(value)
        # The difference and the bound that made it cut stay inside River's window: no statistic to tell.
        return Detection(self._spec.name, self._spec.parameters) if self._window.drift_detected else None

    @property
    def data(self) -> bytes:
        return bytes(self._window._helper.__getstate__())

    def copy(self) -> AdwinDetector:
        return AdwinDetector(self._spec, self.data)

    def dump(self) -> DetectorState:
        data = self.data
        return DetectorState(data=data, checksum=zlib.crc32(data), river=river_version)


class ReplayedDetector:
    """Any detector, kept as the values it saw. From time to time, and at the same value whether restored in between or
    not, it starts again from the last `RESTORE_WINDOW`."""

    def __init__(self, spec: DetectorSpec, factory: Factory, values: Sequence[float]) -> None:
        self._spec = spec
        self._factory = factory
        self._values = list(values)
        self._inner = self._replayed()

    def _replayed(self) -> ChangeDetector:
        inner = self._factory(**self._spec.parameters)
        for value in self._values:
            inner.update(value)
        return inner

    def update(self, value: float) -> Detection | None:
        if len(self._values) >= 2 * RESTORE_WINDOW:
            self._values = self._values[-RESTORE_WINDOW:]
            self._inner = self._replayed()
        self._values.append(value)
        self._inner.update(value)
        if not self._inner.drift_detected:
            return None
        statistic, threshold = _reading(self._inner)
        return Detection(self._spec.name, self._spec.parameters, statistic, threshold)

    def copy(self) -> ReplayedDetector:
        twin = ReplayedDetector(self._spec, self._factory, ())
        twin._values = list(self._values)
        twin._inner = copy.deepcopy(self._inner)
        return twin

    def dump(self) -> DetectorState:
        return DetectorState(values=tuple(self._values))


def _reading(detector: ChangeDetector) -> tuple[float | None, float | None]:
    if isinstance(detector, PageHinkley):
        rise = detector._sum_increase - detector._min_increase
        fall = detector._max_decrease - detector._sum_decrease
        return float(max(rise, fall)), float(detector.threshold)
    if isinstance(detector, KSWIN):
        return float(detector.p_value), float(detector.alpha)
    return None, None


def _seeded_kswin(seed: int = 1, **parameters: Any) -> KSWIN:
    return KSWIN(seed=seed, **parameters)


RIVER_DETECTORS: Mapping[str, Factory] = {"ADWIN": ADWIN, "PageHinkley": PageHinkley, "KSWIN": _seeded_kswin}


class DetectorBench:
    """Makes primed detectors of the settings, and brings them back from their state."""

    def __init__(self, specs: tuple[DetectorSpec, ...], factories: Mapping[str, Factory] = RIVER_DETECTORS) -> None:
        self._specs = specs
        self._factories = factories
        for spec in specs:
            if spec.name not in factories:
                raise UnknownDetector(f"drift.detectors names {spec.name!r}; known are {', '.join(sorted(factories))}")
            try:
                factories[spec.name](**spec.parameters)
            except (TypeError, ValueError) as error:
                raise UnknownDetector(
                    f"drift.detectors: {spec.name} does not take {spec.parameters} ({error})"
                ) from error

    def primed(self) -> tuple[Detector, ...]:
        return tuple(self._primed(spec) for spec in self._specs)

    def restore(self, states: tuple[DetectorState, ...], recent: tuple[float, ...]) -> tuple[Detector, ...]:
        """Detectors as they were; one that another River version wrote is primed and fed `recent` block values."""
        if len(states) != len(self._specs):
            return tuple(self._refed(spec, recent) for spec in self._specs)
        return tuple(self._restored(spec, state, recent) for spec, state in zip(self._specs, states, strict=True))

    def _primed(self, spec: DetectorSpec) -> Detector:
        factory = self._factories[spec.name]
        if factory is ADWIN:
            return AdwinDetector(spec, _primed_adwin(msgspec.json.encode(spec)))
        return ReplayedDetector(spec, factory, PRIME)

    def _restored(self, spec: DetectorSpec, state: DetectorState, recent: tuple[float, ...]) -> Detector:
        factory = self._factories[spec.name]
        if factory is not ADWIN:
            return ReplayedDetector(spec, factory, state.values)
        # The window's parser aborts on bytes it does not know, so it only ever gets its own.
        if state.river == river_version and state.data and zlib.crc32(state.data) == state.checksum:
            return AdwinDetector(spec, state.data)
        return self._refed(spec, recent)

    def _refed(self, spec: DetectorSpec, recent: tuple[float, ...]) -> Detector:
        detector = self._primed(spec)
        for value in recent:
            if detector.update(value):
                detector = self._primed(spec)
        return detector


_decode_spec = msgspec.json.Decoder(DetectorSpec).decode


@cache
def _primed_adwin(spec: bytes) -> bytes:
    detector = AdwinDetector(_decode_spec(spec))
    for value in PRIME:
        detector.update(value)
    return detector.data
