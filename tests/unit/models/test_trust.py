"""Where keys are trusted, only what one of them signed is served, and whatever was done the last good one goes on."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import structlog.testing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from models import serve_version
from models.artifact import MANIFEST, MANIFEST_DIGEST
from models.errors import ModelError
from models.registry import Registry
from models.signing import SIGNATURE, TrustedKeys, read_private_key
from streams.cli.model_serving import model_app
from streams.modelling import publish_estimator
from streams.registry import registry_of
from streams.serving_commands import ServedVersions
from streams.settings import ModelSettings
from streams.switch import LoadedVersion, Switch
from streams.version_following import VersionFollowing
from tests.unit.models.building import number_schema, publish, replace_file, reseal, rows
from tests.unit.pipeline.fakes import ToyModel
from tests.unit.pipeline.test_predict_decider import serving

MATRIX = rows(60, 2)
ESTIMATOR = LogisticRegression().fit(MATRIX, MATRIX[:, 0] > 0)
PRIVATE = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
PUBLIC = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Files with a private key and its public one."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(*PRIVATE))
    public.write_bytes(key.public_key().public_bytes(*PUBLIC))
    return private, public


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two versions, signed by a trusted key; and another key that nobody trusts."""
    registry = Registry(tmp_path / "registry")
    private, _ = key_pair(tmp_path, "ours")
    key_pair(tmp_path, "theirs")
    for _ in range(2):
        version = publish(registry.root, "churn", ESTIMATOR, MATRIX).version
        registry.sign(registry.artifact("churn", version).manifest, read_private_key(private))
    return registry.root


def strict(root: Path) -> Registry:
    return Registry(root, TrustedKeys.read(root.parent / "ours.pub"))


