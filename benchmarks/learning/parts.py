"""A lane without a broker, and the watch over outcomes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from drift.observation import Observation
from drift.outcome_watch import OutcomeState, OutcomeWatch
from drift.profile import decode_profile
from drift.settings import DriftSettings
from models.registry import Registry
from streams.decide.outcome_writer import OutcomeWriter
from streams.decider import Decider, PartitionState
from streams.joining.state import ModelVersion
from streams.records import Decision, RecordBatch

NAME = "fraud"
BURN_IN = 1_000


class Lane:
    """A decider with the state of its one partition, and the offset of the next record."""

    def __init__(self, decider: Decider, topic: str) -> None:
        self.decider, self.topic, self._offset = decider, topic, 0
        self.state: PartitionState = decider.load(0, {})

    def take(self, values: Sequence[bytes | None], stamps: Sequence[int]) -> Decision:
        """Decide about records, and keep the change."""
        count = len(values)
        offsets = [*range(self._offset, self._offset + count)]
        batch = RecordBatch(self.topic, [0] * count, offsets, [None] * count, [*values], [*stamps], [None] * count)
        decision = self.decider.decide({0: self.state}, batch, self.decider.prepare(batch))
        for change in decision.changes.values():
            self.state.apply(change)
        self._offset += count
        return decision


class Watches:
    """What drift makes of the outcomes of each version."""

    def __init__(self, registry: Registry, writer: OutcomeWriter) -> None:
        self._registry, self._writer = registry, writer
        self._own: dict[str, tuple[OutcomeWatch, OutcomeState]] = {}

    def learn(self, version: str) -> None:
        profile = decode_profile(self._registry.reference(NAME, version))
        self._writer.learn(ModelVersion(NAME, version), profile)
        watch = OutcomeWatch(NAME, version, "outcomes", profile, DriftSettings(), BURN_IN)
        self._own[version] = watch, watch.fresh()

    def pages(self, values: Sequence[bytes | None]) -> int:
        """Alerts that begin with these observations and call somebody."""
        count = 0
        for value in values:
            observation = msgspec.json.decode(value or b"", type=Observation)
            if observation.stream != "outcomes":
                continue
            watch, state = self._own[observation.version]
            step = watch.observe(state, [observation])
            self._own[observation.version] = watch, step.state
            count += sum(alert.state == "firing" and alert.severity == "page" for alert in step.alerts)
        return count
