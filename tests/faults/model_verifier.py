"""Holds a run against the oracle whose model rejected rows: which ones is chance, and all else is not."""

from __future__ import annotations

import dataclasses

import msgspec

from streams.contracts import Reason
from streams.kafka.reading import Record
from tests.faults.answers import source_of
from tests.faults.oracle import Expected
from tests.faults.verifier import Verifier, reason_of

BLAMED = frozenset({Reason.MODEL_DEADLINE.value, Reason.MODEL_ERROR.value})


class ModelVerifier(Verifier):
    """What the model did not answer must be a dead letter with the event as it was, and have left no other trace."""

    def _expected(self, inputs: dict[int, list[Record]], dead_letters: dict[int, list[Record]]) -> Expected:
        expected = super()._expected({p: _without(own, dead_letters[p]) for p, own in inputs.items()}, dead_letters)
        rejected = {p: list(values) for p, values in expected.dead_letters.items()}
        for partition, own in dead_letters.items():
            values = {record.offset: record.value for record in inputs[partition]}
            for index, letter in enumerate(own[: len(rejected[partition])]):
                if reason_of(letter) in BLAMED:
                    rejected[partition][index] = values[source_of(letter.headers)]
        return dataclasses.replace(expected, dead_letters=rejected)


def _without(records: list[Record], dead_letters: list[Record]) -> list[Record]:
    """The records; those that the model was blamed for without features: of the same time, and no model is asked."""
    blamed = {source_of(letter.headers) for letter in dead_letters if reason_of(letter) in BLAMED}
    return [
        record._replace(value=msgspec.json.encode({**msgspec.json.decode(record.value or b""), "features": {}}))
        if record.offset in blamed
        else record
        for record in records
    ]
