"""ONNX models behind the model protocol: one thread, the processor only, one call a tile."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import, which begins a session and leaves a file for it
import onnxruntime  # type: ignore[import-untyped]

from models.environment import vector_units, versions_of
from models.errors import ModelError
from models.manifest import Manifest
from models.onnx_graph import Port, check_onnx
from models.onnx_inputs import feeds_of
from models.prediction import FloatMatrix
from models.schema import InputSchema
from models.tiles import RawPredict

LIBRARIES = ("numpy", "onnxruntime")
TOLERANCE = 1e-5
"""Most models compute in float32: another processor or version rounds its seventh digit otherwise."""

ESTIMATOR_FILE = "estimator.onnx"


def library_versions() -> dict[str, str]:
    """Versions of what computes the answers."""
    return versions_of(LIBRARIES)


def platform_name() -> str:
    """Processor and its vector units, by which ONNX Runtime chooses its kernels."""
    return vector_units("onnx")


def check_versions(recorded: Mapping[str, str], where: str) -> None:
    """Nothing is refused by its version: ONNX says what each operator computes, and the parity sample checks it."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A checked file, loaded. `answers` is the output with the numbers, `labels` that with the class where there is
    one."""

    session: onnxruntime.InferenceSession
    inputs: Sequence[Port]
    answers: Port
    labels: Port | None


def load_onnx(data: bytes, where: str) -> OnnxModel:
    """Raises ModelError for what `check_onnx` refuses, what the runtime refuses, and outputs that cannot be served."""
    contents = check_onnx(data, where)
    answers, labels = _outputs(contents.outputs, where)
    options = onnxruntime.SessionOptions()
    # The workers are the unit of parallelism, and sums that are split over another number of threads have other bits.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises many kinds
        raise ModelError(
            f"ONNX Runtime does not load it: {str(error)[:300]}",
            where=where,
            cause="damaged, or exported for a later version of ONNX than this runtime reads",
            fix="export it for an earlier opset, or install a later onnxruntime",
        ) from error
    return OnnxModel(session, contents.inputs, answers, labels)


def ask(model: OnnxModel, schema: InputSchema) -> RawPredict:
    """How to ask the model. Raises ValueError when its inputs are not those of the schema."""
    feeds, output, run = feeds_of(model.inputs, schema), [model.answers.name], model.session.run

    def raw(matrix: FloatMatrix) -> FloatMatrix:
        answers = np.asarray(run(output, feeds(matrix))[0], dtype=np.float64)
        return np.ascontiguousarray(answers.reshape(len(matrix), -1))

    return raw


def load_raw(manifest: Manifest, data: bytes, where: str) -> RawPredict:
    """The manifest's model from checked bytes. Raises ModelError, and ValueError where it does not fit the manifest."""
    return ask(load_onnx(data, where), manifest.preparation.outputs)


def _outputs(outputs: Sequence[Port], where: str) -> tuple[Port, Port | None]:
    numbers = [port for port in outputs if port.element in ("float", "double")]
    labels = [port for port in outputs if port.element in ("int64", "string", "bool")]
    if len(numbers) != 1 or len(labels) > 1 or len(numbers) + len(labels) != len(outputs):
        listed = ", ".join(f"{port.name!r} ({port.element or 'no tensor'})" for port in outputs)
        raise ModelError(
            f"its outputs are {listed or 'none'}",
            where=where,
            cause="a classifier with ZipMap gives a list of maps; other models may give several results",
            fix="give one output of numbers, and for a classifier one of labels: to_onnx(…, options={'zipmap': False})",
        )
    return numbers[0], labels[0] if labels else None
