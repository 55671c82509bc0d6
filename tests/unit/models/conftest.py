from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.unit.models.building import publish, rows


@pytest.fixture
def registry_root(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def artifact(registry_root: Path) -> Path:
    """The directory of a published logistic regression, `churn` version 1."""
    matrix = rows()
    publish(registry_root, "churn", LogisticRegression().fit(matrix, np.where(matrix[:, 0] > 0, "yes", "no")), matrix)
    return registry_root / "churn" / "1"
