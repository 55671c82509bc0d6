"""What an ONNX file holds, read before ONNX Runtime sees it: nothing outside of itself, and known operators only.

The whole message is walked, subgraphs and functions included. Where a message is repeated although it may stand once,
every one of them is looked at: it is no matter which of them another parser takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.errors import ModelError
from models.protobuf_wire import BYTES, VARINT, Field, Malformed, fields, varint

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_DEEPEST = 32
_FLAT_BUFFER = b"ORTM"

# Message -> number of a field -> the message in it. Left out is what holds no tensor, node or domain.
_INSIDE = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "port", 12: "port", 15: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_DOMAIN_OF = {"opset": 1, "node": 7, "function": 10}
_NUMBERS = {"attribute": frozenset({0x3D, 0x40, 0x4A})}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_ELEMENTS = {1: "float", 6: "int32", 7: "int64", 8: "string", 9: "bool", 11: "double"}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output. `element` is the type of a tensor's values, None for anything but a tensor; `shape` holds
    None where the size is open, and is None where nothing is said about it."""

    name: str
    element: str | None
    shape: tuple[int | None, ...] | None


@dataclass(slots=True)
class Contents:
    """The ports of the main graph. `inputs` leaves out those that the file itself gives a value."""

    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)


def check_onnx(data: bytes, where: str) -> Contents:
    """Raises ModelError for another format, data outside of the file, and operators that ONNX Runtime may not know."""
    try:
        if data[4:8] == _FLAT_BUFFER:
            raise Malformed("ONNX Runtime's own format, which cannot be looked into")
        contents = _read(data, where)
    except (Malformed, UnicodeDecodeError) as error:
        raise ModelError(
            f"not an ONNX file: {error}",
            where=where,
            cause="damaged, cut off, or another format under this name",
            fix="export the model again, as an .onnx file",
        ) from error
    return contents


def _read(data: bytes, where: str) -> Contents:
    contents, graphs = Contents(), 0
    given: set[str] = set()
    waiting = [("model", 0, len(data), 0)]
    while waiting:
        kind, start, end, depth = waiting.pop()
        if depth > _DEEPEST:
            raise Malformed(f"nested more than {_DEEPEST} deep")
        for number, wire, at, stop in fields(data, start, end, pass_over=_NUMBERS.get(kind, frozenset())):
            if kind == "tensor":
                _refuse_outside(data, (number, wire, at, stop), where)
            elif number == _DOMAIN_OF.get(kind):
                _check_domain(data[at:stop], where)
            inside = _INSIDE.get(kind, {}).get(number)
            if inside is None:
                continue
            if wire != BYTES:
                raise Malformed(f"field {number} of {kind} is no message")
            if inside == "port":
                if depth == 1:
                    (contents.inputs if number == 11 else contents.outputs).append(_port(data, at, stop))
                continue
            if inside == "tensor" and (kind, depth) == ("graph", 1):
                given.update(_texts(data, at, stop, 8))
            graphs += (kind, inside) == ("model", "graph")
            waiting.append((inside, at, stop, depth + 1))
    if graphs != 1:
        raise Malformed(f"{graphs} graphs instead of one")
    contents.inputs = [port for port in contents.inputs if port.name not in given]
    return contents


def _refuse_outside(data: bytes, found: Field, where: str) -> None:
    number, wire, at, stop = found
    if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and (wire != VARINT or varint(data, at, stop)[0] != 0)):
        raise ModelError(
            "a tensor's data lies outside of the file",
            where=where,
            cause="saved with external data: such a model reads whatever file it names",
            fix="save it as one file: onnx.save(model, 'model.onnx', save_as_external_data=False)",
        )


def _check_domain(text: bytes, where: str) -> None:
    domain = text.decode("utf-8")
    if domain not in DOMAINS:
        raise ModelError(
            f"operators of the domain {domain[:80]!r}",
            where=where,
            cause="operators that are not ONNX's own: they need code from elsewhere",
            fix=f"export it with operators of {' and '.join(sorted(DOMAINS - {''}))} only",
        )


def _port(data: bytes, start: int, end: int) -> Port:
    name, element, shape = "", None, None
    for number, _, at, stop in fields(data, start, end):
        if number == 1:
            name = data[at:stop].decode("utf-8")
        elif number == 2:
            for kind, _, tensor, tensor_end in fields(data, at, stop):
                if kind == 1:
                    element, shape = _tensor(data, tensor, tensor_end)
    return Port(name, element, shape)


def _tensor(data: bytes, start: int, end: int) -> tuple[str, tuple[int | None, ...] | None]:
    element, shape = "none", None
    for number, _, at, stop in fields(data, start, end):
        if number == 1:
            code, _ = varint(data, at, stop)
            element = _ELEMENTS.get(code, f"type {code}")
        elif number == 2:
            shape = tuple(_size(data, begin, last) for no, _, begin, last in fields(data, at, stop) if no == 1)
    return element, shape


def _size(data: bytes, start: int, end: int) -> int | None:
    sizes = [
        varint(data, at, stop)[0] for number, wire, at, stop in fields(data, start, end) if (number, wire) == (1, 0)
    ]
    return sizes[-1] if sizes and 0 < sizes[-1] < 1 << 62 else None


def _texts(data: bytes, start: int, end: int, wanted: int) -> Iterator[str]:
    for number, wire, at, stop in fields(data, start, end):
        if number == wanted and wire == BYTES:
            yield data[at:stop].decode("utf-8")
