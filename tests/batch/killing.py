"""`python -m tests.batch.killing IN OUT`: runs that are killed at every point where something gets durable.

For each point a child runs the command and is killed there with SIGKILL; another one goes on and is killed at a point
of its own; the last one comes to the end. Writes one line a point: it, the digests of both files, and what is left.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streams.backfill.parquet_pieces
import streams.backfill.text_pieces
import streams.cli.predict_work  # the same
from models.registry import Registry
from streams.cli.main import app

POINTS = ("fsync", "replace", "unlink", "rmdir", "open", "link")


def main(source: str, output: str) -> None:
    streams.backfill.text_pieces.PIECE_BYTES = 16_384
    streams.backfill.parquet_pieces.PIECE_ROWS = 300
    Registry(Path("registry")).load("m")  # what it imports, the children then have
    for point in range(1, 1000):
        killed = run(source, output, point)
        if killed:
            run(source, output, 1 + point % 7)
            run(source, output, 1_000_000)
        ends = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (Path(output), rejected_of(output))]
        left = sorted(path.name for path in Path().glob("*.unfinished"))
        sys.stdout.write(f"{point} {ends} {left}\n")
        sys.stdout.flush()
        if not killed:
            return
        Path(output).unlink()
        rejected_of(output).unlink()


def rejected_of(output: str) -> Path:
    return Path(f"{output}.rejected.jsonl")


def run(source: str, output: str, point: int) -> bool:
    """Whether it was killed. A finished output is found by the run that comes after it, as its file."""
    child = os.fork()
    if child == 0:
        arm(point)
        app(["predict", source, output, "--registry", "registry"], prog_name="weir", standalone_mode=False)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    if os.WEXITSTATUS(status):
        assert Path(output).exists() and not Path(f"{output}.unfinished").exists(), "it did not go on"
    return False


def arm(point: int) -> None:
    """Be killed before the call with that number of any of `POINTS`."""
    left = point

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counted

    for name in POINTS:
        setattr(os, name, counting(getattr(os, name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
