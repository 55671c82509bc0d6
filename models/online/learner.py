"""River's own models, made from parameters and turned back into them: predict, then learn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import linear_model, naive_bayes, optim, preprocessing, stats
from river.utils import VectorDict

from models.online.parameters import (
    ClassGaussians,
    GaussianNaiveBayes,
    LogisticRegression,
    Parameters,
    Scaler,
    too_far,
)

FURTHEST = 1e75
"""A number beyond it, squared and summed, would leave the range of floats, and the model with it."""

Row = NDArray[np.float64]


class OnlineLearner:
    """Learns rows of columns (models.online.design) one after the other. Columns go by their place."""

    def __init__(self, parameters: Parameters) -> None:
        self._start, self.learned = parameters, parameters.learned
        self._scaler = _scaler_from(parameters.scaler)
        self._model: Any = _model_from(parameters.model)
        # Without a penalty no weight grows by itself, and it is not looked for.
        self._penalized = isinstance(parameters.model, LogisticRegression) and parameters.model.l2 > 0
        self.diverged = parameters.diverged
        """Its weights grew by themselves; it learns no more."""

    def predict(self, row: Row) -> list[float]:
        """A probability for each class; equal ones before anything was learnt of any."""
        given = self._model.predict_proba_one(self._scaled(_present(row)))
        if not given:
            return [1.0 / self._start.labels] * self._start.labels
        return [given.get(place, 0.0) for place in range(self._start.labels)]

    def learn(self, row: Row, place: int) -> bool:
        """Learn that a row is of the class at this place among the labels. False: it holds a number too large to learn
        from, or the model has diverged, and nothing was changed."""
        present = _present(row)
        if self.diverged or any(abs(value) > FURTHEST for value in present.values()):
            return False
        if self._scaler is not None:
            self._scaler.learn_one(present)
        # Of two classes River's logistic regression takes a truth value, and 0 and 1 are equal to these.
        self._model.learn_one(self._scaled(present), place)
        self.learned += 1
        self.diverged = self._penalized and too_far(self._model.weights.values())
        return True

    def parameters(self) -> Parameters:
        """What was learnt so far. Raises ValueError where a number is not finite any more."""
        width = len(self._start.columns)
        scaler, model = self._scaler, self._model
        return Parameters(
            format=1,
            columns=self._start.columns,
            labels=self._start.labels,
            learned=self.learned,
            scaler=None if scaler is None else _scaler_of(scaler, width),
            model=_logistic_of(self._start.model, model, width)
            if isinstance(self._start.model, LogisticRegression)
            else _bayes_of(model, width),
        )

    def _scaled(self, present: dict[int, float]) -> dict[int, float]:
        if self._scaler is None:
            return present
        scaled: dict[int, float] = self._scaler.transform_one(present)
        return scaled


def _present(row: Row) -> dict[int, float]:
    return {place: value for place, value in enumerate(row.tolist()) if value == value}  # noqa: PLR0124  NaN is not


def _scaler_from(own: Scaler | None) -> Any:
    if own is None:
        return None
    return preprocessing.StandardScaler._from_state(
        dict(enumerate(own.counts)), dict(enumerate(own.means)), dict(enumerate(own.variances))
    )


def _scaler_of(scaler: Any, width: int) -> Scaler:
    places = range(width)
    return Scaler(
        [int(scaler.counts[place]) for place in places],
        [float(scaler.means[place]) for place in places],
        [float(scaler.vars[place]) for place in places],
    )


def _model_from(own: LogisticRegression | GaussianNaiveBayes) -> Any:
    if isinstance(own, LogisticRegression):
        model = linear_model.LogisticRegression(
            optimizer=optim.SGD(own.learning_rate), l2=own.l2, intercept_lr=own.intercept_learning_rate
        )
        # All of them from the start: sums then have one order, whichever columns the first rows had.
        model._weights = VectorDict(dict(enumerate(own.weights)))
        model.intercept = own.intercept
        return model
    make: Callable[[], Any] = naive_bayes.GaussianNB
    bayes = make()
    for each in own.classes:
        bayes.class_counts[each.label] = each.rows
        for place, (count, mean, squares) in enumerate(zip(each.counts, each.means, each.squares, strict=True)):
            if count:
                spread = bayes.gaussians[each.label][place]._var
                spread.mean = stats.Mean._from_state(float(count), mean)
                spread._S = squares  # not by way of the variance, which would round
    return bayes


def _logistic_of(start: LogisticRegression, model: Any, width: int) -> LogisticRegression:
    weights = model.weights
    return LogisticRegression(
        learning_rate=start.learning_rate,
        intercept_learning_rate=start.intercept_learning_rate,
        l2=start.l2,
        intercept=float(model.intercept),
        weights=[float(weights.get(place, 0.0)) for place in range(width)],
    )


def _bayes_of(model: Any, width: int) -> GaussianNaiveBayes:
    counts: Counter[int] = model.class_counts
    return GaussianNaiveBayes([_class_of(label, rows, model.gaussians[label], width) for label, rows in counts.items()])


def _class_of(label: int, rows: int, gaussians: Any, width: int) -> ClassGaussians:
    own = [gaussians[place]._var if place in gaussians else stats.Var() for place in range(width)]
    return ClassGaussians(
        label=int(label),
        rows=int(rows),
        counts=[int(each.mean.n) for each in own],
        means=[float(each.mean._mean) for each in own],
        squares=[float(each._S) for each in own],
    )
