"""What people decided, as far as the page shows it: versions, baselines and silences, and the revision of each."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.control_records import decode_revision, decode_served, model_setting
from streams.serving_commands import ServedVersions

MODEL, BASELINE, SILENCE = model_setting(""), "baseline/", "silence/"
MOST_SETTINGS = 256
"""Of each kind."""


class _Silenced(msgspec.Struct, frozen=True):
    """The part of an accepted silence that is shown."""

    model: str
    until: int
    author: str
    signal: str | None = None
    reason: str = ""


_decode_silence = msgspec.json.Decoder(_Silenced).decode


class Decided:
    """Takes records of `control`. What is no setting that is shown, and what cannot be read, is passed over."""

    def __init__(self) -> None:
        self._served: dict[str, tuple[ServedVersions, int]] = {}
        self._baselines: dict[str, int] = {}
        self._silences: dict[str, _Silenced] = {}

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """A record without a value takes the setting back."""
        setting = (key or b"").decode("utf-8", "replace")
        for prefix, table, decode in (
            (MODEL, self._served, lambda text: (decode_served(text), decode_revision(text))),
            (BASELINE, self._baselines, decode_revision),
            (SILENCE, self._silences, _decode_silence),
        ):
            if setting.startswith(prefix):
                _keep(table, setting.removeprefix(prefix), value, decode)

    @property
    def models(self) -> list[str]:
        """Of which a version was chosen."""
        return list(self._served)

    def served(self, model: str) -> ServedVersions | None:
        """None where nobody chose."""
        found = self._served.get(model)
        return found[0] if found else None

    def revision(self, model: str) -> int:
        """Of what is served; 0 if it was never set."""
        found = self._served.get(model)
        return found[1] if found else 0

    def baseline_revision(self, model: str) -> int:
        """Of the level that a model's signals are compared with; 0 if it was never set."""
        return self._baselines.get(model, 0)

    def silences(self, now_ms: int) -> list[dict[str, Any]]:
        """JSON-ready: those in force, the one that ends first at first."""
        standing = [each for each in self._silences.values() if each.until > now_ms]
        return [msgspec.to_builtins(each) for each in sorted(standing, key=lambda each: each.until)]


def _keep(table: dict[str, Any], name: str, value: bytes | None, decode: Any) -> None:
    if name not in table and len(table) >= MOST_SETTINGS:
        return
    try:
        table[name] = decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        table.pop(name, None)
