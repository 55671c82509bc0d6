"""The headers of events and dead letters as types, for their schemas. Values are UTF-8 text. Pure."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec

from streams.contracts import (
    DOOR_HEADER,
    HEADER_ATTEMPT,
    HEADER_DEAD_LETTER,
    HEADER_ERROR,
    HEADER_MODEL,
    HEADER_REASON,
    HEADER_SOURCE,
    HEADER_STAGE,
    HEADER_TRACEPARENT,
    Reason,
    Stage,
)
from streams.one_line import LONGEST

PlaceText: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+/[0-9]+/[0-9]+$")]
Attempt: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]*$")]
Text: TypeAlias = str | msgspec.UnsetType


def _header(name: str) -> Any:
    """Of a header that may be absent."""
    return msgspec.field(name=name, default=msgspec.UNSET)


class EventHeaders(msgspec.Struct, frozen=True):
    """All optional. `weir-model`: only this model is asked. With `ce_` headers the event is a CloudEvent in binary
    mode, with a `content-type` of application/cloudevents+json one in structured mode."""

    traceparent: Text = _header(HEADER_TRACEPARENT)
    model: Text = _header(HEADER_MODEL)
    door: Text = _header(DOOR_HEADER)
    attempt: Attempt | msgspec.UnsetType = _header(HEADER_ATTEMPT)
    dead_letter: PlaceText | msgspec.UnsetType = _header(HEADER_DEAD_LETTER)
    content_type: Text = _header("content-type")
    ce_specversion: Text = msgspec.UNSET
    ce_id: Text = msgspec.UNSET
    ce_source: Text = msgspec.UNSET
    ce_type: Text = msgspec.UNSET
    ce_time: Text = msgspec.UNSET


class PredictionHeaders(msgspec.Struct, frozen=True):
    """`traceparent` is the event's. The others are there with `worker.cloudevents_source`: the prediction is a
    CloudEvent in binary mode."""

    traceparent: Text = _header(HEADER_TRACEPARENT)
    content_type: Text = _header("content-type")
    ce_specversion: Text = msgspec.UNSET
    ce_id: Text = msgspec.UNSET
    ce_source: Text = msgspec.UNSET
    ce_type: Text = msgspec.UNSET
    ce_time: Text = msgspec.UNSET


class DeadLetterHeaders(msgspec.Struct, frozen=True):
    """Why an event has no answer. The value is the event's, byte for byte; so are `traceparent` and the headers of a
    CloudEvent, where the event had some."""

    stage: Stage = msgspec.field(name=HEADER_STAGE)
    reason: Reason = msgspec.field(name=HEADER_REASON)
    error: Annotated[str, msgspec.Meta(max_length=LONGEST)] = msgspec.field(name=HEADER_ERROR)
    source: PlaceText = msgspec.field(name=HEADER_SOURCE)
    attempt: Attempt = msgspec.field(name=HEADER_ATTEMPT)
    model: str = msgspec.field(name=HEADER_MODEL)
    traceparent: Text = _header(HEADER_TRACEPARENT)
