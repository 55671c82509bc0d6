"""One version of a model with everything that writes what it answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from models.prediction import Model
from streams.cloud_events.writing import CloudEventHeaders
from streams.decide.answering import AnswerWriter
from streams.decide.observing import ObservationWriter, Summariser
from streams.encoding import AnswerEncoder
from streams.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictTopics:
    """Names on the broker."""

    events: str
    predictions: str
    dead_letters: str
    observations: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A batch is answered by one of these as a whole. Without an `answer_writer` no label can be joined."""

    pipeline: Pipeline
    encoder: AnswerEncoder
    observation_writer: ObservationWriter
    answer_writer: AnswerWriter | None

    @property
    def model(self) -> Model:
        return self.pipeline.model


def make_encoder(
    model: Model, topics: PredictTopics, max_message_bytes: int, cloud_events_source: str | None = None
) -> AnswerEncoder:
    """What writes the answers of a version, as CloudEvents where a source is named."""
    return AnswerEncoder(
        model,
        predictions_topic=topics.predictions,
        dead_letters_topic=topics.dead_letters,
        max_message_bytes=max_message_bytes,
        cloud_events=CloudEventHeaders(cloud_events_source, model.name) if cloud_events_source else None,
    )


def make_serving(
    pipeline: Pipeline,
    topics: PredictTopics,
    *,
    summariser: Summariser,
    profile_id: str,
    max_message_bytes: int,
    answer_writer: AnswerWriter | None = None,
    cloud_events_source: str | None = None,
) -> Serving:
    """`summariser` and `profile_id` are of the model's reference profile."""
    encoder = make_encoder(pipeline.model, topics, max_message_bytes, cloud_events_source)
    observation_writer = ObservationWriter(
        pipeline.model,
        summariser=summariser,
        profile_id=profile_id,
        events_topic=topics.events,
        observations_topic=topics.observations,
    )
    return Serving(pipeline, encoder, observation_writer, answer_writer)
