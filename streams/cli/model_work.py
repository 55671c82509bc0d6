"""What the `weir model` commands do."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from models.artifact import MANIFEST, read_artifact
from models.calibration_fit import CalibrationFit
from models.describing import PROBE_ROWS, TileCost
from models.errors import ModelError
from models.estimator_file import SUFFIXES, read_estimator_file
from models.estimator_task import task_of
from models.fallback_file import read_fallback
from models.loaded import load_model
from models.manifest import Manifest, Parity, Runtime
from models.memory_cost import memory_cost_mb
from models.online.declaration import SUFFIX as ONLINE_SUFFIX
from models.online.declaration import read_declaration
from models.onnx_file import SUFFIX as ONNX_SUFFIX
from models.onnx_file import read_onnx_file
from models.output_file import read_output
from models.preprocessing_file import read_preprocessing
from models.registry import Registry
from models.runtime_choice import RuntimeOption
from models.runtime_onnx import load_onnx
from models.trusted import load_trusted
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.cli.output_words import fit_words, output_words
from streams.cli.preprocessing_words import preprocessing_words
from streams.modelling import add_model, check_reference, declaring, make_publishable

SERVED_BY: Mapping[Runtime, str] = {
    "onnx": "ONNX Runtime",
    "river": "its own parameters",
    "sklearn": "scikit-learn",
}
HOLDS = "digests, library versions, types, parity and reference profile hold"


def add(
    file: Path,
    name: str,
    data: Path,
    version: str | None,
    target: str | None,
    time: str | None,
    key: str | None,
    *,
    trust: bool,
    runtime: RuntimeOption,
    fallback: Path | None,
    output: Path | None,
    preprocess: Path | None,
    registry: Path,
    as_json: bool,
) -> None:
    """Publish, and say what was found out on the way."""
    try:
        rungs = read_fallback(fallback)
        added = add_model(
            registry,
            file,
            name,
            data,
            version=version,
            target=target,
            time=time,
            key=key,
            trust=trust,
            runtime=runtime,
            fallback=rungs,
            declared=read_output(output),
            preprocessing=read_preprocessing(preprocess),
        )
    except ModelError as error:
        say_error(error)
        raise typer.Exit(ExitCode.FAILED) from error
    manifest = added.manifest
    memory_mb = memory_cost_mb(functools.partial(Registry(registry).load, manifest.name, manifest.version))
    say(f"{len(manifest.schema.features)} features from {added.rows} training rows, {manifest.output.task}")
    _say_runtime(manifest, added.why)
    _say_cost(manifest, added.cost, added.instead)
    if memory_mb is not None:
        say(f"takes {memory_mb:.1f} MB of a worker's memory, and as much again while another version takes over")
    _say_disagreeing(added.disagreeing)
    _say_preprocessing(manifest)
    _say_prequential(added.prequential)
    _say_output(manifest, added.fit)
    if not added.active:
        say(f"version {manifest.version} is published, not active")
    if as_json:
        print_json(
            {
                **described(manifest, active=added.active),
                "path": str(added.path),
                "why": added.why,
                "output": manifest.output,
                "calibration_fit": added.fit,
                "prequential_accuracy": added.prequential,
                **_costs(added.cost),
                "memory_mb": memory_mb,
            }
        )
    else:
        typer.echo(f"{manifest.name} {manifest.version}  {added.path}")


def check(
    subjects: list[str],
    data: Path | None,
    target: str | None,
    time: str | None,
    key: str | None,
    *,
    trust: bool,
    runtime: RuntimeOption,
    fallback: Path | None,
    output: Path | None,
    preprocess: Path | None,
    registry: Path,
    as_json: bool,
) -> None:
    """Try every subject; one that fails does not hide the next."""
    results: list[dict[str, Any]] = []
    for subject in subjects:
        error: ModelError | None = None
        done = ""
        try:
            done = _check(
                subject,
                registry,
                data,
                target,
                time,
                key,
                trust=trust,
                runtime=runtime,
                fallback=fallback,
                output=output,
                preprocess=preprocess,
            )
            say(f"{subject}: {done}")
        except ModelError as caught:
            error = caught
            say_error(error, subject)
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
                else {**described(entry.manifest, active=entry.active), "problem": entry.problem}
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


def _check(
    subject: str,
    registry: Path,
    data: Path | None,
    target: str | None,
    time: str | None,
    key: str | None,
    *,
    trust: bool,
    runtime: RuntimeOption,
    fallback: Path | None,
    output: Path | None,
    preprocess: Path | None,
) -> str:
    """What was found to hold. Raises ModelError."""
    path = Path(subject)
    declared, preprocessing, rungs = read_output(output), read_preprocessing(preprocess), read_fallback(fallback)
    options = [
        name
        for name, given in (("--preprocess", preprocess), ("--output", output), ("--fallback", fallback))
        if given is not None
    ]
    is_artifact = (path / MANIFEST).exists()
    is_file = path.is_file() or path.suffix.lower() in (*SUFFIXES, ONNX_SUFFIX, ONLINE_SUFFIX)
    if options and (is_artifact or not is_file):
        raise ModelError(
            f"{', '.join(options)} cannot be tried with a version that is published",
            where=subject,
            cause="its manifest holds its own, and never changes",
            fix="leave it out; or give the estimator file and the training rows with --data",
        )
    if is_artifact:
        check_reference(load_model(read_artifact(path), subject))
        return HOLDS
    if not is_file:
        name, _, version = subject.partition("/")
        model = Registry(registry).load(name, version or None)
        check_reference(model)
        return f"version {model.version}: {HOLDS}"
    if data is None and options:
        raise ModelError(
            "preprocessing, output options and a fallback are tried with the training rows",
            where=subject,
            cause=f"{' and '.join(options)} was given without --data",
            fix="give the training rows with --data, and the target with --target",
        )
    if data is None and path.suffix.lower() == ONNX_SUFFIX:
        load_onnx(read_onnx_file(path), subject)
        return "an ONNX file that can be served; --data TRAIN tries the rest of `add`"
    if data is None and path.suffix.lower() == ONLINE_SUFFIX:
        kind = read_declaration(path).model
        return f"a declared online model ({kind}); --data TRAIN --target COLUMN tries the rest of `add`"
    if data is None:
        estimator = load_trusted(read_estimator_file(path, trust=trust), subject)
        return f"a {task_of(estimator, subject)[0]} estimator of trusted types; --data TRAIN tries the rest of `add`"
    ready = make_publishable(
        path,
        "check",
        data,
        target=target,
        time=time,
        key=key,
        trust=trust,
        runtime=runtime,
        declared=declared,
        preprocessing=preprocessing,
    )
    declaring(ready.candidate.manifest, rungs)
    _say_runtime(ready.candidate.manifest, ready.candidate.why)
    _say_cost(ready.candidate.manifest, ready.candidate.cost, ready.candidate.instead)
    _say_disagreeing(ready.candidate.disagreeing)
    _say_preprocessing(ready.candidate.manifest)
    _say_prequential(ready.candidate.prequential)
    _say_output(ready.candidate.manifest, ready.candidate.fit)
    return f"can be added: {len(ready.candidate.manifest.schema.features)} features, {ready.rows} training rows"


def described(manifest: Manifest, *, active: bool) -> dict[str, Any]:
    """What a listing tells of a version, JSON-ready."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "active": active,
        "created": manifest.created,
        "task": manifest.output.task,
        "runtime": manifest.runtime,
        "classes": manifest.output.names,
        "features": manifest.schema.features,
        "tile_rows": manifest.tile_rows,
        "parity": manifest.parity,
        "libraries": manifest.libraries,
    }


