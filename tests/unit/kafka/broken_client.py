"""A client that raises a KafkaError as it is, as confluent-kafka 2.16 was seen to."""

from __future__ import annotations

import ctypes
from typing import Any

from confluent_kafka import KafkaError


def raise_as_it_is(error: KafkaError) -> None:
    """Past the interpreter: `raise` refuses what is no exception."""
    kind, value = _given_away(KafkaError), _given_away(error)
    ctypes.pythonapi.PyErr_Restore(kind, value, None)


def _given_away(held: Any) -> Any:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
    return ctypes.py_object(held)
