"""What a request carries to say who asks, read from its head. Pure: headers in, a credential out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TypeAlias

Headers: TypeAlias = Mapping[str, str]
"""The head of a request; names are found in any case, as every web framework's mapping does."""

MOST_CHARACTERS = 8_192
"""Of a credential. A token of an identity provider has about a thousand."""


def presented(headers: Headers, *, basic: bool = False) -> str | None:
    """The credential of a request: ``Authorization: Bearer`` (RFC 6750), else ``X-API-Key``.

    `basic`: also the password of ``Authorization: Basic`` (RFC 7617), which is how a browser asks a person for one.
    """
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic" if basic:
            return _password(rest.strip())
    return headers.get("X-API-Key")


def _password(encoded: str) -> str:
    """Empty where it is none: then it is nobody's."""
    try:
        return base64.b64decode(encoded[: 2 * MOST_CHARACTERS], validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
