"""The records that others write and read, each with its schema and an example. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from drift.alert import Alert
from drift.observation import Observation
from models.schema import InputSchema
from streams.contract_documents import examples
from streams.contract_documents.control import ACCEPTED, PROPOSAL
from streams.contract_documents.headers import DeadLetterHeaders, EventHeaders, PredictionHeaders
from streams.contract_documents.schema import DRAFT, Schema, schema_of
from streams.contracts import Prediction
from streams.control_records import Answer
from streams.decoding import event_type, features_type
from streams.joining.label_events import label_type
from streams.limits import Limits, UnknownFeatures

Direction: TypeAlias = Literal["in", "out"]
"""As Weir sees it: `in` is what others write and it must go on to take, `out` what it writes and others rely on."""

DIRECTION = "x-weir-direction"
"""Where a schema says so."""

Scalar: TypeAlias = str | bool | int | float | None


@dataclass(frozen=True, slots=True)
class RecordContract:
    """`name` is that of the schema, and of its file."""

    name: str
    title: str
    direction: Direction
    schema: Schema
    examples: Sequence[Any] = ()

    @property
    def document(self) -> Schema:
        """The schema as a file of its own."""
        described = {"title": self.title, DIRECTION: self.direction}
        shown = {"examples": list(self.examples)} if self.examples else {}
        return {"$schema": DRAFT, **self.schema, **described, **shown}


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model for which events are described: what it takes."""

    name: str
    schema: InputSchema


def record_contracts(
    model: DescribedModel | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    unknown_features: UnknownFeatures = "ignore",
) -> list[RecordContract]:
    """All of them; of a `model`, events with its features."""
    features = dict[str, Scalar] if model is None else features_type(model.schema, unknown_features)
    event = schema_of(event_type(features, limits.id_length))
    event["description"] = (
        "JSON in UTF-8. `time`: RFC 3339 with an offset, or milliseconds since 1970; absent: the record's timestamp. "
        "`features`: " + ("those of the model that answers." if model is None else f"those of the model {model.name}.")
    )
    label = schema_of(label_type(limits.id_length))
    label["description"] = "What became of the event with this id. The first label of an event holds."
    shown = examples.event(None if model is None else model.schema)
    return [
        RecordContract("event", "Event" if model is None else f"Event for {model.name}", "in", event, [shown]),
        RecordContract("event-headers", "Headers of an event", "in", schema_of(EventHeaders), [examples.EVENT_HEADERS]),
        RecordContract("prediction", "Prediction", "out", schema_of(Prediction), [examples.PREDICTION]),
        RecordContract(
            "prediction-headers",
            "Headers of a prediction",
            "out",
            schema_of(PredictionHeaders),
            [examples.PREDICTION_HEADERS],
        ),
        RecordContract(
            "dead-letter-headers",
            "Headers of a dead letter",
            "out",
            schema_of(DeadLetterHeaders),
            [examples.DEAD_LETTER_HEADERS],
        ),
        RecordContract("label", "Label", "in", label, [examples.LABEL]),
        RecordContract("alert", "Alert", "out", schema_of(Alert), [examples.ALERT]),
        RecordContract("observation", "Observation (internal)", "in", schema_of(Observation), [examples.OBSERVATION]),
        RecordContract("control-proposal", "Proposal of a command", "in", PROPOSAL, [examples.PROPOSAL]),
        RecordContract("control-accepted", "Accepted command", "out", ACCEPTED, [examples.ACCEPTED]),
        RecordContract("control-answer", "Answer to a proposal", "out", schema_of(Answer), [examples.ANSWER]),
    ]
