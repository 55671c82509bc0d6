"""Which records lie in which topic, and who writes them. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """Records of one sort in a topic. `payload` and `headers` name schemas; without a payload it is any bytes."""

    name: str
    role: str
    title: str
    sent: bool
    key: str
    payload: str | None
    headers: str | None = None


MESSAGES = (
    Message(
        "event", "events", "An event to answer", False, "What must stay in order; any bytes.", "event", "event-headers"
    ),
    Message("prediction", "predictions", "An answer", True, "The event's.", "prediction", "prediction-headers"),
    Message(
        "deadLetter",
        "dead_letters",
        "The original bytes of an event without an answer",
        True,
        "The event's.",
        None,
        "dead-letter-headers",
    ),
    Message("label", "labels", "What became of an event", False, "The event's id.", "label"),
    Message("alert", "alerts", "A change of an alert's state", True, "`<model>/<signal>`.", "alert"),
    Message(
        "proposal", "control", "A command that somebody wants", False, "`proposal/<setting>/<id>`.", "control-proposal"
    ),
    Message("accepted", "control", "A command that holds", True, "`<setting>`.", "control-accepted"),
    Message("answer", "control", "What became of a proposal", True, "`answer/<id>`.", "control-answer"),
)
