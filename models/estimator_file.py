"""A fitted estimator from a user's file: skops as it is, a pickle only when trusted, through a child process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from models.artifact import MAX_FILE_BYTES
from models.errors import ModelError

_PICKLES = (".joblib", ".pkl", ".pickle")
SUFFIXES = (".skops", *_PICKLES)
_DEADLINE_S = 300


def read_estimator_file(path: Path, *, trust: bool = False) -> bytes:
    """The estimator as skops bytes, not yet parsed. Raises ModelError."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ModelError(
            f"estimator files of type {suffix or 'none'!r} are not read",
            where=str(path),
            cause="the ending of the file name says the format",
            fix="save the fitted estimator with skops.io.dump(estimator, 'model.skops')",
        )
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ModelError(
                f"file of {size} bytes is over the cap of {MAX_FILE_BYTES}",
                where=str(path),
                cause="not an estimator, or one too large to serve",
                fix="serve a smaller one",
            )
        if suffix == ".skops":
            return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror or error}",
            where=str(path),
            cause="no such file, or no permission",
            fix="check the path",
        ) from error
    if not trust:
        raise ModelError(
            "a pickle runs the code it holds when it is opened",
            where=str(path),
            cause="joblib and pickle files are not data",
            fix="save it with skops.io.dump, or add --trust if you made the file yourself",
        )
    return _resave(path)


def _resave(path: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="weir-resave-") as folder:
        target = Path(folder) / "estimator.skops"
        try:
            # -I and an empty environment: neither modules of the current directory nor secrets are at hand
            done = subprocess.run(
                [sys.executable, "-I", "-m", "models.resave", str(path.resolve()), str(target)],
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_DEADLINE_S,
                check=False,
            )
            failure = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] if done.returncode else ""
        except subprocess.TimeoutExpired:
            failure = f"not done after {_DEADLINE_S} s"
        if not failure and target.is_file():
            return target.read_bytes()
    raise ModelError(
        f"the pickle cannot be saved as skops: {failure[:300] or 'the child process ended without a result'}",
        where=str(path),
        cause="it needs modules that are not installed here, or holds what skops cannot save (lambdas, open files)",
        fix="install what it needs, or save it with skops.io.dump where it was trained",
    )
