"""The same row has the same bits wherever it stands in a batch."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.loaded import LoadedModel
from models.manifest import Parity
from models.registry import Registry
from models.tiles import depends_on_place, predict_in_tiles
from tests.unit.models.building import publish, rows

COLUMNS = 30
POOL = rows(9000, COLUMNS)
THREE = np.digitize(POOL[:, 0] + POOL[:, 1], [-0.5, 0.5])
ESTIMATORS = {
    "linear": (LinearRegression(), POOL[:, 0]),
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), THREE > 0),
    "multinomial": (LogisticRegression(), THREE),
    "network": (MLPClassifier((20,), max_iter=20, random_state=0, tol=1.0), THREE),
    "bayes": (GaussianNB(), THREE),
    "histogram": (HistGradientBoostingClassifier(max_iter=5), THREE > 0),
    "forest": (RandomForestClassifier(5, max_depth=5, random_state=0, n_jobs=2), THREE),
}


@cache
def loaded(name: str) -> tuple[LoadedModel, np.ndarray]:
    """The model, and its answers to the pool in one batch."""
    estimator, target = ESTIMATORS[name]
    with TemporaryDirectory() as folder:
        publish(Path(folder), name, estimator.fit(POOL[:1000], target[:1000]), POOL[:1000])
        model = Registry(Path(folder)).load(name)
    return model, model.predict_raw(POOL)


@pytest.mark.parametrize("name", ESTIMATORS)
@settings(max_examples=25, deadline=None)
@given(at=st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=40), seed=st.integers(0, 9))
def test_a_row_has_the_same_bits_among_any_others(name: str, at: list[int], seed: int) -> None:
    model, base = loaded(name)
    assert model.manifest.parity is Parity.BITS
    assert np.array_equal(model.predict_raw(POOL[at]), base[at])
    around = np.random.default_rng(seed).permutation(len(POOL))[: 1100 + 411 * seed]
    assert np.array_equal(model.predict_raw(POOL[around]), base[around])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_small_batch_size_and_those_around_a_tile_give_the_same_bits(name: str) -> None:
    model, base = loaded(name)
    for size in (*range(1, 40), 1022, 1023, 1024, 1025, 2047, 2048, 2049, 8191, 8192):
        start = size * 7 % (len(POOL) - size)
        assert np.array_equal(model.predict_raw(POOL[start : start + size]), base[start : start + size]), size


def test_layout_and_type_of_the_matrix_do_not_matter() -> None:
    model, base = loaded("network")
    assert np.array_equal(model.predict_raw(np.asfortranarray(POOL[:500])), base[:500])
    assert np.array_equal(model.predict_raw(POOL[:1000:2]), base[:1000:2])


def test_what_depends_on_the_batch_is_found_out() -> None:
    def batch_mean(matrix: np.ndarray) -> np.ndarray:
        return matrix[:, :1] - matrix.mean()

    def alone(matrix: np.ndarray) -> np.ndarray:
        return matrix[:, :1] + (1e-15 if len(matrix) == 1 else 0.0)

    assert depends_on_place(batch_mean, POOL[:2000], 0, POOL[:1])
    assert depends_on_place(alone, POOL[:2000], 0, POOL[:1])
    assert not depends_on_place(alone, POOL[:2000], 64, POOL[:1])
    assert not depends_on_place(lambda matrix: matrix[:, :1] * 3, POOL[:2000], 0, POOL[:1])


@given(n=st.integers(0, 50), tile=st.integers(0, 12))
def test_tiles_are_all_of_one_size_and_lose_no_row(n: int, tile: int) -> None:
    seen: list[int] = []

    def raw(matrix: np.ndarray) -> np.ndarray:
        assert matrix.flags.c_contiguous
        seen.append(len(matrix))
        return matrix.sum(axis=1, keepdims=True)

    answers = predict_in_tiles(raw, POOL[:n], tile, POOL[:1])

    assert np.array_equal(answers, POOL[:n].sum(axis=1, keepdims=True))
    if n and tile:
        assert seen == [tile] * -(-n // tile)


def test_a_tile_is_filled_with_a_row_the_model_can_answer(tmp_path: Path) -> None:
    """A filling of zeros would make the logarithm infinite and every short batch fail."""
    from sklearn.preprocessing import FunctionTransformer

    matrix = np.exp(rows(300, COLUMNS))
    estimator = make_pipeline(FunctionTransformer(np.log), LogisticRegression()).fit(matrix, matrix[:, 0] > 1)
    assert publish(tmp_path, "log", estimator, matrix, tile_rows=64).tile_rows == 64
    assert len(Registry(tmp_path).load("log").predict(matrix[:3]).values) == 3
