"""The registry: a directory `<root>/<name>/<version>/`, and which version of a name is active.

A version is written at once and never changed, and the name of a removed one is not given again: what was answered and
counted under it stays. The pointer file `.active` is replaced at once, too. Any number of
processes may read, and publish, at the same time.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.artifact import (
    ANYBODY,
    Artifact,
    manifest_bytes,
    read_artifact,
    read_manifest,
    read_reference,
    write_artifact,
    write_signature,
)
from models.errors import ModelError
from models.loaded import LoadedModel, load_model
from models.manifest import NAME_RULE, Manifest, decode_manifest, is_safe_name
from models.signing import TrustedKeys, sign

_ACTIVE = ".active"
_REMOVED = ".removed"
"""A directory with an empty file for each version that was removed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version in a listing; `problem` says why its manifest cannot be read."""

    name: str
    version: str
    active: bool
    manifest: Manifest | None
    problem: str | None = None


class Registry:
    """The models below `root`, which need not exist before the first is published."""

    def __init__(self, root: Path, trusted: TrustedKeys = ANYBODY) -> None:
        """Where `trusted` has keys, versions that none of them signed are refused."""
        self.root, self._trusted = root, trusted

    def names(self) -> list[str]:
        return _directories(self.root)

    def versions(self, name: str) -> list[str]:
        """Versions of `name`, numbers first and in their order."""
        return sorted(_directories(self._of(name)), key=lambda v: (0, int(v), v) if _is_number(v) else (1, 0, v))

    def lacks(self, name: str, version: str) -> bool:
        """Whether a version is seen not to be there: nothing is at its place, and something is beside it. A directory
        that holds nothing may be a volume that is not mounted. Raises ModelError, OSError."""
        try:
            (self._of(name) / _safe("version", version)).lstat()
            return False
        except FileNotFoundError:
            pass
        if not os.path.lexists(self._of(name)):
            return any(self.versions(other) for other in self.names())
        return bool(self.versions(name)) or self.active(name) is not None

    def active(self, name: str) -> str | None:
        """The version that is served unless another is asked for."""
        try:
            version = (self._of(name) / _ACTIVE).read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._bad_pointer(name, str(error)) from error
        if not is_safe_name(version):
            raise self._bad_pointer(name, f"it holds {version[:80]!r}")
        return version

    def activate(self, name: str, version: str) -> None:
        """Make `version` the active one. Raises ModelError when it is not there."""
        self._require(name, version)
        with _draft_file(self._of(name), version) as draft:
            draft.replace(self._of(name) / _ACTIVE)

    def require_free(self, name: str, version: str | None) -> None:
        """Raises ModelError when name or version cannot be published: before the work, `publish` checks again."""
        _safe("name", name)
        if version is not None and self._was_given(name, _safe("version", version)):
            raise self._taken(name, version)

    def publish(self, manifest: Manifest, files: Mapping[str, bytes], version: str | None = None) -> Manifest:
        """Write a new version, by default the next free number; the first of a name becomes active.

        Raises ModelError when `version` is taken: versions never change.
        """
        chosen = version
        if chosen is not None:
            self.require_free(manifest.name, chosen)
        while True:
            attempt = chosen or self._next_number(manifest.name)
            try:
                written = write_artifact(
                    self._of(manifest.name) / _safe("version", attempt),
                    msgspec.structs.replace(manifest, version=attempt),
                    files,
                )
                break
            except FileExistsError as error:
                if chosen:
                    raise self._taken(manifest.name, chosen) from error
        with _draft_file(self._of(manifest.name), attempt) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, self._of(manifest.name) / _ACTIVE)  # unlike a rename, never replaces
        return written

    def sign(self, manifest: Manifest, key: Ed25519PrivateKey) -> None:
        """Vouch for a version that was looked at, in place of whoever did before. Raises ModelError, also where it is
        not any more what it was then."""
        directory = self._require(manifest.name, manifest.version)
        data = manifest_bytes(directory)
        if decode_manifest(data, str(directory)) != manifest:
            raise ModelError(
                "the manifest is not the one that was checked",
                where=str(directory),
                cause="somebody changed it in the meantime",
                fix="find out who can write there, then sign again",
            )
        write_signature(directory, sign(data, key))

    def remove(self, name: str, version: str) -> None:
        """Delete a version, which is gone at once for all who read. Raises ModelError where it is the active one."""
        directory = self._require(name, version)
        if version == self.active(name):
            raise ModelError(
                f"version {version} of {name} is the registry's active one",
                where=str(directory),
                cause="workers that no promotion told otherwise serve it",
                fix="make another the registry's default: `weir model promote NAME VERSION --offline`",
            )
        removed = directory.parent / _REMOVED
        removed.mkdir(exist_ok=True)
        (removed / version).touch()
        grave = Path(tempfile.mkdtemp(prefix=".draft-", dir=directory.parent))
        try:
            directory.replace(grave / version)
        finally:
            shutil.rmtree(grave)

    def load(self, name: str, version: str | None = None) -> LoadedModel:
        """Load a version (the active one by default), fully checked. Raises ModelError."""
        artifact = self.artifact(name, version)
        return load_model(artifact, self.where(artifact))

    def artifact(self, name: str, version: str | None = None) -> Artifact:
        """A version (the active one by default), checked against its digests; the estimator is not parsed.

        Raises ModelError.
        """
        return self._read(name, version if version is not None else self._active_or_raise(name))

    def where(self, artifact: Artifact) -> str:
        """The place of an artifact, for messages."""
        return str(self._of(artifact.manifest.name) / artifact.manifest.version)

    def reference(self, name: str, version: str) -> bytes:
        """The reference profile of a version, checked against its digest. Raises ModelError."""
        directory = self._require(name, version)
        manifest, data = read_reference(directory, self._trusted)
        _check_place(manifest, name, version, directory)
        return data

    def _read(self, name: str, version: str) -> Artifact:
        directory = self._require(name, version)
        artifact = read_artifact(directory, self._trusted)
        _check_place(artifact.manifest, name, version, directory)
        return artifact

    def entries(self) -> list[Entry]:
        """Every version of every name, in order; a damaged one is listed with its problem."""
        listed = []
        for name in self.names():
            try:
                active, problem = self.active(name), None
            except ModelError as error:
                active, problem = None, str(error)
            for version in self.versions(name):
                try:
                    manifest, fault = read_manifest(self._of(name) / version, self._trusted), problem
                except ModelError as error:
                    manifest, fault = None, str(error)
                listed.append(Entry(name, version, version == active, manifest, fault))
        return listed

    def _of(self, name: str) -> Path:
        return self.root / _safe("name", name)

    def _require(self, name: str, version: str) -> Path:
        directory = self._of(name) / _safe("version", version)
        if not os.path.lexists(directory):
            there = self.versions(name)
            known = f"{name} has {', '.join(there)}" if there else self._known(name)
            raise ModelError(
                f"no version {version} of model {name}",
                where=str(directory),
                cause=known,
                fix="`weir model list` shows what is there, `weir model add` adds",
            )
        return directory

    def _active_or_raise(self, name: str) -> str:
        version = self.active(name)
        if version is None:
            there = self.versions(name)
            raise ModelError(
                f"no active version of model {name}",
                where=str(self._of(name)),
                cause=f"{name} has {', '.join(there)}, none made active" if there else self._known(name),
                fix="`weir model add` adds one, or set model.version",
            )
        return version

    def _known(self, name: str) -> str:
        names = self.names()
        if not names:
            return f"the registry at {self.root.absolute()} holds no model"
        near = difflib.get_close_matches(name, names, n=3)
        return f"did you mean {', '.join(near)}?" if near else f"the registry holds {', '.join(names[:10])}"

    def _next_number(self, name: str) -> str:
        given = [*self.versions(name), *_files(self._of(name) / _REMOVED)]
        return str(max((int(version) for version in given if _is_number(version)), default=0) + 1)

    def _was_given(self, name: str, version: str) -> bool:
        own = self._of(name)
        return os.path.lexists(own / version) or os.path.lexists(own / _REMOVED / version)

    def _taken(self, name: str, version: str) -> ModelError:
        return ModelError(
            f"version {version} of {name} exists, or did",
            where=str(self._of(name) / version),
            cause="a version never changes once it is published",
            fix="leave --version out for the next free number, or choose another",
        )

    def _bad_pointer(self, name: str, detail: str) -> ModelError:
        return ModelError(
            f"the active version of {name} cannot be read: {detail}",
            where=str(self._of(name) / _ACTIVE),
            cause="the file was edited or damaged",
            fix="write the version into it, as one line",
        )


def _safe(what: str, name: str) -> str:
    if not is_safe_name(name):
        raise ModelError(
            f"model {what} {name[:80]!r} is not allowed",
            where="the registry",
            cause=f"it becomes a directory, so it is {NAME_RULE}",
            fix=f"choose another {what}",
        )
    return name


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdigit()


def _files(path: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _directories(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(path) if is_safe_name(entry.name) and entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextlib.contextmanager
def _draft_file(directory: Path, version: str) -> Iterator[Path]:
    descriptor, draft_name = tempfile.mkstemp(prefix=".draft-", dir=directory)
    draft = Path(draft_name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(version + "\n")
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _check_place(manifest: Manifest, name: str, version: str, directory: Path) -> None:
    if (manifest.name, manifest.version) != (name, version):
        raise ModelError(
            f"holds {manifest.name} {manifest.version}",
            where=str(directory),
            cause="an artifact was moved or copied to another name or version",
            fix="move it back, or add the model under this name",
        )
