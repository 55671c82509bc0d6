"""What strangers' bytes come to first. A target takes any bytes, and raises only where something is wrong with us."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from yarl import URL

from streams.http.answers import Refused, said_of, status_of
from streams.http.asked import BadRequest, Form, asked
from streams.http.origins import is_address_or_localhost, is_host
from streams.http.tensors import events_of, infer_request
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.pipeline.fakes import NOW, SCHEMA, ToyModel, event
from tests.unit.pipeline.test_bad_input import FAMILIES

MOST_ROWS = 64
GOOD = event("good")
MODEL = ToyModel()
PIPELINE = Pipeline(MODEL, Limits(value_bytes=4096, depth=6, id_length=16))
TIME = NOW


def decode_event(data: bytes) -> None:
    """The value of a record: an answer or a reason, and its neighbour is answered all the same."""
    MODEL.calls.clear()
    outcomes = PIPELINE.run([data, GOOD, data], [TIME, TIME, -1])
    rows = sorted([*outcomes.rows, *(each.row for each in outcomes.rejections), *outcomes.tombstones])
    assert rows == [0, 1, 2], "each value has one place"
    assert 1 in outcomes.rows, "the neighbour is answered"
    said = said_of(MODEL, outcomes, 3)
    msgspec.json.encode(said)
    for each in said:
        if isinstance(each, Refused):
            assert 400 <= status_of(each.error.reason) < 600
            assert each.error.detail.isprintable() and len(each.error.detail) < 2_000


def parse_predict(data: bytes) -> None:
    """The body of `POST /predict`."""
    try:
        found = asked(data, SCHEMA.names, MOST_ROWS)
    except BadRequest:
        return
    assert len(found.values) <= MOST_ROWS
    assert found.form is Form.EVENTS or len(found.values) == 1
    MODEL.calls.clear()
    if found.values:
        said_of(MODEL, PIPELINE.run(found.values, [TIME] * len(found.values)), len(found.values))


def parse_infer(data: bytes) -> None:
    """The body of `…/infer`."""
    try:
        events = events_of(infer_request(data), SCHEMA, MOST_ROWS)
    except BadRequest:
        return
    assert len(events) <= MOST_ROWS
    MODEL.calls.clear()
    if events:
        PIPELINE.run(events, [TIME] * len(events))


def read_host(data: bytes) -> None:
    """``Host`` of a request: one that is let in makes an address."""
    host = data.decode("latin-1")
    if is_address_or_localhost(host) and is_host(host):
        URL.build(scheme="http", authority=host)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "event": decode_event,
    "predict": parse_predict,
    "infer": parse_infer,
    "host": read_host,
}

TENSOR = b'{"name": "age", "shape": [1], "datatype": "FP64", "data": [41]}'
MATRIX = b'{"name": "all", "shape": [1, 5], "datatype": "BYTES", "data": [41, null, true, "pro", "Oslo"]}'

SEEDS: list[bytes] = [
    GOOD,
    *(bad for bad, _, _ in FAMILIES.values()),
    b'{"events": [' + GOOD + b", {}]}",
    b'{"input": [41, 5200.5, true, "pro", "Oslo"]}',
    b'{"id": "1", "inputs": [' + TENSOR + b"]}",
    *(b"127.0.0.1:99999", b"localhost:8080", b"[::1]:80", b"[", b"127.0.0.1:8080@localhost"),
    b'{"inputs": [' + MATRIX + b'], "outputs": [{"name": "predict"}], "parameters": {}}',
]
"""Good and bad ones of every family, to begin from."""
