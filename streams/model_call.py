"""Predict and post-process: ask the model about a batch, and find the rows to blame when it fails.

A failing call is narrowed down by halves to the first bad row; the next group is as long as the share of bad rows so
far suggests (generalized binary splitting: Hwang, 1972). One bad row in n costs about 2 log2 n calls, and where every
row is bad n + log2 n, never more than about 2 n. A model that gives no answer at all, time after time, is not asked for
each row: see models.prediction.NoAnswer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix, Model, ModelDeadline, ModelRaised, NoAnswer, Predictions
from streams.contracts import Reason
from streams.ladder.degradation import CacheUse, Degradation
from streams.one_line import one_line

MOST_UNANSWERED = 128
"""Calls of one batch that may go without any answer, each for as long as a deadline; then the rest is blamed."""

SOON, SPREAD = 3, 3
"""Where something else can answer, a model that left so many calls in a row without an answer is asked about so many
single rows, spread over what is left: if it has no word for any it is given up."""

ROUNDING = 1e-5
"""A probability may be so far outside 0 to 1, as in scikit-learn: sums of shares are, and single precision."""

_GOOD_HALF = 0.69
"""A group of 0.69 / p rows is without a bad one about every second time (ln 2)."""


@dataclass(frozen=True, slots=True)
class Blame:
    """A row of the matrix that has no answer; `asked`: of the model itself, and not only of what stands in for it."""

    row: int
    reason: Reason
    error: str
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """`predictions` of the rows `rows` of the matrix, in order; the others are blamed. `given_up`: the model left so
    many calls without an answer that it was asked no further.

    `degraded` are rows that something else answered in the model's place.
    """

    rows: list[int]
    predictions: Predictions
    blamed: list[Blame]
    given_up: bool = False
    degraded: Mapping[int, Degradation] = field(default_factory=dict)
    cache: CacheUse | None = None


class OutputMalformed(Exception):
    """A model's answer does not have the shape that models.prediction.Predictions promises."""


def no_predictions(signals: int) -> Predictions:
    return Predictions([], None, None, np.empty((0, signals)))


def predict(model: Model, matrix: FloatMatrix, *, patient: bool = True) -> Answers:
    """Answer as many rows as the model can answer, blame the others one by one. Raises nothing that a model raises.
    Not `patient`: something else can answer, so a model that hangs on everything is given up `SOON`."""
    search = _Search(model, matrix, patient=patient)
    total, position = len(matrix), 0
    while position < total:
        size = max(1, int(_GOOD_HALF * position / len(search.blamed))) if search.blamed else total
        position = search.advance(position, min(position + size, total))
    rows = [row for start, part in search.answered for row in range(start, start + len(part.values))]
    answers = Answers(rows, _joined([part for _, part in search.answered], model), search.blamed, search.hopeless)
    return _without_unsound(model, answers)


