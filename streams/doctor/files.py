"""Whether the state directory can be written, and who else may read secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.doctor.finding import Finding, Severity

CHECK = "files"
OTHERS = 0o027
"""Everybody, and a group that may write. A group that may read is how Kubernetes lets a pod in."""
ENOUGH_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class StateDirFacts:
    """`refused`: why nothing can be written there. `free_bytes` of its file system."""

    path: str
    refused: str | None
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SecretFileFacts:
    """A file that holds a secret; `mode` is its permission bits, None where it cannot be looked at: then `refused` says
    why."""

    key: str
    path: str
    mode: int | None
    refused: str | None = None


def state_dir_findings(facts: StateDirFacts) -> Iterator[Finding]:
    where = f"worker.state_dir {facts.path}"
    if facts.refused is not None:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"nothing can be written there: {facts.refused}",
            where,
            "it belongs to another user, is on a read-only file system, or something else is in its place",
            f"`mkdir -p {facts.path} && chown $(id -un) {facts.path}`, or set worker.state_dir",
        )
    elif facts.free_bytes is not None and facts.free_bytes < ENOUGH_BYTES:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"only {facts.free_bytes >> 20} MiB are free there",
            where,
            "the file system is nearly full",
            "free some space: `df -h`",
        )


def secret_file_findings(facts: SecretFileFacts) -> Iterator[Finding]:
    where = f"{facts.key} {facts.path}"
    if facts.refused is not None:
        yield Finding(
            CHECK,
            Severity.ERROR,
            f"it cannot be read: {facts.refused}",
            where,
            "the file is not there, or belongs to another user",
            "correct the path, or mount the file",
        )
    elif facts.mode is not None and facts.mode & OTHERS:
        yield Finding(
            CHECK,
            Severity.WARNING,
            f"others than its owner and group may use it (mode {facts.mode:04o})",
            where,
            "it was made with a wide umask, or copied",
            f"`chmod 600 {facts.path}`; in Kubernetes `defaultMode: 0440` of the secret's volume",
        )
