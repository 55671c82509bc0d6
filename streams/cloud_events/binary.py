"""Binary mode (Kafka protocol binding 1.0.2): attributes in headers ``ce_…``, data in the value. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from streams.cloud_events.attributes import ANY_CLOUD_EVENTS, fault_of
from streams.cloud_events.data import event_of
from streams.contracts import Reason
from streams.diagnosis import Finding
from streams.one_line import one_line
from streams.records import Headers

PREFIX = "ce_"
CONTENT_TYPE = "content-type"
MARKS = ("ce_specversion", "ce_id")
"""A record with one of these is meant to be a CloudEvent."""

MOST_BYTES = 4096
"""Of the headers of one CloudEvent: they are carried over to a dead letter, where there must be room for them."""

_LOOKED_AT = ("ce_specversion", "ce_source", "ce_type", CONTENT_TYPE)
_ANY = ANY_CLOUD_EVENTS.encode()
_encode = msgspec.json.Encoder().encode


def own_headers(headers: Headers | None) -> Headers:
    """Those that belong to a CloudEvent, and say how its value is to be read."""
    if not headers or not any(
        name in MARKS or (name == CONTENT_TYPE and (value or b"").startswith(_ANY)) for name, value in headers
    ):
        return []
    return [pair for pair in headers if pair[0].startswith(PREFIX) or pair[0] == CONTENT_TYPE]


def size_of(headers: Headers) -> int:
    """In bytes."""
    return sum([len(name) + len(value or b"") for name, value in headers])


def id_in(headers: Headers | None) -> str | None:
    """The id of a CloudEvent in binary mode; None of another record."""
    found = dict(own_headers(headers)).get("ce_id")
    return found.decode("utf-8", "replace") if found else None


class BinaryEvents:
    """Opens the CloudEvents of one batch: what is the same for many of them is judged once."""

    def __init__(self) -> None:
        self._faults: dict[tuple[bytes | None, ...], Finding | None] = {}

    def opened(self, headers: Headers, own: Mapping[str, bytes | None], value: bytes) -> bytes | Finding:
        """The plain event in a CloudEvent, or why it is not read. `own`: its headers by name."""
        event_id, time = own.get("ce_id") or b"", own.get("ce_time")
        try:
            text = event_id.decode()
        except UnicodeDecodeError:
            return Finding(Reason.ENCODING, "ce_id: not UTF-8")
        common = tuple([own.get(name) for name in _LOOKED_AT])
        if common not in self._faults:
            self._faults[common] = _fault(common)
        if fault := self._faults[common]:
            return fault
        if not text:
            return Finding(Reason.ID_MISSING, "ce_id: missing or empty")
        if size_of(headers) > MOST_BYTES and (size := size_of(own_headers(headers))) > MOST_BYTES:
            return Finding(Reason.TOO_LARGE, f"the CloudEvents headers have {size} bytes, at most {MOST_BYTES}")
        if not value:
            return value
        # Of a time that is no UTF-8 the pipeline says that it is none.
        return event_of(value, text, None if time is None else _encode(time.decode("utf-8", "replace")))


def _fault(common: tuple[bytes | None, ...]) -> Finding | None:
    attributes: dict[str, str] = {"id": "looked at apart"}
    for name, content in zip(_LOOKED_AT, common, strict=True):
        key = "datacontenttype" if name == CONTENT_TYPE else name.removeprefix(PREFIX)
        try:
            attributes[key] = (content or b"").decode()
        except UnicodeDecodeError:
            return Finding(Reason.ENCODING, one_line(f"{name}: not UTF-8"))
    return fault_of(attributes, PREFIX)