def _costs(cost: TileCost) -> dict[str, float]:
    return {"whole_rows_per_s": cost.whole_rows_per_s, "tiled_rows_per_s": cost.tiled_rows_per_s}


def _say_runtime(manifest: Manifest, why: str) -> None:
    say(f"served by {SERVED_BY[manifest.runtime]}" + (f": {why}" if why else ""))


def _say_cost(manifest: Manifest, cost: TileCost, instead: TileCost | None) -> None:
    whole, tiled = f"{cost.whole_rows_per_s:,.0f} rows/s", f"{cost.tiled_rows_per_s:,.0f} rows/s"
    one = f"one row alone takes {cost.one_row_s * 1000:.2f} ms"
    if manifest.tile_rows:
        say(f"predicts in tiles of {manifest.tile_rows} rows: {tiled}, at once it would be {whole}; {one}")
    else:
        say(f"predicts batches at once: {whole}; {one}")
    if instead is not None:
        one_row = f"one row alone {instead.one_row_s * 1000:.2f} ms"
        say(f"scikit-learn at once would be {instead.whole_rows_per_s:,.0f} rows/s, {one_row} (--runtime sklearn)")
    if manifest.parity is Parity.TOLERANCE:
        say("the last digits of a score depend on the batch it came in, tiles or not: parity within a tolerance")
    else:
        say("a row gets the same bits in every batch tried")


def _say_disagreeing(rows: int) -> None:
    if rows:
        say(f"{rows} of {PROBE_ROWS} training rows: the estimator's own predict chooses another class than its scores")


def _say_prequential(share: float | None) -> None:
    if share is not None:
        say(f"learnt row by row: {share:.1%} were answered right before they were learnt")


def _say_preprocessing(manifest: Manifest) -> None:
    for words in preprocessing_words(manifest.preprocessing):
        say(words)


def _say_output(manifest: Manifest, fit: CalibrationFit | None) -> None:
    if fit is not None:
        say(fit_words(fit))
    for words in output_words(manifest.output):
        say(words)


def say_error(error: ModelError, subject: str | None = None) -> None:
    """What, where, likely cause and fix, to people."""
    lead = f"{subject}: " if subject else ""
    say(f"{lead}{error.what}\n  where  {error.where}\n  cause  {error.cause}\n  fix    {error.fix}")
