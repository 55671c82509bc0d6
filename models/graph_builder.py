"""Nodes of an ONNX graph, added where skl2onnx asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from models.flat_trees import FlatTree, tree_attributes

_ML, _ML_VERSION = "ai.onnx.ml", 3
_SINCE_14 = ("Add", "Div", "Identity")


class GraphBuilder:
    """Adds nodes to skl2onnx's container."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        named = output or self._scope.get_unique_variable_name(kind.lower())
        if kind == "Concat":
            attributes["axis"] = 1
        version = 14 if kind in _SINCE_14 else 13
        attributes["name"] = self._scope.get_unique_operator_name(kind)
        self._container.add_node(kind, inputs, named, op_version=version, **attributes)
        return named

    def cast(self, name: str, to: int) -> str:
        return self.node("Cast", [name], to=to)

    def constant(self, values: Any) -> str:
        return self._initializer(np.atleast_1d(np.asarray(values, dtype=np.float64)))

    def trees(self, given: str, trees: Sequence[FlatTree], targets: int) -> str:
        """The sum of the trees' leaves: rows x targets, in float64 but rounded to float32 at the end."""
        named = self._scope.get_unique_variable_name("trees")
        self._container.add_node(
            "TreeEnsembleRegressor",
            [given],
            named,
            op_domain=_ML,
            op_version=_ML_VERSION,
            name=self._scope.get_unique_operator_name("trees"),
            n_targets=targets,
            **tree_attributes(trees),
        )
        return self.cast(named, TensorProto.DOUBLE)

    def publish(self, operator: Any, numbers: str) -> None:
        """`numbers` (rows x classes, or x 1) as the operator's outputs, of the types that skl2onnx declared."""
        declared = {"DoubleTensorType": TensorProto.DOUBLE, "FloatTensorType": TensorProto.FLOAT}
        last = operator.outputs[-1]
        self.node("Cast", [numbers], last.full_name, to=declared[type(last.type).__name__])
        if len(operator.outputs) == 2:
            classes = operator.raw_operator.classes_
            words = self._initializer(classes.astype(object if classes.dtype.kind in "OU" else np.int64))
            chosen = self.node("ArgMax", [numbers], axis=1, keepdims=0)
            self.node("Gather", [words, chosen], operator.outputs[0].full_name)

    def _initializer(self, values: NDArray[Any]) -> str:
        named = self._scope.get_unique_variable_name("constant")
        self._container.initializers.append(numpy_helper.from_array(values, named))
        return str(named)
