"""What `weir replay` does."""

from __future__ import annotations

import time
from contextlib import ExitStack

import msgspec
import typer
from rich.console import Console

from streams.cli.cards import alert_card
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.cli.replay_asked import asked_for, require_some
from streams.cli.replay_options import ReplayArguments, checked_format
from streams.cli.replay_progress import watching
from streams.cli.replay_takers import Takers
from streams.cli.replay_words import summary_in_words
from streams.decide.serving import PredictTopics
from streams.kafka.client import client_config
from streams.kafka.range_reading import RangeReader
from streams.replay.ranges import extents
from streams.replay.report import ReplaySummary
from streams.replay.run import Taker
from streams.replay.run import replay as replay_range
from streams.replay.version import model_of
from streams.settings import load_settings


def replay(arguments: ReplayArguments, *, as_json: bool) -> None:
    """Run it, and tell what it came to. Exit 4 where a comparison or a detector found something."""
    form = checked_format(arguments)
    settings = load_settings(arguments.config)
    if arguments.registry is not None:
        own = msgspec.structs.replace(settings.model, registry=arguments.registry)
        settings = msgspec.structs.replace(settings, model=own)
    config = client_config(settings.kafka)
    asked, began = asked_for(arguments, settings, config), time.monotonic()
    with ExitStack() as opened:
        reader = opened.enter_context(RangeReader(config, asked.topic))
        found = extents(asked.ranges(reader), reader.held)
        require_some(found)
        topics = _names(asked.topic, arguments.to_topic)
        loaded = asked.model.load(asked.version, topics)
        opened.callback(loaded.close)
        opening = Takers(arguments, settings, config, opened, loaded, topics, len(reader.held))
        files = opening.files(form) if form is not None else None
        side = opening.side_topics()
        comparison = opening.comparison(asked, found) if arguments.compare else None
        drift = opening.drift() if arguments.drift else None
        takers: list[Taker] = [each for each in (files, side, comparison, drift) if each is not None]
        if drift is not None:
            # Or the detectors would wait for partitions of which nothing is replayed.
            silent = sorted(reader.held.keys() - {each.partition for each in found})
            drift.take([loaded.serving.observation_writer.idle_mark(partition, 0) for partition in silent])
        with watching(found) as reached:
            tally = replay_range(
                reader,
                found,
                asked.model.decider(loaded, topics),
                takers,
                most=settings.worker.max_batch_records,
                most_bytes=settings.worker.max_batch_bytes,
                idle_ms=settings.drift.max_hold_ms,
                begins=opening.begins,
                reached=reached,
            )
        if files is not None:
            files.finish()
        model, seconds = model_of(loaded), time.monotonic() - began
        summary = ReplaySummary(
            topic=asked.topic,
            model=model.name,
            version=model.version,
            ranges=tally.ranges(found),
            records=tally.records.total(),
            answered=tally.served_by.total(),
            rejected=dict(sorted(tally.rejected.items())),
            tombstones=tally.tombstones,
            others=tally.others,
            served_by=dict(sorted(tally.served_by.items())),
            output=None if files is None else str(arguments.output),
            rejected_rows=None if files is None else str(arguments.rejected_rows),
            side_topics=[] if side is None else [topics.predictions, topics.dead_letters],
            comparison=comparison.result() if comparison else None,
            drift=drift.result() if drift else None,
            seconds=round(seconds, 3),
            records_per_s=round(tally.records.total() / seconds, 1),
        )
    _tell(summary, as_json=as_json)
    if (summary.drift and summary.drift.alerts) or (summary.comparison and summary.comparison.differ):
        raise typer.Exit(ExitCode.FINDINGS)


def _names(events: str, prefix: str | None) -> PredictTopics:
    """Where the records of a replay would go. Only those of side topics go anywhere."""
    prefix = "replay." if prefix is None else prefix
    return PredictTopics(
        events=events,
        predictions=f"{prefix}predictions",
        dead_letters=f"{prefix}dead-letters",
        observations=f"{prefix}observations",
    )


def _tell(summary: ReplaySummary, *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    if summary.drift is not None:
        console = Console(highlight=False)
        for alert in summary.drift.alerts:
            console.print(alert_card(msgspec.to_builtins(alert, str_keys=True)))
    for line in summary_in_words(summary):
        say(line)
