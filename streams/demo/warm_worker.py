"""`weir worker`, with its imports done before its settings are there: they take longer than all else in a demo's start.

Waits for the file that WEIR_CONFIG names, then is the command itself.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import streams.worker  # noqa: F401  # Faust, scikit-learn, River
from streams.cli.main import main

POLL_S = 0.02

if __name__ == "__main__":
    settings = Path(os.environ["WEIR_CONFIG"])
    while not settings.exists():
        time.sleep(POLL_S)
    sys.argv = ["weir", "worker", "--role", "predict,drift"]
    main()
