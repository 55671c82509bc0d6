"""Where the records of a replay are: by offsets, by time, or as an alert names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.kafka.client import ClientConfig
from streams.kafka.range_reading import RangeReader
from streams.kafka.reading import TopicReader
from streams.replay.ranges import AskedRange, RangeError

_decode_change = msgspec.json.Decoder(dict[str, Any]).decode


def find_alert(client_config: ClientConfig, topic: str, wanted: str) -> Mapping[str, Any]:
    """The last change of the alert of this id or key that tells what drifted, not its end. Raises RangeError where
    there is none, BrokerUnreachable, TopicMissing, NotAllowed."""
    found: Mapping[str, Any] | None = None
    with TopicReader(client_config, topic) as reader:
        for record in reader.to_end():
            try:
                change = _decode_change(record.value or b"")
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue
            if wanted not in (change.get("alert_id"), change.get("dedupe_key")):
                continue
            if found is None or change.get("state") != "resolved" or change.get("alert_id") != found.get("alert_id"):
                found = change
    if found is None:
        raise RangeError(f"there is no alert {wanted} in {topic!r}; `weir alerts --json` tells those that there are")
    return found


def ranges_in_time(reader: RangeReader, since_ms: int | None, until_ms: int | None) -> Sequence[AskedRange]:
    """By the records' own times, of every partition: from `since_ms` on, before `until_ms`. Raises RangeError,
    BrokerUnreachable."""
    if since_ms is not None and until_ms is not None and until_ms <= since_ms:
        raise RangeError("--until is not after --since")
    firsts = {} if since_ms is None else reader.offsets_at(since_ms)
    ends = {} if until_ms is None else reader.offsets_at(until_ms)
    found = []
    for partition, held in reader.held.items():
        first = firsts.get(partition)
        # That it begins with the oldest record that is left may be because older ones are gone.
        first = None if first is not None and first <= held.oldest else first
        end = ends.get(partition)
        found.append(AskedRange(partition, first, None if end is None else end - 1))
    return found
