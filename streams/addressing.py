"""Which of a batch's events a model is asked about: all of them, but those whose header names another model. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from streams.contracts import HEADER_MODEL
from streams.one_line import one_line
from streams.records import Headers, RecordBatch


@dataclass(frozen=True, slots=True)
class Addressed:
    """Rows of a batch that a model answers for, rising. `unknown`: those of them that name a model nobody has, with why
    they get no answer."""

    rows: list[int]
    unknown: dict[int, str]


class Addressing:
    """For one model of a worker. An event without the header `weir-model` goes to every model, one with it to that."""

    def __init__(
        self, model: str, *, beside: Iterable[str] = (), elsewhere: Iterable[str] = (), speaks_for_all: bool = True
    ) -> None:
        """`beside`: models that the same worker asks; `elsewhere`: those that another one may. Who `speaks_for_all`
        rejects events to a model that nobody has; one model of a worker does."""
        self._model, self._beside, self._elsewhere = model, frozenset(beside), frozenset(elsewhere)
        self._speaks_for_all = speaks_for_all

    def among(self, batch: RecordBatch) -> Addressed | None:
        """None, as nearly always: all rows, and no event names a model that is not known."""
        if not batch.has_headers:
            return None
        rows: list[int] = []
        unknown: dict[int, str] = {}
        for row, headers in enumerate(batch.headers):
            named = _named(headers)
            if named is None or named == self._model:
                rows.append(row)
            elif self._speaks_for_all and named not in self._beside | self._elsewhere:
                rows.append(row)
                unknown[row] = one_line(f"the header {HEADER_MODEL} names {named!r}, which is not in the registry")
        return None if len(rows) == len(batch) and not unknown else Addressed(rows, unknown)

    def passed_over(self, batch: RecordBatch) -> Counter[str]:
        """How many events name which model that this worker does not ask, by whom `speaks_for_all`."""
        if not self._speaks_for_all or not batch.has_headers:
            return Counter()
        return Counter(named for named in map(_named, batch.headers) if named in self._elsewhere)


def _named(headers: Headers | None) -> str | None:
    """The last one says it, as with HTTP's and Kafka's own."""
    values = [value for name, value in headers or () if name == HEADER_MODEL]
    return values[-1].decode("utf-8", "replace") if values and values[-1] is not None else None
