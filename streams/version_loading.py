"""A version of a model with everything that answers by it: its ladder, its reference, what writes the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import structlog
from numpy.typing import NDArray

from drift.profile import NumberReference, ReferenceProfile, decode_profile
from drift.summary import Summariser
from models.errors import ModelError
from models.isolated import Loss
from models.loaded import LoadedModel
from models.prediction import Model
from streams.challenger_thread import LoadedChallenger
from streams.decide.answering import AnswerWriter
from streams.decide.examples import FeatureWriter
from streams.decide.serving import PredictTopics, make_encoder, make_serving
from streams.encoding import AnswerEncoder
from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.ladder.breaker import Breaker, State
from streams.ladder.building import can_stand_in, make_ladder
from streams.ladder.ladder import Ladder
from streams.pipeline import Pipeline
from streams.roles import drift_settings, limits_of
from streams.served_model import ModelSource
from streams.settings import Settings
from streams.switch import LoadedVersion

log = structlog.get_logger("streams.version_loading")


class VersionLoading:
    """Loads versions, each with the one before it beside where its manifest asks for that."""

    def __init__(
        self,
        settings: Settings,
        source: ModelSource,
        topics: PredictTopics,
        on_breaker: Callable[[State, str], None],
        joins: str,
        join_partitions: int,
        feature_writer: FeatureWriter | None = None,
    ) -> None:
        """Without `join_partitions` answers are not told to the label join. `feature_writer` tells a learner."""
        self._settings, self._source, self._topics, self._on_breaker = settings, source, topics, on_breaker
        self._joins, self._join_partitions = joins, join_partitions
        self._feature_writer = feature_writer

    def load(self, version: str, previous: str | None) -> LoadedVersion:
        """Raises ModelError, ProfileError. To be called on a thread that lives as long as the version is asked."""
        return self.complete(*self._source.load(version), previous)

    def complete(self, model: LoadedModel, close: Callable[[], None], previous: str | None = None) -> LoadedVersion:
        """A loaded model as a version that answers. Raises ProfileError, having closed it."""
        with ExitStack() as opened:
            opened.callback(close)
            profile = decode_profile(model.reference)
            pipeline = Pipeline(
                model,
                limits_of(self._settings),
                self._settings.model.unknown_features,
                clock=time.perf_counter,
                answer=self._ladder(model, previous, opened) if model.manifest.fallback else None,
            )
            writer = AnswerWriter(
                model,
                joins_topic=self._joins,
                partitions=self._join_partitions,
                feature_writer=self._features_of(model),
            )
            serving = make_serving(
                pipeline,
                self._topics,
                summariser=Summariser(profile, drift_settings(self._settings).slice_ms),
                profile_id=profile.id,
                max_message_bytes=MAX_MESSAGE_BYTES,
                answer_writer=writer if self._join_partitions else None,
                cloud_events_source=self._settings.worker.cloudevents_source,
            )
            return LoadedVersion(serving, opened.pop_all().close, previous, model.manifest.fallback.previous)

    def _features_of(self, model: LoadedModel) -> FeatureWriter | None:
        writer = self._feature_writer
        if writer is None or writer.fits(model.schema, model.preparation.keyed):
            return writer
        log.warning("the learner is told nothing: it takes other features", version=model.version)
        return None

    def challenger(self, version: str, champion: Model) -> LoadedChallenger:
        """A version that is to challenge the one that answers. Raises ModelError, also where the two cannot be
        compared, and ProfileError. To be called on a thread that lives as long as the version is asked."""
        assert isinstance(champion, LoadedModel)
        with ExitStack() as opened:
            model, close = self._source.load(version, on_loss=_told_by_the_breaker)
            opened.callback(close)
            if not can_stand_in(model.manifest, champion.manifest):
                raise ModelError(
                    f"version {version} cannot challenge {champion.version}: "
                    "it takes other features, or gives other labels",
                    where=f"model {model.name}",
                    cause="it was added with another schema, task, or other classes",
                    fix="add a version with the same ones, or promote this one without a comparison",
                )
            return LoadedChallenger(model, _output_edges(decode_profile(model.reference)), opened.pop_all().close)

    def encoder(self, model: Model) -> AnswerEncoder:
        """What writes the answers of a challenger."""
        return make_encoder(model, self._topics, MAX_MESSAGE_BYTES, self._settings.worker.cloudevents_source)

    def _ladder(self, model: LoadedModel, previous: str | None, opened: ExitStack) -> Ladder:
        before = None
        if model.manifest.fallback.previous and previous is not None:
            before = self._before(model, previous, opened)
        return make_ladder(
            model,
            model.manifest,
            previous=before,
            clock=time.perf_counter,
            breaker=Breaker(self._on_breaker),
        )

    def _before(self, model: LoadedModel, version: str, opened: ExitStack) -> LoadedModel | None:
        """The version before, if it can be loaded and stand in; a version that cannot does not keep the other back."""
        why = "it takes other features, or gives other labels"
        try:
            previous, close = self._source.load(version)
        except (ModelError, OSError) as error:
            why = str(error)
        else:
            if can_stand_in(previous.manifest, model.manifest):
                opened.callback(close)
                return previous
            close()
        log.warning("no previous version to fall back on", version=model.version, previous=version, why=why)
        return None


def _output_edges(profile: ReferenceProfile) -> NDArray[np.float64]:
    """Of the bins of a version's first output, a score or a number."""
    outputs = (each for each in profile.signals if each.role == "output" and isinstance(each, NumberReference))
    return np.array(next((own.edges for own in outputs), ()), dtype=np.float64)


def _told_by_the_breaker(_loss: Loss) -> None:
    """A challenger that loses its process fails, which its breaker tells; no answer depends on it."""
