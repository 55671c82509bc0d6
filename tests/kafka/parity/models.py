"""Five models of one schema: each runtime, each task, preprocessing of every sort, bits and tolerance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from models.adding import make_candidate
from models.coding import object_matrix
from models.fallback import Fallback
from models.manifest import Manifest
from models.prepared_training import PreparedTraining, behind, prepare_training
from models.preprocessing.clip import Clip
from models.preprocessing.declared import Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot, Ordinal
from models.preprocessing.impute import Impute
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.registry import Registry
from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from models.trusted import save_estimator
from streams.modelling import publish_estimator, reference_profile

PLANS = ("free", "pro", "Zürich „Gold“")
CITIES = ("Bergen", "Lagos, Ikeja", "São Paulo")
AMOUNT = (0.0, 1e6)
SCHEMA = InputSchema(
    (
        Feature("amount", minimum=AMOUNT[0], maximum=AMOUNT[1]),
        Feature("balance"),
        Feature("rate %", nullable=True),
        Feature("member", Kind.BOOLEAN),
        Feature("plan", Kind.CATEGORY, categories=PLANS),
        Feature("city", Kind.CATEGORY, nullable=True, categories=CITIES, unseen=UnseenPolicy.ACCEPT),
    )
)

READS_TIME = "bill"
"""The model that the time of an event matters to."""
IN_TOLERANCE = "net"
"""The model whose manifest promises no bits."""

_ENCODE = (OneHot(("plan",)), OneHot(("city",), unseen="column", null="column"))
_FILL = Impute(("rate %",), "median")
_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_ROWS = 600


def publish_models(registry: Path) -> list[Manifest]:
    """All of them, with what their manifests say."""
    rng = np.random.default_rng(41)
    rows = np.column_stack(
        [
            rng.uniform(*AMOUNT, _ROWS),
            rng.normal(200, 120, _ROWS).clip(-0.9),
            np.where(rng.random(_ROWS) < 0.2, np.nan, rng.normal(size=_ROWS)),
            rng.integers(0, 2, _ROWS),
            rng.integers(0, len(PLANS), _ROWS),
            np.where(rng.random(_ROWS) < 0.1, np.nan, rng.integers(0, len(CITIES), _ROWS)),
        ]
    )
    times = _START_MS + np.arange(_ROWS) * 3_600_000
    signal = rows[:, 0] / 1e5 + rows[:, 1] / 100 + 3 * rows[:, 3] + rng.normal(size=_ROWS)
    in_three = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    in_two = in_three > 0

    def prepared(steps: Preprocessing) -> PreparedTraining:
        return prepare_training(steps, SCHEMA, rows, times, where="parity")

    forest = Preprocessing((_FILL, *_ENCODE))
    publish_estimator(
        registry,
        "forest",
        RandomForestClassifier(8, max_depth=5, random_state=1).fit(prepared(forest).matrix, in_two),
        SCHEMA,
        rows,
        preprocessing=forest,
        threshold=0.4,
    )

    # Categories and nulls are the estimator's own business here: it says what to do with them.
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), [4, 5]), remainder="passthrough")
    boosting = HistGradientBoostingClassifier(max_iter=8, random_state=2)
    publish_estimator(
        registry,
        "boosting",
        make_pipeline(encoder, boosting).fit(object_matrix(SCHEMA, rows), in_three),
        SCHEMA,
        rows,
        labels={"0": "low", "1": "middle", "2": "high"},
        class_scores=True,
    )

    onnx = Preprocessing((_FILL, Clip(("rate %",), -2.0, 2.0), Scale(("amount", "balance"), "robust"), *_ENCODE))
    publish_estimator(
        registry,
        "onnx",
        LogisticRegression(max_iter=500).fit(prepared(onnx).matrix, in_three),
        SCHEMA,
        rows,
        preprocessing=onnx,
        runtime="onnx",
        class_scores=True,
    )

    bill = Preprocessing(
        (
            _FILL,
            Derive("log1p", ("balance",), "log balance"),
            Derive("ratio", ("amount", "rate %"), "per rate", when_zero=0.0),
            Scale(("amount",), "standard"),
            Scale(("balance",), "min_max"),
            Clip(("per rate",), -1e6, 1e6),
            OneHot(("plan",)),
            Ordinal(("city",), unseen=-5.0, null=-9.0),
            TimePart("hour", "@time", "hour", form="sine"),
            TimePart("weekday", "@time", "weekday"),
        )
    )
    publish_estimator(
        registry,
        READS_TIME,
        LinearRegression().fit(prepared(bill).matrix, signal),
        SCHEMA,
        rows,
        times_ms=times,
        preprocessing=bill,
        decimals=6,
        # Where a balance is too large for a float's square there is an answer for members only.
        fallback=Fallback(rule="amount / 1000 if member else balance * balance"),
    )

    net = Preprocessing((_FILL, Scale(("amount", "balance"), "standard"), *_ENCODE))
    _publish_in_tolerance(registry, prepared(net), signal)
    return [Registry(registry).artifact(name, "1").manifest for name in ("forest", "boosting", "onnx", "bill", "net")]


def _publish_in_tolerance(registry: Path, rows: PreparedTraining, target: np.ndarray) -> None:
    """With tiles it would keep its bits: whoever serves it has chosen not to pay for them."""
    network = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=30, random_state=3).fit(rows.matrix, target)
    candidate = make_candidate(
        save_estimator(network),
        rows.preparation.outputs,
        rows.matrix,
        name=IN_TOLERANCE,
        created="2026-01-01T00:00:00Z",
        where="parity",
        tile_rows=0,
    )
    candidate = behind(rows, candidate)
    Registry(registry).publish(candidate.manifest, candidate.files(reference_profile(candidate.model, rows)), "1")
