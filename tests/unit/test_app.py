"""The app as Faust's own command sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_faust_lists_the_agents_with_their_topics(tmp_path: Path) -> None:
    faust = Path(sys.executable).with_name("faust")
    listed = subprocess.run(
        [faust, "-A", "streams.app", "agents"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "WEIR_TOPICS__PREFIX": "here."},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    rows = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in listed.splitlines() if "| @" in line}
    assert rows == {
        "@predict": "here.events",
        "@drift": "here.observations",
        "@control": "here.control",
        "@label-intake": "here.labels",
        "@labels": "here.joins",
    }
    assert not list(tmp_path.iterdir())
