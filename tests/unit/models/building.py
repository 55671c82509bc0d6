"""Small fitted estimators, and their way into a registry without drift's reference profile."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.adding import make_candidate
from models.artifact import MANIFEST, MANIFEST_DIGEST
from models.declared_output import DeclaredOutput
from models.manifest import Manifest, decode_manifest
from models.registry import Registry
from models.schema import Feature, InputSchema
from models.trusted import save_estimator

REFERENCE = b'{"opaque": true}'


def number_schema(columns: int) -> InputSchema:
    return InputSchema(tuple(Feature(f"f{i}") for i in range(columns)))


def rows(n: int = 400, columns: int = 5, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, columns))


def publish(root: Path, name: str, estimator: Any, matrix: np.ndarray, **options: Any) -> Manifest:
    schema = options.pop("schema", None) or number_schema(matrix.shape[1])
    version = options.pop("version", None)
    fields = set(DeclaredOutput.__struct_fields__) & set(options)
    declared = DeclaredOutput(**{field: options.pop(field) for field in fields})
    candidate = make_candidate(
        save_estimator(estimator),
        schema,
        matrix,
        name=name,
        created="2026-01-01T00:00:00Z",
        where="test",
        declared=declared,
        **options,
    )
    return Registry(root).publish(candidate.manifest, candidate.files(REFERENCE), version)


def replace_file(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def reseal(directory: Path, files: dict[str, bytes] | None = None, **changes: Any) -> None:
    """Change an artifact as someone who knows the format would: with every digest right."""
    for name, data in (files or {}).items():
        replace_file(directory / name, data)
    manifest = decode_manifest((directory / MANIFEST).read_bytes(), "test")
    digests = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in manifest.files}
    described = msgspec.json.encode(msgspec.structs.replace(manifest, files=digests, **changes))
    replace_file(directory / MANIFEST, described)
    replace_file(directory / MANIFEST_DIGEST, hashlib.sha256(described).hexdigest().encode())
