"""Who vouches for an artifact: an Ed25519 signature (RFC 8032) over its manifest, which names every file by sha256."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from models.errors import ModelError

SIGNATURE = "manifest.sig"
MAX_KEY_BYTES = 65_536
_END = b"-----END PUBLIC KEY-----"


class TrustedKeys:
    """The keys of those whose models are served. Without any, a signature is not asked for."""

    def __init__(self, keys: Sequence[Ed25519PublicKey] = ()) -> None:
        self._keys = tuple(keys)

    @classmethod
    def read(cls, path: Path) -> TrustedKeys:
        """From a file with one PEM block a key. Raises ModelError where there is none, or one of another kind."""
        blocks = [block + _END for block in _key_bytes(path).split(_END)[:-1]]
        if not blocks:
            raise _no_key(path, "public")
        return cls([_public_key(block, path) for block in blocks])

    @property
    def asks_for_signatures(self) -> bool:
        return bool(self._keys)

    def check(self, manifest: bytes, signature: bytes, where: str) -> None:
        """Raises ModelError unless one of the keys signed the manifest."""
        try:
            raw = base64.b64decode(signature.strip(), validate=True)
        except binascii.Error:
            raw = b""
        for key in self._keys:
            try:
                key.verify(raw, manifest)
            except InvalidSignature:
                continue
            return
        raise ModelError(
            f"no key of model.trusted_keys ({len(self._keys)}) made this signature",
            where=where,
            cause="signed by somebody else, or the manifest was changed afterwards",
            fix="find out who changed it; sign it with `weir model sign` if it is right, or add its signer's key",
        )


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """The content of the signature file."""
    return base64.b64encode(key.sign(manifest)) + b"\n"


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """From a PEM file without a password. Raises ModelError, which never quotes the file."""
    try:
        key = load_pem_private_key(_key_bytes(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path, "private") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return key


def _public_key(block: bytes, path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path, "public") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return key


def _key_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise ModelError(
            f"the key cannot be read: {error.strerror or error}",
            where=str(path),
            cause="no file is there, or this user may not read it",
            fix="check the path and its permissions",
        ) from error


def _no_key(path: Path, kind: str) -> ModelError:
    return ModelError(
        f"holds no {kind} Ed25519 key",
        where=str(path),
        cause="another kind of key, one with a password, or another file",
        fix="make one: `openssl genpkey -algorithm ed25519 -out key.pem`, then `openssl pkey -in key.pem -pubout`",
    )
