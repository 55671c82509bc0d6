"""Makes the detectors of a signal, and brings them back from their state."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial

import msgspec
from river.drift import ADWIN

from drift.detectors.adwin import AdwinDetector
from drift.detectors.bounds import check_bounds
from drift.detectors.catalogue import ANSWER_BY_ANSWER, CODECS, ERROR_DETECTORS, RIVER_DETECTORS
from drift.detectors.coded import CodedDetector
from drift.detectors.contract import Detector, DetectorState, Factory, UnknownDetector
from drift.detectors.feed import BLOCK_VALUES, ERRORS, Feed
from drift.detectors.replayed import ReplayedDetector
from drift.detectors.trying import try_out
from drift.settings import DetectorSpec


class DetectorBench:
    """Makes primed detectors of the settings, and brings them back from their state."""

    def __init__(
        self,
        specs: tuple[DetectorSpec, ...],
        factories: Mapping[str, Factory] = RIVER_DETECTORS,
        feed: Feed = BLOCK_VALUES,
    ) -> None:
        """Raises UnknownDetector."""
        self._specs = specs
        self._factories = factories
        self._feed = feed
        for spec in specs:
            if spec.name not in factories:
                raise UnknownDetector(f"drift.detectors names {spec.name!r}; known are {', '.join(sorted(factories))}")
            factory = factories[spec.name]
            try:
                check_bounds(factory, spec.parameters)
                try_out(partial(factory, **spec.parameters), feed, known=factory is ADWIN or factory in CODECS)
            except Exception as error:  # a detector of one's own may raise anything
                raise UnknownDetector(
                    f"drift.detectors: {spec.name} does not take {spec.parameters} ({error})"
                ) from error
        self._primed_at_rest = tuple(self._fed(spec, feed.prime).dump() for spec in specs)

    @property
    def specs(self) -> tuple[DetectorSpec, ...]:
        return self._specs

    @property
    def by_answer(self) -> bool:
        """Whether they are fed 0 or 1 for every answer, else a value a block."""
        return self._feed is ERRORS

    def primed(self) -> tuple[Detector, ...]:
        return tuple(self._primed(index) for index in range(len(self._specs)))

    def restore(self, states: tuple[DetectorState, ...], recent: tuple[float, ...]) -> tuple[Detector, ...]:
        """Detectors as they were; one that another River version wrote is primed and fed `recent` block values."""
        if len(states) != len(self._specs):
            return tuple(self._refed(index, recent) for index in range(len(self._specs)))
        return tuple(self._restored(index, state, recent) for index, state in enumerate(states))

    def _primed(self, index: int) -> Detector:
        primed = self._at_rest(self._specs[index], self._primed_at_rest[index])
        return primed or self._fed(self._specs[index], self._feed.prime)

    def _restored(self, index: int, state: DetectorState, recent: tuple[float, ...]) -> Detector:
        return self._at_rest(self._specs[index], state) or self._refed(index, recent)

    def _refed(self, index: int, recent: tuple[float, ...]) -> Detector:
        detector = self._primed(index)
        for value in recent:
            if detector.update(value):
                detector = self._primed(index)
        return detector

    def _at_rest(self, spec: DetectorSpec, state: DetectorState) -> Detector | None:
        factory = self._factories[spec.name]
        if factory is ADWIN:
            return AdwinDetector.at_rest(spec, self._feed, state)
        if codec := CODECS.get(factory):
            return CodedDetector.at_rest(spec, factory, codec, self._feed, state)
        if state.data or not all(map(self._feed.fits, state.values)):
            return None
        return ReplayedDetector(spec, factory, self._feed, state.values)

    def _fed(self, spec: DetectorSpec, values: tuple[float, ...]) -> Detector:
        factory = self._factories[spec.name]
        fresh: Detector
        if factory is ADWIN:
            fresh = AdwinDetector(spec, self._feed)
        elif codec := CODECS.get(factory):
            fresh = CodedDetector(spec, factory, codec, self._feed)
        else:
            fresh = ReplayedDetector(spec, factory, self._feed, ())
        for value in values:
            fresh.update(value)
        return fresh


def benches_of(
    chosen: Mapping[str, tuple[DetectorSpec, ...]],
    factories: Mapping[str, Factory] = RIVER_DETECTORS,
    errors: Container[str] = (),
) -> dict[str, DetectorBench]:
    """The bench of each signal. Signals of the same choice share one: it remembers nothing, and trying out takes time.
    Those in `errors` are shares of wrong answers, which ERROR_DETECTORS take too.

    Raises UnknownDetector.
    """
    made: dict[tuple[bytes, bool], DetectorBench] = {}
    found: dict[str, DetectorBench] = {}
    for key, specs in chosen.items():
        form = msgspec.json.encode(specs), key in errors
        if form not in made:
            made[form] = _error_bench(specs) if form[1] and _by_answer(specs) else DetectorBench(specs, factories)
        found[key] = made[form]
    return found


def _by_answer(specs: tuple[DetectorSpec, ...]) -> bool:
    return all(spec.name in ANSWER_BY_ANSWER for spec in specs)


def _error_bench(specs: tuple[DetectorSpec, ...]) -> DetectorBench:
    return DetectorBench(specs, ERROR_DETECTORS, ERRORS)
