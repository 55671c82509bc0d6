"""The event that the data of a CloudEvent becomes under the id and time of its envelope. Pure."""

from __future__ import annotations

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def event_of(data: bytes, event_id: str, time: bytes | None) -> bytes:
    """The bytes of an event with what the data has; `event_id` and `time` (JSON) stand in for those that it may have.
    Data that is no object comes back as it is: the pipeline says what is wrong with it."""
    try:
        fields = _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return data
    envelope = {"id"} if time is None else {"id", "time"}
    head = b'{"id":' + _encode(event_id) + (b"" if time is None else b',"time":' + time)
    if envelope.isdisjoint(fields):
        # As it was written, so that whatever is wrong with it stays.
        rest = data.strip()[1:].lstrip()
        return head + (b"," if fields else b"") + rest
    kept = (b"," + _encode(name) + b":" + bytes(value) for name, value in fields.items() if name not in envelope)
    return head + b"".join(kept) + b"}"
