"""What the commands about one version of a model do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from models.errors import ModelError
from models.fallback import NO_FALLBACK
from models.preprocessing.declared import NO_PREPROCESSING
from models.registry import Registry
from models.schema import Feature, UnseenPolicy
from models.signing import read_private_key
from streams.cli.model_work import described, say_error
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.cli.output_words import output_words
from streams.cli.preprocessing_words import preprocessing_words
from streams.modelling import check_reference
from streams.registry import registry_of
from streams.settings import Settings


def registry_by(settings: Settings, root: Path | None) -> Registry:
    """The settings' registry with the keys that they trust, at `root` where that is given."""
    with _or_say():
        return registry_of(settings.model, root)


def require_servable(registry: Registry, name: str, version: str) -> None:
    """Load a version as a worker would; where that fails, say why and exit."""
    with _or_say():
        check_reference(registry.load(name, version))


def make_default(registry: Registry, name: str, version: str, *, as_json: bool) -> None:
    """Let what starts later serve this version, unless another was promoted."""
    with _or_say():
        registry.activate(name, version)
    _tell(f"{name} {version} is the registry's default", {"name": name, "version": version}, as_json=as_json)


def remove(registry: Registry, name: str, version: str, *, as_json: bool) -> None:
    """Delete a version."""
    with _or_say():
        registry.remove(name, version)
    _tell(f"{name} {version} is removed", {"name": name, "version": version}, as_json=as_json)


def sign(registry: Path, name: str, version: str, key: Path, *, as_json: bool) -> None:
    """Vouch for a version that holds."""
    with _or_say():
        own = Registry(registry)
        model = own.load(name, version)
        check_reference(model)
        own.sign(model.manifest, read_private_key(key))
    _tell(f"{name} {version} is signed", {"name": name, "version": version}, as_json=as_json)


def show(registry: Path, name: str, version: str | None, *, as_json: bool) -> None:
    """Everything the manifest says, but for the samples."""
    with _or_say():
        own = Registry(registry)
        artifact = own.artifact(name, version)
        manifest, active = artifact.manifest, own.active(name)
    told = described(manifest, active=manifest.version == active)
    output = manifest.output
    told |= {"threshold": output.threshold, "decimals": output.decimals, "runtime": manifest.runtime}
    told |= {"class_scores": output.class_scores, "clip": output.clip, "calibration": output.calibration}
    told |= {"preprocessing": manifest.preprocessing or NO_PREPROCESSING}
    told |= {"platform": manifest.platform, "files": manifest.files}
    declared = msgspec.structs.asdict(manifest.fallback)
    fallback = {rung: value for rung, value in declared.items() if value is not getattr(NO_FALLBACK, rung)}
    told |= {"fallback": fallback}
    if as_json:
        print_json(told)
        return
    typer.echo(f"{name} {manifest.version}" + "  (the registry's default)" * (manifest.version == active))
    answers = ", ".join(output.names) or "numbers"
    typer.echo(f"  {output.task}: {answers}; made {manifest.created}, served by {manifest.runtime}")
    for feature in manifest.schema.features:
        typer.echo(f"  {feature.name}  {_told(feature)}")
    for words in preprocessing_words(manifest.preprocessing):
        typer.echo(f"  {words}")
    for words in output_words(output):
        typer.echo(f"  {words}")
    for rung, value in fallback.items():
        typer.echo(f"  fallback: {rung} {value!r}")
    for file, digest in manifest.files.items():
        typer.echo(f"  {file}  sha256 {digest}")


def _told(feature: Feature) -> str:
    parts = [str(feature.kind.value)]
    if feature.categories:
        parts.append(f"one of {', '.join(map(str, feature.categories[:10]))}{', …' * (len(feature.categories) > 10)}")
    if feature.unseen is UnseenPolicy.ACCEPT:
        parts.append("or an unseen one")
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
        say_error(error)
        raise typer.Exit(ExitCode.FAILED) from error
