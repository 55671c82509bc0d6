"""`weir drift …`: try the drift detection on a file, and send drifted events to a worker. `try` needs no broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import ConfigOption, JsonOption

drift_app = typer.Typer(
    no_args_is_help=True,
    help="""Drift of a file against a reference, and drift detection tried on a file or on your own worker.

    weir drift try --data rows.csv --out drift.html

    weir drift try --data rows.csv --inject shift:feature=temp,at=5000,size=1

    weir drift report answers.parquet --model churn --out report.html

    weir drift inject --data rows.csv --inject shift:feature=temp,at=20000,size=1 --rate 1000
    """,
)

DataOption = Annotated[Path, typer.Option("--data", help="Rows: .csv, .jsonl or .parquet.")]
TimeOption = Annotated[
    str | None, typer.Option("--time", help="Column that holds the time: rows are taken in its order.")
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", metavar="A,B", help="Only these columns. Default: all but --time.")
]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Where to. Default: topics.events.")]
InjectOption = Annotated[
    list[str],
    typer.Option(
        "--inject",
        metavar="KIND:KEY=VALUE,…",
        help="A change, such as shift:feature=temp,at=5000,size=1.5. May be given several times.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of what a change draws at random.")]


@drift_app.command("try")
def try_file(
    data: DataOption,
    reference: Annotated[Path | None, typer.Option(help="File with the reference rows.")] = None,
    reference_rows: Annotated[
        int | None, typer.Option(min=1, help="So many first rows of --data are the reference. Default: a third.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME[/VERSION]", help="Its own reference, and its answers as signals."),
    ] = None,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry.")
    ] = None,
    time: TimeOption = None,
    columns: ColumnsOption = None,
    inject: InjectOption = [],  # noqa: B006  # typer copies it
    seed: SeedOption = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw signals, blocks and alerts: .html or .svg.")
    ] = None,
    cards: Annotated[bool, typer.Option("--cards", help="Show each alert in full.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch the rows of a file as a worker would: what drifts, since when, and how late is an injected change found?

    Exit 4 if there is an alert. Rows of --inject count from 0 at the first row after the reference.
    """
    from streams.cli import drift_work  # noqa: PLC0415  numpy, Arrow and River take a second that others need not wait

    drift_work.try_file(
        drift_work.TryArguments(
            data=data,
            reference=reference,
            reference_rows=reference_rows,
            model=model,
            registry=registry,
            time=time,
            columns=columns,
            inject=inject,
            seed=seed,
            out=out,
            config=config,
        ),
        cards=cards,
        as_json=as_json,
    )


@drift_app.command()
def report(
    data: Annotated[Path, typer.Argument(metavar="FILE", help="Rows, or answers of them: .csv, .jsonl or .parquet.")],
    model: Annotated[
        str, typer.Option("--model", metavar="NAME[/VERSION]", help="Whose reference. Default: the registry's version.")
    ],
    version: Annotated[str | None, typer.Option("--version", metavar="V", help="The same as NAME/V.")] = None,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry.")
    ] = None,
    time: TimeOption = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The report as a page: .html.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold all rows of a file against a model's reference: how far is which feature, and which answer?

    Takes rows that the model takes, or a result of `weir predict` or `weir replay`. Exit 4 where something is found.
    """
    from streams.cli import drift_report  # noqa: PLC0415  the same

    asked = drift_report.ReportArguments(
        data=data, model=model, version=version, registry=registry, time=time, out=out, config=config
    )
    drift_report.report(asked, as_json=as_json)


@drift_app.command()
def inject(
    data: DataOption,
    inject: InjectOption = [],  # noqa: B006  # typer copies it
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="Events a second.")] = 1_000,
    duration: Annotated[float, typer.Option(min=0.1, metavar="S", help="Seconds of events.")] = 60,
    topic: TopicOption = None,
    time: TimeOption = None,
    columns: ColumnsOption = None,
    seed: SeedOption = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the rows of a file as events, with changes in them, to see your own worker raise the alert.

    Without --inject they go as they are. Rows of --inject are counted in events; the file's rows come again and again.
    Ctrl-C ends it in order.
    """
    from streams.cli import drift_sending  # noqa: PLC0415  the same, and the Kafka client

    drift_sending.inject(
        drift_sending.InjectArguments(
            data=data,
            inject=inject,
            rate=rate,
            duration=duration,
            topic=topic,
            time=time,
            columns=columns,
            seed=seed,
            config=config,
        ),
        as_json=as_json,
    )
