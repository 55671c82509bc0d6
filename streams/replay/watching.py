"""The drift role over a replay: which alerts it would raise about this range alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from drift.alert import Alert
from drift.detectors import Factory
from drift.observation import Observation
from drift.profile import ReferenceProfile
from drift.settings import DriftSettings
from drift.watch import Figures, Watch
from streams.records import OutboxRecord

_decode = msgspec.json.Decoder(Observation).decode


class WatchedDrift(msgspec.Struct, frozen=True):
    """What the detectors came to. `blocks` were judged, `late_events` came after their block had closed. `statistics`:
    by signal, how far its last blocks are from the reference; 1 and more is worth an alert."""

    events: int
    blocks: int
    late_events: int
    statistics: dict[str, float]
    alerts: list[Alert]


class DriftWatching:
    """Takes the observations of a replay of a topic with so many `partitions`. The detectors begin with nothing
    remembered. Raises UnknownDetector."""

    def __init__(
        self,
        model: str,
        version: str,
        profile: ReferenceProfile,
        settings: DriftSettings,
        partitions: int,
        detectors: Mapping[str, Factory],
        observations_topic: str,
    ) -> None:
        self._watch = Watch(model, version, profile, settings, partitions, detectors)
        self._state = self._watch.fresh()
        self._topic = observations_topic
        self._figures = Figures()
        self.alerts: list[Alert] = []

    def take(self, outbox: Sequence[OutboxRecord]) -> None:
        observations = [_decode(record.value or b"") for record in outbox if record.topic == self._topic]
        if observations:
            step = self._watch.observe(self._state, observations)
            self._state, self._figures = step.state, step.figures
            self.alerts += step.alerts

    def result(self) -> WatchedDrift:
        figures = self._figures
        return WatchedDrift(
            figures.events, figures.blocks_closed, figures.late_events, dict(figures.statistics), self.alerts
        )
