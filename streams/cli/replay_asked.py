"""What `weir replay` is asked for: which records, and by which version they are to be answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from streams.cli.alerts import parse_since
from streams.cli.replay_options import ReplayArguments
from streams.kafka.client import ClientConfig
from streams.kafka.range_reading import RangeReader
from streams.replay.locating import find_alert, ranges_in_time
from streams.replay.ranges import AskedRange, Extent, RangeError, parse_range, ranges_of_alert
from streams.replay.version import ReplayedModel
from streams.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be replayed: the topic, how its ranges are found, and by which version."""

    topic: str
    ranges: Callable[[RangeReader], Sequence[AskedRange]]
    model: ReplayedModel
    version: str | None


def asked_for(arguments: ReplayArguments, settings: Settings, config: ClientConfig) -> Asked:
    """Raises RangeError, typer.BadParameter, SettingsError, and what Kafka's readers raise."""
    topic, name, version = settings.topics.name("events"), arguments.model, arguments.version
    ranges: Callable[[RangeReader], Sequence[AskedRange]]
    if arguments.alert is not None:
        alert = find_alert(config, settings.topics.name("alerts"), arguments.alert)
        topic, told = ranges_of_alert(alert)
        ranges = partial(_stated, told)
        if name in (None, alert.get("model")):
            name, version = str(alert.get("model")), version or str(alert.get("version"))
    elif arguments.partition:
        ranges = partial(_stated, [parse_range(text) for text in arguments.partition])
    else:
        now = time.time_ns() // 1_000_000
        since, until = (None if each is None else parse_since(each, now) for each in (arguments.since, arguments.until))
        ranges = partial(ranges_in_time, since_ms=since, until_ms=until)
    model = ReplayedModel(settings, name)
    return Asked(topic=topic, ranges=ranges, model=model, version=version or model.version(config))


def _stated(ranges: Sequence[AskedRange], _reader: RangeReader) -> Sequence[AskedRange]:
    return ranges


def require_some(found: Sequence[Extent]) -> None:
    """Raises RangeError where there is nothing to replay."""
    if any(each.first < each.end for each in found):
        return
    gone, ahead = sum(each.gone for each in found), sum(each.ahead for each in found)
    why = "there is no record in it"
    if gone:
        why = f"the {gone:,} offsets asked for are not held any more: the topic's retention has removed them"
    elif ahead:
        why = f"the {ahead:,} offsets asked for are not written yet"
    raise RangeError(f"nothing of the range is there to be replayed: {why}; fix: name a later or a wider range")
