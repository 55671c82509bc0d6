"""The JSON of answers, a whole batch at once: the bytes that msgspec makes of `Prediction`, without making one. Pure.

Most of an answer is the same for all of a batch or a partition. A test holds the bytes equal to `answer_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

import msgspec

from models.prediction import Label
from streams.contracts import Prediction, ServedBy, Source
from streams.ladder.degradation import Degradation

_encode = msgspec.json.Encoder().encode


def prediction_id(topic: str, partition: int, offset: int, model: str) -> str:
    """The same for every redo, whatever version answers."""
    return f"{topic}/{partition}/{offset}/{model}"


class AnswerJson:
    """Answers of one version of a model to events of one topic, or of what stood in for it."""

    def __init__(self, topic: str, model: str, version: str, degradation: Degradation | None = None) -> None:
        """A `degradation` has a version of its own: that for which the rung answered."""
        version = version if degradation is None else degradation.version
        self._topic, self._model, self._version = topic, model, version
        self._served_by = ServedBy.MODEL if degradation is None else degradation.served_by
        self._reason = None if degradation is None else degradation.reason
        self._source, self._name = _text(topic), _text(model)
        self._about = f'","model":"{self._name}","version":"{_text(version)}","prediction":'
        self._served = (
            f',"served_by":"{_text(self._served_by)}","degraded":{"false" if degradation is None else "true"},'
            f'"source":{{"topic":"{self._source}","partition":'
        )
        self._end = "}" if self._reason is None else f',"reason":"{_text(self._reason)}"}}'

    def one(
        self,
        partition: int,
        offset: int,
        event_id: str,
        time: str,
        value: Label,
        score: float | None,
        scores: dict[str, float] | None,
        repeats: int | None = None,
    ) -> bytes:
        """An answer by way of its Struct. `repeats`: the offset of the event that this one is a duplicate of."""
        model = self._model
        return _encode(
            Prediction(
                id=prediction_id(self._topic, partition, offset, model),
                event_id=event_id,
                time=time,
                model=model,
                version=self._version,
                prediction=value,
                served_by=self._served_by,
                degraded=self._reason is not None,
                source=Source(self._topic, partition, offset),
                score=score,
                scores=scores,
                reason=self._reason,
                duplicate_of=None if repeats is None else prediction_id(self._topic, partition, repeats, model),
            )
        )

    def many(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        event_ids: Sequence[str],
        times: Sequence[str],
        values: Sequence[Label],
        scores: Sequence[float] | None,
        class_scores: Sequence[dict[str, float]] | None,
    ) -> list[bytes]:
        """Answers that repeat none, from columns."""
        heads = {p: (f'{{"id":"{self._source}/{p}/', f'{self._served}{p},"offset":') for p in set(partitions)}
        id_end, time_begin, about, end = f'/{self._name}","event_id":"', '","time":"', self._about, self._end
        source_end = "}" if scores is None else '},"score":'
        numbers: Iterable[str] = repeat("") if scores is None else _scalars(scores)
        if class_scores is not None:
            numbers = [
                f'{number},"scores":{_encode(each).decode()}'
                for number, each in zip(numbers, class_scores, strict=False)  # repeat("") has no end
            ]
        columns = zip(
            map(heads.__getitem__, partitions),
            map(str, offsets),
            _texts(event_ids),
            times,
            _scalars(values),
            numbers,
            strict=False,
        )
        return [
            f"{head}{offset}{id_end}{id_}{time_begin}{time}{about}{value}{middle}{offset}{source_end}{number}{end}".encode()
            for (head, middle), offset, id_, time, value, number in columns
        ]


def _text(text: str) -> str:
    """As JSON, without the quotes."""
    return _encode(text)[1:-1].decode()


def _texts(texts: Sequence[str]) -> Sequence[str]:
    """`_text` of each, at once where nothing needs an escape: an escape is longer than what it stands for."""
    joined = "".join(texts)
    if len(_encode(joined)) - 2 == len(joined.encode()):
        return texts
    return list(map(_text, texts))


def _scalars(values: Sequence[Label]) -> Sequence[str]:
    """Each as JSON."""
    types = set(map(type, values))
    if types == {str}:
        known = {value: _encode(value).decode() for value in set(values)}
        return list(map(known.__getitem__, values))
    if types and types <= {int, float, bool}:
        return _encode(values)[1:-1].decode().split(",")
    return [_encode(value).decode() for value in values]
