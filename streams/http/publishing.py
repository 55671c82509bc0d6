"""Which events of a request are published beside the answer, and under which ids.

Those that were answered: one that was refused was told so, and would be a dead letter that nobody waits for.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from streams.http.answers import HttpPrediction, Said
from streams.http.problems import Refusal

HEADER_PUBLISH = "weir-publish"
HEADER_EVENT_ID = "weir-event-id"
_WORDS = {"true": True, "false": False}


class AnsweredEvent(NamedTuple):
    """A record of `events`: its key, which is the event's id, and its value."""

    key: bytes
    value: bytes


Offer: TypeAlias = Callable[[str, Sequence[AnsweredEvent], int], None]
"""Takes events that a model of this name answered, and the time at which they came (ms). Never waits, never raises."""


class _Event(msgspec.Struct):
    features: msgspec.Raw


_event = msgspec.json.Decoder(_Event).decode


class Publishing:
    """For the event loop. Without `offer` nothing is published."""

    def __init__(
        self, offer: Offer | None = None, new_id: Callable[[], str] = lambda: secrets.token_urlsafe(12)
    ) -> None:
        self._offer, self._new_id = offer, new_id

    def wanted(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers is to be published. Raises Refusal (400) for another word than true and
        false: who wants to be left out must not be mistaken."""
        said = headers.get(HEADER_PUBLISH, "true").strip().lower()
        if self._offer is None:
            return False
        if said not in _WORDS:
            raise Refusal(400, f"the header {HEADER_PUBLISH} is true or false")
        return _WORDS[said]

    def events(self, model: str, values: Sequence[bytes], said: Sequence[Said], at_ms: int) -> None:
        """Publish events as they came, under the ids that they have."""
        answered = [
            AnsweredEvent(each.event_id.encode(), value)
            for value, each in zip(values, said, strict=True)
            if isinstance(each, HttpPrediction)
        ]
        self._give(model, answered, at_ms)

    def rows(self, model: str, values: Sequence[bytes], said: Sequence[Said], at_ms: int) -> Mapping[str, str]:
        """Publish events made of rows that had no ids: under ``<new id>-<row>``. The header that tells the new one."""
        new = self._new_id()
        answered = []
        for row, (value, each) in enumerate(zip(values, said, strict=True)):
            if isinstance(each, HttpPrediction):
                event_id = f"{new}-{row}"
                named = msgspec.json.encode({"id": event_id, "features": _event(value).features})
                answered.append(AnsweredEvent(event_id.encode(), named))
        self._give(model, answered, at_ms)
        return {HEADER_EVENT_ID: new}

    def _give(self, model: str, answered: Sequence[AnsweredEvent], at_ms: int) -> None:
        if answered and self._offer is not None:
            self._offer(model, answered, at_ms)
