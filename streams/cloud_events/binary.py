"""Binary mode (Kafka protocol binding 1.0.2): attributes in headers ``ce_…``, data in the value. Pure."""

from __future__ import annotations

import msgspec

from streams.cloud_events.attributes import ANY_CLOUD_EVENTS, fault_of
from streams.cloud_events.data import event_of
from streams.contracts import Reason
from streams.diagnosis import Finding
from streams.one_line import one_line
from streams.records import Headers

PREFIX = "ce_"
CONTENT_TYPE = "content-type"
MARKS = frozenset({"ce_specversion", "ce_id"})
"""A record with one of these is meant to be a CloudEvent."""

MOST_BYTES = 4096
"""Of the headers of one CloudEvent: they are carried over to a dead letter, where there must be room for them."""

_encode = msgspec.json.Encoder().encode


def own_headers(headers: Headers | None) -> Headers:
    """Those that belong to a CloudEvent, and say how its value is to be read."""
    if not headers or not any(map(_marks, headers)):
        return []
    return [pair for pair in headers if pair[0].startswith(PREFIX) or pair[0].lower() == CONTENT_TYPE]


def _marks(header: tuple[str, bytes | None]) -> bool:
    name, value = header
    return name in MARKS or (name.lower() == CONTENT_TYPE and (value or b"").startswith(ANY_CLOUD_EVENTS.encode()))


def size_of(headers: Headers) -> int:
    """In bytes."""
    return sum(len(name) + len(value or b"") for name, value in headers)


def id_in(headers: Headers | None) -> str | None:
    """The id of a CloudEvent in binary mode; None of another record."""
    found = dict(own_headers(headers)).get("ce_id")
    return found.decode("utf-8", "replace") if found else None


def opened(own: Headers, value: bytes) -> bytes | Finding:
    """The plain event in a CloudEvent with these headers of its `own`, or why it is not read."""
    if (size := size_of(own)) > MOST_BYTES:
        return Finding(Reason.TOO_LARGE, f"the CloudEvents headers have {size} bytes, at most {MOST_BYTES}")
    attributes: dict[str, str] = {}
    for name, content in own:
        key = "datacontenttype" if name.lower() == CONTENT_TYPE else name.removeprefix(PREFIX)
        try:
            attributes[key] = (content or b"").decode()
        except UnicodeDecodeError:
            return Finding(Reason.ENCODING, one_line(f"the header {name}: not UTF-8"))
    if fault := fault_of(attributes, PREFIX):
        return fault
    if not value:
        return value
    time = attributes.get("time")
    return event_of(value, attributes["id"], None if time is None else _encode(time))
