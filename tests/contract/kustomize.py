"""Kustomize, which puts overlays together: kubectl's, or a pinned release that Go builds once into the cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MODULE, VERSION = "sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1"
INSTALL = "install kubectl 1.28 or later, or Go 1.22 or later, which builds kustomize"
OLDEST = (5, 0)
"""Nested components, as k8s/components has them."""


class KustomizeMissingError(Exception):
    """It cannot be had on this machine; the message says why."""


def find_kustomize(cache: Path) -> tuple[str, ...]:
    """The command that renders the folder that is put behind it. Raises KustomizeMissingError."""
    if (kubectl := shutil.which("kubectl")) and _version_of(kubectl) >= OLDEST:
        return (kubectl, "kustomize")
    built = cache.resolve() / f"kustomize-{VERSION}"
    cache.mkdir(exist_ok=True)
    with (cache / "kustomize-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of processes side by side one builds it
        if not built.exists():
            _build(built)
    return (str(built), "build")


def _version_of(kubectl: str) -> tuple[int, ...]:
    command = [kubectl, "version", "--client"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"Kustomize Version: v(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else (0,)


def _build(to: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise KustomizeMissingError("there is neither a `kubectl` with kustomize 5 nor `go` to build kustomize")
    with tempfile.TemporaryDirectory(dir=to.parent) as work:
        command = [go, "install", f"{MODULE}@{VERSION}"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "GOBIN": work}, timeout=900
        )
        if done.returncode:
            raise KustomizeMissingError(f"Go could not build kustomize; it said: {done.stderr.strip()[-500:]}")
        Path(work, "kustomize").rename(to)


@cache
def render(kustomize: tuple[str, ...], folder: Path) -> tuple[dict[str, Any], ...]:
    """The manifests of an overlay, as `kubectl apply -k` would send them."""
    done = subprocess.run([*kustomize, str(folder)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(manifest for manifest in yaml.safe_load_all(done.stdout) if manifest)
