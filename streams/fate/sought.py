"""An event that is looked for by its id, among the bytes of many records. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from streams.cloud_events.binary import id_in
from streams.records import Headers

Match: TypeAlias = Literal["id", "text"]
"""The record has the id; or it cannot be read, and its bytes hold it."""


class _Event(msgspec.Struct):
    id: str


class _Label(msgspec.Struct):
    id: str = msgspec.field(name="event_id")


_DECODERS: dict[str, msgspec.json.Decoder[_Event] | msgspec.json.Decoder[_Label]] = {
    "id": msgspec.json.Decoder(_Event),
    "event_id": msgspec.json.Decoder(_Label),
}


class Sought:
    """`field` is where a record has the id: `id` of an event, `event_id` of a label."""

    def __init__(self, event_id: str, field: Literal["id", "event_id"] = "id") -> None:
        self._event_id, self._bytes = event_id, event_id.encode("utf-8", "surrogatepass")
        self._decode = _DECODERS[field].decode

    def match(self, value: bytes | None, headers: Headers | None = None) -> Match | None:
        """Decodes only what may have the id: its bytes are in there, or an escape that may stand for some of them. A
        CloudEvent in binary mode has it in its `headers`."""
        if value is None:
            return None
        if headers and (own := id_in(headers)) is not None:
            return "id" if own == self._event_id else None
        there = self._bytes in value
        if not there and b"\\" not in value:
            return None
        try:
            found = self._decode(value).id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "text" if there else None
        return "id" if found == self._event_id else None
