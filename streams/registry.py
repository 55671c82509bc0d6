"""The registry that the settings name."""

from __future__ import annotations

from pathlib import Path

from models.registry import Registry
from models.signing import TrustedKeys
from streams.settings import ModelSettings


def registry_of(settings: ModelSettings, root: Path | None = None) -> Registry:
    """With the keys that are trusted; at `root` where that is given. Raises ModelError where the file holds no key."""
    keys = TrustedKeys.read(settings.trusted_keys) if settings.trusted_keys else TrustedKeys()
    return Registry(root or settings.registry, keys)
