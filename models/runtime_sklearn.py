"""scikit-learn estimators behind the model protocol: checked libraries, checked types, one call a tile."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401  (loads the BLAS that `platform_name` asks for)
import threadpoolctl  # type: ignore[import-untyped]

from models.coding import object_matrix
from models.environment import versions_of
from models.errors import ModelError
from models.estimator_parts import make_portable
from models.manifest import Manifest, Task
from models.prediction import FloatMatrix
from models.schema import InputSchema, Kind
from models.tiles import RawPredict
from models.trusted import load_trusted

LIBRARIES = ("numpy", "scikit-learn", "scipy", "skops")
TOLERANCE = 1e-9
ESTIMATOR_FILE = "estimator.skops"


def library_versions() -> dict[str, str]:
    """Versions of what computes the answers."""
    return versions_of(LIBRARIES)


@functools.cache
def platform_name() -> str:
    """Processor and kernel family: with these and the libraries equal, answers are equal bit for bit."""
    kernels = {library.get("architecture") or "" for library in threadpoolctl.threadpool_info()} - {""}
    return "-".join([platform.machine(), *sorted(kernels)])


def check_versions(recorded: Mapping[str, str], where: str) -> None:
    """Raises ModelError when scikit-learn is of another major or minor version: its estimators' insides change."""
    found, saved = library_versions()["scikit-learn"], recorded.get("scikit-learn", "none")
    if found.split(".")[:2] != saved.split(".")[:2]:
        raise ModelError(
            f"added with scikit-learn {saved}, here is {found}",
            where=where,
            cause="scikit-learn promises nothing between minor versions, answers may differ without an error",
            fix=f"install scikit-learn {saved}, or train and add the model with {found}",
        )


def load_estimator(data: bytes, where: str) -> Any:
    """The estimator as saved, from skops bytes. Raises ModelError."""
    return load_trusted(data, where)


def load_raw(manifest: Manifest, data: bytes, where: str) -> RawPredict:
    """The manifest's estimator from checked bytes. Raises ModelError."""
    columns = manifest.preparation.outputs
    return raw_predict(load_estimator(data, where), columns, manifest.output.task, manifest.null_category)


def raw_predict(
    estimator: Any, schema: InputSchema, task: Task, null_category: Literal["none", "nan"] = "none"
) -> RawPredict:
    """How to ask the estimator; it is changed in place to be serial and free of data frames."""
    make_portable(estimator)
    # Stays so for the process: the workers are the unit of parallelism, and a product that is split over another
    # number of threads has other bits. A limit for each call would not hold when two threads predict.
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")
    # OpenMP's limit belongs to the calling thread, so it is set at each call (5 us; histogram boosting answers one row
    # in 0.6 ms on one thread and in 2.7 ms on two, 8,192 rows in the same time).
    openmp = threadpoolctl.ThreadpoolController().select(user_api="openmp")
    ask: Callable[[Any], Any] = estimator.predict if task is Task.REGRESSION else estimator.predict_proba
    null = None if null_category == "none" else float("nan")
    has_categories = any(feature.kind is Kind.CATEGORY for feature in schema.features)

    def raw(matrix: FloatMatrix) -> FloatMatrix:
        given = object_matrix(schema, matrix, null) if has_categories else matrix
        with openmp.limit(limits=1):
            answers = np.asarray(ask(given), dtype=np.float64)
        return np.ascontiguousarray(answers.reshape(len(matrix), -1))

    return raw
