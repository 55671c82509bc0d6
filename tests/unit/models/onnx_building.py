"""Small ONNX files, sound ones and such as must be refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx

OPSETS = {"": 18, "ai.onnx.ml": 3}
ONE = numpy_helper.from_array(np.ones(1, np.float32), "one")


def exported(estimator: Any, columns: int, **options: Any) -> bytes:
    """As a user exports a fitted estimator: float32, with the labels, without ZipMap."""
    sample = np.zeros((1, columns), np.float32)
    chosen = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    return to_onnx(estimator, sample, options=chosen, target_opset=OPSETS, **options).SerializeToString()


def external(tensor: TensorProto) -> TensorProto:
    """The same tensor, whose values are said to be in a file."""
    moved = TensorProto()
    moved.CopyFrom(tensor)
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    moved.external_data.add(key="location", value="weights.bin")
    return moved


def graph_of(
    nodes: list[Any], initializers: tuple[TensorProto, ...] = (), shape: tuple[Any, ...] = (None, 5), **more: Any
) -> Any:
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info("Y", TensorProto.FLOAT, (None, None))
    return helper.make_graph(nodes, "g", [given], [answer], list(initializers), **more)


def file_of(graph: Any, *, domains: tuple[str, ...] = (), functions: tuple[Any, ...] = ()) -> bytes:
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9).SerializeToString()


def computing(kind: str, *, shape: tuple[Any, ...] = (None, 5), **attributes: Any) -> bytes:
    """A file of one operator that takes X and gives Y."""
    return file_of(graph_of([helper.make_node(kind, ["X"], ["Y"], **attributes)], shape=shape))


def _constant(tensor: TensorProto) -> Any:
    return helper.make_node("Constant", [], ["one"], value=tensor)


_ADD = helper.make_node("Add", ["X", "one"], ["Y"])


def _branch(tensor: TensorProto) -> Any:
    return helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (1,))],
        [tensor],
    )


def with_tensor(place: str, tensor: TensorProto) -> bytes:
    """A file that holds `tensor` at a place of any kind."""
    inner = TensorProto()
    inner.CopyFrom(tensor)
    inner.name = "inner"
    if place == "initializer":
        return file_of(graph_of([_ADD], (tensor,)))
    if place == "attribute":
        return file_of(graph_of([_constant(tensor), _ADD]))
    if place == "list of tensors":
        node = helper.make_node("Identity", ["X"], ["Y"])
        node.attribute.append(helper.make_attribute("several", [tensor, tensor]))
        return file_of(graph_of([node]))
    if place == "sparse":
        indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
        sparse = helper.make_sparse_tensor(tensor, indices, [1])
        return file_of(graph_of([_ADD], sparse_initializer=[sparse]))
    if place == "subgraph":
        condition = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True)))
        chosen = helper.make_node("If", ["c"], ["one"], then_branch=_branch(inner), else_branch=_branch(inner))
        return file_of(graph_of([condition, chosen, _ADD]))
    if place == "function":
        opsets = [helper.make_opsetid("", 18)]
        function = helper.make_function("ai.onnx", "Own", ["a"], ["Y"], [_constant(tensor), _ADD], opsets)
        return file_of(graph_of([helper.make_node("Identity", ["X"], ["Y"])]), functions=(function,))
    assert place == "training"
    model = onnx.load_from_string(computing("Identity"))
    model.training_info.add().algorithm.initializer.append(tensor)
    return model.SerializeToString()


PLACES = ("initializer", "attribute", "list of tensors", "sparse", "subgraph", "function", "training")
