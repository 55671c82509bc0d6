"""A real worker whose model misbehaves: `python -m tests.faults.models ROLES FAULT FOLDER`.

FAULT and FOLDER as in `tests.faults.misbehaviour`. Settings come from the environment, `WEIR_MODEL__ISOLATION`
included: with `thread` the model misbehaves in the worker, with `process` in its child.
"""

from __future__ import annotations

import sys
from pathlib import Path

import models.isolated
import models.registry
from models.artifact import Artifact
from models.loaded import LoadedModel, load_model
from streams.settings import load_settings
from streams.telemetry.log import configure_logging
from streams.worker import run_worker
from tests.faults.misbehaviour import Misbehaviour


def misbehave(fault: str, folder: Path) -> None:
    """From now on the models that this process loads misbehave, and so do those of the children that it starts."""

    def misbehaving(model: LoadedModel) -> Misbehaviour:
        return Misbehaviour(model.predict_raw, fault, folder, model.version)

    def load(artifact: Artifact, where: str) -> LoadedModel:
        model = load_model(artifact, where)
        return LoadedModel(model.manifest, misbehaving(model), model.reference)

    models.registry.load_model = load  # type: ignore[attr-defined]
    models.isolated.PROGRAM = (  # type: ignore[misc]
        sys.executable,
        "-m",
        "tests.faults.model_child",
        fault,
        str(folder.resolve()),
    )


def main() -> None:
    roles, fault, folder = sys.argv[1:]
    misbehave(fault, Path(folder))
    configure_logging(as_json=True)
    sys.exit(run_worker(load_settings(), tuple(roles.split(","))))


if __name__ == "__main__":
    main()
