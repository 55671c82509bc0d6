"""`weir model …`: add, check and list the models of a registry. No broker is needed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import JsonOption

model_app = typer.Typer(
    no_args_is_help=True,
    help="""Add, check and list models.

    weir model add model.skops --name churn --data train.csv --target churned

    weir model check churn

    weir model list --json
    """,
)


class Runtimes(StrEnum):
    """What may serve a model."""

    AUTO = "auto"
    ONNX = "onnx"
    SKLEARN = "sklearn"


RegistryOption = Annotated[
    Path, typer.Option("--registry", envvar="WEIR_MODEL__REGISTRY", help="Directory of the registry.")
]
TargetOption = Annotated[str | None, typer.Option(help="Column that holds the label: no feature.")]
TimeOption = Annotated[
    str | None, typer.Option(help="Column that holds the time, for drift to learn seasons from: no feature.")
]
KeyOption = Annotated[str | None, typer.Option(help="Column that holds the Kafka key, for keyed features: no feature.")]
RuntimeOption = Annotated[
    Runtimes, typer.Option(help="auto: ONNX where it answers as scikit-learn does, else scikit-learn.")
]
FallbackOption = Annotated[
    Path | None, typer.Option("--fallback", help="TOML file: what answers when the model does not.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", help="TOML file about the answers: labels, threshold, rounding, calibration, clipping."),
]
PreprocessOption = Annotated[
    Path | None,
    typer.Option("--preprocess", help="TOML file: steps from the features of events to what the estimator takes."),
]
TrustOption = Annotated[bool, typer.Option("--trust", help="Open a pickle you made yourself, in a child process.")]


@model_app.command()
def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="Fitted estimator: .skops, or .joblib/.pkl with --trust; .onnx; or an online model, declared in .toml."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    data: Annotated[Path, typer.Option(help="Training rows: .csv, .jsonl or .parquet.")],
    version: Annotated[str | None, typer.Option(help="Default: the next free number.")] = None,
    target: TargetOption = None,
    time: TimeOption = None,
    key: KeyOption = None,
    trust: TrustOption = False,
    runtime: RuntimeOption = Runtimes.AUTO,
    fallback: FallbackOption = None,
    output: OutputOption = None,
    preprocess: PreprocessOption = None,
    registry: RegistryOption = Path("registry"),
    as_json: JsonOption = False,
) -> None:
    """Publish a fitted estimator as a new version; the first version of a name becomes active."""
    from streams.cli import model_work  # noqa: PLC0415  scikit-learn takes a second that other commands need not wait

    model_work.add(
        file,
        name,
        data,
        version,
        target,
        time,
        key,
        trust=trust,
        runtime=runtime.value,
        fallback=fallback,
        output=output,
        preprocess=preprocess,
        registry=registry,
        as_json=as_json,
    )


@model_app.command()
def check(
    subjects: Annotated[list[str], typer.Argument(help="Estimator files, artifact directories, NAME or NAME/VERSION.")],
    data: Annotated[Path | None, typer.Option(help="With an estimator file: the training rows.")] = None,
    target: TargetOption = None,
    time: TimeOption = None,
    key: KeyOption = None,
    trust: TrustOption = False,
    runtime: RuntimeOption = Runtimes.AUTO,
    fallback: FallbackOption = None,
    output: OutputOption = None,
    preprocess: PreprocessOption = None,
    registry: RegistryOption = Path("registry"),
    as_json: JsonOption = False,
) -> None:
    """Try what `add` or a worker would do, and say what would fail. Writes nothing; exit code 4 when anything would."""
    from streams.cli import model_work  # noqa: PLC0415

    model_work.check(
        subjects,
        data,
        target,
        time,
        key,
        trust=trust,
        runtime=runtime.value,
        fallback=fallback,
        output=output,
        preprocess=preprocess,
        registry=registry,
        as_json=as_json,
    )


@model_app.command()
def prepare(
    training: Annotated[Path, typer.Argument(metavar="TRAIN", help="Training rows: .csv, .jsonl or .parquet.")],
    out: Annotated[Path, typer.Argument(help="File to write: .csv, .jsonl or .parquet.")],
    preprocess: Annotated[Path, typer.Option("--preprocess", help="TOML file with the steps.")],
    target: TargetOption = None,
    time: TimeOption = None,
    key: KeyOption = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", help="Write the rows of this file instead, such as held-out ones.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write training rows as the estimator is to see them: fit it on these. Steps learn from TRAIN only."""
    from streams.cli import prepare_work  # noqa: PLC0415

    prepare_work.prepare(training, out, preprocess, target, time, key, rows, as_json=as_json)


@model_app.command("list")
def list_models(registry: RegistryOption = Path("registry"), as_json: JsonOption = False) -> None:
    """Every version in the registry; the active one of each name is marked."""
    from streams.cli import model_work  # noqa: PLC0415

    model_work.list_versions(registry, as_json=as_json)
