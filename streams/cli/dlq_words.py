"""Dead letters in words, for a terminal and as JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from drift.alert import rfc3339
from streams.dead_letters.advice import ADVICE
from streams.dead_letters.groups import Group
from streams.dead_letters.letter import DeadLetter, Place
from streams.telemetry.escape import printable

SHOWN_CHARACTERS = 2_000
SHOWN_NAME = 64


def short(place: Place) -> str:
    """``PARTITION:OFFSET``, as `weir dlq show` takes it."""
    return f"{place.partition}:{place.offset}"


def group_fields(group: Group) -> dict[str, Any]:
    return {
        "reason": group.reason,
        "field": group.field,
        "model": group.model,
        "count": group.count,
        "redriven": group.redriven,
        "first": rfc3339(group.first_ms),
        "last": rfc3339(group.last_ms),
        "example": {"dead_letter": short(group.latest), "event_id": group.event_id},
    }


def group_lines(groups: Iterable[Group]) -> Iterator[str]:
    """Two a group, for a terminal of any width."""
    for group in groups:
        field = f"  field {_name(group.field)}" if group.field else ""
        model = f"  model {_name(group.model)}" if group.model else ""
        yield f"{group.count:>9,}  {group.reason}{field}{model}"
        example = f"example {short(group.latest)}" + (f" id {_name(group.event_id)}" if group.event_id else "")
        again = f", {group.redriven:,} sent in again" if group.redriven else ""
        yield f"{'':>9}  {rfc3339(group.first_ms)} to {rfc3339(group.last_ms)}, {example}{again}"


def letter_fields(letter: DeadLetter, *, redriven: bool) -> dict[str, Any]:
    """`value` is None where the bytes are no UTF-8; `value_base64` are all of them."""
    advice = ADVICE[letter.reason]
    return {
        "dead_letter": short(letter.place),
        "topic": letter.place.topic,
        "time": rfc3339(letter.timestamp_ms),
        "reason": letter.reason,
        "stage": letter.stage,
        "means": f"the event {advice.means}",
        "error": letter.error,
        "field": letter.field,
        "fix": advice.fix,
        "model": letter.model,
        "source": str(letter.source),
        "event_id": letter.event_id,
        "attempt": letter.attempt,
        "redriven": redriven,
        "headers": [{"name": name, "value": _lenient(value)} for name, value in letter.headers],
        "key": None if letter.key is None else _lenient(letter.key),
        "value": _exact(letter.value),
        "value_bytes": len(letter.value),
        "value_base64": base64.b64encode(letter.value).decode(),
    }


def letter_lines(letter: DeadLetter, *, redriven: bool) -> list[str]:
    """For a terminal: what comes from outside is escaped and cut."""
    advice = ADVICE[letter.reason]
    lines = [
        ("dead letter", f"{short(letter.place)} of {letter.place.topic}, {rfc3339(letter.timestamp_ms)}"),
        ("reason", f"{letter.reason} ({letter.stage}): the event {advice.means}"),
        ("error", letter.error),
        ("field", letter.field),
        ("model", letter.model),
        ("event", f"{letter.source}, attempt {letter.attempt}"),
        ("id", letter.event_id),
        ("sent again", "yes" if redriven else "no"),
        ("do", advice.fix),
        ("more", "docs/reference/reasons.md"),
        ("key", None if letter.key is None else _shown(letter.key)),
        *((f"header {printable(name, limit=SHOWN_NAME)}", _shown(value)) for name, value in letter.headers),
        ("value", f"{len(letter.value):,} bytes"),
    ]
    told = [f"{name:<12} {printable(text, limit=SHOWN_CHARACTERS)}" for name, text in lines if text]
    # Last, so that its lines cannot pass for any of the others.
    return [*told, _shown(letter.value, keep="\n")] if letter.value else told


def tally(counts: Sequence[tuple[int, str]]) -> str:
    """``3 of this, 2 of that``, without what is none."""
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)


def _shown(data: bytes | None, keep: str = "") -> str:
    """As text; what is no UTF-8 as an escape of its bytes."""
    return printable(_lenient((data or b"")[: 4 * SHOWN_CHARACTERS]), limit=SHOWN_CHARACTERS, keep=keep)


def _name(text: str) -> str:
    return printable(text, limit=SHOWN_NAME)


def _lenient(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "backslashreplace")


def _exact(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
