"""`weir replay`: a range of the events through a model again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import ConfigOption, JsonOption


def replay(
    output: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="Answers: .csv, .jsonl or .parquet.", show_default=False)
    ] = None,
    partition: Annotated[
        list[str],
        typer.Option(
            "--partition", metavar="P[:FIRST-LAST]", help="Offsets, both included. May be given several times."
        ),
    ] = [],  # noqa: B006  # typer copies it
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="From then on: 30m, 12h, or a time (RFC 3339).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Only before then. Default: the end as it is now.")
    ] = None,
    alert: Annotated[
        str | None,
        typer.Option("--alert", metavar="ID", help="The range and the version of an alert: its id, or MODEL/SIGNAL."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Default: model.name.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Default: the one that answers now.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry.")
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="Events without an answer. Default: OUT.rejected.jsonl."),
    ] = None,
    to_topic: Annotated[
        str | None,
        typer.Option("--to-topic", metavar="PREFIX", help="Into topics PREFIXpredictions and PREFIXdead-letters."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Hold it against what was published.")] = False,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, max=1, help="Of scores and numbers, with --compare.")
    ] = 1e-9,
    drift: Annotated[bool, typer.Option("--drift", help="Which alerts would this range raise?")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT where it is there.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer events again that are in the topic: to see what another version says, or what an alert was about.

    Reads only what is committed, joins no group, commits no offset, and never writes to a topic of the pipeline. Exit 4
    where --compare finds another answer, or --drift an alert.
    """
    from streams.cli import replay_options, replay_work  # noqa: PLC0415  Kafka and scikit-learn take time to import

    replay_work.replay(
        replay_options.ReplayArguments(
            output=output,
            partition=partition,
            since=since,
            until=until,
            alert=alert,
            model=model,
            version=version,
            registry=registry,
            rejected=rejected,
            to_topic=to_topic,
            compare=compare,
            tolerance=tolerance,
            drift=drift,
            overwrite=overwrite,
            config=config,
        ),
        as_json=as_json,
    )
