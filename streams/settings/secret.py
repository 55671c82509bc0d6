"""Values that must not be shown, and how a value is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

MASK = "**********"

SECRET_NAME = re.compile(r"pass|pwd|pasw|secret|token|cred|jaas|pem$|api.?key|sasl.*(config|assertion)", re.IGNORECASE)
"""Names, ours, librdkafka's or mistyped ones, whose values are masked. Rather one too many."""

QUERY = re.compile(r"([?#]).*")
USER_INFO = re.compile(r"[^\s,/@]+@")


class SecretStr:
    """A string that shows itself only when asked by name. Not a str, so nothing prints or encodes it by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return MASK


def masked(name: str, value: Any) -> Any:
    """The value of a setting as it may be shown: secrets, also those inside a mapping, are replaced by a mask."""
    if isinstance(value, Struct):
        value = structs.asdict(value)
    if isinstance(value, Mapping):
        return {key: masked(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(name, item) for item in value]
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, str) and name.endswith("url"):
        value = QUERY.sub(rf"\1{MASK}", value)
    elif value is not None and SECRET_NAME.search(name) and not name.endswith("_file"):
        return MASK
    return USER_INFO.sub(f"{MASK}@", value) if isinstance(value, str) else value


def shown(name: str, value: Any) -> str:
    """One line of text for a message: JSON where possible, capped."""
    text = json.dumps(masked(name, value), ensure_ascii=True, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
