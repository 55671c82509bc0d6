"""Which records of a batch are CloudEvents, and the plain events that they become before they are decoded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streams.cloud_events import structured
from streams.cloud_events.attributes import ANY_CLOUD_EVENTS, STRUCTURED, media_type
from streams.cloud_events.binary import CONTENT_TYPE, BinaryEvents
from streams.contracts import Reason
from streams.diagnosis import Finding
from streams.one_line import one_line
from streams.records import Headers, RecordBatch

_ANY = ANY_CLOUD_EVENTS.encode()


@dataclass(frozen=True, slots=True)
class Opened:
    """`values` with plain events in the place of CloudEvents; `refused`: rows whose envelope is not read, and why."""

    values: list[bytes | None]
    refused: dict[int, Finding] = field(default_factory=dict)


def opened_by_headers(batch: RecordBatch) -> Opened | None:
    """None, as nearly always: no header says that a record is a CloudEvent."""
    if not batch.has_headers:
        return None
    found: dict[int, bytes | Finding] = {}
    binary = BinaryEvents()
    for row, headers in enumerate(batch.headers):
        value = batch.values[row]
        if headers and value is not None:
            event = _opened(binary, headers, value)
            if event is not None:
                found[row] = event
    return _with(batch.values, found) if found else None


def opened_by_content(values: Sequence[bytes | None], rows: Iterable[int]) -> Opened | None:
    """Looks at `rows`, which the decoder refused, for structured CloudEvents that no header told of; None: none is."""
    found: dict[int, bytes | Finding] = {}
    for row in rows:
        value = values[row]
        if value is not None and structured.may_be_structured(value):
            event = structured.opened(value)
            if event is not value:
                found[row] = event
    return _with(values, found) if found else None


def _opened(binary: BinaryEvents, headers: Headers, value: bytes) -> bytes | Finding | None:
    """None of what is no CloudEvent."""
    own = dict(headers)
    declared = own.get(CONTENT_TYPE)
    if declared and declared.startswith(_ANY):
        kind = media_type(declared.decode("utf-8", "replace"))
        if kind == STRUCTURED:
            return structured.opened(value, declared=True)
        return Finding(Reason.FRAMED, one_line(f"content-type: {kind!r}; {STRUCTURED} is read"))
    return binary.opened(headers, own, value) if "ce_specversion" in own or "ce_id" in own else None


def _with(values: Sequence[bytes | None], found: dict[int, bytes | Finding]) -> Opened:
    opened = Opened(list(values))
    for row, event in found.items():
        if isinstance(event, Finding):
            opened.refused[row] = event
        else:
            opened.values[row] = event
    return opened
