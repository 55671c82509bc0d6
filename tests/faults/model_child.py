"""A model's process that misbehaves: `models.serve_version` with a fault around the model.

`python -m tests.faults.model_child FAULT FOLDER` and then what `models.serve_version` takes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models import serve_version
from models.serving import serve
from tests.faults.misbehaviour import Misbehaviour

if __name__ == "__main__":
    _, fault, folder, *version, connection, worker = sys.argv
    serve(
        lambda: Misbehaviour(serve_version.load(*version), fault, Path(folder), version[2]),
        int(connection),
        int(worker),
    )
