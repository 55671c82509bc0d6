"""What the commands about a model's learner do."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import typer

from models.errors import ModelError
from models.registry import Registry
from streams.cli.model_work import say_error
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.control_records import decode_served, model_setting
from streams.freezing import freeze as publish
from streams.kafka.client import client_config
from streams.kafka.proposals import Proposals
from streams.kafka.reading import TopicReader
from streams.learner_snapshot import Learnt, learnt_of
from streams.learning.comparison import LearnerComparison
from streams.settings import Settings


def tell(name: str, settings: Settings, *, as_json: bool) -> None:
    """What was learnt, and how it compares."""
    learnt = _read(name, settings)
    known = learnt.knowledge
    compared = {version: _compared(own) for version, own in known.versions.items()}
    if as_json:
        print_json(
            {
                "model": name,
                "base": known.base.version,
                "learnt": known.parameters.learned,
                "diverged": known.parameters.diverged,
                "offset": learnt.offset,
                "versions": compared,
            }
        )
        return
    typer.echo(f"{name}: began as version {known.base.version}, {known.parameters.learned} rows learnt")
    if known.parameters.diverged:
        typer.echo("  it diverged, and learns no more: its l2 is too large for its learning_rate")
    for version, own in known.versions.items():
        typer.echo(f"  {_words(version, own)}")


def freeze(
    name: str, settings: Settings, registry: Registry, version: str | None, *, if_better: bool, as_json: bool
) -> str:
    """Publish what was learnt; the new version."""
    learnt = _read(name, settings)
    if if_better:
        _require_better(name, learnt, _active(name, settings, registry))
    try:
        frozen = publish(registry, learnt, version)
    except ModelError as error:
        _refuse_with(error)
    manifest = frozen.manifest
    say(f"{learnt.knowledge.parameters.learned} rows learnt, by the record before offset {learnt.offset} of examples")
    if frozen.reference_rows:
        say(f"the reference for drift is made of the {frozen.reference_rows} events answered last")
    else:
        say(f"too few events for a reference of its own: it is that of version {learnt.knowledge.base.version}")
    if as_json:
        print_json(
            {
                "name": name,
                "version": manifest.version,
                "learnt": learnt.knowledge.parameters.learned,
                "offset": learnt.offset,
                "reference_rows": frozen.reference_rows,
            }
        )
    else:
        say(f"{name} {manifest.version} is published, not active: `weir model promote {name} {manifest.version}`")
    return manifest.version


def _read(name: str, settings: Settings) -> Learnt:
    topic = settings.topics.name("state")
    with TopicReader(client_config(settings.kafka), topic) as reader:
        records = ((record.key or b"", record.value) for record in reader.to_end())
        try:
            return learnt_of(name, records, topic)
        except ModelError as error:
            _refuse_with(error)


def _active(name: str, settings: Settings, registry: Registry) -> str | None:
    """The version that workers with these settings answer with: a pinned one, else what was promoted, else the
    registry's default."""
    if settings.model.version is not None and settings.answers_with(name):
        return settings.model.version
    with Proposals(client_config(settings.kafka), settings.topics.name("control")) as control:
        accepted = control.accepted(model_setting(name))
    return decode_served(accepted).active if accepted else registry.active(name)


def _require_better(name: str, learnt: Learnt, active: str | None) -> None:
    own = learnt.knowledge.versions.get(active or "")
    if own is None:
        say(f"not frozen: the learner was not compared with version {active} of {name}, which answers")
    elif own.verdict != "better":
        say(f"not frozen: {_words(str(active), own)}")
    else:
        return
    raise typer.Exit(ExitCode.FAILED)


def _words(version: str, own: LearnerComparison) -> str:
    window = own.window
    return (
        f"against version {version}: {own.verdict}; of the latest {window.total} labelled events the learner alone was "
        f"right about {window.better}, the version alone about {window.worse} (e-value {math.exp(own.evidence):.3g})"
    )


def _compared(own: LearnerComparison) -> dict[str, Any]:
    return {"verdict": own.verdict, "log_evidence": own.evidence, "window": own.window, "total": own.total}


def _refuse_with(error: ModelError) -> NoReturn:
    say_error(error)
    raise typer.Exit(ExitCode.FAILED) from error
