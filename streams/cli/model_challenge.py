"""`weir model shadow, compare`: a version beside the one that answers, and which of them is better."""

from __future__ import annotations

from typing import Annotated

import typer

from drift.challenge import ERROR_RATE, LEAST_PAIRS, Policy
from streams.cli.model_serving import NameArgument, OwnRegistryOption, UncheckedOption, model_app
from streams.cli.options import ConfigOption, JsonOption
from streams.cli.proposing import AuthorOption, ReasonOption, author_of, propose
from streams.serving_commands import EndChallenge, Shadow
from streams.settings import load_settings

__all__ = ["model_app"]


@model_app.command()
def shadow(
    name: NameArgument,
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="The challenger.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the challenge.")] = False,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the keys that it answers itself; 0: none, a shadow.")
    ] = 0.0,
    policy: Annotated[
        Policy, typer.Option(help="promote: it is promoted once it is better, and stopped once it is worse.")
    ] = "none",
    error: Annotated[
        float, typer.Option(help="Most probable a wrong verdict may be, whenever one looks; between 0 and 1.")
    ] = ERROR_RATE,
    pairs: Annotated[int, typer.Option(min=1, help="Events with a label before there is a verdict.")] = LEAST_PAIRS,
    failures: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="It is stopped once it clearly misses a larger share. Default: 0.01 with --policy promote, else none.",
        ),
    ] = None,
    shift: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="It is stopped once its scores are clearly farther from the active one's."),
    ] = None,
    unchecked: UncheckedOption = False,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    registry: OwnRegistryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a version score what the active one answers, and compare them by the labels that come.

    Exit codes: 0 accepted, 1 refused or not fit to serve, 3 nobody answered.
    """
    if stop == (version is not None):
        raise typer.BadParameter("give a version, or --stop", param_hint="VERSION")
    if not 0 < error < 1:
        raise typer.BadParameter("is to be between 0 and 1", param_hint="--error")
    if version is None:
        propose(name, EndChallenge(author_of(author), reason), config, as_json=as_json)
        return
    if not unchecked:
        from streams.cli import version_work  # noqa: PLC0415  scikit-learn takes a second that others need not wait

        version_work.require_servable(version_work.registry_by(load_settings(config), registry), name, version)
    command = Shadow(
        author_of(author),
        version,
        reason,
        share=share,
        policy=policy,
        error=error,
        pairs=pairs,
        failures=failures,
        shift=shift,
    )
    propose(name, command, config, as_json=as_json)


@model_app.command()
def compare(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell how the challenger compares with the version that answers, as of the drift worker's last snapshot.

    Exit codes: 0 told, 1 nothing challenges it or did, 3 no broker.
    """
    from streams.cli import challenge_report  # noqa: PLC0415  the Kafka client takes its time to import

    challenge_report.compare(name, load_settings(config), as_json=as_json)
