"""What somebody asks for on the page, as a command for the controller."""

from __future__ import annotations

from typing import Annotated, NamedTuple, TypeAlias

import msgspec

from drift.command import Acknowledge, Name, Note, Rebaseline, Silence
from streams.control_records import Command, Revision
from streams.serving_commands import POLICY, Rollback

MOST_MINUTES = 7 * 24 * 60


class OrderInvalid(ValueError):
    """What was asked for is no order; the text says why."""


class AcknowledgeOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="acknowledge"):
    """Look after this alert of a signal."""

    model: Name
    signal: Name
    alert_id: Name
    author: Name
    reason: Note = ""


class SilenceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="silence"):
    """Call nobody for so many minutes, about a signal or any of the model; 0 ends a silence."""

    model: Name
    minutes: Annotated[int, msgspec.Meta(ge=0, le=MOST_MINUTES)]
    author: Name
    signal: Name | None = None
    reason: Note = ""


class RebaselineOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="rebaseline"):
    """Compare with the level of now."""

    model: Name
    signal: Name
    author: Name
    expected_revision: Revision
    reason: Note = ""


class RollbackOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", tag="rollback"):
    """Let the version answer that did before."""

    model: Name
    author: Name
    expected_revision: Revision
    reason: Note = ""


Order: TypeAlias = AcknowledgeOrder | SilenceOrder | RebaselineOrder | RollbackOrder
_decode = msgspec.json.Decoder(Order).decode


class Ordered(NamedTuple):
    """A command, the model that it is about, and the revision that was confirmed: nothing is done on another one. None
    where none matters."""

    model: str
    command: Command
    expected_revision: int | None = None


def decode_order(body: bytes, now_ms: int, author: str | None = None) -> Ordered:
    """`author`: who it is known to be, whatever the body says. Raises OrderInvalid."""
    try:
        order = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise OrderInvalid(f"no order: {error}") from error
    by = author or order.author
    if by == POLICY:
        raise OrderInvalid(f"{POLICY} is the drift worker, where a challenge is decided; say who decides")
    return Ordered(order.model, _command(order, by, now_ms), getattr(order, "expected_revision", None))


def _command(order: Order, author: str, now_ms: int) -> Command:
    match order:
        case AcknowledgeOrder():
            return Acknowledge(author, order.signal, order.alert_id, order.reason)
        case SilenceOrder():
            until = now_ms + order.minutes * 60_000 if order.minutes else 0
            return Silence(author, until, order.signal, order.reason)
        case RebaselineOrder():
            return Rebaseline(author, (order.signal,), reason=order.reason)
        case RollbackOrder():
            return Rollback(author, order.reason)
