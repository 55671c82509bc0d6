"""`weir contracts …`: the contracts as documents, and what changed in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import ConfigOption, JsonOption

contracts_app = typer.Typer(
    no_args_is_help=True,
    help="""Contracts as documents: JSON Schemas, AsyncAPI, OpenAPI and a page to read.

    weir contracts export --out contracts --model churn

    weir contracts diff contracts.old contracts
    """,
)


@contracts_app.callback()
def contracts() -> None:
    """Contracts as documents."""


@contracts_app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to. Made if it is not there.")] = Path(
        "contracts"
    ),
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Describe events with the features of this model.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write JSON Schemas of all records, asyncapi.json, openapi.json, and index.html, which needs no network."""
    from streams.cli import contracts_work  # noqa: PLC0415  # the web framework takes its time to import

    contracts_work.export(out, model, registry, config, as_json=as_json)


@contracts_app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A folder that was exported, or a file of one.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same of another version.")],
    as_json: JsonOption = False,
) -> None:
    """Name what changed. Exit 4 if it breaks whoever keeps to OLD: a field removed or renamed, newly required, narrower
    where you write, wider where you read."""
    from streams.cli import contracts_diff  # noqa: PLC0415

    contracts_diff.diff(old, new, as_json=as_json)
