"""Rows in tiles of a fixed size, so that the bits of an answer do not depend on the batch a row came in.

Linear algebra libraries choose another order of additions for another number of rows. A tile always has the same
number of rows: the last one is filled up with a row that the model is known to answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from models.prediction import FloatMatrix

RawPredict: TypeAlias = Callable[[FloatMatrix], FloatMatrix]
"""Prepared rows (n x the estimator's columns) -> the estimator's numbers (n x classes, or n x 1 for a regression)."""

# Small batches go through other kernels, which change few rows: they are tried at many places.
_SMALL = tuple((size, max(2, 64 // size)) for size in range(1, 18))
_LARGE = tuple(
    (size, 1) for size in (31, 32, 33, 63, 64, 65, 100, 127, 129, 255, 257, 500, 1000, 1023, 1025, 2047, 4095)
)
_SHIFTS = (1, 2, 5, 8, 31, 255)


def predict_in_tiles(raw: RawPredict, matrix: FloatMatrix, tile_rows: int, filler: FloatMatrix) -> FloatMatrix:
    """Predict n rows in tiles of `tile_rows` (0: all at once). `filler` is one row, 1 x features."""
    n = len(matrix)
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    if n == 0:
        return raw(filler)[:0]
    if tile_rows == 0:
        return raw(matrix)
    whole = n - n % tile_rows
    answers = [raw(matrix[start : start + tile_rows]) for start in range(0, whole, tile_rows)]
    if whole < n:
        tile = np.repeat(filler, tile_rows, axis=0)
        tile[: n - whole] = matrix[whole:]
        answers.append(raw(tile)[: n - whole])
    return answers[0] if len(answers) == 1 else np.concatenate(answers)


def depends_on_place(raw: RawPredict, rows: FloatMatrix, tile_rows: int, filler: FloatMatrix) -> bool:
    """Whether the same row gave other bits in another batch size or at another place.

    Evidence, not proof: some 250 sizes and places within the given rows.
    """

    def bits(matrix: FloatMatrix) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
        return np.ascontiguousarray(predict_in_tiles(raw, matrix, tile_rows, filler)).view(np.uint64)

    n = len(rows)
    base = bits(rows)
    for size, places in (*_SMALL, *_LARGE):
        for place in range(places if size < n else 0):
            start = (size + place * 37) % (n - size + 1)  # odd starts too: memory alignment differs as well
            if not np.array_equal(bits(rows[start : start + size]), base[start : start + size]):
                return True
    return any(
        not np.array_equal(bits(np.roll(rows, shift, axis=0)), np.roll(base, shift, axis=0)) for shift in _SHIFTS
    )
