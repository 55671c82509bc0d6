"""The attributes of a CloudEvent (CloudEvents 1.0.2) that Weir reads and writes, and the rules for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from streams.contracts import Reason
from streams.diagnosis import Finding
from streams.one_line import one_line

SPEC_VERSION = "1.0"
STRUCTURED = "application/cloudevents+json"
ANY_CLOUD_EVENTS = "application/cloudevents"
"""How the media types of all structured and batched forms begin."""

REQUIRED = ("specversion", "id", "source", "type")

LONGEST_TYPE = 256
"""Characters of a media type that are looked at."""


def media_type(text: str) -> str:
    """Without parameters, in small letters."""
    return text[:LONGEST_TYPE].partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type says that the data is JSON (RFC 6839 for the suffix)."""
    return kind in {"", "application/json", "text/json"} or kind.endswith("+json")


def fault_of(attributes: Mapping[str, str], prefix: str = "") -> Finding | None:
    """The first broken rule; of `time` and the data the pipeline says what is wrong. `prefix`: of the names where they
    are headers."""
    version = attributes.get("specversion", "")
    if version != SPEC_VERSION:
        said = repr(version) if version else "missing"
        return _unread(f"{prefix}specversion: {said}; CloudEvents {SPEC_VERSION} is read")
    if not attributes.get("id"):
        return Finding(Reason.ID_MISSING, f"{prefix}id: missing, empty, or no text")
    for name in ("source", "type"):
        if not attributes.get(name):
            return _unread(f"{prefix}{name}: missing; a CloudEvent has {', '.join(REQUIRED)}")
    kind = media_type(attributes.get("datacontenttype", ""))
    if not is_json(kind):
        name = "content-type" if prefix else "datacontenttype"
        return _unread(f"{name}: {kind!r}; the data of an event is application/json")
    return None


def _unread(error: str) -> Finding:
    """An envelope that is not opened, as bytes for a schema registry are not."""
    return Finding(Reason.FRAMED, one_line(error))
