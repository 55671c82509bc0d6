"""A model's process without scikit-learn, for tests that start many: `python -m tests.faults.bare_child FAULT FOLDER`.

It answers n x 2: 1 - s and s, with s from the first feature alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from models.prediction import FloatMatrix
from models.serving import serve
from tests.faults.misbehaviour import Misbehaviour


def answer(matrix: FloatMatrix) -> FloatMatrix:
    score = 1.0 / (1.0 + np.exp(-np.sin(matrix[:, 0])))
    return np.column_stack((1.0 - score, score))


if __name__ == "__main__":
    _, fault, folder, connection, worker = sys.argv
    serve(lambda: Misbehaviour(answer, fault, Path(folder)), int(connection), int(worker))
