"""The program of an isolated model: `python -m models.serve_version REGISTRY NAME VERSION DIGEST SOCKET WORKER`.

models.model_process starts it. DIGEST is that of the manifest which the worker read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.errors import ModelError
from models.loaded import load_model
from models.registry import Registry
from models.serving import serve
from models.tiles import RawPredict


def load(root: str, name: str, version: str, digest: str) -> RawPredict:
    """The version's estimator, fully checked. Raises ModelError."""
    registry = Registry(Path(root))
    artifact = registry.artifact(name, version)
    # The worker checked who signed it; so nothing is parsed before it is known to be the same.
    if artifact.manifest.digest != digest:
        raise ModelError(
            "the version has changed since the worker started",
            where=f"{root}/{name}/{version}",
            cause="its files were replaced, although a version never changes",
            fix="put them back, or add the model as a new version and start the worker again",
        )
    return load_model(artifact, registry.where(artifact)).predict_raw


def main() -> None:
    *version, connection, worker = sys.argv[1:]
    serve(lambda: load(*version), int(connection), int(worker))


if __name__ == "__main__":
    main()
