"""What the `weir model` commands do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from models.adding import PROBE_ROWS, TileCost
from models.artifact import MANIFEST, read_artifact
from models.errors import ModelError
from models.estimator_file import SUFFIXES, read_estimator_file
from models.estimator_task import task_of
from models.loaded import load_model
from models.manifest import Manifest, Parity
from models.registry import Registry
from models.schema import Feature
from models.signing import read_private_key
from models.trusted import load_trusted
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.modelling import add_model, check_reference, prepare_model

HOLDS = "digests, library versions, types, parity and reference profile hold"


def add(
    file: Path,
    name: str,
    data: Path,
    version: str | None,
    target: str | None,
    time: str | None,
    *,
    trust: bool,
    registry: Path,
    as_json: bool,
) -> None:
    """Publish, and say what was found out on the way."""
    try:
        added = add_model(registry, file, name, data, version=version, target=target, time=time, trust=trust)
    except ModelError as error:
        _say_error(error)
        raise typer.Exit(ExitCode.FAILED) from error
    manifest = added.manifest
    say(f"{len(manifest.schema.features)} features from {added.rows} training rows, {manifest.output.task}")
    _say_cost(manifest, added.cost)
    _say_disagreeing(added.disagreeing)
    if not added.active:
        say(f"version {manifest.version} is published, not active")
    if as_json:
        print_json({**_described(manifest, active=added.active), "path": str(added.path), **_costs(added.cost)})
    else:
        typer.echo(f"{manifest.name} {manifest.version}  {added.path}")


def check(
    subjects: list[str],
    data: Path | None,
    target: str | None,
    time: str | None,
    *,
    trust: bool,
    registry: Path,
    as_json: bool,
) -> None:
    """Try every subject; one that fails does not hide the next."""
    results: list[dict[str, Any]] = []
    for subject in subjects:
        error: ModelError | None = None
        done = ""
        try:
            done = _check(subject, registry, data, target, time, trust=trust)
            say(f"{subject}: {done}")
        except ModelError as caught:
            error = caught
            _say_error(error, subject)
        results.append({"subject": subject, "ok": error is None, "checked": done, "error": error and error.as_dict()})
    if as_json:
        print_json(results)
    else:
        for result in results:
            typer.echo(f"{'ok' if result['ok'] else 'FAILS'}  {result['subject']}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(ExitCode.FINDINGS)


def list_versions(registry: Path, *, as_json: bool) -> None:
    """All versions of all names."""
    entries = Registry(registry).entries()
    if as_json:
        print_json(
            [
                {"name": entry.name, "version": entry.version, "active": entry.active, "problem": entry.problem}
                if entry.manifest is None
                else {**_described(entry.manifest, active=entry.active), "problem": entry.problem}
                for entry in entries
            ]
        )
        return
    if not entries:
        say(f"no model in {registry}; `weir model add FILE --name NAME --data TRAIN` adds one")
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        told = entry.problem or ""
        if entry.manifest is not None:
            told = f"{entry.manifest.output.task:<10}  {entry.manifest.created}  {told}".rstrip()
        typer.echo(f"{'*' if entry.active else ' '} {entry.name:<{width}}  {entry.version:>4}  {told}")


def require_servable(registry: Path, name: str, version: str) -> None:
    """Load a version as a worker would; where that fails, say why and exit."""
    with _or_say():
        check_reference(Registry(registry).load(name, version))


def make_default(registry: Path, name: str, version: str, *, as_json: bool) -> None:
    """Let what starts later serve this version, unless another was promoted."""
    with _or_say():
        Registry(registry).activate(name, version)
    _tell(f"{name} {version} is the registry's default", {"name": name, "version": version}, as_json=as_json)


def remove(registry: Path, name: str, version: str, *, as_json: bool) -> None:
    """Delete a version."""
    with _or_say():
        Registry(registry).remove(name, version)
    _tell(f"{name} {version} is removed", {"name": name, "version": version}, as_json=as_json)


def sign(registry: Path, name: str, version: str, key: Path, *, as_json: bool) -> None:
    """Vouch for a version that holds."""
    with _or_say():
        own = Registry(registry)
        check_reference(own.load(name, version))
        own.sign(name, version, read_private_key(key))
    _tell(f"{name} {version} is signed", {"name": name, "version": version}, as_json=as_json)


def show(registry: Path, name: str, version: str | None, *, as_json: bool) -> None:
    """Everything the manifest says, but for the samples."""
    with _or_say():
        own = Registry(registry)
        artifact = own.artifact(name, version)
        manifest, active = artifact.manifest, own.active(name)
    described = _described(manifest, active=manifest.version == active)
    output = manifest.output
    described |= {"threshold": output.threshold, "decimals": output.decimals, "runtime": manifest.runtime}
    described |= {"platform": manifest.platform, "files": manifest.files}
    if as_json:
        print_json(described)
        return
    typer.echo(f"{name} {manifest.version}" + "  (the registry's default)" * (manifest.version == active))
    answers = ", ".join(output.names) or "numbers"
    typer.echo(f"  {output.task}: {answers}; made {manifest.created}, served by {manifest.runtime}")
    for feature in manifest.schema.features:
        typer.echo(f"  {feature.name}  {_told(feature)}")
    for file, digest in manifest.files.items():
        typer.echo(f"  {file}  sha256 {digest}")


def _told(feature: Feature) -> str:
    parts = [str(feature.kind.value)]
    if feature.categories:
        parts.append(f"one of {', '.join(map(str, feature.categories[:10]))}{', …' * (len(feature.categories) > 10)}")
    if feature.nullable:
        parts.append("or null")
    return " ".join(parts)


def _tell(words: str, data: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(data)
    else:
        say(words)


@contextlib.contextmanager
def _or_say() -> Iterator[None]:
    """Tell a ModelError, and exit."""
    try:
        yield
    except ModelError as error:
        _say_error(error)
        raise typer.Exit(ExitCode.FAILED) from error


def _check(subject: str, registry: Path, data: Path | None, target: str | None, time: str | None, trust: bool) -> str:
    """What was found to hold. Raises ModelError."""
    path = Path(subject)
    if (path / MANIFEST).exists():
        check_reference(load_model(read_artifact(path), subject))
        return HOLDS
    if not path.is_file() and path.suffix.lower() not in SUFFIXES:
        name, _, version = subject.partition("/")
        model = Registry(registry).load(name, version or None)
        check_reference(model)
        return f"version {model.version}: {HOLDS}"
    if data is None:
        estimator = load_trusted(read_estimator_file(path, trust=trust), subject)
        return f"a {task_of(estimator, subject)[0]} estimator of trusted types; --data TRAIN tries the rest of `add`"
    prepared = prepare_model(path, "check", data, target=target, time=time, trust=trust)
    _say_cost(prepared.candidate.manifest, prepared.candidate.cost)
    _say_disagreeing(prepared.candidate.disagreeing)
    return f"can be added: {len(prepared.candidate.manifest.schema.features)} features, {prepared.rows} training rows"


def _described(manifest: Manifest, *, active: bool) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "active": active,
        "created": manifest.created,
        "task": manifest.output.task,
        "classes": manifest.output.names,
        "features": manifest.schema.features,
        "tile_rows": manifest.tile_rows,
        "parity": manifest.parity,
        "libraries": manifest.libraries,
    }


def _costs(cost: TileCost) -> dict[str, float]:
    return {"whole_rows_per_s": cost.whole_rows_per_s, "tiled_rows_per_s": cost.tiled_rows_per_s}


def _say_cost(manifest: Manifest, cost: TileCost) -> None:
    whole, tiled = f"{cost.whole_rows_per_s:,.0f} rows/s", f"{cost.tiled_rows_per_s:,.0f} rows/s"
    one = f"one row alone takes {cost.one_row_s * 1000:.2f} ms"
    if manifest.tile_rows:
        say(f"predicts in tiles of {manifest.tile_rows} rows: {tiled}, at once it would be {whole}; {one}")
    else:
        say(f"predicts batches at once: {whole}; {one}")
    if manifest.parity is Parity.TOLERANCE:
        say("the last digits of a score depend on the batch it came in, tiles or not: parity within a tolerance")
    else:
        say("a row gets the same bits in every batch tried")


def _say_disagreeing(rows: int) -> None:
    if rows:
        say(f"{rows} of {PROBE_ROWS} training rows: the estimator's own predict chooses another class than its scores")


def _say_error(error: ModelError, subject: str | None = None) -> None:
    lead = f"{subject}: " if subject else ""
    say(f"{lead}{error.what}\n  where  {error.where}\n  cause  {error.cause}\n  fix    {error.fix}")
