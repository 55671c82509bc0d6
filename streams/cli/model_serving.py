"""`weir model promote, rollback, show, remove`: which version answers, and what is known of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from streams.cli.model import RegistryOption, model_app
from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import say
from streams.cli.proposing import AuthorOption, ReasonOption, author_of, propose
from streams.control_records import decode_served, model_setting
from streams.serving_commands import Promote, Rollback
from streams.settings import load_settings

__all__ = ["model_app"]

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")]
OwnRegistryOption = Annotated[
    Path | None, typer.Option("--registry", help="Directory of the registry. Default: model.registry of the settings.")
]
UncheckedOption = Annotated[
    bool, typer.Option("--unchecked", help="Do not load it here first, such as where the registry is elsewhere.")
]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION")]


@model_app.command()
def promote(
    name: NameArgument,
    version: VersionArgument,
    offline: Annotated[
        bool, typer.Option("--offline", help="No broker: only make it the registry's default, for what starts later.")
    ] = False,
    unchecked: UncheckedOption = False,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    registry: OwnRegistryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a version answer from now on. Workers change over between two batches; nothing is lost or answered twice.

    Exit codes: 0 accepted, 1 refused or not fit to serve, 3 nobody answered.
    """
    from streams.cli import version_work  # noqa: PLC0415  scikit-learn takes a second that other commands need not wait

    own = version_work.registry_by(load_settings(config), registry)
    if not unchecked:
        version_work.require_servable(own, name, version)
    if offline:
        version_work.make_default(own, name, version, as_json=as_json)
        return
    propose(name, Promote(author_of(author), version, reason), config, as_json=as_json)


@model_app.command()
def rollback(
    name: NameArgument,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the version answer again that did before the last promotion.

    Exit codes: 0 accepted, 1 refused, 3 nobody answered.
    """
    propose(name, Rollback(author_of(author), reason), config, as_json=as_json)


@model_app.command()
def show(
    subject: Annotated[str, typer.Argument(metavar="NAME[/VERSION]", help="Default: the registry's active version.")],
    registry: RegistryOption = Path("registry"),
    as_json: JsonOption = False,
) -> None:
    """What a version takes and gives, and how it was made. Nothing is loaded."""
    from streams.cli import version_work  # noqa: PLC0415

    name, _, version = subject.partition("/")
    version_work.show(registry, name, version or None, as_json=as_json)


@model_app.command()
def remove(
    name: NameArgument,
    version: VersionArgument,
    registry: OwnRegistryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a version that does not answer, is not the one to go back to, and that no learner began as.

    Exit codes: 0 removed, 1 refused, 3 no broker to ask what answers.
    """
    from streams.cli import version_work  # noqa: PLC0415
    from streams.kafka.client import client_config  # noqa: PLC0415  the Kafka client takes its time to import
    from streams.kafka.proposals import Proposals  # noqa: PLC0415

    settings = load_settings(config)
    if version == settings.learning.version and settings.answers_with(name):
        _refuse(f"a learner began as version {version} of {name} (learning.version), and cannot go on without it")
    with Proposals(client_config(settings.kafka), settings.topics.name("control")) as control:
        accepted = control.accepted(model_setting(name))
    served = decode_served(accepted) if accepted else None
    if served is not None and version in (served.active, served.previous):
        _refuse(f"version {version} of {name} answers, or is the one to go back to; promote others first")
    if served is not None and served.challenger is not None and version == served.challenger.version:
        _refuse(f"version {version} of {name} challenges the one that answers; `weir model shadow {name} --stop` first")
    version_work.remove(version_work.registry_by(settings, registry), name, version, as_json=as_json)


@model_app.command()
def learner(
    name: NameArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the learner of a model has learnt, and how it compares with the versions that answered beside it.

    Exit codes: 0 told, 1 nothing was learnt, 3 no broker.
    """
    from streams.cli import learner_work  # noqa: PLC0415

    learner_work.tell(name, load_settings(config), as_json=as_json)


@model_app.command()
def freeze(
    name: NameArgument,
    version: Annotated[str | None, typer.Option(help="Default: the next free number.")] = None,
    if_better: Annotated[
        bool, typer.Option("--if-better", help="Only where it proved better than the version that answers.")
    ] = False,
    and_promote: Annotated[bool, typer.Option("--promote", help="Let the new version answer from now on.")] = False,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    registry: OwnRegistryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish what the learner knows now as a version that never changes. The learner goes on learning.

    Exit codes: 0 published, 1 refused, 3 no broker, or nobody answered the promotion.
    """
    from streams.cli import learner_work, version_work  # noqa: PLC0415

    settings = load_settings(config)
    own = version_work.registry_by(settings, registry)
    frozen = learner_work.freeze(name, settings, own, version, if_better=if_better, as_json=as_json and not and_promote)
    if and_promote:
        version_work.require_servable(own, name, frozen)
        propose(name, Promote(author_of(author), frozen, reason), config, as_json=as_json)


@model_app.command()
def sign(
    name: NameArgument,
    version: VersionArgument,
    key: Annotated[Path, typer.Option("--key", help="Ed25519 private key, a PEM file without a password.")],
    registry: RegistryOption = Path("registry"),
    as_json: JsonOption = False,
) -> None:
    """Vouch for a version, for workers that serve nothing unsigned (model.trusted_keys)."""
    from streams.cli import version_work  # noqa: PLC0415

    version_work.sign(registry, name, version, key, as_json=as_json)


def _refuse(why: str) -> NoReturn:
    say(why)
    raise typer.Exit(ExitCode.FAILED)
