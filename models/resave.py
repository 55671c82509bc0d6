"""Child process: unpickle one trusted file and save it as skops. Run by `models.estimator_file`, never imported.

``python -I -m models.resave SOURCE TARGET``: unpickling runs whatever code the file holds, so it happens here, in a
process that ends, and only when the user vouched for the file with ``--trust``.
"""

from __future__ import annotations

import sys

import joblib  # type: ignore[import-untyped]
import skops.io

if __name__ == "__main__":
    source, target = sys.argv[1:]
    skops.io.dump(joblib.load(source), target)
