"""An event that is looked for by its id, among the bytes of many records. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Match: TypeAlias = Literal["id", "text"]
"""The record has the id; or it cannot be read, and its bytes hold it."""


class Sought:
    """`field` is where a record has the id: `id` of an event, `event_id` of a label."""

    def __init__(self, event_id: str, field: str = "id") -> None:
        self._event_id, self._bytes = event_id, event_id.encode("utf-8", "surrogatepass")
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Identified", [(field, str)])).decode
        self._field = field

    def match(self, value: bytes | None) -> Match | None:
        """Decodes only what may have the id: its bytes are in there, or an escape that may stand for some of them."""
        if not value:
            return None
        there = self._bytes in value
        if not there and b"\\" not in value:
            return None
        try:
            found = getattr(self._decode(value), self._field)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "text" if there else None
        return "id" if found == self._event_id else None
