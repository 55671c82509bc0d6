"""What `weir contracts export` does."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry

from streams.cli.output import print_json, say
from streams.contract_documents.files import PAGE, contract_files
from streams.contract_documents.records import DescribedModel, record_contracts
from streams.http.door_models import DoorModels
from streams.http.door_service import door_routes
from streams.http.open_api import open_api
from streams.http.publishing import Publishing
from streams.kafka.topic_plan import default_plan
from streams.registry import registry_of
from streams.roles import limits_of
from streams.settings import Settings, load_settings
from streams.telemetry.progress import Progress


def export(out: Path, model: str | None, registry: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Raises ModelError, SettingsError, OSError."""
    settings = load_settings(config)
    described = None
    if model is not None:
        artifact = registry_of(settings.model, registry).artifact(model)
        described = DescribedModel(model, artifact.manifest.schema)
    out.mkdir(parents=True, exist_ok=True)
    files = described_by(settings, described)
    for name, content in files.items():
        (out / name).write_bytes(content)
    if as_json:
        print_json([str(out / name) for name in files])
        return
    for name in files:
        typer.echo(out / name)
    say(f"{len(files)} files; {out / PAGE} shows them")


def described_by(settings: Settings, model: DescribedModel | None = None) -> dict[str, bytes]:
    """The contracts of a worker with these settings, by file name."""
    release = version("weir-streaming")
    records = record_contracts(model, limits_of(settings), settings.model.unknown_features)
    plan = default_plan(settings.topics, label_window_s=settings.labels.window_s)
    return contract_files(records, plan, _open_api(settings, model, release), release)


def _open_api(settings: Settings, model: DescribedModel | None, release: str) -> dict[str, Any]:
    """Of a door that is not opened."""
    progress = Progress((), needs_model=False, deadline_s=0.0, now=0.0)
    routes = door_routes(settings, DoorModels(), CollectorRegistry(), progress, Publishing())
    described = [(route.method, route.path, route.scope) for route in routes]
    return open_api(described, [] if model is None else [model], release)
