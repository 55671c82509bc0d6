"""What takes of a `weir replay`: files, side topics, a comparison, the detectors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import msgspec

from drift.profile import decode_profile
from streams.backfill.answers import AnswerFormat
from streams.cli.replay_asked import Asked
from streams.cli.replay_options import ReplayArguments
from streams.decide.serving import PredictTopics
from streams.detectors import detector_factories
from streams.kafka.client import ClientConfig
from streams.kafka.range_reading import RangeReader
from streams.kafka.side_topics import SideTopics
from streams.kafka.topic_plan import default_plan
from streams.records import RecordBatch
from streams.replay.comparing import Comparison
from streams.replay.files import ReplayFiles
from streams.replay.published import Published
from streams.replay.ranges import Extent, RangeError
from streams.replay.version import model_of
from streams.replay.watching import DriftWatching
from streams.roles import drift_settings
from streams.settings import Settings
from streams.switch import LoadedVersion

SKEW_MS = 300_000
"""How far the clocks of those who write events may be ahead of the workers': answers are looked for from so long before
the first event on."""


class Takers:
    """Opens each where it is asked for. `begins` is to be called with the first batch, before anything takes of it."""

    def __init__(
        self,
        arguments: ReplayArguments,
        settings: Settings,
        config: ClientConfig,
        opened: ExitStack,
        loaded: LoadedVersion,
        topics: PredictTopics,
        partitions: int,
    ) -> None:
        self._arguments, self._settings, self._config = arguments, settings, config
        self._opened, self._loaded, self._topics, self._partitions = opened, loaded, topics, partitions
        self._looking: list[RangeReader] = []
        self._looked_in: list[int] = []

    def files(self, form: AnswerFormat) -> ReplayFiles:
        output = self._arguments.output
        assert output is not None
        files = ReplayFiles(
            output,
            self._arguments.rejected_rows,
            form,
            model_of(self._loaded).manifest,
            self._topics.predictions,
            self._topics.dead_letters,
            overwrite=self._arguments.overwrite,
        )
        return self._opened.enter_context(files)

    def side_topics(self) -> SideTopics | None:
        prefix = self._arguments.to_topic
        if prefix is None:
            return None
        named = msgspec.structs.replace(
            self._settings.topics,
            prefix="",
            predictions=self._topics.predictions,
            dead_letters=self._topics.dead_letters,
        )
        plans = [
            plan
            for plan in default_plan(named, partitions=self._partitions)
            if plan.role in ("predictions", "dead_letters")
        ]
        production = self._settings.topics.names.values()
        return self._opened.enter_context(SideTopics(self._config, plans, production, f"{prefix}events"))

    def comparison(self, asked: Asked, found: Sequence[Extent]) -> Comparison:
        names = self._settings.topics
        readers = [
            self._opened.enter_context(RangeReader(self._config, names.name(role)))
            for role in ("predictions", "dead_letters")
        ]
        partitions = {each.partition for each in found}
        for reader in readers:
            if not partitions <= reader.held.keys():
                raise RangeError(
                    f"{reader.topic!r} has fewer partitions than {asked.topic!r}: answers are looked for in the "
                    "partition of their event; fix: `weir topics check`"
                )

        self._looking, self._looked_in = readers, sorted(partitions)
        predictions, dead_letters = (reader.records for reader in readers)
        speaks_for_all = asked.model.speaks_for_all
        published = Published(asked.topic, asked.model.name, predictions, dead_letters, speaks_for_all=speaks_for_all)
        return Comparison(published.at, self._topics.predictions, self._topics.dead_letters, self._arguments.tolerance)

    def drift(self) -> DriftWatching:
        model = model_of(self._loaded)
        return DriftWatching(
            model.name,
            model.version,
            decode_profile(model.reference),
            drift_settings(self._settings),
            self._partitions,
            detector_factories(self._settings),
            self._topics.observations,
        )

    def begins(self, batch: RecordBatch) -> None:
        """Published answers are looked for from the time of the first event on, and somewhat before."""
        since = max(0, batch.timestamps[0] - SKEW_MS)
        for reader in self._looking:
            firsts = reader.offsets_at(since)
            reader.assign([Extent(each, firsts[each], reader.held[each].end) for each in self._looked_in])
