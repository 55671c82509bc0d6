"""An artifact directory: `manifest.json`, its sha256, and the files it names. Checked bytes in, checked bytes out.

No parser sees a byte before its sha256 was checked, and what was checked is what is parsed: every file is read once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.errors import ModelError
from models.manifest import Manifest, decode_manifest, encode_manifest
from models.regular_file import Advice, not_regular, read_regular, unreadable
from models.signing import SIGNATURE, TrustedKeys

MANIFEST = "manifest.json"
MANIFEST_DIGEST = "manifest.sha256"
MAX_MANIFEST_BYTES = 16 << 20
MAX_FILE_BYTES = 2 << 30

ANYBODY = TrustedKeys()

ADVICE = Advice(
    not_regular=(
        "an artifact holds plain files only, so that what is checked is what is served",
        "replace it by the file itself",
    ),
    unreadable=(
        "no artifact is there, or this user may not read it",
        "check the path and its permissions; `weir model list` shows what is there",
    ),
    too_large=("not a file that `weir model add` wrote", "add the model again, or serve a smaller one"),
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A manifest and the bytes of its files, as checked."""

    manifest: Manifest
    files: Mapping[str, bytes]


def write_artifact(directory: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
    """Write `directory` at once or not at all, and return the manifest with the files' digests.

    Raises FileExistsError when `directory` is there already with something in it.
    """
    manifest = msgspec.structs.replace(manifest, files={name: _sha256(data) for name, data in sorted(files.items())})
    described = encode_manifest(manifest)
    parts = {**files, MANIFEST: described, MANIFEST_DIGEST: _sha256(described).encode() + b"\n"}
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=directory.parent))
    try:
        for name, data in parts.items():
            _write_synced(draft / name, data)
        draft.chmod(0o755)  # mkdtemp makes it ours alone; a worker may run as another user
        _sync_directory(draft)
        try:
            draft.rename(directory)
        except OSError as error:
            if directory.exists():
                raise FileExistsError(directory) from error
            raise
        _sync_directory(directory.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def manifest_bytes(directory: Path, trusted: TrustedKeys = ANYBODY) -> bytes:
    """The manifest as it is stored, checked against its digest and, where keys are given, its signature. Raises
    ModelError."""
    _refuse_link(directory)
    data = _read(directory / MANIFEST, MAX_MANIFEST_BYTES)
    digest = _read(directory / MANIFEST_DIGEST, 256).strip()
    _check_digest(directory / MANIFEST, data, digest.decode("ascii", "replace"))
    if trusted.asks_for_signatures:
        trusted.check(data, _signature(directory), str(directory / SIGNATURE))
    return data


def write_signature(directory: Path, signature: bytes) -> None:
    """Put the signature beside the manifest, in place of another one."""
    descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=directory.parent)
    os.close(descriptor)
    Path(draft).unlink()
    _write_synced(Path(draft), signature)
    Path(draft).replace(directory / SIGNATURE)
    _sync_directory(directory)


def read_manifest(directory: Path, trusted: TrustedKeys = ANYBODY) -> Manifest:
    """The manifest alone, checked as `manifest_bytes` does before it is parsed. Raises ModelError."""
    return decode_manifest(manifest_bytes(directory, trusted), str(directory / MANIFEST))


def read_artifact(directory: Path, trusted: TrustedKeys = ANYBODY) -> Artifact:
    """Everything, checked: no link, surplus or missing file, none over its cap, every sha256. Raises ModelError."""
    manifest = read_manifest(directory, trusted)
    due = {MANIFEST, MANIFEST_DIGEST, manifest.estimator, manifest.reference, *manifest.files}
    present = {path.name for path in directory.iterdir()} - {SIGNATURE}
    for problem, names in (("missing", due - present), ("not in the manifest", present - due)):
        if names:
            raise ModelError(
                f"files {problem}: {', '.join(sorted(names))}",
                where=str(directory),
                cause="the directory was changed, or copied in part",
                fix="copy the artifact again as a whole, or add the model again",
            )
    files = {}
    for name in sorted(due - {MANIFEST, MANIFEST_DIGEST}):
        data = _read(directory / name, MAX_FILE_BYTES)
        _check_digest(directory / name, data, manifest.files.get(name, "none"))
        files[name] = data
    return Artifact(manifest, files)


def read_reference(directory: Path, trusted: TrustedKeys = ANYBODY) -> tuple[Manifest, bytes]:
    """The manifest and the reference profile, checked against their digests; no other file. Raises ModelError."""
    manifest = read_manifest(directory, trusted)
    path = directory / manifest.reference
    data = _read(path, MAX_FILE_BYTES)
    _check_digest(path, data, manifest.files.get(manifest.reference, "none"))
    return manifest, data


def _signature(directory: Path) -> bytes:
    path = directory / SIGNATURE
    if not os.path.lexists(path):
        raise ModelError(
            "not signed",
            where=str(path),
            cause="model.trusted_keys is set, so that only what one of them signed is served",
            fix="sign it: `weir model sign NAME VERSION --key key.pem`",
        )
    return _read(path, 256)


def _refuse_link(directory: Path) -> None:
    try:
        mode = os.lstat(directory).st_mode
    except OSError as error:
        raise unreadable(directory, error, ADVICE) from error
    if not stat.S_ISDIR(mode):
        raise not_regular(directory, "a directory", ADVICE)


def _read(path: Path, cap: int) -> bytes:
    return read_regular(path, cap, ADVICE)


def _check_digest(path: Path, data: bytes, expected: str) -> None:
    found = _sha256(data)
    if found != expected:
        raise ModelError(
            f"sha256 is {found}, the artifact says {expected}",
            where=str(path),
            cause="the file was changed or damaged after `weir model add`",
            fix="restore the file, or add the model again as a new version",
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