def flipped(name: str) -> Callable[[Path], None]:
    def tamper(version: Path) -> None:
        data = bytearray((version / name).read_bytes())
        data[len(data) // 2] ^= 1
        replace_file(version / name, bytes(data))

    return tamper


def cut(name: str) -> Callable[[Path], None]:
    return lambda version: replace_file(version / name, (version / name).read_bytes()[:-7])


def gone(name: str) -> Callable[[Path], None]:
    return lambda version: (version / name).unlink()


def linked(name: str) -> Callable[[Path], None]:
    def tamper(version: Path) -> None:
        target = version.parent.parent.parent / "elsewhere"
        shutil.copy(version / name, target)
        (version / name).unlink()
        (version / name).symlink_to(target)

    return tamper


def piped(version: Path) -> None:
    (version / "estimator.skops").unlink()
    os.mkfifo(version / "estimator.skops")


def signed_by_another(version: Path) -> None:
    key = read_private_key(version.parent.parent.parent / "theirs.pem")
    registry = Registry(version.parent.parent)
    registry.sign(registry.artifact("churn", version.name).manifest, key)


def resealed(version: Path) -> None:
    reseal(version, created="2027-01-01T00:00:00Z")


def another_estimator_resealed(version: Path) -> None:
    reseal(version, {"estimator.skops": (version / "reference.json").read_bytes()})


def with_a_pickle(version: Path) -> None:
    replace_file(version / "estimator.skops", pickle.dumps(ESTIMATOR))


def signature_of_the_other_version(version: Path) -> None:
    replace_file(version / SIGNATURE, (version.parent / "1" / SIGNATURE).read_bytes())


def the_other_version_under_this_name(version: Path) -> None:
    shutil.rmtree(version)
    shutil.copytree(version.parent / "1", version)


def linked_directory(version: Path) -> None:
    version.rename(version.parent.parent.parent / "moved")
    version.symlink_to(version.parent.parent.parent / "moved")


def surplus_file(version: Path) -> None:
    (version / "extra.py").write_text("")


def empty_signature(version: Path) -> None:
    replace_file(version / SIGNATURE, b"")


def signature_of_the_digest(version: Path) -> None:
    """Signed, but not the manifest's bytes."""
    key = read_private_key(version.parent.parent.parent / "ours.pem")
    digest = hashlib.sha256((version / MANIFEST).read_bytes()).digest()
    replace_file(version / SIGNATURE, key.sign(digest))


TAMPERING: dict[str, tuple[Callable[[Path], None], str]] = {
    **{f"a flipped bit in {name}": (flipped(name), "sha256 is") for name in ("estimator.skops", "reference.json")},
    "a flipped bit in the manifest": (flipped(MANIFEST), "sha256 is"),
    "a flipped bit in the digest": (flipped(MANIFEST_DIGEST), "sha256 is"),
    "a flipped bit in the signature": (flipped(SIGNATURE), "no key of model.trusted_keys"),
    **{f"a cut {name}": (cut(name), "sha256 is") for name in ("estimator.skops", MANIFEST)},
    "a cut signature": (cut(SIGNATURE), "no key of model.trusted_keys"),
    "an empty signature": (empty_signature, "no key of model.trusted_keys"),
    "no signature": (gone(SIGNATURE), "not signed"),
    "no estimator": (gone("estimator.skops"), "missing: estimator.skops"),
    "no manifest": (gone(MANIFEST), "cannot be read"),
    **{f"a link as {name}": (linked(name), "not a regular file") for name in ("estimator.skops", MANIFEST, SIGNATURE)},
    "a link as the version": (linked_directory, "not a directory"),
    "a pipe as the estimator": (piped, "not a regular file"),
    "a pickle as the estimator": (with_a_pickle, "sha256 is"),
    "another manifest, every digest right": (resealed, "no key of model.trusted_keys"),
    "another estimator, every digest right": (another_estimator_resealed, "no key of model.trusted_keys"),
    "somebody else's signature": (signed_by_another, "no key of model.trusted_keys"),
    "another version's signature": (signature_of_the_other_version, "no key of model.trusted_keys"),
    "another signed version": (the_other_version_under_this_name, "holds churn 1"),
    "a signature of the digest": (signature_of_the_digest, "no key of model.trusted_keys"),
    "a surplus file": (surplus_file, "not in the manifest: extra.py"),
}


@pytest.mark.parametrize(("tamper", "why"), TAMPERING.values(), ids=TAMPERING.keys())
def test_a_tampered_version_is_not_served_and_the_last_good_one_goes_on(
    root: Path, tamper: Callable[[Path], None], why: str
) -> None:
    registry, failures = strict(root), []

    def load(version: str, _previous: str | None = None) -> LoadedVersion:
        loaded = registry.load("churn", version)
        model = ToyModel()
        model.version = loaded.version  # type: ignore[misc]
        return LoadedVersion(serving(model), lambda: None)

    switch = Switch(load("1"), lambda _model: None)
    following = VersionFollowing(switch, load=load, accepted=lambda _stop: iter(()), on_failure=failures.append)
    tamper(root / "churn" / "2")
    with structlog.testing.capture_logs() as logs:
        following.consider(msgspec.json.encode(ServedVersions("2", "1")))
    assert (switch.current().model.version, failures) == ("1", ["2"])
    (line,) = logs
    assert (line["log_level"], line["version"]) == ("error", "2")
    assert why in line["why"]


def test_what_a_trusted_key_signed_is_served(root: Path) -> None:
    assert strict(root).load("churn", "2").version == "2"
    assert strict(root).reference("churn", "2")
    assert Registry(root).load("churn", "2").version == "2", "without keys a signature is not asked for"
    assert [entry.problem for entry in strict(root).entries()] == [None, None]


def test_an_unsigned_version_is_listed_with_its_problem_and_its_reference_is_not_read(root: Path) -> None:
    publish(root, "churn", ESTIMATOR, MATRIX)
    assert "not signed" in str(strict(root).entries()[2].problem)
    with pytest.raises(ModelError, match="not signed"):
        strict(root).reference("churn", "3")
    assert Registry(root).load("churn", "3").version == "3"


def test_each_of_several_keys_is_trusted(root: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.pub"
    both.write_bytes((tmp_path / "theirs.pub").read_bytes() + (tmp_path / "ours.pub").read_bytes())
    signed_by_another(root / "churn" / "2")
    registry = registry_of(ModelSettings(registry=root, trusted_keys=both))
    assert [registry.load("churn", version).version for version in ("1", "2")] == ["1", "2"]


def test_a_file_without_a_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    private, _ = key_pair(tmp_path, "ours")
    other = tmp_path / "other.pub"
    other.write_bytes(X25519PrivateKey.generate().public_key().public_bytes(*PUBLIC))
    for path, read in (
        (private, TrustedKeys.read),
        (other, TrustedKeys.read),
        (tmp_path / "nothing", TrustedKeys.read),
        (other, read_private_key),
    ):
        with pytest.raises(ModelError) as refused:
            read(path)
        assert str(path) in str(refused.value)
        assert private.read_text().splitlines()[1] not in str(refused.value)


def test_what_was_changed_after_the_look_is_not_signed(root: Path, tmp_path: Path) -> None:
    looked_at = Registry(root).artifact("churn", "2").manifest
    resealed(root / "churn" / "2")
    with pytest.raises(ModelError, match="not the one that was checked"):
        Registry(root).sign(looked_at, read_private_key(tmp_path / "ours.pem"))


def test_a_process_of_its_own_parses_nothing_but_what_its_worker_checked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = strict(root).artifact("churn", "2").manifest.digest
    resealed(root / "churn" / "2")
    monkeypatch.setattr("models.serve_version.load_model", lambda *_: pytest.fail("parsed"))
    with pytest.raises(ModelError, match="has changed since the worker started"):
        serve_version.load(str(root), "churn", "2", digest)


def test_the_command_signs_what_holds(root: Path, tmp_path: Path) -> None:
    schema, target = number_schema(2), (MATRIX[:, 0] > 0).tolist()
    assert publish_estimator(root, "churn", ESTIMATOR, schema, MATRIX, target=target) == "3"

    def sign(version: str, key: str) -> int:
        command = ["sign", "churn", version, "--key", str(tmp_path / key), "--registry", str(root)]
        return CliRunner().invoke(model_app, command).exit_code

    assert sign("3", "ours.pub") == 1
    with pytest.raises(ModelError, match="not signed"):
        strict(root).load("churn", "3")
    assert sign("3", "ours.pem") == 0
    assert strict(root).load("churn", "3").version == "3"
    flipped("estimator.skops")(root / "churn" / "3")
    assert sign("3", "ours.pem") == 1
