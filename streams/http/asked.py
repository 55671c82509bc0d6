"""The body of `POST /predict`: which of its three forms it has, and the events in it. Pure.

One event, also as a structured CloudEvent; ``{"events": [event, …]}``; or ``{"input": [value, …]}``, the features in
the schema's order. What is none of them goes to the pipeline as one event, which names the reason as it does for a
record on Kafka.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

INPUT_ID = "input"
"""The id of the event that an input becomes."""


class Form(Enum):
    """What was asked in, and so what is answered in."""

    EVENT = "event"
    EVENTS = "events"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Asked:
    """The values to answer, each as a record on Kafka would have it."""

    form: Form
    values: list[bytes]


class BadRequest(Exception):
    """The body cannot be answered as a whole. `status` is HTTP's; the text is for the caller."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class _Body(msgspec.Struct):
    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    input: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_body = msgspec.json.Decoder(_Body).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def asked(body: bytes, names: Sequence[str], max_rows: int) -> Asked:
    """The events of a body. `names`: the model's features, in order. Raises BadRequest."""
    try:
        found = _body(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Asked(Form.EVENT, [body])
    if found.features is not msgspec.UNSET or found.specversion is not msgspec.UNSET:
        return Asked(Form.EVENT, [body])
    if found.events is not msgspec.UNSET:
        events = _items(found.events, "events")
        if len(events) > max_rows:
            raise BadRequest(413, f"{len(events)} events; at most {max_rows} in one request")
        return Asked(Form.EVENTS, [bytes(event) for event in events])
    if found.input is not msgspec.UNSET:
        values = _items(found.input, "input")
        if len(values) != len(names):
            raise BadRequest(
                400, f"input has {len(values)} values; the model takes {len(names)}, in its schema's order"
            )
        return Asked(Form.INPUT, [event_of(INPUT_ID, dict(zip(names, values, strict=True)))])
    return Asked(Form.EVENT, [body])


def event_of(event_id: str, features: dict[str, msgspec.Raw]) -> bytes:
    """An event of JSON values."""
    return msgspec.json.encode({"id": event_id, "features": features})


def _items(raw: msgspec.Raw, name: str) -> list[msgspec.Raw]:
    try:
        return _list(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadRequest(400, f"{name} is no list") from None
