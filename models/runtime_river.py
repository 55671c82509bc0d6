"""Online models behind the model protocol: explicit parameters, computed with numpy alone. River only learns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.environment import vector_units, versions_of
from models.errors import ModelError
from models.manifest import Manifest, Task
from models.online.design import column_names, design
from models.online.parameters import Parameters, decode_parameters
from models.online.probabilities import probabilities
from models.prediction import FloatMatrix
from models.schema import InputSchema
from models.tiles import RawPredict

LIBRARIES = ("numpy",)
TOLERANCE = 1e-9
ESTIMATOR_FILE = "estimator.json"


def library_versions() -> dict[str, str]:
    """Versions of what computes the answers."""
    return versions_of(LIBRARIES)


def platform_name() -> str:
    """Processor and its vector units, by which numpy chooses how it computes exponentials."""
    return vector_units("numpy")


def check_versions(recorded: Mapping[str, str], where: str) -> None:
    """Nothing is refused by its version: the parameters say all, and the parity sample checks the arithmetic."""


def ask(parameters: Parameters, schema: InputSchema) -> RawPredict:
    """How to ask a model. Raises ValueError when its columns are not those of the schema."""
    due = column_names(schema)
    if tuple(parameters.columns) != due:
        raise ValueError(f"it knows columns {parameters.columns[:5]}, the schema has {list(due[:5])}")

    def raw(matrix: FloatMatrix) -> FloatMatrix:
        return np.ascontiguousarray(probabilities(parameters, design(schema, matrix)))

    return raw


def read_parameters(manifest: Manifest, data: bytes, where: str) -> Parameters:
    """The manifest's parameters from checked bytes. Raises ModelError."""
    parameters = decode_parameters(data, where)
    labels = len(manifest.output.labels)
    if manifest.output.task is Task.REGRESSION or parameters.labels != labels:
        raise ModelError(
            f"it tells {parameters.labels} classes apart, the manifest has {labels}",
            where=where,
            cause="the parameters of one version with the manifest of another",
            fix="add the model again",
        )
    return parameters


def load_raw(manifest: Manifest, data: bytes, where: str) -> RawPredict:
    """The manifest's model from checked bytes. Raises ModelError, and ValueError where it does not fit the manifest."""
    return ask(read_parameters(manifest, data, where), manifest.preparation.outputs)