class _Search:
    """Calls of one model over one matrix: what was answered, from which row on, and who is to blame."""

    def __init__(self, model: Model, matrix: FloatMatrix, *, patient: bool) -> None:
        self._model, self._matrix, self._patient = model, matrix, patient
        self.answered: list[tuple[int, Predictions]] = []
        self.blamed: list[Blame] = []
        self._unanswered = self._in_a_row = 0
        self.hopeless = False

    def advance(self, start: int, stop: int) -> int:
        """Settle the rows from `start` to `stop`, or to the first bad one; where it is hopeless to ask on, all that are
        left. Returns the first row not settled."""
        failure = self._ask(start, stop)
        if failure is None:
            return stop
        while stop - start > 1 and not self.hopeless:
            middle = (start + stop) // 2
            if (closer := self._ask(start, middle)) is None:
                start = middle
                # The rest failed only together with what was answered now: the last row standing is asked alone.
                failure = self._ask(start, stop) if stop - start == 1 else failure
            else:
                stop, failure = middle, closer
        if failure is None:
            return stop
        if self.hopeless:
            stop = len(self._matrix)
        self.blamed += [Blame(row, *failure) for row in range(start, stop)]
        return stop

    def _ask(self, start: int, stop: int) -> tuple[Reason, str] | None:
        """Keep the answer for rows `start` to `stop`, or say why there is none."""
        try:
            answer = _well_formed(self._model, self._model.predict(self._matrix[start:stop]), stop - start)
        except OutputMalformed as error:
            return Reason.MODEL_OUTPUT, one_line(str(error))
        except NoAnswer as error:
            self._unanswered += 1
            self._in_a_row += 1
            soon = not self._patient and self._in_a_row == SOON
            self.hopeless = (
                self._unanswered >= MOST_UNANSWERED
                or (error.hopeless and not self._answers_behind(start, 1))
                or (soon and not self._answers_behind(start, SPREAD))
            )
            reason = Reason.MODEL_DEADLINE if isinstance(error, ModelDeadline) else Reason.MODEL_ERROR
            return reason, one_line(str(error))
        except ModelRaised as error:
            return Reason.MODEL_ERROR, one_line(f"the model raised {error.kind}: {error}")
        except Exception as error:  # noqa: BLE001  # a model may raise anything
            return Reason.MODEL_ERROR, one_line(f"the model raised {type(error).__name__}: {error}")
        self._in_a_row = 0
        self.answered.append((start, answer))
        return None

    def _answers_behind(self, start: int, rows: int) -> bool:
        """Whether the model has a word for the last row, or for others spread from `start` to it: then it hangs on some
        rows and not on everything."""
        last = len(self._matrix) - 1
        for row in sorted({last - (last - start) * each // rows for each in range(rows)} - {start}, reverse=True):
            try:
                self._model.predict(self._matrix[row : row + 1])
            except NoAnswer:
                continue
            except Exception:  # noqa: BLE001  # an error is a word
                return True
            return True
        return False


def _well_formed(model: Model, answer: Predictions, rows: int) -> Predictions:
    """The answer with plain floats and float64 arrays. Raises OutputMalformed."""
    try:
        scores = None if answer.scores is None else np.asarray(answer.scores, dtype=np.float64)
        class_scores = None if answer.class_scores is None else np.asarray(answer.class_scores, dtype=np.float64)
        outputs = np.asarray(answer.outputs, dtype=np.float64)
        values = list(answer.values)
    except (AttributeError, TypeError, ValueError) as error:
        raise OutputMalformed(f"the model's answer is not made of numbers: {error}") from error
    expected: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
        ("values", (len(values),), (rows,)),
        ("outputs", outputs.shape, (rows, len(model.output_signals))),
    ]
    if scores is not None:
        expected.append(("scores", scores.shape, (rows,)))
    if class_scores is not None:
        expected.append(("class_scores", class_scores.shape, (rows, len(model.classes))))
    for name, shape, wanted in expected:
        if shape != wanted:
            raise OutputMalformed(f"the model gave {name} of shape {shape} for {rows} rows, expected {wanted}")
    return Predictions(values, None if scores is None else scores.tolist(), class_scores, outputs)


def _joined(parts: Sequence[Predictions], model: Model) -> Predictions:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_predictions(len(model.output_signals))
    scores = [part.scores for part in parts if part.scores is not None]
    class_scores = [part.class_scores for part in parts if part.class_scores is not None]
    return Predictions(
        [value for part in parts for value in part.values],
        [score for part in scores for score in part] if len(scores) == len(parts) else None,
        np.concatenate(class_scores) if len(class_scores) == len(parts) else None,
        np.concatenate([part.outputs for part in parts]),
    )


def _without_unsound(model: Model, answers: Answers) -> Answers:
    """Blame rows whose answer is not finite, not a JSON scalar or, of a classifier, not within 0 to 1."""
    rows, predictions = answers.rows, answers.predictions
    sound_number = _are_probabilities if model.classes else np.isfinite
    sound: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(predictions.outputs).T, axis=0)
    if predictions.scores is not None:
        sound &= sound_number(np.array(predictions.scores, dtype=np.float64))
    if predictions.class_scores is not None:
        sound &= np.logical_and.reduce(sound_number(predictions.class_scores), axis=1)
    types = set(map(type, predictions.values))
    if types == {float}:
        sound &= np.isfinite(np.array(predictions.values, dtype=np.float64))
    elif not types <= {str, bool, int}:
        sound &= np.array([_is_scalar(value) for value in predictions.values], dtype=np.bool_)
    if sound.all():
        return answers
    error = "the model's answer holds a number that is not finite, no probability or no JSON scalar"
    unsound = [Blame(rows[index], Reason.MODEL_OUTPUT, error) for index in np.flatnonzero(~sound)]
    return Answers(
        [row for row, good in zip(rows, sound, strict=True) if good],
        take(predictions, sound),
        answers.blamed + unsound,
        answers.given_up,
    )


def _are_probabilities(scores: FloatMatrix) -> NDArray[np.bool_]:
    """False of NaN too."""
    return np.abs(scores - 0.5) <= 0.5 + ROUNDING


def _is_scalar(value: object) -> bool:
    return type(value) in {str, bool, int} or (type(value) is float and math.isfinite(value))


def sliced(predictions: Predictions, rows: slice) -> Predictions:
    """Some rows of the predictions."""
    return Predictions(
        predictions.values[rows],
        None if predictions.scores is None else predictions.scores[rows],
        None if predictions.class_scores is None else predictions.class_scores[rows],
        predictions.outputs[rows],
    )


def take(predictions: Predictions, wanted: NDArray[np.bool_]) -> Predictions:
    """The rows where `wanted` is true."""
    indices = np.flatnonzero(wanted).tolist()
    return Predictions(
        [predictions.values[index] for index in indices],
        None if predictions.scores is None else [predictions.scores[index] for index in indices],
        None if predictions.class_scores is None else predictions.class_scores[wanted],
        predictions.outputs[wanted],
    )
