"""A fitted scikit-learn estimator as an ONNX file, by skl2onnx. Not imported by anything that serves."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
from skl2onnx import convert_sklearn  # type: ignore[import-untyped]
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType  # type: ignore[import-untyped]
from sklearn.base import is_classifier
from sklearn.model_selection import FixedThresholdClassifier

from models.schema import InputSchema, Kind
from models.tree_conversion import converters

Precision: TypeAlias = Literal["float64", "float32"]
PRECISIONS: tuple[Precision, ...] = ("float64", "float32")
"""As they are tried. In float64 answers are nearest to scikit-learn's; some operators know float32 only."""

OPSET = {"": 18, "ai.onnx.ml": 3}


def convert(estimator: Any, schema: InputSchema, precision: Precision) -> bytes:
    """One output: the probabilities of a classifier, or the number of a regression. Raises whatever skl2onnx raises.

    Features are one matrix, or, where there are categories, a column each by its name.
    """
    number = DoubleTensorType if precision == "float64" else FloatTensorType
    if any(feature.kind is Kind.CATEGORY for feature in schema.features):
        types = [
            (feature.name, (StringTensorType if feature.kind is Kind.CATEGORY else number)([None, 1]))
            for feature in schema.features
        ]
    else:
        types = [("features", number([None, len(schema.features)]))]
    while isinstance(estimator, FixedThresholdClassifier):  # the threshold is the manifest's, probabilities are its own
        estimator = getattr(estimator, "estimator_", estimator.estimator)
    chatter = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(chatter), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = convert_sklearn(
            estimator,
            initial_types=types,
            target_opset=OPSET,
            options={id(estimator): {"zipmap": False}} if is_classifier(estimator) else None,
            custom_conversion_functions=converters(),
        )
    del model.graph.output[:-1]  # the class follows from the probabilities and the threshold of the manifest
    encoded = model.SerializeToString()
    assert isinstance(encoded, bytes)
    return encoded
