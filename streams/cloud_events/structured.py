"""Structured mode: attributes and data in one JSON object (CloudEvents JSON format 1.0.2). Pure."""

from __future__ import annotations

import base64
import binascii

import msgspec

from streams.cloud_events.attributes import fault_of
from streams.cloud_events.data import event_of
from streams.contracts import Reason
from streams.diagnosis import Finding

MARK = b'"specversion"'


class _Envelope(msgspec.Struct):
    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    source: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    time: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    datacontenttype: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    features: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(_Envelope).decode
_text = msgspec.json.Decoder(str).decode


def may_be_structured(value: bytes | None) -> bool:
    """Whether a value without headers that say so is worth a closer look."""
    return value is not None and MARK in value


def opened(value: bytes, *, declared: bool = False) -> bytes | Finding:
    """The plain event in a structured CloudEvent, or why it is not read. What is none comes back as it is, unless a
    content type `declared` that it is one."""
    try:
        envelope = _decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return value  # the pipeline says what is wrong with it
    if not declared and (envelope.specversion is msgspec.UNSET or envelope.features is not msgspec.UNSET):
        return value
    attributes = {
        name: text
        for name in ("specversion", "id", "source", "type", "datacontenttype")
        if (text := _string(getattr(envelope, name))) is not None
    }
    if fault := fault_of(attributes):
        return fault
    data = _data(envelope)
    if isinstance(data, Finding):
        return data
    return event_of(data, attributes["id"], _present(envelope.time))


def _data(envelope: _Envelope) -> bytes | Finding:
    if envelope.data_base64 is msgspec.UNSET:
        return _present(envelope.data) or b"{}"
    encoded = _string(envelope.data_base64)
    try:
        return base64.b64decode((encoded or "").encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return Finding(Reason.ENCODING, "data_base64: not base64")


def _present(raw: msgspec.Raw | msgspec.UnsetType) -> bytes | None:
    """As JSON. An attribute that is null is absent."""
    if raw is msgspec.UNSET or bytes(raw) == b"null":
        return None
    return bytes(raw)


def _string(raw: msgspec.Raw | msgspec.UnsetType) -> str | None:
    try:
        return None if raw is msgspec.UNSET else _text(raw)
    except (msgspec.MsgspecError, ValueError):
        return None
